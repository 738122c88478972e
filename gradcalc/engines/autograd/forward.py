"""The forward pass: an expression as tensors, each call the torch function of its own name.

Comes in: a tree, values for its variables, a dtype and a device.  Goes out: the tensors of its inputs, of its literals and
constants, and of its value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from gradcalc.expression.tree import Call, Name, Node, Number, calls_in, fold
from gradcalc.functions import TABLE
from gradcalc.functions.shapes import option_values
from gradcalc.runtime import torch_import

with torch_import.fast_import():
    import torch

Hook = Callable[[Node, torch.Tensor], torch.Tensor]
"""Called with every call and its tensor; the tensor that it returns takes its place."""


class Unavailable(Exception):
    """torch cannot differentiate this; the message says why."""


REFUSALS = (Unavailable, RuntimeError, NotImplementedError, ValueError, IndexError)
"""What is raised for an expression that torch cannot differentiate; the last four by torch, for arguments it refuses."""


def is_nonzero(text: str) -> bool:
    return any(digit in "123456789" for digit in text.lower().partition("e")[0])


def first_line(error: Exception) -> str:
    """The first line of an error of torch's; the others are for its developers."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def inputs_of(
    values: Mapping[str, Any], dtype: torch.dtype, device: str, variables: Collection[str]
) -> dict[str, torch.Tensor]:
    """A tensor for every variable, from its number or nested lists; autograd tracks those that are named."""
    return {
        name: torch.tensor(value, dtype=dtype, device=device, requires_grad=name in variables)
        for name, value in values.items()
    }


class Constants(NamedTuple):
    """A tensor for every literal and constant of an expression, by its text.

    `numbers` are the numbers in them, for the functions that take some of their arguments as Python numbers.
    """

    tensors: Mapping[str, torch.Tensor]
    numbers: Mapping[str, float]


def constants_of(tree: Node, dtype: torch.dtype, device: str) -> Constants:
    """The literals and constants of an expression, as tensors."""
    tensors: dict[str, torch.Tensor] = {}

    def keep(text: str, value: Callable[[], float]) -> None:
        if text not in tensors:
            try:
                number = value()
            except OverflowError:
                number = math.inf
            tensors[text] = torch.tensor(number, dtype=dtype, device=device)

    def leaf(node: Number | Name) -> None:
        if isinstance(node, Number):
            keep(node.text, lambda: float(node.value))

    def call(node: Call, _: list[None]) -> None:
        builder = TABLE[node.name].torch
        if not node.args and builder is not None:
            keep(node.name, lambda: builder(torch))

    fold(tree, leaf, call)
    return Constants(tensors, {text: tensor.item() for text, tensor in tensors.items()})


def build(tree: Node, inputs: Mapping[str, torch.Tensor], constants: Constants, hook: Hook | None = None) -> torch.Tensor:
    """The tensor of an expression: every call is the torch function of its own name.

    Raises `Unavailable` for functions that torch cannot differentiate.
    """

    def leaf(node: Number | Name) -> torch.Tensor:
        return inputs[node.name] if isinstance(node, Name) else constants.tensors[node.text]

    def call(node: Call, args: list[torch.Tensor]) -> torch.Tensor:
        result = apply(node, args, constants)
        return hook(node, result) if hook and node.args else result

    return fold(tree, leaf, call)


def apply(node: Call, args: Sequence[torch.Tensor], constants: Constants) -> torch.Tensor:
    """The tensor of one call, from those of its arguments.  Raises `Unavailable` as `build` does."""
    row = TABLE[node.name]
    if row.torch is None:
        raise Unavailable(f"PyTorch has no derivative of {node.name}")
    if not node.args:
        return constants.tensors[node.name]
    arguments: list[Any] = list(args)
    for place, number in _python_numbers(node, constants.numbers).items():
        arguments[place] = number
    result: torch.Tensor = row.torch(torch, *arguments, **option_values(node))
    return result


def _python_numbers(node: Call, numbers: Mapping[str, float]) -> dict[int, int | float]:
    """The literal arguments of a call that torch is given as Python numbers, by position."""
    literals = {}
    for place in TABLE[node.name].python_numbers:
        number = _python_number(node.args[place], numbers)
        # `x ** 2` keeps its 2, as people write it; other exponents are tensors, because torch would form
        # `exponent - 1` in double precision, and no record shows that.
        if number is not None and (node.name != "**" or isinstance(number, int)):
            literals[place] = number
    return literals


def python_literals(tree: Node, numbers: Mapping[str, float]) -> frozenset[float]:
    calls = calls_in(tree)
    return frozenset(float(number) for call in calls for number in _python_numbers(call, numbers).values())


def _python_number(node: Node, numbers: Mapping[str, float]) -> int | float | None:
    """The number of a literal as the dtype holds it; None for anything else."""
    if isinstance(node, Call) and node.name == "neg":
        inner = _python_number(node.args[0], numbers)
        return None if inner is None else -inner
    if not isinstance(node, Number):
        return None
    number = numbers[node.text]
    if node.value.denominator == 1:
        return int(number) if number == node.value else None
    return number
