"""Settings of the notifier, beside those every service has."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from services.kit.settings import ServiceSettings
from services.notifier.domain.addresses import usable_email


class NotifierSettings(ServiceSettings):
    """E-mail is the company's default way to reach people, so its server and sender must be given."""

    smtp_host: Annotated[str, Field(min_length=1, max_length=253)]
    """Mail server that takes our messages."""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    """Its port."""
    smtp_tls: Literal["none", "starttls", "tls"] = "starttls"
    """How the connection is protected. `none` is for a server on the same machine."""
    smtp_username: str = ""
    """User to log in as; without one there is no login."""
    smtp_password: SecretStr = SecretStr("")
    """Password of that user."""
    mail_from: Annotated[str, Field(min_length=3, max_length=254)]
    """Address messages come from."""
    mail_from_name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")] = (
        "Waystone"
    )
    """Name messages come from."""
    chat_webhook_url: SecretStr | None = None
    """Slack-compatible incoming webhook. It must deliver to the person that `channel` names (a member id or
    `@handle`), because private words go that way: the directory's `chat` must hold people only, best as member ids, for
    a user group's name looks like anybody's. Absent: nobody is told by chat."""
    public_url: Annotated[str, Field(max_length=500, pattern=r"^https?://[^\s]+$")] | None = None
    """Address of the company's own that signs a person in and sends them on to their page by a fresh link, linked in
    messages; `{employee}` in it stands for their id. Not the page itself: that opens by short-lived links only, and
    messages are read later."""
    concurrent_sends_max: Annotated[int, Field(ge=1, le=200)] = 20
    """Messages under way at the same time, per channel."""
    network_seconds_max: Annotated[int, Field(ge=1, le=60)] = 15
    """How long to wait for one answer of a mail or chat server."""

    @model_validator(mode="after")
    def _sender_is_an_address(self) -> "NotifierSettings":
        if not usable_email(self.mail_from):
            raise ValueError("MAIL_FROM is not a plain mail address")
        return self

    @property
    def send_seconds_max(self) -> int:
        """How long one message may take in all: a mail is up to seven answers long."""
        return 8 * self.network_seconds_max

    @property
    def lease_seconds(self) -> int:
        """How long a claimed message belongs to one process: longer than sending it and storing the result."""
        return self.send_seconds_max + 15
