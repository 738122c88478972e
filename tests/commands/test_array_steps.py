"""`gradcalc steps` of arrays: the reverse pass line by line, with shapes, and with values at a point."""

from __future__ import annotations

import json

import pytest
import torch
from support.matrix_expressions import Expressions, names_of
from support.matrix_questions import QUESTIONS, MatrixQuestion

from gradcalc.calculate import array_steps as steps_module
from gradcalc.calculate.array_formulas import ArrayQuestion
from gradcalc.calculate.array_steps import ArraySteps, array_steps
from gradcalc.cli.main import main
from gradcalc.engines.indexed.nodes import Unprintable
from gradcalc.functions.resolve import understand
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
    ("sum((A@u - f)**2)", "A=m,n u=n f=m", "u", ["v = A@u - f", "L = sum(v**2)"], ["v: 2*v", "u: A.T@∂f/∂v"]),
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
    assert (value["holds"], value["confirmed"], value["forward"][0]["shape"]) == (True, {"x": "all sizes"}, ["3"])


def test_where_there_is_no_derivative_there_are_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", "sum(relu(x))", "--at", "x=[0,1]"]) == 4
    text = capsys.readouterr().out
    assert "not at the point itself, where no derivative is known" in text
    assert "∂f/∂x = heaviside(x)  (2,)\n\n" in text


def test_entries_are_differentiated_rule_by_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", "x@x", "--by", "x[0]", "--at", "x=[1,2]"]) == 0
    assert "sum rule" in capsys.readouterr().out


REFUSED = {
    "an array": (["steps", "A@x", "--shape", "A=m,n", "--shape", "x=n"], "error: a reverse pass begins at a number, and the expression is an array\nhint: write sum(...) of it\n"),
    "a point": ([*COMMAND, *SHAPES, "--at", "x=[1,2]"], "error: --shape is for one expression without values\nhint: give either --shape or a point\n"),
    "a format": ([*COMMAND, *SHAPES, "--format", "html"], "error: the format html is not for arrays\nhint: choose from table, plain, json\n"),
    "no rule": (["steps", "sum(cumprod(x))", "--shape", "x=n"], "error: there is no reverse pass on arrays: cumprod\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = REFUSED[name]
    assert main(arguments) == 2
    assert capsys.readouterr().err == message
