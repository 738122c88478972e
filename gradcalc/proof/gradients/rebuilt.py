"""Tensors that have the numbers of earlier results, though no recorded operation made them of these.

Comes in: what a forward program computed and read, in order.  Goes out: the operations that read such a tensor, with those
whose numbers it has: it may have been rebuilt from numbers that had left torch unseen.
"""

from __future__ import annotations

import math

import numpy as np

from gradcalc.engines.autograd.operation import Numbers, TensorView

ORDINARY = frozenset({0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5})
"""Numbers that many tensors have."""
_LOOKED_AT = 16


class Rebuilt:
    """The numbers of results, and the tensors that have them later; `places` are the operations that read one."""

    def __init__(self) -> None:
        self.places: dict[int, int] = {}
        self._results: dict[bytes, int] = {}
        self._numbers: dict[float, int] = {}
        """Single numbers, which a list may have held."""
        self._since: dict[tuple[int, int, bytes], float] = {}
        """Since which operation tensors from before are known to have the numbers that they have."""

    def note_result(self, view: TensorView, place: int) -> None:
        """Note what an operation computed, or took out of a tensor."""
        if not view.shape and view.number not in ORDINARY and isinstance(view.number, float):
            self._numbers.setdefault(view.number, place)
            with np.errstate(over="ignore"):  # a list of doubles becomes one of single precision
                self._numbers.setdefault(float(np.float32(view.number)), place)
        elif view.has_data and not set(view.floats[:_LOOKED_AT].tolist()) <= ORDINARY:
            self._results.setdefault(_key(view.floats), place)

    def note_reading(self, view: TensorView, place: int, *, is_of_numbers: bool) -> None:
        """Note a tensor that no operation has written, and whether it was made of Python's numbers, by their place.

        One that had its numbers before they were computed has them of its own.
        """
        if not view.has_data:
            return
        key, here = _key(view.floats), math.inf if place < 0 else place
        since = self._since.setdefault((view.storage, view.offset, key), here)
        made = self._results.get(key, since)
        if is_of_numbers or not view.shape:
            numbers = set(view.floats.tolist()) - ORDINARY
            made = min(made, max((self._numbers.get(number, since) for number in numbers), default=since))
        if made < since:
            self.places.setdefault(place, int(made))


def _key(floats: Numbers) -> bytes:
    return bytes(np.ascontiguousarray(floats, dtype=np.float64).tobytes())
