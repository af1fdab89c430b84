"""Stays up: a live event every one to three seconds, a status line, fresh links on request."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from schemas.models.thank_you_notes import ThankYouNoteV1
from schemas.registry import BY_TYPE
from services.cli.demo.counts import Counter
from services.cli.demo.screen import Screen
from services.cli.demo.story import Story
from services.cli.producer import connected, send_by
from services.kit.cloudevents import Event
from services.ledger.links import LINK_SECONDS_MAX

SPINNER_COLUMNS = 3
PAUSE_SECONDS = (1.0, 3.0)
LINE_EVERY_SECONDS = 30.0
"""Without a terminal."""
LINKS_EVERY_SECONDS = LINK_SECONDS_MAX - 60.0


async def stay(
    story: Story,
    counter: Counter,
    servers: str,
    screen: Screen,
    show_links: Callable[[], Awaitable[None]],
) -> None:
    """Send live events until cancelled. show_links: called when somebody presses Enter, or where nobody can.

    Raises CliError SERVICE_ENDED when a service does not run any more, and what sending raises.
    """
    sent, last, told_at = 0, "", 0.0
    async with (
        connected({"KAFKA_BOOTSTRAP_SERVERS": servers}) as producer,
        _status(screen) as update,
    ):
        asked = _links_asked()
        while True:
            event = story.live(datetime.now(UTC))
            sent += await send_by(producer, [event], lambda _: None)
            last = words(event, story.names)
            mails, _, chats = await counter.mailbox()
            line = f"live: {sent:,} events · {mails:,} mails · {chats:,} chat messages"
            if screen.is_terminal:
                update(f"{line} · {last}")
            elif time.monotonic() - told_at >= LINE_EVERY_SECONDS:
                told_at = time.monotonic()
                screen.say(line)
            counter.expect_services()
            if await _pause(asked):
                await show_links()


def words(event: Event, names: Mapping[str, str]) -> str:
    """A live event in one phrase. names: employee → name."""
    body: Any = BY_TYPE[event.type].model.model_validate_json(event.data)
    if isinstance(body, ThankYouNoteV1):
        to = ", ".join(names.get(person, person) for person in body.to)
        return f"{names.get(body.giver, body.giver)} thanks {to}"
    return f"{names.get(body.employee, body.employee)}: {body.title}"


async def _pause(asked: asyncio.Event) -> bool:
    """Wait for the next event's time; tell whether somebody asked for links meanwhile."""
    try:
        async with asyncio.timeout(random.uniform(*PAUSE_SECONDS)):  # noqa: S311 - a pace, not a secret
            await asked.wait()
    except TimeoutError:
        return False
    asked.clear()
    return True


def has_keyboard() -> bool:
    """Whether somebody can press Enter."""
    return sys.stdin.isatty()


def _links_asked() -> asyncio.Event:
    """Set whenever a line is entered; without a keyboard, before the links shown last have ended."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()

    def read() -> None:
        if sys.stdin.readline():
            asked.set()
        else:  # the keyboard is gone
            loop.remove_reader(sys.stdin)

    def remind() -> None:
        asked.set()
        loop.call_later(LINKS_EVERY_SECONDS, remind)

    if has_keyboard():
        loop.add_reader(sys.stdin, read)
    else:
        loop.call_later(LINKS_EVERY_SECONDS, remind)
    return asked


@asynccontextmanager
async def _status(screen: Screen) -> AsyncIterator[Callable[[str], None]]:
    """A line that is updated in place; nothing where nobody watches."""
    if not screen.is_terminal:
        yield lambda _: None
        return
    with screen.console.status(Text("live")) as status:
        yield lambda line: status.update(Text(line[: screen.console.width - SPINNER_COLUMNS]))
