"""Many points: the same numbers as one by one, everything accounted for, and what a file may hold."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from gradcalc.calculate.answer import answer
from gradcalc.cli.main import main
from gradcalc.inputs.point_files import read_points
from gradcalc.inputs.points import Grid, sweep
from gradcalc.inputs.values import nearest_double
from gradcalc.report import Problem


def table(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, str]], str]:
    """Run `diff --format csv`: the exit code, the rows, and what was told."""
    code = main(["diff", *arguments, "--format", "csv"])
    shown = capsys.readouterr()
    return code, list(csv.DictReader(io.StringIO(shown.out))), shown.err


def test_a_long_sweep_is_bounded_and_a_sample_is_proven(capsys: pytest.CaptureFixture[str]) -> None:
    code, rows, told = table(capsys, "sin(x**2)", "--at", "x=1:2:1501")
    assert (code, len(rows)) == (0, 1501)
    assert told == "1501 points: 3 proven, 1498 within their rounding bound\n"
    assert {row["verdict"] for row in rows} == {"agree"}
    assert [place for place, row in enumerate(rows) if row["evidence"] == "proven"] == [0, 750, 1500]
    for place in (1, 700, 1499):
        point = sweep({"x": "1:2:1501"})[place].texts["x"]
        one = answer(Problem("sin(x**2)", {"x": point})).partials[0]
        assert float(rows[place]["d/dx"]) == pytest.approx(one.autograd, rel=1e-14)
        assert float(rows[place]["x"]) == pytest.approx(eval(point), rel=1e-15)  # a decimal, or a quotient of two
    assert rows[750]["exact d/dx"].startswith(rows[750]["d/dx"][:10])


def test_what_the_bound_leaves_open_is_proven(capsys: pytest.CaptureFixture[str]) -> None:
    code, rows, told = table(capsys, "abs(x - 0.3)*y", "--at", "x=0:1:2001", "--at", "y=2")
    assert code == 3
    odd = [row for row in rows if row["verdict"] != "agree"]
    assert [(row["x"], row["verdict"], row["cause"], row["evidence"]) for row in odd] == [
        ("0.3", "not-differentiable", "kink", "proven")
    ]
    assert told.startswith("2001 points: 4 proven, 1997 within")


SEAMS_OF_WHAT_WAS_TYPED = [
    ("abs(x - 1000 - 0.3)", "x=1000:1001:1011", "1000.3", "kink"),
    ("abs(1000.3 - x - 0.3)", "x=0:3000:3001", "1000.0", "kink"),
    ("where(x - 1000 > 0.1, x, 2*x)", "x=1000:1001:1011", "1000.1", "jump"),
    ("floor(x - 1000 + 0.7)", "x=1000:1001:1011", "1000.3", "jump"),
]


@pytest.mark.parametrize(
    ("expr", "at", "x", "cause"), SEAMS_OF_WHAT_WAS_TYPED, ids=[case[0] for case in SEAMS_OF_WHAT_WAS_TYPED]
)
def test_a_seam_that_rounding_moves_away_is_found(
    expr: str, at: str, x: str, cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """torch received a point beside the seam; what was typed is on it."""
    code, rows, _ = table(capsys, expr, "--at", at)
    assert code == 3
    (there,) = [row for row in rows if row["x"] == x]
    assert (there["verdict"], there["cause"], there["evidence"]) == ("not-differentiable", cause, "proven")


@pytest.mark.parametrize("expr", ["relu(x)", "max(x, 0)*3", "x**2*floor(x)", "hardtanh(10*x)"])
def test_a_derivative_that_is_zero_is_decided(expr: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, told = table(capsys, expr, "--at", "x=0.05:0.95:5001" if "floor" in expr else "x=-0.95:0.9501:5001")
    assert code == 0
    assert told.startswith("5001 points: 3 proven, 4998 within") or int(told.split()[2]) < 12


@pytest.mark.parametrize(
    "arguments", [["3", "--at", "x=1", "--proofs", "1"], ["3", "--proofs", "1"], ["x", "--proofs", "1"]]
)
def test_few_or_no_points_are_fine_with_a_sample(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *arguments, "--format", "plain"]) in (0, 2)
    assert "bug" not in capsys.readouterr().err


def test_a_grid_of_tiny_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    code, rows, _ = table(capsys, "x", "--at", "x=0:1e-300:5")
    assert (code, [row["verdict"] for row in rows]) == (0, ["agree"] * 5)


def test_numbers_that_lose_their_digits_are_found_among_many(capsys: pytest.CaptureFixture[str]) -> None:
    code, rows, _ = table(capsys, "(1 - cos(x))/x**2", "--at", "x=1e-6:1:1201")
    assert code == 3
    assert rows[0]["verdict"] == "inaccurate"
    assert rows[-1]["verdict"] == "agree"


def test_a_function_without_a_bound_is_proven_up_to_a_limit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradcalc.commands.diff.sweep.MAX_OPEN", 20)
    code, rows, told = table(capsys, "lgamma(x)", "--at", "x=1:9:1100")
    assert code == 4
    assert told == "1100 points: 23 proven, 0 within their rounding bound, 1077 undecided\n"
    assert [rows[1][name] for name in ("verdict", "cause", "evidence")] == ["agree", "", "proven"]
    assert [rows[-2][name] for name in ("verdict", "cause", "evidence")] == ["undecided", "bound", ""]


def test_a_value_that_vanishes_among_many(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text("x\n1\n1e-399\n2\n", encoding="utf-8")
    code, rows, _ = table(capsys, "x**2", "--points", str(file), "--proofs", "1")
    assert code == 0
    assert [(row["verdict"], row["cause"]) for row in rows] == [("agree", "")] * 3
    code, rows, _ = table(capsys, "log(x)", "--points", str(file), "--proofs", "1")
    assert code == 1
    assert [(row["verdict"], row["cause"]) for row in rows] == [("agree", ""), ("not-finite", "underflow"), ("agree", "")]


def test_what_torch_cannot_differentiate_is_undecided_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    code, rows, _ = table(capsys, "besselk(1, x)", "--at", "x=1:2:9", "--proofs", "2")
    assert code == 4
    assert {row["verdict"] for row in rows} == {"undecided"}
    assert {row["cause"] for row in rows} == {"no-autograd"}
    assert {row["d/dx"] for row in rows} == {""}


def test_other_formats_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "x**3", "--at", "x=1:2:7", "--proofs", "1", "--format", "json"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["partials"][0]["proof"]["evidence"] for one in objects] == ["proven", *["bound"] * 6]
    assert [one["at"]["x"] for one in objects][:2] == ["1", "7/6"]
    assert objects[1]["partials"][0]["autograd"] == pytest.approx(3 * (7 / 6) ** 2)
    assert objects[1]["verdict"] == "agree"


def test_quiet_is_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "abs(x)", "--at", "x=-1:1:3", "--proofs", "1", "--quiet"]) == 3
    assert capsys.readouterr().out == ""


# ---------------------------------------------------------------------------------------------------------------- files


def test_points_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "points.csv"
    file.write_bytes(b'\xef\xbb\xbfx,label,y\r\n1,a,2\r\n"pi/2",b,-0.5\r\n\r\n')
    code, rows, told = table(capsys, "x*exp(-y)", "--points", str(file))
    assert (code, told) == (0, "")
    assert [(row["x"], row["y"], row["exact d/dx"][:12]) for row in rows] == [
        ("1", "2", "0.1353352832"),
        ("pi/2", "-0.5", "1.6487212707"),
    ]


@pytest.mark.parametrize(
    ("text", "given", "points"),
    [
        ("x,y\n1,2\n", {}, [{"x": "1", "y": "2"}]),
        ("y\n2\n3\n", {"x": "7"}, [{"x": "7", "y": "2"}, {"x": "7", "y": "3"}]),
        ('{"x": 1, "y": 0.10}\n\n{"y": "1/3", "x": 2, "z": 5}\n', {}, [{"x": "1", "y": "0.10"}, {"x": "2", "y": "1/3"}]),
        ('"x"," y"\n"1", 2\n', {}, [{"x": "1", "y": "2"}]),
    ],
)
def test_what_a_file_may_hold(text: str, given: dict[str, str], points: list[dict[str, str]]) -> None:
    assert list(read_points(io.StringIO(text), ["x", "y"], given)) == points


WRONG = [
    ("", "the file contains no points"),
    ("x,y,x\n1,2,3\n", "the file has two columns x"),
    ('{"x": 1, "x": 2, "y": 3}\n', "line 1 of the points is not a JSON object"),
    ("\n\nx,y\n1,2\n3,foo(\n", "line 5 of the points: "),
    ("x\n1\n", "the file has no column y"),
    ("x,y\n1\n", "line 2 of the points: 1 values for 2 columns"),
    ("x,y\n1,2\n3,foo\n", "line 3 of the points: the value of y must be a number, but foo is a variable"),
    ("x,y\n1,nan\n", "line 2 of the points: nan is not supported: values must be finite"),
    ("x,y\n1,\n", "line 2 of the points: missing value for y"),
    ('{"x": 1}\n', "line 1 of the points: missing value for y"),
    ('{"x": 1, "y": [2]}\n', "line 1 of the points: y must be a number, not an array"),
    ('{"x": 1, "y": 2}\n{\n', "line 2 of the points is not a JSON object"),
    ('x,y\n"1,2\n', "line 2 of the points: unexpected end of data"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_file_that_is_wrong(text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "points"
    file.write_text(text, encoding="utf-8")
    assert main(["diff", "x*y", "--points", str(file), "--format", "plain"]) == 2
    assert message in capsys.readouterr().err


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "x", "--points", "nowhere.csv"]) == 2
    assert capsys.readouterr().err == "error: cannot read nowhere.csv: No such file or directory\n"


# ---------------------------------------------------------------------------------------------------------------- grids


def test_the_doubles_of_a_grid_are_the_nearest() -> None:
    for values in ({"x": "0:1:11"}, {"x": "-1/3:0.7:17"}, {"x": "0:1:3", "y": "0.1:0.3:3"}, {"x": "2", "y": "1:2:5"}):
        grid = sweep(values)
        floats = grid.floats(0, len(grid))
        if floats is None:  # quotients are not written as decimals
            assert "/" in str([point.texts for point in grid])
            continue
        for place, point in enumerate(grid):
            for name, text in point.texts.items():
                assert floats[name][place] == answer(Problem("x", {"x": text})).point["x"]


def test_a_grid_is_made_when_it_is_asked_for() -> None:
    grid = sweep({"x": "0:1:1000001"})
    assert isinstance(grid, Grid)
    assert (len(grid), grid[500_000].texts) == (1_000_001, {"x": "0.5"})


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.1", 0.1),
        ("-3", -3.0),
        ("1e-3", 1e-3),
        ("1/3", None),
        ("1e999", None),
        ("1e-400", None),
        ("0e-400", 0.0),
        ("nan", None),
        ("1_0", None),
    ],
)
def test_the_double_of_a_decimal(text: str, number: float | None) -> None:
    assert nearest_double(text) == number
