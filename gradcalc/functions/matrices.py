"""Products of vectors and matrices, determinants and inverses."""

from __future__ import annotations

from math import prod

from gradcalc.expression.arrays import Array, Shape
from gradcalc.functions.array_vocabulary import A, ArrayVocabulary
from gradcalc.functions.row import Function, array_row
from gradcalc.functions.shape_rules import ShapeRules


def _shape_of_product(m: ShapeRules, a: Shape, b: Shape) -> Shape:
    if not a or not b or len(a) > 2 or len(b) > 2:
        raise m.error(f"@ needs vectors or matrices, not {m.text(a)} and {m.text(b)}", hint="write * to multiply numbers")
    if a[-1] != b[0]:
        raise m.error(f"shape mismatch: {m.text(a)} @ {m.text(b)}: {a[-1]} columns, {b[0]} rows")
    return (*a[:-1], *b[1:])


def _shape_of_dot(m: ShapeRules, a: Shape, b: Shape) -> Shape:
    if len(a) != 1 or a != b:
        raise m.error(f"dot takes two vectors of the same length, not {m.text(a)} and {m.text(b)}")
    return ()


def _shape_of_outer(m: ShapeRules, a: Shape, b: Shape) -> Shape:
    if len(a) != 1 or len(b) != 1:
        raise m.error(f"outer takes two vectors, not {m.text(a)} and {m.text(b)}")
    return (*a, *b)


def _outer(m: ArrayVocabulary[A], a: A, b: A) -> A:
    return m.call("*", m.keep(a, [1]), m.keep(b, [0]))


def _shape_of_transpose(m: ShapeRules, a: Shape) -> Shape:
    if len(a) > 2:
        raise m.error(f"transpose takes a matrix, not {m.text(a)}")
    return a[::-1]


def _transpose(m: ArrayVocabulary[A], a: A) -> A:
    positions = Array(a.shape, range(prod(a.shape)))
    return m.take(a, positions.permute(range(len(a.shape))[::-1]))


def _square(m: ShapeRules, a: Shape) -> Shape:
    if len(a) != 2 or a[0] != a[1]:
        raise m.error(f"a square matrix is needed, not {m.text(a)}")
    return a


def _of_square(m: ShapeRules, a: Shape) -> Shape:
    """A number of a square matrix."""
    _square(m, a)
    return ()


def _trace(m: ArrayVocabulary[A], a: A) -> A:
    size = a.shape[0]
    return m.sum(m.take(a, Array((size,), range(0, size * size, size + 1))), [0])


def _shape_of_solution(m: ShapeRules, a: Shape, b: Shape) -> Shape:
    return _shape_of_product(m, _square(m, a), b)


MATRICES: tuple[Function, ...] = (
    array_row("@", "x, y", "product of matrices and vectors", _shape_of_product,
        lambda m, a, b: m.product(a, b), "matmul",
        aliases=("matmul", "mm", "mv"),
    ),
    array_row("dot", "x, y", "sum of the products of the entries of two vectors", _shape_of_dot,
        lambda m, a, b: m.product(a, b),
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
        "det", "x", "determinant", _of_square, lambda m, a: m.determinant(a), "linalg.det",
        different_backward_algorithm=True,
    ),
    array_row(
        "logdet", "x", "log(det(x))", _of_square, lambda m, a: m.call("log", m.determinant(a)),
        singular="edge where the determinant is 0", different_backward_algorithm=True,
    ),
    array_row(
        "inv", "x", "inverse matrix", _square, lambda m, a: m.inverse(a), "linalg.inv", aliases=("inverse",),
        singular="pole at singular matrices", different_backward_algorithm=True,
    ),
    array_row(
        "solve", "x, y", "inv(x) @ y", _shape_of_solution,
        lambda m, a, b: m.product(m.inverse(a), b), "linalg.solve",
        singular="pole at singular matrices", different_backward_algorithm=True,
    ),
)  # fmt: skip
