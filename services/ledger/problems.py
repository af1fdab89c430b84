"""Problems the ledger's routes may answer, as their reference describes them."""

from typing import Any

from services.kit.web import PROBLEM
from services.ledger.answers import ProblemAnswer

_TEXTS = {
    400: "`DECODE_BAD`: the body is no JSON we take",
    401: "`TOKEN_MISSING`, `TOKEN_BAD`",
    403: "`SCOPE_MISSING`",
    404: "`NOT_FOUND`: it does not exist, or is not for you",
    409: "`DISPUTE_EXISTS`, `DISPUTE_DECIDED`, `FORMER_ID`",
    413: "`BODY_TOO_LARGE`",
    422: "`REQUEST_BAD`, `CURSOR_BAD`, `SCHEMA_BAD`, `IDEMPOTENCY_KEY_REUSED`",
    429: "`RATE_LIMITED`: ask again after `Retry-After` seconds",
    503: "`DATABASE_UNAVAILABLE`: ask again after `Retry-After` seconds",
}
ALWAYS = (401, 404, 422, 429, 503)
"""Statuses of the problems every route with a token may answer."""


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of these statuses that a route may answer, for its reference."""
    return {
        status: {
            "description": _TEXTS[status],
            # Inline, for a `model` would be announced as application/json.
            "content": {PROBLEM: {"schema": ProblemAnswer.model_json_schema()}},
        }
        for status in sorted(statuses)
    }
