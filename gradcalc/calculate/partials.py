"""Which partials are asked for: every entry of the expression by every entry of the variables.

A gradient may have a million of them, so they are a grid, and a partial is described when it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import NamedTuple, overload

from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Entry, Shape, entry_names, index_at, position_of
from gradcalc.inputs.query import Wrt

MAX_PARTIALS = 1_000_000
"""Of arrays, to the order 2."""
MAX_SINGLE_PARTIALS = 4_096
"""Of numbers, and to higher orders: each of these is worked out by itself."""


By = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartialSpec:
    """A partial: of which entry of the expression, by its place and its index `of`, by which `entries` of variables `by`.

    `index` is `of`, and then for each order the index of the variable's entry.
    """

    place: int
    entries: By
    by: By
    index: tuple[int, ...]
    of: tuple[int, ...]


class Axis(NamedTuple):
    """A variable of the grid: its name and shape, and the positions of the entries that are asked for."""

    variable: str
    shape: Shape
    positions: Sequence[int]

    def entry(self, position: int) -> str:
        """The name of an entry."""
        return Entry(self.variable, index_at(position, self.shape)) if self.shape else self.variable


class Line(NamedTuple):
    """Neighbours in the grid: partials of one entry of the value that differ in the last entry only, from `start` on.

    `prefix` has the entries before the last.
    """

    start: int
    place: int
    prefix: By
    axis: Axis


class PartialGrid(Sequence[PartialSpec]):
    """The partials in order: by the variables, then by the entries of the expression, then by those of the variables."""

    def __init__(self, axes: Sequence[Axis], order: int, shape: Shape):
        self.axes, self.order, self.shape = axes, order, shape
        self._blocks: list[tuple[int, Sequence[Axis]]] = []
        size = 0
        for combination in product(axes, repeat=order):
            self._blocks.append((size, combination))
            size += prod(shape) * prod(len(axis.positions) for axis in combination)
        self._size = size

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, number: int) -> PartialSpec: ...
    @overload
    def __getitem__(self, number: slice) -> list[PartialSpec]: ...
    def __getitem__(self, number: int | slice) -> PartialSpec | list[PartialSpec]:
        if isinstance(number, slice):
            return [self[place] for place in range(self._size)[number]]
        if not 0 <= number < self._size:
            raise IndexError(number)
        start, axes = next(block for block in reversed(self._blocks) if block[0] <= number)
        rest, positions = number - start, []
        for axis in reversed(axes):
            rest, digit = divmod(rest, len(axis.positions))
            positions.append(axis.positions[digit])
        return self._spec(rest, axes, positions[::-1])

    def _spec(self, place: int, axes: Sequence[Axis], positions: Sequence[int]) -> PartialSpec:
        of = index_at(place, self.shape)
        pairs = list(zip(axes, positions, strict=True))
        index = sum((index_at(position, axis.shape) for axis, position in pairs), of)
        entries = tuple(axis.entry(position) for axis, position in pairs)
        return PartialSpec(place, entries, tuple(axis.variable for axis in axes), index, of)

    def lines(self) -> Iterator[Line]:
        """The grid in lines of neighbours, in order."""
        for start, (*before, last) in self._blocks:
            number = start
            for place in range(prod(self.shape)):
                for prefix in _prefixes(before):
                    yield Line(number, place, prefix, last)
                    number += len(last.positions)

    def gradients(self) -> dict[By, tuple[str, ...]]:
        """The gradients that have all partials: the entries before the last, and the variables of the last."""
        gradients: dict[By, dict[str, None]] = {}
        for *before, last in product(self.axes, repeat=self.order):
            for prefix in _prefixes(before):
                gradients.setdefault(prefix, {})[last.variable] = None
        return {prefix: tuple(variables) for prefix, variables in gradients.items()}

    @property
    def has_arrays(self) -> bool:
        """Whether the expression or a variable is an array."""
        return bool(self.shape) or any(axis.shape for axis in self.axes)


def _prefixes(axes: Sequence[Axis]) -> Iterator[By]:
    for positions in product(*(axis.positions for axis in axes)):
        yield tuple(axis.entry(position) for axis, position in zip(axes, positions, strict=True))


def partial_grid(wrt: Sequence[Wrt], order: int, shapes: Mapping[str, Shape], shape: Shape) -> PartialGrid:
    """The partials that are asked for: every combination of the variables, `order` times, of every entry by every entry.

    Their shape is that of the expression, and for each order that of the variable.
    """
    positions: dict[str, Sequence[int]] = {}
    for it in wrt:
        name, own = it.variable, shapes.get(it.variable, ())
        if it.entry is None:
            asked: Sequence[int] = range(prod(own))
        else:
            place = position_of(it.index, own)
            if place is None:
                raise CalcError(f"{name} has no entry {it.entry}", hint=f"its entries are {_first_and_last(name, own)}")
            asked = [place]
        before = positions.get(name)
        positions[name] = asked if before is None else list(dict.fromkeys([*before, *asked]))
    total = sum(map(len, positions.values()))
    count, has_entries = prod(shape) * total**order, total != len(positions)
    limit = MAX_PARTIALS if order <= 2 and (has_entries or shape) else MAX_SINGLE_PARTIALS
    if count > limit:
        what = f"{prod(shape)} x {total} entries" if has_entries or shape else f"{total} variables"
        raise CalcError(
            f"{what} to the order {order} are {count} partials; the limit is {limit}",
            hint="choose variables with --by" + (', or a sample of entries: --by "x[0]" --by "x[17]"' * has_entries),
        )
    return PartialGrid([Axis(name, shapes.get(name, ()), at) for name, at in positions.items()], order, shape)


def _first_and_last(name: str, shape: Shape) -> str:
    if prod(shape) == 1:
        return entry_names(name, shape).entries[0]
    last = Entry(name, index_at(prod(shape) - 1, shape))
    return f"{Entry(name, (0,) * len(shape))} to {last}"
