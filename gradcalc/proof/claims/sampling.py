"""The points at which a claim is compared: random ones, and those that its own text and its breakpoints call for.

Comes in: the trees of an expression and a claim.  Goes out: points, in groups that belong together.  All numbers are seeded
by the text and have full mantissas: the same question has the same points, and nothing that repeats itself has a zero in all
of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product

from gradcalc.engines.taylor.reals import ball
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Node, Number, linearize, names_in, substitute_names
from gradcalc.functions import TABLE
from gradcalc.proof.claims.breakpoints import Switch, expanded, is_hard, switches
from gradcalc.proof.claims.roots import is_near, literal, number, polynomial, roots, shortened, zeros
from gradcalc.proof.smoothness.subdivision import fraction

Point = Mapping[str, Node]

_DIGITS = 17
_READ, _SHORT = 4, 5
"""The first random points are for people, and have so many digits."""
_NARROW = (-2, -4, -7, -11, -16)
"""Exponents of the distances at which one looks beside a landmark."""
_EFFORT, _LOOKS, _LEAST_LOOKS = 40_000, 600, 60
"""Parts that are evaluated to find breakpoints, and the pieces that are looked at for one of them."""
_LANDMARKS = 16
_SIZES = ((0, -1, 1, 2, -2), (0, 0, 0, -1, -1, -1, 1))
_HARD_SIZES = (0, -1)
"""Powers of ten of random numbers: of the second half of them and the first, and where functions take long far from 0."""
_PIECES = 256
"""Breakpoints on a line that are looked at."""
BASES = 3
"""Points through which lines are drawn."""
_CORNERED, _CORNERS = 3, 64
"""Variables up to which points with constants as coordinates are looked at, and how many with different ones."""
_COMBINED = 32
"""Points whose coordinates are drawn from what was found along the lines."""


@dataclass(frozen=True, slots=True)
class Group:
    """Points that tell of one thing: a piece between breakpoints, a breakpoint (`is_seam`), or a landmark.

    Of a piece (`is_piece`) and a breakpoint one point is looked at, whatever it takes.
    """

    points: Sequence[Point]
    is_seam: bool = False
    is_piece: bool = False


class Sampling:
    """The points for some trees.

    With `inner` the variable `by` is no number of its own: it stands for that expression in the others.  The variables of
    `fixed` have these values everywhere.
    """

    def __init__(
        self, trees: Sequence[Node], names: Sequence[str], fixed: Point, inner: tuple[str, Node] | None = None
    ) -> None:
        self.names, self.fixed, self.inner = names, fixed, inner
        self.trees = trees
        self.chance = random.Random("\n".join(map(unparse, trees)))
        self.switches: list[Switch] = list(dict.fromkeys(it for tree in reversed(trees) for it in switches(tree)))
        parts = [node for tree in trees for node in linearize(tree).nodes]
        self.constants = _constants(parts)
        self.parts = _different([node for tree in reversed(trees) for node in reversed(linearize(tree).nodes)])
        self.is_hard = any(map(is_hard, trees))
        self._effort = _EFFORT
        self.pieces: list[Point] = []
        """A point in each piece of the lines that were looked at."""
        self.missed: list[Node] = []
        """Numbers beside breakpoints that are irrational, and that nothing writes down exactly."""
        self.is_cut = False
        """Whether there are more breakpoints than are looked at."""
        self.is_exact = True
        """Whether all their breakpoints are known, as zeros of polynomials."""
        self._places: dict[str, list[Node]] = {name: [] for name in names}

    # -- numbers

    def fresh(self, exponent: int = 0) -> Fraction:
        """A number of full length, between 1 and 10 times a power of ten."""
        digits = self.chance.randrange(10 ** (_DIGITS - 1), 10**_DIGITS) * 10 + 3
        return Fraction(digits, 10**_DIGITS) * Fraction(10) ** exponent

    def samples(self, count: int) -> Iterator[Point]:
        """Different points of usual size: some to be read, the others of full length, some of which no decimal has."""
        for turn in range(count if self.names else 1):
            point: dict[str, Node] = {}
            for name in self.names:
                exponent = self.chance.choice(_HARD_SIZES if self.is_hard else _SIZES[turn < count // 2])
                value = self.fresh(exponent) * self.chance.choice((1, 1, -1))
                point[name] = literal(shortened(value, _SHORT) if turn < _READ else _odd(value) if turn % 4 == 3 else value)
            yield {**self.fixed, **point}

    def far(self) -> Iterator[Point]:
        """Points far from 0, and near to it."""
        for exponent in () if self.is_hard else (-9, 4, -30, 7, 12):
            for sign in (1, -1):
                yield {**self.fixed, **{name: literal(sign * self.fresh(exponent)) for name in self.names}}

    # -- lines

    def along(self, base: Point, name: str) -> Iterator[Group]:
        """What there is along the line through a point on which one variable moves."""
        places = self._breakpoints(base, name)
        for low, high in pairwise([None, *(at for at, _ in places), None]):
            inside = [literal(value) for value in self._inside(low, high)]
            self._places[name] += inside
            self.pieces.append({**base, name: inside[0]})
            yield Group([{**base, name: value} for value in inside], is_piece=True)
        self._places[name] += [node for _, node in places]
        for _, node in places:
            yield Group([{**base, name: node}], is_seam=True)

    def beside_landmarks(self, base: Point, name: str) -> Iterator[Group]:
        """The zeros and the extrema of parts, the constants of the texts, and places near to them at all distances."""
        for at, node in self._landmarks(base, name):
            size = max(abs(at), Fraction(1))
            shifts = [self.chance.choice((1, -1)) * size * self.fresh(exponent) for exponent in _NARROW]
            near = [shortened(at + shift, _DIGITS - exponent) for shift, exponent in zip(shifts, _NARROW, strict=True)]
            yield Group([{**base, name: value} for value in (node, *map(literal, near))])

    def combined(self) -> Iterator[Group]:
        """Points that combine what was found for each variable."""
        if len(self.names) > 1 and all(self._places.values()):
            for _ in range(_COMBINED):
                yield Group([{**self.fixed, **{name: self.chance.choice(self._places[name]) for name in self.names}}])

    def at_constants(self) -> Iterator[Group]:
        """Points of several variables whose coordinates are constants of the texts, and places beside them."""
        count = len(self.names)
        values = list(dict.fromkeys([Fraction(0), *(sign * constant for constant in self.constants for sign in (1, -1))]))
        if count < 2 or count > _CORNERED:
            return
        corners = [(value,) * count for value in values]
        others = [corner for corner in product(values[:_LANDMARKS], repeat=count) if len(set(corner)) > 1]
        corners += self.chance.sample(others, min(len(others), _CORNERS))
        for corner in corners:
            points = [corner, *(tuple(at + sign * self.fresh(-5) for at in corner) for sign in (1, -1))]
            exactly, *near = [{**self.fixed, **dict(zip(self.names, map(literal, point), strict=True))} for point in points]
            yield Group([exactly], is_piece=True)
            yield Group(near)

    def _on_line(self, node: Node, base: Point, name: str) -> Node | None:
        """A part along a line, in the variable that moves; None where it does not."""
        values = {other: value for other, value in base.items() if other != name}
        if self.inner is not None:
            node = substitute_names(node, {self.inner[0]: self.inner[1]}.get)
        moving = substitute_names(node, values.get)
        return moving if names_in(moving) == [name] else None

    def _breakpoints(self, base: Point, name: str) -> list[tuple[Fraction, Node]]:
        found: dict[Node, None] = {}
        for switch in self.switches:
            moving = self._on_line(switch.node, base, name)
            if moving is None:
                continue
            values: Sequence[Node | None] = [None]
            if switch.kind != "zero":
                shift = Fraction(1, 2) if switch.kind == "half" else Fraction(0)
                values = [literal(whole + shift) for whole in self._wholes()]
            for value in values:
                places = roots(moving, value, self._looks_for(moving))
                found.update(dict.fromkeys(places))
                self.missed += [place for place in places if is_near(moving, value, place)]
            self.is_exact = self.is_exact and switch.kind == "zero" and polynomial(expanded(moving)) is not None
        self.is_exact = self.is_exact and len(found) < _PIECES
        self.is_cut = self.is_cut or len(found) > _PIECES
        return _sorted(found, _PIECES)

    def _looks_for(self, moving: Node) -> int:
        """How many pieces of the line may be looked at for the roots of an expression."""
        cost = len(linearize(moving).nodes)
        looks = min(_LOOKS, self._effort // cost)
        if polynomial(moving) is None:
            self._effort -= looks * cost // 2
        return looks if looks >= _LEAST_LOOKS else 0

    def _wholes(self) -> list[int]:
        near = [whole for constant in self.constants for whole in (int(constant), int(constant) + 1, -int(constant))]
        return list(dict.fromkeys([0, 1, -1, 2, *near]))[:12]

    def _landmarks(self, base: Point, name: str) -> list[tuple[Fraction, Node]]:
        found: dict[Node, None] = {}
        for part in self.parts:
            moving = self._on_line(part, base, name)
            ratio = None if moving is None else polynomial(moving)
            if ratio is not None and 0 < ratio[0].degree() < 5:
                found.update(dict.fromkeys([*zeros(ratio[0]), *zeros(ratio[0].derivative())]))
            elif moving is not None and ratio is None and len(linearize(moving).nodes) < 12:
                found.update(dict.fromkeys(roots(moving)[:4]))
        found.update(dict.fromkeys(literal(sign * constant) for constant in self.constants for sign in (1, -1)))
        return _sorted(found, _LANDMARKS)

    def _inside(self, low: Fraction | None, high: Fraction | None) -> list[Fraction]:
        """Numbers between two, near to both and in the middle; far away where there is no end."""
        if low is None and high is None:
            return [sign * self.fresh(exponent) for exponent in _HARD_SIZES for sign in (1, -1)]
        if low is None or high is None:
            end, sign = (high, -1) if low is None else (low, 1)
            assert end is not None
            size = max(abs(end), Fraction(1))
            distances = [self.fresh(exponent) * size for exponent in ((-4, -1, 0) if self.is_hard else (-4, -1, 0, 2, 6))]
            if end and low is None:  # towards 0 it may be of another size
                distances.append(abs(end) * self.fresh(-1))
            return [_between(end + sign * distance, low, high) for distance in distances]
        width = high - low
        shares = [self.fresh(-5), self.fresh(-1), 1 - self.fresh(-1), 1 - self.fresh(-4)]
        return [_between(low + width * share, low, high) for share in shares]


def _between(value: Fraction, low: Fraction | None, high: Fraction | None) -> Fraction:
    """A number between two, in as few digits as there may be."""
    digits = _DIGITS
    while (low is not None and shortened(value, digits) <= low) or (high is not None and shortened(value, digits) >= high):
        digits += 8
    return shortened(value, digits)


_ODD = 2**61 - 1


def _odd(value: Fraction) -> Fraction:
    """A number near to another that no decimal has."""
    return Fraction(round(value * _ODD), _ODD)


def _constants(parts: Sequence[Node]) -> list[Fraction]:
    return list(dict.fromkeys(part.value for part in parts if isinstance(part, Number)))[:_LANDMARKS]


def _different(parts: Sequence[Node]) -> list[Node]:
    found: dict[Node, None] = {}
    for part in parts:
        if isinstance(part, Call) and part.args and not TABLE[part.name].condition and len(found) < 4 * _LANDMARKS:
            found.setdefault(part)
    return list(found)


def _sorted(places: Mapping[Node, None], most: int) -> list[tuple[Fraction, Node]]:
    """Places in order, each once; of two that are equal the first that was found."""
    found: dict[Fraction, Node] = {}
    for node in places:
        value = number(node)
        if value is not None:
            found.setdefault(fraction(ball(value)) if not hasattr(value, "p") else fraction(value), node)
        if len(found) == most:
            break
    return sorted(found.items(), key=lambda pair: pair[0])


def around(point: Point, names: Sequence[str]) -> Iterator[Point]:
    """Points near to one, each of whose variables is moved by some thousandths of itself."""
    for turn in range(1, 9):
        moved: dict[str, Node] = {}
        for place, name in enumerate(names):
            value, share = point[name], Fraction((-1) ** (turn + place) * turn * (place + 2) * 9_973 + 1, 9_973_000)
            moved[name] = literal(value.value * (1 + share)) if isinstance(value, Number) else value
        yield {**point, **moved}
