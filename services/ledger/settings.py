"""Settings of the ledger, beside those every service has."""

from typing import Annotated

from pydantic import Field, SecretStr

from services.kit.auth import AuthSettings
from services.kit.limits import RateSettings
from services.kit.settings import ServiceSettings
from services.ledger.links import LinkSettings
from services.ledger.proof.keys import CheckpointSettings


class LedgerSettings(ServiceSettings, AuthSettings, LinkSettings, CheckpointSettings, RateSettings):
    """Whom to believe about who asks (`jwt_…`) and the key of page links; without them the API and pages stay shut.
    The key of checkpoints, without which none is signed.

    `database_url` is the owner's for `migrate`, the writer's for `serve`.
    """

    reader_database_url: SecretStr | None = None
    """The same database as a role that may only read, under row security; `serve` needs it, `migrate` does not."""

    gap_settled_seconds: Annotated[float, Field(ge=15, le=86_400)] = 60
    """How long the consumer must have kept up before a day's figures by unit are computed. They are computed once:
    raise it for a backfill that comes in slowly, or what has not come yet passes for a gap."""
