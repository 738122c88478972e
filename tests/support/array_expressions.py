"""Random expressions of arrays: what `faults.py --arrays` is run on.

Comes in: a `random.Random`.  Goes out: `Case`s, an expression, an array or a number as text for each of its variables, and
which entry of the value is asked for.

They grow as expressions of numbers do, and every other call is a row of the table of arrays.  Shapes are few and small, so
that parts fit together often; what does not fit, or has no value, is grown again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from math import prod

from gradcalc.expression.arrays import Array, Shape, broadcast_shape
from gradcalc.expression.tree import linearize
from gradcalc.functions import TABLE, Function
from gradcalc.functions.resolve import understand
from gradcalc.functions.scalarize import scalarize
from gradcalc.inputs.values import read_value
from support.expressions import Case, Growing, Grown, decimal

NAMES = ("x", "y", "z")
MOST_ENTRIES = 12
"""Of all variables together."""
MOST_STEPS = 400
"""Of an entry of the value: beyond that, exact arithmetic takes its time."""


def of_arrays(chance: random.Random) -> Case:
    """A random expression of 1 to 3 arrays, at a random point where it is finite."""
    while True:
        n, m = chance.choice((1, 2, 2, 3, 3, 4)), chance.choice((2, 3))
        shapes: list[Shape] = [(n,), (n,), (m,), (m, n), (n, m), (n, n), (m, m), ()]
        at = {name: _array(chance, chance.choice(shapes)) for name in NAMES[: chance.choice((1, 2, 2, 3))]}
        values = {name: read_value(name, text).entries for name, text in at.items()}
        if not 1 < sum(len(cells.entries) for cells in values.values()) <= MOST_ENTRIES:
            continue
        grown = _GrowingArrays(chance, at, shapes).grow(chance.choice((1, 2, 3, 3, 4)))
        used = {name: text for name, text in at.items() if name in grown.names}
        if not any("[" in text for text in used.values()):
            continue
        entries = scalarize(understand(grown.text, used), values).entries
        place = chance.randrange(len(entries))
        if len(linearize(entries[place]).nodes) <= MOST_STEPS:
            return Case(grown.text, used, place)


def _array(chance: random.Random, shape: Shape) -> str:
    """Random decimals as a nested list; sometimes a zero among them."""
    texts = ["0" if chance.random() < 0.02 else decimal(chance, chance.uniform(-3, 3)) for _ in range(prod(shape))]
    return str(Array(shape, texts).tolist()).replace("'", "")


@cache
def rows_of_arrays() -> tuple[Function, ...]:
    """The rows of the table that take arrays."""
    of_sizes = ("eye", "ones", "one_hot")
    return tuple(row for row in TABLE.values() if row.composition is not None and row.name not in of_sizes)


class _GrowingArrays(Growing):
    SHARES = (0.22, 0.25)

    def __init__(self, chance: random.Random, at: dict[str, str], shapes: Sequence[Shape]):
        super().__init__(chance, at)
        self.shapes = shapes

    def leaf(self) -> Grown:
        return super().leaf() if self.chance.random() < 0.9 else self.listed(self.chance.choice(self.shapes))

    def listed(self, shape: Shape) -> Grown:
        """An array of numbers."""
        return self.made(_array(self.chance, shape))

    def function(self, depth: int) -> Grown:
        if self.chance.random() < 0.25:
            return super().function(depth)
        row = self.chance.choice(rows_of_arrays())
        parts = self.array_arguments(row, depth)
        return self.made(self.spelt(row, parts), *parts)

    def spelt(self, row: Function, parts: Sequence[Grown]) -> str:
        texts = [part.text for part in parts]
        if row.name == "@":
            return f"({texts[0]}) @ ({texts[1]})"
        if row.name == "[]":
            return f"({texts[0]})[{', '.join(map(self.place, parts[0].shape[: self.chance.randint(1, 2)]))}]"
        told = [f"{key}={self.option(row, key, parts)}" for key in row.options if self.chance.random() < 0.6]
        text = ", ".join([*texts, *(option for option in told if parts[0].shape)])
        return f"[{text}]" if row.name == "[" else f"{row.name}({text})"

    def option(self, row: Function, key: str, parts: Sequence[Grown]) -> str:
        if row.options[key]:
            return self.chance.choice((*row.options[key], *(["1"] if key == "p" else [])))
        return str(self.chance.choice((0, 2)) if key == "correction" else self.chance.randrange(-1, len(parts[0].shape)))

    def place(self, length: int) -> str:
        """An index along a dimension, or a slice."""
        first = self.chance.randrange(length)
        return self.chance.choice((str(first), str(first - length), f"{first}:", f":{first + 1}", "::2"))

    def array_arguments(self, row: Function, depth: int) -> list[Grown]:
        """Arguments of the shapes that a function of arrays takes."""
        if row.elementwise and (row.name not in ("max", "min") or self.chance.random() < 0.3):
            return self.arguments(row, depth)
        first = self.first(row, depth)
        if row.name in ("[", "dot"):
            more = 1 if row.name == "dot" else self.chance.randrange(3)
            return [first, *(self.shaped(first.shape, depth) for _ in range(more))]
        if row.name in ("@", "solve", "outer"):
            arrays = [shape for shape in self.shapes if len(shape) == 1 or (shape and row.name != "outer")]
            fitting = [shape for shape in arrays if row.name == "outer" or shape[:1] == first.shape[-1:]]
            return [first, self.shaped(self.chance.choice(fitting or arrays), depth)]
        if row.group == "losses":
            return [first, self.target(row, first.shape)]
        if row.name == "layer_norm" and self.chance.random() < 0.5:
            return [first, self.number(self.chance.uniform(0.01, 1))]
        return [first]

    def first(self, row: Function, depth: int) -> Grown:
        """The first argument, seldom a number."""
        if row.name in ("trace", "det", "logdet", "inv", "solve"):
            return self.shaped(self.chance.choice([shape for shape in self.shapes if shape[1:] == shape[:1] != ()]), depth)
        if row.name in ("dot", "outer"):
            return self.shaped(self.chance.choice([shape for shape in self.shapes if len(shape) == 1]), depth)
        part = self.grow(depth - 1)
        return part if part.shape or self.chance.random() < 0.1 else self.shaped(self.chance.choice(self.shapes), depth)

    def target(self, row: Function, shape: Shape) -> Grown:
        """The classes of scores, or their probabilities."""
        if row.name == "cross_entropy" and self.chance.random() < 0.4:
            return self.listed(shape)
        classes = [str(self.chance.randrange(max((1, *shape[-1:])))) for _ in range(prod(shape[:-1]))]
        return self.made(str(Array(shape[:-1], classes).tolist()).replace("'", ""))

    def shaped(self, shape: Shape, depth: int) -> Grown:
        """A random part of a shape: of another one, it is added to something that has it."""
        part = self.grow(self.chance.randrange(max(1, depth)))
        if part.shape == shape:
            return part
        fitting = [Grown(name, value, frozenset({name})) for name, value in self.floats.items() if value.shape == shape]
        whole = self.chance.choice(fitting) if fitting else self.listed(shape)
        joined = broadcast_shape([shape, part.shape]) == shape
        return self.made(f"({part.text}) {self.chance.choice('+-*')} {whole.text}", part, whole) if joined else whole
