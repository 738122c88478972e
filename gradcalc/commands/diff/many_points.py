"""Many points of `gradcalc diff`: read from a file or made from a grid, answered in parts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from gradcalc.calculate.prepared import prepare
from gradcalc.commands.console import show, tell, write
from gradcalc.commands.diff import evaluate
from gradcalc.errors import CalcError, Exit
from gradcalc.inputs.points import ALL_PROVEN
from gradcalc.inputs.query import Query
from gradcalc.inputs.values import Point
from gradcalc.report import Outcome, Report, Verdict


def show_many(
    query: Query,
    points: Sequence[Point] | Iterable[Mapping[str, str]],
    proofs: int,
    seconds: float,
    format: str,
    *,
    quiet: bool,
    fail_on: Collection[Verdict] = (),
) -> Exit:
    """Answer many points and write the answers; what was proven and what was bounded is told on stderr."""
    if query.direction or query.cotangent is not None:
        raise CalcError(f"a product with the Jacobian is taken at {ALL_PROVEN} points at most")
    tally = evaluate.Tally()
    waiting = evaluate.parts(points)
    first = next(waiting)
    prepared = prepare(query, first.point(0), seconds=seconds)
    if prepared.entries.shape:
        hint = f"give at most {ALL_PROVEN} points, and no --proofs, or choose an entry"
        raise CalcError("many points are for expressions whose value is a number, and this is an array", hint=hint)
    parts = evaluate.found(prepared, chain([first], waiting), proofs, tally)
    if format == "csv" or quiet:
        code = _rows(parts, Outcome(fail_on), quiet=quiet)
    else:
        code = show(_reports(parts), format, fail_on=fail_on)
    if not quiet:
        tell(tally.sentence())
    return code


def _reports(parts: Iterable[evaluate.Found]) -> Iterator[Report]:
    for part in parts:
        yield from part.reports()


def _rows(parts: Iterable[evaluate.Found], outcome: Outcome, *, quiet: bool) -> Exit:
    from gradcalc.commands.diff import csv_rows
    from gradcalc.output import csv

    for place, part in enumerate(parts):
        if not quiet:
            if place == 0:
                write(csv.header_of(list(part.part.shown), list(part.ran.partials)))
            write(csv_rows.rows(part))
        outcome.add(part.verdicts())
    return outcome.exit
