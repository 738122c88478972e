"""A plot as text: two panels of characters, the expression above its derivative, that fit the terminal.

Comes in: a `Plot`, and what the output can show.  Goes out: text.
"""

from __future__ import annotations

from gradcalc.commands.plot.canvas import Canvas
from gradcalc.commands.plot.curve import Plot
from gradcalc.commands.plot.panels import TOO_FAST, Panel, mark_text, not_finite_stretches, panels, verdict_counts
from gradcalc.commands.plot.ticks import Tick, ticks
from gradcalc.output.numbers import axis_label
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.page import Page, color, sign
from gradcalc.report import Verdict

_ROWS, _FEWEST, _MOST = 11, 3, 20
"""Rows of a panel: where the height is not known, and the range where it is."""
_AROUND = 5
"""Lines beside the rows of the panels: two names, an axis, a blank line, and the next prompt."""
_WIDEST = 100
_LINE = "cyan"
_MANY = 12


def table(plot: Plot, options: RenderOptions) -> str:
    """The formulas and the verdict, two drawings, and what is marked in them."""
    page, below = Page(options), Page(options)
    first = plot.points[0]
    f = function_letter(first)
    (partial,) = first.partials
    page.formula(f, first.read_as, most=1)
    if partial.formula is not None:
        page.formula(f"∂{f}/∂{plot.name}", partial.formula, most=1, style="bold")
    page.verdict(plot.verdict, f" ({verdict_counts(plot)})")
    page.notes(first.notes)
    _legend(plot, below)
    rows = _ROWS
    if options.height is not None:
        rows = min(max((options.height - page.height - below.height - _AROUND) // 2, _FEWEST), _MOST)
    both = list(panels(plot))
    labels = [ticks(*panel.y, max(rows // 2, 2)) for panel in both]
    margin = max(len(text) for axis in labels for _, text in axis)
    for panel, axis in zip(both, labels, strict=True):
        page.line(panel.name)
        width = _draw(plot, panel, axis, margin, rows, page)
    page.line(" " * (margin + 2) + _scale(plot, width))
    page.line()
    page.append(below)
    return page.text()


def _legend(plot: Plot, page: Page) -> None:
    """What the drawings show, and what is marked."""
    for sentence in not_finite_stretches(plot):
        page.sentence(sentence, "red", hanging=2)
    if plot.undersampled:
        page.sentence(f"{TOO_FAST}: take a shorter range", "yellow", hanging=2)
    for sentence in plot.missing:
        page.sentence(sentence, "yellow", hanging=2)
    for mark in plot.marks[:_MANY]:
        page.sentence(mark_text(mark, plot.name), "yellow", hanging=2)
    if len(plot.marks) > _MANY:
        page.sentence(f"and {len(plot.marks) - _MANY} more marks; --format plain has all of them", "dim")
    width = plot.xs[-1] - plot.xs[0]
    for word, stretches in (("no value", plot.gaps), ("not searched for marks in time:", plot.unseen)):
        for start, stop in stretches[:_MANY]:
            page.sentence(f"{word} from {axis_label(start, width)} to {axis_label(stop, width)}", "dim")
    exact = sum(value is not None for value in plot.values)
    line = f"line: exact at {exact} points; " if exact else ""
    others = f", {page.assignments(plot.fixed)}" if plot.fixed else ""
    ends = [axis_label(x, width) for x in (plot.xs[0], plot.xs[-1])]
    first = plot.points[0]
    run = f"{_dot(page)}: autograd in {first.dtype} on {first.device}"
    page.sentence(f"{line}{run}; {plot.name} from {ends[0]} to {ends[1]}{others}", "dim", hanging=2)
    if page.options.verbose:
        page.environment(first.dtype, first.device, first.versions)


def _dot(page: Page) -> str:
    return "o" if page.options.ascii else "•"


def _draw(plot: Plot, panel: Panel, axis: list[Tick], margin: int, rows: int, page: Page) -> int:
    """Draw a panel with its vertical axis; returns the width of the field."""
    is_ascii, y = page.options.ascii, panel.y
    width = max(min(page.options.width or 80, _WIDEST) - margin - 2, 10)
    ends = plot.xs[0], plot.xs[-1]
    canvas = Canvas(width, rows, ends, y, ascii=is_ascii)
    for piece in panel.curve:
        canvas.line(piece, _LINE)
    for dot in panel.dots:
        if not dot.is_finite:  # it stands where the number should be
            place = y[0] if dot.y is None else min(max(dot.y, y[0]), y[1])
            canvas.sign((dot.x, place), sign(Verdict.NOT_FINITE), "bold red")
        elif dot.y is not None and y[0] <= dot.y <= y[1]:
            text = _dot(page) if dot.verdict is Verdict.AGREE else sign(dot.verdict)
            canvas.sign((dot.x, dot.y), text, color(dot.verdict))
    for start, stop in plot.gaps:
        for place in range(width):
            x = ends[0] + (ends[1] - ends[0]) * (place + 0.5) / width
            if start < x < stop:
                canvas.column(x, ":" if is_ascii else "░", "dim")
    for mark in plot.marks:
        canvas.column(mark.x, "|" if is_ascii else "╎", "yellow")
    labels = {canvas.row_of(place): text for place, text in axis}
    for row, cells in enumerate(canvas.rows()):
        label = labels.get(row, "")
        page.row(f"{label:>{margin}} {'|' if is_ascii else '┤' if label else '│'}", *cells)
    return width


def _scale(plot: Plot, width: int) -> str:
    """The labels below a drawing, each centred below its place, and the name of the variable at the right end."""
    for most in range(max(width // 10, 2), 0, -1):
        labels = _labels(plot, width, most)
        if labels is not None:
            return labels
    return plot.name.rjust(width)


def _labels(plot: Plot, width: int, most: int) -> str | None:
    """The labels of at most so many ticks; None where they overlap."""
    low, high = plot.xs[0], plot.xs[-1]
    room = width - len(plot.name) - 1
    line = ""
    for place, label in ticks(low, high, most):
        start = round((place - low) / (high - low) * (width - 1)) - len(label) // 2
        start = min(max(start, 0), room - len(label))
        if start < len(line) + bool(line):
            return None
        line = line.ljust(start) + label
    return f"{line.ljust(room)} {plot.name}"
