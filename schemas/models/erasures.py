"""Events of `recognition.erasures.v1`: the right to be forgotten."""

from typing import Literal

from schemas.fields import Contract, EmployeeId, OptionalWords


class ErasureV1(Contract):
    """A person's words and directory record are erased everywhere; later events about them are refused.

    The topic keeps the newest record of a person only: one that follows another never asks for less.
    """

    employee: EmployeeId
    """Who is erased, and the key of the record."""
    scope: Literal["received", "given"] = "received"
    """`received`: words they received go, words they gave stay under "a former colleague". `given`: those go too."""
    request: OptionalWords = ""
    """Reference of the request, e.g. a case number. No personal data."""
