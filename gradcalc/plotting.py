"""An expression and its derivative along an interval, to be drawn: proven curves, autograd's numbers, and what is notable.

Comes in: a `Problem` without its point, the variable that moves, and the ends of its interval.  Goes out: a `Plot`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from gradcalc import deadline
from gradcalc.calculate import answer, foresee, prepare
from gradcalc.deadline import DEFAULT_SECONDS
from gradcalc.errors import CalcError
from gradcalc.points import sweep, value_tree
from gradcalc.report import Problem, Report, Verdict, worst
from gradcalc.syntax import Node

MAX_POINTS = 1_000
SAMPLES = 320
"""Pieces of a curve."""
_PIECES = 40
"""Pieces of the interval that a survey begins with."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place where the expression is not smooth: where, as a number and as people write it, of which kind, and its slopes.

    `exact`: it is just there, and that was proven as for any point; else it is there to ten digits.
    """

    x: float
    text: str
    kind: str
    exact: bool
    left: str | None
    right: str | None


@dataclass(frozen=True, slots=True)
class Plot:
    """What is to be drawn.

    `values` and `slopes` belong to the places `xs`, by Taylor arithmetic; None where there are none.  `points` are the
    answers at fewer places.  `gaps` are stretches without a value, `unseen` those where marks may be missing.
    """

    problem: Problem
    name: str
    xs: Sequence[float]
    values: Sequence[float | None]
    slopes: Sequence[float | None]
    points: Sequence[Report]
    marks: Sequence[Mark]
    gaps: Sequence[tuple[float, float]]
    unseen: Sequence[tuple[float, float]]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the points."""
        return worst(report.verdict for report in self.points if report.verdict is not None)


def plot(problem: Problem, name: str, start: str, stop: str, *, points: int = 21, seconds: float = DEFAULT_SECONDS) -> Plot:
    """Compute what is to be drawn; `problem.at` has the other variables.  `points` is how often autograd is asked.

    Raises `CalcError` for an interval that is none, for arrays, and for a question that cannot be answered.
    """
    from gradcalc.witness import balls, taylor

    low, high = (balls.to_fraction(balls.ball(taylor.evaluate(value_tree(name, text), {}).value)) for text in (start, stop))
    if low == high:
        raise CalcError(f"from {start} to {stop} there is nothing to draw", hint=f"write --at {name}=-3:3")
    problem = replace(problem, by=(name,))
    grid = sweep({**problem.at, name: f"{start}:{stop}:{points}"})
    prepared = [prepare(replace(problem, at=at), seconds=seconds) for at in grid]
    prepared[0].needs_a_number("a curve is of one number")
    foresee(prepared[0])
    (tree,) = prepared[0].entries.entries
    fixed = {other: value_tree(other, text) for other, text in problem.at.items()}
    low, high = min(low, high), max(low, high)
    xs, values, slopes = _curve(tree, name, fixed, low, high, seconds)
    marks, gaps, unseen = _survey(tree, name, fixed, low, high, seconds)
    return Plot(problem, name, xs, values, slopes, [answer(each) for each in prepared], marks, gaps, unseen)


def _curve(
    tree: Node, name: str, fixed: Mapping[str, Node], low: Fraction, high: Fraction, seconds: float
) -> tuple[list[float], list[float | None], list[float | None]]:
    """The values and the slopes at evenly spaced places; where there was no time any more, there are none."""
    from gradcalc.proof.regularity import examine
    from gradcalc.proof.site import Site
    from gradcalc.witness import balls

    places = [low + (high - low) * place / SAMPLES for place in range(SAMPLES + 1)]
    values: list[float | None] = [None] * len(places)
    slopes: list[float | None] = [None] * len(places)
    try:
        with deadline.limit(seconds):
            for place, x in enumerate(places):
                try:
                    found = examine(Site(tree, {**fixed, name: x}), [name])
                except balls.OutOfPrecision:
                    continue
                values[place] = None if found.value is None else balls.nearest_float(found.value)
                slopes[place] = None if found.derivative is None else balls.nearest_float(found.derivative)
    except deadline.OutOfTime:
        pass
    return [float(x) for x in places], values, slopes


Stretches = list[tuple[float, float]]


def _survey(
    tree: Node, name: str, fixed: Mapping[str, Node], low: Fraction, high: Fraction, seconds: float
) -> tuple[list[Mark], Stretches, Stretches]:
    from gradcalc.points import plain
    from gradcalc.proof.stretches import survey

    ends = [low + (high - low) * place / _PIECES for place in range(_PIECES + 1)]
    try:
        with deadline.limit(seconds):
            found = survey(tree, name, fixed, ends)
    except deadline.OutOfTime:
        return [], [], [(float(low), float(high))]
    marks = [
        Mark(float(it.at), plain(it.at) if it.exact else f"{float(it.at):.10g}", str(it.kind), it.exact, it.left, it.right)
        for it in found.marks
    ]
    gaps, unseen = ([(float(gap.start), float(gap.stop)) for gap in stretches] for stretches in (found.gaps, found.unseen))
    return marks, gaps, unseen
