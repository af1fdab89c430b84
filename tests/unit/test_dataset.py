"""A data set of contributions becomes the events that its people, deeds, credits and firsts are."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.registry import BY_TYPE
from services.kit.cloudevents import Event
from tests.bench.dataset import events

PEOPLE = [
    {"id": "p-1", "name": "Ada", "team": "core", "manager": "p-2", "since": "2020-01-01",
     "last_seen": "2024-05-01", "timezone": "Europe/Berlin"},
    {"id": "p-2", "name": "Bo", "team": "core", "manager": "p-2", "since": "2019-01-01",
     "last_seen": "2022-01-01", "timezone": "UTC"},
]  # fmt: skip
FIRST = {
    "seq": 1, "at": "2024-01-02T03:04:05+00:00", "author": "p-1", "accepted_by": "p-2", "added": 400, "removed": 0,
    "files": 1, "areas": ["net"],
    "credits": [{"how": "Reviewed", "to": "p-2"}, {"how": "Tested", "to": "p-2"}, {"how": "Tested", "to": "p-1"}],
}  # fmt: skip
AGAIN = FIRST | {"seq": 2, "accepted_by": "p-1", "added": 1, "credits": []}
ELSEWHERE = AGAIN | {"seq": 3, "areas": ["net", "docs"], "files": 8}


@pytest.fixture
def told(tmp_path: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """(type, id, body) of every event, in order."""
    for kind, lines in {"people": PEOPLE, "activity": [FIRST, AGAIN, ELSEWHERE]}.items():
        with gzip.open(tmp_path / f"small.{kind}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    return [(BY_TYPE[one.type].name, one.id, body_of(one)) for one in events(tmp_path)]


def body_of(event: Event) -> dict[str, Any]:
    """Its data, which its own contract accepts."""
    BY_TYPE[event.type].model.model_validate_json(event.data)
    body: dict[str, Any] = json.loads(event.data)
    return body


def test_people_come_first_and_whoever_was_not_seen_for_a_year_has_left(told: list[Any]) -> None:
    (_, _, ada), (_, _, bo) = told[:2]
    assert [name for name, _, _ in told[:2]] == ["person", "person"]
    assert [status["status"] for status in ada["statuses"]] == ["active"]
    assert [status["status"] for status in bo["statuses"]] == ["active", "left"]
    assert (ada["managers"][0]["manager"], bo.get("managers", [])) == ("p-2", [])


def test_a_contribution_is_a_deed_sized_by_its_change_and_accepted_by_somebody_else(told: list[Any]) -> None:
    deeds = [body for name, _, body in told if name == "achievement"]
    assert [deed["size"] for deed in deeds] == ["major", "small", "notable"]
    assert [deed.get("accepted_by") for deed in deeds] == ["p-2", None, None]


def test_credits_to_one_person_are_one_note_and_nobody_thanks_themselves(told: list[Any]) -> None:
    [(_, id_, note)] = [one for one in told if one[0] == "thank-you-note"]
    assert (id_, note["from"], note["to"]) == ("credit-1-p-2", "p-1", ["p-2"])
    assert "Reviewed, Tested" in note["deed"]


def test_the_first_contribution_and_the_first_to_an_area_are_milestones(told: list[Any]) -> None:
    firsts = [(id_, body["title"]) for name, id_, body in told if name == "milestone"]
    assert firsts == [("first-1", "First contribution"), ("first-3", "First contribution to docs")]
