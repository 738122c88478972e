"""Real numbers with proven error bounds: exact rationals where possible, balls (Arb, through python-flint) elsewhere.

Comes in: fractions, and computations that can be repeated at any precision.  Goes out: enclosures that are tight enough,
and decimal strings in which every digit is right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar, cast

from flint import acb, arb, arb_series, ctx, fmpq

from gradcalc.expression.decimals import decimal_places
from gradcalc.runtime import deadline

Number = TypeVar("Number")
Real = arb | fmpq

START_BITS = 192
ZERO_BITS = 24_576
"""What is zero to this many bits counts as zero where only a symbolic proof could tell; the report says so."""
MAX_BITS = 24_576
PROVEN_BITS = 120
"""Relative accuracy of every enclosure that is printed or compared: 36 decimal digits."""
_RATIONAL_BITS = 6_000


class Unresolved(Exception):
    """The sign of a ball is not known at the present precision: compute again with more bits."""


class NotReal(Exception):
    """A number that does not exist was asked for its sign."""


class OutOfPrecision(Exception):
    """No tight enclosure within the limit of precision: nothing is proven."""


def precision(bits: int) -> AbstractContextManager[object]:
    """Compute with so many bits inside."""
    return ctx.workprec(bits)


def working_bits() -> int:
    """The present precision."""
    return int(ctx.prec)


@dataclass(slots=True)
class ZeroCount:
    """How often a number has counted as zero without proof."""

    count: int = 0


_zeros: ContextVar[ZeroCount | None] = ContextVar("unproven zeros", default=None)


@contextmanager
def unproven_zeros() -> Iterator[ZeroCount]:
    """Count the numbers that count as zero without proof inside."""
    outer, zeros = _zeros.get(), ZeroCount()
    token = _zeros.set(zeros)
    try:
        yield zeros
    finally:
        _zeros.reset(token)
        if outer is not None:
            outer.count += zeros.count


def _count_zero() -> None:
    zeros = _zeros.get()
    if zeros is not None:
        zeros.count += 1


def exact(value: Fraction | int) -> fmpq:
    """A rational as the ball modules hold it."""
    return fmpq(value.numerator, value.denominator)


def pi() -> arb:
    """The circle constant at the present precision."""
    return arb.pi()


def ball(value: Real) -> arb:
    """A ball around a real number at the present precision."""
    return value if isinstance(value, arb) else arb(value)


def bounded(value: Real) -> Real:
    """A rational that has grown too long to be handled exactly becomes a ball."""
    if isinstance(value, fmpq) and value.p.bit_length() + value.q.bit_length() > _RATIONAL_BITS:
        return arb(value)
    return value


def is_zero(value: Real) -> bool:
    """Whether a number is exactly zero, beyond doubt."""
    return value == 0 if isinstance(value, fmpq) else value.is_zero()


def sign(value: Real) -> int:
    """-1, 0 or 1.

    Raises `Unresolved` if a ball contains 0 at less than `ZERO_BITS`; from there on it counts as 0 if it is small.  Raises
    `NotReal` for what is not a number.
    """
    if isinstance(value, fmpq):
        return (value > 0) - (value < 0)
    if value.is_nan():
        raise NotReal
    if value > 0:
        return 1
    if value < 0:
        return -1
    if value.is_zero():
        return 0
    if ctx.prec < ZERO_BITS or not is_negligible(value):
        raise Unresolved
    _count_zero()
    return 0


def integer(value: Real) -> int | None:
    """The integer a number is exactly, or None."""
    if isinstance(value, fmpq):
        return int(value.p) if value.q == 1 else None
    if value.is_exact() and value.is_finite() and value.is_integer():
        whole = value.unique_fmpz()
        return None if whole is None else int(whole)
    return None


def floor(value: Real) -> int | None:
    """The integer below a number; None if there is none (not a number, or beyond all bounds)."""
    if isinstance(value, fmpq):
        return int(value.p // value.q)
    if not value.is_finite():
        return None
    below = value.floor().unique_fmpz()
    if below is not None:
        return int(below)
    # The ball contains an integer: it is that integer as far as the precision tells.
    nearest = (value.mid() + fmpq(1, 2)).floor().unique_fmpz()
    if nearest is None:
        raise Unresolved
    sign(value - int(nearest))
    return int(nearest)


def is_accurate(value: Real, bits: int = PROVEN_BITS) -> bool:
    """Whether a number is known to `bits` relative bits."""
    if isinstance(value, fmpq):
        return True
    return bool(value.is_finite()) and (bool(value.is_zero()) or value.rel_accuracy_bits() >= bits)


def refine(compute: Callable[[], Real], *, bits: int = PROVEN_BITS, limit: int = MAX_BITS) -> Real:
    """The result of a computation, repeated with more and more precision until it is known to `bits` relative bits.

    What still contains 0 at the limit, and is small, is returned as the ball it is, and counted.  Raises `OutOfPrecision`
    for anything else that is not known so well within `limit` bits.  The working precision is left as it was found.
    """
    bits_now = START_BITS
    small: Real | None = None
    while bits_now <= limit:
        deadline.check()
        small = None
        with precision(bits_now), suppress(Unresolved):
            value = compute()
            if is_accurate(value, bits):
                return value
            small = value if is_negligible(value) else None
        bits_now *= 2
    if small is None:
        raise OutOfPrecision
    _count_zero()
    return small


def is_negligible(value: Real) -> bool:
    """Whether a number is zero as far as `ZERO_BITS` bits can tell."""
    if isinstance(value, fmpq):
        return bool(value == 0)
    return bool(value.is_zero()) or bool(
        value.is_finite() and value.contains(0) and value.abs_upper() < arb(2) ** (-ZERO_BITS // 2)
    )


def agree(left: Real, right: Real) -> bool:
    """Whether two enclosures can be the same number."""
    if isinstance(left, fmpq) and isinstance(right, fmpq):
        return bool(left == right)
    with precision(max(ctx.prec, MAX_BITS)):  # a rational becomes a ball of the present precision: no tolerance
        return bool(ball(left).overlaps(ball(right)))


def to_fraction(value: Real) -> Fraction:
    """A number as a fraction: exactly, or the midpoint of a ball."""
    if isinstance(value, fmpq):
        return Fraction(int(value.p), int(value.q))
    mantissa, exponent = map(int, value.mid().man_exp())
    return Fraction(mantissa << exponent) if exponent >= 0 else Fraction(mantissa, 1 << -exponent)


def decimal(value: Real, digits: int = 20) -> str:
    """A decimal string whose digits are all right: `digits` of them, or all there are where they are fewer.

    Plain notation between 1e-5 and 1e21, scientific elsewhere.  Of what is zero only as far as its digits tell, the bound.
    """
    if is_zero(value):
        return "0"
    if is_negligible(value):
        with precision(64):
            return f"0 to within {_plain(ball(value).abs_upper().str(2, radius=False))}"
    with precision(max(ctx.prec, 4 * digits + 64)):
        return _exact_decimal(value, digits) or _plain(ball(value).str(digits, radius=False))


def known_decimal(value: Real | None, digits: int = 20) -> str | None:
    """A decimal string as above; None for no number, and for one of which not even the sign is known."""
    if value is None or (not is_zero(value) and ball(value).contains(0)):
        return None
    return decimal(value, digits)


_LONGEST_EXPONENT = 18
"""Digits of an exponent that is not read: the number is in scientific notation anyway."""


def _exact_decimal(value: Real, digits: int) -> str | None:
    """The whole decimal expansion of an exact number, if it has at most `digits` digits."""
    if isinstance(value, arb):
        if not value.is_exact():
            return None
        _, exponent = value.man_exp()
        if not -200 < int(exponent) < 70:
            return None
        fraction = to_fraction(value)
    else:
        fraction = Fraction(int(value.p), int(value.q))
    if max(fraction.denominator.bit_length(), fraction.numerator.bit_length()) > 1_400:
        return None
    places = decimal_places(fraction)
    if places is None:
        return None
    text = str(abs(fraction.numerator) * 10**places // fraction.denominator)
    figures = text.strip("0") or "0"
    if len(figures) > digits:
        return None
    # Written as figures times a power of ten.
    power = len(text) - len(text.rstrip("0")) - places
    return _plain(f"{'-' if fraction < 0 else ''}{figures}e{power}")


def _plain(text: str) -> str:
    """A decimal string in plain notation where that is short, in scientific notation elsewhere."""
    sign_text, text = ("-", text[1:]) if text.startswith("-") else ("", text)
    mantissa, _, exponent_text = text.partition("e")
    if len(exponent_text) > _LONGEST_EXPONENT:
        return sign_text + text
    whole, _, part = mantissa.partition(".")
    figures = whole + part
    point = len(whole) + int(exponent_text or 0)
    significant = figures.lstrip("0")
    point -= len(figures) - len(significant)
    if not significant:
        return sign_text + "0"
    if -5 < point <= 21:
        if point <= 0:
            return f"{sign_text}0.{'0' * -point}{significant}"
        if point >= len(significant):
            return sign_text + significant + "0" * (point - len(significant))
        return f"{sign_text}{significant[:point]}.{significant[point:]}"
    tail = f".{significant[1:]}" if len(significant) > 1 else ""
    return f"{sign_text}{significant[0]}{tail}e{point - 1:+03d}"


def digamma_series(x: arb, length: int) -> list[arb]:
    """The first Taylor coefficients of digamma at x.

    On the negative axis by reflection, digamma(x) = digamma(1 - x) - pi*cot(pi*x) (DLMF 5.5.4): the direct way takes as
    many steps as x is long.  Of a number known to a few bits only, no more bits are computed than it can have: at full
    precision a wide ball takes minutes.
    """
    if x.contains(0):
        return [arb.nan()] * length
    if x < 0:
        reflection = digamma_series(1 - x, length)
        angle = arb_series([x, 1], prec=length)
        sine = angle.sin_pi()
        if sine[0].contains(0):  # a pole, or too near to one to tell
            return [arb.nan()] * length
        cotangent = angle.cos_pi() / sine
        return [(-c if power % 2 else c) - arb.pi() * cotangent[power] for power, c in enumerate(reflection)]
    with precision(min(ctx.prec, max(int(x.rel_accuracy_bits()), 0) + 64)):
        at = acb(x)
        coefficients = [at.digamma().real]
        factorial = arb(1)
        for power in range(1, length):
            deadline.check()
            factorial *= power
            coefficients.append(at.polygamma(arb(power)).real / factorial)
        return coefficients


def polygamma(order: int, x: arb) -> arb:
    """The order-th derivative of digamma at x."""
    return digamma_series(x, order + 1)[order] * math.factorial(order)


def power(base: Number, exponent: int, one: Number) -> Number:
    """A power with a whole exponent from 0 on, by repeated squaring: without rounding if multiplication has none."""
    result: Any = one
    square: Any = base
    while exponent:
        if exponent & 1:
            result = result * square
        exponent >>= 1
        if exponent:
            square = square * square
    return cast(Number, result)


def nearest_float(value: Real) -> float:
    """The double nearest to a number (to its midpoint, for a ball); infinite where it is beyond the range.

    Not Arb's own conversion: that does not round to nearest.
    """
    if isinstance(value, fmpq):
        above, below = int(value.p), int(value.q)
    elif not value.is_finite():
        return math.nan
    else:
        mantissa, exponent = map(int, value.mid().man_exp())
        size = mantissa.bit_length() + exponent
        if size > 1100 or size < -1200:
            return 0.0 if size < 0 or mantissa == 0 else math.inf if mantissa > 0 else -math.inf
        above, below = (mantissa << exponent, 1) if exponent >= 0 else (mantissa, 1 << -exponent)
    try:
        return above / below  # of Python's whole numbers, which is rounded to nearest
    except OverflowError:
        return math.inf if above > 0 else -math.inf
