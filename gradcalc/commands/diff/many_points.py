"""`gradcalc diff` at many points: those of a file or of a grid, answered in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from gradcalc.calculate.prepared import prepare
from gradcalc.commands.console import tell
from gradcalc.commands.diff.sweep import ChunkResult, Counts, chunks, sweep
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.results import show
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit
from gradcalc.inputs.limits import ALL_PROVEN
from gradcalc.inputs.query import Query
from gradcalc.inputs.values import Point
from gradcalc.output import csv
from gradcalc.report import Outcome, Verdict


def show_many(query: Query, points: Sequence[Point] | Iterable[Mapping[str, str]], proofs: int, settings: Settings) -> Exit:
    """Answer many points and write the answers; stderr says how many were proven and bounded."""
    if query.direction or query.cotangent is not None:
        raise CalcError(f"a product with the Jacobian is computed at {ALL_PROVEN} points at most")
    counts = Counts()
    points_left = chunks(points)
    first = next(points_left)
    prepared = prepare(query, first.point(0), seconds=settings.seconds)
    if prepared.shape:
        hint = f"give at most {ALL_PROVEN} points, and no --proofs, or choose an entry"
        raise CalcError("many points need an expression whose value is a number, not an array", hint=hint)
    results = sweep(prepared, chain([first], points_left), proofs, counts)
    if settings.format == "csv" or settings.quiet:
        code = _csv(results, Outcome(settings.fail_on), settings.presentation)
    else:
        with_values = settings.format == "latex"  # the other formats show them as they were typed
        reports = (report for result in results for report in result.reports(with_values=with_values))
        code = show(reports, settings, paged=True)
    if not settings.quiet:
        tell(counts.sentence())
    return code


def _csv(results: Iterable[ChunkResult], outcome: Outcome, presentation: Presentation) -> Exit:
    for number, result in enumerate(results):
        if not presentation.quiet:
            if number == 0:
                presentation.write(csv.header_of(list(result.chunk.shown), list(result.run.partials)), paged=True)
            presentation.write(csv_rows(result), paged=True)
        outcome.add(result.verdicts())
    return outcome.exit


def csv_rows(result: ChunkResult) -> str:
    """The rows of a chunk as CSV."""
    # Most of the time goes here: numbers become text, and the end that most rows share is made once.
    empty = [""] * result.chunk.size
    numbers = [empty if result.run.failure else column for column in (result.run.values, *result.run.partials.values())]
    columns = [*result.chunk.shown.values(), *numbers]
    nothing = "," * len(result.run.partials)
    end = f"{nothing},{Verdict.AGREE},,bound\n"
    lines = [",".join(cells) + end for cells in zip(*map(_csv_cells, columns), strict=True)]
    for place in result.undecided:
        lines[place] = lines[place].removesuffix(end) + f"{nothing},{Verdict.UNDECIDED},{result.cause(place)},\n"
    for place, report in result.proven.items():
        row = csv.row_of(report)
        row[: len(result.chunk.shown)] = [column[place] for column in result.chunk.shown.values()]
        lines[place] = csv.written([row])
    return "".join(lines)


def _csv_cells(column: Sequence[object]) -> Iterable[str]:
    """Numbers as Python writes them; typed text in quotes where it needs them."""
    if column and isinstance(column[0], float):
        return map(repr, column)
    return (csv.written([[cell]])[:-1] if cell else "" for cell in column)
