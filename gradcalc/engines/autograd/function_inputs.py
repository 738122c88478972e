"""What a gradient check of people's own code starts from: random inputs, in a dtype and on a device, and modules.

Comes in: shapes, names of dtypes and devices, what a user's file has.  Goes out: tensors, functions and modules.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from gradcalc.engines.autograd.devices import choose
from gradcalc.errors import CalcError


def random_inputs(shapes: Sequence[Sequence[int]], dtype: str | None, seed: int) -> list[torch.Tensor]:
    """Standard normal tensors with full mantissas, in a dtype or in PyTorch's default."""
    generator = torch.Generator().manual_seed(seed)
    kind = torch.get_default_dtype() if dtype is None else getattr(torch, dtype)
    return [torch.randn(tuple(shape), generator=generator, dtype=torch.float64, device="cpu").to(kind) for shape in shapes]


def made(value: Any, name: str) -> Any:
    """A module class, or a function without parameters, called; anything else is returned as it is.

    Raises `CalcError` for a module class that needs arguments.
    """
    if inspect.isfunction(value):
        return value if inspect.signature(value).parameters else value()
    if not (isinstance(value, type) and issubclass(value, torch.nn.Module)):
        return value
    parameters = inspect.signature(value).parameters.values()
    missing = [it.name for it in parameters if it.default is it.empty and it.kind not in (it.VAR_POSITIONAL, it.VAR_KEYWORD)]
    if missing:
        message = f"the module class {name} needs arguments: {', '.join(missing)}"
        raise CalcError(message, hint="name a function without parameters that returns the module")
    return value()


def converted(value: Any, dtype: str | None, device: str) -> Any:
    """A copy of a tensor of floats or a module in a dtype, if one is given, and on a device other than the processor.

    Anything else is returned as it is.  Raises `CalcError` for a device that is missing or lacks the dtype.
    """
    if (dtype is None and device == "cpu") or not isinstance(value, torch.Tensor | torch.nn.Module):
        return value
    place = choose(device, dtype)[0].name if device != "cpu" else None
    if isinstance(value, torch.nn.Module):
        kind = None if dtype is None else getattr(torch, dtype)
        return copy.deepcopy(value).to(device=place, dtype=kind)
    kind = getattr(torch, dtype) if dtype is not None and value.is_floating_point() else value.dtype
    is_leaf = value.is_leaf and value.requires_grad
    result = value.detach().to(device=place or value.device, dtype=kind)
    return result.requires_grad_() if is_leaf else result


def set_seed(seed: int) -> None:
    """Seed PyTorch's random numbers, from which a module made anew has its parameters."""
    torch.manual_seed(seed)


@dataclass(frozen=True, slots=True)
class Description:
    """The dtypes and devices of a call as text, and the shapes of its arguments: None of one that is not a tensor."""

    dtype: str | None
    device: str | None
    shapes: tuple[tuple[int, ...] | None, ...]


def description(subject: Any, arguments: Sequence[Any]) -> Description:
    """What a function or module is called with; the parameters of a module count."""
    tensors = [it for it in arguments if isinstance(it, torch.Tensor)]
    tensors += subject.parameters() if isinstance(subject, torch.nn.Module) else ()
    floats = [it for it in tensors if it.is_floating_point()]
    dtypes = dict.fromkeys(str(it.dtype).removeprefix("torch.") for it in floats)
    devices = dict.fromkeys(str(it.device) for it in tensors)
    shapes = tuple(tuple(it.shape) if isinstance(it, torch.Tensor) else None for it in arguments)
    return Description(", ".join(dtypes) or None, ", ".join(devices) or None, shapes)


def custom_functions() -> Iterator[type]:
    """The classes of all custom Functions that are alive."""
    waiting: list[type] = [torch.autograd.Function]
    while waiting:
        subclasses: list[type] = waiting.pop().__subclasses__()
        waiting += subclasses
        yield from subclasses


def backward_of(name: str, subject: Any, module: str) -> Any:
    """The backward pass of a custom Function by its name; None where there are several of this name.

    `subject` counts first, if it is that Function, and then those of a module.
    """
    classes = [cls for cls in custom_functions() if cls.__name__ == name]
    chosen = [cls for cls in classes if cls is subject] or [cls for cls in classes if cls.__module__ == module] or classes
    return getattr(chosen[0], "backward", None) if len(chosen) == 1 else None
