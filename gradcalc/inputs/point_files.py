"""Points from a file: CSV with a header of variable names, or JSON Lines, one point per row.

Comes in: a text stream.  Goes out: for every row the text of each variable's value.  Columns that are not variables of the
expression are left alone.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from gradcalc.errors import CalcError
from gradcalc.inputs.limits import ALL_PROVEN
from gradcalc.inputs.values import Point, json_value, nearest_double, read_point, unique_keys, value_tree
from gradcalc.runtime.files import lines_of, open_input

LONGEST = 100_000
"""The bytes that a line may have."""


def read_points(lines: Iterable[str], names: Sequence[str], constants: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The points of a file, for the variables `names`; `constants` are the values of those that are the same everywhere.

    Raises `CalcError`, with the number of the line, for a row without a value for a variable, and for a value that is none.
    """
    rows = iter(lines)
    blank_lines, first = 0, ""
    for line in rows:
        first = line.removeprefix("\ufeff")
        if first.strip():
            break
        blank_lines += 1
    if not first.strip():
        return
    columns = [name for name in names if name not in constants]
    read = _objects if first.lstrip().startswith(("{", "[")) else _table
    for number, row in read(chain([first], rows), columns, blank_lines):
        for name, text in row.items():
            try:
                if nearest_double(text) is None:  # a decimal needs no parser
                    value_tree(name, text)
            except CalcError as error:
                raise CalcError(f"line {number} of the points: {error.message}", hint=error.hint) from None
        yield {name: row[name] if name in row else constants[name] for name in names}


def _table(lines: Iterable[str], names: Sequence[str], blank_lines: int) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(lines, strict=True)
    try:
        header = [word.strip() for word in next(reader, [])]
        missing = [name for name in names if name not in header]
        if missing:
            raise CalcError(
                f"the file has no column {missing[0]}",
                hint=f"the first line names the columns, separated by commas: {','.join(names)}",
            )
        for name in names:
            if header.count(name) > 1:
                raise CalcError(f"the file has two columns {name}")
        places = {name: header.index(name) for name in names}
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                number = blank_lines + reader.line_num
                raise CalcError(f"line {number} of the points: {len(row)} values for {len(header)} columns")
            yield blank_lines + reader.line_num, {name: row[place].strip() for name, place in places.items()}
    except csv.Error as error:
        raise CalcError(f"line {blank_lines + reader.line_num} of the points: {error}") from None


def _objects(lines: Iterable[str], names: Sequence[str], blank_lines: int) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(lines, blank_lines + 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line[:LONGEST], parse_float=str, parse_int=str, object_pairs_hook=unique_keys)
        except (ValueError, RecursionError, CalcError):
            row = None
        if not isinstance(row, dict):
            raise CalcError(f"line {number} of the points is not a JSON object", hint='write {"x": 1}, one point per line')
        missing = [name for name in names if name not in row]
        if missing:
            raise CalcError(f"line {number} of the points: missing value for {missing[0]}")
        try:
            yield number, {name: json_value(name, row[name]) for name in names}
        except CalcError as error:
            raise CalcError(f"line {number} of the points: {error.message}") from None


def points_of(
    file: str, names: Sequence[str], constants: Mapping[str, str]
) -> Sequence[Point] | Iterable[Mapping[str, str]]:
    """The points in a file if they are few, else their texts.  Raises `CalcError` for a file that holds none."""
    for name, text in constants.items():
        if ":" in text:
            raise CalcError(f"{name} is given a range, and the points come from {file or 'a file'}", hint="give one value")
        value_tree(name, text)
    rows = read_points(_lines(file), names, constants)
    first = list(islice(rows, ALL_PROVEN + 1))
    if not first:
        raise CalcError(
            "the file contains no points", hint="the first line has the names of the variables, each other line one point"
        )
    return [read_point(row) for row in first] if len(first) <= ALL_PROVEN else chain(first, rows)


def _lines(file: str) -> Iterator[str]:
    try:
        with open_input(file, "the points") as stream:
            yield from map(bytes.decode, lines_of(stream, LONGEST, "stdin" if file == "-" else file))
    except UnicodeDecodeError:
        raise CalcError("the file is not UTF-8 text") from None
