"""Forward rows of layers: norms, convolutions, pools, attention, as compositions of sums, products and moves of entries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcalc.engines.autograd.operation import Numbers
from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.masks import exponentials
from gradcalc.proof.gradients.pool_rows import each_dim
from gradcalc.proof.gradients.reduction_rows import batched, centered
from gradcalc.proof.gradients.rows import Arguments, row


def _affine(p: ForwardProgram, a: Arguments, y: Reference, shape: Sequence[int]) -> Reference:
    """Times a weight and plus a bias, where there are some; both are given a shape that broadcasts."""
    for name, function in (("weight", "*"), ("bias", "+")):
        if a.plain(name) is not None:
            part = a.array(name)
            y = p.call(function, y, Reference(part.place, tuple(shape) if shape else part.shape))
    return y


@row("native_layer_norm", "normalized_shape weight bias eps")
def _layer_norm(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference, Reference]:
    x = a.array("input")
    count = len(a.plain("normalized_shape"))
    dims = list(range(len(x.shape) - count, len(x.shape)))
    apart = centered(p, x, dims)
    scale = p.call("rsqrt", p.call("+", p.mean(p.call("*", apart, apart), dims), p.scalar(a.plain("eps"))))
    return _affine(p, a, p.call("*", apart, p.keep(scale, dims)), ()), p.mean(x, dims), scale


@row(
    "native_batch_norm _native_batch_norm_legit cudnn_batch_norm",
    "weight bias running_mean running_var training momentum eps",
)
def _batch_norm(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference | None, Reference | None]:
    x = a.array("input")
    dims = [0, *range(2, len(x.shape))]
    channels = [1, -1, *[1] * (len(x.shape) - 2)]
    shape = [x.shape[1] if it == -1 else it for it in channels]
    if a.plain("training"):
        apart = centered(p, x, dims)
        variance = p.mean(p.call("*", apart, apart), dims)
        middle = p.mean(x, dims)
    else:
        middle, variance = a.array("running_mean"), a.array("running_var")
        apart = p.call("-", x, Reference(middle.place, tuple(shape)))
    scale = p.call("rsqrt", p.call("+", variance, p.scalar(a.plain("eps"))))
    y = _affine(p, a, p.call("*", apart, Reference(scale.place, tuple(shape))), shape)
    return (y, middle, scale) if a.plain("training") else (y, None, None)


@row("native_group_norm", "weight bias N C HxW group eps")
def _group_norm(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference, Reference]:
    x = a.array("input")
    batch, groups = x.shape[0], a.plain("group")
    flat = Reference(x.place, (batch, groups, x.size // (batch * groups)))
    apart = centered(p, flat, [2])
    scale = p.call("rsqrt", p.call("+", p.mean(p.call("*", apart, apart), [2]), p.scalar(a.plain("eps"))))
    y = Reference(p.call("*", apart, p.keep(scale, [2])).place, x.shape)
    return _affine(p, a, y, [1, x.shape[1], *[1] * (len(x.shape) - 2)]), p.mean(flat, [2]), scale


def windows(
    shape: Sequence[int], kernel: Sequence[int], counts: Sequence[int], stride: Sequence[int], padding: Sequence[int],
    dilation: Sequence[int],
) -> Numbers:  # fmt: skip
    """The places of an image under every position of a kernel, of which there are `counts`: a row for each; -1 outside."""
    starts = np.meshgrid(
        *[np.arange(count) * step - pad for count, step, pad in zip(counts, stride, padding, strict=True)], indexing="ij"
    )
    offsets = np.meshgrid(*[np.arange(size) * step for size, step in zip(kernel, dilation, strict=True)], indexing="ij")
    places: Any = 0
    inside: Any = True
    for length, start, offset in zip(shape, starts, offsets, strict=True):
        at = start.reshape(-1, 1) + offset.reshape(1, -1)
        inside = inside & (at >= 0) & (at < length)
        places = places * length + at
    found: Numbers = np.where(inside, places, -1)
    return found


def _padded(p: ForwardProgram, x: Reference, places: Numbers) -> Reference:
    """The entries at places, 0 where a place is -1."""
    if (places < 0).any():
        return p.gather(p.join([x, p.scalar(0.0)]), np.where(places < 0, x.size, places))
    return p.gather(x, places)


@row("convolution", "bias stride padding dilation transposed output_padding groups")
def _convolution(p: ForwardProgram, a: Arguments) -> Reference:
    if a.plain("transposed"):
        return _transposed_convolution(p, a)
    x, weight, groups = a.array("input"), a.array("weight"), a.plain("groups")
    batch, channels, *image = x.shape
    kernel = weight.shape[2:]
    count = len(kernel)
    counts = a.shape[2:]
    places = windows(image, kernel, counts, *(each_dim(a.plain(name), count) for name in ("stride", "padding", "dilation")))
    size, own = math.prod(image), channels // groups
    starts = (np.arange(batch)[:, None] * channels + np.arange(channels)[None]) * size
    whole = np.where(places[None, None] < 0, -1, starts[:, :, None, None] + places[None, None])
    outputs = weight.shape[0] // groups
    parts = []
    for group in range(groups):
        rows = whole[:, group * own : (group + 1) * own].transpose(0, 2, 1, 3).reshape(batch * len(places), -1)
        columns = np.arange(weight.size).reshape(weight.shape[0], -1)[group * outputs : (group + 1) * outputs].T
        parts.append(p.product(_padded(p, x, rows), p.gather(weight, columns)))
    joined = p.join(parts)
    order = np.arange(joined.size).reshape(groups, batch, len(places), outputs).transpose(1, 0, 3, 2)
    return _with_bias(p, a, Reference(p.gather(joined, order).place, (batch, weight.shape[0], *counts)))


def _with_bias(p: ForwardProgram, a: Arguments, y: Reference) -> Reference:
    if a.plain("bias") is None:
        return y
    return p.call("+", y, Reference(a.array("bias").place, (1, y.shape[1], *[1] * (len(y.shape) - 2))))


def _transposed_convolution(p: ForwardProgram, a: Arguments) -> Reference:
    """Every entry of the input times the kernel, added where the kernel lies in the result."""
    x, weight, groups = a.array("input"), a.array("weight"), a.plain("groups")
    batch, channels, *image = x.shape
    kernel, result, count = weight.shape[2:], a.shape[2:], len(image)
    stride, padding, dilation = (each_dim(a.plain(name), count) for name in ("stride", "padding", "dilation"))
    places = windows(result, kernel, image, stride, padding, dilation)
    own, outputs, size = channels // groups, weight.shape[1], math.prod(image)
    parts, targets = [], []
    for group in range(groups):
        rows = np.arange(x.size).reshape(batch, channels, size)[:, group * own : (group + 1) * own].transpose(0, 2, 1)
        columns = np.arange(weight.size).reshape(channels, -1)[group * own : (group + 1) * own]
        parts.append(p.product(p.gather(x, rows.reshape(-1, own)), p.gather(weight, columns)))
        planes = np.arange(batch)[:, None] * outputs * groups + group * outputs + np.arange(outputs)[None]
        whole = planes[:, None, :, None] * math.prod(result) + places[None, :, None, :]
        targets.append(np.where(places[None, :, None, :] < 0, -1, whole).reshape(-1))
    joined, target = p.join(parts), np.concatenate(targets)
    inside = np.flatnonzero(target >= 0)
    return _with_bias(p, a, p.scatter(p.gather(joined, inside), target[inside], a.shape))


@row("_scaled_dot_product_flash_attention_for_cpu", "dropout_p is_causal attn_mask scale")
def _attention(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference]:
    query, key, value = (a.array(name) for name in ("query", "key", "value"))
    if a.plain("dropout_p"):
        raise NotKnown(f"{a.op.name} with dropout")
    batch, heads, length, width = query.shape
    others = key.shape[2]
    scale = a.plain("scale")
    by = p.call("/", p.scalar(1.0), p.call("sqrt", p.scalar(float(width)))) if scale is None else p.scalar(scale)
    flat = [Reference(it.place, (batch * heads, it.shape[2], it.shape[3])) for it in (query, key, value)]
    turned = p.gather(flat[1], np.arange(key.size).reshape(batch * heads, others, width).transpose(0, 2, 1))
    scores, masked = p.call("*", batched(p, flat[0], turned), by), np.zeros((batch * heads, length, others))
    if a.plain("attn_mask") is not None:
        whole = (batch, heads, length, others)
        mask = p.broadcast_to(a.array("attn_mask"), whole)
        scores = p.call("+", scores, Reference(mask.place, scores.shape))
        masked = np.broadcast_to(a.floats("attn_mask"), whole).reshape(scores.shape)
    powers = exponentials(p, scores, masked)
    if a.plain("is_causal"):
        powers = p.choose(np.tril(np.ones((length, others)))[None] > 0, powers, p.scalar(0.0))
    total = p.sum(powers, [2])
    result = batched(p, p.call("/", powers, p.keep(total, [2])), flat[2])
    logarithm = Reference(p.call("log", total).place, (batch, heads, length))
    return Reference(result.place, (batch, heads, length, value.shape[3])), logarithm
