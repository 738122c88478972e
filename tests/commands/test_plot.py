"""Curves: what is notable along an interval is found, and drawn in characters, as images and as numbers."""

from __future__ import annotations

import io
import json
import math
import sys
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.questions import question

from gradcalc.cli.main import main
from gradcalc.commands.plot.canvas import Canvas
from gradcalc.commands.plot.curve import plot
from gradcalc.commands.plot.render import FORMATS, table
from gradcalc.commands.plot.ticks import ticks
from gradcalc.errors import CalcError
from gradcalc.functions.resolve import understand
from gradcalc.output.options import RenderOptions
from gradcalc.proof.smoothness.subdivision import find_singularities, simplest

# expression, marks from -3 to 3 (kind, place, whether it is just there), gaps
SURVEYS: list[tuple[str, list[tuple[str, str, bool]], list[tuple[int, int]]]] = [
    ("x**2", [], []),
    ("7", [], []),
    ("abs(x)", [("kink", "0", True)], []),
    ("x*abs(x)", [], []),
    ("sqrt((x - 1)**2)", [("kink", "1", True)], []),
    ("max(x, x**2)", [("kink", "0", True), ("kink", "1", True)], []),
    ("abs(x**2 - 2)", [("kink", "-1.414213562", False), ("kink", "1.414213562", False)], []),
    ("sqrt(x)", [("edge", "0", True)], [(-3, 0)]),
    ("log(-x)", [("pole", "0", True)], [(0, 3)]),
    ("sqrt(x**2 - 1)", [("edge", "-1", True), ("edge", "1", True)], [(-1, 1)]),
    ("acos(x)", [("edge", "-1", True), ("edge", "1", True)], [(-3, -1), (1, 3)]),
    ("1/x", [("pole", "0", True)], []),
    ("tan(x)", [("pole", "-1.570796327", False), ("pole", "1.570796327", False)], []),
    ("floor(x/2)", [("jump", "-2", True), ("jump", "0", True), ("jump", "2", True)], []),
    ("where(x > 1/3, x, 2)", [("jump", "1/3", True)], []),
    ("sign(x**2 - 2)", [("jump", "-1.414213562", False), ("jump", "1.414213562", False)], []),
    ("cbrt(x - 0.1)", [("vertical", "1/10", True)], []),
    ("sqrt(x**2 - 2)", [("edge", "-1.414213562", False), ("edge", "1.414213562", False)], [(-1, 1)]),
    ("sin(x)/x", [("removable", "0", True)], []),
    # What has no value on both sides is no mark of its own.
    ("sqrt(x)*abs(x + 1)", [("edge", "0", True)], [(-3, 0)]),
]


@pytest.mark.parametrize(("expr", "marks", "gaps"), SURVEYS, ids=[expr for expr, _, _ in SURVEYS])
def test_what_is_notable(expr: str, marks: list[tuple[str, str, bool]], gaps: list[tuple[int, int]]) -> None:
    ends = [Fraction(-3) + Fraction(6, 40) * place for place in range(41)]
    found = find_singularities(understand(expr), "x", {}, ends)
    assert [(str(it.kind), str(it.at) if it.exact else f"{float(it.at):.10g}", it.exact) for it in found.points] == marks
    assert [(round(gap.start), round(gap.stop)) for gap in found.undefined] == gaps
    assert not found.unresolved


# expression, kinds of the marks from 0 to 2: whatever the units of the axes, and whether the place is a fraction or sqrt(2)
KINDS = [
    ("2e6 + abs(x**2 - 2)", ["kink"]),
    ("1e30 + abs(x**2 - 2)", ["kink"]),
    ("1e7*abs(x**2 - 2)", ["kink"]),
    ("1e-6*abs(x**2 - 2)", ["kink"]),
    ("1e200*abs(x**2 - 2)", ["kink"]),
    ("abs(x**2 - 2)**2", []),
    ("abs(x**2 - 2)**1.5", []),
    ("(x**2 - 2)*abs(x**2 - 2)", []),
    ("sin(x - sqrt(2))/(x - sqrt(2))", []),
    ("sqrt(abs(x**2 - 2))", ["vertical"]),
    ("cbrt(x**2 - 2)", ["vertical"]),
    ("abs(x**2 - 2)**0.1", ["vertical"]),
    ("(x**2 - 2)*log(abs(x**2 - 2))", ["vertical"]),
    ("log(abs(x**2 - 2))", ["pole"]),
    ("100 + log(abs(x**2 - 2))", ["pole"]),
    ("log(x**2 - 2)", ["pole"]),
    ("1e-9/(x**2 - 2)", ["pole"]),
    ("1e-200/(x**2 - 2)**2", ["pole"]),
    ("exp(1/(x**2 - 2))", ["pole"]),
    ("1/sqrt(x**2 - 2)", ["pole"]),
    ("sqrt(x**2 - 2)", ["edge"]),
    ("1e-7*sign(x**2 - 2)", ["jump"]),
    ("where(x < sqrt(2), x, x + 1e-7)", ["jump"]),
    ("where(x < sqrt(2), 0, 1 + sqrt(abs(x**2 - 2)))", ["jump"]),
    ("atan(1/(x**2 - 2))", ["jump"]),
    ("sin(1/(x**2 - 2))", ["unknown"]),
    ("(x**2 - 2)*sin(1/(x**2 - 2))", ["unknown"]),
    ("cos(log(abs(x**2 - 2)))", ["unknown"]),
    ("abs(x**2 - 2)*abs(x - 1.41421356)", ["kink", "kink"]),
    # A division by zero in something that tames it.
    ("1/(x - 1)", ["pole"]),
    ("log(abs(x - 1))", ["pole"]),
    ("exp(1/(x - 1))", ["pole"]),
    ("atan(1/(x - 1))", ["jump"]),
    ("abs(x - 1)/(x - 1)", ["jump"]),
    ("sin(x - 1)/(x - 1)", ["removable"]),
    ("(x - 1)*log(abs(x - 1))", ["removable"]),
    ("sin(1/(x - 1))", ["unknown"]),
    ("(x - 1)*sin(1/(x - 1))", ["unknown"]),
    ("log(sin(5*x))", ["pole"] * 4),
]


@pytest.mark.parametrize(("expr", "kinds"), KINDS, ids=[expr for expr, _ in KINDS])
def test_kinds_of_marks(expr: str, kinds: list[str]) -> None:
    found = find_singularities(understand(expr), "x", {}, [Fraction(place, 20) for place in range(41)])
    assert [str(mark.kind) for mark in found.points] == kinds


def test_slopes_beside_a_kink() -> None:
    (mark,) = find_singularities(understand("relu(x)*a"), "x", {"a": Fraction(3)}, [Fraction(-1), Fraction(2)]).points
    assert (mark.left, mark.right) == ("0", "3")


def test_what_is_too_much_to_look_at_is_said() -> None:
    found = find_singularities(understand("floor(1000*x)"), "x", {}, [Fraction(-1), Fraction(1)])
    assert found.unresolved


def test_a_mark_beside_what_is_too_much_to_look_at() -> None:
    found = find_singularities(understand("gamma(x)"), "x", {}, [Fraction(-11, 2), Fraction(-5), Fraction(-1, 2)])
    assert found.unresolved[0].start == -5
    assert [(mark.at, str(mark.kind)) for mark in found.points] == [(-5, "pole")]


SIMPLEST = [
    ("0.3", "0.4", "1/3"),
    ("-0.5", "0.2", "0"),
    ("-0.4", "-0.3", "-1/3"),
    ("1.4", "1.42", "7/5"),
    ("2", "2", "2"),
    ("3.1", "4.5", "4"),
]


@pytest.mark.parametrize(("low", "high", "expected"), SIMPLEST)
def test_the_simplest_fraction(low: str, high: str, expected: str) -> None:
    assert simplest(Fraction(low), Fraction(high)) == Fraction(expected)


def test_a_canvas_in_dots_and_in_ascii() -> None:
    drawn = {}
    for is_ascii in (False, True):
        canvas = Canvas(4, 2, (0.0, 1.0), (0.0, 1.0), ascii=is_ascii)
        canvas.line([(0.0, 0.0), (1.0, 1.0)], "")
        canvas.column(0.0, "|", "")
        canvas.sign((1.0, 1.0), "o", "")
        canvas.sign((5.0, 5.0), "x", "")
        drawn[is_ascii] = ["".join(character for character, _ in row) for row in canvas.rows()]
    assert drawn[True] == ["| *o", "**  "]
    assert drawn[False] == ["| ⡠o", "⡠⠊  "]


def test_a_line_is_cut_at_jumps_and_goes_through_kinks() -> None:
    from gradcalc.commands.plot.panels import panels

    pieces = {
        expr: [len(panel.curve) for panel in panels(plot(question(expr), "x", "-1", "1.1", points=2))]
        for expr in ("abs(x)", "sign(x)", "x", "1/x", "sqrt(x)")
    }
    assert pieces == {"abs(x)": [1, 2], "sign(x)": [2, 2], "x": [1, 1], "1/x": [2, 2], "sqrt(x)": [1, 1]}


DRAWN = """f = abs(x)
df/dx = sign(x)
! not-differentiable (5 points: 4 agree,
1 not-differentiable)
f
"""


def test_the_table_in_a_narrow_terminal_without_unicode() -> None:
    found = plot(question("abs(x)"), "x", "-1", "1", points=5)
    text = table(found, RenderOptions(width=40, ascii=True))
    lines = text.splitlines()
    assert text.isascii()
    assert max(map(len, lines)) <= 40
    assert text.startswith(DRAWN)
    drawing = [line[line.index("|") + 1 :] for line in lines if "|" in line]
    assert (drawing[0][0], drawing[0][-1]) == ("o", "o")
    assert all("|" in row or "!" in row or "*" in row for row in drawing)
    assert "kink at x = 0: the slopes are -1 and 1" in text
    assert lines[-1] == "  in float64 on cpu; x from -1 to 1"


def test_the_command_in_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", "a*sqrt(x)", "--at", "x=-1:1", "--at", "a=2", "--points", "3", "--format", "plain"]) == 3
    assert [line.split("\t") for line in capsys.readouterr().out.splitlines()] == [
        ["point", "-1.0", "nan", "", "nan", "undefined"],
        ["point", "0.0", "0.0", "", "inf", "undefined"],
        ["point", "1.0", "2.0", "1", "1.0", "agree"],
        ["mark", "0.0", "edge", "", "inf"],
        ["gap", "-1.0", "0.0"],
    ]
    assert main(["plot", "x**2", "--at", "-1:1", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["command"], answer["variable"], answer["marks"], answer["gaps"]) == ("plot", "x", [], [])
    assert (answer["x"][0], answer["values"][0], answer["slopes"][0]) == (-1.0, 1.0, -2.0)
    assert (answer["verdict"], answer["dtype"], answer["device"]) == ("agree", "float64", "cpu")
    assert (answer["read_as"], answer["formula"], answer["undersampled"]) == ("x**2", "2*x", False)
    assert set(answer["versions"]) == {"gradcalc", "torch", "sympy", "python-flint"}
    assert len(answer["points"]) == 21
    assert main(["plot", "x", "--at", "0:1", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["plot", "x", "--at", "x=0:pi"]) == 0
    assert "x from 0 to 3.14159" in capsys.readouterr().out
    assert main(["plot", "abs(3*x - 1)", "--at", "0:1", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["marks"] == [
        {"at": 1 / 3, "text": "1/3", "kind": "kink", "exact": True, "left": "-3", "right": "3"}
    ]


def test_an_expression_from_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x**2 +\n 1\n")))
    assert main(["plot", "-", "--at", "0:1", "--points", "2", "--format", "plain"]) == 0
    assert capsys.readouterr().out == "point\t0.0\t1.0\t0\t0.0\tagree\npoint\t1.0\t2.0\t2\t2.0\tagree\n"


def test_other_variables_are_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    found = plot(question("sum(A*x**2)", {"A": "[1, 2]"}), "x", "0", "1", points=2)
    assert [(found.xs[place], found.values[place], found.slopes[place]) for place in (0, -1)] == [(0, 0, 0), (1, 3, 6)]
    assert found.verdict == "agree"
    assert main(["plot", "sum(A*x)", "--at", "x=0:1", "--at", "A=[1,2]"]) == 0
    assert "x from 0 to 1, A = [1,2]\n" in capsys.readouterr().out


def drawn(text: str) -> list[str]:
    """The rows of the first drawing in a table, without their labels."""
    lines = text.splitlines()
    first = lines.index("f") + 1
    return [line[line.index("|") + 1 :] for line in lines[first : first + 11]]


def test_a_straight_line_is_drawn_straight() -> None:
    found = plot(question("2*x + 1"), "x", "-1", "1", points=2)
    rows = drawn(table(found, RenderOptions(width=24, ascii=True)))
    assert rows == [
        "                 *o",
        "                **",
        "              **",
        "            ***",
        "          ***",
        "        ***",
        "      ***",
        "    ***",
        "   **",
        " **",
        "o*",
    ]


EXTREMES = [
    ("1e308*x", "-1.5", "1.5", None),
    ("1e300 + x", "0", "1", None),
    ("x", "-1e300", "1e300", None),
    ("1e-320*x", "-1", "1", ("1e-320", "-1e-320")),
    ("x", "1e6", "1000001", ("1000001", "1000000")),
    ("x", "1e-310", "2e-310", ("2e-310", "1e-310")),
    ("x", "3", "-3", ("2", "-2")),
    ("1e16 + 0*x", "0", "1", ("1.4e+16", "6e+15")),
    ("2e6 + x", "0", "2", ("2000002", "2000000")),
    ("1 + 1e-17*x", "0", "1", ("1.4", "0.6")),
    ("log(-1 - x**2)", "0", "1", ("1", "-1")),
]


@pytest.mark.parametrize(("expr", "start", "stop", "ends"), EXTREMES, ids=[f"{it[0]} from {it[1]}" for it in EXTREMES])
def test_axes_of_any_range(expr: str, start: str, stop: str, ends: tuple[str, str] | None) -> None:
    found = plot(question(expr), "x", start, stop, points=2)
    assert not found.undersampled
    if ends is None:
        with pytest.raises(CalcError, match=r"^f is too large to display: it has values beyond 1e\+300$"):
            table(found, RenderOptions(width=60))
        return
    for is_ascii, tick in ((False, "┤"), (True, "|")):
        lines = table(found, RenderOptions(width=60, ascii=is_ascii)).splitlines()
        assert max(map(len, lines)) <= 60
        rows = [line for line in lines if "│" in line or tick in line]
        assert len({line.index("│" if "│" in line else tick) for line in rows}) == 1
        shown = [line.partition(tick)[0].strip() for line in rows[:11]]
        labels = [label for label in shown if label and "│" not in label]
        assert (labels[0], labels[-1]) == ends


@pytest.mark.parametrize(
    ("low", "high", "most", "labels"),
    [
        (-1.07, 1.08, 5, "-1 -0.5 0 0.5 1"),
        (0.92, 3.08, 3, "1 2 3"),
        (0, 10, 3, "0 5 10"),
        (1e6, 1_000_001, 3, "1000000 1000000.5 1000001"),
        (-3e-9, 2e-9, 3, "-2e-9 0 2e-9"),
        (0, 7e9, 2, "0 5e+9"),
        (0.1, 0.41, 4, "0.2 0.3 0.4"),
    ],
)
def test_ticks_are_round(low: float, high: float, most: int, labels: str) -> None:
    assert [label for _, label in ticks(low, high, most)] == labels.split()


@given(st.floats(-1e300, 1e300), st.floats(1e-300, 1e300), st.integers(1, 20))
def test_ticks_lie_on_the_axis_where_their_labels_say(low: float, width: float, most: int) -> None:
    high = low + width
    assume(math.isfinite(high) and high > low)
    marks = ticks(low, high, most)
    assert len(marks) <= most
    for place, label in marks:
        assert Fraction(low) <= Fraction(label) <= Fraction(high)
        assert place == float(Fraction(label))


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("height", [20, 24, 40])
@pytest.mark.parametrize("expr", ["relu(x) + abs(x - 1)", "x", "1/x"])
def test_a_plot_fits_the_terminal(expr: str, width: int, height: int) -> None:
    curve = plot(question(expr), "x", "-2", "2", points=5)
    lines = table(curve, RenderOptions(width=width, height=height)).splitlines()
    assert len(lines) < height
    assert max(map(len, lines)) <= width


def test_nan_and_infinities_are_marked_where_the_number_should_be() -> None:
    curve = plot(question("log(1 - sigmoid(x))", dtype="float32"), "x", "0", "100", points=5)
    text = table(curve, RenderOptions(width=60))
    assert text.count("✗") == 9
    assert "autograd returns nan or inf at 4 points, x from 25 to 100\n" in text


FAST = [
    ("sin(320*pi*x)", "0", "1", True),
    ("sin(640*pi*x)", "0", "1", True),
    ("sin(50*x)", "-10", "10", True),
    ("x + sin(1e6*x)/1e3", "0", "1", True),
    ("sin(30*x)", "0", "10", False),
    ("exp(x)", "-10", "10", False),
    ("1/x", "-3", "3", False),
    ("1/x**2", "-3", "3.1", False),
    ("tan(x)", "-10", "10", False),
    ("sqrt(x)", "-1", "1", False),
    ("cbrt(x)", "-1", "1.1", False),
    ("floor(5*x)", "-1", "1", False),
    ("x**2*sin(1/x)", "-1", "1", True),
    ("x**4*sin(1/x)", "-1", "1", False),
    ("7", "0", "1", False),
    ("x/0", "0", "1", False),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expr", "start", "stop", "is_fast"), FAST, ids=[f"{expr} from {start}" for expr, start, *_ in FAST]
)
def test_a_curve_that_moves_faster_than_it_is_drawn(expr: str, start: str, stop: str, is_fast: bool) -> None:
    found = plot(question(expr, variables=("x",)), "x", start, stop, points=2)
    assert found.undersampled == is_fast
    note = "the curve is undersampled: take a shorter range\n"
    assert (note in table(found, RenderOptions())) == is_fast
    assert ("undersampled\n" in FORMATS["plain"](found, RenderOptions())) == is_fast


def test_what_is_said_of_the_line() -> None:
    legends = {
        expr: next(line for line in table(curve, RenderOptions()).splitlines() if "autograd in" in line)
        for expr in ("x", "sqrt(x)", "x/0")
        if (curve := plot(question(expr), "x", "-1", "1", points=2))
    }
    assert legends == {
        "x": "line: exact at 321 points; •: autograd in float64 on cpu; x from -1 to 1",
        "sqrt(x)": "line: exact at 161 points; •: autograd in float64 on cpu; x from -1 to 1",
        "x/0": "•: autograd in float64 on cpu; x from -1 to 1",
    }


@pytest.mark.slow
def test_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, start in (("curve.png", b"\x89PNG"), ("curve.svg", b"<?xml"), ("curve.pdf", b"%PDF")):
        path = tmp_path / name
        assert main(["plot", "abs(x) + sqrt(x + 1)", "--at", "x=-2:2", "--output", str(path)]) == 0
        assert capsys.readouterr() == ("", f"wrote {path}\n")
        assert path.read_bytes().startswith(start)
    ElementTree.parse(tmp_path / "curve.svg")
    assert main(["plot", "abs(x)", "--at", "x=-2:2", "--fail-on", "not-differentiable", "-o", str(path)]) == 1


def test_images_without_matplotlib(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["plot", "x", "--at", "0:1", "--output", "never.png"]) == 2
    message = "error: images need matplotlib, which is not installed\nhint: pip install matplotlib\n"
    assert capsys.readouterr().err == message


REFUSED = [
    (["x", "--at", "x=1:1"], "error: from 1 to 1 the range is empty\nhint: write --at x=-3:3\n"),
    (
        ["x", "--at", "x=0:1e400"],
        "error: from 0 to 1e400 the range is too large\nhint: the ends must be below 1e+300\n",
    ),
    (
        ["x", "--at", "x=1:1.0000000000000004"],
        "error: from 1 to 1.0000000000000004 the range is too narrow: it has fewer than 321 doubles\n"
        "hint: rescale x so that the range is near 0:1\n",
    ),
    (["x", "--at", "x=0:1e-400"], "error: from 0 to 1e-400 the range is too narrow: it has fewer than 321 doubles\n"),
    (["x", "--at", "x=0:log(-1)"], "error: the value of x is not a real number: log(-1)\n"),
    (
        ["1e308*x", "--at", "x=-1.5:1.5", "--output", "a.png"],
        "error: f is too large to display: it has values beyond 1e+300",
    ),
    (["x", "--at", "0:1", "--points", "1"], "error: the number of points must be an integer from 2 to 1000, not 1\n"),
    (["x", "--at", "0:1", "--points", "1001"], "error: the number of points must be an integer from 2 to 1000, not 1001\n"),
    (["x", "--at", "x=1"], "error: no variable has a range\nhint: write --at x=-3:3\n"),
    (["x*y", "--at", "x=0:1,y=0:1"], "error: only one variable may have a range, not x and y\nhint: write --at x=-3:3\n"),
    (["x", "--at", "x=0:1:7"], "error: a range of a plot is start:stop, such as x=-3:3\nhint: --points says how many\n"),
    (["x*y", "--at", "x=0:1"], "error: missing value for y\nhint: add --at y=...\n"),
    (["x*y", "--at", "x=0:1", "--at", "y=[1,2]"], "error: a curve is of one number, and this has the shape (2,)"),
    (["x", "--at", "0:1", "--output", "a.gif"], "error: unsupported image format '.gif'\n"),
    (["x", "--at", "0:1", "--output", "/nowhere/a.png"], "error: cannot write /nowhere/a.png: No such file or directory\n"),
]


@pytest.mark.parametrize(("arguments", "expected"), REFUSED, ids=range(len(REFUSED)))
def test_wrong_requests(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", *arguments]) == 2
    assert capsys.readouterr().err.startswith(expected)
