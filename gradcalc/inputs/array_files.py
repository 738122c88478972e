"""The value of an array variable from a file: CSV, JSON, or numpy's own format.

Comes in: a path.  Goes out: the array as text, as it is typed: `[[1, 2], [3, 4]]`; a large one as an `ArrayText`.  Decimals
keep their digits.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import PurePath
from typing import Any

from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Shape
from gradcalc.inputs.array_text import MAX_ENTRIES, MAX_WRITTEN, ArrayText, array_text, binary_or_decimal
from gradcalc.inputs.values import nearest_double, value_tree
from gradcalc.runtime.files import read_whole

MAX_BYTES = 64_000_000
_DEEPEST = 16


def value_or_file(text: str, place: str = "") -> str:
    """A value as it is typed; of `@data.csv` that in the file.

    Raises `CalcError` for the name of a file without `@`; `place` is what stands before it: `X=`, or an option.
    """
    if text.startswith("@"):
        return read_array(text[1:])
    if _FILE_NAME.fullmatch(text):
        raise CalcError(f"{text} is a file name, not a value", hint=f"write {place}@{text} to read a file")
    return text


_FILE_NAME = re.compile(r"[\w./\\ -]+\.(csv|tsv|json|npy)")


def read_array(path: str) -> str:
    """The array in a file.  Raises `CalcError` for a file that holds none."""
    content = read_whole(path, MAX_BYTES)
    if path.endswith(".npy"):
        return _numpy(path, content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CalcError(f"{path} is not UTF-8 text", hint="use a csv, json or npy file") from None
    value = _json(path, text) if path.endswith(".json") else _table(path, text)
    numbers: list[str] = []
    shape = _flatten(path, value, numbers)
    if len(numbers) > MAX_ENTRIES:
        raise _too_large(path, f"{len(numbers)} entries")
    if shape is not None and len(numbers) > MAX_WRITTEN:
        return ArrayText(shape, numbers, PurePath(path).name)
    return _text(value)


def _too_large(path: str, size: str) -> CalcError:
    return CalcError(f"{path} has {size[:60]}; an array has 1 to {MAX_ENTRIES} entries")


def _numpy(path: str, content: bytes) -> str:
    """The array of numpy's own format, whose header is read before any memory is given to it."""
    import numpy
    from numpy.lib import format as npy

    stream = io.BytesIO(content)
    try:
        major, _ = npy.read_magic(stream)
        shape, _, dtype = (npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0)(stream)
    except Exception:  # the header is a literal of Python's, and anything may be wrong with it
        raise CalcError(
            f"{path} is not a NumPy array file", hint="write one with numpy.save; an .npz file has several"
        ) from None
    if dtype.kind not in "iuf":
        raise CalcError(f"{path} contains {str(dtype)[:40]}; only real numbers are supported")
    count = math.prod(shape)
    if not (len(shape) <= _DEEPEST and 1 <= count <= MAX_ENTRIES):
        raise _too_large(path, f"the shape {shape}")
    if count * dtype.itemsize > len(content) - stream.tell():
        raise CalcError(f"{path} is truncated: {count} numbers expected")
    array = npy.read_array(io.BytesIO(content), allow_pickle=False).reshape(-1)
    if dtype.kind == "f":
        array = array.astype(numpy.float64)
        if not numpy.isfinite(array).all():
            text = str(array[~numpy.isfinite(array)][0])
            raise CalcError(f"{path}: expected a number, found '{text}'", hint="give a finite number")
    elif count > MAX_WRITTEN:
        array = binary_or_decimal(array)
    return array_text(array, tuple(shape), PurePath(path).name)


def _json(path: str, text: str) -> Any:
    try:
        return json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        raise CalcError(f"{path} is not valid JSON") from None


def _table(path: str, text: str) -> Any:
    """Rows of numbers, with a line of names above them or not; one column is a vector."""
    try:
        lines = csv.reader(text.splitlines(), delimiter=_delimiter(text))
        rows = [[cell.strip() for cell in row] for row in lines if any(map(str.strip, row))]
    except csv.Error as error:
        raise CalcError(f"{path} is not valid CSV: {error}") from None
    if rows and all(not cell or cell[0].isalpha() or cell[0] == "_" for cell in rows[0]):
        rows = rows[1:]
    if not rows:
        raise CalcError(f"{path} contains no numbers")
    for place, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise CalcError(f"{path}, row {place}: {len(row)} numbers, but the first row has {len(rows[0])}")
        for cell in row:
            if not _is_number(cell):
                raise CalcError(f"{path}, row {place}: expected a number, found '{cell[:20]}'", hint=_hint(cell))
    return [row[0] for row in rows] if len(rows[0]) == 1 else rows


def _delimiter(text: str) -> str:
    """What separates the cells: a comma, or a semicolon or tab in a file without commas."""
    return next((mark for mark in ",;\t" if mark in text), ",")


def _hint(cell: str) -> str | None:
    """What to do about a cell that is not a number."""
    if ";" in cell:
        return "the file seems to be separated by ';'; use decimal points, and ',' or ';' between columns"
    return "write labels as numbers: 0, 1, 2" if cell.isalpha() else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and not text.lower().strip("+-").startswith(("n", "i"))


def _flatten(path: str, value: Any, numbers: list[str], depth: int = 0) -> Shape | None:
    """Collect the numbers of nested lists; their shape, None where they have none, or where a number is no plain decimal."""
    if depth > _DEEPEST:
        raise CalcError(f"{path} is nested more than {_DEEPEST} levels deep")
    if isinstance(value, list):
        shapes = {_flatten(path, part, numbers, depth + 1) for part in value}
        inner = shapes.pop() if len(shapes) == 1 else None
        return None if inner is None else (len(value), *inner)
    if isinstance(value, bool) or value is None or isinstance(value, dict):
        raise CalcError("an array consists of numbers and nested lists")
    text = str(value)
    if nearest_double(text) is None:
        try:
            value_tree("an entry", text)
        except CalcError as error:
            raise CalcError(f"{path}: expected a number, found '{text[:40]}'", hint=error.hint) from None
        return None
    numbers.append(text)
    return ()


def _text(value: Any) -> str:
    return f"[{', '.join(map(_text, value))}]" if isinstance(value, list) else str(value)
