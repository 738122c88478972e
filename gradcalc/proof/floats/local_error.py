"""The local error of every operation: its float result against the exact operation on its float inputs.

Comes in: a `RecordedProgram`.  Goes out: for each operation its error in ulps, and whether that is within the
documented bound.

Source of the term: the local error of an operation f in Herbie is R[f(x)] - f(R[x]), with R the rounding.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from flint import arb

from gradcalc.engines.autograd.operation import Cell, Operation, base_name
from gradcalc.engines.autograd.program import RecordedProgram
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import nearest_float
from gradcalc.proof.floats import aten_reductions  # noqa: F401  its rows belong to the table
from gradcalc.proof.floats.arithmetic import Exact, Rounded
from gradcalc.proof.floats.aten_elementwise import (
    MEANINGS,
    VIEWS,
    UnknownOperation,
    is_structural,
)
from gradcalc.proof.floats.formats import Format, power_of_two
from gradcalc.proof.floats.replay import BITS, execute, same_float


@dataclass(frozen=True, slots=True)
class LocalError:
    """One operation by itself: its result in ulps from the exact operation on its float inputs.

    `in_bound` is None where no bound is documented.  `underflow` and `overflow`: the exact result is not a normal number.
    `flip`: a quotient was rounded to the next integer before its integer part was taken.
    """

    place: int
    name: str
    ulps: float
    in_bound: bool | None
    underflow: bool = False
    overflow: bool = False
    flip: bool = False


def local_errors(program: RecordedProgram, form: Format, device: str) -> list[LocalError]:
    """Every operation by itself, on the floats it was given.

    Operations on infinities, or on what is not a number, are passed over.  Raises `UnknownOperation`.
    """
    with reals.precision(BITS):
        places = enumerate(program.operations)
        errors = (_local_error(place, operation, form, device, program.literals) for place, operation in places)
        return [local for local in errors if local is not None]


def _local_error(
    place: int, operation: Operation, form: Format, device: str, literals: Collection[float]
) -> LocalError | None:
    base = base_name(operation.name)
    if base in VIEWS:
        return _copy_error(place, operation, form, device)
    if base not in MEANINGS or not operation.results:
        if base not in MEANINGS and not is_structural(base):
            raise UnknownOperation(operation.name)
        return None
    args = operation.args
    if base == "where" and isinstance(args[0], Cell):  # the other branch may be no number
        args = (args[1 if args[0].value else 2],)
    numbers = [arg.value for arg in args if isinstance(arg, Cell)]
    if any(number is None or (not isinstance(number, bool) and not math.isfinite(number)) for number in numbers):
        return None
    truth, room = Exact(literals), Rounded(form, device, literals)
    worst: LocalError | None = None
    exact_results = execute(operation, truth, lambda cell: truth.value(cell.value))
    if len(truth.roundings) == 1 and len(exact_results) == 1:  # most operations: no need to go through it again
        bounds = [room.within_bound(exact_results[0].ball, truth.roundings[0])]
    else:
        bounds = [value.ball for value in execute(operation, room, lambda cell: room.value(cell.value))]
    for result, right, enclosure in zip(operation.results, exact_results, bounds, strict=False):
        if result.value is None or isinstance(result.value, bool):
            continue
        local = _error_of(place, base, float(result.value), right.ball, enclosure, form, room.has_no_bound)
        if worst is None or local.ulps > worst.ulps or local.in_bound is False:
            worst = local
    if worst is not None and operation.options.get("rounding_mode") == "trunc" and worst.ulps >= 1:
        return replace(worst, flip=True)
    return worst


def _copy_error(place: int, operation: Operation, form: Format, device: str) -> LocalError | None:
    """A copy has the number of its source; in a narrower type it is judged as a rounding to the format of the run."""
    source = operation.args[1 if base_name(operation.name) == "copy" else 0]
    result = operation.results[0] if operation.results else None
    if not isinstance(source, Cell) or result is None or same_float(source.value, result.value):
        return None
    if isinstance(source.value, bool) or source.value is None or result.value is None or not math.isfinite(source.value):
        return None
    right = arb(source.value)
    enclosure = Rounded(form, device).widen(right, 0.5)
    return _error_of(place, base_name(operation.name), float(result.value), right, enclosure, form, has_no_bound=False)


def _error_of(
    place: int, name: str, number: float, right: arb, enclosure: arb, form: Format, has_no_bound: bool
) -> LocalError:
    if not right.is_finite():  # a pole of the operation: any non-finite float is an answer, nothing is judged
        return LocalError(place, name, 0.0, None, overflow=not math.isfinite(number))
    below = 0 < abs(right) < power_of_two(form.lowest)
    if not math.isfinite(number):
        largest = (2 - power_of_two(1 - form.precision)) * power_of_two(form.highest)
        beyond = not enclosure.is_finite() or not abs(enclosure).upper() < largest
        return LocalError(place, name, math.inf, None if has_no_bound else bool(beyond), overflow=True)
    ulps = nearest_float(abs(arb(number) - right) / form.ulp(right))
    if has_no_bound or not enclosure.is_finite():
        return LocalError(place, name, ulps, None, underflow=bool(below))
    in_bound = bool(enclosure.contains(arb(number)))
    return LocalError(place, name, ulps, in_bound, underflow=bool(below))
