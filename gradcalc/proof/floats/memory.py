"""The memory of a replayed program: exact numbers by storage, and the machine's numbers beside them.

Comes in: tensors as a program saw them.  Goes out: their entries, as balls and as the machine had them.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb

from gradcalc.engines.autograd.operation import NO_MEMORY, Numbers, Plain, TensorView, same_floats

_NAN = arb.nan()
_UNRECORDED = "a write that was not recorded"

Balls = np.ndarray[Any, np.dtype[np.object_]]
"""Enclosures, or `Unknown` in the place of one."""


class Unknown:
    """Stands for a number of which nothing is known, and is none itself; `operation` says which operation is to blame."""

    __slots__ = ("operation",)

    def __init__(self, operation: str):
        self.operation = operation


class Unwritten(Unknown):
    """Stands for what new memory holds before anything is written to it."""

    __slots__ = ()


@dataclass(slots=True)
class Operand:
    """The entries of a tensor, row by row: exactly, and as the machine had them."""

    balls: Balls
    floats: Numbers
    has_unknown: bool = False

    @property
    def is_all_unknown(self) -> bool:
        """Whether nothing is known of any entry."""
        return self.has_unknown and all(isinstance(ball, Unknown) for ball in self.balls.tolist())


def balls_of(numbers: Numbers) -> Balls:
    """The machine's numbers as exact balls; what is not finite is no number."""
    values = numbers.tolist()
    if numbers.dtype == np.bool_:
        values = list(map(int, values))
    elif numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
        return array_of([arb(value) if math.isfinite(value) else _NAN for value in values])
    return array_of([arb(value) for value in values])


def array_of(values: Sequence[Any]) -> Balls:
    """An array of objects in one dimension."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def recorded(view: TensorView) -> Operand:
    """A tensor as the record has it."""
    return Operand(balls_of(view.floats), view.floats)


def _ball(number: float | bool | None) -> arb:
    return arb(int(number) if isinstance(number, bool) else number) if number is not None and math.isfinite(number) else _NAN


def same_float(left: float | bool | None, right: float | bool | None) -> bool:
    """Whether two numbers of the machine's are the same; what is no number is like itself."""
    return left == right or (left != left and right != right)


def arguments_with(inputs: Sequence[Plain], operands: Sequence[Operand]) -> list[Any]:
    """The arguments of an operation with operands in the place of its tensors."""
    left = iter(operands)

    def argument(value: Plain) -> Any:
        if isinstance(value, tuple):
            return [argument(part) for part in value]
        return next(left) if isinstance(value, TensorView) else value

    return [argument(value) for value in inputs]


class _Block:
    """One storage: a ball for every number that was written, and the float that the machine wrote."""

    __slots__ = ("balls", "floats", "has_unknown", "is_partial", "item_size")

    def __init__(self, size: int, item_size: int, dtype: np.dtype[Any]):
        self.balls: Balls = np.full(size, None, dtype=object)
        self.floats: Numbers = np.zeros(size, dtype=dtype)
        self.item_size, self.has_unknown, self.is_partial = item_size, False, False

    def extend(self, size: int) -> None:
        """Make room for so many numbers."""
        more = size - len(self.balls)
        if more > 0:
            self.balls = np.concatenate([self.balls, np.full(more, None, dtype=object)])
            self.floats = np.concatenate([self.floats, np.zeros(more, dtype=self.floats.dtype)])
            self.is_partial = True


class Memory:
    """Numbers by storage and position.  Booleans are what the record says, unless they are computed."""

    def __init__(self, *, computes_booleans: bool = False):
        self.computes_booleans = computes_booleans
        self._blocks: dict[int, _Block] = {}
        self._numbers: dict[int, tuple[Any, float | bool, int]] = {}
        """Storages of which only the first number was written: ball, float and size."""
        self._starts: list[int] = []
        self.stranger: Unknown | None = None
        """What stands for floats that nothing has written; without it, they are those of the record."""

    def _block(self, storage: int) -> _Block | None:
        block = self._blocks.get(storage)
        if block is None and storage in self._numbers:
            ball, number, item_size = self._numbers.pop(storage)
            block = self._blocks[storage] = _Block(1, item_size, np.dtype(type(number)))
            block.balls[0], block.floats[0], block.has_unknown = ball, number, isinstance(ball, Unknown)
        return block

    def read(self, view: TensorView) -> Operand:
        """The entries of a tensor; what was there before the recording began is taken from the record."""
        block = self._block(view.storage)
        if block is None:
            return self._unwritten(view)
        block.extend(view.end)
        place = _place(view)
        balls, floats = block.balls[place], block.floats[place]
        if view.dtype == "bool":
            return self._booleans(view, balls, floats, block.has_unknown)
        if block.is_partial:
            missing = np.array([ball is None for ball in balls.tolist()], dtype=bool)
            balls = np.where(missing, balls_of(view.floats), balls)
            floats = np.where(missing, view.floats, floats)
        if not same_floats(floats, view.floats).all():
            return Operand(array_of([Unknown(_UNRECORDED)] * view.size), view.floats, True)
        return Operand(balls, view.floats, block.has_unknown)

    def _unwritten(self, view: TensorView) -> Operand:
        if self.stranger is None or not view.is_float:
            return recorded(view)
        return Operand(array_of([self.stranger] * view.size), view.floats, True)

    def number(self, view: TensorView) -> tuple[Any, float | bool | None]:
        """The same for a tensor without dimensions: its ball, and its float."""
        number = view.number
        stored = None if view.offset else self._numbers.get(view.storage)
        ball, last = self._last(view) if stored is None else stored[:2]
        if ball is None:
            return (self.stranger if self.stranger is not None and view.is_float else _ball(number)), number
        if not isinstance(number, bool):
            return (ball if same_float(last, number) else Unknown(_UNRECORDED)), number
        if self.computes_booleans or isinstance(ball, Unknown):
            return ball, last
        return _ball(number), number

    def _last(self, view: TensorView) -> tuple[Any, float | bool | None]:
        """What was written last where a tensor without dimensions lies."""
        block = self._block(view.storage)
        if block is None or view.offset >= len(block.balls):
            return None, None
        return block.balls[view.offset], block.floats[view.offset].item()

    def _booleans(self, view: TensorView, balls: Balls, floats: Numbers, has_unknown: bool) -> Operand:
        """Answers of the machine's; a mark stays where one depends on what is unknown."""
        if self.computes_booleans and not any(ball is None for ball in balls.tolist()):
            return Operand(balls, floats, has_unknown)
        own = balls_of(view.floats)
        if has_unknown:
            pairs = zip(balls.tolist(), own.tolist(), strict=True)
            own = array_of([stored if isinstance(stored, Unknown) else ball for stored, ball in pairs])
        return Operand(own, view.floats, has_unknown)

    def write(self, view: TensorView, balls: Balls, floats: Numbers, *, has_unknown: bool = False) -> None:
        """Put the entries of a tensor where they lie; a tensor without memory is passed over."""
        if view.storage == NO_MEMORY or not view.size:
            return
        block = self._block(view.storage)
        if block is None:
            block = self._blocks[view.storage] = _Block(view.end, view.item_size, floats.dtype)
            block.is_partial = view.size < view.end
        block.extend(view.end)
        place = _place(view)
        block.balls[place], block.floats[place] = balls, floats
        block.has_unknown = block.has_unknown or has_unknown

    def write_recorded(self, view: TensorView) -> None:
        """Put the entries of a tensor where they lie, as the record has them."""
        if view.shape or not view.has_data:
            self.write(view, balls_of(view.floats), view.floats)
        else:
            self.put(view, _ball(view.number), view.number)

    def put(self, view: TensorView, ball: Any, number: float | bool | None) -> None:
        """The same for a tensor without dimensions."""
        if view.storage == NO_MEMORY or number is None:
            return
        if not view.offset and view.storage not in self._blocks:
            self._numbers[view.storage] = ball, number, view.item_size
        else:
            self.write(view, array_of([ball]), np.array([number]), has_unknown=isinstance(ball, Unknown))

    def contents(self, view: TensorView) -> Balls:
        """What was written where a tensor lies; a number that was never written is not known."""
        block = self._block(view.storage)
        if block is None or view.end > len(block.balls):
            return array_of([Unknown(_UNRECORDED)] * view.size)
        balls = block.balls[_place(view)]
        return array_of([Unknown(_UNRECORDED) if ball is None else ball for ball in balls.tolist()])

    def is_current(self, view: TensorView) -> bool:
        """Whether the machine's last numbers where a tensor lies were recorded, and are those that it has."""
        block = self._block(view.storage)
        return (
            block is not None
            and view.end <= len(block.floats)
            and bool(same_floats(block.floats[_place(view)], view.floats).all())
        )

    def is_overwritten(self, view: TensorView) -> bool:
        """Whether recorded operations left other numbers where a tensor lies than it has."""
        block = self._block(view.storage)
        if block is None or view.end > len(block.floats):
            return False
        return not bool(same_floats(block.floats[_place(view)], view.floats).all())

    def at(self, key: int) -> tuple[Any, float | bool | None]:
        """The ball at an address, and the float that the machine wrote there last; unknown and None for neither."""
        if key in self._numbers:
            return self._numbers[key][:2]
        if len(self._starts) != len(self._blocks):
            self._starts = sorted(self._blocks)
        place = bisect_right(self._starts, key) - 1
        if place >= 0:
            block = self._blocks[self._starts[place]]
            position = (key - self._starts[place]) // block.item_size
            if position < len(block.balls) and block.balls[position] is not None:
                return block.balls[position], block.floats[position].item()
        return Unknown(_UNRECORDED), None


def _place(view: TensorView) -> Any:
    """What indexes the storage of a tensor: a slice where its entries lie one after the other."""
    return slice(view.offset, view.offset + view.size) if view.is_contiguous else view.positions
