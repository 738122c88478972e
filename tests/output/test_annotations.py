"""Annotations of GitHub, JUnit's reports, and the batches that write them."""

from __future__ import annotations

import io
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from gradcalc.cli.main import main
from gradcalc.output.annotations import Record, github, junit

RECORDS = [
    Record("a", "q.jsonl", 1, "agree", "", 0),
    Record("b, c", "dir/q:1.jsonl", 2, "disagree", "100% wrong\nin two lines", 1),
    Record("c", "q.jsonl", 3, "undecided", 'x < 1 & "y"\0', 4),
    Record("line 4", "q.jsonl", 4, "error", "unexpected end", 2),
]


def test_annotations_of_github() -> None:
    assert [github(record) for record in RECORDS] == [
        "",
        "::error file=dir/q%3A1.jsonl,line=2,title=b%2C c%3A disagree::100%25 wrong%0Ain two lines\n",
        '::warning file=q.jsonl,line=3,title=c%3A undecided::x < 1 & "y"\0\n',
        "::error file=q.jsonl,line=4,title=line 4%3A error::unexpected end\n",
    ]


def test_a_report_of_junit() -> None:
    suite = ET.fromstring(junit(RECORDS, "gradcalc <batch>"))
    assert suite.attrib == {"name": "gradcalc <batch>", "tests": "4", "failures": "2", "errors": "1"}
    assert [[child.tag for child in case] for case in suite] == [[], ["failure"], ["failure"], ["error"]]
    assert suite[1][0].attrib == {"type": "disagree", "message": "100% wrong\nin two lines"}
    assert suite[2][0].attrib["message"] == 'x < 1 & "y"?'
    assert [case.attrib["line"] for case in suite] == ["1", "2", "3", "4"]


QUERIES = '{"expr": "x**2", "at": 3, "id": "square"}\n# comment\n{"expr": "abs(x)", "at": 0}\n{"expr": "x +", "id": 7}\n'


def test_a_batch_annotates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "queries.jsonl"
    file.write_text(QUERIES)
    assert main(["batch", str(file), "--format", "github"]) == 2
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"::warning file={file},line=3,title=line 3%3A not-differentiable::d/dx: ")
    assert second.startswith(f"::error file={file},line=4,title=7%3A error::")


def test_a_batch_reports(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(QUERIES.encode())))
    assert main(["batch", "--format", "junit", "--fail-on", "disagree"]) == 2
    suite = ET.fromstring(capsys.readouterr().out)
    assert [(case.attrib["name"], len(case)) for case in suite] == [("square", 0), ("line 3", 0), ("7", 1)]


def test_claims_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "claims.csv"
    file.write_text("id,expr,claim\na,x**2,2*x\nb,x**3,3*x\n,x +,1\n")
    assert main(["check", "--file", str(file), "--format", "github"]) == 2
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"::error file={file},line=3,title=b%3A wrong::")
    assert second.startswith(f"::error file={file},line=4,title=line 4%3A error::")
    assert main(["check", "--file", str(file), "--format", "junit"]) == 2
    suite = ET.fromstring(capsys.readouterr().out)
    assert [[child.tag for child in case] for case in suite] == [[], ["failure"], ["error"]]
    assert main(["check", "x**2", "2*x", "--format", "junit"]) == 2


@pytest.mark.parametrize(("text", "code"), [("auto", 0), ("0", 2), ("many", 2)])
def test_jobs(text: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0}, raising=False)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"expr": "x"}\n')))
    assert main(["batch", "-j", text]) == code


@pytest.mark.parametrize(
    ("text", "code"), [("2s", 0), ("5000ms", 0), ("1m", 0), ("3.5", 0), ("0s", 2), ("2d", 2), ("s", 2), ("2000m", 2)]
)
def test_time_limits(text: str, code: int) -> None:
    assert main(["diff", "x**2", "--timeout", text]) == code


@pytest.mark.slow
def test_workers_know_their_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "queries.jsonl"
    file.write_text(QUERIES)
    assert main(["batch", str(file), "--format", "github"]) == 2
    alone = capsys.readouterr().out
    assert main(["batch", str(file), "--format", "github", "--jobs", "2"]) == 2
    assert capsys.readouterr().out == alone
