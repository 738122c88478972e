"""Gradient accumulation over several passes, and grad modes that disable tracking; measured, not documented.

Comes in: a tree, numbers for its variables, a dtype and a device.  Goes out: plain data, and torch's error messages.
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

ZEROING = ("never", "grad.zero_()", "zero_grad(set_to_none=False)", "zero_grad()")
"""What resets `.grad` between two passes; the last sets it to None."""


def accumulate_grads(
    tree: Node, values: Mapping[str, Any], passes: int, zeroing: str, *, dtype: str, device: str
) -> list[dict[str, Any]]:
    """`.grad` of every variable after each of several forward and backward passes, reset in between by `zeroing`.

    Raises one of `REFUSALS`.
    """
    compute, inputs = _computation(tree, values, dtype, device)
    parameters = {name: torch.nn.Parameter(tensor.detach()) for name, tensor in inputs.items()}
    inputs.update(parameters)
    model = torch.nn.ParameterList(parameters.values())
    grads = []
    for number in range(passes):
        if number:
            _zero(zeroing, model)
        torch.autograd.backward(compute(inputs))
        grads.append({name: None if it.grad is None else it.grad.tolist() for name, it in inputs.items()})
    return grads


def _zero(zeroing: str, model: torch.nn.Module) -> None:
    if zeroing == "grad.zero_()":
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()
    elif zeroing != "never":
        model.zero_grad(set_to_none=zeroing == "zero_grad()")


@dataclass(frozen=True, slots=True)
class GradModeResult:
    """A grad mode, with the attributes of the result, and the gradients or torch's error."""

    way: str
    requires_grad: bool
    grad_fn: str | None
    is_leaf: bool
    is_inference: bool
    gradients: Mapping[str, Any]
    error: str | None


class _GradMode(NamedTuple):
    """A grad mode: what changes the inputs, the context of the computation, and what changes the result."""

    name: str
    before: Callable[[Tensors], Tensors] = lambda inputs: inputs
    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    after: Callable[[torch.Tensor], torch.Tensor] = lambda y: y


_GRAD_MODES = (
    _GradMode("tracking on"),
    _GradMode("requires_grad_(False)", lambda inputs: {name: it.requires_grad_(False) for name, it in inputs.items()}),
    _GradMode("detach()", after=torch.Tensor.detach),
    _GradMode("no_grad()", around=torch.no_grad),
    _GradMode("inference_mode()", around=torch.inference_mode),
)


def grad_mode_results(
    tree: Node, values: Mapping[str, Any], *, dtype: str, device: str, of_sum: bool = False
) -> list[GradModeResult]:
    """The results with tracking on, and in each mode that disables it; `of_sum`: `backward()` on the sum."""
    return [_run(tree, values, dtype, device, mode, of_sum) for mode in _GRAD_MODES]


def _run(tree: Node, values: Mapping[str, Any], dtype: str, device: str, mode: _GradMode, of_sum: bool) -> GradModeResult:
    compute, inputs = _computation(tree, values, dtype, device)
    inputs = mode.before(inputs)
    with mode.around():
        result = mode.after(compute(inputs))
    error = None
    try:
        torch.autograd.backward(result.sum() if of_sum else result)
    except REFUSALS as refusal:
        error = f"{type(refusal).__name__}: {first_line(refusal)}"
    backward = None if result.grad_fn is None else result.grad_fn.name()
    gradients = {} if error else {name: None if it.grad is None else it.grad.tolist() for name, it in inputs.items()}
    return GradModeResult(mode.name, result.requires_grad, backward, result.is_leaf, result.is_inference(), gradients, error)


def _computation(
    tree: Node, values: Mapping[str, Any], dtype: str, device: str
) -> tuple[Callable[[Tensors], torch.Tensor], Tensors]:
    """The expression as a function of tensors, and the input tensors, with tracking on."""
    kind = getattr(torch, dtype)
    constants = constants_of(tree, kind, device)

    def compute(tensors: Tensors) -> torch.Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return build(tree, tensors, constants)

    return compute, inputs_of(values, kind, device, variables=values)
