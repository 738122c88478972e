"""An expression and its derivative, drawn: in characters, as an image, and as numbers for machines.

`plain` has tab-separated lines: `point`, its place, the value, the derivative by mathematics and by autograd, the verdict;
`mark`, its place, its kind and the slopes on its two sides; `gap`, its ends; `unseen`, its ends.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gradcalc.errors import CalcError
from gradcalc.plotting import Mark, Plot
from gradcalc.render import RenderOptions, function_letter
from gradcalc.render import json as machine
from gradcalc.report import SCHEMA, Report, Verdict

if TYPE_CHECKING:
    from gradcalc.render.page import Page

IMAGES = (".png", ".svg", ".pdf")
_HEIGHT = 11
_LABELS = 10
_WIDEST = 100
_LINE = "cyan"
_CONTINUOUS = ("kink", "vertical", "removable", "edge")
"""Marks that a curve is not cut at."""
_WORDS = {
    "kink": "kink", "jump": "jump", "pole": "pole", "edge": "end of the domain", "vertical": "vertical tangent",
    "removable": "no value, but a limit", "domain": "no value", "oscillation": "no slope",
    "unknown": "not smooth",
}  # fmt: skip

Segment = list[tuple[float, float]]


def _segments(found: Plot, numbers: Sequence[float | None], through: Sequence[str]) -> list[Segment]:
    """A curve in pieces: it is cut where there is no number, and at marks, but for those that it goes through."""
    cuts = sorted([mark.x for mark in found.marks if mark.kind not in through] + [x for ends in found.unseen for x in ends])
    pieces: list[Segment] = [[]]
    before = -math.inf
    for x, number in zip(found.xs, numbers, strict=True):
        if number is None or any(before <= cut <= x for cut in cuts):
            pieces.append([])
        if number is not None and math.isfinite(number):
            pieces[-1].append((x, number))
        before = x
    return [piece for piece in pieces if piece]


def _range(numbers: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis; beside poles most of the numbers are shown, not all."""
    known = sorted(number for number in numbers if math.isfinite(number))
    if not known:
        return -1.0, 1.0
    low, high = known[0], known[-1]
    few = len(known) // 20
    inner = known[few], known[-1 - few]
    width = inner[1] - inner[0]
    if width > 0 and high - low > 4 * width:
        low, high = max(low, inner[0] - width), min(high, inner[1] + width)
    margin = (high - low) * 0.04 or abs(high) * 0.5 or 1.0
    return low - margin, high + margin


def _point(report: Report) -> tuple[float, float | None, float | None]:
    """The place of a point, the value and the derivative there, as torch computes them."""
    (partial,) = report.partials
    value = None if report.value is None else report.value.autograd
    return report.point[partial.by[0]], value, partial.autograd


def _panels(found: Plot) -> Iterator[tuple[str, list[Segment], list[tuple[float, float, Verdict]], tuple[float, float]]]:
    """What is drawn above and below: a name, the proven curve, autograd's points, and the range of the axis."""
    f = function_letter(found.points[0])
    for place, (name, numbers, through) in enumerate(
        ((f, found.values, _CONTINUOUS), (f"∂{f}/∂{found.name}", found.slopes, ("removable",)))
    ):
        points = [(_point(report)[0], _point(report)[1 + place], report.verdict) for report in found.points]
        known = [(x, y, verdict) for x, y, verdict in points if y is not None and math.isfinite(y) and verdict is not None]
        curve = _segments(found, numbers, through)
        yield name, curve, known, _range([y for piece in curve for _, y in piece] or [y for _, y, _ in known])


def _told(mark: Mark, name: str) -> str:
    place = f"{name} {'=' if mark.exact else '≈'} {mark.text}"
    slopes = f": the slopes are {mark.left} and {mark.right}" if mark.kind == "kink" and mark.left and mark.right else ""
    if mark.kind == "unknown" and not mark.exact:
        return f"perhaps not smooth at {place}"
    return f"{_WORDS[mark.kind]} at {place}{slopes}"


# ------------------------------------------------------------------------------------------------------------- table

_MANY = 12


def table(found: Plot, options: RenderOptions) -> str:
    """Two drawings in characters, the expression and its derivative, and what is marked in them."""
    from gradcalc.render.page import Page, last_line, ran_on

    page = Page(options)
    first = found.points[0]
    f = function_letter(first)
    page.formula(f, first.read_as)
    (partial,) = first.partials
    if partial.formula is not None:
        page.formula(f"∂{f}/∂{found.name}", partial.formula)
    others = "".join(f", {name} = {text}" for name, text in found.problem.at.items())
    page.sentence(f"{found.name} from {_short(found.xs[0])} to {_short(found.xs[-1])}{others}")
    ran_on(first.dtype, first.device, first.versions, page)
    for panel in _panels(found):
        page.line()
        _draw(found, *panel, page)
    page.line()
    counts = Counter(str(report.verdict) for report in found.points)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    page.sentence(f"line: proven; {_dot(page)}: autograd at {len(found.points)} points ({told})", "dim", hanging=2)
    for mark in found.marks[:_MANY]:
        page.sentence(_told(mark, found.name), "yellow", hanging=2)
    if len(found.marks) > _MANY:
        page.sentence(f"and {len(found.marks) - _MANY} more marks; --format plain has all of them", "dim")
    for word, stretches in (("no value", found.gaps), ("too much to look at, marks may be missing", found.unseen)):
        for start, stop in stretches[:_MANY]:
            page.sentence(f"{word} from {_short(start)} to {_short(stop)}", "dim")
    page.line()
    last_line(found.verdict, "", page)
    return page.written()


def _short(x: float) -> str:
    return f"{x:.6g}"


def _dot(page: Page) -> str:
    return "o" if page.options.ascii else "•"


def _draw(
    found: Plot, name: str, curve: Sequence[Segment], points: Sequence[tuple[float, float, Verdict]], y: tuple[float, float],
    page: Page,
) -> None:  # fmt: skip
    from gradcalc.render.canvas import Canvas
    from gradcalc.render.page import color, sign

    is_ascii = page.options.ascii
    width = max(min(page.options.width or 80, _WIDEST) - _LABELS - 2, 10)
    ends = found.xs[0], found.xs[-1]
    canvas = Canvas(width, _HEIGHT, ends, y, ascii=is_ascii)
    for piece in curve:
        canvas.line(piece, _LINE)
    for x, number, verdict in points:
        if y[0] <= number <= y[1]:
            canvas.sign((x, number), _dot(page) if verdict is Verdict.AGREE else sign(verdict), color(verdict))
    for start, stop in found.gaps:
        for place in range(width):
            x = ends[0] + (ends[1] - ends[0]) * (place + 0.5) / width
            if start < x < stop:
                canvas.column(x, ":" if is_ascii else "░", "dim")
    for mark in found.marks:
        canvas.column(mark.x, "|" if is_ascii else "╎", "yellow")
    page.line(name)
    labels = {0: y[1], _HEIGHT // 2: (y[0] + y[1]) / 2, _HEIGHT - 1: y[0]}
    for row, text in enumerate(canvas.rows()):
        label = f"{labels[row]:.4g}" if row in labels else ""
        page.drawn(f"{label:>{_LABELS}} {'|' if is_ascii else '┤' if label else '│'}", text)
    middle = _short((ends[0] + ends[1]) / 2)
    scale = f"{_short(ends[0]):<{width // 2}}{middle}".ljust(width)
    last = _short(ends[1])
    page.line(" " * (_LABELS + 2) + scale[: width - len(last)] + last)


# ------------------------------------------------------------------------------------------------------------ images


def image(found: Plot, path: str) -> None:
    """Write a drawing as PNG, SVG or PDF, by the ending of the path.

    Raises `CalcError` without matplotlib, and for what cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        hint = "pip install 'gradcalc[plot]' installs it"
        raise CalcError("images are drawn by matplotlib, which is not installed", hint=hint) from None
    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True)
    first = found.points[0]
    for ax, (name, curve, points, y) in zip(axes, _panels(found), strict=True):
        for piece in curve:
            ax.plot(*zip(*piece, strict=True), "-" if len(piece) > 1 else ".", color="C0")
        ax.plot([], [], "-", color="C0", label="proven")
        for verdict in dict.fromkeys(verdict for _, _, verdict in points):
            chosen = [(x, number) for x, number, own in points if own is verdict]
            ax.scatter(*zip(*chosen, strict=True), s=16, color=_INK[verdict], zorder=3, label=f"autograd: {verdict}")
        for place, mark in enumerate(found.marks):
            ax.axvline(mark.x, color="C1", linestyle=":", label=None if place else "not smooth")
        for place, (start, stop) in enumerate(found.gaps):
            ax.axvspan(start, stop, color="0.9", label=None if place else "no value")
        ax.set_ylim(*y)
        ax.set_ylabel(name)
        ax.grid(alpha=0.3)
    axes[0].set_title(f"{function_letter(first)} = {_cut(first.read_as)}")
    axes[0].legend(fontsize="small")
    axes[1].set_xlabel(found.name)
    axes[1].set_xlim(found.xs[0], found.xs[-1])
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise CalcError(f"cannot write {path}: {error.strerror or error}") from None


_INK = {verdict: "C3" if verdict is Verdict.DISAGREE else "C1" for verdict in Verdict} | {Verdict.AGREE: "C2"}
_LONGEST = 70


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


# ---------------------------------------------------------------------------------------------------------- machines


def plain(found: Plot, options: RenderOptions) -> str:
    """Tab-separated lines: the points, the marks, the gaps."""
    lines: list[list[Any]] = []
    for report in found.points:
        (partial,) = report.partials
        x, value, slope = _point(report)
        lines.append(["point", x, value, partial.symbolic, slope, report.verdict])
    lines += [["mark", mark.text, mark.kind, mark.left, mark.right] for mark in found.marks]
    lines += [["gap", *ends] for ends in found.gaps]
    lines += [["unseen", *ends] for ends in found.unseen]
    cells = ["\t".join("" if cell is None else str(cell) for cell in line) for line in lines]
    return "".join(options.text(line) + "\n" for line in cells)


def json(found: Plot, options: RenderOptions) -> str:
    """One object: the curves, the marks, and the answer at each point."""
    return machine.line(
        {
            "schema": SCHEMA,
            "command": "plot",
            "variable": found.name,
            "x": list(found.xs),
            "values": list(found.values),
            "slopes": list(found.slopes),
            "marks": [
                {"at": mark.text, "kind": mark.kind, "exact": mark.exact, "left": mark.left, "right": mark.right}
                for mark in found.marks
            ],
            "gaps": list(found.gaps),
            "unseen": list(found.unseen),
            "points": [machine.as_object(report) for report in found.points],
        }
    )


FORMATS: dict[str, Callable[[Plot, RenderOptions], str]] = {"table": table, "plain": plain, "json": json}
