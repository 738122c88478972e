"""Autograd at many points at once, every number compared with its rounding bound.

Comes in: a tree, and for each variable its values at all points.  Goes out: plain lists, and which points stay open: where
a number lies outside of its bound, or the bound is wider than half of the format's digits, or there is none.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradcalc.engines.autograd import backward, forward
from gradcalc.engines.autograd.program import By
from gradcalc.engines.rounding.enclosure import enclose
from gradcalc.expression.tree import Node
from gradcalc.proof.floats.formats import FORMATS
from gradcalc.runtime import torch_import

with torch_import.fast_import():
    import torch


@dataclass(frozen=True, slots=True)
class VectorizedRun:
    """What torch returned at all points: `received` by variable, the values, the partials, and the open points' places."""

    received: Mapping[str, Sequence[float]]
    values: Sequence[float]
    partials: Mapping[By, Sequence[float]]
    open: Sequence[int]
    failure: str | None = None
    """Why torch returned nothing, if so."""


def run(
    tree: Node,
    values: Mapping[str, Sequence[float]],
    size: int,
    bys: Sequence[By],
    *,
    dtype: str,
    device: str,
) -> VectorizedRun:
    """Run the expression and its backward pass at `size` points; if torch refuses, numbers are NaN and all points open."""
    kind, form = getattr(torch, dtype), FORMATS[dtype]
    inputs = {
        name: torch.tensor(numbers, dtype=torch.float64).to(kind).to(device).requires_grad_(True)
        for name, numbers in values.items()
    }
    constants = forward.constants_of(tree, kind, device)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a constant beside many points is intended
            result = forward.build(tree, inputs, constants)
            gradients = {by: _partial(result, inputs, by) for by in bys}
    except forward.REFUSALS as error:
        nothing = [math.nan] * size
        return VectorizedRun(values, nothing, dict.fromkeys(bys, nothing), range(size), str(error))
    floats = {name: tensor.detach().cpu().double() for name, tensor in inputs.items()}
    everywhere = torch.ones(size, dtype=torch.float64)
    partials = {
        by: 0 * everywhere if gradient is None else gradient.detach().cpu().double() * everywhere
        for by, gradient in gradients.items()
    }
    is_decided = torch.full((size,), all(len(by) == 1 for by in bys))
    if is_decided.any():
        names = [by[0] for by in bys]
        _, slopes = enclose(tree, floats, constants.numbers, names, precision=form.precision, lowest=form.lowest)
        for (name,), numbers in partials.items():
            is_decided &= _is_decided(numbers, slopes[name].low, slopes[name].high, form.precision)
    for name, numbers in floats.items():  # overflow and underflow are left to the proof
        is_decided &= numbers.isfinite() & ((numbers != 0) | (torch.tensor(values[name], dtype=torch.float64) == 0))
    return VectorizedRun(
        {name: numbers.tolist() for name, numbers in floats.items()},
        (result.detach().cpu().double() * everywhere).tolist(),
        {by: numbers.tolist() for by, numbers in partials.items()},
        (~is_decided).nonzero().flatten().tolist(),
    )


def _partial(result: torch.Tensor, inputs: Mapping[str, torch.Tensor], by: By) -> torch.Tensor | None:
    """A partial at all points: no point depends on another, so the gradient of the sum has that of each."""
    partial: torch.Tensor | None = result
    for place, name in enumerate(by, 1):
        if partial is not None:
            partial = backward.gradient((partial.sum(), 0), {name: inputs[name]}, place < len(by))[name]
    return partial


def _is_decided(numbers: torch.Tensor, low: torch.Tensor, high: torch.Tensor, precision: int) -> torch.Tensor:
    """Where a number is within its bound, and the bound leaves it half of its digits."""
    room = torch.minimum(low.abs(), high.abs()) * 10.0 ** (-precision * math.log10(2) / 2)
    result: torch.Tensor = (low <= numbers) & (numbers <= high) & (high - low <= room)
    return result
