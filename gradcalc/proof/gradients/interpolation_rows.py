"""Forward rows of interpolation: every entry is a sum of neighbours with weights, one dimension after the other.

Source: aten/src/ATen/native/UpSample.h.  The weights are exact ratios of sizes, or of the scales that were given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

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
