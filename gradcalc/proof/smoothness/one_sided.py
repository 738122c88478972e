"""One-sided derivatives at a point, by series, and the partial derivative that they make where they are the same.

Comes in: an expression at a point and the variables to differentiate by.  Goes out: the partial, or why there is none, with
what is known of the two sides.

The variable that is differentiated by last moves by t and by -t, the one before it by e, an infinitesimal much smaller than
t, and so on.  The expression then is one element with every branch chosen.  A partial exists where the one below it exists
at the point and on both sides, and where its slopes on the two sides are equal: as elements of the infinitesimals that are
larger, that is, for all small values of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from itertools import groupby
from math import factorial
from typing import TypeVar

from flint import arb, fmpq

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.germs.atoms import SIZES, Element, TooMany, Undecided, rational
from gradcalc.engines.taylor.germs.functions import Outcome, Value, evaluate_node
from gradcalc.engines.taylor.germs.germs import Germs, NotDefined, Unknown
from gradcalc.engines.taylor.jets import Jet
from gradcalc.engines.taylor.reals import Real, ball, exact, refine
from gradcalc.expression.dependencies import Dependencies
from gradcalc.expression.tree import Call, Name, Node, Program, linearize
from gradcalc.functions import TABLE

Side = Real | float | None
"""A one-sided derivative: a number, an infinity, or None where the expression is not real there or nothing is known."""

Group = tuple[str, int]
"""A variable, and how often in succession is differentiated by it."""

_DEEPEST = 4
"""Groups of variables, each of which moves by an infinitesimal of its own."""
_WRITTEN_OUT = 60
"""Steps of an expression that stands still up to which it is an element, and not only a number."""


class Missing(Exception):
    """No partial: `kind` is "kink", "jump", "vertical", "edge" or "undefined"; the sides are its one-sided values."""

    def __init__(self, kind: str, left: Element | float | None = None, right: Element | float | None = None):
        super().__init__(kind)
        self.kind, self.left, self.right = kind, left, right

    def without_sides(self) -> Missing:
        """What a missing partial of lower order says of a higher one: its kind, and not its numbers."""
        return Missing(self.kind)


@dataclass(frozen=True, slots=True)
class Partial:
    """What the series say: the kind ("smooth" or one of `Missing`'s), the numbers, and whether no zero was guessed."""

    kind: str
    derivative: Real | None
    left: Side
    right: Side
    proven: bool


T = TypeVar("T")


def looked_at(site: ExpressionAt, names: Sequence[str], ask: Callable[[Neighbourhood], T]) -> T:
    """The answer to a question about an expression beside a point, with as many atoms as it takes.  Raises `Undecided`."""
    for size in SIZES[:-1]:
        try:
            return ask(Neighbourhood(site, names, size))
        except TooMany:
            continue
    return ask(Neighbourhood(site, names, SIZES[-1]))


class Neighbourhood:
    """An expression beside a point, in elements; `names` are the variables that move."""

    def __init__(self, site: ExpressionAt, names: Sequence[str], size: int):
        self.germs = Germs(size)
        self._site = site
        self._program: Program = site.program
        self._moving = Dependencies(self._program).dependents(names)
        self._fixed: dict[int, Outcome] = {}
        self._start = {name: self._variable(name) for name in dict.fromkeys(names) if name in site.names}

    def value(self) -> Real | None:
        """The expression at the point; None where it has no value.  Raises `Undecided`."""
        try:
            return self._real(self._value(self._start))
        except Missing:
            return None

    def partial(self, by: Sequence[str]) -> Partial:
        """The partial by each of `by`, the first of which is differentiated by first.  Raises `Undecided`."""
        groups = [(name, len(list(same))) for name, same in groupby(by)]
        with reals.precision(2 * reals.START_BITS):
            try:
                return self._partial(groups)
            except TooMany:
                raise
            except Undecided:
                if len(groups) == len(by):
                    raise
                # One derivative after the other needs less: a term that oscillates may vanish in each of them.
                return self._partial([(name, 1) for name in by])

    def _partial(self, groups: Sequence[Group]) -> Partial:
        try:
            slope = self._derivative(self._start, groups)
        except Missing as missing:
            left, right = self._number(missing.left), self._number(missing.right)
            return Partial(missing.kind, None, left, right, self.germs.guesses == 0)
        derivative = self._real(slope)
        return Partial("smooth", derivative, derivative, derivative, self.germs.guesses == 0)

    def beside(self, name: str, order: int) -> tuple[Side, Side, bool]:
        """For a point without value: the slopes on both sides, and whether both sides meet there.

        Where the expression tends to a number, its slope is that of the function which has this number as its value; else it
        is the limit of the derivative.  Both sides meet where numbers and slopes are the same.
        """
        slopes: list[Side] = []
        limits: list[Element | None] = []
        with self.germs.dropping_oscillation(order == 1):
            for way in (-1, 1):
                slope, limit = self._side(name, order, way)
                slopes.append(self._known(slope))
                limits.append(limit)
        left, right = limits
        meets = left is not None and right is not None and self.germs.sign(left - right) == 0
        numbers = all(slope is not None and not isinstance(slope, float) for slope in slopes)
        return slopes[0], slopes[1], meets and numbers and _overlap(slopes[0], slopes[1])

    def _side(self, name: str, order: int, way: int) -> tuple[Element | float | None, Element | None]:
        """The derivative on one side of a point without value, and the number to which the expression tends there."""
        small = self._infinitesimal(0)
        at = {**self._start, name: self._start[name] + way * small} if name in self._start else self._start
        limit = self._limit(partial(self._value, at))
        if limit is None or isinstance(limit, float):
            return self._limit(partial(self._derivative, at, [(name, order)], depth=1)), None
        try:
            rest, slope = self._value(at) - limit, limit
            for k in range(1, order + 1):
                rise = self._rise(rest, small, k)
                if rise.obstacle:
                    return (rise.slope * way**k if k == order else None), limit
                slope = _number(rise.slope) * way**k
                rest = rest - _number(rise.slope) * small**k / factorial(k)
        except TooMany:
            raise
        except (Missing, Undecided):
            return None, limit
        return slope, limit

    # -- values

    def _variable(self, name: str) -> Element:
        value = self._site.given_value(name)
        if isinstance(value, Fraction):
            return self.germs.constant(exact(value))
        tree = linearize(value)
        values: list[Outcome] = []
        for node, places in zip(*tree, strict=True):
            values.append(evaluate_node(self.germs, node, [values[place] for place in places], {}, None))
        if isinstance(values[-1], NotDefined):
            raise Undecided(f"the value of {name}")
        return _element(values[-1])

    def _value(self, at: Mapping[str, Element]) -> Element:
        """The expression where its variables have these values.  Raises `Missing` where it has none, and `Undecided`."""
        values: dict[int, Outcome] = {}
        for place in self._moving:
            args = [values[arg] if arg in values else self._constant(arg) for arg in self._program.operands[place]]
            values[place] = evaluate_node(self.germs, self._program.nodes[place], args, at, None)
            if place in self._cancelling:
                values[place] = self._without_cancellation(values[place])
        last = len(self._program.nodes) - 1
        return _element(values[last] if last in values else self._constant(last))

    @cached_property
    def _cancelling(self) -> frozenset[int]:
        """The steps that are zero at the point as far as the digits tell: they may vanish, and that is best seen there."""
        values = evaluate.evaluate_known(self._program, self._site.point(), self._site.literal)
        numbers = {place: value.value for place in self._moving if isinstance(value := values[place], Jet)}
        return frozenset(place for place, number in numbers.items() if isinstance(number, arb) and number.contains(0))

    def _without_cancellation(self, value: Outcome) -> Outcome:
        """Zero for what vanishes: what is made of it is then short."""
        return self.germs.zero if isinstance(value, Element) and self.germs.vanishes(value) else value

    def _constant(self, place: int) -> Outcome:
        """The value of a step that stands still."""
        if place not in self._fixed:
            node = self._program.nodes[place]
            is_condition = isinstance(node, Call) and TABLE[node.name].condition
            if not is_condition and _is_long(self._program, place):
                self._fixed[place] = self._opaque(place, node)
            else:
                args = [self._constant(arg) for arg in self._program.operands[place]]
                names = {node.name: self._variable(node.name)} if isinstance(node, Name) else {}
                self._fixed[place] = evaluate_node(self.germs, node, args, names, self._site.literal(node))
        return self._fixed[place]

    def _opaque(self, place: int, node: Node) -> Value:
        """The value of a long expression that stands still, as a number only."""
        tree = linearize(node)

        def jet() -> Jet:
            return evaluate.evaluate(tree, self._site.point(), constants=self._site.literal)

        notes: set[str] = set()

        def value() -> Real:
            at_point = jet()
            notes.update(note.kind for note in at_point.notes)
            return fmpq(0) if notes & {"pole", "domain", "unknown"} else at_point.value

        with reals.unproven_zeros() as zeros:
            number = refine(value)
        # A branch may have been chosen by a number that is zero as far as its digits tell.
        self.germs.guesses += zeros.count
        if notes & {"pole", "domain", "unknown"}:
            return Unknown("a part without a series") if "unknown" in notes else NotDefined(min(notes & {"pole", "domain"}))
        if isinstance(number, fmpq):
            return self.germs.constant(number)

        def enclosure() -> arb:
            try:
                return ball(jet().value)
            except (reals.Unresolved, reals.NotReal):  # more bits will tell
                return arb.nan()

        return self.germs.atom("number", None, place, enclosure)

    # -- derivatives

    def _infinitesimal(self, depth: int) -> Element:
        if depth == _DEEPEST:
            raise Undecided("a derivative by so many variables in turn")
        return self.germs.generator(self.germs.infinitesimal(depth))

    def _derivative(self, at: Mapping[str, Element], groups: Sequence[Group], depth: int = 0) -> Element:
        """The partial at a point whose coordinates are elements.  Raises `Missing` and `Undecided`."""
        if not groups:
            return self._value(at)
        *inner, (name, order) = groups
        try:
            start = self._derivative(at, inner, depth)
        except Missing as missing:
            raise missing.without_sides() from None
        if name not in at:
            return self.germs.constant(0)
        small = self._infinitesimal(depth)
        sides: list[Element | Missing] = []
        for way in (-1, 1):
            try:
                sides.append(self._derivative({**at, name: at[name] + way * small}, inner, depth + 1))
            except Missing as missing:
                sides.append(missing)
        kinds = [side.kind for side in sides if isinstance(side, Missing)]
        if not kinds or (not inner and order == 1):
            return self._joined(start, sides, small, order)
        raise Missing(next((kind for kind in kinds if kind != "undefined"), "edge"))

    def _joined(self, start: Element, sides: Sequence[Element | Missing], small: Element, order: int) -> Element:
        """The derivative where the function is `start` at the point and `sides` beside it."""
        rests = [None if isinstance(side, Missing) else side - start for side in sides]
        slope = start
        for k in range(1, order + 1):
            turns = ((-1) ** k, 1)
            rises = [None if rest is None else self._rise(rest, small, k) for rest in rests]
            left, right = (None if rise is None else rise.slope * turn for rise, turn in zip(rises, turns, strict=True))
            obstacles = {rise.obstacle for rise in rises if rise is not None}
            kind = (
                "edge" if None in rises else "jump" if "jump" in obstacles else "vertical" if "vertical" in obstacles else ""
            )
            if not kind and self.germs.sign(_number(right) - _number(left)):
                kind = "kink"
            if kind:
                raise Missing(kind, left, right) if k == order else Missing(kind)
            slope = self._simpler(_number(left), _number(right))
            rests = [
                rest - _number(rise.slope) * small**k / factorial(k)
                for rest, rise in zip(rests, rises, strict=True)
                if rest is not None and rise is not None
            ]
        return slope

    @staticmethod
    def _simpler(left: Element, right: Element) -> Element:
        return left if len(left) < len(right) else right

    def _rise(self, rest: Element, small: Element, order: int) -> _Rise:
        """How a function starts that should vanish together with its derivatives below `order`."""
        germs = self.germs
        along = germs.smallest_infinitesimal(small)
        assert along is not None
        with germs.dropping_oscillation(order == 1):
            series = germs.expand_beyond(rest, along, order)
        for r, c in series.terms:
            if germs.compare(r, fmpq(order)) > 0:
                break
            growth = self._growth_in_log(c, along)
            if growth <= 0 and germs.compare(r, fmpq(order)) == 0:
                return _Rise("", self._limit_in_log(c, along) * factorial(order))
            if germs.sign(c):
                exponent = germs.compare(r, fmpq(0))
                jumps = order == 1 and (exponent < 0 or (exponent == 0 and growth >= 0))
                return _Rise("jump" if jumps else "vertical", germs.sign(c) * float("inf"))
        return _Rise("", self.germs.constant(0))

    def _growth_in_log(self, c: Element, along: int) -> int:
        """Whether a coefficient that may hold log(s) grows (1), tends to a number (0) or to zero (-1) as s does."""
        log = self.germs.log_of(along)
        term = self.germs.leading(c, log) if log in self.germs.infinitesimals_of(c) else None
        return 0 if term is None else -self.germs.compare(term[0], fmpq(0))

    def _limit_in_log(self, c: Element, along: int) -> Element:
        log = self.germs.log_of(along)
        germs = self.germs
        return germs.coefficient(germs.expand_beyond(c, log, 0), fmpq(0)) if log in germs.infinitesimals_of(c) else c

    # -- numbers

    def _real(self, p: Element) -> Real:
        value = rational(p)
        if value is not None:
            return value
        if self.germs.enclose(p).contains(0) and self.germs.vanishes(p):
            return fmpq(0)
        number = refine(lambda: self.germs.enclose(p))
        self.germs.guesses += ball(number).contains(0)
        return number

    def _number(self, side: Element | float | None) -> Side:
        return side if side is None or isinstance(side, float) else self._real(side)

    def _known(self, side: Element | float | None) -> Side:
        try:
            return self._number(side)
        except reals.OutOfPrecision:
            return None

    def _limit(self, compute: Callable[[], Element]) -> Element | float | None:
        """A limit, None where it is not known."""
        try:
            return self.germs.limit(compute())
        except TooMany:
            raise
        except (Missing, Undecided):
            return None


@dataclass(frozen=True, slots=True)
class _Rise:
    """One side: what is in the way of a derivative ("jump", "vertical" or ""), and the derivative or its infinity."""

    obstacle: str
    slope: Element | float


def _element(value: Outcome) -> Element:
    """A value; raises `Missing` where there is none, and `Undecided` where it is not known."""
    if isinstance(value, Unknown):
        raise Undecided(value.why)
    if isinstance(value, NotDefined):
        raise Missing("undefined")
    assert not isinstance(value, bool)
    return value


def _number(value: Element | float | None) -> Element:
    assert value is not None
    assert not isinstance(value, float)
    return value


def _overlap(left: Side, right: Side) -> bool:
    return isinstance(left, arb | fmpq) and isinstance(right, arb | fmpq) and reals.agree(left, right)


def _is_long(tree: Program, place: int) -> bool:
    """Whether many steps make one."""
    reached, waiting = {place}, [place]
    while waiting and len(reached) <= _WRITTEN_OUT:
        for arg in tree.operands[waiting.pop()]:
            if arg not in reached:
                reached.add(arg)
                waiting.append(arg)
    return len(reached) > _WRITTEN_OUT
