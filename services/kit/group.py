"""Has the whole consumer group caught up, whoever holds which partition?"""

import time
from collections.abc import Sequence

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.kit import kafka
from services.kit.fetch import SteadyConsumer
from services.kit.remedy import TROUBLE
from services.kit.sql import PLUMBING, Pool

_ASKED_SECONDS_MAX = 60.0


class GroupProgress:
    """Compares where partitions are stored with where they ended when this was last asked.

    Not with where they end now: of a partition in use the last offset is often a marker, stored a little later.
    """

    def __init__(self, pool: Pool, topics: Sequence[str]) -> None:
        self._pool = pool
        self._topics = topics
        self._ends: dict[TopicPartition, int] = {}
        self._asked_at = 0.0

    async def caught_up(self, consumer: SteadyConsumer) -> bool:
        """True when every partition is stored to where it ended when this was last asked, at most a minute ago.

        False the first time, and whenever it cannot be known.
        """
        partitions = kafka.partitions_of(consumer, self._topics)
        try:
            ends = await consumer.end_offsets(partitions)
            rows = await self._pool.fetch(
                PLUMBING["read_positions"], [p.topic for p in partitions], [p.partition for p in partitions]
            )
        except (KafkaError, *TROUBLE):
            self._ends = {}
            return False
        stored = {TopicPartition(row["topic"], row["partition"]): int(row["next_offset"]) for row in rows}
        earlier, asked_at = self._ends, self._asked_at
        self._ends, self._asked_at = ends, time.monotonic()
        if earlier.keys() != ends.keys() or not ends or time.monotonic() - asked_at > _ASKED_SECONDS_MAX:
            return False
        return all(stored.get(partition, 0) >= end for partition, end in earlier.items())
