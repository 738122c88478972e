"""Numbers as text for people: to so many digits, arrays to so many entries, and long text to so many characters."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

FEW = 4
"""Entries of an array that a cell of a table shows."""
ENTRIES = 6
"""Entries of an array that a page shows along a dimension."""
_LONGEST_INPUT, _FIRST_ENTRIES = 100, 40


def significant(value: Any, digits: int = 10) -> str:
    """A number or a decimal string to so many significant digits; an array entry by entry, the first `FEW` of them."""
    match value:
        case None:
            return "none"
        case list():
            return listing(value, lambda entry: significant(entry, digits), FEW)
        case float():
            return f"{value:.{digits}g}"
        case str():  # it may be beyond all floats
            return f"{float(value):.{digits}g}" if math.isfinite(float(value)) else f"{Decimal(value):.{digits}g}"
    return str(value)


def exact(value: float | str | None, digits: int | None = None) -> str:
    """A number with all its digits, or rounded to `digits` where it is longer, without zeros at its end."""
    text = "none" if value is None else str(value)
    if digits is None:
        return text
    try:
        decimal = Decimal(text)
    except InvalidOperation:
        return text
    too_long = len(decimal.as_tuple().digits) > digits or len(text) > digits + 6  # sign, point, exponent
    if not (decimal.is_finite() and too_long):
        return text
    mantissa, exponent, power = f"{decimal:.{digits}g}".partition("e")
    return (mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa) + exponent + power


def short(text: str, digits: int) -> str:
    """`= 6` of a decimal string that has no more digits than these, else `≈ -5.466781571`."""
    rounded = exact(text, digits)
    return f"= {text}" if rounded == text else f"≈ {rounded}"


def aligned(cells: Sequence[str]) -> list[str]:
    """Cells of a column with their decimal points below each other; other cells end at the point."""
    places = [(match.end() if (match := _WHOLE_PART.match(cell)) else len(cell)) if cell else 0 for cell in cells]
    numbers = [place for place, cell in zip(places, cells, strict=True) if _WHOLE_PART.match(cell)]
    widest = max(numbers, default=0)
    return [" " * max(widest - place, 0) + cell if cell else cell for place, cell in zip(places, cells, strict=True)]


_WHOLE_PART = re.compile(r"-?[0-9]+(?=[.e]|$)")


def axis_label(number: float, width: float, digits: int = 6) -> str:
    """A number on an axis of this width, in as many digits as tell its place, `digits` at least."""
    near = width / 1000
    if abs(number) <= near:
        return "0"
    texts = [f"{number:.{count}g}" for count in range(digits, 18)]
    text = next((text for text in texts if abs(float(text) - number) <= near), texts[-1])
    return f"{number:.0f}" if "e+" in text and abs(number) < 1e9 else text


def listing(values: Sequence[Any], text: Callable[[Any], str], most: int | None) -> str:
    """`[1, 2, ... 5 more]`: the first `most` entries (None: all), and how many more there are."""
    entries = [text(value) for value in values[:most]]
    more = len(values) - len(entries)
    return f"[{', '.join([*entries, *([f'... {more} more'] if more else [])])}]"


def array(value: Any, *, full: bool = False) -> str:
    """A number or a nested list of numbers; without `full`, `ENTRIES` of them along each dimension."""
    if not isinstance(value, list):
        return str(value)
    return listing(value, lambda entry: array(entry, full=full), None if full else ENTRIES)


def entries_text(shape: Sequence[int], cell: Callable[[int], str], *, full: bool = False) -> str:
    """An array whose cells are written by their places; without `full`, of a large one the first entries and its shape."""

    def nested(dimension: int, start: int) -> str:
        if dimension == len(shape):
            return cell(start)
        step = math.prod(shape[dimension + 1 :])
        return listing(range(shape[dimension]), lambda place: nested(dimension + 1, start + place * step), None)

    if full or math.prod(shape) <= ENTRIES * ENTRIES:
        text = nested(0, 0)
        if full or max(shape, default=0) <= ENTRIES or len(text) <= _LONGEST_INPUT:
            return text
    first = ", ".join(map(cell, range(min(shape[-1], ENTRIES))))
    size = "x".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]} entries"
    return f"{'[' * len(shape)}{first}, ... {size}]"


def input_text(text: str, *, full: bool = False) -> str:
    """A value in the user's words; without `full`, a long array is cut to its shape and its first entries."""
    if len(text) <= _LONGEST_INPUT or full or not text.startswith("["):
        return text
    entries, rows = text.count(",") + 1, text.count("[") - 1
    is_matrix = rows > 0 and text.startswith("[[") and not text.startswith("[[[") and entries % rows == 0
    size = f"{rows}x{entries // rows}" if is_matrix else f"{entries} entries"
    return f"{text[:_FIRST_ENTRIES].rpartition(',')[0]}, ... {size}]"


def cut(text: str, most: int, keep: int | None = None, tail: str = "...") -> str:
    """Text of at most `most` characters; of longer text the first `keep` (`most` if it is None) and `tail`."""
    return text if len(text) <= most else text[: most if keep is None else keep] + tail
