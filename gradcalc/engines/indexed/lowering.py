"""Trees of expressions as expressions with indices: what they mean, entry by entry.

Comes in: a tree in terms of the table, and the sizes of its variables, as letters or numbers.  Goes out: the axes of its
value, and an entry of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from gradcalc.engines.indexed.algebra import LINES, Algebra
from gradcalc.engines.indexed.nodes import ONE, ZERO, Index, Indexed, Kind, Unprintable, number, size_of
from gradcalc.expression.tree import Name, Node, Number
from gradcalc.functions import TABLE

Sizes = Mapping[str, Sequence[str]]
"""The sizes of the dimensions of variables."""


class IndexedArray(NamedTuple):
    """An array by an entry: its axes in order, and the entry there."""

    axes: tuple[Index, ...]
    entry: Indexed


def lower(algebra: Algebra, node: Node, sizes: Sizes, *, joins_steps: bool = False) -> IndexedArray:
    """What a tree means, entry by entry.  Raises `Unprintable` for what has no entries in these terms.

    With `joins_steps`, `where(u > 0, 1, 0)` is `heaviside(u)`, which is another number at 0: so for the slopes of kinks.
    """
    return _Lowering(algebra, sizes, joins_steps=joins_steps).lower(node)


def of_numbers(algebra: Algebra, name: str, args: Sequence[Indexed]) -> Indexed:
    """A function of numbers of entries."""
    rule = _OF_NUMBERS.get(name)
    result = None if rule is None else rule(algebra, list(args))
    return algebra.function(name, args) if result is None else result


class _Lowering:
    def __init__(self, algebra: Algebra, sizes: Sizes, *, joins_steps: bool):
        self.algebra, self.sizes, self.joins_steps = algebra, sizes, joins_steps

    def lower(self, node: Node) -> IndexedArray:
        """An array by an entry."""
        if isinstance(node, Number):
            return IndexedArray((), number(node.value))
        if isinstance(node, Name):
            axes = tuple(map(self.algebra.fresh, self.sizes.get(node.name, ())))
            return IndexedArray(axes, self.algebra.variable(node.name, axes))
        if node.name in ("eye", "ones"):
            axes = tuple(self.algebra.fresh(_size_text(arg)) for arg in node.args * (2 if node.name == "eye" else 1))
            return IndexedArray(axes, self.algebra.delta(*axes) if node.name == "eye" else ONE)
        args, options = list(map(self.lower, node.args)), dict(node.options)
        if node.name in _REDUCTIONS:
            return self._reduced(node.name, args[0], options)
        if node.name in LINES:
            (x,), dim = args, int(options.get("dim", "-1"))
            return IndexedArray(x.axes, self.algebra.block(node.name, x.entry, [x.axes[dim]], [x.axes[dim]]))
        if node.name in _ARRAYS:
            return _ARRAYS[node.name](self.algebra, *args)
        if node.name in ("[", "[]", "prod", "amax", "amin", "cumsum", "cumprod", "nll_loss"):
            raise Unprintable(node.name)
        return self._of_entries(node.name, args, options)

    def _of_entries(self, name: str, args: Sequence[IndexedArray], options: Mapping[str, str]) -> IndexedArray:
        """A function of numbers, entry by entry, with the reduction of a loss."""
        axes = _broadcast([arg.axes for arg in args])
        parts = [self._spread(arg, axes) for arg in args]
        row = TABLE.get(name)
        if row is not None and "reduction" in row.options:
            entry = _LOSSES[name](self.algebra, *parts) if name in _LOSSES else self.algebra.function(name, parts)
            how = options.get("reduction", "mean")
            if how == "none" or not axes:
                return IndexedArray(axes, entry)
            if how not in _REDUCTIONS:
                raise Unprintable(f"reduction={how}")
            return IndexedArray((), _REDUCTIONS[how](self.algebra, entry, axes, {}))
        if name == "where" and not self.joins_steps:
            return IndexedArray(axes, self.algebra.function(name, parts))
        return IndexedArray(axes, of_numbers(self.algebra, name, parts))

    def _spread(self, arg: IndexedArray, axes: Sequence[Index]) -> Indexed:
        """The entry of an argument at the axes of the result: of a dimension of size 1, the only one."""
        pairs = list(zip(arg.axes[::-1], axes[::-1], strict=False))
        only = [own for own, axis in pairs if size_of(own) == "1" != size_of(axis)]
        entry = self.algebra.multiply(1, [arg.entry], only) if only else arg.entry
        return self.algebra.rename(entry, {own: axis for own, axis in pairs if own not in only})

    def _reduced(self, name: str, x: IndexedArray, options: dict[str, str]) -> IndexedArray:
        dim = options.pop("dim", None)
        gone = x.axes if dim is None else (x.axes[int(dim)],)
        kept = tuple(axis for axis in x.axes if axis not in gone)
        return IndexedArray(kept, _REDUCTIONS[name](self.algebra, x.entry, gone, options))


def _broadcast(every: Sequence[tuple[Index, ...]]) -> tuple[Index, ...]:
    """The axes of a function of numbers: those of the longest argument, but one of size 1 only if all are."""
    axes = list(sorted(every, key=len)[-1] if every else ())
    for other in every:
        for place, axis in enumerate(other[::-1], 1):
            if size_of(axes[-place]) == "1":
                axes[-place] = axis
    return tuple(axes)


def _size_text(node: Node) -> str:
    """A size that is an argument: a letter or a number."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Number):
        return str(node.value)
    raise Unprintable("a size that is computed")


def at(algebra: Algebra, array: IndexedArray, axes: Sequence[Index]) -> Indexed:
    """The entry of an array at other indices."""
    return algebra.rename(array.entry, dict(zip(array.axes, axes, strict=True)))


# ------------------------------------------------------------------------------------------------------------ reductions

Options = Mapping[str, str]


def _sum(algebra: Algebra, entry: Indexed, gone: Sequence[Index], options: Options) -> Indexed:
    return algebra.multiply(1, [entry], gone)


def mean(algebra: Algebra, entry: Indexed, gone: Sequence[Index], options: Options | None = None) -> Indexed:
    """The mean over some indices."""
    sizes = [algebra.power(algebra.variable(size_of(each)), -1) for each in gone]
    return algebra.multiply(1, [entry, *sizes], gone)


def _deviation(algebra: Algebra, entry: Indexed, gone: Sequence[Index]) -> Indexed:
    """What an entry is above the mean."""
    new = dict(zip(gone, algebra.fresh_like(gone), strict=True))
    return algebra.subtract(entry, mean(algebra, algebra.rename(entry, new), list(new.values())))


def _variance(algebra: Algebra, entry: Indexed, gone: Sequence[Index], options: Options) -> Indexed:
    sizes = algebra.multiply(1, [algebra.variable(size_of(each)) for each in gone])
    count = algebra.subtract(sizes, number(int(options.get("correction", "1"))))
    square = algebra.power(_deviation(algebra, entry, gone), 2)
    return algebra.multiply(1, [square, algebra.power(count, -1)], gone)


def _standard(algebra: Algebra, entry: Indexed, gone: Sequence[Index], options: Options) -> Indexed:
    return algebra.power(_variance(algebra, entry, gone, options), Fraction(1, 2))


def _norm(algebra: Algebra, entry: Indexed, gone: Sequence[Index], options: Options) -> Indexed:
    order = options.get("p", "2")
    if order == "1":
        return algebra.multiply(1, [algebra.function("abs", [entry])], gone)
    if order not in ("2", "fro"):
        raise Unprintable(f"norm of order {order}")
    return algebra.power(algebra.multiply(1, [algebra.power(entry, 2)], gone), Fraction(1, 2))


def _logsumexp(algebra: Algebra, entry: Indexed, gone: Sequence[Index], options: Options) -> Indexed:
    if len(gone) != 1:
        raise Unprintable("logsumexp of a matrix")
    return algebra.block("logsumexp", entry, gone, [])


_REDUCTIONS: Mapping[str, Callable[[Algebra, Indexed, Sequence[Index], Options], Indexed]] = {
    "sum": _sum, "mean": mean, "var": _variance, "std": _standard, "norm": _norm, "logsumexp": _logsumexp,
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------- arrays


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


def _whole(name: str) -> Callable[[Algebra, IndexedArray], IndexedArray]:
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


def _cross_entropy(algebra: Algebra, x: IndexedArray, target: IndexedArray) -> IndexedArray:
    if len(target.axes) != len(x.axes):
        raise Unprintable("cross_entropy of classes")
    logs = algebra.block("log_softmax", x.entry, [x.axes[-1]], [x.axes[-1]])
    counts = [algebra.power(algebra.variable(size_of(each)), -1) for each in x.axes[:-1]]
    return IndexedArray((), algebra.multiply(-1, [logs, at(algebra, target, x.axes), *counts], x.axes))


_ARRAYS: Mapping[str, Callable[..., IndexedArray]] = {
    "@": _product, "dot": _product, "outer": _outer, "transpose": _transposed, "trace": _trace, "det": _whole("det"),
    "logdet": _whole("logdet"), "inv": _inverse, "solve": _solution, "diag": _diagonal, "layer_norm": _layer_norm,
    "cross_entropy": _cross_entropy,
}  # fmt: skip


# --------------------------------------------------------------------------------------------------- functions of numbers


def _quotient(algebra: Algebra, a: Indexed, b: Indexed) -> Indexed:
    return algebra.multiply(1, [a, algebra.power(b, -1)])


def _raised(algebra: Algebra, args: Sequence[Indexed]) -> Indexed | None:
    return algebra.power(args[0], args[1].coefficient) if args[1].is_number else None


def _logarithm(algebra: Algebra, args: Sequence[Indexed]) -> Indexed | None:
    (x,) = args if len(args) == 1 else (ZERO,)
    if x.kind is Kind.POWER and x.parts[0].kind is Kind.BLOCK:
        return algebra.multiply(x.coefficient, [of_numbers(algebra, "log", x.parts)])
    if x.is_block("det"):
        return algebra.block("logdet", x.parts[0], x.bound, [])
    if x.is_block("softmax"):
        return algebra.block("log_softmax", x.parts[0], x.bound, x.indices)
    return None


def _chosen(algebra: Algebra, args: Sequence[Indexed]) -> Indexed | None:
    condition, *rest = args
    if rest == [ONE, ZERO] and condition.is_function(">") and condition.parts[1] == ZERO:
        return algebra.function("heaviside", condition.parts[:1])
    return None


_HALF = number(Fraction(1, 2))
"""What `heaviside` is at 0, if nothing is said."""
_OF_NUMBERS: Mapping[str, Callable[[Algebra, list[Indexed]], Indexed | None]] = {
    "+": lambda algebra, args: algebra.add(args),
    "-": lambda algebra, args: algebra.subtract(*args),
    "neg": lambda algebra, args: algebra.multiply(-1, args),
    "*": lambda algebra, args: algebra.multiply(1, args),
    "/": lambda algebra, args: _quotient(algebra, *args),
    "**": _raised,
    "square": lambda algebra, args: algebra.power(args[0], 2),
    "sqrt": lambda algebra, args: algebra.power(args[0], Fraction(1, 2)),
    "rsqrt": lambda algebra, args: algebra.power(args[0], Fraction(-1, 2)),
    "reciprocal": lambda algebra, args: algebra.power(args[0], -1),
    "log": _logarithm,
    "where": _chosen,
    "heaviside": lambda algebra, args: algebra.function("heaviside", args[:1] if args[1:] in ([], [_HALF]) else args),
}
_LOSSES: Mapping[str, Callable[..., Indexed]] = {
    "mse_loss": lambda algebra, x, y: algebra.power(algebra.subtract(x, y), 2),
    "l1_loss": lambda algebra, x, y: algebra.function("abs", [algebra.subtract(x, y)]),
    "poisson_nll_loss": lambda algebra, x, y: algebra.subtract(algebra.function("exp", [x]), algebra.multiply(1, [x, y])),
    "hinge_loss": lambda algebra, x, y: algebra.function("relu", [algebra.subtract(ONE, algebra.multiply(1, [x, y]))]),
    "soft_margin_loss": lambda algebra, x, y: algebra.function("softplus", [algebra.multiply(-1, [x, y]), ONE, number(20)]),
}
"""Losses as what they are short for."""
