"""Derivatives that were found by hand: the right ones are accepted, the wrong ones refused, with the mistake that was made."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gradcalc.calculate.claims.claim import check
from gradcalc.cli.main import main
from gradcalc.errors import CalcError, picture
from gradcalc.inputs.values import read_point
from gradcalc.proof.claims import comparison
from gradcalc.runtime.deadline import OutOfTime

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
    ("3", "0", "x"),
    ("sqrt(x)", "x**-0.5/2", "x"),
    ("asin(x)", "1/sqrt(1 - x**2)", "x"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("expr", "claim", "by"), RIGHT)
def test_what_is_right_is_accepted(expr: str, claim: str, by: str) -> None:
    found = check(expr, claim, by=by).result
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
    ("tanh(x)", "1 - x**2", "x", "wrong function"),
    ("sigmoid(w*x + b)", "x*(w*x + b)*(1 - w*x - b)", "w", "wrong function"),
    ("tanh(3*x)*x", "tanh(3*x) + 3*x*(1 - 9*x**2)", "x", "wrong function"),
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
    found = check(expr, claim, by=by).result
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
    found = check(expr, claim, by=by).result
    assert found.outcome == "wrong"
    assert len({tuple(place.at.items()) for place in found.points}) == len(found.points)


# Wrong in one piece only, at one point, between the zeros of what repeats itself, near one place, far away, or by very little.
RARELY = [
    ("relu6(x)", "where(x > 0 and x < 8, 1, 0)", "x"),
    ("relu(x)", "where(x > 0.1, 1, 0)", "x"),
    ("where(x<18, 0.1*x, where(x<50, 0.2*x-1.8, 0.4*x-11.8))", "where(x<20, 0.1, where(x<50, 0.2, 0.4))", "x"),
    ("x**2", "where(x == 3, 0, 2*x)", "x"),
    ("x**2", "2*x+sin(10000*pi*x)", "x"),
    ("x**2", "2*x+exp(-1e5*(x-0.5)**2)", "x"),
    ("x**2", "where(x < -2e6, 0, 2*x)", "x"),
    ("where(x == 0, 0, x + x**2)", "where(x == 0, 0, 1 + 2*x)", "x"),
    ("where(x >= 0 and x <= 0, 0, x + x**2)", "where(x >= 0 and x <= 0, 0, 1 + 2*x)", "x"),
    ("abs(x-3e6)", "-1", "x"),
    ("x**2", "2*x + 1e-300", "x"),
    ("sin(x)", "cos(x) + exp(-12000 - x**2)", "x"),
    ("x**2", "where(x > 5, 2*x + exp(-3000), 2*x)", "x"),
    ("x**2", "where(x == sqrt(2), 0, 2*x)", "x"),
    ("x**2", "where(exp(x) == 2, 0, 2*x)", "x"),
    ("x**2", "where(x > 1e-40 and x < 2e-40, 0, 2*x)", "x"),
    ("x**2", "where(x*exp(x) > 1e50, 0, 2*x)", "x"),
    ("x**2", "where(floor(x) == 7000, 0, 2*x)", "x"),
    ("x*y", "where(x == y, 0, y)", "x"),
    ("relu(w*x)", "where(w*x > 0.05, x, 0)", "w"),
    ("x**2 + y", "where(x > 5 and y > 100, 0, 2*x)", "x"),
    ("x**2 + y", "where(y == 3*x + 1, 0, 2*x)", "x"),
    ("x**2", "2*x + exp(-1e12*(x - pi)**2)", "x"),
    ("x**2", "2*x*(1 + exp(-1e30*(x + 1e8)**2))", "x"),
    ("x**2", "2*x + relu(x - 12345)", "x"),
    ("x**2", "2*x + where(sin(x) > 0.9999999999, 1, 0)", "x"),
]


@pytest.mark.parametrize(("expr", "claim", "by"), RARELY)
def test_what_is_wrong_somewhere_is_wrong(expr: str, claim: str, by: str) -> None:
    found = check(expr, claim, by=by).result
    assert found.outcome == "wrong"
    assert not found.by_sympy


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
    found = check(expr, claim).result
    assert (found.outcome, found.cause) == ("wrong", None)


# Right wherever the claim has a value: the condition, and a point where it has none.
PARTLY = [
    ("cbrt(x)", "x**(-2/3)/3", "x > 0"),
    ("abs(x)", "sqrt(x)/sqrt(x)", "x > 0"),
    ("log(abs(x))", "exp(-log(x))", "x > 0"),
    ("x*abs(x)", "2*x**2/abs(x)", "abs(x) != 0"),
    ("sqrt(x**4)", "2*x**3/sqrt(x**4)", "x**4 > 0"),
    ("sinc(x)", "cos(x)/x - sin(x)/x**2", "x != 0"),
    ("relu(x)**3", "3*sqrt(x)**4", "x >= 0"),
    ("asinh(x)", "1/sqrt(x + 1)/sqrt((x**2 + 1)/(x + 1))", "x > -1"),
]


@pytest.mark.parametrize(("expr", "claim", "condition"), PARTLY)
def test_what_is_right_in_part_says_where(expr: str, claim: str, condition: str) -> None:
    found = check(expr, claim).result
    assert (found.outcome, found.condition, found.cause) == ("partly", condition, None)
    assert found.why.startswith(f"right where {condition}: equal ")
    assert found.why.endswith(", the claim has no value")
    assert any(place.claimed is None for place in found.points)


def test_a_point_that_was_asked_for_is_told_of() -> None:
    found = check("sqrt(x**4)", "2*x**3/sqrt(x**4)", at=[read_point({"x": "0"})]).result
    assert found.outcome == "partly"
    assert found.why.endswith("; at x = 0 the derivative is 0, the claim has no value")
    found = check("abs(x)", "sign(x)", at=[read_point({"x": "0"})]).result
    assert found.outcome == "right"
    assert found.why.endswith("; no derivative is known at x = 0")
    assert check("sin(x)", "log(-x**2 - 1)").result.outcome == "wrong"


@pytest.mark.parametrize(("claim", "where", "expected"), [
    ("1", "x > 0", "right"), ("-1", "x < 0", "right"), ("1", "x > -1", "wrong"), ("1", "x > 0 and x < 1e9", "right"),
    ("where(x > 5, 2, 1)", "x > 0", "wrong"), ("where(x > 5, 2, 1)", "x > 0 and x < 5", "right"), ("1/0*x", "x > 0", "wrong"),
    ("1", "x == 3", "undecided"), ("1", "x**2 < -1", "undecided"),
])  # fmt: skip
def test_where_a_claim_is_meant(claim: str, where: str, expected: str) -> None:
    found = check("abs(x)", claim, where=where)
    assert (found.where, found.result.outcome) == (where, expected)


def test_a_point_where_the_claim_is_not_meant_does_not_count() -> None:
    found = check("abs(x)", "1", at=[read_point({"x": "-3"}), read_point({"x": "2"})], where="x > 0").result
    assert found.outcome == "right"
    assert found.why.endswith("; the claim is not meant at x = -3")
    assert next(dict(place.at) for place in found.points) == {"x": "2"}


@pytest.mark.parametrize(("limited", "slope"), [("log(x)", "1/x"), ("x - x**3/7", "1 - 3*x**2/7 + where(x == x, 0, 0)")])
def test_no_points_tell_nothing(limited: str, slope: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What SymPy finds equal as formulas needs a point, too: there may be no derivative anywhere."""
    monkeypatch.setattr(comparison.Comparison, "run", lambda self, at: None)
    result = check(limited, slope).result
    assert (result.outcome, result.points) == ("undecided", ())


def test_when_the_time_is_over_nothing_rests_on_points_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(self: comparison.Comparison, _: object) -> Iterator[None]:
        raise OutOfTime
        yield

    monkeypatch.setattr(comparison.Comparison, "_groups", lambda self: late(self, None))
    found = check("abs(x)", "sign(x)").result
    assert found.outcome == "undecided"
    assert found.why == "the time is over; so far the claim is equal at 12 points"
    assert check("abs(x)", "1").result.outcome == "wrong"


def test_the_input_in_the_place_of_the_output_is_named() -> None:
    found = check("(tanh(2*x) - 1)**2", "2*(tanh(2*x) - 1)*2*(1 - (2*x)**2)").result
    assert "1 - u**2 holds where u is the output, tanh(2*x), and the input 2*x was put in its place" in found.why


@pytest.mark.parametrize("root", ["x**3 - x - 1", "x**5 - x - 1", "x*exp(x) - 1"])
def test_a_breakpoint_that_cannot_be_written_is_not_passed_over(root: str) -> None:
    found = check("x**2", f"2*x + where({root} == 0, 1, 0)").result
    assert (found.outcome, found.evidence) == ("undecided", None)
    assert "but not known at an irrational breakpoint near " in found.why
    beside = check(f"relu({root})**2*0 + x**2", f"where({root} > 0, 2*x, 2*x)").result
    assert beside.outcome == "right"


def test_what_a_right_claim_rests_on_is_said() -> None:
    proven = check("sin(x**2)", "2*x*cos(x**2)").result
    assert (proven.evidence, proven.by_sympy) == ("formula", True)
    assert proven.why.startswith("equal as formulas, by SymPy; equal at ")
    for expr, claim in (
        ("e^(2x)", "2e^(2x)"),
        ("2^x", "2^x*ln(2)"),
        ("0.1*x**2 + 0.2*x**2", "0.6*x"),
        ("sin(pi*x)", "pi*cos(pi*x)"),
    ):
        assert check(expr, claim).result.evidence == "formula"
    pieces = check("abs(x)*where(x == 5, x, x)", "where(x > 0, 2*x, -2*x)").result
    assert (pieces.outcome, pieces.evidence, pieces.by_sympy) == ("right", "formula", False)
    assert pieces.why.startswith("equal as formulas in every piece, by exact algebra; equal at ")
    sampled = check("where(x == 0, 0, sin(x))", "cos(x)").result
    assert (sampled.outcome, sampled.evidence, sampled.by_sympy) == ("right", "sampling", False)
    assert sampled.why.endswith("; sampled, not proven: the formulas were not found to be equal")
    assert check("x**2", "x").result.evidence == "counterexample"
    assert check("log(-x**2 - 1)", "1/x").result.evidence is None


def test_the_point_that_is_given_comes_first() -> None:
    found = check("abs(x)*x", "2*x", at=[read_point({"x": "3"}), read_point({"x": "-3"})]).result
    assert [(dict(point.at), point.same) for point in found.points][:2] == [({"x": "3"}, True), ({"x": "-3"}, False)]
    assert found.outcome == "wrong"


def test_where_there_is_no_derivative_nothing_is_decided() -> None:
    assert check("log(-x**2 - 1)", "1/x").result.outcome == "undecided"


@pytest.mark.parametrize(
    ("expr", "claim"),
    [("sqrt(-1 - x**2)**2", "-2*x"), ("x*log(-1)", "log(-1)"), ("asin(2)*x", "asin(2)"), ("x*tan(pi/2)", "tan(pi/2)")],
)
def test_a_claim_about_a_function_without_a_derivative_is_not_right(expr: str, claim: str) -> None:
    """SymPy finds the formulas equal, in complex numbers: no real derivative exists anywhere."""
    result = check(expr, claim).result
    assert (result.outcome, result.evidence) == ("undecided", None)
    assert result.why == "no point was found where the derivative exists and could be compared"
    assert not result.by_sympy


def test_a_formula_without_a_value_anywhere_is_wrong() -> None:
    assert check("x**2", "2*x*sqrt(-1 - x**2)/sqrt(-1 - x**2)").result.outcome == "wrong"


WORDS = [
    (("x*y", "y"), {}, "error: the expression has several variables: x, y\nhint: choose one with --by x"),
    (("x**2", "2*y"), {}, "error: the claim has y, which does not occur in the expression"),
    (("x**2", "2*"), {}, "error: unexpected end of expression after '*'\n  2*\n    ^\nhint: an operand is missing here"),
    (("x*y", "y"), {"by": "x", "at": [read_point({"x": "1"})]}, "error: missing value for y\nhint: add --at y=..."),
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
    assert lines[-1].endswith("\tformula")
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


def test_what_a_script_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "cbrt(x)", "x**(-2/3)/3", "--format", "json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert (answer["outcome"], answer["condition"], answer["where"]) == ("partly", "x > 0", None)
    assert main(["check", "abs(x)", "1", "--where", "x > 0", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["outcome"], answer["evidence"], answer["where"]) == ("right", "formula", "x > 0")
    assert main(["check", "abs(x)", "1", "--where", "x + 1"]) == 2
    assert "x + 1 is not a condition" in capsys.readouterr().err
    assert main(["check", "x**2", "--line", "u = x", "--line", "dL_dx = 2*u", "--where", "u > 0", "--quiet"]) == 0


@pytest.mark.parametrize("command", ["diff", "steps"])
def test_a_formula_that_may_be_false_at_a_point_says_so(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    note = "where x = 0 a formula may be false: it has the derivative of each case, and one point has no slope"
    assert main([command, "where(x != 0, x**2, 0)"]) == 0
    assert f"note: {note}" in " ".join(capsys.readouterr().out.split())
    assert main([command, "where(x != 0, x**2, 0)", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer.get("report", answer)["notes"] == [note]
    assert main([command, "where(x > 0, x**2, 0)"]) == 0
    assert "note:" not in capsys.readouterr().out


KNOTS = "+".join(f"relu(x - {k})" for k in range(1, 27))
STEPS = "+".join(f"where(x > {k}, 1, 0)" for k in range(1, 27))
NAMED = [
    (KNOTS, f"{STEPS} - where(x > 13 and x < 14, 1, 0)", 1),
    (KNOTS, STEPS, 0),
    ("x**2", "2*x + " + "+".join(f"where(x == {k}, 0, 0)" for k in range(10, 49)) + "+ where(x == 49, 1, 0)", 1),
    ("x**2", "2*x + floor(abs(sin(x)) + 1e-12)", 1),
    ("abs(sin(x))", "sign(sin(x))*cos(x)", 0),
    ("x**2*y", "where(x**2 + y**2 == 0, 1, 2*x*y)", 1),
    ("x**2*y", "where(x == y and x == 3, 0, 2*x*y)", 1),
    ("x**2*y", "where((x - 50)**2 + (y - 70)**2 < 1e-4, 0, 2*x*y)", 1),
    ("x**2*y", "2*x*y + relu(1e-6 - (x - 0.3)**2 - (y - 0.7)**2)", 1),
    ("x**2*y*z", "where(x > 5 and y > 5 and z > 5 and x + y + z < 15.001, 0, 2*x*y*z)", 1),
    ("x**2*y", "where(x < 0, 2*x*y, 2*x*y)", 0),
    ("x**2", "2*x + exp(-exp(10))", 1),
    ("x**2", "where(abs(x) < exp(-12000), 1, 2*x)", 1),
    ("x*where(x < exp(12000), 1, 2)", "where(x < exp(12000), 1, 2)", 0),
]


@pytest.mark.slow
@pytest.mark.parametrize(("expr", "claim", "code"), NAMED, ids=[claim[-40:] for _, claim, _ in NAMED])
def test_every_piece_and_what_the_texts_name_is_looked_at(expr: str, claim: str, code: int) -> None:
    assert main(["check", expr, claim, "--by", "x", "--quiet"]) == code


def test_more_breakpoints_than_are_looked_at_leave_it_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradcalc.proof.claims.sampling._PIECES", 8)
    assert main(["check", KNOTS, STEPS, "--quiet"]) == 4
