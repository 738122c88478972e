"""`gradcalc functions`: the table of functions, for people and for programs."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated

import typer

from gradcalc.commands.arguments import choice
from gradcalc.commands.console import tell_error
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.results import LISTS, show_list
from gradcalc.errors import CalcError, Exit, suggest


def functions(
    word: Annotated[str, typer.Argument(metavar="WORD", help="Filter by keyword.")] = "",
    format: Annotated[str, typer.Option(metavar="NAME", help=f"{', '.join(LISTS)}.")] = "table",
    *,
    presentation: Presentation,
) -> Exit:
    """List supported operators, constants and functions.

    Each has its usage, other names, a summary, where it is not differentiable, and whether PyTorch can differentiate it.

    \b
      gradcalc functions
      gradcalc functions bessel
      gradcalc functions kink
    \b
    --format plain prints one line per function, separated by tabs:
      group, name, usage, aliases, summary, singular, torch
    """
    choice(format, LISTS, "format")
    from gradcalc.commands.functions.listing import names, record, rows_with, sentence, usage

    rows = rows_with(word)
    if not rows:
        close = suggest(word.lower(), names())
        hint = f"did you mean {close}?" if close else "gradcalc functions lists all of them"
        tell_error(CalcError(f"no function matches '{word}'", hint=hint))
        return Exit.DISAGREE
    if format != "table":
        show_list([record(row) for row in rows], "functions", format, presentation)
        return Exit.AGREE
    for place, (group, members) in enumerate(groupby(rows, key=lambda row: row.group)):
        if place:
            presentation.write("\n", paged=True)
        show_list([{group: usage(row), "": sentence(row)} for row in members], "functions", format, presentation)
    return Exit.AGREE
