"""What torch does with `.grad` from pass to pass, and with tracking switched off: run, not recited.

Comes in: a tree, numbers for its variables, a dtype and a device.  Goes out: plain data, and torch's own words.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

from gradcalc.engines.autograd.forward import REFUSALS, build, constants_of, first_line, inputs_of
from gradcalc.expression.tree import Node
from gradcalc.runtime import torch_import

with torch_import.fast_import():
    import torch

Tensors = dict[str, torch.Tensor]

CLEARINGS = ("never", "grad.zero_()", "zero_grad(set_to_none=False)", "zero_grad()")
"""What can be done between two passes; the last sets `.grad` to None."""


def accumulated(
    tree: Node, values: Mapping[str, Any], passes: int, how: str, *, dtype: str, device: str
) -> list[dict[str, Any]]:
    """`.grad` of every variable after each of some passes, forward and backward; `how` it is cleared before the next.

    Raises one of `REFUSALS` with torch's words where it cannot.
    """
    compute, inputs = _computation(tree, values, dtype, device)
    parameters = {name: torch.nn.Parameter(tensor.detach()) for name, tensor in inputs.items()}
    inputs.update(parameters)
    model = torch.nn.ParameterList(parameters.values())
    found = []
    for number in range(passes):
        if number:
            _clear(how, model)
        torch.autograd.backward(compute(inputs))
        found.append({name: None if it.grad is None else it.grad.tolist() for name, it in inputs.items()})
    return found


def _clear(how: str, model: torch.nn.Module) -> None:
    if how == "grad.zero_()":
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()
    elif how != "never":
        model.zero_grad(set_to_none=how == "zero_grad()")


@dataclass(frozen=True, slots=True)
class Tracked:
    """A way to compute, and what came of it: what the result says of itself, and the gradients or torch's error."""

    way: str
    requires_grad: bool
    grad_fn: str | None
    is_leaf: bool
    is_inference: bool
    gradients: Mapping[str, Any]
    error: str | None


class _Way(NamedTuple):
    """A way to compute: what is done with the inputs before, around the computation, and with the result after it."""

    name: str
    before: Callable[[Tensors], Tensors] = lambda inputs: inputs
    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    after: Callable[[torch.Tensor], torch.Tensor] = lambda y: y


def _off(inputs: Tensors) -> Tensors:
    return {name: tensor.requires_grad_(False) for name, tensor in inputs.items()}


_WAYS = (
    _Way("tracking on"),
    _Way("requires_grad_(False)", before=_off),
    _Way("detach()", after=torch.Tensor.detach),
    _Way("no_grad()", around=torch.no_grad),
    _Way("inference_mode()", around=torch.inference_mode),
)


def tracked(tree: Node, values: Mapping[str, Any], *, dtype: str, device: str, of_sum: bool = False) -> list[Tracked]:
    """The expression with tracking on, and with each way to switch it off; `of_sum`: `backward()` on the sum."""
    return [_followed(tree, values, dtype, device, way, of_sum) for way in _WAYS]


def _followed(tree: Node, values: Mapping[str, Any], dtype: str, device: str, way: _Way, of_sum: bool) -> Tracked:
    compute, inputs = _computation(tree, values, dtype, device)
    inputs = way.before(inputs)
    with way.around():
        result = way.after(compute(inputs))
    error = None
    try:
        torch.autograd.backward(result.sum() if of_sum else result)
    except REFUSALS as refusal:
        error = f"{type(refusal).__name__}: {first_line(refusal)}"
    backward = None if result.grad_fn is None else result.grad_fn.name()
    gradients = {} if error else {name: None if it.grad is None else it.grad.tolist() for name, it in inputs.items()}
    return Tracked(way.name, result.requires_grad, backward, result.is_leaf, result.is_inference(), gradients, error)


def _computation(
    tree: Node, values: Mapping[str, Any], dtype: str, device: str
) -> tuple[Callable[[Tensors], torch.Tensor], Tensors]:
    """The expression as a function of tensors, and the tensors, which are tracked."""
    kind = getattr(torch, dtype)
    constants = constants_of(tree, kind, device)

    def compute(tensors: Tensors) -> torch.Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return build(tree, tensors, constants)

    return compute, inputs_of(values, kind, device, tracked=values)
