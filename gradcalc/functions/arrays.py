"""Reductions, functions along an axis, and indexing.

The meaning of a row is `scalarized`: the entries of the result as trees of the entries of the arguments, which an
`EntryBuilder` builds.  `shape` is the shape of the result.  All columns get the options by keyword.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from types import ModuleType

from gradcalc.expression.arrays import Array, Shape, from_fibers
from gradcalc.expression.tree import Node
from gradcalc.functions.entry_builder import EntryBuilder, Trees
from gradcalc.functions.row import Builder, Function, Tensor, array_row
from gradcalc.functions.shape_rules import Option, ShapeRules, reduced, unchanged

_DIM: dict[str, tuple[str, ...]] = {"dim": ()}
_CORRECTION: dict[str, tuple[str, ...]] = {**_DIM, "correction": ()}


def _reduction(combine: Callable[..., Node]) -> Callable[..., Trees]:
    """A reduction of all entries or along an axis: `combine` makes one number of a fiber."""

    def scalarized(m: EntryBuilder, x: Trees, dim: int | None = None, **options: int | str) -> Trees:
        fibers = x.fibers(range(len(x.shape)) if dim is None else [m.axis(x.shape, dim)])
        return fibers.map(lambda fiber: combine(m, fiber, **options))

    return scalarized


def along_axis(change: Callable[[EntryBuilder, Sequence[Node]], Sequence[Node]]) -> Callable[..., Trees]:
    """A function along an axis: `change` makes a fiber of a fiber of the same length."""

    def scalarized(m: EntryBuilder, x: Trees, dim: int = -1) -> Trees:
        if not x.shape:
            return Array((), change(m, x.entries))
        axis = m.axis(x.shape, dim)
        return from_fibers(x.fibers([axis]).map(lambda fiber: change(m, fiber)), x.shape, axis)

    return scalarized


def mean(m: EntryBuilder, fiber: Sequence[Node]) -> Node:
    return m.call("/", m.add(fiber), m.number(len(fiber)))


def _shape_of_var(m: ShapeRules, x: Shape, dim: int | None = None, correction: int = 1) -> Shape:
    shape = reduced(m, x, dim)
    length = prod(x) if dim is None else x[dim]
    if length <= correction:
        raise m.error(f"{length} entries have no variance with the correction {correction}")
    return shape


def _var(m: EntryBuilder, fiber: Sequence[Node], correction: int = 1) -> Node:
    center = mean(m, fiber)
    squares = [m.call("**", m.call("-", entry, center), m.number(2)) for entry in fiber]
    return m.call("/", m.add(squares), m.number(len(fiber) - correction))


def _shape_of_norm(m: ShapeRules, x: Shape, p: Option = 2, dim: int | None = None) -> Shape:
    shape = reduced(m, x, dim)
    if p not in (1, 2, "fro", "inf"):
        raise m.error("the order of a norm must be 1, 2 or inf", hint="norm(x, 1), norm(x), norm(x, inf)")
    return shape


def _norm(m: EntryBuilder, fiber: Sequence[Node], p: Option = 2) -> Node:
    sizes = [m.call("abs", entry) for entry in fiber]
    if p == "inf":
        return m.chain("max", sizes)
    if p == 1:
        return m.add(sizes)
    if len(fiber) == 1:
        return sizes[0]
    if len(fiber) == 2:  # the origin is its kink
        return m.call("hypot", *fiber)
    return m.call("sqrt", m.add([m.call("**", entry, m.number(2)) for entry in fiber]))


def _exponentials(m: EntryBuilder, fiber: Sequence[Node]) -> list[Node]:
    return [m.call("exp", entry) for entry in fiber]


def _logsumexp(m: EntryBuilder, fiber: Sequence[Node]) -> Node:
    return m.chain("logaddexp", fiber) if len(fiber) == 2 else m.call("log", m.add(_exponentials(m, fiber)))


def _softmax(m: EntryBuilder, fiber: Sequence[Node]) -> Sequence[Node]:
    powers = _exponentials(m, fiber)
    total = m.add(powers)
    return [m.call("/", power, total) for power in powers]


def log_softmax(m: EntryBuilder, fiber: Sequence[Node]) -> Sequence[Node]:
    total = m.call("log", m.add(_exponentials(m, fiber)))
    return [m.call("-", entry, total) for entry in fiber]


def _scan(name: str) -> Callable[[EntryBuilder, Sequence[Node]], Sequence[Node]]:
    def change(m: EntryBuilder, fiber: Sequence[Node]) -> Sequence[Node]:
        results = [fiber[0]]
        for entry in fiber[1:]:
            results.append(m.call(name, results[-1], entry))
        return results

    return change


def _shape_of_layer_norm(m: ShapeRules, x: Shape, eps: Shape) -> Shape:
    if not x:
        raise m.error("layer_norm needs a vector")
    return x


def _layer_norm(m: EntryBuilder, x: Trees, eps: Trees) -> Trees:
    def change(m: EntryBuilder, fiber: Sequence[Node]) -> Sequence[Node]:
        center = mean(m, fiber)
        width = m.call("sqrt", m.call("+", _var(m, fiber, 0), eps.entries[0]))
        return [m.call("/", m.call("-", entry, center), width) for entry in fiber]

    return along_axis(change)(m, x)


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


def _index(m: EntryBuilder, x: Trees, at: str) -> Trees:
    """The entries at integers and slices."""
    places, shape = [0], []
    index = index_of(at)
    for dim, length in enumerate(x.shape):
        part = index[dim] if dim < len(index) else slice(None)
        rows = range(length)[part] if isinstance(part, slice) else [part % length]
        places = [place * length + row for place in places for row in rows]
        shape += [len(rows)] if isinstance(part, slice) else []
    return x.take(Array(tuple(shape), places))


def _shape_of_list(m: ShapeRules, *parts: Shape) -> Shape:
    if len(set(parts)) > 1:
        shapes = " and ".join(dict.fromkeys(m.text(part) for part in parts))
        raise m.error(f"the entries of a list must have one shape, not {shapes}")
    return (len(parts), *parts[0])


def _list(m: EntryBuilder, *parts: Trees) -> Trees:
    return Array((len(parts), *parts[0].shape), [entry for part in parts for entry in part.entries])


def extreme(name: str) -> Callable[..., Trees]:
    """max and min: of one array, or elementwise of several."""
    reduction = _reduction(lambda m, fiber: m.chain(name, fiber))

    def scalarized(m: EntryBuilder, *args: Trees, dim: int | None = None) -> Trees:
        return reduction(m, args[0], dim) if len(args) == 1 else m.elementwise(*args)

    return scalarized


def shape_of_extreme(m: ShapeRules, *shapes: Shape, dim: int | None = None) -> Shape:
    """Of max and min."""
    if len(shapes) == 1:
        return reduced(m, shapes[0], dim)
    if dim is not None:
        raise m.error(f"{m.node.name} along a dimension takes one array")
    return m.broadcast(*shapes)


def torch_extreme(name: str) -> Builder:
    def call(t: ModuleType, *args: Tensor, dim: int | None = None) -> Tensor:
        function = getattr(t, name)
        if len(args) == 1:
            return function(args[0]) if dim is None else function(args[0], dim).values
        result = args[0]
        for arg in args[1:]:
            result = function(result, arg)
        return result

    return call


def _torch_norm(t: ModuleType, x: Tensor, p: int | str = 2, dim: int | None = None) -> Tensor:
    return t.linalg.vector_norm(x, float("inf") if p == "inf" else 2 if p == "fro" else p, dim)


def _torch_along_axis(name: str) -> Builder:
    return lambda t, x, dim=-1: getattr(t, name)(x, dim) if x.dim() else getattr(t, name)(x, 0)


OF_ONE: tuple[Function, ...] = (
    array_row("[", "x, ...", "a list: [1, 2], [[1, 2], [3, 4]]", _shape_of_list, _list,
        lambda t, *parts: t.stack(parts)),
    array_row("[]", "x", "entries: x[0], x[-1], x[1:3], A[0, :]", _shape_of_index, _index,
        lambda t, x, at: x[index_of(at)], options={"at": ()},
    ),
    array_row(
        "sum", "x", "sum of the entries, of all or along dim", reduced, _reduction(lambda m, fiber: m.add(fiber)),
        options=_DIM,
    ),
    array_row("mean", "x", "mean of the entries", reduced, _reduction(mean), options=_DIM, aliases=("average",)),
    array_row(
        "prod", "x", "product of the entries", reduced, _reduction(lambda m, fiber: m.multiply(fiber)),
        options=_DIM, different_backward_algorithm=True,
    ),
    array_row(
        "amax", "x", "largest entry; torch shares the gradient among ties",
        reduced, _reduction(lambda m, fiber: m.chain("max", fiber)), options=_DIM, singular="kink at ties",
    ),
    array_row(
        "amin", "x", "smallest entry; torch shares the gradient among ties",
        reduced, _reduction(lambda m, fiber: m.chain("min", fiber)), options=_DIM, singular="kink at ties",
    ),
    array_row(
        "var", "x", "variance, divided by n - correction", _shape_of_var, _reduction(_var),
        lambda t, x, dim=None, correction=1: t.var(x, dim, correction=correction), options=_CORRECTION,
    ),
    array_row(
        "std", "x", "standard deviation", _shape_of_var,
        _reduction(lambda m, fiber, **rest: m.call("sqrt", _var(m, fiber, **rest))),
        lambda t, x, dim=None, correction=1: t.std(x, dim, correction=correction), options=_CORRECTION,
        singular="where all entries are equal",
    ),
    array_row(
        "norm", "x", "norm of order p: 1, 2 or inf; of matrices that of Frobenius", _shape_of_norm, _reduction(_norm),
        _torch_norm, options={"p": ("2", "inf", "fro"), **_DIM}, singular="at 0",
    ),
    array_row(
        "logsumexp", "x", "log(sum(exp(x)))", reduced, _reduction(_logsumexp),
        lambda t, x, dim=None: t.logsumexp(x, tuple(range(x.dim())) if dim is None else dim), options=_DIM,
    ),
    array_row(
        "cumsum", "x", "cumulative sums along dim", unchanged, along_axis(_scan("+")), _torch_along_axis("cumsum"),
        options=_DIM,
    ),
    array_row(
        "cumprod", "x", "cumulative products along dim", unchanged, along_axis(_scan("*")), _torch_along_axis("cumprod"),
        options=_DIM, different_backward_algorithm=True,
    ),
    array_row(
        "softmax", "x", "exp(x)/sum(exp(x)), along dim", unchanged, along_axis(_softmax), _torch_along_axis("softmax"),
        options=_DIM,
    ),
    array_row(
        "log_softmax", "x", "log(softmax(x))", unchanged, along_axis(log_softmax),
        _torch_along_axis("log_softmax"), options=_DIM,
    ),
    array_row(
        "layer_norm", "x; eps=0.00001", "(x - mean)/sqrt(variance + eps) along the last dimension", _shape_of_layer_norm,
        _layer_norm,
        lambda t, x, eps: t.nn.functional.layer_norm(x, x.shape[-1:], eps=float(eps)),
    ),
)  # fmt: skip
