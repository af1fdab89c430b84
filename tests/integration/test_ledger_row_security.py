"""A forgotten WHERE leaks nothing: the reader reads every table whole, as everybody, and finds only what is theirs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.databases import login_url
from services.kit.sql import Connection
from tests.conftest import Database
from tests.integration.ledger_api_rig import NOW, ago
from tests.integration.ledger_read_company import Company

# Everything in the database that can be read from, months and views included, whoever adds it.
_RELATIONS = """
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""
_IDENTIFY = """SELECT set_config('waystone.subject', $1, true), set_config('waystone.scopes', $2, true),
                      set_config('waystone.day', $3, true)"""
# Words of everything that can be seen, and of everything there is, asked for by name.
_ALL_WORDS = """
SELECT words.* FROM readable_words(
    (SELECT array_agg(occurred_at ORDER BY id) FROM history), (SELECT array_agg(employee ORDER BY id) FROM history),
    (SELECT array_agg(id ORDER BY id) FROM history)
) AS words
"""
ALL_SCOPES = "self team ops hr emit"
_EVE_IN_PUBLIC = "UPDATE preference SET celebrate = 3 WHERE employee = 'eve'"
_ANN_TO_ZOE = """UPDATE person SET manager = '{lea,zoe}', manager_since = '{2024-03-01,2026-11-23}'
                 WHERE employee = 'ann'"""
_ANN_BACK_TO_LEA = (
    """UPDATE person SET manager = '{lea}', manager_since = '{2024-03-01}' WHERE employee = 'ann'"""
)


@dataclass
class World:
    """A company in which every text is a word of its own, so that one finds out what of it shows."""

    owner: Connection
    reader: Connection

    async def seen(self, subject: str | None, scopes: str | None) -> str:
        """All the reader finds in whatever it may read, under this identity, as one text."""
        found = []
        async with self.reader.transaction():
            await self.reader.execute(_IDENTIFY, subject, scopes, NOW.date().isoformat())
            for (relation,) in await self.reader.fetch(_RELATIONS):
                try:
                    async with self.reader.transaction():
                        found += [
                            f"{relation} {row}"
                            for row in await self.reader.fetch(f"SELECT * FROM {relation}")
                        ]
                except asyncpg.InsufficientPrivilegeError:
                    continue
            found += [f"words {row}" for row in await self.reader.fetch(_ALL_WORDS)]
        return "\n".join(found)


@pytest_asyncio.fixture(scope="module")
async def world(lasting_database: Database) -> AsyncIterator[World]:
    url = await lasting_database("ledger")
    owner, reader = await asyncpg.connect(url), await asyncpg.connect(login_url(url, "ledger", "reader"))
    await _write_down(Company(owner))
    yield World(owner, reader)
    await owner.close()
    await reader.close()


async def _write_down(company: Company) -> None:
    """Ann and Bob report to Lea; Yan to Zoe; Eve to nobody. Bob was Bob-before, whose record still names Zoe."""
    await company.person("lea", "Name-lea")
    await company.person("ann", "Name-ann", manager="lea")
    await company.person("bob-before", "Name-bob-before", manager="zoe", team="sales")
    await company.person("bob", "Name-bob", manager="lea", formerly=["bob-before"])
    await company.person("zoe", "Name-zoe", team="sales")
    await company.person("yan", "Name-yan", manager="zoe", team="sales")
    await company.person("eve", "Name-eve", team="sales")
    for employee, wish in (("eve", "public"), ("yan", "not-at-all")):
        await company.prefers(employee, wish)
    for who in ("ann", "bob", "bob-before", "yan", "eve", "lea"):
        for circle in ("private", "team", "public"):
            await company.thanks(
                who, "zoe", ago(9), words=f"said-{circle}-to-{who}", visibility=circle, title=who
            )
        await company.entry("deed", who, ago(8), title=f"did-{who}", size="small", visibility="team")
        await company.entry(
            "deed", who, ago(7), title=f"did-private-{who}", size="small", visibility="private"
        )
        await company.entry("growth", who, ago(6), "reflection", title=f"thought-{who}", words=f"note-{who}")
        await company.entry("growth", who, ago(5), "goal-step", title=f"step-{who}", words=f"step-note-{who}")
        await company.entry("growth", who, ago(5), "training", title=f"learnt-{who}")
    await company.thanks("yan", "ann", ago(4), words="ann-said-to-yan", visibility="private")
    hidden = await company.thanks(
        "ann", "bob", ago(3), words="hidden-of-ann", visibility="public", title="hidden-ann"
    )
    await _mark(company, "ann", hidden, hidden=True)
    taken = await company.thanks("eve", "bob", ago(3), words="withdrawn-of-eve", visibility="public")
    await company.withdraw("eve", taken, ago(2))
    disputed = await company.thanks("ann", "zoe", ago(2), words="disputed-of-ann", visibility="team")
    await company.connection.execute(
        """INSERT INTO dispute (employee, entry_id, opened_by, owner, reason, opened_at, due_on)
           VALUES ('ann', $1, 'ann', 'lea', 'reason-of-ann', now(), '2030-01-01'),
                  ('eve', $2, 'eve', NULL, 'reason-of-eve', now(), '2030-01-01'),
                  ('yan', $3, 'yan', 'zoe', 'reason-of-yan', now(), '2020-01-01')""",
        disputed, UUID(int=1), UUID(int=2),
    )  # fmt: skip
    await company.connection.execute(
        "INSERT INTO request_key (subject, key, digest) VALUES ('ann', 'key-of-ann', '')"
    )
    await company.connection.execute(
        "INSERT INTO gap_form (unit, formed_on, members) VALUES ('u', now(), '{ann,yan}')"
    )
    await company.connection.execute(
        """INSERT INTO gap (gap_id, team, metric, employee, opened_at, evidence)
           SELECT gen_random_uuid(), team, 'never-recognised', employee, now(),
               'gap-of-' || coalesce(nullif(employee, ''), team)
           FROM (VALUES ('firmware', 'ann'), ('sales', 'yan'), ('sales', 'eve'), ('firmware', ''), ('sales', ''))
               AS g (team, employee)"""
    )
    await company.connection.execute(
        """INSERT INTO unnoticed_deed (employee, deed_id, cause_source, cause_id, done_at, team, lead, told_at)
           VALUES ('ann', gen_random_uuid(), 's', 'i', now(), 'firmware', 'lea', now())"""
    )
    await company.connection.execute("INSERT INTO gap_pair VALUES (now(), 'ann', 'yan')")
    await company.fold()


async def _mark(company: Company, employee: str, entry: UUID, *, hidden: bool) -> None:
    await company.connection.execute(
        "INSERT INTO entry_mark (employee, entry_id, hidden) VALUES ($1, $2, $3)", employee, entry, hidden
    )


@asynccontextmanager
async def changed(world: World, change: str, back: str) -> AsyncIterator[None]:
    """For a moment the world is otherwise."""
    await world.owner.execute(change)
    try:
        yield
    finally:
        await world.owner.execute(back)


@pytest.mark.parametrize(
    ("subject", "scopes"), [(None, None), ("", ""), (None, ALL_SCOPES), ("", ALL_SCOPES)]
)
async def test_null_and_empty_are_nobody_who_sees_nothing(
    world: World, subject: str | None, scopes: str | None
) -> None:
    assert await world.seen(subject, scopes) == ""


@pytest.mark.parametrize("scopes", [None, "", "emit", "selfish", "SELF"])
async def test_a_subject_without_a_scope_sees_no_person(world: World, scopes: str | None) -> None:
    assert await world.seen("ann", scopes) == ""


async def test_a_connection_on_which_nobody_was_set_sees_nothing(world: World) -> None:
    for (relation,) in await world.reader.fetch(_RELATIONS):
        try:
            assert await world.reader.fetch(f"SELECT * FROM {relation}") == [], relation
        except asyncpg.InsufficientPrivilegeError:
            continue


def others(*employees: str) -> list[str]:
    """What nobody else may see of these people, whatever their wishes."""
    parts = (
        "Name-{}", "said-private-to-{}", "said-team-to-{}", "did-{}", "did-private-{}", "thought-{}", "note-{}",
        "step-{}", "learnt-{}", "reason-of-{}", "gap-of-{}", "employee='{}'",
    )  # fmt: skip
    return [
        part.format(who) for who in employees for part in parts if (who, part) != ("eve", "employee='{}'")
    ]


async def test_everybody_sees_all_of_their_own_and_nothing_of_others(world: World) -> None:
    seen = await world.seen("ann", "self")
    for theirs in (
        "said-private-to-ann",
        "hidden-of-ann",
        "note-ann",
        "did-private-ann",
        "reason-of-ann",
        "Name-ann",
    ):
        assert theirs in seen
    for not_theirs in others("bob", "bob-before", "lea", "eve"):
        assert not_theirs not in seen, not_theirs
    assert "ann-said-to-yan" in seen, "who wrote a private note may read it"
    for not_theirs in set(others("yan")) - {"employee='yan'"}:
        assert not_theirs not in seen, not_theirs


async def test_the_wall_is_for_everybody_and_shows_only_whom_it_may(world: World) -> None:
    seen = await world.seen("lea", "self")
    assert "said-public-to-eve" in seen
    for hidden in ("said-public-to-ann", "said-public-to-yan", "hidden-of-ann", "withdrawn-of-eve"):
        assert hidden not in seen, hidden
    async with changed(world, "UPDATE preference SET celebrate = 2 WHERE employee = 'eve'", _EVE_IN_PUBLIC):
        seen = await world.seen("lea", "self")
    assert "said-public-to-eve" not in seen, "consent is asked for at the moment of reading"


async def test_a_lead_sees_their_team_but_no_private_words_no_notes_and_nothing_hidden(world: World) -> None:
    seen = await world.seen("lea", "team")
    for led in ("ann", "bob", "bob-before"):
        for shown in (f"said-team-to-{led}", f"said-public-to-{led}", f"did-{led}", f"learnt-{led}"):
            assert shown in seen, shown
        for kept in (f"said-private-to-{led}", f"did-private-{led}", f"note-{led}", f"thought-{led}"):
            assert kept not in seen, kept
    for kept in ("hidden-of-ann", "hidden-ann", "entry_mark", *others("yan", "eve"), "Name-zoe"):
        assert kept not in seen, kept
    assert "reason-of-ann" in seen, "a dispute's owner reads it"
    assert {line.split("gap-of-")[1].split("'")[0] for line in seen.splitlines() if "gap-of-" in line} == {
        "ann",
        "firmware",
    }, "open gaps of who is led, and of their team"
    private = "SELECT count(*) FROM history WHERE employee = 'ann' AND visibility = 1 AND kind = 2"
    async with world.reader.transaction():
        await world.reader.execute(_IDENTIFY, "lea", "team", NOW.date().isoformat())
        assert await world.reader.fetchval(private) == 1, "that one came is seen"


async def test_a_lead_sees_no_recognition_of_somebody_who_wants_nobody_told(world: World) -> None:
    assert "did-yan" in await world.seen("zoe", "team")
    async with world.reader.transaction():
        await world.reader.execute(_IDENTIFY, "zoe", "team", NOW.date().isoformat())
        assert await world.reader.fetchval("SELECT count(*) FROM history WHERE kind = 2") == 0


async def test_whoever_led_somebody_s_former_id_leads_nobody_by_it(world: World) -> None:
    seen = await world.seen("zoe", "team")
    for kept in others("bob", "bob-before"):
        assert kept not in seen, kept


async def test_whoever_led_somebody_until_yesterday_sees_nothing_today(world: World) -> None:
    async with changed(world, _ANN_TO_ZOE, _ANN_BACK_TO_LEA):
        seen, to_zoe = await world.seen("lea", "team"), await world.seen("zoe", "team")
    for kept in others("ann"):
        assert kept not in seen, kept
    assert "did-ann" in to_zoe


async def test_ops_sees_no_person(world: World) -> None:
    await world.owner.execute("INSERT INTO gap_day (day) VALUES ('2026-11-23')")
    seen = await world.seen("grafana", "ops")
    assert seen.count("\n") == 0
    assert "gap_day" in seen


async def test_hr_sees_disputes_that_nobody_else_decides_and_no_words_of_history(world: World) -> None:
    seen = await world.seen("hr-desk", "hr")
    assert "reason-of-eve" in seen, "nobody leads Eve"
    assert "reason-of-yan" in seen, "past its day"
    assert "reason-of-ann" not in seen
    assert all("dispute" in line for line in seen.splitlines())


async def test_what_a_lead_is_told_of_somebody_is_not_shown_to_them(world: World) -> None:
    assert "gap-of-" not in await world.seen("ann", "self team")


async def test_what_comes_under_a_former_id_is_one_s_own(world: World) -> None:
    seen = await world.seen("bob", "self")
    for theirs in ("said-private-to-bob-before", "note-bob-before", "said-private-to-bob'"):
        assert theirs in seen, theirs
    assert "Name-ann" not in seen


async def test_an_identity_ends_with_its_transaction(world: World) -> None:
    assert "note-ann" in await world.seen("ann", "self")
    assert await world.reader.fetch("SELECT * FROM history") == []


async def test_a_condition_that_fails_on_what_it_must_not_see_never_meets_it(world: World) -> None:
    """Were conditions tried before policies, an error would tell what is in rows of others."""
    async with world.reader.transaction():
        await world.reader.execute(_IDENTIFY, "ann", "self", NOW.date().isoformat())
        rows = await world.reader.fetch(
            "SELECT employee FROM history WHERE (1 / ('ann' IN (employee, giver) OR employee = 'eve')::integer) = 1"
        )
        assert {row["employee"] for row in rows} <= {"ann", "yan", "eve"}
