"""Forward rows of operations that move entries: copies, gathers, scatters, orders; and of those that create numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from gradcalc.engines.autograd.operation import Numbers, TensorView
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
     "slice_copy select_copy alias_copy detach_copy select_backward slice_backward diagonal_backward tril_copy narrow_copy",
     "tensors dim dims dim0 dim1 dim2 shifts repeats index start end step sparse_grad dimension size offset k "
     "implicit padding upscale_factor downscale_factor groups source stride storage_offset input_sizes dtype")  # fmt: skip
def _moves(p: ForwardProgram, a: Arguments) -> Reference:
    return _moved(p, a, [p.read(view) for view in a.op.operands if view.is_float])


@row("constant_pad_nd", "pad value")
def _padded(p: ForwardProgram, a: Arguments) -> Reference:
    return _moved(p, a, [a.array("self")], float(a.of("value") or 0.0))


def _places(shape: tuple[int, ...]) -> Numbers:
    return np.arange(math.prod(shape)).reshape(shape)


@row("scatter_add index_add", "dim alpha")
def _scatter_add(p: ForwardProgram, a: Arguments) -> Reference:
    x, index, dim = a.array("self"), a.floats("index").astype(int), a.of("dim")
    source = a.array("src" if a.op.base == "scatter_add" else "source")
    dim %= len(x.shape)
    if a.op.base == "scatter_add":
        grid = list(np.indices(index.shape))
        grid[dim] = index
        places = _places(x.shape)[tuple(grid)]
        source = p.gather(source, _places(source.shape)[tuple(slice(0, length) for length in index.shape)])
    else:
        places = np.take(_places(x.shape), index, axis=dim)
        source = source if a.of("alpha") == 1 else p.call("*", source, p.scalar(a.of("alpha")))
    return p.call("+", x, p.scatter(source, places, x.shape))


@row("index_put _index_put_impl _unsafe_index_put", "indices accumulate unsafe")
def _index_put(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    views = a.op.argument("indices")
    index = tuple(slice(None) if it is None else it.floats.reshape(it.shape) for it in views)
    places = _places(x.shape)[tuple(it if isinstance(it, slice) or it.dtype == bool else it.astype(int) for it in index)]
    values = p.broadcast_to(a.array("values"), places.shape)
    if a.of("accumulate"):
        return p.call("+", x, p.scatter(values, places, x.shape))
    taken = np.arange(x.size)
    taken[places.reshape(-1)] = x.size + np.arange(places.size)
    return p.gather(p.join([x, values]), taken.reshape(x.shape))


@row("scatter", "dim index src value")
def _scatter_row(p: ForwardProgram, a: Arguments) -> Reference:
    x, index = a.array("self"), a.floats("index").astype(int)
    grid = list(np.indices(index.shape))
    grid[a.of("dim") % len(x.shape)] = index
    places = _places(x.shape)[tuple(grid)].reshape(-1)
    taken = np.arange(x.size)
    if a.op.argument("src") is None:
        taken[places] = x.size
        return p.gather(p.join([x, a.array("value")]), taken.reshape(x.shape))
    source = a.array("src")
    taken[places] = x.size + _places(source.shape)[tuple(slice(0, length) for length in index.shape)].reshape(-1)
    return p.gather(p.join([x, source]), taken.reshape(x.shape))


@row("sort topk kthvalue median nanmedian mode cummax cummin", "dim descending stable k largest sorted keepdim")
def _by_order(p: ForwardProgram, a: Arguments) -> tuple[Reference, None]:
    x = a.array("self")
    if len(a.op.results) < 2 or a.op.base in ("nanmedian", "mode", "cummax", "cummin"):
        raise NotKnown(a.op.name)
    chosen = a.result(1).astype(int)
    if not x.shape:
        return Reference(x.place, a.shape), None
    dim = a.of("dim") if a.of("dim") is not None else -1
    dim %= len(x.shape)
    places = _places(x.shape)
    flat = chosen if chosen.ndim == places.ndim else np.expand_dims(chosen, dim)
    taken = np.take_along_axis(places, flat, dim)
    fibers = np.moveaxis(places, dim, -1)
    lines = np.broadcast_to(np.expand_dims(fibers, dim), (*taken.shape, places.shape[dim]))
    rivals = lines.reshape(-1, places.shape[dim]).tolist()
    return Reference(p.ordered(x, taken, rivals).place, a.shape), None


@row("index", "indices")
def _index(p: ForwardProgram, a: Arguments) -> Reference:
    return _moved(p, a, [a.array("self")])


@row("tril triu", "diagonal")
def _triangle(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    keep = (np.tril if a.op.base == "tril" else np.triu)(np.ones(x.shape), a.of("diagonal"))
    return p.choose(keep > 0, x, p.scalar(0.0))


@row("zeros_like ones_like zeros ones empty empty_like new_zeros new_ones new_empty arange rand randn rand_like randn_like "
     "scalar_tensor full full_like fill new_full bernoulli eye linspace uniform normal random",
     "size fill_value value start end step s p generator dtype n m steps from to mean std")  # fmt: skip
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
