"""Derivations as people write them: Leibniz's and Lagrange's notation on both sides, operators, and chains of equations."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcalc.calculate.claims.claim import check
from gradcalc.calculate.claims.lines import ParsedDerivation
from gradcalc.calculate.claims.notation import is_derivation
from gradcalc.calculate.claims.solution import solution
from gradcalc.cli.main import main
from gradcalc.errors import CalcError, picture

# expression, claim with a left side, outcome, variable
LEFT_SIDES = [
    ("sin(x)", "dy/dx = cos(x)", "right", "x"),
    ("sin(x)", "f'(x) = cos(x)", "right", "x"),
    ("sin(x)", "f' = -sin(x)", "wrong", "x"),
    ("sin(t)", "y\u2032 = cos(t)", "right", "t"),
    ("w*x + b", "dL/dw = x", "right", "w"),
    ("w*x + b", "∂L/∂x = w", "right", "x"),
    ("w*x + b", "dL_dw = x", "right", "w"),
    ("w*x + b", r"\frac{\partial L}{\partial w} = x", "right", "w"),
    ("x**2 + 1", "d/dx (x^2 + 1) = 2x", "right", "x"),
    ("x**2 + 1", "d/dx [1 + x^2] = 2", "wrong", "x"),
    ("sin(x)*x", "d/dx x sin(x) = sin x + x cos x", "right", "x"),
    ("sin(x)", "y = cos(x)", "right", "x"),
    ("θ**2", "dL/dθ = 2θ", "right", "θ"),
]


@pytest.mark.parametrize(("expr", "claim", "outcome", "by"), LEFT_SIDES, ids=[claim for _, claim, *_ in LEFT_SIDES])
def test_the_left_side_of_a_claim_is_left_out(expr: str, claim: str, outcome: str, by: str) -> None:
    answer = check(expr, claim)
    assert (answer.result.outcome, answer.by) == (outcome, by)


# expression, lines, outcomes, further options
DERIVATIONS: dict[str, tuple[str, list[str], str]] = {
    "Leibniz on both sides": (
        "(p - y)**2",
        ["p = sigmoid(w*x)", "dL/dp = 2*(p - y)", "dL/dw = dL/dp * p*(1-p)*x"],
        "given right right",
    ),
    "the chain rule itself": ("sin(x**2)", ["u = x^2", "df/dx = df/du * du/dx"], "given right"),
    "primes": ("sin(x^2)", ["u = x^2", "u' = 2x", "f' = cos(u)*u'"], "given right right"),
    "primes that no line claims": ("sin(x^2)", ["u = x^2", "f' = cos(u)*u'"], "given right"),
    "primes with arguments": ("sin(x^2)", ["u(x) = x^2", "f'(u) = cos(u)", "f'(x) = f'(u)*u'(x)"], "given right right"),
    "an operator and a chain": (
        "sin(x^2)",
        ["d/dx sin(x^2)", "= cos(x^2) * d/dx x^2", "= 2x cos(x^2)"],
        "given right right",
    ),
    "a wrong link": ("sin(x^2)", ["f'(x)", "= cos(x^2)", "= cos(x*x)"], "given wrong follows"),
    "a wrong link after a right one": ("x^4", ["f' = 4x^3", "= 4x*x", "= x*4x"], "right wrong follows"),
    "a link that is mended": ("x^4", ["f' = 4x^2", "= 4x^3"], "wrong right"),
    "a chain in one line": ("sin(x^2)", ["dy/dx = d/dx sin(x^2) = cos(x^2)*2x = 2x cos(x^2)"], "given right right"),
    "a chain about a part": ("(x+1)^4", ["u = x^2 + 2x + 1 = (x+1)^2", "f' = 2u*u'"], "given right right"),
    "a wrong chain about a part": ("(x+1)^4", ["u = x^2 + 2x + 1", "= (x-1)^2", "f' = 2u*u'"], "given wrong right"),
    "an identity": ("sin(x)^2", ["2*sin(x)*cos(x)", "= sin(2x)", "f' = sin(2x)"], "given right right"),
    "the product rule written out": (
        "x^2*sin(x)",
        ["f' = d/dx[x^2]*sin(x) + x^2*(d/dx sin(x))", "= 2x sin(x) + x^2 cos(x)"],
        "right right",
    ),
    "the product rule in letters": ("x^2*sin(x)", ["u = x^2", "v = sin(x)", "f' = u'v + u v'"], "given given right"),
    "a derivative before brackets": (
        "(x^2 + 1)^3",
        ["u = x^2 + 1", "f' = 3u^2*u' (1) = 3 u^2 d/dx(u)"],
        "given right right",
    ),
    "the derivative on the right": ("sin(x)", ["cos(x) = f'(x)"], "right"),
    "an identity of functions": (
        "sin(x)^2 + cos(x)^2",
        ["cos(x) = sin(x + pi/2)", "tan(x) = sin(x)/cos(x)", "f' = 0"],
        "given right given right right",
    ),
    "an operator on a part": ("sin(x^2)", ["d/dx (x^2) = 2x", "f' = cos(x^2)*d/dx(x^2)"], "right right"),
    "a wrong operator": ("sin(x^2)", ["d/dx (x^2) = x", "f' = cos(x^2)*d/dx(x^2)"], "wrong follows"),
    "arrows": ("x^2", ["y = x^2", "=> y' = 2x"], "given right"),
    "LaTeX": ("x**2*y", [r"\frac{dL}{dx} = 2 x y"], "right"),
    "a cancelled sign": ("-cos(x)", ["f' = sin(x) = -(-sin(x))"], "right right"),
}


@pytest.mark.parametrize("name", DERIVATIONS)
def test_derivations(name: str) -> None:
    expr, lines, outcomes = DERIVATIONS[name]
    answer = solution(expr, lines)
    assert [str(line.outcome) for line in answer.lines] == outcomes.split()


def test_a_prime_is_with_respect_to_the_variable_that_is_given() -> None:
    answer = solution("w*x + b", ["L' = x"], by="w")
    assert [(line.outcome, line.name, line.by) for line in answer.lines] == [("right", "dL_dw", "w")]


def test_a_wrong_link_is_compared_with_the_line_above() -> None:
    (_, second, _) = solution("x**2", ["u = x + 1", "= -x - 1", "df/dx = 2*x"]).lines
    assert second.result is not None
    assert (second.result.cause, second.result.mistake) == ("sign", "the sign is not that of the line above")
    assert "the line above is" in second.result.why
    assert second.result.counterexample is not None
    assert set(second.result.counterexample.at) == {"x"}


REFUSED_CLAIMS = [
    ("w*x + b", "L' = x", "error: L' can be read in two ways: dL/dw or dL/dx or dL/db\nhint: write one of these, or give --by"),
    (
        "w*x + y",
        "dy/dw = x",
        "error: y is a variable of the expression: its derivative may be meant, or that of the expression\n"
        "hint: call the expression by another name, as in df/dw",
    ),
    (
        "x**2*dL*dx",
        "dL/dx = 2*x",
        "error: dL/dx may be a derivative or a quotient: dL is a variable\n"
        "hint: write dL*(1/dx) for the quotient, or rename the variable",
    ),
    (
        "x**2 + x",
        "d/dx x^2 + x = 2x + 1",
        "error: d/dx x^2 + x can be read in two ways: d/dx (x^2 + x) or the derivative of the first term alone\nhint: add brackets",
    ),
    ("x**2", "d²y/dx² = 2", "error: d²y/dx² is a higher derivative\nhint: check it as the derivative of the first one"),
    ("x**2", "f'' = 2", "error: f'' is a higher derivative\nhint: check it as the derivative of the first one"),
    ("sin(x)", "sin'(x) = cos(x)", "error: sin is a function\nhint: call the expression by another name, as in df/dx"),
    (
        "sin(x)",
        "d/dx cos(x) = -sin(x)",
        "error: the claim is the derivative of cos(x), and the expression is sin(x)\nhint: check one expression at a time",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "claim", "expected"), REFUSED_CLAIMS, ids=[claim for _, claim, _ in REFUSED_CLAIMS])
def test_what_can_be_read_in_two_ways_is_refused(expr: str, claim: str, expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        check(expr, claim)
    assert picture(caught.value) == expected


REFUSED_LINES = [
    (
        "x*sin(x)",
        ["f' = d/dx x * sin(x) + x*cos(x)"],
        "error: line 1: d/dx x *... can be read in two ways: (d/dx x) *... or d/dx (x *...)\nhint: add brackets",
    ),
    (
        "sin(x^2)",
        ["u = x^2", "f' = cos(u)*u'(x + 1)"],
        "error: line 2: u'(...) can be read in two ways: u'*(...) or the derivative at another place\nhint: add brackets",
    ),
    ("x^2", ["dL/dx^2 = 2*x"], "error: line 1: dL/dx with a power can be read in two ways: (dL/dx)**2 or a higher derivative\nhint: add brackets"),
    (
        "x^2*sin(x)",
        ["u = x^2", "v = sin(x)", "f' = u'v + uv'"],
        "error: line 3: uv' can be read in two ways: u*v' or (u*v)'\nhint: add brackets",
    ),
    ("x^2", ["= 2*x"], "error: line 1: there is no line above that this one is equal to\nhint: write f' = 2*x"),
    ("x^2", ["df/dx = 2*df/dx - 2*x"], "error: line 1 says what df_dx is in terms of df_dx"),
    ("x^2", ["df/dx = dL/dx + 0*x"], "error: line 1 says what df_dx is in terms of dL_dx"),
    ("x^2", ["f' = d/dx x^2"], "error: no line is about the derivative of the expression\nhint: such as dL_dx = ..."),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "lines", "expected"), REFUSED_LINES, ids=[lines[-1] for _, lines, _ in REFUSED_LINES])
def test_lines_that_are_refused(expr: str, lines: list[str], expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        solution(expr, lines)
    assert picture(caught.value) == expected


PAGE = """✗ line 3 is wrong; likely mistake: the derivative of sin(x**2) was not multiplied by the inner derivative, that of x**2
  at x = 2: derivative -2.61457, claim -0.653644

f = sin(x**2)

line
──────────────────────────────
1     d/dx sin(x^2)   given
2     = 2x cos(x^2)   ✓ right
3     = cos(x^2)      ✗ wrong
4     = cos(x*x)      ! follows
follows: wrong only because a line above it is
"""


def test_the_page_of_a_chain_shows_the_lines_as_they_were_typed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["d/dx sin(x^2)", "= 2x cos(x^2)", "= cos(x^2)", "= cos(x*x)"]
    assert main(["check", "sin(x^2)", *[word for line in lines for word in ("--line", line)], "--at", "2"]) == 1
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [line.split() for line in PAGE.splitlines()]
    assert main(["check", "sin(x^2)", "f'(x) = cos(x^2)*2x = 2x cos(x^2)"]) == 0
    assert capsys.readouterr().out == "✓ right: 2 derivatives, proven as formulas\n"


UNCLAIMED = [
    (["f' = d/dx (x**2 + 1)"], "d/dx(x**2 + 1)"),
    (["u = x", "df/dx = df/du * du/dx"], "df/du, du/dx"),
    (["u = x", "df/du = 2*u", "df/dx = df/du * du/dx"], "du/dx"),
    (["f' = d/dx (x*x)", "= 2*x"], None),
    (["u = x", "df/du = 2*u", "du/dx = 1", "df/dx = df/du * du/dx"], None),
    (["dL/dx = 2*x", "df/dx = dL/dx"], None),
]


@pytest.mark.parametrize(("lines", "names"), UNCLAIMED, ids=[" ; ".join(row[0]) for row in UNCLAIMED])
def test_derivatives_that_no_line_claims_are_named(
    lines: list[str], names: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The true ones are in their place: a derivation that is right with them has not said what they are."""
    assert main(["check", "x**2", *[word for line in lines for word in ("--line", line)]]) == 0
    rest = capsys.readouterr().out.rstrip("\n").partition("formulas")[2]
    assert rest == ("" if names is None else f"; no line claims {names}: taken as true")


PIECES = [
    "d", "∂", "/", "d/dx", "dL/dw", "d_x", "x", "w", "L", "f", "f'", "u'", "(", ")", "[", "]", "=", "==", "<=", "^", "**", "2", "²",
    "*", "+", "-", " ", "\\frac{d", "}", "{", "\\partial", "sin", "'", "#", "=>", "⇒", ".", "1e5", "_", "dL_dw", "θ", "₁", "|", "!",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    is_derivation(text)
    for lines in ([text], ["u = w*x", text, "df/dx = 1", f"= {text}"]):
        with suppress(CalcError):
            ParsedDerivation("sin(w*x)", lines, [], "x")


LONG = [
    "\\frac{d" + " " * 60_000,
    "d" + " " * 60_000,
    "d2" + " " * 60_000,
    "d/dx x**" + " " * 60_000,
    "d/dx(" * 12_000,
    "x=" * 30_000,
]


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_long_texts_are_refused_without_work(text: str) -> None:
    """What takes time with the square of the blanks takes minutes here, and the test runs into its limit."""
    with pytest.raises(CalcError):
        ParsedDerivation("x", [f"{text} @", "= x"], [], "x")


def test_a_line_has_a_limit() -> None:
    with pytest.raises(CalcError, match="a line has at most 65536 characters"):
        check("x", "x" * 70_000)
