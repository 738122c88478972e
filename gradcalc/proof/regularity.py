"""Whether an expression has a derivative at a point, and if not, why.

Comes in: an expression at a point (`Site`) and the variables to differentiate by.  Goes out: a `Regularity`: the proven
derivative where there is one, the kind of trouble and the one-sided derivatives where there is none.

One-sided derivatives come from Taylor series along the two rays where the expression is a series there (also through
kinks, jumps and removable zeros), and from difference quotients at high precision where it is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from math import factorial
from typing import Any

from flint import arb, ctx, fmpq

from gradcalc.proof.site import Direction, Site, is_finite, opposite, polarised
from gradcalc.witness import balls
from gradcalc.witness.balls import OutOfPrecision, Real, Unresolved, adaptively, ball
from gradcalc.witness.jets import Jet, Note

Side = Real | float | None
"""A one-sided derivative: a number, an infinity, or None where the expression is not real on that side or has no limit."""


class Kind(StrEnum):
    """What an expression is like at a point."""

    REGULAR = "regular"
    SMOOTH = "smooth"  # differentiable although it passes through a seam
    KINK = "kink"
    JUMP = "jump"
    VERTICAL = "vertical"
    OSCILLATION = "oscillation"
    EDGE = "edge"
    POLE = "pole"
    DOMAIN = "domain"
    REMOVABLE = "removable"
    UNKNOWN = "unknown"


UNDEFINED = frozenset({Kind.EDGE, Kind.POLE, Kind.DOMAIN, Kind.REMOVABLE})
NOT_DIFFERENTIABLE = frozenset({Kind.KINK, Kind.JUMP, Kind.VERTICAL, Kind.OSCILLATION})


@dataclass(frozen=True, slots=True)
class Regularity:
    """The answer: `derivative` is proven where `kind` is regular or smooth.

    `value` is the expression's value, None where it has none.  `notes` name the places that were met.  `proven` is False
    where the answer rests on numbers that are zero to 3,072 bits, or on difference quotients.
    """

    kind: Kind
    derivative: Real | None = None
    left: Side = None
    right: Side = None
    value: Real | None = None
    notes: tuple[Note, ...] = ()
    proven: bool = True


_SLACK = 8
"""Orders beyond the asked one: each zero that cancels along a ray uses one up."""


def examine(site: Site, by: Sequence[str]) -> Regularity:
    """The regularity of the partial derivative of a site by each of `by`.

    Raises `OutOfPrecision` where no enclosure is found.
    """
    with ctx.workprec(2 * balls.START_BITS):
        return _examined(site, by)


def _examined(site: Site, by: Sequence[str]) -> Regularity:
    terms = polarised(by)
    order = len(by)
    met: set[Note] = set()
    at: list[Jet] = []

    def regular() -> Real:
        met.clear()
        at.clear()
        total: Real = fmpq(0)
        for weight, direction in terms:
            jet = site.ray(direction, order)
            at.append(jet)
            met.update(jet.notes)
            total = total + jet[order] * weight
        # A note ends the search: the precision cannot help, the rays must be looked at.
        return fmpq(0) if met else total

    guesses = balls.assumed_zeros()
    derivative = adaptively(regular)
    found = _beside(site, by) if met else Regularity(Kind.REGULAR, derivative, value=at[0].value)
    return _noted(found, met, balls.assumed_zeros() == guesses)


def value_of(site: Site) -> Real | None:
    """The value of the expression at the point; None where it has none.  Raises `OutOfPrecision`."""
    return _value(site)[0]


def _noted(found: Regularity, met: set[Note], proven: bool) -> Regularity:
    notes = tuple(sorted(met, key=lambda note: (note.span.start, note.span.end)))
    return Regularity(found.kind, found.derivative, found.left, found.right, found.value, notes, found.proven and proven)


def _value(site: Site) -> tuple[Real | None, frozenset[Note]]:
    """The value at the point, None where there is none."""
    notes: frozenset[Note] = frozenset()

    def compute() -> Real:
        nonlocal notes
        jet = site.value()
        notes = jet.notes
        return fmpq(0) if _without_value(notes) else jet.value

    value = adaptively(compute)
    return (None if _without_value(notes) else value), notes


def _without_value(notes: Iterable[Note]) -> bool:
    return any(note.kind in ("pole", "domain", "unknown") for note in notes)


def _beside(site: Site, by: Sequence[str]) -> Regularity:
    """The regularity where something was met."""
    value, notes = _value(site)
    kinds = {note.kind for note in notes}
    if "unknown" in kinds:
        return Regularity(Kind.UNKNOWN, value=value)
    if len(set(by)) > 1:
        return _mixed(site, by)
    order = len(by)
    direction = {by[0]: 1}
    if order > 1 and value is not None:
        below = examine(site, by[:-1])
        if below.kind not in (Kind.REGULAR, Kind.SMOOTH):
            return _without_sides(below)
    right, left = (_seen_along(site, way, order, value) for way in (direction, opposite(direction)))
    return _classified(left.turned(order), right, value, kinds)


def _without_sides(below: Regularity) -> Regularity:
    """What a missing derivative of lower order says about the higher: its kind, and not its numbers."""
    return replace(below, derivative=None, left=None, right=None)


def _classified(left: _OneSide, right: _OneSide, value: Real | None, kinds: set[str]) -> Regularity:
    proven = left.proven and right.proven
    sides: dict[str, Any] = {"left": left.derivative, "right": right.derivative, "value": value, "proven": proven}
    numbers = [side for side in (left.derivative, right.derivative) if not isinstance(side, (float, type(None)))]
    if value is None:
        sides["proven"] = True  # that there is no value was seen at the point itself
        limits = [side.limit for side in (left, right)]
        meet = len(numbers) == 2 and limits[0] is not None and limits[1] is not None and _same(limits[0], limits[1])
        if meet and _same(numbers[0], numbers[1]):
            return Regularity(Kind.REMOVABLE, **sides)
        return Regularity(Kind.POLE if "pole" in kinds and "domain" not in kinds else Kind.DOMAIN, **sides)
    if "domain" in kinds:
        return Regularity(Kind.DOMAIN, **sides)
    if left.outside or right.outside or "edge" in kinds:
        return Regularity(Kind.EDGE, **sides)
    if left.jumps or right.jumps:
        return Regularity(Kind.JUMP, **sides)
    if isinstance(left.derivative, float) or isinstance(right.derivative, float):
        return Regularity(Kind.VERTICAL, **sides)
    if len(numbers) < 2:
        return Regularity(Kind.UNKNOWN if left.unclear or right.unclear else Kind.OSCILLATION, **sides)
    if _same(numbers[0], numbers[1]):
        tighter = min(numbers, key=_radius)
        return Regularity(Kind.SMOOTH, tighter, **sides)
    return Regularity(Kind.KINK, **sides)


def _radius(value: Real) -> float:
    return 0.0 if isinstance(value, fmpq) else float(value.rad())


def _same(left: Real, right: Real) -> bool:
    """Whether two numbers are equal as far as high precision tells."""
    if isinstance(left, fmpq) and isinstance(right, fmpq):
        return bool(left == right)
    difference = abs(ball(left - right)).mid()
    scale = abs(ball(left)).mid() + abs(ball(right)).mid()
    return bool(difference <= scale * arb(2) ** -balls.PROVEN_BITS) or balls.is_negligible(ball(left - right))


# ------------------------------------------------------------------------------------------------------ one side


@dataclass(frozen=True, slots=True)
class _OneSide:
    """One ray: the derivative along it, the limit of the expression, and what stands in the way."""

    derivative: Side
    limit: Real | None
    outside: bool = False
    jumps: bool = False
    unclear: bool = False
    """The quotients move one way by less and less, too slowly to tell where to; or there are too few of them."""
    proven: bool = True

    def turned(self, order: int) -> _OneSide:
        """As seen in the other direction: odd derivatives change their sign."""
        if self.derivative is None or order % 2 == 0:
            return self
        return _OneSide(-self.derivative, self.limit, self.outside, self.jumps, self.unclear, self.proven)


def _seen_along(site: Site, direction: Direction, order: int, value: Real | None) -> _OneSide:
    """One side of a site; looked at once, however many partials ask for it."""
    key = (*direction.items(), order)
    if key not in site.sides:
        site.sides[key] = _one_side(site, direction, order, value)
    found: _OneSide = site.sides[key]
    return found


def _one_side(site: Site, direction: Direction, order: int, value: Real | None) -> _OneSide:
    limit: list[Real] = []

    def coefficient() -> Real:
        jet = site.ray(direction, order + _SLACK)
        limit[:] = [jet.value]
        if not all(is_finite(jet[power]) for power in range(order + 1)):
            if ctx.prec < balls.ZERO_BITS and not jet.notes:
                raise Unresolved
            limit.clear()
            return fmpq(0)
        return jet[order] * factorial(order)

    try:
        derivative = adaptively(coefficient)
    except OutOfPrecision:
        limit.clear()
    if limit:
        gap = ball(limit[0] - value) if value is not None else None
        if gap is not None and not (balls.is_negligible(gap) or gap.contains(0)):
            rises = 1.0 if gap > 0 else -1.0
            return _OneSide(rises * float("inf"), limit[0], jumps=True)
        return _OneSide(derivative, limit[0])
    return _ladder(site, direction, order, value)


_STEP = fmpq(2, 5)
"""Its powers have reciprocals that are no integers, nor near to one: what oscillates must not do so in step."""
_EXPONENTS = (5, 10, 20, 40, 80, 160, 320, 640, 1280)
"""Distances `_STEP`**e: their exponents double, so that powers, logarithms and essential singularities can be told apart."""


def _ladder(site: Site, direction: Direction, order: int, value: Real | None) -> _OneSide:
    """The one-sided derivative by difference quotients at distances that shrink doubly exponentially."""

    def beside(exponent: int, order: int) -> arb | None:
        with ctx.workprec(_bits(exponent)):
            return _derivative(site, direction, exponent, order)

    def quotient(exponent: int) -> arb | None:
        # From the point itself, or from where it is as good as there.
        start = None if order == 1 and value is not None else 4 * exponent
        with ctx.workprec(_bits(exponent)):
            near, far = (_derivative(site, direction, end, order - 1) for end in (start, exponent))
            return None if near is None or far is None else (far - near) / _STEP**exponent

    values: list[arb | None] = []
    for exponent in _EXPONENTS:
        values.append(beside(exponent, 0))
        # The last places take most of the time, and where there is no value the sides are only shown.
        if value is None and len(values) == len(_EXPONENTS) - 2 and _limit(_known(values)) is not None:
            break
    inside = _known(values)
    if (values[-2:] == [None] * 2 and len(inside) < 3) or (values[-3:] == [None] * 3 and values[0] is None):
        return _OneSide(None, None, outside=True, proven=False)
    places = [exponent for exponent, here in zip(_EXPONENTS, values, strict=False) if here is not None]
    with ctx.workprec(512):
        limit = value if value is not None else _limit(inside)
        if limit is None:
            return _OneSide(None, None, proven=False)
        if isinstance(limit, float):  # beside a pole the slope is shown where it is infinite too
            slope = _limit(_known(beside(exponent, 1) for exponent in places)) if order == 1 else None
            return _OneSide(slope if isinstance(slope, float) else None, None, proven=False)
        quotients = _known(map(quotient, places))
        found = _limit(quotients)
        jumps = value is not None and _apart(inside, value)
        if isinstance(found, float) and value is not None and not (jumps or _approach(inside)):
            found = None  # the value itself has no limit
        unclear = found is None and (len(quotients) < 3 or _creep(quotients))
        return _OneSide(found, limit, jumps=jumps, unclear=unclear, proven=False)


def _known(terms: Iterable[arb | None]) -> list[arb]:
    return [term for term in terms if term is not None]


def _bits(exponent: int) -> int:
    """The precision at which the seventh power of a distance is still seen."""
    return 10 * exponent + 512


def _derivative(site: Site, direction: Direction, exponent: int | None, order: int) -> arb | None:
    """The derivative (of order 0: the value) along a ray at the distance `_STEP`**exponent, or at the point itself.

    None where the expression is not real, or nothing is known of it.
    """
    shift = {} if exponent is None else {name: speed * _STEP**exponent for name, speed in direction.items()}
    beside = site.shifted(shift)
    try:
        jet = beside.ray(direction, order) if order else beside.value()
    except Unresolved:
        return None
    found = ball(jet[order]) * factorial(order)
    return found if found.is_finite() and not _without_value(jet.notes) else None


def _limit(sequence: Sequence[arb]) -> arb | float | None:
    """The limit of a sequence taken at doubling exponents: a number, an infinity, or None.

    Powers of the distance converge or diverge faster than geometrically, logarithms geometrically: their limit is
    extrapolated (Aitken).
    """
    if len(sequence) < 3:
        return None
    first, second, third = sequence[-3:]
    before, after = second - first, third - second
    scale = abs(third)
    if balls.is_negligible(after) or abs(after).mid() <= scale.mid() * arb(2) ** -150:
        return _rounded(third)
    if scale.mid() < arb(2) ** -150 and abs(second).mid() < arb(2) ** -70:
        return arb(0)
    if abs(third).mid() > 1.3 * abs(second).mid() and abs(second).mid() > 1.3 * abs(first).mid() and scale.mid() > 10:
        return float("inf") if third.mid() > 0 else float("-inf")
    if len(sequence) > 3 and abs(after).mid() < 0.75 * abs(before).mid():
        # Extrapolated twice: digits that change from one to the other are not known.
        earlier = _aitken(sequence[-4], first, second)
        later = _aitken(first, second, third)
        if abs(later - earlier).mid() <= abs(third).mid() * arb(2) ** -balls.PROVEN_BITS:
            return _rounded(later)
    return None


def _creep(sequence: Sequence[arb]) -> bool:
    """Whether a sequence goes one way in shrinking steps, as logarithms do."""
    steps = [float((after - before).mid()) for before, after in pairwise(sequence[-5:])]
    one_way = all(step > 0 for step in steps) or all(step < 0 for step in steps)
    return len(steps) > 2 and one_way and all(abs(a) > abs(b) for a, b in pairwise(steps))


def _aitken(first: arb, second: arb, third: arb) -> arb:
    """Aitken's delta-squared process: exact for a limit plus a geometric sequence."""
    before, after = second - first, third - second
    return third - after * after / (after - before)


def _rounded(value: arb) -> arb:
    """A limit: what is left of the distance in it is noise below 2**-150."""
    middle = value.mid()
    return arb(0) if abs(middle) < arb(2) ** -150 else arb(middle, abs(middle) * arb(2) ** -150)


def _approach(inside: Sequence[arb]) -> bool:
    """Whether the values on a ray settle: each step is smaller than the one before."""
    steps = [abs(after - before).mid() for before, after in pairwise(inside[-5:])]
    return all(after < before for before, after in pairwise(steps))


def _apart(inside: Sequence[arb], value: Real) -> bool:
    """Whether the values on a ray stay away from the value at its start."""
    gaps = [abs(here - value).mid() for here in inside[-3:]]
    return len(gaps) == 3 and bool(gaps[2] > 0.5 * gaps[1] > 0.25 * gaps[0]) and bool(gaps[2] > arb(2) ** -100)


# ---------------------------------------------------------------------------------------------------- mixed partials

_MIXED_EXPONENTS = _EXPONENTS[2:7]


def _mixed(site: Site, by: Sequence[str]) -> Regularity:
    """A mixed partial where something was met: the derivative of the partial below it, by difference quotients."""
    below = _examined(site, by[:-1])
    if below.kind not in (Kind.REGULAR, Kind.SMOOTH) or below.derivative is None:
        return _without_sides(below)
    start = below.derivative
    for side in (-1, 1):
        near = _examined(site.shifted({by[-1]: side * _STEP ** _MIXED_EXPONENTS[1]}), by[:-1])
        if near.derivative is None:  # there is nothing beside the point to compare with
            kind = near.kind if near.kind in NOT_DIFFERENTIABLE else Kind.EDGE
            return Regularity(kind, value=below.value, proven=False)
    left, right = (_quotients(site, by, start, side) for side in (-1, 1))
    sides: dict[str, Any] = {"left": left, "right": right, "value": below.value, "proven": False}
    if left is None or right is None:
        return Regularity(Kind.OSCILLATION, **sides)
    if isinstance(left, float) or isinstance(right, float):
        return Regularity(Kind.VERTICAL, **sides)
    return Regularity(Kind.SMOOTH, right, **sides) if _same(left, right) else Regularity(Kind.KINK, **sides)


def _quotients(site: Site, by: Sequence[str], start: Real, side: int) -> Side:
    """The limit of the difference quotients of the partial by all but the last of `by`, in the direction of the last."""
    found = []
    for exponent in _MIXED_EXPONENTS:
        with ctx.workprec(_bits(exponent)):
            distance = side * _STEP**exponent
            beside = _examined(site.shifted({by[-1]: distance}), by[:-1])
            if beside.derivative is not None:
                found.append(ball((beside.derivative - start) / distance))
    return _limit(found)
