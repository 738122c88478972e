"""Trace, accumulation and tracking: the numbers are torch's, the chain rule multiplies up, and drawings are whole."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from support.questions import question

from gradcalc.cli.main import main
from gradcalc.commands.accumulate.accumulation import accumulate
from gradcalc.commands.trace.graph_formats import dot, mermaid, svg
from gradcalc.commands.trace.render import table as trace_table
from gradcalc.commands.trace.trace import Trace, share, trace
from gradcalc.commands.tracking.tracking import tracking
from gradcalc.errors import CalcError, picture
from gradcalc.output.options import RenderOptions
from gradcalc.report import Verdict

# ------------------------------------------------------------------------------------------------------------- trace


def told(found: Trace) -> list[tuple[Any, ...]]:
    return [(v.text, v.grad_fn, v.value, v.adjoint, [edge.local for edge in v.edges]) for v in found.vertices]


def test_the_textbook_trace() -> None:
    found = trace(question("sin(x**2)", {"x": "3"}))
    slope = math.cos(9)
    assert told(found) == [
        ("x", None, 3.0, 6 * slope, []),
        ("2", None, 2.0, None, []),
        ("x**2", "PowBackward0", 9.0, slope, [6.0, None]),
        ("sin(x**2)", "SinBackward0", math.sin(9), 1.0, [slope]),
    ]
    assert (found.report.verdict, found.events) == (Verdict.AGREE, ())


TRACED = [
    ("x*sin(x*y)/(1 + exp(-x)) + log(y)*x", {"x": "2", "y": "3"}),
    ("max(x, y)**3 - abs(x)*y", {"x": "-2", "y": "0.5"}),
    ("relu(x - 1)*tanh(x)", {"x": "2"}),
    ("sigmoid(w*x + b)", {"w": "1", "x": "0.5", "b": "-2"}),
    ("where(x > 1, x**2, exp(x))*x", {"x": "0.5"}),
    ("sum(x**2*exp(-x))", {"x": "[1, 2, 0.5]"}),
    ("mean(sin(x)*sin(x))", {"x": "[[1, 2], [0.5, 4]]"}),
    ("x[0]*x[1]", {"x": "[3, 4]"}),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("expr", "at"), TRACED, ids=[expr for expr, _ in TRACED])
def test_adjoints_are_the_sums_of_products_along_the_paths(expr: str, at: dict[str, str], dtype: str) -> None:
    found = trace(question(expr, at, dtype=dtype))
    for place, vertex in enumerate(found.vertices[:-1]):
        uses = [(user, edge) for user in found.vertices for edge in user.edges if edge.vertex == place]
        if vertex.adjoint is None or any(edge.local is None for user, edge in uses if user.adjoint is not None):
            continue
        shares = [torch.tensor(share(user, edge)) for user, edge in uses if user.adjoint is not None]
        torch.testing.assert_close(sum(shares), torch.tensor(vertex.adjoint), rtol=1e-5, atol=1e-6)
    for partial in found.report.partials:
        (leaf,) = [v for v in found.vertices if v.name == partial.by[0]]
        adjoint = leaf.adjoint
        for index in partial.index:
            adjoint = adjoint[index]
        assert adjoint == partial.autograd


def test_the_operation_that_made_the_first_nan_is_named() -> None:
    found = trace(question("where(x > 0, sqrt(x), 0)", {"x": "0"}))
    assert found.events == (
        "backward, the first is made by SqrtBackward0 of sqrt(x): the local derivative inf times the adjoint 0 is nan",
    )
    found = trace(question("log(x)*0 + x", {"x": "0"}))
    assert found.events == (
        "forward, the first number that is not finite is made by log(x) = -inf, of x = 0",
        "backward, the first is made by LogBackward0 of log(x): the local derivative inf times the adjoint 0 is nan",
    )


def test_a_trace_as_a_tree() -> None:
    found = trace(question("x*sin(x*y)", {"x": "2", "y": "3"}))
    lines = trace_table(found, RenderOptions()).splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("x*sin(x*y)   Mul"))
    assert [line.split("  ")[0].rstrip() for line in lines[start : start + 6]] == [
        "x*sin(x*y)",
        "├─ x",
        "└─ sin(x*y)",
        "",
        "",
        "",
    ]
    assert [line.strip(" │└├─").split()[0] for line in lines[start : start + 6]] == [
        "x*sin(x*y)",
        "x",
        "sin(x*y)",
        "x*y",
        "x",
        "y",
    ]
    assert "∂f/∂x = 5.76102172 + -0.2794154982 = 5.481606222" in lines or any("= 5.481606222" in line for line in lines)
    assert trace_table(found, RenderOptions(ascii=True)).isascii()


@pytest.mark.parametrize(("expr", "at"), [*TRACED, ("log(x)*0 + x", {"x": "0"}), ("x < 1 and x > 0", {"x": "0"})][:-1])
def test_drawings_have_a_box_for_each_operation_and_an_arrow_for_each_use(expr: str, at: dict[str, str]) -> None:
    found = trace(question(expr, at))
    boxes = {place for place, v in enumerate(found.vertices) if v.edges or v.adjoint is not None}
    arrows = [(edge.vertex, place) for place, v in enumerate(found.vertices) for edge in v.edges if edge.vertex in boxes]
    options = RenderOptions()
    drawn = ET.fromstring(svg(found, options))
    space = "{http://www.w3.org/2000/svg}"
    rectangles = drawn.findall(f"{space}rect")
    assert len(rectangles) == len(boxes)
    assert len(drawn.findall(f"{space}path")) == len(set(arrows))
    corners = [tuple(float(box.get(key) or "nan") for key in ("x", "y", "width", "height")) for box in rectangles]
    for place, (x, y, width, height) in enumerate(corners):  # no box lies on another, and none outside
        assert x >= 0
        assert y >= 0
        assert x + width <= float(drawn.get("width") or 0)
        assert y + height <= float(drawn.get("height") or 0)
        for x2, y2, width2, height2 in corners[place + 1 :]:
            assert x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y
    assert dot(found, options).count(" -> ") == mermaid(found, options).count(" -->") == len(arrows)
    assert dot(found, options).count('[label="') >= len(boxes)


# ------------------------------------------------------------------------------------- accumulation and tracking


def test_gradients_pile_up_unless_they_are_cleared() -> None:
    found = accumulate(question("w*x + b", {"w": "2", "x": "3", "b": "1"}))
    piled = [{"w": 3.0 * n, "x": 2.0 * n, "b": 1.0 * n} for n in (1, 2, 3)]
    assert found.gradients["never"] == piled
    for how in ("grad.zero_()", "zero_grad(set_to_none=False)", "zero_grad()"):
        assert found.gradients[how] == [piled[0]] * 3
    assert "never" not in accumulate(question("x**2", {"x": "3"}), clear=True).gradients
    assert len(accumulate(question("sum(x**2)", {"x": "[1, 2]"}), passes=7).gradients["never"]) == 7


def outcome(ways: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [(way.way, way.requires_grad, way.grad_fn, way.is_leaf, way.is_inference, dict(way.gradients)) for way in ways]


def test_tracking_is_as_torch_does() -> None:
    found = tracking(question("x*2", {"x": "[1, 2, 3]"}))
    off = [
        (way, False, None, True, way == "inference_mode()", {})
        for way in ("requires_grad_(False)", "detach()", "no_grad()", "inference_mode()")
    ]
    assert outcome(found.ways) == [("tracking on", True, "MulBackward0", False, False, {}), *off]
    assert outcome(found.of_sum) == [("tracking on", True, "MulBackward0", False, False, {"x": [2.0, 2.0, 2.0]}), *off]
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    with pytest.raises(RuntimeError) as refused:
        (x * 2).backward()
    assert found.ways[0].error == f"RuntimeError: {refused.value}"
    with pytest.raises(RuntimeError) as refused:
        (x.detach() * 2).sum().backward()
    assert found.ways[1].error == f"RuntimeError: {refused.value}"
    assert tracking(question("x**2", {"x": "3"})).of_sum == ()


# ---------------------------------------------------------------------------------------------------------- commands

WRONG = [
    (["trace", "x*2", "--at", "x=[1,2]"], "error: a trace follows the gradient of one number, and this has the shape (2,)\nhint: take one, such as \"sum(x*2)\" or an entry\n"),
    (["trace", "x*2"], "error: this command needs a point\nhint: give --at x=3\n"),
    (["trace", "x", "--at", "x=0:1:3"], "error: this command takes one point; 3 given\nhint: give one, such as --at x=3\n"),
    (["accumulate", "x*2", "--at", "x=[1,2]"], "error: backward() starts from one number, and this has the shape (2,)\nhint: take one, such as \"sum(x*2)\" or an entry\n"),
    (["accumulate", "x", "--at", "1", "--passes", "0"], "error: the number of passes must be an integer from 1 to 1000, not 0\n"),
    (["trace", "zeta(x)", "--at", "3"], "error: PyTorch cannot compute this: PyTorch has no derivative of zeta\n"),
    (["tracking", "x", "--at", "1", "--format", "svg"], "error: unknown format svg\nhint: choose from table, plain, json\n"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "expected"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_pictures_of_wrong_requests(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", expected)


def test_what_torch_does_not_run_is_a_request_that_is_wrong() -> None:
    with pytest.raises(CalcError) as caught:
        tracking(question("zeta(x)", {"x": "3"}))
    assert picture(caught.value) == "error: PyTorch cannot compute this: PyTorch has no derivative of zeta"


@pytest.mark.parametrize("command", ["trace", "accumulate", "tracking"])
def test_every_format_of_the_commands(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = {}
    for name in ("table", "plain", "json"):
        assert main([command, "x**2*y", "--at", "x=3,y=2", "--format", name]) == 0
        outputs[name] = capsys.readouterr().out
    answer = json.loads(outputs["json"])
    assert (answer["schema"], answer["command"], answer["report"]["verdict"]) == ("gradcalc/1", command, "agree")
    assert all("\t" in line for line in outputs["plain"].splitlines())
    assert main([command, "x**2*y", "--at", "x=3,y=2", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_names_that_torch_has_for_its_own_are_names() -> None:
    found = accumulate(question("eval*training + forward", {"eval": "2", "training": "3", "forward": "1"}))
    assert found.gradients["never"][-1] == {"eval": 9.0, "training": 6.0, "forward": 3.0}


def test_what_nobody_could_follow_is_refused() -> None:
    with pytest.raises(CalcError):
        trace(question("+".join(["x"] * 1_500), {"x": "1"}))


def test_the_first_number_that_is_not_finite_may_be_made_by_a_matrix() -> None:
    found = trace(question("sum(A@sqrt(x))", {"A": "[[1, 2]]", "x": "[0, 1]"}))
    assert len(found.events) == 1
    assert "SqrtBackward0 of sqrt(x)" in found.events[0]


NARROW = """x*sin(x*y) = -0.55883
  MulBackward0, adjoint 1
├─ x = 2
     local -0.27942, adjoint -0.27942
└─ sin(x*y) = -0.27942
     SinBackward0, local 2, adjoint 2
   └─ x*y = 6
        MulBackward0, local 0.96017,
          adjoint 1.9203
      ├─ x = 2
           local 3, adjoint 5.761
      └─ y = 3
           local 2, adjoint 3.8407
"""


def test_a_trace_in_a_narrow_terminal_stays_a_tree() -> None:
    found = trace(question("x*sin(x*y)", {"x": "2", "y": "3"}))
    assert NARROW in trace_table(found, RenderOptions(width=40))
    assert "x*y    MulBackward0   6         0.96017   1.9203" in trace_table(found, RenderOptions(width=60))
