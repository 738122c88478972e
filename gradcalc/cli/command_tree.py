"""The program as data: its commands with their options, read from typer once for completion and for the manual page."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any

import typer

from gradcalc.commands.arguments import DEVICES, SHELLS
from gradcalc.commands.batch.command import FORMATS as BATCH_FORMATS
from gradcalc.commands.bce.command import FORMATS as BCE_FORMATS
from gradcalc.commands.check.command import FILE_FORMATS as CHECK_FORMATS
from gradcalc.commands.explain.command import FORMATS as EXPLAIN_FORMATS
from gradcalc.commands.explain.pages import PAGES
from gradcalc.commands.gradcheck.command import FORMATS as GRADCHECK_FORMATS
from gradcalc.commands.results import LISTS
from gradcalc.commands.steps.command import FORMATS as STEPS_FORMATS
from gradcalc.commands.trace.command import GRAPHS
from gradcalc.output.colors import COLORS
from gradcalc.output.formats import FORMATS
from gradcalc.report import DTYPES, Notation, Verdict

_VALUES: dict[str, tuple[str, ...]] = {
    "--device": DEVICES, "--dtype": DTYPES, "--color": COLORS, "--from": tuple(Notation), "--fail-on": tuple(Verdict),
    "--reduction": ("mean", "sum"), "gradcheck --dtype": (*DTYPES, "all"),
}  # fmt: skip
_FORMATS = {
    "diff": tuple(FORMATS), "bce": BCE_FORMATS, "trace": GRAPHS, "steps": STEPS_FORMATS,
    "batch": BATCH_FORMATS, "check": CHECK_FORMATS, "explain": EXPLAIN_FORMATS,
    "gradcheck": GRADCHECK_FORMATS,
}  # fmt: skip
_WORDS = {"explain": tuple(PAGES), "completion": SHELLS}
"""The words that arguments are chosen from."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its names, what it takes (None: nothing), its help, and the variable that gives its default."""

    names: tuple[str, ...]
    takes: str | None
    help: str
    variable: str | None
    default: str | None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument: how it is written in the usage, its help, and the words it is chosen from, if it is."""

    word: str
    help: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name, its arguments, its help, its options."""

    name: str
    arguments: tuple[Argument, ...]
    help: str
    options: tuple[Option, ...]

    @property
    def summary(self) -> str:
        """The first sentence of the help."""
        return self.help.partition("\n")[0].rstrip(".")


def commands(group: typer.core.TyperGroup) -> tuple[Command, ...]:
    """The commands of the application in the order of the help page."""
    tree = tuple(command_of(name, command) for name, command in group.commands.items())
    names = tuple(command.name for command in tree)
    return tuple(_with_topics(command, (*names, "schema")) if command.name == "help" else command for command in tree)


def _with_topics(command: Command, topics: tuple[str, ...]) -> Command:
    (argument,) = command.arguments
    return replace(command, arguments=(replace(argument, values=topics),))


def command_of(name: str, command: Any) -> Command:
    """A command of typer's as data."""
    arguments = [_argument(name, it) for it in command.params if it.param_type_name != "option"]
    return Command(name, tuple(arguments), inspect.cleandoc(command.help or ""), options_of(command))


def options_of(command: Any) -> tuple[Option, ...]:
    """The options of a command, or of the program."""
    return tuple(_option(command.name, it) for it in command.params if it.param_type_name == "option")


def _argument(command: str, parameter: Any) -> Argument:
    word = parameter.metavar or parameter.name.upper()
    word = word if parameter.required or word.startswith("[") else f"[{word}]"
    return Argument(word, parameter.help or "", _WORDS.get(command, ()))


def _option(command: str, parameter: Any) -> Option:
    name = parameter.opts[0]
    text, _, default = (parameter.help or "").partition(" [default: ")
    if not default and isinstance(parameter.default, str):
        default = parameter.default
    return Option(
        tuple(parameter.opts),
        None if parameter.is_flag else parameter.metavar,
        text,
        parameter.envvar,
        default.removesuffix("]") or None,
        _FORMATS.get(command, LISTS) if name == "--format" else _VALUES.get(f"{command} {name}", _VALUES.get(name, ())),
    )
