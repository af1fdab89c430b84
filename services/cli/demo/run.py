"""The demo from its first line to its last: start, tell, measure, check, show, stay."""

import asyncio
import secrets
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from deploy.local import checkpoint_key
from deploy.local.errors import StackError
from deploy.local.services import House
from deploy.local.stack import Stack
from services.cli.demo import checks, gaps, live, places, show
from services.cli.demo.checks import Check
from services.cli.demo.counts import SERVICES, Counter, Counts
from services.cli.demo.emptiness import expect_empty
from services.cli.demo.screen import Screen
from services.cli.demo.settle import Stalled, expected, tell
from services.cli.demo.story import Story
from services.cli.errors import EXIT_FAULTS, EXIT_INTERRUPTED, EXIT_UNREACHABLE, INTERRUPTED, CliError
from services.cli.public_keys import read_public_keys
from services.cli.servers import find_servers
from services.cli.verify.verification import Targets, verify
from services.kit import issuer
from services.kit.sql import Pool
from services.ledger.daily import publish_day

FRESH_SECONDS_MAX = 90.0
LOOK_EVERY_SECONDS = 0.5
PAGES_WANTED = 3
"""Of a made-up company: somebody who leads, somebody often thanked, somebody who has grown."""
TOKEN_SECONDS = issuer.LIFETIME_SECONDS_MAX


@dataclass(frozen=True, slots=True)
class Keys:
    """Secrets of this run alone. folder: of the issuer's key pair; page, page_file: key of the page links."""

    folder: Path
    page: str
    page_file: Path

    @classmethod
    def make(cls, run_folder: Path) -> "Keys":
        """Draw them; nobody else may read the file."""
        page, file = secrets.token_urlsafe(32), run_folder / "page-link-key"
        file.touch(mode=0o600)
        file.write_text(page, encoding="utf-8")
        return cls(run_folder / "issuer", page, file)

    def token(self, subject: str, scopes: Sequence[str]) -> str:
        """A bearer token of this run's issuer."""
        return issuer.issue(self.folder, subject, scopes, TOKEN_SECONDS)


@dataclass(frozen=True, slots=True)
class Running:
    """Everything that is up."""

    stack: Stack
    house: House
    keys: Keys
    counter: Counter

    @property
    def ledger_url(self) -> str:
        """Where the ledger answers."""
        return self.house["ledger"].http_url

    @property
    def ledger(self) -> Pool:
        """Connections to the ledger's database."""
        return self.counter.pools["ledger"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it. sent: topic → events."""

    sent: dict[str, int]
    checks: list[Check]
    findings: gaps.Findings
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "passed": self.passed,
            "seconds": round(self.seconds, 1),
            "sent": self.sent,
            "checks": [asdict(check) for check in self.checks],
            "gaps": [asdict(gap) for gap in self.findings.found],
            "organisation": list(self.findings.organisation),
        }


async def run(story: Story, screen: Screen, *, once: bool) -> Result:
    """Run it all; without `once` stay until Ctrl-C or SIGTERM, which end it cleanly.

    Raises CliError with what went wrong in one sentence.
    """
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    began = time.monotonic()
    try:
        async with _started(story, screen) as running:
            sent, settled = await _tell(story, running, screen)
            checks_made, findings = await _judge(story, sent, settled, running, screen)
            people, found_places = await _places(running)
            wanted = PAGES_WANTED if story.planted else min(people, PAGES_WANTED)
            checks_made.append(checks.of_links(await places.shut(found_places), people, wanted))
            result = Result(sent, checks_made, findings, time.monotonic() - began)
            show.figures(screen, result.checks)
            show.findings(screen, result.findings)
            show.verdict(screen, result.passed, result.seconds)
            if not result.passed:
                _keep_logs(running.stack, screen)
            if not once:
                show.places(screen, found_places)
                await _stay(story, running, screen)
            screen.say("Stopping …")
            return result
    except Stalled as error:
        show.figures(screen, checks.of_counts(expected(error.sent, error.now.published), error.now))
        raise
    except StackError as error:
        raise CliError(error.code, error.message, EXIT_UNREACHABLE) from None
    except asyncio.CancelledError:  # Ctrl-C or SIGTERM before it was up to stay
        raise CliError(*INTERRUPTED, EXIT_INTERRUPTED) from None
    except (httpx.HTTPError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        sentence = f"something of the demo does not answer: {type(error).__name__} {error}"
        raise CliError("DEMO_BROKEN", sentence, EXIT_FAULTS) from error


@asynccontextmanager
async def _started(story: Story, screen: Screen) -> AsyncIterator[Running]:
    """Servers and services up; all of it stopped at the end, whatever ends it."""
    stack = Stack("demo", announce=lambda line: screen.say(f"      {line}", style="dim"))
    try:
        with screen.step("Starting Kafka and PostgreSQL", "Kafka and PostgreSQL started") as step:
            await stack.start()
            await expect_empty(stack.bootstrap_servers)
            topics = await stack.create_topics()
            step.became = f"{len(topics)} topics, a database per service; data in {_near(stack.folder.path)}"
        keys = Keys.make(stack.folder.path)
        house = House(stack, _environment(story, keys))
        try:
            with screen.step("Starting the three services", "Services started") as step:
                await house.start()
                step.became = "recognition decides, ledger remembers, notifier tells"
            async with Counter(stack, house) as counter:
                yield Running(stack, house, keys, counter)
        except StackError as error:
            raise stack.folder.with_kept_logs(error) from error
        except Exception:
            _keep_logs(stack, screen)
            raise
        finally:
            await house.stop()
    finally:
        await stack.stop()


def _environment(story: Story, keys: Keys) -> dict[str, dict[str, str]]:
    return {
        "recognition": {"HISTORY_SINCE": story.since.isoformat()},
        "ledger": {
            "JWT_JWKS": str(issuer.jwks_file(keys.folder)),
            "PAGE_LINK_KEY_FILE": str(keys.page_file),
            # Figures by team are computed once a day: here as soon as everything is there, and not before.
            "GAP_SETTLED_SECONDS": "86400",
        },
    }


async def _tell(story: Story, running: Running, screen: Screen) -> tuple[dict[str, int], Counts]:
    began = time.monotonic()
    if not screen.is_terminal:
        screen.say("    Telling it all, and watching what becomes of it …")
    sent, settled = await tell(story, running.counter, running.stack.bootstrap_servers, screen)
    entries = f"{sum(settled.entries.values()):,} entries kept"
    told = f"mails: {settled.mails:,}, chat messages: {settled.chats:,}"
    screen.done("Decided, remembered, told", f"{entries}; {told}", time.monotonic() - began)
    return dict(sent), settled


async def _judge(
    story: Story, sent: dict[str, int], settled: Counts, running: Running, screen: Screen
) -> tuple[list[Check], gaps.Findings]:
    """Verify, measure, and compare what was counted."""
    settled_at = datetime.now(UTC)
    made = checks.of_counts(expected(sent, settled.published), settled)
    with screen.step("Verifying what was stored", "Verified") as step:
        made.append(checks.of_verification(await verify(_targets(running.stack))))
        step.good = made[-1].passed
        step.became = made[-1].says if step.good else "faults found, see below"
    with screen.step("Measuring gaps (the ledger looks every 15 s)", "Gaps measured") as step:
        await publish_day(running.ledger, settled_at.date())
        ledger = gaps.Ledger(running.counter.http, running.ledger_url, running.keys.token)
        await _fresh(ledger, datetime.now(UTC))
        findings = await gaps.find(ledger, story.planted, story.lead_of)
        step.became = f"{len(findings.found)} found"
    if story.planted:
        made.append(checks.of_findings(len(story.planted), findings.not_found))
    return made, findings


def _targets(stack: Stack) -> Targets:
    servers = find_servers(
        {
            "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            **{f"{name.upper()}_DATABASE_URL": stack.database_url(name) for name in SERVICES},
        }
    )
    keys = read_public_keys([str(checkpoint_key.public_file(stack.folder))])
    return Targets(dict(servers.databases), servers.kafka, keys)


async def _fresh(ledger: gaps.Ledger, since: datetime) -> None:
    """Wait until the ledger's live figures are of after `since`: it reads them every 15 seconds."""
    deadline = time.monotonic() + FRESH_SECONDS_MAX
    while (as_of := (await ledger.gaps())["as_of"]) is None or datetime.fromisoformat(as_of) < since:
        if time.monotonic() > deadline:
            raise CliError("STALLED", "the ledger's live figures stay as they were", EXIT_FAULTS)
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _places(running: Running) -> tuple[int, list[places.Place]]:
    """How many people's pages there are to look at, and every address, those among them."""
    subjects = await places.choose_subjects(running.ledger)
    people = places.pages(subjects, running.ledger_url, running.keys.page)
    return len(people), [*places.mailbox(running.house), *people, *places.services(running.house)]


async def _stay(story: Story, running: Running, screen: Screen) -> None:
    for subject in (await places.choose_subjects(running.ledger))[:1]:
        token = running.keys.token(subject.employee, ["self", "team"])
        key_file = _near(running.keys.page_file)
        show.commands(screen, running.ledger_url, subject, token, key_file)
    show.how_to_go_on(screen, live.has_keyboard())

    async def show_links() -> None:
        _, found_places = await _places(running)
        show.places(screen, found_places)

    try:
        await live.stay(story, running.counter, running.stack.bootstrap_servers, screen, show_links)
    except asyncio.CancelledError:  # Ctrl-C, or SIGTERM: the ordinary end
        return


def _keep_logs(stack: Stack, screen: Screen) -> None:
    """Copy the logs out of the folder, which goes at the end."""
    screen.say(f"  The logs are kept in {_near(stack.folder.keep_logs())}", style="dim")


def _near(path: Path) -> str:
    """A path as it is written from here, if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
