"""The autograd witness: torch runs the expression and its backward pass.

Comes in: a tree, values for its variables, what to differentiate by, a dtype and a device.  Goes out: the numbers torch
returned, and the binary numbers it really received, read back from its tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from gradcalc.functions import TABLE
from gradcalc.syntax import Call, Name, Node, Number, fold, postorder
from gradcalc.witness import loading

with loading.quickly():
    import torch

    from gradcalc.witness.trace import AVAILABLE, Program, Recorder

By = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """What torch did with a question.

    `inputs` and `constants` are exact: the binary numbers in its tensors, by the names of variables and the texts of
    literals.  `value` and `partials` are what it returned.  `failure` says why there is none of them.
    """

    inputs: Mapping[str, Fraction] = field(default_factory=dict)
    constants: Mapping[str, Fraction] = field(default_factory=dict)
    value: float | None = None
    partials: Mapping[By, float] = field(default_factory=dict)
    failure: str | None = None
    unrepresentable: Mapping[str, str] = field(default_factory=dict)
    """What was typed and does not fit the dtype: "overflow" (torch received an infinity) or "underflow" (it received 0)."""
    program: Program | None = None
    """Every operation that ran, if it was recorded."""


Hook = Callable[[Node, torch.Tensor], torch.Tensor]
"""Sees every call's tensor as it is built, and may put another in its place."""


class Unavailable(Exception):
    """torch cannot differentiate this; the message says why."""


REFUSALS = (Unavailable, RuntimeError, NotImplementedError, ValueError)
"""What is raised for an expression that torch cannot differentiate; the last three by torch, for arguments it refuses."""


def run(
    tree: Node,
    values: Mapping[str, float],
    bys: Sequence[By],
    *,
    dtype: str,
    device: str,
    record: bool = False,
    hook: Hook | None = None,
) -> Run:
    """Evaluate a tree at a point and differentiate it by each sequence of variables.

    `record` asks for the program.  Never raises for what torch cannot do: that is a `failure`.
    """
    torch_type = getattr(torch, dtype)
    inputs = {
        name: torch.tensor(value, dtype=torch_type, device=device).requires_grad_(name in _moving(bys))
        for name, value in values.items()
    }
    constants = constants_of(tree, torch_type, device)
    received = {name: tensor.item() for name, tensor in inputs.items()}
    held = {text: tensor.item() for text, tensor in constants.items()}
    lost = {name: "overflow" for name, value in {**received, **held}.items() if not math.isfinite(value)}
    lost.update({name: "underflow" for name, value in received.items() if value == 0 != values[name]})
    lost.update({text: "underflow" for text, value in held.items() if value == 0 and _is_nonzero(text)})
    exact = {name: Fraction(value) for name, value in received.items() if math.isfinite(value)}
    literals = {text: Fraction(value) for text, value in held.items() if math.isfinite(value)}
    recorder = Recorder() if record and AVAILABLE else None
    try:
        with recorder.on() if recorder else nullcontext():
            result = build(tree, inputs, constants, held, hook)
            if recorder:
                recorder.program.forward = len(recorder.program.operations)
            gradients = differentiate(result, inputs, bys)
    except REFUSALS as error:
        return Run(exact, literals, failure=_first_line(error), unrepresentable=lost)
    if recorder:
        program, place = recorder.program, recorder.place
        program.inputs = {name: place(tensor) for name, tensor in inputs.items()}
        program.constants = {text: place(tensor) for text, tensor in constants.items()}
        program.value = place(result)
        program.literals = _literals(tree, held)
        # A gradient that torch knows to be zero is never written down.
        written = {by: gradient for by, gradient in gradients.items() if gradient is not None}
        program.partials = {by: place(gradient) for by, gradient in written.items() if not gradient._is_zerotensor()}
    partials = {by: 0.0 if gradient is None else gradient.item() for by, gradient in gradients.items()}
    recorded = recorder.program if recorder else None
    return Run(exact, literals, result.item(), partials, unrepresentable=lost, program=recorded)


def _is_nonzero(text: str) -> bool:
    return any(digit in "123456789" for digit in text.lower().partition("e")[0])


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _moving(bys: Sequence[By]) -> set[str]:
    return {name for by in bys for name in by}


def constants_of(tree: Node, dtype: torch.dtype, device: str) -> dict[str, torch.Tensor]:
    """A tensor for every literal and constant, by its text."""
    found: dict[str, torch.Tensor] = {}

    def keep(text: str, value: Callable[[], float]) -> None:
        if text not in found:
            try:
                number = value()
            except OverflowError:
                number = math.inf
            found[text] = torch.tensor(number, dtype=dtype, device=device)

    def leaf(node: Number | Name) -> None:
        if isinstance(node, Number):
            keep(node.text, lambda: float(node.value))

    def call(node: Call, _: list[None]) -> None:
        builder = TABLE[node.name].torch
        if not node.args and builder is not None:
            keep(node.name, lambda: builder(torch))

    fold(tree, leaf, call)
    return found


def build(
    tree: Node,
    inputs: Mapping[str, torch.Tensor],
    constants: Mapping[str, torch.Tensor],
    held: Mapping[str, float],
    hook: Hook | None = None,
) -> torch.Tensor:
    """The tensor of an expression: every call is the torch function of its own name.

    `held` are the numbers in `constants`, for the functions that take some of theirs as Python numbers.  Raises
    `Unavailable` for functions that torch cannot differentiate.
    """

    def leaf(node: Number | Name) -> torch.Tensor:
        return inputs[node.name] if isinstance(node, Name) else constants[node.text]

    def call(node: Call, args: list[torch.Tensor]) -> torch.Tensor:
        row = TABLE[node.name]
        if row.torch is None:
            raise Unavailable(f"torch has no derivative of {node.name}")
        if not node.args:
            return constants[node.name]
        operands: list[Any] = list(args)
        for place, number in _python_numbers(node, held).items():
            operands[place] = number
        result: torch.Tensor = row.torch(torch, *operands)
        return result if hook is None else hook(node, result)

    return fold(tree, leaf, call)


def _python_numbers(node: Call, held: Mapping[str, float]) -> dict[int, int | float]:
    """The literal arguments of a call that torch is given as Python numbers, by position."""
    found = {}
    for place in TABLE[node.name].python_numbers:
        number = _python_number(node.args[place], held)
        # `x ** 2` keeps its 2, as people write it; other exponents are tensors, because torch would form
        # `exponent - 1` in double precision, unseen by anyone.
        if number is not None and (node.name != "**" or isinstance(number, int)):
            found[place] = number
    return found


def _literals(tree: Node, held: Mapping[str, float]) -> frozenset[float]:
    calls = (node for node in postorder(tree) if isinstance(node, Call))
    return frozenset(float(number) for call in calls for number in _python_numbers(call, held).values())


def _python_number(node: Node, held: Mapping[str, float]) -> int | float | None:
    """The number of a literal as the dtype holds it; None for what is no literal."""
    if isinstance(node, Call) and node.name == "neg":
        inner = _python_number(node.args[0], held)
        return None if inner is None else -inner
    if not isinstance(node, Number):
        return None
    number = held[node.text]
    if node.value.denominator == 1:
        return int(number) if number == node.value else None
    return number


def differentiate(
    result: torch.Tensor, inputs: Mapping[str, torch.Tensor], bys: Sequence[By]
) -> dict[By, torch.Tensor | None]:
    """The partial derivatives of a scalar tensor; orders above one differentiate the gradient again.

    None stands for a result that does not depend on a variable: its derivative is 0.
    """
    order = max((len(by) for by in bys), default=0)
    known: dict[By, torch.Tensor | None] = {(): result}
    for length in range(1, order + 1):
        for prefix in dict.fromkeys(by[: length - 1] for by in bys if len(by) >= length):
            names = list(dict.fromkeys(by[length - 1] for by in bys if by[: length - 1] == prefix))
            above = known[prefix]
            if above is None or not above.requires_grad:
                gradients: Sequence[torch.Tensor | None] = [None] * len(names)
            else:
                gradients = torch.autograd.grad(
                    above,
                    [inputs[name] for name in names],
                    allow_unused=True,
                    create_graph=length < order,
                    retain_graph=True,
                )
            known.update({(*prefix, name): gradient for name, gradient in zip(names, gradients, strict=True)})
    return {by: known[by] for by in bys}
