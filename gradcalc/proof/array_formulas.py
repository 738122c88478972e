"""Why a formula of matrices is believed: by its normal form for all sizes, and by exact numbers at random shapes.

Comes in: an expression of arrays with the sizes of its variables, a derivative with indices, and the formula that was
written of it, read back.  Goes out: the evidence; None for a formula that numbers contradict, or that nothing confirms.

The normal form and the numbers share no rule: the numbers are those of the Taylor engine, from the function table.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple

from flint import fmpq

from gradcalc.engines.indexed.gradients import ArrayDerivative, Question, is_equal
from gradcalc.engines.indexed.nodes import ZERO
from gradcalc.engines.taylor.array_at import ArrayAt, Numbers
from gradcalc.engines.taylor.reals import Real, ball
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array
from gradcalc.expression.sizes import number_of
from gradcalc.expression.tree import Node, Number, calls_in, names_in, substitute_names

_POINTS = 2
"""Points that have to confirm a formula."""
_ATTEMPTS = 8
_LARGE = 50
_LEAST_SIZE = 3
"""The smallest random size: at 1 and 2 a size, one less and the factor 2 are too much alike."""


class Evidence(StrEnum):
    """What is known of a formula."""

    ALL_SIZES = "all sizes"
    ALL_VALUES = "all values"
    POINTS = "points"


def evidence(
    question: Question, known: ArrayDerivative, formula: Node, by: str, order: int, positive: Collection[str] = ()
) -> Evidence | None:
    """What confirms a formula: its normal form, and numbers at random points of random shapes.

    Raises `OutOfTime`.
    """
    whole, partly = 0, 0
    for point in random_points(question, positive):
        same = _share_at(question, formula, by, order, point)
        if same is None:
            return None
        whole += same == 1
        partly += same > 0
        if whole == _POINTS:
            break
    # Entries that are 0 are often not known to be: numbers say nothing of a derivative of zeros.
    is_compared = partly > 0 or known.array.entry == ZERO
    if is_compared and not has_cases_in(question.tree, by) and is_equal(question, known, formula):
        return proven_scope(question)
    return Evidence.POINTS if whole == _POINTS else None


def proven_scope(question: Question) -> Evidence:
    """What a normal form proves: equality for all sizes, where they are letters; else for all values."""
    return Evidence.ALL_SIZES if question.letters else Evidence.ALL_VALUES


@dataclass(frozen=True, slots=True)
class ArrayPoint:
    """Exact values of the variables, fractions or constant trees, and the sizes that the letters have there."""

    values: Mapping[str, Array[Any]]
    sizes: Mapping[str, int] = field(default_factory=dict)


def random_points(question: Question, positive: Collection[str]) -> Iterator[ArrayPoint]:
    """Random points: sizes are different; some points have positive or small numbers only, some a variable of large ones."""
    chance, sample = random.Random(0), _Sample(question, positive)
    for attempt in range(_ATTEMPTS):
        number = _small_number if attempt % 4 > 1 else _number
        yield sample.point(chance, number, is_positive=attempt % 2 == 1)
    for name in sample.arrays:  # log(b - A@x) needs a large b
        point = sample.point(chance, _number, is_positive=True)
        larger = point.values[name].map(lambda value: value * _LARGE)
        yield ArrayPoint({**point.values, name: _as_assumed(question, name, larger)}, point.sizes)


def whole_points(question: Question, positive: Collection[str]) -> Iterator[ArrayPoint]:
    """Points of small whole numbers, where functions often have their breakpoints: some positive, some with zeros."""
    chance, sample = random.Random(1), _Sample(question, positive)
    for attempt in range(_ATTEMPTS):
        yield sample.point(chance, _whole_number, is_positive=attempt % 2 == 0)


class _Sample:
    """What is known of a question's variables when points are drawn: sizes, positive ones, classes."""

    def __init__(self, question: Question, positive: Collection[str]):
        self.question, self.positive, self.classes = question, positive, question.classes()
        self.names = [name for name in names_in(question.tree) if name not in question.letters]
        self.arrays = [name for name in self.names if question.sizes.get(name) and name not in self.classes]

    def point(self, chance: random.Random, number: _Draw, *, is_positive: bool) -> ArrayPoint:
        """A point with numbers of a kind."""
        question, letters = self.question, self.question.letters
        least = max(
            _LEAST_SIZE - (number is _whole_number), *question.least_sizes().values(), 0
        )  # counterexamples are short
        sizes = dict(zip(letters, chance.sample(range(least, least + len(letters) + 3), len(letters)), strict=True))
        values = {}
        for name in self.names:
            shape = tuple(number_of(size, sizes) for size in question.sizes.get(name, ()))
            above_0 = is_positive or name in self.positive or name in question.stochastic
            entries = [number(chance, above_0) for _ in range(prod(shape))]
            if name in self.classes:
                count = number_of(self.classes[name], sizes)
                entries = [Fraction(chance.randrange(count)) for _ in entries]
            if name in question.zero:
                entries = [Fraction(0)] * len(entries)
            values[name] = _as_assumed(question, name, Array(shape, entries))
        return ArrayPoint(values, sizes)


_Draw = Callable[[random.Random, bool], Fraction]
"""Draws a number, which is positive or not."""


def _number(chance: random.Random, is_positive: bool) -> Fraction:
    value = Fraction(chance.randrange(3, 40), chance.choice((16, 17, 19, 23)))
    return value if is_positive or chance.random() < 0.5 else -value


def _small_number(chance: random.Random, is_positive: bool) -> Fraction:
    return _number(chance, is_positive) / 4


def _whole_number(chance: random.Random, is_positive: bool) -> Fraction:
    return Fraction(chance.randrange(1, 6) if is_positive else chance.randrange(-3, 4))


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


def _share_at(question: Question, formula: Node, by: str, order: int, point: ArrayPoint) -> float | None:
    """The share of the entries of the derivative that a formula is known to have at a point; None for another formula."""
    entries = entries_at(question, formula, by, order, point)
    if entries is None:
        return 0.0
    if len(entries.derivative) != len(entries.formula):
        return None
    pairs = list(zip(entries.derivative, entries.formula, strict=True))
    if any(is_different(*pair) for pair in pairs):
        return None
    return sum(None not in pair for pair in pairs) / len(pairs)


def is_different(a: Real | None, b: Real | None) -> bool:
    """Whether two numbers are known, and known to be different."""
    return a is not None and b is not None and not ball(a).overlaps(ball(b))


class EntriesAt(NamedTuple):
    """The entries of a derivative and of a formula, and what tells which of the formula's are known to be no number."""

    derivative: Numbers
    formula: Numbers
    undefined: Callable[[], Sequence[bool]]


def entries_at(question: Question, formula: Node, by: str, order: int, point: ArrayPoint) -> EntriesAt | None:
    """The entries of the derivative and those of a formula at a point, each None where it has no value or none is known.

    None where nothing is known of them.
    """
    derivative = derivative_at(question, by, order, point)
    numbers = {letter: Number(str(size)) for letter, size in point.sizes.items()}
    written = substitute_names(formula, numbers.get)
    try:
        at = ArrayAt(written, {name: point.values[name] for name in names_in(written)})
        return None if derivative is None else EntriesAt(derivative, at.value(), at.undefined)
    except CalcError:
        return None


def derivative_at(question: Question, by: str, order: int, point: ArrayPoint) -> Numbers | None:
    """The entries of the derivative at a point, each None where it has none; None where nothing is known of them."""
    numbers = {letter: Number(str(size)) for letter, size in point.sizes.items()}
    tree = substitute_names(question.tree, numbers.get)
    own = {name: point.values[name] for name in names_in(tree)}
    try:
        if by not in own:  # a first derivative in which the variable is no more
            return _zeros(tree, own, question, by, order, point)
        return _entries(ArrayAt(tree, own, variables=[by]), by, point.values[by], order)
    except CalcError:
        return None


def _zeros(tree: Node, own: Mapping[str, Array[Any]], question: Question, by: str, order: int, point: ArrayPoint) -> Numbers:
    """The derivative by a variable that does not occur."""
    size = prod(number_of(size, point.sizes) for size in question.sizes.get(by, ()))
    return [fmpq(0)] * (prod(ArrayAt(tree, own).shape) * size**order)


def _entries(at: ArrayAt, by: str, variable: Array[Fraction], order: int) -> Numbers:
    """The entries of the derivative: those of the value first, then those of the variable, once or twice."""
    count_ = prod(variable.shape)
    if order == 1:
        return [it for place in range(prod(at.shape)) for it in at.gradient(place, [by])[by]]
    rows = (at.hessian_rows(place, by, row, [by])[by] for place in range(prod(at.shape)) for row in range(count_))
    return [it for row in rows for it in row]


def has_cases_in(tree: Node, by: str) -> bool:
    """Whether an expression has cases that depend on a variable: at their border the rule of each case may not hold."""
    return any(call.name == "where" and by in names_in(call.args[0]) for call in calls_in(tree))
