"""Help pages: of the program and of commands, wrapped to the terminal; and the version for bug reports."""

from __future__ import annotations

import json
import platform

import pytest
import typer

from gradcalc.cli import command_tree, help_page
from gradcalc.cli.app import application
from gradcalc.cli.main import main
from gradcalc.output.options import RenderOptions

GROUP = typer.main.get_group(application())
COMMANDS = command_tree.commands(GROUP)


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_pages_fit_the_terminal(command: command_tree.Command, width: int) -> None:
    page = help_page.command_page(command, RenderOptions(width=width))
    # An example has words that are longer than a narrow terminal.
    assert [line for line in page.splitlines() if len(line) > width and not line.startswith("  ")] == []
    assert all(option.names[0] in page for option in command.options)


def test_the_program_fits_the_terminal() -> None:
    page = help_page.program_page(GROUP, RenderOptions(width=80))
    assert [line for line in page.splitlines() if len(line) > 80] == []
    assert all(f"\n  {command.name} " in page for command in COMMANDS)


def test_headings_are_bold_on_a_terminal() -> None:
    page = help_page.program_page(GROUP, RenderOptions(width=80, color=True))
    assert "\x1b[1mCommands\x1b[0m\n" in page
    assert "\x1b[" not in help_page.program_page(GROUP, RenderOptions(width=80))


def test_help_is_the_page_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--help"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("Usage: gradcalc diff EXPR [OPTIONS]\n")
    assert main(["help", "diff"]) == 0
    assert capsys.readouterr().out == page
    assert main(["help"]) == 0
    listing = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == listing


def test_help_of_an_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "dif"]) == 2
    assert capsys.readouterr().err.startswith("error: unknown command dif\nhint: did you mean diff?")


def test_defaults_and_variables_are_written_in_one_way() -> None:
    page = help_page.command_page(next(it for it in COMMANDS if it.name == "diff"), RenderOptions())
    text = " ".join(page.split())
    assert "[default: cpu; env: GRADCALC_DEVICE]" in text
    assert "[default: float64; env: GRADCALC_DTYPE]" in text
    assert text.count("[default: all]") == 1


def test_the_version_for_bug_reports(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == main(["-V"]) == 0
    assert main(["-V"]) == 0
    *_, line = capsys.readouterr().out.splitlines()
    assert main(["--version", "--verbose"]) == 0
    names = [row.split()[0] for row in capsys.readouterr().out.splitlines()]
    assert names == ["gradcalc", "torch", "sympy", "python-flint", "python", "platform"]
    assert main(["--version", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert line == f"gradcalc {found['versions']['gradcalc']}"
    assert found["python"] == platform.python_version()
