"""A claim about a derivative, compared with it at points where it exists.

Comes in: an expression, what somebody says its derivative is, and points.  Goes out: at each point both numbers, proven.
One point where they differ proves the claim wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gradcalc.points import MissingValues
from gradcalc.proof.regularity import Kind, examine, value_of
from gradcalc.proof.site import Site
from gradcalc.syntax import Node, Number, names_in, renamed
from gradcalc.witness import balls, taylor
from gradcalc.witness.balls import Real

Point = Mapping[str, Node]

# Where formulas are compared: numbers on both sides of 0 and of 1, that are no zeros of anything.
_SAMPLES = ("0.7", "1.3", "-0.6", "2.5", "0.2", "-1.7", "3.1", "0.45", "-0.15", "1.85", "5.3", "-2.9", "0.95", "11")
_POINTS = 5
_ATTEMPTS = 80


@dataclass(frozen=True, slots=True)
class Compared:
    """A point, the value of the expression there, its derivative, and what the claim says (None: it has no value).

    `shown` is the point as people know it; `at` says also what a part is that stands for itself in the expression.
    `on_seam`: the derivative exists although a function is not smooth there, so that its rule need not hold.
    """

    shown: Point
    at: Point
    value: Real
    derivative: Real
    claimed: Real | None
    on_seam: bool

    @property
    def same(self) -> bool:
        """Whether the claim is right here, to 36 digits at least."""
        return self.claimed is not None and balls.agree(self.derivative, self.claimed)

    def numbers(self) -> dict[str, Real]:
        """The point, at a precision beyond that of the comparison."""
        with balls.precision(2 * balls.START_BITS):
            return {name: taylor.evaluate(value, {}).value for name, value in self.at.items()}


def compared(tree: Node, claimed: Node, by: str, at: Sequence[Point], inner: Node | None = None) -> Iterator[Compared]:
    """The points where the derivative exists: those that are given, and samples of the domain.

    With `inner` the variable `by` is no number of its own: it stands for that expression in the others.  Raises
    `MissingValues` for a point that leaves a variable out.
    """
    names = {*names_in(tree), *names_in(claimed), by}
    if inner is not None:
        names = (names - {by}) | set(names_in(inner))

    def whole(point: Point) -> Point:
        return point if inner is None else {**point, by: renamed(inner, point.get)}

    for point in at:
        missing = [name for name in sorted(names) if name not in point]
        if missing:
            raise MissingValues(missing)
        found = _at(tree, claimed, by, point, whole(point))
        if found is not None:
            yield found
    count = 0
    without: list[Compared] = []
    for point in _samples(sorted(names)):
        found = _at(tree, claimed, by, point, whole(point))
        if found is None:
            continue
        if found.claimed is None:  # real in another part of the domain, perhaps: nobody asked for this point
            without.append(found)
            continue
        yield found
        count += 1
        if count == _POINTS:
            return
    if not count:
        yield from without[:1]


def _samples(names: Sequence[str]) -> Iterator[Point]:
    for attempt in range(_ATTEMPTS if names else 1):
        places = [attempt * (2 * k + 1) + 3 * k for k in range(len(names))]
        yield {name: Number(_SAMPLES[place % len(_SAMPLES)]) for name, place in zip(names, places, strict=True)}


def _at(tree: Node, claimed: Node, by: str, shown: Point, at: Point) -> Compared | None:
    exact: dict[str, Node | Fraction] = {name: it.value if isinstance(it, Number) else it for name, it in at.items()}
    try:
        found = examine(Site(tree, exact), [by])
        if found.derivative is None or found.kind not in (Kind.REGULAR, Kind.SMOOTH) or found.value is None:
            return None
        return Compared(shown, at, found.value, found.derivative, value_of(Site(claimed, exact)), found.kind is Kind.SMOOTH)
    except balls.OutOfPrecision:
        return None


def is_same(one: Node, other: Node) -> bool:
    """Whether two expressions have the same value wherever both are looked at."""
    found = 0
    for point in _samples(sorted({*names_in(one), *names_in(other)})):
        try:
            values = [value_of(Site(tree, point)) for tree in (one, other)]
        except balls.OutOfPrecision:
            continue
        if values[0] is None or values[1] is None:
            continue
        if not balls.agree(values[0], values[1]):
            return False
        found += 1
        if found == _POINTS:
            break
    return found > 0
