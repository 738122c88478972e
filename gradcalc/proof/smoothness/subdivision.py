"""An expression of one variable along an interval: where it is not smooth, and where it has no value.

Comes in: a tree, the exact values of its other variables, and an interval in pieces.  Goes out: `Singularities`: kinks,
jumps, poles and ends of the domain, and the intervals without a value.

A piece over which a Taylor series in balls has no note is smooth; this is proven.  Other pieces are halved down to a tiny
neighbourhood of a singularity.  At a rational point it is examined like any point.  At an irrational one, such as `sqrt(2)`,
and where there is no value, it is classified by values and slopes on both sides.  That names marks in a drawing, never a
verdict.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from itertools import groupby, pairwise

from flint import arb

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.jets import Jet, NoteKind
from gradcalc.engines.taylor.reals import NotReal, OutOfPrecision, Real, Unresolved
from gradcalc.expression.tree import Node, linearize
from gradcalc.proof.smoothness.asymptotics import BITS, OneSidedFit, Sample, classify_between
from gradcalc.proof.smoothness.differentiability import Regularity, examine
from gradcalc.proof.smoothness.kinds import Kind
from gradcalc.runtime import deadline

_HALVINGS = 36
MAX_PROBES = 20_000
"""Pieces that are evaluated: an expression may oscillate without end, or be too long for balls."""


class _State(StrEnum):
    """What is known of a piece: proven smooth, without a value, neither, or not evaluated in time."""

    SMOOTH = "smooth"
    EMPTY = "empty"
    OPEN = "open"
    UNRESOLVED = "unseen"


@dataclass(frozen=True, slots=True)
class Singularity:
    """A place where the expression is not smooth; `exact`, or within 1e-10 of the length of the interval.

    One of kind `unknown` that is not `exact` may even be smooth.  `left` and `right` are the one-sided slopes, if any.
    """

    at: Fraction
    kind: Kind
    exact: bool
    left: str | None = None
    right: str | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval on the axis of the variable."""

    start: Fraction
    stop: Fraction


@dataclass(frozen=True, slots=True)
class Singularities:
    """The singularities in order; the intervals without a value; those where the probes or the time did not suffice."""

    points: tuple[Singularity, ...]
    undefined: tuple[Interval, ...]
    unresolved: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    start: Fraction
    stop: Fraction
    state: _State


def find_singularities(
    tree: Node, name: str, values: Mapping[str, Node | Fraction], ends: Sequence[Fraction]
) -> Singularities:
    """The singularities between the first and the last of `ends`, which are the ends of the initial pieces.

    Half of the remaining time is for the subdivision, half for classifying singularities.
    """
    subdivision = _Subdivision(tree, name, values)
    runs = _runs(subdivision.pieces(ends))
    # An open piece between two without a value has none either.
    is_enclosed = [before.state == after.state == _State.EMPTY for before, after in zip(runs, runs[2:], strict=False)]
    runs = _runs(
        replace(run, state=_State.EMPTY) if is_between and run.state is _State.OPEN else run
        for run, is_between in zip(runs, [False, *is_enclosed, False], strict=False)
    )
    points: list[Singularity] = []
    states = list(runs)
    for place, (before, run, after) in enumerate(zip([None, *runs], runs, [*runs[1:], None], strict=False)):
        if run.state is _State.OPEN:
            try:
                point = subdivision.classify(run, before, after)
            except deadline.OutOfTime:
                states[place] = replace(run, state=_State.UNRESOLVED)
            else:
                points += [] if point is None else [point]
    gaps = tuple(_up_to(points, run) for run in runs if run.state is _State.EMPTY)
    open_intervals = tuple(Interval(run.start, run.stop) for run in _runs(states) if run.state is _State.UNRESOLVED)
    return Singularities(tuple(points), gaps, open_intervals)


def _runs(pieces: Iterable[_Piece]) -> list[_Piece]:
    """Adjacent pieces of one state as one piece."""
    runs = [list(run) for _, run in groupby(pieces, lambda piece: piece.state)]
    return [_Piece(run[0].start, run[-1].stop, run[0].state) for run in runs]


def _up_to(points: Sequence[Singularity], piece: _Piece) -> Interval:
    """The interval of a piece, with ends at the singularities that are close to its ends."""
    close = (piece.stop - piece.start) / 2**20
    places = [point.at for point in points]
    start, stop = (next((at for at in places if abs(at - end) < close), end) for end in (piece.start, piece.stop))
    return Interval(start, stop)


class _Subdivision:
    """The subdivision of an interval for one expression."""

    def __init__(self, tree: Node, name: str, values: Mapping[str, Node | Fraction]):
        self.tree, self.name, self.values = tree, name, values
        self.program = linearize(tree)
        self.others = ExpressionAt(tree, {**values, name: Fraction(0)})

    def pieces(self, ends: Sequence[Fraction]) -> Iterator[_Piece]:
        """All pieces from left to right; probes and time are shared equally among the initial pieces."""
        count = len(ends) - 1
        with deadline.limit(deadline.left() / 2):
            for place, (start, stop) in enumerate(pairwise(ends)):
                with deadline.limit(deadline.left() / (count - place)):
                    yield from self.subdivide(start, stop, MAX_PROBES // count)

    def subdivide(self, start: Fraction, stop: Fraction, probes: int) -> list[_Piece]:
        """Halve an interval breadth first where it is open; the pieces from left to right."""
        pieces: list[_Piece] = []
        waiting = deque([(start, stop, _HALVINGS)])
        for _ in range(probes):
            if not waiting or not deadline.left():
                break
            left, right, halvings = waiting.popleft()
            try:
                state = self.probe(left, right)
            except deadline.OutOfTime:
                state = _State.UNRESOLVED
            if state is _State.OPEN and halvings:
                middle = (left + right) / 2
                waiting += [(left, middle, halvings - 1), (middle, right, halvings - 1)]
            else:
                pieces.append(_Piece(left, right, state))
        pieces += [_Piece(left, right, _State.UNRESOLVED) for left, right, _ in waiting]
        return sorted(pieces, key=lambda piece: piece.start)

    def probe(self, start: Fraction, stop: Fraction) -> _State:
        """Whether the expression is smooth in all of an interval, or has no value in any of it."""
        with reals.precision(reals.START_BITS):
            point: dict[str, Real] = dict(self.others.point())
            whole = arb(reals.exact((start + stop) / 2), reals.exact((stop - start) / 2))
            try:
                jet = evaluate.evaluate(self.program, {**point, self.name: Jet.variable(whole, 1, 1)}, order=1)
            except (Unresolved, NotReal):
                return _State.OPEN
            if any(note.kind is NoteKind.DOMAIN for note in jet.notes):
                return _State.EMPTY
            is_bounded = all(reals.ball(jet[power]).is_finite() for power in (0, 1))
            return _State.SMOOTH if is_bounded and not jet.notes else _State.OPEN

    def classify(self, run: _Piece, before: _Piece | None, after: _Piece | None) -> Singularity | None:
        """The singularity inside an open piece between two others; None where the expression turns out to be smooth."""
        at, width = simplest(run.start, run.stop), run.stop - run.start

        def classify_by_sides(place: Fraction) -> Kind | None:
            return classify_between(self.side(place, width, -1, before), self.side(place, width, 1, after))

        regularity = self.examine(at)
        if regularity is None or regularity.kind in (Kind.SMOOTH, Kind.DOMAIN, Kind.UNKNOWN):  # beside the singularity
            place = (run.start + run.stop) / 2
            kind = classify_by_sides(place)
            return None if kind in (None, Kind.SMOOTH) else Singularity(place, kind, exact=False)
        kind = regularity.kind
        if kind is Kind.DIFFERENTIABLE:
            return None
        if kind is Kind.POLE:  # a division by zero or a logarithm: another function may make it finite
            kind = classify_by_sides(at) or kind
            kind = Kind.REMOVABLE if kind in (Kind.SMOOTH, Kind.KINK, Kind.VERTICAL) else kind
        return Singularity(at, kind, True, _slope_text(regularity.left), _slope_text(regularity.right))

    def side(self, place: Fraction, width: Fraction, sign: int, beyond: _Piece | None) -> OneSidedFit | None:
        """Samples on one side of a place that is known up to a width; None if the expression has no value there."""
        room = width * 2**_FAR if beyond is None else beyond.stop - beyond.start
        near, stride = width * 2**_NEAR, _FAR - _NEAR
        while near * 2**stride > room and stride > _SAMPLES:
            stride -= 1
        if near * 2**stride > room:
            return OneSidedFit(())
        samples = []
        for count in range(_SAMPLES):
            distance = near * 2 ** (stride * count // (_SAMPLES - 1))
            regularity = self.examine(place + sign * distance)
            if regularity is None:
                return OneSidedFit(())
            value, slope = regularity.value, regularity.derivative
            if value is None and not count:
                return None
            if value is None or slope is None:
                return OneSidedFit(())
            with reals.precision(BITS):
                samples.append(Sample(_midpoint(reals.exact(distance)), _midpoint(value), sign * _midpoint(slope)))
        return OneSidedFit(tuple(samples))

    def examine(self, place: Fraction) -> Regularity | None:
        """The regularity at a place; None where the precision does not suffice."""
        try:
            return examine(ExpressionAt(self.tree, {**self.values, self.name: place}), [self.name])
        except OutOfPrecision:
            return None


def _slope_text(slope: Real | float | None) -> str | None:
    if slope is None or isinstance(slope, float):
        return None if slope is None else "inf" if slope > 0 else "-inf"
    return reals.decimal(slope)


_NEAR, _FAR, _SAMPLES = 5, 20, 4
"""The smallest and the largest distance of samples, as binary logarithms relative to the width; and their count."""


def _midpoint(value: Real) -> arb:
    """The midpoint of an enclosure, at the present precision."""
    return reals.ball(value).mid()


def simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the smallest denominator between two (the Stern-Brocot tree)."""
    if low > high:
        low, high = high, low
    if low <= 0 <= high:
        return Fraction(0)
    if high < 0:
        return -simplest(-high, -low)
    whole = low.numerator // low.denominator
    if whole == low:
        return Fraction(whole)
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / simplest(1 / (high - whole), 1 / (low - whole))
