"""What only a terminal gets: a pager for long text, a spinner for long computations; and a file that is left when a run ends."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradcalc.cli.main import main
from gradcalc.commands import console, pager, spinner

pty = pytest.importorskip("pty")
GRADCALC = [sys.executable, "-P", "-m", "gradcalc"]
NUMBERED = "     1\t"
"""What `cat -n` writes first."""


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What the program writes on a terminal of 24 lines."""
    ours, its = pty.openpty()
    own = {**os.environ, "TERM": "xterm", "LINES": "24", "COLUMNS": "80", **environment}
    process = subprocess.Popen([*GRADCALC, *arguments], stdin=its, stdout=its, stderr=its, env=own)
    os.close(its)
    written = b""
    try:
        while part := os.read(ours, 65_536):
            written += part
    except OSError:  # Linux says so at the end
        pass
    os.close(ours)
    process.wait(60)
    return written.decode().replace("\r\n", "\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "is_paged"),
    [
        (["functions"], True),
        (["functions", "--no-pager"], False),
        (["functions", "gelu"], False),
        (["explain"], True),
        (["help", "diff"], True),
        (["diff", "x**2", "--at", "x=0:1:30"], True),
        (["diff", "x**2", "--at", "x=0:1:30", "--format", "csv"], True),
        (["diff", "x**2"], False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_long_text_goes_through_a_pager(arguments: list[str], is_paged: bool) -> None:
    written = on_a_terminal(*arguments, PAGER="cat -n", GRADCALC_PAGER="cat -n")
    assert (NUMBERED in written) is is_paged
    assert written.count("\n") > 1 or not is_paged


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({}, ["less", "-FRX"]),
        ({"PAGER": "more -s"}, ["more", "-s"]),
        ({"PAGER": "more", "GRADCALC_PAGER": "less"}, ["less"]),
        ({"PAGER": "cat"}, None),
        ({"PAGER": ""}, None),
        ({"PAGER": "'"}, None),
        ({"PAGER": "no-such-program"}, None),
        ({"TERM": "dumb"}, None),
    ],
    ids=str,
)
def test_the_pager_is_that_of_the_user(
    environment: dict[str, str], command: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None if name == "no-such-program" else f"/bin/{name}")
    assert pager.pager_command(environment) == command


def test_a_pager_that_cannot_start_is_left_out(tmp_path: Path) -> None:
    program = tmp_path / "pager"
    program.write_text("neither a script nor a binary")
    program.chmod(0o755)
    written = on_a_terminal("functions", GRADCALC_PAGER=str(program))
    assert "inverse matrix" in written
    assert "internal error" not in written


def test_an_interrupt_in_a_pager_ends_when_the_reader_leaves_it(tmp_path: Path) -> None:
    """The program waits for the pager when the signal comes, and must not wait for itself."""
    script = tmp_path / "pager"
    script.write_text('#!/bin/sh\ncat > /dev/null\ntouch "$0.read"\nwhile [ ! -e "$0.left" ]; do sleep 0.05; done\n')
    script.chmod(0o755)
    ours, its = pty.openpty()
    own = {**os.environ, "TERM": "xterm", "GRADCALC_PAGER": str(script)}
    process = subprocess.Popen([*GRADCALC, "functions"], stdin=its, stdout=its, stderr=its, env=own)
    while not (tmp_path / "pager.read").exists():
        time.sleep(0.05)
        assert process.poll() is None
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    (tmp_path / "pager.left").touch()
    try:
        assert process.wait(60) == 130
    finally:
        process.kill()
        os.close(ours)
        os.close(its)


class Terminal(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        return True


def test_a_spinner_ends_when_something_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, out = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(spinner, "_DELAY", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    with spinner.Spinner():
        while "computing" not in terminal.getvalue():
            time.sleep(0.01)
        console.write("result\n")
        written = terminal.getvalue()
        time.sleep(0.3)
    assert written.endswith("\r\x1b[K")
    assert terminal.getvalue() == written
    assert out.getvalue() == "result\n"


def test_a_short_computation_has_no_spinner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(spinner, "_DELAY", 60.0)
    assert main(["diff", "x**2"]) == 0
    assert terminal.getvalue() == ""


def test_a_run_that_is_interrupted_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text("before")
    process = subprocess.Popen(
        [*GRADCALC, "batch", "-o", str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin
    process.stdin.write(b'{"expr": "x+"}\n')
    process.stdin.flush()
    while len(list(tmp_path.iterdir())) < 2:  # it is being written
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert [path.name for path in tmp_path.iterdir()] == ["results.jsonl"]
    assert file.read_text() == "before"
