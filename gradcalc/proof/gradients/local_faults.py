"""Operations whose numbers are beyond the bounds of their kernels: each by itself, on the floats that it was given.

Comes in: a recorded function.  Goes out: its operations on floats that returned something else than they should have.  What
is proven of a gradient is a formula; this is where its floats are looked at, and where a wrong row would show.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcalc.engines.autograd.program import Record, RecordedProgram
from gradcalc.engines.autograd.recorded_function import RecordedFunction
from gradcalc.proof.floats.formats import FORMATS, Format
from gradcalc.proof.floats.local_error import LocalError, notable_errors


@dataclass(frozen=True, slots=True)
class LocalFault:
    """An operation beyond its bound: where it ran, and its largest error in ulps.

    It `is_far` where less than half of the digits of its largest result are right.
    """

    name: str
    line: str
    ulps: float
    is_far: bool


def local_faults(recorded: RecordedFunction) -> Iterator[LocalFault]:
    """The operations beyond their bounds, by formats and in order.  Raises `OutOfTime`."""
    operations = recorded.record.tensor_operations
    for form in FORMATS.values():
        own = [
            place
            for place, op in enumerate(operations)
            if all(view.size for view in (*op.operands, *op.results))
            and {view.dtype for view in op.results if view.is_float} == {form.name}
        ]
        if own:
            yield from _faults(recorded, form, own)


def _faults(recorded: RecordedFunction, form: Format, own: list[int]) -> Iterator[LocalFault]:
    chosen = [recorded.record.tensor_operations[place] for place in own]
    record = Record()
    record.tensor_operations = chosen
    program = RecordedProgram(record, literals=recorded.literals)
    errors: dict[int, LocalError] = {}
    for error in notable_errors(program, form, recorded.device).notable:
        place = bisect_right(record.starts, error.place) - 1
        if error.in_bound is False and not error.underflow and (place not in errors or error.ulps > errors[place].ulps):
            errors[place] = error
    for place, error in sorted(errors.items()):
        largest = max(float(np.abs(view.floats).max(initial=0.0)) for view in chosen[place].results if view.is_float)
        far = not error.error <= largest * float(form.half_of_digits)
        yield LocalFault(chosen[place].base, recorded.lines[own[place]], error.ulps, far)
