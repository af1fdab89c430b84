"""Batches from Kafka → lanes → one transaction each (writer.py). Positions come from Postgres, never from Kafka.

FastStream fetches and hands over raw batches; it decodes nothing and acknowledges nothing. Kafka's committed
offset is a hint for lag displays, written after the database's commit.
"""

import asyncio
import time
from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar, cast

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from services.kit import kafka, logs
from services.kit.assignment import Assignment
from services.kit.batch import Handler
from services.kit.fetch import SteadyConsumer
from services.kit.group import GroupProgress
from services.kit.lane import Lane
from services.kit.lineage import Lineage
from services.kit.settings import ServiceSettings
from services.kit.sql import Pool
from services.kit.watch import STALLED_SECONDS_MAX, Watch
from services.kit.writer import Writer

T = TypeVar("T")

_COMMIT_SECONDS = 1.0
_PRESSURE_SECONDS = 0.05
# In batches, records or bytes: a lane that holds more is full, one that holds less has room again.
_FILL_MAX = 2.0
_FILL_LOW = 1.0
# After an empty poll FastStream sleeps as long again.
_EMPTY_POLL_MS_MAX = 100
_POLL_SILENCE_SECONDS_MAX = 60.0
_RECONNECT_SECONDS = 1.0
_log = logs.get("consume")


class Consumer(Generic[T]):
    """One consumer group member with its lanes."""

    def __init__(
        self,
        settings: ServiceSettings,
        pool: Pool,
        handler: Handler[T],
        *,
        group: str,
        stalled_seconds_max: float = STALLED_SECONDS_MAX,
    ) -> None:
        """group: the consumer group's name; the static member id comes from the settings.

        stalled_seconds_max: how long nothing may be stored though something waits, and Kafka and Postgres answer.
        """
        self._settings = settings
        self._pool = pool
        self._handler = handler
        self._group = group
        digest_key = settings.digest_key.get_secret_value().encode()
        self._lanes = [
            Lane(
                handler,
                Writer(pool, handler, group=group, digest_key=digest_key),
                records_max=settings.batch_records_max,
                bytes_max=settings.batch_bytes_max,
                linger_ms=settings.linger_ms,
            )
            for _ in range(settings.lanes)
        ]
        self._marker_writer = Writer(pool, handler, group=group, digest_key=digest_key)
        self._group_progress = GroupProgress(pool, handler.topics)
        self._stalled_seconds_max = stalled_seconds_max
        self._lineage = Lineage()
        self._paused_lanes: set[int] = set()
        self._draining = False
        self._assignment = self._new_assignment()
        self._broker: KafkaBroker | None = None
        self._consumer: SteadyConsumer | None = None

    async def run(self) -> None:
        """Consume until cancelled; then let go of the group. Raises Stop."""
        try:
            consumer = await self._connect()
            async with asyncio.TaskGroup() as tasks:
                for lane in self._lanes:
                    tasks.create_task(lane.run())
                tasks.create_task(self._assignment.run())
                tasks.create_task(self._commit_forever())
                tasks.create_task(self._watch(consumer).run())
        finally:
            await self._disconnect()

    async def drain(self) -> None:
        """Fetch no more and return when all that was fetched is stored. The caller bounds the time."""
        self._draining = True
        if self._consumer is not None:
            self._consumer.pause_owned(self._consumer.assignment())
        while not all(lane.idle for lane in self._lanes):  # noqa: ASYNC110 - bounded by the caller, once a life
            await asyncio.sleep(0.02)
        await self._commit()

    @property
    def alive(self) -> bool:
        """The fetch loop turns: a poll within the last minute. True before the first connection."""
        if self._consumer is None or not self._consumer.last_poll_seconds:
            return True
        return time.monotonic() - self._consumer.last_poll_seconds < _POLL_SILENCE_SECONDS_MAX

    @property
    def ready(self) -> bool:
        """Connected, and every assigned partition is claimed."""
        return self._assignment.ready

    @property
    def caught_up(self) -> bool:
        """All partitions of this process are claimed, and nothing waited when it was last looked, seconds ago."""
        return self._assignment.caught_up

    async def group_caught_up(self) -> bool:
        """The whole group has stored what was in the log when this was last asked, whoever holds which partition.

        To be asked again and again, at least once a minute: the first answer is False, as is any that is not known.
        """
        return self._consumer is not None and await self._group_progress.caught_up(self._consumer)

    def _new_assignment(self) -> Assignment:
        return Assignment(self._pool, self._handler.read_first, self._has_room, self._lineage)

    def _watch(self, consumer: SteadyConsumer) -> Watch:
        return Watch(
            consumer,
            self._assignment,
            self._pool,
            self._handler.topics,
            pass_over=self._marker_writer.pass_over,
            kafka_answers=partial(kafka.answers, self._settings),
            stalled_seconds_max=self._stalled_seconds_max,
        )

    async def has_read_first(self) -> bool:
        """The handler's `read_first` topics have been read to where they ended when this process started."""
        return await self._assignment.has_read_first()

    async def _connect(self) -> SteadyConsumer:
        """Join the group, waiting for the brokers if need be. Raises Stop `TOPIC_MISSING`."""
        while True:
            # What an attempt that failed was assigned is not ours.
            self._assignment = self._new_assignment()
            broker = self._broker = KafkaBroker(
                **kafka.faststream_options(self._settings),
                allow_auto_create_topics=False,
                consumer_only=True,
                apply_types=False,
                logger=None,
            )
            subscriber = broker.subscriber(
                *self._handler.topics,
                group_id=self._group,
                group_instance_id=self._settings.group_instance_id,
                batch=True,
                batch_timeout_ms=min(self._settings.linger_ms, _EMPTY_POLL_MS_MAX),
                max_records=self._settings.batch_records_max,
                ack_policy=AckPolicy.MANUAL,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                partition_assignment_strategy=[RangePartitionAssignor],
                listener=self._assignment,
                no_reply=True,
                parser=_raw_parser,
                decoder=_raw_decoder,
            )
            subscriber(self._on_batch)
            try:
                handler = self._handler
                needed = (*handler.topics, *handler.publishes, handler.dlq_topic)
                cluster_id = await kafka.look_at_cluster(self._settings, needed)
                for kept in await kafka.committed_metadata(self._settings, self._group):
                    self._lineage.learn(kept)
                await broker.connect()
                connected = broker.config.broker_config
                connected.builder = partial(
                    SteadyConsumer, **cast("partial[Any]", connected.builder).keywords
                )
                await broker.start()
                consumer = cast("SteadyConsumer", subscriber.consumer)
                first = [topic for group in self._handler.read_first for topic in group]
                await self._assignment.attach(consumer, cluster_id, kafka.partitions_of(consumer, first))
            except (KafkaError, OSError) as error:
                _log.warning("waiting for Kafka", error=logs.error_name(error))
                await self._disconnect()
                await asyncio.sleep(_RECONNECT_SECONDS)
            else:
                self._consumer = consumer
                return consumer

    async def _disconnect(self) -> None:
        if self._broker is None:
            return
        this = asyncio.current_task()
        assert this is not None
        cancellations = this.cancelling()
        try:
            # The client can hang at stop when its coordinator is gone.
            async with asyncio.timeout(3):
                await self._broker.stop()
        except (Exception, asyncio.CancelledError) as error:
            if (
                this.cancelling() > cancellations
            ):  # meant for us; others are left over from the client's own tasks
                raise
            _log.warning("the client did not stop cleanly", error=logs.error_name(error))

    async def _on_batch(self, records: list[ConsumerRecord]) -> None:
        """Hand records to their lanes. Never waits: a full lane pauses its partitions instead."""
        runs: dict[TopicPartition, list[ConsumerRecord]] = defaultdict(list)
        for record in records:
            runs[TopicPartition(record.topic, record.partition)].append(record)
        for partition, run in runs.items():
            # Without a claim, or fetched before it, records are let go: the claim seeks to where the store stands.
            position = self._assignment.position(partition)
            if position is not None and self._consumer is not None and self._consumer.is_current(partition):
                position.arrived(run[-1].offset + 1, run[0].timestamp)
                self._lanes[int(partition.partition) % len(self._lanes)].push(position, run)
        self._press_back()

    def _press_back(self) -> None:
        """Pause the partitions of lanes that are full, resume those of lanes that have room again."""
        if self._consumer is None or self._draining:
            return
        for index, lane in enumerate(self._lanes):
            own = [
                position.partition
                for position in self._assignment.positions
                if position.partition.partition % len(self._lanes) == index
            ]
            if index not in self._paused_lanes and lane.fill >= _FILL_MAX:
                self._paused_lanes.add(index)
                self._consumer.pause_owned(own)
            elif index in self._paused_lanes and lane.fill <= _FILL_LOW:
                self._paused_lanes.discard(index)
                self._consumer.resume_owned(own)

    def _has_room(self, partition: int) -> bool:
        """May a partition of this number be fetched now?"""
        return not self._draining and partition % len(self._lanes) not in self._paused_lanes

    async def _commit_forever(self) -> None:
        last_commit = time.monotonic()
        while True:
            await asyncio.sleep(_PRESSURE_SECONDS)
            self._press_back()
            if time.monotonic() - last_commit >= _COMMIT_SECONDS:
                await self._commit()
                last_commit = time.monotonic()

    async def _commit(self) -> None:
        """Tell Kafka what is stored. Only a hint: a failure is of no consequence."""
        server = self._lineage.text
        offsets = {
            p.partition: OffsetAndMetadata(p.next_offset, server)
            for p in self._assignment.positions
            if not p.lost
        }
        if self._consumer is None or not offsets:
            return
        with suppress(KafkaError, OSError, TimeoutError, ValueError):
            async with asyncio.timeout(5):
                await self._consumer.commit(offsets)


async def _raw_parser(records: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    """Cannot fail: it looks at nothing. (The default one decodes headers, and loses the batch over a bad one.)"""
    return KafkaMessage(records, body=b"", headers={}, reply_to="", consumer=None)  # type: ignore[arg-type]


async def _raw_decoder(message: KafkaMessage) -> list[ConsumerRecord]:
    """Cannot fail: it hands out the raw records."""
    return list(message.raw_message)
