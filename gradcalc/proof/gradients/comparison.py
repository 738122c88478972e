"""The gradient that a backward program computes against the derivative, entry by entry, in exact arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from flint import arb

from gradcalc.engines.autograd.operation import TensorView
from gradcalc.engines.taylor.reals import Real, ball
from gradcalc.proof.floats.formats import FORMATS
from gradcalc.proof.gradients.signature import signature
from gradcalc.proof.gradients.words import Outcome, Part

_SPARE_BITS = 64
_LARGEST_ROUNDING = 2.0**-11
"""The largest relative error that passes for rounding in any dtype: a factor that is off by a thousandth is a fault."""


def compared(
    name: str, truths: Sequence[Real], programs: Sequence[arb], source: TensorView, largest: arb, *, is_none: bool
) -> Part:
    """The outcome for the gradient by an input: the exact derivatives, and what the backward program means, by entry.

    Both are enclosures: where they do not overlap, the gradient is wrong, by at least the gap between them.  `largest` is
    the size of the largest derivative, by any input.
    """
    size, precision = len(truths), FORMATS[source.dtype].precision
    if all(program.overlaps(ball(truth)) for truth, program in zip(truths, programs, strict=True)):
        floor = negligible(largest, precision)
        if all(program.rel_accuracy_bits() >= precision or abs(program) <= floor for program in programs):
            return Part(name, Outcome.PROVEN, entries=size)
        return Part(name, Outcome.UNDECIDED, "the backward program could not be enclosed tightly enough", entries=size)
    error = _relative_error(truths, programs)
    how = "None is returned" if is_none else signature(truths, programs, source.shape)
    if error <= min(2.0**-precision, _LARGEST_ROUNDING):  # a constant that was rounded once differs as much
        why = f"{how}, by {error:.2g} of the largest entry, which is less than {source.dtype} shows"
        return Part(name, Outcome.BELOW_RESOLUTION, why, how, size, error)
    return Part(name, Outcome.WRONG, how, how, size, error)


def largest_of(numbers: Iterable[Real | None]) -> arb:
    """The size of the largest number of those that are known, at least."""
    return max((abs(ball(number)).lower() for number in numbers if number is not None), default=arb(0))


def negligible(largest: arb, precision: int) -> arb:
    """The size below which a derivative is 0 for a dtype: 64 bits below the last bit of the largest derivative.

    Derivatives that cancel to 0, as those by a bias before a normalization, are enclosed by a small ball only.
    """
    return largest * arb(2) ** -(precision + _SPARE_BITS)


def _relative_error(truths: Sequence[Real], programs: Sequence[arb]) -> float:
    """The largest difference, relative to the largest derivative."""
    gaps = (abs(program - ball(truth)) for truth, program in zip(truths, programs, strict=True))
    gap = max(gaps, key=lambda it: float(it.mid()))
    largest = max((abs(ball(truth)) for truth in truths), key=lambda it: float(it.mid()))
    return math.inf if largest.contains(0) else float((gap / largest).mid())
