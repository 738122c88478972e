"""What an expression does on one side of a place, from its values and slopes at a few distances.

Comes in: samples on both sides.  Goes out: the kind of the singularity between them.  It names marks in a drawing, never a
verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

from flint import arb

from gradcalc.engines.taylor import reals
from gradcalc.proof.smoothness.kinds import Kind

_NOISE = arb(2) ** -100
"""Relative noise: numbers are known to 120 bits."""
BITS = 256


@dataclass(frozen=True, slots=True)
class Sample:
    """The value at a distance from a place, and the slope in the direction away from it."""

    distance: arb
    value: arb
    slope: arb


class _Growth(StrEnum):
    """What is finite at the place: the slope, only the value, or neither."""

    TAME = "tame"
    STEEP = "steep"
    POLE = "pole"


class OneSidedFit:
    """Asymptotics near a place: slope = a + b*distance**-p.

    Only ratios of differences between samples are compared, so that the units of the axes do not matter.
    """

    def __init__(self, samples: Sequence[Sample]):
        self.samples = samples

    @cached_property
    def exponent(self) -> arb | None:
        """The exponent p; minus infinity where the slope is constant, None where no p fits all samples."""
        if not self.samples:
            return None
        slopes = [sample.slope for sample in self.samples]
        largest = max(map(abs, slopes))
        steps = [near - far for near, far in pairwise(slopes)]
        if all(abs(step) <= _NOISE * largest for step in steps):
            return arb.neg_inf()
        exponents = []
        for place in range(len(steps) - 1):
            share = steps[place] / steps[place + 1] if steps[place + 1] != 0 else arb.nan()
            if not share > 0:
                return None
            stride = self.samples[place + 1].distance / self.samples[place].distance
            exponents.append(share.log() / stride.log())
        if len({_exponent_class(exponent) for exponent in exponents}) > 1:
            return None
        # p = 0 and p = 1 are limits of the formulas below: p is moved by 2**-60.
        exponent = exponents[0].mid()
        return next((whole + arb(2) ** -60 for whole in (0, 1) if abs(exponent - whole) < arb(2) ** -60), exponent)

    @cached_property
    def singular_term(self) -> arb:
        """The singular part of the nearest slope: b*distance**-p."""
        exponent, (near, far) = self.exponent, self.samples[:2]
        if exponent is None or exponent == arb.neg_inf():
            return arb(0)
        return ((near.slope - far.slope) / (1 - (far.distance / near.distance) ** -exponent)).mid()

    @property
    def constant_term(self) -> arb:
        """The constant part a of the slope: its limit, if it has one."""
        return (self.samples[0].slope - self.singular_term).mid()

    def slope_integral(self, distance: arb) -> arb:
        """The integral of the slope over the distance; from the place itself where that converges."""
        exponent, near = self.exponent, self.samples[0].distance
        assert exponent is not None
        if exponent == arb.neg_inf():
            return self.constant_term * distance
        singular = self.singular_term * near * (distance / near) ** (1 - exponent) / (1 - exponent)
        return self.constant_term * distance + singular

    @property
    def is_consistent(self) -> bool:
        """Whether the integral of the slope fits the values: that of oscillations and of endless jumps does not."""
        if self.exponent is None:
            return False
        for near, far in pairwise(self.samples[:3]):
            change = near.value - far.value
            difference = self.slope_integral(near.distance) - self.slope_integral(far.distance)
            noise = _NOISE * (abs(near.value) + abs(far.value))
            # Logarithms are not powers: the fit is off by a factor.  For oscillations it is off by millions.
            is_same_magnitude = change * difference > 0 and abs(difference) / 32 < abs(change) < 32 * abs(difference)
            size = abs(self.constant_term * far.distance) + abs(self.singular_term * near.distance)
            if not is_same_magnitude and not abs(change - difference) <= size / 8 + noise:
                return False
        return True

    @property
    def growth(self) -> _Growth | None:
        """The class of the exponent; None where the samples fit no formula."""
        return _exponent_class(self.exponent) if self.exponent is not None and self.is_consistent else None

    @property
    def limit(self) -> arb:
        """The limit of the value."""
        near = self.samples[0]
        return (near.value - self.slope_integral(near.distance)).mid()

    @property
    def uncertainty(self) -> arb:
        """A bound of the change of the value between the place and the nearest sample."""
        near = self.samples[0]
        return abs(near.value - self.limit) + abs(near.slope) * near.distance + _NOISE * abs(near.value)


def _exponent_class(exponent: arb) -> _Growth | None:
    """The growth for an exponent.  Logarithms give exponents near 0 and 1, which belong to the logarithms' classes."""
    if exponent < -0.08:
        return _Growth.TAME
    if -0.015 < exponent < 0.92:
        return _Growth.STEEP
    return _Growth.POLE if exponent > 0.985 else None


def classify_between(left: OneSidedFit | None, right: OneSidedFit | None) -> Kind | None:
    """The kind of the singularity between two sides: SMOOTH if there may be none, None if neither side has a value."""
    with reals.precision(BITS):
        growths = [side.growth for side in (left, right) if side is not None]
        if not growths:
            return None
        if None in growths:
            return Kind.UNKNOWN
        if _Growth.POLE in growths:
            return Kind.POLE
        if left is None or right is None:
            return Kind.EDGE
        gap, uncertainty = abs(left.limit - right.limit), left.uncertainty + right.uncertainty
        # The location error is a fixed share of the sampling distance, and the limits inherit it.
        if gap > uncertainty / 2:
            return Kind.JUMP
        if gap > uncertainty / 8:
            return Kind.UNKNOWN
        if _Growth.STEEP in growths:
            return Kind.VERTICAL
        gap = abs(left.constant_term + right.constant_term)
        uncertainty = abs(left.singular_term) + abs(right.singular_term)
        uncertainty += _NOISE * (abs(left.constant_term) + abs(right.constant_term))
        return Kind.KINK if gap > 4 * uncertainty else Kind.SMOOTH if gap <= uncertainty else Kind.UNKNOWN
