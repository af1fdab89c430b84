"""What the notifier must be told before it serves."""

import pytest

from services.kit.errors import Stop
from services.kit.settings import read_settings
from services.notifier.settings import NotifierSettings

GIVEN = {
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
    "DATABASE_URL": "postgresql://localhost/notifier",
    "SMTP_HOST": "mail.example.invalid",
    "MAIL_FROM": "waystone@example.invalid",
}


def test_without_a_mail_server_it_does_not_start_and_says_what_is_missing() -> None:
    given = {name: value for name, value in GIVEN.items() if name not in ("SMTP_HOST", "MAIL_FROM")}
    with pytest.raises(Stop, match="set SMTP_HOST and MAIL_FROM") as stop:
        read_settings(NotifierSettings, given)
    assert stop.value.code == "CONFIG_MISSING"


@pytest.mark.parametrize(
    "sender", ["Waystone <w@example.invalid>", "a@b\r\nBcc: c@d", "=?utf-8?q?a?=@b.example"]
)
def test_a_sender_that_is_no_plain_address_is_refused(sender: str) -> None:
    with pytest.raises(Stop, match="MAIL_FROM") as stop:
        read_settings(NotifierSettings, {**GIVEN, "MAIL_FROM": sender})
    assert stop.value.code == "CONFIG_BAD"


def test_a_claim_outlasts_the_longest_send() -> None:
    settings = read_settings(NotifierSettings, {**GIVEN, "NETWORK_SECONDS_MAX": "60"})
    assert settings.lease_seconds > settings.send_seconds_max > 7 * settings.network_seconds_max


def test_no_secret_is_shown_when_settings_are_printed() -> None:
    settings = read_settings(
        NotifierSettings,
        {**GIVEN, "SMTP_PASSWORD": "hunter2", "CHAT_WEBHOOK_URL": "https://chat.example/hooks/s3cret"},
    )
    assert "hunter2" not in repr(settings)
    assert "s3cret" not in repr(settings)
