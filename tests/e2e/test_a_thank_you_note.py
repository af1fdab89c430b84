"""From an event to a mail in the mailbox, a history and a page: the line that everything else hangs on."""

from datetime import UTC, datetime

import httpx
import pytest

from services.ledger import links
from tests.e2e.conftest import PAGE_KEY, Home
from tests.e2e.talk import SOURCE, at_rest, eventually, fetch, mails_to, person, send

pytestmark = pytest.mark.timeout(180)
REPLAYED = ("notifier", "ledger")
OUTCOMES = """
    SELECT coalesce(sum(upper(r) - lower(r)) FILTER (WHERE o.outcome = 'applied'), 0) AS applied,
        coalesce(sum(upper(r) - lower(r)) FILTER (WHERE o.outcome = 'duplicate'), 0) AS duplicate
    FROM batch AS b
    CROSS JOIN LATERAL (VALUES ('applied', b.applied), ('duplicate', b.duplicate)) AS o (outcome, offsets)
    CROSS JOIN LATERAL unnest(o.offsets) AS r
    WHERE b.topic = 'recognition.entries.v1'
"""
WORDS = "You stayed until the import ran through, and then you wrote down how. I slept that night."


async def test_thanks_reach_the_mailbox_the_history_and_the_page(home: Home) -> None:
    await send(home, "person", person("e-ada", "Ada Osei", "imports", "e-lea"))
    await send(home, "person", person("e-bo", "Bo Lindqvist", "imports", "e-lea"))
    await send(home, "person", person("e-lea", "Lea Haddad", "imports"))
    deed = await send(
        home,
        "achievement",
        {"employee": "e-ada", "title": "Nightly import mended", "basis": "effort", "size": "small"},
    )
    await send(
        home,
        "thank-you-note",
        {"from": "e-bo", "to": ["e-ada"], "deed": WORDS, "about": {"source": SOURCE, "id": deed}},
    )

    [mail] = await eventually(lambda: mails_to(home, "e-ada@"), "a mail")
    assert mail["subject"] == "Bo Lindqvist thanked you"

    url = home.house["ledger"].http_url
    async with httpx.AsyncClient(base_url=url) as client:
        source = (await client.get(f"{home.house.mailbox.http_url}/mails/{mail['id']}/source")).text
        assert "I slept that night" in source.replace("=\r\n", "").replace("=\n", "")

        async def history() -> list[dict[str, object]]:
            answer = await client.get("/v1/people/e-ada/history", headers=home.token("e-ada", "self"))
            assert answer.status_code == 200, answer.text
            entries = answer.json()["entries"]
            return list(entries) if len(entries) == 2 else []

        entries = await eventually(history, "both entries")
        assert {entry["kind"] for entry in entries} == {"deed", "recognition"}
        assert WORDS in str(entries)

        assert (await client.get("/v1/people/e-ada/history")).status_code == 401
        assert (
            await client.get("/v1/people/e-ada/history", headers=home.token("e-bo", "self"))
        ).status_code == 404
        as_lead = await client.get("/v1/people/e-ada/history", headers=home.token("e-lea", "team"))
        assert as_lead.status_code == 200
        assert WORDS not in as_lead.text, "a lead sees that a private note came, not what it says"

        assert (await client.get("/people/e-ada")).status_code in (401, 403)
        link = links.sign(url, "e-ada", PAGE_KEY, datetime.now(UTC))
        page = await client.get(link, follow_redirects=True)
        assert page.status_code == 200
        assert "Bo Lindqvist" in page.text
        assert "I slept that night" in page.text

    [row] = await fetch(home, "ledger", "SELECT answered_at FROM deed WHERE employee = 'e-ada'")
    assert row["answered_at"] is not None


async def test_somebody_the_directory_does_not_know_yet_is_told_once_it_does(home: Home) -> None:
    await send(home, "person", person("e-dee", "Dee Novak", "imports"))
    await send(
        home,
        "thank-you-note",
        {"from": "e-dee", "to": ["e-new"], "deed": "Welcome, and thank you for asking."},
    )

    async def parked() -> object:
        return await fetch(home, "recognition", "SELECT 1 FROM parked WHERE recipient = 'e-new'")

    await eventually(parked, "the note is parked")
    assert await mails_to(home, "e-new@") == []
    await send(home, "person", person("e-new", "Noor Amari", "imports"))
    assert len(await eventually(lambda: mails_to(home, "e-new@"), "a mail")) == 1


async def test_a_withdrawn_note_counts_no_more_and_stays_in_the_history(home: Home) -> None:
    await send(home, "person", person("e-eve", "Eve Tamm", "imports"))
    await send(home, "person", person("e-fay", "Fay Brandt", "imports"))
    note = await send(
        home, "thank-you-note", {"from": "e-eve", "to": ["e-fay"], "deed": "Thank you for the map."}
    )
    await eventually(lambda: mails_to(home, "e-fay@"), "a mail")
    await send(
        home, "withdrawal", {"of": {"source": SOURCE, "id": note}, "by": "e-eve", "reason": "wrong person"}
    )

    async def received() -> object:
        rows = await fetch(home, "ledger", "SELECT received_count FROM standing WHERE employee = 'e-fay'")
        return rows and rows[0]["received_count"] == 0

    await eventually(received, "the count is back at zero")
    [row] = await fetch(home, "ledger", "SELECT count(*) AS entries FROM entry WHERE employee = 'e-fay'")
    assert row["entries"] == 2


async def test_replaying_the_topic_from_zero_tells_nobody_twice(home: Home) -> None:
    await send(home, "person", person("e-gus", "Gus Moreau", "imports"))
    await send(home, "person", person("e-hal", "Hal Ito", "imports"))
    await send(
        home, "thank-you-note", {"from": "e-gus", "to": ["e-hal"], "deed": "Thank you for the ladder."}
    )
    await eventually(lambda: mails_to(home, "e-hal@"), "a mail")
    await eventually(lambda: at_rest(home), "everything is read and told")
    async with httpx.AsyncClient(base_url=home.house.mailbox.http_url) as client:
        before = (await client.get("/api/count")).json()["mails_received"]
        for service in REPLAYED:
            await home.house[service].kill()
            await rewind(home, service)
        assert not await at_rest(home)
        for service in REPLAYED:
            await home.house[service].start()
        await eventually(lambda: at_rest(home), "everything is read again, and nothing is due")
        assert (await client.get("/api/count")).json()["mails_received"] == before
    for service in REPLAYED:
        [row] = await fetch(home, service, OUTCOMES)
        assert (row["applied"], row["duplicate"] > 0) == (0, True)
    [row] = await fetch(
        home,
        "ledger",
        "SELECT count(*) AS entries, count(DISTINCT id) AS ids FROM entry WHERE employee = 'e-hal'",
    )
    assert row["entries"] == row["ids"] == 1
    for service in REPLAYED:
        await home.house[service].kill()
        await put_back(home, service)
        await home.house[service].start()


async def test_a_service_told_to_stop_drains_and_ends_with_zero(home: Home) -> None:
    assert await home.house["recognition"].stop() == 0
    await home.house["recognition"].start()


KEPT = {"notifier": ("batch",), "ledger": ("batch", "batch_proof")}
"""What each keeps of how far it has read, beside its positions."""


async def rewind(home: Home, service: str) -> None:
    """As if it had read nothing yet, with all that follows from it there. Kept aside to be put back."""
    await fetch(home, service, "CREATE TABLE kept_position AS TABLE consumer_position")
    await fetch(home, service, "UPDATE consumer_position SET next_offset = first_offset")
    for table in KEPT[service]:
        await fetch(home, service, f"CREATE TABLE kept_{table} AS TABLE {table}")
        await fill(home, service, table, "")


async def put_back(home: Home, service: str) -> None:
    """The account of how it was really read, for whoever verifies it afterwards."""
    await fetch(
        home,
        service,
        "UPDATE consumer_position AS p SET next_offset = k.next_offset FROM kept_position AS k"
        " WHERE k.topic = p.topic AND k.partition = p.partition",
    )
    for table in KEPT[service]:
        await fill(home, service, table, f"INSERT INTO {table} TABLE kept_{table}")
        await fetch(home, service, f"DROP TABLE kept_{table}")
    await fetch(home, service, "DROP TABLE kept_position")


async def fill(home: Home, service: str, table: str, statement: str) -> None:
    """Empty a table that is append-only, then run a statement."""
    await fetch(home, service, f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    await fetch(home, service, f"TRUNCATE {table}")
    if statement:
        await fetch(home, service, statement)
    await fetch(home, service, f"ALTER TABLE {table} ENABLE TRIGGER ALL")
