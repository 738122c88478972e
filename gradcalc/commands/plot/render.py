"""An expression and its derivative, drawn: in characters, as an image, and as numbers for machines.

`plain` has tab-separated lines: `point`, its place, the value, the derivative by mathematics and by autograd, the verdict;
`mark`, its place, its kind and the slopes on its two sides; `gap`, its ends; `unseen`, its ends; `undersampled`;
`missing`, what there was no time for.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gradcalc.commands.plot.canvas import Canvas
from gradcalc.commands.plot.curve import LARGEST, Mark, Plot, extent
from gradcalc.errors import CalcError
from gradcalc.output.numbers import axis_label, cut
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.page import Page, color, sign
from gradcalc.output.records import Format, machine_formats
from gradcalc.report import Report, Verdict, exit_code

_HEIGHT = 11
_WIDEST = 100
_LINE = "cyan"
_CONTINUOUS = ("kink", "vertical", "removable", "edge")
"""Marks that a curve is not cut at."""
_WORDS = {
    "kink": "kink", "jump": "jump", "pole": "pole", "edge": "end of the domain", "vertical": "vertical tangent",
    "removable": "no value, but a limit", "domain": "no value",
    "unknown": "not smooth",
}  # fmt: skip

Segment = list[tuple[float, float]]


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


def _point(report: Report) -> tuple[float, float | None, float | None]:
    """The place of a point, the value and the derivative there, as torch computes them."""
    (partial,) = report.partials
    value = None if report.value is None else report.value.autograd
    return report.point[partial.by[0]], value, partial.autograd


Panel = tuple[str, list[Segment], list[tuple[float, float, Verdict]], tuple[float, float]]


def _panels(plot: Plot) -> Iterator[Panel]:
    """What is drawn above and below: a name, the exact curve, autograd's points, and the range of the axis.

    Raises `CalcError` for what is too large to be drawn.
    """
    f = function_letter(plot.points[0])
    for place, (name, numbers, through) in enumerate(
        ((f, plot.values, _CONTINUOUS), (f"∂{f}/∂{plot.name}", plot.slopes, ("removable",)))
    ):
        finite = []
        for report in plot.points:
            x, *both = _point(report)
            y = both[place]
            if y is not None and math.isfinite(x) and math.isfinite(y) and report.verdict is not None:
                finite.append((x, y, report.verdict))
        curve = _segments(plot, numbers, through)
        low, high = extent([y for piece in curve for _, y in piece] or [y for _, y, _ in finite])
        if max(-low, high) > LARGEST:
            hint = "divide it by a large number, or take a shorter range"
            raise CalcError(f"{name} is too large to be drawn: it has values beyond {LARGEST:g}", hint=hint)
        yield name, curve, finite, (low, high)


def _mark_text(mark: Mark, name: str) -> str:
    place = f"{name} {'=' if mark.exact else '≈'} {mark.text}"
    slopes = f": the slopes are {mark.left} and {mark.right}" if mark.kind == "kink" and mark.left and mark.right else ""
    if mark.kind == "unknown" and not mark.exact:
        return f"perhaps not smooth at {place}"
    return f"{_WORDS[mark.kind]} at {place}{slopes}"


# ------------------------------------------------------------------------------------------------------------- table

_MANY = 12


def table(plot: Plot, options: RenderOptions) -> str:
    """Two drawings in characters, the expression and its derivative, and what is marked in them."""
    page = Page(options)
    first = plot.points[0]
    f = function_letter(first)
    page.formula(f, first.read_as)
    (partial,) = first.partials
    if partial.formula is not None:
        page.formula(f"∂{f}/∂{plot.name}", partial.formula)
    others = f", {page.assignments(plot.fixed)}" if plot.fixed else ""
    width = plot.xs[-1] - plot.xs[0]
    page.sentence(f"{plot.name} from {axis_label(plot.xs[0], width)} to {axis_label(plot.xs[-1], width)}{others}")
    page.environment(first.dtype, first.device, first.versions)
    page.notes(first.notes)
    panels = list(_panels(plot))
    margin = max(len(label) for *_, y in panels for label in _labels(y).values())
    for panel in panels:
        page.line()
        _draw(plot, panel, margin, page)
    page.line()
    counts = Counter(str(report.verdict) for report in plot.points)
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    exact = sum(value is not None for value in plot.values)
    line = f"line: exact at {exact} places; " if exact else ""
    page.sentence(f"{line}{_dot(page)}: autograd at {len(plot.points)} points ({verdicts})", "dim", hanging=2)
    if plot.undersampled:
        page.sentence(f"{_TOO_FAST}: take a shorter range", "yellow", hanging=2)
    for sentence in plot.missing:
        page.sentence(sentence, "yellow", hanging=2)
    for mark in plot.marks[:_MANY]:
        page.sentence(_mark_text(mark, plot.name), "yellow", hanging=2)
    if len(plot.marks) > _MANY:
        page.sentence(f"and {len(plot.marks) - _MANY} more marks; --format plain has all of them", "dim")
    for word, stretches in (("no value", plot.gaps), ("too much to look at, marks may be missing", plot.unseen)):
        for start, stop in stretches[:_MANY]:
            page.sentence(f"{word} from {axis_label(start, width)} to {axis_label(stop, width)}", "dim")
    page.verdict(plot.verdict)
    return page.text()


_TOO_FAST = "the curve moves faster than it is drawn"


def _labels(y: tuple[float, float]) -> dict[int, str]:
    """What is written beside rows of a drawing: both ends of the axis, and the middle."""
    rows = {0: y[1], _HEIGHT // 2: (y[0] + y[1]) / 2, _HEIGHT - 1: y[0]}
    return {row: axis_label(number, y[1] - y[0], 4) for row, number in rows.items()}


def _dot(page: Page) -> str:
    return "o" if page.options.ascii else "•"


def _draw(plot: Plot, panel: Panel, margin: int, page: Page) -> None:
    name, curve, points, y = panel
    is_ascii = page.options.ascii
    width = max(min(page.options.width or 80, _WIDEST) - margin - 2, 10)
    ends = plot.xs[0], plot.xs[-1]
    canvas = Canvas(width, _HEIGHT, ends, y, ascii=is_ascii)
    for piece in curve:
        canvas.line(piece, _LINE)
    for x, number, verdict in points:
        if y[0] <= number <= y[1]:
            canvas.sign((x, number), _dot(page) if verdict is Verdict.AGREE else sign(verdict), color(verdict))
    for start, stop in plot.gaps:
        for place in range(width):
            x = ends[0] + (ends[1] - ends[0]) * (place + 0.5) / width
            if start < x < stop:
                canvas.column(x, ":" if is_ascii else "░", "dim")
    for mark in plot.marks:
        canvas.column(mark.x, "|" if is_ascii else "╎", "yellow")
    page.line(name)
    labels = _labels(y)
    for row, cells in enumerate(canvas.rows()):
        label = labels.get(row, "")
        page.row(f"{label:>{margin}} {'|' if is_ascii else '┤' if label else '│'}", *cells)
    for line in _scale(ends, width):
        page.line(" " * (margin + 2) + line)


def _scale(ends: tuple[float, float], width: int) -> list[str]:
    """What is written below a drawing: both ends of the axis, and the middle where there is room."""
    first, middle, last = (axis_label(x, ends[1] - ends[0]) for x in (ends[0], (ends[0] + ends[1]) / 2, ends[1]))
    half = width // 2
    if len(first) < half and half + len(middle) < width - len(last):
        first = first.ljust(half) + middle
    if len(first) + len(last) < width:
        return [first.ljust(width - len(last)) + last]
    return [first, last.rjust(width)]


# ------------------------------------------------------------------------------------------------------------ images


def image(plot: Plot, path: str) -> None:
    """Write a drawing as PNG, SVG or PDF, by the ending of the path.

    Raises `CalcError` without matplotlib, and for what cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        hint = "pip install 'gradcalc[plot]' installs it"
        raise CalcError("images are drawn by matplotlib, which is not installed", hint=hint) from None
    panels = list(_panels(plot))
    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True)
    first = plot.points[0]
    for ax, (name, curve, points, y) in zip(axes, panels, strict=True):
        for piece in curve:
            ax.plot(*zip(*piece, strict=True), "-" if len(piece) > 1 else ".", color="C0")
        if curve:
            ax.plot([], [], "-", color="C0", label="exact")
        for verdict in dict.fromkeys(verdict for _, _, verdict in points):
            same = [(x, number) for x, number, own in points if own is verdict]
            ax.scatter(*zip(*same, strict=True), s=16, color=_INK[verdict], zorder=3, label=f"autograd: {verdict}")
        for place, mark in enumerate(plot.marks):
            ax.axvline(mark.x, color="C1", linestyle=":", label=None if place else "not smooth")
        for place, (start, stop) in enumerate(plot.gaps):
            ax.axvspan(start, stop, color="0.9", label=None if place else "no value")
        ax.set_ylim(*y)
        ax.set_ylabel(name)
        ax.grid(alpha=0.3)
    axes[0].set_title(f"{function_letter(first)} = {cut(first.read_as, _LONGEST)}")
    axes[0].legend(fontsize="small")
    if plot.undersampled or plot.missing:
        figure.suptitle("; ".join([*[_TOO_FAST] * plot.undersampled, *plot.missing]), fontsize="small", color="C3")
    axes[1].set_xlabel(plot.name)
    axes[1].set_xlim(plot.xs[0], plot.xs[-1])
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise CalcError(f"cannot write {path}: {error.strerror or error}") from None


_INK = {verdict: "C3" if verdict in (Verdict.DISAGREE, Verdict.NOT_FINITE) else "C1" for verdict in Verdict} | {
    Verdict.AGREE: "C2"
}
_LONGEST = 70


def _rows(plot: Plot) -> Iterator[Sequence[object]]:
    for report in plot.points:
        x, value, slope = _point(report)
        yield "point", x, value, report.partials[0].symbolic, slope, report.verdict
    for mark in plot.marks:
        yield "mark", mark.x, mark.kind, mark.left, mark.right
    yield from (("gap", *ends) for ends in plot.gaps)
    yield from (("unseen", *ends) for ends in plot.unseen)
    if plot.undersampled:
        yield ("undersampled",)
    yield from (("missing", sentence) for sentence in plot.missing)


def _fields(plot: Plot) -> Mapping[str, object]:
    first = plot.points[0]
    return {
        "read_as": first.read_as,
        "notes": first.notes,
        "formula": first.partials[0].formula,
        "variable": plot.name,
        "dtype": first.dtype,
        "device": first.device,
        "x": plot.xs,
        "values": plot.values,
        "slopes": plot.slopes,
        "marks": [{"at": mark.x, **{key: getattr(mark, key) for key in _MARK_KEYS}} for mark in plot.marks],
        "gaps": plot.gaps,
        "unseen": plot.unseen,
        "undersampled": plot.undersampled,
        "missing": plot.missing,
        "points": plot.points,
    }


def _conclusion(plot: Plot, options: RenderOptions) -> Mapping[str, object]:
    return {"verdict": plot.verdict, "exit_code": int(exit_code(plot.verdict)), "versions": plot.points[0].versions}


_MARK_KEYS = ("text", "kind", "exact", "left", "right")

FORMATS: dict[str, Format[Plot]] = {"table": table, **machine_formats("plot", _rows, _fields, _conclusion)}
