"""A recorded program, run again: exactly as a whole, and operation by operation against the vendor's bounds.

Comes in: a `Program` and the exact binary numbers torch received.  Goes out: enclosures of what the program would return
without rounding, and for every operation how far its float is from the exact operation on its float inputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

from flint import arb

from gradcalc.engines.autograd.program import NO_MEMORY, Cell, Operation, Program, base_name
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import exact, nearest_float
from gradcalc.proof.floats import aten_reductions  # noqa: F401  its rows belong to the table
from gradcalc.proof.floats.arithmetic import Exact, Rounded, Value
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
    is_structural,
)
from gradcalc.proof.floats.formats import Format, power_of_two
from gradcalc.runtime import deadline

_BITS = 256


class Flip(NamedTuple):
    """A comparison that floats decided otherwise than exact numbers: its place in the program, and its name."""

    place: int
    name: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a program means: enclosures by memory, and the first comparison that exact arithmetic decides otherwise.

    `unsure` is the first integer part that balls do not tell at this precision.  `floats` are the numbers that the machine
    wrote there last.
    """

    values: Mapping[int, arb]
    flipped: Flip | None
    floats: Mapping[int, float | bool | None]
    unsure: Flip | None = None


@dataclass(frozen=True, slots=True)
class Local:
    """One operation by itself: its result in ulps from the exact operation on its float inputs.

    `within` is None where no vendor gives a bound.  `underflowed` and `overflowed`: the exact result is no normal number.
    `flipped`: a quotient was rounded to the next integer before its integer part was taken.
    """

    place: int
    name: str
    ulps: float
    within: bool | None
    underflowed: bool = False
    overflowed: bool = False
    flipped: bool = False


Watch = Callable[[Operation, Sequence[Value], Exact, Any], None]


def replay(
    program: Program,
    inputs: Mapping[int, Fraction],
    *,
    ideal: bool = False,
    watch: Watch | None = None,
) -> Replayed:
    """Run a program in balls from exact inputs, with the branches that the floats took, at the present precision.

    `ideal` replaces torch's documented variants of functions by the functions themselves; `watch` is shown every operation
    with its results, before they are written.  Raises `UnknownOperation`.
    """
    field = Exact(program.literals, ideal=ideal)
    memory: dict[int, Value] = {key: Value(arb(exact(value)), field, float(value)) for key, value in inputs.items()}
    flipped: Flip | None = None
    unsure: Flip | None = None

    def cell(seen: Cell) -> Value:
        held = memory.get(seen.key)
        if isinstance(seen.value, bool):
            return held if ideal and held is not None else field.value(seen.value)
        if held is None:  # a number that was there before the recording began: a constant tensor of torch's own
            return field.value(math.nan if seen.value is None else seen.value)
        if held.float is not None and not same_float(held.float, seen.value):
            raise UnknownOperation("a write that was not recorded")
        return Value(held.ball, field, seen.value)

    for place, operation in enumerate(program.operations):
        results = _execute(operation, field, cell)
        if field.flipped:
            flipped, field.flipped = flipped or Flip(place, base_name(operation.name)), False
        if field.unsure:
            unsure, field.unsure = unsure or Flip(place, base_name(operation.name)), False
        if watch is not None:
            watch(operation, results, field, cell)
        for result, value in zip(operation.results, results, strict=False):
            if result.key != NO_MEMORY:
                number = value.float if ideal and isinstance(result.value, bool) else result.value
                memory[result.key] = Value(value.ball, field, number)
    balls = {key: value.ball for key, value in memory.items()}
    return Replayed(balls, flipped, {key: value.float for key, value in memory.items()}, unsure)


def same_float(left: float | bool | None, right: float | bool | None) -> bool:
    """Whether two numbers of the machine's are the same; what is no number is like itself."""
    return left == right or (left != left and right != right)


def _execute(operation: Operation, field: Exact, cell: Any) -> Sequence[Value]:
    """The exact results of one operation."""
    deadline.check()
    base = base_name(operation.name)
    if base in WITHOUT_RESULT or not operation.results:
        return ()
    recorded = [field.value(math.nan if result.value is None else result.value) for result in operation.results]
    if base in LOGIC or base in CREATIONS or base in EMPTY:
        return recorded
    if base in COMPARISONS:
        left, right = (
            cell(arg) if isinstance(arg, Cell) else field.limit(arg)  # type: ignore[arg-type]
            for arg in operation.args[:2]
        )
        answer = field.compare(left, right, base)
        return [field.value(answer)] if field.ideal else recorded
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
        args[0] = field.again(args[0] / operation.options["count"])
    result = meaning(field, *args, **options)
    return result if isinstance(result, tuple) else (result,)


def locally(program: Program, form: Format, device: str) -> list[Local]:
    """Every operation by itself, on the floats it was given.

    Operations on infinities, or on what is not a number, are passed over.  Raises `UnknownOperation`.
    """
    with reals.precision(_BITS):
        places = enumerate(program.operations)
        found = (_local(place, operation, form, device, program.literals) for place, operation in places)
        return [local for local in found if local is not None]


def feeding(program: Program, key: int | None) -> frozenset[int]:
    """The places of the operations on which the number at a place in memory may depend."""
    needed, found = {key}, set()
    for place in range(len(program.operations) - 1, -1, -1):
        operation = program.operations[place]
        # What has no result was read by torch itself.
        if operation.results and not any(cell.key in needed for cell in operation.results):
            continue
        found.add(place)
        if "_like." not in operation.name and not operation.name.startswith("new_"):  # those take no more than a shape
            seen = (*operation.args, *operation.options.values())
            needed.update(cell.key for cell in seen if isinstance(cell, Cell) and cell.key != NO_MEMORY)
    return frozenset(found)


def _local(place: int, operation: Operation, form: Format, device: str, literals: Collection[float]) -> Local | None:
    base = base_name(operation.name)
    if base in VIEWS:
        return _copied(place, operation, form, device)
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
    worst: Local | None = None
    exact_results = _execute(operation, truth, lambda seen: truth.value(seen.value))
    if len(truth.roundings) == 1 and len(exact_results) == 1:  # most operations: no need to go through it again
        bounded_balls = [room.within_bound(exact_results[0].ball, truth.roundings[0])]
    else:
        bounded_balls = [value.ball for value in _execute(operation, room, lambda seen: room.value(seen.value))]
    for result, right, bounded in zip(operation.results, exact_results, bounded_balls, strict=False):
        if result.value is None or isinstance(result.value, bool):
            continue
        local = _judged(place, base, float(result.value), right.ball, bounded, form, room.unbounded)
        if worst is None or local.ulps > worst.ulps or local.within is False:
            worst = local
    if worst is not None and operation.options.get("rounding_mode") == "trunc" and worst.ulps >= 1:
        return replace(worst, flipped=True)
    return worst


def _copied(place: int, operation: Operation, form: Format, device: str) -> Local | None:
    """A copy has the number of its source; in a narrower type it is judged as a rounding to the format of the run."""
    source = operation.args[1 if base_name(operation.name) == "copy" else 0]
    result = operation.results[0] if operation.results else None
    if not isinstance(source, Cell) or result is None or same_float(source.value, result.value):
        return None
    if isinstance(source.value, bool) or source.value is None or result.value is None or not math.isfinite(source.value):
        return None
    right = arb(source.value)
    bounded = Rounded(form, device).widened(right, 0.5)
    return _judged(place, base_name(operation.name), float(result.value), right, bounded, form, unbounded=False)


def _judged(place: int, name: str, number: float, right: arb, bounded: arb, form: Format, unbounded: bool) -> Local:
    if not right.is_finite():  # a pole of the operation: any non-finite float is an answer, nothing is judged
        return Local(place, name, 0.0, None, overflowed=not math.isfinite(number))
    below = 0 < abs(right) < power_of_two(form.lowest)
    if not math.isfinite(number):
        largest = (2 - power_of_two(1 - form.precision)) * power_of_two(form.highest)
        beyond = not bounded.is_finite() or not abs(bounded).upper() < largest
        return Local(place, name, math.inf, None if unbounded else bool(beyond), overflowed=True)
    ulps = nearest_float(abs(arb(number) - right) / form.ulp(right))
    if unbounded or not bounded.is_finite():
        return Local(place, name, ulps, None, underflowed=bool(below))
    within = bool(bounded.contains(arb(number)))
    return Local(place, name, ulps, within, underflowed=bool(below))


@dataclass(frozen=True, slots=True)
class Linear:
    """An operation near its numbers: what it wrote, and how much of each change of what it read goes on."""

    written: Mapping[int, arb]
    slopes: Sequence[tuple[int, int, arb]]
    """What was written, what was read, and the partial derivative of the one by the other."""


_NUDGE = 64
"""Arguments are moved by 2**-64 of themselves: a quarter of the bits of the replay, so that the quotient has as many."""


def linearised(program: Program, inputs: Mapping[int, Fraction]) -> list[Linear]:
    """Every operation of a program with its partial derivatives, by difference quotients at high precision."""
    found: list[Linear] = []

    def watch(operation: Operation, results: Sequence[Value], field: Exact, cell: Any) -> None:
        pairs = list(zip((result.key for result in operation.results), results, strict=False))
        written = {key: value.ball for key, value in pairs if key != NO_MEMORY}
        slopes = []
        if not is_structural(base_name(operation.name)) or base_name(operation.name) in VIEWS:
            read = {arg.key: arg for arg in operation.args if isinstance(arg, Cell) and arg.key != NO_MEMORY}
            for key, arg in read.items():
                at = cell(arg).ball
                step = (abs(at) if not at.contains(0) else arb(1)) * power_of_two(-_NUDGE)

                def nudged(seen: Cell, key: int = key, step: arb = step) -> Value:
                    held = cell(seen)
                    return Value(held.ball + step, field, held.float) if seen.key == key else held

                for (target, value), moved in zip(pairs, _execute(operation, field, nudged), strict=False):
                    slope = (moved.ball - value.ball) / step
                    if slope.is_finite():
                        slopes.append((target, key, slope.mid()))
        found.append(Linear(written, slopes))

    with reals.precision(_BITS):
        replay(program, inputs, watch=watch)
    return found


def culprit(operations: Sequence[Linear], key: int, locals_: Sequence[Local]) -> Local | None:
    """The operation whose own rounding moves a result most: sensitivity times local error.

    The sensitivities of the result at `key` are its adjoints, found in one pass from the end.
    """
    errors = {local.place: local for local in locals_ if 0 < local.ulps < math.inf}
    worst: tuple[float, Local] | None = None
    with reals.precision(_BITS):
        adjoints: dict[int, arb] = {key: arb(1)}
        for place in reversed(range(len(operations))):
            operation = operations[place]
            above = {target: adjoints.pop(target) for target in operation.written if target in adjoints}
            local = errors.get(place)
            if local is not None and above:
                moved = sum((above[target] * operation.written[target] for target in above), arb(0))
                effect = nearest_float(abs(moved) * local.ulps)
                if math.isfinite(effect) and effect > 0 and (worst is None or effect > worst[0]):
                    worst = effect, local
            for target, source, slope in operation.slopes:
                if target in above:
                    adjoints[source] = (adjoints.get(source, arb(0)) + above[target] * slope).mid()
    return None if worst is None else worst[1]
