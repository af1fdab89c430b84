"""The whole house as real processes, on a stack of its own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio
from aiokafka import AIOKafkaProducer

from deploy.local.services import House
from deploy.local.stack import Stack
from services.kit import issuer

PAGE_KEY = "only-for-tests-only-for-tests-only"
RECORD_KEY = "for-records-in-tests-for-records-in-tests"


@dataclass
class Home:
    """A running house and what a test needs to talk to it."""

    stack: Stack
    house: House
    producer: AIOKafkaProducer
    issuer_folder: Path

    def token(self, subject: str, *scopes: str) -> dict[str, str]:
        """Headers with a bearer token."""
        return {"authorization": f"Bearer {issuer.issue(self.issuer_folder, subject, scopes)}"}


@pytest_asyncio.fixture(scope="session")
async def home() -> AsyncIterator[Home]:
    async with Stack("e2e") as stack:
        await stack.create_topics()
        issuer_folder = stack.folder.path / "issuer"
        env = {
            "recognition": {"HISTORY_SINCE": "2025-01-01"},
            "ledger": {
                "JWT_JWKS": str(issuer.jwks_file(issuer_folder)),
                "PAGE_LINK_KEY": PAGE_KEY,
                "RECORD_KEY": RECORD_KEY,
                "RECORD_URL": "https://waystone.example/records",
            },
        }
        async with House(stack, env) as house:
            producer = AIOKafkaProducer(
                bootstrap_servers=stack.bootstrap_servers, linger_ms=5, max_request_size=4 * 1024 * 1024
            )
            await producer.start()
            yield Home(stack, house, producer, issuer_folder)
            await producer.stop()
