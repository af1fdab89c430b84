"""Wiring: settings and pool → the parts that run."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from services.kit import web
from services.kit.consume import Consumer
from services.kit.relay import Relay
from services.kit.run import Parts
from services.kit.sql import Pool
from services.notifier.arrivals import Arrival
from services.notifier.channels import Channel
from services.notifier.channels.chat import Chat
from services.notifier.channels.mail import Mail, SmtpServer
from services.notifier.channels.mime import MailWriter
from services.notifier.domain.telling import CHANNELS, ChannelName
from services.notifier.handlers import NotifierHandler
from services.notifier.planning import Planner
from services.notifier.rounds import forever
from services.notifier.sending import Sender, SendLimits
from services.notifier.settings import NotifierSettings
from services.notifier.upkeep import Upkeep

SERVICE = "notifier"
_LOOK_SECONDS = 0.1
_PLAN_IDLE_SECONDS = 0.2
_RECALL_SECONDS = 2.0
_MEASURE_SECONDS = 5.0


def build(settings: NotifierSettings, pool: Pool) -> Parts:
    """What `python -m services.notifier serve` runs."""
    handler = NotifierHandler(
        settings.digest_key.get_secret_value().encode(), backup_retention_days=settings.backup_retention_days
    )
    consumer: Consumer[Arrival] = Consumer(settings, pool, handler, group=SERVICE)
    channels = _channels(settings)
    planner, upkeep = Planner(pool, channels.keys()), Upkeep(pool)
    limits = SendLimits(settings.concurrent_sends_max, settings.send_seconds_max, settings.lease_seconds)
    senders = [
        Sender(
            name,
            channels.get(name),
            pool,
            channels=channels.keys(),
            limits=limits,
            public_url=settings.public_url,
        )
        for name in CHANNELS
    ]

    async def once_read(tell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Nothing is told before what was told already, and who wishes what, has been read."""
        while not await consumer.has_read_first():  # noqa: ASYNC110 - it looks into the database, once a start
            await asyncio.sleep(_LOOK_SECONDS)
        await tell()

    def plan() -> Coroutine[Any, Any, None]:
        return forever("plan", planner.once, idle_seconds=_PLAN_IDLE_SECONDS)

    tasks: list[Callable[[], Coroutine[Any, Any, None]]] = [
        lambda: forever("recall", upkeep.recall_once, idle_seconds=_RECALL_SECONDS),
        lambda: forever("measure", upkeep.measure_once, idle_seconds=_MEASURE_SECONDS),
        *(partial(once_read, tell) for tell in (plan, *(sender.run for sender in senders))),
    ]
    app = web.create_app(SERVICE, consumer, pool)
    return Parts(consumer, Relay(settings, service=SERVICE), app, tasks)


def _channels(settings: NotifierSettings) -> dict[ChannelName, Channel]:
    """The ways this company has set up."""
    server = SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value(),
        sender=settings.mail_from,
        timeout_seconds=settings.network_seconds_max,
    )
    channels: dict[ChannelName, Channel] = {
        "email": Mail(server, MailWriter(settings.mail_from, settings.mail_from_name))
    }
    if settings.chat_webhook_url is not None:
        url = settings.chat_webhook_url.get_secret_value()
        channels["chat"] = Chat(url, settings.network_seconds_max, settings.concurrent_sends_max)
    return channels
