"""Formulas of vectors and matrices: as books have them, right beside torch's autograd, and confirmed before they are shown."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from support.generated_code import INSTALLED
from support.matrix_expressions import Expressions, error_of, names_of, values_of
from support.matrix_questions import QUESTIONS, MatrixQuestion

from gradcalc.calculate.array_formulas import ArrayQuestion, array_formulas
from gradcalc.calculate.array_products import Factors, product_formulas, with_factors
from gradcalc.engines.indexed import reverse_mode
from gradcalc.engines.indexed.algebra import Algebra
from gradcalc.engines.indexed.gradients import Question, derivative, is_equal
from gradcalc.engines.indexed.nodes import Indexed
from gradcalc.errors import CalcError
from gradcalc.expression.tree import Name, names_in
from gradcalc.functions.resolve import understand
from gradcalc.output.array_code import LIBRARIES, Gradient, function_code
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


# expression, shapes, variable, formula, what it takes for granted
FUNCTIONS = [
    ("sum((x[1:] - x[:-1])**2)", "x=n", "x", "2*(eye(n)[1:] - eye(n)[:-1]).T@(x[1:] - x[:-1])", ()),
    ("x[0]**2*x[-1]", "x=n", "x", "x[0]**2*eye(n)[-1] + 2*x[0]*x[-1]*eye(n)[0]", ()),
    ("sum(A[0]*x)", "A=m,n x=n", "A", "outer(eye(m)[0], x)", ()),
    ("A[0, 1]*A[1, 2]", "A=m,n", "A", "A[0, 1]*outer(eye(m)[1], eye(n)[2]) + A[1, 2]*outer(eye(m)[0], eye(n)[1])", ()),
    ("std(A[1:, 0])", "A=m,n", "A", "outer(eye(m)[1:].T@(A[1:, 0] - mean(A[1:, 0])), eye(n)[0])/((m - 2)*std(A[1:, 0]))", ()),
    ("det(S[1:, 1:])", "S=n,n", "S", "det(S[1:, 1:])*eye(n)[1:].T@inv(S[1:, 1:]).T@eye(n)[1:]", ("S[1:, 1:] is invertible",)),
    ("sum([c, c**2]*[3, 4])", "c=", "c", "8*c + 3", ()),
    ("norm([c, t])", "c= t=", "c", "c/norm([c, t])", ()),
    ("a@cumsum(x)", "a=n x=n", "x", "cumsum(eye(n))@a", ()),
    ("sum(B*cumsum(A, dim=0))", "A=m,n B=m,n", "A", "cumsum(eye(m))@B", ()),
    ("prod(x)", "x=n", "x", "prod(x)/x", ("no entry of x is 0",)),
    ("sum(cumprod(x)*a)", "x=n a=n", "x", "cumsum(eye(n))@(cumprod(x)*a)/x", ("no entry of x is 0",)),
    ("c*prod(x)", "x=n c=", "c", "prod(x)", ()),
    ("amax(A@x)", "A=m,n x=n", "x", "A.T@where(A@x == amax(A@x), 1, 0)", ("amax(A@x) has no ties",)),
    ("norm(x, inf)", "x=n", "x", "sign(x)*where(abs(x) == amax(abs(x)), 1, 0)", ("amax(abs(x)) has no ties",)),
    ("sum(amax(A, dim=1))", "A=m,n", "A", "where(A == amax(A, dim=1, keepdim=True), 1, 0)", ("amax(A, dim=1, keepdim=True) has no ties",)),
    ("logsumexp(A)", "A=m,n", "A", "exp(A)/sum(exp(A))", ()),
    ("sum(softmax(A)*A)", "A=m,n", "A", "p + p*(A - sum(A*p, dim=1, keepdim=True))", ()),
    ("sum(2**x)", "x=n", "x", "log(2)*2**x", ()),
    ("sum(x**a)", "x=n a=n", "a", "log(x)*x**a", ()),
    ("sum(max(x, a, 0))", "x=n a=n", "x", "where(x > max(a, 0), 1, 0)", ()),
    ("sum(erf(x))", "x=n", "x", "2*exp(-x**2)/sqrt(pi)", ()),
    ("sum(0.3*leaky_relu(x, 0.5))", "x=n", "x", "0.3*where(x > 0, 1, 1/2)", ()),
    ("kl_div(A, A, reduction=batchmean)", "A=m,n", "A", "(log(A) + 1 - 2*A)/m", ()),
    ("sum(A + b)", "A=m,n b=n", "b", "m*ones(n)", ()),
    ("pi*sum(x)", "x=n", "x", "pi*ones(n)", ()),
    ("mean(x[:3])", "x=n", "x", "sum(eye(n)[:3], dim=0)/3", ("n is at least 3",)),
    ("y*log(det(X)**2)", "X=n,n y=", "y", "log(det(X)**2)", ()),
    ("t*sum(leaky_relu(x, -0.05))", "x=n t=", "t", "sum(leaky_relu(x, -0.05))", ()),
    ("b@cumsum(C@x)*sum(x)", "C=m,n x=n b=m", "b", "sum(x)*cumsum(C, dim=0)@x", ()),
    ("norm(cumsum(outer(C_km@z_m, z_m), dim=0))**2", "C_km=k,m z_m=m", "z_m", "2*norm(z_m)**2*cumsum(C_km.T)@p@z_m + 2*(cumsum(C_km@z_m)@p@z_m)*z_m", ()),
    ("norm(cumsum(outer(C@x, x), dim=0))**2", "C=m,n x=n", "C", "2*norm(x)**2*outer(cumsum(eye(m))@cumsum(C, dim=0)@x, x)", ()),
    ("sum(C + softmax(A, dim=1) + cumsum(C, dim=1))", "C=m,n A=m,n", "C", "ones(m, n) + sum(cumsum(eye(n)), dim=1)", ()),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "shapes", "by", "expected", "premises"), FUNCTIONS, ids=[row[0] for row in FUNCTIONS])
def test_functions_of_arrays(expr: str, shapes: str, by: str, expected: str, premises: tuple[str, ...]) -> None:
    sizes = {name: tuple(filter(None, text.split(","))) for name, text in (word.split("=") for word in shapes.split())}
    formula = next(array_formulas(ArrayQuestion(understand(expr, names_of(sizes)), sizes), [by], 1, 20))
    assert (formula.formula, formula.assumptions) == (expected, premises)
    assert formula.evidence in ("all sizes", "all values")
    if not any(name in expr for name in ("erf", "kl_div", "leaky_relu")):  # there is no code for these
        assert error_of(expr, sizes, formula, values_of(sizes)) < 1e-9


CLASSES = [
    "cross_entropy(X@W, c)",
    "cross_entropy(X@W, c, reduction=sum)",
    "nll_loss(log_softmax(X@W), c)",
    "sum(one_hot(c, k)*(X@W))",
]


@pytest.mark.parametrize("expr", CLASSES)
def test_losses_of_classes(expr: str) -> None:
    sizes = {"X": ("n", "d"), "W": ("d", "k"), "c": ("n",)}
    question = ArrayQuestion(understand(expr, names_of(sizes)), sizes)
    assert question.variables == ["X", "W"]
    formula = next(array_formulas(question, ["W"], 1, 20))
    assert (formula.evidence, formula.assumptions) == ("all sizes", ("c has classes, 0 to k - 1",))
    values = values_of(sizes)
    values["c"] = torch.tensor([row % values["W"].shape[1] for row in range(len(values["c"]))])
    w = values["W"].clone().requires_grad_()
    scores = values["X"] @ w
    of_torch = {
        CLASSES[0]: lambda: torch.nn.functional.cross_entropy(scores, values["c"]),
        CLASSES[1]: lambda: torch.nn.functional.cross_entropy(scores, values["c"], reduction="sum"),
        CLASSES[2]: lambda: torch.nn.functional.nll_loss(torch.log_softmax(scores, -1), values["c"]),
        CLASSES[3]: lambda: (torch.nn.functional.one_hot(values["c"], scores.shape[1]) * scores).sum(),
    }
    of_torch[expr]().backward()
    assert w.grad is not None
    names = {"softmax": lambda x: torch.softmax(x, -1), "one_hot": lambda c, n: torch.nn.functional.one_hot(c, n).double()}
    n, k = values["X"].shape[0], values["W"].shape[1]
    written = eval(formula.formula or "", {**names, **values, "n": n, "k": k})
    assert torch.allclose(written, w.grad, rtol=1e-9)


# expression, shapes, directions, cotangent, order, formulas
PRODUCTS_ASKED = [
    ("tanh(A@x)", "A=m,n x=n v=n", {"x": "v"}, None, 1, ["(1 - tanh(A@x)**2)*(A@v)"]),
    ("A@x", "A=m,n x=n v=n V=m,n", {"x": "v", "A": "V"}, None, 1, ["A@v + V@x"]),
    ("inv(A)", "A=n,n V=n,n", {"A": "V"}, None, 1, ["-inv(A)@V@inv(A)"]),
    ("tanh(A@x)", "A=m,n x=n g=m", {}, "g", 1, ["outer(g*(1 - tanh(A@x)**2), x)", "A.T@(g*(1 - tanh(A@x)**2))"]),
    ("sum(exp(A@x))", "A=m,n x=n v=n", {"x": "v"}, None, 2, ["outer(exp(A@x)*(A@v), x) + outer(exp(A@x), v)", "A.T@(exp(A@x)*(A@v))"]),
    ("tanh(A@x)", "A=m,n x=n v=n g=m", {"x": "v"}, "g", 1, ["g@((1 - tanh(A@x)**2)*(A@v))"]),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "shapes", "along", "cotangent", "order", "expected"), PRODUCTS_ASKED)
def test_products_that_are_asked_for(
    expr: str, shapes: str, along: dict[str, str], cotangent: str | None, order: int, expected: list[str]
) -> None:
    sizes = {name: tuple(filter(None, text.split(","))) for name, text in (word.split("=") for word in shapes.split())}
    tree = understand(expr, names_of(sizes))
    own = {name: each for name, each in sizes.items() if name in names_in(tree)}
    names = names_of(sizes)
    directions = {name: understand(text, names) for name, text in along.items()}
    factors = Factors(directions, None if cotangent is None else understand(cotangent, names))
    question = with_factors(ArrayQuestion(tree, own), factors)
    assert question.sizes == sizes
    formulas = list(product_formulas(question, factors, ArrayQuestion(tree, own).variables, order, 20))
    assert [it.formula for it in formulas] == expected
    assert {it.evidence for it in formulas} == {"all sizes"}


@pytest.mark.parametrize("seed", range(30))
def test_jacobian_vector_products_of_random_expressions_are_torch_s(seed: int) -> None:
    grown = Expressions(seed + 90_000)
    expr = grown.number(2)
    by = list(grown.sizes)[seed % len(grown.sizes)]
    tree = understand(expr, names_of(grown.sizes))
    factors = Factors({by: Name("direction")})
    question = with_factors(ArrayQuestion(tree, grown.sizes), factors)
    (formula,) = product_formulas(question, factors, [by], 1, 20)
    if formula.formula is None:
        return
    values = values_of(question.sizes, seed)
    gradient = Gradient(by, [(name, understand(part, names_of(question.sizes) | dict(formula.parts).keys())) for name, part in formula.parts],
                        understand(formula.formula, names_of(question.sizes) | dict(formula.parts).keys()))  # fmt: skip
    code = function_code(LIBRARIES["torch"], expr, tree, question.sizes, [gradient])
    space: dict[str, Any] = {}
    exec(code, space)
    own = {name: value.numpy() for name, value in values.items()}
    _, (written,) = space["value_and_gradients"](**{name: torch.from_numpy(value) for name, value in own.items()})

    def value_of(x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = space["value_and_gradients"](**{**values, by: x})[0]
        return result

    _, truth = torch.autograd.functional.jvp(value_of, values[by], values["direction"])
    assert torch.allclose(torch.as_tensor(written, dtype=torch.float64), truth, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("size", [3, 4])
def test_a_variance_of_the_rows_is_one_of_each_row_whatever_the_sizes(size: int) -> None:
    """Where the matrix is square, a variance beside its transpose would be another one."""
    expr, sizes = "gaussian_nll_loss(A, B, v, reduction=sum)**2", {"A": ("m", "n"), "B": ("m", "n"), "v": ("m",)}
    formula = next(array_formulas(ArrayQuestion(understand(expr, names_of(sizes)), sizes), ["A"], 1, 20))
    generator = torch.Generator().manual_seed(size)
    shapes = {"A": (3, size), "B": (3, size), "v": (3,)}
    values = {name: torch.rand(shape, generator=generator, dtype=torch.float64) + 0.2 for name, shape in shapes.items()}
    a = values["A"].clone().requires_grad_()
    loss = torch.nn.functional.gaussian_nll_loss(a, values["B"], values["v"][:, None], reduction="sum") ** 2
    loss.backward()
    assert a.grad is not None
    written = eval(formula.formula or "", {"sum": torch.sum, "log": torch.log, **values})
    assert torch.allclose(written, a.grad, rtol=1e-9)


REFUSED_FACTORS = [
    ("exp(x)", "x=n", {}, "x", 1, "x is a variable of the expression"),
    ("sum(x**2)", "x=n", {"x": "x"}, None, 2, "x is a variable of the expression"),
    ("A@x", "A=m,n x=n v=n", {"x": "v"}, None, 2, "second derivatives along a direction are those of a number"),
    ("A@x", "A=m,n x=n", {"x": "[1, 2]"}, None, 1, "the direction of x has the shape (2,), not (n,)"),
]


@pytest.mark.parametrize(("expr", "shapes", "along", "cotangent", "order", "why"), REFUSED_FACTORS)
def test_factors_that_are_refused(
    expr: str, shapes: str, along: dict[str, str], cotangent: str | None, order: int, why: str
) -> None:
    sizes = {name: tuple(filter(None, text.split(","))) for name, text in (word.split("=") for word in shapes.split())}
    names = names_of(sizes)
    tree = understand(expr, names)
    own = {name: each for name, each in sizes.items() if name in names_in(tree)}
    directions = {name: understand(text, names) for name, text in along.items()}
    factors = Factors(directions, None if cotangent is None else understand(cotangent, names))

    def asked() -> None:
        question = with_factors(ArrayQuestion(tree, own), factors)
        list(product_formulas(question, factors, ["x"], order, 20))

    with pytest.raises(CalcError, match=re.escape(why)):
        asked()


@pytest.mark.parametrize("expr", ["sum(A@x)", "trace(A)", "x@x"])
def test_second_derivatives_of_what_is_linear_are_0(expr: str) -> None:
    sizes = {"A": ("n", "n"), "x": ("n",)}
    tree = understand(expr, names_of(sizes))
    own = {name: each for name, each in sizes.items() if name in names_in(tree)}
    (formula,) = array_formulas(ArrayQuestion(tree, own), [next(iter(own))], 2, 20)
    assert formula.formula in ("0*ones(n, n)", "2*eye(n)")
    assert formula.evidence == "all sizes"
