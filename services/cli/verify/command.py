"""`waystone verify`: one line a check, each fault in full, exit 1 when there is one."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from services.cli.errors import EXIT_FAULTS, EXIT_UNREACHABLE
from services.cli.inert import inert
from services.cli.output import JsonOption, complain, note, print_json, print_table
from services.cli.progress import Meter
from services.cli.public_keys import KeyOption, read_public_keys
from services.cli.servers import find_servers
from services.cli.verify.record import record
from services.cli.verify.report import Check, Report
from services.cli.verify.verification import Targets
from services.cli.verify.verification import verify as run_checks

ArchiveOption = Annotated[
    Path | None,
    typer.Option("--archive", help="Folder of the archived months, where there are any.", file_okay=False),
]


def verify(
    key: KeyOption = [],  # noqa: B006 - typer's way of saying none
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
    *,
    keep: Annotated[
        bool, typer.Option("--record", help="Keep the result in the ledger's database, for its API to show.")
    ] = False,
) -> None:
    """Check what the services stored: nothing lost, doubled or altered. Writes nothing; shares no query with them.

    Exit 0 clean, 1 a fault, 3 a server that is named does not answer.
    """
    servers = find_servers()
    keys = read_public_keys([*key, *(() if key else servers.checkpoint_keys)])
    targets = Targets(servers.need_databases(), servers.kafka or None, keys, archive)
    with Meter("entries hashed") as meter:
        report = asyncio.run(run_checks(targets, meter.relabel, meter.expect, meter.advance))
    if as_json:
        print_json(report.as_json())
    else:
        _print(report)
        note(f"{len(report.checks)} checks in {meter.seconds:.1f} s")
    if keep and report.complete:
        asyncio.run(record(targets.databases["ledger"], report))
    if not report.clean:
        raise typer.Exit(EXIT_FAULTS)
    if report.unreachable:
        raise typer.Exit(EXIT_UNREACHABLE)


def _print(report: Report) -> None:
    print_table(("service", "check", "result", "figures"), [_row(check) for check in report.checks])
    for check in report.checks:
        for fault in check.faults:
            more = f" (the first of {check.faults_count:,})" if check.faults_count > 1 else ""
            place, expected, found = (inert(text) for text in (fault.place, fault.expected, fault.found))
            print(f"FAULT {check.service}, {check.name}: {place}: expected {expected}; found {found}{more}")
    for sentence in report.unreachable:
        complain("UNREACHABLE", sentence)
    skipped = sum(1 for check in report.checks if check.skipped)
    if report.clean:
        print("clean" + (f", but {skipped} checks could not be made" if skipped else ""))


def _row(check: Check) -> tuple[str, str, str, str]:
    if check.skipped:
        return check.service, check.name, "skipped", check.skipped
    result = f"{check.faults_count:,} faults" if check.faults else "ok"
    return check.service, check.name, result, check.figures
