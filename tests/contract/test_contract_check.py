"""`python -m schemas` finds each fault, says it in one line, and keeps released versions as they are."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.__main__ import main
from schemas.check import faults

ACHIEVEMENT = "json/achievement.1.0.json"


@pytest.fixture
def folder(tmp_path: Path, schemas_folder: Path) -> Path:
    """A copy of `schemas/`, to be spoilt."""
    return Path(shutil.copytree(schemas_folder, tmp_path / "schemas"))


def run(folder: Path, command: str) -> tuple[int, list[str]]:
    """Runs a command of the copy, with the models of the copy."""
    done = subprocess.run(
        [sys.executable, "-m", "schemas", command],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_committed_contracts_are_sound_and_released(
    schemas_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check"], schemas_folder) == 0
    assert capsys.readouterr().out == "contracts are sound\n"
    released = json.loads((schemas_folder / "released.json").read_text())
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in released.values())


def spoil_example(root: Path) -> None:
    edit(root / "examples/thank-you-note/1.0/small-and-private.json", '"deed"', '"favour"')


FAULTS: list[tuple[str, Callable[[Path], object]]] = [
    (f"{ACHIEVEMENT}: stale", lambda r: edit(r / ACHIEVEMENT, "Who did it.", "Who did that.")),
    (f"{ACHIEVEMENT}: missing; run", lambda r: (r / ACHIEVEMENT).unlink()),
    (f"{ACHIEVEMENT}: missing, although the version is released", lambda r: (r / ACHIEVEMENT).unlink()),
    ("asyncapi.json: stale", lambda r: edit(r / "asyncapi.json", "Waystone", "Milestone")),
    ("json/applause.1.0.json: belongs to no type", lambda r: (r / "json/applause.1.0.json").write_text("{}")),
    ("examples/delivery/1.0: no example", lambda r: shutil.rmtree(r / "examples/delivery")),
    ("/small-and-private.json: data breaks the JSON Schema", spoil_example),
    ("/small-and-private.json: data breaks the model: deed: Field required", spoil_example),
    (
        "partitionkey is not the key",
        lambda r: edit(r / "examples/delivery/1.0/sent-by-chat.json", 'key": "e-1120"', 'key": "e-1121"'),
    ),
    (
        "folder names no known type",
        lambda r: (r / "examples/delivery/1.0").rename(r / "examples/delivery/1.7"),
    ),
    ("sent-by-chat.json: not a JSON", lambda r: (r / "examples/delivery/1.0/sent-by-chat.json").write_text("{")),
    ("recognition.gaps.v1.yaml: missing", lambda r: (r / "topics/recognition.gaps.v1.yaml").unlink()),
    (
        "gaps.v1.yaml: dev.waystone.gap-closed.v1 is missing",
        lambda r: edit(r / "topics/recognition.gaps.v1.yaml", "  - dev.waystone.gap-closed.v1\n", ""),
    ),
    (
        "gaps.v1.yaml: dev.waystone.gap-shut.v1 is not a known type",
        lambda r: edit(r / "topics/recognition.gaps.v1.yaml", "gap-closed", "gap-shut"),
    ),
    (
        "gaps.v1.yaml: dev.waystone.deed.v1 belongs to recognition.entries.v1",
        lambda r: edit(r / "topics/recognition.gaps.v1.yaml", "gap-closed", "deed"),
    ),
    (
        "gaps.v1.yaml: dlq is not",
        lambda r: edit(r / "topics/recognition.gaps.v1.yaml", "dlq.notifier", "dlq.ledger"),
    ),
    ("recognition.dlq.notifier.yaml: missing", lambda r: (r / "topics/recognition.dlq.notifier.yaml").unlink()),
    ("gaps.v1.yaml: not YAML", lambda r: edit(r / "topics/recognition.gaps.v1.yaml", "types:", "types: {")),
    ("gaps.v1.yaml: key is missing", lambda r: edit(r / "topics/recognition.gaps.v1.yaml", "key: team", "")),
    ("gaps.v1.yaml: hue is not a key", lambda r: edit(r / "topics/recognition.gaps.v1.yaml", "key:", "hue: 7\nkey:")),
    ("gaps.v1.yaml: cleanup is none of", lambda r: edit(r / "topics/recognition.gaps.v1.yaml", "delete", "burn")),
    ("gaps.v1.yaml: a producer or consumer", lambda r: edit(r / "topics/recognition.gaps.v1.yaml", "- ledger", "- me")),
    ("released.json: urn:waystone:schema:deed:1.0 is missing", lambda r: (r / "released.json").unlink()),
    ("released.json: urn:waystone:schema:deed:1.0 is missing", lambda r: edit(r / "released.json", ":deed:", ":did:")),
    ("not change; add a new minor", lambda r: edit(r / "released.json", 'deed:1.0": "', 'deed:1.0": "0')),
]  # fmt: skip


@pytest.mark.parametrize(("line", "spoil"), FAULTS, ids=[line for line, _ in FAULTS])
def test_a_fault_is_named_in_one_line(
    folder: Path, line: str, spoil: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(folder)
    assert main(["check"], folder) == 1
    printed = capsys.readouterr().out.splitlines()
    assert any(line in one for one in printed), printed


def test_a_type_without_a_test_of_its_own_is_named(folder: Path) -> None:
    least = folder.parent / "tests/contract/least_bodies.json"
    least.parent.mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "least_bodies.json", least)
    assert faults(folder) == []
    edit(least, '"delivery"', '"deliverance"')
    assert faults(folder) == [
        "tests/contract/least_bodies.json: delivery is missing, the least that is accepted of it is not tested"
    ]


def test_write_mends_what_is_stale_missing_or_left_over(folder: Path) -> None:
    edit(folder / ACHIEVEMENT, "Who did it.", "Who did that.")
    (folder / "asyncapi.json").unlink()
    (folder / "json/applause.1.0.json").write_text("{}")
    assert main(["write"], folder) == 0
    assert faults(folder) == []


def test_write_changes_nothing_when_nothing_has_changed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["write"], folder) == 0
    assert capsys.readouterr().out == "0 files changed\n"


def test_a_released_version_that_changes_is_refused_by_check_and_write(folder: Path) -> None:
    record = (folder / "released.json").read_text()
    edit(
        folder / "models/achievements.py",
        "helped_by:",
        'hours_worked: int = 0\n    """Hours."""\n    helped_by:',
    )
    refusal = f"{ACHIEVEMENT}: version is released and may not change; add a new minor version"
    code, lines = run(folder, "check")
    assert code == 1
    assert refusal in lines
    assert f"{ACHIEVEMENT}: field hours_worked is activity tracking or ranking, not recognition" in lines
    assert run(folder, "write") == (1, [refusal])
    assert (folder / "released.json").read_text() == record


def test_what_was_ever_released_is_on_record_as_it_was(schemas_folder: Path) -> None:
    """`ever_released.json` is only ever added to: a release is entered there as well, and never edited."""
    ever = json.loads((Path(__file__).parent / "ever_released.json").read_text())
    assert json.loads((schemas_folder / "released.json").read_text()) == ever


def test_the_first_version_of_a_new_type_is_released_with_it(folder: Path) -> None:
    edit(folder / "released.json", ":deed:1.0", ":done:1.0")
    record = json.loads((folder / "released.json").read_text())
    record.pop("urn:waystone:schema:done:1.0")
    (folder / "released.json").write_text(json.dumps(record))
    missing = "released.json: urn:waystone:schema:deed:1.0 is missing"
    assert run(folder, "check") == (1, [f"{missing}; a version is released before it is used, and for good"])
    assert run(folder, "release") == (0, ["released urn:waystone:schema:deed:1.0", "1 versions released"])
    assert run(folder, "check") == (0, ["contracts are sound"])


def test_the_words_of_a_released_version_may_be_mended(folder: Path) -> None:
    edit(folder / "models/achievements.py", '"""Who did it."""', '"""Whose deed it is."""')
    assert run(folder, "check") == (
        1,
        [f"{ACHIEVEMENT}: stale; run `make schemas`", "asyncapi.json: stale; run `make schemas`"],
    )
    assert run(folder, "write") == (0, ["2 files changed"])


def test_a_new_minor_changes_freely_until_it_is_released(folder: Path) -> None:
    edit(folder / "registry.py", '"achievements"),', '"achievements", minor=1),')
    model = folder / "models/achievements.py"
    edit(model, "helped_by:", 'season: Tag | None = None\n    """When in the year."""\n    helped_by:')
    shown = folder / "examples/achievement/1.1/in-autumn.json"
    shutil.copytree(folder / "examples/achievement/1.0", shown.parent)
    for path in shown.parent.iterdir():
        edit(path, "achievement:1.0", "achievement:1.1")
    assert run(folder, "write")[0] == 0
    edit(model, "season:", "weather:")
    assert run(folder, "write")[0] == 0
    assert run(folder, "release") == (
        0,
        ["released urn:waystone:schema:achievement:1.1", "1 versions released"],
    )
    assert (folder / ACHIEVEMENT).exists()
    edit(folder / ACHIEVEMENT, '"maxItems": 20', '"maxItems": 21')
    refusal = f"{ACHIEVEMENT}: version is released and may not change; add a new minor version"
    assert run(folder, "check") == (1, [refusal])


def test_nothing_is_released_while_there_is_a_fault(folder: Path) -> None:
    (folder / "released.json").unlink()
    spoil_example(folder)
    assert main(["release"], folder) == 1
    assert not (folder / "released.json").exists()


def test_an_unknown_command_explains_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["polish"]) == 2
    assert "write | check | release" in capsys.readouterr().out
