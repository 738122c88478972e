"""Forward rows of operations that choose entries by their order: the places are those of the record, ties are singular."""

from __future__ import annotations

import numpy as np

from gradcalc.engines.autograd.operation import Numbers
from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.rows import Arguments, row
from gradcalc.proof.gradients.scatter_rows import places_of


def _lines(places: Numbers, dim: int, shape: tuple[int, ...]) -> list[list[int]]:
    """For every entry of an array of a shape the places along a dimension, among which it was chosen."""
    fibers = np.expand_dims(np.moveaxis(places, dim, -1), dim)
    lines: list[list[int]] = np.broadcast_to(fibers, (*shape, places.shape[dim])).reshape(-1, places.shape[dim]).tolist()
    return lines


@row("sort topk kthvalue median nanmedian mode", "dim descending stable k largest sorted keepdim")
def _by_order(p: ForwardProgram, a: Arguments) -> Reference | tuple[Reference, None]:
    x = a.array("self")
    if not x.shape:
        result = p.identity(x)
        return (result, None) if len(a.op.results) > 1 else result
    floats = a.floats("self")
    if len(a.op.results) == 1:
        return _of_all(p, a, x, floats)
    dim = (a.of("dim") if a.of("dim") is not None else -1) % len(x.shape)
    places = places_of(x.shape)
    chosen = a.result(1).astype(int)
    taken = np.take_along_axis(places, chosen if chosen.ndim == places.ndim else np.expand_dims(chosen, dim), dim)
    rivals = _without_nan(_lines(places, dim, taken.shape), floats) if a.op.base == "nanmedian" else None
    array = p.ordered(x, taken, rivals or _lines(places, dim, taken.shape))
    return Reference(array.place, a.shape), None


def _of_all(p: ForwardProgram, a: Arguments, x: Reference, floats: Numbers) -> Reference:
    """The entry of an array that a median is; torch says which number it is, and not where it was."""
    here = np.flatnonzero(floats.reshape(-1) == a.result())
    if not here.size:
        raise NotKnown(f"{a.op.name} of NaN")
    rivals = _without_nan([list(range(x.size))], floats)
    return Reference(p.ordered(x, here[:1], rivals).place, ())


def _without_nan(lines: list[list[int]], floats: Numbers) -> list[list[int]]:
    is_nan = np.isnan(floats.reshape(-1))
    return [[place for place in line if not is_nan[place]] for line in lines]


@row("cummax cummin", "dim")
def _running(p: ForwardProgram, a: Arguments) -> tuple[Reference, None]:
    x = a.array("self")
    if not x.shape:
        return p.identity(x), None
    dim, places = a.of("dim") % len(x.shape), places_of(x.shape)
    taken = np.take_along_axis(places, a.result(1).astype(int), dim)
    lines = _lines(places, dim, x.shape)
    position = np.indices(x.shape)[dim].reshape(-1).tolist()
    rivals = [line[: last + 1] for line, last in zip(lines, position, strict=True)]
    return p.ordered(x, taken, rivals), None


@row("logcumsumexp", "dim")
def _logcumsumexp(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    return p.call("log", p.accumulate("+", p.call("exp", x), a.of("dim") % len(x.shape))) if x.shape else p.identity(x)


@row("aminmax", "dim keepdim")
def _aminmax(p: ForwardProgram, a: Arguments) -> tuple[Reference, ...]:
    x, dim = a.array("self"), a.of("dim")
    if not x.shape:
        return p.identity(x), p.identity(x)
    dims = list(range(len(x.shape))) if dim is None else [dim % len(x.shape)]
    return tuple(
        Reference(p.combine(name, x, dims).place, view.shape)
        for name, view in zip(("min", "max"), a.op.results, strict=True)
    )
