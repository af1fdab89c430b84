"""What a directory record means, however its periods are ordered."""

import random
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from schemas.models.people import PersonV1

DAYS = st.dates(date(2015, 1, 1), date(2026, 1, 1))
STATUSES = st.sampled_from(["active", "on-leave", "left"])
PERIODS = st.lists(st.tuples(DAYS, STATUSES), min_size=1, max_size=8)


def statuses_of(periods: list[tuple[date, str]]) -> list[tuple[date, str]]:
    record = PersonV1.model_validate(
        {
            "employee": "e-1",
            "name": "Ada",
            "teams": ({"since": date(2015, 1, 1), "team": "north"},),
            "statuses": tuple({"since": since, "status": status} for since, status in periods),
        }
    )
    return [(period.since, period.status) for period in record.statuses]


@given(PERIODS)
def test_periods_come_out_rising_and_of_one_day_as_they_were_given(periods: list[tuple[date, str]]) -> None:
    assert statuses_of(periods) == sorted(periods, key=lambda period: period[0])


@given(st.dictionaries(DAYS, STATUSES, min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_the_order_days_are_listed_in_means_nothing(periods: dict[date, str], chance: random.Random) -> None:
    shuffled = list(periods.items())
    chance.shuffle(shuffled)
    assert statuses_of(shuffled) == statuses_of(list(periods.items()))
