"""An expression of one variable along an interval: where it is not smooth, and where it has no value.

Comes in: a tree, the exact values of its other variables, and an interval in pieces.  Goes out: a `Survey`: the marks
(kinks, jumps, poles, ends of the domain) and the gaps.  A piece over which Taylor arithmetic in balls meets nothing is
smooth, beyond doubt; others are halved until nothing is left of them but what they meet.  At a rational point that is
examined as any other point; elsewhere, at `sqrt(2)`, what stands on its two sides is compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, pairwise

from flint import arb, ctx

from gradcalc.proof.regularity import Kind, Regularity, examine
from gradcalc.proof.site import Site
from gradcalc.syntax import Node, steps
from gradcalc.witness import balls, taylor
from gradcalc.witness.balls import NotReal, OutOfPrecision, Real, Unresolved

_HALVINGS = 36
MAX_LOOKS = 20_000
"""Pieces that are looked at: an expression may oscillate without end, or be too long for balls."""
_SMOOTH, _EMPTY, _OPEN, _UNSEEN = "smooth", "empty", "open", "unseen"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place where the expression is not smooth; `exact` if it is just there, else it is within 1e-10 of the interval.

    The slopes are those on its two sides, where there are some.
    """

    at: Fraction
    kind: Kind
    exact: bool
    left: str | None = None
    right: str | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which the expression has no value."""

    start: Fraction
    stop: Fraction


@dataclass(frozen=True, slots=True)
class Survey:
    """What is not smooth, in order; `unseen` are stretches where there was too much to look at."""

    marks: tuple[Mark, ...]
    gaps: tuple[Gap, ...]
    unseen: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    start: Fraction
    stop: Fraction
    state: str


def survey(tree: Node, name: str, values: Mapping[str, Node | Fraction], ends: Sequence[Fraction]) -> Survey:
    """What is notable between the first and the last of `ends`, which cut the interval into pieces to begin with."""
    work = _Work(tree, name, values)
    share = MAX_LOOKS // (len(ends) - 1)
    runs = _runs(found for start, stop in pairwise(ends) for found in work.pieces(start, stop, share))
    # What has no value on both sides has none.
    lost = [before.state == after.state == _EMPTY for before, after in zip(runs, runs[2:], strict=False)]
    runs = _runs(
        replace(run, state=_EMPTY) if is_lost and run.state == _OPEN else run
        for run, is_lost in zip(runs, [False, *lost, False], strict=False)
    )
    marks = [mark for run in runs if run.state == _OPEN and (mark := work.mark(run.start, run.stop)) is not None]
    gaps = [Gap(run.start, run.stop) for run in runs if run.state == _EMPTY]
    unseen = tuple(Gap(run.start, run.stop) for run in runs if run.state == _UNSEEN)
    return Survey(tuple(marks), tuple(_joined(gaps, marks)), unseen)


def smooth(
    tree: Node, name: str, values: Mapping[str, Node | Fraction], ends: Sequence[Fraction], *, halvings: int, most: int
) -> list[tuple[Fraction, Fraction]]:
    """Stretches in which the expression is smooth, beyond doubt, between the first and the last of `ends`.

    Places where it is not are told apart down to a piece that was halved so often; `most` pieces are looked at in each.
    """
    work = _Work(tree, name, values)
    pieces = [found for start, stop in pairwise(ends) for found in work.pieces(start, stop, most, halvings)]
    return [(run.start, run.stop) for run in _runs(pieces) if run.state == _SMOOTH]


def _runs(pieces: Iterable[_Piece]) -> list[_Piece]:
    """Pieces that touch and are in one state, as one."""
    grouped = [list(run) for _, run in groupby(pieces, lambda piece: piece.state)]
    return [_Piece(run[0].start, run[-1].stop, run[0].state) for run in grouped]


def _joined(gaps: Sequence[Gap], marks: Sequence[Mark]) -> Iterator[Gap]:
    """The gaps, each up to the mark that it ends at."""
    places = [mark.at for mark in marks]
    for gap in gaps:
        close = (gap.stop - gap.start) / 2**20
        yield Gap(*(next((at for at in places if abs(at - end) < close), end) for end in (gap.start, gap.stop)))


class _Work:
    def __init__(self, tree: Node, name: str, values: Mapping[str, Node | Fraction]):
        self.tree, self.name, self.values = tree, name, values
        self.way = steps(tree)
        self.fixed = Site(tree, {**values, name: Fraction(0)})

    def pieces(self, start: Fraction, stop: Fraction, most: int, deepest: int = _HALVINGS) -> list[_Piece]:
        """A piece, cut where that tells more, the longest first, from left to right."""
        found: list[_Piece] = []
        waiting = deque([(start, stop, deepest)])
        for _ in range(most):
            if not waiting:
                break
            left, right, halvings = waiting.popleft()
            state = self.look(left, right)
            if state == _OPEN and halvings:
                middle = (left + right) / 2
                waiting += [(left, middle, halvings - 1), (middle, right, halvings - 1)]
            else:
                found.append(_Piece(left, right, state))
        found += [_Piece(left, right, _UNSEEN) for left, right, _ in waiting]
        return sorted(found, key=lambda piece: piece.start)

    def look(self, start: Fraction, stop: Fraction) -> str:
        """Whether the expression is smooth in all of a piece, or has no value in any of it."""
        with ctx.workprec(balls.START_BITS):
            point: dict[str, Real] = dict(self.fixed.point())
            whole = arb(balls.exact((start + stop) / 2), balls.exact((stop - start) / 2))
            try:
                jet = taylor.evaluate(self.way, {**point, self.name: taylor.moving(whole, 1, 1)}, order=1)
            except (Unresolved, NotReal):
                return _OPEN
            if any(note.kind == "domain" for note in jet.notes):
                return _EMPTY
            is_known = all(balls.ball(jet[power]).is_finite() for power in (0, 1))
            return _SMOOTH if is_known and not jet.notes else _OPEN

    def mark(self, start: Fraction, stop: Fraction) -> Mark | None:
        """What an open piece is about; None where the expression is smooth after all."""
        at = simplest(start, stop)
        found = self.at(at)
        if found is not None and found.kind is Kind.SMOOTH:
            return None
        # A fraction that is only near to the place is regular, or has no value.
        if found is not None and found.kind not in (Kind.REGULAR, Kind.DOMAIN, Kind.UNKNOWN):
            return Mark(at, found.kind, True, _told(found.left), _told(found.right))
        left, right = self.at(start), self.at(stop)
        kind = _between(left, right)
        if kind is None:
            return None
        return Mark((start + stop) / 2, kind, False)

    def at(self, place: Fraction) -> Regularity | None:
        try:
            return examine(Site(self.tree, {**self.values, self.name: place}), [self.name])
        except OutOfPrecision:
            return None


def _told(slope: Real | float | None) -> str | None:
    if slope is None or isinstance(slope, float):
        return None if slope is None else "inf" if slope > 0 else "-inf"
    return balls.decimal(slope)


_LARGE = 2.0**20
"""What changes by more than this beside a place of width 1e-10 does not change smoothly, as far as a drawing can tell."""


def _between(left: Regularity | None, right: Regularity | None) -> Kind | None:
    """What lies between two points that are very near to each other."""
    if left is None or right is None or (left.value is None and right.value is None):
        return None
    if left.value is None or right.value is None:
        return Kind.EDGE
    one, other = balls.nearest_float(left.value), balls.nearest_float(right.value)
    if max(abs(one), abs(other)) > _LARGE:
        return Kind.POLE
    if abs(one - other) > (1 + abs(one) + abs(other)) / _LARGE:
        return Kind.JUMP
    if left.derivative is None or right.derivative is None:
        return None
    one, other = balls.nearest_float(left.derivative), balls.nearest_float(right.derivative)
    if max(abs(one), abs(other)) > _LARGE:
        return Kind.VERTICAL
    return Kind.KINK if abs(one - other) > (1 + abs(one) + abs(other)) / 2**10 else None


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
