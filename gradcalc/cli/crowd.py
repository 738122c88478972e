"""Many points of `gradcalc diff`: read from a file or made from a grid, answered in parts."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice

from gradcalc.calculate import prepare
from gradcalc.cli import Exit, show, tell, write
from gradcalc.commands.sweep import evaluate
from gradcalc.errors import CalcError
from gradcalc.inputs.point_files import LONGEST, read_points
from gradcalc.inputs.points import ALL_PROVEN
from gradcalc.inputs.values import value_tree
from gradcalc.report import Outcome, Problem, Report, Verdict
from gradcalc.runtime.files import lines_of, open_data


def points_of(file: str, names: Sequence[str], given: Mapping[str, str]) -> Iterable[Mapping[str, str]]:
    """The points in a file; a sequence if they are few.  Raises `CalcError` for a file that holds none."""
    for name, text in given.items():
        if ":" in text:
            raise CalcError(f"{name} is given a range, and the points come from {file or 'a file'}", hint="give one value")
        value_tree(name, text)
    rows = read_points(_lines(file), names, given)
    first = list(islice(rows, ALL_PROVEN + 1))
    if not first:
        raise CalcError("there are no points", hint="the first line names the variables, each other line is a point")
    return first if len(first) <= ALL_PROVEN else chain(first, rows)


def _lines(file: str) -> Iterator[str]:
    try:
        if file == "-":
            if sys.stdin is None:
                raise CalcError("cannot read the points: stdin is closed")
            yield from map(bytes.decode, lines_of(sys.stdin.buffer, LONGEST, "stdin"))
            return
        with open_data(file) as stream:
            yield from map(bytes.decode, lines_of(stream, LONGEST, file))
    except UnicodeDecodeError:
        raise CalcError("the points are not UTF-8 text") from None


def show_many(
    problem: Problem,
    points: Iterable[Mapping[str, str]],
    proofs: int,
    seconds: float,
    format: str,
    *,
    quiet: bool,
    fail_on: Collection[Verdict] = (),
) -> Exit:
    """Answer many points and write the answers; what was proven and what was bounded is told on stderr."""
    if problem.direction or problem.cotangent is not None:
        raise CalcError(f"a product with the Jacobian is taken at {ALL_PROVEN} points at most")
    tally = evaluate.Tally()
    waiting = evaluate.parts(points)
    first = next(waiting)
    prepared = prepare(replace(problem, at=first.point(0)), seconds=seconds)
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
    from gradcalc.commands.sweep import csv_rows
    from gradcalc.render import csv

    for place, part in enumerate(parts):
        if not quiet:
            if place == 0:
                write(csv.header_of(list(part.part.shown), list(part.ran.partials)))
            write(csv_rows.rows(part))
        outcome.add(part.verdicts())
    return outcome.exit
