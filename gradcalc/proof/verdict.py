"""What may be said about a number that autograd returned for a partial derivative.

Comes in: everything that is known about it (`Evidence`).  Goes out: a `Judgement`, the distance of the float from the
truth, and the proof as plain data.

The order of the steps is the order of the law: whether there is a derivative at all; whether the number is finite; whether
the formulas are the same, in exact arithmetic and without any tolerance; whether every operation is within its documented
bound; and only then how many digits of the number survived, and which operation lost the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flint import arb

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import Real, agree, ball, decimal, exact, is_negligible
from gradcalc.proof.breakpoint_report import breakpoint_text, judge_singular, places_text
from gradcalc.proof.evidence import PRECISIONS, Evidence
from gradcalc.proof.float_report import digits_text, is_enough, judge_digits, judge_not_finite, underflow_before
from gradcalc.proof.floats.formats import FloatError, Format, float_error
from gradcalc.proof.floats.memory import same_float
from gradcalc.proof.smoothness.differentiability import Regularity
from gradcalc.proof.smoothness.kinds import NOT_DIFFERENTIABLE, UNDEFINED, Kind
from gradcalc.report import Judgement, Verdict

_SHOWN = 20
_OTHER_BRANCH = "floating-point evaluation takes another branch than exact evaluation"


@dataclass(frozen=True, slots=True)
class Finding:
    """The judgement with its measure and its proof."""

    judgement: Judgement
    error: FloatError | None = None
    proof: Mapping[str, object] = field(default_factory=dict)


def judge(evidence: Evidence) -> Finding:
    """The verdict on one partial."""
    early = _without_derivative(evidence) or _nothing_to_judge(evidence)
    if early is not None:
        return Finding(early)
    assert evidence.at_rounded_point is not None
    assert evidence.number is not None
    truth = evidence.at_rounded_point.derivative
    assert truth is not None
    proof: dict[str, object] = {}
    error = float_error(evidence.number, truth, evidence.form)
    judgement = (
        _formulas(evidence, evidence.at_rounded_point, truth, proof)
        or judge_value(evidence, evidence.at_rounded_point)
        or _kernels(evidence, proof)
        or (_by_rounding_bound(evidence, evidence.at_rounded_point, truth, error, proof) if evidence.trace is None else None)
        or judge_digits(evidence, truth, error)
    )
    return Finding(_with_notes(evidence, judgement, proof), error, proof)


def _without_derivative(evidence: Evidence) -> Judgement | None:
    for where, regularity in (("", evidence.at_exact_point), (" at the binary point", evidence.at_rounded_point)):
        if regularity is None:
            continue
        if regularity is evidence.at_rounded_point and evidence.out_of_range:
            continue  # a number that torch does not have is to blame, and is looked at below
        if regularity.kind in UNDEFINED | NOT_DIFFERENTIABLE:
            return judge_singular(regularity, where, evidence.number, evidence.form)
        if regularity.kind is Kind.UNKNOWN:
            places = places_text(regularity)
            why = f"the behaviour of the expression near this point is not known{where} ({regularity.why}): {places}"
            return Judgement(Verdict.UNDECIDED, why, "no-series")
    return None


def _nothing_to_judge(evidence: Evidence) -> Judgement | None:
    if evidence.failure is not None:
        return Judgement(Verdict.UNDECIDED, f"autograd gives no number: {evidence.failure}", "no-autograd")
    typed = None if evidence.at_exact_point is None else evidence.at_exact_point.derivative
    if typed is None or evidence.number is None:
        return Judgement(Verdict.UNDECIDED, "no value could be proven within the precision limit", "precision")
    if evidence.out_of_range and ("overflow" in evidence.unrepresentable.values() or not _is_accurate(evidence, typed)):
        verdict = Verdict.INACCURATE if math.isfinite(evidence.number) else Verdict.NOT_FINITE
        why = f"{_received_text(evidence)}, and returns {evidence.number!r}; the derivative is {decimal(typed)}"
        return Judgement(verdict, why, next(iter(evidence.out_of_range.values())))
    if evidence.at_rounded_point is None or evidence.at_rounded_point.derivative is None:
        return Judgement(Verdict.UNDECIDED, "no value could be proven within the precision limit", "precision")
    return None


def _is_accurate(evidence: Evidence, truth: Real) -> bool:
    """Whether torch's number is that of what was typed, as far as its format goes."""
    number = evidence.number
    assert number is not None
    return is_enough(number, truth, float_error(number, truth, evidence.form), evidence.form)


def _with_notes(evidence: Evidence, judgement: Judgement, proof: Mapping[str, object]) -> Judgement:
    """What else is to be known where the number is right all the same."""
    if judgement.verdict is not Verdict.AGREE:
        return judgement
    why = judgement.why
    if "flipped" in proof:
        digits = digits_text(evidence)
        why = f"{_OTHER_BRANCH} ({proof['flipped']}), without effect here: {digits}"
    if evidence.out_of_range:
        name, cause = next(iter(evidence.out_of_range.items()))
        why += f"; {name} is stored as {'inf' if cause == 'overflow' else '0'}, without effect here"
    return judgement if why == judgement.why else replace(judgement, why=why)


# ---------------------------------------------------------------------------------------------------------- formulas


def _formulas(evidence: Evidence, binary: Regularity, truth: Real, proof: dict[str, object]) -> Judgement | None:
    """The formulas against each other; None if they are proven to be the same at this point."""
    formula = evidence.formula
    # On a seam sympy's formula follows one side, or a convention of its own: it is no evidence there.
    if binary.kind is Kind.DIFFERENTIABLE:
        formula = None
    proof["taylor"] = _enclosure(truth)
    proof["formula"] = None if formula is None else _enclosure(formula)
    trace = evidence.trace
    number = evidence.number
    assert number is not None
    key = None if trace is None else trace.program.partials.get(evidence.by)
    if trace is None or not math.isfinite(number):
        if formula is not None and not agree(formula, truth):
            return _symbolic_side(formula, truth)
        return None if math.isfinite(number) else judge_not_finite(evidence, truth, "the derivative", key, number)
    unknown = trace.unknown_at(key)
    if unknown is not None:
        why = f"PyTorch ran an operation that gradcalc cannot replay: {unknown}"
        return Judgement(Verdict.UNDECIDED, why, "unknown-operation")
    if key is not None and not same_float(trace.replay_at(PRECISIONS[0]).float(key), number):
        why = "the gradient was overwritten by an operation that was not recorded"
        return Judgement(Verdict.UNDECIDED, why, "unknown-operation")
    program, bits = trace.enclosure(key, truth)
    proof.update(replay=None if program is None else _enclosure(program), bits=bits)
    proof["operations"] = trace.program.size
    if formula is not None and not agree(formula, truth):
        if program is not None and agree(program, formula) and not agree(program, truth):
            why = "SymPy and PyTorch's program agree with each other, but not with Taylor arithmetic: please report this"
            return Judgement(Verdict.UNDECIDED, why, "witnesses")
        return _symbolic_side(formula, truth)
    if program is None:
        why = f"PyTorch returns {number!r}, where its program has no value in exact arithmetic"
        if evidence.out_of_range:
            why = f"{_received_text(evidence)}; the number is right, but the meaning of its program is not known"
            return Judgement(Verdict.UNDECIDED, why, next(iter(evidence.out_of_range.values())))
        if _is_accurate(evidence, truth):
            return Judgement(Verdict.UNDECIDED, f"{why}; the derivative is {decimal(truth)}", "unknown-operation")
        return Judgement(Verdict.ARTIFACT, f"{why}; the derivative is {decimal(truth)}", "nan-trap")
    if not agree(program, truth):
        return _apart(evidence, binary, truth, program, proof)
    least = exact(evidence.form.smallest_normal)
    both_vanish = is_negligible(truth) and is_negligible(program)
    both_sink = abs(ball(truth)) < least and abs(program) < least
    if not (both_vanish or both_sink) and program.rel_accuracy_bits() < evidence.form.precision / 2:
        return Judgement(Verdict.UNDECIDED, "PyTorch's program could not be enclosed tightly enough", "precision")
    return None


def _apart(evidence: Evidence, binary: Regularity, truth: Real, program: arb, proof: dict[str, object]) -> Judgement | None:
    """Why torch's program computes another number than the derivative; None where that changes nothing in its digits."""
    trace = evidence.trace
    assert trace is not None
    if binary.kind is Kind.DIFFERENTIABLE:
        why = f"the derivative exists here and is {decimal(truth)}; autograd's program computes {_short(program)}"
        return Judgement(Verdict.ARTIFACT, f"{why}: {breakpoint_text(binary)}", "seam")
    flip = trace.first_flip()
    if flip is not None:
        # Changed by less than the format can show, and the number is right.
        if _is_within_an_ulp(program, truth, evidence.form) and _is_accurate(evidence, truth):
            proof["flipped"] = flip.name
            return None
        underflow = underflow_before(evidence, flip)
        if underflow is not None:
            why = f"{underflow.name} underflowed {evidence.form.name}, so {flip.name} took another branch"
            return Judgement(Verdict.INACCURATE, f"{why}; the derivative is {decimal(truth)}", "underflow")
        why = f"{_OTHER_BRANCH} ({flip.name}): the branch taken has derivative {_short(program)}"
        return Judgement(Verdict.INACCURATE, f"{why}; the correct derivative is {decimal(truth)}", "branch-flip")
    mathematical, _ = trace.enclosure(trace.program.partials.get(evidence.by), truth, mathematical=True)
    if evidence.torch_deviations and mathematical is not None and agree(mathematical, truth):
        deviations = "; ".join(evidence.torch_deviations)
        why = f"{deviations}: its derivative is {_short(program)}, that of the expression {_beside(truth, program)}"
        return Judgement(Verdict.DIFFERENT_FUNCTION, why, "documented")
    why = f"PyTorch's program has the derivative {_short(program)}; the expression has {_beside(truth, program)}"
    return Judgement(Verdict.DISAGREE, why, "formula", "autograd")


def _is_within_an_ulp(program: arb, truth: Real, form: Format) -> bool:
    with reals.precision(PRECISIONS[0]):
        return bool(abs(program - ball(truth)) <= form.ulp(truth))


def judge_value(evidence: Evidence, binary: Regularity) -> Judgement | None:
    """The value by the same words: a gradient of something that is not the expression means nothing, even if it is right."""
    trace, truth, number = evidence.trace, binary.value, evidence.value
    if truth is None:
        return None
    key = None if trace is None else trace.program.value
    if evidence.out_of_range and number is not None:
        return _of_lost_numbers(evidence, truth, number)
    if number is not None and not math.isfinite(number):
        return judge_not_finite(evidence, truth, "the value", key, number)
    if trace is None:
        return None
    unknown = trace.unknown_at(key)
    if unknown is not None:
        why = f"the value is from an operation that gradcalc cannot replay: {unknown}"
        return Judgement(Verdict.UNDECIDED, why, "unknown-operation")
    if key is not None and number is not None and not same_float(trace.replay_at(PRECISIONS[0]).float(key), number):
        why = "the value was overwritten by an operation that was not recorded"
        return Judgement(Verdict.UNDECIDED, why, "unknown-operation")
    value, _ = trace.enclosure(key, truth)
    if value is None:
        why = f"PyTorch's program has no value here, though the expression has: {decimal(truth)}"
        return Judgement(Verdict.ARTIFACT, why, "value")
    if agree(value, truth):
        return None
    is_accurate = number is not None and is_enough(number, truth, float_error(number, truth, evidence.form), evidence.form)
    flip = trace.first_flip()
    if flip is not None and is_accurate:
        return None
    flip = flip or (None if is_accurate else trace.uncertain_integer())
    if flip is not None:
        why = f"{_OTHER_BRANCH} ({flip.name}); the value is wrong, not the derivative"
        return Judgement(Verdict.INACCURATE, why, "branch-flip")
    mathematical, _ = trace.enclosure(key, truth, mathematical=True)
    if evidence.torch_deviations and mathematical is not None and agree(mathematical, truth):
        return Judgement(Verdict.DIFFERENT_FUNCTION, "; ".join(evidence.torch_deviations), "documented")
    why = f"PyTorch's program has the value {_short(value)}; the expression has {_beside(truth, value)}"
    return Judgement(Verdict.DISAGREE, why, "value", "autograd")


def _of_lost_numbers(evidence: Evidence, truth: Real, number: float) -> Judgement | None:
    """The value where torch does not have a number that was typed: its program is that of another expression."""
    if is_enough(number, truth, float_error(number, truth, evidence.form), evidence.form):
        return None
    verdict = Verdict.INACCURATE if math.isfinite(number) else Verdict.NOT_FINITE
    why = f"{_received_text(evidence)}; its value is {number!r}; the expression has {decimal(truth)}"
    return Judgement(verdict, why, next(iter(evidence.out_of_range.values())))


def _received_text(evidence: Evidence) -> str:
    """What torch received for a number that does not fit the dtype."""
    name, cause = next(iter(evidence.out_of_range.items()))
    instead = "inf" if cause == "overflow" else "0"
    return f"{name} is outside the range of {evidence.form.name}: it is stored as {instead}"


def _symbolic_side(formula: Real, truth: Real) -> Judgement:
    why = f"SymPy's derivative is {decimal(formula)} here; Taylor arithmetic gives {_beside(truth, formula)}"
    return Judgement(Verdict.DISAGREE, f"{why}: the symbolic derivative is wrong", "formula", "symbolic")


# ------------------------------------------------------------------------------------------------- without a program


def _by_rounding_bound(
    evidence: Evidence, binary: Regularity, truth: Real, error: FloatError, proof: dict[str, object]
) -> Judgement | None:
    """The number alone, where torch's program could not be recorded; None if rounding explains it."""
    number, bound = evidence.number, evidence.bound
    assert number is not None
    proof["bound"] = bound
    if error.digits >= evidence.form.digits / 2:
        return None if bound is None or bound[0] <= number <= bound[1] else _outside(evidence, truth)
    if binary.kind is Kind.DIFFERENTIABLE:
        why = f"the derivative exists here and is {decimal(truth)}; PyTorch returns {number!r}"
        return Judgement(Verdict.ARTIFACT, f"{why}: {breakpoint_text(binary)}", "seam")
    if bound is not None and not bound[0] <= number <= bound[1]:
        return _outside(evidence, truth)
    if bound is None:
        why = f"PyTorch returns {number!r} for {decimal(truth)}; without a record, no rounding bound is known"
        return Judgement(Verdict.UNDECIDED, why, "unknown-operation")
    return None


def _outside(evidence: Evidence, truth: Real) -> Judgement:
    if evidence.torch_deviations:
        why = f"{'; '.join(evidence.torch_deviations)}: {evidence.number!r}, and {decimal(truth)} for the expression"
        return Judgement(Verdict.DIFFERENT_FUNCTION, why, "documented")
    why = f"PyTorch returns {evidence.number!r}, further from {decimal(truth)} than rounding explains"
    return Judgement(Verdict.DISAGREE, why, "bound", "autograd")


# ----------------------------------------------------------------------------------------------------------- kernels


def _kernels(evidence: Evidence, proof: dict[str, object]) -> Judgement | None:
    """None if every operation that the partial or the value depends on is within its documented bound."""
    trace = evidence.trace
    if trace is None:
        return None
    worst = trace.worst
    proof["worst_kernel"] = None if worst is None else {"operation": worst.name, "ulps": float(f"{worst.ulps:.3g}")}
    for local in trace.notable:
        if local.in_bound is not False or local.underflow:  # lost digits are looked at below
            continue
        why = f"PyTorch's {local.name} has an error of {local.ulps:.3g} ulps, above its documented error bound"
        if trace.depends_on(trace.program.partials.get(evidence.by), local):
            return Judgement(Verdict.DISAGREE, why, "kernel", "kernel")
        if trace.depends_on(trace.program.value, local):
            why += "; the value is wrong, the derivative does not depend on it"
            return Judgement(Verdict.DISAGREE, why, "kernel", "kernel")
    return None


def _beside(value: Real, other: Real) -> str:
    """A number that was proven to be another than one that stands beside it, even if both look the same."""
    digits = decimal(value)
    texts = [text.rstrip("0").rstrip(".") if "." in text else text for text in (digits, _short(other))]
    return f"{digits}, which is {decimal(abs(ball(value - other)), 3)} away" if texts[0] == texts[1] else digits


def _short(value: Real) -> str:
    return decimal(value, _SHOWN)


def _enclosure(value: Real) -> str:
    """A ball as text: its middle and its radius."""
    return str(ball(value).str(30))
