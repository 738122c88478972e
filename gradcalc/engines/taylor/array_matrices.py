"""The steps that compute the determinant and the inverse of a matrix.

What is not provably regular is singular, in all entries: its derivatives are left to the series of the written-out formula.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flint import arb_mat, fmpq, fmpq_mat

from gradcalc.engines.taylor.array_steps import (
    CallOf,
    Flat,
    Local,
    Step,
    bounded_all,
    columns_of,
    products,
    rows_of,
)
from gradcalc.engines.taylor.jets import NAN
from gradcalc.engines.taylor.reals import Real, bounded
from gradcalc.runtime import deadline

_EXACT = 8
"""Rows up to which a matrix of rationals is computed with exactly."""
_SECONDS = 3e-7
"""What determinant and inverse take, for rows**3."""


class Inverse(Step):
    """The inverse Y of a square matrix A: along a tangent, Y' = -Y A' Y."""

    def __init__(self, operand: int, rows: int):
        super().__init__((operand,), rows * rows)
        self.rows = rows

    def evaluate(self, args: Sequence[Local], order: int, call: CallOf) -> Local:
        _, inverse, is_exact = invert(args[0], self.rows)
        if inverse is not None:
            return Local(inverse)
        every = range(self.size)
        return Local([NAN] * self.size, singular=every, is_undefined=True, is_unresolved=not is_exact)

    def push(self, local: Local, args: Sequence[Local], tangents: Sequence[Flat | None]) -> Flat:
        (tangent,) = tangents
        assert tangent is not None
        return negative(chain_of(self.rows, local.values, tangent, local.values))

    def pull(self, local: Local, args: Sequence[Local], adjoint: Flat) -> Iterator[tuple[int, Flat]]:
        turned = transposed(local.values, self.rows)
        yield 0, negative(chain_of(self.rows, turned, adjoint, turned))

    def bend(
        self, local: Local, args: Sequence[Local], adjoint: Flat, tangents: Sequence[Flat | None]
    ) -> Iterator[tuple[int, Flat]]:
        if tangents[0] is None:
            return
        turned = transposed(local.values, self.rows)
        change = transposed(self.push(local, args, tangents), self.rows)
        shares = chain_of(self.rows, change, adjoint, turned), chain_of(self.rows, turned, adjoint, change)
        yield 0, negative([left + right for left, right in zip(*shares, strict=True)])

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        yield bytes([max(marks)]) * self.size


class Determinant(Step):
    """The determinant d of a square matrix A: along a tangent, d' = d tr(Y A'), where Y is the inverse of A."""

    def __init__(self, operand: int, rows: int):
        super().__init__((operand,), 1)
        self.rows = rows

    def evaluate(self, args: Sequence[Local], order: int, call: CallOf) -> Local:
        determinant, inverse, is_exact = invert(args[0], self.rows)
        local = Local([determinant])
        if inverse is None:
            local.singular, local.is_unresolved = (0,), not is_exact
            local.is_undefined = args[0].is_undefined
            inverse = [NAN] * self.rows**2
        local.slopes = [bounded_all([determinant * value for value in transposed(inverse, self.rows)]), inverse]
        return local

    def push(self, local: Local, args: Sequence[Local], tangents: Sequence[Flat | None]) -> Flat:
        (tangent,) = tangents
        assert tangent is not None
        return products([tangent], [local.slopes[0]])[0]

    def pull(self, local: Local, args: Sequence[Local], adjoint: Flat) -> Iterator[tuple[int, Flat]]:
        yield 0, [bounded(adjoint[0] * slope) for slope in local.slopes[0]]

    def bend(
        self, local: Local, args: Sequence[Local], adjoint: Flat, tangents: Sequence[Flat | None]
    ) -> Iterator[tuple[int, Flat]]:
        # (d Y^T)' = d' Y^T - d (Y A' Y)^T
        (tangent,) = tangents
        if tangent is None:
            return
        inverse = local.slopes[1]
        speed = self.push(local, args, tangents)[0]
        change = chain_of(self.rows, inverse, tangent, inverse)
        rates = [speed * y - local.values[0] * z for y, z in zip(inverse, change, strict=True)]
        yield 0, bounded_all([adjoint[0] * rate for rate in transposed(rates, self.rows)])

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        yield marks * self.rows**2


def invert(matrix: Local, rows: int) -> tuple[Real, Flat | None, bool]:
    """The determinant, the inverse where the matrix is provably regular, and whether both are exact."""
    values = matrix.values
    if matrix.is_undefined:
        return NAN, None, True
    if rows <= _EXACT and all(isinstance(value, fmpq) for value in values):
        exact = fmpq_mat(rows, rows, list(values))
        determinant = exact.det()
        return bounded(determinant), bounded_all(exact.inv().entries()) if determinant != 0 else None, True
    deadline.require(rows**3 * _SECONDS)
    balls = arb_mat(rows_of(values, rows))
    try:
        return balls.det(), balls.inv().entries(), False
    except ZeroDivisionError:
        return balls.det(), None, False


def transposed(matrix: Sequence[Any], rows: int) -> list[Any]:
    """A square matrix with rows and columns exchanged."""
    return [value for column in columns_of(matrix, rows) for value in column]


def negative(values: Flat) -> Flat:
    """The numbers with the other sign."""
    return [-value for value in values]


def chain_of(rows: int, a: Flat, b: Flat, c: Flat) -> Flat:
    """The product of three square matrices."""
    for factor in (b, c):
        a = [value for row in products(rows_of(a, rows), columns_of(factor, rows)) for value in row]
    return a
