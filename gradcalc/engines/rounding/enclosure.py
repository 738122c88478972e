"""A rounding bound for a gradient, at many points at once: weaker than the proof, and a thousand times faster.

Comes in: a tree, and what torch received for its variables and constants.  Goes out: for the value and for each partial an
interval that holds the true number, and every number that a machine may return which computes each elementary step and its
slope to `steps` units in the last place of the format, in any order of the chain rule.

What torch received may be half a unit away from what was typed, on the other side of a seam: both are inside.

It knows neither sympy's formula nor the program that ran.  A number outside of its interval is wrong, or was computed by
a formula that loses more digits than these; a number inside is right as far as the interval is narrow.  Where a function
has no bound here (the gamma family, Bessel functions), or the point is on a seam, nothing is known: not a number.

The slopes follow torch's own backward formulas (1 - tanh**2, 1/sqrt(1 - x*x), ...), so that what those lose is inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch

from gradcalc.engines.rounding.intervals import Interval, Map, Rounding, chosen, exactly, hull, keeping_zeros, unknown_where
from gradcalc.expression.program import follow
from gradcalc.expression.tree import Call, Name, Node, Number, steps
from gradcalc.functions import TABLE

_STEPS = 8
_UNKNOWN = exactly(math.nan)
_ZERO, _ONE = exactly(0.0), exactly(1.0)
_OWN_KERNELS = ("activations", "losses")
"""Groups whose functions torch computes by formulas of its own, with terms of the size of one."""


def enclose(
    tree: Node,
    values: Mapping[str, float | torch.Tensor],
    constants: Mapping[str, float],
    moving: Collection[str],
    *,
    precision: int,
    lowest: int,
) -> tuple[Interval, dict[str, Interval]]:
    """The value and its first partials by the names in `moving`; `values` are numbers, or float64 tensors of one shape.

    The format the machine rounds to has `precision` bits, and 2**`lowest` as its smallest normal number.
    """
    rounding = Rounding(precision, lowest, _steps(tree))
    engine = _Engine(rounding)

    def leaf(node: Number | Name) -> Moving:
        if isinstance(node, Name):
            slopes = {node.name: _ONE} if node.name in moving else {}
            return Moving(engine, rounding.received(values[node.name]), slopes)
        # The numbers of a function's own, which torch was not given, mean themselves.
        held = constants[node.text] if node.text in constants else float(node.value)
        is_exact = Fraction(held) == node.value if math.isfinite(held) else False
        return Moving(engine, exactly(held) if is_exact else rounding.received(held), {})

    def call(node: Call, args: list[Any]) -> Any:
        if not args and node.name in constants:
            return Moving(engine, rounding.received(constants[node.name]), {})
        row = TABLE[node.name]
        result = row.meaning(engine, *args)
        return result.roomier(args) if row.group in _OWN_KERNELS else result

    result = follow(steps(tree), leaf, call)[-1]
    return result.value, {name: result.slopes.get(name, _ZERO) for name in moving}


def _steps(tree: Node) -> int:
    """Units in the last place for every operation.

    The backward pass multiplies from the other end and adds up where a variable is used: on a path through the tree that
    is two roundings a level and one a use, beside those of the operations themselves.
    """
    depth: dict[int, int] = {}
    uses: dict[str, int] = {}
    for node in steps(tree).nodes:
        if isinstance(node, Call):
            depth[id(node)] = 1 + max((depth.get(id(arg), 0) for arg in node.args), default=0)
        elif isinstance(node, Name):
            uses[node.name] = uses.get(node.name, 0) + 1
    return _STEPS + 2 * depth.get(id(tree), 0) + max(uses.values(), default=0)


class Moving:
    """A number and its slopes by the variables it depends on."""

    __slots__ = ("engine", "slopes", "value")

    def __init__(self, engine: _Engine, value: Interval, slopes: Mapping[str, Interval]):
        self.engine = engine
        self.value = value
        self.slopes = slopes

    def __neg__(self) -> Moving:
        return Moving(self.engine, _negative(self.value), {name: _negative(slope) for name, slope in self.slopes.items()})

    def __add__(self, other: Moving | int) -> Moving:
        other = self.engine.number(other)
        slopes = {
            name: self.engine.rounding.add(self.slopes[name], other.slopes[name])
            if name in self.slopes and name in other.slopes
            else self.slopes.get(name) or other.slopes[name]
            for name in {**self.slopes, **other.slopes}
        }
        return Moving(self.engine, self.engine.rounding.add(self.value, other.value), slopes)

    def __sub__(self, other: Moving | int) -> Moving:
        return self + (-self.engine.number(other))

    def __rsub__(self, other: int) -> Moving:
        return self.engine.number(other) - self

    def __mul__(self, other: Moving | int) -> Moving:
        other = self.engine.number(other)
        value = self.engine.rounding.multiply(self.value, other.value)
        return self.engine.by_chain_rule(value, (self, other.value), (other, self.value))

    __radd__ = __add__
    __rmul__ = __mul__

    def roomier(self, args: list[Moving]) -> Moving:
        """With the room of a kernel that computes by a formula of its own: an absolute unit a slope."""
        rounding = self.engine.rounding
        size = torch.ones((), dtype=torch.float64)
        for arg in args:
            size = size + arg.value.size
        slopes = {}
        for name, slope in self.slopes.items():
            inner = sum((arg.slopes[name].size for arg in args if name in arg.slopes), torch.zeros((), dtype=torch.float64))
            slopes[name] = keeping_zeros(
                rounding.wider(slope, inner), slope.is_zero()
            )  # a branch that selects rounds nothing
        return Moving(self.engine, rounding.wider(self.value, size), slopes)


def _negative(a: Interval) -> Interval:
    return exactly(-a.low) if a.is_point else Interval(-a.high, -a.low)


@dataclass(frozen=True, slots=True)
class Truth:
    """Where a condition certainly holds, and where it certainly does not; and the variables it depends on."""

    yes: torch.Tensor
    no: torch.Tensor
    names: frozenset[str]


class _Engine:
    """The vocabulary of the function table, in intervals with slopes; what is not here is unknown."""

    def __init__(self, rounding: Rounding):
        self.rounding = rounding

    def __getattr__(self, name: str) -> Callable[..., Moving]:
        return lambda *args: self.unknown(*args)

    def unknown(self, *args: Moving) -> Moving:
        """A number of which nothing is known."""
        return Moving(self, _UNKNOWN, {name: _UNKNOWN for arg in args if isinstance(arg, Moving) for name in arg.slopes})

    def by_chain_rule(self, value: Interval, *parts: tuple[Moving, Interval]) -> Moving:
        """A value whose slope is the sum of the slopes of the arguments, each times a factor."""
        slopes: dict[str, Interval] = {}
        for argument, factor in parts:
            for name, slope in argument.slopes.items():
                term = factor if slope is _ONE else self.rounding.multiply(factor, slope)
                slopes[name] = self.rounding.add(slopes[name], term) if name in slopes else term
        return Moving(self, value, slopes)

    def number(self, value: Moving | int | str) -> Moving:
        if isinstance(value, Moving):
            return value
        exact = Fraction(value)
        number = exactly(float(exact))
        return Moving(self, number if exact.denominator == 1 else self.rounding.around(number), {})

    def pi(self) -> Moving:
        return Moving(self, self.rounding.around(exactly(math.pi)), {})

    def e(self) -> Moving:
        return Moving(self, self.rounding.around(exactly(math.e)), {})

    # -- division, powers and roots

    def divide(self, a: Moving | int, b: Moving | int) -> Moving:
        a, b = self.number(a), self.number(b)
        value = self.rounding.divide(a.value, b.value)
        inverse = self.rounding.divide(_ONE, b.value)
        return self.by_chain_rule(value, (a, inverse), (b, _negative(self.rounding.multiply(value, inverse))))

    def power(self, a: Moving, b: Moving) -> Moving:
        whole = _whole(b)
        if whole is not None:
            return self._whole_power(a, whole)
        positive = ~(a.value.low > 0)
        value = unknown_where(positive, self._corners_of_power(a.value, b.value))
        less = self.rounding.subtract(b.value, _ONE)
        inner = self.rounding.multiply(b.value, unknown_where(positive, self._corners_of_power(a.value, less)))
        outer = self.rounding.multiply(value, self.rounding.rising(torch.log, a.value))
        return self.by_chain_rule(value, (a, inner), (b, outer))

    def _corners_of_power(self, a: Interval, b: Interval) -> Interval:
        corners = [exactly(torch.pow(x, y)) for x in {a.low, a.high} for y in {b.low, b.high}]
        return self.rounding.around(hull(*corners))

    def _whole_power(self, a: Moving, n: int) -> Moving:
        if n == 0:
            return Moving(self, exactly(torch.ones_like(a.value.low)), dict.fromkeys(a.slopes, _ZERO))
        if n < 0:
            return self.divide(1, self._whole_power(a, -n))
        slope = self._whole(a.value, n - 1) if n > 1 else _ONE
        return self.by_chain_rule(self._whole(a.value, n), (a, self.rounding.multiply(exactly(float(n)), slope)))

    def _whole(self, a: Interval, n: int) -> Interval:
        if n == 1:
            return a

        def power(x: torch.Tensor) -> torch.Tensor:
            return torch.pow(x, n)

        return self.rounding.valley(power, a, 0.0) if n % 2 == 0 else self.rounding.rising(power, a)

    def sqrt(self, a: Moving) -> Moving:
        value = self.rounding.rising(torch.sqrt, a.value)
        return self.by_chain_rule(value, (a, self.rounding.divide(exactly(0.5), value)))

    def cbrt(self, a: Moving) -> Moving:
        def root(x: torch.Tensor) -> torch.Tensor:
            return x.sign() * x.abs().pow(1 / 3)

        # The exponent 1/3 is rounded too: its error grows with the logarithm of the argument.
        value = self.rounding.rising(root, a.value)
        value = self.rounding.wider(value, value.size * a.value.size.log().abs())
        squared = self.rounding.multiply(exactly(3.0), self.rounding.multiply(value, value))
        slope = self.rounding.divide(_ONE, squared)
        return self.by_chain_rule(value, (a, self.rounding.wider(slope, slope.size * a.value.size.log().abs())))

    def hypot(self, a: Moving, b: Moving) -> Moving:
        squares = self.rounding.add(self._whole(a.value, 2), self._whole(b.value, 2))
        value = self.rounding.rising(torch.sqrt, squares)
        divide = self.rounding.divide
        return self.by_chain_rule(value, (a, divide(a.value, value)), (b, divide(b.value, value)))

    # -- exponentials and logarithms

    def exp(self, a: Moving) -> Moving:
        value = self.rounding.rising(torch.exp, a.value)
        return self.by_chain_rule(value, (a, value))

    def expm1(self, a: Moving) -> Moving:
        value = self.rounding.rising(torch.expm1, a.value)
        return self.by_chain_rule(value, (a, self.rounding.add(value, _ONE)))

    def log(self, a: Moving) -> Moving:
        return self.by_chain_rule(self.rounding.rising(torch.log, a.value), (a, self.rounding.divide(_ONE, a.value)))

    def log1p(self, a: Moving) -> Moving:
        slope = self.rounding.divide(_ONE, self.rounding.add(a.value, _ONE))
        return self.by_chain_rule(self.rounding.rising(torch.log1p, a.value), (a, slope))

    def sigmoid(self, a: Moving) -> Moving:
        value = self.rounding.rising(torch.sigmoid, a.value)
        return self.by_chain_rule(value, (a, self.rounding.multiply(value, self.rounding.subtract(_ONE, value))))

    def logaddexp(self, a: Moving, b: Moving) -> Moving:
        x, y = a.value, b.value
        value = self.rounding.around(Interval(torch.logaddexp(x.low, y.low), torch.logaddexp(x.high, y.high)))
        ahead = self.rounding.rising(torch.sigmoid, self.rounding.subtract(x, y))
        behind = self.rounding.rising(torch.sigmoid, self.rounding.subtract(y, x))
        return self.by_chain_rule(value, (a, ahead), (b, behind))

    def xlogy(self, a: Moving, b: Moving) -> Moving:
        logarithm = self.rounding.rising(torch.log, b.value)
        value = self.rounding.multiply(a.value, logarithm)
        return self.by_chain_rule(value, (a, logarithm), (b, self.rounding.divide(a.value, b.value)))

    # -- trigonometry

    def sin(self, a: Moving) -> Moving:
        rounding = self.rounding
        return self.by_chain_rule(rounding.wave(torch.sin, a.value), (a, rounding.wave(torch.cos, a.value)))

    def cos(self, a: Moving) -> Moving:
        rounding = self.rounding
        return self.by_chain_rule(rounding.wave(torch.cos, a.value), (a, _negative(rounding.wave(torch.sin, a.value))))

    def tan(self, a: Moving) -> Moving:
        rounding = self.rounding
        value = rounding.divide(rounding.wave(torch.sin, a.value), rounding.wave(torch.cos, a.value))
        return self.by_chain_rule(value, (a, rounding.add(_ONE, rounding.multiply(value, value))))

    def cot(self, a: Moving) -> Moving:
        return self.divide(1, self.tan(a))

    def sec(self, a: Moving) -> Moving:
        return self.divide(1, self.cos(a))

    def csc(self, a: Moving) -> Moving:
        return self.divide(1, self.sin(a))

    def _over_root(self, sign: float, inside: Interval) -> Interval:
        return self.rounding.divide(exactly(sign), self.rounding.rising(torch.sqrt, inside))

    def asin(self, a: Moving) -> Moving:
        slope = self._over_root(1.0, self.rounding.subtract(_ONE, self._whole(a.value, 2)))
        return self.by_chain_rule(self.rounding.rising(torch.asin, a.value), (a, slope))

    def acos(self, a: Moving) -> Moving:
        slope = self._over_root(-1.0, self.rounding.subtract(_ONE, self._whole(a.value, 2)))
        return self.by_chain_rule(self.rounding.falling(torch.acos, a.value), (a, slope))

    def atan(self, a: Moving) -> Moving:
        slope = self.rounding.divide(_ONE, self.rounding.add(self._whole(a.value, 2), _ONE))
        return self.by_chain_rule(self.rounding.rising(torch.atan, a.value), (a, slope))

    def atan2(self, y: Moving, x: Moving) -> Moving:
        corners = [exactly(torch.atan2(v, h)) for v in {y.value.low, y.value.high} for h in {x.value.low, x.value.high}]
        on_cut = y.value.holds_zero() & ~(x.value.low > 0)
        value = unknown_where(on_cut, self.rounding.around(hull(*corners)))
        squares = unknown_where(on_cut, self.rounding.add(self._whole(y.value, 2), self._whole(x.value, 2)))
        divide = self.rounding.divide
        return self.by_chain_rule(value, (y, divide(x.value, squares)), (x, _negative(divide(y.value, squares))))

    def sinc(self, a: Moving) -> Moving:
        return self.divide(self.sin(a), a)

    # -- hyperbolic functions

    def sinh(self, a: Moving) -> Moving:
        rounding = self.rounding
        return self.by_chain_rule(rounding.rising(torch.sinh, a.value), (a, rounding.valley(torch.cosh, a.value, 1.0)))

    def cosh(self, a: Moving) -> Moving:
        rounding = self.rounding
        return self.by_chain_rule(rounding.valley(torch.cosh, a.value, 1.0), (a, rounding.rising(torch.sinh, a.value)))

    def tanh(self, a: Moving) -> Moving:
        rounding = self.rounding
        value = rounding.rising(torch.tanh, a.value)
        return self.by_chain_rule(value, (a, rounding.subtract(_ONE, rounding.multiply(value, value))))

    def coth(self, a: Moving) -> Moving:
        return self.divide(1, self.tanh(a))

    def sech(self, a: Moving) -> Moving:
        return self.divide(1, self.cosh(a))

    def csch(self, a: Moving) -> Moving:
        return self.divide(1, self.sinh(a))

    def asinh(self, a: Moving) -> Moving:
        slope = self._over_root(1.0, self.rounding.add(self._whole(a.value, 2), _ONE))
        return self.by_chain_rule(self.rounding.rising(torch.asinh, a.value), (a, slope))

    def acosh(self, a: Moving) -> Moving:
        slope = self._over_root(1.0, self.rounding.subtract(self._whole(a.value, 2), _ONE))
        return self.by_chain_rule(self.rounding.rising(torch.acosh, a.value), (a, slope))

    def atanh(self, a: Moving) -> Moving:
        slope = self.rounding.divide(_ONE, self.rounding.subtract(_ONE, self._whole(a.value, 2)))
        return self.by_chain_rule(self.rounding.rising(torch.atanh, a.value), (a, slope))

    # -- piecewise: on a seam all slopes that meet there are inside; where the value jumps nothing is known

    def abs(self, a: Moving) -> Moving:
        below, seam = a.value.high < 0, a.value.holds_zero()
        mirrored = -a
        value = chosen(below, mirrored.value, a.value)
        value = chosen(seam, Interval(torch.zeros_like(a.value.size), a.value.size), value)
        slopes = {}
        for name, slope in a.slopes.items():
            other = mirrored.slopes[name]
            slopes[name] = chosen(seam, hull(slope, other), chosen(below, other, slope))
        return Moving(self, value, slopes)

    def max(self, *args: Moving) -> Moving:
        return self._largest(args)

    def min(self, *args: Moving) -> Moving:
        return -self._largest([-arg for arg in args])

    def _largest(self, args: Sequence[Moving]) -> Moving:
        best = args[0]
        for other in args[1:]:
            ahead, behind = best.value.low > other.value.high, best.value.high < other.value.low
            low, high = torch.maximum(best.value.low, other.value.low), torch.maximum(best.value.high, other.value.high)
            slopes = {}
            for name in {**best.slopes, **other.slopes}:
                left, right = best.slopes.get(name, _ZERO), other.slopes.get(name, _ZERO)
                slopes[name] = chosen(ahead, left, chosen(behind, right, hull(left, right)))
            best = Moving(self, Interval(low, high), slopes)
        return best

    def where(self, condition: Truth, a: Moving, b: Moving) -> Moving:
        on_seam = ~(condition.yes | condition.no)
        value = unknown_where(on_seam, chosen(condition.yes, a.value, b.value))
        slopes = {
            name: unknown_where(on_seam, chosen(condition.yes, a.slopes.get(name, _ZERO), b.slopes.get(name, _ZERO)))
            for name in condition.names.union(a.slopes, b.slopes)
        }
        return Moving(self, value, slopes)

    def _step(self, function: Map, a: Moving, seam: torch.Tensor) -> Moving:
        value = unknown_where(seam, Interval(function(a.value.low), function(a.value.high)))
        return Moving(self, value, {name: unknown_where(seam, _ZERO) for name in a.slopes})

    def sign(self, a: Moving) -> Moving:
        return self._step(torch.sign, a, a.value.holds_zero())

    def floor(self, a: Moving) -> Moving:
        return self._step(torch.floor, a, _meets_integer(a.value.low, a.value.high))

    def ceil(self, a: Moving) -> Moving:
        return -self.floor(-a)

    def trunc(self, a: Moving) -> Moving:
        small = (a.value.low > -1) & (a.value.high < 1)
        return self._step(torch.trunc, a, _meets_integer(a.value.low, a.value.high) & ~small)

    def round(self, a: Moving) -> Moving:
        return self._step(torch.round, a, _meets_integer(a.value.low + 0.5, a.value.high + 0.5))

    # -- conditions

    def lt(self, a: Moving | int, b: Moving | int) -> Truth:
        left, right = self.number(a), self.number(b)
        names = frozenset(left.slopes).union(right.slopes)
        return Truth(left.value.high < right.value.low, left.value.low > right.value.high, names)

    def gt(self, a: Moving | int, b: Moving | int) -> Truth:
        return self.lt(b, a)

    le, ge = lt, gt  # the seam itself is left open

    def ne(self, a: Moving | int, b: Moving | int) -> Truth:
        less = self.lt(a, b)
        apart = less.yes | less.no
        left, right = self.number(a).value, self.number(b).value
        one = (left.low == left.high) & (right.low == right.high) & (left.low == right.low)
        return Truth(apart, torch.zeros_like(apart) if less.names else one & ~apart, less.names)

    def eq(self, a: Moving | int, b: Moving | int) -> Truth:
        return self.opposite(self.ne(a, b))

    def both(self, p: Truth, q: Truth) -> Truth:
        return Truth(p.yes & q.yes, p.no | q.no, p.names | q.names)

    def either(self, p: Truth, q: Truth) -> Truth:
        return Truth(p.yes | q.yes, p.no & q.no, p.names | q.names)

    def opposite(self, p: Truth) -> Truth:
        return Truth(p.no, p.yes, p.names)

    # -- error functions

    def erf(self, a: Moving) -> Moving:
        return self.by_chain_rule(self.rounding.rising(torch.erf, a.value), (a, self._bell(a.value, 2 / math.sqrt(math.pi))))

    def erfc(self, a: Moving) -> Moving:
        value = self.rounding.falling(torch.erfc, a.value)
        return self.by_chain_rule(value, (a, self._bell(a.value, -2 / math.sqrt(math.pi))))

    def _bell(self, a: Interval, factor: float) -> Interval:
        """factor*exp(-a*a)."""
        rounding = self.rounding
        bell = rounding.rising(torch.exp, _negative(self._whole(a, 2)))
        return rounding.multiply(rounding.around(exactly(factor)), bell)


def _meets_integer(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """Where an interval may hold an integer."""
    below = low.floor()
    return ~((low > below) & (high < below + 1))


def _whole(b: Moving) -> int | None:
    """The integer of an exponent that is the same at all points."""
    if not b.value.is_point or b.slopes or b.value.low.dim():
        return None
    number = float(b.value.low)
    return int(number) if number.is_integer() and abs(number) <= 1024 else None
