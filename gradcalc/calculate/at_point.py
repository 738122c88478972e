"""An answer at a point: torch's numbers, the exact values, and the judgement on each partial.

Torch and flint are imported with this module, while sympy works in its own process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from gradcalc.calculate.judging import LOST, PointJudge, Setting
from gradcalc.calculate.partials import PartialSpec
from gradcalc.calculate.prepared import PreparedQuery, derivatives
from gradcalc.calculate.reporting import index_fields, report, undecided_report
from gradcalc.engines.autograd import backward, devices
from gradcalc.engines.autograd.run import Run
from gradcalc.engines.symbolic.messages import Derivatives
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array, entry_names, named_entries
from gradcalc.expression.tree import Call, Node, Number, calls_in
from gradcalc.functions import TABLE
from gradcalc.inputs.values import Point
from gradcalc.proof.floats.formats import FORMATS
from gradcalc.report import Partial, Report, Value, Verdict
from gradcalc.runtime import deadline

_MIN_COMPARISON_SECONDS = 1.0
"""Seconds for the comparison with sympy's formula, however long the rest took."""

MAX_EXPLAINED = 24
"""Inaccurate entries of an array that are searched for the operation and a stable formulation: as many as are shown."""


@dataclass(frozen=True, slots=True)
class _Inputs:
    """The values of a point by the names of entries: exact, and as the nearest doubles; and those that doubles lose."""

    exact: Mapping[str, Node]
    floats: Mapping[str, float]
    underflow: Mapping[str, str]

    @classmethod
    def of(cls, point: Point) -> _Inputs:
        """The inputs of a point.  Raises `CalcError` for a value that is not real."""
        exact = {entry: tree for name, cells in point.entries.items() for entry, tree in named_entries(name, cells)}
        texts = point.texts
        floats = {name: nearest_float(name, texts.get(name, ""), tree) for name, tree in exact.items()}
        underflow = {name: "underflow" for name, tree in exact.items() if floats[name] == 0 and not _is_zero(tree)}
        return cls(exact, floats, underflow)


def at_point(prepared: PreparedQuery) -> Report:
    """The answer to a question at its point.  Raises `CalcError` for a value that is not real, and for a device."""
    started, seconds = time.monotonic(), prepared.seconds
    device, dtype, notes = devices.choose(prepared.query.device, prepared.query.dtype)
    try:
        with deadline.limit(seconds):
            inputs = _Inputs.of(prepared.point)
    except deadline.OutOfTime:
        return undecided_report(prepared, f"the point took more than {seconds:g} seconds")
    wrt = list(dict.fromkeys(partial.entries for partial in prepared.partials))
    runs = _runs(prepared, inputs, wrt, dtype, device.name)
    another = any(TABLE[node.name].different_backward_algorithm for node in calls_in(prepared.tree))
    exact = {name: _plain_value(tree) for name, tree in inputs.exact.items()}
    # Importing torch is charged to the limit, up to half of it; sympy has a limit of its own.
    left = max(seconds - (time.monotonic() - started), seconds / 2)
    values, partials, symbolic = _judge_all(prepared, Setting(exact, wrt, FORMATS[dtype], device.name, another), runs, left)
    floats = {name: float(value) for name, value in runs[0].inputs.items()}
    floats = {name: floats.get(name, math.copysign(math.inf, number)) for name, number in inputs.floats.items()}
    shapes = {name: cells.shape for name, cells in prepared.point.entries.items()}
    shape = prepared.entries.shape
    return report(
        prepared,
        partials,
        symbolic,
        (*notes, *_unexplained(partials)),
        point={name: entry_names(name, own).map(floats.__getitem__).tolist() for name, own in shapes.items()},
        dtype=dtype,
        device=device.name,
        value=Value(Array(shape, values).tolist(), Array(shape, [run.value for run in runs]).tolist()),
        normwise_digits=_normwise_digits(partials, dtype),
    )


def _runs(prepared: PreparedQuery, inputs: _Inputs, wrt: Sequence[tuple[str, ...]], dtype: str, device: str) -> list[Run]:
    """Torch's run for every entry of the expression."""
    floats = {
        name: entry_names(name, cells.shape).map(inputs.floats.__getitem__) for name, cells in prepared.point.entries.items()
    }
    count = len(prepared.entries.entries)
    with deadline.limit(prepared.seconds / 2):
        gradients = backward.gradients_of(wrt, floats)
        runs = backward.runs(prepared.tree, floats, gradients, count, dtype=dtype, device=device, record=True)
    return [replace(run, unrepresentable={**inputs.underflow, **run.unrepresentable}) for run in runs]


def _plain_value(tree: Node) -> Fraction | Node:
    """The value of a decimal, with a sign or without; else the tree."""
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Call) and tree.name == "neg" and isinstance(tree.args[0], Number):
        return -tree.args[0].value
    return tree


def _judge_all(
    prepared: PreparedQuery, setting: Setting, runs: Sequence[Run], seconds: float
) -> tuple[list[str | None], list[Partial], Derivatives | str]:
    """The values, the partials with their verdicts, and sympy's formulas: as many as there is time for.

    What needs no formula is done while sympy works.
    """
    ends = time.monotonic() + seconds
    judges: list[PointJudge] = []
    values: list[str | None] = [None] * len(runs)
    partials_by_number: dict[int, Partial] = {}
    try:
        with deadline.limit(seconds):
            for place, (tree, run) in enumerate(zip(prepared.entries.entries, runs, strict=True)):
                judges.append(PointJudge(setting, tree, run, judges[0].trace if judges else None))
                values[place] = judges[place].value()
        symbolic = derivatives(prepared)
        with deadline.limit(max(ends - time.monotonic(), _MIN_COMPARISON_SECONDS)):
            partials_by_number.update(_verdicts(prepared, judges, symbolic))
    except deadline.OutOfTime:
        symbolic = derivatives(prepared)
    why = f"no proof within {prepared.seconds:g} seconds"
    partials = [
        partials_by_number[number]
        if number in partials_by_number
        else _out_of_time(spec, number, symbolic, runs[spec.place], why)
        for number, spec in enumerate(prepared.partials)
    ]
    return values, partials, symbolic


def _verdicts(
    prepared: PreparedQuery, judges: Sequence[PointJudge], symbolic: Derivatives | str
) -> Iterator[tuple[int, Partial]]:
    """The partials with their verdicts, each with its number; why they are lost is looked into for the first ones only."""
    losses = 0
    for number, spec in enumerate(prepared.partials):
        deadline.check()
        formula = None if isinstance(symbolic, str) else symbolic.formulas[number]
        partial = judges[spec.place].partial(spec.entries, formula, symbolic, is_explained=losses < MAX_EXPLAINED)
        losses += partial.verdict in LOST
        yield number, replace(partial, by=spec.by, **index_fields(spec))


def _unexplained(partials: Sequence[Partial]) -> list[str]:
    """The note that not every lost number was looked into."""
    losses = sum(partial.verdict in LOST for partial in partials)
    if losses <= MAX_EXPLAINED:
        return []
    return [f"of {losses} inaccurate entries, {MAX_EXPLAINED} were searched for the operation and a stable formulation"]


def _normwise_digits(partials: Sequence[Partial], dtype: str) -> float | None:
    """The digits of all partials of arrays as one vector; None for numbers, and where a partial is not known."""
    if len(partials) < 2 or not any(partial.index for partial in partials):
        return None
    if any(partial.reference is None or partial.autograd is None for partial in partials):
        return None
    if not all(math.isfinite(partial.autograd or 0) for partial in partials):
        return 0.0
    pairs = [(Decimal(partial.reference or 0), Decimal(partial.autograd or 0)) for partial in partials]
    error = sum(((reference - number) ** 2 for reference, number in pairs), Decimal(0))
    return FORMATS[dtype].digits_of(error, sum((reference**2 for reference, _ in pairs), Decimal(0)))


def _out_of_time(spec: PartialSpec, number: int, symbolic: Derivatives | str, run: Run, why: str) -> Partial:
    formula = None if isinstance(symbolic, str) else symbolic.formulas[number]
    return Partial(
        spec.by,
        *((None, None) if formula is None else formula.texts),
        autograd=run.partials.get(spec.entries),
        verdict=Verdict.UNDECIDED,
        cause="time",
        why=why,
        **index_fields(spec),
    )


def nearest_float(name: str, text: str, value: Node) -> float:
    """The double that torch is given for a value of a variable.  Raises `CalcError` where the value is not real."""
    if isinstance(value, Number):
        try:
            return float(value.value)
        except OverflowError:
            return math.inf
    try:
        number = reals.refine(lambda: ExpressionAt(value, {}).value().value)
    except reals.OutOfPrecision:
        raise CalcError(f"the value of {name} is not a real number: {text}") from None
    return reals.nearest_float(number)


def _is_zero(value: Node) -> bool:
    """Whether a value that became 0 as a float is 0."""
    return reals.is_negligible(reals.refine(lambda: ExpressionAt(value, {}).value().value))
