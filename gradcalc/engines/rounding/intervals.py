"""Intervals for many points at once: every operation is widened by more than a machine may round.

Comes in: tensors of float64, a number a point.  Goes out: intervals [low, high] of the same shape.  A widening of `steps`
units in the last place at every operation is far more than a format's rounding and the kernels of torch and its libraries
need, and covers the rounding of these very computations too, which run in float64.  What is not known is not a
number, and stays so.

Source: R. Moore, "Interval Analysis" (1966); monotone functions are evaluated at the ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

Map = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Interval:
    """A number between two others, at every point; both ends are the same tensor where it is known exactly."""

    low: torch.Tensor
    high: torch.Tensor

    @property
    def is_point(self) -> bool:
        """Whether it is known exactly everywhere."""
        return self.low is self.high

    @property
    def size(self) -> torch.Tensor:
        """The largest magnitude inside."""
        return self.low.abs() if self.is_point else torch.maximum(self.low.abs(), self.high.abs())

    def __neg__(self) -> Interval:
        return exactly(-self.low) if self.is_point else Interval(-self.high, -self.low)

    def is_zero(self) -> torch.Tensor:
        """Where it is 0 and nothing else."""
        return (self.low == 0) & (self.high == 0)

    def holds_zero(self) -> torch.Tensor:
        """Where 0 cannot be excluded."""
        return ~((self.low > 0) | (self.high < 0))


def exactly(number: float | torch.Tensor) -> Interval:
    """A number that is known exactly."""
    tensor = number if isinstance(number, torch.Tensor) else torch.tensor(number, dtype=torch.float64)
    return Interval(tensor, tensor)


def hull(*parts: Interval) -> Interval:
    """The smallest interval around several."""
    low, high = parts[0].low, parts[0].high
    for part in parts[1:]:
        low, high = torch.minimum(low, part.low), torch.maximum(high, part.high)
    return Interval(low, high)


def select(condition: torch.Tensor, yes: Interval, no: Interval) -> Interval:
    """One interval where a condition holds, another elsewhere."""
    return Interval(torch.where(condition, yes.low, no.low), torch.where(condition, yes.high, no.high))


def unknown_where(condition: torch.Tensor, inside: Interval) -> Interval:
    """Nothing is known where a condition holds."""
    return Interval(torch.where(condition, math.nan, inside.low), torch.where(condition, math.nan, inside.high))


def keeping_zeros(inside: Interval, zeros: torch.Tensor) -> Interval:
    """Exactly 0 where that is known, as far as the rest is finite there."""
    zeros = zeros & inside.low.isfinite() & inside.high.isfinite()
    return Interval(torch.where(zeros, 0.0, inside.low), torch.where(zeros, 0.0, inside.high))


class Rounding:
    """Interval arithmetic that leaves room for the rounding of a format, `steps` units in the last place an operation."""

    def __init__(self, precision: int, lowest: int, steps: int):
        self.unit = 2.0 ** (1 - precision)
        self.relative = steps * self.unit
        # Below the smallest normal number a unit is an absolute one; Metal flushes all of them to zero.
        self.absolute = max(2.0**lowest, 2.0**-1022)

    def input(self, number: float | torch.Tensor) -> Interval:
        """A number that a machine holds in place of one that was typed: that one is inside."""
        exact = exactly(number)
        room = exact.low.abs() * self.unit
        return Interval(exact.low - room, exact.low + room)

    def around(self, inside: Interval) -> Interval:
        """The result of an operation, rounded."""
        if inside.is_point:
            room = torch.add(self.absolute, inside.low.abs(), alpha=self.relative)
            return Interval(inside.low - room, inside.low + room)
        # Ends further apart than their rounding carry more than their own size of room: this is on the safe side.
        return Interval(
            inside.low - torch.add(self.absolute, inside.low.abs(), alpha=self.relative),
            inside.high + torch.add(self.absolute, inside.high.abs(), alpha=self.relative),
        )

    def wider(self, inside: Interval, room: torch.Tensor | float) -> Interval:
        """With an absolute room beside, in units of the format's relative rounding."""
        space = room * self.relative
        return Interval(inside.low - space, inside.high + space)

    def add(self, a: Interval, b: Interval) -> Interval:
        return keeping_zeros(self.around(_ends(a, b, torch.add)), a.is_zero() & b.is_zero())

    def subtract(self, a: Interval, b: Interval) -> Interval:
        if a.is_point and b.is_point:
            return self.around(exactly(a.low - b.low))
        return self.around(Interval(a.low - b.high, a.high - b.low))

    def multiply(self, a: Interval, b: Interval) -> Interval:
        return keeping_zeros(self.around(_corners(a, b, torch.mul)), a.is_zero() | b.is_zero())

    def divide(self, a: Interval, b: Interval) -> Interval:
        quotient = self.around(_corners(a, b, torch.div))
        return quotient if b.is_point else unknown_where(b.holds_zero(), quotient)

    def increasing(self, function: Map, a: Interval) -> Interval:
        """A function that grows with its argument."""
        if a.is_point:
            return self.around(exactly(function(a.low)))
        return self.around(Interval(function(a.low), function(a.high)))

    def decreasing(self, function: Map, a: Interval) -> Interval:
        """A function that falls with its argument."""
        if a.is_point:
            return self.around(exactly(function(a.low)))
        return self.around(Interval(function(a.high), function(a.low)))

    def lipschitz1(self, function: Map, a: Interval) -> Interval:
        """A function whose slope is between -1 and 1: the sine and the cosine."""
        if a.is_point:
            return self.around(exactly(function(a.low)))
        middle = (a.low + a.high) / 2
        apart = (a.high - a.low) / 2 + middle.abs() * 2.0**-52
        value = function(middle)
        return self.around(Interval(value - apart, value + apart))

    def even_convex(self, function: Map, a: Interval, bottom: float) -> Interval:
        """An even function that grows with the distance from 0."""
        if a.is_point:
            return self.around(exactly(function(a.low)))
        left, right = function(a.low), function(a.high)
        low = torch.where(a.holds_zero(), bottom, torch.minimum(left, right))
        return self.around(Interval(low, torch.maximum(left, right)))


def _ends(a: Interval, b: Interval, function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Interval:
    if a.is_point and b.is_point:
        return exactly(function(a.low, b.low))
    return Interval(function(a.low, b.low), function(a.high, b.high))


def _corners(a: Interval, b: Interval, function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Interval:
    """What a function that is monotone in each argument makes of two intervals."""
    if a.is_point and b.is_point:
        return exactly(function(a.low, b.low))
    if a.is_point or b.is_point:
        left, right = function(a.low, b.low), function(a.high, b.high)
        return Interval(torch.minimum(left, right), torch.maximum(left, right))
    corners = [function(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    low = torch.minimum(torch.minimum(corners[0], corners[1]), torch.minimum(corners[2], corners[3]))
    high = torch.maximum(torch.maximum(corners[0], corners[1]), torch.maximum(corners[2], corners[3]))
    return Interval(low, high)
