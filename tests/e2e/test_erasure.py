"""From HR's request to the receipt, through the real processes: no word is left in a table, a log line or a page."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest

from services.cli.servers import SERVICES
from services.ledger import links
from tests.canaries import tables_with
from tests.e2e.conftest import PAGE_KEY, Home
from tests.e2e.talk import eventually, person, send

pytestmark = pytest.mark.timeout(240)
CANARY = "Karwendelgrube"
WHO, FORMER, GIVER = "e-ines", "c-ines", "e-jo"


async def places(home: Home) -> dict[str, list[str]]:
    """Tables that hold the canary, by service."""
    found = {}
    for service in SERVICES:
        connection = await asyncpg.connect(home.stack.database_url(service))
        found[service] = await tables_with(connection, CANARY)
        await connection.close()
    return found


async def test_an_erased_person_is_gone_from_tables_logs_and_pages_and_the_receipt_says_so(
    home: Home,
) -> None:
    await send(home, "person", person(GIVER, "Jo Ekwall", "imports"))
    await send(home, "person", person(FORMER, f"Ines {CANARY}", "imports"))
    await send(home, "person", {**person(WHO, f"Ines {CANARY}", "imports"), "formerly": [FORMER]})
    for employee in (WHO, FORMER):
        body = {
            "from": GIVER,
            "to": [employee],
            "deed": f"say {CANARY}",
            "impact": CANARY,
            "visibility": "team",
        }
        await send(home, "thank-you-note", body)
    await send(home, "thank-you-note", {"from": WHO, "to": ["e-unknown-to-all"], "deed": CANARY})

    async def known_everywhere() -> bool:
        found = await places(home)
        return all(found.values()) and "parked" in found["recognition"]

    await eventually(known_everywhere, "the words are in every service")
    url = home.house["ledger"].http_url
    now = datetime.now(UTC)
    record = links.sign_record(url, WHO, "team", PAGE_KEY, now, 30)
    async with httpx.AsyncClient(base_url=url) as client:
        opened = await client.get(record)
        assert (opened.status_code, CANARY in opened.text) == (200, True)
        hr = home.token("hr-1", "hr")
        asked = await client.post(f"/v1/people/{WHO}/erasure", headers=hr, json={"request": "case-7"})
        assert asked.status_code == 202, asked.text

        async def complete() -> Any:
            answer = await client.get(f"/v1/people/{WHO}/erasure", headers=hr)
            return answer.status_code == 200 and answer.json()["complete"] and answer.json()

        receipt = await eventually(complete, "all three have reported, of both ids, within a minute")
        assert receipt["former_ids"] == [FORMER]
        assert receipt["last_day"] > now.date().isoformat()
        assert await places(home) == {service: [] for service in SERVICES}

        for service in SERVICES:
            log = home.house[service].log.read_text(errors="replace")
            assert CANARY not in log, service
        page = await client.get(links.sign(url, WHO, PAGE_KEY, now), follow_redirects=True)
        history = await client.get(f"/v1/people/{WHO}/history", headers=home.token(WHO, "self"))
        assert CANARY not in page.text + history.text
        assert (await client.get(record)).status_code == 404
