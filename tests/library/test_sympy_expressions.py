"""SymPy expressions are read through their tree; SymPy's own numbers are the oracle."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import ball
from gradcalc.errors import CalcError
from gradcalc.functions.resolve import understand
from gradcalc.inputs.values import read_point
from gradcalc.library.sympy_expressions import text_of
from gradcalc.proof.smoothness.differentiability import value_of

x, y = sympy.symbols("x y", real=True)
AT = {"x": "7/10", "y": "13/10"}

READ: list[tuple[Any, str]] = [
    (sympy.sin(x**2), "sin(x**2)"),
    (x - y, "x - y"),
    (sympy.Rational(1, 3) * x, "1/3*x"),
    (x / y, "x*(1/y)"),
    (sympy.sqrt(x), "sqrt(x)"),
    (sympy.Float("0.1") * x, "0.1*x"),
    (sympy.Abs(sympy.Symbol("t")), "abs(t)"),
    (sympy.Max(x, y), "max(x, y)"),
    (sympy.Piecewise((x, x > y), (y, True)), "where(x > y, x, y)"),
    (sympy.Piecewise((1, (x > 1) & (y > 1)), (2, x > 0), (3, True)), "where(x > 1 and y > 1, 1, where(x > 0, 2, 3))"),
    (sympy.pi * sympy.E, "e*pi"),
    (sympy.Symbol("beta") + sympy.Symbol("lambda"), "beta + lambda"),
    (sympy.Symbol("θ"), "θ"),
    (sympy.Mod(x, 2), "x%2"),
    (sympy.Symbol("pi") * sympy.pi, "acos(-1)*pi"),
    (sympy.Symbol("e") + sympy.E * x, "e + exp(1)*x"),
    (
        sympy.Piecewise((sympy.Piecewise((1, x > 2), (x, True)) + 1, x > 1), (2, True)),
        "where(x > 1, 1 + where(x > 2, 1, x), 2)",
    ),
]


@pytest.mark.parametrize(("expression", "text"), READ, ids=[row[1] for row in READ])
def test_texts(expression: Any, text: str) -> None:
    written, names = text_of(expression)
    assert understand(written, names) == understand(text, names)
    assert names == tuple(sorted(str(symbol) for symbol in expression.free_symbols))


def twice(change: Callable[[Any], Any]) -> Any:
    """An expression that uses each of its parts twice, 30 times over."""
    return reduce(lambda part, _: change(part), range(30), x)


REFUSED = [
    (sympy.Integral(sympy.exp(x**2), x), "a SymPy Integral is not read"),
    (sympy.Derivative(sympy.Function("f")(x), x), "a SymPy Derivative is not read"),
    (sympy.I * x, "SymPy's ImaginaryUnit has no counterpart in gradcalc's language"),
    (x + sympy.oo, "SymPy's Infinity has no counterpart in gradcalc's language"),
    (sympy.Function("g")(x), "SymPy's g has no counterpart in gradcalc's language"),
    (sympy.Piecewise((x, x > 1)), "a Piecewise needs a last case with the condition True"),
    (sympy.Symbol("a b"), "the symbol 'a b' is not the name of a variable"),
    (sympy.sin, "a SymPy FunctionClass is not an expression"),
    (sympy.true, "a SymPy BooleanTrue is not an expression"),
    (sympy.Integer(10) ** 5_000 * x, "a number has at most 60 digits"),
    (sympy.Function("h")(x), "SymPy's h has no counterpart in gradcalc's language"),
    (
        twice(lambda part: sympy.sin(part) + sympy.cos(part)),
        "the expression is too long: written out it has more than 65536 characters",
    ),
    (
        twice(lambda part: 2 * sympy.Piecewise((part, x > 0), (sympy.sin(part), True))),
        "the expression is too long: written out it has more than 65536 characters",
    ),
]


@pytest.mark.parametrize(("expression", "message"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_is_refused(expression: Any, message: str) -> None:
    with pytest.raises(CalcError) as caught:
        text_of(expression)
    assert caught.value.message == message


LEAVES = st.sampled_from([x, y, sympy.Integer(2), sympy.Rational(-3, 7), sympy.pi, sympy.Float("0.25")])


def combine(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    one = st.sampled_from(
        [sympy.sin, sympy.exp, sympy.tanh, sympy.Abs, sympy.atan, lambda it: it**2, lambda it: sympy.sqrt(1 + it**2)]
    )
    two = st.sampled_from(
        [sympy.Add, sympy.Mul, sympy.Max, sympy.Min, lambda a, b: a / (1 + b**2),
         lambda a, b: sympy.Piecewise((a, a > b), (b, True))]
    )  # fmt: skip
    return st.one_of(
        st.builds(lambda function, a: function(a), one, inner),
        st.builds(lambda function, a, b: function(a, b), two, inner, inner),
    )


@settings(max_examples=60, deadline=None)
@given(st.recursive(LEAVES, combine, max_leaves=6))
def test_the_value_is_that_of_sympy(expression: Any) -> None:
    expected = complex(sympy.N(expression.subs({x: sympy.Rational(7, 10), y: sympy.Rational(13, 10)}), 30))
    text, names = text_of(expression)
    point = read_point({name: AT[name] for name in names})
    value = value_of(ExpressionAt(understand(text, names), point.trees))
    assert value is not None
    assert float(ball(value)) == pytest.approx(expected.real, rel=1e-12, abs=1e-12)
