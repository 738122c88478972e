"""`gradcalc steps` of arrays: the reverse pass line by line, with shapes, and with values at a point."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from support.matrix_expressions import Expressions, names_of
from support.matrix_questions import QUESTIONS, MatrixQuestion
from support.questions import question as question_at

from gradcalc.calculate import array_formulas as formulas_module
from gradcalc.calculate import array_steps as steps_module
from gradcalc.calculate.array_formulas import ArrayQuestion
from gradcalc.calculate.array_steps import ArraySteps, array_steps
from gradcalc.cli.main import main
from gradcalc.commands.steps.array_render import ArrayExercise
from gradcalc.commands.steps.array_steps import array_derivation_at
from gradcalc.commands.steps.handout import Handout
from gradcalc.engines.indexed.gradients import ArrayDerivative, Question, derivative
from gradcalc.engines.indexed.nodes import Unprintable
from gradcalc.expression.tree import Node
from gradcalc.functions.resolve import understand
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page
from gradcalc.proof.array_formulas import Evidence


def steps_of(expr: str, shapes: str, by: str) -> ArraySteps:
    sizes = {name: tuple(filter(None, text.split(","))) for name, text in (word.split("=") for word in shapes.split())}
    return array_steps(ArrayQuestion(understand(expr, names_of(sizes)), sizes), by.split(), 20)


LINES = [
    ("sum((A@x - b)**2)", "A=m,n x=n b=m", "x", ["u = A@x - b", "f = sum(u**2)"], ["u: 2*u", "x: A.T@∂f/∂u"]),
    ("sum(relu(X@W))", "X=n,d W=d,k", "W X", ["U = X@W", "f = sum(relu(U))"], ["U: heaviside(U)", "W: X.T@∂f/∂U", "X: ∂f/∂U@W.T"]),
    ("log(sum(exp(x)))", "x=n", "x", ["u = sum(exp(x))", "f = log(u)"], ["u: 1/u", "x: ∂f/∂u*exp(x)"]),
    # what is used twice gets the sum of what comes from both
    ("(x@x)*norm(x)", "x=n", "x", ["u = x@x", "v = norm(x)", "f = u*v"], ["v: u", "u: v", "x: 2*∂f/∂u*x + ∂f/∂v*x/norm(x)"]),
    ("sum(c*x)", "c= x=n", "x", ["f = sum(c*x)"], ["x: c*ones(n)"]),
    # names that the expression has are not used
    ("sum((A@u - f)**2)", "A=m,n u=n f=m", "u", ["v = A@u - f", "L = sum(v**2)"], ["v: 2*v", "u: A.T@∂L/∂v"]),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "shapes", "by", "forward", "backward"), LINES, ids=[row[0] for row in LINES])
def test_the_lines(expr: str, shapes: str, by: str, forward: list[str], backward: list[str]) -> None:
    steps = steps_of(expr, shapes, by)
    assert [f"{line.name} = {line.formula}" for line in steps.forward] == forward
    assert [f"{line.name}: {line.formula}" for line in steps.backward] == backward
    assert set(steps.confirmed.values()) == {Evidence.ALL_SIZES}


NUMBERS = [it for it in QUESTIONS if it.order == 1 and it.name not in ("row softmax", "unit vector")]


@pytest.mark.parametrize("question", NUMBERS, ids=lambda it: it.name)
def test_the_lines_of_textbook_expressions_lead_to_the_gradient(question: MatrixQuestion) -> None:
    own = ArrayQuestion(understand(question.expr, names_of(question.sizes)), question.sizes, question.assumed)
    assert array_steps(own, [question.by], 20).confirmed == {question.by: Evidence.ALL_SIZES}


@pytest.mark.parametrize("seed", range(30))
def test_the_lines_of_random_expressions_are_confirmed(seed: int) -> None:
    grown = Expressions(seed)
    tree = understand(grown.number(3), names_of(grown.sizes))
    try:
        steps = array_steps(ArrayQuestion(tree, grown.sizes), list(grown.sizes)[:2], 20)
    except Unprintable:
        return
    assert None not in steps.confirmed.values()


def test_a_wrong_line_is_not_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = steps_module._Pass._adjoint
    monkeypatch.setattr(steps_module._Pass, "_adjoint", lambda own, name: right(own, name).replace("2*u", "3*u"))
    assert steps_of("sum((A@x - b)**2)", "A=m,n x=n b=m", "x").confirmed == {"x": None}


COMMAND = ["steps", "sum((A@x - b)**2)", "--by", "x"]
SHAPES = ["--shape", "A=m,n", "--shape", "x=n", "--shape", "b=m"]
PAGE = """f = sum((A@x - b)**2)
  A (m, n), x (n,), b (m,)

forward
u = A@x - b    (m,)
f = sum(u**2)  number

backward
∂f/∂u = 2*u        (m,)
∂f/∂x = A.T@∂f/∂u  (n,)

∂f/∂x = 2*A.T@(A@x - b)
  proven for all sizes
checked: the lines lead to the derivative, for all sizes
"""


def test_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, *SHAPES]) == 0
    assert capsys.readouterr().out == PAGE
    assert main([*COMMAND, *SHAPES, "--format", "plain"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "backward\t∂f/∂x\tA.T@∂f/∂u\tn\t",
        "derivative\tchecked: the lines lead to the derivative, for all sizes",
    ]


def test_values_at_a_point_are_torch_s(capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--at", "A=[[1,2],[3,4],[0,1]]", "--at", "x=[1,2]", "--at", "b=[1,0,1]"]
    assert main([*COMMAND, *at, "--format", "json"]) == 0
    value = json.loads(capsys.readouterr().out)
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    u = torch.tensor([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]]) @ x - torch.tensor([1.0, 0.0, 1.0])
    u.retain_grad()
    (u**2).sum().backward()
    assert u.grad is not None
    assert x.grad is not None
    assert [list(map(float, line["value"])) for line in value["backward"]] == [u.grad.tolist(), x.grad.tolist()]
    assert (value["holds"], value["confirmed"], value["forward"][0]["shape"]) == (True, {"x": "all values"}, ["3"])
    assert value["backward"][1]["latex"] == r"{\mathbf{A}^\top} {\frac{\partial f}{\partial \mathbf{u}}}"
    assert [it["autograd"] for it in value["report"]["partials"]] == x.grad.tolist()
    assert value["verdict"] == "agree"


def test_a_derivative_is_derived_once(monkeypatch: pytest.MonkeyPatch) -> None:
    derived: list[tuple[Node, str]] = []

    def counted(question: Question, by: str, order: int = 1) -> ArrayDerivative:
        derived.append((question.tree, by))
        return derivative(question, by, order)

    monkeypatch.setattr(steps_module, "derivative", counted)
    monkeypatch.setattr(formulas_module, "derivative", counted)
    steps = steps_of("sum((A@x - b)**2)", "A=m,n x=n b=m", "A x b")
    whole = understand("sum((A@x - b)**2)")
    assert [it.formula for it in steps.formulas] == ["2*outer(A@x - b, x)", "2*A.T@(A@x - b)", "2*b - 2*A@x"]
    assert [by for tree, by in derived if tree == whole] == ["A", "x", "b"]


POINT = ["--at", "A=[[1,2],[3,4],[0,1]]", "--at", "x=[1,2]", "--at", "b=[1,0,1]"]
PAGE_AT_A_POINT = """f = sum((A@x - b)**2)
  A (3, 2), x (2,), b (3,)
at A = [[1,2],[3,4],[0,1]], x = [1,2], b = [1,0,1]

forward
u = A@x - b    (3,)
    = [4, 11, 1]
f = sum(u**2)  number
    = 138

backward
∂f/∂u = 2*u        (3,)
    = [8, 22, 2]
∂f/∂x = A.T@∂f/∂u  (2,)
    = [74, 106]

∂f/∂x = 2*A.T@(A@x - b)
  proven for all values
  autograd: [74, 106]; ✓ agree
checked: the lines lead to the derivative, for all values
✓ agree
"""


def test_the_page_at_a_point(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, *POINT]) == 0
    assert capsys.readouterr().out == PAGE_AT_A_POINT
    assert main([*COMMAND, *POINT, "--format", "plain"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "autograd\t∂f/∂x\t\t2\t[74.0, 106.0]\tagree",
        "derivative\tchecked: the lines lead to the derivative, for all values",
    ]
    assert main([*COMMAND, *POINT, "--no-proof"]) == 0
    short = capsys.readouterr().out
    assert set(short.splitlines()) < set(PAGE_AT_A_POINT.splitlines())
    assert not any(word in short for word in ("autograd", "proven", "checked", "agree"))


def test_rounded_values_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", "sum(exp(x))", "--at", "x=[0,1]", "--digits", "3"]) == 0
    text = capsys.readouterr().out
    assert "    ≈ [1, 2.72]\n" in text
    assert "  autograd: [1, 2.72]; ✓ agree\n" in text


def test_large_arrays_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("A.csv").write_text("\n".join(",".join(str(i + j) for j in range(12)) for i in range(30)), encoding="utf-8")
    at = ["--at", "A=@A.csv", "--at", f"x=[{','.join(['1'] * 12)}]"]
    assert main(["steps", "sum((A@x)**2)", *at]) == 0
    text = capsys.readouterr().out
    assert "    = [[132, 132, 132, 132, 132, 132, ... 30x12]\n" in text
    assert "autograd: [[132, 132, 132, 132, 132, 132, ... 30x12]; ✓ agree" in text
    assert max(map(len, text.splitlines())) < 125
    assert main(["steps", "sum((A@x)**2)", *at, "--full"]) == 0
    assert capsys.readouterr().out.count("421140") == 2
    for name in ("latex", "markdown", "html"):
        assert main(["steps", "sum((A@x)**2)", *at, "--format", name]) == 0
        page = capsys.readouterr().out
        assert "30x12" in page
        assert max(map(len, page.splitlines())) < 3_000


VERDICTS = {
    "a kink": ("sum(relu(x))", "x=[0,1]", 3, "autograd: [0, 1]; ! not-differentiable (kink) at 1 of 2 entries; ✓ agree at 1 of 2 entries"),
    "not finite": ("sum(where(x == 0, 1, sin(x)/x))", "x=[0,1]", 1, "✗ not-finite (nan-trap) at 1 of 2 entries"),
    "the domain": ("sum(log(x))", "x=[-1,1]", 3, "autograd: [-1, 1]; ! undefined (domain)"),
}  # fmt: skip


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts_are_those_of_diff(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    expr, at, code, line = VERDICTS[name]
    assert main(["diff", expr, "--at", at, "--quiet"]) == code
    assert main(["steps", expr, "--at", at]) == code
    assert line in capsys.readouterr().out
    assert main(["steps", expr, "--at", at, "--json"]) == code
    value = json.loads(capsys.readouterr().out)
    assert (value["exit_code"], value["verdict"]) == (code, value["report"]["verdict"])


def test_lines_that_are_not_confirmed_are_undecided(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = steps_module._Pass._adjoint
    monkeypatch.setattr(steps_module._Pass, "_adjoint", lambda own, name: right(own, name).replace("2*u", "3*u"))
    assert main([*COMMAND, *POINT]) == 4
    text = capsys.readouterr().out
    assert "not confirmed: that the lines lead to the derivative by x" in text
    assert "✓ agree" in text


def test_where_there_is_no_derivative_there_are_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", "sum(relu(x))", "--at", "x=[0,1]"]) == 3
    text = capsys.readouterr().out
    assert "not at the point itself, where no derivative is known" in text
    assert "∂f/∂x = heaviside(x)  (2,)\n\n" in text


def test_shapes_stand_below_each_other_where_there_is_room() -> None:
    derivation = array_derivation_at(
        *question_at("sum(exp(x*2 + A@x)*tanh(x))", at={"x": "[1, 2]", "A": "[[1, 2], [3, 4]]"}), 10
    )
    assert derivation is not None
    page = Page(RenderOptions(width=50))
    ArrayExercise(derivation).write(Handout([]), page)
    lines = page.text().splitlines()
    assert all(len(line) <= 50 for line in lines)
    assert "∂f/∂u = ∂f/∂v*exp(u)     (2,)" in lines
    assert "∂f/∂A = outer(∂f/∂u, x)  (2, 2)" in lines
    assert lines[lines.index("∂f/∂x = 2*∂f/∂u + A.T@∂f/∂u + (1 -") + 1] == "    tanh(x)**2)*∂f/∂w  (2,)"


def test_entries_are_differentiated_rule_by_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", "x@x", "--by", "x[0]", "--at", "x=[1,2]"]) == 0
    assert "sum rule" in capsys.readouterr().out


REFUSED = {
    "an array": (["steps", "A@x", "--shape", "A=m,n", "--shape", "x=n"], "error: a reverse pass begins at a number, and the expression is an array\nhint: write sum(...) of it\n"),
    "a point": ([*COMMAND, *SHAPES, "--at", "x=[1,2]"], "error: --shape is for expressions without values\nhint: give either --shape or a point\n"),
    "an assumption alone": (["steps", "x", "--assume", "positive=x"], "error: --assume is for arrays without values\nhint: give their shapes: --shape A=m,n\n"),
    "a shape of nothing": (["steps", "sum(x)", "--shape", "x=n", "--shape", "z=n"], "error: z has a shape, and is not in the expression\n"),
    "a shape of no expression": (["steps", "sum(x)", "sin(t)", "--shape", "x=n", "--shape", "z=n"], "error: z has a shape, and is in no expression\n"),
    "no rule": (["steps", "sum(zeta(x))", "--shape", "x=n"], "error: there is no reverse pass on arrays: no rule for zeta\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = REFUSED[name]
    assert main(arguments) == 2
    assert capsys.readouterr().err == message
