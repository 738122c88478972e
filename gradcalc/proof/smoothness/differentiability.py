"""Whether an expression has a derivative at a point, and if not, why.

Comes in: an expression at a point (`ExpressionAt`) and the variables to differentiate by.  Goes out: a `Regularity`: the
proven derivative where there is one, the kind of trouble and the one-sided derivatives where there is none.

At ordinary points a Taylor series is the answer.  Where it meets a breakpoint, a pole or an edge of the domain, and where a
number is zero as far as its digits tell, the elements beside the point decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flint import fmpq

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.at_point import ExpressionAt, polarize
from gradcalc.engines.taylor.germs.atoms import Undecided
from gradcalc.engines.taylor.jets import ZERO_TO_ZERO, Jet, Note
from gradcalc.engines.taylor.reals import Real, refine
from gradcalc.proof.smoothness.one_sided import Neighbourhood, Side, looked_at

__all__ = ["NOT_DIFFERENTIABLE", "UNDEFINED", "Kind", "Regularity", "Side", "examine", "value_of"]


class Kind(StrEnum):
    """What an expression is like at a point."""

    SMOOTH = "regular"
    DIFFERENTIABLE = "smooth"  # differentiable although it passes through a seam
    KINK = "kink"
    JUMP = "jump"
    VERTICAL = "vertical"
    EDGE = "edge"
    POLE = "pole"
    DOMAIN = "domain"
    REMOVABLE = "removable"
    UNKNOWN = "unknown"


UNDEFINED = frozenset({Kind.EDGE, Kind.POLE, Kind.DOMAIN, Kind.REMOVABLE})
NOT_DIFFERENTIABLE = frozenset({Kind.KINK, Kind.JUMP, Kind.VERTICAL})


@dataclass(frozen=True, slots=True)
class Regularity:
    """The answer: `derivative` is proven where `kind` is regular or smooth.

    `value` is the expression's value, None where it has none.  `notes` name the places that were met.  `proven` is False
    where the answer rests on numbers that are zero to thousands of bits.  `why` says what is in the way where `kind` is
    unknown.
    """

    kind: Kind
    derivative: Real | None = None
    left: Side = None
    right: Side = None
    value: Real | None = None
    notes: tuple[Note, ...] = ()
    proven: bool = True
    why: str = ""


def examine(site: ExpressionAt, by: Sequence[str]) -> Regularity:
    """The regularity of the partial derivative of a site by each of `by`.

    Raises `OutOfPrecision` where no enclosure is found.
    """
    with reals.precision(2 * reals.START_BITS):
        notes: set[Note] = set()
        with reals.unproven_zeros() as zeros:
            value, derivative = _by_series(site, by, notes)
        if notes:
            return _beside(site, by, _ordered(notes))
        if not zeros.count:
            return Regularity(Kind.SMOOTH, derivative, value=value)
        return _confirmed(site, by, Regularity(Kind.SMOOTH, derivative, value=value, proven=False))


def value_of(site: ExpressionAt) -> Real | None:
    """The value of the expression at the point; None where it has none.  Raises `OutOfPrecision`."""
    value, _, proven = _value(site)
    if value is not None and not proven:
        try:
            exact = looked_at(site, (), Neighbourhood.value)
        except (Undecided, reals.OutOfPrecision):
            return value
        return exact
    return value


def _ordered(notes: Iterable[Note]) -> tuple[Note, ...]:
    return tuple(sorted(notes, key=lambda note: (note.span.start, note.span.end)))


def _by_series(site: ExpressionAt, by: Sequence[str], notes: set[Note]) -> tuple[Real, Real]:
    """The value and the derivative by Taylor series along rays; what they meet on the way goes into `notes`."""
    terms = polarize(by)
    order = len(by)
    at: list[Jet] = []

    def derivative() -> Real:
        notes.clear()
        at.clear()
        total: Real = fmpq(0)
        for weight, direction in terms:
            jet = site.taylor_along(direction, order)
            at.append(jet)
            notes.update(jet.notes)
            total = total + jet[order] * weight
        # A note ends the search: the precision cannot help, what lies beside the point must be looked at.
        return fmpq(0) if notes else total

    slope = refine(derivative)
    return at[0].value, slope


def _confirmed(site: ExpressionAt, by: Sequence[str], numerical: Regularity) -> Regularity:
    """What rests on numbers that are zero to thousands of bits, proven or corrected by elements where these can."""
    try:
        partial = looked_at(site, by, lambda place: place.partial(by))
    except (Undecided, reals.OutOfPrecision):
        return numerical
    if not partial.proven:
        return numerical
    value = value_of(site)
    if partial.kind == "smooth":
        return Regularity(Kind.SMOOTH, partial.derivative, value=value)
    kind = Kind.UNKNOWN if partial.kind == "undefined" else Kind(partial.kind)
    why = "a value that was not confirmed" if kind is Kind.UNKNOWN else ""
    return Regularity(kind, None, partial.left, partial.right, value, why=why)


def _value(site: ExpressionAt) -> tuple[Real | None, frozenset[Note], bool]:
    """The value at the point, None where there is none; what was met; and whether no zero was assumed."""
    notes: frozenset[Note] = frozenset()

    def compute() -> Real:
        nonlocal notes
        jet = site.value()
        notes = jet.notes
        return fmpq(0) if _without_value(notes) else jet.value

    with reals.unproven_zeros() as zeros:
        value = refine(compute)
    return (None if _without_value(notes) else value), notes, not zeros.count


def _without_value(notes: Iterable[Note]) -> bool:
    return any(note.kind in ("pole", "domain", "unknown") for note in notes)


def _beside(site: ExpressionAt, by: Sequence[str], notes: tuple[Note, ...]) -> Regularity:
    """The regularity where something was met."""
    value, at_point, _ = _value(site)
    kinds = {note.kind for note in at_point}
    if "unknown" in kinds:
        return Regularity(Kind.UNKNOWN, value=value, notes=notes, why="a function whose series is not known")
    if value is None:
        return _without(site, by, kinds, notes)
    try:
        partial = looked_at(site, by, lambda place: place.partial(by))
    except Undecided as why:
        return Regularity(Kind.UNKNOWN, value=value, notes=notes, why=str(why))
    if partial.kind == "undefined":  # the two ways to see the point itself are at odds
        return Regularity(Kind.UNKNOWN, value=value, notes=notes, why="a value that was not confirmed")
    if any(note.what == ZERO_TO_ZERO for note in notes):  # along one line it may be smooth, its value a convention
        return Regularity(Kind.EDGE, None, partial.left, partial.right, value, notes, partial.proven)
    return Regularity(Kind(partial.kind), partial.derivative, partial.left, partial.right, value, notes, partial.proven)


def _without(site: ExpressionAt, by: Sequence[str], kinds: set[str], notes: tuple[Note, ...]) -> Regularity:
    """The regularity where the expression has no value."""
    kind = Kind.POLE if "pole" in kinds and "domain" not in kinds else Kind.DOMAIN
    try:
        there, proven = looked_at(site, by, lambda place: (place.value(), place.germs.guesses == 0))
        if there is not None:  # the two ways to see the point itself are at odds
            return Regularity(Kind.UNKNOWN, notes=notes, why="a value that was not confirmed")
        if len(set(by)) == 1:
            left, right, closes = looked_at(site, by, lambda place: place.beside(by[0], len(by)))
            return Regularity(Kind.REMOVABLE if closes else kind, None, left, right, None, notes, proven)
    except Undecided:
        proven = False
    return Regularity(kind, notes=notes, proven=proven)
