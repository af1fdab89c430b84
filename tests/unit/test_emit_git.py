"""`waystone emit git` on tiny real repositories, made by git itself."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.cli.__main__ import run
from services.cli.intake import check
from services.kit.cloudevents import Event

DAY_S = 86_400
START = int(datetime(2024, 3, 4, 9, 30, tzinfo=UTC).timestamp())
ADA, BO, CY = "Ada <ada@example.org>", "Bo <bo@example.org>", "Cy <cy@example.org>"


class Repo:
    """A repository under construction; every commit is one day after the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits = 0
        self._stream: list[bytes] = []
        subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True)

    def commit(
        self,
        message: str | bytes,
        files: dict[str, str],
        author: str | bytes = ADA,
        committer: str | None = None,
        *,
        at: int | None = None,
        encoding: str | None = None,
    ) -> None:
        when = START + self.commits * DAY_S if at is None else at
        body = message if isinstance(message, bytes) else message.encode()
        self._stream.append(b"commit refs/heads/main\n")
        for role, person in (("author", author), ("committer", committer or author)):
            raw = person if isinstance(person, bytes) else person.encode()
            self._stream.append(role.encode() + b" " + raw + f" {when} +0200\n".encode())
        if encoding:
            self._stream.append(f"encoding {encoding}\n".encode())
        self._stream.append(f"data {len(body)}\n".encode() + body + b"\n")
        for path, content in files.items():
            raw = content.encode()
            self._stream.append(
                f"M 100644 inline {json.dumps(path)}\ndata {len(raw)}\n".encode() + raw + b"\n"
            )
        self.commits += 1

    def save(self) -> "Repo":
        command = [
            "git",
            "-C",
            str(self.path),
            "fast-import",
            "--quiet",
            "--date-format=raw-permissive",
            "--force",
        ]
        subprocess.run(command, input=b"".join(self._stream), check=True)
        return self


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return Repo(tmp_path / "garden")


Emit = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def emit(repo: Repo, capsys: pytest.CaptureFixture[str]) -> Emit:
    """`emit("--limit", "1")` → the events printed, each seen to keep its contract."""

    def emitted(*options: str) -> list[dict[str, Any]]:
        assert run(["emit", "git", str(repo.path), "--to", "stdout", *options]) == 0
        lines = capsys.readouterr().out.splitlines()
        for line in lines:
            assert isinstance(check(line.encode(), datetime.now(UTC)), Event), line
        return [json.loads(line) for line in lines]

    return emitted


def emit_saved(repo: Repo, emit: Emit, *options: str) -> list[dict[str, Any]]:
    repo.save()
    return emit(*options)


def of_type(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == f"dev.waystone.{name}.v1"]


def names(events: list[dict[str, Any]]) -> dict[str, str]:
    """Name → employee id."""
    return {event["data"]["name"]: event["data"]["employee"] for event in of_type(events, "person")}


def lines(count: int) -> str:
    return "".join(f"line {n}\n" for n in range(count))


def test_a_commit_becomes_an_achievement_of_its_author_accepted_by_its_committer(
    repo: Repo, emit: Emit
) -> None:
    repo.commit("Add the greenhouse", {"beds/a.txt": lines(100)}, BO, ADA)
    events = emit_saved(repo, emit)
    [achievement] = of_type(events, "achievement")
    people = names(events)
    assert achievement["data"] == {
        "employee": people["Bo"],
        "title": "Add the greenhouse",
        "basis": "effort",  # a text file only: documentation
        "size": "notable",
        "skills": ["beds"],
        "accepted_by": people["Ada"],
    }
    assert achievement["time"] == "2024-03-04T09:30:00.000Z"
    assert achievement["source"] == "urn:git:garden"


def test_no_address_of_the_history_leaves_it(repo: Repo, emit: Emit) -> None:
    repo.commit("One\n\nReviewed-by: Bo <bo@example.org>", {"a/b.c": "x"}, ADA, CY)
    events = emit_saved(repo, emit)
    assert "example.org" not in json.dumps(events)
    assert {e["data"]["email"] for e in of_type(events, "person")} == {
        f"{id_}@example.invalid" for id_ in names(events).values()
    }


def test_trailers_thank_the_person_credited_in_words_about_the_deed(repo: Repo, emit: Emit) -> None:
    message = (
        "Water at night\n\nSigned-off-by: Ada <ada@example.org>\nReviewed-by: Bo <BO@example.org>\n"
        "Tested-by: Bo <bo@example.org>\nHelped-by: Ada <ada@example.org>\nMentored-by: Cy <cy@example.org>\n"
    )
    repo.commit(message, {"pump/a.c": "x"})
    events = emit_saved(repo, emit)
    people, notes = names(events), of_type(events, "thank-you-note")
    assert sorted(note["data"]["to"][0] for note in notes) == sorted([people["Bo"], people["Cy"]])
    [achievement] = of_type(events, "achievement")
    for note in notes:
        assert note["data"]["from"] == people["Ada"]
        assert note["data"]["about"] == {"source": "urn:git:garden", "id": achievement["id"]}
        assert "“Water at night”" in note["data"]["deed"]
    to_bo = next(note["data"] for note in notes if note["data"]["to"] == [people["Bo"]])
    assert to_bo["skills"] == ["code-review", "testing"]
    assert "tested it" in to_bo["deed"]


def test_firsts_are_told_once_for_the_person_and_once_for_each_new_area(repo: Repo, emit: Emit) -> None:
    for area in ("beds", "beds", "pump"):
        repo.commit(f"Work on {area}", {f"{area}/{repo.commits}.c": "x"})
    titles = [event["data"]["title"] for event in of_type(emit_saved(repo, emit), "milestone")]
    assert titles == ["First contribution to garden", "First contribution in pump"]


def test_emitting_twice_gives_the_very_same_events(repo: Repo, emit: Emit) -> None:
    repo.commit("One\n\nHelped-by: Cy <cy@example.org>", {"a/b.c": "x"})
    repo.commit("Two", {"c/d.c": "x"}, BO, ADA)
    first = emit_saved(repo, emit)
    assert emit() == first
    assert len({(event["source"], event["id"]) for event in first}) == len(first)


def test_people_come_first_then_events_in_order_of_time(repo: Repo, emit: Emit) -> None:
    repo.commit("Late", {"a/1": "x"}, at=START + 9 * DAY_S)
    repo.commit("Early", {"a/2": "x"}, BO, at=START)
    events = emit_saved(repo, emit)
    types = [event["type"] == "dev.waystone.person.v1" for event in events]
    assert types == sorted(types, reverse=True)
    times = [event["time"] for event in events if event["type"] != "dev.waystone.person.v1"]
    assert times == sorted(times)


def test_shifting_to_now_moves_everything_by_the_same_whole_days(repo: Repo, emit: Emit) -> None:
    repo.commit("One", {"a/1": "x"})
    repo.commit("Two", {"a/2": "x"}, BO)
    original = [event["time"] for event in of_type(emit_saved(repo, emit), "achievement")]
    shifted = [event["time"] for event in of_type(emit("--shift-to", "now"), "achievement")]
    moves = {
        datetime.fromisoformat(b) - datetime.fromisoformat(a) for a, b in zip(original, shifted, strict=True)
    }
    assert len(moves) == 1
    assert moves.pop() % timedelta(days=1) == timedelta()
    assert (
        timedelta() <= datetime.now(UTC) - datetime.fromisoformat(shifted[-1]) <= timedelta(days=1, minutes=1)
    )


def test_the_team_is_the_folder_touched_most_and_its_lead_who_accepted_most(repo: Repo, emit: Emit) -> None:
    for area in ("pump", "pump", "beds"):
        repo.commit("Work", {f"{area}/{repo.commits}.c": "x"}, BO, CY)
    repo.commit("Work", {"pump/z.c": "x"}, CY, ADA)
    records = {event["data"]["name"]: event["data"] for event in of_type(emit_saved(repo, emit), "person")}
    assert records["Bo"]["teams"][0]["team"] == "pump"
    assert records["Bo"]["managers"][0]["manager"] == records["Cy"]["employee"]
    assert "managers" not in records["Cy"]


def test_yaml_files_override_teams_and_leads(repo: Repo, emit: Emit, tmp_path: Path) -> None:
    repo.commit("Work", {"pump/a.c": "x"}, BO, CY)
    repo.commit("Work", {"beds/a.c": "x"}, CY)
    repo.commit("Work", {"beds/b.c": "x"}, ADA)
    teams, leads = tmp_path / "teams.yaml", tmp_path / "leads.yaml"
    teams.write_text("Water Works: [pump, Cy@example.org]\n")
    leads.write_text("Water Works: bo@example.org\n")
    events = emit_saved(repo, emit, "--teams", str(teams), "--leads", str(leads))
    records = {event["data"]["name"]: event["data"] for event in of_type(events, "person")}
    team = {name: record["teams"][0]["team"] for name, record in records.items()}
    assert team == {"Bo": "water-works", "Cy": "water-works", "Ada": "beds"}
    assert records["Cy"]["managers"][0]["manager"] == records["Bo"]["employee"]


@pytest.mark.parametrize(
    ("option", "content", "code"),
    [
        ("--teams", "pump: bo@example.org", "TEAMS_BAD"),
        ("--teams", "[a, b", "TEAMS_BAD"),
        ("--leads", "pump: nobody@example.org", "LEADS_BAD"),
        ("--leads", "nowhere: bo@example.org", "LEADS_BAD"),
    ],
)
def test_a_wrong_override_is_one_line_and_exit_code_2(
    repo: Repo, capsys: pytest.CaptureFixture[str], *, option: str, content: str, code: str
) -> None:
    repo.commit("Work", {"pump/a.c": "x"}, BO)
    repo.save()
    file = repo.path / "override.yaml"
    file.write_text(content)
    assert run(["emit", "git", str(repo.path), "--to", "stdout", option, str(file)]) == 2
    assert capsys.readouterr().err.startswith(f"waystone: {code}: ")


def test_the_mailmap_makes_two_addresses_one_person_in_trailers_too(repo: Repo, emit: Emit) -> None:
    repo.commit("One", {".mailmap": "Bo Real <bo@example.org> <bo@old.example.org>\n", "a/b": "x"})
    repo.commit("Two", {"a/c": "x"}, "Bo <bo@old.example.org>")
    repo.commit("Three\n\nReported-by: bo <bo@old.example.org>", {"a/d": "x"})
    repo.save()
    subprocess.run(["git", "-C", str(repo.path), "reset", "-q", "--hard"], check=True)
    events = emit()
    people = names(events)
    assert sorted(people) == ["Ada", "Bo Real"]
    [note] = of_type(events, "thank-you-note")
    assert note["data"]["to"] == [people["Bo Real"]]


def test_limit_sends_the_newest_contributions_and_knows_what_went_before(repo: Repo, emit: Emit) -> None:
    repo.commit("One", {"a/1": "x"})
    repo.commit("Two", {"a/2": "x"}, BO)
    repo.commit("Three", {"b/3": "x"})
    events = emit_saved(repo, emit, "--limit", "2")
    assert [event["data"]["title"] for event in of_type(events, "achievement")] == ["Two", "Three"]
    assert [event["data"]["title"] for event in of_type(events, "milestone")] == [
        "First contribution to garden",
        "First contribution in b",
    ]
    since = emit("--since", "2024-03-06")
    assert [event["data"]["title"] for event in of_type(since, "achievement")] == ["Three"]


def test_robots_contribute_nothing_and_accept_nothing(
    repo: Repo, emit: Emit, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.commit("Bump", {"a/1": "x"}, "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>")
    repo.commit("Two", {"a/2": "x"}, "Laura Abbott <l.abbott@example.org>", "GitHub <noreply@github.com>")
    repo.save()
    assert run(["emit", "git", str(repo.path), "--to", "stdout", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.err.splitlines()[-1])["skipped"] == {"robot": 1}
    events = [json.loads(line) for line in captured.out.splitlines()]
    assert list(names(events)) == ["Laura Abbott"]
    assert "accepted_by" not in of_type(events, "achievement")[0]["data"]


def test_merges_are_no_contributions_but_what_they_brought_is(repo: Repo, emit: Emit) -> None:
    repo.commit("Base", {"a/1": "x"})
    repo.save()
    git = ["git", "-C", str(repo.path), "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    script = [
        ["reset", "-q", "--hard"],
        ["checkout", "-q", "-b", "side"],
        ["commit", "-q", "--allow-empty", "-m", "Side"],
        ["checkout", "-q", "main"],
        ["merge", "-q", "--no-ff", "-m", "Merge side", "side"],
    ]
    for step in script:
        subprocess.run([*git, *step], check=True)
    titles = {event["data"]["title"] for event in of_type(emit(), "achievement")}
    assert titles == {"Base", "Side"}


def test_hostile_commits_become_valid_events(repo: Repo, emit: Emit) -> None:
    repo.commit(b"", {"a/1": "x"})
    repo.commit(b"\x01\x1f control \x7f\x1b[31m red", {"a/2": "x"}, b"No At <nowhere>")
    repo.commit("title " * 200, {"ünï côdé/ü.c": "x"}, "Å \u202e Ω <o@example.org>")
    repo.commit(b"latin \xe9\xff\xfe", {"日本/x": "y"}, b"Caf\xe9 <cafe@example.org>")
    repo.commit("Smörgås".encode("latin-1"), {"a/3": "x"}, encoding="ISO-8859-1")
    repo.commit(
        "Fake\n\nReviewed-by: <>\nTested-by: No Address\nHelped-by: X <x y>\nAcked-by: Q <q>", {"a/4": "x"}
    )
    repo.commit("deadbeef" * 5, {"deadbeef" * 5: "x"}, b" <empty@example.org>")
    events = emit_saved(repo, emit)
    titles = [event["data"]["title"] for event in of_type(events, "achievement")]
    assert len(titles) == 7
    assert titles[0] == "A contribution to a"
    assert titles[1] == "control [31m red"
    assert len(titles[2]) == 200
    assert titles[4] == "Smörgås"
    assert all(line.isprintable() for line in titles)
    assert len(of_type(events, "thank-you-note")) == 1


def test_commits_from_outside_the_years_events_may_have_are_skipped_and_counted(
    repo: Repo, emit: Emit, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.commit("Ancient", {"a/1": "x"}, at=86_400)
    repo.commit("Usual", {"a/2": "x"})
    repo.commit("To come", {"a/3": "x"}, at=int(datetime.now(UTC).timestamp()) + 40 * DAY_S)
    repo.save()
    assert run(["emit", "git", str(repo.path), "--to", "stdout", "--json"]) == 0
    summary = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert summary["skipped"] == {"time": 2}
    assert summary["sent"]["achievement"] == 1


def test_who_has_not_been_seen_for_a_year_has_left(repo: Repo, emit: Emit) -> None:
    repo.commit("Once", {"a/1": "x"}, BO)
    repo.commit("Later", {"a/2": "x"}, at=START + 500 * DAY_S)
    records = {event["data"]["name"]: event["data"] for event in of_type(emit_saved(repo, emit), "person")}
    assert [period["status"] for period in records["Bo"]["statuses"]] == ["active", "left"]
    assert [period["status"] for period in records["Ada"]["statuses"]] == ["active"]


def test_a_folder_that_is_no_repository_and_an_empty_one_are_told_in_one_line(
    tmp_path: Path, repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, code in (
        (tmp_path / "nowhere", "NOT_A_REPOSITORY"),
        (tmp_path, "NOT_A_REPOSITORY"),
        (repo.path, "GIT_EMPTY"),
    ):
        assert run(["emit", "git", str(path), "--to", "stdout"]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith(f"waystone: {code}: ")
