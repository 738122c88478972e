"""The plain format: for `cut`, `awk` and spreadsheets; one tab-separated line a partial, no header.

| column | what it holds |
|---|---|
| 1 point | `x=3,y=1/2` as typed; empty for formulas only |
| 2 by | the variables of the derivative, `x` or `x,y` |
| 3 formula | the derivative as an expression |
| 4 value | the value of the expression that torch returned |
| 5 symbolic | the derivative by mathematics, at the point as typed |
| 6 autograd | the derivative that torch returned |
| 7 ulps | how far autograd is from the truth, in units of its last place |
| 8 digits | how many of its decimal digits are right |
| 9 verdict | see `gradcalc --help` |
| 10 cause | of a verdict other than agree, if it has one |

Missing values are empty fields.  Columns are only ever added, at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gradcalc.output.options import RenderOptions
from gradcalc.output.records import tabbed
from gradcalc.report import Partial, Report


def render(reports: Iterable[Report], options: RenderOptions) -> Iterator[str]:
    """One line a partial, as the reports come."""
    for report in reports:
        for partial in report.partials:
            # A point is the user's text: a tab or a line break in it must not make another field.
            cells = ["" if cell is None else " ".join(str(cell).split()) for cell in _columns(report, partial)]
            yield tabbed([cells], options)


def _columns(report: Report, partial: Partial) -> tuple[object, ...]:
    index = "[" + ",".join(map(str, partial.index)) + "]" if partial.index else ""
    return (
        ",".join(f"{name}={value}" for name, value in report.at.items()),
        ",".join(partial.by) + index,
        partial.formula,
        report.value.autograd if report.value else None,
        partial.symbolic,
        partial.autograd,
        partial.ulps,
        partial.digits,
        partial.verdict,
        partial.cause,
    )
