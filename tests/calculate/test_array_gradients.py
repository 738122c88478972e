"""Formulas of vectors and matrices beside the numbers at a point: proven, compared with the derivatives there, or left out."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from gradcalc import differentiate
from gradcalc.calculate import array_gradients
from gradcalc.cli.main import main
from gradcalc.functions.resolve import understand
from gradcalc.report import Report

VALUES = {"A": [[1, 2], [3, 4], [0, 1]], "x": [1, 2], "b": [1, 0, 1], "S": [[2, 1], [1, 3]], "c": 3}


def ask(expr: str, names: str, **options: object) -> Report:
    return differentiate(expr, at={name: VALUES[name] for name in names.split()}, **options)  # type: ignore[arg-type]


def formulas(report: Report) -> Mapping[str, str | None]:
    return {it.by: it.formula for it in report.gradients}


FOUND = [
    ("sum((A@x - b)**2)", "A x b", {"A": "2*outer(A@x - b, x)", "x": "2*A.T@(A@x - b)", "b": "2*b - 2*A@x"}),
    ("mean((A@x - b)**2)", "A x b", {"A": "2*outer(A@x - b, x)/3", "x": "2*A.T@(A@x - b)/3", "b": "-2*(A@x - b)/3"}),
    ("logdet(S)", "S", {"S": "inv(S).T"}),
    ("A@x", "A x", {"x": "A"}),  # the derivative by A has three dimensions
    ("c*sum(x)", "c x", {"c": "sum(x)", "x": "c*ones(2)"}),
    ("sum(relu(x - 1))", "x", {"x": "heaviside(x - 1)"}),
    ("c**2", "c", {}),
    ("sum(where(x > 0, x, 0))", "x", {}),  # the rule of a case may not hold at its border
    ("sum(round(x))", "x", {"x": "0*ones(2)"}),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "names", "expected"), FOUND, ids=[row[0] for row in FOUND])
def test_the_formulas(expr: str, names: str, expected: Mapping[str, str]) -> None:
    report = ask(expr, names)
    assert formulas(report) == expected
    assert {it.evidence for it in report.gradients} <= {"all values"}


OTHERS: list[tuple[str, dict[str, object]]] = [
    ("an entry", {"by": "x[0]"}),
    ("a second derivative", {"order": 2, "by": "x"}),
    ("a direction", {"direction": {"x": [1, 0]}}),
]


@pytest.mark.parametrize(("name", "options"), OTHERS, ids=[row[0] for row in OTHERS])
def test_what_is_no_gradient_has_none(name: str, options: dict[str, object]) -> None:
    assert ask("sum((A@x - b)**2)", "A x b", **options).gradients == ()


def test_a_formula_that_the_point_contradicts_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its numbers are the second witness, should the normal form be wrong."""
    right, wrong = array_gradients._is_contradicted, understand("2*A.T@(A@x - b) + 1e-9", "Axb")
    monkeypatch.setattr(array_gradients, "_is_contradicted", lambda tree, by, at: right(wrong, by, at))
    assert ask("sum((A@x - b)**2)", "A x b", by="x").gradients == ()
    monkeypatch.undo()
    monkeypatch.setattr(array_gradients, "is_equal", lambda *_: False)
    assert ask("sum((A@x - b)**2)", "A x b", by="x").gradients == ()


@pytest.mark.parametrize(
    ("expr", "at", "expected"),
    [
        ("prod(x)", {"x": [1, 2, 3]}, "prod(x)/x"),
        ("prod(x)", {"x": [1, 0, 3]}, None),
        ("det(S)", {"S": [[2, 1], [1, 3]]}, "det(S)*inv(S).T"),
        ("det(S)", {"S": [[1, 2], [2, 4]]}, None),
        ("sum(relu(x))", {"x": [1, 0, 3]}, "heaviside(x)"),
    ],
)
def test_a_formula_that_has_no_value_at_the_point_is_left_out(
    expr: str, at: Mapping[str, object], expected: str | None
) -> None:
    assert [it.formula for it in differentiate(expr, at=at).gradients] == ([] if expected is None else [expected])


def test_the_formats(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["diff", "sum((A@x - b)**2)", "--by", "x", "--at", "A=[[1,2],[3,4]]", "--at", "x=[1,2]", "--at", "b=[1,0]"]
    assert main(command) == 0
    assert "\n∂f/∂x = 2*A.T@(A@x - b)\n" in capsys.readouterr().out
    assert main([*command, "--format", "json"]) == 0
    (gradient,) = json.loads(capsys.readouterr().out)["gradients"]
    assert (gradient["by"], gradient["shape"], gradient["formula"]) == ("x", ["2"], "2*A.T@(A@x - b)")
    assert main([*command, "--format", "html"]) == 0
    assert "<math" in capsys.readouterr().out
