"""`waystone emit`: sends events that a repository's history, or a file, holds."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.topic_files import read_topics
from services.cli.errors import EXIT_FAULTS
from services.cli.gitlog import teamfile
from services.cli.gitlog.history import Selection, read_history
from services.cli.intake import Checked, check_lines, open_input
from services.cli.output import JsonOption, note, print_json
from services.cli.producer import send
from services.cli.progress import Meter
from services.cli.servers import with_brokers
from services.cli.validate import as_dict, as_line
from services.kit.cloudevents import Event, to_structured
from services.kit.errors import Refusal, Stage

emit = typer.Typer(no_args_is_help=True, help="Send events to Kafka, or print them.")


class Target(StrEnum):
    """Where events go."""

    KAFKA = "kafka"
    STDOUT = "stdout"


class ShiftTo(StrEnum):
    """What the last event is moved to."""

    NOW = "now"


TargetOption = Annotated[
    Target,
    typer.Option("--to", help="kafka: KAFKA_BOOTSTRAP_SERVERS, or the local stack's; stdout: JSON lines."),
]


@emit.command("git")
def emit_git(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A git repository, bare or not.")],
    *,
    to: TargetOption = Target.KAFKA,
    shift_to: Annotated[
        ShiftTo | None,
        typer.Option(
            help="Move all times by one whole number of days, the last event into the last 24 hours."
        ),
    ] = None,
    teams: Annotated[Path | None, typer.Option(help="YAML: team → folders and addresses.")] = None,
    leads: Annotated[Path | None, typer.Option(help="YAML: team → address of its lead.")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only contributions from this day on (UTC).")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest N contributions.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the repository; else its origin's, or its folder's.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a repository's history into people, achievements, thank-you notes and firsts.

    Contributions are all commits reachable from HEAD that are not merges. The whole history is read, also with
    --since and --limit, so that teams, leads and firsts are right. Nothing is sent twice: the same history gives
    the same ids.
    """
    overrides = teamfile.read_overrides(teams, leads)
    selection = Selection(since=since.replace(tzinfo=UTC) if since else None, newest_max=limit)
    with Meter("commits read") as meter:
        history = read_history(
            path,
            now=datetime.now(UTC),
            shift_to_now=shift_to is not None,
            overrides=overrides,
            selection=selection,
            name=name,
            on_commit=meter.advance,
        )
    with history:
        counts = _deliver(history.events(), to)
        summary = {
            "sent": counts,
            "total": sum(counts.values()),
            "source": history.source,
            "commits_read": history.commits_read,
            "skipped": history.skipped,
            "shifted_days": history.shifted_days,
        }
    _summarise(summary, to, as_json)


@emit.command("jsonl")
def emit_jsonl(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="CloudEvents in structured mode, one a line.")
    ],
    to: TargetOption = Target.KAFKA,
    skip_bad: Annotated[bool, typer.Option(help="Send the good lines although there are bad ones.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send CloudEvents from a file. Bad lines are named by number and code; exit 1 if there was one.

    Without --skip-bad nothing after the first bad line is sent.
    """
    lines = _GoodLines(file, skip_bad, as_json)
    counts = _deliver(lines.events(), to)
    summary = {"sent": counts, "total": sum(counts.values()), "bad": lines.bad}
    _summarise(summary, to, as_json)
    if lines.bad:
        raise typer.Exit(EXIT_FAULTS)


class _GoodLines:
    """The events of a file; counts and names the bad lines on its way."""

    def __init__(self, file: str, skip_bad: bool, as_json: bool) -> None:
        self.bad = 0
        self._file = file
        self._skip_bad = skip_bad
        self._as_json = as_json
        self._ours = {
            type_ for topic in read_topics().values() if "systems" in topic.producers for type_ in topic.types
        }

    def events(self) -> Iterator[Event]:
        with open_input(self._file) as stream:
            for checked in check_lines(stream, datetime.now(UTC)):
                outcome = self._refuse_internal(checked.outcome)
                if isinstance(outcome, Event):
                    yield outcome
                    continue
                self.bad += 1
                self._tell(Checked(checked.where, outcome))
                if not self._skip_bad:
                    return

    def _refuse_internal(self, outcome: Event | Refusal) -> Event | Refusal:
        if isinstance(outcome, Event) and outcome.type not in self._ours:
            return Refusal("TYPE_INTERNAL", Stage.VALIDATE, "only Waystone itself sends this type")
        return outcome

    def _tell(self, checked: Checked) -> None:
        if self._as_json:
            print_json(as_dict(checked), to_stderr=True)
        else:
            note(f"waystone: {as_line(checked)}")


def _deliver(events: Iterable[Event], to: Target) -> dict[str, int]:
    """Send or print all events; return how many of each type."""
    counts: Counter[str] = Counter()

    def counted() -> Iterator[Event]:
        for event in events:
            yield event
            counts[event.type.removeprefix("dev.waystone.").rsplit(".v", 1)[0]] += 1

    if to is Target.STDOUT:
        for event in counted():
            print_json(to_structured(event))
    else:
        with Meter("events acknowledged") as meter:
            asyncio.run(send(counted(), meter.advance, with_brokers()))
        note(f"{meter.done:,} events acknowledged in {meter.seconds:.1f} s, {meter.rate:,.0f}/s")
    return dict(counts)


def _summarise(summary: dict[str, Any], to: Target, as_json: bool) -> None:
    """Print the result; on stderr when the events themselves are on stdout."""
    if as_json:
        print_json(summary, to_stderr=to is Target.STDOUT)
        return
    for name, value in summary.items():
        inner = ", ".join(f"{k} {v:,}" for k, v in value.items()) if isinstance(value, dict) else f"{value}"
        if inner:
            print(
                f"{name.replace('_', ' ')}: {inner}", file=sys.stderr if to is Target.STDOUT else sys.stdout
            )
