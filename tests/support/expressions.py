"""Random expressions at random points, and families that lose digits: what the benchmarks here are run on.

Comes in: a `random.Random`.  Goes out: `Case`s, an expression and a decimal text for each of its variables.

Expressions grow from their leaves, and each call sees the value of its arguments at the point: arguments outside of the
function's domain are moved into it by a linear function with decimal coefficients, so that nearly every case is regular.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

from gradcalc.calculate.at_point import nearest_float
from gradcalc.engines.autograd import backward
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array, Shape
from gradcalc.expression.tree import Number
from gradcalc.functions import TABLE, Function
from gradcalc.functions.resolve import understand
from gradcalc.functions.scalarize import scalarize
from gradcalc.inputs.values import read_value

NAMES = ("x", "y", "z")
LARGEST = 1e6
LITERALS: dict[str, dict[int, tuple[str, ...]]] = {
    "polygamma": {0: ("0", "1", "2", "3")},
    "besseli": {0: ("0", "1")},
    "soft_margin_loss": {1: ("1", "-1", "0.7")},
    "margin_ranking_loss": {2: ("1", "-1")},
}
"""Arguments that torch takes as numbers, or has no derivative by."""

_EDGED = ("edge", "pole", "undefined", "vertical")


@dataclass(frozen=True)
class Case:
    """An expression at a point; of an array, which of its entries."""

    expr: str
    at: dict[str, str]
    place: int = 0

    def __str__(self) -> str:
        entry = f"entry {self.place} of  " * bool(self.place)
        return f"{entry}{self.expr}  at  " + ", ".join(f"{name}={value}" for name, value in self.at.items())


def ordinary(chance: random.Random, depth: int | None = None) -> Case:
    """A random expression of 1 to 3 variables, at a random point where it is finite."""
    while True:
        at = {name: decimal(chance, chance.uniform(-3, 3)) for name in NAMES[: chance.choice((1, 1, 2, 2, 3))]}
        if any(float(value) == 0 for value in at.values()):
            continue
        grown = Growing(chance, at).grow(chance.randint(2, 5) if depth is None else depth)
        used = {name: value for name, value in at.items() if name in grown.names}
        if used:
            return Case(grown.text, used)


@dataclass(frozen=True)
class Grown:
    """A part of an expression, and its value at the point."""

    text: str
    value: Array[float]
    names: frozenset[str]

    @property
    def shape(self) -> Shape:
        return self.value.shape

    @property
    def low(self) -> float:
        """The smallest entry."""
        return min(self.value.entries)

    @property
    def high(self) -> float:
        """The largest entry."""
        return max(self.value.entries)

    @property
    def least(self) -> float:
        """The size of the entry nearest to 0."""
        return min(map(abs, self.value.entries))

    @property
    def most(self) -> float:
        """The size of the entry farthest from 0."""
        return max(map(abs, self.value.entries))


_NOTHING = Array.scalar(math.nan)


class Growing:
    """Grows random expressions of the variables at a point."""

    SHARES = (0.42, 0.47)
    """Below the first, a random call is an operator; below the second, `where`."""

    def __init__(self, chance: random.Random, at: Mapping[str, str]):
        self.chance, self.at = chance, at
        self.trees = {name: read_value(name, text).entries for name, text in at.items()}
        self.floats = {name: cells.map(partial(nearest_float, name, "")) for name, cells in self.trees.items()}

    def grow(self, depth: int) -> Grown:
        """A random part of at most `depth` nested calls."""
        if depth == 0:
            return self.leaf()
        while True:
            draw = self.chance.random()
            operators, others = self.SHARES
            part = self.operator(depth) if draw < operators else self.where(depth) if draw < others else self.function(depth)
            if all(map(math.isfinite, part.value.entries)) and part.most < LARGEST:
                return part

    def leaf(self) -> Grown:
        draw = self.chance.random()
        if draw < 0.75:
            name = self.chance.choice(list(self.at))
            return Grown(name, self.floats[name], frozenset({name}))
        if draw < 0.8:
            name = self.chance.choice(("pi", "e"))
            return Grown(name, Array.scalar(getattr(math, name)), frozenset())
        return self.number(self.chance.uniform(0.1, 4))

    def number(self, value: float) -> Grown:
        text = decimal(self.chance, value)
        return Grown(f"({text})" if text.startswith("-") else text, Array.scalar(float(text)), frozenset())

    def made(self, text: str, *parts: Grown) -> Grown:
        """A part with its value by torch; not a number where torch refuses it."""
        return Grown(text, self.value(text), frozenset().union(*(part.names for part in parts)))

    def value(self, text: str) -> Array[float]:
        try:
            tree = understand(text, self.at)
            places = scalarize(tree, self.trees).positions()
        except CalcError:  # shapes that do not fit
            return _NOTHING
        runs = backward.runs(tree, self.floats, {}, len(places.entries), dtype="float64", device="cpu")
        return places.map(lambda place: math.nan if runs[place].value is None else runs[place].value)

    def operator(self, depth: int) -> Grown:
        name = self.chance.choice(("+", "-", "*", "*", "/", "**", "neg"))
        first = self.grow(depth - 1)
        if name == "neg":
            return self.made(f"-({first.text})", first)
        if name == "**":
            return self.power(first, depth)
        second = self.grow(self.chance.randint(0, depth - 1))
        if name == "/" and second.least < 0.05:
            second = self.moved(second, 0.3, 2.0)
        return self.made(f"({first.text}) {name} ({second.text})", first, second)

    def power(self, base: Grown, depth: int) -> Grown:
        draw = self.chance.random()
        if draw < 0.6 and base.least > 0:
            exponent = self.chance.choice((2, 2, 2, 3, 3, 4, 5, -1, -2, 1, 0))
            return self.made(f"({base.text})**{exponent}" if exponent >= 0 else f"({base.text})**({exponent})", base)
        base = base if base.low > 0.05 and base.high < 20 else self.moved(base, 0.1, 3.0)
        if draw < 0.8:
            exponent = self.number(self.chance.uniform(-2, 3))
        else:
            exponent = self.grow(self.chance.randint(0, depth - 1))
            exponent = exponent if exponent.most < 3 else self.moved(exponent, -2.0, 2.0)
        if self.chance.random() < 0.2:
            base = self.number(self.chance.uniform(0.2, 4))
        return self.made(f"({base.text})**({exponent.text})", base, exponent)

    def where(self, depth: int) -> Grown:
        parts = [self.grow(self.chance.randint(0, depth - 1)) for _ in range(4)]
        condition = f"{parts[0].text} {self.chance.choice(('<', '<=', '>', '>=', '!='))} {parts[1].text}"
        if self.chance.random() < 0.3:
            more = self.grow(0), self.grow(0)
            parts += more
            condition = f"({condition}) {self.chance.choice(('and', 'or'))} {more[0].text} < {more[1].text}"
        if self.chance.random() < 0.2:
            condition = f"not ({condition})"
        return self.made(f"where({condition}, {parts[2].text}, {parts[3].text})", *parts)

    def function(self, depth: int) -> Grown:
        row = self.chance.choice(callable_rows())
        parts = self.arguments(row, depth)
        return self.made(self.spelt(row, parts), *parts)

    def spelt(self, row: Function, parts: Sequence[Grown]) -> str:
        """A call as people write it."""
        return f"{row.name}({', '.join(part.text for part in parts)})"

    def arguments(self, row: Function, depth: int) -> list[Grown]:
        parts: list[Grown] = []
        for place, parameter in enumerate(row.parameters):
            literals = LITERALS.get(row.name, {}).get(place)
            if literals is not None:
                parts.append(Grown(self.chance.choice(literals), Array.scalar(0.0), frozenset()))
            elif parameter.setting:
                if parameter.default is None:
                    parts.append(self.number(self.chance.uniform(*row.sample[place])))
                elif self.chance.random() < 0.7:
                    break
                else:
                    parts.append(self.number(self.chance.uniform(0.5, 1.5) * float(parameter.default or 1)))
            elif parameter.optional and self.chance.random() < 0.5:
                break
            else:
                parts.append(self.argument(row, place, depth))
        return parts

    def argument(self, row: Function, place: int, depth: int) -> Grown:
        part = self.grow(depth - 1 if place == 0 else self.chance.randint(0, depth - 1))
        low, high = row.sample[place] if place < len(row.sample) else (0.5, 4.0)
        if not any(word in row.singular for word in _EDGED) and row.group != "losses":
            low, high = -5.0, 5.0
        return part if low <= part.low and part.high <= high else self.moved(part, low, high)

    def moved(self, part: Grown, low: float, high: float) -> Grown:
        """A linear function of a part, with all its entries between two bounds."""
        share = self.chance.random()
        scale = self.chance.uniform(0.1, 1.5) / max(part.most, 1.0)
        scale = min(scale, 0.8 * (high - low) / max(part.high - part.low, 1e-9)) * self.chance.choice((1, 1, -1))
        scale = _rounded(scale)
        margin = 0.02 * (high - low) + abs(scale) * (part.high - part.low) / 2
        target = low + margin + share * (high - low - 2 * margin)
        offset = _rounded(target - scale * (part.low + part.high) / 2, 4)
        sign = "-" if offset < 0 else "+"
        return self.made(f"({scale!r}*({part.text}) {sign} {abs(offset)!r})", part)


@cache
def callable_rows() -> tuple[Function, ...]:
    """The functions of the table that torch can differentiate and that a random expression can call."""
    return tuple(
        row
        for row in TABLE.values()
        if row.name.isidentifier() and row.signature and not row.condition and row.name not in ("neg", "where")
        and row.elementwise and (row.torch is not None) and not _is_missing(row)
    )  # fmt: skip


def _is_missing(row: Function) -> bool:
    """Whether a function given by a definition leads to one that torch has not."""
    return row.definition is not None and row.definition.startswith("bessel") and not row.definition.startswith("besseli")


def decimal(chance: random.Random, value: float) -> str:
    return f"{value:.{chance.choice((0, 1, 1, 2, 3, 4, 6, 12))}f}" if abs(value) >= 0.6 else f"{value:.3g}"


def _rounded(value: float, figures: int = 3) -> float:
    return float(f"{value:.{figures}g}")


# ------------------------------------------------------------------------------------------------------ ill-conditioned

Spread = tuple[float, float]

FAMILIES: tuple[tuple[str, dict[str, Spread]], ...] = (
    ("(1 - cos(x))/x**2", {"x": (1e-8, 1e-1)}),
    ("(x - sin(x))/x**3", {"x": (1e-6, 1e-1)}),
    ("(tan(x) - x)/x**3", {"x": (1e-6, 1e-1)}),
    ("log(1 + x)/x", {"x": (1e-12, 1e-2)}),
    ("(exp(x) - 1)/x", {"x": (1e-12, 1e-2)}),
    ("(exp(x) - 1 - x)/x**2", {"x": (1e-8, 1e-2)}),
    ("sqrt(x + 1) - sqrt(x)", {"x": (1e3, 1e12)}),
    ("sqrt(x**2 + 1) - x", {"x": (1e1, 1e6)}),
    ("1/x - 1/(x + 1)", {"x": (1e2, 1e9)}),
    ("atan(x + 1) - atan(x)", {"x": (1e1, 1e6)}),
    ("log(x + 1) - log(x)", {"x": (1e2, 1e12)}),
    ("tanh(x)", {"x": (8.0, 20.0)}),
    ("x*(1 - tanh(x))", {"x": (5.0, 18.0)}),
    ("sigmoid(x)*(1 - sigmoid(x))", {"x": (5.0, 40.0)}),
    ("log(1 - sigmoid(x))", {"x": (3.0, 36.0)}),
    ("log(cosh(x)) - x", {"x": (2.0, 30.0)}),
    ("1 - erf(x)", {"x": (1.0, 6.0)}),
    ("acos(1 - x)", {"x": (1e-12, 1e-2)}),
    ("x**3 - 3*x**2 + 3*x - 1", {"x": (1.0001, 1.1)}),
    ("(x + 1)**2 - x**2 - 2*x", {"x": (1e2, 1e9)}),
    ("sin(x)**2 + cos(x)**2", {"x": (1.0, 1e4)}),
    ("exp(x)/(1 + exp(x)) - 1/(1 + exp(-x))", {"x": (0.1, 20.0)}),
    ("sin(x)", {"x": (1e3, 1e15)}),
    ("tan(x)", {"x": (1.55, 1.5707)}),
    ("x**4/y - y**4/x", {"x": (1.0, 1.001), "y": (1.0, 1.001)}),
    ("x**3 - 3*x**2*y + 3*x*y**2 - y**3", {"x": (1.0, 1.01), "y": (1.0, 1.01)}),
    ("(x - y)/(x + y) - (x**2 - y**2)/(x + y)**2", {"x": (0.5, 2.0), "y": (0.5, 2.0)}),
    ("log(exp(x) + exp(y)) - x", {"x": (10.0, 40.0), "y": (1.0, 5.0)}),
)
"""Expressions and where (logarithmically) they are sampled: the digits cancel in the value, or in the derivative."""


def ill_conditioned(chance: random.Random) -> Case:
    """A case of one of the families."""
    expr, spreads = chance.choice(FAMILIES)
    at = {name: _figures(chance, low * (high / low) ** chance.random()) for name, (low, high) in spreads.items()}
    return Case(expr, at)


def _figures(chance: random.Random, value: float) -> str:
    return f"{value:.{chance.choice((2, 4, 8, 15))}g}"


# ------------------------------------------------------------------------------------------------------- beside a seam

SEAMED = (
    "x*floor(u)", "x*ceil(u)", "x*trunc(u)", "x*round(u + 0.5)", "x*frac(u)", "x*remainder(u, 1)", "x*fmod(u, 1)", "remainder(u, s)",
    "fmod(u, s)", "sign(u - s)*x", "abs(u - s)", "copysign(x, u - s)", "max(u, s)*x", "min(u, s)*x", "maximum(u, s)", "minimum(u, s)",
    "clamp(u, s, s + 1)*x", "clamp(u, s - 1, s)", "fdim(u, s)", "where(u > s, x**2, 3*x)", "where(u <= s, x, -x)",
    "where(u == s, x, 2*x)", "where(u != s and u >= s, x, 2*x)", "relu(u - s)", "relu6(u - s + 6)", "leaky_relu(u - s)", "elu(u - s, 0.7)",
    "selu(u - s)", "celu(u - s, 0.5)", "prelu(u - s, 0.2)", "hardtanh(u - s + 1)", "hardshrink(u - s + 0.5)", "softshrink(u - s + 0.5)",
    "threshold(u - s, 0, 0.3)", "hardsigmoid(u - s + 3)", "hardswish(u - s - 3)", "softplus(u - s + 20)", "logsigmoid(u - s)",
    "softsign(u - s)", "logaddexp(u, s)", "l1_loss(u, s)", "smooth_l1_loss(u, s - 1)", "huber_loss(u, s + 1)", "xlogy(u - s, 2)",
    "xlog1py(u - s, 2)", "cbrt(u - s)", "sqrt(u - s)", "sqrt(abs(u - s))", "atan2(u - s, -1)", "hypot(u - s, x - s)", "acos(u - s + 1)",
    "log(u - s)", "sinc(u - s)", "2**(u - s)", "x**(u - s)", "x**(u - s + 0.5)", "x**(u - s + 1)", "(u - s)**2", "1/(u - s)", "gamma(s - u)",
    "margin_ranking_loss(u, s, 1)", "binary_cross_entropy(u - s + 1, 0.3)", "acosh(u - s + 1)", "asin(u - s - 1)", "logit(u - s)",
)  # fmt: skip
"""Functions of a number u that stands at, or within rounding of, a seam, an edge or a pole at s."""

NEARLY = (
    "x", "(x + 1e-20)", "(x - 1e-20)", "(x + 1e-9)", "(x - 1e-9)", "(x + 1e-17)", "x*0.1*10", "x/3*3", "((x + 0.1) - 0.1)", "x*1.00000000000000001",
    "exp(log(x))", "sqrt(x)**2", "(x + 0.1 + 0.2 - 0.3)", "(x + y)", "(x*y/y)", "(x - y*1e-20)", "(x + 1e-300*y)",
)  # fmt: skip


def beside_a_seam(chance: random.Random) -> Case:
    """A case in which rounding decides, or could decide, on which side of a seam the machine is."""
    seam = chance.choice(("1", "2", "3", "7"))
    nearly = chance.choice(NEARLY)
    expr = chance.choice(SEAMED)
    text = re.sub(r"\b[us]\b", lambda found: {"u": nearly, "s": seam}[found.group()], expr)
    at = {"x": seam}
    if "y" in nearly:
        at["y"] = "0.1"
        if nearly == "(x + y)":
            at["x"] = f"{int(seam) - 1}.9"
    return Case(text, at)


def stream(make: Callable[[random.Random], Case], seed: int) -> Iterator[Case]:
    """Cases without end, each from a seed of its own."""
    place = 0
    while True:
        yield make(random.Random(f"{seed}/{place}"))
        place += 1


__all__ = [
    "FAMILIES",
    "Case",
    "Growing",
    "Grown",
    "Number",
    "beside_a_seam",
    "callable_rows",
    "ill_conditioned",
    "ordinary",
    "stream",
]  # fmt: skip
