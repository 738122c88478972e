"""What may be said about a number that autograd returned for a partial derivative.

Comes in: everything that is known about it (`Evidence`).  Goes out: a `Judgement`, the distance of the float from the
truth, and the proof as plain data.

The order of the steps is the order of the law: whether there is a derivative at all; whether the formulas are the same, in
exact arithmetic and without any tolerance; whether every operation kept its vendor's bound; and only then how many digits
of the number survived, and which operation lost the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb, ctx

from gradcalc.proof.floats import Distance, Format, distance
from gradcalc.proof.regularity import NOT_DIFFERENTIABLE, UNDEFINED, Kind, Regularity
from gradcalc.proof.replay import Linear, Local, Replayed, culprit, feeding, linearised, locally, replay, same_float
from gradcalc.proof.semantics import BRANCHES, UnknownOperation
from gradcalc.report import Judgement, Verdict
from gradcalc.witness.autograd import By, Run
from gradcalc.witness.balls import PROVEN_BITS, Real, agree, ball, decimal, exact, is_negligible
from gradcalc.witness.program import base_name
from gradcalc.witness.taylor import CONDITION

_PRECISIONS = (256, 1024, 4096, 16384)
_SHOWN = 20


class Traced:
    """A recorded run: its program replayed once for all partials.

    `unknown` names an operation without semantics; then nothing can be proven about the run.
    """

    def __init__(self, run: Run, form: Format, device: str):
        assert run.program is not None
        self.program = run.program
        self.form, self.device = form, device
        constants = {self.program.constants[text]: value for text, value in run.constants.items()}
        self.inputs = {**{self.program.inputs[name]: value for name, value in run.inputs.items()}, **constants}
        self.unknown: str | None = None
        self.locals: Sequence[Local] = ()
        self._replayed: dict[tuple[int, bool], Replayed] = {}
        self._linear: Sequence[Linear] | None = None
        self._feeding: dict[int | None, Sequence[Local]] = {}
        self.notable: Sequence[Local] = ()
        """The operations by themselves of which there may be something to say."""
        self.worst: Local | None = None
        try:
            self.locals = locally(self.program, form, device)
            self.notable = [it for it in self.locals if it.within is False or it.underflowed or it.overflowed or it.flipped]
            finite = (local for local in self.locals if math.isfinite(local.ulps))
            self.worst = max(finite, key=lambda local: local.ulps, default=None)
            self.replayed(_PRECISIONS[0])
        except UnknownOperation as operation:
            self.unknown = str(operation)

    def entry(self, run: Run) -> Traced:
        """What is known of the same program, for another entry of its value."""
        assert run.program is not None
        other = copy(self)
        other.program = run.program
        return other

    def replayed(self, bits: int, *, ideal: bool = False) -> Replayed:
        """The program in exact arithmetic, at a precision."""
        if (bits, ideal) not in self._replayed:
            with ctx.workprec(bits):
                self._replayed[bits, ideal] = replay(self.program, self.inputs, ideal=ideal)
        return self._replayed[bits, ideal]

    def enclosed(self, key: int | None, truth: Real, *, ideal: bool = False) -> tuple[arb | None, int]:
        """What the program would leave at a place without rounding, and the bits it took; None where that is no number.

        The precision grows until the enclosure is tight, or apart from the truth, or grows no tighter: doubles that torch
        computed itself are known to 53 bits only.
        """
        if key is None:  # the result does not depend on the variable
            return arb(0), _PRECISIONS[0]
        found, accuracy = None, -1
        for bits in _PRECISIONS:
            found = self.replayed(bits, ideal=ideal).values[key]
            if found.is_finite():
                if found.is_zero() or not agree(found, truth) or found.rel_accuracy_bits() >= PROVEN_BITS:
                    return found, bits
                if 0 < found.rel_accuracy_bits() <= accuracy:
                    return found, bits
                accuracy = found.rel_accuracy_bits()
        return (found if found is not None and found.is_finite() else None), _PRECISIONS[-1]

    def linearised(self) -> Sequence[Linear]:
        """Every operation with its partial derivatives; found once, for all partials."""
        if self._linear is None:
            self._linear = linearised(self.program, self.inputs)
        return self._linear

    def flipped(self) -> str | None:
        """The first comparison that exact arithmetic decides otherwise; it may take many bits to see."""
        return next(filter(None, (self.replayed(bits).flipped for bits in _PRECISIONS)), None)

    def feeding(self, key: int | None) -> Sequence[Local]:
        """The operations on which the number at a place may depend."""
        if key not in self._feeding:
            places = feeding(self.program, key)
            self._feeding[key] = [local for local in self.locals if local.place in places]
        return self._feeding[key]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about one partial.

    `typed` and `binary` are the regularity at the typed point and at the point torch received; None where no enclosure
    was found within the limits.  `formula` is sympy's derivative at the binary point, None where it cannot be used.
    `traced` is None where torch gave nothing to look at; `bound` then holds the numbers that rounding can explain, as far
    as they are known.  `documented` says what torch documents about functions in the expression that it defines
    differently.
    """

    by: By
    typed: Regularity | None
    binary: Regularity | None
    formula: Real | None
    number: float | None
    form: Format
    failure: str | None = None
    unrepresentable: Mapping[str, str] = field(default_factory=dict)
    traced: Traced | None = None
    documented: tuple[str, ...] = ()
    bound: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The judgement with its measure and its proof."""

    judgement: Judgement
    far: Distance | None = None
    proof: Mapping[str, object] = field(default_factory=dict)


def judge(evidence: Evidence) -> Finding:
    """The verdict on one partial."""
    for where, found in (("", evidence.typed), (" at the binary point", evidence.binary)):
        if found is not None and found.kind in UNDEFINED | NOT_DIFFERENTIABLE:
            return Finding(_singular(found, where, evidence.number))
    early = _nothing_to_judge(evidence)
    if early is not None:
        return Finding(early)
    assert evidence.binary is not None
    assert evidence.number is not None
    truth = evidence.binary.derivative
    assert truth is not None
    proof: dict[str, object] = {}
    far = distance(evidence.number, truth, evidence.form)
    judgement = _formulas(evidence, evidence.binary, truth, proof) or _kernels(evidence, proof)
    if judgement is None and evidence.traced is None:
        judgement = _unrecorded(evidence, evidence.binary, truth, far, proof)
    if judgement is None:
        judgement = _number(evidence, truth, far)
    return Finding(judgement, far, proof)


def _nothing_to_judge(evidence: Evidence) -> Judgement | None:
    for where, regularity in (("", evidence.typed), (" at the binary point", evidence.binary)):
        if regularity is not None and regularity.kind is Kind.UNKNOWN:
            why = f"what the expression does beside this point is not known{where} ({regularity.why}): {_places(regularity)}"
            return Judgement(Verdict.UNDECIDED, why, "no-series")
    if evidence.failure is not None:
        return Judgement(Verdict.UNDECIDED, f"there is nothing to compare with: {evidence.failure}", "no-autograd")
    if evidence.unrepresentable:
        name, cause = next(iter(evidence.unrepresentable.items()))
        instead = "an infinity" if cause == "overflow" else "0"
        why = f"{name} is out of the range of {evidence.form.name}: torch received {instead}"
        return Judgement(Verdict.INACCURATE, why, cause)
    if evidence.binary is None or evidence.binary.derivative is None or evidence.number is None:
        return Judgement(Verdict.UNDECIDED, "no proven value was found within the limits of precision", "precision")
    return None


# ---------------------------------------------------------------------------------------------------------- formulas


def _formulas(evidence: Evidence, binary: Regularity, truth: Real, proof: dict[str, object]) -> Judgement | None:
    """The formulas against each other; None if they are proven to be the same at this point."""
    formula = evidence.formula
    # On a seam sympy's formula follows one side, or a convention of its own: it is no witness there.
    if binary.kind is Kind.SMOOTH:
        formula = None
    proof["taylor"] = _enclosure(truth)
    proof["formula"] = None if formula is None else _enclosure(formula)
    traced = evidence.traced
    if traced is None:
        if formula is not None and not agree(formula, truth):
            return _symbolic_side(formula, truth)
        return None
    if traced.unknown is not None:
        why = f"torch ran an operation whose meaning is not known here: {traced.unknown}"
        return Judgement(Verdict.UNDECIDED, why, "unknown-operation")
    key = traced.program.partials.get(evidence.by)
    if key is not None and not same_float(traced.replayed(_PRECISIONS[0]).floats[key], evidence.number):
        why = "the gradient was written over by something that was not recorded"
        return Judgement(Verdict.UNDECIDED, why, "unknown-operation")
    program, bits = traced.enclosed(key, truth)
    proof.update(replay=None if program is None else _enclosure(program), bits=bits)
    proof["operations"] = len(traced.program.operations)
    if formula is not None and not agree(formula, truth):
        if program is not None and agree(program, formula) and not agree(program, truth):
            why = "sympy and torch's program agree with each other, and not with Taylor arithmetic: please report this"
            return Judgement(Verdict.UNDECIDED, why, "witnesses")
        return _symbolic_side(formula, truth)
    if program is None and evidence.number is not None and math.isfinite(evidence.number):
        why = f"torch returns {evidence.number!r} where its program has no value in exact arithmetic"
        return Judgement(Verdict.UNDECIDED, f"{why}; the derivative is {decimal(truth)}", "unknown-operation")
    if program is None:
        forward = traced.program.operations[: traced.program.forward]
        branches = any(base_name(operation.name) in BRANCHES for operation in forward)
        what = "program divides by zero on a branch that is not taken" if branches else "chain rule multiplies 0 by infinity"
        why = f"autograd's {what}; the derivative is {decimal(truth)}, torch returns {evidence.number!r}"
        return Judgement(Verdict.ARTIFACT, why, "nan-trap")
    if not agree(program, truth):
        return _apart(evidence, binary, truth, program)
    value = _value_apart(evidence, binary)
    if value is not None:
        return value
    least = exact(evidence.form.smallest_normal)
    both_vanish = is_negligible(truth) and is_negligible(program)
    both_sink = abs(ball(truth)) < least and abs(program) < least
    if not (both_vanish or both_sink) and program.rel_accuracy_bits() < evidence.form.precision / 2:
        return Judgement(Verdict.UNDECIDED, "torch's program could not be enclosed tightly enough", "precision")
    return None


def _apart(evidence: Evidence, binary: Regularity, truth: Real, program: arb) -> Judgement:
    """Why torch's program computes another number than the derivative."""
    traced = evidence.traced
    assert traced is not None
    flipped = traced.flipped()
    if binary.kind is Kind.SMOOTH:
        why = f"the derivative exists here and is {decimal(truth)}; autograd's program computes {_short(program)}"
        return Judgement(Verdict.ARTIFACT, f"{why}: {_on_a_seam(binary)}", "seam")
    if flipped is not None:
        why = f"floats go another way than exact numbers ({flipped}): the branch taken has the derivative {_short(program)}"
        return Judgement(Verdict.INACCURATE, f"{why}, the true one is {decimal(truth)}", "branch-flip")
    ideal, _ = traced.enclosed(traced.program.partials.get(evidence.by), truth, ideal=True)
    if evidence.documented and ideal is not None and agree(ideal, truth):
        said = "; ".join(evidence.documented)
        why = f"{said}: its derivative is {_short(program)}, that of the expression {_beside(truth, program)}"
        return Judgement(Verdict.DIFFERENT_FUNCTION, why, "documented")
    why = f"the program torch ran has the derivative {_short(program)}, the expression has {_beside(truth, program)}"
    return Judgement(Verdict.DISAGREE, why, "formula", "autograd")


def _value_apart(evidence: Evidence, binary: Regularity) -> Judgement | None:
    """A gradient of something that is not the expression means nothing, even if it is right."""
    traced = evidence.traced
    assert traced is not None
    if binary.value is None:
        return None
    value, _ = traced.enclosed(traced.program.value, binary.value)
    if value is None:
        why = f"the program torch ran has no value here, though the expression has: {decimal(binary.value)}"
        return Judgement(Verdict.ARTIFACT, why, "value")
    if agree(value, binary.value):
        return None
    flipped = traced.flipped()
    if flipped is not None:
        why = f"floats go another way than exact numbers ({flipped}): the value is another one, though the derivative is not"
        return Judgement(Verdict.INACCURATE, why, "branch-flip")
    ideal, _ = traced.enclosed(traced.program.value, binary.value, ideal=True)
    if evidence.documented and ideal is not None and agree(ideal, binary.value):
        return Judgement(Verdict.DIFFERENT_FUNCTION, "; ".join(evidence.documented), "documented")
    why = f"the program torch ran has the value {_short(value)}, the expression has {_beside(binary.value, value)}"
    return Judgement(Verdict.DISAGREE, why, "value", "autograd")


def _symbolic_side(formula: Real, truth: Real) -> Judgement:
    why = f"sympy's derivative is {decimal(formula)} here, Taylor arithmetic gives {_beside(truth, formula)}"
    return Judgement(Verdict.DISAGREE, f"{why}: the symbolic side is wrong", "formula", "symbolic")


# ------------------------------------------------------------------------------------------------- without a program


def _unrecorded(
    evidence: Evidence, binary: Regularity, truth: Real, far: Distance, proof: dict[str, object]
) -> Judgement | None:
    """The number alone, where torch's program could not be recorded; None if rounding explains it."""
    number, bound = evidence.number, evidence.bound
    assert number is not None
    proof["bound"] = bound
    if far.digits >= evidence.form.digits / 2:
        return None if bound is None or bound[0] <= number <= bound[1] else _outside(evidence, truth)
    if math.isnan(number):
        why = f"torch returns nan for {decimal(truth)}, and the program that made it was not recorded"
        return Judgement(Verdict.UNDECIDED, why, "unknown-operation")
    if binary.kind is Kind.SMOOTH:
        why = f"the derivative exists here and is {decimal(truth)}; torch returns {number!r}"
        return Judgement(Verdict.ARTIFACT, f"{why}: {_on_a_seam(binary)}", "seam")
    if bound is not None and math.isfinite(number) and not bound[0] <= number <= bound[1]:
        return _outside(evidence, truth)
    if bound is None and math.isfinite(number):
        why = f"torch returns {number!r} for {decimal(truth)}; what rounding can do is not known without a record"
        return Judgement(Verdict.UNDECIDED, why, "unknown-operation")
    return None


def _outside(evidence: Evidence, truth: Real) -> Judgement:
    if evidence.documented:
        why = f"{'; '.join(evidence.documented)}: {evidence.number!r}, and {decimal(truth)} for the expression"
        return Judgement(Verdict.DIFFERENT_FUNCTION, why, "documented")
    why = f"torch returns {evidence.number!r}, further from {decimal(truth)} than rounding can explain"
    return Judgement(Verdict.DISAGREE, why, "bound", "autograd")


# ----------------------------------------------------------------------------------------------------------- kernels


def _kernels(evidence: Evidence, proof: dict[str, object]) -> Judgement | None:
    """Every operation that the partial or the value depends on within its vendor's bound?  None if so."""
    traced = evidence.traced
    if traced is None:
        return None
    worst = traced.worst
    proof["worst_kernel"] = None if worst is None else {"operation": worst.name, "ulps": float(f"{worst.ulps:.3g}")}
    for local in traced.notable:
        if local.within is not False:
            continue
        why = f"torch's {local.name} is off by {local.ulps:.3g} ulp, more than its vendor allows"
        if local in traced.feeding(traced.program.partials.get(evidence.by)):
            return Judgement(Verdict.DISAGREE, why, "kernel", "kernel")
        if local in traced.feeding(traced.program.value):
            why += ": that makes the value wrong, the derivative does not depend on it"
            return Judgement(Verdict.DISAGREE, why, "kernel", "kernel")
    return None


# ------------------------------------------------------------------------------------------------------- the number


def _number(evidence: Evidence, truth: Real, far: Distance) -> Judgement:
    """The formulas are the same: how much of the number survived its rounding?"""
    form, number = evidence.form, evidence.number
    assert number is not None
    counted = f"{far.digits:.1f} of {form.digits:.1f} digits"
    enough = far.digits >= form.digits / 2
    overflowed = _first(evidence, "overflowed")
    if not math.isfinite(number) or (overflowed is not None and not enough):
        name = "a number" if overflowed is None else overflowed.name
        why = f"{name} left the range of {form.name} on the way; the derivative is {decimal(truth)}"
        return Judgement(Verdict.INACCURATE, why, "overflow")
    if not is_negligible(truth) and abs(ball(truth)) < exact(form.smallest_normal):
        why = f"the derivative is below the smallest normal {form.name}; {counted} survive"
        return Judgement(Verdict.INACCURATE, why, "underflow")
    if enough and evidence.traced is None:
        why = f"{counted} are right; torch's program was not recorded, so its formula is not proven"
        return Judgement(Verdict.AGREE, why)
    if enough:
        return Judgement(Verdict.AGREE, f"the formulas are proven equal here; {counted} are right")
    sunk = _first(evidence, "underflowed")
    if sunk is not None:
        why = f"{sunk.name} fell below the smallest normal {form.name}; only {counted} survive"
        return Judgement(Verdict.INACCURATE, why, "underflow")
    flipped = _first(evidence, "flipped")
    if flipped is not None:
        why = (
            f"{flipped.name} rounded a quotient to the next integer before it took the integer part; only {counted} survive"
        )
        return Judgement(Verdict.INACCURATE, why, "branch-flip")
    if evidence.traced is None:
        return Judgement(Verdict.INACCURATE, f"only {counted} survive, which rounding can explain", "cancellation")
    why = f"the formulas are equal, but only {counted} survive{_guilty(evidence)}"
    return Judgement(Verdict.INACCURATE, why, "cancellation")


def _first(evidence: Evidence, what: str) -> Local | None:
    traced = evidence.traced
    if traced is None:
        return None
    found = [local for local in traced.notable if getattr(local, what)]
    mine = traced.feeding(traced.program.partials.get(evidence.by)) if found else ()
    return next((local for local in found if local in mine), None)


def _guilty(evidence: Evidence) -> str:
    """The operation whose rounding cost most, in words."""
    traced = evidence.traced
    key = None if traced is None else traced.program.partials.get(evidence.by)
    if traced is None or key is None:
        return ""
    found = culprit(traced.linearised(), key, traced.feeding(key))
    if found is None:
        return ""
    where = "forward" if found.place < traced.program.forward else "backward"
    return f": the rounding of {found.name} in the {where} pass is blown up by what follows"


# ----------------------------------------------------------------------------------------------------- singularities

_CAUSES = {
    Kind.KINK: "the slopes on the two sides differ",
    Kind.JUMP: "the value jumps here",
    Kind.VERTICAL: "the slope is infinite here",
    Kind.EDGE: "this is an end of the domain: the expression is not real on all sides",
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
    below, above = any(not gap < 0 for gap in gaps), any(not gap > 0 for gap in gaps)
    return ", a slope between left and right, by convention" if below and above else ", which is not between left and right"


def _on_a_seam(found: Regularity) -> str:
    """What a program did wrong where the formula changes."""
    if any(note.what == CONDITION for note in found.notes):
        return f"it follows the branch that is taken at the point itself ({_places(found)})"
    return f"subgradients chosen one by one ({_places(found)})"


def _places(found: Regularity) -> str:
    named = list(dict.fromkeys(note.what for note in found.notes))
    return ", ".join(named[:3]) + (", ..." if len(named) > 3 else "") or "no place could be named"


def _beside(value: Real, other: Real) -> str:
    """A number that was proven to be another than one that stands beside it, even if both look the same."""
    shown = decimal(value)
    texts = [text.rstrip("0").rstrip(".") if "." in text else text for text in (shown, _short(other))]
    return f"{shown}, which is {decimal(abs(ball(value - other)), 3)} away" if texts[0] == texts[1] else shown


def _short(value: Real) -> str:
    return decimal(value, _SHOWN)


def _enclosure(value: Real) -> str:
    """A ball as text: its middle and its radius."""
    return str(ball(value).str(30))
