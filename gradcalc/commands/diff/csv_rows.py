"""The rows of many points as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradcalc.commands.diff.evaluate import Found
from gradcalc.output.csv import row_of, written
from gradcalc.report import Verdict


def rows(found: Found) -> str:
    """The rows of many points."""
    # Most of the time goes here: numbers become text, and what is the same in every row is made once.
    nobody = [""] * found.part.size
    numbers = [nobody if found.ran.failure else column for column in (found.ran.values, *found.ran.partials.values())]
    columns = [*found.part.shown.values(), *numbers]
    nothing = "," * len(found.ran.partials)
    end = f"{nothing},{Verdict.AGREE},,bound\n"
    lines = [",".join(cells) + end for cells in zip(*map(_cells, columns), strict=True)]
    for place in found.undecided:
        lines[place] = lines[place].removesuffix(end) + f"{nothing},{Verdict.UNDECIDED},{found.cause(place)},\n"
    for place, report in found.proven.items():
        row = row_of(report)
        row[: len(found.part.shown)] = [column[place] for column in found.part.shown.values()]
        lines[place] = written([row])
    return "".join(lines)


def _cells(column: Sequence[object]) -> Iterable[str]:
    """Numbers as Python writes them; text that somebody typed in quotes where it needs them."""
    if column and isinstance(column[0], float):
        return map(repr, column)
    return (written([[cell]])[:-1] if cell else "" for cell in column)
