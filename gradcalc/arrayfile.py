"""The value of an array variable from a file: CSV, JSON, or numpy's own format.

Comes in: a path.  Goes out: the array as text, as it is typed: `[[1, 2], [3, 4]]`.  Decimals keep their digits.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradcalc.errors import CalcError, unreadable

MAX_BYTES = 2_000_000


def value_or_file(text: str) -> str:
    """A value as it is typed; of `@data.csv` that in the file."""
    return read_array(text[1:]) if text.startswith("@") else text


def read_array(path: str) -> str:
    """The array in a file.  Raises `CalcError` for a file that holds none."""
    file = Path(path)
    try:
        if file.exists() and not file.is_file():
            raise CalcError(f"{path} is no file")
        if file.stat().st_size > MAX_BYTES:
            raise CalcError(f"{path} has more than {MAX_BYTES} bytes; an array may have some thousand entries")
        if file.suffix == ".npy":
            return _text(_numpy(path))
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CalcError(f"{path} is not UTF-8 text", hint="csv, json and npy files are read") from None
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None
    return _text(_json(path, text) if file.suffix == ".json" else _table(path, text))


def _numpy(path: str) -> Any:
    import numpy

    try:
        array = numpy.load(path, allow_pickle=False)
    except (ValueError, EOFError):
        raise CalcError(f"{path} is no array of numpy's") from None
    if array.dtype.kind not in "iuf":
        raise CalcError(f"{path} holds {array.dtype}, and only real numbers are understood")
    return (array.astype("float64") if array.dtype.kind == "f" else array).tolist()


def _json(path: str, text: str) -> Any:
    try:
        return json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        raise CalcError(f"{path} is no JSON") from None


def _table(path: str, text: str) -> Any:
    """Rows of numbers, with a line of names above them or not; one column is a vector."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines()) if any(map(str.strip, row))]
    if rows and all(_is_name(cell) for cell in rows[0]):
        rows = rows[1:]
    if not rows:
        raise CalcError(f"there are no numbers in {path}")
    for place, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise CalcError(f"row {place} of {path} has {len(row)} numbers, the first has {len(rows[0])}")
        for cell in row:
            if not _is_number(cell):
                raise CalcError(f"row {place} of {path} has {cell[:20] or 'nothing'} where a number belongs")
    return [row[0] for row in rows] if len(rows[0]) == 1 else rows


def _is_name(text: str) -> bool:
    """Whether a cell can be the name of a column: a word, or several, or nothing."""
    return not text or text[0].isalpha() or text[0] == "_"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and not text.lower().strip("+-").startswith(("n", "i"))


def _text(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, bool) or value is None or isinstance(value, dict):
        raise CalcError("an array has numbers and lists of them")
    return str(value)
