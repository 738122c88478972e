"""Agreement of many partials at once, by their enclosures alone.

Comes in: floats, enclosures of the true derivatives and of what the program computes.  Goes out: which of them agree beyond
doubt, and how many digits all of them have as one vector.  What is not seen to agree here is judged by `verdict`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from flint import arb

from gradcalc.engines.taylor.reals import Real, agree, is_accurate
from gradcalc.proof.evidence import PRECISIONS
from gradcalc.proof.floats.formats import Format
from gradcalc.runtime import deadline

Enclosures = Sequence[arb | None]
"""What a program computes, number by number; None where that is not known."""


def agreeing(
    numbers: Sequence[float], truths: Sequence[Real | None], programs: Callable[[int], Enclosures], form: Format
) -> list[bool]:
    """Which programs compute the true derivative, as tightly as verdicts ask, with a float of at least half the digits.

    `programs` gives their enclosures at a precision; a second one is asked for where the first leaves some of them wide.
    """
    deadline.check()
    enough = form.half_of_digits
    first = programs(PRECISIONS[0])
    second: Enclosures | None = None
    agrees = []
    for place, (number, truth, program) in enumerate(zip(numbers, truths, first, strict=True)):
        is_same = truth is not None and program is not None and math.isfinite(number) and _overlap(program, truth)
        if is_same and program is not None and not is_accurate(program):
            second = programs(PRECISIONS[1]) if second is None else second
            program = _settled(program, second[place], form)
            is_same = program is not None and truth is not None and _overlap(program, truth)
        agrees.append(is_same and program is not None and bool(abs(arb(number) - program) <= abs(program) * enough))
    return agrees


def _overlap(program: arb, truth: Real) -> bool:
    return bool(program.overlaps(truth)) if isinstance(truth, arb) else agree(program, truth)


def _settled(first: arb, second: arb | None, form: Format) -> arb | None:
    """The enclosure at a higher precision, if it is tight, or as tight as doubles that torch computed itself leave it."""
    if second is None or is_accurate(second):
        return second
    bits = second.rel_accuracy_bits()
    return second if form.precision / 2 <= bits <= first.rel_accuracy_bits() else None


ZERO = arb(0)
"""What a program computes for a derivative by a variable that nothing depends on."""


class Norms:
    """The squares of the errors and of the derivatives of a vector, summed."""

    def __init__(self) -> None:
        self._error, self._size = arb(0), arb(0)

    def add(self, pairs: Iterable[tuple[float, Real]]) -> None:
        """Take floats and their true values into account."""
        for number, truth in pairs:
            middle = arb(truth).mid()
            gap = arb(number) - middle
            self._error, self._size = (self._error + gap * gap).mid(), (self._size + middle * middle).mid()

    def digits(self, form: Format) -> float:
        """How many digits of the whole are right; none where a number is not finite."""
        if not self._error.is_finite():
            return 0.0
        return form.digits_of(*(Decimal(square.str(20, radius=False)) for square in (self._error, self._size)))
