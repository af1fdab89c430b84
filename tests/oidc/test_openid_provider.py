"""Tokens of a real OpenID provider: believed for what they say, and no further."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from services.kit import auth
from services.kit.auth import Authenticator, AuthSettings, Principal
from tests.oidc.provider import Provider, new_key


@pytest_asyncio.fixture
async def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Provider]:
    made = Provider(tmp_path, ["e-1042", "e-1003"])
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    yield made
    await made.stop()


def believing(provider: Provider, clock: list[datetime] | None = None, **changes: str) -> Authenticator:
    settings = {"jwt_issuer": provider.issuer, "jwt_jwks": provider.jwks_address} | changes
    now = (lambda: clock[0]) if clock else (lambda: datetime.now(UTC))
    return Authenticator(AuthSettings.model_validate(settings), now)


async def test_a_token_of_the_provider_is_good_for_its_subject_and_scopes(provider: Provider) -> None:
    await provider.start(new_key("first"))
    token = await provider.token("e-1042", "self", "team")
    assert await believing(provider).check(token) == Principal("e-1042", frozenset({"self", "team"}))


async def test_a_token_for_somebody_else_or_of_somebody_else_is_refused(provider: Provider) -> None:
    await provider.start(new_key("first"))
    token = await provider.token("e-1042", "self")
    assert await believing(provider, jwt_audience="another-service").check(token) is None
    assert await believing(provider, jwt_issuer="https://identity.example.com").check(token) is None
    head, body, signature = token.split(".")
    assert await believing(provider).check(f"{head}.{body}.{signature[::-1]}") is None


async def test_a_token_ends(provider: Provider) -> None:
    await provider.start(new_key("first"), seconds=60)
    token = await provider.token("e-1042", "self")
    assert await believing(provider).check(token) is not None
    late = datetime.now(UTC) + timedelta(seconds=60 + auth.CLOCK_LEEWAY_SECONDS + 5)
    assert await believing(provider, [late]).check(token) is None


async def test_after_a_rotation_the_new_key_is_fetched_and_the_old_one_forgotten(provider: Provider) -> None:
    first, second = new_key("first"), new_key("second")
    await provider.start(first)
    clock = [datetime.now(UTC)]
    judge = believing(provider, clock)
    old = await provider.token("e-1042", "self")
    assert await judge.check(old) is not None

    await provider.stop()
    await provider.start(second, first)
    fresh = await provider.token("e-1003", "self")
    assert await judge.check(fresh) is None, "asked again at once, a forger could make us ask all the time"
    clock[0] += timedelta(seconds=31)
    assert await judge.check(fresh) == Principal("e-1003", frozenset({"self"}))
    assert await judge.check(old) is not None, "both keys are published while tokens of the old one live"

    await provider.stop()
    await provider.start(second)
    clock[0] += timedelta(seconds=301)
    assert await judge.check(old) is None
    assert await judge.check(fresh) is not None


async def test_keys_are_taken_only_from_an_address_whose_certificate_is_good(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await provider.start(new_key("first"))
    token = await provider.token("e-1042", "self")
    monkeypatch.delenv("SSL_CERT_FILE")
    assert await believing(provider).check(token) is None
