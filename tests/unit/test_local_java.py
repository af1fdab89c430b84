"""What a newcomer reads when the embedded Kafka cannot start."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local import java
from deploy.local.errors import StackError


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An otherwise empty PATH, no JAVA_HOME, and nothing fetched yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java, "LOCAL_ROOT", tmp_path / "local")
    return folder


def place(program: Path, script: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("told", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16', 25),
        ('java version "1.8.0_392"', 8),
        ("something else", 0),
    ],
)
def test_the_major_version_of_java_is_read(told: str, major: int) -> None:
    assert java.java_major(told) == major


@pytest.mark.usefixtures("programs")
def test_without_java_the_error_says_what_to_do_instead() -> None:
    with pytest.raises(StackError) as caught:
        java.find_java()
    assert caught.value.code == "JAVA_MISSING"
    for way_out in ("JDK 17", "Maven", "KAFKA_BOOTSTRAP_SERVERS", "WAYSTONE_STACK=docker"):
        assert way_out in caught.value.message


def test_a_java_too_old_for_kafka_is_named_with_its_version(programs: Path) -> None:
    place(programs / "java", """echo 'openjdk version "11.0.2" 2019-01-15' >&2""")
    with pytest.raises(StackError, match="is Java 11, Kafka 4 needs 17") as caught:
        java.find_java()
    assert caught.value.code == "JAVA_TOO_OLD"


def test_java_home_goes_before_the_path(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(programs / "java", """echo 'openjdk version "11.0.2"' >&2""")
    place(tmp_path / "jdk" / "bin" / "java", """echo 'openjdk version "21.0.1"' >&2""")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert java.find_java() == str(tmp_path / "jdk" / "bin" / "java")


@pytest.mark.usefixtures("programs")
async def test_without_maven_the_first_start_says_what_to_do_instead() -> None:
    with pytest.raises(StackError, match="no Maven") as caught:
        await java.fetch_jars(print)
    assert caught.value.code == "MAVEN_MISSING"


async def test_a_failed_fetch_tells_mavens_reason_and_leaves_nothing_half_fetched(programs: Path) -> None:
    place(programs / "mvn", "echo '[ERROR] no route to the registry'; exit 1")
    with pytest.raises(StackError, match="no route to the registry") as caught:
        await java.fetch_jars(print)
    assert caught.value.code == "MAVEN_FAILED"
    assert not java.jars_folder().exists()


async def test_jars_are_fetched_once(programs: Path) -> None:
    place(programs / "mvn", '/bin/mkdir -p "${7#-DoutputDirectory=}"')
    told: list[str] = []
    folder = await java.fetch_jars(told.append)
    (programs / "mvn").unlink()
    assert await java.fetch_jars(told.append) == folder
    assert len(told) == 1
