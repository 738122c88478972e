"""Hooks of the user's on gradients: what arrived at each, and what it left."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from gradcalc.engines.autograd.function_call import tensors_in

Watch = Callable[[str, Sequence[torch.Tensor]], Callable[[Sequence[torch.Tensor]], None]]
"""Is called with the name of a hook and the gradients that it gets; what it returns, with those that come out."""


@contextmanager
def hooks(function: Any, tensors: Sequence[torch.Tensor], watch: Watch) -> Iterator[None]:
    """Watch the hooks that are registered inside, and those that leaves and the parts of a module have already."""
    register: Any = torch.Tensor.register_hook
    before = [it._backward_hooks for it in tensors if it.is_leaf and it._backward_hooks]
    if isinstance(function, torch.nn.Module):
        before += [them for part in function.modules() for them in (part._backward_hooks, part._backward_pre_hooks)]
    kept = [dict(them) for them in before]
    for them in before:
        _replace(them, {key: _watched(hook, watch) for key, hook in them.items()})

    def register_hook(tensor: torch.Tensor, hook: Any) -> Any:
        return register(tensor, _watched(hook, watch))

    torch.Tensor.register_hook = register_hook  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.Tensor.register_hook = register  # type: ignore[method-assign]
        for them, own in zip(before, kept, strict=True):
            _replace(them, own)


def _replace(hooks: MutableMapping[Any, Any], others: MutableMapping[Any, Any]) -> None:
    """Put others in the places of hooks, some of which may be gone."""
    for key in hooks.keys() & others.keys():
        hooks[key] = others[key]


def _watched(hook: Any, watch: Watch) -> Any:
    """A hook that tells what it does: on the gradient of a tensor, or on those of a module, which come after the module."""
    code = getattr(hook, "__code__", None)
    place = "" if code is None else f" at {os.path.basename(code.co_filename)}:{code.co_firstlineno}"
    name = f"{getattr(hook, '__name__', type(hook).__name__)}{place}"

    def watched(*args: Any) -> Any:
        arrived = tensors_in(args[1] if isinstance(args[0], torch.nn.Module) else args[0])
        left = watch(name, arrived)
        result = hook(*args)
        left(arrived if result is None else tensors_in(result))
        return result

    return watched
