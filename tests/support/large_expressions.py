"""Random expressions of arrays with more than a hundred partials, which are judged as arrays.

Comes in: a `random.Random`.  Goes out: `LargeCase`s: gradients of numbers, Jacobians and Hessians, by the number of their
partials.

They grow as those of `array_expressions` do.  Some points have zeros, ties and numbers of few digits, so that kinks and poles
are met now and then.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy

from gradcalc.calculate.partials import MAX_PARTIALS
from gradcalc.calculate.prepared import MAX_FORMULAS
from gradcalc.engines.autograd import backward
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array, Shape
from gradcalc.functions import Function
from gradcalc.functions.resolve import understand
from gradcalc.functions.shapes import shape_of
from support.array_expressions import _GrowingArrays
from support.expressions import Grown

LEAST, MOST = MAX_FORMULAS + 1, 2_000
DTYPES = ("float64", "float32", "bfloat16", "float16")
_REDUCTIONS = (
    "sum({})",
    "mean({})",
    "sum(({})**2)",
    "logsumexp({})",
    "norm({})",
    "var({})",
    "std({})",
    "max({})",
    "norm({}, 1)",
)
assert MOST < MAX_PARTIALS


@dataclass(frozen=True)
class LargeCase:
    """An expression at a point, as the library takes it."""

    expr: str
    at: dict[str, Any]
    order: int
    dtype: str
    partials: int

    def __str__(self) -> str:
        point = ", ".join(f"{name} of {shape_of_value(value)}" for name, value in self.at.items())
        return f"{self.expr}  to the order {self.order} in {self.dtype}, {self.partials} partials, at {point}"


def shape_of_value(value: Any) -> Shape:
    """The shape of an array, or of nested lists of texts."""
    if isinstance(value, numpy.ndarray):
        return value.shape
    return (len(value), *shape_of_value(value[0])) if isinstance(value, list) else ()


def large_cases(seed: int, start: int = 0) -> Iterator[LargeCase]:
    """Cases without end; the place of each tells its dtype."""
    number = start
    while True:
        yield large_case(random.Random(f"{seed} {number}"), DTYPES[number % len(DTYPES)])
        number += 1


def large_case(chance: random.Random, dtype: str) -> LargeCase:
    """A random expression with so many partials."""
    while True:
        kind = chance.choice(("gradient", "gradient", "Jacobian", "Hessian"))
        case = _case(chance, dtype, kind)
        if case is not None:
            return case


def _case(chance: random.Random, dtype: str, kind: str) -> LargeCase | None:
    n, m = chance.choice(_SIZES[kind]), chance.choice(_SIZES[kind])
    shapes: list[Shape] = [(n,), (n,), (m,), (m, n), (n, m), (n, n), ()]
    if kind == "gradient":
        shapes += [(n, m), (n, n), (2, n, m)]
    values = {name: _values(chance, chance.choice(shapes)) for name in "xyz"[: chance.choice((1, 2, 2, 3))]}
    growing = _GrowingLargeArrays(chance, {name: _text(value) for name, value in values.items()}, shapes)
    grown = growing.grow(chance.choice((1, 2, 2, 3)))
    if grown.shape and (kind != "Jacobian" or prod(grown.shape) > 60):
        text = chance.choice(_REDUCTIONS).format(grown.text)
        grown = growing.made(text, grown)
    inputs = sum(len(growing.floats[name].entries) for name in grown.names)
    order = 2 if kind == "Hessian" else 1
    count = prod(grown.shape) * inputs**order
    if not LEAST <= count <= MOST or not all(map(math.isfinite, grown.value.entries)):
        return None
    as_floats = chance.random() < 0.4
    at = {name: numpy.array(values[name], dtype=float) if as_floats else values[name] for name in sorted(grown.names)}
    return LargeCase(grown.text, at, order, dtype, count)


def row_case(row: Function, chance: random.Random, dtype: str) -> LargeCase:
    """A call of a row of the table at random shapes, of up to three dimensions, that broadcast now and then."""
    for _ in range(_MOST_TRIES):
        n, m = chance.choice((3, 4, 5, 7)), chance.choice((2, 3, 4))
        shapes: list[Shape] = [(n,), (m, n), (n, n), (2, m, n), (1, n), (m, 1), ()]
        values = {name: _values(chance, chance.choice(shapes)) for name in "xyz"}
        growing = _GrowingLargeArrays(chance, {name: _text(value) for name, value in values.items()}, shapes)
        grown = growing.call_of(row)
        if prod(grown.shape) * sum(len(growing.floats[name].entries) for name in grown.names) > MOST:
            grown = growing.made(chance.choice(_REDUCTIONS).format(grown.text), grown)
        count = prod(grown.shape) * sum(len(growing.floats[name].entries) for name in grown.names)
        if count and all(map(math.isfinite, grown.value.entries)):
            return LargeCase(grown.text, {name: values[name] for name in sorted(grown.names)}, 1, dtype, count)
    raise LookupError(row.name)


_MOST_TRIES = 300
_SIZES = {"gradient": (5, 8, 11, 20, 30, 40), "Jacobian": (3, 4, 6, 8, 11, 16), "Hessian": (3, 4, 5, 8, 11, 20)}


def _values(chance: random.Random, shape: Shape) -> Any:
    """Decimals as nested lists of texts: of many digits, or of few, so that there are ties and zeros."""
    digits, zeros = chance.choice((6, 6, 4, 3, 1)), chance.choice((0, 0, 0, 0.05))
    size = chance.choice((1, 1, 3))
    texts = ["0" if chance.random() < zeros else f"{chance.uniform(-size, size):.{digits}f}" for _ in range(prod(shape))]
    return Array(shape, texts).tolist()


def _text(value: Any) -> str:
    return str(value).replace("'", "")


class _GrowingLargeArrays(_GrowingArrays):
    """The same, without anything that is written out entry by entry."""

    def value(self, text: str) -> Array[float]:
        try:
            tree = understand(text, self.at)
            shape = shape_of(tree, {name: cells.shape for name, cells in self.floats.items()})
        except CalcError:  # shapes that do not fit
            return Array.scalar(math.nan)
        if prod(shape) > MOST:
            return Array.scalar(math.nan)
        runs = backward.runs(tree, self.floats, {}, prod(shape), dtype="float64", device="cpu")
        return Array(shape, [math.nan if run.value is None else run.value for run in runs])

    def call_of(self, row: Function) -> Grown:
        """A call of a row."""
        parts = self.array_arguments(row, 1) if row.composition is not None else self.arguments(row, 1)
        return self.made(self.spelt(row, parts), *parts)

    def listed(self, shape: Shape) -> Grown:
        """An array of numbers: a short one is written in the expression; a variable instead of a long one, or a number."""
        if prod(shape) <= 12:
            return super().listed(shape)
        fitting: Sequence[str] = [name for name, value in self.floats.items() if value.shape == shape]
        if not fitting:
            return self.number(self.chance.uniform(0.5, 2))
        name = self.chance.choice(fitting)
        return Grown(name, self.floats[name], frozenset({name}))
