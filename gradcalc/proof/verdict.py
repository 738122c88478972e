"""What may be said about a number that autograd returned for a partial derivative.

Comes in: the regularity of the expression at the typed and at the binary point, sympy's derivative as an enclosure, and
the float.  Goes out: a `Judgement` and the distance of the float from the truth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from gradcalc.proof.floats import Distance, Format, distance
from gradcalc.proof.regularity import NOT_DIFFERENTIABLE, UNDEFINED, Kind, Regularity
from gradcalc.report import Judgement, Verdict
from gradcalc.witness.balls import Real, agree, ball, decimal, exact, is_zero


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about one partial.

    `typed` and `binary` are the regularity at the typed point and at the point torch received; None where no enclosure
    was found within the limits.  `formula` is sympy's derivative at the binary point, None where it cannot be used.
    """

    typed: Regularity | None
    binary: Regularity | None
    formula: Real | None
    number: float | None
    failure: str | None
    form: Format
    unrepresentable: tuple[str, ...] = ()
    """What was typed and does not fit the format."""


def judge(evidence: Evidence) -> tuple[Judgement, Distance | None]:
    """The verdict: regularity first, then the formulas, then the number."""
    typed, binary = evidence.typed, evidence.binary
    for where, found in (("", typed), (" at the binary point", binary)):
        if found is not None and found.kind in UNDEFINED | NOT_DIFFERENTIABLE:
            return _singular(found, where, evidence.number), None
    if evidence.failure is not None:
        return Judgement(Verdict.UNDECIDED, f"there is nothing to compare with: {evidence.failure}", "no-autograd"), None
    if evidence.unrepresentable:
        lost = ", ".join(evidence.unrepresentable)
        return Judgement(
            Verdict.INACCURATE, f"{lost} does not fit {evidence.form.name}: torch received an infinity", "overflow"
        ), None
    if binary is None or binary.derivative is None or evidence.number is None:
        return Judgement(Verdict.UNDECIDED, "no proven value was found within the limits", "precision"), None
    # On a seam sympy's formula follows one side, or a convention of its own: it is no witness there.
    on_seam = binary.kind is Kind.SMOOTH
    if evidence.formula is not None and not on_seam and not agree(evidence.formula, binary.derivative):
        why = (
            f"sympy's derivative is {decimal(evidence.formula)} here, "
            f"Taylor arithmetic gives {decimal(binary.derivative)}: the symbolic side is wrong"
        )
        return Judgement(Verdict.DISAGREE, why, "formula", "symbolic"), None
    far = distance(evidence.number, binary.derivative, evidence.form)
    return compare(evidence.number, binary, far, evidence.form), far


def compare(number: float, binary: Regularity, far: Distance, form: Format) -> Judgement:
    """The last step: autograd's number against the proven derivative."""
    truth = binary.derivative
    assert truth is not None
    if binary.kind is Kind.SMOOTH and far.digits < form.digits / 2:
        why = (
            f"the derivative exists here and is {decimal(truth)}; autograd's program returns {number!r} ({_places(binary)})"
        )
        return Judgement(Verdict.ARTIFACT, why, "seam")
    counted = f"{far.digits:.1f} of {form.digits:.1f} digits"
    if not math.isfinite(number):
        return Judgement(Verdict.INACCURATE, f"a number on the way left the range of {form.name}", "overflow")
    if not is_zero(truth) and abs(ball(truth)) < exact(form.smallest_normal):
        return Judgement(
            Verdict.INACCURATE,
            f"the derivative is below the smallest normal {form.name}; {counted} survive",
            "underflow",
        )
    if far.digits < form.digits / 2:
        return Judgement(Verdict.INACCURATE, f"only {counted} survive", "cancellation")
    return Judgement(Verdict.AGREE, f"{counted} are right")


_CAUSES = {
    Kind.KINK: "the slopes on the two sides differ",
    Kind.JUMP: "the value jumps here",
    Kind.VERTICAL: "the slope is infinite here",
    Kind.OSCILLATION: "the slopes have no limit here",
    Kind.EDGE: "this is an end of the domain: one side is not real",
    Kind.POLE: "the expression has no value here",
    Kind.DOMAIN: "the expression has no real value here",
    Kind.REMOVABLE: "the expression has no value here, though both sides meet",
}


def _singular(found: Regularity, where: str, number: float | None) -> Judgement:
    verdict = Verdict.UNDEFINED if found.kind in UNDEFINED else Verdict.NOT_DIFFERENTIABLE
    why = f"{_CAUSES[found.kind]}{where}: {_places(found)}"
    if number is not None:
        why += f"; torch returns {number!r}{_convention(found, number)}"
    return Judgement(verdict, why, str(found.kind))


def _convention(found: Regularity, number: float) -> str:
    """Whether a number at a kink is one of the slopes between left and right."""
    if found.kind is not Kind.KINK or found.left is None or found.right is None:
        return " by convention" if found.kind in NOT_DIFFERENTIABLE and math.isfinite(number) else ""
    if not math.isfinite(number):
        return ", which is no slope at all"
    slope = ball(exact(Fraction(number)))
    gaps = [slope - ball(side) for side in (found.left, found.right) if not isinstance(side, float)]
    below, above = (any(not gap < 0 for gap in gaps), any(not gap > 0 for gap in gaps))
    return ", a slope between left and right, by convention" if below and above else ", which is not between left and right"


def _places(found: Regularity) -> str:
    named = list(dict.fromkeys(note.what for note in found.notes))
    return ", ".join(named[:3]) + (", ..." if len(named) > 3 else "") or "no place could be named"
