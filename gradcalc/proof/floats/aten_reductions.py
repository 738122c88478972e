"""What aten operations on several numbers mean: sums, products of matrices, softmax, and what they do backwards.

Rows of the table of `aten_elementwise`, in terms of the same arithmetic.  An operation gets the entries it combines one
after the other (`scalarize_trace` says which).  A reduction is any order of the same exact sum; its bound is that of all
orders: (n - 1)*u*sum(abs(x)), with u half an ulp of 1 (Higham, "Accuracy and Stability of Numerical Algorithms", 4.2, and
3.1 for inner products; Chan and Lewis 1979 for the variance).

Sources: aten/src/ATen/native/{SoftMax,ReduceOps,LossNLL,BatchLinearAlgebra}.cpp, cpu/layer_norm_kernel.cpp,
torch/csrc/autograd/FunctionsManual.cpp.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from flint import arb, arb_mat

from gradcalc.proof.floats.arithmetic import Exact, Value
from gradcalc.proof.floats.aten_elementwise import UnknownOperation, meaning

_NAN = arb.nan()


@meaning("sum", "trace")
def _sum(m: Exact, *xs: Value) -> Value:
    return m.total([x.ball for x in xs])


@meaning("mean")
def _mean(m: Exact, *xs: Value) -> Value:
    return m.rounded_again(m.total([x.ball for x in xs]) / len(xs))


@meaning("prod")
def _prod(m: Exact, *xs: Value) -> Value:
    product = xs[0] if xs else m.value(1.0)
    for x in xs[1:]:
        product = product * x
    return product


@meaning("cumsum")
def _cumsum(m: Exact, *xs: Value) -> tuple[Value, ...]:
    return tuple(m.total([x.ball for x in xs[: place + 1]]) for place in range(len(xs)))


@meaning("cumprod")
def _cumprod(m: Exact, *xs: Value) -> tuple[Value, ...]:
    return tuple(_prod(m, *xs[: place + 1]) for place in range(len(xs)))


def extremum(m: Exact, xs: Sequence[Value], holds: str) -> Value:
    """The largest or the smallest, as the machine's comparisons chose it."""
    best = xs[0]
    for x in xs[1:]:
        if m.compare(x, best, holds):
            best = x
    return Value(best.ball, m, best.float)


@meaning("amax", "max")
def _amax(m: Exact, *xs: Value) -> Value:
    return extremum(m, xs, "gt")


@meaning("amin", "min")
def _amin(m: Exact, *xs: Value) -> Value:
    return extremum(m, xs, "lt")


@meaning("linalg_vector_norm")
def _norm(m: Exact, *xs: Value, order: float = 2) -> Value:
    sizes = [abs(x) for x in xs]
    if order == 1:
        return m.total([size.ball for size in sizes])
    if math.isinf(order):
        values = [Value(abs(x.ball), m, None if x.float is None else abs(x.float)) for x in xs]
        return extremum(m, values, "gt" if order > 0 else "lt")
    if order != 2:
        raise UnknownOperation(f"linalg_vector_norm of the order {order}")
    if len(xs) == 1:
        return m.rounded_again(sizes[0])
    return m.call("sqrt", m.total([x.ball * x.ball for x in xs], products=True))


def _variance(m: Exact, xs: Sequence[Value], correction: float) -> Value:
    count = len(xs)
    middle = sum((x.ball for x in xs), arb(0)) / count
    apart = [x.ball - middle for x in xs]
    squares = sum((it * it for it in apart), arb(0))  # Arb's power of a ball around 0 is no number
    below = max(count - correction, 0)
    if not below:
        return Value(_NAN, m)
    room = (abs(squares) * (abs(squares) + count * middle * middle)).sqrt() * (4 * count + 16)
    # What the mean is off by counts by its square, which is all there is of equal entries.
    return m.with_abs_error(squares / arb(below), room / arb(below), count * (count + 1) ** 2 * middle * middle / arb(below))


@meaning("var")
def _var(m: Exact, *xs: Value, correction: float | None = 1) -> Value:
    return _variance(m, xs, 1 if correction is None else correction)


@meaning("std")
def _std(m: Exact, *xs: Value, correction: float | None = 1) -> Value:
    return m.call("sqrt", _variance(m, xs, 1 if correction is None else correction))


def _largest(xs: Sequence[Value]) -> Value:
    """The entry that kernels subtract first: whichever it is, it cancels."""
    return max(xs, key=lambda x: float(x.ball.mid()) if x.ball.is_finite() else -math.inf)


@meaning("logsumexp")
def _logsumexp(m: Exact, *xs: Value) -> Value:
    top = _largest(xs)
    return m.call("log", m.total([m.call("exp", x - top).ball for x in xs])) + top


@meaning("_softmax")
def _softmax(m: Exact, *xs: Value) -> tuple[Value, ...]:
    top = _largest(xs)
    powers = [m.call("exp", x - top) for x in xs]
    total = m.total([power.ball for power in powers])
    return tuple(m.rounded_again(power / total) for power in powers)


@meaning("_log_softmax")
def _log_softmax(m: Exact, *xs: Value) -> tuple[Value, ...]:
    top = _largest(xs)
    logarithm = m.call("log", m.total([m.call("exp", x - top).ball for x in xs]))
    return tuple(m.hull((x - top) - logarithm, x - (top + logarithm)) for x in xs)


def _halves(values: Sequence[Value]) -> tuple[Sequence[Value], Sequence[Value]]:
    return values[: len(values) // 2], values[len(values) // 2 :]


@meaning("_softmax_backward_data")
def _softmax_backward(m: Exact, *values: Value) -> tuple[Value, ...]:
    gs, ys = _halves(values)
    total = m.total([g.ball * y.ball for g, y in zip(gs, ys, strict=True)], products=True)
    return tuple(m.hull((g - total) * y, g * y - y * total) for g, y in zip(gs, ys, strict=True))


@meaning("_log_softmax_backward_data")
def _log_softmax_backward(m: Exact, *values: Value) -> tuple[Value, ...]:
    gs, ys = _halves(values)
    total = m.total([g.ball for g in gs])
    return tuple(g - m.call("exp", y) * total for g, y in zip(gs, ys, strict=True))


# --------------------------------------------------------------------------------------------- products and matrices


@meaning("mm", "mv", "dot", "bmm", "vdot")
def _dot(m: Exact, *values: Value) -> Value:
    left, right = _halves(values)
    return m.total([a.ball * b.ball for a, b in zip(left, right, strict=True)], products=True)


@meaning("addmm", "addmv")
def _add_product(m: Exact, first: Value, *values: Value, alpha: float = 1, beta: float = 1) -> Value:
    left, right = _halves(values)
    products = [a.ball * b.ball * arb(alpha) for a, b in zip(left, right, strict=True)]
    return m.total([first.ball * arb(beta), *products], products=True)


def _matrix(values: Sequence[Value], size: int) -> arb_mat:
    return arb_mat([[value.ball for value in values[row : row + size]] for row in range(0, len(values), size)])


def _values(m: Exact, matrix: arb_mat) -> list[Value]:
    return [Value(entry, m) for entry in matrix.entries()]


def _lu_factors(matrix: arb_mat, pivots: Sequence[int]) -> list[list[arb]]:
    """L and U in one matrix, with the exchanges of rows that the machine made."""
    rows = [list(row) for row in matrix.tolist()]
    size = len(rows)
    for step in range(size):
        other = pivots[step] - 1
        rows[step], rows[other] = rows[other], rows[step]
        if all(rows[row][step].is_zero() for row in range(step, size)):
            continue  # as LAPACK's getrf does: there is nothing to eliminate
        for row in range(step + 1, size):
            factor = rows[row][step] / rows[step][step]
            rows[row][step] = factor
            for column in range(step + 1, size):
                rows[row][column] -= factor * rows[step][column]
    return rows


def _recorded_factors(m: Exact, matrix: arb_mat, recorded: Sequence[Any], start: int) -> tuple[list[Value], list[Value]]:
    """The factors that an operation left beside its result, and the exchanges of rows, from a place in its results on.

    torch factors the transposed matrix where that saves a copy: the one that is near the numbers it wrote.
    """
    size = matrix.nrows()
    floats = recorded[start : start + size * size]
    pivots = [int(pivot) for pivot in recorded[start + size * size : start + size * size + size]]
    both = [_lu_factors(each, pivots) for each in (matrix, matrix.transpose())]

    def apart(rows: list[list[arb]]) -> float:
        entries = [entry for row in rows for entry in row]
        if not all(entry.is_finite() for entry in entries):
            return math.inf
        return math.fsum(abs(float(entry.mid()) - number) for entry, number in zip(entries, floats, strict=True))

    factors_of = min(both, key=apart)
    return [Value(entry, m) for row in factors_of for entry in row], [m.value(float(pivot)) for pivot in pivots]


@meaning("_linalg_det")
def _det(m: Exact, *values: Value, size: int, recorded: Sequence[Any], flags: Sequence[bool]) -> tuple[Value, ...]:
    m.mark_unbounded()
    matrix = _matrix(values, size)
    factors, pivots = _recorded_factors(m, matrix, recorded, 1)
    return (Value(matrix.det(), m), *factors, *pivots)


@meaning("_linalg_slogdet")
def _slogdet(m: Exact, *values: Value, size: int, recorded: Sequence[Any], flags: Sequence[bool]) -> tuple[Value, ...]:
    m.mark_unbounded()
    matrix = _matrix(values, size)
    factors, pivots = _recorded_factors(m, matrix, recorded, 2)
    determinant = matrix.det()
    sign = arb(1) if determinant > 0 else arb(-1) if determinant < 0 else _NAN
    return (Value(sign, m), Value(abs(determinant).log(), m), *factors, *pivots)


@meaning("linalg_inv_ex")
def _inv(m: Exact, *values: Value, size: int, recorded: Sequence[Any], flags: Sequence[bool]) -> tuple[Value, ...]:
    m.mark_unbounded()
    try:
        entries = _values(m, _matrix(values, size).inv())
    except ZeroDivisionError:
        entries = [Value(_NAN, m)] * (size * size)
    return (*entries, m.value(0.0))


def _solution(m: Exact, left: arb_mat, right: arb_mat) -> list[Value]:
    try:
        return _values(m, left.solve(right))
    except ZeroDivisionError:
        return [Value(_NAN, m)] * (right.nrows() * right.ncols())


@meaning("_linalg_solve_ex")
def _solve(m: Exact, *values: Value, size: int, recorded: Sequence[Any], flags: Sequence[bool]) -> tuple[Value, ...]:
    m.mark_unbounded()
    matrix, rest = _matrix(values[: size * size], size), values[size * size :]
    entries = _solution(m, matrix, _matrix(rest, len(rest) // size))
    factors, pivots = _recorded_factors(m, matrix, recorded, len(entries))
    return (*entries, *factors, *pivots, m.value(0.0))


@meaning("linalg_lu_solve")
def _lu_solve(m: Exact, *values: Value, size: int, recorded: Sequence[Any], flags: Sequence[bool]) -> tuple[Value, ...]:
    m.mark_unbounded()
    factors = _matrix(values[: size * size], size)
    pivots = [int(value.float or 0) for value in values[size * size : size * size + size]]
    rest = values[size * size + size :]
    is_left, is_transposed = flags
    lower = arb_mat([[factors[i, j] if j < i else arb(int(i == j)) for j in range(size)] for i in range(size)])
    upper = arb_mat([[factors[i, j] if j >= i else arb(0) for j in range(size)] for i in range(size)])
    rows = [list(row) for row in (lower * upper).tolist()]
    for step in reversed(range(size)):
        other = pivots[step] - 1
        rows[step], rows[other] = rows[other], rows[step]
    matrix = arb_mat(rows)
    if is_transposed:
        matrix = matrix.transpose()
    right = _matrix(rest, len(rest) // size if is_left else size)
    if is_left:
        return tuple(_solution(m, matrix, right))
    entries = _matrix(_solution(m, matrix.transpose(), right.transpose()), right.nrows())
    return tuple(_values(m, entries.transpose()))


# --------------------------------------------------------------------------------------------- whole operations


def _parts(values: Sequence[Value], shapes: Sequence[Sequence[int] | None]) -> list[Sequence[Value] | None]:
    """The entries of each tensor of an operation; None for an argument that was none."""
    entries: list[Sequence[Value] | None] = []
    start = 0
    for shape in shapes:
        if shape is None:
            entries.append(None)
            continue
        entries.append(values[start : start + math.prod(shape)])
        start += math.prod(shape)
    return entries


@meaning("nll_loss_forward")
def _nll(
    m: Exact, *values: Value, shapes: Sequence[Any], settings: Sequence[Any], recorded: Sequence[Any]
) -> tuple[Value, ...]:
    xs, targets, *_ = _parts(values, shapes)
    assert xs is not None
    assert targets is not None
    classes = shapes[0][-1]
    if any(target.float == settings[4] for target in targets):
        raise UnknownOperation("nll_loss_forward with an index that is ignored")
    picks = [-xs[row * classes + int(target.float or 0)] for row, target in enumerate(targets)]
    weight = m.value(float(recorded[-1]))  # how many targets were counted
    if settings[3] == 0:
        return (*picks, weight)
    total = m.total([value.ball for value in picks])
    return (total if settings[3] == 2 else m.rounded_again(total / len(picks)), weight)


@meaning("nll_loss_backward")
def _nll_backward(
    m: Exact, *values: Value, shapes: Sequence[Any], settings: Sequence[Any], recorded: Sequence[Any]
) -> tuple[Value, ...]:
    gs, xs, targets, *_ = _parts(values, shapes)
    assert gs is not None
    assert xs is not None
    assert targets is not None
    classes = shapes[1][-1]
    if any(target.float == settings[5] for target in targets):
        raise UnknownOperation("nll_loss_backward with an index that is ignored")
    gradient = [m.value(0.0)] * len(xs)
    for row, target in enumerate(targets):
        g = gs[row] if settings[4] == 0 and len(gs) > 1 else gs[0]
        gradient[row * classes + int(target.float or 0)] = -g / len(targets) if settings[4] == 1 else -g
    return tuple(gradient)


@meaning("native_layer_norm")
def _layer_norm(
    m: Exact, *values: Value, shapes: Sequence[Any], settings: Sequence[Any], recorded: Sequence[Any]
) -> tuple[Value, ...]:
    xs = values[: math.prod(shapes[0])]
    width = math.prod(settings[1])
    eps = m.scalar(settings[4])
    out, means, scales = [], [], []
    for start in range(0, len(xs), width):
        line = xs[start : start + width]
        mean = m.rounded_again(m.total([x.ball for x in line]) / width)
        scale = 1 / m.call("sqrt", _variance(m, line, 0) + eps)
        out += [m.hull((x - mean) * scale, x * scale - mean * scale) for x in line]
        means.append(mean)
        scales.append(m.rounded_again(scale))
    return (*out, *means, *scales)


@meaning("native_layer_norm_backward")
def _layer_norm_backward(
    m: Exact, *values: Value, shapes: Sequence[Any], settings: Sequence[Any], recorded: Sequence[Any]
) -> tuple[Value, ...]:
    m.mark_unbounded()
    gs, xs, _, means, scales, *_ = _parts(values, shapes)
    assert gs is not None
    assert xs is not None
    assert means is not None
    assert scales is not None
    width = math.prod(settings[2])
    gradient: list[Value] = []
    for row, start in enumerate(range(0, len(xs), width)):
        mean, scale = means[row].ball, scales[row].ball
        normal = [(x.ball - mean) * scale for x in xs[start : start + width]]
        line = [g.ball for g in gs[start : start + width]]
        first = sum(line, arb(0)) / width
        second = sum((g * y for g, y in zip(line, normal, strict=True)), arb(0)) / width
        gradient += [Value(scale * (g - first - y * second), m) for g, y in zip(line, normal, strict=True)]
    return tuple(gradient)
