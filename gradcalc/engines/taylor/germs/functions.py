"""The vocabulary of the function table in elements: every branch is chosen by a sign.

Comes in: a tree and an element for each of its variables.  Goes out: the element that the expression is there, or what it
has in the place of a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import wraps
from typing import Any

from flint import fmpq

from gradcalc.engines.taylor import reals, special_functions
from gradcalc.engines.taylor.germs.atoms import Element, TooMany, Undecided, rational
from gradcalc.engines.taylor.germs.germs import Germs, NotDefined, Unknown
from gradcalc.engines.taylor.reals import OutOfPrecision, exact
from gradcalc.expression.tree import Name, Node, Number
from gradcalc.functions import TABLE
from gradcalc.functions.vocabulary import Vocabulary
from gradcalc.runtime import deadline

Value = Element | NotDefined
Outcome = Value | bool
"""What a step of an expression is: an element, a condition that holds or does not, or nothing that is real."""

_MULTIPLIED = 10_000
_GAMMA_STEPS = 50
"""How far left of 1 the poles of gamma are reached by its recurrence."""
_FLOOR_BITS = 3_200


def evaluate_node(
    germs: Germs, node: Node, args: list[Outcome], names: Mapping[str, Value], literal: fmpq | None
) -> Outcome:
    """The value of a node from those of its arguments; `literal` is what a machine made of a number or a constant."""
    deadline.check()
    if literal is not None:
        return germs.constant(literal)
    if isinstance(node, Name):
        return names[node.name]
    if isinstance(node, Number):
        return germs.constant(exact(node.value))
    row = TABLE[node.name]
    if node.name != "where" and not row.condition:
        for arg in args:
            if isinstance(arg, NotDefined):
                return arg
    try:
        value: Outcome = row.meaning(GermVocabulary(germs), *args)
    except TooMany:
        raise
    except (Undecided, OutOfPrecision) as why:
        return Unknown(str(why))
    return value if isinstance(value, (NotDefined, bool)) else germs.shorten(value + germs.zero)


def _strict(method: Callable[..., Any]) -> Callable[..., Any]:
    """Where an argument is not real, the function is not."""

    @wraps(method)
    def call(self: GermVocabulary, *args: Any) -> Any:
        missing = next((arg for arg in args if isinstance(arg, NotDefined)), None)
        return missing if missing is not None else method(self, *args)

    return call


def _odd(kind: str) -> Callable[..., Any]:
    return _strict(lambda self, a: self.germs.odd(kind, a))


def _comparison(*signs: int) -> Callable[..., Any]:
    return _strict(lambda self, a, b: self.germs.sign(a - b) in signs)


class GermVocabulary(Vocabulary[Any, Any]):
    """The functions that rows of the table are written in."""

    def __init__(self, germs: Germs):
        self.germs = germs

    def number(self, value: int | str) -> Element:
        return self.germs.constant(exact(Fraction(value)))

    def pi(self) -> Element:
        return self.germs.atom("pi")

    def e(self) -> Element:
        return self.germs.exponential(self.germs.one)

    # -- division, powers and roots

    @_strict
    def divide(self, a: Element | int, b: Element | int) -> Value:
        a, b = a + self.germs.zero, b + self.germs.zero
        return self.germs.quotient(a, b) if self.germs.sign(b) else NotDefined()

    @_strict
    def power(self, a: Element, b: Element) -> Value:
        r, side = rational(b), self.germs.sign(a)
        if side == 0:
            side = self.germs.sign(b)
            return NotDefined() if side < 0 else self.germs.zero if side else self.germs.one
        if r is not None and r.q == 1 and abs(r.p) < _MULTIPLIED:
            return self._whole_power(a, int(r.p), side)
        if side < 0:
            whole = self._integer(b)
            return NotDefined() if whole is None else self._whole_power(a, whole, side)
        if r is not None and r.q < 60 and abs(r.p) < 400:
            return self.germs.raise_to(a, r)
        return self.germs.exponential(b * self.germs.logarithm(a))

    def _whole_power(self, a: Element, n: int, side: int) -> Element:
        if abs(n) <= 400:
            return self.germs.raise_to(a, fmpq(n))
        size = self.germs.exponential(n * self.germs.logarithm(side * a))
        return size if n % 2 == 0 else side * size

    def _integer(self, b: Element) -> int | None:
        """The integer that a constant is, proven or to thousands of bits; None for another number."""
        if self.germs.infinitesimals_of(b):
            return None
        near = self._nearest(b)
        return near if self.germs.sign(b - near) == 0 else None

    def _nearest(self, b: Element) -> int:
        with reals.precision(_FLOOR_BITS):
            near = (self.germs.enclose(b).mid() + fmpq(1, 2)).floor().unique_fmpz()
        if near is None:
            raise Undecided("the integer part of so large a number")
        return int(near)

    @_strict
    def sqrt(self, a: Element) -> Value:
        side = self.germs.sign(a)
        return NotDefined() if side < 0 else self.germs.raise_to(a, fmpq(1, 2)) if side else self.germs.zero

    @_strict
    def cbrt(self, a: Element) -> Value:
        side = self.germs.sign(a)
        return side * self.germs.raise_to(side * a, fmpq(1, 3)) if side else self.germs.zero

    # -- exponentials and logarithms

    @_strict
    def exp(self, a: Element) -> Value:
        return self.germs.exponential(a)

    @_strict
    def log(self, a: Element) -> Value:
        side = self.germs.sign(a)
        return self.germs.logarithm(a) if side > 0 else NotDefined()

    def logaddexp(self, a: Element, b: Element) -> Value:
        return a + self.log(1 + self.exp(b - a))  # type: ignore[no-any-return]

    @_strict
    def xlogy(self, a: Element, b: Element) -> Value:
        return self.log(b) * a if self.germs.sign(a) else self.germs.zero

    # -- trigonometry

    @_strict
    def sin(self, a: Element) -> Value:
        return self.germs.sine_and_cosine(a)[0]

    @_strict
    def cos(self, a: Element) -> Value:
        return self.germs.sine_and_cosine(a)[1]

    @_strict
    def asin(self, a: Element) -> Value:
        rest = (1 - a) * (1 + a)
        side = self.germs.sign(rest)
        if side < 0:
            return NotDefined()
        if side == 0:
            return self.pi() * fmpq(self.germs.sign(a), 2)
        return self.germs.odd("atan", self.germs.quotient(a, self.germs.raise_to(rest, fmpq(1, 2))))

    def acos(self, a: Element) -> Any:
        return self.asin(a) * -1 + self.pi() / 2

    atan = _odd("atan")

    @_strict
    def atan2(self, y: Element, x: Element) -> Value:
        right, up = self.germs.sign(x), self.germs.sign(y)
        if right > 0:
            return self.germs.odd("atan", self.germs.quotient(y, x))
        if up:
            return self.pi() * fmpq(up, 2) - self.germs.odd("atan", self.germs.quotient(x, y))
        return self.pi() if right else NotDefined()

    @_strict
    def sinc(self, a: Element) -> Value:
        return self.germs.quotient(self.germs.sine_and_cosine(a)[0], a) if self.germs.sign(a) else self.germs.one

    # -- hyperbolic functions

    tanh = _odd("tanh")

    def sinh(self, a: Element) -> Any:
        return (self.exp(a) - self.exp(-a)) * fmpq(1, 2)

    def cosh(self, a: Element) -> Any:
        return (self.exp(a) + self.exp(-a)) * fmpq(1, 2)

    def asinh(self, a: Element) -> Any:
        return self.log(a + self.sqrt(1 + a * a))

    @_strict
    def acosh(self, a: Element) -> Any:
        if self.germs.sign(a - 1) < 0:
            return NotDefined()
        return self.log(a + self.sqrt((a - 1) * (a + 1)))

    @_strict
    def atanh(self, a: Element) -> Any:
        return self.log(self.divide(1 + a, 1 - a)) * fmpq(1, 2)

    # -- piecewise

    @_strict
    def abs(self, a: Element) -> Value:
        return -a if self.germs.sign(a) < 0 else a

    @_strict
    def sign(self, a: Element) -> Value:
        return self.germs.constant(self.germs.sign(a))

    @_strict
    def heaviside(self, a: Element, at_zero: Element) -> Value:
        side = self.germs.sign(a)
        return self.germs.constant(int(side > 0)) if side else at_zero

    @_strict
    def max(self, *args: Element) -> Value:
        best = args[0]
        for other in args[1:]:
            best = best if self.germs.sign(best - other) >= 0 else other
        return best

    def where(self, condition: bool | NotDefined, a: Value, b: Value) -> Value:
        return condition if isinstance(condition, NotDefined) else a if condition else b

    lt, le, gt, ge = _comparison(-1), _comparison(-1, 0), _comparison(1), _comparison(0, 1)
    eq, ne = _comparison(0), _comparison(-1, 1)

    @_strict
    def both(self, p: bool, q: bool) -> bool:
        return p and q

    @_strict
    def either(self, p: bool, q: bool) -> bool:
        return p or q

    @_strict
    def opposite(self, p: bool) -> bool:
        return not p

    # -- rounding

    @_strict
    def floor(self, a: Element) -> Value:
        limit = self.germs.limit(a)
        if isinstance(limit, float):
            raise Undecided("the integer part of what grows without bound")
        value = rational(limit)
        if value is None:
            near = self._nearest(limit)
            return self.germs.constant(near - (self.germs.sign(a - near) < 0))
        low = int(value.p // value.q)
        return self.germs.constant(low - (value.q == 1 and self.germs.sign(a - low) < 0))

    @_strict
    def trunc(self, a: Element) -> Any:
        return self.floor(a) if self.germs.sign(a) >= 0 else -self.floor(-a)

    @_strict
    def round(self, a: Element) -> Value:
        up: Element = self.floor(a + fmpq(1, 2))
        whole = rational(up)
        assert whole is not None
        tie = self.germs.sign(a + fmpq(1, 2) - up) == 0 and int(whole.p) % 2
        return up - 1 if tie else up

    # -- special functions

    erf = _odd("erf")

    @_strict
    def erfi(self, a: Element) -> Value:
        return self._special("erfi", a)

    @_strict
    def erfinv(self, a: Element) -> Value:
        side = self.germs.sign(1 - a * a)
        if side <= 0:
            return NotDefined()
        return self._special("erfinv", a)

    def _special(self, name: str, a: Element, parameter: fmpq | None = None) -> Element:
        kind = name if parameter is None else f"{name} {parameter}"
        return self.germs.special(kind, a, 0, lambda x, k: special_functions.coefficient(name, parameter, x, k))

    def _pole(self, a: Element) -> int | None:
        """The number n such that an argument of gamma tends to the pole at -n; None where it tends to none."""
        limit = self.germs.limit(a)
        if isinstance(limit, float):
            raise Undecided("a special function of what grows without bound")
        value = rational(limit)
        if value is None or value.q != 1 or value > 0:
            return None
        if value < -_GAMMA_STEPS:
            raise Undecided("a pole of gamma far to the left")
        return -int(value.p)

    @_strict
    def gamma(self, a: Element) -> Value:
        pole = self._pole(a)
        if pole is None:
            return self._special("gamma", a)
        divisor = self.germs.one  # gamma(a) = gamma(a + n + 1)/(a*(a + 1)*...*(a + n))
        for k in range(pole + 1):
            divisor = divisor * (a + k)
        return self.divide(self._special("gamma", a + pole + 1), divisor)  # type: ignore[no-any-return]

    @_strict
    def lgamma(self, a: Element) -> Any:
        limit = self.germs.limit(a)
        if not isinstance(limit, float) and self.germs.sign(limit) > 0:
            return self._special("lgamma", a)
        return self.log(self.abs(self.gamma(a)))

    @_strict
    def polygamma(self, n: Element, a: Element) -> Any:
        order = rational(n)
        if order is None or order.q != 1 or order < 0:
            raise Undecided("the derivative of polygamma by its order")
        name, parameter = ("polygamma", order) if order > 0 else ("digamma", None)
        pole = self._pole(a)
        if pole is None:
            return self._special(name, a, parameter)
        # By the recurrence: each step left takes (-1)**n * n!/a**(n + 1) away (DLMF 5.15.5).
        total: Any = self._special(name, a + pole + 1, parameter)
        factor = fmpq(-1) ** int(order.p)
        for k in range(1, int(order.p) + 1):
            factor = factor * k
        for k in range(pole + 1):
            total = total - self.divide(self.germs.constant(factor), self.germs.raise_to(a + k, order + 1))
        return total

    @_strict
    def zeta(self, a: Element) -> Any:
        limit = self.germs.limit(a)
        if isinstance(limit, float):
            raise Undecided("zeta of what grows without bound")
        if self.germs.sign(limit - 1):
            return self._special("zeta", a)
        # zeta(s) = 1/(s - 1) and a function that is smooth at 1.
        return self.divide(1, a - 1) + self.germs.special("zeta without its pole", a, 0, special_functions.deflated_zeta)

    def besselj(self, n: Element, a: Element) -> Value:
        return self._bessel("besselj", n, a, whole_line=True)

    def bessely(self, n: Element, a: Element) -> Value:
        return self._bessel("bessely", n, a, whole_line=False)

    def besseli(self, n: Element, a: Element) -> Value:
        return self._bessel("besseli", n, a, whole_line=True)

    def besselk(self, n: Element, a: Element) -> Value:
        return self._bessel("besselk", n, a, whole_line=False)

    def _bessel(self, name: str, n: Element, a: Element, *, whole_line: bool) -> Value:
        missing = next((arg for arg in (n, a) if isinstance(arg, NotDefined)), None)
        if missing is not None:
            return missing
        order = rational(n)
        if order is None:
            raise Undecided(f"the derivative of {name} by its order")
        if whole_line and order.q == 1:
            return self._special(name, a, order)
        side = self.germs.sign(a)
        if side <= 0 and not (side == 0 and whole_line):
            return NotDefined()
        limit = self.germs.limit(a)
        if isinstance(limit, float) or not self.germs.sign(limit):
            raise Undecided(f"{name} beside 0")
        return self._special(name, a, order)
