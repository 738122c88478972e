"""The two panels of a plot, whatever they are drawn with: an expression above its derivative.

Comes in: a `Plot`.  Goes out: for each panel the exact curve in pieces, autograd's points, and the range of the axis.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gradcalc.commands.plot.curve import LARGEST, Mark, Plot, extent
from gradcalc.errors import CalcError
from gradcalc.output.numbers import axis_label
from gradcalc.output.options import function_letter
from gradcalc.report import Report, Verdict

_CONTINUOUS = ("kink", "vertical", "removable", "edge")
"""Marks that a curve is not cut at."""
_WORDS = {
    "kink": "kink", "jump": "jump", "pole": "pole", "edge": "boundary of the domain", "vertical": "vertical tangent",
    "removable": "no value, but a limit", "domain": "no value",
    "unknown": "not smooth",
}  # fmt: skip
TOO_FAST = "the curve is undersampled"

Segment = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Dot:
    """A number of autograd's; where it is nan or infinite, `y` is the exact number, or None where that is not known."""

    x: float
    y: float | None
    verdict: Verdict
    is_finite: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """A name, the exact curve in pieces, autograd's numbers, and the range of the axis."""

    name: str
    curve: list[Segment]
    dots: list[Dot]
    y: tuple[float, float]


def panels(plot: Plot) -> Iterator[Panel]:
    """The panel of the expression, then that of its derivative.  Raises `CalcError` for what is too large to be drawn."""
    f = function_letter(plot.points[0])
    for place, (name, numbers, through) in enumerate(
        ((f, plot.values, _CONTINUOUS), (f"∂{f}/∂{plot.name}", plot.slopes, ("removable",)))
    ):
        dots = [dot for report in plot.points if (dot := _dot(report, place)) is not None]
        curve = _segments(plot, numbers, through)
        heights = [y for piece in curve for _, y in piece] or [dot.y for dot in dots if dot.y is not None]
        low, high = extent(heights)
        if max(-low, high) > LARGEST:
            hint = "divide it by a large number, or take a shorter range"
            raise CalcError(f"{name} is too large to display: it has values beyond {LARGEST:g}", hint=hint)
        yield Panel(name, curve, dots, (low, high))


def _dot(report: Report, place: int) -> Dot | None:
    """Autograd's value (0) or derivative (1) at a point; None where there is none to draw."""
    x, *both = point(report)
    number = both[place]
    if report.verdict is None or number is None or not math.isfinite(x):
        return None
    if math.isfinite(number):
        return Dot(x, number, report.verdict, is_finite=True)
    truth = report.partials[0].symbolic if place or report.value is None else report.value.symbolic
    if truth is None and report.verdict is not Verdict.NOT_FINITE:
        return None  # there is no number to return
    y = float(truth) if truth is not None else math.nan
    return Dot(x, y if math.isfinite(y) else None, report.verdict, is_finite=False)


def point(report: Report) -> tuple[float, float | None, float | None]:
    """The place of a point, the value and the derivative there, as torch computes them."""
    (partial,) = report.partials
    value = None if report.value is None else report.value.autograd
    return report.point[partial.by[0]], value, partial.autograd


def _segments(plot: Plot, numbers: Sequence[float | None], through: Sequence[str]) -> list[Segment]:
    """A curve in pieces: it is cut where a number is missing, and at marks but for the kinds in `through`."""
    cuts = sorted([mark.x for mark in plot.marks if mark.kind not in through] + [x for ends in plot.unseen for x in ends])
    pieces: list[Segment] = [[]]
    before = -math.inf
    for x, number in zip(plot.xs, numbers, strict=True):
        if number is None or any(before <= cut <= x for cut in cuts):
            pieces.append([])
        if number is not None and math.isfinite(number):
            pieces[-1].append((x, number))
        before = x
    return [piece for piece in pieces if piece]


# ------------------------------------------------------------------------------------------------------------- words


def verdict_counts(plot: Plot) -> str:
    """`21 points: 19 agree, 2 not-differentiable`."""
    counts = Counter(str(report.verdict) for report in plot.points)
    return f"{len(plot.points)} points: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())


def mark_text(mark: Mark, name: str) -> str:
    """What is marked, and where: `kink at x = 0: the slopes are -1 and 1`."""
    place = f"{name} {'=' if mark.exact else '≈'} {mark.text}"
    slopes = f": the slopes are {mark.left} and {mark.right}" if mark.kind == "kink" and mark.left and mark.right else ""
    if mark.kind == "unknown" and not mark.exact:
        return f"perhaps not smooth at {place}"
    return f"{_WORDS[mark.kind]} at {place}{slopes}"


def not_finite_stretches(plot: Plot) -> Iterator[str]:
    """Where the derivative is finite and autograd returned nan or inf, by runs of neighbouring points."""
    width = plot.xs[-1] - plot.xs[0]
    run: list[float] = []
    for report in [*plot.points, None]:
        if report is not None and report.verdict is Verdict.NOT_FINITE:
            run.append(point(report)[0])
        elif run:
            ends = [axis_label(x, width) for x in (run[0], run[-1])]
            several = f"{len(run)} points, {plot.name} from {ends[0]} to {ends[1]}"
            yield f"autograd returns nan or inf at {several if len(run) > 1 else f'{plot.name} = {ends[0]}'}"
            run = []
