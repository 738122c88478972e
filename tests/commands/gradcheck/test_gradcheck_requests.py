"""Targets, shapes and dtypes of `gradcalc gradcheck`, and the errors of other texts.  Nothing of the files runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcalc.cli.main import main
from gradcalc.commands.gradcheck.checks import Target
from gradcalc.commands.gradcheck.requests import dtypes_of, shape_of, target_of
from gradcalc.report import DTYPES

CODE = """raise SystemExit("it ran")


def tanh(x):
    return x.tanh()


class Net:
    pass


net = Net()
_hidden = 1
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ops.py").write_text(CODE)
    (tmp_path / "broken.py").write_text("def f(:\n")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("4,8", (4, 8)), ("4x8", (4, 8)), ("(4, 8)", (4, 8)), ("[4,8]", (4, 8)), ("3", (3,)), ("(3,)", (3,)), ("0,3", (0, 3)),
        ("scalar", ()), ("()", ()), ("[]", ()), (" 2 , 2 ", (2, 2)),
    ],
)  # fmt: skip
def test_shapes(text: str, shape: tuple[int, ...]) -> None:
    assert shape_of(text) == shape


def test_targets() -> None:
    assert target_of("ops.py:net") == Target("ops.py", "net")
    assert target_of("./ops.py:net.layers") == Target("./ops.py", "net.layers")
    assert target_of("broken.py:f") == Target("broken.py", "f")


def test_dtypes() -> None:
    assert dtypes_of([]) == (None,)
    assert dtypes_of(["float32", "bfloat16,float32"]) == ("float32", "bfloat16")
    assert dtypes_of(["all"]) == DTYPES


HOW = "write --shape 4,8 for a matrix, --shape 3 for a vector, --shape scalar for a number; once per input"
WRONG = [
    ([], "missing argument 'FILE:NAME...'", "gradcalc gradcheck --help shows the usage"),
    (["ops.py"], "ops.py lacks the name of what to check: FILE.py:NAME", "it has tanh, Net, net"),
    (["ops.py:"], "ops.py: lacks the name of what to check: FILE.py:NAME", "it has tanh, Net, net"),
    (["ops"], "ops lacks the name of what to check: FILE.py:NAME", "write FILE.py:NAME, such as model.py:Net"),
    (["ops.py:a-b"], "a-b is not a name in Python", "it has tanh, Net, net"),
    (["other.py:f"], "cannot read other.py: No such file or directory", None),
    ([".:f"], "cannot read .: a folder", "give a file, or - for stdin where it is read"),
    (["ops.py:net"], "ops.py:net has no inputs", "give --shape 4,8 once per input, or --inputs FILE.py:NAME"),
    (
        ["ops.py:net", "--shape", "2", "3,4"],
        "3,4 is not FILE.py:NAME",
        "a shape is one word, such as 4,8; for another input write --shape 3,4",
    ),
    (["ops.py:net", "--shape", "2,b"], "'2,b' is not a shape", HOW),
    (["ops.py:net", "--shape", "-3"], "'-3' is not a shape", HOW),
    (["ops.py:net", "--shape", ""], "'' is not a shape", HOW),
    (
        ["ops.py:net", "--shape", "100000,100000"],
        "the shape 100000,100000 has more than 10000000 entries",
        "check a small case of the code",
    ),
    (
        ["ops.py:net", "--shape", "3", "--inputs", "ops.py:net"],
        "--shape and --inputs exclude each other",
        "give --shape 4,8 once per input, or --inputs FILE.py:NAME",
    ),
    (
        ["ops.py:net", "--shape", "3", "--dtype", "float8"],
        "unknown dtype float8",
        "did you mean float64? choose from float64, float32, float16, bfloat16, all",
    ),
    (
        ["ops.py:net", "--shape", "3", "--reference", "ops.py:net"],
        "'ops.py:net' is not a reference",
        "write --reference Sine=ops.py:sine",
    ),
    (["ops.py:net", "--shape", "3", "--order", "3"], "the order must be an integer from 1 to 2, not 3", None),
    (["ops.py:net", "--shape", "3", "--seed", "x"], "the seed must be an integer from 0 to 2147483647, not x", None),
    (
        ["ops.py:net", "--shape", "3", "--format", "latex"],
        "unknown format latex",
        "choose from table, plain, json, github, junit",
    ),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), WRONG, ids=[" ".join(case[0]) for case in WRONG])
def test_a_wrong_request(arguments: list[str], message: str, hint: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gradcheck", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"error: {message}\n" + (f"hint: {hint}\n" if hint else ""))
