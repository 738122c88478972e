"""Floating-point formats: their precision and range, and how far a number is from the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache

from flint import arb

from gradcalc.engines.taylor.reals import Real, ball, exact, nearest_float


@dataclass(frozen=True, slots=True)
class Format:
    """A binary format of IEEE 754 (bfloat16 likewise): precision in bits, exponents of the smallest and largest normal."""

    name: str
    precision: int
    lowest: int
    highest: int

    @property
    def digits(self) -> float:
        """How many decimal digits it holds, to a tenth: 15.9 for float64."""
        return _tenths(self.precision * math.log10(2))

    @property
    def half_of_digits(self) -> arb:
        """A relative error below which a number has at least half of the digits, by a margin."""
        return 1 / arb(10) ** (math.floor(self.digits * 5 + 1) / arb(10)) * (1 - power_of_two(-20))

    @property
    def smallest_normal(self) -> Fraction:
        """The smallest number with full precision."""
        return Fraction(2) ** self.lowest

    @property
    def largest(self) -> Fraction:
        """The bound from which on a number rounds to an infinity: half a unit beyond the largest number."""
        return (2 - Fraction(1, 2**self.precision)) * Fraction(2) ** self.highest

    def digits_of(self, error: Decimal, size: Decimal) -> float:
        """How many digits are right where the squares of the error and of the truth are so large."""
        if not error:
            return self.digits
        return 0.0 if not size else _tenths(min(max(float((size / error).log10()) / 2, 0.0), self.digits))

    def ulp(self, value: Real) -> arb:
        """The distance of neighbouring numbers of the format at a value's magnitude, as an exact ball."""
        share, above = math.frexp(float(ball(value)))
        if 0.5 < abs(share) < 1 and -1000 < above < 1000:  # not a power of two, which the double may have been rounded to
            return power_of_two(min(max(above - 1, self.lowest), self.highest) - self.precision + 1)
        mantissa, exponent = abs(ball(value)).mid().man_exp()
        place = int(mantissa).bit_length() - 1 + int(exponent) if mantissa else self.lowest
        return power_of_two(min(max(place, self.lowest), self.highest) - self.precision + 1)


@cache
def power_of_two(exponent: int) -> arb:
    """An exact ball, at any precision."""
    return arb(2) ** exponent


def _tenths(digits: float) -> float:
    """Rounded down: a digit is not right before all of it is."""
    return math.floor(digits * 10) / 10


FORMATS = {
    form.name: form
    for form in (
        Format("float64", 53, -1022, 1023),
        Format("float32", 24, -126, 127),
        Format("float16", 11, -14, 15),
        Format("bfloat16", 8, -126, 127),
    )
}


def is_nearest(number: float, truth: Real, form: Format) -> bool:
    """Whether a number is the truth as the format rounds it, to nearest; both neighbours of a tie are."""
    if not math.isfinite(number):
        return False
    return bool(2 * abs(ball(exact(Fraction(number)) - truth)) <= form.ulp(truth))


@dataclass(frozen=True, slots=True)
class FloatError:
    """How far a float is from a proven number: in units in the last place, and in decimal digits that are right."""

    ulps: float
    digits: float


def float_error(number: float, truth: Real, form: Format) -> FloatError:
    """Measure a float against an enclosure of the truth; not finite means infinitely far."""
    if not math.isfinite(number):
        return FloatError(math.inf, 0.0)
    error = abs(ball(exact(Fraction(number)) - truth))
    if error.contains(0):
        return FloatError(0.0, form.digits)
    ulps = nearest_float(error / form.ulp(truth))
    relative = error / abs(ball(truth)) if not ball(truth).contains(0) else arb.pos_inf()
    right = -nearest_float(relative.mid().log() / arb(10).log()) if relative.is_finite() else 0.0
    return FloatError(ulps, _tenths(min(max(right, 0.0) + 0.0, form.digits)))
