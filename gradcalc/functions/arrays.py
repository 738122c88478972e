"""Reductions, functions along an axis, and indexing.

The meaning of a row is its `composition`, written in the vocabulary of arrays, and `shape` is the shape of the result.  All
columns get the options by keyword.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from types import ModuleType
from typing import Any

from gradcalc.expression.arrays import Array, Shape
from gradcalc.functions.array_vocabulary import A, ArrayVocabulary
from gradcalc.functions.row import Builder, Function, Tensor, array_row
from gradcalc.functions.shape_rules import Option, ShapeRules, reduced, unchanged

_DIM: dict[str, tuple[str, ...]] = {"dim": ()}
_CORRECTION: dict[str, tuple[str, ...]] = {**_DIM, "correction": ()}


def with_keepdim(row: Function) -> Function:
    """A row that combines all entries, or those along dim, with the option `keepdim`: these dimensions stay as single ones.

    Of several arrays, which max and min take, there is nothing to keep.
    """
    shape_without, composition_without, torch_without = row.shape, row.composition, row.torch
    assert shape_without is not None
    assert composition_without is not None
    assert torch_without is not None

    def shape(m: ShapeRules, *shapes: Shape, keepdim: bool = False, **options: Option) -> Shape:
        result = shape_without(m, *shapes, **options)
        if not keepdim:
            return result
        if len(shapes) > 1:
            raise m.error(f"{m.node.name} with keepdim takes one array")
        (x,), dim = shapes, options.get("dim")
        return tuple(1 if dim in (None, place, place - len(x)) else length for place, length in enumerate(x))

    def composition(m: ArrayVocabulary[A], x: A, *others: A, keepdim: bool = False, **options: Any) -> A:
        result: A = composition_without(m, x, *others, **options)
        return m.keep(result, m.dims(x, options.get("dim"))) if keepdim else result

    def torch(t: ModuleType, x: Tensor, *others: Tensor, keepdim: bool = False, **options: Option) -> Tensor:
        if keepdim and "dim" in options:
            return torch_without(t, x, keepdim=True, **options)
        result = torch_without(t, x, *others, **options)
        # Without dim, torch.prod, torch.max and torch.min take no keepdim.
        return result.reshape((1,) * x.dim()) if keepdim else result

    options = {**row.options, "keepdim": ("False", "True")}
    return replace(row, shape=shape, composition=composition, torch=torch, options=options)


def _combination(name: str) -> Builder:
    """A reduction by an associative function of two numbers."""
    return lambda m, x, dim=None: m.combine(name, x, m.dims(x, dim))


def _accumulation(name: str) -> Builder:
    return lambda m, x, dim=-1: m.accumulate(name, x, m.axis(x.shape, dim)) if x.shape else x


def _mean(m: ArrayVocabulary[A], x: A, dim: int | None = None) -> A:
    return m.mean(x, m.dims(x, dim))


def _shape_of_var(m: ShapeRules, x: Shape, dim: int | None = None, correction: int = 1) -> Shape:
    shape = reduced(m, x, dim)
    length = prod(x) if dim is None else x[dim]
    if length <= correction:
        raise m.error(f"{length} entries have no variance with the correction {correction}")
    return shape


def _deviation(m: ArrayVocabulary[A], x: A, dims: list[int]) -> A:
    """x - mean(x)"""
    return m.call("-", x, m.keep(m.mean(x, dims), dims))


def _var_along(m: ArrayVocabulary[A], x: A, dims: list[int], correction: int) -> A:
    squares = m.call("**", _deviation(m, x, dims), m.number(2))
    return m.call("/", m.sum(squares, dims), m.number(prod(x.shape[dim] for dim in dims) - correction))


def _var(m: ArrayVocabulary[A], x: A, dim: int | None = None, correction: int = 1) -> A:
    return _var_along(m, x, m.dims(x, dim), correction)


def _std(m: ArrayVocabulary[A], x: A, dim: int | None = None, correction: int = 1) -> A:
    return m.call("sqrt", _var(m, x, dim, correction))


def _shape_of_norm(m: ShapeRules, x: Shape, p: Option = 2, dim: int | None = None) -> Shape:
    shape = reduced(m, x, dim)
    if p not in (1, 2, "fro", "inf"):
        raise m.error("the order of a norm must be 1, 2 or inf", hint="norm(x, 1), norm(x), norm(x, inf)")
    return shape


def _norm(m: ArrayVocabulary[A], x: A, p: Option = 2, dim: int | None = None) -> A:
    dims = m.dims(x, dim)
    length = prod(x.shape[dim] for dim in dims)
    if p in (1, "inf") or length == 1:
        return m.combine("+" if p == 1 else "max", m.call("abs", x), dims)
    if length == 2:  # the origin is its kink
        return m.combine("hypot", x, dims)
    return m.call("sqrt", m.sum(m.call("**", x, m.number(2)), dims))


def _logsumexp(m: ArrayVocabulary[A], x: A, dim: int | None = None) -> A:
    dims = m.dims(x, dim)
    if prod(x.shape[dim] for dim in dims) == 2:
        return m.combine("logaddexp", x, dims)
    return m.call("log", m.sum(m.call("exp", x), dims))


def _softmax(m: ArrayVocabulary[A], x: A, dim: int = -1) -> A:
    powers, dims = m.call("exp", x), m.dims(x, dim)
    return m.call("/", powers, m.keep(m.sum(powers, dims), dims))


def log_softmax(m: ArrayVocabulary[A], x: A, dim: int = -1) -> A:
    dims = m.dims(x, dim)
    return m.call("-", x, m.keep(m.call("log", m.sum(m.call("exp", x), dims)), dims))


def _shape_of_layer_norm(m: ShapeRules, x: Shape, eps: Shape) -> Shape:
    if not x:
        raise m.error("layer_norm needs a vector")
    return x


def _layer_norm(m: ArrayVocabulary[A], x: A, eps: A) -> A:
    dims = m.dims(x, -1)
    width = m.call("sqrt", m.call("+", _var_along(m, x, dims, 0), eps))
    return m.call("/", _deviation(m, x, dims), m.keep(width, dims))


def index_of(at: str) -> tuple[int | slice, ...]:
    """The integers and slices between the brackets of `x[...]`."""

    def part(word: str) -> int | slice:
        return slice(*(int(end) if end else None for end in word.split(":"))) if ":" in word else int(word)

    return tuple(part(word) for word in at.split(","))


def _shape_of_index(m: ShapeRules, x: Shape, at: str) -> Shape:
    index = index_of(at)
    if len(index) > len(x):
        raise m.error(f"an array of shape {m.text(x)} has {len(x)} places" if x else "a number has no entries")
    shape = []
    for part, length in zip(index, x, strict=False):
        if isinstance(part, slice):
            if part.step is not None and part.step < 1:
                raise m.error("the step of a slice must be 1 or more")
            if not range(length)[part]:
                raise m.error("the slice has no entries")
            shape.append(len(range(length)[part]))
        elif not -length <= part < length:
            raise m.error(f"index {part} is out of range for length {length}")
    return (*shape, *x[len(index) :])


def _index(m: ArrayVocabulary[A], x: A, at: str) -> A:
    """The entries at integers and slices."""
    places, shape = [0], []
    index = index_of(at)
    for dim, length in enumerate(x.shape):
        part = index[dim] if dim < len(index) else slice(None)
        rows = range(length)[part] if isinstance(part, slice) else [part % length]
        places = [place * length + row for place in places for row in rows]
        shape += [len(rows)] if isinstance(part, slice) else []
    return m.take(x, Array(tuple(shape), places))


def _shape_of_list(m: ShapeRules, *parts: Shape) -> Shape:
    if len(set(parts)) > 1:
        shapes = " and ".join(dict.fromkeys(m.text(part) for part in parts))
        raise m.error(f"the entries of a list must have one shape, not {shapes}")
    return (len(parts), *parts[0])


def extreme(name: str) -> Callable[..., A]:
    """max and min: of one array, or elementwise of several."""

    def composition(m: ArrayVocabulary[A], *args: A, dim: int | None = None) -> A:
        return m.combine(name, args[0], m.dims(args[0], dim)) if len(args) == 1 else m.elementwise(*args)

    return composition


def shape_of_extreme(m: ShapeRules, *shapes: Shape, dim: int | None = None) -> Shape:
    """Of max and min."""
    if len(shapes) == 1:
        return reduced(m, shapes[0], dim)
    if dim is not None:
        raise m.error(f"{m.node.name} along a dimension takes one array")
    return m.broadcast(*shapes)


def torch_extreme(name: str) -> Builder:
    def call(t: ModuleType, *args: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        function = getattr(t, name)
        if len(args) == 1:
            return function(args[0]) if dim is None else function(args[0], dim, keepdim).values
        result = args[0]
        for arg in args[1:]:
            result = function(result, arg)
        return result

    return call


def _torch_norm(t: ModuleType, x: Tensor, p: int | str = 2, dim: int | None = None, keepdim: bool = False) -> Tensor:
    return t.linalg.vector_norm(x, float("inf") if p == "inf" else 2 if p == "fro" else p, dim, keepdim)


def _torch_moment(name: str) -> Builder:
    return lambda t, x, dim=None, correction=1, **keep: getattr(t, name)(x, dim, correction=correction, **keep)


def _torch_along_axis(name: str) -> Builder:
    return lambda t, x, dim=-1: getattr(t, name)(x, dim) if x.dim() else getattr(t, name)(x, 0)


_REDUCTIONS: tuple[Function, ...] = (
    array_row(
        "sum", "x", "sum of the entries, of all or along dim", reduced, _combination("+"),
        options=_DIM,
    ),
    array_row("mean", "x", "mean of the entries", reduced, _mean, options=_DIM, aliases=("average",)),
    array_row(
        "prod", "x", "product of the entries", reduced, _combination("*"),
        options=_DIM, different_backward_algorithm=True,
    ),
    array_row(
        "amax", "x", "largest entry; torch shares the gradient among ties",
        reduced, _combination("max"), options=_DIM, singular="kink at ties",
    ),
    array_row(
        "amin", "x", "smallest entry; torch shares the gradient among ties",
        reduced, _combination("min"), options=_DIM, singular="kink at ties",
    ),
    array_row(
        "var", "x", "variance, divided by n - correction", _shape_of_var, _var,
        _torch_moment("var"), options=_CORRECTION,
    ),
    array_row(
        "std", "x", "standard deviation", _shape_of_var, _std, _torch_moment("std"), options=_CORRECTION,
        singular="where all entries are equal",
    ),
    array_row(
        "norm", "x", "norm of order p: 1, 2 or inf; of matrices that of Frobenius", _shape_of_norm, _norm,
        _torch_norm, options={"p": ("2", "inf", "fro"), **_DIM}, singular="at 0",
    ),
    array_row(
        "logsumexp", "x", "log(sum(exp(x)))", reduced, _logsumexp,
        lambda t, x, dim=None, **keep: t.logsumexp(x, tuple(range(x.dim())) if dim is None else dim, **keep), options=_DIM,
    ),
)  # fmt: skip
OF_ONE: tuple[Function, ...] = (
    array_row("[", "x, ...", "a list: [1, 2], [[1, 2], [3, 4]]", _shape_of_list, lambda m, *parts: m.stack(parts),
        lambda t, *parts: t.stack(parts)),
    array_row("[]", "x", "entries: x[0], x[-1], x[1:3], A[0, :]", _shape_of_index, _index,
        lambda t, x, at: x[index_of(at)], options={"at": ()},
    ),
    *map(with_keepdim, _REDUCTIONS),
    array_row(
        "cumsum", "x", "cumulative sums along dim", unchanged, _accumulation("+"), _torch_along_axis("cumsum"),
        options=_DIM,
    ),
    array_row(
        "cumprod", "x", "cumulative products along dim", unchanged, _accumulation("*"), _torch_along_axis("cumprod"),
        options=_DIM, different_backward_algorithm=True,
    ),
    array_row(
        "softmax", "x", "exp(x)/sum(exp(x)), along dim", unchanged, _softmax, _torch_along_axis("softmax"),
        options=_DIM,
    ),
    array_row(
        "log_softmax", "x", "log(softmax(x))", unchanged, log_softmax,
        _torch_along_axis("log_softmax"), options=_DIM,
    ),
    array_row(
        "layer_norm", "x; eps=0.00001", "(x - mean)/sqrt(variance + eps) along the last dimension", _shape_of_layer_norm,
        _layer_norm,
        lambda t, x, eps: t.nn.functional.layer_norm(x, x.shape[-1:], eps=float(eps)),
    ),
)  # fmt: skip
