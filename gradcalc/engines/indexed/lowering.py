"""Trees of expressions as expressions with indices: what they mean, entry by entry.

Comes in: a tree in terms of the table, and the sizes of its variables, as letters or numbers.  Goes out: the axes of its
value, and an entry of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradcalc.engines.indexed.algebra import LINES, Algebra
from gradcalc.engines.indexed.array_functions import ARRAYS, REDUCTIONS, class_losses, listed, losses, picked
from gradcalc.engines.indexed.constants import one_hot, up_to
from gradcalc.engines.indexed.nodes import ONE, Index, Indexed, IndexedArray, Unprintable, number, size_of
from gradcalc.engines.indexed.number_functions import LOSSES, of_numbers
from gradcalc.expression.printer import unparse
from gradcalc.expression.sizes import Size, size_of_tree
from gradcalc.expression.tree import Call, Name, Node, Number
from gradcalc.functions import TABLE

Sizes = Mapping[str, Sequence[Size]]
"""The sizes of the dimensions of variables."""


def lower(algebra: Algebra, node: Node, sizes: Sizes, *, joins_steps: bool = False) -> IndexedArray:
    """What a tree means, entry by entry.  Raises `Unprintable` for what has no entries in these terms.

    With `joins_steps`, `where(u > 0, 1, 0)` is `heaviside(u)`, which is another number at 0: so for the slopes of kinks.
    """
    return _Lowering(algebra, sizes, joins_steps=joins_steps).lower(node)


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
            axes = tuple(self.algebra.fresh(_size(arg)) for arg in node.args * (2 if node.name == "eye" else 1))
            return IndexedArray(axes, self.algebra.delta(*axes) if node.name == "eye" else ONE)
        if (shape := _literal_shape(node)) is not None and shape != (len(node.args),):
            axes = tuple(self.algebra.fresh(str(size)) for size in shape)
            return IndexedArray(axes, self.algebra.variable(unparse(node), axes))
        options = dict(node.options)
        args = list(map(self.lower, node.args[:1] if node.name == "one_hot" else node.args))
        if node.name in ("one_hot", "cross_entropy", "nll_loss"):
            return self._of_classes(node, args, options)
        name = {"max": "amax", "min": "amin"}.get(node.name, node.name) if len(args) == 1 else node.name
        if name in REDUCTIONS:
            return self._reduced(name, args[0], options)
        if name in LINES or name == "cumsum":
            return self._line(name, args[0], int(options.get("dim", "-1")))
        if name == "[]":
            return picked(self.algebra, args[0], options["at"])
        if name == "[":
            return listed(self.algebra, args)
        if name in ARRAYS:
            return ARRAYS[name](self.algebra, *args)
        return self._of_entries(name, args, options)

    def _of_entries(self, name: str, args: Sequence[IndexedArray], options: Mapping[str, str]) -> IndexedArray:
        """A function of numbers, entry by entry, with the reduction of a loss."""
        if name == "gaussian_nll_loss":
            args = [*args[:2], self._variance_of_rows(args[0], args[2])]
        axes = _broadcast([arg.axes for arg in args])
        parts = [self._spread(arg, axes) for arg in args]
        row = TABLE.get(name)
        if row is not None and "reduction" in row.options:
            entry = LOSSES[name](self.algebra, *parts) if name in LOSSES else of_numbers(self.algebra, name, parts)
            return losses(self.algebra, IndexedArray(axes, entry), options, args[0].axes[:1])
        if name == "where" and not self.joins_steps:
            return IndexedArray(axes, self.algebra.function(name, parts))
        return IndexedArray(axes, of_numbers(self.algebra, name, parts))

    def _variance_of_rows(self, x: IndexedArray, variance: IndexedArray) -> IndexedArray:
        """A variance of the shape of the rows of x is one of each row, as torch takes it."""
        if not x.axes or list(map(size_of, variance.axes)) != list(map(size_of, x.axes[:-1])):
            return variance
        return IndexedArray((*variance.axes, self.algebra.fresh("1")), variance.entry)

    def _spread(self, arg: IndexedArray, axes: Sequence[Index]) -> Indexed:
        """The entry of an argument at the axes of the result: of a dimension of size 1, the only one."""
        pairs = list(zip(arg.axes[::-1], axes[::-1], strict=False))
        only = [own for own, axis in pairs if size_of(own) == "1" != size_of(axis)]
        entry = self.algebra.multiply(1, [arg.entry], only) if only else arg.entry
        return self.algebra.rename(entry, {own: axis for own, axis in pairs if own not in only})

    def _reduced(self, name: str, x: IndexedArray, options: dict[str, str]) -> IndexedArray:
        dim, keeps = options.pop("dim", None), options.pop("keepdim", "False") == "True"
        gone = x.axes if dim is None else (x.axes[int(dim)],)
        kept = [axis if axis not in gone else self.algebra.fresh("1") for axis in x.axes if keeps or axis not in gone]
        return IndexedArray(tuple(kept), REDUCTIONS[name](self.algebra, x.entry, gone, options))

    def _line(self, name: str, x: IndexedArray, dim: int) -> IndexedArray:
        """A function along a dimension."""
        if not x.axes:
            raise Unprintable(f"{name} of a number")
        axis = x.axes[dim]
        if name != "cumsum":
            return IndexedArray(x.axes, self.algebra.block(name, x.entry, [axis], [axis]))
        term = self.algebra.fresh(size_of(axis))
        there = self.algebra.rename(x.entry, {axis: term})
        return IndexedArray(x.axes, self.algebra.multiply(1, [there, up_to(term, axis)], [term]))

    def _of_classes(self, node: Call, args: Sequence[IndexedArray], options: Mapping[str, str]) -> IndexedArray:
        """Rows that have a one at a class; losses of classes, or of the probabilities of all."""
        if node.name == "one_hot":
            (classes,) = args
            axis = self.algebra.fresh(_size(node.args[1]))
            return IndexedArray((*classes.axes, axis), one_hot(unparse(node.args[0]), classes.axes, axis))
        x, target = args
        if len(target.axes) < len(x.axes):
            target = IndexedArray(x.axes, one_hot(unparse(node.args[1]), x.axes[:-1], x.axes[-1]))
        return class_losses(self.algebra, x, target, options, has_logits=node.name == "cross_entropy")


def _broadcast(every: Sequence[tuple[Index, ...]]) -> tuple[Index, ...]:
    """The axes of a function of numbers: those of the longest argument, but one of size 1 only if all are."""
    axes = list(sorted(every, key=len)[-1] if every else ())
    for other in every:
        for place, axis in enumerate(other[::-1], 1):
            if size_of(axes[-place]) == "1":
                axes[-place] = axis
    return tuple(axes)


def _size(node: Node) -> Size:
    """A size that is an argument.  Raises `Unprintable` for another expression."""
    size = size_of_tree(node)
    if size is None:
        raise Unprintable("a size that is computed")
    return size


def _literal_shape(node: Node) -> tuple[int, ...] | None:
    """The shape of a list of numbers; None for another expression."""
    if not isinstance(node, Call) or node.name != "[":
        return None
    if all(_is_literal(arg) for arg in node.args):
        return (len(node.args),)
    shapes = {_literal_shape(arg) for arg in node.args}
    inner = shapes.pop() if len(shapes) == 1 else None
    return None if inner is None else (len(node.args), *inner)


def _is_literal(node: Node) -> bool:
    inner = node.args[0] if isinstance(node, Call) and node.name == "neg" else node
    return isinstance(inner, Number)
