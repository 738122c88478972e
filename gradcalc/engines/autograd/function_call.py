"""A call of a user's function: its inputs, the tensors to differentiate by, and random cotangents for what it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._pytree import keystr, tree_flatten, tree_flatten_with_path, tree_unflatten

from gradcalc.engines.autograd.recorder import unrecorded


def tensors_in(value: Any) -> list[torch.Tensor]:
    """The tensors in lists, tuples and mappings of each other."""
    return [it for it in tree_flatten(value)[0] if isinstance(it, torch.Tensor)]


def differentiated(outputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The outputs that gradients are taken of: those of floats, and of these those with a gradient, if there are any."""
    floats = [output for output in outputs if output.is_floating_point() and output.numel()]
    # Beside one with a gradient, an output without one is meant to have none.
    return [output for output in floats if output.requires_grad] or floats


def cotangents_of(outputs: Sequence[torch.Tensor], seed: int) -> list[torch.Tensor]:
    """Random cotangents of outputs, with full mantissas and no small entries."""
    generator = torch.Generator().manual_seed(seed)
    cotangents = []
    for output in outputs:
        size = torch.rand(output.shape, generator=generator, dtype=torch.float64) * 0.75 + 0.25
        sign = torch.randint(0, 2, output.shape, generator=generator) * 2 - 1
        cotangents.append((size * sign).to(device=output.device, dtype=output.dtype))
    return cotangents


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function with its inputs, and the tensors to differentiate by, with their names."""

    function: Callable[..., Any]
    inputs: Sequence[Any]
    wanted: Sequence[torch.Tensor]
    names: Sequence[str]

    def of_order(self, order: int, seed: int) -> Callable[..., Any]:
        """The function; for order 2 its gradient for a random cotangent, as a function that can be differentiated."""
        return self.function if order == 1 else self._gradient(seed)

    def _gradient(self, seed: int) -> Callable[..., Any]:

        def gradient(*inputs: Any) -> Any:
            outputs = [it for it in tensors_in(self.function(*inputs)) if it.requires_grad]
            with unrecorded():
                cotangents = cotangents_of(outputs, seed + 1)
            found = torch.autograd.grad(outputs, list(self.wanted), cotangents, create_graph=True, allow_unused=True)
            return [it for it in found if it is not None]

        return gradient


def prepare(fn: Any, inputs: Any) -> FunctionCall:
    """The call of a function, a Function class or a module, with copies of its tensors."""
    if not isinstance(inputs, torch.Tensor | list | tuple):
        raise TypeError(f"inputs is a tensor or a list of arguments, not {type(inputs).__name__}")
    arguments = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs)
    leaves, structure = tree_flatten_with_path(arguments)
    tensors = [it for _, it in leaves if isinstance(it, torch.Tensor) and it.is_floating_point()]
    chosen = {id(it) for it in tensors if it.requires_grad} or {id(it) for it in tensors}
    copies = [_copy(it, needs_gradient=id(it) in chosen) if isinstance(it, torch.Tensor) else it for _, it in leaves]
    own = tree_unflatten(copies, structure)
    names = [f"input {keystr(path)[1:].replace(']', '', 1)}" for path, _ in leaves]
    pairs = [(name, it) for name, it in zip(names, copies, strict=True) if isinstance(it, torch.Tensor) and it.requires_grad]
    if isinstance(fn, torch.nn.Module):
        pairs += [(name, it) for name, it in fn.named_parameters() if it.requires_grad]
    function = fn.apply if isinstance(fn, type) and issubclass(fn, torch.autograd.Function) else fn
    return FunctionCall(function, own, [it for _, it in pairs], [name for name, _ in pairs])


def _copy(tensor: torch.Tensor, *, needs_gradient: bool) -> torch.Tensor:
    is_dense = tensor.layout == torch.strided
    copy = tensor.detach().clone(memory_format=torch.preserve_format) if is_dense else tensor.detach().clone()
    return copy.requires_grad_(needs_gradient)
