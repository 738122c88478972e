"""A plot in its formats: the drawing of `drawing`, and numbers for programs.

`plain` has tab-separated lines: `point`, its place, the value, the derivative by mathematics and by autograd, the verdict;
`mark`, its place, its kind and the slopes on its two sides; `gap`, its ends; `unseen`, its ends; `undersampled`;
`missing`, what the time limit left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gradcalc.commands.plot.curve import Plot
from gradcalc.commands.plot.drawing import table
from gradcalc.commands.plot.panels import point
from gradcalc.output.options import RenderOptions
from gradcalc.output.records import Format, machine_formats
from gradcalc.report import Outcome


def _rows(plot: Plot) -> Iterator[Sequence[object]]:
    for report in plot.points:
        x, value, slope = point(report)
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
    outcome = Outcome(options.fail_on)
    outcome.add(plot.verdicts)
    return {"verdict": plot.verdict, "exit_code": int(outcome.exit), "versions": plot.points[0].versions}


_MARK_KEYS = ("text", "kind", "exact", "left", "right")

FORMATS: dict[str, Format[Plot]] = {"table": table, **machine_formats("plot", _rows, _fields, _conclusion)}
