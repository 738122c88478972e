"""Whether an expression has a derivative at a point, and if not, why.

Comes in: an expression at a point (`ExpressionAt`) and the variables to differentiate by.  Goes out: a `Regularity`: the
proven derivative, or the kind of singularity with the one-sided derivatives.

Where all functions are smooth, a Taylor series gives the answer.  At a breakpoint, a pole or an edge of the domain, and
where a number may be zero, the germs of `one_sided` give it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from flint import fmpq

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.array_at import ArrayAt
from gradcalc.engines.taylor.at_point import ExpressionAt, polarize
from gradcalc.engines.taylor.germs.atoms import Undecided
from gradcalc.engines.taylor.jets import ZERO_TO_ZERO, Jet, Note, NoteKind
from gradcalc.engines.taylor.reals import Real, refine
from gradcalc.expression.arrays import Array
from gradcalc.proof.smoothness.kinds import Kind
from gradcalc.proof.smoothness.one_sided import Neighbourhood, Side, near_point

__all__ = ["Regularity", "Side", "examine", "examined", "value_of"]

_UNCONFIRMED = "a value that was not confirmed"


@dataclass(frozen=True, slots=True)
class Regularity:
    """Whether there is a derivative, and if not, why.

    `derivative` is set where `kind` is SMOOTH or DIFFERENTIABLE.  `value` is None where the expression has none.  `notes`
    name the functions that are not smooth at the point.  `proven` is False if the answer takes for zero a number whose first
    thousands of bits are zero.  `why` explains an UNKNOWN kind.
    """

    kind: Kind
    derivative: Real | None = None
    left: Side = None
    right: Side = None
    value: Real | None = None
    notes: tuple[Note, ...] = ()
    proven: bool = True
    why: str = ""


def examine(expression_at: ExpressionAt, by: Sequence[str]) -> Regularity:
    """The regularity of the partial derivative of a site by each of `by`.

    Raises `OutOfPrecision` where no enclosure is found.
    """
    with reals.precision(2 * reals.START_BITS):
        notes: set[Note] = set()
        with reals.unproven_zeros() as zeros:
            value, derivative = _taylor_derivative(expression_at, by, notes)
        if notes:
            in_order = sorted(notes, key=lambda note: (note.span.start, note.span.end))
            return _classify_singular(expression_at, by, tuple(in_order))
        if not zeros.count:
            return Regularity(Kind.SMOOTH, derivative, value=value)
        return _confirm(expression_at, by, Regularity(Kind.SMOOTH, derivative, value=value, proven=False))


def examine_all(expression_at: ExpressionAt, partials: Sequence[Sequence[str]]) -> list[Regularity | None]:
    """The regularity of several partials; None where no enclosure is found.

    First partials come from one pass back wherever nothing singular is met; the others are examined one by one.
    """
    names = {by[0] for by in partials if len(by) == 1}.intersection(expression_at.names)
    smooth = _smooth_partials(expression_at, names) if names else {}
    return [(len(by) == 1 and smooth.get(by[0])) or examined(expression_at, by) for by in partials]


def _smooth_partials(expression_at: ExpressionAt, names: Collection[str]) -> Mapping[str, Regularity]:
    """The first partials by variables that reach nothing singular."""
    values = {name: Array.scalar(expression_at.given_value(name)) for name in expression_at.names}
    array_at = ArrayAt(expression_at.program, values, expression_at.constants)
    slopes = {name: slope for name, (slope,) in array_at.gradient(0, names).items() if slope is not None}
    value = array_at.value()[0] if slopes else None
    return {name: Regularity(Kind.SMOOTH, slope, value=value) for name, slope in slopes.items() if value is not None}


def examined(expression_at: ExpressionAt, by: Sequence[str]) -> Regularity | None:
    """The regularity of one partial derivative; None where no enclosure is found."""
    try:
        return examine(expression_at, by)
    except reals.OutOfPrecision:
        return None


def value_of(expression_at: ExpressionAt) -> Real | None:
    """The value of the expression at the point; None where it has none.  Raises `OutOfPrecision`."""
    value, _, proven = _value(expression_at)
    if value is None or proven:
        return value
    try:
        return near_point(expression_at, (), Neighbourhood.value)
    except (Undecided, reals.OutOfPrecision):
        return value


def _taylor_derivative(expression_at: ExpressionAt, by: Sequence[str], notes: set[Note]) -> tuple[Real, Real]:
    """The value, and the derivative by Taylor series along rays; `notes` receives the notes of these series."""
    order = len(by)
    jets: list[Jet] = []

    def derivative() -> Real:
        notes.clear()
        jets.clear()
        total: Real = fmpq(0)
        for weight, direction in polarize(by):
            jet = expression_at.taylor_along(direction, order)
            jets.append(jet)
            notes.update(jet.notes)
            total = total + jet[order] * weight
        # More precision does not help where a function is not smooth: any exact number ends the refinement.
        return fmpq(0) if notes else total

    slope = refine(derivative)
    return jets[0].value, slope


def _confirm(expression_at: ExpressionAt, by: Sequence[str], numerical: Regularity) -> Regularity:
    """Prove or correct, by germs where these can, an answer that takes for zero what may be none."""
    try:
        limit = near_point(expression_at, by, lambda place: place.partial(by))
    except (Undecided, reals.OutOfPrecision):
        return numerical
    if not limit.proven:
        return numerical
    value = value_of(expression_at)
    if limit.kind is Kind.DIFFERENTIABLE:
        return Regularity(Kind.SMOOTH, limit.derivative, value=value)
    kind, why = (Kind.UNKNOWN, _UNCONFIRMED) if limit.kind is Kind.DOMAIN else (limit.kind, "")
    return Regularity(kind, None, limit.left, limit.right, value, why=why)


def _value(expression_at: ExpressionAt) -> tuple[Real | None, frozenset[Note], bool]:
    """The value at the point, None where it has none; the notes about it; and whether all zeros in it are proven."""
    jets: list[Jet] = []

    def value() -> Real:
        jets[:] = [expression_at.value()]
        return jets[0].value if jets[0].has_value else fmpq(0)

    with reals.unproven_zeros() as zeros:
        number = refine(value)
    return (number if jets[0].has_value else None), jets[0].notes, not zeros.count


def _classify_singular(expression_at: ExpressionAt, by: Sequence[str], notes: tuple[Note, ...]) -> Regularity:
    """The regularity where a function of the expression is not smooth."""
    value, at_point, _ = _value(expression_at)
    kinds = {note.kind for note in at_point}
    if NoteKind.UNKNOWN in kinds:
        return Regularity(Kind.UNKNOWN, value=value, notes=notes, why="a function whose series is not known")
    if value is None:
        return _classify_undefined(expression_at, by, kinds, notes)
    try:
        limit = near_point(expression_at, by, lambda place: place.partial(by))
    except Undecided as why:
        return Regularity(Kind.UNKNOWN, value=value, notes=notes, why=str(why))
    if limit.kind is Kind.DOMAIN:  # Taylor series find a value here, germs do not
        return Regularity(Kind.UNKNOWN, value=value, notes=notes, why=_UNCONFIRMED)
    if any(note.what == ZERO_TO_ZERO for note in notes):  # along one line it may be smooth, its value a convention
        return Regularity(Kind.EDGE, None, limit.left, limit.right, value, notes, limit.proven)
    return Regularity(limit.kind, limit.derivative, limit.left, limit.right, value, notes, limit.proven)


def _classify_undefined(
    expression_at: ExpressionAt, by: Sequence[str], kinds: set[NoteKind], notes: tuple[Note, ...]
) -> Regularity:
    """The regularity where the expression has no value."""
    kind = Kind.POLE if NoteKind.POLE in kinds and NoteKind.DOMAIN not in kinds else Kind.DOMAIN
    try:
        value, proven = near_point(expression_at, by, lambda place: (place.value(), place.germs.guesses == 0))
        if value is not None:  # germs find a value here, Taylor series do not
            return Regularity(Kind.UNKNOWN, notes=notes, why=_UNCONFIRMED)
        if len(set(by)) == 1:
            left, right, is_removable = near_point(
                expression_at, by, lambda place: place.sides_without_value(by[0], len(by))
            )
            return Regularity(Kind.REMOVABLE if is_removable else kind, None, left, right, None, notes, proven)
    except Undecided:
        proven = False
    return Regularity(kind, notes=notes, proven=proven)
