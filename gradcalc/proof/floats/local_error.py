"""The local error of every operation: its float result against the exact operation on its float inputs.

Comes in: a `RecordedProgram`.  Goes out: for each operation its error in ulps, and whether that is within the
documented bound.

Source of the term: the local error of an operation f in Herbie is R[f(x)] - f(R[x]), with R the rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flint import arb

from gradcalc.engines.autograd.operation import Cell, Operation, TensorOperation, base_name
from gradcalc.engines.autograd.program import RecordedProgram
from gradcalc.engines.autograd.scalarize_trace import count, is_another_view, scalar_operation, scalar_operations
from gradcalc.engines.taylor import reals
from gradcalc.proof.floats import aten_reductions  # noqa: F401  its rows belong to the table
from gradcalc.proof.floats.arithmetic import Exact, Rounded, Value
from gradcalc.proof.floats.aten_arguments import not_understood
from gradcalc.proof.floats.aten_elementwise import (
    MEANINGS,
    VIEWS,
    UnknownOperation,
)
from gradcalc.proof.floats.formats import Format, power_of_two
from gradcalc.proof.floats.memory import same_float
from gradcalc.proof.floats.replay import BITS, execute, is_large
from gradcalc.proof.floats.screening import screen
from gradcalc.proof.floats.vendor_bounds import is_documented
from gradcalc.runtime import deadline


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
    error: float = 0.0
    """The same as a number, where it is not within half an ulp."""


def local_errors(program: RecordedProgram, form: Format, device: str) -> list[LocalError]:
    """Every operation on numbers by itself, on the floats it was given.

    Operations on infinities, or on what is not a number, are passed over, and those without a meaning.
    """
    with reals.precision(BITS):
        judge = _Judge(form, device, program.literals)
        numbered = (pair for _, start, op in _with_a_meaning(program) for pair in enumerate(scalar_operations(op), start))
        errors = (judge.local_error(place, operation) for place, operation in numbered)
        return [local for local in errors if local is not None]


def _with_a_meaning(program: RecordedProgram) -> Iterator[tuple[int, int, TensorOperation]]:
    """The operations on tensors that may be judged, with their places, and those of their first operations on numbers."""
    start = 0
    for place, op in enumerate(program.tensor_operations):
        deadline.check()
        if not is_another_view(op) and not_understood(op) is None:
            yield place, start, op
        start += count(op)


@dataclass(frozen=True, slots=True)
class NotableErrors:
    """The operations of which there may be something to say, and the worst of all, by its ulps.

    `exact` has the exact results of operations on numbers, for their float inputs, by the place of the tensor operation.
    """

    notable: Sequence[LocalError]
    worst: LocalError | None
    exact: Mapping[int, Sequence[Value]]


def notable_errors(program: RecordedProgram, form: Format, device: str) -> NotableErrors:
    """The same, but of operations on arrays only those that are notable, and the worst."""
    notable: list[LocalError] = []
    worst: LocalError | None = None
    exact: dict[int, Sequence[Value]] = {}
    with reals.precision(BITS):
        judge = _Judge(form, device, program.literals)
        for place, start, op in _with_a_meaning(program):
            for local in _looked_at(judge, op, start, 0.0 if worst is None else worst.ulps):
                if local.in_bound is False or local.underflow or local.overflow or local.flip:
                    notable.append(local)
                if math.isfinite(local.ulps) and (worst is None or local.ulps > worst.ulps):
                    worst = local
            if op.is_scalar and judge.results:
                exact[place] = judge.results
    return NotableErrors(notable, worst, exact)


_NEARLY = 0.999
"""Errors in ulps that were measured in double precision are right to more digits than that."""


def _looked_at(judge: _Judge, op: TensorOperation, start: int, least: float) -> Iterator[LocalError]:
    """The local errors of an operation on tensors; of arrays those that need a closer look, and the largest over `least`."""
    judge.results = ()
    screening = screen(op, judge.form, judge.device, judge.literals) if is_large(op) else None
    if screening is None:
        numbered: Iterable[tuple[int, Operation]] = enumerate(scalar_operations(op))
    else:
        places = set(screening.suspects)
        if screening.ulps.max(initial=0.0) > least * _NEARLY:
            places.add(int(screening.ulps.argmax()))
        numbered = ((number, scalar_operation(op, number)) for number in sorted(places))
    for number, operation in numbered:
        local = judge.local_error(start + number, operation)
        if local is not None:
            yield local


class _Judge:
    """Judges operations on numbers.  `results` are the exact ones of the last, where no branch of it is in doubt."""

    def __init__(self, form: Format, device: str, literals: frozenset[float]):
        self.form, self.device, self.literals = form, device, literals
        self.results: Sequence[Value] = ()

    def local_error(self, place: int, operation: Operation) -> LocalError | None:
        """The local error of an operation that has a formula and numbers as arguments."""
        base = base_name(operation.name)
        self.results = ()
        if base in VIEWS:
            return _copy_error(place, operation, self.form, self.device)
        if base not in MEANINGS or not operation.results:
            return None
        args = operation.args
        if base == "where" and isinstance(args[0], Cell):  # the other branch may be no number
            args = (args[1 if args[0].value else 2],)
        for arg in args:
            if isinstance(arg, Cell) and (arg.value is None or not math.isfinite(arg.value)):
                return None
        truth = Exact(self.literals)
        try:
            results = execute(operation, truth, lambda cell: truth.value(cell.value))
        except UnknownOperation:  # in this form
            return None
        if not truth.flip and not truth.uncertain_integer:
            self.results = results
        worst = self._rounded_once(place, base, operation, truth, results) or self._worst(
            place, base, operation, truth, results
        )
        if worst is not None and operation.options.get("rounding_mode") == "trunc" and worst.ulps >= 1:
            return replace(worst, flip=True)
        return worst

    def _rounded_once(
        self, place: int, base: str, operation: Operation, truth: Exact, results: Sequence[Value]
    ) -> LocalError | None:
        """The error of one normal number within half an ulp, which all documented bounds allow; None for any other."""
        number = operation.results[0].value
        if len(results) != 1 or len(truth.roundings) != 1 or number is None or isinstance(number, bool):
            return None
        function, right, form = truth.roundings[0], results[0].ball, self.form
        if not math.isfinite(number) or (function is not None and not is_documented(function, self.device)):
            return None
        if not abs(right) >= power_of_two(form.lowest):
            return None
        error = abs(arb(number) - right) / form.ulp(right)
        return LocalError(place, base, float(error), True) if error <= _HALF else None

    def _worst(
        self, place: int, base: str, operation: Operation, truth: Exact, results: Sequence[Value]
    ) -> LocalError | None:
        """The largest error of the results of an operation, or one that is beyond its bound."""
        worst: LocalError | None = None
        room = Rounded(self.form, self.device, self.literals)
        if len(truth.roundings) == 1 and len(results) == 1:  # no need to go through it again
            bounds = [room.within_bound(results[0].ball, truth.roundings[0])]
        else:
            bounds = [value.ball for value in execute(operation, room, lambda cell: room.value(cell.value))]
        for result, right, enclosure in zip(operation.results, results, bounds, strict=False):
            if result.value is None or isinstance(result.value, bool):
                continue
            local = _error_of(place, base, float(result.value), right.ball, enclosure, self.form, room.has_no_bound)
            if worst is None or local.ulps > worst.ulps or local.in_bound is False:
                worst = local
        return worst


_HALF = arb(0.5)


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
        return LocalError(place, name, math.inf, None if has_no_bound else bool(beyond), overflow=True, error=math.inf)
    error = abs(arb(number) - right)
    ulps = float(error / form.ulp(right))
    in_bound = None if has_no_bound or not enclosure.is_finite() else bool(enclosure.contains(arb(number)))
    return LocalError(place, name, ulps, in_bound, underflow=bool(below), error=float(error))
