"""Reductions, functions along an axis, and indexing.

The meaning of a row is `scalarized`: the entries of the result as trees of the entries of the arguments, which an
`EntryBuilder` builds.  `torch` and `scalarized` get the options by keyword.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from types import ModuleType

from gradcalc.expression.arrays import Array, from_fibers
from gradcalc.expression.tree import Node
from gradcalc.functions.entry_builder import EntryBuilder, Trees
from gradcalc.functions.row import Builder, Function, Tensor, array_row

_DIM: dict[str, tuple[str, ...]] = {"dim": ()}
_CORRECTION: dict[str, tuple[str, ...]] = {**_DIM, "correction": ()}


def _reduction(combine: Callable[..., Node]) -> Callable[..., Trees]:
    """A reduction of all entries or along an axis: `combine` makes one number of a fiber."""

    def scalarized(m: EntryBuilder, x: Trees, dim: int | None = None, **options: int | str) -> Trees:
        fibers = x.fibers(range(len(x.shape)) if dim is None else [m.axis(x, dim)])
        if not prod(x.shape):
            raise m.error("an empty list cannot be combined")
        return fibers.map(lambda fiber: combine(m, fiber, **options))

    return scalarized


def along_axis(change: Callable[[EntryBuilder, Sequence[Node]], Sequence[Node]]) -> Callable[..., Trees]:
    """A function along an axis: `change` makes a fiber of a fiber of the same length."""

    def scalarized(m: EntryBuilder, x: Trees, dim: int = -1) -> Trees:
        if not x.shape:
            return Array((), change(m, x.entries))
        axis = m.axis(x, dim)
        return from_fibers(x.fibers([axis]).map(lambda fiber: change(m, fiber)), x.shape, axis)

    return scalarized


def mean(m: EntryBuilder, fiber: Sequence[Node]) -> Node:
    return m.call("/", m.add(fiber), m.number(len(fiber)))


def _var(m: EntryBuilder, fiber: Sequence[Node], correction: int = 1) -> Node:
    center = mean(m, fiber)
    if len(fiber) <= correction:
        raise m.error(f"{len(fiber)} entries have no variance with the correction {correction}")
    squares = [m.call("**", m.call("-", entry, center), m.number(2)) for entry in fiber]
    return m.call("/", m.add(squares), m.number(len(fiber) - correction))


def _norm(m: EntryBuilder, fiber: Sequence[Node], p: int | str = 2) -> Node:
    sizes = [m.call("abs", entry) for entry in fiber]
    if p == "inf":
        return m.chain("max", sizes)
    if p == 1:
        return m.add(sizes)
    if p in (2, "fro"):
        if len(fiber) == 1:
            return sizes[0]
        if len(fiber) == 2:  # the origin is its kink
            return m.call("hypot", *fiber)
        return m.call("sqrt", m.add([m.call("**", entry, m.number(2)) for entry in fiber]))
    raise m.error("the order of a norm must be 1, 2 or inf", hint="norm(x, 1), norm(x), norm(x, inf)")


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


def _layer_norm(m: EntryBuilder, x: Trees, eps: Trees) -> Trees:
    if not x.shape:
        raise m.error("layer_norm needs a vector")

    def change(m: EntryBuilder, fiber: Sequence[Node]) -> Sequence[Node]:
        center = mean(m, fiber)
        width = m.call("sqrt", m.call("+", _var(m, fiber, 0), eps.entries[0]))
        return [m.call("/", m.call("-", entry, center), width) for entry in fiber]

    return along_axis(change)(m, x)


def _index(m: EntryBuilder, x: Trees, at: str) -> Trees:
    """The entries at integers and slices: a dimension after the other is taken to the front and indexed."""
    positions = x.positions()
    words = at.split(",")
    if len(words) > len(x.shape):
        what = "a number has no entries" if not x.shape else f"an array of shape {m.shape(x)} has {len(x.shape)} places"
        raise m.error(what)
    rank = 0
    for word in words:
        length = positions.shape[rank]
        front = positions.permute([rank, *(dim for dim in range(len(positions.shape)) if dim != rank)])
        rest = front.shape[1:]
        size = prod(rest)
        if ":" in word:
            start, stop, step = ([int(part) if part else None for part in word.split(":")] + [None])[:3]
            if step is not None and step < 1:
                raise m.error("the step of a slice must be 1 or more")
            rows = range(length)[start:stop:step]
            if not rows:
                raise m.error("the slice has no entries")
            entries = [entry for row in rows for entry in front.entries[row * size : (row + 1) * size]]
            order = [*range(1, rank + 1), 0, *range(rank + 1, len(positions.shape))]
            positions = Array((len(rows), *rest), entries).permute(order)
            rank += 1
        else:
            row = int(word)
            if not -length <= row < length:
                raise m.error(f"index {row} is out of range for length {length}")
            row %= length
            positions = Array(rest, front.entries[row * size : (row + 1) * size])
    return x.take(positions)


def _list(m: EntryBuilder, *parts: Trees) -> Trees:
    if len({part.shape for part in parts}) > 1:
        shapes = " and ".join(dict.fromkeys(m.shape(part) for part in parts))
        raise m.error(f"the entries of a list must have one shape, not {shapes}")
    return Array((len(parts), *parts[0].shape), [entry for part in parts for entry in part.entries])


def extreme(name: str) -> Callable[..., Trees]:
    """max and min: of one array, or elementwise of several."""
    reduction = _reduction(lambda m, fiber: m.chain(name, fiber))

    def scalarized(m: EntryBuilder, *args: Trees, dim: int | None = None) -> Trees:
        if len(args) == 1:
            return reduction(m, args[0], dim)
        if dim is not None:
            raise m.error(f"{name} along a dimension takes one array")
        return m.elementwise(*args)

    return scalarized


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


def _torch_index(t: ModuleType, x: Tensor, at: str) -> Tensor:
    def index(word: str) -> slice | int:
        return slice(*(int(part) if part else None for part in word.split(":"))) if ":" in word else int(word)

    return x[tuple(index(word) for word in at.split(","))]


def _torch_norm(t: ModuleType, x: Tensor, p: int | str = 2, dim: int | None = None) -> Tensor:
    return t.linalg.vector_norm(x, float("inf") if p == "inf" else 2 if p == "fro" else p, dim)


def _torch_along_axis(name: str) -> Builder:
    return lambda t, x, dim=-1: getattr(t, name)(x, dim) if x.dim() else getattr(t, name)(x, 0)


OF_ONE: tuple[Function, ...] = (
    array_row("[", "x, ...", "a list: [1, 2], [[1, 2], [3, 4]]", _list, lambda t, *parts: t.stack(parts)),
    array_row("[]", "x", "entries: x[0], x[-1], x[1:3], A[0, :]", _index, _torch_index, options={"at": ()}),
    array_row(
        "sum", "x", "sum of the entries, of all or along dim", _reduction(lambda m, fiber: m.add(fiber)), options=_DIM,
    ),
    array_row("mean", "x", "mean of the entries", _reduction(mean), options=_DIM, aliases=("average",)),
    array_row(
        "prod", "x", "product of the entries", _reduction(lambda m, fiber: m.multiply(fiber)),
        options=_DIM, different_backward_algorithm=True,
    ),
    array_row(
        "amax", "x", "largest entry; torch shares the gradient among ties",
        _reduction(lambda m, fiber: m.chain("max", fiber)), options=_DIM, singular="kink at ties",
    ),
    array_row(
        "amin", "x", "smallest entry; torch shares the gradient among ties",
        _reduction(lambda m, fiber: m.chain("min", fiber)), options=_DIM, singular="kink at ties",
    ),
    array_row(
        "var", "x", "variance, divided by n - correction", _reduction(_var),
        lambda t, x, dim=None, correction=1: t.var(x, dim, correction=correction), options=_CORRECTION,
    ),
    array_row(
        "std", "x", "standard deviation", _reduction(lambda m, fiber, **rest: m.call("sqrt", _var(m, fiber, **rest))),
        lambda t, x, dim=None, correction=1: t.std(x, dim, correction=correction), options=_CORRECTION,
        singular="where all entries are equal",
    ),
    array_row(
        "norm", "x", "norm of order p: 1, 2 or inf; of matrices that of Frobenius", _reduction(_norm), _torch_norm,
        options={"p": ("2", "inf", "fro"), **_DIM}, singular="at 0",
    ),
    array_row(
        "logsumexp", "x", "log(sum(exp(x)))", _reduction(_logsumexp),
        lambda t, x, dim=None: t.logsumexp(x, tuple(range(x.dim())) if dim is None else dim), options=_DIM,
    ),
    array_row(
        "cumsum", "x", "cumulative sums along dim", along_axis(_scan("+")), _torch_along_axis("cumsum"),
        options=_DIM,
    ),
    array_row(
        "cumprod", "x", "cumulative products along dim", along_axis(_scan("*")), _torch_along_axis("cumprod"),
        options=_DIM, different_backward_algorithm=True,
    ),
    array_row(
        "softmax", "x", "exp(x)/sum(exp(x)), along dim", along_axis(_softmax), _torch_along_axis("softmax"), options=_DIM,
    ),
    array_row(
        "log_softmax", "x", "log(softmax(x))", along_axis(log_softmax), _torch_along_axis("log_softmax"), options=_DIM,
    ),
    array_row(
        "layer_norm", "x; eps=0.00001", "(x - mean)/sqrt(variance + eps) along the last dimension", _layer_norm,
        lambda t, x, eps: t.nn.functional.layer_norm(x, x.shape[-1:], eps=float(eps)),
    ),
)  # fmt: skip
