"""Functions of numbers as short power series of Arb, where they are analytic beyond doubt: jets without notes, and faster.

A number of this vocabulary is an `arb_series`, a condition is a bool.  Where a function has a breakpoint, a pole or an edge
at the point, or where the precision does not tell, or where Arb has no series, `NotAnalytic` is raised: jets tell more.  A
meaning that is evaluated is a composition of analytic functions, jointly differentiable in all its arguments.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NoReturn

from flint import arb, arb_series

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import ball, exact, integer
from gradcalc.functions.vocabulary import Vocabulary

_MAX_POWER = 64


class NotAnalytic(Exception):
    """The function may not be analytic at the point."""


class AnalyticSeries(Vocabulary[arb_series, bool]):
    """The functions of the vocabulary in power series of `length` coefficients."""

    def __init__(self, length: int):
        self.length = length

    def constant(self, value: reals.Real) -> arb_series:
        """A number that does not move."""
        return arb_series([ball(value)], prec=self.length)

    def variable(self, value: reals.Real, speed: int = 1) -> arb_series:
        """A number that moves along the ray."""
        return arb_series([ball(value), speed], prec=self.length)

    def _with_value(self, series: arb_series, value: arb) -> arb_series:
        """A series with a first coefficient that is known better."""
        return arb_series([value, *(series[power] for power in range(1, self.length))], prec=self.length)

    def _sign(self, a: arb_series | int) -> int:
        value = a if isinstance(a, int) else a[0]
        if value > 0:
            return 1
        if value < 0:
            return -1
        raise NotAnalytic

    def _positive(self, a: arb_series) -> arb_series:
        if not a[0] > 0:
            raise NotAnalytic
        return a

    def _no_series(self, *_: object) -> NoReturn:
        raise NotAnalytic

    # -- numbers

    def number(self, value: int | str) -> arb_series:
        return arb_series([value], prec=self.length) if isinstance(value, int) else self.constant(exact(Fraction(value)))

    def pi(self) -> arb_series:
        return self.constant(arb.pi())

    def e(self) -> arb_series:
        return self.constant(arb.const_e())

    # -- division, powers and roots

    def divide(self, a: arb_series | int, b: arb_series | int) -> arb_series:
        self._sign(b)
        divisor = self.number(b) if isinstance(b, int) else b
        return (self.number(a) if isinstance(a, int) else a) / divisor

    def power(self, a: arb_series, b: arb_series) -> arb_series:
        whole = integer(b[0]) if b.length() <= 1 else None
        if whole is not None and 0 < abs(whole) <= _MAX_POWER:
            result = reals.power(a, abs(whole), self.number(1))
            return result if whole > 0 else self.divide(1, result)
        if whole == 0:
            raise NotAnalytic
        return (b * self._positive(a).log()).exp()

    def sqrt(self, a: arb_series) -> arb_series:
        return self._positive(a).sqrt()

    def cbrt(self, a: arb_series) -> arb_series:
        side = self._sign(a)
        return side * self.divide((side * a).log(), 3).exp()

    # -- exponentials and logarithms

    def exp(self, a: arb_series) -> arb_series:
        return a.exp()

    def expm1(self, a: arb_series) -> arb_series:
        return self._with_value(a.exp(), a[0].expm1())

    def log(self, a: arb_series) -> arb_series:
        return self._positive(a).log()

    def log1p(self, a: arb_series) -> arb_series:
        return self._with_value(self.log(1 + a), a[0].log1p())

    def logaddexp(self, a: arb_series, b: arb_series) -> arb_series:
        if b[0].mid() > a[0].mid():
            a, b = b, a
        return a + self.log1p((b - a).exp())

    def xlogy(self, a: arb_series, b: arb_series) -> arb_series:
        return a * self.log(b)

    # -- trigonometry

    def sin(self, a: arb_series) -> arb_series:
        return a.sin()

    def cos(self, a: arb_series) -> arb_series:
        return a.cos()

    def atan(self, a: arb_series) -> arb_series:
        return a.atan()

    def sinc(self, a: arb_series) -> arb_series:
        self._sign(a)
        return a.sin() / a

    # -- hyperbolic functions

    def sinh(self, a: arb_series) -> arb_series:
        return self._with_value(self.divide(a.exp() - (-a).exp(), 2), a[0].sinh())

    def cosh(self, a: arb_series) -> arb_series:
        return self._with_value(self.divide(a.exp() + (-a).exp(), 2), a[0].cosh())

    def tanh(self, a: arb_series) -> arb_series:
        secant = self.sech(a)
        slope = secant * secant * a.derivative() if a.length() > 1 else self.constant(arb(0))
        return self._with_value(slope.integral(), a[0].tanh())

    # -- piecewise

    def abs(self, a: arb_series) -> arb_series:
        return a if self._sign(a) > 0 else -a

    def sign(self, a: arb_series) -> arb_series:
        return self.number(self._sign(a))

    def heaviside(self, a: arb_series, at_zero: arb_series) -> arb_series:
        return self.number(int(self._sign(a) > 0))

    def max(self, *args: arb_series) -> arb_series:
        best = args[0]
        for other in args[1:]:
            best = best if self._sign(best - other) > 0 else other
        return best

    def where(self, condition: bool, a: arb_series, b: arb_series) -> arb_series:
        return a if condition else b

    # -- conditions

    def lt(self, a: arb_series | int, b: arb_series | int) -> bool:
        return self._sign(a - b) < 0

    def le(self, a: arb_series | int, b: arb_series | int) -> bool:
        return self._sign(a - b) < 0

    def ne(self, a: arb_series | int, b: arb_series | int) -> bool:
        return self._sign(a - b) != 0

    def both(self, p: bool, q: bool) -> bool:
        return p and q

    def either(self, p: bool, q: bool) -> bool:
        return p or q

    def opposite(self, p: bool) -> bool:
        return not p

    # -- special functions

    def erf(self, a: arb_series) -> arb_series:
        return a.erf()

    def erfc(self, a: arb_series) -> arb_series:
        return a.erfc()

    # -- left to jets

    asin = acos = atan2 = asinh = acosh = atanh = floor = trunc = round = _no_series
    erfi = erfinv = gamma = lgamma = polygamma = zeta = besselj = bessely = besseli = besselk = _no_series
