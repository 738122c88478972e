"""Operations of a recorded program, as plain data: on tensors, as torch ran them, and on single numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import numpy as np

NO_MEMORY = 0
"""The key of tensors without memory: nothing can be read from it."""

Numbers = np.ndarray[Any, np.dtype[Any]]
"""Floats, booleans or integers in one dimension."""


def same_floats(left: Numbers, right: Numbers) -> Numbers:
    """Where the machine's numbers are the same; NaN is like itself."""
    same: Numbers = (left == right) | ((left != left) & (right != right))
    return same


@dataclass(frozen=True, slots=True)
class Cell:
    """An entry of a tensor as an operation saw it: its address in memory, and the number there at that moment.

    Views share memory and in-place operations write to it, so the key and not the tensor is what flows through a program.
    `value` is None for a tensor without data.
    """

    key: int
    value: float | bool | None


Argument = Cell | int | float | bool | str | None | tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One aten operation on numbers: its name (`"mul.Tensor"`), what went in and what came out."""

    name: str
    args: tuple[Argument, ...]
    options: Mapping[str, Argument]
    results: tuple[Cell, ...]


class TensorView:
    """A tensor as an operation saw it: its storage, its layout in it, and the numbers there at that moment.

    `storage` is the address of the memory, `NO_MEMORY` for a tensor without; `offset` and `strides` count entries.
    """

    __slots__ = ("_cell", "_numbers", "_positions", "dtype", "item_size", "offset", "shape", "storage", "strides")

    def __init__(
        self,
        storage: int,
        offset: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        item_size: int,
        dtype: str,
        numbers: Numbers | float | bool | None,
    ):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides
        self.item_size, self.dtype = item_size, dtype
        self._numbers = numbers
        self._positions: Numbers | None = None
        self._cell: Cell | None = None

    @property
    def size(self) -> int:
        """How many entries it has."""
        return math.prod(self.shape)

    @property
    def is_float(self) -> bool:
        """Whether its numbers are floats."""
        return self.dtype.startswith(("float", "bfloat"))

    @property
    def has_data(self) -> bool:
        """Whether its numbers are known: not those of a tensor without data."""
        return self._numbers is not None

    @property
    def number(self) -> float | bool | None:
        """The number of a tensor without dimensions, None without data."""
        return self._numbers.item() if isinstance(self._numbers, np.ndarray) else self._numbers

    @property
    def floats(self) -> Numbers:
        """Its numbers, row by row; NaN for a tensor without data."""
        if self._numbers is None:
            return np.full(self.size, math.nan)
        if not isinstance(self._numbers, np.ndarray):
            self._numbers = np.full(self.size, self._numbers)
        return self._numbers

    @property
    def positions(self) -> Numbers:
        """Where its entries lie in the storage, row by row."""
        if self._positions is None:
            places = np.full((), self.offset, dtype=np.int64)
            for length, stride in zip(self.shape, self.strides, strict=True):
                places = np.add.outer(places, np.arange(length, dtype=np.int64) * stride)
            self._positions = places.reshape(-1)
        return self._positions

    @property
    def end(self) -> int:
        """The position behind its last entry."""
        if not self.size:
            return 0
        steps = zip(self.shape, self.strides, strict=True)
        return self.offset + sum((length - 1) * stride for length, stride in steps) + 1

    @property
    def is_contiguous(self) -> bool:
        """Whether its entries lie one after the other in the storage."""
        step = 1
        for length, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if length != 1 and stride != step:
                return False
            step *= length
        return True

    @property
    def keys(self) -> list[int]:
        """The addresses of its entries, row by row."""
        if self.storage == NO_MEMORY:
            return [NO_MEMORY] * self.size
        if not self.shape:
            return [self.storage + self.item_size * self.offset]
        keys: list[int] = (self.positions * self.item_size + self.storage).tolist()
        return keys

    def address(self, place: int) -> int:
        """The address of one of its entries."""
        position = int(self.positions[place]) if self.shape else self.offset
        return self.storage + self.item_size * position

    def cell(self, place: int) -> Cell:
        """One of its entries."""
        if not self.shape or self.storage == NO_MEMORY:
            return self.cells[place]
        index = np.unravel_index(place, self.shape)
        position = self.offset + sum(int(at) * stride for at, stride in zip(index, self.strides, strict=True))
        return Cell(self.storage + self.item_size * position, self.floats[place].item())

    @property
    def only_cell(self) -> Cell:
        """The entry of a tensor without dimensions."""
        if self._cell is None:
            key = self.storage + self.item_size * self.offset if self.storage else NO_MEMORY
            self._cell = Cell(key, self.number)
        return self._cell

    @property
    def cells(self) -> list[Cell]:
        """Its entries, row by row."""
        if not self.shape:
            return [self.only_cell]
        numbers = self.floats.tolist() if self.has_data else [None] * self.size
        return [Cell(key, number) for key, number in zip(self.keys, numbers, strict=True)]


Plain = TensorView | int | float | bool | str | None | tuple[Any, ...]


class Signature(NamedTuple):
    """The schema of an operation: the names of its arguments in order, their defaults, and whether it writes to one.

    `plain` are those that are something else than a tensor that it must have.
    """

    names: tuple[str, ...]
    defaults: Mapping[str, Any]
    is_mutable: bool
    plain: frozenset[str] = frozenset()

    @property
    def numbers(self) -> list[float]:
        """The defaults that are floats: literals of torch's own."""
        return [value for value in self.defaults.values() if type(value) is float]


@dataclass(slots=True)
class TensorOperation:
    """An aten operation as torch ran it.

    `inputs` and `options` have its tensors as they were before it ran, `results` those after.  `function` can be called
    again, on positions instead of numbers.
    """

    name: str
    function: Callable[..., Any]
    signature: Signature
    inputs: tuple[Plain, ...]
    options: Mapping[str, Plain]
    results: tuple[TensorView, ...]
    base: str = field(init=False)
    is_scalar: bool = field(init=False)
    """Whether it is one on numbers: tensors without dimensions."""
    operations: Sequence[Operation] | None = field(default=None, repr=False)
    """The operations on numbers that it stands for, once they were asked for."""
    _operands: Sequence[TensorView] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.base = base_name(self.name)
        self.is_scalar = False
        for value in (*self.inputs, *self.options.values(), *self.results):
            if (isinstance(value, TensorView) and value.shape) or (isinstance(value, tuple) and value):
                return
        self.is_scalar = True

    @property
    def views(self) -> list[TensorView]:
        """Its tensors, without those in options and in lists."""
        return [arg for arg in self.inputs if isinstance(arg, TensorView)]

    @property
    def operands(self) -> Sequence[TensorView]:
        """All tensors that it read, those in lists and in options too."""
        if self._operands is None:
            self._operands = tuple(_views((*self.inputs, *self.options.values())))
        return self._operands

    @property
    def overwritten(self) -> Sequence[TensorView]:
        """The tensors that it writes to and does not read: the target of a copy, and `out`."""
        targets = [self.inputs[0]] if self.base == "copy" and self.is_in_place else []
        return [view for view in (*targets, self.options.get("out")) if isinstance(view, TensorView)]

    @property
    def is_in_place(self) -> bool:
        """Whether it writes its result to its first argument, as its name says."""
        return self.name.split(".")[0] != self.base

    @property
    def is_cast_to_integers(self) -> bool:
        """Whether it copies floats to integers or truth values."""
        is_copy = self.base in ("_to_copy", "copy") and bool(self.results)
        return is_copy and not self.results[0].is_float and self.operands[-1].is_float

    @property
    def is_view(self) -> bool:
        """Whether its results are other views of the memory of its arguments, to which it writes nothing."""
        if self.is_in_place or not self.results:
            return False
        storages = {view.storage for view in self.views if view.size and view.storage != NO_MEMORY}
        return all(view.storage in storages for view in self.results if view.size)

    def argument(self, name: str) -> Any:
        """An argument by its name in the schema: as it was given, or its default."""
        if name in self.options:
            return self.options[name]
        names = self.signature.names
        place = names.index(name) if name in names else len(self.inputs)
        return self.inputs[place] if place < len(self.inputs) else self.signature.defaults.get(name)

    def knows(self, name: str) -> bool:
        """Whether it has an argument of a name."""
        return name in self.options or name in self.signature.names or name in self.signature.defaults

    @property
    def arguments(self) -> Iterator[tuple[str, Plain]]:
        """Its arguments as they were given, with their names."""
        yield from zip(self.signature.names, self.inputs, strict=False)
        yield from self.options.items()


def _views(values: Sequence[Plain]) -> Iterator[TensorView]:
    for value in values:
        if isinstance(value, TensorView):
            yield value
        elif isinstance(value, tuple):
            yield from _views(value)


@cache
def base_name(name: str) -> str:
    """`"mul_.Tensor"` is `mul`, `"prims.add.default"` is `add`."""
    stem = name.removeprefix("prims.").split(".")[0]
    return stem.rstrip("_") if not stem.startswith("__") else stem
