"""Numbers that torch computed in double precision from the literals of a program: what they were before they were rounded.

Comes in: a double, and the numbers that were typed.  Goes out: an enclosure of what it stands for; None if that is not
known.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from fractions import Fraction

from flint import arb

from gradcalc.engines.taylor.reals import exact

_MOST_ENTRIES = 2**31
"""The largest count of entries whose inverse, or twice it, a double is taken for."""


def origin_of(number: float, typed: Collection[float]) -> arb | None:
    """What a double is one rounding away from, at the present precision."""
    rational = _rational(number, typed)
    if rational is not None:
        return arb(exact(rational))
    base = next((literal for literal in typed if literal > 0 and math.log(literal) == number), None)  # of `base**x`
    return None if base is None else arb(base).log()


def _rational(number: float, typed: Collection[float]) -> Fraction | None:
    """What torch rounded to a double in one step: 2/124 of 124 entries, 1 - 0.4 where 0.4 was typed."""
    for literal in typed:
        value = Fraction(literal) if math.isfinite(literal) else None
        for exactly in () if value is None else (1 - value, value - 1, value + 1, 2 * value):
            if float(exactly) == number:
                return exactly
    for numerator in (1, 2):
        count = round(numerator / number) if number else 0
        if count and abs(count) <= _MOST_ENTRIES and numerator / count == number:
            ratio = Fraction(numerator, count)
            is_decimal = ratio.numerator == 1 and str(ratio.denominator).strip("0") == "1"  # 1e-7 means itself
            return Fraction(number) if is_decimal else ratio
    return None
