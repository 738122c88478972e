"""The vocabulary of functions of arrays that writes out: it builds the trees of the entries of a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array, from_fibers
from gradcalc.expression.tree import Call, Name, Node, Number
from gradcalc.functions.array_vocabulary import ArrayVocabulary
from gradcalc.functions.minors import MAX_MATRIX, Minors

MAX_NODES = 400_000
"""Nodes that the entries of an expression may have together."""

Trees = Array[Node]
Meaning = Callable[[Name], Node | Fraction | float]
"""The value of an entry of a variable: what was typed, or a number."""


class TooLong(CalcError):
    """An expression whose entries are too long to be written out."""


class EntryBuilder(ArrayVocabulary[Trees]):
    """Builds the entries of one call, of a function with given options; `meaning` knows the values of names."""

    def __init__(self, node: Call, options: Mapping[str, tuple[str, ...]], room: int, meaning: Meaning):
        super().__init__(node)
        self._room, self._meaning = room, meaning
        # The scalar function of a loss reduces nothing.
        self._options = (("reduction", "none"),) if "reduction" in options else ()
        self.count = 0

    def _write(self, name: str, *args: Node) -> Node:
        """A call of a scalar function.  Raises `TooLong`."""
        self.count += 1
        if self.count > self._room:
            raise TooLong(f"the entries have more than {MAX_NODES} parts together", span=self.span)
        return Call(name, args, self.span, self._options if name == self.node.name else ())

    def number(self, value: int | str) -> Trees:
        return Array.scalar(Number(str(value), self.span))

    def call(self, name: str, *args: Trees) -> Trees:
        shape = self.broadcast(*(arg.shape for arg in args))
        columns = [arg.broadcast(shape).entries for arg in args]
        return Array(shape, [self._write(name, *parts) for parts in zip(*columns, strict=True)])

    def elementwise(self, *args: Trees) -> Trees:
        node, parts = self.node, [arg.entries[0] for arg in args if not arg.shape]
        if len(parts) < len(args):
            return self.call(node.name, *args)
        # An expression of numbers stays what it is.
        is_same = self._options == node.options and all(map(lambda part, arg: part is arg, parts, node.args))
        return Array.scalar(node if is_same else Call(node.name, tuple(parts), self.span, self._options))

    def take(self, x: Trees, positions: Array[int]) -> Trees:
        return x.take(positions)

    def stack(self, parts: Sequence[Trees]) -> Trees:
        return Array((len(parts), *parts[0].shape), [entry for part in parts for entry in part.entries])

    def combine(self, name: str, x: Trees, dims: Sequence[int]) -> Trees:
        return x.fibers(dims).map(lambda fiber: self._chain(name, fiber))

    def _chain(self, name: str, parts: Sequence[Node]) -> Node:
        """A balanced tree: a part affects O(log n) nodes."""
        while len(parts) > 1:
            pairs = [self._write(name, *parts[place : place + 2]) for place in range(0, len(parts) - 1, 2)]
            parts = [*pairs, *([parts[-1]] if len(parts) % 2 else [])]
        return parts[0]

    def accumulate(self, name: str, x: Trees, dim: int) -> Trees:
        def change(fiber: Sequence[Node]) -> Sequence[Node]:
            results = [fiber[0]]
            for entry in fiber[1:]:
                results.append(self._write(name, results[-1], entry))
            return results

        return from_fibers(x.fibers([dim]).map(change), x.shape, dim)

    def product(self, a: Trees, b: Trees) -> Trees:
        rows, columns = a.fibers([len(a.shape) - 1]), b.fibers([0])
        entries = [
            self._chain("+", [self._write("*", left, right) for left, right in zip(row, column, strict=True)])
            for row in rows.entries
            for column in columns.entries
        ]
        return Array((*rows.shape, *columns.shape), entries)

    def _minors(self, a: Trees) -> Minors:
        if a.shape[0] > MAX_MATRIX:
            raise TooLong(f"a matrix may be {MAX_MATRIX} by {MAX_MATRIX} at most, not {self.text(a.shape)}", span=self.span)
        return Minors(self._write, a.fibers([1]).entries, self.number(1).entries[0])

    def determinant(self, a: Trees) -> Trees:
        return Array.scalar(self._minors(a).determinant())

    def inverse(self, a: Trees) -> Trees:
        return Array(a.shape, list(self._minors(a).inverse()))

    def classes(self, target: Trees, count: int) -> Sequence[int]:
        return [
            self.class_index(self._meaning(entry) if isinstance(entry, Name) else entry, count) for entry in target.entries
        ]
