"""Arrays of zeros and ones that formulas are written with, each a variable whose name is its formula.

`eye(n)[0]` times a vector is its first entry, `eye(n)[1:]` times it all but the first; a vector times `cumsum(eye(n))` has
the sums up to each entry; and the rows of `one_hot(c, k)` pick the entries of classes.
"""

from __future__ import annotations

import re

from gradcalc.engines.indexed.nodes import Index, Indexed, Kind, Unprintable, size_of
from gradcalc.expression.sizes import Size, smaller

_PICKS = re.compile(r"eye\([^()]*\)\[([^\]]*)\]")
_CUMULATIVE = re.compile(r"cumsum\(eye\([^()]*\)\)")


def entry_at(place: int, axis: Index) -> Indexed:
    """The vector whose product with another is the entry there, which may be counted from the end."""
    size = size_of(axis)
    if size.isdecimal():
        place %= int(size)
    return Indexed(Kind.VARIABLE, f"eye({size})[{place}]", indices=[axis])


def entries_at(places: slice, new: Index, axis: Index) -> Indexed:
    """The matrix whose product with a vector has the entries of a slice, whose index is `new`."""
    start, stop, step = (places.start or "", "" if places.stop is None else places.stop, places.step)
    at = f"{start}:{stop}" + (f":{step}" if step not in (None, 1) else "")
    return Indexed(Kind.VARIABLE, f"eye({size_of(axis)})[{at}]", indices=[new, axis])


def size_of_slice(size: Size, places: slice) -> Size:
    """How many entries a slice of a dimension has.  Raises `Unprintable` where that depends on a letter otherwise."""
    if size.isdecimal():
        return str(len(range(int(size))[places]))
    start, stop, step = places.start or 0, places.stop, places.step or 1
    if start >= 0 and (stop is None or stop < 0):
        count = smaller(size, start - (stop or 0))
    elif start < 0 and (stop is None or stop < 0):
        count = str((stop or 0) - start)
    elif start >= 0 and stop is not None:
        count = str(stop - start)
    else:
        raise Unprintable("a slice from the end to the beginning")
    if step == 1:
        return count
    if not count.isdecimal():
        raise Unprintable("a slice with a step")
    return str(-(-int(count) // step))


def up_to(term: Index, total: Index) -> Indexed:
    """1 where a term stands in a sum of those up to an index, else 0."""
    return Indexed(Kind.VARIABLE, f"cumsum(eye({size_of(term)}))", indices=[term, total])


def one_hot(classes: str, rows: tuple[Index, ...], axis: Index) -> Indexed:
    """1 where an index is the class of a row, else 0."""
    return Indexed(Kind.VARIABLE, f"one_hot({classes}, {size_of(axis)})", indices=[*rows, axis])


def picks(name: str) -> str | None:
    """What `eye(n)[...]` picks, as it stands between the brackets; None for another name."""
    match = _PICKS.fullmatch(name)
    return None if match is None else match[1]


def is_cumulative(name: str) -> bool:
    """Whether products with it are cumulative sums."""
    return _CUMULATIVE.fullmatch(name) is not None


def sums_to_1(name: str) -> bool:
    """Whether the entries along its last index are zeros and a one."""
    return picks(name) is not None or name.startswith("one_hot(")


def is_0_or_1(node: Indexed) -> bool:
    """Whether it is its own square."""
    return node.kind is Kind.DELTA or (node.kind is Kind.VARIABLE and (sums_to_1(node.name) or is_cumulative(node.name)))


def unit_place(node: Indexed) -> int | None:
    """The place of the one of `eye(n)[0]`; None for another node."""
    at = picks(node.name) if node.kind is Kind.VARIABLE and len(node.indices) == 1 else None
    return None if at is None else int(at)
