"""An expression of arrays as expressions of their entries.

Comes in: a tree, and the shapes of its variables.  Goes out: the entries of the result, each a tree of numbers in which
the entries of a variable `x` are called `x[0]`, `x[1]`, and so on.  Entries share their parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradcalc.errors import CalcError, Span
from gradcalc.expression.arrays import Cells, broadcast_shape, entry_names, named_entries
from gradcalc.expression.tree import Call, Name, Node, Number, fold, integer_literal
from gradcalc.functions import TABLE

MAX_PARTS = 400_000
"""Parts that the entries of an expression may have together."""

Trees = Cells[Node]


def spread(tree: Node, values: Mapping[str, Cells[Node]]) -> Trees:
    """The entries of an expression; of `values` the shapes matter, and of classes what they are.

    Raises `CalcError` for shapes that do not fit, and for what becomes too large.
    """
    count = 0
    known = {name: value for array, cells in values.items() for name, value in named_entries(array, cells)}

    def leaf(node: Number | Name) -> Trees:
        shape = values[node.name].shape if isinstance(node, Name) and node.name in values else ()
        if not shape or isinstance(node, Number):
            return Cells.single(node)
        return entry_names(node.name, shape).map(lambda name: Name(name, node.span))

    def call(node: Call, args: list[Trees]) -> Trees:
        nonlocal count
        row = TABLE[node.name]
        builder = _Builder(node, MAX_PARTS - count, known)
        if row.scalarized is None:
            found = builder.each(node.name, *args)
        else:
            found = row.scalarized(builder, *args, **settings(node))
        count += builder.count
        return found

    return fold(tree, leaf, call)


def settings(node: Call) -> dict[str, int | str]:
    """The options of a call: whole numbers and words."""
    return {key: word if key == "at" or not word.lstrip("-").isdigit() else int(word) for key, word in node.options}


class _Builder:
    """The vocabulary of functions of arrays: it builds the trees of entries."""

    def __init__(self, node: Call, room: int, known: Mapping[str, Node]):
        self.node, self.span = node, node.span
        self.room, self.known = room, known
        self.count = 0

    def call(self, name: str, *args: Node, options: tuple[tuple[str, str], ...] = ()) -> Node:
        """A function of numbers."""
        self.count += 1
        if self.count > self.room:
            raise CalcError(f"the entries have more than {MAX_PARTS} parts together", span=self.span)
        return Call(name, args, self.span, options)

    def number(self, value: int | str) -> Node:
        return Number(str(value), self.span)

    def add(self, terms: Sequence[Node]) -> Node:
        """A sum; in halves, so that what one term moves is few of them."""
        return self._halved("+", terms)

    def multiply(self, factors: Sequence[Node]) -> Node:
        return self._halved("*", factors)

    def chain(self, name: str, parts: Sequence[Node]) -> Node:
        """The largest, the smallest: of the first two, of that and the third, and so on."""
        return self._halved(name, parts)

    def _halved(self, name: str, parts: Sequence[Node]) -> Node:
        while len(parts) > 1:
            pairs = [self.call(name, *parts[place : place + 2]) for place in range(0, len(parts) - 1, 2)]
            parts = [*pairs, *([parts[-1]] if len(parts) % 2 else [])]
        return parts[0]

    def each(self, name: str, *args: Trees) -> Trees:
        """A function of numbers, entry by entry."""
        shape = broadcast_shape(arg.shape for arg in args)
        if shape is None:
            shapes = " and ".join(self.shape(arg) for arg in args if arg.shape)
            raise self.wrong(f"the shapes {shapes} do not fit together")
        # A loss of two numbers is no mean of anything, wherever it is computed.
        options = (("reduction", "none"),) if "reduction" in TABLE[name].options else ()
        if not shape:
            parts = tuple(arg.entries[0] for arg in args)
            same = (name, options) == (self.node.name, self.node.options) and len(parts) == len(self.node.args)
            if same and all(part is arg for part, arg in zip(parts, self.node.args, strict=True)):
                return Cells.single(self.node)
            return Cells.single(Call(name, parts, self.span, options))
        columns = [arg.broadcast(shape).entries for arg in args]
        return Cells(shape, [self.call(name, *parts, options=options) for parts in zip(*columns, strict=True)])

    def dim(self, x: Cells[Any], dim: int) -> int:
        """A dimension, counted from the front."""
        if not -len(x.shape) <= dim < len(x.shape):
            raise self.wrong(f"an array of shape {self.shape(x)} has no dimension {dim}")
        return dim % len(x.shape)

    def integer(self, entry: Node, below: int) -> int:
        """The class that a target names."""
        value = integer_literal(self.known.get(entry.name, entry) if isinstance(entry, Name) else entry)
        if value is None or not 0 <= value < below:
            raise self.wrong(
                f"a class is a whole number from 0 to {below - 1}", hint="write the classes as a list in the expression"
            )
        return value

    @staticmethod
    def shape(x: Cells[Any]) -> str:
        return f"({', '.join(map(str, x.shape))}{',' if len(x.shape) == 1 else ''})"

    def wrong(self, message: str, hint: str | None = None) -> CalcError:
        first = min((part.span.start for part in (self.node, *self.node.args)), default=self.span.start)
        return CalcError(message, span=Span(first, self.span.end), hint=hint)
