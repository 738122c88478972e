"""What most aten operations mean, on whole arrays: the same as their rows say entry by entry, faster.

Comes in: an operation on tensors, and its arguments as arrays of balls.  Goes out: its results as arrays of balls, or None
where only the rows know.  The tests compare both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from flint import arb, arb_mat

from gradcalc.engines.autograd import moves, scalarize_trace
from gradcalc.engines.autograd.operation import TensorOperation, TensorView
from gradcalc.proof.floats.arithmetic import Exact
from gradcalc.proof.floats.aten_elementwise import FUNCTIONS
from gradcalc.proof.floats.memory import Balls, Operand, array_of, balls_of

Arguments = Sequence[Any]
"""The arguments in order: an `Operand` for a tensor, anything else as it is."""


def exact_results(op: TensorOperation, field: Exact, args: Arguments) -> list[Balls] | None:
    """The results of an operation on arrays of known numbers; None if it is not one of those here."""
    meaning = _ON_ARRAYS.get(op.base)
    result = None if meaning is None or len(op.results) != 1 else meaning(op, field, args)
    if result is None:
        return None
    flat = np.asarray(result, dtype=object).reshape(-1)
    return [flat] if len(flat) == op.results[0].size else None


def _shaped(op: TensorOperation, field: Exact, args: Arguments) -> list[Any]:
    """The arguments as arrays in their shapes, numbers as balls."""
    return [
        arg.balls.reshape(it.shape) if isinstance(it, TensorView) else field.scalar(arg).ball
        for it, arg in zip(op.inputs, args, strict=True)
    ]


# ------------------------------------------------------------------------------------------------------- elementwise


def _binary(compute: Callable[[Any, Any], Any]) -> Callable[[TensorOperation, Exact, Arguments], Any]:
    def result(op: TensorOperation, field: Exact, args: Arguments) -> Any:
        if op.options or len(args) != 2:
            return None
        return _spread(compute(*_shaped(op, field, args)), op)

    return result


def _spread(result: Any, op: TensorOperation) -> Any:
    """A result in the shape it has in the record; None if it has another."""
    return result if np.shape(result) == op.results[0].shape else None


def _negative(op: TensorOperation, field: Exact, args: Arguments) -> Any:
    return -args[0].balls


def _square(op: TensorOperation, field: Exact, args: Arguments) -> Any:
    balls = args[0].balls
    return balls * balls


def _power(op: TensorOperation, field: Exact, args: Arguments) -> Any:
    if not isinstance(args[0], Operand) or isinstance(args[1], Operand) or args[1] not in (0, 1, 2):
        return None
    return _square(op, field, args) if args[1] == 2 else args[0].balls if args[1] == 1 else _ones(op.results[0].size)


def _ones(size: int) -> Balls:
    return array_of([arb(1)] * size)


def _function(op: TensorOperation, field: Exact, args: Arguments) -> Any:
    return array_of([getattr(ball, op.base)() for ball in args[0].balls.tolist()])


def _copy(op: TensorOperation, field: Exact, args: Arguments) -> Any:
    place = 1 if op.base == "copy" else 0
    source = op.inputs[place]
    if not isinstance(source, TensorView):
        return None
    try:
        return np.broadcast_to(args[place].balls.reshape(source.shape), op.results[0].shape)
    except ValueError:
        return None


# -------------------------------------------------------------------------------------------------------------- moves


def _moved(op: TensorOperation, field: Exact, args: Arguments) -> Any:
    views = list(moves.moved(op))
    if not views or scalarize_trace.accumulates(op):
        return None
    operands = [operand for operand in _flat(args) if operand.floats.dtype.kind == "f"]
    if len(operands) != len(views):
        return None
    places = moves.sources(op)
    if (places == moves.COMPUTED).any():
        return None
    own = places == moves.PUT_THERE
    balls = np.concatenate([operand.balls for operand in operands])
    result = balls[np.where(own, 0, places)] if len(balls) else array_of([None] * len(places))
    if own.any():
        result[own] = balls_of(op.results[0].floats[own])
    return result


def _flat(args: Arguments) -> list[Operand]:
    operands: list[Operand] = []
    for arg in args:
        operands += _flat(arg) if isinstance(arg, (tuple, list)) else [arg] if isinstance(arg, Operand) else []
    return operands


# --------------------------------------------------------------------------------------------------- sums and products


def _sum(op: TensorOperation, field: Exact, args: Arguments) -> Any:
    terms = args[0].balls[scalarize_trace.reduced(op)]
    return np.add.reduce(terms, axis=1) if terms.shape[1] else array_of([arb(0)] * len(terms))


def _mean(op: TensorOperation, field: Exact, args: Arguments) -> Any:
    return _sum(op, field, args) / scalarize_trace.reduced(op).shape[1]


def matrices(view: TensorView, array: Any, *, is_left: bool) -> Any:
    """The factor of a product of matrices as a stack of them."""
    shape = view.shape
    if len(shape) == 1:
        shape = (1, *shape) if is_left else (*shape, 1)
    return array.reshape(prod(shape[:-2]), *shape[-2:])


def _product(op: TensorOperation, field: Exact, args: Arguments) -> Any:
    pairs = zip(op.views[-2:], args[-2:], (True, False), strict=True)
    left, right = (matrices(view, arg.balls, is_left=is_left) for view, arg, is_left in pairs)
    return np.concatenate([_matrix_product(*pair) for pair in zip(left, right, strict=True)])


def _matrix_product(left: Balls, right: Balls) -> Balls:
    if not left.size or not right.size:
        return array_of([arb(0)] * (left.shape[0] * right.shape[1]))
    product = _matrix(left) * _matrix(right)
    return array_of(product.entries())


def _matrix(factor: Balls) -> arb_mat:
    rows, columns = factor.shape
    return arb_mat(rows, columns, factor.reshape(-1).tolist())


def _add_product(op: TensorOperation, field: Exact, args: Arguments) -> Any:
    alpha, beta = (arb(float(op.argument(name))) for name in ("alpha", "beta"))
    summand = np.broadcast_to(args[0].balls.reshape(op.views[0].shape), op.results[0].shape).reshape(-1)
    return summand * beta + _product(op, field, args) * alpha


_ON_ARRAYS: dict[str, Callable[[TensorOperation, Exact, Arguments], Any]] = {
    "add": _binary(lambda x, y: x + y),
    "sub": _binary(lambda x, y: x - y),
    "mul": _binary(lambda x, y: x * y),
    "div": _binary(lambda x, y: x / y),
    "neg": _negative,
    **dict.fromkeys(FUNCTIONS, _function),
    "square": _square,
    "pow": _power,
    **dict.fromkeys(("clone", "_to_copy", "contiguous", "copy", "_unsafe_view", "reshape", "expand", "view"), _copy),
    **dict.fromkeys(sorted(scalarize_trace.DATA_MOVEMENT), _moved),
    "sum": _sum,
    "trace": _sum,
    "mean": _mean,
    **dict.fromkeys(("mm", "mv", "dot", "vdot", "bmm"), _product),
    **dict.fromkeys(("addmm", "addmv"), _add_product),
}
