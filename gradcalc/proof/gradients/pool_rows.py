"""Forward rows of pools: means and largest entries of windows, over one to three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.rows import Arguments, row


def each_dim(value: Any, count: int) -> list[int]:
    """An argument for every dimension, of which one number stands for all."""
    values = [value] if isinstance(value, int) else list(value)
    return values * count if len(values) == 1 else values


def _counts(a: Arguments, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes of the image that a pool reads."""
    result = a.shape
    count = {"1": 1, "2": 2, "3": 3}[next(it for it in a.op.base if it.isdigit())]
    if len(result) != len(shape) or shape[: len(shape) - count] != result[: len(result) - count]:
        raise NotKnown(f"{a.op.name} in this form")
    return shape[len(shape) - count :]


def _windows(spans: Sequence[Sequence[Sequence[int]]], image: Sequence[int]) -> list[list[int]]:
    """The places of an image in every window: the product of what it covers along each dimension."""
    strides = [math.prod(image[dim + 1 :]) for dim in range(len(image))]
    return [
        [sum(at * stride for at, stride in zip(place, strides, strict=True)) for place in product(*parts)]
        for parts in product(*spans)
    ]


def _in_planes(windows: Sequence[Sequence[int]], planes: int, size: int) -> list[list[int]]:
    return [[plane * size + place for place in window] for plane in range(planes) for window in windows]


def _mean_of(p: ForwardProgram, x: Reference, groups: Sequence[Sequence[int]], divisors: Sequence[int]) -> Reference:
    """The sums of groups of entries, some of them empty, divided by numbers."""
    longest = max(map(len, groups))
    table = np.full((len(groups), longest), x.size)
    for number, group in enumerate(groups):
        table[number, : len(group)] = group
    total = p.sum(p.gather(p.join([x, p.scalar(0.0)]), table), [1])
    return p.call("/", total, p.numbers(np.array(divisors, dtype=np.float64), (len(groups),)))


@row("avg_pool2d avg_pool3d", "kernel_size stride padding ceil_mode count_include_pad divisor_override")
def _avg_pool(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    image = _counts(a, x.shape)
    dims = len(image)
    kernel, padding = each_dim(a.of("kernel_size"), dims), each_dim(a.of("padding") or 0, dims)
    stride = each_dim(a.of("stride") or kernel, dims)
    spans, sizes = [], []
    for dim, length in enumerate(image):
        starts = [place * stride[dim] - padding[dim] for place in range(a.shape[len(a.shape) - dims + dim])]
        ends = [min(start + kernel[dim], length + padding[dim]) for start in starts]
        sizes.append([end - start for start, end in zip(starts, ends, strict=True)])
        spans.append([range(max(start, 0), min(end, length)) for start, end in zip(starts, ends, strict=True)])
    planes = math.prod(x.shape[: len(x.shape) - dims])
    windows = _windows(spans, image)
    whole = [math.prod(each) for each in product(*sizes)]
    by = a.of("divisor_override")
    divisors = [by] * len(windows) if by else whole if a.of("count_include_pad") else [len(it) for it in windows]
    groups = _in_planes(windows, planes, math.prod(image))
    return Reference(_mean_of(p, x, groups, divisors * planes).place, a.shape)


def _adaptive_spans(image: Sequence[int], size: Sequence[int]) -> list[list[range]]:
    return [
        [range(place * length // count, -(-(place + 1) * length // count)) for place in range(count)]
        for length, count in zip(image, size, strict=True)
    ]


@row("_adaptive_avg_pool2d _adaptive_avg_pool3d", "output_size")
def _adaptive_avg_pool(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    image = _counts(a, x.shape)
    windows = _windows(_adaptive_spans(image, a.shape[-len(image) :]), image)
    planes = math.prod(x.shape[: -len(image)])
    groups = _in_planes(windows, planes, math.prod(image))
    return Reference(_mean_of(p, x, groups, [len(group) for group in groups]).place, a.shape)


def _largest(p: ForwardProgram, a: Arguments, x: Reference, image: Sequence[int], spans: Any) -> tuple[Reference, None]:
    """The entries that the kernel chose: each in its window, which it is the largest of."""
    planes, size = math.prod(x.shape[: -len(image)]), math.prod(image)
    rivals = _in_planes(_windows(spans, image), planes, size)
    chosen = a.result(1).astype(int).reshape(planes, -1) + np.arange(planes)[:, None] * size
    if any(place not in window for place, window in zip(chosen.reshape(-1).tolist(), rivals, strict=True)):
        raise NotKnown(f"{a.op.name} with other windows")
    return p.ordered(x, chosen.reshape(a.shape), rivals), None


@row("max_pool2d_with_indices max_pool3d_with_indices", "kernel_size stride padding dilation ceil_mode")
def _max_pool(p: ForwardProgram, a: Arguments) -> tuple[Reference, None]:
    x = a.array("self")
    image = _counts(a, x.shape)
    dims = len(image)
    kernel, padding = each_dim(a.of("kernel_size"), dims), each_dim(a.of("padding") or 0, dims)
    stride, step = each_dim(a.of("stride") or kernel, dims), each_dim(a.of("dilation") or 1, dims)
    spans = []
    for dim, length in enumerate(image):
        starts = [place * stride[dim] - padding[dim] for place in range(a.shape[len(a.shape) - dims + dim])]
        offsets = [number * step[dim] for number in range(kernel[dim])]
        spans.append([[start + it for it in offsets if 0 <= start + it < length] for start in starts])
    return _largest(p, a, x, image, spans)


@row("adaptive_max_pool2d adaptive_max_pool3d", "output_size")
def _adaptive_max_pool(p: ForwardProgram, a: Arguments) -> tuple[Reference, None]:
    x = a.array("self")
    image = _counts(a, x.shape)
    return _largest(p, a, x, image, _adaptive_spans(image, a.shape[-len(image) :]))


@row("fractional_max_pool2d fractional_max_pool3d", "kernel_size output_size")
def _fractional_max_pool(p: ForwardProgram, a: Arguments) -> tuple[Reference, None]:
    """Of windows that are shifted at random: every plane has its own, which the indices fall into."""
    x = a.array("self")
    image = _counts(a, x.shape)
    planes, size = math.prod(x.shape[: -len(image)]), math.prod(image)
    kernel = each_dim(a.of("kernel_size"), len(image))
    samples = a.floats("random_samples").reshape(planes, -1)
    rivals: list[list[int]] = []
    for plane, drawn in enumerate(samples.tolist()):
        shifts = drawn if len(image) == 3 else drawn[::-1]
        spans = [
            [range(start, start + width) for start in _fractional_starts(length, count, width, shift)]
            for length, count, width, shift in zip(image, a.shape[-len(image) :], kernel, shifts, strict=True)
        ]
        rivals += [[plane * size + place for place in window] for window in _windows(spans, image)]
    chosen = (a.result(1).astype(int).reshape(planes, -1) + np.arange(planes)[:, None] * size).reshape(a.shape)
    if any(place not in window for place, window in zip(chosen.reshape(-1).tolist(), rivals, strict=True)):
        raise NotKnown(f"{a.op.name} with other windows")
    return p.ordered(x, chosen, rivals), None


def _fractional_starts(length: int, count: int, width: int, shift: float) -> list[int]:
    """Where windows start, as the kernel computes it in floats."""
    if count == 1:
        return [length - width]
    step = (length - width) / (count - 1)
    return [*(int((place + shift) * step) - int(shift * step) for place in range(count - 1)), length - width]
