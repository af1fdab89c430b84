"""Settings of the ledger, beside those every service has."""

from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from services.kit.auth import AuthSettings
from services.kit.limits import RateSettings
from services.kit.settings import ServiceSettings
from services.ledger.links import LinkSettings
from services.ledger.proof.keys import CheckpointSettings
from services.ledger.record.keys import SECRET_CHARS_MIN


class RecordSettings(BaseModel):
    """What a person's portable record is issued and signed with; to be mixed into the ledger's settings."""

    record_key: Annotated[SecretStr, Field(min_length=SECRET_CHARS_MIN)] | None = None
    """Random secret, 32 characters or more: the key that signs records is made of it. Without it no record opens."""
    record_former_keys: SecretStr = SecretStr("")
    """Secrets used before, separated by spaces: their public keys stay published."""
    record_issuer: Annotated[str, Field(min_length=1, max_length=200)] = "Waystone"
    """Name of the organisation that a record comes from."""
    record_url: Annotated[str, Field(max_length=500, pattern=r"^https?://[^\s]+$")] | None = None
    """Address under which `/records` of this service is reached from outside. It stands in every record: never change
    it. Without it no record opens."""


class LedgerSettings(
    ServiceSettings, AuthSettings, LinkSettings, CheckpointSettings, RateSettings, RecordSettings
):
    """Whom to believe about who asks (`jwt_…`) and the key of page links; without them the API and pages stay shut.
    The key of checkpoints, without which none is signed.

    `database_url` is the owner's for `migrate`, the writer's for `serve`.
    """

    reader_database_url: SecretStr | None = None
    """The same database as a role that may only read, under row security; `serve` needs it, `migrate` does not."""

    gap_settled_seconds: Annotated[float, Field(ge=15, le=86_400)] = 60
    """How long the consumer must have kept up before a day's figures by unit are computed. They are computed once:
    raise it for a backfill that comes in slowly, or what has not come yet passes for a gap."""
