"""`gradcalc functions`: the table of functions, for people and for programs."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import Annotated

import typer

from gradcalc.commands.arguments import choice
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.results import LISTS, show_list
from gradcalc.errors import Exit


def functions(
    word: Annotated[str, typer.Argument(metavar="WORD", help="Show only what has this word in it.")] = "",
    format: Annotated[str, typer.Option(metavar="NAME", help=f"{', '.join(LISTS)}.")] = "table",
    *,
    presentation: Presentation,
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
    from gradcalc.commands.functions.listing import record, rows_with, sentence, usage

    rows = rows_with(word)
    if not rows:
        print(f"nothing has {word} in its name, aliases, summary or group", file=sys.stderr)
    if format != "table":
        show_list([record(row) for row in rows], "functions", format, presentation)
        return Exit.AGREE
    for place, (group, members) in enumerate(groupby(rows, key=lambda row: row.group)):
        if place:
            presentation.write("\n", paged=True)
        show_list([{group: usage(row), "": sentence(row)} for row in members], "functions", format, presentation)
    return Exit.AGREE
