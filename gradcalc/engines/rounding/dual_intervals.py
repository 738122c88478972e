"""Dual intervals: numbers with their first derivatives, each in an interval, for many points at once.

Forward mode: every operation bounds its value, and by the chain rule its slopes by the variables it depends on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch

from gradcalc.engines.rounding.intervals import Interval, Rounding, exactly, keeping_zeros

ZERO, ONE = exactly(0.0), exactly(1.0)


class DualInterval:
    """A number and its slopes by the variables it depends on."""

    __slots__ = ("rounding", "slopes", "value")

    def __init__(self, rounding: Rounding, value: Interval, slopes: Mapping[str, Interval]):
        self.rounding = rounding
        self.value = value
        self.slopes = slopes

    @classmethod
    def literal(cls, rounding: Rounding, value: int | str) -> DualInterval:
        """A number of a function's own."""
        exact = Fraction(value)
        number = exactly(float(exact))
        return cls(rounding, number if exact.denominator == 1 else rounding.around(number), {})

    def _lift(self, other: DualInterval | int) -> DualInterval:
        return other if isinstance(other, DualInterval) else DualInterval.literal(self.rounding, other)

    def __neg__(self) -> DualInterval:
        return DualInterval(self.rounding, -self.value, {name: -slope for name, slope in self.slopes.items()})

    def __add__(self, other: DualInterval | int) -> DualInterval:
        other = self._lift(other)
        slopes = {
            name: self.rounding.add(self.slopes[name], other.slopes[name])
            if name in self.slopes and name in other.slopes
            else self.slopes.get(name) or other.slopes[name]
            for name in {**self.slopes, **other.slopes}
        }
        return DualInterval(self.rounding, self.rounding.add(self.value, other.value), slopes)

    def __sub__(self, other: DualInterval | int) -> DualInterval:
        return self + (-self._lift(other))

    def __rsub__(self, other: int) -> DualInterval:
        return self._lift(other) - self

    def __mul__(self, other: DualInterval | int) -> DualInterval:
        other = self._lift(other)
        return chain_rule(self.rounding.multiply(self.value, other.value), (self, other.value), (other, self.value))

    __radd__ = __add__
    __rmul__ = __mul__

    def widened_for_custom_kernel(self, args: Sequence[DualInterval]) -> DualInterval:
        """Widened by one absolute unit a derivative, for kernels with formulas of their own."""
        size = torch.ones((), dtype=torch.float64)
        for arg in args:
            size = size + arg.value.size
        slopes = {}
        for name, slope in self.slopes.items():
            inner = sum((arg.slopes[name].size for arg in args if name in arg.slopes), torch.zeros((), dtype=torch.float64))
            # A branch that selects rounds nothing.
            slopes[name] = keeping_zeros(self.rounding.wider(slope, inner), slope.is_zero())
        return DualInterval(self.rounding, self.rounding.wider(self.value, size), slopes)


def chain_rule(value: Interval, *parts: tuple[DualInterval, Interval]) -> DualInterval:
    """A value whose slope is the sum of the slopes of its arguments, each times its local partial derivative."""
    rounding = parts[0][0].rounding
    slopes: dict[str, Interval] = {}
    for argument, partial in parts:
        for name, slope in argument.slopes.items():
            term = partial if slope is ONE else rounding.multiply(partial, slope)
            slopes[name] = rounding.add(slopes[name], term) if name in slopes else term
    return DualInterval(rounding, value, slopes)


@dataclass(frozen=True, slots=True)
class Trilean:
    """Where a condition certainly holds, and where it certainly does not; `names` are the variables it depends on."""

    yes: torch.Tensor
    no: torch.Tensor
    names: frozenset[str]
