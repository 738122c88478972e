"""A backward slice of a recorded program: the operations on which a number may depend.

Comes in: the operations on tensors, and an address.  Goes out: the places of the operations on single numbers, found on
arrays of flags.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from math import prod

import numpy as np

from gradcalc.engines.autograd import moves, scalarize_trace
from gradcalc.engines.autograd.operation import NO_MEMORY, Numbers, TensorOperation, TensorView


class Slice(Collection[int]):
    """Places of operations on numbers: for some of the operations on tensors, flags for each of theirs."""

    def __init__(self, starts: Sequence[int], flags: Mapping[int, Numbers]):
        self._starts, self._flags = starts, flags

    def __contains__(self, place: object) -> bool:
        if not isinstance(place, int):
            return False
        at = int(np.searchsorted(self._starts, place, side="right")) - 1
        return at in self._flags and bool(self._flags[at][place - self._starts[at]])

    def __iter__(self) -> Iterator[int]:
        parts = ((self._flags[at].nonzero()[0] + self._starts[at]).tolist() for at in sorted(self._flags))
        return chain.from_iterable(parts)

    def __len__(self) -> int:
        return sum(int(flags.sum()) for flags in self._flags.values())


def ancestors(operations: Sequence[TensorOperation], starts: Sequence[int], key: int | None) -> Slice:
    """The operations on which the number at an address may depend."""
    needed = _Needed(operations, key)
    flags: dict[int, Numbers] = {}
    for place in range(len(operations) - 1, -1, -1):
        op = operations[place]
        size = starts[place + 1] - starts[place]
        if not size:
            continue
        if not op.results:  # torch itself read the numbers
            flags[place] = np.ones(size, dtype=bool)
            for view in op.operands:
                needed.add(view)
            continue
        mine = _flags_of(op, size, needed)
        if mine.any():
            flags[place] = mine
            if "_like." not in op.name and not op.name.startswith("new_"):  # those take a shape only
                _pass_on(op, mine, needed)
    return Slice(starts, flags)


class _Needed:
    """Flags for the numbers in memory, by storage."""

    def __init__(self, operations: Sequence[TensorOperation], key: int | None):
        self._flags: dict[int, Numbers] = {}
        for view in (view for op in operations for view in (*op.operands, *op.results)):
            if view.storage != NO_MEMORY and len(self._flags.get(view.storage, ())) < view.end:
                self._flags[view.storage] = np.zeros(view.end, dtype=bool)
                if key is not None and view.storage <= key < view.storage + view.end * view.item_size:
                    self._flags[view.storage][(key - view.storage) // view.item_size] = True

    def of(self, view: TensorView) -> Numbers:
        """Which entries of a tensor are needed."""
        if view.storage == NO_MEMORY:
            return np.zeros(view.size, dtype=bool)
        flags: Numbers = self._flags[view.storage][view.positions]
        return flags

    def add(self, view: TensorView, places: Numbers | None = None) -> None:
        """Need more entries of a tensor, or all."""
        if view.storage != NO_MEMORY:
            self._flags[view.storage][view.positions if places is None else view.positions[places]] = True


def _flags_of(op: TensorOperation, size: int, needed: _Needed) -> Numbers:
    """Which of the operations on numbers computed a number that is needed."""
    flags = [needed.of(view) for view in op.results]
    if op.base in scalarize_trace.ALONG_AXIS and op.results[0].shape:
        lines: Numbers = flags[0][scalarize_trace.fibers(op.results[0].shape, [scalarize_trace.axis(op)])]
        return np.asarray(lines.any(axis=1))
    if size == 1:
        return np.array([any(bool(each.any()) for each in flags)])
    total = np.zeros(size, dtype=bool)
    for each in flags:
        if len(each) == size:
            total |= each
        elif each.any():
            total[:] = True
    return total


def _pass_on(op: TensorOperation, flags: Numbers, needed: _Needed) -> None:
    """Need what the operations with a flag read."""
    base, views, shape = op.base, op.views, op.results[0].shape
    if base in scalarize_trace.DATA_MOVEMENT and not scalarize_trace.accumulates(op) and moves.is_moved(op.results[0]):
        places, start = moves.sources(op)[flags], 0
        for view in moves.moved(op):
            inside = (places >= start) & (places < start + view.size)
            needed.add(view, places[inside] - start)
            start += view.size
    elif base in scalarize_trace.PRODUCTS:
        left, right = views[-2:]
        grid = flags.reshape(prod(left.shape[:-2]), -1, right.shape[-1] if len(right.shape) > 1 else 1)
        _add_factor(needed, left, np.asarray(grid.any(axis=2)), is_left=True)
        _add_factor(needed, right, np.asarray(grid.any(axis=1)), is_left=False)
        for view in views[:-2]:
            needed.add(view, scalarize_trace.broadcast_places(view, shape)[flags])
    elif base in scalarize_trace.ALONG_AXIS and shape:
        for view in views:
            needed.add(view, scalarize_trace.fibers(view.shape, [scalarize_trace.axis(op)])[flags].reshape(-1))
    elif scalarize_trace.is_reduction(op):
        needed.add(views[0], scalarize_trace.reduced(op)[flags].reshape(-1))
    else:
        for view in op.operands:
            is_spread = scalarize_trace.is_elementwise(op) and scalarize_trace.can_spread(view, shape)
            needed.add(view, scalarize_trace.broadcast_places(view, shape)[flags] if is_spread else None)


def _add_factor(needed: _Needed, view: TensorView, lines: Numbers, *, is_left: bool) -> None:
    """Need rows of a left factor, or columns of a right one."""
    rows, columns = view.shape[-2:] if len(view.shape) > 1 else (1, view.shape[0]) if is_left else (view.shape[0], 1)
    grid = np.broadcast_to(lines[:, :, None] if is_left else lines[:, None, :], (len(lines), rows, columns))
    needed.add(view, grid.reshape(-1).nonzero()[0])
