"""Exercises in a file: an expression per line, or a table or JSON lines with the columns id, expr, by and at.

Comes in: text.  Goes out: the rows, with their line numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gradcalc.commands.row_files import first_line, rows_of
from gradcalc.errors import CalcError
from gradcalc.inputs.values import json_value

COLUMNS = ("id", "expr", "by", "at")


@dataclass(frozen=True, slots=True)
class ExerciseRow:
    """A row: its line number, its name, the expression, and the texts of `--by` and `--at`."""

    line: int
    name: str | None
    expr: str
    by: tuple[str, ...] = ()
    at: tuple[str, ...] = ()


def exercises_of(text: str, name: str) -> Iterator[ExerciseRow]:
    """The exercises of a file.  Raises `CalcError`, with the number of the line, for a row that cannot be read."""
    first = first_line(text)
    if not first:
        raise CalcError(f"{name} has no exercises", hint="write one expression per line")
    cells = {cell.strip().lower() for delimiter in ",;\t" for cell in first.split(delimiter)}
    if not first.lstrip().startswith("{") and "expr" not in cells:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                yield ExerciseRow(number, None, line.strip())
        return
    for number, fields in rows_of(text, name, COLUMNS, (("expr",),)):
        try:
            yield _row(number, fields)
        except CalcError as error:
            error.message = f"line {number}: {error.message}"
            raise


def _row(line: int, fields: Mapping[str, object] | CalcError) -> ExerciseRow:
    if isinstance(fields, CalcError):
        raise fields
    expr, by, at = fields.get("expr"), fields.get("by"), fields.get("at")
    if not isinstance(expr, str) or not expr.strip():
        raise CalcError("expr is missing", hint="every row has an expression")
    name = str(fields["id"]) if fields.get("id") not in (None, "") else None
    points: tuple[str, ...] = (str(at),) if at not in (None, "") else ()
    if isinstance(at, Mapping):
        points = tuple(f"{key}={json_value(str(key), value)}" for key, value in at.items())
    names = tuple(map(str, by)) if isinstance(by, list) else (str(by),) if by not in (None, "") else ()
    return ExerciseRow(line, name, expr.strip(), names, points)
