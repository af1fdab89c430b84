"""`python -m tests.integration.tiny_service serve|migrate`: numbers from a topic go into a table and out again."""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from aiokafka import ConsumerRecord

from services.kit import run, web
from services.kit.batch import Item, Outgoing
from services.kit.consume import Consumer
from services.kit.errors import Refusal, Stage
from services.kit.relay import Relay
from services.kit.run import Parts
from services.kit.settings import ServiceSettings
from services.kit.sql import AnyConnection, Pool


class TinySettings(ServiceSettings):
    """Where the numbers come from and go to."""

    topic_in: str
    topic_out: str
    topic_dlq: str
    crash: bool = False
    """Fail in a loop of its own, with a message that nobody should read."""


class Numbers:
    """Keeps each number and passes it on."""

    read_first: Sequence[Sequence[str]] = ()

    def __init__(self, settings: TinySettings) -> None:
        self.topics: Sequence[str] = [settings.topic_in]
        self.dlq_topic = settings.topic_dlq
        self.publishes: Sequence[str] = [settings.topic_out]

    def decode(self, record: ConsumerRecord, now: datetime) -> int | Refusal:
        try:
            return int(json.loads(record.value)["n"])
        except (ValueError, TypeError, KeyError):
            return Refusal("DECODE_BAD", Stage.DECODE, "no number")

    async def apply(self, connection: AnyConnection, items: Sequence[Item[int]]) -> Sequence[Outgoing]:
        numbers = [item.decoded for item in items]
        await connection.execute("INSERT INTO tally (n) SELECT unnest($1::integer[])", numbers)
        return [Outgoing(self.publishes[0], b"k", item.record.value, []) for item in items]


def build(settings: TinySettings, pool: Pool) -> Parts:
    """What runs."""

    async def crash() -> None:
        await asyncio.sleep(0.1)
        raise LookupError("canary")

    consumer: Consumer[int] = Consumer(settings, pool, Numbers(settings), group=f"tiny.{settings.topic_in}")
    relay = Relay(settings, service=f"tiny.{settings.topic_in}")
    return Parts(consumer, relay, web.create_app("tiny", consumer, pool), [crash] if settings.crash else [])


if __name__ == "__main__":
    raise SystemExit(run.main("tiny", Path(__file__).parent, TinySettings, build, sys.argv[1:]))
