"""First-order error analysis of a recorded program: which operation's rounding moves a result most.

Comes in: a `RecordedProgram`, and the local errors of its operations.  Goes out: the operation with the largest product of
adjoint and error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flint import arb

from gradcalc.engines.autograd.operation import NO_MEMORY, Cell, Operation, base_name
from gradcalc.engines.autograd.program import RecordedProgram
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import nearest_float
from gradcalc.proof.floats import aten_reductions  # noqa: F401  its rows belong to the table
from gradcalc.proof.floats.arithmetic import Exact, Value
from gradcalc.proof.floats.aten_elementwise import (
    VIEWS,
    is_structural,
)
from gradcalc.proof.floats.formats import power_of_two
from gradcalc.proof.floats.local_error import LocalError
from gradcalc.proof.floats.memory import Unknown
from gradcalc.proof.floats.replay import BITS, execute, replay


@dataclass(frozen=True, slots=True)
class LocalJacobian:
    """The partial derivatives of one operation, at the numbers of a run; `outputs` are its results by memory key."""

    outputs: Mapping[int, arb]
    slopes: Sequence[tuple[int, int, arb]]
    """Output key, input key, and the partial derivative of the one with respect to the other."""


_STEP_BITS = 64
"""Arguments are moved by 2**-64 of themselves: a quarter of the bits of the replay, so that the quotient has as many."""


def local_jacobians(program: RecordedProgram) -> list[LocalJacobian]:
    """Every operation of a program with its partial derivatives, by difference quotients at high precision."""
    jacobians: list[LocalJacobian] = []

    def observe(operation: Operation, results: Sequence[Value], field: Exact, cell: Any) -> None:
        if any(isinstance(value.ball, Unknown) for value in results):
            jacobians.append(LocalJacobian({}, ()))
            return
        pairs = list(zip((result.key for result in operation.results), results, strict=False))
        outputs = {key: value.ball for key, value in pairs if key != NO_MEMORY}
        slopes = []
        if not is_structural(base_name(operation.name)) or base_name(operation.name) in VIEWS:
            read = {arg.key: arg for arg in operation.args if isinstance(arg, Cell) and arg.key != NO_MEMORY}
            for key, arg in read.items():
                at = cell(arg).ball
                step = (abs(at) if not at.contains(0) else arb(1)) * power_of_two(-_STEP_BITS)

                def shift(reading: Cell, key: int = key, step: arb = step) -> Value:
                    number = cell(reading)
                    return Value(number.ball + step, field, number.float) if reading.key == key else number

                for (target, value), change in zip(pairs, execute(operation, field, shift), strict=False):
                    slope = (change.ball - value.ball) / step
                    if slope.is_finite():
                        slopes.append((target, key, slope.mid()))
        jacobians.append(LocalJacobian(outputs, slopes))

    with reals.precision(BITS):
        replay(program, observe=observe)
    return jacobians


def dominant_error(operations: Sequence[LocalJacobian], key: int, locals_: Sequence[LocalError]) -> LocalError | None:
    """The operation whose own rounding moves a result most: sensitivity times local error.

    The sensitivities of the result at `key` are its adjoints, found in one pass from the end.
    """
    errors = {local.place: local for local in locals_ if 0 < local.ulps < math.inf}
    worst: tuple[float, LocalError] | None = None
    with reals.precision(BITS):
        adjoints: dict[int, arb] = {key: arb(1)}
        for place in reversed(range(len(operations))):
            operation = operations[place]
            above = {target: adjoints.pop(target) for target in operation.outputs if target in adjoints}
            local = errors.get(place)
            if local is not None and above:
                total = sum((above[target] * operation.outputs[target] for target in above), arb(0))
                effect = nearest_float(abs(total) * local.ulps)
                if math.isfinite(effect) and effect > 0 and (worst is None or effect > worst[0]):
                    worst = effect, local
            for target, source, slope in operation.slopes:
                if target in above:
                    adjoints[source] = (adjoints.get(source, arb(0)) + above[target] * slope).mid()
    return None if worst is None else worst[1]
