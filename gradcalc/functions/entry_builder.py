"""The vocabulary of functions of arrays: it builds the trees of the entries of a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array
from gradcalc.expression.tree import Call, Name, Node, Number, integer_literal
from gradcalc.functions.shape_rules import ShapeRules

MAX_NODES = 400_000
"""Nodes that the entries of an expression may have together."""

Trees = Array[Node]
Meaning = Callable[[Name], Node | Fraction | float]
"""The value of an entry of a variable: what was typed, or a number."""


class EntryBuilder(ShapeRules):
    """Builds the entries of one call, of a function with given options; `meaning` knows the values of names."""

    def __init__(self, node: Call, options: Mapping[str, tuple[str, ...]], room: int, meaning: Meaning):
        super().__init__(node)
        self._room, self._meaning = room, meaning
        # The scalar function of a loss reduces nothing.
        self._options = (("reduction", "none"),) if "reduction" in options else ()
        self.count = 0

    def call(self, name: str, *args: Node, options: tuple[tuple[str, str], ...] = ()) -> Node:
        """A scalar function.  Raises `CalcError` where the result becomes too large."""
        self.count += 1
        if self.count > self._room:
            raise CalcError(f"the entries have more than {MAX_NODES} parts together", span=self.span)
        return Call(name, args, self.span, options)

    def number(self, value: int | str) -> Node:
        return Number(str(value), self.span)

    def add(self, terms: Sequence[Node]) -> Node:
        """A balanced sum: a term affects O(log n) nodes."""
        return self.chain("+", terms)

    def multiply(self, factors: Sequence[Node]) -> Node:
        return self.chain("*", factors)

    def chain(self, name: str, parts: Sequence[Node]) -> Node:
        """A balanced tree of calls of an associative function of two."""
        while len(parts) > 1:
            pairs = [self.call(name, *parts[place : place + 2]) for place in range(0, len(parts) - 1, 2)]
            parts = [*pairs, *([parts[-1]] if len(parts) % 2 else [])]
        return parts[0]

    def elementwise(self, *args: Trees) -> Trees:
        """The function itself as a scalar function, of the entries of arguments that broadcast."""
        shape = self.broadcast(*(arg.shape for arg in args))
        node = self.node
        if not shape:
            parts = tuple(arg.entries[0] for arg in args)
            same = self._options == node.options and len(parts) == len(node.args)
            if same and all(part is arg for part, arg in zip(parts, node.args, strict=True)):
                return Array.scalar(node)
            return Array.scalar(Call(node.name, parts, self.span, self._options))
        columns = [arg.broadcast(shape).entries for arg in args]
        return Array(shape, [self.call(node.name, *parts, options=self._options) for parts in zip(*columns, strict=True)])

    def class_index(self, entry: Node, count: int) -> int:
        """The class that a target names."""
        value = self._meaning(entry) if isinstance(entry, Name) else entry
        whole = integer_literal(value) if isinstance(value, Node) else int(value) if value == int(value) else None
        if whole is None or not 0 <= whole < count:
            raise self.error(
                f"a class must be an integer from 0 to {count - 1}", hint="write the classes as a list in the expression"
            )
        return whole
