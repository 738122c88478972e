"""Which partials are asked for: every entry of the expression by every entry of the variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array, entry_names, indices
from gradcalc.expression.tree import Node
from gradcalc.report import Problem

if TYPE_CHECKING:
    pass

MAX_PARTIALS = 4_096


By = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A partial: which entry of the expression by which entries of variables, and how people call it."""

    place: int
    entries: By
    by: By
    index: tuple[int, ...]
    of: tuple[int, ...]

    @property
    def place_in_report(self) -> dict[str, Any]:
        """Where it stands among the partials of arrays; nothing for those of numbers."""
        return {"index": self.index, "of": self.of, "entries": self.entries}


def _from_the_front(entry: str, shape: tuple[int, ...]) -> str:
    """An entry by places that are counted from the front: `x[2]` for `x[-1]` of three."""
    name, _, inside = entry.rstrip("]").partition("[")
    places = inside.split(",")
    if len(places) != len(shape) or not all(place.lstrip("-").isdigit() for place in places):
        return entry
    counted = (int(place) + (length if place.startswith("-") else 0) for place, length in zip(places, shape, strict=True))
    return f"{name}[{','.join(map(str, counted))}]"


def _wanted(
    problem: Problem, chosen: Sequence[tuple[str, str | None]], values: Mapping[str, Array[Node]], entries: Array[Node]
) -> list[Wanted]:
    """The partials that are asked for: every combination of the variables, `order` times, of every entry by every entry.

    Their shape is that of the expression, and for each order that of the variable.
    """
    variables: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for name, entry in chosen:
        shape = values[name].shape if name in values else ()
        found = list(zip(entry_names(name, shape).entries, indices(shape), strict=True))
        if entry is not None:
            found = [pair for pair in found if pair[0] == _from_the_front(entry, shape)]
            if not found:
                raise CalcError(f"{name} has no entry {entry}", hint=f"its entries are {_first_and_last(name, shape)}")
        variables.setdefault(name, []).extend(pair for pair in found if pair not in variables.get(name, ()))
    total = sum(map(len, variables.values()))
    count = len(entries.entries) * total**problem.order
    if count > MAX_PARTIALS:
        has_entries = total != len(variables)
        what = f"{len(entries.entries)} x {total} entries" if has_entries or entries.shape else f"{total} variables"
        raise CalcError(
            f"{what} to the order {problem.order} are {count} partials; the limit is {MAX_PARTIALS}",
            hint="choose variables with --by" + (', or a sample of entries: --by "x[0]" --by "x[17]"' * has_entries),
        )
    places = list(enumerate(indices(entries.shape)))
    return [
        Wanted(place, tuple(entry for entry, _ in picked), by, sum((at for _, at in picked), index), index)
        for by in product(variables, repeat=problem.order)
        for place, index in places
        for picked in product(*(variables[name] for name in by))
    ]


def _first_and_last(name: str, shape: tuple[int, ...]) -> str:
    names = entry_names(name, shape).entries
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
