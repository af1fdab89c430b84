"""Who may read what, through the real routes over a real database."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.ledger import daily
from services.ledger.gaps import METRICS
from services.ledger.links import COOKIE, sign
from tests.conftest import Database
from tests.integration.ledger_api_rig import KEY, NOW, Client, Desk, ago, serving, small_company
from tests.integration.ledger_read_company import Company

HISTORY, GAPS, TEAM_GAPS = "/v1/people/ann/history", "/v1/gaps", "/v1/teams/firmware/gaps"


@pytest_asyncio.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    async with serving(await database("ledger"), tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def company(desk: Desk) -> Company:
    return await small_company(desk)


@pytest.fixture
def client(desk: Desk) -> Client:
    return desk.client


async def entries(client: httpx.AsyncClient, employee: str, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/people/{employee}/history", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


async def test_another_s_history_and_one_that_is_not_there_look_the_same(
    company: Company, client: Client
) -> None:
    asking = client("bob", "self", "team")
    theirs, nobody = await asking.get(HISTORY), await asking.get("/v1/people/nobody/history")
    assert theirs.content == nobody.content
    assert theirs.json()["code"] == "NOT_FOUND"


@pytest.mark.parametrize("path", [HISTORY, GAPS, TEAM_GAPS])
async def test_without_a_good_token_nothing_is_answered(company: Company, client: Client, path: str) -> None:
    missing = await client().get(path)
    assert (missing.status_code, missing.json()["code"]) == (401, "TOKEN_MISSING")
    assert missing.headers["www-authenticate"] == "Bearer"
    forged = await client().get(path, headers={"authorization": "Bearer eyJhbGciOiJub25lIn0.e30."})
    assert (forged.status_code, forged.json()["code"]) == (401, "TOKEN_BAD")


async def test_a_history_is_read_in_pages_newest_first_each_entry_once(
    company: Company, client: Client
) -> None:
    made = [str(await company.thanks("ann", "bob", ago(days))) for days in (400, 100, 99.5, 40, 3, 2, 1)]
    asking = client("ann", "self")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(4):
        answer = (await asking.get(HISTORY, params={"limit": 2, **cursor})).json()
        assert len(answer["entries"]) <= 2
        seen += [entry["id"] for entry in answer["entries"]]
        if answer["next"] is None:
            break
        cursor = {"cursor": answer["next"]}
    assert seen == made[::-1]


async def test_a_page_that_ends_just_at_the_end_promises_no_more(company: Company, client: Client) -> None:
    await company.thanks("ann", "bob", ago(1))
    assert (await client("ann", "self").get(HISTORY, params={"limit": 1})).json()["next"] is None


async def test_a_history_can_be_asked_for_one_kind(company: Company, client: Client) -> None:
    await company.thanks("ann", "bob", ago(1))
    await company.entry("deed", "ann", ago(2), title="Swept up", size="small", visibility="team")
    assert [e["title"] for e in await entries(client("ann", "self"), "ann", kind="deed")] == ["Swept up"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"cursor": "garbage"}, "CURSOR_BAD"),
        ({"cursor": "é"}, "CURSOR_BAD"),
        ({"cursor": "x" * 65}, "REQUEST_BAD"),
        ({"limit": 0}, "REQUEST_BAD"),
        ({"limit": 201}, "REQUEST_BAD"),
        ({"kind": "secret"}, "REQUEST_BAD"),
    ],
)
async def test_a_bad_question_is_told_so(
    company: Company, client: Client, query: dict[str, Any], code: str
) -> None:
    answer = await client("ann", "self").get(HISTORY, params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_what_came_under_a_former_id_belongs_to_the_person(company: Company, client: Client) -> None:
    await company.thanks("bob-before", "ann", ago(500), words="Welcome.")
    await company.thanks("bob", "ann", ago(1), words="Again.")
    assert [e["words"] for e in await entries(client("bob", "self"), "bob")] == ["Again.", "Welcome."]


async def test_a_private_note_s_words_are_for_giver_and_recipient(company: Company, client: Client) -> None:
    await company.thanks("ann", "bob", ago(2), words="between us", visibility="private")
    await company.thanks("ann", "lea", ago(1), words="from your lead", visibility="private")
    own = await entries(client("ann", "self"), "ann")
    assert [e["words"] for e in own] == ["from your lead", "between us"]
    led = await entries(client("lea", "team"), "ann")
    assert [(e["words"], e["hidden"], e["giver"]) for e in led] == [
        ("from your lead", False, "lea"),
        (None, True, None),
    ]


async def test_the_person_s_wish_of_today_decides_what_their_lead_sees(
    company: Company, client: Client
) -> None:
    await company.thanks("ann", "bob", ago(2), words="open", visibility="team")
    await company.entry("deed", "ann", ago(3), title="Swept up", size="small", visibility="team")
    lead = client("lea", "team")
    assert [e["words"] for e in await entries(lead, "ann", kind="recognition")] == ["open"]
    await company.prefers("ann", "private")
    assert [(e["words"], e["hidden"]) for e in await entries(lead, "ann", kind="recognition")] == [
        (None, True)
    ]
    await company.prefers("ann", "not-at-all")
    assert [e["kind"] for e in await entries(lead, "ann")] == ["deed"]
    assert [e["words"] for e in await entries(client("ann", "self"), "ann", kind="recognition")] == ["open"]


async def test_somebody_s_lead_of_yesterday_sees_nothing(company: Company, client: Client) -> None:
    await company.connection.execute(
        "UPDATE person SET manager = '{lea,zoe}', manager_since = ARRAY[date '2024-03-01', $1] WHERE employee = 'ann'",
        NOW.date(),
    )
    assert (await client("lea", "team").get(HISTORY)).status_code == 404
    assert (await client("zoe", "team").get(HISTORY)).status_code == 200


async def test_what_was_withdrawn_is_shown_as_such_without_words(company: Company, client: Client) -> None:
    note = await company.thanks("ann", "bob", ago(2), words="sent too early")
    await company.withdraw("ann", note, ago(1))
    for asking in (client("ann", "self"), client("lea", "team")):
        (found,) = await entries(asking, "ann")
        assert found["withdrawn"]
        assert "too early" not in str(found)


async def test_erased_words_and_erased_givers_are_gone(company: Company, client: Client) -> None:
    note = await company.thanks("ann", "bob", ago(2), words="soon gone")
    await company.connection.execute("DELETE FROM words WHERE entry_id = $1", note)
    await company.connection.execute("DELETE FROM person WHERE employee = 'bob'")
    (found,) = await entries(client("ann", "self"), "ann")
    assert (found["erased"], found["words"], found["giver"], found["giver_name"]) == (True, None, None, None)


async def test_a_deed_tells_whether_it_was_answered(company: Company, client: Client) -> None:
    await company.entry("deed", "ann", ago(3), title="Answered", cause=("s", "1"), visibility="team")
    await company.entry("deed", "ann", ago(2), title="Waiting", cause=("s", "2"), visibility="team")
    await company.thanks("ann", "bob", ago(1), answers=("s", "1"))
    await company.fold()
    found = {e["title"]: e for e in await entries(client("ann", "self"), "ann", kind="deed")}
    assert found["Waiting"]["waiting"]
    assert not found["Answered"]["waiting"]
    assert found["Answered"]["answered_at"] is not None


async def test_a_lead_learns_who_and_what_waits_for_a_word(company: Company, client: Client) -> None:
    await company.thanks("ann", "bob", ago(45))
    await company.thanks("bob-before", "ann", ago(10))
    await company.thanks("yan", "zoe", ago(60))
    await company.entry("deed", "bob", ago(8), title="Fixed it", size="notable", visibility="team")
    await company.entry("deed", "bob", ago(9), title="My own affair", size="small", visibility="private")
    await company.entry("deed", "bob", ago(6), title="Too fresh", size="small", visibility="team")
    await company.entry("deed", "yan", ago(9), title="Elsewhere", size="small", visibility="team")
    await company.fold()
    found = (await client("lea", "team").get(TEAM_GAPS)).json()
    assert found["people"] == 3
    assert [(p["employee"], p["days"]) for p in found["quiet"]] == [("ann", 45)]
    assert [p["name"] for p in found["never"]] == ["Cai"]
    assert [(d["title"], d["name"]) for d in found["unanswered"]] == [(None, "Bob"), ("Fixed it", "Bob")]


async def test_the_organisation_s_gaps_come_with_their_formulas_and_no_name(
    company: Company, client: Client, desk: Desk
) -> None:
    for number in range(20):
        await company.person(f"p{number}", f"Person {number}", team="night-shift")
        await company.person(f"q{number}", f"Person {number}", team="day-shift")
        await company.thanks(f"q{number}", "lea", ago(3))
    await company.fold()
    assert await daily.publish_day(desk.writer, NOW.date())
    answer = await client("grafana", "ops").get(GAPS)
    found = answer.json()
    units = {u["unit"]: {f["metric"]: f for f in u["figures"]} for u in found["units"]}
    assert units["night-shift"]["coverage_30d"]["verdict"] == "gap"
    assert units["day-shift"]["coverage_30d"]["verdict"] == "fine"
    assert units["sales"]["coverage_30d"]["withheld"] == "too_few_people"
    assert {m["metric"] for m in found["metrics"]} == METRICS.keys()
    assert units["sales"].keys() == {name for name, m in METRICS.items() if m.scope == "units"}
    assert "Person" not in answer.text
    first = (await client("grafana", "ops").get(GAPS, params={"limit": 1})).json()
    assert [u["unit"] for u in first["units"]] == ["day-shift"]
    rest = (await client("grafana", "ops").get(GAPS, params={"after": first["next"]})).json()
    assert [u["unit"] for u in rest["units"]] == ["firmware", "night-shift", "sales"]
    assert rest["next"] is None


async def test_a_lead_sees_the_open_gaps_of_their_team_and_of_nobody_else_s_people(
    company: Company, client: Client, desk: Desk
) -> None:
    await company.person("dan", "Dan", team="firmware", manager="zoe")
    await company.fold()
    await daily.publish_day(desk.writer, NOW.date())
    asking = client("lea", "team")
    found = (await asking.get(TEAM_GAPS)).json()["open"]
    assert {gap["employee"] for gap in found} == {"ann", "bob", "cai"}
    new = next(gap for gap in found if gap["employee"] == "cai")
    assert (new["metric"], new["name"], new["asks_about_role"]) == ("never-recognised", "Cai", False)
    assert new["evidence"] == "Here since 20 October 2026, and nobody has said thank you yet."
    assert any(gap["asks_about_role"] for gap in found if gap["employee"] == "ann")
    elsewhere = (await client("zoe", "team").get(TEAM_GAPS)).json()["open"]
    assert {gap["employee"] for gap in elsewhere} == {"dan"}


async def test_a_page_opens_by_its_link_and_stays_open_by_its_cookie(
    company: Company, client: Client
) -> None:
    await company.thanks("ann", "bob", ago(1), words="Well <b>done</b>.", visibility="private")
    browser = client()
    opened = await browser.get(sign("http://ledger", "ann", KEY, NOW))
    assert (opened.status_code, opened.headers["location"]) == (303, "/people/ann")
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/people/ann" in cookie
    shown = await browser.get("/people/ann")
    assert shown.status_code == 200
    assert "Well &lt;b&gt;done&lt;/b&gt;." in shown.text
    assert "<script" not in shown.text
    other = await browser.get("/people/bob", headers={"cookie": f"{COOKIE}={browser.cookies[COOKIE]}"})
    assert other.status_code == 401


@pytest.mark.parametrize(
    ("scheme", "always", "secure"),
    [("https", False, True), ("http", True, True), ("http", False, False)],
    ids=["https", "behind a proxy that ends TLS", "plain http"],
)
async def test_the_cookie_travels_by_https_only_where_the_page_does(
    database: Database, tmp_path: Path, scheme: str, always: bool, secure: bool
) -> None:
    async with serving(await database("ledger"), tmp_path, cookie_secure=always) as desk:
        transport = httpx.ASGITransport(desk.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://ledger") as browser:
            opened = await browser.get(sign(f"{scheme}://ledger", "ann", KEY, NOW))
    assert ("Secure" in opened.headers["set-cookie"]) == secure


@pytest.mark.parametrize("missing", ["a start date", "the directory record", "everything, being erased"])
async def test_a_page_opens_whatever_the_directory_lacks(
    company: Company, client: Client, missing: str
) -> None:
    await company.thanks("ann", "bob", ago(1), words="Well done.")
    if missing == "a start date":
        await company.connection.execute(
            "UPDATE person SET status = ARRAY['on-leave'] WHERE employee = 'ann'"
        )
    else:
        await company.connection.execute("DELETE FROM person WHERE employee = 'ann'")
    if missing == "everything, being erased":
        await company.connection.execute("DELETE FROM words WHERE employee = 'ann'")
        await company.connection.execute("INSERT INTO erasure VALUES ('ann', now(), now(), 1, 1)")
    browser = client()
    await browser.get(sign("http://ledger", "ann", KEY, NOW))
    shown = await browser.get("/people/ann")
    assert shown.status_code == 200
    assert "here since" not in shown.text
    assert ("Well done." in shown.text) == ("erased" not in missing)


@pytest.mark.parametrize(
    "path", ["/people/ann", "/people/nobody", "/people/ann/open", "/people/ann/open?expires=1"]
)
async def test_without_a_good_link_a_page_stays_shut_whoever_it_is(
    company: Company, client: Client, path: str
) -> None:
    for_programs = await client().get(path)
    assert (for_programs.status_code, for_programs.json()["code"]) == (401, "LINK_BAD")
    for_people = await client().get(path, headers={"accept": "text/html,*/*"})
    assert for_people.status_code == 401
    assert "This link no longer opens" in for_people.text


async def test_the_reference_describes_every_route_with_examples(client: Client) -> None:
    document = (await client().get("/openapi.json")).json()
    paths = document["paths"]
    assert {"/v1/people/{id}/history", "/v1/gaps", "/v1/teams/{team}/gaps"} <= paths.keys()
    for name in ("HistoryPage", "Gaps", "TeamGaps"):
        assert document["components"]["schemas"][name]["examples"]
    for path in ("/v1/people/{id}/history", "/v1/gaps", "/v1/teams/{team}/gaps"):
        route = paths[path]["get"]
        assert route["security"] == [{"HTTPBearer": []}]
        assert route["responses"].keys() >= {"200", "401", "404"}
        assert list(route["responses"]["404"]["content"]) == ["application/problem+json"]
