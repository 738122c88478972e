"""Products of vectors and matrices, determinants and inverses."""

from __future__ import annotations

from collections.abc import Sequence

from gradcalc.expression.arrays import Array, indices
from gradcalc.expression.tree import Node
from gradcalc.functions.entry_builder import EntryBuilder, Trees
from gradcalc.functions.row import Function, array_row

MAX_MATRIX = 8
"""The largest matrix whose determinant is written out: a formula of n*2**n products."""


def dot(m: EntryBuilder, left: Sequence[Node], right: Sequence[Node]) -> Node:
    return m.add([m.call("*", *pair) for pair in zip(left, right, strict=True)])


def _matmul(m: EntryBuilder, a: Trees, b: Trees) -> Trees:
    if not a.shape or not b.shape or len(a.shape) > 2 or len(b.shape) > 2:
        raise m.error(f"@ needs vectors or matrices, not {m.shape(a)} and {m.shape(b)}", hint="write * to multiply numbers")
    if a.shape[-1] != b.shape[0]:
        raise m.error(f"shape mismatch: {m.shape(a)} @ {m.shape(b)}: {a.shape[-1]} columns, {b.shape[0]} rows")
    rows, columns = a.fibers([len(a.shape) - 1]), b.fibers([0])
    return Array((*rows.shape, *columns.shape), [dot(m, row, column) for row in rows.entries for column in columns.entries])


def _dot_of_vectors(m: EntryBuilder, a: Trees, b: Trees) -> Trees:
    if len(a.shape) != 1 or a.shape != b.shape:
        raise m.error(f"dot takes two vectors of the same length, not {m.shape(a)} and {m.shape(b)}")
    return Array.scalar(dot(m, a.entries, b.entries))


def _outer(m: EntryBuilder, a: Trees, b: Trees) -> Trees:
    if len(a.shape) != 1 or len(b.shape) != 1:
        raise m.error(f"outer takes two vectors, not {m.shape(a)} and {m.shape(b)}")
    return Array((*a.shape, *b.shape), [m.call("*", left, right) for left in a.entries for right in b.entries])


def _transpose(m: EntryBuilder, a: Trees) -> Trees:
    if len(a.shape) > 2:
        raise m.error(f"transpose takes a matrix, not {m.shape(a)}")
    return a.permute(range(len(a.shape))[::-1])


def _rows(m: EntryBuilder, a: Trees) -> Sequence[Sequence[Node]]:
    """The rows of a square matrix."""
    if len(a.shape) != 2 or a.shape[0] != a.shape[1]:
        raise m.error(f"a square matrix is needed, not {m.shape(a)}")
    return a.fibers([1]).entries


def _trace(m: EntryBuilder, a: Trees) -> Trees:
    return Array.scalar(m.add([row[place] for place, row in enumerate(_rows(m, a))]))


class _Minors:
    """The determinants of all submatrices of the last rows, each written once: n*2**(n - 1) products in all."""

    def __init__(self, m: EntryBuilder, a: Trees):
        self.m, self.rows = m, _rows(m, a)
        if len(self.rows) > MAX_MATRIX:
            raise m.error(f"a matrix may be {MAX_MATRIX} by {MAX_MATRIX} at most, not {m.shape(a)}")
        self.indices = tuple(range(len(self.rows)))
        self._memo: dict[tuple[tuple[int, ...], tuple[int, ...]], Node] = {}

    def determinant(self) -> Node:
        return self.minor(self.indices, self.indices)

    def minor(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> Node:
        """The determinant of a submatrix."""
        if not rows:
            return self.m.number(1)
        if (rows, columns) not in self._memo:
            self._memo[rows, columns] = self._expand_along_first(rows, columns)
        return self._memo[rows, columns]

    def _expand_along_first(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> Node:
        m, first = self.m, self.rows[rows[0]]
        if len(rows) == 1:
            return first[columns[0]]
        total: Node | None = None
        for place, column in enumerate(columns):
            part = m.call("*", first[column], self.minor(rows[1:], columns[:place] + columns[place + 1 :]))
            total = part if total is None else m.call("-" if place % 2 else "+", total, part)
        assert total is not None
        return total


def _inv(m: EntryBuilder, a: Trees) -> Trees:
    minors = _Minors(m, a)
    every, determinant = minors.indices, minors.determinant()
    entries = []
    for i, j in indices(a.shape):
        minor = minors.minor(every[:j] + every[j + 1 :], every[:i] + every[i + 1 :])
        entries.append(m.call("/", m.call("neg", minor) if (i + j) % 2 else minor, determinant))
    return Array(a.shape, entries)


MATRICES: tuple[Function, ...] = (
    array_row("@", "x, y", "product of matrices and vectors", _matmul, "matmul", aliases=("matmul", "mm", "mv")),
    array_row("dot", "x, y", "sum of the products of the entries of two vectors", _dot_of_vectors, aliases=("inner",)),
    array_row("outer", "x, y", "the matrix of all products of two vectors", _outer),
    array_row(
        "transpose", "x", "rows and columns exchanged; also A.T", _transpose, lambda t, x: x.mT if x.dim() > 1 else x,
        aliases=("t",),
    ),
    array_row("trace", "x", "sum of the diagonal", _trace, aliases=("tr",)),
    array_row(
        "det", "x", "determinant", lambda m, a: Array.scalar(_Minors(m, a).determinant()), "linalg.det",
        different_backward_algorithm=True,
    ),
    array_row(
        "logdet", "x", "log(det(x))", lambda m, a: Array.scalar(m.call("log", _Minors(m, a).determinant())),
        singular="edge where the determinant is 0", different_backward_algorithm=True,
    ),
    array_row(
        "inv", "x", "inverse matrix", _inv, "linalg.inv", aliases=("inverse",),
        singular="pole at singular matrices", different_backward_algorithm=True,
    ),
    array_row(
        "solve", "x, y", "inv(x) @ y", lambda m, a, b: _matmul(m, _inv(m, a), b), "linalg.solve",
        singular="pole at singular matrices", different_backward_algorithm=True,
    ),
)  # fmt: skip
