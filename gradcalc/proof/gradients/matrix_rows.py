"""Forward rows of linear algebra: solutions, inverses, factorizations, as compositions on batches of matrices.

What LAPACK is free to choose is that of the record: exchanges of rows, signs of columns, which of two matrices was factored.
A matrix whose factors do not depend smoothly on it (eigenvalues that meet, a rank that drops) is not known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from gradcalc.engines.autograd.operation import Numbers
from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.reduction_rows import batched
from gradcalc.proof.gradients.rows import Arguments, row
from gradcalc.proof.gradients.scatter_rows import places_of

_APART = 1e-6
"""Singular values and eigenvalues that differ by less, relative to the largest, count as close."""


class Matrices:
    """Operations on arrays of matrices: of shape (count, rows, columns)."""

    def __init__(self, program: ForwardProgram):
        self.program = program

    def batch(self, x: Reference, lead: Sequence[int] = ()) -> Reference:
        """An array as matrices, repeated along leading dimensions if they are given."""
        shape = (*lead, *x.shape[-2:]) if lead else x.shape
        x = self.program.broadcast_to(x, shape)
        return Reference(x.place, (math.prod(shape[:-2]), *shape[-2:]))

    def part(self, x: Reference, rows: slice, columns: slice) -> Reference:
        return self.program.gather(x, places_of(x.shape)[:, rows, columns])

    def turned(self, x: Reference) -> Reference:
        return self.program.gather(x, places_of(x.shape).transpose(0, 2, 1))

    def product(self, *factors: Reference) -> Reference:
        result = factors[0]
        for factor in factors[1:]:
            result = batched(self.program, result, factor)
        return result

    def each(self, x: Reference, function: Callable[[Reference, int], Reference]) -> Reference:
        """A function of every matrix, the results behind each other."""
        parts = [function(self.program.gather(x, places), number) for number, places in enumerate(places_of(x.shape))]
        return Reference(self.program.join(parts).place, (len(parts), *parts[0].shape))

    def inverse(self, x: Reference) -> Reference:
        return self.each(x, lambda matrix, _: self.program.inverse(matrix))

    def triangle(self, x: Reference, *, upper: bool, unit: bool = False) -> Reference:
        """One triangle of matrices, with ones on the diagonal if it is said to be so."""
        keep = (np.triu if upper else np.tril)(np.ones(x.shape[1:]), (1 if upper else -1) if unit else 0)
        x = self.program.choose(np.broadcast_to(keep > 0, x.shape), x, self.program.scalar(0.0))
        if not unit:
            return x
        return self.program.choose(np.broadcast_to(np.eye(x.shape[1], x.shape[2]) > 0, x.shape), self.program.scalar(1.0), x)

    def identity(self, count: int, rows: int, columns: int) -> Reference:
        one = np.eye(rows, columns)
        return self.program.numbers(np.broadcast_to(one, (count, rows, columns)).copy(), (count, rows, columns))

    def scaled(self, x: Reference, by: Reference) -> Reference:
        """Columns times numbers: one for every column of every matrix."""
        return self.program.call("*", x, Reference(by.place, (x.shape[0], 1, x.shape[2])))

    def assembled(self, x: Sequence[Reference], places: Sequence[Numbers], shape: tuple[int, ...]) -> Reference:
        """An array with some arrays at places, and zeros elsewhere."""
        joined = self.program.join([self.program.scalar(0.0), *x])
        taken = np.zeros(math.prod(shape), dtype=int)
        start = 1
        for part, at in zip(x, places, strict=True):
            taken[at.reshape(-1)] = start + np.arange(part.size)
            start += part.size
        return self.program.gather(joined, taken.reshape(shape))

    def cholesky(self, x: Reference) -> Reference:
        """The lower factors of symmetric matrices."""
        p, columns, places = self.program, [], []
        all_places, rest = places_of(x.shape), x
        for place in range(x.shape[1]):
            root = p.call("sqrt", self.part(rest, slice(0, 1), slice(0, 1)))
            column = p.call("/", self.part(rest, slice(None), slice(0, 1)), root)
            columns.append(column)
            places.append(all_places[:, place:, place : place + 1])
            if rest.shape[1] > 1:
                below = self.part(column, slice(1, None), slice(None))
                inner = self.part(rest, slice(1, None), slice(1, None))
                rest = p.call("-", inner, p.call("*", below, self.turned(below)))
        return self.assembled(columns, places, x.shape)

    def factors(self, x: Reference, floats: Numbers, *, has_pivots: bool) -> Reference:
        """The triangular factors of matrices whose rows are in order already, in one array, as LAPACK has them.

        With pivots, every pivot is the largest of its column: where another is as large, the factors jump.
        """
        p, parts, places = self.program, [], []
        all_places, rest = places_of(x.shape), x
        for place in range(min(x.shape[1:])):
            first = self.part(rest, slice(None), slice(0, 1))
            pivot = self.part(rest, slice(0, 1), slice(0, 1))
            if has_pivots and first.shape[1] > 1:
                lines = places_of(first.shape).reshape(x.shape[0], -1)
                largest = p.ordered(p.call("abs", first), lines[:, :1], lines.tolist())
                signs = np.sign(floats[:, place, place])
                pivot = Reference(p.call("*", largest, p.numbers(signs, (x.shape[0], 1))).place, pivot.shape)
            upper = self.part(rest, slice(0, 1), slice(None))
            parts.append(upper)
            places.append(all_places[:, place : place + 1, place:])
            if rest.shape[1] == 1:
                break
            column = p.call("/", self.part(first, slice(1, None), slice(None)), pivot)
            parts.append(column)
            places.append(all_places[:, place + 1 :, place : place + 1])
            if rest.shape[2] > 1:
                inner = self.part(rest, slice(1, None), slice(1, None))
                rest = p.call("-", inner, p.call("*", column, self.part(upper, slice(None), slice(1, None))))
        return self.assembled(parts, places, x.shape)


def order_of(pivots: Numbers, rows: int) -> Numbers:
    """The order of rows that exchanges leave, for every matrix."""
    pivots = pivots.reshape(-1, pivots.shape[-1]).astype(int) - 1
    order = np.broadcast_to(np.arange(rows), (len(pivots), rows)).copy()
    for number, exchanges in enumerate(pivots):
        for place, other in enumerate(exchanges):
            order[number, [place, other]] = order[number, [other, place]]
    return order


def _matrices(floats: Numbers) -> Numbers:
    return floats.reshape(-1, *floats.shape[-2:])


def _factored(m: Matrices, a: Arguments, name: str, number: int, pivots: int) -> Reference:
    """The factors that an operation returns, with the exchanges in another result: of its matrix or of its transpose."""
    x, floats = m.batch(a.array(name)), _matrices(a.result(number))
    order = order_of(a.result(pivots), x.shape[1])
    lower = np.tril(floats, -1) + np.eye(*floats.shape[1:])
    product = lower[:, :, : min(x.shape[1:])] @ np.triu(floats)[:, : min(x.shape[1:])]
    own = _matrices(a.floats(name))
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
    return Reference(m.factors(in_order, _matrices(floats), has_pivots=a.of("pivot")).place, a.array("A").shape)


@row("linalg_lu", "pivot")
def _lu(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference, Reference]:
    shape = a.array("A").shape
    rows, columns = shape[-2:]
    if a.of("pivot"):
        order = _matrices(a.result(0)).argmax(axis=1)
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


def _signs_of(x: Numbers) -> Numbers:
    return np.where(x < 0, -1.0, 1.0)


@row("linalg_qr", "mode")
def _qr(p: ForwardProgram, a: Arguments) -> tuple[Reference | None, Reference]:
    m, mode = Matrices(p), a.of("mode")
    x = m.batch(a.array("A"))
    rows, columns = x.shape[1:]
    if (mode == "complete" and rows > columns) or (mode == "r" and rows < columns):
        raise NotKnown(f"{a.op.name} with mode {mode}")
    first = m.part(x, slice(None), slice(0, rows)) if rows < columns else x
    signs = _signs_of(np.diagonal(_matrices(a.result(1)), axis1=1, axis2=2))
    numbers = p.numbers(signs.copy(), signs.shape)
    positive = m.turned(m.cholesky(m.product(m.turned(first), first)))
    by_rows = Reference(numbers.place, (*signs.shape, 1))
    upper = p.call("*", positive, by_rows)
    if mode == "r":
        return None, Reference(upper.place, a.op.results[1].shape)
    orthogonal = m.product(first, m.inverse(upper))
    whole = upper if first is x else m.product(m.turned(orthogonal), x)
    return Reference(orthogonal.place, a.shape), Reference(whole.place, a.op.results[1].shape)


def _require_full_rank(a: Arguments, name: str) -> None:
    sizes = np.linalg.svd(_matrices(a.floats(name)), compute_uv=False)
    if sizes.size and (sizes.min(axis=1) <= _APART * sizes.max(axis=1)).any():
        raise NotKnown(f"{a.op.name} of a matrix whose rank may drop")


def _pseudoinverse(m: Matrices, x: Reference) -> Reference:
    turned = m.turned(x)
    if x.shape[1] >= x.shape[2]:
        return m.product(m.inverse(m.product(turned, x)), turned)
    return m.product(turned, m.inverse(m.product(x, turned)))


@row("linalg_pinv", "atol rtol hermitian")
def _pinv(p: ForwardProgram, a: Arguments) -> Reference:
    m = Matrices(p)
    _require_full_rank(a, "self")
    return Reference(_pseudoinverse(m, m.batch(a.array("self"))).place, a.shape)


@row("linalg_lstsq", "rcond driver")
def _least_squares(p: ForwardProgram, a: Arguments) -> tuple[Reference | None, ...]:
    m = Matrices(p)
    _require_full_rank(a, "self")
    matrix, b = a.array("self"), a.array("b")
    if len(b.shape) != len(matrix.shape) or matrix.shape[:-2] != b.shape[:-2]:
        raise NotKnown(f"{a.op.name} in this form")
    x, y = m.batch(matrix), m.batch(b)
    solution = m.product(_pseudoinverse(m, x), y)
    residuals = None
    if a.op.results[1].size:
        apart = p.call("-", m.product(x, solution), y)
        residuals = Reference(p.sum(p.call("*", apart, apart), [1]).place, a.op.results[1].shape)
    return Reference(solution.place, a.shape), residuals, None, None


@row("linalg_matrix_exp")
def _exponential(p: ForwardProgram, a: Arguments) -> Reference:
    m = Matrices(p)
    return Reference(m.each(m.batch(a.array("self")), lambda matrix, _: p.exponential(matrix)).place, a.shape)


@row("linalg_householder_product")
def _householder_product(p: ForwardProgram, a: Arguments) -> Reference:
    x, tau = a.array("input"), a.array("tau")
    return Reference(_reflections(Matrices(p), x, tau, x.shape[-1]).place, a.shape)


def _reflections(m: Matrices, x: Reference, tau: Reference, columns: int) -> Reference:
    """The first columns of the product of the reflections I - t v v^T, with v in the columns of a matrix below ones."""
    p, matrices = m.program, m.batch(x)
    vectors = m.triangle(matrices, upper=False, unit=True)
    count, rows, _ = matrices.shape
    factors = Reference(tau.place, (count, 1, tau.shape[-1]))
    result = m.identity(count, rows, columns)
    for place in reversed(range(tau.shape[-1])):
        vector = m.part(vectors, slice(None), slice(place, place + 1))
        factor = m.part(factors, slice(None), slice(place, place + 1))
        change = m.product(p.call("*", vector, factor), m.product(m.turned(vector), result))
        result = p.call("-", result, change)
    return result


@row("ormqr", "left transpose")
def _ormqr(p: ForwardProgram, a: Arguments) -> Reference:
    m, x = Matrices(p), a.array("self")
    whole = _reflections(m, x, a.array("input2"), x.shape[-2])
    whole = m.turned(whole) if a.of("transpose") else whole
    other = m.batch(a.array("input3"))
    product = m.product(whole, other) if a.of("left") else m.product(other, whole)
    return Reference(product.place, a.shape)


def _require_apart(a: Arguments, values: Numbers) -> None:
    """Eigenvalues, or the squares of singular values, have to differ: where they meet, vectors are not smooth."""
    ordered = np.sort(values.reshape(-1, values.shape[-1]), axis=1)
    gaps = np.diff(ordered, axis=1)
    if gaps.size and (gaps.min(axis=1) <= _APART * np.abs(ordered).max(axis=1)).any():
        raise NotKnown(f"{a.op.name} of a matrix whose eigenvalues are close")


@row("_linalg_eigh", "UPLO compute_v")
def _eigh(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference | None]:
    m, floats = Matrices(p), _matrices(a.floats("A"))
    if not (floats == floats.transpose(0, 2, 1)).all():
        raise NotKnown(f"{a.op.name} of a matrix that is not symmetric")
    _require_apart(a, a.result())
    near = _matrices(a.result(1)) if a.of("compute_v") else np.linalg.eigh(floats)[1]
    values, vectors = _eigen(m, m.batch(a.array("A")), near)
    has_vectors = a.of("compute_v")
    return Reference(values.place, a.shape), Reference(vectors.place, a.op.results[1].shape) if has_vectors else None


def _eigen(m: Matrices, x: Reference, near: Numbers) -> tuple[Reference, Reference]:
    both = m.each(x, lambda matrix, number: m.program.eigen(matrix, near[number].reshape(-1).tolist()))
    count, rows, _ = x.shape
    places = places_of((count, rows + rows * rows))
    vectors = m.program.gather(both, places[:, rows:].reshape(count, rows, rows))
    return m.program.gather(both, places[:, :rows]), vectors


@row("_linalg_svd", "full_matrices compute_uv driver")
def _svd(p: ForwardProgram, a: Arguments) -> tuple[Reference | None, ...]:
    """By the eigenvalues of the smaller of A^T A and A A^T, from the largest on."""
    m, has_vectors = Matrices(p), a.of("compute_uv")
    x, floats = m.batch(a.array("A")), _matrices(a.floats("A"))
    rows, columns = x.shape[1:]
    if a.of("full_matrices") and rows != columns and has_vectors:
        raise NotKnown(f"{a.op.name} with all vectors")
    _require_full_rank(a, "A")
    is_tall = rows >= columns
    own = a.result(2) if is_tall else a.result(0)
    if not has_vectors:
        u, _, vh = np.linalg.svd(floats, full_matrices=False)
        own = vh if is_tall else u
    near = _matrices(own).transpose(0, 2, 1) if is_tall else _matrices(own)
    _require_apart(a, a.result(1) ** 2)
    square = m.product(m.turned(x), x) if is_tall else m.product(x, m.turned(x))
    values, vectors = _eigen(m, square, near[:, :, ::-1])
    sizes = p.call("sqrt", p.gather(values, places_of(values.shape)[:, ::-1]))
    inner = p.gather(vectors, places_of(vectors.shape)[:, :, ::-1])
    outer = m.product(x if is_tall else m.turned(x), m.scaled(inner, p.call("/", p.scalar(1.0), sizes)))
    size = Reference(sizes.place, a.op.results[1].shape)
    if not has_vectors:
        return None, size, None
    left, right = (outer, inner) if is_tall else (inner, outer)
    return Reference(left.place, a.shape), size, Reference(m.turned(right).place, a.op.results[2].shape)
