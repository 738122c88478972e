"""The README is true: every command in it is run, and its output compared.

`GRADCALC_UPDATE_README=1 pytest tests/test_readme.py` writes today's output into it, for the author to read.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
# What differs from machine to machine: the versions of what is installed.
_VERSIONS = re.compile(r"\((gradcalc .*?)\)|\"versions\": \{.*?\}")


def sessions(text: str) -> list[str]:
    """The command lines of the README, in order."""
    return [line[2:] for block in _BLOCK.findall(text) for line in block.splitlines() if line.startswith("$ ")]


def run(command: str, folder: Path) -> str:
    """What a person sees: both streams, in a terminal that is none."""
    scripts = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "PYTHONUTF8": "1"}
    environment.pop("LC_ALL", None)
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
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


def test_the_library_example_prints_what_it_says() -> None:
    code = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    said = [line[2:] for line in code.group(1).splitlines() if line.startswith("# ")]
    done = subprocess.run([sys.executable, "-c", code.group(1)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == said


def test_the_readme_has_the_commands_that_set_everything_up() -> None:
    text = README.read_text(encoding="utf-8")
    assert 'pip install -c constraints.txt . && gradcalc diff "sin(x**2)" --at 3' in text
    assert 'pip install -c constraints.txt ".[test]" && pytest' in text
