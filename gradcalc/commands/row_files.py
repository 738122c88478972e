"""Files with a row for each question: a table with commas, semicolons or tabs and a header, or JSON lines.

Comes in: text.  Goes out: for every row the number of the line where it ends, and its fields or the error in it.  Lines that
begin with `#` are comments; unknown columns are ignored.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence

from gradcalc.errors import CalcError, suggest
from gradcalc.inputs.values import unique_keys
from gradcalc.runtime.files import read_input

MAX_BYTES = 10_000_000
MAX_ROWS = 20_000
_ALIASES = {"wrt": "by"}

Row = tuple[int, Mapping[str, object] | CalcError]


def read_text(path: str, limit: int = MAX_BYTES) -> str:
    """The text of a file, or of stdin (`-`).  Raises `CalcError` for what cannot be read."""
    try:
        return read_input(path, limit).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CalcError(f"cannot read {path}: it is not UTF-8 text") from None


def first_line(text: str) -> str:
    """The first line that is neither empty nor a comment; empty if there is none."""
    return next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")


def rows_of(text: str, name: str, columns: Sequence[str], needed: Sequence[Sequence[str]]) -> Iterator[Row]:
    """The rows of a file; of the `needed` columns one of each group must be there.

    Raises `CalcError` for a table without them, with a misspelt column, or with too many rows.
    """
    first = first_line(text)
    rows = _objects(text, columns) if first.lstrip().startswith("{") else _table(text, first, name, columns, needed)
    for count, row in enumerate(rows, 1):
        if count > MAX_ROWS:
            raise CalcError(f"{name} has more than {MAX_ROWS} rows")
        yield row


def _table(text: str, first: str, name: str, columns: Sequence[str], needed: Sequence[Sequence[str]]) -> Iterator[Row]:
    delimiter = next((it for it in "\t;" if it in first), ",")
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter, strict=True)
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
            header = _header(cells, name, columns, needed)
        elif len(cells) > len(header):
            hint = f'put cells with "{delimiter}" in quotes' if delimiter != "\t" else None
            yield reader.line_num, CalcError(f"{len(cells)} cells for {len(header)} columns", hint=hint)
        else:
            yield reader.line_num, dict(zip(header, cells, strict=False))


def _header(cells: Sequence[str], name: str, known: Sequence[str], needed: Sequence[Sequence[str]]) -> list[str]:
    """The columns.  Raises `CalcError` without the needed ones, and for a misspelt one."""
    columns = [_ALIASES.get(cell.strip().lower(), cell.strip().lower()) for cell in cells]
    for column in columns:
        close = _intended(column, known)
        if close and close not in columns:
            raise CalcError(f"{name} has an unknown column {column}", hint=f"did you mean {close}?")
        if column in known and columns.count(column) > 1:
            raise CalcError(f"{name} has two columns {column}")
    for group in needed:
        if not set(group) & set(columns):
            raise CalcError(f"{name} has no column {group[0]}", hint=f"the first line names the columns: {','.join(known)}")
    return columns


def _intended(column: str, known: Sequence[str]) -> str | None:
    """The column that a similar word probably means; None for a column, and for a word of its own."""
    close = suggest(column, known) if column not in known else None
    return close if close and abs(len(close) - len(column)) < 2 else None


def _objects(text: str, known: Sequence[str]) -> Iterator[Row]:
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
            yield number, CalcError("not a JSON object", hint='write {"expr": "sin(x)"}, one object per line')
            continue
        row = {_ALIASES.get(key, key): value for key, value in row.items()}
        wrong = next((key for key in row if _intended(key, known) not in (None, *row)), None)
        if wrong is not None:
            yield number, CalcError(f"unknown key {wrong}", hint=f"did you mean {_intended(wrong, known)}?")
        else:
            yield number, row
