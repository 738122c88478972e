"""Determinants and inverses of small matrices, written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gradcalc.expression.arrays import indices
from gradcalc.expression.tree import Node

MAX_MATRIX = 8
"""The largest matrix whose determinant is written out: a formula of n*2**n products."""

Write = Callable[..., Node]


class Minors:
    """The determinants of all submatrices of the last rows, each written once: n*2**(n - 1) products in all.

    `write(name, *args)` makes the node of a call, and `one` is that of the number.
    """

    def __init__(self, write: Write, rows: Sequence[Sequence[Node]], one: Node):
        self.write, self.rows, self.one = write, rows, one
        self.indices = tuple(range(len(rows)))
        self._memo: dict[tuple[tuple[int, ...], tuple[int, ...]], Node] = {}

    def determinant(self) -> Node:
        return self.minor(self.indices, self.indices)

    def inverse(self) -> Iterator[Node]:
        """The entries of the inverse matrix, row by row."""
        every, determinant = self.indices, self.determinant()
        for i, j in indices((len(every), len(every))):
            minor = self.minor(every[:j] + every[j + 1 :], every[:i] + every[i + 1 :])
            yield self.write("/", self.write("neg", minor) if (i + j) % 2 else minor, determinant)

    def minor(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> Node:
        """The determinant of a submatrix."""
        if not rows:
            return self.one
        if (rows, columns) not in self._memo:
            self._memo[rows, columns] = self._expand_along_first(rows, columns)
        return self._memo[rows, columns]

    def _expand_along_first(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> Node:
        first = self.rows[rows[0]]
        if len(rows) == 1:
            return first[columns[0]]
        total: Node | None = None
        for place, column in enumerate(columns):
            part = self.write("*", first[column], self.minor(rows[1:], columns[:place] + columns[place + 1 :]))
            total = part if total is None else self.write("-" if place % 2 else "+", total, part)
        assert total is not None
        return total
