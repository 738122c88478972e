"""Gradient checks as people and programs see them: the table at any width, plain, annotations, JUnit."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import pytest

from gradcalc.cli.main import main
from gradcalc.commands.gradcheck import render
from gradcalc.commands.gradcheck.checks import Failure, Finding, GradientCheck, Place, Request, Result, Target, undecided
from gradcalc.errors import Exit
from gradcalc.output.options import RenderOptions
from gradcalc.testing import GradientReport, Outcome, Part

REQUEST = Request(Target("ops.py", "Swish"), shapes=((3,), ()))
PLACES = (
    Place("backward pass", "ops.py", 12, "def backward(ctx, grad):"),
    Place("applied", "model.py", 7, "y = Swish.apply(x)"),
)
WRONG = Finding(
    GradientReport(
        Outcome.WRONG,
        (
            Part("input 0", Outcome.PROVEN, entries=3),
            Part("input 1", Outcome.WRONG, "1/3 of the derivative in every entry", "1/3 of ...", 1, 0.6666),
        ),
        function="Swish",
        why="the gradient of its input 1: 1/3 of the derivative in every entry",
    ),
    "float32",
    "cpu",
    ((3,), ()),
    PLACES,
)
PROVEN = Finding(GradientReport(Outcome.PROVEN, (Part("input 0", Outcome.PROVEN, entries=1),)), "float64", "cuda:0", ((1,),))
FAILURE = Failure(
    "ops.py:Swish cannot be run: ValueError", "look", (Place("in f", "ops.py", 3, "g()"), Place("in g", "ops.py", 9))
)


def check(result: Result) -> GradientCheck:
    return GradientCheck(REQUEST, result, {"gradcalc": "1"})


TABLE = """\
✗ wrong: ops.py:Swish (float32, shapes (3,), scalar)
  ✗ input 1: wrong: 1/3 of the derivative in every entry (relative error 0.67)
  ✓ proven, all entries: input 0 (3)
  Swish: the gradient of its input 1: 1/3 of the derivative in every entry

  ops.py:12 (backward pass)
    12 | def backward(ctx, grad):

  model.py:7 (applied)
    7 | y = Swish.apply(x)
"""


def test_the_table() -> None:
    assert render.table(check(WRONG), RenderOptions()) == TABLE
    assert render.table(check(PROVEN), RenderOptions()) == (
        "✓ proven: ops.py:Swish (float64, cuda:0, shape (1,))\n  ✓ proven, all entries: input 0 (1)\n"
    )
    assert render.table(check(undecided("too slow")), RenderOptions()) == "? undecided: ops.py:Swish\n  too slow\n"
    assert render.table(check(FAILURE), RenderOptions()) == ""


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("result", [WRONG, PROVEN], ids=["wrong", "proven"])
def test_nothing_is_wider_than_the_terminal(result: Result, width: int) -> None:
    text = render.table(check(result), RenderOptions(width=width))
    assert max(map(len, text.splitlines())) <= width
    assert "\0" not in text


def test_colours_and_ascii() -> None:
    assert "\x1b[1;31m" in render.table(check(WRONG), RenderOptions(color=True))
    assert "\x1b" not in render.table(check(WRONG), RenderOptions())
    assert render.table(check(WRONG), RenderOptions(ascii=True)).isascii()


def test_many_parameters_are_counted() -> None:
    def parts(outcome: Outcome) -> Sequence[Part]:
        return tuple(Part(f"layer {number}", outcome, "no row", entries=1) for number in range(14))

    proven = Finding(GradientReport(Outcome.PROVEN, tuple(parts(Outcome.PROVEN))))
    unknown = Finding(GradientReport(Outcome.UNDECIDED, tuple(parts(Outcome.UNDECIDED))))
    assert "layer 11 (1), and 2 more; --verbose shows them\n" in render.table(check(proven), RenderOptions())
    assert "layer 11, and 2 more; --verbose shows them: undecided: no row\n" in render.table(check(unknown), RenderOptions())
    for result in (proven, unknown):
        assert "layer 13" in render.table(check(result), RenderOptions(verbose=True))


def test_the_lines_of_an_exception() -> None:
    assert list(render.trace(FAILURE)) == ['  File "ops.py", line 3, in f', "    g()", '  File "ops.py", line 9, in g']


def test_plain() -> None:
    assert [render.plain(check(result), RenderOptions()) for result in (WRONG, PROVEN, FAILURE)] == [
        "ops.py:Swish\tfloat32\twrong\tSwish\tops.py:12\t"
        "Swish: the gradient of its input 1: 1/3 of the derivative in every entry\n",
        "ops.py:Swish\tfloat64\tproven\t\t\t\n",
        "ops.py:Swish\t\terror\t\tops.py:9\tops.py:Swish cannot be run: ValueError\n",
    ]


def test_annotations() -> None:
    texts = [render.CHECK_FORMATS["github"](check(result), RenderOptions()) for result in (WRONG, PROVEN, FAILURE)]
    assert texts == [
        "::error file=ops.py,line=12,title=ops.py%3ASwish%3A wrong::"
        "Swish: the gradient of its input 1: 1/3 of the derivative in every entry\n",
        "",
        "::error file=ops.py,line=9,title=ops.py%3ASwish%3A error::ops.py:Swish cannot be run: ValueError\n",
    ]


def test_junit() -> None:
    checks = [check(result) for result in (WRONG, PROVEN, FAILURE, undecided("too slow"))]
    suite = ET.fromstring(render.FORMATS["junit"](checks, RenderOptions()))
    assert suite.attrib == {"name": "gradcalc gradcheck", "tests": "4", "failures": "2", "errors": "1"}
    assert [[child.tag for child in case] for case in suite] == [["failure"], [], ["error"], ["failure"]]


def test_the_exit_code_is_that_of_the_worst(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    results = {"wrong": WRONG, "proven": PROVEN, "failure": FAILURE, "undecided": undecided("too slow")}
    file = Path(__file__).parents[3] / "examples" / "backward_passes.py"

    def code(*names: str) -> int:
        monkeypatch.setattr(
            "gradcalc.commands.gradcheck.process.results_of", lambda requests, seconds: (results[name] for name in names)
        )
        return main(["gradcheck", *(f"{file}:{name}" for name in names), "--shape", "3"])

    assert code("proven") == Exit.AGREE
    assert "checks" not in capsys.readouterr().out
    assert code("proven", "undecided") == Exit.UNDECIDED
    assert code("undecided", "wrong", "proven") == Exit.DISAGREE
    assert capsys.readouterr().out.endswith("\n3 checks: 1 proven, 1 undecided, 1 wrong\n")
    assert code("wrong", "failure") == Exit.WRONG_REQUEST
    out, err = capsys.readouterr()
    assert out.endswith("\n2 checks: 1 wrong, 1 error\n")
    assert err.endswith("error: ops.py:Swish cannot be run: ValueError\nhint: look\n")
