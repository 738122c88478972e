"""`gradcalc diff` at many points: those of a file or of a grid, answered in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from gradcalc.calculate.prepared import prepare
from gradcalc.commands.console import tell, write
from gradcalc.commands.diff import csv_rows
from gradcalc.commands.diff.sweep import ChunkResult, Counts, chunks, sweep
from gradcalc.commands.results import show
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit
from gradcalc.inputs.limits import ALL_PROVEN
from gradcalc.inputs.query import Query
from gradcalc.inputs.values import Point
from gradcalc.output import csv
from gradcalc.report import Outcome


def show_many(query: Query, points: Sequence[Point] | Iterable[Mapping[str, str]], proofs: int, settings: Settings) -> Exit:
    """Answer many points and write the answers; stderr says how many were proven and bounded."""
    if query.direction or query.cotangent is not None:
        raise CalcError(f"a product with the Jacobian is taken at {ALL_PROVEN} points at most")
    counts = Counts()
    points_left = chunks(points)
    first = next(points_left)
    prepared = prepare(query, first.point(0), seconds=settings.seconds)
    if prepared.entries.shape:
        hint = f"give at most {ALL_PROVEN} points, and no --proofs, or choose an entry"
        raise CalcError("many points are for expressions whose value is a number, and this is an array", hint=hint)
    results = sweep(prepared, chain([first], points_left), proofs, counts)
    if settings.format == "csv" or settings.quiet:
        code = _csv(results, Outcome(settings.fail_on), quiet=settings.quiet)
    else:
        with_values = settings.format == "latex"  # the other formats show them as they were typed
        reports = (report for result in results for report in result.reports(with_values=with_values))
        code = show(reports, settings.format, fail_on=settings.fail_on)
    if not settings.quiet:
        tell(counts.sentence())
    return code


def _csv(results: Iterable[ChunkResult], outcome: Outcome, *, quiet: bool) -> Exit:
    for number, result in enumerate(results):
        if not quiet:
            if number == 0:
                write(csv.header_of(list(result.chunk.shown), list(result.run.partials)))
            write(csv_rows.rows(result))
        outcome.add(result.verdicts())
    return outcome.exit
