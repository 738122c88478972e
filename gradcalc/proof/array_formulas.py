"""Why a formula of matrices is believed: by its normal form for all sizes, and by exact numbers at random shapes.

Comes in: an expression of arrays with the sizes of its variables, a derivative with indices, and the formula that was
written of it, read back.  Goes out: the evidence; None for a formula that numbers contradict, or that nothing confirms.

The normal form and the numbers share no rule: the numbers are those of the Taylor engine, from the function table.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from math import prod

from gradcalc.engines.indexed.gradients import ArrayDerivative, Question, is_equal
from gradcalc.engines.taylor.array_at import ArrayAt
from gradcalc.engines.taylor.reals import Real, ball
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array
from gradcalc.expression.tree import Node, Number, names_in, substitute_names

_POINTS = 2
"""Points that have to confirm a formula."""
_ATTEMPTS = 8
_LEAST_SIZE = 3
"""The smallest random size: at 1 and 2 a size, one less and the factor 2 are too much alike."""


class Evidence(StrEnum):
    """What is known of a formula."""

    ALL_SIZES = "all sizes"
    POINTS = "points"


def evidence(
    question: Question, known: ArrayDerivative, formula: Node, by: str, order: int, positive: Collection[str] = ()
) -> Evidence | None:
    """What confirms a formula: its normal form, and numbers at random points of random shapes.

    Raises `OutOfTime`.
    """
    agreements = 0
    for values, sizes in _points(question, positive):
        same = _is_same_at(question, formula, by, order, values, sizes)
        if same is False:
            return None
        agreements += same is True
        if agreements == _POINTS:
            break
    if is_equal(question, known, formula):
        return Evidence.ALL_SIZES
    return Evidence.POINTS if agreements == _POINTS else None


Values = Mapping[str, Array[Fraction]]


def _points(question: Question, positive: Collection[str]) -> Iterator[tuple[Values, Mapping[str, int]]]:
    """Random points: sizes are different; some points have positive numbers only."""
    chance = random.Random(0)
    letters = _letters(question)
    names = [name for name in names_in(question.tree) if name not in letters]
    for attempt in range(_ATTEMPTS):
        sizes = dict(
            zip(letters, chance.sample(range(_LEAST_SIZE, _LEAST_SIZE + len(letters) + 3), len(letters)), strict=True)
        )
        values = {}
        for name in names:
            shape = tuple(sizes.get(size) or int(size) for size in question.sizes.get(name, ()))
            is_positive = name in positive or attempt % 2 == 1
            entries = [_number(chance, is_positive=is_positive) for _ in range(prod(shape))]
            values[name] = _as_assumed(question, name, Array(shape, entries))
        yield values, sizes


def _letters(question: Question) -> list[str]:
    """The sizes that are letters."""
    return list(dict.fromkeys(size for sizes in question.sizes.values() for size in sizes if not size.isdecimal()))


def _number(chance: random.Random, *, is_positive: bool) -> Fraction:
    value = Fraction(chance.randrange(3, 40), chance.choice((16, 17, 19, 23)))
    return value if is_positive or chance.random() < 0.5 else -value


def _as_assumed(question: Question, name: str, array: Array[Fraction]) -> Array[Fraction]:
    """An array with what is assumed of it: a symmetric matrix, or rows that sum to 1."""
    entries = list(array.entries)
    width = array.shape[-1] if array.shape else 1
    if name in question.symmetric:
        entries = [entries[min(i, j) * width + max(i, j)] for i in range(width) for j in range(width)]
    if name in question.stochastic:
        rows = [[abs(it) for it in entries[start : start + width]] for start in range(0, len(entries), width)]
        entries = [value / sum(row) for row in rows for value in row]
    return Array(array.shape, entries)


def _is_same_at(
    question: Question, formula: Node, by: str, order: int, values: Values, sizes: Mapping[str, int]
) -> bool | None:
    """Whether a formula has the entries of the derivative at a point; None where some are not known."""
    numbers = {letter: Number(str(size)) for letter, size in sizes.items()}
    tree, written = (substitute_names(node, numbers.get) for node in (question.tree, formula))
    own = {name: values[name] for name in names_in(tree)}
    try:
        reference = _entries(ArrayAt(tree, own, variables=[by]), by, values[by], order)
        computed = ArrayAt(written, {name: values[name] for name in names_in(written)}).value()
    except CalcError:
        return None
    if len(reference) != len(computed):
        return False
    pairs = list(zip(reference, computed, strict=True))
    if any(a is not None and b is not None and not ball(a).overlaps(ball(b)) for a, b in pairs):
        return False
    return True if all(a is not None and b is not None for a, b in pairs) else None


def _entries(at: ArrayAt, by: str, variable: Array[Fraction], order: int) -> Sequence[Real | None]:
    """The entries of the derivative: those of the value first, then those of the variable, once or twice."""
    count_ = prod(variable.shape)
    if order == 1:
        return [it for place in range(prod(at.shape)) for it in at.gradient(place, [by])[by]]
    rows = (at.hessian_rows(place, by, row, [by])[by] for place in range(prod(at.shape)) for row in range(count_))
    return [it for row in rows for it in row]
