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
class Array(Generic[T]):
    """An array: `entries` has `prod(shape)` of them, the last index fastest."""

    shape: Shape
    entries: Sequence[T]

    @classmethod
    def scalar(cls, entry: T) -> Array[T]:
        """A number."""
        return cls((), (entry,))

    def map(self, change: Callable[[T], U]) -> Array[U]:
        """The array of the changed entries."""
        return Array(self.shape, [change(entry) for entry in self.entries])

    def reshape(self, shape: Shape) -> Array[T]:
        """The same entries in another shape."""
        return Array(shape, self.entries)

    def positions(self) -> Array[int]:
        """The position of every entry."""
        return Array(self.shape, range(len(self.entries)))

    def take(self, positions: Array[int]) -> Array[T]:
        """The entries at positions."""
        return Array(positions.shape, [self.entries[position] for position in positions.entries])

    def broadcast(self, shape: Shape) -> Array[T]:
        """The array repeated along new and along single dimensions, as far as the shape is one it can be broadcast to."""
        if self.shape == shape:
            return self
        strides = _strides((1,) * (len(shape) - len(self.shape)) + self.shape)
        return Array(shape, [self.entries[place] for place in _walk(shape, strides)])

    def permute(self, order: Sequence[int]) -> Array[T]:
        """The array with its dimensions in another order."""
        strides = _strides(self.shape, keep_single=True)
        shape = tuple(self.shape[dim] for dim in order)
        return Array(shape, [self.entries[place] for place in _walk(shape, [strides[dim] for dim in order])])

    def fibers(self, dims: Sequence[int]) -> Array[Sequence[T]]:
        """The entries along dimensions: a fiber for every index of the other dimensions, in their shape."""
        kept = [dim for dim in range(len(self.shape)) if dim not in dims]
        last = self.permute([*kept, *dims])
        length = prod(self.shape[dim] for dim in dims)
        shape = tuple(self.shape[dim] for dim in kept)
        return Array(shape, [last.entries[start * length : (start + 1) * length] for start in range(prod(shape))])

    def tolist(self) -> object:
        """The array as nested lists; a number as itself."""
        rows: Sequence[object] = list(self.entries)
        for length in reversed(self.shape):
            rows = [list(rows[start : start + length]) for start in range(0, len(rows), length)] if length else [[]]
        return rows[0]


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


def from_fibers(fibers: Array[Sequence[T]], shape: Shape, dim: int) -> Array[T]:
    """The array with these fibers along a dimension: the inverse of `Array.fibers`."""
    order = [place for place in range(len(shape)) if place != dim] + [dim]
    last = Array(tuple(shape[place] for place in order), [entry for fiber in fibers.entries for entry in fiber])
    return last.permute([order.index(place) for place in range(len(shape))])


def broadcast_shape(shapes: Iterable[Shape]) -> Shape | None:
    """The shape that arrays of some shapes have together, by torch's rules; None if there is none."""
    common: list[int] = []
    for shape in shapes:
        padded = [1] * (len(common) - len(shape)) + list(shape)
        common = [1] * (len(padded) - len(common)) + common
        for dim, (left, right) in enumerate(zip(common, padded, strict=True)):
            if left != right and 1 not in (left, right):
                return None
            common[dim] = right if left == 1 else left
    return tuple(common)


def indices(shape: Shape) -> Iterator[tuple[int, ...]]:
    """The indices of all entries, in order."""
    return product(*(range(length) for length in shape))


def index_at(position: int, shape: Shape) -> tuple[int, ...]:
    """The index of the entry at a position."""
    index = []
    for length in reversed(shape):
        position, digit = divmod(position, length)
        index.append(digit)
    return tuple(reversed(index))


def position_of(index: Sequence[int] | None, shape: Shape) -> int | None:
    """The position of the entry at an index, whose places may count from the back; None where there is none."""
    if index is None or len(index) != len(shape) or not shape:
        return None
    if not all(-length <= place < length for place, length in zip(index, shape, strict=True)):
        return None
    return flat_position([place % length for place, length in zip(index, shape, strict=True)], shape)


def flat_position(index: Sequence[int | str], shape: Shape) -> int:
    """The position of the entry at an index."""
    position = 0
    for place, length in zip(index, shape, strict=True):
        position = position * length + int(place)
    return position


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
        entry = re.fullmatch(r"(\w+)\[([\w,]+)\]", name) if "[" in name else None
        if entry is None:
            return name
        return Entry(entry[1], (int(place) if place.isdigit() else place for place in entry[2].split(",")))


class Adjoint(str):
    """The name of the derivative of a value by an intermediate result or a variable: `∂f/∂u`."""

    __slots__ = ("by", "of")
    of: str
    by: str

    def __new__(cls, of: str, by: str) -> Adjoint:
        """The derivative of `of` by `by`."""
        name = super().__new__(cls, f"∂{of}/∂{by}")
        name.of, name.by = of, by
        return name

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return self.of, self.by


def shape_text(sizes: Sequence[int | str]) -> str:
    """A shape as Python writes it."""
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"


def named_entries(name: str, array: Array[T]) -> Iterator[tuple[str, T]]:
    """The entries of a variable with their names."""
    return zip(entry_names(name, array.shape).entries, array.entries, strict=True)


def entry_names(name: str, shape: Shape) -> Array[str]:
    """The names of a variable's entries: `x` of shape () is `x`, of shape (2,) it is `x[0]` and `x[1]`."""
    if not shape:
        return Array.scalar(name)
    return Array(shape, [Entry(name, index) for index in indices(shape)])


INDEX_LETTERS = "ijklmnpqrs"

MIN_ENTRIES = 3
"""Entries from which on one formula is easier to read than all."""
