"""Points without a derivative, and breakpoints, in words.

Comes in: a regularity and torch's number.  Goes out: a `Judgement`, or a part of a sentence.
"""

from __future__ import annotations

import math
from fractions import Fraction

from gradcalc.engines.taylor.jets import CONDITION
from gradcalc.engines.taylor.reals import ball, exact
from gradcalc.proof.floats.formats import Format
from gradcalc.proof.smoothness.differentiability import Regularity
from gradcalc.proof.smoothness.kinds import NOT_DIFFERENTIABLE, UNDEFINED, Kind
from gradcalc.report import Judgement, Verdict

_CAUSES = {
    Kind.KINK: "the one-sided derivatives differ",
    Kind.JUMP: "the value jumps here",
    Kind.VERTICAL: "vertical tangent",
    Kind.EDGE: "boundary of the domain: not real on every side",
    Kind.POLE: "no value here",
    Kind.DOMAIN: "no real value here",
    Kind.REMOVABLE: "no value here, but the one-sided limits agree",
}


def judge_singular(regularity: Regularity, where: str, number: float | None, form: Format) -> Judgement:
    """The verdict where there is no derivative."""
    verdict = Verdict.UNDEFINED if regularity.kind in UNDEFINED else Verdict.NOT_DIFFERENTIABLE
    why = f"{_CAUSES[regularity.kind]}{where}: {places_text(regularity)}"
    if not regularity.proven:
        why += f" ({NUMERICAL})"
    if number is not None:
        why += f"; PyTorch returns {number!r}{_convention(regularity, number, form)}"
    return Judgement(verdict, why, str(regularity.kind))


NUMERICAL = "to thousands of bits, which is not a proof"


def _convention(regularity: Regularity, number: float, form: Format) -> str:
    """What a number at a kink is beside the one-sided derivatives, which the dtype holds rounded."""
    left, right = regularity.left, regularity.right
    if regularity.kind is not Kind.KINK or left is None or right is None:
        return " by convention" if regularity.kind in NOT_DIFFERENTIABLE and math.isfinite(number) else ""
    if not math.isfinite(number):
        return ", which is not a valid subgradient"
    slope = ball(exact(Fraction(number)))
    for name, side in (("left", left), ("right", right)):
        if not isinstance(side, float) and not abs(slope - ball(side)) > form.ulp(side):
            return f", the {name} slope, by convention"
    gaps = [(slope - ball(side), form.ulp(side)) for side in (left, right) if not isinstance(side, float)]
    below, above = any(not gap < -ulp for gap, ulp in gaps), any(not gap > ulp for gap, ulp in gaps)
    return ", a value between the two by convention" if below and above else ", which is not between the two"


def breakpoint_text(regularity: Regularity) -> str:
    """What a program did wrong where the formula changes."""
    if any(note.what == CONDITION for note in regularity.notes):
        return f"it differentiates the branch that is taken at the point itself ({places_text(regularity)})"
    return f"subgradients chosen independently per operation ({places_text(regularity)})"


def places_text(regularity: Regularity) -> str:
    """The places that were met: the first three, or that there is none."""
    notes = sorted(regularity.notes, key=lambda note: (note.span.start, note.span.end, note.what))
    names = list(dict.fromkeys(note.what for note in notes))
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "") or "a value that is nearly zero"
