"""Shapes that an expression demands: in `A@x` with a matrix A, x is a vector with as many entries as A has columns.

Variables without a shape are numbers, unless the expression does not fit or would sum up numbers: then as few of them as it
takes are arrays, capitals matrices first and other names vectors first.  Their sizes are letters, equal only where they have
to be: sizes are made equal, as few as possible, until the rules for the shapes of all functions hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, count, pairwise

from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Shape
from gradcalc.expression.sizes import Size, letters_in
from gradcalc.expression.tree import Call, Name, Node, Number, calls_in, fold, names_in
from gradcalc.functions import TABLE
from gradcalc.functions.shapes import shape_of_call
from gradcalc.inputs.shapes import named_size, with_numbers

_LETTERS = "mnkpqdrshuvwabc"
_OF_ARRAYS = ("@", "dot", "outer", "trace", "det", "logdet", "inv", "solve", "[]")
"""Functions that no number is an argument of."""
_OF_NUMBERS = ("[", "eye", "ones", "one_hot")
"""Functions that make arrays of numbers."""
_MOST_SIZES = 30
_MOST_TRIALS = 10_000
_MOST_EQUATIONS = 2
"""Sizes of one call that have to be made equal: both of two matrices that are added."""


def infer_shapes(tree: Node, shapes: Mapping[str, Sequence[Size]]) -> dict[str, tuple[Size, ...]]:
    """The shapes of variables without one that an expression demands, numbers left out; none where nothing fits."""
    letters = letters_in(shapes.values())
    unknown = [name for name in names_in(tree) if name not in shapes and name not in letters]
    taken = {*names_in(tree), *letters}
    free = [letter for letter in (*_LETTERS, *(f"n{number}" for number in range(_MOST_SIZES))) if letter not in taken]
    trials = count()
    for ranks in _choices(tree, unknown):
        if next(trials) > _MOST_TRIALS:
            break
        if sum(ranks.values()) > _MOST_SIZES:
            continue
        names = iter(free)
        own = {name: tuple(next(names) for _ in range(rank)) for name, rank in ranks.items()}
        solved = _Equations(tree, shapes, own, trials).solved()
        if solved is not None:
            return _renamed(solved, free)
    return {}


def _choices(tree: Node, unknown: Sequence[str]) -> Iterator[Mapping[str, int]]:
    """Numbers of dimensions to try: few arrays first, and those that names suggest before others."""
    operands = {arg.name for call in calls_in(tree) if call.name in _OF_ARRAYS for arg in call.args if isinstance(arg, Name)}
    certain = [name for name in unknown if name in operands]
    free = [name for name in unknown if name not in operands]
    for cost in range(len(free) + 2 * len(unknown) + 1):
        for others in range(cost // 2 + 1):  # arrays of another number of dimensions than their names suggest
            for more in combinations(free, cost - 2 * others):
                names = [*certain, *more]
                for odd in combinations(names, others):
                    yield {name: 1 + (name[0].isupper() != (name in odd)) for name in names}


class _Misfit(Exception):
    """A call whose arguments do not fit."""

    def __init__(self, node: Call, shapes: Sequence[Shape]):
        super().__init__()
        self.node, self.shapes = node, shapes


class _Equations:
    """Looks for the sizes that have to be equal, so that an expression fits; sizes are numbers here, all different."""

    def __init__(
        self,
        tree: Node,
        shapes: Mapping[str, Sequence[Size]],
        own: Mapping[str, Sequence[Size]],
        trials: Iterator[int],
    ):
        self.tree, self.shapes, self.numbers = with_numbers(tree, {**shapes, **own})
        self.own, self.trials = own, trials
        self.unknown = {size for name in own for size in self.shapes[name]}

    def solved(self) -> dict[str, tuple[Size, ...]] | None:
        """The shapes of the arrays; None where none fit."""
        equal = self._solved({})
        if equal is None:
            return None
        sizes = {name: [equal.get(size, size) for size in self.shapes[name]] for name in self.own}
        return {name: tuple(named_size(size, self.numbers) for size in each) for name, each in sizes.items()}

    def _solved(self, equal: Mapping[int, int]) -> Mapping[int, int] | None:
        """What sizes are equal to; it goes on from the first call that does not fit."""
        misfit = self._misfit(equal)
        if misfit is None:
            return equal
        for size in range(1, _MOST_EQUATIONS + 1):
            for pairs in combinations(_pairs(misfit.shapes), size):
                if next(self.trials) > _MOST_TRIALS:
                    return None
                merged = self._merged(equal, pairs)
                if merged is not None and _fits(misfit, merged) and (solved := self._solved(merged)) is not None:
                    return solved
        return None

    def _merged(self, equal: Mapping[int, int], pairs: Sequence[tuple[int, int]]) -> Mapping[int, int] | None:
        """More sizes that are equal; None where they are known to be different."""
        merged = dict(equal)
        for pair in pairs:
            a, b = (merged.get(size, size) for size in pair)
            gone, kept = (b, a) if b in self.unknown else (a, b)
            if gone not in self.unknown or kept in (gone, 1):  # what is broadcast needs no equal size
                return None
            merged = {old: kept if new == gone else new for old, new in merged.items()} | {gone: kept}
        return merged

    def _sums_up_numbers(self, node: Call) -> bool:
        """Whether a function of arrays is given variables none of which is an array."""
        if TABLE[node.name].elementwise or node.name in _OF_NUMBERS:
            return False
        names = names_in(node)
        return bool(names) and not any(self.shapes.get(name) for name in names)

    def _misfit(self, equal: Mapping[int, int]) -> _Misfit | None:
        """The first call that does not fit."""

        def leaf(node: Number | Name) -> Shape:
            shape = self.shapes.get(node.name, ()) if isinstance(node, Name) else ()
            return tuple(equal.get(size, size) for size in shape)

        def call(node: Call, parts: Sequence[Shape]) -> Shape:
            try:
                shape = shape_of_call(node, parts)
            except CalcError:
                raise _Misfit(node, parts) from None
            if parts and not any(parts) and self._sums_up_numbers(node):
                raise _Misfit(node, parts)
            return shape

        try:
            fold(self.tree, leaf, call)
        except _Misfit as misfit:
            return misfit
        return None


def _pairs(shapes: Sequence[Shape]) -> list[tuple[int, int]]:
    """Pairs of different sizes: the last of one with the first of another before the rest, as products have them."""
    inner = [(a[-1], b[0]) for a, b in pairwise(shapes) if a and b]
    every = combinations(dict.fromkeys(size for shape in shapes for size in shape), 2)
    return [pair for pair in dict.fromkeys((*inner, *every)) if pair[0] != pair[1]]


def _fits(misfit: _Misfit, equal: Mapping[int, int]) -> bool:
    try:
        shape_of_call(misfit.node, [tuple(equal.get(size, size) for size in shape) for shape in misfit.shapes])
    except CalcError:
        return False
    return True


def _renamed(shapes: Mapping[str, Sequence[Size]], free: Sequence[str]) -> dict[str, tuple[Size, ...]]:
    """Shapes with the first free letters for those that are left; one alone is n."""
    left = [letter for letter in letters_in(shapes.values()) if letter in free]
    letters = free if len(left) != 1 or "n" not in free else ["n"]
    names = dict(zip(left, letters, strict=False))
    return {name: tuple(names.get(size, size) for size in sizes) for name, sizes in shapes.items()}
