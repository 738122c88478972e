"""Derivations in several lines: each is judged by itself, and the first wrong one is pointed at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradcalc.calculate.claims.lines import MAX_LINES
from gradcalc.calculate.claims.solution import solution
from gradcalc.cli.main import main
from gradcalc.errors import CalcError, picture

NEURON = "-(y*log(sigmoid(w*x + b)) + (1 - y)*log(1 - sigmoid(w*x + b)))"
PARTS = ["z = w*x + b", "p = sigmoid(z)"]

# expression, lines, the outcomes of the lines, the first to blame
CASES: dict[str, tuple[str, list[str], str, int | None]] = {
    "right": (
        NEURON,
        [*PARTS, "dL_dp = (p - y)/(p*(1 - p))", "dp_dz = p*(1 - p)", "dz_dw = x", "dL_dw = dL_dp*dp_dz*dz_dw"],
        "given given right right right right",
        None,
    ),
    "only what is wrong is blamed": (
        NEURON,
        [*PARTS, "dL_dp = (y - p)/(p*(1 - p))", "dp_dz = p*(1 - p)", "dL_dw = dL_dp*dp_dz*x", "dL_db = dL_dp*dp_dz*b"],
        "given given wrong right follows wrong",
        3,
    ),
    "a wrong line that is mended further down": (
        "sin(x**2)",
        ["u = x**2", "df_du = -cos(u)", "du_dx = 2*x", "df_dx = 2*x*cos(u)"],
        "given wrong right right",
        2,
    ),
    "what follows from what follows": (
        "exp(sin(x**2))",
        ["u = x**2", "v = sin(u)", "du_dx = x", "dv_dx = cos(u)*du_dx", "df_dx = exp(v)*dv_dx"],
        "given given wrong follows follows",
        3,
    ),
    "the expression by another spelling": (
        "binary_cross_entropy_with_logits(w*x + b, y)",
        [*PARTS, "L = -(y*log(p) + (1 - y)*log(1 - p))", "dL_dp = (p - y)/(p*(1 - p))", "dL_dz = dL_dp*p*(1 - p)", "dL/db = dL_dz"],
        "given given given right right right",
        None,
    ),
    "the expression in parts": ("(p - y)**2", ["p = sigmoid(w*x)", "dL_dp = 2*(p - y)", "dL_dw = dL_dp*p*(1 - p)*x"], "given right right", None),
    "a variable is no part": ("(p - y)**2", ["dL_dp = 2*(p - y)"], "right", None),
    "a part in a part": ("sin(2*x)", ["u = 2*x", "dv_du = cos(u)", "df_dx = cos(u)*2"], "given right right", None),
    "names with underscores": ("a_1**2", ["d_total_da_1 = 2*a_1"], "right", None),
    "the name of a function": ("sin(x)", ["beta = 2*x", "df_dx = cos(beta/2)"], "given right", None),
    "by what is not in it": ("x**2*y", ["r = 3*q", "dL_dx = 2*x*y", "dL_dq = 0"], "given right right", None),
    "a derivative that nobody can compare": ("log(-x**2 - 1)", ["df_dx = 1/x"], "undecided", 1),
    "undecided, then wrong": ("x**2", ["g = log(-x**2 - 1)", "dg_dx = 1/x", "df_dx = x"], "given undecided wrong", 3),
    "comments and empty lines": ("x**2", ["# by hand", "", "  df_dx = 2*x  # as always"], "right", None),
    "a part in another order": ("2*x*y + sin(y*x)", ["z = x*y", "dL_dz = 2 + cos(z)", "dL_dx = dL_dz*y"], "given right right", None),
    "a part of a sum": ("(w*x + b - y)**2", ["z = b + w*x", "r = z - y", "dL_dz = 2*r", "dL_dw = dL_dz*x"], "given given right right", None),
    "a part with the other sign": ("exp(b - a)", ["d = a - b", "df_dd = -exp(-d)", "df_da = -exp(-d)"], "given right right", None),
    "what looks like the part and is not": ("2*x*y + sin(x*y)", ["z = x*y", "dL_dz = cos(z)"], "given wrong", 2),
    "values": ("w**3*x", ["x = 2", "w = 3", "dL_dw = 3*w**2*x", "dL_dx = 27"], "given given right right", None),
    "values that are wrong": ("w**3*x", ["x = 2", "w = 3", "dL_dw = 55"], "given given wrong", 3),
    "a value and a variable": ("(w*x)**3", ["w = 3", "dL_dw = 3*w**2*x**3"], "given right", None),
    "right in part": ("cbrt(2*x)", ["u = 2*x", "dL_du = u**(-2/3)/3", "dL_dx = 2*dL_du"], "given partly partly", 2),
    "what is innocent below": (
        "relu(w*x)**2",
        ["r = relu(w*x)", "dL_dr = 2*r", "dr_dw = where(w*x > 0.05, x, 0)", "dL_dw = dL_dr*dr_dw"],
        "given right wrong follows",
        3,
    ),
    "said twice": ("x*x", ["u = x", "u = x", "dL_dx = x + x", "dL_dx = 2*x"], "given given right right", None),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_outcomes(name: str) -> None:
    expr, lines, expected, first = CASES[name]
    found = solution(expr, lines)
    outcomes = [line.outcome for line in found.lines]
    assert outcomes == expected.split()
    assert found.first == first
    assert found.outcome == next((it for it in ("wrong", "undecided", "partly") if it in outcomes), "right")


def test_the_mistake_in_a_line_is_told_as_if_those_above_were_right() -> None:
    expr, lines, _, _ = CASES["only what is wrong is blamed"]
    found = {line.name: line.result for line in solution(expr, lines).lines}
    assert "likely: the sign of the whole derivative is wrong" in getattr(found["dL_dp"], "why", "")
    assert "likely: an extra factor b: the claim is b times the derivative" in getattr(found["dL_db"], "why", "")


WRONG = [
    ("x**2", [], "error: a derivation has 1 to 200 lines, not 0"),
    ("x**2", ["df_dx = 2*x"] * (MAX_LINES + 1), f"error: a derivation has 1 to {MAX_LINES} lines, not {MAX_LINES + 1}"),
    ("x**2", ["2*x"], 'error: line 1: expected "name = expression", found 2*x\nhint: write "dL_dp = p - y"'),
    ("x**2", ["x == 2"], 'error: line 1: expected "name = expression", found x == 2\nhint: write "dL_dp = p - y"'),
    ("x**2", ["u = x", "u = 2*x"], "error: line 2: u is defined here, and has another meaning in line 1"),
    ("x**2", ["u = 2*v", "v = x"], "error: line 2: v is defined here, and has another meaning in line 1"),
    ("x**2", ["x = x + 1"], "error: line 1: x is defined in terms of x"),
    ("x**2", ["u = x**2"], "error: no line is about the derivative of the expression\nhint: such as dL_dx = ..."),
    ("x**2", ["u = 3*x", "du_dx = 3"], "error: no line is about the derivative of the expression\nhint: such as dL_dx = ..."),
    ("w*x + b", ["dL_dW = 7", "dL_dw = x"], "error: line 1: unknown variable W: neither the expression nor a line above has it"),
    ("sin(x*y)", ["dL_dz = 999", "z = x*y"], "error: line 1: unknown variable z: neither the expression nor a line above has it"),
    ("x**2", ["d2f_dx2 = 2"], "error: line 1: d2f_dx2 is not a first derivative\nhint: check it as the derivative of the first"),
    (
        "x**2",
        ["a0 = x*x", *(f"a{k + 1} = a{k}*a{k}" for k in range(25)), "dL_dx = a25"],
        "error: line 11 becomes too long: more than 4000 nodes with all its names written out",
    ),
    (
        "A@x",
        ["dL_dx = A"],
        "error: a claim is about the derivative of one number by another, and A@x is of arrays\n"
        "hint: write it entry by entry, x1*y1 + x2*y2",
    ),
    ("x**2", ["df_dx = 2*q"], "error: line 1 has q, which does not occur in the expression"),
    (
        "sin(x*2)",
        ["u = 3*x", "df_du = cos(u)"],
        "error: line 2: 3*x does not occur in f\n"
        "hint: write u as it stands in the expression, or give the expression in u a name",
    ),
    ("x**2", ["", "df_dx = 2*("], "error: line 2: unexpected end of expression after '('\n  2*(\n     ^\nhint: an operand is missing here"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "lines", "expected"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_checked(expr: str, lines: list[str], expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        solution(expr, lines)
    assert picture(caught.value) == expected


def test_the_derivative_that_is_wanted_must_be_there() -> None:
    lines = ["dL_dx = 2*x*y"]
    assert solution("x**2*y", lines, by="x").outcome == "right"
    with pytest.raises(CalcError, match="no line is about the derivative of the expression with respect to y"):
        solution("x**2*y", lines, by="y")


TABLE = """✗ line 2 is wrong; likely mistake: the sign of the whole derivative is wrong
  at x = 3: derivative -0.91113, claim 0.91113

f = sin(x**2)

line
──────────────────────────────────
1     u = x**2           given
2     df_du = -cos(u)    ✗ wrong
3     df_dx = df_du*2*x  ! follows
follows: wrong only because a line above it is
"""


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lines = ["u = x**2", "df_du = -cos(u)", "df_dx = df_du*2*x"]
    pairs = [word for line in lines for word in ("--line", line)]
    assert main(["check", "sin(x**2)", *pairs, "--at", "3"]) == 1
    assert capsys.readouterr().out == TABLE
    file = tmp_path / "work.txt"
    file.write_text("# mine\n" + "\n".join(lines).replace("-cos", "cos") + "\n", encoding="utf-8")
    assert main(["check", "sin(x**2)", "--lines", str(file), "--by", "x", "--format", "plain"]) == 0
    assert [line.split("\t")[:4] for line in capsys.readouterr().out.splitlines()] == [
        ["2", "u", "x**2", "given"],
        ["3", "df_du", "cos(u)", "right"],
        ["4", "df_dx", "df_du*2*x", "right"],
        ["right", ""],
    ]
    assert main(["check", "sin(x**2)", *pairs, "--format", "json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["command"], answer["outcome"], answer["first"]) == ("check", "wrong", 2)
    assert [line["outcome"] for line in answer["lines"]] == ["given", "wrong", "follows"]
    assert (answer["lines"][0]["points"], answer["lines"][1]["cause"]) == ([], "sign")


REFUSED = [
    (["x**2"], "error: missing CLAIM, --line or --lines\n"),
    (["x**2", "2*x", "--line", "df_dx = 2*x"], "error: a claim and a derivation are two questions\n"),
    (["x**2", "--lines", "/nowhere/work.txt"], "error: cannot read /nowhere/work.txt: No such file or directory\n"),
]


@pytest.mark.parametrize(("arguments", "expected"), REFUSED, ids=range(len(REFUSED)))
def test_wrong_requests(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *arguments]) == 2
    assert capsys.readouterr().err.startswith(expected)


def test_files_that_are_no_derivation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "work.txt"
    file.write_bytes(b"\xff\xfe")
    assert main(["check", "x", "--lines", str(file)]) == 2
    assert "it is not UTF-8 text" in capsys.readouterr().err
    file.write_bytes(b"#" * 1_000_001)
    assert main(["check", "x", "--lines", str(file)]) == 2
    assert "has more than 1000000 bytes" in capsys.readouterr().err
