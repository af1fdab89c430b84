"""Bad input, in every place of a batch, at every service: a clear code, nothing lost, the good records applied."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from schemas.registry import BY_NAME
from services.ledger import links
from tests.e2e.bad_records import DEED, ENTRY, PLACES, Raw, bad_records, good
from tests.e2e.conftest import PAGE_KEY, Home
from tests.e2e.talk import dead_letters, eventually, fetch, mails_to, person, send

pytestmark = pytest.mark.timeout(240)


async def put(home: Home, topic: str, record: Raw) -> None:
    await home.producer.send(topic, record.value, key=record.key, headers=record.headers, partition=3)


@pytest.mark.parametrize(
    ("name", "body", "services"),
    [("achievement", DEED, ["recognition"]), ("deed", ENTRY, ["ledger", "notifier"])],
    ids=["recognition", "ledger and notifier"],
)
async def test_each_bad_record_gets_its_code_and_the_good_ones_around_it_are_stored(
    home: Home, name: str, body: dict[str, Any], services: list[str]
) -> None:
    if name == "achievement":
        await send(home, "person", person("e-bad", "Sam Rivers", "imports"))
    topic = BY_NAME[name].topic
    before = {service: len(await dead_letters(home, service)) for service in services}
    known = {service: await _outcomes(home, service, topic) for service in services}
    expected: Counter[str] = Counter()
    fine = 0
    for places in PLACES.values():
        for code, record in bad_records(name, body).values():
            for is_good in places:
                await put(home, topic, good(name, body) if is_good else record)
                fine += is_good
            expected[code] += places.count(False)
    await home.producer.flush()
    for service in services:

        async def settled(service: str = service) -> object:
            outcomes = await _outcomes(home, service, topic) - known[service]
            return outcomes.total() >= fine + expected.total() and outcomes

        outcomes = await eventually(settled, f"{service} has an outcome for every record")
        assert outcomes["rejected"] == expected.total()
        assert outcomes["ignored" if service == "notifier" else "applied"] == fine

        async def lettered(service: str = service) -> object:
            letters = (await dead_letters(home, service))[before[service] :]
            return len(letters) >= expected.total() and letters

        letters = await eventually(lettered, f"{service}'s dead letters")
        found = Counter(dict(letter.headers)["dlq_code"].decode() for letter in letters)
        assert found == expected
        assert not any(b"Traceback" in (value or b"") for letter in letters for _, value in letter.headers)


async def _outcomes(home: Home, service: str, topic: str) -> Counter[str]:
    query = "".join(
        f"SELECT '{outcome}' AS outcome, coalesce(sum(upper(r) - lower(r)), 0)::int AS records "
        f"FROM batch, unnest({outcome}) AS r WHERE topic = $1 {'UNION ALL ' if outcome != 'ignored' else ''}"
        for outcome in ("applied", "rejected", "duplicate", "parked", "ignored")
    )
    return Counter({row["outcome"]: row["records"] for row in await fetch(home, service, query, topic)})


async def test_rules_refuse_with_codes_of_their_own(home: Home) -> None:
    await send(home, "person", person("e-ivy", "Ivy Kato", "imports"))
    gone = person("e-jon", "Jon Weiss", "imports")
    gone["statuses"].append({"since": "2024-06-01", "status": "left"})
    await send(home, "person", gone)
    await send(home, "person", person("e-kim", "Kim Adeyemi", "imports"))
    await send(home, "erasure", {"employee": "e-kim"})

    async def erased() -> object:
        return await fetch(home, "recognition", "SELECT 1 FROM person WHERE employee = 'e-kim' AND erased")

    await eventually(erased, "the erasure is known")
    before = len(await dead_letters(home, "recognition"))
    same = await send(
        home, "achievement", {"employee": "e-ivy", "title": "One", "basis": "both", "size": "small"}
    )
    await send(
        home, "achievement", {"employee": "e-ivy", "title": "Two", "basis": "both", "size": "small"}, id_=same
    )
    await send(home, "thank-you-note", {"from": "e-ivy", "to": ["e-ivy"], "deed": "Well done, me."})
    await send(home, "thank-you-note", {"from": "e-ivy", "to": ["e-jon"], "deed": "Thanks."})
    await send(home, "thank-you-note", {"from": "e-ivy", "to": ["e-kim"], "deed": "Thanks."})

    async def lettered() -> object:
        letters = (await dead_letters(home, "recognition"))[before:]
        return len(letters) >= 4 and {dict(letter.headers)["dlq_code"].decode() for letter in letters}

    assert await eventually(lettered, "dead letters") == {
        "ID_CONFLICT",
        "RULE_SELF_RECOGNITION",
        "RULE_PERSON_LEFT",
        "RULE_PERSON_ERASED",
    }


async def test_hostile_text_is_accepted_and_shown_inert(home: Home) -> None:
    hostile = (
        "<script>alert(1)</script> javascript:alert(1) <!channel> @everyone <http://evil.example|bank> "
        "Subject: x\r\nBcc: victim@example.invalid\r\n =?utf-8?q?=0ABcc:?= {{7*7}} \x1b[31m '; DROP TABLE entry; --"
    )
    await send(home, "person", person("e-mia", "Mia\r\nBcc: victim@example.invalid", "imports"))
    await send(home, "person", person("e-ned", "Ned <b>Stone</b>", "imports"))
    await send(home, "thank-you-note", {"from": "e-mia", "to": ["e-ned"], "deed": hostile})
    [mail] = await eventually(lambda: mails_to(home, "e-ned@"), "a mail")
    async with httpx.AsyncClient(follow_redirects=True) as client:
        source = (await client.get(f"{home.house.mailbox.http_url}/mails/{mail['id']}/source")).text
        head = source.split("\n\n")[0].split("\r\n\r\n")[0]
        assert "bcc:" not in [line.split(" ")[0].lower() for line in head.splitlines()]
        assert "<script>alert" not in source.replace("=\n", "").split("text/html")[1]
        link = links.sign(home.house["ledger"].http_url, "e-ned", PAGE_KEY, datetime.now(UTC))

        async def shown() -> object:
            page = (await client.get(link)).text
            return "alert(1)" in page and page

        page = await eventually(shown, "the note is on the page")
        assert "<script>alert" not in page
        assert "{{7*7}}" in page
        assert "Ned <b>" not in page
