"""The CSV format: a header, and a row for each point; for spreadsheets and data frames.

| column | what it holds |
|---|---|
| the variables | the point |
| value | the value of the expression that torch returned |
| d/dx, d/dy, d/dxdy, ... | the derivatives that torch returned |
| exact d/dx, ... | the derivatives by mathematics, where the point was proven |
| verdict, cause | of the worst derivative; see `gradcalc --help` |
| evidence | what the verdict rests on: proven, numerical, bound |

Missing values are empty fields.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from gradcalc.errors import CalcError
from gradcalc.output.options import RenderOptions
from gradcalc.report import Report, singular_partials, verdict_counts, worst

By = tuple[str, ...]


def render(reports: Iterable[Report], options: RenderOptions) -> Iterator[str]:
    """The header and a row for each report, as the reports come."""
    first: list[str] = []
    for report in reports:
        columns = [(_name(it.entries or it.by, it.of), it.autograd, it.symbolic) for it in report.partials]
        names = [name for name, *_ in columns]
        if not first:
            first = names
            yield header(list(report.at), names)
        if names != first:
            raise CalcError("arrays of several shapes do not fit under one header", hint="--format json has a line for each")
        yield written([_row(report, [numbers for _, *numbers in columns])])


def _name(by: By, of: Sequence[int] = ()) -> str:
    """The name of a partial: `d/dx`, `d/dxdy`, or `d[0]/dx[1]` of an entry."""
    return f"d{list(of) if of else ''}/d{'d'.join(by)}".replace(" ", "")


def header_of(names: Sequence[str], bys: Sequence[By]) -> str:
    """The first line for numbers, by what they are differentiated by."""
    return header(names, [_name(by) for by in bys])


def header(names: Sequence[str], partials: Sequence[str]) -> str:
    """The first line: the names of the columns."""
    return written([[*names, "value", *partials, *(f"exact {name}" for name in partials), "verdict", "cause", "evidence"]])


def row_of(report: Report) -> list[object]:
    """The cells of a point; the worst of its partials speaks for it."""
    return _row(report, [(it.autograd, it.symbolic) for it in report.partials])


def _row(report: Report, numbers: Sequence[Sequence[object]]) -> list[object]:
    verdict = worst(verdict for verdict in verdict_counts(report.partials) if verdict is not None)
    partials = chain(singular_partials(report.partials), report.partials)
    telling = next((partial for partial in partials if partial.verdict == verdict), None)
    cells = [
        *report.at.values(),
        report.value.autograd if report.value else None,
        *(autograd for autograd, _ in numbers),
        *(symbolic for _, symbolic in numbers),
        None if telling is None else str(verdict),
        telling.cause if telling else None,
        telling.proof.get("evidence") if telling else None,
    ]
    return ["" if cell is None else cell for cell in cells]


def written(lines: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
