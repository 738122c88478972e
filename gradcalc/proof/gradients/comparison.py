"""The gradient that a backward program computes against the derivative, entry by entry, in exact arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flint import arb

from gradcalc.engines.autograd.operation import TensorView
from gradcalc.engines.taylor.reals import Real, ball
from gradcalc.proof.floats.formats import FORMATS
from gradcalc.proof.gradients.signature import signature
from gradcalc.proof.gradients.words import Outcome, Part


def compared(name: str, truths: Sequence[Real], programs: Sequence[arb], source: TensorView, *, is_none: bool) -> Part:
    """The outcome for the gradient by an input: the exact derivatives, and what the backward program means, by entry.

    Both are enclosures: where they do not overlap, the gradient is wrong, by at least the gap between them.
    """
    size, precision = len(truths), FORMATS[source.dtype].precision
    if all(program.overlaps(ball(truth)) for truth, program in zip(truths, programs, strict=True)):
        if all(program.is_zero() or program.rel_accuracy_bits() >= precision for program in programs):
            return Part(name, Outcome.PROVEN, entries=size)
        return Part(name, Outcome.UNDECIDED, "the backward program could not be enclosed tightly enough", entries=size)
    error = _relative_error(truths, programs)
    how = "None is returned" if is_none else signature(truths, programs, source.shape)
    if error < 2.0 ** -(precision + 1):
        why = f"{how}, by {error:.2g} of the largest entry, which is less than {source.dtype} shows"
        return Part(name, Outcome.BELOW_RESOLUTION, why, how, size, error)
    return Part(name, Outcome.WRONG, how, how, size, error)


def _relative_error(truths: Sequence[Real], programs: Sequence[arb]) -> float:
    """The largest difference, relative to the largest derivative."""
    gaps = (abs(program - ball(truth)) for truth, program in zip(truths, programs, strict=True))
    gap = max(gaps, key=lambda it: float(it.mid()))
    largest = max((abs(ball(truth)) for truth in truths), key=lambda it: float(it.mid()))
    return math.inf if largest.contains(0) else float((gap / largest).mid())
