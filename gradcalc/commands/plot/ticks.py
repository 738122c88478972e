"""Ticks of an axis at round numbers: multiples of 1, 2 or 5 times a power of ten.

Comes in: the ends of the axis, and how many ticks there is room for.  Goes out: places with their labels.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

Tick = tuple[float, str]


def ticks(low: float, high: float, most: int) -> list[Tick]:
    """At most `most` ticks from `low` to `high`, as many as a step of 1, 2 or 5 times a power of ten gives."""
    first, last = Fraction(low), Fraction(high)
    power = math.floor(math.log10((last - first) / max(most, 1))) - 1
    while True:
        for digit in (1, 2, 5):
            step = digit * Fraction(10) ** power
            start, stop = math.ceil(first / step), math.floor(last / step)
            if stop - start < most:
                return [(float(step * number), _label(digit * number, power)) for number in range(start, stop + 1)]
        power += 1


def _label(number: int, power: int) -> str:
    """A decimal as people write it: scientific where it has more than six zeros."""
    if number == 0:
        return "0"
    value = Decimal(number).scaleb(power).normalize()
    return f"{value:f}" if -6 <= value.adjusted() < 9 else f"{value:e}"
