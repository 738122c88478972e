"""The plain format: for `cut`, `awk` and spreadsheets; one tab-separated line a partial, no header.

| column | what it holds |
|---|---|
| 1 point | `x=3,y=1/2` as typed; empty for formulas only |
| 2 by | the variables of the derivative, `x` or `x,y` |
| 3 formula | the derivative as an expression |
| 4 value | the value of the expression that torch returned |
| 5 symbolic | the derivative by mathematics, at what was typed |
| 6 autograd | the derivative that torch returned |
| 7 ulps | how far autograd is from the truth, in units of its last place |
| 8 digits | how many of its decimal digits are right |
| 9 verdict | see `gradcalc --help` |
| 10 cause | of a verdict other than agree, if it has one |

What there is not is an empty field.  Columns are only ever added, at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gradcalc.output.options import RenderOptions
from gradcalc.report import Partial, Report


def render(reports: Iterable[Report], options: RenderOptions) -> Iterator[str]:
    """One line a partial, as the reports come."""
    for report in reports:
        for partial in report.partials:
            yield options.text("\t".join(map(_field, _columns(report, partial)))) + "\n"


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


def _field(value: object) -> str:
    # A point is text that somebody typed: a tab or a line break in it must not make another field.
    return "" if value is None else " ".join(str(value).split())
