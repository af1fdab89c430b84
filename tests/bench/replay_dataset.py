"""`python -m tests.bench.replay_dataset PATH [--to kafka|stdout|here]`: a data set through the system.

kafka: to KAFKA_BOOTSTRAP_SERVERS. stdout: JSON lines. here: starts stack and services, waits until all has settled,
and compares counts in with counts out.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaProducer

from deploy.local.services import House
from deploy.local.stack import Stack
from schemas.registry import BY_TYPE
from services.cli.producer import send, send_by
from services.cli.verify.verification import Targets, verify
from services.kit.cloudevents import Event, to_structured
from tests.bench.dataset import events

_SETTLE_SECONDS_MAX = 600


def main() -> int:
    """Run one replay; 0 when counts agree."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.replay_dataset")
    parser.add_argument("path", type=Path)
    parser.add_argument("--to", choices=["kafka", "stdout", "here"], default="here")
    arguments = parser.parse_args()
    if arguments.to == "stdout":
        for event in events(arguments.path):
            print(json.dumps(to_structured(event), ensure_ascii=False))
        return 0
    if arguments.to == "kafka":
        sent = asyncio.run(send(events(arguments.path), lambda _: None))
        print(f"{sent:,} events sent")
        return 0
    return asyncio.run(_here(list(events(arguments.path))))


async def _here(found: list[Event]) -> int:
    counts = Counter(BY_TYPE[event.type].name for event in found)
    print(", ".join(f"{count:,} {name}" for name, count in counts.items()))
    async with Stack("dataset", announce=lambda _: None) as stack:
        await stack.create_topics()
        async with House(stack, {"recognition": {"HISTORY_SINCE": "2000-01-01"}}) as house:
            began = time.monotonic()
            producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers, linger_ms=20, acks="all")
            await producer.start()
            sent = await send_by(producer, found, lambda _: None)
            await producer.stop()
            print(f"sent {sent:,} in {time.monotonic() - began:.1f} s")
            figures = await _settle(stack, sent)
            took = time.monotonic() - began
            print(f"settled after {took:.1f} s, {sent / took:,.0f} events/s: {figures}")
            report = await verify(
                Targets(
                    {name: stack.database_url(name) for name in house.services},
                    {"bootstrap_servers": stack.bootstrap_servers},
                )
            )
    skipped = [check.name for check in report.checks if check.skipped]
    whole = "clean" if report.complete else f"clean, but not asked: {', '.join(skipped)}"
    print("verify: " + (whole if report.clean else str(report.first_fault)))
    agree = figures["disposed"] == sent and not figures["entries missing"]
    return 0 if report.clean and report.complete and agree else 1


async def _settle(stack: Stack, sent: int) -> dict[str, int]:
    figures: dict[str, int] = {}
    for _ in range(_SETTLE_SECONDS_MAX * 2):
        disposed = "SELECT coalesce(sum(next_offset - first_offset), 0) FROM consumer_position"
        emitted = await _ask(stack, "recognition", "SELECT count(*) FROM emitted")
        figures = {
            "disposed": await _ask(stack, "recognition", disposed),
            "rejected": await _ask(
                stack,
                "recognition",
                "SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM batch, unnest(rejected) AS r",
            ),
            "emitted": emitted,
            "entries missing": emitted - await _ask(stack, "ledger", "SELECT count(*) FROM entry"),
            "intents due": await _ask(stack, "notifier", "SELECT count(*) FROM intent WHERE state = 'due'"),
            "intents": await _ask(stack, "notifier", "SELECT count(*) FROM intent"),
        }
        told = figures["intents"] == await _ask(stack, "ledger", "SELECT count(*) FROM entry WHERE kind = 2")
        if (
            figures["disposed"] == sent
            and told
            and not (figures["entries missing"] or figures["intents due"])
        ):
            return figures
        await asyncio.sleep(0.5)
    raise SystemExit(f"not settled: {figures}")


async def _ask(stack: Stack, service: str, query: str) -> int:
    connection = await asyncpg.connect(stack.database_url(service))
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())
