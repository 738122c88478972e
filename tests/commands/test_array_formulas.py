"""`gradcalc diff --shape`: formulas without values, in every format; shapes that do not fit are refused with their place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support.generated_code import LIBRARIES, value_and_gradients

from gradcalc.cli.main import main

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
    assert gradient["shape"] == ["d", "d"]
    assert gradient["evidence"] == "all sizes"
    assert value["shapes"] == {"X": ["n", "d"], "w": ["d"], "y": ["n"]}
    assert (value["schema"], value["exit_code"], value["verdict"]) == ("gradcalc/1", 0, None)


def test_latex_has_a_line_for_each_variable(capsys: pytest.CaptureFixture[str]) -> None:
    text = output([*LEAST_SQUARES, "--by", "x", "--format", "latex"], capsys)
    assert text.startswith(r"\frac{\partial f}{\partial x} = ")
    assert r"\top" in text


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
    text = output(["diff", "sum(cumsum(x))", "--shape", "x=n"], capsys, 4)
    assert "∂f/∂x: there is no formula of vectors and matrices: cumsum" in text


REFUSED: dict[str, tuple[list[str], str]] = {
    "shapes that do not fit": (
        ["diff", "sum(A@x)", "--shape", "A=m,n", "--shape", "x=m"],
        "error: shape mismatch: (m, n) @ (m,): n columns, m rows\n  sum(A@x)\n      ^^^\n",
    ),
    "three dimensions": (["diff", "sum(x)", "--shape", "x=1,2,3"], "error: x has 3 dimensions"),
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
