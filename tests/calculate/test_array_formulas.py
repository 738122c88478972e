"""Formulas of vectors and matrices: as books have them, right beside torch's autograd, and confirmed before they are shown."""

from __future__ import annotations

import pytest
import torch
from support.generated_code import INSTALLED
from support.matrix_expressions import Expressions, error_of, names_of, values_of
from support.matrix_questions import QUESTIONS, MatrixQuestion

from gradcalc.calculate.array_formulas import ArrayQuestion, array_formulas
from gradcalc.engines.indexed import reverse_mode
from gradcalc.engines.indexed.algebra import Algebra
from gradcalc.engines.indexed.gradients import Question, derivative, is_equal
from gradcalc.engines.indexed.nodes import Indexed
from gradcalc.expression.tree import names_in
from gradcalc.functions.resolve import understand
from gradcalc.report import ArrayFormula


def answer(question: MatrixQuestion) -> ArrayFormula:
    tree = understand(question.expr, names_of(question.sizes))
    return next(array_formulas(ArrayQuestion(tree, question.sizes, question.assumed), [question.by], question.order, 20))


def length(formula: ArrayFormula) -> int:
    text = (formula.formula or "") + "".join(f"{name}={part}" for name, part in formula.parts)
    return len(text.replace(" ", ""))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda it: it.name)
def test_formulas_are_proven_and_as_short_as_the_book_s(question: MatrixQuestion) -> None:
    formula = answer(question)
    assert formula.evidence == "all sizes", formula
    assert length(formula) <= 1.5 * len(question.textbook.replace(" ", "")), formula.formula


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda it: it.name)
def test_the_book_s_own_formula_is_known_to_be_the_same(question: MatrixQuestion) -> None:
    names, assumed = names_of(question.sizes), question.assumed
    tree = understand(question.expr, names)
    own = Question(tree, question.sizes, assumed.get("symmetric", frozenset()), assumed.get("stochastic", frozenset()))
    known = derivative(own, question.by, question.order)
    book = question.textbook
    assert is_equal(own, known, understand(book, names))
    for wrong in (f"1.000001*({book})", f"-({book})", f"({book})*2", f"({book}) + 1e-9"):
        assert not is_equal(own, known, understand(wrong, names)), wrong


@pytest.mark.parametrize("question", [it for it in QUESTIONS if not it.assumptions], ids=lambda it: it.name)
def test_formulas_are_torch_s_gradients(question: MatrixQuestion) -> None:
    values = values_of(question.sizes)
    if question.name.startswith(("Newton", "barrier")):
        values["b"] += 10.0
    if "X" in values and values["X"].dim() == 2 and values["X"].shape[0] == values["X"].shape[1]:
        values["X"] += torch.eye(len(values["X"]))  # whose determinant is positive
    assert error_of(question.expr, question.sizes, answer(question), values, question.order, INSTALLED) < 1e-9


@pytest.mark.parametrize("seed", range(60))
def test_random_expressions_are_right_or_refused(seed: int) -> None:
    grown = Expressions(seed)
    expr = grown.number(3)
    tree = understand(expr, names_of(grown.sizes))
    for formula in array_formulas(ArrayQuestion(tree, grown.sizes), list(grown.sizes)[:2], 1, 20):
        if formula.formula is None:
            assert formula.why
        else:
            assert formula.evidence in ("all sizes", "points")
            assert error_of(expr, grown.sizes, formula, values_of(grown.sizes, seed), 1, INSTALLED) < 1e-7, (expr, formula)


def test_a_wrong_rule_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    slope = reverse_mode.slope

    def wrong(algebra: Algebra, node: Indexed, place: int) -> Indexed:
        return algebra.multiply(2, [slope(algebra, node, place)])

    monkeypatch.setattr(reverse_mode, "slope", wrong)
    tree = understand("sum(exp(A@x))", {"A", "x"})
    formula = next(array_formulas(ArrayQuestion(tree, {"A": ("m", "n"), "x": ("n",)}), ["x"], 1, 20))
    assert formula.formula is None
    assert formula.why == "the formula could not be confirmed"


def test_what_has_no_formula_says_why() -> None:
    sizes = {"A": ("m", "n"), "x": ("n",)}
    for expr, by, order, why in (
        ("exp(A@x)", "A", 2, "second derivative of an array"),
        ("sum(zeta(x))", "x", 1, "no rule for zeta"),
    ):
        tree = understand(expr, {"A", "x"})
        formula = next(array_formulas(ArrayQuestion(tree, sizes), [by], order, 20))
        assert formula.formula is None
        assert why in (formula.why or "")


PRODUCTS = (
    ("A@x", "A", 1, ("cotangent", "G"), "outer(G, x)"),
    ("tanh(A@x)", "A", 1, ("cotangent", "G"), "outer(G*(1 - tanh(A@x)**2), x)"),
    ("norm(A@B)**2", "A", 2, ("direction", "V"), "2*V@B@B.T"),
    ("logdet(S)", "S", 2, ("direction", "V"), "-(inv(S)@V@inv(S)).T"),
    ("sum(G*A)*A", "A", 1, ("cotangent", "G1"), None),
)


@pytest.mark.parametrize(("expr", "by", "order", "product", "text"), PRODUCTS)
def test_derivatives_of_more_dimensions_have_formulas_of_products(
    expr: str, by: str, order: int, product: tuple[str, str], text: str | None
) -> None:
    sizes = {"A": ("m", "n"), "x": ("n",), "B": ("n", "k"), "S": ("n", "n"), "G": ("m", "n")}
    tree = understand(expr, set(sizes))
    own = {name: shape for name, shape in sizes.items() if name in names_in(tree)}
    formula = next(array_formulas(ArrayQuestion(tree, own), [by], order, 20))
    assert formula.product == product
    assert formula.evidence == "all sizes"
    assert text is None or formula.formula == text


INVERSES = [
    ("logdet(A@X@B)", "inv(X).T"),
    ("logdet(X.T@X)", "2*inv(X).T"),
    ("trace(inv(X.T)@A)", "-inv(X).T@A@inv(X).T"),
    ("trace(inv(A@X))", "-inv(X).T@inv(A@X).T"),
]


@pytest.mark.parametrize(("expr", "expected"), INVERSES)
def test_inverses_of_products_of_square_matrices_are_opened(expr: str, expected: str) -> None:
    sizes = {name: ("n", "n") for name in "AXB" if name in expr}
    formula = next(array_formulas(ArrayQuestion(understand(expr, {*"AXB"}), sizes), ["X"], 1, 20))
    assert (formula.formula, formula.evidence) == (expected, "all sizes")


def test_inverses_of_other_products_are_not_opened() -> None:
    tree = understand("logdet(X.T@X)", {"X"})
    formula = next(array_formulas(ArrayQuestion(tree, {"X": ("m", "n")}), ["X"], 1, 20))
    assert formula.formula == "2*X@inv(X.T@X)"


def test_the_same_question_has_the_same_formula() -> None:
    answers = {answer(QUESTIONS[29]).formula for _ in range(3)}
    assert len(answers) == 1
