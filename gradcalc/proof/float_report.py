"""The number that torch returned, once the formulas are the same: how much of it survived its rounding.

Comes in: `Evidence` and the derivative.  Goes out: a `Judgement`: the number is right, or what became of it and which
operation did it.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from fractions import Fraction

from gradcalc.engines.autograd.program import Cell, Operation, Program, base_name
from gradcalc.engines.taylor.reals import Real, ball, decimal, exact, is_zero
from gradcalc.proof.breakpoint_report import NUMERICAL
from gradcalc.proof.evidence import Evidence
from gradcalc.proof.floats.aten_elementwise import BRANCHES
from gradcalc.proof.floats.formats import Distance, Format, distance, is_nearest
from gradcalc.proof.floats.replay import Flip, Local, culprit, feeding
from gradcalc.report import Judgement, Verdict


def is_enough(number: float, truth: Real, far: Distance, form: Format) -> bool:
    """Whether a number is the correctly rounded truth, or has at least half of the digits of its format."""
    return far.digits >= form.digits / 2 or is_nearest(number, truth, form)


def judged(evidence: Evidence, truth: Real, far: Distance) -> Judgement:
    """What is to be said about a finite number where the formulas are the same."""
    form, number = evidence.form, evidence.number
    assert number is not None
    if is_enough(number, truth, far, form):
        return Judgement(Verdict.AGREE, f"{_equal(evidence)}; {counted(evidence)}{_constants(evidence, truth)}")
    typed = None if evidence.typed is None else evidence.typed.derivative
    if typed is not None and is_nearest(number, typed, form):
        why = f"{_equal(evidence)}; {number!r} is the derivative of what was typed{_constants(evidence, truth)}"
        return Judgement(Verdict.AGREE, why)
    survived = f"only {far.digits:.1f} of {form.digits:.1f} digits survive"
    overflowed, sunk, flipped = (_first(evidence, what) for what in ("overflowed", "underflowed", "flipped"))
    if overflowed is not None:
        why = f"{overflowed.name} left the range of {form.name} on the way; the derivative is {decimal(truth)}"
        return Judgement(Verdict.INACCURATE, why, "overflow")
    if not ball(truth).contains(0) and abs(ball(truth)) < exact(form.smallest_normal):
        return Judgement(
            Verdict.INACCURATE, f"the derivative is below the smallest normal {form.name}; {survived}", "underflow"
        )
    if sunk is not None:
        why = f"{sunk.name} fell below the smallest normal {form.name}; {survived}"
        return Judgement(Verdict.INACCURATE, why, "underflow")
    if flipped is not None:
        why = f"{flipped.name} rounded a quotient to the next integer before it took the integer part; {survived}"
        return Judgement(Verdict.INACCURATE, why, "branch-flip")
    if evidence.traced is None:
        return Judgement(Verdict.INACCURATE, f"{survived}, which rounding can explain", "cancellation")
    return _lost_digits(evidence, f"the formulas are equal, but {survived}")


def _equal(evidence: Evidence) -> str:
    if evidence.traced is None:
        return "torch's program was not recorded, so its formula is not proven"
    return "the formulas are proven equal here" if evidence.is_proven else f"the formulas are equal here {NUMERICAL}"


def counted(evidence: Evidence) -> str:
    """How many digits are right of a number that is right, or that it is the rounded truth."""
    number, form = evidence.number, evidence.form
    truth = None if evidence.binary is None else evidence.binary.derivative
    assert number is not None
    assert truth is not None
    far = distance(number, truth, form)
    if far.digits >= form.digits / 2:
        return f"{far.digits:.1f} of {form.digits:.1f} digits are right"
    return f"{decimal(truth, 6)} rounds to {number!r} in {form.name}"


def _constants(evidence: Evidence, truth: Real) -> str:
    """What torch received in the place of constants, where that changed the derivative."""
    typed = None if evidence.typed is None else evidence.typed.derivative
    if typed is None or not evidence.constants or is_zero(truth):
        return ""
    apart = abs(ball(typed) - ball(truth)) / abs(ball(truth))
    if not apart > exact(Fraction(1, 10 ** round(evidence.form.digits / 2))):
        return ""
    received = ", ".join(f"{name} = {float(value)!r}" for name, value in evidence.constants.items())
    return f"; torch received {received}, of what was typed the derivative is {decimal(typed)}"


# ------------------------------------------------------------------------------------------------------------- not finite


def not_finite(evidence: Evidence, truth: Real, what: str, key: int | None, number: float) -> Judgement:
    """nan or inf where the truth is finite: the operation that made it, where it lies, and what helps."""
    start = f"torch returns {number!r}, {what} is {decimal(truth)}"
    traced, form = evidence.traced, evidence.form
    if not _is_in_range(truth, form):
        return Judgement(Verdict.NOT_FINITE, f"{start}, which is beyond the range of {form.name}", "overflow")
    if traced is None:
        return Judgement(Verdict.NOT_FINITE, f"{start}; its program was not recorded", None)
    program = traced.program
    forward = program.operations[: program.forward]
    mine = feeding(program, key)
    beside = [place for place, operation in enumerate(forward) if _makes_infinity(operation)]
    untaken = [
        place for place in beside if not _reaches_value(forward, program.value, place) and _is_used(program, place, mine)
    ]
    places = (place for place in sorted(mine) if _makes_infinity(program.operations[place]))
    first = untaken[0] if untaken and key != program.value else next(places, None)
    if first is None:
        return Judgement(Verdict.NOT_FINITE, start, None)
    name = base_name(program.operations[first].name)
    cause, made = _why_infinite(evidence, truth, key, first)
    if first in untaken:
        why = f"{start}: {name} {made} on the branch that is not taken, and the chain rule multiplies that by 0"
        cure = "give it a harmless argument there, where(c, f(where(c, x, 1)), y) or f(clamp(x, ...))"
        return Judgement(Verdict.NOT_FINITE, f"{why}; {cure}", cause)
    where = "forward" if first < program.forward else "backward"
    cure = "keep its argument away from there, or write the expression without it"
    return Judgement(Verdict.NOT_FINITE, f"{start}: {name} {made} in the {where} pass; {cure}", cause)


def _why_infinite(evidence: Evidence, truth: Real, key: int | None, place: int) -> tuple[str, str]:
    """The cause of an infinity or nan that an operation makes of finite numbers, and what the operation did, in words."""
    traced = evidence.traced
    assert traced is not None
    if any(local.place == place and math.isinf(local.ulps) for local in traced.locals):
        return "overflow", f"left the range of {evidence.form.name}"
    if traced.unknown is not None or traced.enclosed(key, truth)[0] is None:
        return "nan-trap", "has no finite value"
    mine = [local for local in traced.feeding(key) if local.place < place]
    if any(local.underflowed for local in mine):
        return "underflow", f"has no finite value where a number fell below the smallest normal {evidence.form.name}"
    return "cancellation", "has no finite value at numbers of which rounding left nothing"


def _is_used(program: Program, place: int, mine: Collection[int]) -> bool:
    """Whether an infinity of the backward pass of a partial came from a forward operation, or from what it was given."""
    operation = program.operations[place]
    keys = {cell.key for cell in (*operation.args, *operation.results) if isinstance(cell, Cell) and not _is_boolean(cell)}
    return any(
        at >= program.forward
        and any(isinstance(arg, Cell) and arg.key in keys for arg in program.operations[at].args)
        and any(map(_is_lost, program.operations[at].results))
        for at in mine
    )


def _is_boolean(cell: Cell) -> bool:
    return isinstance(cell.value, bool)


def _is_in_range(truth: Real, form: Format) -> bool:
    return bool(abs(ball(truth)) < exact(form.largest))


def _makes_infinity(operation: Operation) -> bool:
    """Whether an operation makes what is not finite from numbers that are."""
    return any(_is_lost(cell) for cell in operation.results) and not any(
        isinstance(arg, Cell) and _is_lost(arg) for arg in (*operation.args, *operation.options.values())
    )


def _is_lost(cell: Cell) -> bool:
    return isinstance(cell.value, float) and not math.isfinite(cell.value)


def _reaches_value(operations: list[Operation], value: int | None, place: int) -> bool:
    """Whether the result of an operation is a part of the value, along the branches that were taken."""
    needed = {value}
    for at in range(len(operations) - 1, -1, -1):
        operation = operations[at]
        if not any(cell.key in needed for cell in operation.results):
            continue
        if at == place:
            return True
        args = [arg for arg in operation.args if isinstance(arg, Cell)]
        if base_name(operation.name) in BRANCHES:
            args = _taken(operation, args)
        needed.update(arg.key for arg in args)
    return False


def _taken(operation: Operation, args: list[Cell]) -> list[Cell]:
    """The arguments of a choice of which its result is one."""
    if base_name(operation.name) == "where" and len(args) == 3:
        return [args[1] if args[0].value else args[2]]
    result = operation.results[0].value
    return [arg for arg in args if not isinstance(arg.value, bool) and arg.value == result] or args


# ----------------------------------------------------------------------------------------------------------- lost digits


def _first(evidence: Evidence, what: str) -> Local | None:
    traced = evidence.traced
    if traced is None:
        return None
    notable = [local for local in traced.notable if getattr(local, what)]
    mine = traced.feeding(traced.program.partials.get(evidence.by)) if notable else ()
    return next((local for local in notable if local in mine), None)


def lost_before(evidence: Evidence, flip: Flip) -> Local | None:
    """The operation whose result underflowed, and so turned a comparison; None where rounding alone did."""
    traced = evidence.traced
    assert traced is not None
    compared = [arg.key for arg in traced.program.operations[flip.place].args if isinstance(arg, Cell)]
    whole = 2.0 ** (evidence.form.precision - 1)  # in ulps: nothing of the number is left
    for key in compared:
        for local in traced.feeding(key):
            if local.place < flip.place and (local.underflowed or whole <= local.ulps < math.inf):
                return local
    return None


def _lost_digits(evidence: Evidence, start: str) -> Judgement:
    """The operation whose rounding cost most."""
    if not evidence.is_explained:
        return Judgement(Verdict.INACCURATE, start)
    traced = evidence.traced
    assert traced is not None
    key = traced.program.partials.get(evidence.by)
    guilty = None if key is None else culprit(traced.linearised(), key, traced.feeding(key))
    if guilty is None or key is None:
        return Judgement(Verdict.INACCURATE, start, "cancellation")
    where = "forward" if guilty.place < traced.program.forward else "backward"
    if guilty.ulps >= 2 ** (evidence.form.precision / 2):  # by itself: nothing that follows is needed to explain it
        why = f"{start}: {guilty.name} in the {where} pass is off by {guilty.ulps:.3g} ulps by itself"
        return Judgement(Verdict.INACCURATE, f"{why}, and no vendor says how much it may be", "kernel")
    why = f"{start}: the rounding of {guilty.name} in the {where} pass is blown up by what follows"
    return Judgement(Verdict.INACCURATE, why, "cancellation")
