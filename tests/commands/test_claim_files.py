"""Claims in files and in lines of a batch: a verdict for every row, whatever the others are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradcalc.cli.main import main

CSV = """id,expr,claim,by,at,where,remark
ann,sin(x)/x,(cos(x)*x - sin(x))/x,,,,late
bob,sin(x**2),2x cos(x^2),,,,
# a comment

cleo,"max(x, y)","x > y",x,,,
dan,abs(x),1,,,x > 0
eve,sin(x),cos(x,,,
fay,x*y,y,,,
,"sin(x),","cos(x)",x,,,,,
hal,x*y,dL/dx = y,,"x=1,y=2",
ian,log(-x**2-1),1/x
joe,cbrt(x),x**(-2/3)/3
kim,sum(x**2),2*x,x,"x=[1,2,3]"
"""
OUTCOMES = [
    (2, "ann", "wrong"), (3, "bob", "right"), (6, "cleo", "right"), (7, "dan", "right"), (8, "eve", "error"), (9, "fay", "error"),
    (10, None, "error"), (11, "hal", "right"), (12, "ian", "undecided"), (13, "joe", "partly"), (14, "kim", "right"),
]  # fmt: skip
TABLE = [
    "ann ✗ wrong the denominator was not squared in the quotient rule for sin(x)/x",
    "bob ✓ right",
    "cleo ✓ right sampled, not proven",
    "dan ✓ right",
    "eve ✗ error line 8: missing ); this ( is never closed",
    "fay ✗ error line 9: the expression has several variables: x, y; choose one with --by x",
    '10 ✗ error line 10: 9 cells for 7 columns; put cells with "," in quotes',
    "hal ✓ right",
    "ian ? undecided no point was found where the derivative exists and could be compared",
    "joe ! partly right where x > 0",
    "kim ✓ right",
    "11 claims: 5 right, 1 partly, 1 wrong, 1 undecided, 3 errors",
]


SECRET = [
    '{"expr": "x**2", "claim": "2*x", "at": {"x": "@FILE"}}',
    '{"expr": "x**2", "claim": "2*x", "at": "x=@FILE"}',
    '{"expr": "x**2", "lines": ["df/dx = 2*x"], "at": {"x": "@FILE"}}',
]


@pytest.mark.parametrize("row", SECRET, ids=range(len(SECRET)))
@pytest.mark.parametrize("command", ["batch", "check --file"])
def test_rows_do_not_read_files(command: str, row: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever writes a row would see in the error what is in the file."""
    (tmp_path / "secret").write_text("password")
    rows = tmp_path / "rows.jsonl"
    rows.write_text(row.replace("FILE", str(tmp_path / "secret")))
    assert main([*command.split(), str(rows), "--format", "json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["error"]["message"] == "unexpected @"


def test_a_derivation_in_a_batch_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"expr": "x**2", "lines": ["u = x", "df/dx = 3*u"]}\n{"expr": "x", "claim": "1", "at": [3]}\n')
    assert main(["batch", str(rows), "--format", "github"]) == 2
    wrong, error = capsys.readouterr().out.splitlines()
    assert "title=line 1%3A wrong::line 2: at x = " in wrong
    assert error.endswith('::at must be an object, a string or a number (write "at": {"x": 3})')


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    path = tmp_path / "claims.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_the_table(claims: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--file", str(claims)]) == 2
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0] == "id verdict mistake"
    assert lines[2:] == TABLE


def test_formats_for_programs(claims: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--file", str(claims), "--format", "plain"]) == 2
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(int(row[0]), row[1] or None, row[2]) for row in rows] == OUTCOMES
    assert rows[0][3:] == ["quotient rule", "the denominator was not squared in the quotient rule for sin(x)/x"]
    assert main(["check", "--file", str(claims), "--json"]) == 2
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(it["line"], it["id"], it.get("outcome", "error")) for it in answers] == OUTCOMES
    assert {it["schema"] for it in answers} == {"gradcalc/1"}
    assert answers[0]["counterexample"] == answers[0]["points"][0]
    assert answers[4]["error"]["source"] == "cos(x"
    assert (answers[-1]["shape"], len(answers[-1]["entries"])) == ([3], 3)


CODES = [
    ("expr,claim\nsin(x),cos(x)\nx**2,2*x\n", 0),
    ("expr,claim\nsin(x),cos(x)\nx**2,x\nlog(-x**2 - 1),1/x\n", 1),
    ("expr,claim\ncbrt(x),x**(-2/3)/3\n", 3),
    ("expr,claim\ncbrt(x),x**(-2/3)/3\nlog(-x**2 - 1),1/x\n", 4),
    ("expr,claim\nsin(x),cos(x)\nx**2,\n", 2),
    ("expr\tclaim\nmax(x, 1)\tx > 1\n", 0),
    ("expr;claim\nmax(x, 1);x > 1\n", 0),
    ("\ufeffexpr,lines\nsin(x^2),u = x^2; f' = cos(u)*u'\n", 0),
    ('expr,lines\nsin(x^2),"u = x^2\nf\' = cos(u)"\n', 1),
    ('{"expr": "x*y", "claim": "y", "wrt": "x", "at": {"x": 1, "y": "1/3"}}\n', 0),
    ('{"expr": "sum((x - y)**2)", "claim": "2*(x - y)", "by": "x", "at": {"x": [1, 2.5], "y": [1, 0]}}\n', 0),
    ('{"expr": "sin(x^2)", "lines": ["u = x^2", "f\' = cos(u)*u\'"], "id": 7}\n', 0),
    ('{"expr": "x**2", "claim": "2*x"}\n{"expr": "x**2", "claim"\n[1]\n{"expr": "x**2", "claim": 2}\n', 2),
    ('expr,claim\nx**2,"2*x\n', 2),
]


@pytest.mark.parametrize(("content", "code"), CODES, ids=range(len(CODES)))
def test_the_exit_code_is_that_of_the_worst(content: str, code: int, tmp_path: Path) -> None:
    path = tmp_path / "claims.txt"
    path.write_text(content, encoding="utf-8")
    assert main(["check", "--file", str(path), "--quiet"]) == code


BAD_FILES = [
    (b"", "error: claims.txt has no claims\n"),
    (b"\xff\xfe", "error: cannot read claims.txt: it is not UTF-8 text\n"),
    (b"x**2,2*x\n", "error: claims.txt has no column expr\n"),
    (b"id,expr\n1,x**2\n", "error: claims.txt has no column claim\n"),
    (b"expr,claims\nx**2,2*x\n", "error: claims.txt has an unknown column claims\nhint: did you mean claim?\n"),
    (b"expr,claim,claim\nx**2,2*x,2*x\n", "error: claims.txt has two columns claim\n"),
]


@pytest.mark.parametrize(("content", "expected"), BAD_FILES, ids=range(len(BAD_FILES)))
def test_files_that_are_no_table(
    content: bytes, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("claims.txt").write_bytes(content)
    assert main(["check", "--file", "claims.txt"]) == 2
    assert capsys.readouterr().err.startswith(expected)


def test_a_bug_in_one_row_does_not_stop_the_others(
    claims: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gradcalc.commands import claim_questions

    honest = claim_questions.check

    def fails(expr: str, *arguments: object, **options: object) -> object:
        if expr == "abs(x)":
            raise RuntimeError("broken")
        return honest(expr, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(claim_questions, "check", fails)
    assert main(["check", "--file", str(claims), "--format", "plain"]) == 70
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == len(OUTCOMES)
    assert rows[3][2:] == ["error", "", "line 7: internal error: RuntimeError: broken"]


def test_a_file_is_no_claim(claims: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "x**2", "2*x", "--file", str(claims)]) == 2
    assert "--file has its own expressions and claims" in capsys.readouterr().err


BATCH = """{"id": 1, "expr": "sin(x)", "claim": "cos(x)"}
{"id": 2, "expr": "sin(x)", "at": {"x": 1}}
{"id": 3, "expr": "sin(x**2)", "lines": ["u = x^2", "f' = cos(u)"]}
{"id": 4, "expr": "sin(x)", "claim": "cos(x)", "dtype": "float32"}
{"id": 5, "expr": "sum((X@w - y)**2)", "claim": "2*X.T@(X@w - y)", "by": "w", "at": {"X": [[1, 2], [3, 4]], "w": [1, 2], "y": [1, 0.5]}}
{"id": 6, "expr": "sin(x)", "claim": "cos(x"}
"""


@pytest.mark.parametrize("options", [[], ["--jobs", "2"]], ids=["serial", "two jobs"])
def test_claims_in_a_batch(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(BATCH, encoding="utf-8")
    assert main(["batch", str(path), *options]) == 2
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [it["id"] for it in answers] == [1, 2, 3, 4, 5, 6]
    assert [it.get("outcome") for it in answers] == ["right", None, "wrong", "error", "right", "error"]
    assert answers[1]["verdict"] == "agree"
    assert answers[3]["error"]["message"] == "unknown key dtype"
    assert main(["check", "sin(x)", "cos(x)", "--json"]) == 0
    single = json.loads(capsys.readouterr().out)
    assert {key: value for key, value in answers[0].items() if key in single} == single


def test_wrong_claims_make_the_exit_code_of_a_batch(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"expr": "sin(x)", "claim": "sin(x)"}\n', encoding="utf-8")
    assert main(["batch", str(path), "--quiet"]) == 1
    assert main(["batch", str(path), "--quiet", "--fail-on", "undecided"]) == 0


def test_ids_of_json_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An id is text or an integer in every answer, as the schema says."""
    path = tmp_path / "claims.jsonl"
    ids = ["0", '""', "null", "true", "[1]", "1.5", '"a"']
    path.write_text("".join(f'{{"id": {it}, "expr": "x", "claim": "1"}}\n' for it in ids), encoding="utf-8")
    assert main(["check", "--file", str(path), "--json"]) == 0
    answers = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert answers == [0, None, None, "True", "[1]", "1.5", "a"]
    assert not isinstance(answers[0], bool)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=ascii)
def test_line_endings(ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "claims.csv"
    path.write_bytes(ending.join(["id,expr,claim", "a,x,1", "b,x,2", ""]).encode())
    assert main(["check", "--file", str(path), "--format", "plain"]) == 1
    assert [line.split("\t")[:3] for line in capsys.readouterr().out.splitlines()] == [
        ["2", "a", "right"],
        ["3", "b", "wrong"],
    ]


@pytest.mark.parametrize("format", ["table", "plain"])
def test_names_in_files_do_not_change_the_terminal(format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An id may be anything: here it sets the title of a terminal, and has two lines."""
    path = tmp_path / "claims.jsonl"
    path.write_text('{"id": "a\\u001b]0;title\\u0007\\nb", "expr": "x", "claim": "2"}\n{"expr": "x", "\\u001bclaim": 1}\n')
    assert main(["check", "--file", str(path), "--format", format]) == 2
    written = capsys.readouterr().out
    assert written.replace("\n", "").replace("\t", "").isprintable()
    assert "a ]0;title  b" in next(line for line in written.splitlines() if "the claim is 2 times" in line)


def test_errors_do_not_change_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "x", "--format", "\x1b[31m"]) == 2
    assert capsys.readouterr().err.startswith("error: unknown format  [31m\n")


def test_a_file_without_claims_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("id,expr,claim\n", encoding="utf-8")
    assert main(["check", "--file", str(path)]) == 2
    assert "has no claims" in capsys.readouterr().err
