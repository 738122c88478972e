"""A recorded program, replayed in exact arithmetic.

Comes in: a `RecordedProgram` and the exact binary numbers torch received.  Goes out: enclosures of what the program would
return without rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from flint import arb

from gradcalc.engines.autograd.operation import NO_MEMORY, Cell, Operation, base_name
from gradcalc.engines.autograd.program import RecordedProgram
from gradcalc.engines.taylor.reals import exact
from gradcalc.proof.floats import aten_reductions  # noqa: F401  its rows belong to the table
from gradcalc.proof.floats.arithmetic import Exact, Value
from gradcalc.proof.floats.aten_elementwise import (
    COMPARISONS,
    CREATIONS,
    EMPTY,
    LOGIC,
    MEANINGS,
    VIEWS,
    WITHOUT_RESULT,
    UnknownOperation,
    arguments,
)
from gradcalc.runtime import deadline

BITS = 256


class Flip(NamedTuple):
    """A comparison that floats decided otherwise than exact numbers: its place in the program, and its name."""

    place: int
    name: str


@dataclass(frozen=True, slots=True)
class Replay:
    """A program in exact arithmetic: enclosures by memory key, and the first comparison that is decided otherwise.

    `uncertain_integer` is the first integer part that balls do not tell at this precision.  `floats` are the numbers that
    the machine wrote last under each key.
    """

    values: Mapping[int, arb]
    flip: Flip | None
    floats: Mapping[int, float | bool | None]
    uncertain_integer: Flip | None = None


Observer = Callable[[Operation, Sequence[Value], Exact, Any], None]


def replay(
    program: RecordedProgram,
    inputs: Mapping[int, Fraction],
    *,
    mathematical: bool = False,
    observe: Observer | None = None,
) -> Replay:
    """Run a program in balls from exact inputs, with the branches that the floats took, at the present precision.

    `mathematical` replaces torch's documented variants of functions by the functions themselves.  `observe` is called with
    every operation and its results, before they are stored.  Raises `UnknownOperation`.
    """
    field = Exact(program.literals, mathematical=mathematical)
    memory: dict[int, Value] = {key: Value(arb(exact(value)), field, float(value)) for key, value in inputs.items()}
    flip: Flip | None = None
    uncertain_integer: Flip | None = None

    def cell(reading: Cell) -> Value:
        stored = memory.get(reading.key)
        if isinstance(reading.value, bool):
            return stored if mathematical and stored is not None else field.value(reading.value)
        if stored is None:  # a number that was there before the recording began: a constant tensor of torch's own
            return field.value(math.nan if reading.value is None else reading.value)
        if stored.float is not None and not same_float(stored.float, reading.value):
            raise UnknownOperation("a write that was not recorded")
        return Value(stored.ball, field, reading.value)

    for place, operation in enumerate(program.operations):
        results = execute(operation, field, cell)
        if field.flip:
            flip, field.flip = flip or Flip(place, base_name(operation.name)), False
        if field.uncertain_integer:
            uncertain_integer, field.uncertain_integer = uncertain_integer or Flip(place, base_name(operation.name)), False
        if observe is not None:
            observe(operation, results, field, cell)
        for result, value in zip(operation.results, results, strict=False):
            if result.key != NO_MEMORY:
                number = value.float if mathematical and isinstance(result.value, bool) else result.value
                memory[result.key] = Value(value.ball, field, number)
    balls = {key: value.ball for key, value in memory.items()}
    return Replay(balls, flip, {key: value.float for key, value in memory.items()}, uncertain_integer)


def same_float(left: float | bool | None, right: float | bool | None) -> bool:
    """Whether two numbers of the machine's are the same; what is no number is like itself."""
    return left == right or (left != left and right != right)


def execute(operation: Operation, field: Exact, cell: Any) -> Sequence[Value]:
    """The exact results of one operation."""
    deadline.check()
    base = base_name(operation.name)
    if base in WITHOUT_RESULT or not operation.results:
        return ()
    results = [field.value(math.nan if result.value is None else result.value) for result in operation.results]
    if base in LOGIC or base in CREATIONS or base in EMPTY:
        return results
    if base in COMPARISONS:
        left, right = (
            cell(arg) if isinstance(arg, Cell) else field.limit(arg)  # type: ignore[arg-type]
            for arg in operation.args[:2]
        )
        answer = field.compare(left, right, base)
        return [field.value(answer)] if field.mathematical else results
    if base in VIEWS:
        source = operation.args[1] if base == "copy" else operation.args[0]
        return [cell(source)]
    meaning = MEANINGS.get(base)
    if meaning is None:
        raise UnknownOperation(operation.name)
    if operation.name.startswith("pow.Scalar"):
        base_number, exponent = operation.args
        return [field.power(field.scalar(base_number), cell(exponent))]  # type: ignore[arg-type]
    args, options = arguments(field, operation.args, operation.options, cell, operation.name)
    if "count" in operation.options:  # the backward pass of a mean
        args[0] = field.rounded_again(args[0] / operation.options["count"])
    result = meaning(field, *args, **options)
    return result if isinstance(result, tuple) else (result,)
