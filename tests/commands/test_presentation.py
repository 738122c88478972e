"""Options that every command has: where the result goes, in which colours, and what short options are."""

from __future__ import annotations

import io
import json
import stat
import sys
from pathlib import Path

import pytest

from gradcalc.cli.main import main


def test_json_is_the_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "x**2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["read_as"] == "x**2"


@pytest.mark.parametrize(
    "arguments", [["functions", "gelu"], ["explain", "kink"], ["diff", "x**2"], ["steps", "x**2"]], ids=" ".join
)
def test_a_result_goes_to_a_file(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    file = tmp_path / "result.txt"
    file.write_text("before")
    file.chmod(0o640)
    assert main([*arguments, "-o", str(file)]) == 0
    assert capsys.readouterr() == ("", f"wrote {file}\n")
    assert file.read_text(encoding="utf-8") == printed
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_an_error_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "result.txt"
    file.write_text("before")
    assert main(["diff", "x +", "-o", str(file)]) == 2
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "x", "-o", str(tmp_path / "no" / "file")]) == 2
    assert capsys.readouterr().err == f"error: cannot write {tmp_path}/no/file: No such file or directory\n"


def test_a_quiet_command_has_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "x", "-q", "-o", "file"]) == 2
    assert capsys.readouterr().err.startswith("error: --quiet and --output")


@pytest.mark.parametrize(
    ("arguments", "environment", "colored"),
    [
        (["diff", "x**2", "--at", "3"], {}, False),
        (["diff", "x**2", "--at", "3", "--color", "always"], {}, True),
        (["--color", "always", "diff", "x**2", "--at", "3"], {"NO_COLOR": "1"}, True),
        (["diff", "x**2", "--at", "3", "--no-color"], {"FORCE_COLOR": "1"}, False),
        (["diff", "x**2", "--at", "3"], {"FORCE_COLOR": "1"}, True),
        (["diff", "x**2", "--at", "3", "--format", "json"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_color(
    arguments: list[str],
    environment: dict[str, str],
    colored: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 0
    assert ("\x1b[" in capsys.readouterr().out) is colored


def test_errors_are_in_color(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--color", "always", "diff", "sinn(x)"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "\x1b[1;31merror:\x1b[0m unknown function sinn"
    assert lines[-1] == "\x1b[36mhint:\x1b[0m did you mean sin?"


def test_an_unknown_color(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "x", "--color", "sometimes"]) == 2
    assert capsys.readouterr().err.startswith("error: unknown color sometimes\n")


@pytest.mark.parametrize("digits", ["0", "101", "x"])
def test_digits_are_a_count(digits: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "x", "--digits", digits]) == 2
    assert "the number of digits" in capsys.readouterr().err


def test_an_expression_that_is_piped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x**3\n")))
    assert main(["diff"]) == 0
    assert capsys.readouterr().out == "f = x**3\n∂f/∂x = 3*x**2\n"


def test_nothing_is_read_from_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(b"x**3\n"))
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", terminal)
    assert main(["diff"]) == 2
    assert capsys.readouterr().err == "error: missing argument 'EXPR'\nhint: gradcalc diff --help shows the usage\n"


ENDINGS = [
    (["steps", "x**2"], "page.html", "<!DOCTYPE html>"),
    (["diff", "x**2"], "report.json", '{"schema"'),
    (["diff", "x**2", "--at", "1"], "points.csv", "x,value"),
    (["trace", "x**2", "--at", "2"], "graph.svg", "<svg "),
    (["diff", "x**2"], "notes.txt", "f = x**2"),
]


@pytest.mark.parametrize(("words", "name", "start"), ENDINGS, ids=[row[1] for row in ENDINGS])
def test_the_ending_of_the_file_chooses_the_format(words: list[str], name: str, start: str, tmp_path: Path) -> None:
    path = tmp_path / name
    assert main([*words, "-o", str(path)]) == 0
    assert path.read_text(encoding="utf-8").startswith(start)


def test_a_format_that_is_named_holds(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert main(["diff", "x**2", "--json", "-o", str(path)]) == 0
    assert path.read_text(encoding="utf-8").startswith("{")
