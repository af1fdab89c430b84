"""Whatever is asked, the answer is one the reference describes and never a fault of ours; asked by generated cases."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
import schemathesis
import uvicorn
from hypothesis import settings
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    ignored_auth,
    negative_data_rejection,
)

from services.kit import issuer
from services.ledger.links import Signer
from services.ledger.record.credential import Issuer
from services.ledger.record.keys import IssuerKeys
from services.ledger.record.web import Recorder
from tests.conftest import Database
from tests.integration.ledger_api_rig import (
    EVERY_SCOPE,
    KEY,
    NOW,
    Desk,
    ago,
    routes_alone,
    serving,
    small_company,
)

EXAMPLES_MAX = 12
# Whether tokens are asked for is another test's: this one always sends a good one. Query parameters and headers that
# are not ours are ignored, as is usual; each route, not each path, says which method it allows.
_NOT_HERE = [ignored_auth, negative_data_rejection, allow_header_conformance]
_START_SECONDS_MAX = 60


@dataclass
class Served:
    """The API on a port, with somebody's token and the ids of things that are there."""

    url: str
    headers: dict[str, str]
    known: dict[str, str]


class _Server(threading.Thread):
    """Serves on a loop of its own, so that the tests may ask from theirs."""

    def __init__(self, url: str, folder: Any) -> None:
        super().__init__(daemon=True)
        self._url, self._folder = url, folder
        self.ready, self.entry, self.key, self.port = threading.Event(), UUID(int=0), "", 0
        self._server: uvicorn.Server | None = None

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        address = "http://ledger/records"
        keys = IssuerKeys(["s" * 40], f"{address}/keys")
        recorder = Recorder(Issuer("Larkfield", address), keys, Signer(KEY))
        async with serving(self._url, self._folder, recorder=recorder) as desk:
            self.key = str(keys.public()[0]["kid"]).rsplit("/", 1)[-1]
            self.entry = await _write_down(desk)
            self._server = uvicorn.Server(
                uvicorn.Config(desk.app, port=0, log_config=None, access_log=False, lifespan="off")
            )
            self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
            serving_task = asyncio.create_task(self._server.serve())
            while not self._server.started:
                await asyncio.sleep(0.01)
            self.port = self._server.servers[0].sockets[0].getsockname()[1]
            self.ready.set()
            await serving_task

    def stop(self) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self.join(_START_SECONDS_MAX)


async def _write_down(desk: Desk) -> UUID:
    company = await small_company(desk)
    await company.prefers("ann", "public")
    entry = await company.thanks(
        "ann", "bob", ago(3), words="Thank you.", visibility="public", skills=["python"]
    )
    await company.entry("deed", "ann", ago(9), title="Swept up", size="small", visibility="team")
    await company.entry("deed", "lea", ago(9), title="Swept up", size="small", visibility="team")
    await company.fold()
    await desk.owner.execute("INSERT INTO verification (checked, faults) VALUES (3, 0)")
    return entry


@pytest_asyncio.fixture(scope="module")
async def served(
    lasting_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("issuer")
    url = await lasting_database("ledger")
    server = _Server(url, folder)
    server.start()
    assert await asyncio.to_thread(server.ready.wait, _START_SECONDS_MAX)
    token = issuer.issue(folder, "ann", EVERY_SCOPE, now=NOW)
    known = {"id": "ann", "entry": str(server.entry), "team": "firmware", "key": server.key}
    yield Served(f"http://127.0.0.1:{server.port}", {"authorization": f"Bearer {token}"}, known)
    await asyncio.to_thread(server.stop)


_cases = schemathesis.openapi.from_dict(routes_alone().openapi())


@_cases.parametrize()
@settings(max_examples=EXAMPLES_MAX)
def test_every_answer_is_one_the_reference_describes(case: schemathesis.Case, served: Served) -> None:
    case.call_and_validate(base_url=served.url, headers=served.headers, excluded_checks=_NOT_HERE)
    if case.path_parameters:
        # The same about something that is there.
        case.path_parameters = {name: served.known[name] for name in case.path_parameters}
        # A key that comes with two requests is refused, as it should be.
        case.headers.pop("Idempotency-Key", None)
        answer = case.call(base_url=served.url, headers=served.headers)
        case.validate_response(answer, excluded_checks=_NOT_HERE)


def test_the_cases_reach_what_is_there(served: Served) -> None:
    """Else the test above would hold of an API that answers 404 to everything."""
    path = "/v1/people/{id}/entries/{entry}".format(**served.known)
    assert httpx.get(served.url + path, headers=served.headers).status_code == 200
