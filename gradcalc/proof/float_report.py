"""The number that torch returned, once the formulas are the same: how much of it survived its rounding.

Comes in: `Evidence` and the derivative.  Goes out: a `Judgement`: the number is right, or what became of it and which
operation did it.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from fractions import Fraction

from gradcalc.engines.autograd.operation import Cell, Operation, base_name
from gradcalc.engines.autograd.program import RecordedProgram
from gradcalc.engines.taylor.reals import Real, ball, decimal, exact, is_zero
from gradcalc.proof.breakpoint_report import NUMERICAL
from gradcalc.proof.evidence import Evidence
from gradcalc.proof.floats.aten_elementwise import BRANCHES
from gradcalc.proof.floats.formats import FloatError, Format, float_error, is_nearest
from gradcalc.proof.floats.local_error import LocalError
from gradcalc.proof.floats.replay import Flip
from gradcalc.proof.floats.sensitivity import dominant_error
from gradcalc.report import Judgement, Verdict


def is_enough(number: float, truth: Real, error: FloatError, form: Format) -> bool:
    """Whether a number is the correctly rounded truth, or has at least half of the digits of its format."""
    return error.digits >= form.digits / 2 or is_nearest(number, truth, form)


def judge_digits(evidence: Evidence, truth: Real, error: FloatError) -> Judgement:
    """What is to be said about a finite number where the formulas are the same."""
    form, number = evidence.form, evidence.number
    assert number is not None
    if is_enough(number, truth, error, form):
        return Judgement(Verdict.AGREE, f"{_equal(evidence)}; {digits_text(evidence, error)}{_constants(evidence, truth)}")
    typed = None if evidence.at_exact_point is None else evidence.at_exact_point.derivative
    if typed is not None and is_nearest(number, typed, form):
        why = f"{_equal(evidence)}; {number!r} is the derivative at the value as typed{_constants(evidence, truth)}"
        return Judgement(Verdict.AGREE, why)
    share = f"only {error.digits:.1f} of {form.digits:.1f} significant digits are correct"
    remainder = share if error.digits >= 0.05 else "no correct digits remain"
    overflow, underflow, flip = (_first(evidence, what) for what in ("overflow", "underflow", "flip"))
    if overflow is not None:
        why = f"{overflow.name} overflowed {form.name}; the derivative is {decimal(truth)}"
        return Judgement(Verdict.INACCURATE, why, "overflow")
    if not ball(truth).contains(0) and abs(ball(truth)) < exact(form.smallest_normal):
        return Judgement(Verdict.INACCURATE, f"the derivative underflows {form.name}; {remainder}", "underflow")
    if underflow is not None:
        why = f"{underflow.name} underflowed {form.name}; {remainder}"
        return Judgement(Verdict.INACCURATE, why, "underflow")
    if flip is not None:
        why = f"{flip.name} rounded a quotient up to the next integer before truncating; {remainder}"
        return Judgement(Verdict.INACCURATE, why, "branch-flip")
    if evidence.trace is None:
        return Judgement(Verdict.INACCURATE, f"{remainder}, which rounding explains", "cancellation")
    return _lost_digits(evidence, f"formulas equal, but {remainder}")


def _equal(evidence: Evidence) -> str:
    if evidence.trace is None:
        return "PyTorch's program was not recorded, so its formula is not proven equal"
    return "formulas proven equal" if evidence.is_proven else f"formulas equal {NUMERICAL}"


def digits_text(evidence: Evidence, error: FloatError | None = None) -> str:
    """How many digits are right of a number that is right, or that it is the rounded truth."""
    number, form = evidence.number, evidence.form
    truth = None if evidence.at_rounded_point is None else evidence.at_rounded_point.derivative
    assert number is not None
    assert truth is not None
    error = error or float_error(number, truth, form)
    if error.digits >= form.digits / 2:
        if is_zero(truth - exact(Fraction(number))):
            return "the number is exact"
        right = f"{error.digits:.1f} of {form.digits:.1f}"
        is_all = f"{error.digits:.1f}" == f"{form.digits:.1f}"
        return f"all significant digits correct ({right})" if is_all else f"{right} significant digits correct"
    return f"{decimal(truth, 6)} rounds to {number!r} in {form.name}"


def _constants(evidence: Evidence, truth: Real) -> str:
    """What torch received in the place of constants, where that changed the derivative."""
    typed = None if evidence.at_exact_point is None else evidence.at_exact_point.derivative
    if typed is None or not evidence.constants or is_zero(truth):
        return ""
    gap = abs(ball(typed) - ball(truth)) / abs(ball(truth))
    if not gap > exact(Fraction(1, 10 ** round(evidence.form.digits / 2))):
        return ""
    texts = ", ".join(f"{name} = {float(value)!r}" for name, value in evidence.constants.items())
    return f"; stored as {texts}; the derivative at the value as typed is {decimal(typed)}"


# ------------------------------------------------------------------------------------------------------------- not finite


def judge_not_finite(evidence: Evidence, truth: Real, what: str, key: int | None, number: float) -> Judgement:
    """nan or inf where the truth is finite: the operation that made it, where it lies, and what helps."""
    start = f"PyTorch returns {number!r}; {what} is {decimal(truth)}"
    trace, form = evidence.trace, evidence.form
    if not abs(ball(truth)) < exact(form.largest):
        return Judgement(Verdict.NOT_FINITE, f"{start}, which is beyond the range of {form.name}", "overflow")
    if trace is None:
        return Judgement(Verdict.NOT_FINITE, f"{start}; its program was not recorded", None)
    program = trace.program
    forward = program.operations[: program.forward]
    ancestors = program.ancestors(key)
    candidates = [place for place, operation in enumerate(forward) if _makes_infinity(operation)]
    traps = [
        place
        for place in candidates
        if not _reaches_value(forward, program.value, place) and _is_used(program, place, ancestors)
    ]
    places = (place for place in sorted(ancestors) if _makes_infinity(program.operations[place]))
    first = traps[0] if traps and key != program.value else next(places, None)
    if first is None:
        return Judgement(Verdict.NOT_FINITE, start, None)
    name = base_name(program.operations[first].name)
    cause, deed = _why_infinite(evidence, truth, key, first)
    if first in traps:
        why = f"{start}: {name} {deed} on the branch that is not taken, and the chain rule multiplies it by 0"
        cure = "pass it a harmless argument there: where(c, f(where(c, x, 1)), y) or f(clamp(x, ...))"
        return Judgement(Verdict.NOT_FINITE, f"{why}; {cure}", cause)
    where = "forward" if first < program.forward else "backward"
    cure = "keep its argument away from there, or use a formulation without it"
    return Judgement(Verdict.NOT_FINITE, f"{start}: {name} ({where} pass) {deed}; {cure}", cause)


def _why_infinite(evidence: Evidence, truth: Real, key: int | None, place: int) -> tuple[str, str]:
    """The cause of an infinity or nan that an operation makes of finite numbers, and what the operation did, in words."""
    trace = evidence.trace
    assert trace is not None
    if any(local.place == place and math.isinf(local.ulps) for local in trace.notable):
        return "overflow", f"overflows {evidence.form.name}"
    if trace.enclosure(key, truth)[0] is None:
        return "nan-trap", "is not finite"
    if any(local.underflow and local.place < place and trace.depends_on(key, local) for local in trace.notable):
        return "underflow", f"is not finite, because its input underflowed {evidence.form.name}"
    return "cancellation", "is not finite, because rounding left no correct digits in its input"


def _is_used(program: RecordedProgram, place: int, ancestors: Collection[int]) -> bool:
    """Whether an infinity of the backward pass of a partial came from a forward operation, or from what it was given."""
    operation = program.operations[place]
    keys = {
        cell.key
        for cell in (*operation.args, *operation.results)
        if isinstance(cell, Cell) and not isinstance(cell.value, bool)
    }
    return any(
        at >= program.forward
        and any(isinstance(arg, Cell) and arg.key in keys for arg in program.operations[at].args)
        and any(map(_is_infinite_or_nan, program.operations[at].results))
        for at in ancestors
    )


def _makes_infinity(operation: Operation) -> bool:
    """Whether an operation makes what is not finite from numbers that are."""
    return any(_is_infinite_or_nan(cell) for cell in operation.results) and not any(
        isinstance(arg, Cell) and _is_infinite_or_nan(arg) for arg in (*operation.args, *operation.options.values())
    )


def _is_infinite_or_nan(cell: Cell) -> bool:
    return isinstance(cell.value, float) and not math.isfinite(cell.value)


def _reaches_value(operations: list[Operation], value: int | None, place: int) -> bool:
    """Whether the result of an operation is a part of the value, along the branches that were taken."""
    keys = {value}
    for at in range(len(operations) - 1, -1, -1):
        operation = operations[at]
        if not any(cell.key in keys for cell in operation.results):
            continue
        if at == place:
            return True
        args = [arg for arg in operation.args if isinstance(arg, Cell)]
        if base_name(operation.name) in BRANCHES:
            args = _selection(operation, args)
        keys.update(arg.key for arg in args)
    return False


def _selection(operation: Operation, args: list[Cell]) -> list[Cell]:
    """The arguments of a choice of which its result is one."""
    if base_name(operation.name) == "where" and len(args) == 3:
        return [args[1] if args[0].value else args[2]]
    result = operation.results[0].value
    return [arg for arg in args if not isinstance(arg.value, bool) and arg.value == result] or args


# ----------------------------------------------------------------------------------------------------------- lost digits


def _first(evidence: Evidence, what: str) -> LocalError | None:
    trace = evidence.trace
    if trace is None:
        return None
    notable = [local for local in trace.notable if getattr(local, what)]
    key = trace.program.partials.get(evidence.by)
    return next((local for local in notable if trace.depends_on(key, local)), None)


def underflow_before(evidence: Evidence, flip: Flip) -> LocalError | None:
    """The operation whose result underflowed, and so turned a comparison; None where rounding alone did."""
    trace = evidence.trace
    assert trace is not None
    keys = [arg.key for arg in trace.program.operations[flip.place].args if isinstance(arg, Cell)]
    whole = 2.0 ** (evidence.form.precision - 1)  # in ulps: nothing of the number is left
    for key in keys:
        for local in trace.ancestors(key):
            if local.place < flip.place and (local.underflow or whole <= local.ulps < math.inf):
                return local
    return None


def _lost_digits(evidence: Evidence, start: str) -> Judgement:
    """The operation whose rounding cost most."""
    if not evidence.is_explained:
        return Judgement(Verdict.INACCURATE, start)
    trace = evidence.trace
    assert trace is not None
    key = trace.program.partials.get(evidence.by)
    worst = None if key is None else dominant_error(trace.local_jacobians(), key, trace.ancestors(key))
    if worst is None or key is None:
        return Judgement(Verdict.INACCURATE, start, "cancellation")
    where = "forward" if worst.place < trace.program.forward else "backward"
    if worst.ulps >= 2 ** (evidence.form.precision / 2):  # by itself: nothing that follows is needed to explain it
        why = f"{start}: {worst.name} ({where} pass) has an error of {worst.ulps:.3g} ulps by itself"
        return Judgement(Verdict.INACCURATE, f"{why}, for which no bound is documented", "kernel")
    why = f"{start}: rounding error of {worst.name} ({where} pass) is amplified by later operations"
    return Judgement(Verdict.INACCURATE, why, "cancellation")
