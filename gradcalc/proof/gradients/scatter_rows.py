"""Forward rows of operations that put, add or reduce entries at places of an array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcalc.engines.autograd.operation import Numbers, TensorView
from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.rows import Arguments, row


def places_of(shape: tuple[int, ...]) -> Numbers:
    """The places of an array's entries, in its shape."""
    return np.arange(math.prod(shape)).reshape(shape)


def _along(shape: tuple[int, ...], index: Numbers, dim: int) -> Numbers:
    """The places that an index names along a dimension: one entry for each of its own."""
    if not shape:
        return np.zeros(index.shape, dtype=int)
    grid: list[Numbers] = list(np.indices(index.shape))
    grid[dim % len(shape)] = index
    places: Numbers = places_of(shape)[tuple(grid)]
    return places


def _slices(shape: tuple[int, ...], index: Numbers, dim: int) -> Numbers:
    """The places of the slices that a list of indices names along a dimension."""
    if not shape:
        return np.zeros(index.size, dtype=int)
    places: Numbers = np.take(places_of(shape), index.reshape(-1), axis=dim)
    return places


def _corner(p: ForwardProgram, source: Reference, shape: tuple[int, ...]) -> Reference:
    """The first entries of an array along all dimensions."""
    return p.gather(source, places_of(source.shape)[tuple(slice(0, length) for length in shape)])


def _replaced(p: ForwardProgram, x: Reference, places: Numbers, source: Reference) -> Reference:
    """An array with other entries at some places; the last one stays where a place is repeated."""
    taken = np.arange(x.size)
    taken[places.reshape(-1)] = x.size + (np.arange(places.size) if source.size > 1 else 0)
    return p.gather(p.join([x, source]), taken.reshape(x.shape))


@row("scatter_add index_add", "dim alpha")
def _scatter_add(p: ForwardProgram, a: Arguments) -> Reference:
    x, index, dim = a.array("self"), a.floats("index").astype(int), a.of("dim")
    if a.op.base == "scatter_add":
        places = _along(x.shape, index, dim)
        source = _corner(p, a.array("src"), index.shape)
    else:
        places, source = _slices(x.shape, index, dim), a.array("source")
        source = source if a.of("alpha") == 1 else p.call("*", source, p.scalar(a.of("alpha")))
    return p.call("+", x, p.scatter(source, places, x.shape))


@row("index_copy", "dim")
def _index_copy(p: ForwardProgram, a: Arguments) -> Reference:
    x, source = a.array("self"), a.array("source")
    places = _slices(x.shape, a.floats("index").astype(int), a.of("dim"))
    return _replaced(p, x, places, p.broadcast_to(source, tuple(places.shape)))


@row("index_fill", "dim value")
def _index_fill(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    places = _slices(x.shape, a.floats("index").astype(int), a.of("dim"))
    if isinstance(a.op.argument("value"), TensorView) or not places.size:
        return _replaced(p, x, places, a.array("value"))
    stored = a.result().reshape(-1)[places.reshape(-1)[:1]]  # the number as the dtype has it
    return _replaced(p, x, places, p.numbers(stored, (1,)))


@row("index_put _index_put_impl _unsafe_index_put", "indices accumulate unsafe")
def _index_put(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    views = a.op.argument("indices")
    index = tuple(slice(None) if it is None else it.floats.reshape(it.shape) for it in views)
    places = places_of(x.shape)[tuple(it if isinstance(it, slice) or it.dtype == bool else it.astype(int) for it in index)]
    return _put_at(p, x, places, p.broadcast_to(a.array("values"), places.shape), adds=bool(a.of("accumulate")))


@row("put", "accumulate")
def _put(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    places = a.floats("index").astype(int) % max(x.size, 1)
    return _put_at(p, x, places, a.array("source"), adds=bool(a.of("accumulate")))


def _put_at(p: ForwardProgram, x: Reference, places: Numbers, values: Reference, *, adds: bool) -> Reference:
    if adds:
        return p.call("+", x, p.scatter(values, places, x.shape))
    return _replaced(p, x, places, p.broadcast_to(values, tuple(places.shape)))


@row("masked_scatter_backward", "sizes")
def _masked_scatter_backward(p: ForwardProgram, a: Arguments) -> Reference:
    gradient, size = a.array("grad_output"), math.prod(a.shape)
    mask = np.broadcast_to(a.floats("mask") != 0, gradient.shape)
    chosen = np.flatnonzero(mask.reshape(-1))[:size]
    places = np.concatenate([chosen, np.full(size - len(chosen), gradient.size)])
    return p.gather(p.join([gradient, p.scalar(0.0)]), places.reshape(a.shape))


@row("scatter", "dim index src value reduce")
def _scatter_row(p: ForwardProgram, a: Arguments) -> Reference:
    x, index = a.array("self"), a.floats("index").astype(int)
    places = _along(x.shape, index, a.of("dim"))
    source = a.array("value") if a.op.argument("src") is None else _corner(p, a.array("src"), index.shape)
    if a.op.argument("reduce") is None:
        return _replaced(p, x, places, source)
    name = {"add": "sum", "multiply": "prod"}[a.of("reduce")]
    return _reduced_at(p, x, places, p.broadcast_to(source, tuple(places.shape)), name, with_own=True)


@row("scatter_reduce index_reduce", "dim reduce include_self")
def _scatter_reduce(p: ForwardProgram, a: Arguments) -> Reference:
    x, index, dim = a.array("self"), a.floats("index").astype(int), a.of("dim")
    if a.op.base == "scatter_reduce":
        places, source = _along(x.shape, index, dim), _corner(p, a.array("src"), index.shape)
    else:
        places, source = _slices(x.shape, index, dim), a.array("source")
    return _reduced_at(p, x, places, source, a.of("reduce"), with_own=a.of("include_self"))


_REDUCTIONS = {"sum": "+", "mean": "+", "prod": "*", "amax": "max", "amin": "min"}


def _reduced_at(
    p: ForwardProgram, x: Reference, places: Numbers, source: Reference, name: str, *, with_own: bool
) -> Reference:
    """An array whose entries at places are reductions of the entries of another, and of their own if that is asked."""
    if name not in _REDUCTIONS:
        raise NotKnown(f"a reduction by {name}")
    groups: list[list[int]] = [[] for _ in range(x.size)]
    for number, place in enumerate(places.reshape(-1).tolist()):
        groups[place].append(x.size + number)
    groups = [[place, *group] if with_own or not group else group for place, group in enumerate(groups)]
    return Reference(in_groups(p, p.join([x, source]), groups, name).place, x.shape)


def in_groups(p: ForwardProgram, x: Reference, groups: Sequence[Sequence[int]], name: str) -> Reference:
    """The reductions of groups of entries, each of which lists its places; groups of one size are a matrix."""

    def reduce(rows: Reference) -> Reference:
        total = p.combine(_REDUCTIONS[name], rows, [1])
        return total if name != "mean" else p.call("/", total, p.scalar(float(rows.shape[1])))

    by_size: dict[int, list[int]] = {}
    for number, group in enumerate(groups):
        by_size.setdefault(len(group), []).append(number)
    parts = [reduce(p.gather(x, np.array([groups[number] for number in each]))) for each in by_size.values()]
    order = np.argsort(np.array([number for each in by_size.values() for number in each], dtype=int))
    return p.gather(p.join(parts), order)


@row("segment_reduce", "reduce lengths indices offsets axis unsafe initial")
def _segment_reduce(p: ForwardProgram, a: Arguments) -> Reference:
    x, name = a.array("data"), {"max": "amax", "min": "amin"}.get(a.of("reduce"), a.of("reduce"))
    axis, first = a.of("axis"), [] if a.of("initial") is None else [x.size]
    ends = _segments(a)
    groups: list[list[int]] = []
    lead, rest = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    for before in range(lead):
        for start, end in ends[before % len(ends)]:
            rows = (before * x.shape[axis] + np.arange(start, end)) * rest
            groups += [first + (rows + after).tolist() for after in range(rest)]
    if name not in _REDUCTIONS or not all(groups) or (first and name == "mean"):
        raise NotKnown(f"{a.op.name} in this form")
    source = p.join([x, p.scalar(a.of("initial"))]) if first else x
    return Reference(in_groups(p, source, groups, name).place, a.shape)


def _segments(a: Arguments) -> list[list[tuple[int, int]]]:
    """Where segments start and end along an axis, for every row of lengths or offsets."""
    given: Any = a.op.argument("offsets")
    if given is not None:
        rows = a.floats("offsets").astype(int).reshape(-1, given.shape[-1])
        return [list(zip(each[:-1].tolist(), each[1:].tolist(), strict=True)) for each in rows]
    given = a.op.argument("lengths")
    rows = a.floats("lengths").astype(int).reshape(-1, given.shape[-1])
    return [list(zip((np.cumsum(each) - each).tolist(), np.cumsum(each).tolist(), strict=True)) for each in rows]


@row("as_strided_scatter", "size stride storage_offset")
def _as_strided_scatter(p: ForwardProgram, a: Arguments) -> Reference:
    view = a.op.argument("self")
    if not view.is_contiguous or view.offset:
        raise NotKnown(f"{a.op.name} of a view")
    places = np.full((), a.of("storage_offset") or 0)
    for length, stride in zip(a.of("size"), a.of("stride"), strict=True):
        places = np.add.outer(places, np.arange(length) * stride)
    return _replaced(p, a.array("self"), places, a.array("src"))
