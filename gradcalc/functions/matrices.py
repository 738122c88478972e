"""Products of vectors and matrices, determinants and inverses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat
from math import prod

from gradcalc.expression.arrays import Array, Shape
from gradcalc.expression.tree import whole_number
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


def _shape_of_diagonal(m: ShapeRules, a: Shape) -> Shape:
    if not a or len(a) > 2 or (len(a) == 2 and a[0] != a[1]):
        raise m.error(f"diag takes a vector or a square matrix, not {m.text(a)}")
    return (a[0], a[0]) if len(a) == 1 else a[:1]


def _diagonal(m: ArrayVocabulary[A], a: A) -> A:
    size = a.shape[0]
    if len(a.shape) == 2:
        return m.take(a, Array((size,), range(0, size * size, size + 1)))
    zero = m.take(m.number(0), Array((size,), [0] * size))
    places = [column if row == column else size for row in range(size) for column in range(size)]
    return m.take(m.stack([a, zero]), Array((size, size), places))


def _size(m: ShapeRules, place: int) -> int:
    """An argument that is a size: a whole number that is typed, or computed of such."""
    size = whole_number(m.node.args[place])
    if size is None or not 0 < size <= _LARGEST:
        raise m.error(f"{m.node.name} takes sizes: whole numbers from 1 to {_LARGEST}")
    return size


def _ones_at(m: ArrayVocabulary[A], shape: Shape, places: Callable[[], Iterable[int]]) -> A:
    """The array that is 1 where `places` are 1, and else 0.  Raises `CalcError` before it becomes too large."""
    if prod(shape) > _MOST_ENTRIES:
        raise m.error(f"{m.node.name} of shape {m.text(shape)} has more than {_MOST_ENTRIES:,} entries")
    return m.take(m.stack([m.number(0), m.number(1)]), Array(shape, list(places())))


def _shape_of_identity(m: ShapeRules, n: Shape) -> Shape:
    return (_size(m, 0),) * 2


def _identity(m: ArrayVocabulary[A], n: A) -> A:
    size = _size(m, 0)
    return _ones_at(m, (size, size), lambda: (int(row == column) for row in range(size) for column in range(size)))


def _shape_of_ones(m: ShapeRules, *sizes: Shape) -> Shape:
    return tuple(_size(m, place) for place in range(len(sizes)))


def _ones(m: ArrayVocabulary[A], *sizes: A) -> A:
    shape = _shape_of_ones(m, *(size.shape for size in sizes))
    return _ones_at(m, shape, lambda: repeat(1, prod(shape)))


def _shape_of_one_hot(m: ShapeRules, classes: Shape, n: Shape) -> Shape:
    return (*classes, _size(m, 1))


def _one_hot(m: ArrayVocabulary[A], classes: A, n: A) -> A:
    size = _size(m, 1)
    named = m.classes(classes, size)
    return _ones_at(m, (*classes.shape, size), lambda: (int(it == place) for it in named for place in range(size)))


def _shape_of_solution(m: ShapeRules, a: Shape, b: Shape) -> Shape:
    return _shape_of_product(m, _square(m, a), b)


_LARGEST = 10_000
"""The largest size of `eye`, `ones` and `one_hot`."""
_MOST_ENTRIES = 1_000_000
"""That these have together: no expression of more is differentiated."""
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
    array_row(
        "diag", "x", "the matrix with a vector on its diagonal, or the diagonal of a matrix", _shape_of_diagonal, _diagonal,
        lambda t, x: t.diag(x) if x.dim() == 1 else x.reshape(-1)[:: len(x) + 1],
    ),
    array_row(
        "eye", "n", "the identity matrix of a size", _shape_of_identity, _identity,
        lambda t, n: t.diag(t.ones(int(n), dtype=n.dtype, device=n.device)),
    ),
    array_row(
        "ones", "m, n?", "an array of ones of some sizes", _shape_of_ones, _ones,
        lambda t, *sizes: t.ones([int(it) for it in sizes], dtype=sizes[0].dtype, device=sizes[0].device),
    ),
    array_row(
        "one_hot", "classes, n", "for each class, of n, a row that is 1 there and else 0", _shape_of_one_hot, _one_hot,
        lambda t, classes, n: t.nn.functional.one_hot(classes.detach().long(), int(n)).to(classes.dtype),
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
