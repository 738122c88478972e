"""Why the formula of an entry with letters for its indices is believed: by its normal form, and by exact numbers."""

from __future__ import annotations

import random
from collections.abc import Collection
from math import prod

from gradcalc.engines.indexed.gradients import ArrayDerivative, Question
from gradcalc.engines.indexed.index_form import IndexForm, at_index, is_index_form, tree_of
from gradcalc.engines.indexed.nodes import ZERO, size_of
from gradcalc.engines.taylor.array_at import ArrayAt
from gradcalc.engines.taylor.reals import Real
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import index_at
from gradcalc.expression.sizes import number_of
from gradcalc.expression.tree import Node, Number, names_in, substitute_names
from gradcalc.proof.array_formulas import (
    ArrayPoint,
    Evidence,
    derivative_at,
    has_cases_in,
    is_different,
    proven_scope,
    random_points,
)

_ENTRIES = 12
"""Entries of a derivative that are compared at a point."""


def evidence_of_entries(
    question: Question, known: ArrayDerivative, form: IndexForm, by: str, order: int, positive: Collection[str] = ()
) -> Evidence | None:
    """What confirms the formula of an entry; None where numbers contradict it, or nothing does.  Raises `OutOfTime`."""
    compared = set[bool | None]()
    for point in random_points(question, positive):
        compared.add(_is_same_at(question, known, form, by, order, point))
    if False in compared:
        return None
    is_compared = True in compared or known.array.entry == ZERO
    if is_compared and not has_cases_in(question.tree, by) and is_index_form(question, known, form):
        return proven_scope(question)
    return Evidence.POINTS if True in compared else None


def _is_same_at(
    question: Question, known: ArrayDerivative, form: IndexForm, by: str, order: int, point: ArrayPoint
) -> bool | None:
    """Whether some entries of the derivative are those of a formula at a point; None where they are not known."""
    derivative = derivative_at(question, by, order, point)
    if derivative is None:
        return None
    shape = tuple(number_of(size_of(axis), point.sizes) for axis in known.array.axes)
    places = random.Random(prod(shape)).sample(range(prod(shape)), min(prod(shape), _ENTRIES))
    indices = (dict(zip(form.letters, map(str, index_at(place, shape)), strict=True)) for place in places)
    counts = {size: number_of(size, point.sizes) for size in form.sizes.values()}
    values = [_value(tree_of(at_index(form, index), form, counts), point) for index in indices]
    pairs = [(derivative[place], value) for place, value in zip(places, values, strict=True)]
    if any(is_different(*pair) for pair in pairs):
        return False
    return True if any(None not in pair for pair in pairs) else None


def _value(tree: Node, point: ArrayPoint) -> Real | None:
    numbers = {letter: Number(str(size)) for letter, size in point.sizes.items()}
    tree = substitute_names(tree, numbers.get)
    try:
        return ArrayAt(tree, {name: point.values[name] for name in names_in(tree)}).value()[0]
    except CalcError:
        return None
