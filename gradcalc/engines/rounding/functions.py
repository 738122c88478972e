"""The functions of the table in dual intervals.

The slopes follow torch's own backward formulas (1 - tanh**2, 1/sqrt(1 - x*x), ...), so that what those lose is inside.
"""

from __future__ import annotations

import math

import torch

from gradcalc.engines.rounding.dual_intervals import ONE, ZERO, DualInterval, Trilean, chain_rule
from gradcalc.engines.rounding.intervals import Interval, Map, Rounding, exactly, hull, select, unknown_where
from gradcalc.functions.vocabulary import Vocabulary

_UNKNOWN = exactly(math.nan)


class IntervalVocabulary(Vocabulary[DualInterval, Trilean]):
    """The functions of the table, in dual intervals."""

    def __init__(self, rounding: Rounding):
        self.rounding = rounding

    def unknown(self, *args: DualInterval) -> DualInterval:
        """A number of which nothing is known."""
        return DualInterval(self.rounding, _UNKNOWN, {name: _UNKNOWN for arg in args for name in arg.slopes})

    # Functions without a bound.
    heaviside = erfi = erfinv = unknown
    gamma = lgamma = digamma = polygamma = zeta = unknown
    besselj = bessely = besseli = besselk = unknown

    # -- numbers

    def number(self, value: int | str) -> DualInterval:
        return DualInterval.literal(self.rounding, value)

    def _lift(self, value: DualInterval | int) -> DualInterval:
        return value if isinstance(value, DualInterval) else self.number(value)

    def pi(self) -> DualInterval:
        return DualInterval(self.rounding, self.rounding.around(exactly(math.pi)), {})

    def e(self) -> DualInterval:
        return DualInterval(self.rounding, self.rounding.around(exactly(math.e)), {})

    # -- division, powers and roots

    def divide(self, a: DualInterval | int, b: DualInterval | int) -> DualInterval:
        a, b = self._lift(a), self._lift(b)
        value = self.rounding.divide(a.value, b.value)
        inverse = self.rounding.divide(ONE, b.value)
        return chain_rule(value, (a, inverse), (b, -self.rounding.multiply(value, inverse)))

    def power(self, a: DualInterval, b: DualInterval) -> DualInterval:
        whole = _constant_integer(b)
        if whole is not None:
            return self._integer_power(a, whole)
        positive = ~(a.value.low > 0)
        value = unknown_where(positive, self._corners_of_power(a.value, b.value))
        less = self.rounding.subtract(b.value, ONE)
        inner = self.rounding.multiply(b.value, unknown_where(positive, self._corners_of_power(a.value, less)))
        outer = self.rounding.multiply(value, self.rounding.increasing(torch.log, a.value))
        return chain_rule(value, (a, inner), (b, outer))

    def _corners_of_power(self, a: Interval, b: Interval) -> Interval:
        corners = [exactly(torch.pow(x, y)) for x in {a.low, a.high} for y in {b.low, b.high}]
        return self.rounding.around(hull(*corners))

    def _integer_power(self, a: DualInterval, n: int) -> DualInterval:
        if n == 0:
            return DualInterval(self.rounding, exactly(torch.ones_like(a.value.low)), dict.fromkeys(a.slopes, ZERO))
        if n < 0:
            return self.divide(1, self._integer_power(a, -n))
        slope = self._raise(a.value, n - 1) if n > 1 else ONE
        return chain_rule(self._raise(a.value, n), (a, self.rounding.multiply(exactly(float(n)), slope)))

    def _raise(self, a: Interval, n: int) -> Interval:
        if n == 1:
            return a

        def power(x: torch.Tensor) -> torch.Tensor:
            return torch.pow(x, n)

        return self.rounding.even_convex(power, a, 0.0) if n % 2 == 0 else self.rounding.increasing(power, a)

    def sqrt(self, a: DualInterval) -> DualInterval:
        value = self.rounding.increasing(torch.sqrt, a.value)
        return chain_rule(value, (a, self.rounding.divide(exactly(0.5), value)))

    def cbrt(self, a: DualInterval) -> DualInterval:
        def root(x: torch.Tensor) -> torch.Tensor:
            return x.sign() * x.abs().pow(1 / 3)

        # The exponent 1/3 is rounded too: its error grows with the logarithm of the argument.
        value = self.rounding.increasing(root, a.value)
        value = self.rounding.wider(value, value.size * a.value.size.log().abs())
        square = self.rounding.multiply(exactly(3.0), self.rounding.multiply(value, value))
        slope = self.rounding.divide(ONE, square)
        return chain_rule(value, (a, self.rounding.wider(slope, slope.size * a.value.size.log().abs())))

    def hypot(self, a: DualInterval, b: DualInterval) -> DualInterval:
        squares = self.rounding.add(self._raise(a.value, 2), self._raise(b.value, 2))
        value = self.rounding.increasing(torch.sqrt, squares)
        divide = self.rounding.divide
        return chain_rule(value, (a, divide(a.value, value)), (b, divide(b.value, value)))

    # -- exponentials and logarithms

    def exp(self, a: DualInterval) -> DualInterval:
        value = self.rounding.increasing(torch.exp, a.value)
        return chain_rule(value, (a, value))

    def expm1(self, a: DualInterval) -> DualInterval:
        value = self.rounding.increasing(torch.expm1, a.value)
        return chain_rule(value, (a, self.rounding.add(value, ONE)))

    def log(self, a: DualInterval) -> DualInterval:
        return chain_rule(self.rounding.increasing(torch.log, a.value), (a, self.rounding.divide(ONE, a.value)))

    def log1p(self, a: DualInterval) -> DualInterval:
        slope = self.rounding.divide(ONE, self.rounding.add(a.value, ONE))
        return chain_rule(self.rounding.increasing(torch.log1p, a.value), (a, slope))

    def sigmoid(self, a: DualInterval) -> DualInterval:
        value = self.rounding.increasing(torch.sigmoid, a.value)
        return chain_rule(value, (a, self.rounding.multiply(value, self.rounding.subtract(ONE, value))))

    def logaddexp(self, a: DualInterval, b: DualInterval) -> DualInterval:
        x, y = a.value, b.value
        value = self.rounding.around(Interval(torch.logaddexp(x.low, y.low), torch.logaddexp(x.high, y.high)))
        ahead = self.rounding.increasing(torch.sigmoid, self.rounding.subtract(x, y))
        behind = self.rounding.increasing(torch.sigmoid, self.rounding.subtract(y, x))
        return chain_rule(value, (a, ahead), (b, behind))

    def xlogy(self, a: DualInterval, b: DualInterval) -> DualInterval:
        logarithm = self.rounding.increasing(torch.log, b.value)
        value = self.rounding.multiply(a.value, logarithm)
        return chain_rule(value, (a, logarithm), (b, self.rounding.divide(a.value, b.value)))

    # -- trigonometry

    def sin(self, a: DualInterval) -> DualInterval:
        rounding = self.rounding
        return chain_rule(rounding.lipschitz1(torch.sin, a.value), (a, rounding.lipschitz1(torch.cos, a.value)))

    def cos(self, a: DualInterval) -> DualInterval:
        rounding = self.rounding
        return chain_rule(rounding.lipschitz1(torch.cos, a.value), (a, -rounding.lipschitz1(torch.sin, a.value)))

    def tan(self, a: DualInterval) -> DualInterval:
        rounding = self.rounding
        value = rounding.divide(rounding.lipschitz1(torch.sin, a.value), rounding.lipschitz1(torch.cos, a.value))
        return chain_rule(value, (a, rounding.add(ONE, rounding.multiply(value, value))))

    def cot(self, a: DualInterval) -> DualInterval:
        return self.divide(1, self.tan(a))

    def _over_root(self, sign: float, inside: Interval) -> Interval:
        return self.rounding.divide(exactly(sign), self.rounding.increasing(torch.sqrt, inside))

    def asin(self, a: DualInterval) -> DualInterval:
        slope = self._over_root(1.0, self.rounding.subtract(ONE, self._raise(a.value, 2)))
        return chain_rule(self.rounding.increasing(torch.asin, a.value), (a, slope))

    def acos(self, a: DualInterval) -> DualInterval:
        slope = self._over_root(-1.0, self.rounding.subtract(ONE, self._raise(a.value, 2)))
        return chain_rule(self.rounding.decreasing(torch.acos, a.value), (a, slope))

    def atan(self, a: DualInterval) -> DualInterval:
        slope = self.rounding.divide(ONE, self.rounding.add(self._raise(a.value, 2), ONE))
        return chain_rule(self.rounding.increasing(torch.atan, a.value), (a, slope))

    def atan2(self, y: DualInterval, x: DualInterval) -> DualInterval:
        corners = [exactly(torch.atan2(v, h)) for v in {y.value.low, y.value.high} for h in {x.value.low, x.value.high}]
        on_cut = y.value.holds_zero() & ~(x.value.low > 0)
        value = unknown_where(on_cut, self.rounding.around(hull(*corners)))
        squares = unknown_where(on_cut, self.rounding.add(self._raise(y.value, 2), self._raise(x.value, 2)))
        divide = self.rounding.divide
        return chain_rule(value, (y, divide(x.value, squares)), (x, -divide(y.value, squares)))

    def sinc(self, a: DualInterval) -> DualInterval:
        return self.divide(self.sin(a), a)

    # -- hyperbolic functions

    def sinh(self, a: DualInterval) -> DualInterval:
        rounding = self.rounding
        return chain_rule(rounding.increasing(torch.sinh, a.value), (a, rounding.even_convex(torch.cosh, a.value, 1.0)))

    def cosh(self, a: DualInterval) -> DualInterval:
        rounding = self.rounding
        return chain_rule(rounding.even_convex(torch.cosh, a.value, 1.0), (a, rounding.increasing(torch.sinh, a.value)))

    def tanh(self, a: DualInterval) -> DualInterval:
        rounding = self.rounding
        value = rounding.increasing(torch.tanh, a.value)
        return chain_rule(value, (a, rounding.subtract(ONE, rounding.multiply(value, value))))

    def asinh(self, a: DualInterval) -> DualInterval:
        slope = self._over_root(1.0, self.rounding.add(self._raise(a.value, 2), ONE))
        return chain_rule(self.rounding.increasing(torch.asinh, a.value), (a, slope))

    def acosh(self, a: DualInterval) -> DualInterval:
        slope = self._over_root(1.0, self.rounding.subtract(self._raise(a.value, 2), ONE))
        return chain_rule(self.rounding.increasing(torch.acosh, a.value), (a, slope))

    def atanh(self, a: DualInterval) -> DualInterval:
        slope = self.rounding.divide(ONE, self.rounding.subtract(ONE, self._raise(a.value, 2)))
        return chain_rule(self.rounding.increasing(torch.atanh, a.value), (a, slope))

    # -- piecewise: on a seam all slopes that meet there are inside; where the value jumps nothing is known

    def abs(self, a: DualInterval) -> DualInterval:
        below, seam = a.value.high < 0, a.value.holds_zero()
        negative = -a
        value = select(below, negative.value, a.value)
        value = select(seam, Interval(torch.zeros_like(a.value.size), a.value.size), value)
        slopes = {}
        for name, slope in a.slopes.items():
            other = negative.slopes[name]
            slopes[name] = select(seam, hull(slope, other), select(below, other, slope))
        return DualInterval(self.rounding, value, slopes)

    def max(self, *args: DualInterval) -> DualInterval:
        best = args[0]
        for other in args[1:]:
            ahead, behind = best.value.low > other.value.high, best.value.high < other.value.low
            low, high = torch.maximum(best.value.low, other.value.low), torch.maximum(best.value.high, other.value.high)
            slopes = {}
            for name in {**best.slopes, **other.slopes}:
                left, right = best.slopes.get(name, ZERO), other.slopes.get(name, ZERO)
                slopes[name] = select(ahead, left, select(behind, right, hull(left, right)))
            best = DualInterval(self.rounding, Interval(low, high), slopes)
        return best

    def where(self, condition: Trilean, a: DualInterval, b: DualInterval) -> DualInterval:
        on_seam = ~(condition.yes | condition.no)
        value = unknown_where(on_seam, select(condition.yes, a.value, b.value))
        slopes = {
            name: unknown_where(on_seam, select(condition.yes, a.slopes.get(name, ZERO), b.slopes.get(name, ZERO)))
            for name in condition.names.union(a.slopes, b.slopes)
        }
        return DualInterval(self.rounding, value, slopes)

    def _step(self, function: Map, a: DualInterval, seam: torch.Tensor) -> DualInterval:
        value = unknown_where(seam, Interval(function(a.value.low), function(a.value.high)))
        return DualInterval(self.rounding, value, {name: unknown_where(seam, ZERO) for name in a.slopes})

    def sign(self, a: DualInterval) -> DualInterval:
        return self._step(torch.sign, a, a.value.holds_zero())

    def floor(self, a: DualInterval) -> DualInterval:
        return self._step(torch.floor, a, _meets_integer(a.value.low, a.value.high))

    def trunc(self, a: DualInterval) -> DualInterval:
        small = (a.value.low > -1) & (a.value.high < 1)
        return self._step(torch.trunc, a, _meets_integer(a.value.low, a.value.high) & ~small)

    def round(self, a: DualInterval) -> DualInterval:
        return self._step(torch.round, a, _meets_integer(a.value.low + 0.5, a.value.high + 0.5))

    # -- conditions

    def lt(self, a: DualInterval | int, b: DualInterval | int) -> Trilean:
        left, right = self._lift(a), self._lift(b)
        names = frozenset(left.slopes).union(right.slopes)
        return Trilean(left.value.high < right.value.low, left.value.low > right.value.high, names)

    le = lt  # a tie itself is left open

    def ne(self, a: DualInterval | int, b: DualInterval | int) -> Trilean:
        less = self.lt(a, b)
        apart = less.yes | less.no
        left, right = self._lift(a).value, self._lift(b).value
        one = (left.low == left.high) & (right.low == right.high) & (left.low == right.low)
        return Trilean(apart, torch.zeros_like(apart) if less.names else one & ~apart, less.names)

    def both(self, p: Trilean, q: Trilean) -> Trilean:
        return Trilean(p.yes & q.yes, p.no | q.no, p.names | q.names)

    def either(self, p: Trilean, q: Trilean) -> Trilean:
        return Trilean(p.yes | q.yes, p.no & q.no, p.names | q.names)

    def opposite(self, p: Trilean) -> Trilean:
        return Trilean(p.no, p.yes, p.names)

    # -- error functions

    def erf(self, a: DualInterval) -> DualInterval:
        return chain_rule(self.rounding.increasing(torch.erf, a.value), (a, self._bell(a.value, 2 / math.sqrt(math.pi))))

    def erfc(self, a: DualInterval) -> DualInterval:
        value = self.rounding.decreasing(torch.erfc, a.value)
        return chain_rule(value, (a, self._bell(a.value, -2 / math.sqrt(math.pi))))

    def _bell(self, a: Interval, factor: float) -> Interval:
        """factor*exp(-a*a)."""
        rounding = self.rounding
        bell = rounding.increasing(torch.exp, -self._raise(a, 2))
        return rounding.multiply(rounding.around(exactly(factor)), bell)


def _meets_integer(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """Where an interval may hold an integer."""
    below = low.floor()
    return ~((low > below) & (high < below + 1))


def _constant_integer(b: DualInterval) -> int | None:
    """The integer of an exponent that is the same at all points."""
    if not b.value.is_point or b.slopes or b.value.low.dim():
        return None
    number = float(b.value.low)
    return int(number) if number.is_integer() and abs(number) <= 1024 else None
