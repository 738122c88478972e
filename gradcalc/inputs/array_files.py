"""The value of an array variable from a file: CSV, JSON, or numpy's own format.

Comes in: a path.  Goes out: the array as text, as it is typed: `[[1, 2], [3, 4]]`.  Decimals keep their digits.
"""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

from gradcalc.errors import CalcError
from gradcalc.inputs.values import nearest_double, value_tree
from gradcalc.runtime.files import read_whole

MAX_BYTES = 2_000_000
MAX_ENTRIES = 250_000
_DEEPEST = 16


def value_or_file(text: str) -> str:
    """A value as it is typed; of `@data.csv` that in the file."""
    return read_array(text[1:]) if text.startswith("@") else text


def read_array(path: str) -> str:
    """The array in a file.  Raises `CalcError` for a file that holds none."""
    content = read_whole(path, MAX_BYTES)
    if path.endswith(".npy"):
        return _text(path, _numpy(path, content))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CalcError(f"{path} is not UTF-8 text", hint="csv, json and npy files are read") from None
    return _text(path, _json(path, text) if path.endswith(".json") else _table(path, text))


def _numpy(path: str, content: bytes) -> Any:
    """The array of numpy's own format, whose header is read before any memory is given to it."""
    import numpy
    from numpy.lib import format as npy

    stream = io.BytesIO(content)
    try:
        major, _ = npy.read_magic(stream)
        shape, _, dtype = (npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0)(stream)
    except Exception:  # the header is a literal of Python's, and anything may be wrong with it
        raise CalcError(f"{path} is no array of numpy's", hint="numpy.save writes one; of an .npz, save one array") from None
    if dtype.kind not in "iuf":
        raise CalcError(f"{path} holds {str(dtype)[:40]}, and only real numbers are understood")
    count = math.prod(shape)
    # Entries are many objects each.
    if not (len(shape) <= _DEEPEST and 1 <= math.prod(shape) <= MAX_ENTRIES):
        raise CalcError(f"{path} has the shape {str(shape)[:60]}; an array has 1 to {MAX_ENTRIES} entries")
    if count * dtype.itemsize > len(content) - stream.tell():
        raise CalcError(f"{path} ends before its {count} numbers do")
    array = npy.read_array(io.BytesIO(content), allow_pickle=False)
    return (array.astype(numpy.float64) if array.dtype.kind == "f" else array).tolist()


def _json(path: str, text: str) -> Any:
    try:
        return json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        raise CalcError(f"{path} is no JSON") from None


def _table(path: str, text: str) -> Any:
    """Rows of numbers, with a line of names above them or not; one column is a vector."""
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines()) if any(map(str.strip, row))]
    except csv.Error as error:
        raise CalcError(f"{path} is no CSV: {error}") from None
    if rows and all(not cell or cell[0].isalpha() or cell[0] == "_" for cell in rows[0]):
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


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and not text.lower().strip("+-").startswith(("n", "i"))


def _text(path: str, value: Any, depth: int = 0) -> str:
    if depth > _DEEPEST:
        raise CalcError(f"{path} is nested more than {_DEEPEST} levels deep")
    if isinstance(value, list):
        return f"[{', '.join(_text(path, part, depth + 1) for part in value)}]"
    if isinstance(value, bool) or value is None or isinstance(value, dict):
        raise CalcError("an array has numbers and lists of them")
    text = str(value)
    if nearest_double(text) is None:
        try:
            value_tree("an entry", text)
        except CalcError as error:
            raise CalcError(f"{path} has {text[:40] or 'nothing'} where a number belongs", hint=error.hint) from None
    return text
