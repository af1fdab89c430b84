"""Signed links: short-lived ones to a person's page, with the cookie they are exchanged for, and lasting ones to the
record a person takes along.

Each signature is bound to its purpose, its person and its end: a link is no cookie, a cookie no link.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Literal, get_args
from urllib.parse import quote, urlencode

from pydantic import BaseModel, Field, SecretStr

LINK_SECONDS_MAX = 900
COOKIE_SECONDS = 3_600
COOKIE = "waystone_person"
KEY_CHARS_MIN = 32
# The clock of who signed may be a little ahead of ours.
_CLOCK_LEEWAY_SECONDS = 60
_OPEN_PAGE = "open-person-page"
_SHOW_PAGE = "show-person-page"
_OPEN_RECORD = "open-record-carrying-"
RECORD_DAYS = 1_830
"""How long a link to a record lives unless somebody says otherwise: five years."""
RECORD_DAYS_MAX = 3_660
Carry = Literal["public", "team", "private"]
"""How narrow a circle's recognitions a record carries at most: the person says so when the link is made."""
_SECONDS_MAX = {
    _OPEN_PAGE: LINK_SECONDS_MAX,
    _SHOW_PAGE: COOKIE_SECONDS,
    **{_OPEN_RECORD + carry: RECORD_DAYS_MAX * 86_400 for carry in get_args(Carry)},
}


class LinkSettings(BaseModel):
    """Settings of a service that has pages; to be mixed into its settings."""

    page_link_key: Annotated[SecretStr, Field(min_length=KEY_CHARS_MIN)] | None = None
    """Key that signs links to person pages, 32 characters or more. Without it no page opens."""
    page_cookie_secure: bool = False
    """Mark the pages' cookie `Secure` always: for a proxy that ends TLS and hands on plain http. Without it the cookie
    is `Secure` when the request itself came by https."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs and checks. key: a secret of at least 32 characters. cookie_secure: whatever a request's scheme."""

    key: str
    cookie_secure: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a key that could be guessed."""
        if len(self.key) < KEY_CHARS_MIN:
            raise ValueError(f"PAGE_LINK_KEY needs at least {KEY_CHARS_MIN} characters")

    def link_query(self, employee: str, now: datetime, lifetime_seconds: int = LINK_SECONDS_MAX) -> str:
        """Query string of a link that opens the page of `employee` until `lifetime_seconds` (1–900) from now."""
        if not 1 <= lifetime_seconds <= LINK_SECONDS_MAX:
            raise ValueError(f"a link lives 1 to {LINK_SECONDS_MAX} seconds")
        expires = int(now.timestamp()) + lifetime_seconds
        return urlencode({"expires": expires, "signature": self._sign(_OPEN_PAGE, employee, expires)})

    def link_is_good(self, employee: str, expires: int, signature: str, now: datetime) -> bool:
        """Tell whether a link was signed here for this person and has not ended."""
        return self._is_good(_OPEN_PAGE, employee, expires, signature, now)

    def cookie_value(self, employee: str, now: datetime) -> str:
        """What the cookie holds after the link was opened; good for an hour."""
        expires = int(now.timestamp()) + COOKIE_SECONDS
        return f"{expires}.{self._sign(_SHOW_PAGE, employee, expires)}"

    def cookie_is_good(self, employee: str, value: str, now: datetime) -> bool:
        """Tell whether a cookie was given by us for this person's page and has not ended."""
        expires, _, signature = value.partition(".")
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
            return False
        return self._is_good(_SHOW_PAGE, employee, int(expires), signature, now)

    def record_query(self, employee: str, carry: Carry, now: datetime, days: int) -> str:
        """Query string of a link that opens the record of `employee` for `days` (1–3,660), carrying what they chose."""
        if not 1 <= days <= RECORD_DAYS_MAX:
            raise ValueError(f"a link to a record lives 1 to {RECORD_DAYS_MAX} days")
        expires = int(now.timestamp()) + days * 86_400
        signature = self._sign(_OPEN_RECORD + carry, employee, expires)
        return urlencode({"carry": carry, "expires": expires, "signature": signature})

    def record_is_good(
        self, employee: str, carry: Carry, expires: int, signature: str, now: datetime
    ) -> bool:
        """Tell whether a link to a record was signed here, for this person and this choice, and has not ended."""
        return self._is_good(_OPEN_RECORD + carry, employee, expires, signature, now)

    def _is_good(self, purpose: str, employee: str, expires: int, signature: str, now: datetime) -> bool:
        genuine = hmac.compare_digest(self._sign(purpose, employee, expires).encode(), signature.encode())
        left = expires - now.timestamp()
        return genuine and 0 < left <= _SECONDS_MAX[purpose] + _CLOCK_LEEWAY_SECONDS

    def _sign(self, purpose: str, employee: str, expires: int) -> str:
        # Neither purpose nor number holds a newline, and ids cannot: the parts cannot run into each other.
        message = f"{purpose}\n{employee}\n{expires}".encode()
        return hmac.new(self.key.encode(), message, sha256).hexdigest()


def sign(
    base_url: str, employee: str, key: str, now: datetime, lifetime_seconds: int = LINK_SECONDS_MAX
) -> str:
    """The whole link that opens a person's page.

    base_url: of the ledger's HTTP port. key: `PAGE_LINK_KEY`. now: UTC. lifetime_seconds: 1–900.
    Raises ValueError for a weak key or a lifetime out of range.
    """
    query = Signer(key).link_query(employee, now, lifetime_seconds)
    return f"{base_url.rstrip('/')}/people/{quote(employee, safe='')}/open?{query}"


def sign_record(base_url: str, employee: str, carry: Carry, key: str, now: datetime, days: int) -> str:
    """The whole link that opens a person's record.

    base_url: of the ledger's HTTP port. carry: the narrowest circle whose recognitions it holds. key: `PAGE_LINK_KEY`.
    now: UTC. days: 1–3,660. Raises ValueError for a weak key or a lifetime out of range.
    """
    query = Signer(key).record_query(employee, carry, now, days)
    return f"{base_url.rstrip('/')}/records/{quote(employee, safe='')}?{query}"
