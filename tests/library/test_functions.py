"""The library: every command as a function of plain data, results as objects, wrong arguments as the one error."""

from __future__ import annotations

import copy
import doctest
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import torch

import gradcalc
from gradcalc import CalcError, Report, Verdict
from gradcalc.cli.main import main
from gradcalc.library import functions


def test_the_examples_in_docstrings_run() -> None:
    for module in (functions, gradcalc):
        outcome = doctest.testmod(module)
        assert outcome.attempted > 0
        assert outcome.failed == 0


POINTS: list[tuple[Any, dict[str, str]]] = [
    ("x=3, y=1/2", {"x": "3", "y": "1/2"}),
    ("3, 1/2", {"x": "3", "y": "1/2"}),
    ({"x": 3, "y": "1/2"}, {"x": "3", "y": "1/2"}),
    ({"x": 3.0, "y": numpy.float64(0.5)}, {"x": "3.0", "y": "0.5"}),
    ({"y": torch.tensor(0.5), "x": numpy.int64(3)}, {"y": "0.5", "x": "3"}),
]


@pytest.mark.parametrize(("at", "texts"), POINTS, ids=["text", "in order", "mapping", "floats", "tensors"])
def test_points(at: Any, texts: dict[str, str]) -> None:
    report = gradcalc.differentiate("x**2*y", at=at)
    assert (dict(report.at), report.verdict) == (texts, Verdict.AGREE)


def test_arrays_are_points() -> None:
    arrays = [[1, 2], (1, 2), numpy.array([1, 2]), torch.tensor([1, 2])]
    for array in arrays:
        report = gradcalc.differentiate("sum(x**2)", at={"x": array})
        assert [partial.symbolic for partial in report.partials] == ["2", "4"]


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)

WRONG: list[tuple[str, Callable[[], object], str]] = [
    (
        "a function",
        lambda: gradcalc.differentiate(lambda x: x),
        "an expression is text or a SymPy expression, not a function",
    ),
    ("no expression", lambda: gradcalc.differentiate(None), "an expression is text or a SymPy expression, not a NoneType"),
    ("a point", lambda: gradcalc.differentiate("x", at=object()), "a point is text, a number or a mapping, not an object"),  # type: ignore[arg-type]
    (
        "a value",
        lambda: gradcalc.differentiate("x", at={"x": None}),
        "a value is a number, text or an array, not a NoneType",
    ),
    ("nan", lambda: gradcalc.differentiate("x", at={"x": float("nan")}), "nan is not supported"),
    ("a name", lambda: gradcalc.differentiate("x", at={1: 2}), "a point maps names to values"),  # type: ignore[dict-item]
    ("two points", lambda: gradcalc.differentiate("x", at="x=1;2"), "2 points are given, and this takes one"),
    ("an order", lambda: gradcalc.differentiate("x", order="2"), "the order must be an integer from 1 to 8, not '2'"),  # type: ignore[arg-type]
    ("a dtype", lambda: gradcalc.differentiate("x", dtype=32), "unknown dtype 32"),  # type: ignore[arg-type]
    ("a notation", lambda: gradcalc.differentiate("x", notation="tex"), "unknown notation tex"),
    ("a device", lambda: gradcalc.differentiate("x", device=3), "a device is text, such as 'cpu', not an int"),  # type: ignore[arg-type]
    ("by", lambda: gradcalc.differentiate("x", by=3), "by is text or several texts, not an int"),  # type: ignore[arg-type]
    ("timeout", lambda: gradcalc.differentiate("x", timeout=None), "a time limit is a number of seconds, not a NoneType"),  # type: ignore[arg-type]
    ("no points", lambda: gradcalc.sweep("x", []), "no points are given"),
    ("a range", lambda: gradcalc.plot("x", {"x": 1}), "a plot range is text"),  # type: ignore[arg-type]
    ("passes", lambda: gradcalc.accumulate("x", 1, passes=0), "the number of passes must be an integer from 1 to 1000"),
    ("reduction", lambda: gradcalc.bce(1, 0, reduction="max"), "unknown reduction max"),
    ("a list in itself", lambda: gradcalc.differentiate("x", at={"x": CIRCLE}), "a value is nested too deeply"),
    ("digits", lambda: gradcalc.differentiate("x", at=10**5_000), "a number has at most 60 characters"),
    (
        "a long timeout",
        lambda: gradcalc.differentiate("x", timeout=10**400),
        "a time limit must be above 0 and at most 86400",
    ),
    ("timeout nan", lambda: gradcalc.differentiate("x", timeout=float("nan")), "a time limit must be above 0"),
    ("a direction", lambda: gradcalc.differentiate("x", at=1, direction=numpy.ones(2)), "a direction maps names to values"),
    ("lines", lambda: gradcalc.check("x", lines=5), "lines are text or several texts, not an int"),  # type: ignore[arg-type]
    ("by of a claim", lambda: gradcalc.check("x", "1", by=["x"]), "by is text, not a list"),  # type: ignore[arg-type]
    ("a condition", lambda: gradcalc.check("x", "1", where=5), "where is text, not an int"),  # type: ignore[arg-type]
    ("an image", lambda: gradcalc.plot("x", "x=0:1", output=5), "output is text, not an int"),  # type: ignore[arg-type]
    ("a format", lambda: gradcalc.check("x", "1").to_text("pdf"), "unknown format pdf"),
]


@pytest.mark.parametrize(("call", "message"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_arguments_are_the_one_error(call: Callable[[], object], message: str) -> None:
    with pytest.raises(CalcError) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert isinstance(caught.value, ValueError)


def test_a_report_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    report = gradcalc.differentiate("x**2*y", at="x=3, y=1/2")
    assert main(["diff", "x**2*y", "--at", "x=3,y=1/2", "--json"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(report.to_json()) == report.to_dict() == json.loads(printed)


RESULTS: list[tuple[list[str], Callable[[], Any]]] = [
    (["check", "sin(x)", "cos(x)"], lambda: gradcalc.check("sin(x)", "cos(x)")),
    (["check", "sin(x**2)", "--line", "u = x**2", "--line", "df/dx = cos(u)*2*x"],
     lambda: gradcalc.check("sin(x**2)", lines=["u = x**2", "df/dx = cos(u)*2*x"])),
    (["steps", "x*sin(x)", "--at", "1"], lambda: gradcalc.steps("x*sin(x)", at=1)),
    (["trace", "x*sin(x)", "--at", "1"], lambda: gradcalc.trace("x*sin(x)", 1)),
    (["accumulate", "x**2", "--at", "3"], lambda: gradcalc.accumulate("x**2", 3)),
    (["tracking", "x**2", "--at", "3"], lambda: gradcalc.tracking("x**2", 3)),
    (["bce", "--x", "6.7", "--y", "0"], lambda: gradcalc.bce(6.7, 0)),
    (["plot", "abs(x)", "--at", "x=-1:1", "--points", "3"], lambda: gradcalc.plot("abs(x)", "x=-1:1", points=3)),
]  # fmt: skip


@pytest.mark.parametrize(("words", "call"), RESULTS, ids=[f"{row[0][0]} {place}" for place, row in enumerate(RESULTS)])
def test_a_result_is_what_the_command_prints(
    words: list[str], call: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    result = call()
    main([*words, "--json"])
    assert result.to_dict() == json.loads(capsys.readouterr().out)
    main(words)
    assert f"{result}\n" == capsys.readouterr().out
    assert len(repr(result).splitlines()) == 1
    assert copy.copy(result).to_json() == result.to_json()


def test_a_repr_is_one_line() -> None:
    long = gradcalc.differentiate(" + ".join(f"x{place}**2" for place in range(40)))
    assert len(repr(long)) < 400
    assert repr(gradcalc.differentiate("relu(x)", at=0)) == (
        "<Report f = relu(x) at x = 0: ∂f/∂x = heaviside(x), not-differentiable>"
    )


def test_notebooks() -> None:
    report = gradcalc.differentiate("x**2 + y", at={"x": 3, "y": 1})
    assert report._repr_latex_().count(r"\frac{\partial f}{\partial") == 2
    page = report._repr_html_()
    assert page.count("<tr>") == 3
    assert "<td>agree</td>" in page
    hostile = gradcalc.differentiate("where(x < 1, x, 2)")._repr_html_()
    assert "x < 1" not in hostile
    assert "x &lt; 1" in hostile


def test_reports_are_plain_data() -> None:
    report = gradcalc.differentiate("x**2", at=3)
    assert isinstance(pickle.loads(pickle.dumps(report)), Report)


def test_the_module_lists_its_names_and_nothing_else() -> None:
    assert set(dir(gradcalc)) == {*gradcalc.__all__, "__doc__"}
    for name in gradcalc.__all__:
        assert getattr(gradcalc, name) is not None
