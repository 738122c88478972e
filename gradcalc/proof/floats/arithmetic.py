"""Two arithmetics in which a recorded program can be run again: exact, and rounded as a machine would.

Comes in: balls.  Goes out: balls.  In `Exact` an operation is what mathematics says; in `Rounded` its result is widened by
what the format and the documented bound allow, so that the float a machine returned must lie inside.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from fractions import Fraction

from flint import arb

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import exact
from gradcalc.proof.floats.formats import Format, power_of_two
from gradcalc.proof.floats.scalars import origin_of
from gradcalc.proof.floats.vendor_bounds import CORRECTLY_ROUNDED, MAX_ULPS

_NAN = arb.nan()
_AROUND_ZERO = arb(0, 1)

# Doubles that stand for real constants in torch's backward formulas.
_CONSTANTS: dict[float, str] = {
    1.1283791670955126: "2/sqrt(pi)",
    0.886226925452758: "sqrt(pi)/2",
    0.8862269254527579: "sqrt(pi)/2",
    2.5066282746310002: "sqrt(2*pi)",
    0.017453292519943295: "pi/180",
    57.29577951308232: "180/pi",
    0.6931471805599453: "ln 2",
    2.302585092994046: "ln 10",
    2.302585092994045: "ln 10",
    2.3025850929940455: "ln 10",
    0.3989422804014327: "1/sqrt(2*pi)",
    0.7071067811865476: "1/sqrt(2)",
    0.7071067811865475: "1/sqrt(2)",
    1.4142135623730951: "sqrt(2)",
    3.141592653589793: "pi",
}


# Limits of kernels that never divide by zero, or switch to a limit near it: part of torch's variant, not of the function.
LEAST_DIVISOR = 9.999999960041972e-13
"""1e-12 as aten/src/ATen/native/Loss.cpp has it, in float32."""
_EPSILONS = frozenset({LEAST_DIVISOR, 1e-12, 1e-6, *(2.0**-bits for bits in (52, 23, 10, 7))})


def _constant(name: str) -> arb:
    pi, two = arb.pi(), arb(2)
    return {
        "2/sqrt(pi)": lambda: 2 / pi.sqrt(),
        "sqrt(pi)/2": lambda: pi.sqrt() / 2,
        "ln 2": lambda: two.log(),
        "ln 10": lambda: arb(10).log(),
        "1/sqrt(2*pi)": lambda: (2 * pi).rsqrt(),
        "1/sqrt(2)": lambda: two.rsqrt(),
        "sqrt(2)": lambda: two.sqrt(),
        "pi": lambda: pi,
        "sqrt(2*pi)": lambda: (2 * pi).sqrt(),
        "pi/180": lambda: pi / 180,
        "180/pi": lambda: 180 / pi,
    }[name]()


class Value:
    """A number on its way through a program: its ball, and the float the machine had, if it is one of the machine's."""

    __slots__ = ("ball", "field", "float")

    def __init__(self, ball: arb, field: Exact, number: float | bool | None = None):
        self.ball = ball
        self.field = field
        self.float = number

    def __neg__(self) -> Value:
        return Value(-self.ball, self.field)

    def __abs__(self) -> Value:
        return Value(abs(self.ball), self.field)

    def __add__(self, other: Value | int) -> Value:
        return self.field.rounded(self.ball + _ball(other))

    def __sub__(self, other: Value | int) -> Value:
        return self.field.rounded(self.ball - _ball(other))

    def __rsub__(self, other: int) -> Value:
        return self.field.rounded(other - self.ball)

    def __mul__(self, other: Value | int) -> Value:
        return self.field.rounded(self.ball * _ball(other))

    def __truediv__(self, other: Value | int) -> Value:
        return self.field.quotient(self, other)

    def __rtruediv__(self, other: int) -> Value:
        return self.field.quotient(Value(arb(other), self.field), self)

    __radd__ = __add__
    __rmul__ = __mul__


def _ball(value: Value | int) -> arb:
    return value.ball if isinstance(value, Value) else arb(value)


class Exact:
    """Exact real arithmetic, with the branches the machine took.

    `literals` are the typed numbers that torch was given as Python numbers: in a program they mean themselves.  `flip` says
    that a comparison goes the other way in exact arithmetic, `uncertain_integer` that balls do not tell an integer part.
    With `mathematical`, what torch documents as its own variant of a function (thresholds and clamps of its kernels,
    collected in `thresholds`) is the function of that name.  `roundings` lists where a machine would have rounded: the
    functions, None for an operation.
    """

    def __init__(self, literals: Collection[float] = (), *, mathematical: bool = False, is_typed_exactly: bool = False):
        self.is_typed_exactly = is_typed_exactly
        self.literals = literals if isinstance(literals, frozenset) else frozenset(literals)
        self.mathematical = mathematical
        self.flip = False
        self.uncertain_integer = False
        self.thresholds: set[float | bool] = set()
        self.roundings: list[str | None] = []

    # -- numbers

    def rounded(self, ball: arb, function: str | None = None) -> Value:
        """The result of one operation."""
        self.roundings.append(function)
        return Value(ball, self)

    def value(self, number: float | bool) -> Value:
        """A number of the machine's as it is."""
        if isinstance(number, bool):
            return Value(arb(int(number)), self, number)
        if not math.isfinite(number):
            return Value(_NAN, self, number)
        return Value(arb(number), self, number)  # exact: balls hold any float

    def scalar(self, number: int | float) -> Value:
        """A Python number in a program.

        A double that stands for a real constant means that constant, or either if it was typed as well, unless a typed one
        means itself (`is_typed_exactly`).  One that is neither short nor typed was computed in double precision by torch
        itself: it is known to half a unit in the last place.  Where typed numbers mean themselves, it is what torch rounded
        to it, if that is one step from a typed number or from a count of entries.
        """
        typed = number in self.literals or -number in self.literals
        if self.mathematical and number in _EPSILONS and not typed:
            return self.value(0.0)
        if isinstance(number, int) or _is_short(number):
            return self.value(number)
        self.roundings.append(None)  # as a float of the format it is another number
        near = self.value(number)
        if typed and self.is_typed_exactly:
            return near
        name = _CONSTANTS.get(abs(number))
        if name is not None:
            constant = _constant(name) if number > 0 else -_constant(name)
            return Value(near.ball.union(constant) if typed else constant, self, number)
        if typed:
            return near
        if self.is_typed_exactly and (origin := origin_of(number, self.literals)) is not None:
            return Value(origin, self, number)
        return Value(near.ball + arb(0, 1) * abs(near.ball) * arb(2) ** -53, self, number)

    def limit(self, number: int | float) -> Value:
        """A Python number that something is compared with."""
        return self.value(math.inf) if self.mathematical and number in self.thresholds else self.scalar(number)

    def constant(self, text: str) -> Value:
        """A constant of a kernel's own: a decimal, or one of the named ones."""
        ball = _constant(text) if text in _CONSTANTS.values() else arb(exact(Fraction(text)))
        return self.rounded(ball)

    def quotient(self, a: Value, b: Value | int) -> Value:
        below = _ball(b)
        return self.rounded(a.ball / below, "divide")

    # -- several numbers at once

    def total(self, terms: Sequence[arb], *, products: bool = False) -> Value:
        """The sum of terms in any order; `products`: each of them was rounded too."""
        total = sum(terms, arb(0))
        count = len(terms) - (not products)
        return self.with_abs_error(total, sum(map(abs, terms), arb(0)) * count) if count else Value(total, self)

    def with_abs_error(self, ball: arb, room: arb, second: arb | int = 0) -> Value:
        """A result that a machine may miss by `room` times half an ulp of 1, and `second` times its square."""
        self.roundings += [None, None]
        return Value(ball, self)

    def hull(self, a: Value, b: Value) -> Value:
        """Two ways to compute the same number, of which a kernel goes one."""
        return a

    def rounded_again(self, a: Value) -> Value:
        """A number that some kernels round once more."""
        return self.rounded(a.ball)

    def mark_unbounded(self) -> None:
        """From here on no bound is known of what a machine returns."""
        self.roundings += [None, None]

    # -- functions

    def call(self, function: str, a: Value) -> Value:
        """A function of Arb's, under its own name."""
        return self.rounded(getattr(a.ball, function)(), function)

    def exp2(self, a: Value) -> Value:
        return self.rounded((a.ball * arb(2).log()).exp(), "exp2")

    def log2(self, a: Value) -> Value:
        return self.rounded(a.ball.log() / arb(2).log(), "log2")

    def log10(self, a: Value) -> Value:
        return self.rounded(a.ball.log() / arb(10).log(), "log10")

    def hypot(self, a: Value, b: Value) -> Value:
        return self.rounded((a.ball * a.ball + b.ball * b.ball).sqrt(), "hypot")

    def truncate(self, whole: arb, quotient: arb) -> Value:
        """The integer part of a quotient."""
        return Value(whole, self)

    def atan2(self, a: Value, b: Value) -> Value:
        below = a.float == 0 and math.copysign(1.0, a.float) < 0
        if below and a.ball.is_zero() and b.ball < 0:  # on the cut, and a float zero has a sign
            self.flip = True
            return self.rounded(-arb.pi(), "atan2")
        return self.rounded(arb.atan2(a.ball, b.ball), "atan2")

    def lgamma(self, a: Value) -> Value:
        if a.ball > 0:
            return self.rounded(a.ball.lgamma(), "lgamma")
        return self.rounded(abs(a.ball.gamma()).log(), "lgamma_negative")

    def polygamma(self, order: int, a: Value) -> Value:
        return self.rounded(reals.polygamma(order, a.ball), "polygamma")

    def bessel_i(self, order: int, a: Value) -> Value:
        return self.rounded(a.ball.bessel_i(arb(order)), "bessel")

    def log_ndtr(self, a: Value) -> Value:
        return self.rounded(((-a.ball * arb(2).rsqrt()).erfc() / 2).log(), "ndtr")

    def power(self, a: Value, b: Value) -> Value:
        """a**b as torch means it: real, 0**0 = 1."""
        whole = _whole(b.ball)
        if whole is None and not a.ball > 0 and b.float is not None and b.ball.contains(arb(b.float)):
            whole = _whole(arb(b.float))  # a power of a negative number: the integer the machine had, as far as can be told
        if whole is not None:
            if whole in (0, 1):
                return Value(arb(1) if whole == 0 else a.ball, self)
            if abs(whole) <= 1024:
                inverse = whole < 0
                ball = reals.power(a.ball, abs(whole), arb(1))
                return self.rounded(1 / ball if inverse else ball, None if whole == 2 else "pow")
            if a.ball.is_zero():
                return Value(arb(0) if whole > 0 else _NAN, self)
            if not a.ball > 0:
                size = (abs(a.ball).log() * whole).exp()
                return self.rounded(size if whole % 2 == 0 else -size, "pow")
        if b.ball.is_exact() and b.ball == 0.5:
            return self.rounded(a.ball.sqrt(), "sqrt")
        if a.ball.is_zero():
            return self.rounded(arb(0) if b.ball > 0 else _NAN, "pow")
        return self.rounded(a.ball**b.ball, "pow")

    # -- branches: as the machine took them

    def compare(self, a: Value, b: Value, holds: str) -> bool:
        """Whether a < b, a <= b, ... in floats; a float answer that is wrong exactly is a flip."""
        floats = (a.float, b.float)
        if floats[0] is None or floats[1] is None:
            return _in_order(float(a.ball.mid()) - float(b.ball.mid()), holds)
        answer = _in_order(_difference(floats[0], floats[1]), holds)
        gap = a.ball - b.ball
        if (gap > 0 or gap < 0 or gap.is_zero()) and _in_order(1 if gap > 0 else -1 if gap < 0 else 0, holds) != answer:
            self.flip = True
        return answer


class Rounded(Exact):
    """Arithmetic of a machine: every result is widened by half an ulp, or by the bound of its kernel.

    Formats below float32 are held to their own precision inside a kernel too: some kernels round every step, some only
    the last.  `has_no_bound` is set by a function without a documented bound.
    """

    def __init__(self, form: Format, device: str, literals: Collection[float] = ()):
        super().__init__(literals)
        self.form = form
        self.device = device
        self.has_no_bound = False

    def rounded(self, ball: arb, function: str | None = None) -> Value:
        return Value(self.within_bound(ball, function), self)

    def with_abs_error(self, ball: arb, room: arb, second: arb | int = 0) -> Value:
        form = self.form
        room = room + second * power_of_two(-form.precision)
        if not room.is_finite():
            return Value(ball, self)
        wide = ball + _AROUND_ZERO * (arb(room.upper()) * power_of_two(-form.precision) * arb("1.01"))
        return self.rounded(wide)

    def hull(self, a: Value, b: Value) -> Value:
        return Value(a.ball.union(b.ball), self) if a.ball.is_finite() and b.ball.is_finite() else a

    def mark_unbounded(self) -> None:
        self.has_no_bound = True

    def within_bound(self, ball: arb, function: str | None) -> arb:
        """What a machine may return for a ball: the bound of a function, or half an ulp for an operation."""
        bound = CORRECTLY_ROUNDED if function is None else MAX_ULPS.get(function, CORRECTLY_ROUNDED)
        ulps = bound.on(self.device)
        if ulps is None:
            self.has_no_bound = True
            return ball
        return self.widen(ball, ulps)

    def widen(self, ball: arb, ulps: float) -> arb:
        """A ball and all floats within `ulps` of it, or within the smallest subnormal; unbounded beyond the range."""
        form = self.form
        if not ball.is_finite():
            return ball
        size = arb(abs(ball).upper())
        if not size < power_of_two(form.highest + 1):
            return _NAN
        # Metal flushes subnormal numbers to zero.
        tiny = form.lowest if self.device.startswith("mps") else form.lowest - form.precision + 1
        room = size * ulps * power_of_two(1 - form.precision) + power_of_two(tiny)
        return ball + _AROUND_ZERO * room

    def truncate(self, whole: arb, quotient: arb) -> Value:
        # The quotient is rounded before its integer part is taken: it may arrive at the next integer.
        room = self.widen(quotient, 0.5)
        ends = [end.floor() if end > 0 else end.ceil() for end in (room.lower(), room.upper())]
        return self.rounded(whole.union(ends[0]).union(ends[1]))

    def scalar(self, number: int | float) -> Value:
        value = super().scalar(number)
        return value if isinstance(number, int) or _is_short(number) else Value(self.rounded(value.ball).ball, self, number)


def _difference(a: float | bool, b: float | bool) -> float:
    if a == b:  # also two infinities
        return 0.0
    return 1.0 if a > b else -1.0 if a < b else math.nan


def _in_order(difference: float, holds: str) -> bool:
    if math.isnan(difference):
        return holds == "ne"
    return {
        "lt": difference < 0,
        "le": difference <= 0,
        "gt": difference > 0,
        "ge": difference >= 0,
        "eq": difference == 0,
        "ne": difference != 0,
    }[holds]


def _is_short(number: float) -> bool:
    """Whether a double has so few digits that it means itself: 0.5, -2.0, 20.0."""
    if not math.isfinite(number):
        return True
    return number.as_integer_ratio()[0].bit_length() <= 12


def _whole(ball: arb) -> int | None:
    if ball.is_exact() and ball.is_finite() and ball.is_integer():
        whole = ball.unique_fmpz()
        return None if whole is None else int(whole)
    return None
