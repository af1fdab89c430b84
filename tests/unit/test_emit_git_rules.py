"""Laws of reading a history that hold for any text."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.gitlog.commit import HOW, Commit, Contact, Credit, read_credits
from services.cli.gitlog.contributors import Contributors, is_robot
from services.cli.gitlog.events import commit_events, person_event
from services.cli.gitlog.judge import basis_of, size_of
from services.cli.gitlog.teams import Overrides, form_teams
from services.cli.gitlog.text import one_line, slug
from services.cli.intake import check
from services.kit.cloudevents import Event, to_structured
from services.kit.strict_json import parse

anything = st.text(max_size=300)
contacts = st.builds(Contact, anything, st.one_of(st.emails(), anything.filter(bool)))
commits = st.builds(
    Commit,
    hash=st.text("0123456789abcdef", min_size=40, max_size=40),
    at=st.integers(946_684_800, 1_790_000_000),
    author=contacts,
    committer=contacts,
    subject=anything,
    credits=st.lists(st.builds(Credit, st.sampled_from(sorted(HOW)), contacts), max_size=5).map(tuple),
    areas=st.lists(anything.filter(bool).map(slug), max_size=3, unique=True).map(tuple),
    lines=st.integers(0, 10**6),
    files=st.integers(0, 10**4),
    upkeep=st.booleans(),
)
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def commit(subject: str = "Work", *, lines: int = 1, files: int = 1, upkeep: bool = False) -> Commit:
    ada = Contact("Ada", "ada@example.org")
    return Commit("0" * 40, 1_700_000_000, ada, ada, subject, (), ("core",), lines, files, upkeep)


def assert_valid(event: Event) -> None:
    line = json.dumps(to_structured(event)).encode()
    outcome = check(line, NOW)
    assert isinstance(outcome, Event), outcome
    assert parse(outcome.data)


@given(commits)
def test_whatever_a_commit_says_its_events_keep_their_contracts(given_commit: Commit) -> None:
    people = Contributors(salt="root")
    author = people.author_of(given_commit)
    if author is None:
        return
    people.add_work(given_commit)
    people.add_credits(given_commit)
    teams = form_teams(people, "core", Overrides())
    for id_ in people.ids():
        assert_valid(person_event(id_, people[id_], teams, shift=timedelta(), source="urn:git:x", newest=NOW))
    firsts = (False, given_commit.areas)
    for event in commit_events(given_commit, people, firsts, shift=timedelta(), source="urn:git:x"):
        assert_valid(event)


@given(anything)
def test_a_line_is_one_visible_line_of_at_most_200_characters(text: str) -> None:
    line = one_line(text * 3, "fallback")
    assert 1 <= len(line) <= 200
    assert line == line.strip()
    assert not any(c in line for c in "\n\r\x00\x1b\u202e")


@given(anything)
def test_a_slug_stays_a_slug(text: str) -> None:
    made = slug(text)
    assert slug(made) == made
    assert 1 <= len(made) <= 64


@pytest.mark.parametrize(
    ("subject", "upkeep", "basis"),
    [
        ("fix: crash when the list is empty", False, "effort"),
        ("Fix typo", False, "effort"),
        ("refactor the parser", False, "effort"),
        ("Explain the options", True, "effort"),
        ("feat(api): paging", False, "result"),
        ("Add support for pipes", False, "result"),
        ("log: learn --oneline", False, "result"),
        ("prefer the newer format", False, "both"),
    ],
)
def test_the_basis_follows_from_files_and_words(subject: str, upkeep: bool, basis: str) -> None:
    assert basis_of(commit(subject, upkeep=upkeep)) == basis


@pytest.mark.parametrize(
    ("lines", "files", "size"),
    [(79, 7, "small"), (80, 1, "notable"), (1, 8, "notable"), (400, 1, "major"), (0, 25, "major")],
)
def test_the_size_follows_from_lines_and_files(lines: int, files: int, size: str) -> None:
    assert size_of(commit(lines=lines, files=files)) == size


@pytest.mark.parametrize(
    ("name", "address", "robot"),
    [
        ("GitHub", "noreply@github.com", True),
        ("renovate[bot]", "1+renovate[bot]@users.noreply.github.com", True),
        ("release-bot", "release@example.org", True),
        ("Helpful Assistant", "noreply@assistant.example", True),
        ("Laura Abbott", "laura@example.org", False),
        ("Tiago Botelho", "tiago@example.org", False),
        ("Octo Cat", "583231+octocat@users.noreply.github.com", False),
    ],
)
def test_robots_are_told_from_people(name: str, address: str, robot: bool) -> None:
    assert is_robot(Contact(name, address)) is robot


def test_only_trailers_that_thank_somebody_with_an_address_count() -> None:
    trailers = "\x1f".join(
        (
            "Signed-off-by: Ada <ada@example.org>",
            "reviewed-by: Bo <bo@example.org>",
            "Co-Authored-By: Cy <cy@example.org>",
            "Cc: Di <di@example.org>",
            "Helped-by: somebody on the list",
        )
    )
    assert read_credits(trailers) == (
        Credit("reviewed", Contact("Bo", "bo@example.org")),
        Credit("co-authored", Contact("Cy", "cy@example.org")),
    )


def test_ids_differ_between_repositories_and_hold_no_part_of_the_address() -> None:
    ada = Contact("Ada", "ada@example.org")
    one, other = Contributors("root one").id_of(ada), Contributors("root two").id_of(ada)
    assert one != other
    assert one is not None
    assert "ada" not in one
    assert one == Contributors("root one").id_of(Contact("Other name", "ADA@example.org"))
