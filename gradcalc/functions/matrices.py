"""Products of vectors and matrices, determinants and inverses."""

from __future__ import annotations

from collections.abc import Sequence

from gradcalc.expression.arrays import Array, Shape, indices
from gradcalc.expression.tree import Node
from gradcalc.functions.entry_builder import EntryBuilder, Trees
from gradcalc.functions.row import Function, array_row
from gradcalc.functions.shape_rules import ShapeRules

MAX_MATRIX = 8
"""The largest matrix whose determinant is written out: a formula of n*2**n products."""


def dot(m: EntryBuilder, left: Sequence[Node], right: Sequence[Node]) -> Node:
    return m.add([m.call("*", *pair) for pair in zip(left, right, strict=True)])


def _shape_of_product(m: ShapeRules, a: Shape, b: Shape) -> Shape:
    if not a or not b or len(a) > 2 or len(b) > 2:
        raise m.error(f"@ needs vectors or matrices, not {m.text(a)} and {m.text(b)}", hint="write * to multiply numbers")
    if a[-1] != b[0]:
        raise m.error(f"shape mismatch: {m.text(a)} @ {m.text(b)}: {a[-1]} columns, {b[0]} rows")
    return (*a[:-1], *b[1:])


def _matmul(m: EntryBuilder, a: Trees, b: Trees) -> Trees:
    rows, columns = a.fibers([len(a.shape) - 1]), b.fibers([0])
    return Array((*rows.shape, *columns.shape), [dot(m, row, column) for row in rows.entries for column in columns.entries])


def _shape_of_dot(m: ShapeRules, a: Shape, b: Shape) -> Shape:
    if len(a) != 1 or a != b:
        raise m.error(f"dot takes two vectors of the same length, not {m.text(a)} and {m.text(b)}")
    return ()


def _dot_of_vectors(m: EntryBuilder, a: Trees, b: Trees) -> Trees:
    return Array.scalar(dot(m, a.entries, b.entries))


def _shape_of_outer(m: ShapeRules, a: Shape, b: Shape) -> Shape:
    if len(a) != 1 or len(b) != 1:
        raise m.error(f"outer takes two vectors, not {m.text(a)} and {m.text(b)}")
    return (*a, *b)


def _outer(m: EntryBuilder, a: Trees, b: Trees) -> Trees:
    return Array((*a.shape, *b.shape), [m.call("*", left, right) for left in a.entries for right in b.entries])


def _shape_of_transpose(m: ShapeRules, a: Shape) -> Shape:
    if len(a) > 2:
        raise m.error(f"transpose takes a matrix, not {m.text(a)}")
    return a[::-1]


def _transpose(m: EntryBuilder, a: Trees) -> Trees:
    return a.permute(range(len(a.shape))[::-1])


def _square(m: ShapeRules, a: Shape) -> Shape:
    if len(a) != 2 or a[0] != a[1]:
        raise m.error(f"a square matrix is needed, not {m.text(a)}")
    return a


def _of_square(m: ShapeRules, a: Shape) -> Shape:
    """A number of a square matrix."""
    _square(m, a)
    return ()


def _trace(m: EntryBuilder, a: Trees) -> Trees:
    return Array.scalar(m.add([a.entries[place * (len(a.entries) // a.shape[0] + 1)] for place in range(a.shape[0])]))


def _shape_of_solution(m: ShapeRules, a: Shape, b: Shape) -> Shape:
    return _shape_of_product(m, _square(m, a), b)


class _Minors:
    """The determinants of all submatrices of the last rows, each written once: n*2**(n - 1) products in all."""

    def __init__(self, m: EntryBuilder, a: Trees):
        self.m, self.rows = m, a.fibers([1]).entries
        if len(self.rows) > MAX_MATRIX:
            raise m.error(f"a matrix may be {MAX_MATRIX} by {MAX_MATRIX} at most, not {m.text(a.shape)}")
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
    array_row("@", "x, y", "product of matrices and vectors", _shape_of_product, _matmul, "matmul",
        aliases=("matmul", "mm", "mv"),
    ),
    array_row("dot", "x, y", "sum of the products of the entries of two vectors", _shape_of_dot, _dot_of_vectors,
        aliases=("inner",),
    ),
    array_row("outer", "x, y", "the matrix of all products of two vectors", _shape_of_outer, _outer),
    array_row(
        "transpose", "x", "rows and columns exchanged; also A.T", _shape_of_transpose, _transpose,
        lambda t, x: x.mT if x.dim() > 1 else x,
        aliases=("t",),
    ),
    array_row("trace", "x", "sum of the diagonal", _of_square, _trace, aliases=("tr",)),
    array_row(
        "det", "x", "determinant", _of_square, lambda m, a: Array.scalar(_Minors(m, a).determinant()), "linalg.det",
        different_backward_algorithm=True,
    ),
    array_row(
        "logdet", "x", "log(det(x))", _of_square, lambda m, a: Array.scalar(m.call("log", _Minors(m, a).determinant())),
        singular="edge where the determinant is 0", different_backward_algorithm=True,
    ),
    array_row(
        "inv", "x", "inverse matrix", _square, _inv, "linalg.inv", aliases=("inverse",),
        singular="pole at singular matrices", different_backward_algorithm=True,
    ),
    array_row(
        "solve", "x, y", "inv(x) @ y", _shape_of_solution,
        lambda m, a, b: _matmul(m, _inv(m, a), b), "linalg.solve",
        singular="pole at singular matrices", different_backward_algorithm=True,
    ),
)  # fmt: skip
