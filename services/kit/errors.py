"""Failures named by their remedy: refuse the record, retry the batch, let go of the partition, stop the process.

A refusal is a value, because bad input is expected. The others are exceptions, because they are not.
"""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Stable codes of refusals that the plumbing itself makes. Services add their own (`RULE_…`)."""

    RECORD_BAD = "RECORD_BAD"
    HEADER_BAD = "HEADER_BAD"
    DECODE_BAD = "DECODE_BAD"
    SCHEMA_BAD = "SCHEMA_BAD"
    ID_CONFLICT = "ID_CONFLICT"
    STORE_REFUSED = "STORE_REFUSED"
    UNREADABLE = "UNREADABLE"
    HANDLER_FAILED = "HANDLER_FAILED"


class Stage(StrEnum):
    """Where a record was refused."""

    FETCH = "fetch"
    DECODE = "decode"
    VALIDATE = "validate"
    RULES = "rules"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record is refused: a stable code, the stage, and one line that repeats no value of the record."""

    code: str
    stage: Stage
    detail: str


class Retry(Exception):
    """Something outside failed for now (database, broker, a deadlock): the same batch is tried again."""


class Fenced(Exception):
    """Another owner has claimed the partition: let go of it, never claim it again by oneself."""


class Stop(Exception):
    """Going on would lose or double something: the process ends with this clear message.

    code: stable, for alerts, e.g. `OFFSET_LOST`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
