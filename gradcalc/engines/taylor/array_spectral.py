"""The steps that compute the eigenvalues and eigenvectors of a symmetric matrix, and the exponential of a matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from flint import acb_mat, arb, arb_mat

from gradcalc.engines.taylor.array_matrices import chain_of, transposed
from gradcalc.engines.taylor.array_steps import ZERO, CallOf, Flat, Local, Step, products, rows_of
from gradcalc.engines.taylor.jets import NAN
from gradcalc.engines.taylor.reals import ball
from gradcalc.runtime import deadline

_SECONDS = 3e-6
"""What an eigenvalue problem and an exponential take, for rows**3."""


class Eigen(Step):
    """The eigenvalues of a symmetric matrix, in rising order, and behind them its eigenvectors, in columns of length 1.

    The derivatives are those of the eigenvalue problem of any matrix A, at a symmetric one: with F[i, j] = 1/(e[j] - e[i])
    beside the diagonal and M = V^T A' V, they are e' = diag(M) and V' = V (F * M).  `signs` are numbers near the
    eigenvectors, which tell these from their opposites.
    """

    def __init__(self, operand: int, rows: int, signs: Sequence[float]):
        super().__init__((operand,), rows + rows * rows)
        self.rows, self.signs = rows, signs

    def evaluate(self, args: Sequence[Local], order: int, call: CallOf) -> Local:
        deadline.require(self.rows**3 * _SECONDS)
        pairs = None if args[0].is_undefined else self._pairs(args[0].values)
        if pairs is None:
            return Local([NAN] * self.size, singular=range(self.size), is_undefined=True, is_unresolved=True)
        values, vectors = [value for value, _ in pairs], [vector for _, vector in pairs]
        return Local([*values, *(vectors[j][i] for i in range(self.rows) for j in range(self.rows))])

    def _pairs(self, matrix: Flat) -> list[tuple[arb, list[arb]]] | None:
        """The eigenvalues with their eigenvectors; None where they cannot be told apart."""
        try:
            values, vectors = acb_mat(arb_mat(rows_of(list(map(ball, matrix)), self.rows))).eig(right=True)
        except ValueError:
            return None
        columns = []
        for place, value in enumerate(values):
            vector = [vectors[row, place].real for row in range(self.rows)]
            columns.append((value.real, vector))
        columns.sort(key=lambda pair: float(pair[0].mid()))
        if any(not left[0] < right[0] for left, right in pairwise(columns)):
            return None
        return [(value, self._normal(vector, place)) for place, (value, vector) in enumerate(columns)]

    def _normal(self, vector: list[arb], place: int) -> list[arb]:
        length = sum((it * it for it in vector), arb(0)).sqrt()
        near = self.signs[place :: self.rows]
        alike = sum((it * sign for it, sign in zip(vector, near, strict=True)), arb(0))
        scale = 1 / length if alike > 0 else -1 / length if alike < 0 else arb.nan()
        return [it * scale for it in vector]

    def _gaps(self, local: Local) -> list[Any]:
        values = local.values[: self.rows]
        return [[ZERO if i == j else 1 / (values[j] - values[i]) for j in range(self.rows)] for i in range(self.rows)]

    def push(self, local: Local, args: Sequence[Local], tangents: Sequence[Flat | None]) -> Flat:
        (tangent,) = tangents
        assert tangent is not None
        count, vectors = self.rows, list(local.values[self.rows :])
        moved = chain_of(count, transposed(vectors, count), tangent, vectors)
        gaps = [factor for row in self._gaps(local) for factor in row]
        turned = [factor * value for factor, value in zip(gaps, moved, strict=True)]
        return [*moved[:: count + 1], *_product(count, vectors, turned)]

    def pull(self, local: Local, args: Sequence[Local], adjoint: Flat) -> Iterator[tuple[int, Flat]]:
        count, vectors = self.rows, list(local.values[self.rows :])
        turned = transposed(vectors, count)
        inner = _product(count, turned, adjoint[count:])
        gaps = [factor for row in self._gaps(local) for factor in row]
        inner = [factor * value for factor, value in zip(gaps, inner, strict=True)]
        inner[:: count + 1] = adjoint[:count]
        yield 0, chain_of(count, vectors, inner, turned)

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        yield bytes([max(marks)]) * self.rows**2


class Exponential(Step):
    """The exponential of a square matrix A: its derivative along A' is the corner of that of [[A, A'], [0, A]]."""

    def __init__(self, operand: int, rows: int):
        super().__init__((operand,), rows * rows)
        self.rows = rows

    def evaluate(self, args: Sequence[Local], order: int, call: CallOf) -> Local:
        if args[0].is_undefined:
            return Local([NAN] * self.size, singular=range(self.size), is_undefined=True)
        deadline.require(self.rows**3 * _SECONDS)
        return Local(arb_mat(rows_of(list(map(ball, args[0].values)), self.rows)).exp().entries())

    def push(self, local: Local, args: Sequence[Local], tangents: Sequence[Flat | None]) -> Flat:
        (tangent,) = tangents
        assert tangent is not None
        return self._along(list(args[0].values), tangent)

    def pull(self, local: Local, args: Sequence[Local], adjoint: Flat) -> Iterator[tuple[int, Flat]]:
        yield 0, self._along(transposed(args[0].values, self.rows), adjoint)

    def _along(self, matrix: Flat, tangent: Flat) -> Flat:
        deadline.require((2 * self.rows) ** 3 * _SECONDS)
        own, other = (rows_of(list(map(ball, it)), self.rows) for it in (matrix, tangent))
        upper = [[*left, *right] for left, right in zip(own, other, strict=True)]
        lower = [[*[arb(0)] * self.rows, *row] for row in own]
        whole = arb_mat([*upper, *lower]).exp()
        return [whole[row, self.rows + column] for row in range(self.rows) for column in range(self.rows)]

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        yield bytes([max(marks)]) * self.rows**2


def _product(rows: int, a: Flat, b: Flat) -> list[Any]:
    columns = [b[start::rows] for start in range(rows)]
    return [value for row in products(rows_of(a, rows), columns) for value in row]
