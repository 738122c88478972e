"""An expression of arrays as a straight-line program of steps.

Comes in: a tree, and the values of its variables: of most only their shapes are used, of some the classes that they name.
Goes out: an `ArrayProgram`.  A row of arrays is read through its composition: `ProgramBuilder` is the vocabulary that writes
steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple

from flint import fmpq

from gradcalc.engines.taylor.array_matrices import Determinant, Inverse
from gradcalc.engines.taylor.array_steps import Product, Stack, Step, Sum, Take
from gradcalc.engines.taylor.entrywise import Entrywise
from gradcalc.engines.taylor.reals import exact
from gradcalc.expression.arrays import Array, Shape
from gradcalc.expression.tree import Call, Name, Node, Program, linearize
from gradcalc.functions import TABLE
from gradcalc.functions.array_vocabulary import ArrayVocabulary
from gradcalc.functions.shapes import option_values, shape_of_call


class Leaf(NamedTuple):
    """A variable, a literal, a constant, or a number that a row has of its own."""

    content: Node | fmpq
    operands: tuple[int, ...] = ()


class Reference(NamedTuple):
    """The array that a step computes."""

    place: int
    shape: Shape

    @property
    def size(self) -> int:
        return prod(self.shape)


class ArrayProgram(NamedTuple):
    """Steps, each after its operands; the last one is the expression.  `variables` are the places of the variables."""

    steps: Sequence[Step | Leaf]
    variables: Mapping[str, int]
    shape: Shape


def build_program(tree: Node | Program, values: Mapping[str, Array[Any]]) -> ArrayProgram:
    """The program of a tree.  Raises `CalcError` for shapes that do not fit, and for targets that name no class."""
    steps: list[Step | Leaf] = []
    variables: dict[str, int] = {}
    references: list[Reference] = []
    for node, operands in zip(*(tree if isinstance(tree, Program) else linearize(tree)), strict=True):
        if isinstance(node, Call) and node.args:
            args = [references[place] for place in operands]
            references.append(_call(node, args, steps, values))
            continue
        shape: Shape = ()
        if isinstance(node, Name):
            shape = values[node.name].shape
            place = variables.setdefault(node.name, len(steps))
        else:
            place = len(steps)
        if place == len(steps):
            steps.append(Leaf(node))
        references.append(Reference(place, shape))
    if references[-1].place != len(steps) - 1:  # a variable, or entries of one, that other steps use too
        steps.append(Take(references[-1].place, range(references[-1].size), references[-1].size))
    return ArrayProgram(steps, variables, references[-1].shape)


def _call(node: Call, args: Sequence[Reference], steps: list[Step | Leaf], values: Mapping[str, Array[Any]]) -> Reference:
    """The steps of a call."""
    composition = TABLE[node.name].composition
    if not any(arg.shape for arg in args) and (composition is None or node.name in ("max", "min")):
        steps.append(Entrywise(node, [arg.place for arg in args], [1] * len(args), 1))
        return Reference(len(steps) - 1, ())
    builder = ProgramBuilder(node, steps, values)
    if composition is None:
        return builder.elementwise(*args)
    shape_of_call(node, [arg.shape for arg in args])
    result: Reference = composition(builder, *args, **option_values(node))
    return result


class ProgramBuilder(ArrayVocabulary[Reference]):
    """Writes the steps of one call."""

    def __init__(self, node: Call, steps: list[Step | Leaf], values: Mapping[str, Array[Any]]):
        super().__init__(node)
        self._steps, self._values = steps, values

    def _add(self, step: Step | Leaf, shape: Shape) -> Reference:
        self._steps.append(step)
        return Reference(len(self._steps) - 1, shape)

    def number(self, value: int | str) -> Reference:
        return self._add(Leaf(exact(Fraction(value))), ())

    def call(self, name: str, *args: Reference) -> Reference:
        shape = self.broadcast(*(arg.shape for arg in args))
        size = prod(shape)
        parts = [arg if arg.size in (1, size) else self._expanded(arg, shape) for arg in args]
        node = self.node if name == self.node.name else Call(name, (), self.span)
        return self._add(Entrywise(node, [part.place for part in parts], [part.size for part in parts], size), shape)

    def _expanded(self, x: Reference, shape: Shape) -> Reference:
        return self.take(x, _positions(x).broadcast(shape))

    def take(self, x: Reference, positions: Array[int]) -> Reference:
        if positions.entries == range(x.size):
            return Reference(x.place, positions.shape)
        return self._add(Take(x.place, positions.entries, x.size), positions.shape)

    def stack(self, parts: Sequence[Reference]) -> Reference:
        step = Stack([part.place for part in parts], parts[0].size)
        return self._add(step, (len(parts), *parts[0].shape))

    def _with_rows(self, x: Reference, dims: Sequence[int]) -> tuple[Reference, Shape]:
        """The array as a matrix with the entries along dimensions in its rows, and the shape of the other dimensions."""
        kept = [dim for dim in range(len(x.shape)) if dim not in dims]
        order = [*kept, *dims]
        if order != list(range(len(x.shape))):
            x = self.take(x, _positions(x).permute(order))
        shape = x.shape[: len(kept)]
        return Reference(x.place, (prod(shape), prod(x.shape[len(kept) :]))), shape

    def combine(self, name: str, x: Reference, dims: Sequence[int]) -> Reference:
        matrix, shape = self._with_rows(x, dims)
        rows, terms = matrix.shape
        if name == "+" and terms != 1:
            return self._add(Sum(matrix.place, rows, terms), shape)
        rest: list[Reference] = []
        while matrix.shape[1] > 1:  # one half of each row with the other
            half = matrix.shape[1] // 2
            if matrix.shape[1] % 2:
                rest.append(self._columns(matrix, 2 * half, 1))
            matrix = self.call(name, self._columns(matrix, 0, half), self._columns(matrix, half, half))
        for column in rest:
            matrix = self.call(name, matrix, column)
        return Reference(matrix.place, shape)

    def _columns(self, matrix: Reference, start: int, count: int) -> Reference:
        rows, length = matrix.shape
        places = [row * length + place for row in range(rows) for place in range(start, start + count)]
        return self.take(matrix, Array((rows, count), places))

    def accumulate(self, name: str, x: Reference, dim: int) -> Reference:
        matrix, shape = self._with_rows(x, [dim])
        results = [self._columns(matrix, 0, 1)]
        for place in range(1, matrix.shape[1]):
            results.append(self.call(name, results[-1], self._columns(matrix, place, 1)))
        stacked = self.stack([Reference(result.place, shape) for result in results])
        others = iter(range(1, len(x.shape)))
        order = [0 if place == dim else next(others) for place in range(len(x.shape))]
        return self.take(stacked, _positions(stacked).permute(order))

    def product(self, a: Reference, b: Reference) -> Reference:
        rows, terms, columns = prod(a.shape[:-1]), b.shape[0], prod(b.shape[1:])
        return self._add(Product((a.place, b.place), rows, terms, columns), (*a.shape[:-1], *b.shape[1:]))

    def determinant(self, a: Reference) -> Reference:
        return self._add(Determinant(a.place, a.shape[0]), ())

    def inverse(self, a: Reference) -> Reference:
        return self._add(Inverse(a.place, a.shape[0]), a.shape)

    def classes(self, target: Reference, count: int) -> Sequence[int]:
        return [self.class_index(self._content(target.place, place), count) for place in range(target.size)]

    def _content(self, place: int, position: int) -> Node | Fraction | float | None:
        """The entry of a variable, or the literal, that stands somewhere in an array; None where it is computed."""
        step = self._steps[place]
        while isinstance(step, Take | Stack):
            if isinstance(step, Take):
                place, position = step.operands[0], step.positions[position]
            else:
                place, position = step.operands[position // step.each], position % step.each
            step = self._steps[place]
        if isinstance(step, Entrywise) and step.node.name == "neg":
            inner = self._content(step.operands[0], position)
            return Call("neg", (inner,)) if isinstance(inner, Node) else None if inner is None else -inner
        if not isinstance(step, Leaf) or isinstance(step.content, fmpq):
            return None
        node = step.content
        return self._values[node.name].entries[position] if isinstance(node, Name) else node


def _positions(x: Reference) -> Array[int]:
    return Array(x.shape, range(x.size))
