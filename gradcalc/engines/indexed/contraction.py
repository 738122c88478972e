"""Sums of products of vectors and matrices, contracted index by index: dot products, `@`, sums and traces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gradcalc.engines.indexed.formulas import Formula, call, number, shortest
from gradcalc.engines.indexed.nodes import Index, Unprintable, size_of
from gradcalc.engines.indexed.spelling import Spelling, times


@dataclass(eq=False)
class Item:
    """A factor on its way: its axes, and formulas above and below the line."""

    axes: tuple[Index, ...]
    above: list[Formula]
    below: list[Formula] = field(default_factory=list)

    @property
    def formula(self) -> Formula:
        """All of it."""
        return times(self.above, self.below)

    def toward(self, axes: Sequence[Index], spelling: Spelling) -> Formula:
        """The same with its axes in an order."""
        return self.formula if tuple(axes) == self.axes else spelling.turned(self.formula)


def merged(items: Iterable[Item], spelling: Spelling) -> list[Item]:
    """Factors with the same axes as one, entry by entry."""
    known: dict[frozenset[Index], Item] = {}
    for item in items:
        key = frozenset(item.axes)
        other = known.get(key)
        if other is None:
            known[key] = Item(item.axes, list(item.above), list(item.below))
        else:
            is_turned = item.axes != other.axes
            other.above += [spelling.turned(it) if is_turned else it for it in item.above]
            other.below += [spelling.turned(it) if is_turned else it for it in item.below]
    return list(known.values())


_RANKS = {(2, 0): 0, (1, 0): 1, (1, 1): 2, (2, 1): 2, (0, 2): 3, (0, 1): 4, (1, 2): 5, (2, 2): 5}
"""How cheap it is to sum over an index that so many vectors (2 for more) and matrices have: a dot product first, then the
sum of a vector, a matrix times a vector, two matrices, the sum of a matrix, two matrices with a diagonal between."""


class Contraction:
    """Factors, and the bound indices that they are summed over.

    `divisors` says by which sizes the whole is divided, and how often: a sum over an index of such a size may be a mean.
    What was used up so is in `averaged`.
    """

    def __init__(self, items: Iterable[Item], bound: Sequence[Index], divisors: Mapping[str, int], spelling: Spelling):
        self.items, self.bound, self.spelling = list(items), list(bound), spelling
        self.divisors = divisors
        self.averaged = Counter[str]()

    def run(self) -> list[Item]:
        """Sum over all bound indices, the cheapest first.  Raises `Unprintable` for a sum over three matrices."""
        while self.bound:
            ranked = [pair for place, at in enumerate(self.bound) if (pair := self._ranked(place, at)) is not None]
            if not ranked:
                raise Unprintable("a sum over three matrices")
            self._sum_over(self.bound[min(ranked)[1]])
        return self.items

    def _ranked(self, place: int, at: Index) -> tuple[int, int] | None:
        vectors, matrices = self._with(at)
        rank = _RANKS.get((min(len(vectors), 2), len(merged(matrices, self.spelling))))
        return None if rank is None else (rank, place)

    def _with(self, at: Index) -> tuple[list[Item], list[Item]]:
        """The vectors and the matrices that have an index."""
        vectors = [item for item in self.items if item.axes == (at,)]
        return vectors, [item for item in self.items if at in item.axes and len(item.axes) == 2]

    def _sum_over(self, at: Index) -> None:
        vectors, matrices = self._with(at)
        rest = [item for item in self.items if item not in vectors and item not in matrices]
        whole = merged(matrices, self.spelling)
        gone = [at]
        if not whole:
            new = self._of_vectors(vectors, at, rest)
        elif len(whole) == 2:
            new = self._of_matrices(vectors, whole[0], whole[1], at)
        elif vectors:
            new = self._of_matrix_and_vector(whole[0], merged(vectors, self.spelling)[0], at)
        else:
            new, gone = self._of_matrix(whole[0], matrices, at, rest)
        formula = new.formula
        if formula.op == "/" and formula.rank == 0:
            new = Item(new.axes, [formula.parts[0]], [formula.parts[1]])
        last = max(place for place, item in enumerate(self.items) if item not in rest)
        place = sum(item in rest for item in self.items[:last])
        self.items = [*rest[:place], new, *rest[place:]]
        self.bound = [each for each in self.bound if each not in gone]

    def _over(self, gone: Sequence[Index], rest: Sequence[Item]) -> str:
        """A sum; a mean where the sizes stand below the line."""
        needed = Counter(map(size_of, gone))
        if not rest and all(self.averaged[size] + times_ <= self.divisors.get(size, 0) for size, times_ in needed.items()):
            self.averaged += needed
            return "mean"
        return "sum"

    def _of_vectors(self, vectors: Sequence[Item], at: Index, rest: Sequence[Item]) -> Item:
        """A dot product, or the sum of a vector."""
        if len(vectors) > 1:
            first, *others = sorted(vectors, key=lambda item: (bool(item.below), item.formula.op == "@"))  # w@(S@w)
            return Item((), [self.spelling.chain(first.formula, merged(others, self.spelling)[0].formula)])
        formula = vectors[0].formula
        if formula.op == "diag":
            return Item((), [call("trace", *formula.parts, rank=0)])
        how = self._over([at], rest)
        if how == "sum" and formula.op == "**" and formula.parts[1].text == "2":
            return Item((), [Formula("**", (call("norm", formula.parts[0], rank=0), number(2)), 0)])
        return Item((), [call(how, formula, rank=0)])

    def _of_matrix_and_vector(self, matrix: Item, vector: Item, at: Index) -> Item:
        (other,) = (each for each in matrix.axes if each != at)
        return Item((other,), [self.spelling.chain(matrix.toward((other, at), self.spelling), vector.formula)])

    def _of_matrices(self, vectors: Sequence[Item], left: Item, right: Item, at: Index) -> Item:
        (i,), (j,) = ([each for each in item.axes if each != at] for item in (left, right))
        middle = [call("diag", merged(vectors, self.spelling)[0].formula, rank=2)] if vectors else []
        parts = [left.toward((i, at), self.spelling), *middle, right.toward((at, j), self.spelling)]
        return Item((i, j), [self.spelling.chain(*parts)])

    def _of_matrix(
        self, matrix: Item, matrices: Sequence[Item], at: Index, rest: Sequence[Item]
    ) -> tuple[Item, list[Index]]:
        """The sum of a matrix along a dimension, or of all of it: that of a product of two may be a trace."""
        spelling = self.spelling
        (other,) = (each for each in matrix.axes if each != at)
        if other not in self.bound or any(other in item.axes for item in rest):
            how = "sum" if other in self.bound else self._over([at], rest)
            rows = call(how, matrix.toward((other, at), spelling), rank=1, options=["dim=1"])
            columns = call(how, matrix.toward((at, other), spelling), rank=1, options=["dim=0"])
            return Item((other,), [shortest(rows, columns)]), [at]
        options = []
        if len(matrices) == 2:
            first, second = matrices
            back = first.axes[::-1]
            options = [
                call("trace", spelling.chain(first.formula, second.toward(back, spelling)), rank=0),
                call("trace", spelling.chain(first.toward(back, spelling), second.toward(first.axes, spelling)), rank=0),
            ]
        total = call(self._over([at, other], rest), matrix.formula, rank=0)
        best = shortest(*options, total)
        if best is not total and total.op == "mean":
            self.averaged -= Counter(map(size_of, (at, other)))
        return Item((), [best]), [at, other]
