"""Functions of arrays with indices: reductions, products, slices, lists, and losses of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from gradcalc.engines.indexed.algebra import Algebra
from gradcalc.engines.indexed.constants import entries_at, entry_at, size_of_slice
from gradcalc.engines.indexed.nodes import Index, Indexed, IndexedArray, number, size_of
from gradcalc.functions.arrays import index_of

Options = Mapping[str, str]


def at(algebra: Algebra, array: IndexedArray, axes: Sequence[Index]) -> Indexed:
    """The entry of an array at other indices."""
    return algebra.rename(array.entry, dict(zip(array.axes, axes, strict=True)))


# ------------------------------------------------------------------------------------------------------------ reductions


def _sum(algebra: Algebra, entry: Indexed, gone: Sequence[Index], options: Options) -> Indexed:
    return algebra.multiply(1, [entry], gone)


def mean(algebra: Algebra, entry: Indexed, gone: Sequence[Index], options: Options | None = None) -> Indexed:
    """The mean over some indices."""
    return algebra.multiply(1, [entry, *(algebra.power(algebra.count(each), -1) for each in gone)], gone)


def _deviation(algebra: Algebra, entry: Indexed, gone: Sequence[Index]) -> Indexed:
    """What an entry is above the mean."""
    new = dict(zip(gone, algebra.fresh_like(gone), strict=True))
    return algebra.subtract(entry, mean(algebra, algebra.rename(entry, new), list(new.values())))


def _variance(algebra: Algebra, entry: Indexed, gone: Sequence[Index], options: Options) -> Indexed:
    sizes = algebra.multiply(1, [algebra.count(each) for each in gone])
    count = algebra.subtract(sizes, number(int(options.get("correction", "1"))))
    square = algebra.power(_deviation(algebra, entry, gone), 2)
    return algebra.multiply(1, [square, algebra.power(count, -1)], gone)


def _standard(algebra: Algebra, entry: Indexed, gone: Sequence[Index], options: Options) -> Indexed:
    return algebra.power(_variance(algebra, entry, gone, options), Fraction(1, 2))


def _norm(algebra: Algebra, entry: Indexed, gone: Sequence[Index], options: Options) -> Indexed:
    order = options.get("p", "2")
    if order in ("1", "inf"):
        size = algebra.function("abs", [entry])
        return algebra.multiply(1, [size], gone) if order == "1" else algebra.block("amax", size, gone, [])
    return algebra.power(algebra.multiply(1, [algebra.power(entry, 2)], gone), Fraction(1, 2))


def _logsumexp(algebra: Algebra, entry: Indexed, gone: Sequence[Index], options: Options) -> Indexed:
    if len(gone) == 1:
        return algebra.block("logsumexp", entry, gone, [])
    return algebra.function("log", [algebra.multiply(1, [algebra.function("exp", [entry])], gone)])


def _whole(name: str) -> Callable[[Algebra, Indexed, Sequence[Index], Options], Indexed]:
    return lambda algebra, entry, gone, options: algebra.block(name, entry, gone, [])


REDUCTIONS: Mapping[str, Callable[[Algebra, Indexed, Sequence[Index], Options], Indexed]] = {
    "sum": _sum, "mean": mean, "var": _variance, "std": _standard, "norm": _norm, "logsumexp": _logsumexp,
    "prod": _whole("prod"), "amax": _whole("amax"), "amin": _whole("amin"),
}  # fmt: skip


def losses(algebra: Algebra, entries: IndexedArray, options: Options, rows: Sequence[Index]) -> IndexedArray:
    """Losses of entries as an option says: each, their mean or sum, or the sum over the number of `rows`."""
    how = options.get("reduction", "mean")
    if how == "none" or not entries.axes:
        return entries
    if how != "batchmean":
        return IndexedArray((), REDUCTIONS[how](algebra, entries.entry, entries.axes, {}))
    counts = [algebra.power(algebra.count(each), -1) for each in rows]
    return IndexedArray((), algebra.multiply(1, [entries.entry, *counts], entries.axes))


def class_losses(
    algebra: Algebra, x: IndexedArray, target: IndexedArray, options: Options, *, has_logits: bool
) -> IndexedArray:
    """What rows of scores, logits or logarithms, lose against the probabilities of their classes."""
    line = x.axes[-1]
    logs = algebra.block("log_softmax", x.entry, [line], [line]) if has_logits else x.entry
    row = algebra.multiply(-1, [logs, at(algebra, target, x.axes)], [line])
    return losses(algebra, IndexedArray(x.axes[:-1], row), options, x.axes[:-1])


# -------------------------------------------------------------------------------------------------------------- matrices


def _product(algebra: Algebra, a: IndexedArray, b: IndexedArray) -> IndexedArray:
    shared = a.axes[-1]
    rest = tuple(algebra.fresh_like(b.axes[1:]))
    return IndexedArray((*a.axes[:-1], *rest), algebra.multiply(1, [a.entry, at(algebra, b, (shared, *rest))], [shared]))


def _outer(algebra: Algebra, a: IndexedArray, b: IndexedArray) -> IndexedArray:
    return IndexedArray((*a.axes, *b.axes), algebra.multiply(1, [a.entry, b.entry]))


def _transposed(algebra: Algebra, a: IndexedArray) -> IndexedArray:
    return IndexedArray(a.axes[::-1], a.entry)


def _trace(algebra: Algebra, a: IndexedArray) -> IndexedArray:
    return IndexedArray((), algebra.multiply(1, [algebra.delta(*a.axes), a.entry], a.axes))


def _number_of(name: str) -> Callable[[Algebra, IndexedArray], IndexedArray]:
    return lambda algebra, a: IndexedArray((), algebra.block(name, a.entry, a.axes, []))


def _inverse(algebra: Algebra, a: IndexedArray) -> IndexedArray:
    shown = tuple(algebra.fresh_like(a.axes))
    return IndexedArray(shown, algebra.block("inv", a.entry, a.axes, shown))


def _solution(algebra: Algebra, a: IndexedArray, b: IndexedArray) -> IndexedArray:
    return _product(algebra, _inverse(algebra, a), b)


def _diagonal(algebra: Algebra, a: IndexedArray) -> IndexedArray:
    """The matrix with a vector on its diagonal, or the diagonal of a matrix."""
    if len(a.axes) == 2:
        return IndexedArray(a.axes[:1], algebra.rename(a.entry, {a.axes[1]: a.axes[0]}))
    other = algebra.fresh(size_of(a.axes[0]))
    return IndexedArray((a.axes[0], other), algebra.multiply(1, [algebra.delta(a.axes[0], other), a.entry]))


def _layer_norm(algebra: Algebra, x: IndexedArray, eps: IndexedArray) -> IndexedArray:
    line = x.axes[-1]
    other = algebra.fresh(size_of(line))
    variance = _variance(algebra, algebra.rename(x.entry, {line: other}), [other], {"correction": "0"})
    scale = algebra.power(algebra.add([variance, eps.entry]), Fraction(-1, 2))
    return IndexedArray(x.axes, algebra.multiply(1, [_deviation(algebra, x.entry, [line]), scale]))


ARRAYS: Mapping[str, Callable[..., IndexedArray]] = {
    "@": _product, "dot": _product, "outer": _outer, "transpose": _transposed, "trace": _trace, "det": _number_of("det"),
    "logdet": _number_of("logdet"), "inv": _inverse, "solve": _solution, "diag": _diagonal, "layer_norm": _layer_norm,
}  # fmt: skip


# ------------------------------------------------------------------------------------------------------ slices and lists


def picked(algebra: Algebra, x: IndexedArray, text: str) -> IndexedArray:
    """The entries at integers and slices, `x[0]`, `A[:, 1:]`."""
    entry, axes = x.entry, list[Index]()
    for axis, places in zip(x.axes, [*index_of(text), *[slice(None)] * len(x.axes)], strict=False):
        if places == slice(None):
            axes.append(axis)
        elif isinstance(places, int):
            entry = algebra.multiply(1, [entry, entry_at(places, axis)], [axis])
        else:
            new = algebra.fresh(size_of_slice(size_of(axis), places))
            entry = algebra.multiply(1, [entry, entries_at(places, new, axis)], [axis])
            axes.append(new)
    return IndexedArray(tuple(axes), entry)


def listed(algebra: Algebra, parts: Sequence[IndexedArray]) -> IndexedArray:
    """Parts of one shape along a new first dimension."""
    axis, rest = algebra.fresh(str(len(parts))), parts[0].axes
    entries = [algebra.multiply(1, [at(algebra, part, rest), entry_at(place, axis)]) for place, part in enumerate(parts)]
    return IndexedArray((axis, *rest), algebra.add(entries))
