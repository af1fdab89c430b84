"""Settings of the recognition service."""

from datetime import date
from typing import Annotated

from pydantic import Field

from services.kit.settings import ServiceSettings
from services.recognition.domain.state import Limits


class RecognitionSettings(ServiceSettings):
    """What recognition reads beside the settings every service has."""

    history_since: date | None = None
    """A declared backfill: the events of whoever started on this day or later are all sent. Firsts count for them;
    when absent, for whoever started since the service's database was first migrated."""
    parked_days_max: Annotated[int, Field(ge=1, le=365)] = 30
    """How long an event waits for somebody the directory has not brought."""
    parked_per_person_max: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Most that waits for one person."""
    parked_max: Annotated[int, Field(ge=1, le=10_000_000)] = 1_000_000
    """Most that waits in all."""
    released_per_batch_max: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """Most that one transaction releases; the next sweep goes on."""
    inbox_days_max: Annotated[int, Field(ge=31, le=3_650)] = 400
    """How long an accepted event is recognised when it comes again; longer than any input topic keeps it."""
    sweep_seconds: Annotated[float, Field(gt=0, le=3_600)] = 60
    """How often what was left waiting is looked at."""

    @property
    def limits(self) -> Limits:
        """How much may be parked."""
        return Limits(self.parked_per_person_max, self.parked_max)
