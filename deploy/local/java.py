"""The local Java: found, checked, and given Kafka's jars by Maven, once."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.folder import LOCAL_ROOT
from deploy.local.guarded import GuardedProcess

POM = Path(__file__).with_name("pom.xml")
JAVA_MAJOR_MIN = 17
FETCH_TIMEOUT_S = 900
INSTEAD = (
    "install JDK 17 or newer and Maven, or set KAFKA_BOOTSTRAP_SERVERS to a running Kafka, "
    "or WAYSTONE_STACK=docker where a Docker daemon answers."
)


def find_java() -> str:
    """Return the path of a `java` that can run Kafka 4: of JAVA_HOME, else of PATH.

    Raises StackError JAVA_MISSING or JAVA_TOO_OLD.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else None
    java = java or shutil.which("java")
    if java is None:
        raise StackError("JAVA_MISSING", f"no Java was found for the embedded Kafka: {INSTEAD}")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False)
    major = java_major(told.stderr + told.stdout)
    if major < JAVA_MAJOR_MIN:
        raise StackError("JAVA_TOO_OLD", f"{java} is Java {major}, Kafka 4 needs {JAVA_MAJOR_MIN}: {INSTEAD}")
    return java


def java_major(version_text: str) -> int:
    """Return the major version that `java -version` printed ("1.8.0_392" is 8); 0 if there is none."""
    found = re.search(r'version "(?:1\.)?(\d+)', version_text)
    return int(found[1]) if found else 0


def jars_folder(pom: Path | None = None) -> Path:
    """Return the folder of the jars that the pom, as it is now, resolves to."""
    return LOCAL_ROOT / "kafka" / f"jars-{hashlib.sha256((pom or POM).read_bytes()).hexdigest()[:12]}"


async def fetch_jars(announce: Callable[[str], None], pom: Path | None = None) -> Path:
    """Return the folder of Kafka's jars, fetched by Maven the first time; several processes may ask at once.

    pom: another list of jars than Kafka's. Raises StackError MAVEN_MISSING or MAVEN_FAILED.
    """
    folder = jars_folder(pom)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "fetch.lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            announce("Kafka: fetching Apache Kafka with Maven (about 45 MB, only this once)")
            await _copy_dependencies(folder, pom or POM)
    return folder


async def _copy_dependencies(folder: Path, pom: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise StackError("MAVEN_MISSING", f"no Maven (mvn) was found to fetch the embedded Kafka: {INSTEAD}")
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    log = folder.with_name("fetch.log")
    log.unlink(missing_ok=True)
    command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={unfinished}"]
    if not await GuardedProcess("Maven", command, log=log, farewell="TERM").finish(FETCH_TIMEOUT_S):
        errors = [line for line in log.read_text(errors="replace").splitlines() if "ERROR" in line]
        reason = errors[0][:400] if errors else f"see {log}"
        raise StackError("MAVEN_FAILED", f"Maven could not fetch the embedded Kafka ({reason}): {INSTEAD}")
    unfinished.rename(folder)
