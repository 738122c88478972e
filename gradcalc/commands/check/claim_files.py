"""Claims in a file: a table with commas, semicolons or tabs, or JSON lines; a claim or a derivation per row.

Comes in: text.  Goes out: for every row its line number, its id and its fields, or the error in it.  The columns are id,
expr, claim or lines, by, at, where, shape and assume; others are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gradcalc.commands.claim_questions import ClaimQuestion, Fields, question_of
from gradcalc.commands.row_files import first_line, rows_of
from gradcalc.errors import CalcError

COLUMNS = ("id", "expr", "claim", "lines", "by", "at", "where", "shape", "assume")


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A row: the line where it ends, its id (None: it has none), its expression and its fields, or the error in it."""

    line: int
    id: str | int | None
    expr: str
    fields: Fields = field(default_factory=dict)
    error: CalcError | None = None

    def read(self) -> ClaimQuestion:
        """What the row asks.  Raises `CalcError` for what cannot be read."""
        return question_of(self.fields)


def claims_of(text: str, name: str) -> Iterator[ClaimRow]:
    """The rows of a file.  Raises `CalcError` for a file that is no table, and one with too many rows."""
    if not first_line(text):
        raise CalcError(f"{name} has no claims", hint="the first line names the columns: id,expr,claim")
    for line, fields in rows_of(text, name, COLUMNS, (("expr",), ("claim", "lines"))):
        yield _row(line, fields)


def _row(line: int, fields: Fields | CalcError) -> ClaimRow:
    if isinstance(fields, CalcError):
        return ClaimRow(line, None, "", error=fields)
    expr = str(fields.get("expr") or "")
    name = fields.get("id")
    if not isinstance(name, str | int | None) or isinstance(name, bool):
        name = str(name)
    name = None if name == "" else name
    return ClaimRow(line, name, expr, fields)
