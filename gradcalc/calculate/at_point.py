"""An answer at a point: torch's numbers, the exact values, and the judgement on each partial.

Torch and flint are imported with this module, while sympy works in its own process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from gradcalc.calculate.formulas import Formulas, formulas
from gradcalc.calculate.judging import PointJudge, Setting
from gradcalc.calculate.partial_list import JudgedPartials
from gradcalc.calculate.prepared import PreparedQuery
from gradcalc.calculate.reference import Reference, exact_values, plain_value
from gradcalc.calculate.reporting import report, undecided_report
from gradcalc.engines.autograd import backward, devices
from gradcalc.engines.autograd.run import Run
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array, entry_names
from gradcalc.expression.tree import Node
from gradcalc.inputs.array_text import Numbers
from gradcalc.inputs.values import Point
from gradcalc.proof.floats.formats import FORMATS
from gradcalc.report import ArrayFormula, Report, Value
from gradcalc.runtime import deadline

_MIN_COMPARISON_SECONDS = 1.0
"""Seconds for the comparison with sympy's formula, however long the rest took."""


@dataclass(frozen=True, slots=True)
class _Inputs:
    """The values of a point by variable: exact, and as the nearest doubles; and the entries that doubles lose."""

    exact: Mapping[str, Array[Any]]
    floats: Mapping[str, Array[float]]
    underflow: Mapping[str, str]

    @classmethod
    def of(cls, point: Point) -> _Inputs:
        """The inputs of a point.  Raises `CalcError` for a value that is not real."""
        floats: dict[str, Array[float]] = {}
        underflow: dict[str, str] = {}
        for name, value in point.values.items():
            cells, shape = value.entries.entries, value.shape
            deadline.check()
            if isinstance(cells, Numbers):
                numbers = cells.floats()
            else:
                names = entry_names(name, shape).entries
                numbers = [nearest_float(entry, value.text, cell) for entry, cell in zip(names, cells, strict=True)]
                lost = (place for place, number in enumerate(numbers) if number == 0 and not _is_zero(cells[place]))
                underflow.update({names[place]: "underflow" for place in lost})
            floats[name] = Array(shape, numbers)
        return cls(exact_values(point.entries), floats, underflow)


def at_point(prepared: PreparedQuery) -> Report:
    """The answer to a question at its point.  Raises `CalcError` for a value that is not real, and for a device."""
    started, seconds = time.monotonic(), prepared.seconds
    device, dtype, notes = devices.choose(prepared.query.device, prepared.query.dtype)
    try:
        with deadline.limit(seconds):
            inputs = _Inputs.of(prepared.point)
    except deadline.OutOfTime:
        return undecided_report(prepared, f"the point took more than {seconds:g} seconds")
    runs = _runs(prepared, inputs, dtype, device.name)
    # Importing torch is charged to the limit, up to half of it; sympy has a limit of its own.
    left = max(seconds - (time.monotonic() - started), seconds / 2)
    values, partials, symbolic, gradients = _judge_all(
        prepared, Setting(FORMATS[dtype], device.name, inputs.exact), runs, left
    )
    return report(
        prepared,
        partials.sequence,
        symbolic,
        (*notes, *partials.notes),
        point={name: _stored(array, runs[0].input_arrays.get(name)) for name, array in inputs.floats.items()},
        dtype=dtype,
        device=device.name,
        value=Value(Array(prepared.shape, values).tolist(), Array(prepared.shape, [run.value for run in runs]).tolist()),
        normwise_digits=partials.normwise_digits,
        gradients=gradients,
    )


def _stored(typed: Array[float], stored: Any) -> Any:
    """The values of a variable in the dtype, where torch has it."""
    if stored is None:
        return Array(typed.shape, [math.copysign(math.inf, number) for number in typed.entries]).tolist()
    return stored.reshape(typed.shape).tolist()


def _runs(prepared: PreparedQuery, inputs: _Inputs, dtype: str, device: str) -> list[Run]:
    """Torch's run for every entry of the expression."""
    with deadline.limit(prepared.seconds / 2):
        gradients, count = prepared.partials.gradients(), math.prod(prepared.shape)
        runs = backward.runs(prepared.tree, inputs.floats, gradients, count, dtype=dtype, device=device, record=True)
    if not inputs.underflow:
        return runs
    return [replace(run, unrepresentable={**inputs.underflow, **run.unrepresentable}) for run in runs]


def _judge_all(
    prepared: PreparedQuery, setting: Setting, runs: Sequence[Run], seconds: float
) -> tuple[list[str | None], JudgedPartials, Formulas, tuple[ArrayFormula, ...]]:
    """The values, the partials with their verdicts, sympy's formulas and those of arrays: as many as there is time for.

    What needs no formula is done while sympy works.
    """
    ends = time.monotonic() + seconds
    values: list[str | None] = [None] * len(runs)
    partials = JudgedPartials(prepared, runs)
    symbolic: Formulas | None = None
    gradients: tuple[ArrayFormula, ...] = ()
    try:
        with deadline.limit(seconds):
            judge = PointJudge(prepared, setting, runs)
            for place in range(len(runs)):
                values[place] = judge.value(place)
            partials.compare(judge)
            if any(prepared.point.shapes.values()):
                gradients = _array_gradients(prepared, judge.typed)
        symbolic = formulas(prepared)
        with deadline.limit(max(ends - time.monotonic(), _MIN_COMPARISON_SECONDS)):
            partials.judge(judge, symbolic)
    except deadline.OutOfTime:
        symbolic = symbolic or formulas(prepared)
        partials.end(symbolic, f"no proof within {prepared.seconds:g} seconds")
    return values, partials, symbolic, gradients


def _array_gradients(prepared: PreparedQuery, reference: Reference) -> tuple[ArrayFormula, ...]:
    from gradcalc.calculate.array_gradients import array_gradients

    return array_gradients(prepared, reference)


def nearest_float(name: str, text: str, value: Node) -> float:
    """The double that torch is given for a value of a variable.  Raises `CalcError` where the value is not real."""
    plain = plain_value(value)
    if isinstance(plain, Fraction):
        try:
            return float(plain)
        except OverflowError:
            return math.inf if plain > 0 else -math.inf
    try:
        number = reals.refine(lambda: ExpressionAt(value, {}).value().value)
    except reals.OutOfPrecision:
        raise CalcError(f"the value of {name} is not a real number: {text}") from None
    return reals.nearest_float(number)


def _is_zero(value: Node) -> bool:
    """Whether a value that became 0 as a float is 0."""
    return reals.is_negligible(reals.refine(lambda: ExpressionAt(value, {}).value().value))
