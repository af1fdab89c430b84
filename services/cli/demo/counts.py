"""What has become of everything so far, counted where it lies: three databases, recognition's metrics, the mailbox."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.errors import last_lines
from deploy.local.services import House
from deploy.local.stack import Stack
from schemas.topic_files import read_topics
from services.cli.errors import EXIT_FAULTS, CliError
from services.kit.sql import Pool, Queries
from services.ledger.domain import KINDS

ENTRIES_TOPIC = "recognition.entries.v1"
SERVICES = ("recognition", "ledger", "notifier")
HELD_AFTER_SECONDS = 60.0
"""What is put off for less is looked at again in a moment: it is not held."""
HTTP_SECONDS_MAX = 20.0
_KIND_NAMES = {code: name for name, code in KINDS.items()}
_SQL = Queries(Path(__file__).parent / "sql" / "counts.sql")

IntentKey = tuple[str, str, str]
"""State (`held` besides the notifier's own), channel, reason."""


@dataclass(frozen=True, slots=True)
class Counts:
    """One look. outcomes: service → topic → outcome → records. entries: kind → number. Else numbers.

    published: entries that recognition has published. outbox, aside: over all services. held_unasked: intents put off
    for people who have neither quiet hours nor a leave.
    """

    outcomes: Mapping[str, Mapping[str, Mapping[str, int]]]
    outbox: int
    aside: int
    parked: int
    published: int
    entries: Mapping[str, int]
    intents: Mapping[IntentKey, int]
    held_unasked: int
    mails: int
    message_ids: int
    chats: int

    def disposed(self, service: str, topic: str) -> int:
        """Records of a topic that have an outcome in a service."""
        return sum(self.outcomes[service].get(topic, {}).values())

    def told(self, *states: str) -> int:
        """Intents in one of these states; all of them when none is given."""
        return sum(n for (state, _, _), n in self.intents.items() if not states or state in states)


def readers() -> dict[str, frozenset[str]]:
    """Service → topics it reads, as the topic files say."""
    topics = read_topics().values()
    return {s: frozenset(t.topic for t in topics if s in t.consumers) for s in SERVICES}


class Counter:
    """Counts, as often as it is asked. An async context manager."""

    def __init__(self, stack: Stack, house: House) -> None:
        self._stack, self._house = stack, house
        self.pools: dict[str, Pool] = {}
        self.http = httpx.AsyncClient(
            timeout=HTTP_SECONDS_MAX,
            follow_redirects=True,
            # A proxy that the environment names does not lead to this machine.
            trust_env=False,
            # On a busy machine looks are as far apart as a server keeps an idle connection: it closes as we ask again.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def __aenter__(self) -> "Counter":
        for service in SERVICES:
            url = self._stack.database_url(service)
            self.pools[service] = await asyncpg.create_pool(url, min_size=0, max_size=3, command_timeout=60)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()
        for pool in self.pools.values():
            pool.terminate()

    async def count(self) -> Counts:
        """Look once. Raises CliError SERVICE_ENDED, and httpx's or asyncpg's error when somebody does not answer."""
        self.expect_services()
        # In the order things flow, backwards: what moves on meanwhile is counted late rather than never.
        mails, message_ids, chats = await self.mailbox()
        intents = await self.pools["notifier"].fetch(_SQL["intents"], HELD_AFTER_SECONDS)
        held_unasked = await self.pools["notifier"].fetchval(_SQL["held_unasked"], HELD_AFTER_SECONDS)
        entries = await self.pools["ledger"].fetch(_SQL["entries"])
        services = await asyncio.gather(*(self._service(pool) for pool in self.pools.values()))
        parked = await self.pools["recognition"].fetchval(_SQL["parked"])
        return Counts(
            outcomes={name: outcomes for name, (outcomes, _, _) in zip(self.pools, services, strict=True)},
            outbox=sum(waiting for _, waiting, _ in services),
            aside=sum(aside for _, _, aside in services),
            parked=parked,
            published=await self._published(),
            entries={_KIND_NAMES[row["kind"]]: row["entries"] for row in entries},
            intents={(row["state"], row["channel"], row["reason"]): row["intents"] for row in intents},
            held_unasked=held_unasked,
            mails=mails,
            message_ids=message_ids,
            chats=chats,
        )

    async def mailbox(self) -> tuple[int, int, int]:
        """Mails, different Message-IDs among them, chat messages."""
        answer = (await self.http.get(f"{self._house.mailbox.http_url}/api/count")).raise_for_status().json()
        return answer["mails_received"], answer["message_ids"], answer["chats_received"]

    def expect_services(self) -> None:
        """Raise CliError SERVICE_ENDED, with its last words, when a service does not run any more."""
        for service in self._house.services.values():
            if service.pid is None:
                log = self._stack.folder.path / f"{service.name}.log"
                words = last_lines(log.read_text(errors="replace"), 1) if log.exists() else ""
                raise CliError("SERVICE_ENDED", f"{service.name} does not run any more: {words}", EXIT_FAULTS)

    async def _service(self, pool: Pool) -> tuple[dict[str, dict[str, int]], int, int]:
        outcomes: dict[str, dict[str, int]] = {}
        for row in await pool.fetch(_SQL["dispositions"]):
            outcomes.setdefault(row["topic"], {})[row["outcome"]] = row["records"]
        waiting: Any = await pool.fetchrow(_SQL["outbox"])
        return outcomes, waiting["waiting"], waiting["aside"]

    async def _published(self) -> int:
        answer = (await self.http.get(f"{self._house['recognition'].http_url}/metrics")).raise_for_status()
        return sum(
            int(sample.value)
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
            if sample.name == "waystone_published_total" and sample.labels["topic"] == ENTRIES_TOPIC
        )
