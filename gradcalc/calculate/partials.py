"""Which partials are asked for: every entry of the expression by every entry of the variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array, Shape, entry_names, indices
from gradcalc.expression.tree import Node
from gradcalc.inputs.query import Wrt

MAX_PARTIALS = 4_096


By = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartialSpec:
    """A partial: of which entry of the expression, by its place and its index `of`, by which `entries` of variables `by`.

    `index` is `of`, and then for each order the index of the variable's entry.
    """

    place: int
    entries: By
    by: By
    index: tuple[int, ...]
    of: tuple[int, ...]


def partial_specs(
    wrt: Sequence[Wrt], order: int, values: Mapping[str, Array[Node]], entries: Array[Node]
) -> list[PartialSpec]:
    """The partials that are asked for: every combination of the variables, `order` times, of every entry by every entry.

    Their shape is that of the expression, and for each order that of the variable.
    """
    variables: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for it in wrt:
        name, entry = it.variable, it.entry
        shape = values[name].shape if name in values else ()
        pairs = list(zip(entry_names(name, shape).entries, indices(shape), strict=True))
        if entry is not None:
            place = _from_the_front(it.index, shape)
            if all(index != place for _, index in pairs):
                raise CalcError(f"{name} has no entry {entry}", hint=f"its entries are {_first_and_last(name, shape)}")
            pairs = [pair for pair in pairs if pair[1] == place]
        variables.setdefault(name, []).extend(pair for pair in pairs if pair not in variables.get(name, ()))
    total = sum(map(len, variables.values()))
    count = len(entries.entries) * total**order
    if count > MAX_PARTIALS:
        has_entries = total != len(variables)
        what = f"{len(entries.entries)} x {total} entries" if has_entries or entries.shape else f"{total} variables"
        raise CalcError(
            f"{what} to the order {order} are {count} partials; the limit is {MAX_PARTIALS}",
            hint="choose variables with --by" + (', or a sample of entries: --by "x[0]" --by "x[17]"' * has_entries),
        )
    places = list(enumerate(indices(entries.shape)))
    return [
        PartialSpec(place, tuple(entry for entry, _ in combination), by, sum((at for _, at in combination), index), index)
        for by in product(variables, repeat=order)
        for place, index in places
        for combination in product(*(variables[name] for name in by))
    ]


def _from_the_front(index: Shape | None, shape: Shape) -> Shape | None:
    """An index whose places are counted from the front: 2 for -1 of three."""
    if index is None or len(index) != len(shape) or not shape:
        return None
    return tuple(place + (length if place < 0 else 0) for place, length in zip(index, shape, strict=True))


def _first_and_last(name: str, shape: tuple[int, ...]) -> str:
    names = entry_names(name, shape).entries
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
