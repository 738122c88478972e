"""One formula for all entries: what it is, that it is one of gradcalc's language, and that its value is the derivative."""

from __future__ import annotations

import math

import pytest

from gradcalc.calculate.answer import answer
from gradcalc.calculate.uniform_entries import uniform_entries
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import decimal
from gradcalc.expression.arrays import named_entries
from gradcalc.expression.tree import names_in
from gradcalc.functions.resolve import understand
from gradcalc.functions.scalarize import scalarize
from gradcalc.inputs.values import read_value
from gradcalc.proof.smoothness.differentiability import value_of
from gradcalc.report import Problem, Report, Verdict

AT = {"x": "[1, 2, 4.5, -0.3]", "y": "[0.5, 2.5, 1, 3]", "b": "2", "A": "[[1, 2], [-3, 0.5]]", "v": "[1, 2]"}

# expression, the formula of its derivative by each variable
FORMULAS: list[tuple[str, dict[str, str]]] = [
    ("mean(x**2)", {"x": "x[i]/2"}),
    ("sum(x)**2", {"x": "2*sum(x)"}),
    ("b*sum(x)", {"b": "sum(x)", "x": "b"}),
    ("sum(x*y)", {"x": "y[i]", "y": "x[i]"}),
    ("dot(x, y)", {"x": "y[i]", "y": "x[i]"}),
    ("x@x", {"x": "2*x[i]"}),
    ("norm(x)", {"x": "x[i]/norm(x)"}),
    ("norm(A)", {"A": "A[i,j]/norm(A)"}),
    ("var(x)", {"x": "2*(x[i] - mean(x))/3"}),
    ("var(x, correction=0)", {"x": "(x[i] - mean(x))/2"}),
    ("std(x)", {"x": "(x[i] - mean(x))/(3*std(x))"}),
    ("logsumexp(x)", {"x": "softmax(x)[i]"}),
    ("logsumexp(x, dim=0)", {"x": "softmax(x)[i]"}),
    ("sum((x - mean(x))**2)", {"x": "2*(x[i] - mean(x))"}),
    ("mse_loss(x, y)", {"x": "(x[i] - y[i])/2", "y": "-(x[i] - y[i])/2"}),
    ("mse_loss(x, y, reduction=sum)", {"x": "2*(x[i] - y[i])", "y": "2*(y[i] - x[i])"}),
    ("mean(exp(b*x))", {"b": "exp(b*x)@x/4", "x": "b*exp(b*x[i])/4"}),
    ("norm(x, 1)", {"x": "sign(x[i])"}),
    ("sum(A + A.T)", {"A": "2"}),
    ("sum((A@v - 1)**2)", {"A": "2*((A@v)[i] - 1)*v[j]"}),
    ("sum(0.1*x)/sum(0.3*y)", {"x": "1/(3*sum(y))", "y": "-sum(x)/(3*sum(y)**2)"}),
]


def formulas(report: Report) -> dict[str, str]:
    """The formula of each variable, with an index for arrays."""
    found = {one.by: one.formula for one in report.entry_formulas}
    return {**{partial.by[0]: partial.formula or "" for partial in report.partials if not partial.index}, **found}


@pytest.mark.parametrize(("expr", "expected"), FORMULAS, ids=[expr for expr, _ in FORMULAS])
def test_formulas_with_an_index(expr: str, expected: dict[str, str]) -> None:
    report = answer(Problem(expr, {name: AT[name] for name in names_in(understand(expr))}, by=tuple(expected)))
    assert {partial.verdict for partial in report.partials} == {Verdict.AGREE}
    assert formulas(report) == expected


RICH = [
    *(expr for expr, _ in FORMULAS),
    "sum(softmax(x)*y)", "sum(log_softmax(x)*y)", "sum(layer_norm(x, 0.1)**3)", "norm(x)/sum(softmax(x)*x*b)",
    "logsumexp(b*x)*sum(x)**2 + 0.1*mean(exp(0.1*x - 0.3*b))", "std(x*y)/norm(y) + mean(A)", "sum(where(x > 0, x**2, x*b))",
    "binary_cross_entropy_with_logits(x*b, y)", "sum(max(x, y))*b", "sum(sin(x/mean(y)))", "sum(exp(A - logsumexp(A))**2)",
    "mean((x - mean(x)*y)**2/var(y))", "pi*sum(x**2)/3 + e*norm(y - x)",
]  # fmt: skip


@pytest.mark.parametrize("expr", RICH)
def test_the_value_of_a_formula_is_the_derivative(expr: str) -> None:
    """The formula is read again, as an expression of arrays."""
    at = {name: AT[name] for name in names_in(understand(expr))}
    report = answer(Problem(expr, at))
    values = {name: read_value(name, text).entries for name, text in at.items()}
    known = dict(pair for name, cells in values.items() for pair in named_entries(name, cells))
    for partial in report.partials:
        assert partial.verdict is Verdict.AGREE
        assert partial.proof["symbolic"] == "ok"
        assert partial.formula is not None
        assert partial.symbolic is not None
        tree = scalarize(understand(partial.formula, at), values).entries[0]
        value = value_of(ExpressionAt(tree, known))
        assert value is not None
        shown = decimal(value)
        assert shown == partial.symbolic or math.isclose(float(shown), float(partial.symbolic), rel_tol=1e-15, abs_tol=1e-25)


# Whose entries are not all made in one way, or are made of numbers of different places: no index.
WITHOUT = [
    "x[0]*sum(x)",
    "sum(x[1:])",
    "cumsum(x).sum()",
    "prod(x)",
    "max(x)",
    "A@A",
    "x",
    "sum(A@[1, 2])",
    "sum(x*[1, 2, 3, 4])",
    "sum(A, dim=0)",
    "max(A, dim=0).values.sum()",
]


@pytest.mark.parametrize("expr", WITHOUT)
def test_what_has_no_index(expr: str) -> None:
    shapes = {name: read_value(name, AT[name]).shape for name in names_in(understand(expr))}
    assert uniform_entries(understand(expr, shapes), shapes, list(shapes)) is None
    assert {partial.verdict for partial in answer(Problem(expr, {name: AT[name] for name in shapes})).partials} <= {
        Verdict.AGREE
    }


def test_small_arrays_are_written_out() -> None:
    assert uniform_entries(understand("sum(x)**2"), {"x": (2,)}, ["x"]) is None
    assert uniform_entries(understand("sum(x)**2"), {"x": (2,), "y": (3,)}, ["x"]) is None


def test_letters_that_are_variables_are_no_index() -> None:
    report = answer(Problem("sum(x**2)*i", {"x": "[1, 2, 3]", "i": "2"}))
    assert report.entry_formulas[0].entry == "x[j]"
    assert report.entry_formulas[0].formula == "2*x[j]*i"


def test_a_thousand_coupled_entries_have_one_short_formula() -> None:
    numbers = ", ".join(str((37 * k % 101) / 50 - 1) for k in range(1_000))
    report = answer(Problem("logsumexp(x)", {"x": f"[{numbers}]"}), seconds=60)
    assert (report.verdict, len(report.partials)) == (Verdict.AGREE, 1_000)
    assert {partial.proof["symbolic"] for partial in report.partials} == {"ok"}
    (one,) = report.entry_formulas
    assert (one.entry, one.count) == ("x[i]", 1_000)
    assert one.formula == "softmax(x)[i]"
    assert one.latex == r"{\operatorname{softmax}\left(x\right)}_{i}"


def test_an_index_is_no_letter_of_another_name() -> None:
    report = answer(Problem("mean(x)*a_i", {"x": "[1, 2, 3]", "a_i": "2"}))
    assert {partial.latex for partial in report.partials if partial.by == ("x",)} == {r"\frac{a_{i}}{3}"}
    (one,) = answer(Problem("sum(i*x)", {"i": "[1, 2, 3]", "x": "[1, 2, 3]"}, by=("i",))).entry_formulas
    assert (one.entry, one.formula) == ("i[j]", "x[j]")


SETTINGS = [
    "sum(leaky_relu(x, 0.1))**2", "exp(0.1*huber_loss(x, y, 0.3))", "smooth_l1_loss(x, y, 0.3)**2", "log(sum(elu(x, 0.3))**2 + 0.1)",
    "pi*sum(softplus(x, 0.3, 20))", "sum(clamp(x, -0.5, 1.5))*0.1", "(layer_norm(x)@y)**2", "sum(abs(x)**1.3)",
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("expr", SETTINGS)
def test_settings_and_constants_are_those_of_the_dtype(expr: str, dtype: str) -> None:
    at = {name: AT[name] for name in names_in(understand(expr))}
    verdicts = {partial.verdict for partial in answer(Problem(expr, at, dtype=dtype)).partials}
    assert verdicts <= {Verdict.AGREE, Verdict.INACCURATE}
