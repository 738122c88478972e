"""Forward rows of linear algebra: determinants, inverses, solutions of systems, triangular factors.

What LAPACK is free to choose is that of the record: exchanges of rows, and which of two matrices was factored.
"""

from __future__ import annotations

import math

import numpy as np

from gradcalc.engines.autograd.operation import Numbers
from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.matrices import Matrices, matrices_of
from gradcalc.proof.gradients.rows import Arguments, row
from gradcalc.proof.gradients.scatter_rows import places_of


def order_of(pivots: Numbers, rows: int) -> Numbers:
    """The order of rows that exchanges leave, for every matrix."""
    pivots = pivots.reshape(-1, pivots.shape[-1]).astype(int) - 1
    order = np.broadcast_to(np.arange(rows), (len(pivots), rows)).copy()
    for number, exchanges in enumerate(pivots):
        for place, other in enumerate(exchanges):
            order[number, [place, other]] = order[number, [other, place]]
    return order


def _factored(m: Matrices, a: Arguments, name: str, number: int, pivots: int) -> Reference:
    """The factors that an operation returns, with the exchanges in another result: of its matrix or of its transpose."""
    x, floats = m.batch(a.array(name)), matrices_of(a.result(number))
    order = order_of(a.result(pivots), x.shape[1])
    lower = np.tril(floats, -1) + np.eye(*floats.shape[1:])
    product = lower[:, :, : min(x.shape[1:])] @ np.triu(floats)[:, : min(x.shape[1:])]
    own = matrices_of(a.floats(name))
    for matrix, numbers in ((x, own), (m.turned(x), own.transpose(0, 2, 1))):
        if numbers.shape != product.shape:
            continue
        in_order = np.take_along_axis(numbers, order[..., None], 1)
        if np.abs(in_order - product).max(initial=0) <= 1e-2 * np.abs(numbers).max(initial=0):
            places = np.take_along_axis(places_of(matrix.shape), order[..., None], 1)
            return Reference(
                m.factors(m.program.gather(matrix, places), floats, has_pivots=True).place, a.op.results[number].shape
            )
    raise NotKnown(f"{a.op.name} with other factors")


@row("linalg_inv_ex", "check_errors")
def _inverse(p: ForwardProgram, a: Arguments) -> tuple[Reference, None]:
    m = Matrices(p)
    return Reference(m.inverse(m.batch(a.array("A"))).place, a.shape), None


@row("_linalg_det")
def _determinant(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference, None]:
    m = Matrices(p)
    values = m.each(m.batch(a.array("A")), lambda matrix, _: p.determinant(matrix))
    return Reference(values.place, a.shape), _factored(m, a, "A", 1, 2), None


@row("_linalg_slogdet")
def _log_determinant(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference, Reference, None]:
    m = Matrices(p)
    values = m.each(m.batch(a.array("A")), lambda matrix, _: p.determinant(matrix))
    value = Reference(values.place, a.shape)
    return p.call("sign", value), p.call("log", p.call("abs", value)), _factored(m, a, "A", 2, 3), None


def _solved(p: ForwardProgram, matrix: Reference, b: Reference, shape: tuple[int, ...], *, left: bool = True) -> Reference:
    """The solution of A X = B, or of X A = B, for matrices that are repeated along leading dimensions."""
    m = Matrices(p)
    inverse = m.inverse(m.batch(matrix))
    inverse = m.batch(Reference(inverse.place, matrix.shape), shape[:-2] or ())
    other = m.batch(b, shape[:-2] or ())
    return Reference(m.product(inverse, other).place if left else m.product(other, inverse).place, shape)


def _as_column(a: Arguments, matrix: Reference, b: Reference) -> tuple[Reference, tuple[int, ...]]:
    """A right side as matrices, and the shape of the solution: vectors are matrices of one column."""
    if len(b.shape) == 1 or (len(b.shape) == len(matrix.shape) - 1 and b.shape == matrix.shape[:-1]):
        return Reference(b.place, (*b.shape, 1)), (*a.shape, 1)
    return b, a.shape


@row("_linalg_solve_ex", "left check_errors")
def _solve(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference, None, None]:
    matrix = a.array("A")
    b, shape = _as_column(a, matrix, a.array("B"))
    solution = _solved(p, matrix, b, shape, left=a.of("left"))
    return Reference(solution.place, a.shape), _factored(Matrices(p), a, "A", 1, 2), None, None


@row("linalg_solve_triangular triangular_solve", "upper left unitriangular transpose")
def _solve_triangular(p: ForwardProgram, a: Arguments) -> tuple[Reference, ...]:
    m = Matrices(p)
    is_old = a.op.base == "triangular_solve"
    matrix, b = (a.array("A"), a.array("self")) if is_old else (a.array("self"), a.array("B"))
    triangle = m.triangle(m.batch(matrix), upper=a.of("upper"), unit=a.of("unitriangular"))
    if is_old and a.of("transpose"):
        triangle = m.turned(triangle)
    solution = _solved(p, Reference(triangle.place, matrix.shape), b, a.shape, left=is_old or a.of("left"))
    return (solution, p.broadcast_to(matrix, a.op.results[1].shape)) if is_old else (solution,)


@row("linalg_lu_factor_ex", "pivot check_errors")
def _lu_factor(p: ForwardProgram, a: Arguments) -> tuple[Reference, None, None]:
    return _lower_upper(p, a, order_of(a.result(1), a.array("A").shape[-2]), a.result()), None, None


def _lower_upper(p: ForwardProgram, a: Arguments, order: Numbers, floats: Numbers) -> Reference:
    m = Matrices(p)
    x = m.batch(a.array("A"))
    in_order = p.gather(x, np.take_along_axis(places_of(x.shape), order[..., None], 1))
    return Reference(m.factors(in_order, matrices_of(floats), has_pivots=a.of("pivot")).place, a.array("A").shape)


@row("linalg_lu", "pivot")
def _lu(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference, Reference]:
    shape = a.array("A").shape
    rows, columns = shape[-2:]
    if a.of("pivot"):
        order = matrices_of(a.result(0)).argmax(axis=1)
        exchanges = p.numbers(a.result(0), a.shape)
    else:
        order = np.broadcast_to(np.arange(rows), (math.prod(shape[:-2]), rows))
        exchanges = p.numbers(a.result(0), a.shape)
    lower, upper = a.result(1), a.result(2)
    floats = np.zeros(shape)
    floats[..., :, : min(rows, columns)] += np.tril(lower, -1)
    floats[..., : min(rows, columns), :] += np.triu(upper)
    return (exchanges, *_unpacked(Matrices(p), _lower_upper(p, a, order, floats)))


def _unpacked(m: Matrices, factors: Reference) -> tuple[Reference, Reference]:
    lead, (rows, columns) = factors.shape[:-2], factors.shape[-2:]
    both, inner = m.batch(factors), min(rows, columns)
    lower = m.triangle(m.part(both, slice(None), slice(0, inner)), upper=False, unit=True)
    upper = m.triangle(m.part(both, slice(0, inner), slice(None)), upper=True)
    return Reference(lower.place, (*lead, rows, inner)), Reference(upper.place, (*lead, inner, columns))


@row("lu_unpack", "unpack_data unpack_pivots")
def _lu_unpack(p: ForwardProgram, a: Arguments) -> tuple[Reference | None, ...]:
    exchanges = p.numbers(a.result(0), a.shape) if a.of("unpack_pivots") else None
    lower, upper = _unpacked(Matrices(p), a.array("LU_data")) if a.of("unpack_data") else (None, None)
    return exchanges, lower, upper


@row("linalg_lu_solve", "left adjoint")
def _lu_solve(p: ForwardProgram, a: Arguments) -> Reference:
    m, factors = Matrices(p), a.array("LU")
    lower, upper = (m.batch(it) for it in _unpacked(m, factors))
    order = order_of(a.floats("pivots"), factors.shape[-1])
    product = m.product(lower, upper)
    matrix = p.gather(product, np.take_along_axis(places_of(product.shape), np.argsort(order, 1)[..., None], 1))
    matrix = m.turned(matrix) if a.of("adjoint") else matrix
    return _solved(p, Reference(matrix.place, factors.shape), a.array("B"), a.shape, left=a.of("left"))


@row("linalg_cholesky_ex cholesky", "upper check_errors")
def _cholesky(p: ForwardProgram, a: Arguments) -> tuple[Reference, ...]:
    """Of the symmetric part: torch's gradient is that of a function of symmetric matrices."""
    m = Matrices(p)
    x = m.batch(a.array("self"))
    factor = m.cholesky(p.call("*", p.scalar(0.5), p.call("+", x, m.turned(x))))
    return (Reference((m.turned(factor) if a.of("upper") else factor).place, a.shape),)


@row("cholesky_solve cholesky_inverse", "upper")
def _cholesky_solve(p: ForwardProgram, a: Arguments) -> Reference:
    m, is_inverse = Matrices(p), a.op.base == "cholesky_inverse"
    factor = a.array("self" if is_inverse else "input2")
    triangle = m.triangle(m.batch(factor), upper=a.of("upper"))
    other = m.turned(triangle)
    matrix = m.product(other, triangle) if a.of("upper") else m.product(triangle, other)
    if is_inverse:
        return Reference(m.inverse(matrix).place, a.shape)
    return _solved(p, Reference(matrix.place, factor.shape), a.array("self"), a.shape)
