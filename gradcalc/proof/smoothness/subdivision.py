"""An expression of one variable along an interval: where it is not smooth, and where it has no value.

Comes in: a tree, the exact values of its other variables, and an interval in pieces.  Goes out: a `Survey`: the marks
(kinks, jumps, poles, ends of the domain) and the gaps.  A piece over which Taylor arithmetic in balls meets nothing is
smooth, beyond doubt; others are halved until nothing is left of them but what they meet.  At a rational point that is
examined as any other point; elsewhere, at `sqrt(2)`, and where there is no value, the values and slopes on its two sides
tell what lies between them.  That names marks in a drawing, never a verdict.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import groupby, pairwise

from flint import arb

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.jets import Jet
from gradcalc.engines.taylor.reals import NotReal, OutOfPrecision, Real, Unresolved
from gradcalc.expression.tree import Node, linearize
from gradcalc.proof.smoothness.differentiability import Kind, Regularity, examine
from gradcalc.runtime import deadline

_HALVINGS = 36
MAX_LOOKS = 20_000
"""Pieces that are looked at: an expression may oscillate without end, or be too long for balls."""
_SMOOTH, _EMPTY, _OPEN, _UNSEEN = "smooth", "empty", "open", "unseen"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place where the expression is not smooth; `exact` if it is just there, else it is within 1e-10 of the interval.

    Of kind `unknown` it may be anything, also smooth unless it is `exact`.  The slopes are those on its two sides, where
    there are some.
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
    """What is notable between the first and the last of `ends`, which cut the interval into pieces to begin with.

    Half of the time that is left is for the pieces, the other for what lies between them; what there was no time for is
    `unseen`.
    """
    work = _Work(tree, name, values)
    runs = _runs(work.surveyed(ends))
    # What has no value on both sides has none.
    lost = [before.state == after.state == _EMPTY for before, after in zip(runs, runs[2:], strict=False)]
    runs = _runs(
        replace(run, state=_EMPTY) if is_lost and run.state == _OPEN else run
        for run, is_lost in zip(runs, [False, *lost, False], strict=False)
    )
    marks: list[Mark] = []
    states = list(runs)
    for place, (before, run, after) in enumerate(zip([None, *runs], runs, [*runs[1:], None], strict=False)):
        if run.state == _OPEN:
            try:
                mark = work.mark(run, before, after)
            except deadline.OutOfTime:
                states[place] = replace(run, state=_UNSEEN)
            else:
                marks += [] if mark is None else [mark]
    gaps = [Gap(run.start, run.stop) for run in runs if run.state == _EMPTY]
    unseen = tuple(Gap(run.start, run.stop) for run in _runs(states) if run.state == _UNSEEN)
    return Survey(tuple(marks), tuple(_joined(gaps, marks)), unseen)


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
        self.program = linearize(tree)
        self.fixed = ExpressionAt(tree, {**values, name: Fraction(0)})

    def surveyed(self, ends: Sequence[Fraction]) -> Iterator[_Piece]:
        """All pieces, from left to right; each that is there to begin with has its share of the looks and of the time."""
        count = len(ends) - 1
        with deadline.limit(deadline.left() / 2):
            for place, (start, stop) in enumerate(pairwise(ends)):
                with deadline.limit(deadline.left() / (count - place)):
                    yield from self.pieces(start, stop, MAX_LOOKS // count)

    def pieces(self, start: Fraction, stop: Fraction, most: int) -> list[_Piece]:
        """A piece, cut where that tells more, the longest first, from left to right."""
        found: list[_Piece] = []
        waiting = deque([(start, stop, _HALVINGS)])
        for _ in range(most):
            if not waiting or not deadline.left():
                break
            left, right, halvings = waiting.popleft()
            try:
                state = self.look(left, right)
            except deadline.OutOfTime:
                state = _UNSEEN
            if state == _OPEN and halvings:
                middle = (left + right) / 2
                waiting += [(left, middle, halvings - 1), (middle, right, halvings - 1)]
            else:
                found.append(_Piece(left, right, state))
        found += [_Piece(left, right, _UNSEEN) for left, right, _ in waiting]
        return sorted(found, key=lambda piece: piece.start)

    def look(self, start: Fraction, stop: Fraction) -> str:
        """Whether the expression is smooth in all of a piece, or has no value in any of it."""
        with reals.precision(reals.START_BITS):
            point: dict[str, Real] = dict(self.fixed.point())
            whole = arb(reals.exact((start + stop) / 2), reals.exact((stop - start) / 2))
            try:
                jet = evaluate.evaluate(self.program, {**point, self.name: Jet.variable(whole, 1, 1)}, order=1)
            except (Unresolved, NotReal):
                return _OPEN
            if any(note.kind == "domain" for note in jet.notes):
                return _EMPTY
            is_known = all(reals.ball(jet[power]).is_finite() for power in (0, 1))
            return _SMOOTH if is_known and not jet.notes else _OPEN

    def mark(self, run: _Piece, before: _Piece | None, after: _Piece | None) -> Mark | None:
        """What an open piece between two others is about; None where the expression is smooth after all."""
        at = simplest(run.start, run.stop)
        found = self.at(at)
        if found is not None and found.kind is Kind.DIFFERENTIABLE:
            return None
        # A fraction that is only near to the place is regular, or has no value.
        is_there = found is not None and found.kind not in (Kind.SMOOTH, Kind.DOMAIN, Kind.UNKNOWN)
        if found is not None and is_there and found.kind is not Kind.POLE:
            return Mark(at, found.kind, True, _told(found.left), _told(found.right))
        place = at if is_there else (run.start + run.stop) / 2
        width = run.stop - run.start
        kind = _between(*(self.side(place, width, sign, piece) for sign, piece in ((-1, before), (1, after))))
        if found is not None and is_there:  # a division by zero, or a logarithm: it may be within something that tames it
            kind = Kind.REMOVABLE if kind in (Kind.SMOOTH, Kind.KINK, Kind.VERTICAL) else kind or found.kind
            return Mark(at, kind, True, _told(found.left), _told(found.right))
        return None if kind in (None, Kind.SMOOTH) else Mark(place, kind, False)

    def side(self, place: Fraction, width: Fraction, sign: int, beyond: _Piece | None) -> _Side | None:
        """What the expression does on one side of a place that is known to a width; None if it has no value there."""
        room = width * 2**_FAR if beyond is None else beyond.stop - beyond.start
        near, stride = width * 2**_NEAR, _FAR - _NEAR
        while near * 2**stride > room and stride > _LOOKS:
            stride -= 1
        if near * 2**stride > room:
            return _Side(())
        looks = []
        for look in range(_LOOKS):
            distance = near * 2 ** (stride * look // (_LOOKS - 1))
            found = self.at(place + sign * distance)
            if found is None:
                return _Side(())
            if found.value is None and not look:
                return None
            if found.value is None or found.derivative is None:
                return _Side(())
            with reals.precision(_BITS):
                looks.append(_Look(_middle(reals.exact(distance)), _middle(found.value), sign * _middle(found.derivative)))
        return _Side(tuple(looks))

    def at(self, place: Fraction) -> Regularity | None:
        try:
            return examine(ExpressionAt(self.tree, {**self.values, self.name: place}), [self.name])
        except OutOfPrecision:
            return None


def _told(slope: Real | float | None) -> str | None:
    if slope is None or isinstance(slope, float):
        return None if slope is None else "inf" if slope > 0 else "-inf"
    return reals.decimal(slope)


_NEAR, _FAR, _LOOKS = 5, 20, 4
"""The nearest and the farthest distance from a place, in bits of the width to which it is known, and how many there are."""
_NOTHING = arb(2) ** -100
"""The share of a number that is noise: numbers are known to 120 bits."""
_BITS = 256


def _middle(value: Real) -> arb:
    """A number at the present precision, as if it were exact."""
    return reals.ball(value).mid()


@dataclass(frozen=True, slots=True)
class _Look:
    """A value at a distance from a place, and the slope there as one walks away."""

    distance: arb
    value: arb
    slope: arb


class _Side:
    """What an expression does as one walks to a place: its slope is taken for a + b*distance**-power.

    Only ratios of what changes from look to look are compared, so that no unit of the axes matters.  The thresholds are
    the powers that are told apart; they name marks in a drawing, never a verdict.
    """

    def __init__(self, looks: Sequence[_Look]):
        self.looks = looks

    @cached_property
    def power(self) -> arb | None:
        """How fast the slope grows, the same at all distances as far as that can be; None if it does not grow so.

        Where the slope does not change it is minus infinity.
        """
        if not self.looks:
            return None
        slopes = [look.slope for look in self.looks]
        largest = max(map(abs, slopes))
        steps = [near - far for near, far in pairwise(slopes)]
        if all(abs(step) <= _NOTHING * largest for step in steps):
            return arb.neg_inf()
        powers = []
        for place in range(len(steps) - 1):
            share = steps[place] / steps[place + 1] if steps[place + 1] != 0 else arb.nan()
            if not share > 0:
                return None
            stride = self.looks[place + 1].distance / self.looks[place].distance
            powers.append(share.log() / stride.log())
        if len({_band(power) for power in powers}) > 1:
            return None
        # Beside 0 and 1 the formulas below have other forms, which they come as near to as makes no difference.
        power = powers[0].mid()
        return next((whole + arb(2) ** -60 for whole in (0, 1) if abs(power - whole) < arb(2) ** -60), power)

    @cached_property
    def growing(self) -> arb:
        """The part of the nearest slope that changes: b*distance**-power."""
        power, (near, far) = self.power, self.looks[:2]
        if power is None or power == arb.neg_inf():
            return arb(0)
        return ((near.slope - far.slope) / (1 - (far.distance / near.distance) ** -power)).mid()

    @property
    def steady(self) -> arb:
        """The part of the slope that does not change: its limit, if it has one."""
        return (self.looks[0].slope - self.growing).mid()

    def rise(self, distance: arb) -> arb:
        """The integral of the slope; from the place, if it has one from there."""
        power, near = self.power, self.looks[0].distance
        assert power is not None
        if power == arb.neg_inf():
            return self.steady * distance
        return self.steady * distance + self.growing * near * (distance / near) ** (1 - power) / (1 - power)

    @property
    def is_plain(self) -> bool:
        """Whether the slopes are those of the values: what oscillates, or jumps without end, has others."""
        if self.power is None:
            return False
        for near, far in pairwise(self.looks[:3]):
            found = near.value - far.value
            expected = self.rise(near.distance) - self.rise(far.distance)
            noise = _NOTHING * (abs(near.value) + abs(far.value))
            # Logarithms and the like are no powers: what a power tells of them is off by a factor, but what
            # oscillates differs by millions.
            of_one_kind = found * expected > 0 and abs(expected) / 32 < abs(found) < 32 * abs(expected)
            size = abs(self.steady * far.distance) + abs(self.growing * near.distance)
            if not of_one_kind and not abs(found - expected) <= size / 8 + noise:
                return False
        return True

    @property
    def state(self) -> str | None:
        """`tame` where the slope has a limit, `steep` where only the value has one, `pole`; None for anything else."""
        return _band(self.power) if self.power is not None and self.is_plain else None

    @property
    def limit(self) -> arb:
        """The limit of the value."""
        near = self.looks[0]
        return (near.value - self.rise(near.distance)).mid()

    @property
    def reach(self) -> arb:
        """How much the value changes between the place and the nearest look, at most."""
        near = self.looks[0]
        return abs(near.value - self.limit) + abs(near.slope) * near.distance + _NOTHING * abs(near.value)


def _band(power: arb) -> str | None:
    """What the power tells: powers that logarithms bring near to 0 and 1 are on the side of the logarithms."""
    if power < -0.08:
        return "tame"
    if -0.015 < power < 0.92:
        return "steep"
    return "pole" if power > 0.985 else None


def _between(left: _Side | None, right: _Side | None) -> Kind | None:
    """What lies between two sides: `regular` if it may be smooth, None if there is a value on neither."""
    with reals.precision(_BITS):
        sides = [side for side in (left, right) if side is not None]
        states = [side.state for side in sides]
        if not sides:
            return None
        if None in states:
            return Kind.UNKNOWN
        if "pole" in states:
            return Kind.POLE
        if left is None or right is None:
            return Kind.EDGE
        gap, reach = abs(left.limit - right.limit), left.reach + right.reach
        # The place is known to a share of the nearest distance, and limits as well as that.
        if gap > reach / 2:
            return Kind.JUMP
        if gap > reach / 8:
            return Kind.UNKNOWN
        if "steep" in states:
            return Kind.VERTICAL
        gap, reach = abs(left.steady + right.steady), abs(left.growing) + abs(right.growing)
        reach += _NOTHING * (abs(left.steady) + abs(right.steady))
        return Kind.KINK if gap > 4 * reach else Kind.SMOOTH if gap <= reach else Kind.UNKNOWN


def fraction(value: Real) -> Fraction:
    """A number as a fraction: exactly, or the middle of a ball."""
    return reals.to_fraction(value) if isinstance(value, arb) else Fraction(int(value.p), int(value.q))


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
