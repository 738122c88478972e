"""The formats of commands for programs: `plain`, lines with tabs, and `json`, one object in a line.

Comes in: what a result holds, as rows of cells or as named fields.  Goes out: text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from gradcalc.errors import one_line
from gradcalc.output import json as machine
from gradcalc.output.options import RenderOptions
from gradcalc.report import envelope

T = TypeVar("T")
Format = Callable[[T, RenderOptions], str]
"""A result, and what the output can show, to text."""


def machine_formats(
    command: str,
    rows: Callable[[T], Iterable[Sequence[object]]],
    fields: Callable[[T], Mapping[str, object]],
    conclusion: Callable[[T, RenderOptions], Mapping[str, object]],
) -> dict[str, Format[T]]:
    """The formats `plain` and `json` of a command, from the rows, the fields and the conclusion of its result.

    A conclusion has `verdict` or `outcome`, `exit_code` and `versions`.
    """

    def plain(result: T, options: RenderOptions) -> str:
        return tabbed(rows(result), options)

    def json(result: T, options: RenderOptions) -> str:
        return machine.line(envelope(command, conclusion(result, options), fields(result)))

    return {"plain": plain, "json": json}


def tabbed(rows: Iterable[Sequence[object]], options: RenderOptions) -> str:
    """One line for each row, with tabs between its cells; None is an empty cell."""
    lines = ("\t".join("" if cell is None else one_line(str(cell)) for cell in row) for row in rows)
    return "".join(options.text(line) + "\n" for line in lines)
