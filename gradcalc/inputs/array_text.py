"""Arrays of numbers that nobody typed, from a file or a caller: their text, and their numbers beside it.

A text of a million numbers is neither written nor parsed: a large array has a description for its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import prod
from typing import Any, overload

from gradcalc.expression.arrays import Array, Shape
from gradcalc.expression.tree import Call, Node, Number

MAX_ENTRIES = 2_000_000
MAX_WRITTEN = 1_000
"""Entries up to which an array is written out as the list that people would type."""


class ArrayText(str):
    """The text of an array that knows its numbers: a description of its shape and `source`.

    `numbers` are its entries, row by row: decimals as text, or a NumPy array of binary numbers, which are meant as they are.
    """

    __slots__ = ("numbers", "shape")
    shape: Shape
    numbers: Any

    def __new__(cls, shape: Shape, numbers: Any, source: str = "") -> ArrayText:
        """An array of a shape.  A source is a file's name."""
        size = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
        text = super().__new__(cls, f"array of shape {size}" + (f" from {source}" if source else ""))
        text.shape, text.numbers = shape, numbers
        return text

    @property
    def entries(self) -> Array[Node]:
        """The entries as constant expressions, each of which is made when it is read."""
        return Array(self.shape, Numbers(self.numbers))

    def __getnewargs__(self) -> tuple[Shape, Any]:  # type: ignore[override]
        return self.shape, self.numbers


class Numbers(Sequence[Node]):
    """The numbers of an array as constant expressions.

    `binary` is the NumPy array of float64 that they are, None for decimals.
    """

    def __init__(self, numbers: Any):
        self._numbers = numbers
        self.binary = None if isinstance(numbers, list) else numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> Node: ...
    @overload
    def __getitem__(self, place: slice) -> list[Node]: ...
    def __getitem__(self, place: int | slice) -> Node | list[Node]:
        if isinstance(place, slice):
            return [self[at] for at in range(len(self))[place]]
        number = self._numbers[place]
        return _constant(number) if isinstance(number, str) else _constant(_exact_decimal(float(number)))

    def __iter__(self) -> Iterator[Node]:
        return (self[place] for place in range(len(self)))

    def floats(self) -> Any:
        """The nearest doubles, as a NumPy array."""
        import numpy

        return numpy.array([float(text) for text in self._numbers]) if self.binary is None else self.binary


def _constant(text: str) -> Node:
    return Call("neg", (Number(text[1:]),)) if text.startswith("-") else Number(text)


def _exact_decimal(number: float) -> str:
    """All digits of a double, in decimal notation."""
    return str(Decimal(number))


def array_text(value: Any, shape: Shape, source: str = "") -> str:
    """The text of an array, row by row: of a small one the list, of a large one an `ArrayText`.

    `value` is a flat list of decimals or a flat NumPy array.
    """
    if prod(shape) > MAX_WRITTEN:
        return ArrayText(shape, value, source)
    return str(Array(shape, [_Text(number) for number in (value if isinstance(value, list) else value.tolist())]).tolist())


def binary_or_decimal(integers: Any) -> Any:
    """A flat NumPy array of integers as doubles; as decimals, where some do not fit."""
    doubles = integers.astype("float64")
    return doubles if (abs(doubles) <= 2**53).all() else list(map(str, integers.tolist()))


class _Text(str):
    """A number whose representation is its text, inside of a list."""

    __slots__ = ()

    def __new__(cls, number: object) -> _Text:
        return super().__new__(cls, str(number))

    def __repr__(self) -> str:
        return str(self)
