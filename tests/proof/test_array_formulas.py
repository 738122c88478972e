"""Errors planted in formulas of matrices: none is confirmed, neither by normal forms nor by numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.matrix_expressions import names_of
from support.matrix_questions import QUESTIONS, MatrixQuestion

from gradcalc.engines.indexed.gradients import Question, derivative, is_equal
from gradcalc.expression.tree import Call, Node, Number
from gradcalc.functions.resolve import understand
from gradcalc.proof.array_formulas import Evidence, evidence


def wrong(tree: Node) -> Iterator[Node]:
    """A formula with an error: a factor, a sign, a transpose, a term or a factor lost."""
    yield Call("neg", (tree,))
    for factor in ("2", "1.000001", "0.5"):
        yield Call("*", (Number(factor), tree))
    yield from _changed(tree)


def _changed(tree: Node) -> Iterator[Node]:
    """The tree with one of its operators changed."""
    if not isinstance(tree, Call):
        return
    if tree.name in ("+", "-"):
        yield from tree.args
        yield Call("-" if tree.name == "+" else "+", tree.args)
    if tree.name == "transpose":
        yield tree.args[0]
    if tree.name == "**":
        yield tree.args[0]
    for place, part in enumerate(tree.args):
        for other in _changed(part):
            yield Call(tree.name, (*tree.args[:place], other, *tree.args[place + 1 :]), tree.span, tree.options)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda it: it.name)
def test_no_error_is_confirmed(question: MatrixQuestion) -> None:
    names, assumed = names_of(question.sizes), question.assumed
    own = Question(
        understand(question.expr, names),
        question.sizes,
        assumed.get("symmetric", frozenset()),
        assumed.get("stochastic", frozenset()),
    )
    known = derivative(own, question.by, question.order)
    formula = understand(known.formula().text, names)
    positive = assumed.get("positive", frozenset())
    assert evidence(own, known, formula, question.by, question.order, positive) is Evidence.ALL_SIZES
    for number, other in enumerate(wrong(formula)):
        confirmed = evidence(own, known, other, question.by, question.order, positive)
        # a change that changes nothing, as transposing what is symmetric does, is proven to be none
        assert confirmed is None or is_equal(own, known, other), (number, other)
        assert confirmed is None or number > 3
