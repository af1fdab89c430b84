"""Settings from the environment, read once and frozen. Every variable may also be given as `<NAME>_FILE`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from services.kit.errors import Stop

DEVELOPMENT_DIGEST_KEY = SecretStr("waystone-development-only")
"""Everybody knows it; a service that runs with it says so."""


class ServiceSettings(BaseModel):
    """What every service reads. The variable is the field's name in capitals."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    kafka_bootstrap_servers: Annotated[str, Field(min_length=1)]
    """Brokers, `host:port` separated by commas."""
    database_url: SecretStr
    """Postgres, `postgresql://user:password@host:port/database`."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How to talk to the brokers."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How to authenticate."""
    kafka_sasl_username: str = ""
    """SASL user."""
    kafka_sasl_password: SecretStr = SecretStr("")
    """SASL password."""
    kafka_ssl_cafile: Path | None = None
    """Certificates to trust (PEM); the system's when absent."""
    kafka_ssl_certfile: Path | None = None
    """Client certificate (PEM)."""
    kafka_ssl_keyfile: Path | None = None
    """Key of the client certificate (PEM)."""
    group_instance_id: str | None = None
    """Static membership: a restarted process gets its partitions back at once. One per replica."""
    http_host: str = "127.0.0.1"
    """Address the HTTP port listens on."""
    http_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """HTTP port; 0 picks a free one, which is logged."""
    lanes: Annotated[int, Field(ge=1, le=64)] = 2
    """Writers side by side, each with a connection: lane = partition mod lanes."""
    batch_records_max: Annotated[int, Field(ge=1, le=50_000)] = 5_000
    """Most records in one transaction."""
    batch_bytes_max: Annotated[int, Field(ge=1_048_576, le=268_435_456)] = 16 * 1024 * 1024
    """Most bytes of records (value, key and headers) in one transaction."""
    linger_ms: Annotated[int, Field(ge=1, le=1_000)] = 50
    """How long a batch waits to fill."""
    drain_seconds_max: Annotated[int, Field(ge=1, le=11)] = 10
    """On SIGTERM: how long to finish what is in flight. The process ends within 15 s, leaving the group included."""
    digest_key: SecretStr = DEVELOPMENT_DIGEST_KEY
    """Key of digests over short texts, which could otherwise be guessed. Set your own in production."""
    backup_retention_days: Annotated[int, Field(ge=0, le=3_650)] = 30
    """How long backups of this service's database are kept: the receipt of an erasure names the day they forget."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least level that is logged."""


S = TypeVar("S", bound=BaseModel)


def read_settings(model: type[S], environ: Mapping[str, str]) -> S:
    """Build `model` from the environment.

    Raises Stop `CONFIG_MISSING` naming every variable that is absent, or `CONFIG_BAD` naming the first that is
    unusable. A value is never repeated: it may be a secret.
    """
    values: dict[str, str] = {}
    for name in model.model_fields:
        variable = name.upper()
        if path := environ.get(f"{variable}_FILE"):
            try:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise Stop("CONFIG_BAD", f"{variable}_FILE cannot be read ({error.strerror})") from None
            except UnicodeDecodeError:
                raise Stop("CONFIG_BAD", f"{variable}_FILE is not UTF-8") from None
        elif environ.get(variable):
            values[name] = environ[variable]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        missing = [str(f["loc"][0]).upper() for f in faults if f["type"] == "missing"]
        if missing:
            raise Stop("CONFIG_MISSING", f"set {' and '.join(missing)}") from None
        place = faults[0]["loc"]  # empty for a rule about several settings, whose message names them
        variable = f"{str(place[0]).upper()}: " if place else ""
        raise Stop("CONFIG_BAD", variable + faults[0]["msg"]) from None
