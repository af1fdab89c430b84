"""Formulas of inequality among people: Gini, the share of the top tenth, and what chance alone would give. Pure."""

import random
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from math import sqrt

GINI_PEOPLE_MIN = 20
TOP_SHARE = 0.10
_SIMULATIONS = 199
_PERCENTILE = 0.95
# Larger companies are simulated at this size, and the spread is scaled by the square root.
_SIMULATED_PEOPLE_MAX = 2_000
_SIMULATED_VOLUME_MAX = 20_000

Frequencies = Mapping[int, int]
"""How many people received so many recognitions; zero is among them."""


def gini(frequencies: Frequencies) -> float | None:
    """Gini coefficient of what people received, 0 (all alike) to 1 (one has all), corrected for small n.

    Σᵢ(2i−n−1)xᵢ ÷ (n Σx) × n/(n−1), ascending, zeros included. The factor n/(n−1) corrects for small samples (Deltas
    2003). None below twenty people, and where nobody received anything.
    """
    people = sum(frequencies.values())
    volume = sum(value * number for value, number in frequencies.items())
    if people < GINI_PEOPLE_MIN or volume == 0:
        return None
    weighted, before = 0, 0
    for value, number in sorted(frequencies.items()):
        # Ranks before+1 … before+number have this value: the sum of (2i − n − 1) over them.
        weighted += value * number * (2 * before + number - people)
        before += number
    return weighted / (people * volume) * people / (people - 1)


def top_share(frequencies: Frequencies) -> float | None:
    """What the tenth of people who received most (rounded down, at least one) received, as a share of all, 0–1.

    None below twenty people, and where nobody received anything.
    """
    people = sum(frequencies.values())
    volume = sum(value * number for value, number in frequencies.items())
    if people < GINI_PEOPLE_MIN or volume == 0:
        return None
    left, received = int(people * TOP_SHARE), 0
    for value, number in sorted(frequencies.items(), reverse=True):
        taken = min(left, number)
        received += value * taken
        left -= taken
    return received / volume


@lru_cache(maxsize=64)
def gini_by_chance(people: int, volume: int) -> float | None:
    """95th percentile of the Gini coefficient if `volume` recognitions fell on `people` people at random.

    A simulation seeded by its arguments, so that the threshold never changes by itself. From 2,000 people on a
    company of that size is simulated at the same mean, and the distance to the median shrunk by the square root of
    the sizes' ratio. None where there is no Gini.
    """
    if people < GINI_PEOPLE_MIN or volume == 0:
        return None
    size = min(people, _SIMULATED_PEOPLE_MAX, max(GINI_PEOPLE_MIN, _SIMULATED_VOLUME_MAX * people // volume))
    drawn = max(1, round(volume * size / people))
    chance = random.Random(f"{size}:{drawn}")  # noqa: S311 - a simulation, not a secret
    found = []
    for _ in range(_SIMULATIONS):
        received = Counter(chance.choices(range(size), k=drawn))
        frequencies = Counter(received.values())
        frequencies[0] = size - len(received)
        value = gini(frequencies)
        assert value is not None
        found.append(value)
    found.sort()
    median, high = found[len(found) // 2], found[int(_PERCENTILE * len(found))]
    return median + (high - median) * sqrt(size / people)
