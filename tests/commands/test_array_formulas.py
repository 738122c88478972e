"""`gradcalc diff --shape`: formulas without values, in every format; shapes that do not fit are refused with their place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support.generated_code import LIBRARIES, value_and_gradients
from support.latex_lint import faults_of
from support.matrix_expressions import names_of
from support.matrix_questions import QUESTIONS, MatrixQuestion

from gradcalc.calculate.array_formulas import ArrayQuestion, array_formula
from gradcalc.cli.main import main
from gradcalc.functions.resolve import interpret, understand
from gradcalc.output.array_formulas import latex
from gradcalc.report import Notation

LEAST_SQUARES = ["diff", "sum((A@x - b)**2)", "--shape", "A=m,n", "--shape", "x=n", "--shape", "b=m"]


def output(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert main(arguments) == code
    return capsys.readouterr().out


def test_the_table_has_formulas_and_what_proves_them(capsys: pytest.CaptureFixture[str]) -> None:
    text = output(LEAST_SQUARES, capsys)
    assert "∂f/∂x = 2*A.T@(A@x - b)\n  proven for all sizes\n" in text
    assert "A (m, n), x (n,), b (m,)" in text


def test_plain_text_has_a_line_for_each_variable(capsys: pytest.CaptureFixture[str]) -> None:
    text = output([*LEAST_SQUARES, "--by", "x", "--format", "plain"], capsys)
    assert text == "x\t2*A.T@(A@x - b)\t\tall sizes\t\t\n"


def test_json_has_the_gradients(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["diff", "mean(softplus(X@w) - y*(X@w))", "--shape", "X=n,d", "--shape", "w=d", "--shape", "y=n"]
    value = json.loads(output([*arguments, "--by", "w", "--order", "2", "--format", "json"], capsys))
    (gradient,) = value["gradients"]
    assert gradient["formula"] == "X.T@diag(p*(1 - p))@X/n"
    assert gradient["parts"] == [["p", "sigmoid(X@w)"]]
    assert gradient["latex_parts"] == [[r"\mathbf{p}", r"\operatorname{sigmoid}\left({\mathbf{X}} {\mathbf{w}}\right)"]]
    assert r"\mathbf{X}^\top" in gradient["latex"]
    assert gradient["arrays"] == ["X", "w", "y", "p"]
    assert gradient["shape"] == ["d", "d"]
    assert gradient["evidence"] == "all sizes"
    assert value["shapes"] == {"X": ["n", "d"], "w": ["d"], "y": ["n"]}
    assert (value["schema"], value["exit_code"], value["verdict"]) == ("gradcalc/1", 0, None)


LATEX = {
    "vectors and matrices are bold": ([*LEAST_SQUARES, "--by", "x"], r"\frac{\partial f}{\partial \mathbf{x}} = {2 {\mathbf{A}^\top}} {\left({\mathbf{A}} {\mathbf{x}} - \mathbf{b}\right)}"),
    "numbers and sizes are not": (["diff", "c*sum(x**2)/n", "--shape", "x=n", "--by", "x,c"], "\\frac{\\partial f}{\\partial \\mathbf{x}} = \\frac{2 c {\\mathbf{x}}}{n}\n\\frac{\\partial f}{\\partial c} = \\operatorname{mean}\\left({\\mathbf{x}}^{2}\\right)"),
    "Greek letters and subscripts": (["diff", "sum(alpha*x_1*θ)", "--shape", "x_1=n", "--shape", "alpha=n", "--shape", "θ=n", "--by", "x_1"], r"\frac{\partial f}{\partial \mathbf{x}_{1}} = \boldsymbol{\alpha} \odot \boldsymbol{\theta }"),
    "parts have their names": (["diff", "sum(sigmoid(A@x)**2)", "--shape", "A=m,n", "--shape", "x=n", "--by", "x"], r"\frac{\partial f}{\partial \mathbf{x}} = {2 {\mathbf{A}^\top}} {\left({\mathbf{p}}^{2} \odot \left(1 - \mathbf{p}\right)\right)} \quad \text{where } \mathbf{p} = \operatorname{sigmoid}\left({\mathbf{A}} {\mathbf{x}}\right)"),
    "a product with a cotangent": (["diff", "X@W", "--shape", "X=n,d", "--shape", "W=d,k", "--by", "W"], r"\frac{\partial}{\partial \mathbf{W}} \left[\operatorname{sum}\left(\mathbf{G} \odot \mathbf{f}\right)\right] = {\mathbf{X}^\top} {\mathbf{G}}"),
    "a product with a direction": (["diff", "norm(X@W)**2", "--shape", "X=n,d", "--shape", "W=d,k", "--by", "W", "--order", "2"], r"\frac{\partial^{2} f}{\partial \mathbf{W}^{2}} \cdot \mathbf{V} = {{2 {\mathbf{X}^\top}} {\mathbf{X}}} {\mathbf{V}}"),
}  # fmt: skip


@pytest.mark.parametrize("name", LATEX)
def test_latex_has_a_line_for_each_variable(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, expected = LATEX[name]
    text = output([*arguments, "--format", "latex"], capsys)
    assert text == expected + "\n"
    assert text.isascii()
    assert not [fault for line in text.splitlines() for fault in faults_of(line)]


def test_latex_of_a_second_derivative() -> None:
    question = ArrayQuestion(understand("x@S@x", {"x", "S"}), {"x": ("n",), "S": ("n", "n")})
    text = latex([array_formula(question, "x", 2)], 2)
    assert text == "\\frac{\\partial^{2} f}{\\partial \\mathbf{x}^{2}} = \\mathbf{S} + \\mathbf{S}^\\top\n"


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda it: it.name)
def test_latex_of_textbook_formulas_is_read_back(question: MatrixQuestion) -> None:
    own = ArrayQuestion(understand(question.expr, names_of(question.sizes)), question.sizes, question.assumed)
    formula = array_formula(own, question.by, question.order)
    names = {*own.names, *(name for name, _ in formula.parts), *(formula.product or ())}
    pairs = [(formula.formula, formula.latex)]
    pairs += [(text, typeset) for (_, text), (_, typeset) in zip(formula.parts, formula.latex_parts, strict=True)]
    for text, typeset in pairs:
        assert text
        assert typeset
        assert not faults_of(typeset)
        assert interpret(typeset, names, notation=Notation.LATEX).tree == understand(text, names), typeset


@pytest.mark.parametrize("format", LIBRARIES)
def test_code_computes_the_gradients(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["diff", "mean(logsumexp(X@W, dim=1)) + sum(W**2)", "--shape", "X=n,d", "--shape", "W=d,k", "--by", "W"]
    code = output([*arguments, "--format", format], capsys)
    generator = torch.Generator().manual_seed(0)
    x, w = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((5, 3), (3, 4)))
    own = w.clone().requires_grad_()
    truth = torch.logsumexp(x @ own, 1).mean() + (own**2).sum()
    truth.backward()
    value, (by_w,) = value_and_gradients(format, code, {"X": x.numpy(), "W": w.numpy()})
    assert float(value) == pytest.approx(float(truth.detach()))
    assert np.allclose(by_w, own.grad)


def test_assumptions_are_used_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["diff", "x@S@x", "--shape", "x=n", "--shape", "S=n,n", "--by", "x"]
    assert "∂f/∂x = (S + S.T)@x\n" in output(arguments, capsys)
    text = output([*arguments, "--assume", "symmetric=S"], capsys)
    assert "∂f/∂x = 2*S@x\n  proven for all sizes; S is symmetric\n" in text


def test_what_has_no_formula_is_undecided(capsys: pytest.CaptureFixture[str]) -> None:
    text = output(["diff", "sum(zeta(x))", "--shape", "x=n"], capsys, 4)
    assert "∂f/∂x: there is no formula of vectors and matrices: no rule for zeta" in text


REFUSED: dict[str, tuple[list[str], str]] = {
    "shapes that do not fit": (
        ["diff", "sum(A@x)", "--shape", "A=m,n", "--shape", "x=m"],
        "error: shape mismatch: (m, n) @ (m,): n columns, m rows\n  sum(A@x)\n      ^^^\n",
    ),
    "five dimensions": (["diff", "sum(x)", "--shape", "x=1,2,3,4,5"], "error: x has 5 dimensions"),
    "no shape": (["diff", "sum(x)", "--shape", "x"], "error: 'x' is not a shape"),
    "a size that is none": (["diff", "sum(x)", "--shape", "x=-2"], "error: '-2' is not a size"),
    "a size that is a variable": (["diff", "sum(x*n)", "--shape", "x=n", "--shape", "n=2"], "error: n is a size and a"),
    "a variable that is none": (["diff", "sum(x)", "--shape", "x=n", "--by", "z"], "error: z is not a variable"),
    "a shape without a variable": (["diff", "sum(x)", "--shape", "x=n", "--shape", "z=n"], "error: z has a shape"),
    "a point": (["diff", "sum(x)", "--shape", "x=n", "--at", "x=[1,2]"], "error: --shape is for formulas without values"),
    "an assumption of no kind": (["diff", "sum(x)", "--shape", "x=n", "--assume", "x"], "error: 'x' is not an assumption"),
    "a third derivative": (["diff", "sum(x)", "--shape", "x=n", "--order", "3"], "error: formulas of arrays are derived"),
    "another format": (["diff", "sum(x)", "--shape", "x=n", "--format", "csv"], "error: unknown format csv"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_requests_are_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = REFUSED[name]
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_nothing_is_computed_by_torch(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "import sys; from gradcalc.cli.main import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *LEAST_SQUARES], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


LABELS = [
    (["diff", "tanh(A@x)", "--direction", "x=v", "--cotangent", "g"], "∂sum(g*f)/∂x·v = g@((1 - tanh(A@x)**2)*(A@v))\n"),
    (["diff", "A@x", "--direction", "x=v", "--direction", "A=V"], "∂f/∂x·v + ∂f/∂A·V = A@v + V@x\n"),
    (["diff", "sum(exp(A@x))", "--direction", "x=v", "--order", "2", "--by", "A"], "∂²f/∂A∂x·v = outer("),
    (["diff", "norm(A@x)**2", "--cotangent", "3", "--by", "A", "--order", "2"], "∂²sum(3*f)/∂A²·V = 6*outer(V@x, x)\n∂²sum(3*f)/∂A[i,j]∂A[k,l] = "),
    (["diff", "A@B", "--by", "A"], "∂sum(G*f)/∂A = G@B.T\n∂f[i,j]/∂A[l,p] = eye(m)[i,l]*B[p,j]\n"),
    (["diff", "sum(x**2)"], "  inferred: x (n,)\n\n∂f/∂x = 2*x\n  proven for all sizes\n"),
    (["steps", "sum((A@x - 1)**2)", "--by", "x"], "∂f/∂x = A.T@∂f/∂u  (n,)\n"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "expected"), LABELS, ids=[" ".join(row[0][1:]) for row in LABELS])
def test_shapes_that_follow_and_labels_of_products(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in output(arguments, capsys)


def test_there_is_no_code_for_products(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "A@exp(x)", "--by", "A", "--format", "torch"]) == 2
    assert "there is no code for products, here with G" in capsys.readouterr().err
