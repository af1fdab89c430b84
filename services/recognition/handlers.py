"""Event → domain → store: what the consumer calls for every batch, and the sweep for what was left waiting."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

from aiokafka import ConsumerRecord

from services.kit import erasure
from services.kit.batch import Item, Outcome, Outgoing
from services.kit.errors import Refusal
from services.kit.sql import AnyConnection
from services.recognition import metrics, records, working_set
from services.recognition.domain import fold
from services.recognition.domain.facts import Erased, Fact, Removal
from services.recognition.domain.state import State
from services.recognition.settings import RecognitionSettings

GROUP: erasure.Service = "recognition"
DLQ_TOPIC = "recognition.dlq.recognition"
TOPICS: Sequence[str] = (
    "recognition.achievements.v1",
    "recognition.thank-you-notes.v1",
    "recognition.milestones.v1",
    "recognition.assignments.v1",
    "recognition.goals.v1",
    "recognition.purpose.v1",
    "recognition.people.v1",
    "recognition.preferences.v1",
    "recognition.corrections.v1",
    "recognition.erasures.v1",
)
READ_FIRST: Sequence[Sequence[str]] = (
    ("recognition.erasures.v1",),
    ("recognition.people.v1", "recognition.preferences.v1"),
)
PUBLISHES: Sequence[str] = (
    "recognition.entries.v1",
    "recognition.erasures.v1",
    "recognition.erasure-reports.v1",
    "recognition.people.v1",
    "recognition.preferences.v1",
)
Happened = Fact | Removal


class RecognitionHandler:
    """Keeps no state of its own: everything is in the transaction it is given."""

    def __init__(self, settings: RecognitionSettings) -> None:
        self.topics = TOPICS
        self.dlq_topic = DLQ_TOPIC
        self.publishes = PUBLISHES
        self.read_first = READ_FIRST
        self._backup_retention_days = settings.backup_retention_days
        self._digest_key = settings.digest_key.get_secret_value().encode()
        self._reader = working_set.Reader(
            limits=settings.limits,
            released_max=settings.released_per_batch_max,
            history_since=settings.history_since,
            digest_key=self._digest_key,
        )

    def decode(self, record: ConsumerRecord, now: datetime) -> Happened | Refusal:
        """Record → what happened, or why it is refused. now: UTC."""
        return records.read(record, now, self._digest_key)

    async def apply(self, connection: AnyConnection, items: Sequence[Item[Happened]]) -> Sequence[Outgoing]:
        """Fold the batch, in order, into what is known; return entries and the dead letters of parked events."""
        needs = working_set.Needs()
        for item in items:
            if not isinstance(item.decoded, Refusal):
                needs.add(item.decoded)

        def fold_items(state: State) -> None:
            for item in items:
                if isinstance(item.decoded, Refusal):
                    continue
                verdict = fold.step(state, item.decoded)
                if isinstance(verdict, Refusal):
                    item.refuse(verdict)
                else:
                    item.outcome = Outcome(verdict.value)

        return await self.transact(connection, needs, fold_items)

    async def transact(
        self, connection: AnyConnection, needs: working_set.Needs, change: Callable[[State], None]
    ) -> list[Outgoing]:
        """Load what is needed, let `change` alter it, write it back; return what to publish."""
        state = await self._reader.load(connection, needs)
        change(state)
        skills = await working_set.save(connection, state)
        outgoing = self._published(state)
        if state.changes.erased:
            outgoing += await self._reports(connection, state.changes.erased.values(), skills)
        return outgoing

    async def _reports(
        self, connection: AnyConnection, erased: Collection[Erased], skills: Mapping[str, int]
    ) -> list[Outgoing]:
        """Tell that people were erased, once nothing of them is left. skills: forgotten ones, by employee."""
        aside = await erasure.forget_aside(connection, [one.employee for one in erased])
        return [
            erasure.report(
                GROUP,
                erasure.Done(
                    employee=one.employee,
                    scope="given" if one.given else "received",
                    source=one.cause.source,
                    id=one.cause.id,
                    time=one.cause.time,
                    gone=one.gone
                    | {
                        "skills": skills.get(one.employee, 0),
                        "undelivered-records": aside.get(one.employee, 0),
                    },
                    formerly=one.formerly,
                ),
                now=datetime.now(UTC),
                backup_retention_days=self._backup_retention_days,
            )
            for one in erased
        ]

    def _published(self, state: State) -> list[Outgoing]:
        changes = state.changes
        metrics.count_entries(changes.entries)
        for code, count in changes.uncredited.items():
            metrics.UNCREDITED.labels(code).inc(count)
        outgoing = [records.publish(entry) for entry in changes.entries]
        outgoing += [records.erase_former(former) for former in changes.erased_formers.values()]
        for employee in sorted(changes.told_of_erased | changes.erased.keys()):
            outgoing += records.tombstones(employee)
        now = datetime.now(UTC)
        for fact, refusal in changes.dead.values():
            metrics.BURIED.labels(refusal.code).inc()
            outgoing.append(
                records.bury(
                    fact.origin,
                    refusal,
                    topic=self.dlq_topic,
                    group=GROUP,
                    now=now,
                    digest_key=self._digest_key,
                )
            )
        return outgoing
