"""The README is true: every command in it is run, and its output compared.

`GRADCALC_UPDATE_README=1 pytest tests/test_readme.py` writes today's output into it, for the author to read.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gradcalc.cli.main import main

README = Path(__file__).parents[1] / "README.md"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
# What differs from machine to machine: the versions of what is installed.
_VERSIONS = re.compile(r"\((gradcalc .*?)\)|\"versions\": \{.*?\}")


def sessions(text: str) -> list[str]:
    """The command lines of the README, in order."""
    return [line[2:] for block in _BLOCK.findall(text) for line in block.splitlines() if line.startswith("$ ")]


def run(command: str, folder: Path) -> str:
    """What a person sees: both streams, in a terminal that is none.

    A command that starts with the program runs in this process, where torch is loaded; its output goes through what
    follows a pipe.  Redirections and pipes into the program are left to a shell, with a process of its own.
    """
    line, _, filters = command.partition(" | ")
    program, *arguments = shlex.split(line)
    if program == "gradcalc" and ">" not in arguments:
        shown = run_here(arguments, folder)
        return in_shell(filters, folder, shown) if filters else shown
    return in_shell(command, folder)


def run_here(arguments: list[str], folder: Path) -> str:
    """What the program writes to both streams."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.chdir(folder), contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        main(arguments)
    stream.seek(0)
    return stream.read()


def in_shell(command: str, folder: Path, given: str | None = None) -> str:
    """What a shell writes to both streams."""
    scripts = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "PYTHONUTF8": "1"}
    environment.pop("LC_ALL", None)
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.stdout


def with_today(text: str, folder: Path) -> str:
    """The README with the output that its commands have today."""

    def fresh(block: re.Match[str]) -> str:
        commands = [line for line in block.group(1).splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"{line}\n{run(line[2:], folder)}" for line in commands) + "```"

    return _BLOCK.sub(fresh, text)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the sessions are those of a POSIX shell")
def test_every_session_of_the_readme_is_what_a_person_sees(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    assert len(sessions(text)) >= 10
    today = with_today(text, tmp_path)
    if os.environ.get("GRADCALC_UPDATE_README"):
        README.write_text(today, encoding="utf-8")
    assert _VERSIONS.sub("()", today) == _VERSIONS.sub("()", text)


def test_the_library_example_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    said = [line[2:] for line in code.group(1).splitlines() if line.startswith("# ")]
    exec(code.group(1), {})
    assert capsys.readouterr().out.splitlines() == said


def test_the_readme_has_the_commands_that_set_everything_up() -> None:
    text = README.read_text(encoding="utf-8")
    assert 'pip install -c constraints.txt . && gradcalc diff "sin(x**2)" --at 3' in text
    assert 'pip install -c constraints.txt ".[test]" && pytest' in text
