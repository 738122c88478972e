"""The program as data: its commands with their options, read from typer once for completion and for the manual page."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import typer

from gradcalc.commands.arguments import DEVICES
from gradcalc.commands.bce.command import FORMATS as BCE_FORMATS
from gradcalc.commands.results import LISTS
from gradcalc.commands.trace.command import GRAPHS
from gradcalc.output.formats import FORMATS
from gradcalc.report import DTYPES

_VALUES = {"--device": DEVICES, "--dtype": DTYPES}
_FORMATS = {"diff": tuple(FORMATS), "bce": BCE_FORMATS, "trace": GRAPHS}


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
class Command:
    """A command: its name, its arguments, its help, its options."""

    name: str
    arguments: tuple[str, ...]
    help: str
    options: tuple[Option, ...]

    @property
    def summary(self) -> str:
        """The first sentence of the help."""
        return self.help.partition("\n")[0].rstrip(".")


def commands(group: typer.core.TyperGroup) -> tuple[Command, ...]:
    """The commands of the application in the order of the help page."""
    return tuple(_command(name, command.params, command.help or "") for name, command in group.commands.items())


def _command(name: str, parameters: Iterable[Any], help: str) -> Command:
    options, arguments = [], []
    for parameter in parameters:
        if parameter.param_type_name == "option":
            options.append(_option(name, parameter))
        else:
            word = parameter.metavar or parameter.name.upper()
            arguments.append(word if parameter.required or word.startswith("[") else f"[{word}]")
    return Command(name, tuple(arguments), inspect.cleandoc(help), tuple(options))


def _option(command: str, parameter: Any) -> Option:
    name = parameter.opts[0]
    return Option(
        tuple(parameter.opts),
        None if parameter.is_flag else parameter.metavar,
        parameter.help or "",
        parameter.envvar,
        parameter.default if isinstance(parameter.default, str) else None,
        _FORMATS.get(command, LISTS) if name == "--format" else _VALUES.get(name, ()),
    )
