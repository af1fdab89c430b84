"""Sends the story and waits until every record has its outcome, every entry is kept and nobody is left to be told."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping

from schemas.registry import BY_TYPE
from services.cli.demo import counts
from services.cli.demo.counts import ENTRIES_TOPIC, Counts
from services.cli.demo.screen import Screen
from services.cli.demo.story import Story
from services.cli.errors import EXIT_FAULTS, CliError
from services.cli.producer import send
from services.kit.cloudevents import Event

STALL_SECONDS_MAX = 60.0
TELL_SECONDS_MAX = 600.0
"""For a story of no length, however much moves; each event more adds to it as if only a few went by a second."""
EVENTS_PER_SECOND_MIN = 50.0
LOOK_EVERY_SECONDS = 0.3
REST_TOLD = 4
CALM_LOOKS = 2
"""What moves between two databases is in neither for a moment: settled is what looks settled twice."""
Expected = Mapping[str, Mapping[str, int]]
"""Service → topic it reads → records."""
_SENT, _DECIDED, _KEPT, _TOLD = "sent to Kafka", "recognition decides", "ledger remembers", "notifier tells"


class Stalled(CliError):
    """Not all has settled. sent: events by topic; now: how far the rest has come."""

    def __init__(self, sentence: str, sent: Mapping[str, int], now: Counts) -> None:
        super().__init__("STALLED", sentence, EXIT_FAULTS)
        self.sent, self.now = sent, now


def expected(sent: Mapping[str, int], published: int) -> Expected:
    """Records each service must have an outcome for. sent: topic → events; published: entries."""
    records = {**sent, ENTRIES_TOPIC: published}
    return {
        service: {topic: number for topic, number in sorted(records.items()) if topic in topics}
        for service, topics in counts.readers().items()
    }


def missing(wanted: Expected, now: Counts) -> list[str]:
    """What is still to be done, in words; empty when all has settled."""
    rest = [
        f"{service}: {now.disposed(service, topic):,} of {number:,} records of {topic}"
        for service, topics in wanted.items()
        for topic, number in topics.items()
        if now.disposed(service, topic) != number
    ]
    if now.parked:
        rest.append(f"{now.parked:,} parts of events wait for the directory")
    if now.outbox:
        rest.append(f"{now.outbox:,} records wait to be published")
    if open_intents := now.told("due", "sending"):
        rest.append(f"{open_intents:,} intents are not told yet")
    return rest


async def tell(
    story: Story, counter: counts.Counter, servers: str, screen: Screen
) -> tuple[Counter[str], Counts]:
    """Send all of it while watching what becomes of it; return what was sent by topic, and the settled counts.

    Raises Stalled when nothing moves for a minute or it goes on for too long, and what sending raises.
    """
    sent: Counter[str] = Counter()
    acknowledged = 0

    def counted() -> Iterator[Event]:
        for event in story.events():
            yield event
            sent[BY_TYPE[event.type].topic] += 1

    def advance(number: int) -> None:
        nonlocal acknowledged
        acknowledged += number

    began, took = time.monotonic(), 0.0
    sending = asyncio.create_task(send(counted(), advance, {"KAFKA_BOOTSTRAP_SERVERS": servers}))
    sending.add_done_callback(lambda _: None)
    watch = _Watch(seconds_max=TELL_SECONDS_MAX + story.total / EVENTS_PER_SECOND_MIN)
    try:
        with screen.bars((_SENT, _DECIDED, _KEPT, _TOLD)) as bars:
            while True:
                now = await counter.count()
                if sending.done():
                    await sending
                    took = took or time.monotonic() - began
                wanted = expected(sent, now.published)
                seconds = took or time.monotonic() - began
                sending_state = f"{acknowledged:,} of {story.total:,} events, {acknowledged / seconds:,.0f}/s"
                bars.show({_SENT: (acknowledged, story.total, sending_state), **_states(wanted, now)})
                rest = missing(wanted, now)
                if watch.calm(sending.done() and not rest):
                    break
                if why := watch.look(acknowledged, now):
                    raise Stalled(f"{why}: {'; '.join(rest[:REST_TOLD])}", sent, now)
                await asyncio.sleep(LOOK_EVERY_SECONDS)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    screen.done("Events sent through Kafka", f"{acknowledged:,} events, {acknowledged / took:,.0f}/s", took)
    return sent, now


class _Watch:
    """Tells when all has been calm for long enough, and when nothing moves although it should."""

    def __init__(self, seconds_max: float) -> None:
        self._seconds_max = seconds_max
        self._calm_looks = 0
        self._last: object = None
        self._began_at = self._moved_at = time.monotonic()

    def calm(self, is_calm: bool) -> bool:
        self._calm_looks = self._calm_looks + 1 if is_calm else 0
        return self._calm_looks >= CALM_LOOKS

    def look(self, acknowledged: int, now: Counts) -> str:
        """Why there is no use in waiting longer; empty while there is."""
        state, seconds = (acknowledged, now), time.monotonic()
        if seconds - self._began_at > self._seconds_max:
            return f"not settled after {self._seconds_max:.0f} s"
        if state != self._last:
            self._last, self._moved_at = state, seconds
        elif seconds - self._moved_at > STALL_SECONDS_MAX:
            return f"nothing has moved for {STALL_SECONDS_MAX:.0f} s"
        return ""


def _states(wanted: Expected, now: Counts) -> dict[str, tuple[int, int, str]]:
    """How far each service is: done, of how many, in words."""

    def of(service: str) -> tuple[int, int, str]:
        done = sum(now.disposed(service, topic) for topic in wanted[service])
        whole = sum(wanted[service].values())
        return done, whole, f"{done:,} of {whole:,} records"

    ended, intents = now.told() - now.told("due", "sending"), now.told()
    told = f"{ended:,} of {intents:,} intents, {now.mails:,} mails, {now.chats:,} chat messages"
    return {_DECIDED: of("recognition"), _KEPT: of("ledger"), _TOLD: (ended, intents, told)}
