"""`waystone export`: nothing about a person is left out, in any table of the three services."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from services.cli.__main__ import run
from services.cli.export.gather import SECTIONS
from services.cli.servers import SERVICES
from tests.conftest import Database

ADA, BEFORE = "e-ada", "o-ada"
# Columns that name a person, by themselves or among others. A new table with one of these must be in the export.
_NAMES_A_PERSON = re.compile(
    r"employee|(^|_)(giver|lead|manager|owner|person|recipient|subject|reader)$|mentions|waits_for|accepted_by"
    r"|helped_by|members|formerly|raised_by|disputed_by"
)
_COLUMNS = """
SELECT c.relname AS table, a.attname AS column
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
    AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN ('text'::regtype, 'text[]'::regtype)
"""
_MARKED = "00000000-0000-8000-8000-00000000feed"
_ENTRY, _GIVEN_ENTRY = "01a124d7-cd00-8000-8000-000000000001", "01a124d7-cd00-8000-8000-000000000002"


def canary(service: str, table: str, column: str) -> str:
    return f"canary-{service}-{table}-{column}"


def _record(service: str, table: str) -> str:
    body = json.dumps({"deed": canary(service, table, "record"), "from": ADA}).encode()
    packed = msgspec.msgpack.encode(
        ("t", 0, 0, 0, b"k", body, [("ce_id", canary(service, table, "header").encode())])
    )
    return f"decode('{packed.hex()}', 'hex')"


def _aside(service: str) -> str:
    value = json.dumps({"to": [ADA], "deed": canary(service, "outbox_aside", "value")})
    return f"""INSERT INTO outbox_aside (topic, key, value, headers, code)
        VALUES ('{canary(service, "outbox_aside", "topic")}', 'k', convert_to('{value}', 'UTF8'), '', 'TOO_LARGE')"""


def _entry(id_: str, employee: str, giver: str, mark: str) -> Iterator[str]:
    at = f"id_time('{id_}')"
    names = (
        "cause_source cause_id goal value award_grant answers_source answers_id skills accepted_by helped_by"
    )
    text = {name: canary("ledger", "entry", name) for name in names.split()}
    yield f"""INSERT INTO entry (occurred_at, log_offset, log_partition, kind, subkind, by, basis, size, visibility,
        giver_is_manager, lead, stretch, id, employee, cause_source, cause_id, digest, words_digest,
        giver, accepted_by, goal, value, answers_source, answers_id, award_grant, skills, helped_by)
        VALUES ({at}, 1, 0, 2, 21, 1, 1, 1, 1, false, false, false, '{id_}', '{employee}', '{text["cause_source"]}',
        '{text["cause_id"]}', '', '', '{giver}', '{text["accepted_by"]}', '{text["goal"]}', '{text["value"]}',
        '{text["answers_source"]}', '{text["answers_id"]}', '{text["award_grant"]}', ARRAY['{text["skills"]}'],
        ARRAY['{text["helped_by"]}'])"""
    words = {name: canary("ledger", mark, name) for name in ("title", "words", "impact", "links", "lines")}
    yield f"""INSERT INTO words (occurred_at, entry_id, employee, salt, title, words, impact, links, lines)
        VALUES ({at}, '{id_}', '{employee}', '', '{words["title"]}', '{words["words"]}', '{words["impact"]}',
        ARRAY['{words["links"]}'], '["{words["lines"]}"]')"""


def _recognition() -> Iterator[str]:
    c = lambda table, column: canary("recognition", table, column)  # noqa: E731 - shortens what follows
    yield f"""INSERT INTO person (employee, periods, record_time, record_id, formerly, wishes_time, wishes_id)
        VALUES ('{ADA}', '"{c("person", "periods")}"', now(), '{c("person", "record_id")}', ARRAY['{BEFORE}'], now(),
        '{c("person", "wishes_id")}')"""
    yield f"INSERT INTO skill VALUES ('{BEFORE}', '{c('skill', 'skill')}')"
    yield f"""INSERT INTO parked (source, id, recipient, waits_for, mentions, record, parked_at)
        VALUES ('{c("parked", "source")}', '{c("parked", "id")}', '{c("parked", "recipient")}',
        '{c("parked", "waits_for")}', ARRAY['{ADA}', '{c("parked", "mentions")}'],
        {_record("recognition", "parked")}, now())"""
    yield f"""INSERT INTO awaiting (of_source, of_id, source, id, by_employee, record)
        VALUES ('{c("awaiting", "of_source")}', '{c("awaiting", "of_id")}', '{c("awaiting", "source")}',
        '{c("awaiting", "id")}', '{ADA}', {_record("recognition", "awaiting")})"""
    yield f"""INSERT INTO emitted VALUES ('{c("emitted", "source")}', '{c("emitted", "id")}', '{_ENTRY}', '{ADA}',
        '{c("emitted", "type_name")}')"""
    yield _aside("recognition")


def _ledger() -> Iterator[str]:
    c = lambda table, column: canary("ledger", table, column)  # noqa: E731 - shortens what follows
    yield f"SELECT make_month(date_trunc('month', id_time('{_ENTRY}') AT TIME ZONE 'UTC')::date)"
    yield "SELECT make_month('2026-11-01')"
    yield f"""INSERT INTO person VALUES ('{ADA}', now(), '{c("person", "event_id")}', '', '{c("person", "name")}',
        '{c("person", "timezone")}', '{c("person", "language")}', ARRAY['{BEFORE}'], ARRAY['2024-01-01'::date],
        ARRAY['{c("person", "team")}'], ARRAY['2024-01-01'::date], ARRAY['{c("person", "manager")}'],
        ARRAY['2024-01-01'::date], ARRAY['{c("person", "status")}'])"""
    yield f"""INSERT INTO person VALUES ('{c("led", "employee")}', now(), 'x', '', 'x', 'UTC', 'en', '{{}}',
        ARRAY['2024-01-01'::date], ARRAY['x'], ARRAY['2024-01-01'::date], ARRAY['{ADA}'], ARRAY['2024-01-01'::date],
        ARRAY['active'])"""
    yield f"INSERT INTO preference VALUES ('{ADA}', now(), '{c('preference', 'event_id')}', 2)"
    yield from _entry(_ENTRY, ADA, c("entry", "giver"), "words")
    yield from _entry(_GIVEN_ENTRY, c("given", "recipient"), BEFORE, "given")
    yield f"INSERT INTO standing (employee, received_count) VALUES ('{ADA}', 424242)"
    yield f"INSERT INTO recognition_day VALUES ('{ADA}', '2026-11-01', 434343, 0, 0, 0, 0, 0)"
    yield f"INSERT INTO deed VALUES ('{ADA}', '{c('deed', 'cause_source')}', '{c('deed', 'cause_id')}')"
    yield f"INSERT INTO withdrawal VALUES ('{ADA}', '00000000-0000-8000-8000-00000000cafe')"
    yield f"INSERT INTO gap_form VALUES ('{c('gap_form', 'unit')}', '2026-01-01', NULL, ARRAY['x', '{ADA}'])"
    yield f"INSERT INTO gap_pair VALUES ('2026-11-01', '{c('gap_pair', 'giver')}', '{ADA}')"
    yield f"""INSERT INTO gap VALUES ('00000000-0000-8000-8000-00000000dead', '{c("gap", "team")}',
        '{c("gap", "metric")}', '{ADA}', now(), '{c("gap", "evidence")}')"""
    yield f"""INSERT INTO unnoticed_deed VALUES ('{ADA}', '{_ENTRY}', '{c("unnoticed_deed", "cause_source")}',
        '{c("unnoticed_deed", "cause_id")}', now(), '{c("unnoticed_deed", "team")}',
        '{c("unnoticed_deed", "lead")}', now())"""
    yield f"""INSERT INTO unnoticed_deed VALUES ('x', '{_ENTRY}', 'x', 'x', now(), '{c("led_unnoticed", "team")}',
        '{ADA}', now())"""
    yield f"INSERT INTO removal VALUES ('{BEFORE}', 'person', '2001-02-04')"
    yield "INSERT INTO archived_month (first) VALUES ('2019-01-01')"
    yield f"""INSERT INTO archived_standing (first, employee, received_count, given_count, deed_count, withdrawal_count)
        VALUES ('2019-01-01', '{ADA}', 454545, 0, 0, 0)"""
    yield f"""INSERT INTO archived_deed (first, employee, cause_source, cause_id) VALUES ('2019-01-01', '{ADA}',
        '{c("archived_deed", "cause_source")}', '{c("archived_deed", "cause_id")}')"""
    yield f"""INSERT INTO archived_giving VALUES ('2019-01-01', '{ADA}', '{c("archived_giving", "recipient")}',
        '00000000-0000-8000-8000-00000000f00d', '2019-01-02')"""
    yield "SELECT make_month('2019-01-01')"
    yield f"""INSERT INTO words (occurred_at, entry_id, employee, salt, title) VALUES ('2019-01-02',
        '00000000-0000-8000-8000-00000000abba', '{ADA}', '', '{c("archived_words", "title")}')"""
    yield f"INSERT INTO entry_mark (employee, entry_id, hidden) VALUES ('{ADA}', '{_MARKED}', true)"
    yield f"""INSERT INTO dispute (employee, entry_id, opened_by, owner, reason, opened_at, due_on, decided_at,
        decided_by, accepted, answer) VALUES ('{ADA}', '{_ENTRY}', '{BEFORE}', '{c("dispute", "owner")}',
        '{c("dispute", "reason")}', now(), '2026-12-01', now(), '{c("dispute", "decided_by")}', true,
        '{c("dispute", "answer")}')"""
    yield f"""INSERT INTO dispute (employee, entry_id, opened_by, owner, reason, opened_at, due_on, decided_at,
        decided_by, accepted, answer) VALUES ('x', '{_ENTRY}', 'x', '{ADA}', 'x', now(), '2026-12-01', now(),
        '{ADA}', true, '{c("dispute_owned", "answer")}')"""
    yield f"INSERT INTO request_key (subject, key, digest) VALUES ('{ADA}', '{c('request_key', 'key')}', '')"
    yield f"""INSERT INTO erasure (employee, requested_at, scope, formerly)
        VALUES ('{BEFORE}', now(), 1, ARRAY['oo-ada'])"""
    yield f"""INSERT INTO erasure_report VALUES ('{BEFORE}', 'notifier', '{c("erasure_report", "erasure_source")}',
        '{c("erasure_report", "erasure_id")}', 1, now(), '{{"{c("erasure_report", "gone")}": 1}}', '{{}}', '2026-12-01',
        '2026-12-02')"""
    yield _aside("ledger")


def _notifier() -> Iterator[str]:
    c = lambda table, column: canary("notifier", table, column)  # noqa: E731 - shortens what follows
    body = json.dumps({"name": c("person", "body"), "formerly": [BEFORE]})
    yield f"INSERT INTO person VALUES ('{ADA}', now(), '{c('person', 'event_id')}', '{body}', NULL)"
    yield f"""INSERT INTO preference VALUES ('{ADA}', now(), '{c("preference", "event_id")}', 1,
        '{json.dumps({"x": c("preference", "body")})}')"""
    yield f"""INSERT INTO message (id, employee, channel, due_at, made_at)
        VALUES ('{_ENTRY}', '{ADA}', 'email', now(), '2001-02-03')"""
    yield f"INSERT INTO attempt VALUES ('{_ENTRY}', 1, now(), now(), 'temporary', '{c('attempt', 'code')}')"
    for id_, employee, giver, mark in ((_ENTRY, ADA, c("intent", "giver"), "intent"),
                                       (_GIVEN_ENTRY, c("given", "recipient"), ADA, "given")):  # fmt: skip
        yield f"""INSERT INTO intent (recognition, employee, award_grant, giver, occurred_at, correlation, body, digest,
            due_at, arrived_at) VALUES ('{id_}', '{employee}', '{c("intent", "award_grant")}', '{giver}', now(),
            '{c("intent", "correlation")}', '{json.dumps({"words": c(mark, "body")})}', '', now(), now())"""
    yield f"INSERT INTO told VALUES ('00000000-0000-8000-8000-00000000beef', '{ADA}')"
    yield _aside("notifier")


_PLANTED = {"recognition": _recognition, "ledger": _ledger, "notifier": _notifier}


@pytest_asyncio.fixture
async def urls(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, str]]:
    """Three databases with something about Ada, under one of her ids, in every column that can hold it."""
    found = {service: await database(service) for service in SERVICES}
    for service, url in found.items():
        monkeypatch.setenv(f"{service.upper()}_DATABASE_URL", url)
        connection = await asyncpg.connect(url)
        for statement in _PLANTED[service]():
            await connection.execute(statement)
        await connection.close()
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "unused:1")
    yield found


class Text(HTMLParser):
    """The text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(page)

    def handle_data(self, data: str) -> None:
        """Of the parser."""
        self.text += data


async def test_everything_planted_is_in_both_files(
    urls: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(run, ["export", ADA, "--out", str(tmp_path / "out")]) == 0
    files = [Path(line) for line in capsys.readouterr().out.split()]
    assert [oct(file.stat().st_mode & 0o777) for file in files] == ["0o600"] * 2
    found: Any = json.loads(files[0].read_text())
    assert found["ids"] == [ADA, BEFORE, "oo-ada"]
    planted = {
        mark
        for service in SERVICES
        for s in _PLANTED[service]()
        for mark in re.findall(r"canary-[a-z_-]+", s)
    }
    planted |= {
        canary("recognition", table, column)
        for table in ("parked", "awaiting")
        for column in ("record", "header")
    }
    planted |= {"424242", "434343", "454545", "2001-02-03", "2001-02-04"}
    planted |= {f"00000000-0000-8000-8000-00000000{end}" for end in ("cafe", "beef", "dead", "f00d", "feed")}
    assert len(planted) > 70
    as_json, as_page = files[0].read_text(), Text(files[1].read_text()).text
    assert {mark for mark in planted if mark not in as_json} == set()
    spoken = as_page.replace("_", " ")
    assert {mark for mark in planted if mark.replace("_", " ") not in spoken} == set()


async def test_a_table_that_names_a_person_is_in_the_export(urls: dict[str, str]) -> None:
    """Fails for a new table or column until the export (and the erasure) knows it."""
    missing = []
    for service, url in urls.items():
        covered = {table for section in SECTIONS if section.service == service for table in section.covers}
        connection = await asyncpg.connect(url)
        missing += [
            f"{service}.{row['table']}.{row['column']}"
            for row in await connection.fetch(_COLUMNS)
            if _NAMES_A_PERSON.search(row["column"]) and row["table"] not in covered
        ]
        await connection.close()
    assert missing == []


async def test_hostile_text_is_shown_inert(urls: dict[str, str], tmp_path: Path) -> None:
    connection = await asyncpg.connect(urls["ledger"])
    await connection.execute("UPDATE words SET title = $1", "<script>alert(1)</script>{{7*7}}")
    await connection.close()
    assert await asyncio.to_thread(run, ["export", ADA, "--out", str(tmp_path)]) == 0
    page = (tmp_path / "export.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page


async def test_of_somebody_unknown_nothing_is_held(urls: dict[str, str], tmp_path: Path) -> None:
    assert await asyncio.to_thread(run, ["export", "e-nobody", "--out", str(tmp_path)]) == 1
    assert "nothing" in (tmp_path / "export.html").read_text()


async def test_other_people_are_not_in_it(urls: dict[str, str], tmp_path: Path) -> None:
    connection = await asyncpg.connect(urls["notifier"])
    await connection.execute(
        "INSERT INTO person VALUES ('e-adam', now(), 'x', '{\"name\": \"Somebody else\"}', NULL)"
    )
    await connection.close()
    assert await asyncio.to_thread(run, ["export", ADA, "--out", str(tmp_path)]) == 0
    assert "Somebody else" not in (tmp_path / "export.json").read_text()
