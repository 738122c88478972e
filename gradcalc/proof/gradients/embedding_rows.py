"""Forward rows of embeddings: rows of a table, and sums, means and largest entries of bags of rows; with their kernels."""

from __future__ import annotations

import numpy as np

from gradcalc.engines.autograd.operation import Numbers
from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.rows import Arguments, row
from gradcalc.proof.gradients.scatter_rows import in_groups

_SUM, _MEAN, _MAX = 0, 1, 2
"""The numbers of modes."""


@row("embedding", "padding_idx scale_grad_by_freq sparse")
def _embedding(p: ForwardProgram, a: Arguments) -> Reference:
    """Rows of a table; the row that pads is documented to get no gradient, and counts as constant where that is asked."""
    weight, rows = a.array("weight"), a.floats("indices").astype(int)
    width, padding = weight.shape[1], a.plain("padding_idx")
    places = rows[..., None] * width + np.arange(width)
    if padding is None or padding < 0:
        return p.gather(weight, places)
    p.documented = p.documented or f"embedding with padding_idx={padding}"
    if not p.is_documented:
        return p.gather(weight, places)
    return p.gather(p.join([weight, p.stop(weight)]), places + weight.size * (rows == padding)[..., None])


@row("embedding_dense_backward", "num_weights padding_idx")
def _embedding_backward(p: ForwardProgram, a: Arguments) -> Reference:
    gradient, rows = a.array("grad_output"), a.floats("indices").astype(int).reshape(-1)
    width, count = gradient.shape[-1], a.plain("num_weights")
    kept = rows != a.plain("padding_idx")
    flat = np.arange(gradient.size).reshape(-1, width)[kept]
    places = rows[kept][:, None] * width + np.arange(width)
    return p.scatter(p.gather(gradient, flat), places, (count, width))


def _bags(a: Arguments) -> tuple[Numbers, Numbers, Numbers]:
    """The rows that bags have, the bag of each, and how many bags there are rows in: without the row that pads."""
    rows, offsets = a.floats("indices").astype(int), a.floats("offsets").astype(int)
    bags = np.searchsorted(offsets, np.arange(len(rows)), side="right") - 1
    kept = np.flatnonzero(rows != a.of("padding_idx")) if a.of("padding_idx") >= 0 else np.arange(len(rows))
    return rows, bags, kept


def _sample_weights(p: ForwardProgram, a: Arguments, bags: Numbers, kept: Numbers) -> Reference | None:
    """What the rows in bags are multiplied by, if it is not 1."""
    if a.of("scale_grad_by_freq") or a.of("sparse"):
        raise NotKnown(f"{a.op.name} in this form")
    weights = None
    if a.of("mode") == _MEAN:
        counts = np.bincount(bags[kept], minlength=int(bags.max(initial=0)) + 1)
        weights = p.call("/", p.scalar(1.0), p.numbers(counts[bags[kept]].astype(float), (len(kept), 1)))
    if a.op.argument("per_sample_weights") is not None:
        own = p.gather(a.array("per_sample_weights"), kept[:, None])
        weights = own if weights is None else p.call("*", weights, own)
    return weights


@row("_embedding_bag", "scale_grad_by_freq mode sparse per_sample_weights include_last_offset padding_idx")
def _embedding_bag(p: ForwardProgram, a: Arguments) -> tuple[Reference, None, None, None]:
    table, (rows, bags, kept) = a.array("weight"), _bags(a)
    width = table.shape[1]
    places = rows[kept][:, None] * width + np.arange(width)
    if a.of("mode") == _MAX:
        groups = [
            [int(at) for at in places[bags[kept] == bag, column]] for bag in range(a.shape[0]) for column in range(width)
        ]
        if not all(groups):
            raise NotKnown(f"{a.op.name} of an empty bag")
        return Reference(in_groups(p, table, groups, "amax").place, a.shape), None, None, None
    taken, weights = p.gather(table, places), _sample_weights(p, a, bags, kept)
    taken = taken if weights is None else p.call("*", taken, weights)
    return p.scatter(taken, bags[kept][:, None] * width + np.arange(width), a.shape), None, None, None


@row(
    "_embedding_bag_backward _embedding_bag_dense_backward",
    "num_weights scale_grad_by_freq mode sparse per_sample_weights padding_idx",
)
def _embedding_bag_backward(p: ForwardProgram, a: Arguments) -> Reference:
    if a.of("mode") == _MAX or a.op.base == "_embedding_bag_dense_backward":
        raise NotKnown(f"{a.op.name} in this form")
    gradient, (rows, bags, kept) = a.array("grad"), _bags(a)
    width = gradient.shape[1]
    taken, weights = p.gather(gradient, bags[kept][:, None] * width + np.arange(width)), _sample_weights(p, a, bags, kept)
    taken = taken if weights is None else p.call("*", taken, weights)
    return p.scatter(taken, rows[kept][:, None] * width + np.arange(width), (a.of("num_weights"), width))


@row("_embedding_bag_per_sample_weights_backward", "mode padding_idx")
def _sample_weights_backward(p: ForwardProgram, a: Arguments) -> Reference:
    gradient, table, (rows, bags, kept) = a.array("grad"), a.array("weight"), _bags(a)
    columns = np.arange(gradient.shape[1])
    left = p.gather(gradient, bags[kept][:, None] * len(columns) + columns)
    right = p.gather(table, rows[kept][:, None] * len(columns) + columns)
    return p.scatter(p.sum(p.call("*", left, right), [1]), kept, a.shape)
