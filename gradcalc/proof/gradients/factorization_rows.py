"""Forward rows of orthogonal factors: QR, eigenvalues, singular values, and what is made of them; exponentials of matrices.

What LAPACK is free to choose is that of the record: the signs of columns.  A matrix whose factors do not depend smoothly on
it (eigenvalues that meet, a rank that drops) is not known.
"""

from __future__ import annotations

import numpy as np

from gradcalc.engines.autograd.operation import Numbers
from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.matrices import Matrices, matrices_of
from gradcalc.proof.gradients.rows import Arguments, row
from gradcalc.proof.gradients.scatter_rows import places_of

_APART = 1e-6
"""Singular values and eigenvalues that differ by less, relative to the largest, count as close."""


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
    signs = _signs_of(np.diagonal(matrices_of(a.result(1)), axis1=1, axis2=2))
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
    sizes = np.linalg.svd(matrices_of(a.floats(name)), compute_uv=False)
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
    m, floats = Matrices(p), matrices_of(a.floats("A"))
    if not (floats == floats.transpose(0, 2, 1)).all():
        raise NotKnown(f"{a.op.name} of a matrix that is not symmetric")
    _require_apart(a, a.result())
    near = matrices_of(a.result(1)) if a.of("compute_v") else np.linalg.eigh(floats)[1]
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
    x, floats = m.batch(a.array("A")), matrices_of(a.floats("A"))
    rows, columns = x.shape[1:]
    if a.of("full_matrices") and rows != columns and has_vectors:
        raise NotKnown(f"{a.op.name} with all vectors")
    _require_full_rank(a, "A")
    is_tall = rows >= columns
    own = a.result(2) if is_tall else a.result(0)
    if not has_vectors:
        u, _, vh = np.linalg.svd(floats, full_matrices=False)
        own = vh if is_tall else u
    near = matrices_of(own).transpose(0, 2, 1) if is_tall else matrices_of(own)
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
