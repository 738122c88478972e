"""An expression and its derivative along an interval, to be drawn: exact places of a curve, autograd's numbers, and marks.

Comes in: a query with the values of the other variables, the variable that moves, and the ends of its interval.  Goes out:
a `Plot`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from gradcalc.calculate.answer import answer, prefetch
from gradcalc.calculate.prepared import PreparedQuery, prepare
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import named_entries
from gradcalc.expression.decimals import plain
from gradcalc.expression.tree import Node
from gradcalc.inputs.points import sweep
from gradcalc.inputs.query import Question, Wrt
from gradcalc.inputs.values import Point, Value
from gradcalc.proof.smoothness.differentiability import examine
from gradcalc.proof.smoothness.subdivision import find_singularities
from gradcalc.report import Report, Verdict, worst
from gradcalc.runtime import deadline
from gradcalc.runtime.deadline import DEFAULT_SECONDS

LARGEST = 1e300
"""Largest magnitude plotted: headroom for axis arithmetic."""
SAMPLES = 160
"""Pieces of a curve; it is computed at their ends and at a place within each."""
_PIECES = 40
"""Pieces of the interval that the search for singularities begins with."""

Stretches = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place where the expression is not smooth: the number, its text, the kind, and the one-sided slopes.

    `exact` if the place is exact and was examined there; otherwise it is known to ten digits.
    """

    x: float
    text: str
    kind: str
    exact: bool
    left: str | None
    right: str | None


@dataclass(frozen=True, slots=True)
class Plot:
    """An expression and its derivative along an interval.

    `values` and `slopes` belong to the places `xs`, by Taylor arithmetic, rounded to doubles; None where there are none,
    or none were found.  `points` are the answers at fewer places.  `gaps` are stretches without a value, `unseen` those
    where marks may be missing.  A curve is `undersampled` if it differs between the places from what it seems.  `missing`
    names in sentences the parts that were not computed within the time limit.
    """

    fixed: Mapping[str, str]
    """The values of the other variables, as they were typed."""
    name: str
    xs: Sequence[float]
    values: Sequence[float | None]
    slopes: Sequence[float | None]
    points: Sequence[Report]
    marks: Sequence[Mark]
    gaps: Sequence[tuple[float, float]]
    unseen: Sequence[tuple[float, float]]
    undersampled: bool
    missing: Sequence[str] = ()
    is_whole: bool = True
    """Whether autograd was asked at all points."""

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the points; those that were not computed in time are undecided."""
        return worst(verdict for verdict in self.verdicts if verdict is not None)

    @property
    def verdicts(self) -> tuple[Verdict | None, ...]:
        """The verdicts of all points."""
        verdicts = tuple(report.verdict for report in self.points)
        return verdicts if self.is_whole else (*verdicts, Verdict.UNDECIDED)


def plot(
    question: Question, name: str, start: str, stop: str, *, points: int = 21, seconds: float = DEFAULT_SECONDS
) -> Plot:
    """Compute the curve, the marks and autograd's answers at `points` points; the question has the other variables' values.

    All of it has `seconds` together: half of them are for the curve, a quarter is for what is not smooth, the rest for
    autograd.  What is found until then is drawn.
    Raises `CalcError` for an interval that is none, or that doubles do not tell the places of; for what is not one number;
    and for a question that cannot be answered, or not in time.
    """
    (axis,) = sweep({name: f"{start}:{stop}:{points}"}).axes.values()
    low, high = sorted((_end(name, axis[0]), _end(name, axis[points - 1])))
    if low == high:
        raise CalcError(f"from {start} to {stop} the range is empty", hint=f"write --at {name}=-3:3")
    if max(abs(low), abs(high)) > LARGEST:
        raise CalcError(f"from {start} to {stop} the range is too large", hint=f"the ends must be below {LARGEST:g}")
    places = _places(low, high)
    xs = [float(x) for x in places]
    if any(one == other for one, other in pairwise(xs)):
        message = f"from {start} to {stop} the range is too narrow: it has fewer than {len(xs)} doubles"
        raise CalcError(message, hint=f"rescale {name} so that the range is near 0:1")
    first, *others = (Point({**question.point.values, name: value}) for value in axis)
    prepared = prepare(replace(question.query, wrt=(Wrt(name),)), first, seconds=seconds)
    prepared.require_scalar_value("a curve is of one number")
    prefetch(prepared)
    (tree,) = prepared.entries.entries
    fixed = dict(pair for other, cells in first.entries.items() for pair in named_entries(other, cells))
    with deadline.limit(seconds):
        values, slopes, count = _curve(tree, name, fixed, places)
        marks, gaps, unseen = _survey(tree, name, fixed, low, high)
        left = deadline.left()
    from gradcalc.engines.autograd import backward  # noqa: F401  importing torch is not charged to the points

    with deadline.limit(max(left, seconds / 4)):
        reports = _answers(prepared, others)
    missing = []
    if count < len(xs):
        missing.append(f"no time for the line beyond {name} = {xs[count]:.6g}" if count else "no time for the line")
    if len(reports) < points:
        missing.append(f"no time for autograd at {points - len(reports)} of {points} points")
    is_lost = _is_undersampled(xs, values, slopes, [mark.x for mark in marks])
    is_whole = len(reports) == points
    return Plot(question.point.texts, name, xs, values, slopes, reports, marks, gaps, unseen, is_lost, missing, is_whole)


def _answers(first: PreparedQuery, others: Sequence[Point]) -> list[Report]:
    """The answers at the points, as many as there is time for; at the first there is always one."""
    reports = [answer(first)]
    if not reports[0].point:
        raise CalcError(f"the first point was not computed within {first.seconds:g} seconds")
    for point in others:
        if not deadline.left():
            break
        report = answer(first.at(point))
        if not deadline.left() and report.verdict is Verdict.UNDECIDED:  # the time was over in the middle of it
            break
        reports.append(report)
    return reports


def _end(name: str, value: Value) -> Fraction:
    """An end of the interval, exactly where it is a fraction.  Raises `CalcError` where it is not a real number."""
    try:
        number = reals.refine(lambda: ExpressionAt(value.tree, {}).value().value)
    except reals.OutOfPrecision:
        raise CalcError(f"the value of {name} is not a real number: {value.text}") from None
    return reals.to_fraction(number)


def _places(low: Fraction, high: Fraction) -> list[Fraction]:
    """The ends of even pieces, and about the middle of each another place, at no regular distance: no period hides there."""
    within = [Fraction(1, 2) + Fraction(place * 618 % 1000 - 500, 4000) for place in range(SAMPLES)]
    shares = [share for place, inside in enumerate(within) for share in (place, place + inside)]
    return [low + (high - low) * share / SAMPLES for share in (*shares, SAMPLES)]


def _curve(
    tree: Node, name: str, fixed: Mapping[str, Node], places: Sequence[Fraction]
) -> tuple[list[float | None], list[float | None], int]:
    """The values and the slopes at some places, and at how many of them they were looked for in half of the time."""
    values: list[float | None] = [None] * len(places)
    slopes: list[float | None] = [None] * len(places)
    with deadline.limit(deadline.left() / 2):
        for place, x in enumerate(places):
            try:
                examination = examine(ExpressionAt(tree, {**fixed, name: x}), [name])
            except deadline.OutOfTime:
                return values, slopes, place
            except reals.OutOfPrecision:
                continue
            values[place] = None if examination.value is None else reals.nearest_float(examination.value)
            slopes[place] = None if examination.derivative is None else reals.nearest_float(examination.derivative)
    return values, slopes, len(places)


def extent(numbers: Sequence[float]) -> tuple[float, float]:
    """The ends of the axis on which numbers are drawn; beside poles most of them are shown, not all."""
    finite = sorted(number for number in numbers if math.isfinite(number))
    if not finite:
        return -1.0, 1.0
    low, high = finite[0], finite[-1]
    few = len(finite) // 20
    inner = finite[few], finite[-1 - few]
    width = inner[1] - inner[0]
    if width > 0 and high - low > 4 * width:
        low, high = max(low, inner[0] - width), min(high, inner[1] + width)
    margin = (high - low) * 0.04 or abs(high) * 0.5 or 1.0
    return low - margin, high + margin


_APART = 0.1
"""The share of the drawn height by which a curve may miss what is expected of it; this makes a note, never a verdict."""
_OFTEN = SAMPLES // 40


def _is_undersampled(
    xs: Sequence[float], values: Sequence[float | None], slopes: Sequence[float | None], cuts: Sequence[float]
) -> bool:
    """Whether the curve, or its slope, is often elsewhere within a piece than the cubic through the ends of the piece.

    The cubic has the values and the slopes of the curve at both ends (Hermite).  Pieces with a mark are left out.
    """
    misses = [0, 0]
    axes = [extent([number for number in numbers if number is not None]) for numbers in (values, slopes)]
    for place in range(1, len(xs) - 1, 2):
        numbers = [*values[place - 1 : place + 2], *slopes[place - 1 : place + 2]]
        finite = [number for number in numbers if number is not None and math.isfinite(number)]
        start, x, stop = xs[place - 1 : place + 2]
        if len(finite) < len(numbers) or any(start <= cut <= stop for cut in cuts):
            continue
        # Values are rounded to doubles, and slopes of the cubic are of their differences.
        noise = 1e-14 * (max(map(abs, axes[0])) / (stop - start) + max(map(abs, axes[1])))
        guesses = _cubic((x - start) / (stop - start), stop - start, finite[0], finite[2], finite[3], finite[5])
        for which, (number, guess) in enumerate(zip((finite[1], finite[4]), guesses, strict=True)):
            low, high = axes[which]
            apart = abs(min(max(number, low), high) - min(max(guess, low), high))
            misses[which] += apart > _APART * (high - low) + noise * (which or (stop - start))
    return max(misses) > _OFTEN


def _cubic(t: float, width: float, start: float, stop: float, rise: float, fall: float) -> tuple[float, float]:
    """The value and the slope, at the share `t` of a piece, of the cubic with values and slopes at both ends."""
    value = (1 + 2 * t) * (1 - t) ** 2 * start + t * t * (3 - 2 * t) * stop
    value += t * (1 - t) * width * ((1 - t) * rise - t * fall)
    slope = 6 * t * (1 - t) * ((stop - start) / width) + (1 - t) * (1 - 3 * t) * rise + t * (3 * t - 2) * fall
    return value, slope


def _survey(
    tree: Node, name: str, fixed: Mapping[str, Node], low: Fraction, high: Fraction
) -> tuple[list[Mark], Stretches, Stretches]:
    ends = [low + (high - low) * place / _PIECES for place in range(_PIECES + 1)]
    with deadline.limit(deadline.left() / 2):
        singularities = find_singularities(tree, name, fixed, ends)
    marks = [
        Mark(float(it.at), plain(it.at) if it.exact else f"{float(it.at):.10g}", str(it.kind), it.exact, it.left, it.right)
        for it in singularities.points
    ]
    gaps, unseen = (
        [(float(gap.start), float(gap.stop)) for gap in stretches]
        for stretches in (singularities.undefined, singularities.unresolved)
    )
    return marks, gaps, unseen
