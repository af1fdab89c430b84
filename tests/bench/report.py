"""Figures are kept as JSON under `.local/bench`."""

import json
from datetime import UTC, datetime
from typing import Any

from deploy.local.folder import LOCAL_ROOT


def keep(name: str, document: dict[str, Any]) -> None:
    """Write the document, and say where. name: of the benchmark, before the time."""
    folder = LOCAL_ROOT / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(document, indent=1))
    print(f"kept in {path.relative_to(LOCAL_ROOT.parent)}")
