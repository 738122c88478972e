"""Forward rows of interpolation: every entry is a sum of neighbours with weights, one dimension after the other.

Source: aten/src/ATen/native/UpSample.h.  The weights are exact ratios of sizes, or of the scales that were given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from gradcalc.engines.autograd.operation import Numbers
from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram
from gradcalc.proof.gradients.rows import Arguments, row
from gradcalc.proof.gradients.scatter_rows import places_of

Neighbours = Sequence[tuple[int, Fraction]]
"""The entries along a dimension that a new one is made of, with their weights."""
_CUBIC = Fraction(-3, 4)


def _scale(length: int, count: int, scale: float | None, *, align_corners: bool) -> Fraction:
    """How far entries lie apart, in entries of the source."""
    if align_corners:
        return Fraction(length - 1, count - 1) if count > 1 else Fraction(0)
    return 1 / Fraction(scale) if scale is not None and scale > 0 else Fraction(length, count)


def _linear(length: int, count: int, scale: float | None, *, align_corners: bool) -> list[Neighbours]:
    by = _scale(length, count, scale, align_corners=align_corners)
    rows: list[Neighbours] = []
    for place in range(count):
        at = by * place if align_corners else max(by * (place + Fraction(1, 2)) - Fraction(1, 2), Fraction(0))
        first = min(math.floor(at), length - 1)
        part = min(max(at - first, Fraction(0)), Fraction(1))
        rows.append([(first, 1 - part), (min(first + 1, length - 1), part)])
    return rows


def _cubic(length: int, count: int, scale: float | None, *, align_corners: bool) -> list[Neighbours]:
    by = _scale(length, count, scale, align_corners=align_corners)
    rows: list[Neighbours] = []
    for place in range(count):
        at = by * place if align_corners else by * (place + Fraction(1, 2)) - Fraction(1, 2)
        first = math.floor(at)
        part = at - first
        weights = [_far(part + 1), _near(part), _near(1 - part), _far(2 - part)]
        rows.append([(min(max(first - 1 + number, 0), length - 1), weight) for number, weight in enumerate(weights)])
    return rows


def _near(x: Fraction) -> Fraction:
    return ((_CUBIC + 2) * x - (_CUBIC + 3)) * x * x + 1


def _far(x: Fraction) -> Fraction:
    return ((_CUBIC * x - 5 * _CUBIC) * x + 8 * _CUBIC) * x - 4 * _CUBIC


def _along(p: ForwardProgram, x: Reference, dim: int, rows: Sequence[Neighbours]) -> Reference:
    """An array whose entries along a dimension are sums of neighbours with weights."""
    places = places_of(x.shape)
    shape = [1] * len(x.shape)
    shape[dim] = len(rows)
    total = None
    for number in range(len(rows[0])):
        part = p.gather(x, np.take(places, [row_[number][0] for row_ in rows], axis=dim))
        weights = p.exact([row_[number][1] for row_ in rows], tuple(shape))
        term = p.call("*", part, weights)
        total = term if total is None else p.call("+", total, term)
    assert total is not None
    return total


_KINDS: dict[str, Any] = {
    "upsample_linear1d": _linear, "upsample_bilinear2d": _linear, "upsample_trilinear3d": _linear,
    "upsample_bicubic2d": _cubic,
}  # fmt: skip


@row("upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d",
     "output_size align_corners scales scales_d scales_h scales_w")  # fmt: skip
def _upsample(p: ForwardProgram, a: Arguments) -> Reference:
    y = a.array("self")
    names = {3: ["scales"], 4: ["scales_h", "scales_w"], 5: ["scales_d", "scales_h", "scales_w"]}[len(y.shape)]
    for dim, name in enumerate(names, 2):
        rows = _KINDS[a.op.base](y.shape[dim], a.shape[dim], a.of(name), align_corners=a.of("align_corners"))
        y = _along(p, y, dim, rows)
    return y


# ------------------------------------------------------------------------------------------------------------- a grid

_BILINEAR, _NEAREST, _BICUBIC = 0, 1, 2
_ZEROS, _BORDER, _REFLECTION = 0, 1, 2
"""The numbers of interpolation modes, and of what lies outside of an image."""


class _Axis:
    """The coordinates of a grid along a dimension of an image: exactly, and as floats, which tell between what they lie."""

    def __init__(self, p: ForwardProgram, length: int, padding: int, *, align_corners: bool):
        self.p, self.length, self.padding, self.align_corners = p, length, padding, align_corners

    def located(self, x: Reference, floats: Numbers) -> tuple[Reference, Numbers]:
        """The coordinates in entries, of those from -1 to 1."""
        p = self.p
        half, one, size = p.scalar(0.5), p.scalar(1.0), p.scalar(float(self.length))
        shifted = p.call("+", x, one)
        if self.align_corners:
            return p.call("*", p.call("*", shifted, half), p.call("-", size, one)), (floats + 1) / 2 * (self.length - 1)
        return p.call("*", p.call("-", p.call("*", shifted, size), one), half), ((floats + 1) * self.length - 1) / 2

    def inside(self, x: Reference, floats: Numbers) -> tuple[Reference, Numbers]:
        """Coordinates moved into the image, if that is asked."""
        if self.padding == _ZEROS:
            return x, floats
        if self.padding == _REFLECTION:
            x, floats = self._reflected(x, floats)
        p, last = self.p, float(self.length - 1)
        return p.call("minimum", p.call("maximum", x, p.scalar(0.0)), p.scalar(last)), np.clip(floats, 0, last)

    def _reflected(self, x: Reference, floats: Numbers) -> tuple[Reference, Numbers]:
        p, low = self.p, 0.0 if self.align_corners else -0.5
        span = float(self.length - 1 if self.align_corners else self.length)
        if not span:
            return p.call("*", x, p.scalar(0.0)), floats * 0
        start, width = p.scalar(low), p.scalar(span)
        size, sizes = p.call("abs", p.call("-", x, start)), np.abs(floats - low)
        rest, rests = p.call("remainder", size, width), np.remainder(sizes, span)
        is_turned = np.floor(sizes / span) % 2 == 1
        rest = p.choose(is_turned, p.call("-", width, rest), rest)
        return p.call("+", rest, start), np.where(is_turned, span - rests, rests) + low

    def places(self, at: Numbers) -> Numbers:
        """The entries of whole coordinates; -1 for those outside."""
        if self.padding == _ZEROS:
            return np.where((at >= 0) & (at < self.length), at, -1)
        if self.padding == _REFLECTION:
            low = 0.0 if self.align_corners else -0.5
            span = float(self.length - 1 if self.align_corners else self.length)
            sizes = np.abs(at - low)
            rests = np.remainder(sizes, span) if span else sizes * 0
            at = np.where(np.floor(sizes / (span or 1.0)) % 2 == 1, span - rests, rests) + low
        return np.clip(np.rint(at), 0, self.length - 1).astype(int)

    def taps(self, x: Reference, floats: Numbers, mode: int) -> list[tuple[Numbers, Reference]]:
        """The entries that a coordinate lies between, with their weights."""
        p = self.p
        if mode == _NEAREST:
            x, floats = self.inside(x, floats)
            rounded = p.call("round", x)  # the weight is 1, but jumps where the nearest entry changes
            weight = p.call("+", p.scalar(1.0), p.call("-", rounded, rounded))
            return [(self.places(np.rint(floats).astype(int)), weight)]
        if mode == _BILINEAR:
            x, floats = self.inside(x, floats)
        first = np.floor(floats).astype(int)
        part = p.call("-", x, p.call("floor", x))
        rest = p.call("-", p.scalar(1.0), part)
        if mode == _BILINEAR:
            is_last = first + 1 < self.length if self.padding != _ZEROS else np.ones(first.shape, dtype=bool)
            after = np.where(is_last, first + 1, first)
            return [(self.places(first), rest), (self.places(after), part)]
        one = p.scalar(1.0)
        weights = [
            self._cubic(p.call("+", part, one), is_near=False), self._cubic(part, is_near=True),
            self._cubic(rest, is_near=True), self._cubic(p.call("+", rest, one), is_near=False),
        ]  # fmt: skip
        return [(self.places(first + number - 1), weight) for number, weight in enumerate(weights)]

    def _cubic(self, x: Reference, *, is_near: bool) -> Reference:
        """The weight of an entry at a distance below 1, or between 1 and 2."""
        p, a = self.p, _CUBIC
        powers = [a + 2, -(a + 3), Fraction(0), Fraction(1)] if is_near else [a, -5 * a, 8 * a, -4 * a]
        value = p.exact([powers[0]], ())
        for power in powers[1:]:
            value = p.call("+", p.call("*", value, x), p.exact([power], ()))
        return value


@row("grid_sampler_2d grid_sampler_3d", "interpolation_mode padding_mode align_corners")
def _grid_sampler(p: ForwardProgram, a: Arguments) -> Reference:
    x, grid, floats = a.array("input"), a.array("grid"), a.floats("grid")
    batch, channels, *image = x.shape
    count = len(image)
    places, own = places_of(grid.shape), []
    for dim, length in enumerate(image):
        axis = _Axis(p, length, a.of("padding_mode"), align_corners=a.of("align_corners"))
        number = count - 1 - dim  # the last coordinate is that of the first dimension
        located = axis.located(p.gather(grid, places[..., number]), floats[..., number])
        own.append(axis.taps(*located, a.of("interpolation_mode")))
    planes = (np.arange(batch)[:, None] * channels + np.arange(channels)[None]) * math.prod(image)
    source, total = p.join([x, p.scalar(0.0)]), None
    for taps in product(*own):
        place: Any = np.zeros(grid.shape[:-1], dtype=int)
        is_inside: Any = True
        weight = None
        for length, (at, factor) in zip(image, taps, strict=True):
            place, is_inside = place * length + at, is_inside & (at >= 0)
            weight = factor if weight is None else p.call("*", weight, factor)
        assert weight is not None
        spread = planes.reshape(batch, channels, *[1] * count) + place[:, None]
        taken = p.gather(source, np.where(np.broadcast_to(is_inside[:, None], spread.shape), spread, x.size))
        term = p.call("*", taken, Reference(weight.place, (batch, 1, *grid.shape[1:-1])))
        total = term if total is None else p.call("+", total, term)
    assert total is not None
    return total
