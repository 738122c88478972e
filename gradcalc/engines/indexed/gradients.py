"""Gradients of expressions of arrays as formulas of matrices, and whether a formula is one, for all sizes at once.

Comes in: a tree in terms of the table, the sizes of its variables as letters or numbers, and what is assumed of them.  Goes
out: the formula of a derivative.  Two expressions are equal for all sizes if their difference has the normal form 0.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gradcalc.engines.indexed.algebra import Algebra
from gradcalc.engines.indexed.array_functions import at
from gradcalc.engines.indexed.emission import Emission
from gradcalc.engines.indexed.formulas import Formula
from gradcalc.engines.indexed.lowering import Sizes, lower
from gradcalc.engines.indexed.nodes import ZERO, Index, IndexedArray, Unprintable, size_of
from gradcalc.engines.indexed.reverse_mode import gradient
from gradcalc.expression.sizes import Size, letter_of, letters_in, number_of, size_of_tree
from gradcalc.expression.tree import Name, Node, calls_in, names_in
from gradcalc.functions.arrays import index_of


@dataclass(frozen=True)
class Question:
    """An expression of arrays, and what is known of its variables; derivatives are taken where those of `zero` are 0."""

    tree: Node
    sizes: Sizes
    symmetric: frozenset[str] = frozenset()
    stochastic: frozenset[str] = frozenset()
    zero: frozenset[str] = frozenset()

    @property
    def letters(self) -> tuple[str, ...]:
        """The sizes that are letters."""
        return letters_in(self.sizes.values())

    def classes(self) -> dict[str, Size]:
        """The variables that name classes, and how many there are."""
        counts = {}
        for call in calls_in(self.tree):
            if call.name not in ("one_hot", "cross_entropy", "nll_loss"):
                continue
            of, count = call.args if call.name == "one_hot" else call.args[::-1]
            axes = self._axes_of(count)
            size = size_of_tree(count) if call.name == "one_hot" else size_of(axes[-1])
            if isinstance(of, Name) and size and (call.name == "one_hot" or len(self.sizes.get(of.name, ())) < len(axes)):
                counts[of.name] = size
        return counts

    def least_sizes(self) -> dict[str, int]:
        """The letters that slices take to be so large at least: `x[:3]` has three entries, if x has them."""
        least: dict[str, int] = {}
        for call in calls_in(self.tree):
            places = index_of(dict(call.options)["at"]) if call.name == "[]" else ()
            for axis, part in zip(self._axes_of(call.args[0]) if places else (), places, strict=False):
                letter = letter_of(size_of(axis))
                if letter is not None and isinstance(part, slice):
                    bound = max(part.stop or 0, -(part.start or 0)) - number_of(size_of(axis), {letter: 0})
                    least[letter] = max(bound, least.get(letter, 0))
        return {letter: bound for letter, bound in least.items() if bound > 1}

    def rank_of(self, tree: Node) -> int:
        """How many dimensions another expression of the same variables has; -1 for one without entries."""
        try:
            return len(self._axes_of(tree))
        except Unprintable:
            return -1

    def _axes_of(self, tree: Node) -> tuple[Index, ...]:
        return lower(Algebra(), tree, self.sizes).axes

    def algebra(self, free: Collection[str] = ()) -> Algebra:
        """What makes expressions; entries of `free` variables are free, whatever is known of them."""
        return Algebra(self.symmetric - set(free), self.stochastic)


@dataclass(frozen=True)
class ArrayDerivative:
    """A derivative entry by entry, and what makes expressions of it."""

    algebra: Algebra
    array: IndexedArray
    tree: Node
    """The expression: factors and terms in the formula stand in the order of its names."""

    def formula(self) -> Formula:
        """The formula.  Raises `Unprintable` where there is none of at most two dimensions."""
        return self.emission().array(self.array.entry, self.array.axes)

    def emission(self) -> Emission:
        """What writes formulas as the expression is written."""
        return Emission(self.algebra, names_in(self.tree))


def derivative(question: Question, by: str, order: int = 1) -> ArrayDerivative:
    """The derivative of an expression by a variable, once or twice: axes of the value first, then those of the variable.

    The entries of the variable are free, as if it were not symmetric; that it is is used afterwards.
    """
    algebra = question.algebra([by])
    value = lower(algebra, question.tree, question.sizes)
    entry, axes = value.entry, list(value.axes)
    for _ in range(order):
        place = [algebra.fresh(size) for size in question.sizes.get(by, ())]
        entry = gradient(algebra, entry, by, place, axes)
        axes += place
    for name in question.zero:
        entry = algebra.at_zero(entry, name)
    return _known(algebra, question, by, IndexedArray(tuple(axes), entry))


def _known(free: Algebra, question: Question, by: str, array: IndexedArray) -> ArrayDerivative:
    """A derivative with what is known of the variable itself."""
    algebra = free.variant(question.symmetric)
    entry = algebra.renewed(array.entry) if by in question.symmetric else array.entry
    return ArrayDerivative(algebra, IndexedArray(array.axes, entry), question.tree)


def is_equal(question: Question, known: ArrayDerivative, other: Node) -> bool:
    """Whether a derivative is what an expression says, for all sizes: False where the normal forms do not tell.

    They are compared as they are, and multiplied out.  Where the expression has no steps itself, steps are slopes of kinks,
    and what they are at the kink does not matter.
    """
    joins_steps = not any(call.name in ("heaviside", "where") for call in calls_in(question.tree))
    if len(known.array.axes) != question.rank_of(other):
        return False
    for algebra in (known.algebra, known.algebra.variant(question.symmetric, expands=True)):
        array = lower(algebra, other, question.sizes, joins_steps=joins_steps)
        entry = known.array.entry if algebra is known.algebra else algebra.renewed(known.array.entry)
        if algebra.subtract(entry, at(algebra, array, known.array.axes)) == ZERO:
            return True
    return False
