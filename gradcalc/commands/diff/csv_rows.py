"""The rows of many points as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradcalc.commands.diff.sweep import ChunkResult
from gradcalc.output.csv import row_of, written
from gradcalc.report import Verdict


def rows(result: ChunkResult) -> str:
    """The rows of many points."""
    # Most of the time goes here: numbers become text, and the end that most rows share is made once.
    empty = [""] * result.chunk.size
    numbers = [empty if result.run.failure else column for column in (result.run.values, *result.run.partials.values())]
    columns = [*result.chunk.shown.values(), *numbers]
    nothing = "," * len(result.run.partials)
    end = f"{nothing},{Verdict.AGREE},,bound\n"
    lines = [",".join(cells) + end for cells in zip(*map(_cells, columns), strict=True)]
    for place in result.undecided:
        lines[place] = lines[place].removesuffix(end) + f"{nothing},{Verdict.UNDECIDED},{result.cause(place)},\n"
    for place, report in result.proven.items():
        row = row_of(report)
        row[: len(result.chunk.shown)] = [column[place] for column in result.chunk.shown.values()]
        lines[place] = written([row])
    return "".join(lines)


def _cells(column: Sequence[object]) -> Iterable[str]:
    """Numbers as Python writes them; typed text in quotes where it needs them."""
    if column and isinstance(column[0], float):
        return map(repr, column)
    return (written([[cell]])[:-1] if cell else "" for cell in column)
