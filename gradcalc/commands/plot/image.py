"""A plot as PNG, SVG or PDF, drawn by matplotlib."""

from __future__ import annotations

from gradcalc.commands.plot.curve import Plot
from gradcalc.commands.plot.panels import TOO_FAST, Panel, panels, verdict_counts
from gradcalc.errors import CalcError
from gradcalc.output.numbers import cut
from gradcalc.output.options import function_letter
from gradcalc.report import Verdict

_WRONG, _EXPLAINED, _RIGHT = ("C3", "X"), ("C1", "^"), ("C2", "o")
"""Colour and marker of autograd's numbers: both, for those who see no colours."""
_STYLES = {verdict: _WRONG if verdict in (Verdict.DISAGREE, Verdict.NOT_FINITE) else _EXPLAINED for verdict in Verdict} | {
    Verdict.AGREE: _RIGHT
}
_LONGEST = 70


def image(plot: Plot, path: str) -> None:
    """Write a drawing, in the format of the ending of the path.

    Raises `CalcError` without matplotlib, and for what cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        hint = "pip install matplotlib"
        raise CalcError("images need matplotlib, which is not installed", hint=hint) from None
    both = list(panels(plot))
    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True)
    for ax, panel in zip(axes, both, strict=True):
        _draw(ax, plot, panel)
    first = plot.points[0]
    title = f"{function_letter(first)} = {cut(first.read_as, _LONGEST)}"
    axes[0].set_title(f"{title}\n{plot.verdict} ({verdict_counts(plot)})", fontsize="medium")
    axes[0].legend(fontsize="small")
    if plot.undersampled or plot.missing:
        figure.suptitle("; ".join([*[TOO_FAST] * plot.undersampled, *plot.missing]), fontsize="small", color="C3")
    axes[1].set_xlabel(plot.name)
    axes[1].set_xlim(plot.xs[0], plot.xs[-1])
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise CalcError(f"cannot write {path}: {error.strerror or error}") from None


def _draw(ax, plot: Plot, panel: Panel) -> None:  # type: ignore[no-untyped-def]  # matplotlib is optional
    for piece in panel.curve:
        ax.plot(*zip(*piece, strict=True), "-" if len(piece) > 1 else ".", color="C0")
    if panel.curve:
        ax.plot([], [], "-", color="C0", label="exact")
    for verdict, is_finite in dict.fromkeys((dot.verdict, dot.is_finite) for dot in panel.dots):
        same = [dot for dot in panel.dots if (dot.verdict, dot.is_finite) == (verdict, is_finite)]
        color, marker = _STYLES[verdict] if is_finite else _WRONG
        # A number that is nan has no height: it is marked where it should be, or at the bottom.
        heights = [panel.y[0] if dot.y is None else dot.y for dot in same]
        label = f"autograd: {verdict}" + ("" if is_finite else ", nan or inf")
        ax.scatter([dot.x for dot in same], heights, s=20, color=color, marker=marker, zorder=3, label=label)
    for place, mark in enumerate(plot.marks):
        ax.axvline(mark.x, color="C1", linestyle=":", label=None if place else "not smooth")
    for place, (start, stop) in enumerate(plot.gaps):
        ax.axvspan(start, stop, color="0.9", label=None if place else "no value")
    ax.set_ylim(*panel.y)
    ax.set_ylabel(panel.name)
    ax.grid(alpha=0.3)
