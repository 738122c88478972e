"""Claims in a file: a table with commas, semicolons or tabs, or JSON lines; a claim or a derivation per row.

Comes in: bytes.  Goes out: for every row its line number, its id and its fields, or the error in it.  The columns are id,
expr, claim or lines, by, at and where; others are left alone.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gradcalc.commands.claim_questions import ClaimQuestion, Fields, question_of
from gradcalc.errors import CalcError, suggest
from gradcalc.inputs.values import unique_keys

COLUMNS = ("id", "expr", "claim", "lines", "by", "at", "where")
_ALIASES = {"wrt": "by"}
MAX_ROWS = 20_000


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


def rows_of(content: bytes, name: str) -> Iterator[ClaimRow]:
    """The rows of a file.  Raises `CalcError` for a file that is no table, and one with too many rows."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CalcError(f"cannot read {name}: it is not UTF-8 text") from None
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    if not first:
        raise CalcError(f"{name} has no claims", hint="the first line names the columns: id,expr,claim")
    records = _objects(text) if first.lstrip().startswith("{") else _table(text, first, name)
    for count, (line, fields) in enumerate(records, 1):
        if count > MAX_ROWS:
            raise CalcError(f"{name} has more than {MAX_ROWS} rows")
        yield _row(line, fields)


def _row(line: int, fields: Fields | CalcError) -> ClaimRow:
    if isinstance(fields, CalcError):
        return ClaimRow(line, None, "", error=fields)
    expr = str(fields.get("expr") or "")
    name = fields.get("id") or None
    name = name if isinstance(name, str | int | None) else str(name)
    return ClaimRow(line, name, expr, fields)


def _table(text: str, first: str, name: str) -> Iterator[tuple[int, Fields | CalcError]]:
    delimiter = next((it for it in "\t;" if it in first), ",")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield reader.line_num, CalcError(f"{error}", hint='a cell with quotes is written "..." with "" for each quote')
            continue
        if cells is None:
            return
        if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
            continue
        if header is None:
            header = _header(cells, name)
        elif len(cells) > len(header):
            hint = f'put cells with "{delimiter}" in quotes' if delimiter != "\t" else None
            yield reader.line_num, CalcError(f"{len(cells)} cells for {len(header)} columns", hint=hint)
        else:
            yield reader.line_num, dict(zip(header, cells, strict=False))


def _header(cells: Sequence[str], name: str) -> list[str]:
    """The columns.  Raises `CalcError` without the needed ones, and for a misspelt one."""
    columns = [_ALIASES.get(cell.strip().lower(), cell.strip().lower()) for cell in cells]
    for column in columns:
        close = _misspelt(column)
        if close and close not in columns:
            raise CalcError(f"{name} has an unknown column {column}", hint=f"did you mean {close}?")
        if column in COLUMNS and columns.count(column) > 1:
            raise CalcError(f"{name} has two columns {column}")
    if "expr" not in columns or not {"claim", "lines"} & set(columns):
        missing = "expr" if "expr" not in columns else "claim"
        raise CalcError(
            f"{name} has no column {missing}", hint="the first line names the columns: id,expr,claim,by,at,where"
        )
    return columns


def _misspelt(column: str) -> str | None:
    """The column that a similar word probably means; None for a column, and for a word of its own."""
    close = suggest(column, COLUMNS) if column not in COLUMNS else None
    return close if close and abs(len(close) - len(column)) < 2 else None


def _objects(text: str) -> Iterator[tuple[int, Fields | CalcError]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            row = json.loads(line, parse_float=str, object_pairs_hook=unique_keys)
        except CalcError as error:
            yield number, error
            continue
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            yield number, CalcError("not a JSON object", hint='write {"expr": "sin(x)", "claim": "cos(x)"}')
            continue
        row = {_ALIASES.get(key, key): value for key, value in row.items()}
        wrong = next((key for key in row if _misspelt(key) not in (None, *row)), None)
        if wrong is not None:
            yield number, CalcError(f"unknown key {wrong}", hint=f"did you mean {_misspelt(wrong)}?")
        else:
            yield number, row
