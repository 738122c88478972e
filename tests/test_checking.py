"""Derivatives that were found by hand: the right ones are accepted, the wrong ones refused, with the mistake that was made."""

from __future__ import annotations

import json

import pytest

from gradcalc.checking import Place, _outcome, check
from gradcalc.cli import main
from gradcalc.errors import CalcError, picture

RIGHT = [
    ("sin(x**2)", "2*x*cos(x**2)", "x"),
    ("x**x", "x**x*(log(x) + 1)", "x"),
    ("tanh(w*x + b)", "x*(1 - tanh(w*x + b)**2)", "w"),
    ("tanh(w*x + b)", "x/cosh(w*x + b)**2", "w"),
    ("log(x)", "1/x", "x"),
    ("0.1*x", "0.1", "x"),
    ("-(y*log(sigmoid(z)) + (1 - y)*log(1 - sigmoid(z)))", "sigmoid(z) - y", "z"),
    ("abs(x)", "sign(x)", "x"),
    ("relu(x)", "heaviside(x)", "x"),
    ("sin(x)*y", "0", "z"),
    ("max(x, y)", "x > y", "x"),
    ("log(abs(x))", "exp(-log(x))", "x"),
    ("3", "0", "x"),
    ("sqrt(x)", "x**-0.5/2", "x"),
    ("asin(x)", "1/sqrt(1 - x**2)", "x"),
]


@pytest.mark.parametrize(("expr", "claim", "by"), RIGHT)
def test_what_is_right_is_accepted(expr: str, claim: str, by: str) -> None:
    found = check(expr, claim, by=by).finding
    assert (found.outcome, found.cause) == ("right", None)
    assert found.points
    assert all(point.same for point in found.points)


WRONG: list[tuple[str, str, str, str | None]] = [
    ("sin(x**2)", "cos(x**2)", "x", "inner derivative"),
    ("sin(3*x)", "cos(3*x)", "x", "inner derivative"),
    ("exp(-x**2/2)", "exp(-x**2/2)", "x", "inner derivative"),
    ("(2*x + 1)**5", "5*(2*x + 1)**4", "x", "inner derivative"),
    ("sin(x**2)", "-2*x*cos(x**2)", "x", "sign"),
    ("x*cos(x)", "cos(x) + x*sin(x)", "x", "sign"),
    ("x**3", "3*x**3", "x", "power rule"),
    ("x**3", "x**2", "x", "power rule"),
    ("x*sin(x)", "cos(x)", "x", "product rule"),
    ("x*sin(x)", "x*cos(x)", "x", "dropped term"),
    ("x**2 + exp(x) + x*y", "2*x + y", "x", "dropped term"),
    ("sin(x)/x", "cos(x)", "x", "quotient rule"),
    ("sin(x)/x", "(x*cos(x) - sin(x))/x", "x", "quotient rule"),
    ("sin(x)/x", "(x*cos(x) + sin(x))/x**2", "x", "sign"),
    ("tanh(x)", "1 - tanh(x)", "x", "wrong function"),
    ("exp(x)*x**2", "x*exp(x)*x**2 + 2*x*exp(x)", "x", "wrong function"),
    ("tanh(w*x + b)", "x*(1 - tanh(x)**2)", "w", "wrong argument"),
    ("sin(x**2)", "2*x*cos(x)", "x", "wrong argument"),
    ("mse_loss(x, y)", "x - y", "x", "factor"),
    ("7*x*y**2", "7*x*y**2", "x", "not differentiated"),
    ("x**2*y", "x**2", "x", "wrong variable"),
    ("sin(x)", "cos(x)*pi/180", "x", "degrees"),
    ("sin(x)", "5*cos(x)/3", "x", "factor"),
    ("x**2 + 5", "2*x + 5", "x", "constant"),
    ("sin(x)*3 + x", "cos(x) + 1", "x", "factor"),
    ("x**-2", "-2*x**-1", "x", "power rule"),
    ("2**x + x", "x*2**(x - 1) + 1", "x", "exponential rule"),
    ("2**x + x", "2**x + 1", "x", "exponential rule"),
    ("1/(1 + x**2)", "-2*x/x**2", "x", "wrong argument"),
    ("(1 + x**2)**3", "3*x**2*2*x", "x", "wrong argument"),
    ("y/(1 + x**2)", "-y/(1 + x**2)**2", "x", "inner derivative"),
    ("sin(x**2) + x", "cos(x**2)*2*x*2*x + 1", "x", "inner derivative"),
    ("sin(x) + sin(2*x)", "pi/180*cos(x) + 2*cos(2*x)", "x", "degrees"),
    ("x*exp(x) + sin(x)", "exp(x) + x*exp(x) + sin(x)", "x", "wrong function"),
    ("where(x > 0, x**2, 3*x)", "2*x", "x", "cases"),
    ("where(x > 0, sin(2*x), -x)", "where(x > 0, cos(2*x), -1)", "x", "inner derivative"),
    ("where(x > 0, x**2, -x) + y", "where(x > 0, 2*x, 1)", "x", "sign"),
    ("x + x + x", "x + x + x", "x", "not differentiated"),
    ("x**-1e300", "x", "x", None),
    ("sin(x)", "log(x)", "x", None),
    ("sin(x)", "cos(x) + 1e-30", "x", None),
]


@pytest.mark.parametrize(("expr", "claim", "by", "cause"), WRONG)
def test_what_is_wrong_is_refused_and_the_mistake_named(expr: str, claim: str, by: str, cause: str | None) -> None:
    found = check(expr, claim, by=by).finding
    assert found.outcome == "wrong"
    assert not found.by_sympy
    assert not all(point.same for point in found.points)
    assert found.cause == cause


# Wrong only where few would look: beyond a seam, between the zeros of something that repeats itself.
HIDDEN = [
    ("relu6(x)", "x > 0", "x"),
    ("clamp(x, -1, 1)", "where(x < 1, 1, 0)", "x"),
    ("max(x, 5)", "0", "x"),
    ("where(x > 3, x**2, x)", "1", "x"),
    ("relu(x - 300)", "0", "x"),
    ("abs(x + 2)", "1", "x"),
    ("huber_loss(x, 0, 3)", "x", "x"),
    ("x**2", "where(x < 200, 2*x, 3*x)", "x"),
    ("sin(40*pi*x)", "40*pi", "x"),
    ("sin(5*pi*x)**6", "0", "x"),
    ("max(0, x) + a*min(0, x)", "1", "x"),
    ("max(0, x) + a*min(0, x)", "-min(0, x)", "a"),
    ("sqrt(x - 6)", "1/(2*sqrt(5))", "x"),
    ("hinge_loss(x, 1)", "-1", "x"),
]


@pytest.mark.parametrize(("expr", "claim", "by"), HIDDEN)
def test_every_case_is_looked_at(expr: str, claim: str, by: str) -> None:
    found = check(expr, claim, by=by).finding
    assert found.outcome == "wrong"
    assert len({tuple(place.at.items()) for place in found.points}) == len(found.points)


# A number that is none is no evidence for a mistake.
NO_CAUSE = [
    ("log(-x)", "7*x**2 + 1"),
    ("atan(5 + x**2)", "7"),
    ("x/sign(x)", "7*x + 3"),
    ("x**0*x", "7*x"),
    ("asin(1/x)", "7*x**2 + 1"),
]


@pytest.mark.parametrize(("expr", "claim"), NO_CAUSE)
def test_no_cause_is_made_up(expr: str, claim: str) -> None:
    found = check(expr, claim).finding
    assert (found.outcome, found.cause) == ("wrong", None)


def test_a_formula_without_a_value_at_the_point_is_right_elsewhere() -> None:
    found = check("sqrt(x**4)", "2*x**3/sqrt(x**4)", at=[{"x": "0"}]).finding
    assert found.outcome == "right"
    assert found.why.endswith("; the claim has no value at x = 0")
    found = check("abs(x)", "sign(x)", at=[{"x": "0"}]).finding
    assert found.outcome == "right"
    assert found.why.endswith("; there is no derivative at x = 0")
    assert check("sin(x)", "log(-x**2 - 1)").finding.outcome == "wrong"


@pytest.mark.parametrize(("equal", "other", "by_sympy", "expected"), [
    (2, 0, False, "undecided"), (3, 0, False, "right"), (0, 0, True, "right"), (3, 1, False, "wrong"), (0, 0, False, "undecided"),
])  # fmt: skip
def test_too_few_points_tell_nothing(equal: int, other: int, by_sympy: bool, expected: str) -> None:
    places = [*[Place({}, "1", "1", True)] * equal, *[Place({}, "1", "2", False)] * other]
    assert _outcome(places, by_sympy, 3) == expected


def test_the_point_that_is_given_comes_first() -> None:
    found = check("abs(x)*x", "2*x", at=[{"x": "3"}, {"x": "-3"}]).finding
    assert [(dict(point.at), point.same) for point in found.points][:2] == [({"x": "3"}, True), ({"x": "-3"}, False)]
    assert found.outcome == "wrong"


def test_where_there_is_no_derivative_nothing_is_decided() -> None:
    assert check("log(-x**2 - 1)", "1/x").finding.outcome == "undecided"


WORDS = [
    (("x*y", "y"), {}, "error: the expression has x, y: by which is the derivative?\nhint: give --by x"),
    (("x**2", "2*y"), {}, "error: the claim has y, which does not occur in the expression"),
    (("x**2", "2*"), {}, "error: the expression ends too early after *\n  2*\n    ^\nhint: something must follow here"),
    (("x*y", "y"), {"by": "x", "at": [{"x": "1"}]}, "error: no value for y\nhint: give --at y=..."),
]


@pytest.mark.parametrize(("pair", "how", "expected"), WORDS)
def test_pictures_of_wrong_requests(pair: tuple[str, str], how: dict[str, object], expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        check(*pair, **how)  # type: ignore[arg-type]
    assert picture(caught.value) == expected


def test_the_command_in_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-x**2", "-2*x", "--at", "3", "--format", "plain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "x=3\t-6\t-6\tsame"
    assert lines[-1].split("\t")[::3] == ["right", "sympy"]
    assert main(["check", "-x**2", "2*x", "--format", "json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema"], answer["command"], answer["outcome"], answer["cause"]) == (
        "gradcalc/1",
        "check",
        "wrong",
        "sign",
    )
    assert main(["check", "log(-x**2 - 1)", "1/x", "--quiet"]) == 4
    assert capsys.readouterr().out == ""
    assert main(["check", "x**2", "2*x", "3"]) == 2
    assert "unexpected argument 3" in capsys.readouterr().err
    assert main(["check", "x**2", "2*x", "--by", "x[0]"]) == 2
