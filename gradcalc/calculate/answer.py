"""From a question to an answer: the only module that knows all witnesses.

Comes in: a `Problem`.  Goes out: a `Report`.  Heavy modules are imported when the question needs them: a question about
formulas loads no torch, and sympy is loaded by a process of its own while torch loads here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gradcalc.calculate.judging import _Judging
from gradcalc.calculate.partials import Wanted
from gradcalc.calculate.prepared import Prepared, prepare
from gradcalc.calculate.reporting import _report, undecided, versions
from gradcalc.engines.symbolic.client import SymbolicFailure, shared
from gradcalc.engines.symbolic.indexed import at_entries
from gradcalc.engines.symbolic.messages import Derived
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array, entry_names, named_entries
from gradcalc.expression.tree import Call, Node, Number, steps
from gradcalc.functions import TABLE
from gradcalc.inputs.values import value_tree
from gradcalc.report import Partial, Problem, Report, Value, Verdict
from gradcalc.runtime import deadline
from gradcalc.runtime.deadline import DEFAULT_SECONDS

if TYPE_CHECKING:
    from gradcalc.engines.autograd.backward import Run

_AT_LEAST = 1.0
"""Seconds for the comparison with sympy's formula, however long the rest took."""

_EXPLAINED = 24
"""Lost numbers of arrays of which the guilty operation and a better spelling are looked for: as many as are shown."""
_LOST = frozenset({Verdict.INACCURATE, Verdict.NOT_FINITE})


def differentiate(
    expr: str,
    *,
    at: Mapping[str, Any] | None = None,
    by: Sequence[str] | str = (),
    order: int = 1,
    device: str = "cpu",
    dtype: str | None = None,
    variables: Sequence[str] = (),
) -> Report:
    """The derivatives of an expression: formulas, and at a point the numbers of all witnesses with a verdict for each.

    `at` gives each variable a value: text is exact (`"0.1"` is 1/10, `"pi/2"`), and so are integers and fractions; a float
    is taken as its shortest decimal text.  Arrays are nested lists of these, or numpy's or torch's.  `by` names the
    variables to differentiate by, or entries such as `x[0]` (default: all, in order of appearance), `order` how often.
    Raises `CalcError` for a question that cannot be answered.

    >>> report = differentiate("x**2", at={"x": 3})
    >>> report.partials[0].formula, report.partials[0].symbolic, report.partials[0].autograd
    ('2*x', '6', 6.0)
    """
    texts = {name: _text_of(value) for name, value in (at or {}).items()}
    names = (by,) if isinstance(by, str) else tuple(by)
    return answer(Problem(expr, texts, names, order, device, dtype, tuple(variables)))


def _text_of(value: Any) -> str:
    """A value as it is typed."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_text_of, value))}]"
    return value if isinstance(value, str) else str(value)


def foresee(prepared: Prepared) -> None:
    """Let sympy begin with a question that will be answered soon; and what is slow to find out, find out meanwhile."""
    shared.ask(prepared.question)
    versions()


def answer(problem: Problem | Prepared, *, seconds: float = DEFAULT_SECONDS) -> Report:
    """The answer to a question; sympy may take `seconds` for its part, and exact arithmetic for its own.

    Raises `CalcError` for a question that cannot be answered.
    """
    prepared = problem if isinstance(problem, Prepared) else prepare(problem, seconds=seconds)
    foresee(prepared)  # its process works while torch is loaded here
    return _at_point(prepared) if prepared.has_point else _formulas(prepared)


def _derived(prepared: Prepared) -> Derived | str:
    """The answer of the symbolic process, or why there is none."""
    try:
        derived = shared.collect(prepared.question)
    except SymbolicFailure as failure:
        return str(failure)
    if not derived.general or prepared.indexed is None:
        return derived
    wanted = [(partial.by[0], partial.index) for partial in prepared.wanted]
    return at_entries(derived, prepared.indexed, wanted, prepared.values)


def _formulas(prepared: Prepared) -> Report:
    derived = _derived(prepared)
    if isinstance(derived, str):
        return undecided(prepared, derived)
    partials = [
        Partial(
            wanted.by,
            formula.text or None,
            formula.latex or None,
            proof={"symbolic": formula.unusable or "ok"},
            **wanted.place_in_report,
        )
        for wanted, formula in zip(prepared.wanted, derived.formulas, strict=True)
    ]
    return _report(prepared, partials)


# ------------------------------------------------------------------------------------------------------ at a point


def _at_point(prepared: Prepared) -> Report:
    from gradcalc.engines.autograd import backward, devices
    from gradcalc.engines.taylor.at_point import Site

    started = time.monotonic()
    problem, entries = prepared.problem, prepared.entries
    device, dtype, notes = devices.choose(problem.device, problem.dtype)
    values = {entry: value for name, cells in prepared.values.items() for entry, value in named_entries(name, cells)}
    try:
        with deadline.limit(prepared.question.seconds):
            floats = {name: _float(name, problem.at.get(name, ""), value) for name, value in values.items()}
            vanished = {name: "underflow" for name, value in values.items() if floats[name] == 0 and not _is_zero(value)}
    except deadline.OutOfTime:
        return undecided(prepared, f"the point took more than {prepared.question.seconds:g} seconds")
    given = {name: entry_names(name, cells.shape).map(floats.__getitem__) for name, cells in prepared.values.items()}
    bys = list(dict.fromkeys(wanted.entries for wanted in prepared.wanted))
    count = len(entries.entries)
    seconds = prepared.question.seconds
    with deadline.limit(seconds / 2):
        runs = backward.runs(prepared.tree, given, bys, count, dtype=dtype, device=device.name, record=True)
    runs = [replace(run, unrepresentable={**vanished, **run.unrepresentable}) for run in runs]
    exact = {name: value if not isinstance(value, Number) else value.value for name, value in values.items()}
    received = {name: float(value) for name, value in runs[0].inputs.items()}
    received = {name: received.get(name, math.copysign(math.inf, floats[name])) for name in values}
    has_detour = any(
        TABLE[node.name].different_backward_algorithm for node in steps(prepared.tree).nodes if isinstance(node, Call)
    )
    judged: list[_Judging] = []
    exact_values: list[str | None] = [None] * count
    found: dict[int, Partial] = {}
    # To load torch takes of the time, but not more than half.  sympy's counts by itself; what needs no formula is done
    # meanwhile.
    left = max(seconds - (time.monotonic() - started), seconds / 2)
    ends = time.monotonic() + left
    try:
        with deadline.limit(left):
            for place, (tree, run) in enumerate(zip(entries.entries, runs, strict=True)):
                binary = Site(tree, run.inputs, run.constants) if run.is_at_a_point else None
                like = judged[0].traced if judged else None
                judging = _Judging(Site(tree, exact), binary, run, bys, dtype, device.name, like, has_detour=has_detour)
                judged.append(judging)
                exact_values[place] = judged[place].value()
        derived = _derived(prepared)
        with deadline.limit(max(ends - time.monotonic(), _AT_LEAST)):
            found.update(_judged(prepared, judged, derived))  # as many as there is time for
    except deadline.OutOfTime:
        derived = _derived(prepared)
    why = f"no proof within {seconds:g} seconds"
    partials = [
        found[number] if number in found else _out_of_time(wanted, number, derived, runs[wanted.place], why)
        for number, wanted in enumerate(prepared.wanted)
    ]
    point = {name: entry_names(name, cells.shape).map(received.__getitem__).tolist() for name, cells in given.items()}
    return _report(
        prepared,
        partials,
        point=point,
        dtype=dtype,
        device=device.name,
        value=Value(Array(entries.shape, exact_values).tolist(), Array(entries.shape, [run.value for run in runs]).tolist()),
        notes=(*notes, *_unexplained(partials)),
        normwise_digits=_normwise_digits(partials, dtype),
    )


def _judged(prepared: Prepared, judged: Sequence[_Judging], derived: Derived | str) -> Iterator[tuple[int, Partial]]:
    """The partials with their verdicts, each with its number; of the first lost ones it is found out why they are."""
    lost = 0
    for number, wanted in enumerate(prepared.wanted):
        deadline.check()
        formula = None if isinstance(derived, str) else derived.formulas[number]
        partial = judged[wanted.place].partial(wanted.entries, formula, derived, is_explained=lost < _EXPLAINED)
        lost += partial.verdict in _LOST
        yield number, replace(partial, by=wanted.by, **wanted.place_in_report)


def _unexplained(partials: Sequence[Partial]) -> list[str]:
    """The note that not every lost number was looked into."""
    lost = sum(partial.verdict in _LOST for partial in partials)
    if lost <= _EXPLAINED:
        return []
    return [f"of {lost} entries that lost their digits, the operation and a better spelling were looked for in {_EXPLAINED}"]


def _normwise_digits(partials: Sequence[Partial], dtype: str) -> float | None:
    """The digits of all partials of arrays as one vector; None for numbers, and where a partial is not known."""
    from gradcalc.proof.floats.formats import FORMATS

    if len(partials) < 2 or not any(partial.index for partial in partials):
        return None
    if any(partial.reference is None or partial.autograd is None for partial in partials):
        return None
    if not all(math.isfinite(partial.autograd or 0) for partial in partials):
        return 0.0
    pairs = [(Decimal(partial.reference or 0), Decimal(partial.autograd or 0)) for partial in partials]
    error = sum(((reference - number) ** 2 for reference, number in pairs), Decimal(0))
    return FORMATS[dtype].digits_of(error, sum((reference**2 for reference, _ in pairs), Decimal(0)))


def _out_of_time(wanted: Wanted, number: int, derived: Derived | str, run: Run, why: str) -> Partial:
    formula = None if isinstance(derived, str) else derived.formulas[number]
    return Partial(
        wanted.by,
        None if formula is None else formula.text or None,
        None if formula is None else formula.latex or None,
        autograd=run.partials.get(wanted.entries),
        verdict=Verdict.UNDECIDED,
        cause="time",
        why=why,
        **wanted.place_in_report,
    )


def _float(name: str, text: str, value: Node) -> float:
    """The double that torch is given for a value.  Raises `CalcError` where the value is not real."""
    from gradcalc.engines.taylor import reals
    from gradcalc.engines.taylor.at_point import Site

    if isinstance(value, Number):
        try:
            return float(value.value)
        except OverflowError:
            return math.inf
    try:
        number = reals.refine(lambda: Site(value, {}).value().value)
    except reals.OutOfPrecision:
        raise CalcError(f"the value of {name} is not a real number: {text}") from None
    return reals.nearest_float(number)


def _is_zero(value: Node) -> bool:
    """Whether a value that became 0 as a float is 0."""
    from gradcalc.engines.taylor import reals
    from gradcalc.engines.taylor.at_point import Site

    return reals.is_negligible(reals.refine(lambda: Site(value, {}).value().value))


def nearest(name: str, text: str) -> float:
    """The double nearest to a value of a variable.  Raises `CalcError` where it is no real number."""
    return _float(name, text, value_tree(name, text))
