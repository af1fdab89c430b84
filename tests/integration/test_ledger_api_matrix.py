"""Role × endpoint × object: who may ask what about whom, in one table; and no identity stays on a connection."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import product
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from tests.conftest import Database
from tests.integration.ledger_api_rig import (
    EVERY_SCOPE,
    Client,
    Desk,
    ago,
    routes_alone,
    serving,
    small_company,
)

# Who asks: a subject, and every scope but those in question, so that a route that asks for a wrong one is found out.
ANN, LEA, ZOE = ("ann", ("self",)), ("lea", ("team",)), ("zoe", ("self", "team"))
ASKERS = {
    "self": ANN,
    "lead": LEA,
    "colleague": ("bob", ("self", "team")),
    "lead elsewhere": ZOE,
    "ops": ("grafana", ("ops",)),
    "hr": ("hr-desk", ("hr",)),
    "self without scope": ("ann", ("team", "ops", "hr", "emit")),
    "lead without scope": ("lea", ("self", "ops", "hr", "emit")),
    "sender": ("ci", ("emit",)),
}
_NO = dict.fromkeys(ASKERS, 404)
_SCOPE = dict.fromkeys(ASKERS, 403)
_BOTH = _NO | {"self": 200, "lead": 200}
# Endpoint → what each asker gets. {ann} and {private} are entries of Ann's, {yan} one of another team's.
GETS = {
    "/v1/people/ann/history": _BOTH,
    "/v1/people/ann/entries/{ann}": _BOTH,
    "/v1/people/ann/entries/{private}": _BOTH,
    "/v1/people/ann/standing": _BOTH,
    "/v1/people/ann/entries/{yan}": _NO,
    "/v1/people/yan/entries/{ann}": _NO,
    "/v1/people/yan/history": _NO | {"lead elsewhere": 200},
    "/v1/people/yan/standing": _NO | {"lead elsewhere": 200},
    "/v1/people/nobody/history": _NO,
    "/v1/people/nobody/standing": _NO,
    "/v1/people/ann/entries/{ann}/dispute": _NO,
    "/v1/people/ann/entries/{disputed}/dispute": _BOTH,
    "/v1/wall": _SCOPE | {"self": 200, "colleague": 200, "lead elsewhere": 200, "lead without scope": 200},
    "/v1/deeds/waiting": _SCOPE
    | {"self": 200, "colleague": 200, "lead elsewhere": 200, "lead without scope": 200},
    "/v1/deeds/waiting?of=team": _SCOPE
    | {"lead": 200, "colleague": 200, "lead elsewhere": 200, "self without scope": 200},
    "/v1/disputes": _SCOPE
    | dict.fromkeys(
        ("lead", "colleague", "lead elsewhere", "hr", "self without scope", "lead without scope"), 200
    ),
    "/v1/teams/firmware/gaps": _NO | {"lead": 200},
    "/v1/teams/sales/gaps": _NO | {"lead elsewhere": 200},
    "/v1/teams/nowhere/gaps": _NO,
    "/v1/gaps": _SCOPE
    | {"ops": 200, "self without scope": 200, "lead without scope": 200},
    "/v1/verification": dict.fromkeys(ASKERS, 200),
    "/v1/people/ann/export": _NO
    | dict.fromkeys(("self", "hr", "self without scope", "lead without scope"), 200),
    "/v1/people/ann/erasure": _SCOPE | {"hr": 404, "self without scope": 404, "lead without scope": 404},
}  # fmt: skip
# Writes that must not be: all but those of the person themself.
WRITES = [
    ("PUT", "/v1/people/ann/entries/{ann}/hidden", None),
    ("DELETE", "/v1/people/ann/entries/{ann}/hidden", None),
    ("POST", "/v1/people/ann/entries/{ann}/withdrawal", None),
    ("POST", "/v1/people/ann/entries/{ann}/dispute", {"reason": "Not mine."}),
]
SECRETS = ("between ann and bob", "between yan and cai", "thought of ann")


@dataclass
class World:
    """The company, what of it is asked about, and the way to ask."""

    desk: Desk
    entries: dict[str, UUID]

    async def ask(
        self, asker: tuple[str, tuple[str, ...]], path: str, method: str = "GET", body: object = None
    ) -> httpx.Response:
        subject, scopes = asker
        client = self.desk.client(subject, *scopes)
        return await client.request(method, path.format(**self.entries), json=body)


@pytest_asyncio.fixture(scope="module")
async def world(lasting_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with serving(await lasting_database("ledger"), tmp_path_factory.mktemp("issuer")) as desk:
        company = await small_company(desk)
        await company.prefers("ann", "public")
        entries = {
            "ann": await company.thanks("ann", "bob", ago(3), words="for all", visibility="public"),
            "private": await company.thanks(
                "ann", "bob", ago(2), words="between ann and bob", visibility="private"
            ),
            "disputed": await company.entry(
                "deed", "ann", ago(9), title="Not hers", size="small", visibility="team"
            ),
            "yan": await company.thanks(
                "yan", "cai", ago(2), words="between yan and cai", visibility="private"
            ),
        }
        await company.entry(
            "growth", "ann", ago(1), "reflection", title="thought of ann", words="thought of ann"
        )
        await company.fold()
        made = World(desk, entries)
        opened = await made.ask(
            ANN, "/v1/people/ann/entries/{disputed}/dispute", "POST", {"reason": "That was Bob."}
        )
        assert opened.status_code == 201, opened.text
        yield made


@pytest.mark.parametrize("path", GETS)
async def test_everybody_is_answered_what_is_theirs_and_nothing_else(world: World, path: str) -> None:
    found = {name: await world.ask(asker, path) for name, asker in ASKERS.items()}
    assert {name: answer.status_code for name, answer in found.items()} == GETS[path]
    for name, answer in found.items():
        if answer.status_code != 200:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"] == {404: "NOT_FOUND", 403: "SCOPE_MISSING"}[answer.status_code]
        if name != "self":
            assert not any(secret in answer.text for secret in SECRETS), (name, path)


@pytest.mark.parametrize("path", GETS)
async def test_without_a_good_token_nothing_is_answered(world: World, path: str) -> None:
    where = path.format(**world.entries)
    missing = await world.desk.client().get(where)
    assert (missing.status_code, missing.json()["code"]) == (401, "TOKEN_MISSING")
    forged = await world.desk.client().get(
        where, headers={"authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
    )
    assert (forged.status_code, forged.json()["code"]) == (401, "TOKEN_BAD")


@pytest.mark.parametrize(("asker", "write"), [*product([a for a in ASKERS if a != "self"], WRITES)], ids=str)
async def test_nobody_else_says_what_becomes_of_a_person_s_entry(
    world: World, asker: str, write: tuple[str, str, object]
) -> None:
    method, path, body = write
    assert (await world.ask(ASKERS[asker], path, method, body)).status_code == 404


@pytest.mark.parametrize("asker", [a for a in ASKERS if a != "lead"])
async def test_nobody_decides_a_dispute_but_its_owner(world: World, asker: str) -> None:
    path = "/v1/people/ann/entries/{disputed}/dispute/decision"
    answer = await world.ask(ASKERS[asker], path, "POST", {"accepted": True, "answer": "Yes."})
    assert answer.status_code == 404


async def test_what_is_another_s_and_what_is_not_there_look_the_same(world: World) -> None:
    asker = ("bob", EVERY_SCOPE)
    for theirs, nobody in (
        ("/v1/people/yan/history", "/v1/people/nobody/history"),
        ("/v1/people/yan/entries/{yan}", "/v1/people/yan/entries/01a124d7-cd48-82f1-9dc7-f4f958d34824"),
        ("/v1/teams/sales/gaps", "/v1/teams/nowhere/gaps"),
    ):
        one, other = await world.ask(asker, theirs), await world.ask(asker, nobody)
        assert (one.status_code, one.content) == (other.status_code, other.content)


async def test_two_identities_on_a_pool_of_one_connection_never_meet(
    lasting_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = await lasting_database("ledger")
    async with serving(url, tmp_path_factory.mktemp("issuer"), connections_max=1) as desk:
        company = await small_company(desk)
        await company.thanks("ann", "lea", ago(2), words="only for ann", visibility="private")
        await company.thanks("bob", "lea", ago(2), words="only for bob", visibility="private")

        async def reads(client: Client, who: str, other: str) -> None:
            own = await client(who, "self").get(f"/v1/people/{who}/history")
            assert f"only for {who}" in own.text
            assert f"only for {other}" not in own.text
            assert (await client(who, "self").get(f"/v1/people/{other}/history")).status_code == 404
            assert (await client("nobody", "self").get(f"/v1/people/{who}/history")).status_code == 404

        for _ in range(10):
            await reads(desk.client, "ann", "bob")
            await reads(desk.client, "bob", "ann")
        await asyncio.gather(*(reads(desk.client, *pair) for pair in [("ann", "bob"), ("bob", "ann")] * 10))
        async with desk.reader.pool.acquire() as connection:
            assert await connection.fetch("SELECT * FROM history") == []


def test_the_table_names_every_route_that_reads() -> None:
    """A new route is not forgotten here. (Records are opened by a link, whoever asks.)"""
    app = routes_alone()
    asked = {path.partition("?")[0] for path in GETS}
    missing = []
    for path, methods in app.openapi()["paths"].items():
        parts = path.split("/")
        if (
            "get" in methods
            and not path.startswith("/records/")
            and not any(
                len(one.split("/")) == len(parts)
                and all(p == q or p.startswith("{") for p, q in zip(parts, one.split("/"), strict=True))
                for one in asked
            )
        ):
            missing.append(path)
    assert missing == []
