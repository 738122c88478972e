"""What shell scripts rely on: completion, the manual page, --quiet, defaults from the environment, and the examples."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from gradcalc.cli import command_tree, manual
from gradcalc.cli.app import application
from gradcalc.cli.main import main

ROOT = Path(__file__).parents[2]
COMMANDS = command_tree.commands(typer.main.get_group(application()))
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which `gradcalc` is the program under test."""
    folder = tmp_path_factory.mktemp("bin")
    shim = folder / "gradcalc"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gradcalc "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


# ----------------------------------------------------------------------------------------------------------- completion


def completed(words: str, environment: dict[str, str]) -> list[str]:
    """What bash offers after some words, the last of which is being typed."""
    typed = words.split(" ")
    line = " ".join(f"'{word}'" for word in typed)
    code = f'eval "$(gradcalc completion bash)"; COMP_WORDS=({line}); COMP_CWORD={len(typed) - 1}; _gradcalc; echo "${{COMPREPLY[@]}}"'
    ran = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=ROOT)
    assert ran.stderr == ""
    return ran.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("gradcalc d", ["diff", "devices"]),
        ("gradcalc --v", ["--version"]),
        ("gradcalc diff --d", ["--device", "--dtype", "--direction", "--digits"]),
        ("gradcalc diff x --dtype f", ["float64", "float32", "float16"]),
        ("gradcalc diff x --format c", ["csv"]),
        ("gradcalc bce --format c", []),
        ("gradcalc batch --j", ["--jobs", "--json"]),
        ("gradcalc diff x --format=j", ["--format=json"]),
        ("gradcalc diff x --format = j", ["json"]),
        ("gradcalc explain nan", ["nan-trap"]),
        ("gradcalc completion f", ["fish"]),
        ("gradcalc help de", ["devices"]),
        ("gradcalc batch CONTR", ["CONTRIBUTING.md"]),
        ("gradcalc diff x --points CONTR", ["CONTRIBUTING.md"]),
        ("gradcalc gradcheck CONTR", ["CONTRIBUTING.md"]),
        ("gradcalc gradcheck f --inputs CONTR", ["CONTRIBUTING.md"]),
        ("gradcalc gradcheck examples/backward_passes.py : Sq", ["Square"]),
        ("gradcalc gradcheck examples/backward_passes.py:Sq", ["examples/backward_passes.py:Square"]),
        ("gradcalc gradcheck f --inputs examples/backward_passes.py : sin", ["sine"]),
        ("gradcalc gradcheck f --inputs=examples/backward_passes.py:sin", ["--inputs=examples/backward_passes.py:sine"]),
        ("gradcalc gradcheck missing.py : f", []),
        ("gradcalc gradcheck f --dtype a", ["all"]),
    ],
)
def test_bash_completes(words: str, offered: list[str], environment: dict[str, str]) -> None:
    assert completed(words, environment) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_know_every_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for command in COMMANDS:
        assert command.name in script
        assert all(option.names[0].removeprefix("--") in script for option in command.options)


def test_an_unknown_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert capsys.readouterr().err == "error: unknown shell tcsh\nhint: choose from bash, zsh, fish\n"


# ------------------------------------------------------------------------------------------------------- the manual page


def test_the_manual_page_is_that_of_the_commands() -> None:
    """`python -m gradcalc.cli.manual > man/gradcalc.1` makes it anew."""
    assert (ROOT / "man" / "gradcalc.1").read_text(encoding="utf-8") == manual.page()


def test_the_manual_page_has_every_command_option_and_variable() -> None:
    page = manual.page()
    for command in COMMANDS:
        assert f'.SS "{command.name}' in page
        for option in command.options:
            assert option.names[0].replace("-", r"\-") in page
            assert option.variable is None or rf"\fB{option.variable}\fR" in page
    assert not [line for line in page.splitlines() if line.startswith("'")]


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff")
def test_troff_has_no_complaints() -> None:
    ran = subprocess.run(
        ["groff", "-man", "-ww", "-z", str(ROOT / "man" / "gradcalc.1")], capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""


# ------------------------------------------------------------------------------------------------ quiet and environment


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["diff", "x**2", "--at", "3", "--quiet"], 0),
        (["diff", "abs(x)", "--at", "0", "--quiet"], 3),
        (["diff", "sin(x", "--quiet"], 2),
        (["bce", "--x", "1", "--y", "0", "--quiet"], 0),
    ],
)
def test_quiet_is_the_exit_code_alone(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == code
    assert capsys.readouterr().out == ""


def test_defaults_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GRADCALC_FORMAT", "json")
    monkeypatch.setenv("GRADCALC_DTYPE", "float16")
    assert main(["diff", "x**2", "--at", "3"]) == 0
    assert '"dtype": "float16"' in capsys.readouterr().out
    assert main(["diff", "x**2", "--at", "3", "--format", "plain", "--dtype", "float64"]) == 0
    assert capsys.readouterr().out.startswith("x=3\t")
    monkeypatch.setenv("GRADCALC_TIMEOUT", "soon")
    assert main(["diff", "x**2"]) == 2
    assert capsys.readouterr().err.startswith("error: a time limit must be above 0")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "1e3", "1000000", "", "."])
def test_a_time_limit_is_a_number_of_seconds(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "x", f"--timeout={seconds}"]) == 2
    assert "a time limit must be above 0 and at most 86400 seconds, not" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------------- examples


def ran(command: list[str], environment: dict[str, str], folder: Path = EXAMPLES) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)


RIGHT = {"gradcalc-check": "expr,claim\nx**2,2*x\n", "gradcalc-batch": '{"expr": "x**2", "at": 3}\n'}
HOOKS = [
    ("gradcalc-check", RIGHT["gradcalc-check"], 0),
    ("gradcalc-check", "expr,claim\nx**2,3*x\n", 1),
    ("gradcalc-batch", RIGHT["gradcalc-batch"], 0),
    ("gradcalc-batch", '{"expr": "sqrt(x**4)", "at": 0}\n', 1),
]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_the_makefile_fails_on_a_wrong_derivative(environment: dict[str, str], tmp_path: Path) -> None:
    right = ran(["make", "check"], environment)
    assert (right.returncode, right.stdout.splitlines()[-1]) == (0, "2 claims: 2 right")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("expr,claim\nsin(x**2),cos(x**2)\n", encoding="utf-8")
    told = ran(["make", "check", f"FILE={wrong}"], environment)
    assert told.returncode == 2
    assert told.stdout.splitlines()[-1] == "1 claim: 1 wrong"


@pytest.mark.slow
def test_the_gradients_of_the_workflow(environment: dict[str, str], tmp_path: Path) -> None:
    workflow = (EXAMPLES / "github-workflow.yml").read_text(encoding="utf-8")
    commands = [line.partition("run: ")[2] for line in workflow.splitlines() if "run: gradcalc" in line]
    assert len(commands) == 2
    for command in commands:
        for file in ("claims.csv", "gradients.jsonl"):
            shutil.copy(EXAMPLES / file, tmp_path)
        done = ran(shlex.split(command), environment, tmp_path)
        assert (done.returncode, done.stdout) == (0, "")
    assert 'tests="2" failures="0" errors="0"' in (tmp_path / "gradients.xml").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
@pytest.mark.parametrize(("hook", "content", "code"), HOOKS)
def test_hooks_of_pre_commit(hook: str, content: str, code: int, environment: dict[str, str], tmp_path: Path) -> None:
    """Its file is YAML of the simplest kind: the entry of a hook is one line, and files follow it."""
    text = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8").partition(f"- id: {hook}\n")[2]
    entry = text.partition("  entry: ")[2].partition("\n")[0]
    ending = ".csv" if hook == "gradcalc-check" else ".jsonl"
    (tmp_path / f"first{ending}").write_text(content, encoding="utf-8")
    (tmp_path / f"second{ending}").write_text(RIGHT[hook], encoding="utf-8")
    files = sorted(str(path) for path in tmp_path.iterdir())
    assert ran([*shlex.split(entry), *files], environment, tmp_path).returncode == code


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_the_git_hook_refuses_a_gradient_that_is_lost(environment: dict[str, str], tmp_path: Path) -> None:
    own = {**environment, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    assert ran(["git", "init", "-q"], own, tmp_path).returncode == 0
    shutil.copy(EXAMPLES / "pre-commit", tmp_path / ".git" / "hooks" / "pre-commit")
    code = tmp_path / "code.py"
    for text, returned in [("# gradcalc: x*tanh(x) at 0.5\n", 0), ("# gradcalc: (1-cos(x))/x**2 at 1e-7\n", 1)]:
        code.write_text(text, encoding="utf-8")
        ran(["git", "add", "code.py"], own, tmp_path)
        committed = ran([*git, "commit", "-qm", "a"], own, tmp_path)
        assert committed.returncode == returned, committed.stderr
    assert committed.stderr == "not committed: gradcalc diff '(1-cos(x))/x**2' --at '1e-7' exits with 3\n"


@pytest.mark.slow
def test_the_sweep(environment: dict[str, str], tmp_path: Path) -> None:
    swept = ran(["./sweep.sh", str(tmp_path / "sweep.csv")], environment)
    assert (swept.returncode, swept.stderr) == (0, "")
    assert swept.stdout.startswith("from x = 0.")
    assert len((tmp_path / "sweep.csv").read_text().splitlines()) == 42


@pytest.mark.slow
def test_the_file_of_expressions(environment: dict[str, str]) -> None:
    assert ran(["./expressions.sh"], environment).stdout == "3 abs(x - 0.5)\n"
