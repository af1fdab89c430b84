"""A receipt is complete when all three services have reported, and names the last day."""

from datetime import UTC, date, datetime

import pytest

from services.ledger.receipt import SERVICES, Known, Reported, receipt_of

AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
RECEIVED, GIVEN = 1, 2


def reported(service: str, scope: int = RECEIVED, day: int = 3, **gone: int) -> Reported:
    return Reported(service, scope, AT, gone, date(2026, 12, day), date(2026, 12, day + 5))


def known(employee: str, *reports: Reported, scope: int | None = RECEIVED) -> Known:
    return Known(employee, AT if scope else None, scope, list(reports))


ALL = [reported(service, words=2) for service in SERVICES]


def test_nobody_erased_has_no_receipt() -> None:
    assert receipt_of("ada", []) is None
    assert receipt_of("ada", [known("ada", scope=None)]) is None


@pytest.mark.parametrize("missing", SERVICES)
def test_a_receipt_waits_for_each_service(missing: str) -> None:
    found = receipt_of("ada", [known("ada", *(one for one in ALL if one.service != missing))])
    assert found is not None
    assert (found.complete, found.waiting_for) == (False, [missing])
    assert (found.kafka_until, found.backups_until, found.last_day) == (None, None, None)


def test_a_complete_receipt_names_the_latest_days_of_all() -> None:
    late = reported("notifier", day=9, words=1)
    found = receipt_of("ada", [known("ada", *ALL[:2], late)])
    assert found is not None
    assert (found.complete, found.waiting_for) == (True, [])
    assert (found.kafka_until, found.backups_until) == (date(2026, 12, 9), date(2026, 12, 14))
    assert found.last_day == date(2026, 12, 14)
    assert [one.gone for one in found.services] == [{"words": 2}, {"words": 2}, {"words": 1}]


def test_an_erasure_that_reaches_further_waits_for_reports_that_do() -> None:
    further = [reported(service, GIVEN, words=1) for service in ("recognition", "ledger")]
    found = receipt_of("ada", [known("ada", *ALL, *further, scope=GIVEN)])
    assert found is not None
    assert (found.scope, found.waiting_for) == ("given", ["notifier"])
    assert [one.gone["words"] for one in found.services] == [3, 3, 2]


def test_former_ids_belong_to_the_receipt() -> None:
    found = receipt_of("ada", [known("ada", *ALL), known("old", *ALL[:2]), known("older", scope=None)])
    assert found is not None
    assert found.former_ids == ["old", "older"]
    assert found.waiting_for == ["notifier of old", *(f"{service} of older" for service in SERVICES)]
