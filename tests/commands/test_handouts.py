"""Handouts: several expressions or claims, with a title, with and without solutions, in LaTeX, Markdown and HTML."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradcalc.cli.main import main
from tests.support.latex_lint import faults_of

EXERCISES = """id,expr,by,at
Products,x*sin(x),,2
,w*x + b,w,"w=1,x=2,b=3"
"Greek & co_",exp(θ*x)/x₁,x,
"""


@pytest.fixture
def exercises(tmp_path: Path) -> Path:
    path = tmp_path / "exercises.csv"
    path.write_text(EXERCISES, encoding="utf-8")
    return path


def test_a_sheet_of_exercises_has_no_solutions(exercises: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", "--file", str(exercises), "--no-solutions", "--title", "Week 3", "--format", "markdown"]) == 0
    assert capsys.readouterr().out == (
        "# Week 3\n\n## Products\n\nDifferentiate $f = x \\sin\\left(x\\right)$ with respect to $x$ at $x = 2$.\n\n"
        "## Exercise 2\n\nDifferentiate $f = w x + b$ with respect to $w$ at $w = 1 ,\\quad x = 2 ,\\quad b = 3$.\n\n"
        "## Greek \\& co\\_\n\nDifferentiate $f = \\frac{e^{\\theta  x}}{x_{1}}$ with respect to $x$.\n"
    )
    assert main(["steps", "--file", str(exercises), "--no-solutions", "--title", "Week 3"]) == 0
    assert capsys.readouterr().out == (
        "Week 3\n\nProducts\nf = x*sin(x)\nat x = 2\ndifferentiate with respect to x\n\n"
        "Exercise 2\nf = w*x + b\nat w = 1, x = 2, b = 3\ndifferentiate with respect to w\n\n"
        "Greek & co_\nf = exp(θ*x)/x₁\ndifferentiate with respect to x\n"
    )


def test_solutions_without_what_the_engines_say(exercises: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["steps", "--file", str(exercises), "--digits", "3", "--format", "markdown"]
    assert main(arguments) == 0
    whole = capsys.readouterr().out
    assert main([*arguments, "--no-proof"]) == 0
    short = capsys.readouterr().out
    engines = ("SymPy", "autograd", "checked", "verdict")
    assert all(word in whole and word not in short for word in engines)
    assert set(short.splitlines()) < set(whole.splitlines())
    assert r"\approx 0.077$" in short


@pytest.mark.parametrize("options", [[], ["--no-proof"], ["--no-solutions"]], ids=["whole", "no proof", "no solutions"])
def test_latex_that_compiles_by_itself(options: list[str], exercises: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["steps", "--file", str(exercises), "--title", "50% of {a}_b \\ ~^", "--format", "latex", *options]
    assert main(arguments) == 0
    body = capsys.readouterr().out
    assert main([*arguments, "--standalone"]) == 0
    whole = capsys.readouterr().out
    begin, _, rest = whole.partition("\\begin{document}\n")
    assert begin.startswith("\\documentclass[11pt]{article}\n")
    assert rest == f"{body}\\end{{document}}\n"
    assert whole.isascii()
    assert not faults_of(body, is_text=True)
    assert r"\theta" in body
    assert "x_{1}" in body


def test_several_expressions_of_a_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", "sin(x)", "-x**2", "--at", "3", "--json"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["report"]["expr"] for answer in answers] == ["sin(x)", "-x**2"]
    assert main(["steps", "sin(x)", "abs(x)", "--at", "0", "--quiet"]) == 3
    assert main(["steps", "sin(x)", "x**2", "--format", "table"]) == 0
    page = capsys.readouterr().out
    assert page.index("Exercise 1\nf = sin(x)") < page.index("Exercise 2\nf = x**2")


# ------------------------------------------------------------------------------------------------------------------ arrays

ARRAYS = """id,expr,by,at
Numbers,x*sin(x),,2
Least squares,sum((A@x - b)**2),x,"A=[[1,2],[3,4],[0,1]], x=[1,2], b=[1,0,1]"
"""
SHAPES = ["--shape", "X=n,d", "--shape", "w_1=d", "--shape", "S=d,d", "--assume", "symmetric=S"]
OF_SHAPES = ["sum(sigmoid(X@w_1)**2)", "w_1@S@w_1", *SHAPES]


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    path = tmp_path / "arrays.csv"
    path.write_text(ARRAYS, encoding="utf-8")
    return path


def test_a_handout_of_numbers_and_arrays(arrays: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", "--file", str(arrays), "--format", "markdown", "--no-proof"]) == 0
    page = capsys.readouterr().out
    assert "## Numbers\n\n$f = x \\sin\\left(x\\right)$, at $x = 2$\n" in page
    assert page.partition("## Least squares\n\n")[2] == (
        r"$f = \operatorname{sum}\left({\left({\mathbf{A}} {\mathbf{x}} - \mathbf{b}\right)}^{2}\right)$, where $\mathbf{A}$ is (3, 2), "
        r"$\mathbf{x}$ is (2,), $\mathbf{b}$ is (3,), at $\mathbf{A} = \begin{pmatrix} 1 & 2 \\ 3 & 4 \\ 0 & 1 \end{pmatrix} ,\quad "
        r"\mathbf{x} = \begin{pmatrix} 1 & 2 \end{pmatrix} ,\quad \mathbf{b} = \begin{pmatrix} 1 & 0 & 1 \end{pmatrix}$" "\n\n"
        "forward\n\n"
        r"- $\mathbf{u} = {\mathbf{A}} {\mathbf{x}} - \mathbf{b} = \begin{pmatrix} 4 & 11 & 1 \end{pmatrix}$, (3,)" "\n"
        r"- $f = \operatorname{sum}\left({\mathbf{u}}^{2}\right) = 138$, number" "\n\n"
        "backward\n\n"
        r"- $\frac{\partial f}{\partial \mathbf{u}} = 2 {\mathbf{u}} = \begin{pmatrix} 8 & 22 & 2 \end{pmatrix}$, (3,)" "\n"
        r"- $\frac{\partial f}{\partial \mathbf{x}} = {\mathbf{A}^\top} {\frac{\partial f}{\partial \mathbf{u}}} = "
        r"\begin{pmatrix} 74 & 106 \end{pmatrix}$, (2,)" "\n\n"
        r"$\frac{\partial f}{\partial \mathbf{x}} = {2 {\mathbf{A}^\top}} {\left({\mathbf{A}} {\mathbf{x}} - \mathbf{b}\right)}$" "\n"
    )  # fmt: skip
    assert main(["steps", "--file", str(arrays), "--format", "markdown"]) == 0
    whole = capsys.readouterr().out
    assert set(page.splitlines()) < set(whole.splitlines())
    assert whole.endswith(
        "proven for all values\n\nautograd: $\\begin{pmatrix} 74 & 106 \\end{pmatrix}$; **✓ agree**\n\n"
        "checked: the lines lead to the derivative, for all values\n\nverdict: **✓ agree**\n"
    )


def test_a_sheet_of_exercises_on_arrays(arrays: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", *OF_SHAPES, "--by", "w_1", "--no-solutions", "--format", "markdown"]) == 0
    assert capsys.readouterr().out == (
        "## Exercise 1\n\n"
        r"Differentiate $f = \operatorname{sum}\left({\operatorname{sigmoid}\left({\mathbf{X}} {\mathbf{w}_{1}}\right)}^{2}\right)$ with "
        r"respect to $\mathbf{w}_{1}$, where $\mathbf{X}$ is (n, d), $\mathbf{w}_{1}$ is (d,)." "\n\n"
        "## Exercise 2\n\n"
        r"Differentiate $f = {{\mathbf{w}_{1}} {\mathbf{S}}} {\mathbf{w}_{1}}$ with respect to $\mathbf{w}_{1}$, where "
        r"$\mathbf{w}_{1}$ is (d,), $\mathbf{S}$ is (d, d), S is symmetric." "\n"
    )  # fmt: skip
    assert main(["steps", "--file", str(arrays), "--no-solutions"]) == 0
    assert capsys.readouterr().out == (
        "Numbers\nf = x*sin(x)\nat x = 2\ndifferentiate with respect to x\n\n"
        "Least squares\nf = sum((A@x - b)**2)\n  A (3, 2), x (2,), b (3,)\n"
        "at A = [[1,2],[3,4],[0,1]], x = [1,2], b = [1,0,1]\ndifferentiate with respect to x\n"
    )


def test_every_expression_has_the_shapes_of_its_variables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", "sin(t)", *OF_SHAPES, "--json"]) == 0
    third, first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["shapes"] == {"X": ["n", "d"], "w_1": ["d"]}
    assert second["shapes"] == {"w_1": ["d"], "S": ["d", "d"]}
    assert [it["by"] for it in third["derivations"]] == ["t"]


@pytest.mark.parametrize("options", [[], ["--no-proof"], ["--no-solutions"]], ids=["whole", "no proof", "no solutions"])
def test_latex_of_arrays_compiles_by_itself(options: list[str], arrays: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--file", str(arrays)], OF_SHAPES):
        assert main(["steps", *arguments, "--format", "latex", "--standalone", *options]) == 0
        begin, _, rest = capsys.readouterr().out.partition("\\begin{document}\n")
        assert "amsmath" in begin
        assert rest.isascii()
        assert not faults_of(rest.removesuffix("\\end{document}\n"), is_text=True)
        assert r"\mathbf" in rest


def test_parts_of_formulas_stand_in_a_handout(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["steps", "sum(sigmoid(X@w)**2)", "--shape", "X=n,d", "--shape", "w=d", "--by", "w", "--format", "markdown"])
        == 0
    )
    assert r"where $\mathbf{p} = \operatorname{sigmoid}\left({\mathbf{X}} {\mathbf{w}}\right)$" in capsys.readouterr().out


def test_vectors_and_matrices_are_bold_in_html(arrays: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", "--file", str(arrays), "--format", "html"]) == 0
    numbers, _, of_arrays = capsys.readouterr().out.partition("Least squares")
    assert 'class="array"' not in numbers
    assert '<mi mathvariant="normal" class="array">A</mi>' in of_arrays
    assert 'class="array">f<' not in of_arrays
    assert "<script" not in of_arrays


def test_the_worst_exercise_gives_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "exercises.csv"
    path.write_text('expr,at\nsum(x**2),"x=[1,2]"\nsum(relu(x)),"x=[0,1]"\n', encoding="utf-8")
    assert main(["steps", "--file", str(path), "--quiet"]) == 3
    path.write_text('expr,at\nx**2,1\nA@x,"A=[[1,2]], x=[1,2,3]"\n', encoding="utf-8")
    assert main(["steps", "--file", str(path)]) == 2
    assert "line 3: " in capsys.readouterr().err


FILES = [
    ("# easy\nsin(x)\n\nx**2  # a square\n", 2),
    ("expr\nsin(x)\n", 1),
    ('{"expr": "x*y", "by": ["x"], "at": {"x": 1, "y": "1/3"}}\n{"expr": "x", "id": 7}\n', 2),
    ("id;expr;by\n1;max(x, y);x\n", 1),
]


@pytest.mark.parametrize(("content", "count"), FILES, ids=range(len(FILES)))
def test_files_of_exercises(content: str, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "exercises.txt"
    path.write_text(content, encoding="utf-8")
    assert main(["steps", "--file", str(path), "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == count


WRONG = [
    (["steps", "x", "--file", "e.txt"], "error: --file has its own expressions\nhint: gradcalc steps EXPR, or gradcalc steps --file exercises.txt\n"),
    (["steps", "x", "--no-solutions", "--json"], "error: --no-solutions is for handouts\nhint: choose from table, markdown, latex, html\n"),
    (["steps", "x", "--standalone"], "error: --standalone is for LaTeX\nhint: write --format latex --standalone\n"),
    (["check", "x", "1", "--standalone"], "error: --standalone is for LaTeX\nhint: write --format latex --standalone\n"),
    (["steps", "--file", "e.txt"], "error: line 3: unknown function sinn\n  sinn(x)\n  ^^^^\nhint: did you mean sin?\n"),
    (["steps", "--file", "e.csv"], "error: line 2: expr is missing\nhint: every row has an expression\n"),
    (["steps", "--file", "empty.txt"], "error: empty.txt has no exercises\nhint: write one expression per line\n"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "expected"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_wrong_requests(
    arguments: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("e.txt").write_text("sin(x)\n\nsinn(x)\n", encoding="utf-8")
    Path("e.csv").write_text("id,expr\n1,\n", encoding="utf-8")
    Path("empty.txt").write_text("# nothing\n", encoding="utf-8")
    assert main(arguments) == 2
    assert capsys.readouterr().err == expected


CLAIMS = """id,expr,claim,lines
ann,sin(x)/x,(cos(x)*x - sin(x))/x,
bob,sin(x^2),,"u = x^2; f' = cos(u)"
eve,sin(x),cos(x,
"""


@pytest.mark.parametrize("format", ["latex", "markdown", "html"])
def test_claims_as_a_handout(format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "claims.csv"
    path.write_text(CLAIMS, encoding="utf-8")
    arguments = ["check", "--file", str(path), "--title", "Class", "--format", format]
    assert main(arguments) == 2
    whole = capsys.readouterr().out
    assert whole.count("the denominator was not squared in the quotient rule") == 2
    assert "3 claims: 2 wrong, 1 error" in whole
    assert "at x = " in whole
    assert "the derivative: " in whole
    assert main([*arguments, "--no-solutions", "--no-proof"]) == 2
    short = capsys.readouterr().out
    assert "the derivative: " not in short
    assert "at x = " not in short
    if format == "latex":
        assert not faults_of(whole, is_text=True)
        assert whole.isascii()


def test_a_claim_as_a_handout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "x**3", "x**2", "--at", "2", "--format", "markdown"]) == 1
    assert capsys.readouterr().out == (
        "$f = {x}^{3}$\n\nclaim: $\\frac{\\partial f}{\\partial x} = {x}^{2}$\n\n"
        "**✗ wrong**; likely mistake: the exponent was not brought down as a factor in the derivative of x\\*\\*3\n\n"
        "at x = 2: derivative 12, claim 4\n\n"
        "the derivative: $\\frac{\\partial f}{\\partial x} = 3 {x}^{2}$\n"
    )


@pytest.mark.parametrize("format", ["latex", "markdown", "html"])
def test_titles_and_ids_stay_in_their_line(format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty line ends a heading and a row: LaTeX stops at it."""
    path = tmp_path / "claims.csv"
    path.write_text('id,expr,claim\n"one\n\ntwo",x,1\n"a\x1b[31m",x,2\n', encoding="utf-8")
    assert main(["check", "--file", str(path), "--title", "Week\n\n3", "--format", format]) == 1
    written = capsys.readouterr().out
    assert written.count("one  two") == 2
    assert written.count("Week  3") == (2 if format == "html" else 1)
    assert "\x1b" not in written
