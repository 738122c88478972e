"""The points at which a claim is compared: random ones, and those at its breakpoints and constants.

Comes in: the trees of an expression and a claim.  Goes out: points in groups.  The generator is seeded by the text, so that
a query always has the same points.  Random numbers have full mantissas, so that no periodic function is zero at all of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product

from gradcalc.engines.taylor.reals import to_fraction
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Node, Number, linearize, names_in, substitute_names
from gradcalc.functions import TABLE
from gradcalc.proof.claims.breakpoints import Switch, expand, is_hard, switches
from gradcalc.proof.claims.roots import is_near, literal, number, polynomial, roots, round_significant, zeros

Point = Mapping[str, Node]

_DIGITS = 17
_READABLE, _SHORT = 4, 5
"""The number of random points with few digits, for readable messages, and these digits."""
_NARROW = (-2, -4, -7, -11, -16)
"""Decimal exponents of the distances of samples from a landmark."""
_EFFORT, _PROBES, _LEAST_PROBES = 40_000, 600, 60
"""Nodes that are evaluated to find breakpoints, and probes for one switch: at most, and at least."""
_LANDMARKS = 16
_DENOMINATOR = 2**61 - 1
"""Of random numbers that are not decimals."""
_SIZES = ((0, -1, 1, 2, -2), (0, 0, 0, -1, -1, -1, 1))
_HARD_SIZES = (0, -1)
"""Powers of ten of random numbers: of the second half of them and the first, and for functions that are slow far from 0."""
_PIECES = 256
"""Breakpoints of a line, at most."""
BASES = 3
"""Points with lines through them."""
_CORNERED, _CORNERS = 3, 64
"""Variables up to which constants are sampled as coordinates, and how many points have different ones."""
_COMBINATIONS = 32
"""Points whose coordinates are drawn from the places along the lines."""


@dataclass(frozen=True, slots=True)
class Group:
    """Points of a piece between breakpoints (`is_piece`), of a breakpoint (`is_seam`), or of a landmark.

    One point of a piece or breakpoint is always compared, whatever it costs.
    """

    points: Sequence[Point]
    is_seam: bool = False
    is_piece: bool = False


class Sampling:
    """The points for some trees.

    `inner` is a variable and the expression in the others that it stands for.  The variables of `fixed` are constant.
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
        self.parts = _distinct_calls([node for tree in reversed(trees) for node in reversed(linearize(tree).nodes)])
        self.is_hard = any(map(is_hard, trees))
        self._effort = _EFFORT
        self.pieces: list[Point] = []
        """A point in each piece of the lines so far."""
        self.irrational: list[Node] = []
        """Approximations of irrational breakpoints that have no exact tree."""
        self.is_cut = False
        """Whether there are more breakpoints than samples."""
        self.is_exact = True
        """Whether all their breakpoints are known, as zeros of polynomials."""
        self._places: dict[str, list[Node]] = {name: [] for name in names}

    # -- numbers

    def fresh(self, exponent: int = 0) -> Fraction:
        """A number with a full mantissa, between 1 and 10 times a power of ten."""
        digits = self.chance.randrange(10 ** (_DIGITS - 1), 10**_DIGITS) * 10 + 3
        return Fraction(digits, 10**_DIGITS) * Fraction(10) ** exponent

    def samples(self, count: int) -> Iterator[Point]:
        """Distinct points of ordinary size: a few with few digits, the others with full mantissas, some not decimal."""
        for turn in range(count if self.names else 1):
            point: dict[str, Node] = {}
            for name in self.names:
                exponent = self.chance.choice(_HARD_SIZES if self.is_hard else _SIZES[turn < count // 2])
                value = self.fresh(exponent) * self.chance.choice((1, 1, -1))
                if turn < _READABLE:
                    value = round_significant(value, _SHORT)
                elif turn % 4 == 3:  # near it, but not a decimal
                    value = Fraction(round(value * _DENOMINATOR), _DENOMINATOR)
                point[name] = literal(value)
            yield {**self.fixed, **point}

    def far(self) -> Iterator[Point]:
        """Points far from 0, and close to it."""
        for exponent in () if self.is_hard else (-9, 4, -30, 7, 12):
            for sign in (1, -1):
                yield {**self.fixed, **{name: literal(sign * self.fresh(exponent)) for name in self.names}}

    # -- lines

    def along(self, base: Point, name: str) -> Iterator[Group]:
        """The pieces and breakpoints of the line through a point along one variable."""
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
        """The zeros and extrema of subexpressions, the constants, and places near them at several distances."""
        for at, node in self._landmarks(base, name):
            size = max(abs(at), Fraction(1))
            shifts = [self.chance.choice((1, -1)) * size * self.fresh(exponent) for exponent in _NARROW]
            near = [
                round_significant(at + shift, _DIGITS - exponent) for shift, exponent in zip(shifts, _NARROW, strict=True)
            ]
            yield Group([{**base, name: value} for value in (node, *map(literal, near))])

    def combinations(self) -> Iterator[Group]:
        """Points that combine the places of each variable."""
        if len(self.names) > 1 and all(self._places.values()):
            for _ in range(_COMBINATIONS):
                yield Group([{**self.fixed, **{name: self.chance.choice(self._places[name]) for name in self.names}}])

    def at_constants(self) -> Iterator[Group]:
        """Points of several variables whose coordinates are constants, and points near them."""
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
        """A subexpression along a line, in one variable; None where it is constant."""
        values = {other: value for other, value in base.items() if other != name}
        if self.inner is not None:
            node = substitute_names(node, {self.inner[0]: self.inner[1]}.get)
        moving = substitute_names(node, values.get)
        return moving if names_in(moving) == [name] else None

    def _breakpoints(self, base: Point, name: str) -> list[tuple[Fraction, Node]]:
        places: dict[Node, None] = {}
        for switch in self.switches:
            moving = self._on_line(switch.node, base, name)
            if moving is None:
                continue
            values: Sequence[Node | None] = [None]
            if switch.kind != "zero":
                shift = Fraction(1, 2) if switch.kind == "half" else Fraction(0)
                values = [literal(whole + shift) for whole in self._wholes()]
            for value in values:
                zeros_of_switch = roots(moving, value, self._probes_for(moving))
                places.update(dict.fromkeys(zeros_of_switch))
                self.irrational += [place for place in zeros_of_switch if is_near(moving, value, place)]
            self.is_exact = self.is_exact and switch.kind == "zero" and polynomial(expand(moving)) is not None
        self.is_exact = self.is_exact and len(places) < _PIECES
        self.is_cut = self.is_cut or len(places) > _PIECES
        return _in_order(places, _PIECES)

    def _probes_for(self, moving: Node) -> int:
        """The number of probes for the roots of an expression."""
        cost = len(linearize(moving).nodes)
        probes = min(_PROBES, self._effort // cost)
        if polynomial(moving) is None:
            self._effort -= probes * cost // 2
        return probes if probes >= _LEAST_PROBES else 0

    def _wholes(self) -> list[int]:
        near = [whole for constant in self.constants for whole in (int(constant), int(constant) + 1, -int(constant))]
        return list(dict.fromkeys([0, 1, -1, 2, *near]))[:12]

    def _landmarks(self, base: Point, name: str) -> list[tuple[Fraction, Node]]:
        places: dict[Node, None] = {}
        for part in self.parts:
            moving = self._on_line(part, base, name)
            ratio = None if moving is None else polynomial(moving)
            if ratio is not None and 0 < ratio[0].degree() < 5:
                places.update(dict.fromkeys([*zeros(ratio[0]), *zeros(ratio[0].derivative())]))
            elif moving is not None and ratio is None and len(linearize(moving).nodes) < 12:
                places.update(dict.fromkeys(roots(moving)[:4]))
        places.update(dict.fromkeys(literal(sign * constant) for constant in self.constants for sign in (1, -1)))
        return _in_order(places, _LANDMARKS)

    def _inside(self, low: Fraction | None, high: Fraction | None) -> list[Fraction]:
        """Numbers between two: close to both and in the middle; far away on an unbounded side."""
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
    """A number between two, in as few digits as possible."""
    digits = _DIGITS
    while True:
        number = round_significant(value, digits)
        if (low is None or number > low) and (high is None or number < high):
            return number
        digits += 8


def _constants(parts: Sequence[Node]) -> list[Fraction]:
    return list(dict.fromkeys(part.value for part in parts if isinstance(part, Number)))[:_LANDMARKS]


def _distinct_calls(parts: Sequence[Node]) -> Sequence[Node]:
    calls = (part for part in parts if isinstance(part, Call) and part.args and not TABLE[part.name].condition)
    return list(dict.fromkeys(calls))[: 4 * _LANDMARKS]


def _in_order(nodes: Mapping[Node, None], most: int) -> list[tuple[Fraction, Node]]:
    """Distinct places in order; of equal ones the first."""
    places: dict[Fraction, Node] = {}
    for node in nodes:
        value = number(node)
        if value is not None:
            places.setdefault(to_fraction(value), node)
        if len(places) == most:
            break
    return sorted(places.items(), key=lambda pair: pair[0])


def around(point: Point, names: Sequence[str]) -> Iterator[Point]:
    """Points near one, with each variable shifted by a few thousandths of itself."""
    for turn in range(1, 9):
        near: dict[str, Node] = {}
        for place, name in enumerate(names):
            value, share = point[name], Fraction((-1) ** (turn + place) * turn * (place + 2) * 9_973 + 1, 9_973_000)
            near[name] = literal(value.value * (1 + share)) if isinstance(value, Number) else value
        yield {**point, **near}
