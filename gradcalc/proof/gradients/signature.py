"""How a gradient is wrong, in words: a factor, transposed, lost entries.

Comes in: the exact derivative and what the backward program computes, entry by entry.  Goes out: a short text.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from flint import arb

from gradcalc.engines.taylor.reals import Real, ball

_LARGEST = 64
"""The largest numerator and denominator of a factor that is written as a fraction."""
_NEARLY = 1e-6
"""A factor that is as near to 1 is told by its distance from it."""


def signature(truths: Sequence[Real], programs: Sequence[arb], shape: tuple[int, ...], of: str = "the derivative") -> str:
    """What distinguishes a gradient from the derivative, or numbers from others; both are known in every entry."""
    pairs = list(zip(map(ball, truths), programs, strict=True))
    if all(program.is_zero() for _, program in pairs):
        return "it is 0 in every entry"
    factor = _common_factor(pairs, of)
    if factor is not None:
        return factor
    if len(shape) == 2 and shape[0] == shape[1] and _is_transposed(truths, programs, shape):
        return "transposed"
    wrong = [place for place, (truth, program) in enumerate(pairs) if not truth.overlaps(program)]
    index = ",".join(str(int(at)) for at in np.unravel_index(wrong[0], shape)) if shape else ""
    truth, program = pairs[wrong[0]]
    first = f"[{index}]" if index else ""
    numbers = f"{_short(program)} for {_short(truth)}"
    if len(wrong) == len(pairs):
        return f"it differs in every entry: {numbers}" + (f" at {first}" if first else "")
    return f"it differs in {len(wrong)} of {len(pairs)} entries: {numbers} at {first}"


def _common_factor(pairs: Sequence[tuple[arb, arb]], of: str) -> str | None:
    """The factor that all entries have in common, in words."""
    sizes = [pair for pair in pairs if not pair[0].contains(0)]
    if not sizes or not all(program.contains(0) for truth, program in pairs if truth.contains(0)):
        return None
    ratios = [program / truth for truth, program in sizes]
    if not all(ratio.overlaps(ratios[0]) for ratio in ratios):
        return None
    ratio = ratios[0]
    if ratio.overlaps(arb(-1)):
        return "the sign is wrong"
    where = " in every entry" if len(pairs) > 1 else ""
    if abs(ratio - 1) < _NEARLY:
        rest = float((ratio - 1).mid())
        return f"1 {'+' if rest > 0 else '-'} {abs(rest):.3g} times {of}{where}"
    value = float(ratio.mid())
    guess = Fraction(value).limit_denominator(_LARGEST)
    if abs(guess.numerator) <= _LARGEST and ratio.overlaps(arb(guess.numerator) / guess.denominator):
        return f"{guess} of {of}{where}" if abs(guess) < 1 else f"{guess} times {of}{where}"
    return f"{value:.9g} times {of}{where}"


def _is_transposed(truths: Sequence[Real], programs: Sequence[arb], shape: tuple[int, ...]) -> bool:
    size = shape[0]
    return all(
        ball(truths[row * size + column]).overlaps(programs[column * size + row])
        for row in range(size)
        for column in range(size)
    )


def _short(value: arb) -> str:
    return str(value.mid().str(6, radius=False))
