"""Settings come from the environment or from files; what is wrong is named, what was given is not repeated."""

from pathlib import Path
from typing import Any, Self

import pytest
from pydantic import SecretStr, ValidationError, model_validator

from services.kit import kafka
from services.kit.errors import Stop
from services.kit.settings import ServiceSettings, read_settings

CANARY = "canary-value"
GOOD = {"KAFKA_BOOTSTRAP_SERVERS": "a:9092,b:9092", "DATABASE_URL": f"postgresql://u:{CANARY}@h:1/d"}


def _refused(environ: dict[str, str], model: type[ServiceSettings] = ServiceSettings) -> Stop:
    with pytest.raises(Stop) as refused:
        read_settings(model, environ)
    assert CANARY not in str(refused.value)
    assert refused.value.__cause__ is None
    return refused.value


def test_every_missing_setting_is_named() -> None:
    refused = _refused({})
    assert refused.code == "CONFIG_MISSING"
    assert "KAFKA_BOOTSTRAP_SERVERS" in str(refused)
    assert "DATABASE_URL" in str(refused)


def test_only_what_is_missing_is_named_and_an_empty_variable_is_missing() -> None:
    refused = _refused(GOOD | {"KAFKA_BOOTSTRAP_SERVERS": ""})
    assert refused.code == "CONFIG_MISSING"
    assert "KAFKA_BOOTSTRAP_SERVERS" in str(refused)
    assert "DATABASE_URL" not in str(refused)


def test_any_setting_may_be_given_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://from-file\n")
    (tmp_path / "lanes").write_text("3")
    settings = read_settings(
        ServiceSettings,
        GOOD | {"DATABASE_URL_FILE": str(tmp_path / "url"), "LANES_FILE": str(tmp_path / "lanes")},
    )
    assert settings.database_url.get_secret_value() == "postgresql://from-file"
    assert settings.lanes == 3


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    refused = _refused(GOOD | {"DIGEST_KEY_FILE": str(tmp_path / CANARY)})
    assert refused.code == "CONFIG_BAD"
    assert "DIGEST_KEY_FILE" in str(refused)


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe\x00")
    refused = _refused(GOOD | {"DIGEST_KEY_FILE": str(tmp_path / "key")})
    assert refused.code == "CONFIG_BAD"
    assert "DIGEST_KEY_FILE" in str(refused)


@pytest.mark.parametrize(
    "name", ["LANES", "HTTP_PORT", "LOG_LEVEL", "KAFKA_SECURITY_PROTOCOL", "BATCH_RECORDS_MAX", "LINGER_MS"]
)
def test_an_unusable_value_is_named_but_not_repeated(name: str) -> None:
    refused = _refused(GOOD | {name: CANARY})
    assert refused.code == "CONFIG_BAD"
    assert name in str(refused)


@pytest.mark.parametrize("name", ["LANES", "BATCH_RECORDS_MAX", "LINGER_MS", "DRAIN_SECONDS_MAX"])
@pytest.mark.parametrize("value", ["0", "-1", "1000000000"])
def test_bounds_have_bounds(name: str, value: str) -> None:
    assert _refused(GOOD | {name: value}).code == "CONFIG_BAD"


class _Together(ServiceSettings):
    @model_validator(mode="after")
    def _never(self) -> Self:
        raise ValueError("LANES and HTTP_PORT do not go together")


def test_a_rule_about_several_settings_speaks_for_itself() -> None:
    refused = _refused(GOOD, _Together)
    assert refused.code == "CONFIG_BAD"
    assert "LANES and HTTP_PORT do not go together" in str(refused)


def test_secrets_are_in_no_representation() -> None:
    settings = read_settings(ServiceSettings, GOOD | {"KAFKA_SASL_PASSWORD": CANARY, "DIGEST_KEY": CANARY})
    for text in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert CANARY not in text


def test_settings_are_frozen_and_unknown_variables_are_ignored() -> None:
    settings = read_settings(ServiceSettings, GOOD | {"PATH": "/bin"})
    with pytest.raises(ValidationError):
        settings.lanes = 9  # type: ignore[misc]


# --- how Kafka is reached ---------------------------------------------------------------------------------------


def _settings(**changes: Any) -> ServiceSettings:
    return read_settings(ServiceSettings, GOOD).model_copy(update=changes)


def test_a_list_of_brokers_reaches_the_client_as_a_list() -> None:
    settings = _settings(kafka_bootstrap_servers=" a:9092, b:9092 ,")
    assert kafka.connection_options(settings)["bootstrap_servers"] == ["a:9092", "b:9092"]
    assert kafka.faststream_options(settings)["bootstrap_servers"] == ["a:9092", "b:9092"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_sasl_settings_reach_both_clients(protocol: str, mechanism: str) -> None:
    settings = _settings(
        kafka_security_protocol=protocol, kafka_sasl_mechanism=mechanism, kafka_sasl_username="user",
        kafka_sasl_password=SecretStr("word"),
    )  # fmt: skip
    options = kafka.connection_options(settings)
    assert options["security_protocol"] == protocol
    assert options["sasl_mechanism"] == mechanism
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("user", "word")
    assert ("ssl_context" in options) == (protocol == "SASL_SSL")
    security = kafka.faststream_options(settings)["security"]
    assert (security.username, security.password) == ("user", "word")
    assert security.use_ssl == (protocol == "SASL_SSL")


def test_tls_without_sasl_reaches_both_clients() -> None:
    settings = _settings(kafka_security_protocol="SSL")
    assert kafka.connection_options(settings)["ssl_context"] is not None
    assert "sasl_mechanism" not in kafka.connection_options(settings)
    assert kafka.faststream_options(settings)["security"].use_ssl


def test_plain_text_carries_no_credentials() -> None:
    settings = _settings(kafka_sasl_username="user", kafka_sasl_password=SecretStr("word"))
    assert "sasl_plain_password" not in kafka.connection_options(settings)
    assert kafka.faststream_options(settings)["security"] is None
