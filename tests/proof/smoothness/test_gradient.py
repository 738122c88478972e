"""All first partials at once (reverse mode) are those that are examined one by one, along rays; singular points included."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proof.smoothness.test_differentiability import CASES, site
from support.expressions import ordinary

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.array_at import ArrayAt
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import OutOfPrecision, agree
from gradcalc.expression.arrays import Array
from gradcalc.expression.tree import names_in
from gradcalc.functions.resolve import understand
from gradcalc.inputs.values import value_tree
from gradcalc.proof.smoothness.differentiability import Regularity, examine, examine_all


def one_by_one(expression_at: ExpressionAt, name: str) -> Regularity | None:
    try:
        return examine(expression_at, [name])
    except OutOfPrecision:
        return None


def require_same(expression_at: ExpressionAt) -> None:
    names = names_in(expression_at.tree)
    for name, together in zip(names, examine_all(expression_at, [[name] for name in names]), strict=True):
        alone = one_by_one(expression_at, name)
        assert (together is None) == (alone is None), name
        if together is None or alone is None:
            continue
        assert (together.kind, together.proven) == (alone.kind, alone.proven), name
        for one, other in ((together.derivative, alone.derivative), (together.value, alone.value)):
            assert (one is None) == (other is None), name
            if one is not None and other is not None:
                assert agree(one, other), name
                assert reals.is_accurate(one) or reals.is_negligible(one), name


FIRST = [row for row in CASES if "," not in row[2]]


@pytest.mark.parametrize(("expr", "at"), [row[:2] for row in FIRST], ids=[f"{row[0]} at {row[1]}" for row in FIRST])
def test_known_points(expr: str, at: str) -> None:
    require_same(site(expr, at))


TOGETHER = [
    ("x**(2 + x)", "x=0"),
    ("x**y", "x=0, y=2"),
    ("x**y", "x=0, y=0"),
    ("x**y", "x=-1, y=2"),
    ("atan2(x, x**2)", "x=0"),
    ("atan2(y, x)", "x=0, y=0"),
    ("x*y/(x**2 + y**2)", "x=0, y=0"),
    ("max(x, y)*min(x, -y)", "x=0, y=0"),
    ("max(x, x)", "x=1"),
    ("where(x > 0, log(x), y)", "x=-1, y=2"),
    ("where(x > 0, log(x), y)", "x=0, y=2"),
    ("where(x > y, x, y)", "x=1, y=1"),
    ("relu(x) - relu(-x)", "x=0"),
    ("0*log(x) + y", "x=-1, y=1"),
    ("0*sqrt(x)", "x=0"),
    ("x*abs(y) + y*abs(x)", "x=0, y=1"),
    ("sqrt(x**2 + y**2)", "x=0, y=0"),
    ("remainder(x, y)", "x=3, y=1"),
    ("beta(x, x)", "x=1/2"),
    ("sin(x)**2 + cos(x)**2", "x=1/3"),
    ("(x - y)*exp(1/x)", "x=1, y=1"),
]


@pytest.mark.parametrize(("expr", "at"), TOGETHER, ids=[f"{row[0]} at {row[1]}" for row in TOGETHER])
def test_functions_of_which_several_arguments_move(expr: str, at: str) -> None:
    require_same(site(expr, at))


LEAVES = st.sampled_from(["x", "y", "x", "y", "1", "2", "0"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    unary = st.sampled_from(
        ["abs({})", "sqrt({})", "relu({})", "log({})", "exp({})", "({})**2", "sign({})", "1/({})", "floor({})"]
    )
    binary = st.sampled_from(
        ["({}) + ({})", "({}) - ({})", "({})*({})", "({})/({})", "max({}, {})", "({})**({})", "atan2({}, {})",
         "where({0} > {1}, {0}, {1}**2)"]
    )  # fmt: skip
    return st.one_of(
        st.builds(lambda form, a: form.format(a), unary, inner),
        st.builds(lambda form, a, b: form.format(a, b), binary, inner, inner),
    )


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(LEAVES, grown, max_leaves=5), st.sampled_from(["0", "1", "-1", "1/2"]), st.sampled_from(["0", "1", "-2"])
)
def test_random_expressions_at_points_full_of_breakpoints(expr: str, x: str, y: str) -> None:
    tree = understand(expr, ["x", "y"])
    require_same(ExpressionAt(tree, {"x": value_tree("x", x), "y": value_tree("y", y)}))


@pytest.mark.parametrize("seed", range(40))
def test_random_expressions_at_ordinary_points(seed: int) -> None:
    case = ordinary(random.Random(seed), 4)
    tree = understand(case.expr, case.at)
    require_same(ExpressionAt(tree, {name: value_tree(name, text) for name, text in case.at.items()}))


def test_one_pass_gives_the_partials_that_meet_nothing_singular() -> None:
    values = {name: Array.scalar(Fraction(value)) for name, value in {"x": 0, "y": 2, "z": 1}.items()}
    gradient = ArrayAt(understand("abs(x)*y + sin(z)", values), values).gradient(0, ["x", "y", "z"])
    assert {name for name, (slope,) in gradient.items() if slope is not None} == {"y", "z"}
