"""Events of `recognition.corrections.v1`: taking something back."""

from schemas.fields import Contract, EmployeeId, EventRef, OptionalWords


class WithdrawalV1(Contract):
    """An earlier event is taken back. History keeps both; what followed from it no longer counts."""

    of: EventRef
    """The event taken back."""
    by: EmployeeId | None = None
    """Who takes it back; absent when a system does."""
    reason: OptionalWords = ""
    """Why."""
