"""`gradcalc functions`: the table of functions, for people and for programs."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import Annotated

import typer

from gradcalc.commands.arguments import choice
from gradcalc.commands.console import write
from gradcalc.commands.results import LISTS, show_list
from gradcalc.errors import Exit
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, postorder
from gradcalc.functions import TABLE, Function
from gradcalc.functions.resolve import understand


def functions(
    word: Annotated[str, typer.Argument(metavar="WORD", help="Show only what has this word in it.")] = "",
    format: Annotated[str, typer.Option(metavar="NAME", help=f"{', '.join(LISTS)}.")] = "table",
) -> Exit:
    """List what expressions are made of.

    For each operator, constant and function: how it is written, its other names, what it is, where it has no derivative,
    and whether torch can differentiate it.

    \b
      gradcalc functions
      gradcalc functions bessel
      gradcalc functions "kink"
    \b
    --format plain is a line a function, with tabs between
      group, name, usage, aliases, summary, singular, torch
    """
    choice(format, LISTS, "format")
    rows = [row for row in TABLE.values() if _matches(row, word)]
    if not rows:
        print(f"nothing has {word} in its name, aliases, summary or group", file=sys.stderr)
    if format != "table":
        show_list([_record(row) for row in rows], format)
        return Exit.AGREE
    for place, (group, members) in enumerate(groupby(rows, key=lambda row: row.group)):
        if place:
            write("\n")
        show_list([{group: _usage(row), "": _sentence(row)} for row in members], format)
    return Exit.AGREE


def _sentence(row: Function) -> str:
    """What a row says, in one cell: five columns are more than a terminal is wide."""
    parts = [row.summary, f"also {', '.join(row.aliases)}" if row.aliases else "", row.singular]
    if not row.condition and not _torch_differentiates(row):
        parts.append("no derivative in torch")
    return "; ".join(filter(None, parts))


def _matches(row: Function, word: str) -> bool:
    return any(word.lower() in text.lower() for text in (row.name, *row.aliases, row.summary, row.group, row.singular))


def _record(row: Function) -> dict[str, object]:
    return {
        "group": row.group,
        "name": row.name,
        "usage": _usage(row),
        "aliases": row.aliases,
        "summary": row.summary,
        "singular": row.singular,
        "torch": None if row.condition else _torch_differentiates(row),
    }


def _usage(row: Function) -> str:
    """`sin(x)`; operators as they are typed, `x + y`."""
    if row.name.isidentifier() and row.name not in ("neg", "and", "or", "not"):
        return row.usage
    if row.name == "[]":
        return "x[...]"
    return unparse(Call(row.name, tuple(Name(parameter.name) for parameter in row.parameters)))


def _torch_differentiates(row: Function) -> bool:
    """Whether torch has a derivative for a function, or for everything in the expression that defines it."""
    if row.definition is None:
        return row.torch is not None
    calls = postorder(understand(row.definition, {parameter.name for parameter in row.parameters}))
    return all(TABLE[call.name].torch is not None for call in calls if isinstance(call, Call))
