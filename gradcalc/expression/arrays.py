"""Arrays as plain data: a shape and its entries, row by row.  A number is an array of shape ()."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cells(Generic[T]):
    """An array: `entries` has `prod(shape)` of them, the last index fastest."""

    shape: Shape
    entries: Sequence[T]

    @classmethod
    def single(cls, entry: T) -> Cells[T]:
        """A number."""
        return cls((), (entry,))

    def map(self, change: Callable[[T], U]) -> Cells[U]:
        """The array of the changed entries."""
        return Cells(self.shape, [change(entry) for entry in self.entries])

    def reshaped(self, shape: Shape) -> Cells[T]:
        """The same entries in another shape."""
        return Cells(shape, self.entries)

    def places(self) -> Cells[int]:
        """The place of every entry."""
        return Cells(self.shape, range(len(self.entries)))

    def chosen(self, places: Cells[int]) -> Cells[T]:
        """The array of the entries at places."""
        return Cells(places.shape, [self.entries[place] for place in places.entries])

    def broadcast(self, shape: Shape) -> Cells[T]:
        """The array repeated along new and along single dimensions, as far as the shape is one it can be broadcast to."""
        if self.shape == shape:
            return self
        strides = _strides((1,) * (len(shape) - len(self.shape)) + self.shape)
        return Cells(shape, [self.entries[place] for place in _walk(shape, strides)])

    def permuted(self, order: Sequence[int]) -> Cells[T]:
        """The array with its dimensions in another order."""
        strides = _strides(self.shape, keep_single=True)
        shape = tuple(self.shape[dim] for dim in order)
        return Cells(shape, [self.entries[place] for place in _walk(shape, [strides[dim] for dim in order])])

    def lines(self, dims: Sequence[int]) -> Cells[Sequence[T]]:
        """The entries along dimensions: a line for every place in the other dimensions, of their shape."""
        kept = [dim for dim in range(len(self.shape)) if dim not in dims]
        moved = self.permuted([*kept, *dims])
        length = prod(self.shape[dim] for dim in dims)
        shape = tuple(self.shape[dim] for dim in kept)
        return Cells(shape, [moved.entries[start * length : (start + 1) * length] for start in range(prod(shape))])

    def nested(self) -> object:
        """The array as nested lists; a number as itself."""
        found: Sequence[object] = list(self.entries)
        for length in reversed(self.shape):
            found = [list(found[start : start + length]) for start in range(0, len(found), length)] if length else [[]]
        return found[0]


def _strides(shape: Shape, *, keep_single: bool = False) -> list[int]:
    """How far apart neighbours along each dimension are; 0 along single ones, which is how they are repeated."""
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step if length != 1 or keep_single else 0)
        step *= length
    return strides[::-1]


def _walk(shape: Shape, strides: Sequence[int]) -> list[int]:
    places = [0]
    for length, stride in zip(shape, strides, strict=True):
        places = [place + step * stride for place in places for step in range(length)]
    return places


def of_lines(lines: Cells[Sequence[T]], shape: Shape, dim: int) -> Cells[T]:
    """The array whose lines along a dimension are given: `lines` undone."""
    order = [place for place in range(len(shape)) if place != dim] + [dim]
    moved = Cells(tuple(shape[place] for place in order), [entry for line in lines.entries for entry in line])
    return moved.permuted([order.index(place) for place in range(len(shape))])


def broadcast_shape(shapes: Iterable[Shape]) -> Shape | None:
    """The shape that arrays of some shapes have together, by torch's rules; None if there is none."""
    found: list[int] = []
    for shape in shapes:
        padded = [1] * (len(found) - len(shape)) + list(shape)
        found = [1] * (len(padded) - len(found)) + found
        for place, (left, right) in enumerate(zip(found, padded, strict=True)):
            if left != right and 1 not in (left, right):
                return None
            found[place] = right if left == 1 else left
    return tuple(found)


def indices(shape: Shape) -> Iterator[tuple[int, ...]]:
    """The indices of all entries, in order."""
    return product(*(range(length) for length in shape))


class Entry(str):
    """The name of an entry of an array, which knows its variable and its indices: `x[0]`, or with letters `x[i]`."""

    __slots__ = ("indices", "variable")
    variable: str
    indices: tuple[int | str, ...]

    def __new__(cls, variable: str, indices: Iterable[int | str]) -> Entry:
        """The entry of a variable at its indices."""
        places = tuple(indices)
        entry = super().__new__(cls, f"{variable}[{','.join(map(str, places))}]")
        entry.variable, entry.indices = variable, places
        return entry

    def __getnewargs__(self) -> tuple[str, tuple[int | str, ...]]:  # type: ignore[override]
        return self.variable, self.indices

    @staticmethod
    def from_text(name: str) -> str:
        """A name that came as text from another process, as an entry if it is one."""
        entry = re.fullmatch(r"(\w+)\[([\w,]+)\]", name)
        if entry is None:
            return name
        return Entry(entry[1], (int(place) if place.isdigit() else place for place in entry[2].split(",")))


def named_entries(name: str, cells: Cells[T]) -> Iterator[tuple[str, T]]:
    """The entries of a variable with their names."""
    return zip(entry_names(name, cells.shape).entries, cells.entries, strict=True)


def entry_names(name: str, shape: Shape) -> Cells[str]:
    """The names of a variable's entries: `x` of shape () is `x`, of shape (2,) it is `x[0]` and `x[1]`."""
    if not shape:
        return Cells.single(name)
    return Cells(shape, [Entry(name, index) for index in indices(shape)])


LETTERS = "ijklmnpqrs"


LEAST = 3
"""Entries from which on one formula is easier to read than all."""
