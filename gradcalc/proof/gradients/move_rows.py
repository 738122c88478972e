"""Forward rows of operations that move entries: copies, gathers, pads; and of those that create numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from gradcalc.engines.autograd.operation import TensorView
from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.rows import Arguments, row


@row("clone alias _to_copy lift_fresh contiguous detach view _unsafe_view reshape expand unsqueeze squeeze permute t "
     "transpose", "size dim dims dim0 dim1 implicit dtype")  # fmt: skip
def _copy(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    if x.size == math.prod(a.shape) and a.op.base in ("clone", "alias", "_to_copy", "lift_fresh", "contiguous", "detach"):
        return Reference(x.place, a.shape)
    return _moved(p, a, [x])


@row("copy", "non_blocking")
def _copy_from(p: ForwardProgram, a: Arguments) -> Reference:
    return a.array("src")


def _moved(p: ForwardProgram, a: Arguments, sources: Sequence[Reference], fill: float = 0.0) -> Reference:
    """An operation that only moves entries, run on their places; where it puts a number of its own, that is `fill`."""
    count = 0

    def places(value: Any) -> Any:
        nonlocal count
        if isinstance(value, TensorView) and value.is_float:
            start, count = count, count + value.size
            return torch.arange(start + 1, count + 1).reshape(value.shape)
        if isinstance(value, TensorView):
            return torch.as_tensor(value.floats.reshape(value.shape))
        return [places(part) for part in value] if isinstance(value, tuple) else value

    inputs = [places(value) for value in a.op.inputs]
    if a.op.base == "constant_pad_nd":
        inputs[2:] = [0]
    moved = a.op.function(*inputs, **{name: places(value) for name, value in a.op.options.items()})
    found = moved.reshape(-1).numpy().reshape(tuple(moved.shape))
    if (found > 0).all():
        return p.gather(p.join(sources), found - 1)
    return p.gather(p.join([p.scalar(fill), *sources]), found)


@row("cat stack flip roll repeat index_select gather unfold select_scatter slice_scatter diagonal_scatter diag_embed rot90 "
     "diagonal_copy expand_copy permute_copy view_copy t_copy transpose_copy unsqueeze_copy squeeze_copy block_diag take "
     "masked_select pixel_shuffle pixel_unshuffle channel_shuffle reflection_pad1d reflection_pad2d reflection_pad3d "
     "replication_pad1d replication_pad2d replication_pad3d masked_scatter unfold_copy as_strided_copy "
     "slice_copy select_copy alias_copy detach_copy select_backward slice_backward diagonal_backward tril_copy narrow_copy "
     "_unsafe_index",
     "tensors dim dims dim0 dim1 dim2 shifts repeats index start end step sparse_grad dimension size offset k "
     "implicit padding upscale_factor downscale_factor groups source stride storage_offset input_sizes dtype length "
     "indices")  # fmt: skip
def _moves(p: ForwardProgram, a: Arguments) -> Reference:
    return _moved(p, a, [p.read(view) for view in a.op.operands if view.is_float])


@row("upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d "
     "_upsample_nearest_exact3d", "output_size scales scales_d scales_h scales_w")  # fmt: skip
def _nearest(p: ForwardProgram, a: Arguments) -> Reference:
    """Run on places in the precision in which the kernel computes where the nearest entry is."""
    x = a.array("self")
    dtype = torch.float64 if a.op.results[0].dtype == "float64" else torch.float32
    places = torch.arange(x.size, dtype=torch.float64).to(dtype).reshape(x.shape)
    if dtype is torch.float32 and x.size > _WHOLE_FLOATS:
        raise NotKnown(f"{a.op.name} of so many entries")
    moved = a.op.function(places, *a.op.inputs[1:])
    return p.gather(x, moved.long().numpy().reshape(a.shape))


_WHOLE_FLOATS = 2**24
"""Whole numbers up to here are floats of 32 bits."""


@row("constant_pad_nd", "pad value")
def _padded(p: ForwardProgram, a: Arguments) -> Reference:
    return _moved(p, a, [a.array("self")], float(a.of("value") or 0.0))


@row("index", "indices")
def _index(p: ForwardProgram, a: Arguments) -> Reference:
    return _moved(p, a, [a.array("self")])


@row("tril triu", "diagonal")
def _triangle(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    keep = (np.tril if a.op.base == "tril" else np.triu)(np.ones(x.shape), a.of("diagonal"))
    return p.choose(keep > 0, x, p.scalar(0.0))


@row("split_copy split_with_sizes_copy unbind_copy", "split_size split_sizes dim")
def _parts(p: ForwardProgram, a: Arguments) -> tuple[Reference, ...]:
    x = a.array("self")
    dim = a.of("dim") % len(x.shape)
    places = np.arange(x.size).reshape(x.shape)
    step = {"split_copy": a.of("split_size"), "unbind_copy": 1}.get(a.op.base)
    ends = np.cumsum(a.of("split_sizes"))[:-1] if step is None else np.arange(step, x.shape[dim], step)
    parts = np.split(places, ends, axis=dim)
    return tuple(p.gather(x, part.reshape(view.shape)) for part, view in zip(parts, a.op.results, strict=True))


@row("zeros_like ones_like zeros ones empty empty_like new_zeros new_ones new_empty arange rand randn rand_like randn_like "
     "scalar_tensor full full_like fill new_full bernoulli eye linspace uniform normal random zero "
     "_efficientzerotensor exponential cauchy log_normal geometric poisson binomial",
     "size fill_value value start end step s p generator dtype n m steps from to mean std lambd median sigma")  # fmt: skip
def _created(p: ForwardProgram, a: Arguments) -> Reference:
    names = {
        "scalar_tensor": "s",
        "full": "fill_value",
        "full_like": "fill_value",
        "new_full": "fill_value",
        "fill": "value",
    }
    is_of_tensors = a.op.base in ("linspace", "arange") or a.op.name.startswith(("normal.Tensor", "normal.float"))
    if is_of_tensors and any(view.is_float for view in a.op.operands):
        raise NotKnown(f"{a.op.name} of tensors")
    value = a.op.argument(names.get(a.op.base, ""))
    if isinstance(value, TensorView):
        return p.read(value)
    if isinstance(value, float) and math.isfinite(value):  # the literal itself, not what it was rounded to
        return p.scalar(value)
    return p.numbers(a.op.results[0].floats, a.shape)
