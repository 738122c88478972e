"""The documents are true: their sessions are run, their code is run, what is generated is what the program says.

`GRADCALC_UPDATE_DOCS=1 pytest tests/test_documents.py` writes today's output into them, for the author to read.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from gradcalc.cli.main import main

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").glob("*.md"))]
UPDATE = "GRADCALC_UPDATE_DOCS"
every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=[path.name for path in DOCUMENTS])
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
# What differs from machine to machine: the versions of what is installed.
_VERSIONS = re.compile(r"\((gradcalc .*?)\)|\"versions\": \{.*?\}")


def sessions(text: str) -> list[str]:
    """The command lines of a document, in order."""
    return [line[2:] for block in _BLOCK.findall(text) for line in block.splitlines() if line.startswith("$ ")]


def run(command: str, folder: Path) -> str:
    """What a person sees: both streams, in a terminal that is none.

    A command that starts with the program runs in this process, where torch is loaded; its output goes through what
    follows a pipe.  Redirections and pipes into the program are left to a shell, with a process of its own.
    """
    line, _, filters = command.partition(" | ")
    program, *arguments = shlex.split(line)
    if program == "gradcalc" and not {">", "&&", "||"} & set(arguments):
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
    """A document with the output that its commands have today."""

    def fresh(block: re.Match[str]) -> str:
        commands = [line for line in block.group(1).splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"{line}\n{run(line[2:], folder)}" for line in commands) + "```"

    return _BLOCK.sub(fresh, text)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the sessions are those of a POSIX shell")
@every_document
def test_every_session_is_what_a_person_sees(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    today = with_today(text, tmp_path)
    if os.environ.get(UPDATE):
        path.write_text(today, encoding="utf-8")
    assert _VERSIONS.sub("()", today) == _VERSIONS.sub("()", text)


@every_document
def test_code_prints_what_it_says(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        with contextlib.chdir(tmp_path):
            exec(code, names)
        expected = [line.partition("# ")[2] for line in code.splitlines() if line.startswith("# ")]
        assert capsys.readouterr().out.splitlines() == expected


@every_document
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text):
        name, _, heading = target.partition("#")
        other = path if not name else path.parent / name
        assert name.startswith("https://") or other.exists(), target
        if heading:
            assert heading in headings(other.read_text(encoding="utf-8")), target


def headings(text: str) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["functions.md", "verdicts.md", "commands.md", "session-light.svg", "session-dark.svg"])
def test_generated_files_are_today_s(name: str) -> None:
    assert generated()[name] == (ROOT / "docs" / name).read_text(encoding="utf-8")


@cache
def generated() -> dict[str, str]:
    texts: dict[str, str] = runpy.run_path(str(ROOT / "docs" / "generate.py"))["files"]()
    return texts


def test_the_readme_is_short_and_links_every_page() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    for path in DOCUMENTS[1:]:
        assert f"docs/{path.name}" in text, path.name


def test_the_readme_has_the_commands_that_set_everything_up() -> None:
    text = README.read_text(encoding="utf-8")
    assert 'pip install -c constraints.txt . && gradcalc diff "sin(x**2)" --at 3' in text
    assert 'pip install -c constraints.txt ".[test]" && pytest' in text
