"""Why the formula of an entry with letters for its indices is believed: by its normal form, and by exact numbers."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from math import prod

from gradcalc.engines.indexed.formulas import Formula
from gradcalc.engines.indexed.gradients import ArrayDerivative, Question
from gradcalc.engines.indexed.index_form import SUM, IndexForm, has_letters, is_index_form
from gradcalc.engines.indexed.nodes import size_of
from gradcalc.engines.taylor.array_at import ArrayAt
from gradcalc.engines.taylor.reals import Real
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import index_at
from gradcalc.expression.sizes import number_of
from gradcalc.expression.tree import Call, Node, Number, names_in, substitute_names
from gradcalc.functions.resolve import understand
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
    if not has_cases_in(question.tree, by) and is_index_form(question, known, form):
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
    indices = (dict(zip(form.letters, index_at(place, shape), strict=True)) for place in places)
    values = [_value(_tree_at(form.formula, form, index, point), point) for index in indices]
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


def _tree_at(formula: Formula, form: IndexForm, letters: Mapping[str, int], point: ArrayPoint) -> Node:
    """The formula of an entry as an expression, with numbers for the letters of its indices."""
    if formula.op.startswith(SUM):
        letter = formula.op.removeprefix(SUM)
        terms = [
            _tree_at(formula.parts[0], form, {**letters, letter: place}, point)
            for place in range(number_of(form.sizes[letter], point.sizes))
        ]
        return _chained("+", terms)
    if not has_letters(formula, form):
        return understand(formula.text, form.names)
    if formula.op == "[]":
        places = ",".join(str(letters[letter]) for letter in formula.options)
        return Call("[]", (understand(formula.parts[0].text, form.names),), options=(("at", places),))
    parts = [_tree_at(part, form, letters, point) for part in formula.parts]
    return _chained(formula.op, parts) if formula.op in ("+", "*") else Call(formula.op, tuple(parts))


def _chained(operator: str, parts: list[Node]) -> Node:
    tree = parts[0]
    for part in parts[1:]:
        tree = Call(operator, (tree, part))
    return tree
