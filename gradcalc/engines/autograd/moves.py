"""Where the entries of a result come from, for operations that only move numbers.

Comes in: an operation on tensors.  Goes out: for every entry of its result the place in its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from gradcalc.engines.autograd.operation import Numbers, Plain, TensorOperation, TensorView, same_floats

PUT_THERE = -1
"""Stands for a number that the operation puts there itself: a zero, or a value to fill with."""
COMPUTED = -2
"""Stands for a number that was computed, from several entries for example."""


def moved(op: TensorOperation) -> Iterator[TensorView]:
    """The tensors whose entries an operation moves, in order: those of floats, in lists too."""
    return (view for view in op.operands if is_moved(view))


def sources(op: TensorOperation) -> Numbers:
    """For every entry of the result its place in the tensors of `moved`, one after the other, `PUT_THERE` or `COMPUTED`.

    `COMPUTED` are those that were not only moved; integers and booleans are the operation's own.  The operation is run
    twice on places instead of numbers, the second time on places that are all shifted: what is shifted too was moved, and
    what stays is the operation's own.
    """
    if not is_moved(op.results[0]):
        return np.full(op.results[0].size, PUT_THERE)
    total = sum(view.size for view in moved(op))
    first, second = _run_on_places(op, 0), _run_on_places(op, total)
    is_own = same_floats(first, second)
    with np.errstate(invalid="ignore"):  # an infinity that was filled in
        places = np.where(second - first == total, first, COMPUTED)
    return np.where(is_own, PUT_THERE, places).astype(np.int64)


def _run_on_places(op: TensorOperation, start: int) -> Numbers:
    places = start

    def argument(value: Plain) -> Any:
        nonlocal places
        if isinstance(value, tuple):
            return [argument(part) for part in value]
        if not isinstance(value, TensorView):
            return value
        if not is_moved(value):
            return torch.from_numpy(value.floats.copy()).reshape(value.shape)
        numbers = torch.arange(places, places + value.size, dtype=torch.float64).reshape(value.shape)
        places += value.size
        return numbers

    inputs = [argument(value) for value in op.inputs]
    options = {name: argument(value) for name, value in op.options.items()}
    result = op.function(*inputs, **options)
    numbers: Numbers = result.reshape(-1).double().numpy()  # booleans and integers are moved, too
    return numbers


def is_moved(view: TensorView) -> bool:
    """Whether a tensor is one of floats: others are taken from the record."""
    return view.is_float
