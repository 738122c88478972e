"""The manual page, made from the commands: `python -m gradcalc.cli.manual > man/gradcalc.1`.

Comes in: the program as data.  Goes out: troff, in the macros of man(7).
"""

from __future__ import annotations

import re
import sys

import typer

from gradcalc import __version__
from gradcalc.cli.app import EXIT_CODES, SUMMARY, application
from gradcalc.cli.command_tree import Command, Option, commands

_ENVIRONMENT = (
    ("GRADCALC_DEBUG", "If set, a bug shows its traceback."),
    ("NO_COLOR", "If set and not empty, tables have no colour."),
)


def page() -> str:
    """The whole page."""
    tree = commands(typer.main.get_group(application()))
    lines = [
        f'.TH GRADCALC 1 "" "gradcalc {__version__}" "User Commands"',
        ".SH NAME",
        rf"gradcalc \- {_text(SUMMARY[:1].lower() + SUMMARY[1:].rstrip('.'))}",
        ".SH SYNOPSIS",
    ]
    for command in tree:
        lines += [".br", rf".B gradcalc {command.name}", _text(" ".join([*_words(command), "[options]"]))]
    lines += [".SH COMMANDS"]
    for command in tree:
        lines += _command(command)
    lines += [".SH EXIT STATUS"]
    for code, meaning in EXIT_CODES:
        lines += [".TP", rf"\fB{code}\fR", _text(meaning)]
    lines += [".SH ENVIRONMENT"]
    for name, meaning in sorted({**_variables(tree), **dict(_ENVIRONMENT)}.items()):
        lines += [".TP", rf"\fB{name}\fR", _text(meaning)]
    return "\n".join(lines) + "\n"


def _variables(tree: tuple[Command, ...]) -> dict[str, str]:
    options = [option for command in tree for option in command.options if option.variable]
    return {str(option.variable): f"The default of {option.names[0]}." for option in options}


def _words(command: Command) -> list[str]:
    return [argument.word for argument in command.arguments]


def _command(command: Command) -> list[str]:
    lines = [f'.SS "{command.name} {" ".join(_words(command))}"']
    for paragraph in command.help.split("\n\n"):
        if paragraph.startswith("\b"):  # lines that stay as they are
            lines += [".PP", ".nf", *map(_text, paragraph.split("\n")[1:]), ".fi"]
        else:
            lines += [".PP", _text(" ".join(paragraph.split()))]
    for option in command.options:
        lines += _option(option)
    return lines


def _option(option: Option) -> list[str]:
    names = ", ".join(rf"\fB{_text(name)}\fR" for name in option.names)
    default = f" [default: {option.default}]" if option.default is not None else ""
    return [".TP", names + (rf" \fI{option.takes}\fR" if option.takes else ""), _text(option.help + default)]


def _text(text: str) -> str:
    """Text that troff prints as it is."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("^", r"\(ha").replace("~", r"\(ti")
    return re.sub(r"^(\.)", r"\\&\1", text)


if __name__ == "__main__":
    sys.stdout.write(page())
