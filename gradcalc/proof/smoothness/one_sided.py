"""One-sided derivatives at a point by germs, and the partial derivative where both are equal.

Comes in: an expression at a point and the variables to differentiate by.  Goes out: the partial, or why there is none, with
the one-sided derivatives.

The last variable of the differentiation moves by t and by -t, the one before it by an infinitesimal much smaller than t, and
so on.  This decides every branch: the expression becomes one element of the field of germs.  A partial exists if the partial
of lower order exists at the point and on both sides, and if its slopes on both sides are equal as elements of the larger
infinitesimals, that is, for all small values of these.
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
from gradcalc.engines.taylor.jets import WITHOUT_VALUE, Jet, NoteKind
from gradcalc.engines.taylor.reals import Real, ball, exact, refine
from gradcalc.expression.dependencies import Dependencies
from gradcalc.expression.tree import Call, Name, Node, Program, linearize
from gradcalc.functions import TABLE
from gradcalc.proof.smoothness.kinds import Kind

Side = Real | float | None
"""A one-sided derivative: a number, an infinity, or None where it does not exist or is not known."""

Repetition = tuple[str, int]
"""A variable, and the number of successive differentiations by it."""

_MAX_DEPTH = 4
"""Repetitions, each of which has an infinitesimal of its own."""
_MAX_ELEMENT_NODES = 60
"""Nodes up to which a constant subexpression is an element; a longer one is an enclosure of a number."""


class NoPartial(Exception):
    """No partial, because of a KINK, JUMP, VERTICAL, EDGE or DOMAIN; with its one-sided values."""

    def __init__(self, kind: Kind, left: Element | float | None = None, right: Element | float | None = None):
        super().__init__(kind)
        self.kind, self.left, self.right = kind, left, right


@dataclass(frozen=True, slots=True)
class GermPartial:
    """A partial: DIFFERENTIABLE or a kind of `NoPartial`, the numbers, and whether all zeros in them are proven."""

    kind: Kind
    derivative: Real | None
    left: Side
    right: Side
    proven: bool


T = TypeVar("T")


def near_point(expression_at: ExpressionAt, names: Sequence[str], compute: Callable[[Neighbourhood], T]) -> T:
    """Compute something near a point, with as few atoms as suffice.  Raises `Undecided`."""
    for size in SIZES[:-1]:
        try:
            return compute(Neighbourhood(expression_at, names, size))
        except TooMany:
            continue
    return compute(Neighbourhood(expression_at, names, SIZES[-1]))


class Neighbourhood:
    """An expression near a point, in elements; `names` are the variables that move."""

    def __init__(self, expression_at: ExpressionAt, names: Sequence[str], size: int):
        self.germs = Germs(size)
        self._expression_at = expression_at
        self._program: Program = expression_at.program
        self._moving = Dependencies(self._program).dependents(names)
        self._constants: dict[int, Outcome] = {}
        self._start = {name: self._variable(name) for name in dict.fromkeys(names) if name in expression_at.names}

    def value(self) -> Real | None:
        """The expression at the point; None where it has no value.  Raises `Undecided`."""
        try:
            return self._real(self._value(self._start))
        except NoPartial:
            return None

    def partial(self, by: Sequence[str]) -> GermPartial:
        """The partial by each of `by`, in this order.  Raises `Undecided`."""
        groups = [(name, len(list(same))) for name, same in groupby(by)]
        with reals.precision(2 * reals.START_BITS):
            try:
                return self._partial(groups)
            except TooMany:
                raise
            except Undecided:
                if len(groups) == len(by):
                    raise
                # First derivatives in turn need less: an oscillating term may vanish in each of them.
                return self._partial([(name, 1) for name in by])

    def _partial(self, groups: Sequence[Repetition]) -> GermPartial:
        try:
            slope = self._derivative(self._start, groups)
        except NoPartial as missing:
            left, right = self._number(missing.left), self._number(missing.right)
            return GermPartial(missing.kind, None, left, right, self.germs.guesses == 0)
        derivative = self._real(slope)
        return GermPartial(Kind.DIFFERENTIABLE, derivative, derivative, derivative, self.germs.guesses == 0)

    def sides_without_value(self, name: str, order: int) -> tuple[Side, Side, bool]:
        """The slopes on both sides of a point without value, and whether the singularity is removable.

        Where the expression has a finite limit, the slope is that of the function extended by this limit.  Elsewhere it is
        the limit of the derivative.  The singularity is removable if limits and slopes are equal.
        """
        slopes: list[Side] = []
        limits: list[Element | None] = []
        with self.germs.dropping_oscillation(order == 1):
            for direction in (-1, 1):
                slope, limit = self._side_without_value(name, order, direction)
                slopes.append(self._number_or_none(slope))
                limits.append(limit)
        left, right = limits
        meets = left is not None and right is not None and self.germs.sign(left - right) == 0
        numbers = all(slope is not None and not isinstance(slope, float) for slope in slopes)
        return slopes[0], slopes[1], meets and numbers and _overlap(slopes[0], slopes[1])

    def _side_without_value(self, name: str, order: int, direction: int) -> tuple[Element | float | None, Element | None]:
        """The derivative on one side of a point without value, and the limit of the expression there."""
        step = self._infinitesimal(0)
        at = {**self._start, name: self._start[name] + direction * step} if name in self._start else self._start
        limit = self._limit(partial(self._value, at))
        if limit is None or isinstance(limit, float):
            return self._limit(partial(self._derivative, at, [(name, order)], depth=1)), None
        try:
            rest, slope = self._value(at) - limit, limit
            for k in range(1, order + 1):
                rise = self._one_sided(rest, step, k)
                if rise.obstacle:
                    return (rise.slope * direction**k if k == order else None), limit
                slope = _number(rise.slope) * direction**k
                rest = rest - _number(rise.slope) * step**k / factorial(k)
        except TooMany:
            raise
        except (NoPartial, Undecided):
            return None, limit
        return slope, limit

    # -- values

    def _variable(self, name: str) -> Element:
        value = self._expression_at.given_value(name)
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
        """The expression for these values of its variables.  Raises `NoPartial` where it has no value, and `Undecided`."""
        values: dict[int, Outcome] = {}
        for place in self._moving:
            args = [values[arg] if arg in values else self._constant(arg) for arg in self._program.operands[place]]
            values[place] = evaluate_node(self.germs, self._program.nodes[place], args, at, None)
            value = values[place]
            if place in self._cancelling and isinstance(value, Element) and self.germs.vanishes(value):
                values[place] = self.germs.zero  # keeps what is computed from it short
        last = len(self._program.nodes) - 1
        return _element(values[last] if last in values else self._constant(last))

    @cached_property
    def _cancelling(self) -> frozenset[int]:
        """The nodes that may be zero at the point: these are tested for being identically zero."""
        values = self._expression_at.known_values()
        numbers = {place: value.value for place in self._moving if isinstance(value := values[place], Jet)}
        return frozenset(place for place, number in numbers.items() if isinstance(number, arb) and number.contains(0))

    def _constant(self, place: int) -> Outcome:
        """The value of a node that does not move."""
        if place not in self._constants:
            node = self._program.nodes[place]
            is_condition = isinstance(node, Call) and TABLE[node.name].condition
            if not is_condition and _is_long(self._program, place):
                self._constants[place] = self._opaque(place, node)
            else:
                args = [self._constant(arg) for arg in self._program.operands[place]]
                names = {node.name: self._variable(node.name)} if isinstance(node, Name) else {}
                self._constants[place] = evaluate_node(self.germs, node, args, names, self._expression_at.literal(node))
        return self._constants[place]

    def _opaque(self, place: int, node: Node) -> Value:
        """The value of a long constant expression, as an enclosure of a number."""
        tree = linearize(node)

        def jet() -> Jet:
            return evaluate.evaluate(tree, self._expression_at.point(), constants=self._expression_at.literal)

        kinds: set[NoteKind] = set()

        def value() -> Real:
            at_point = jet()
            kinds.update(note.kind for note in at_point.notes)
            return at_point.value if kinds.isdisjoint(WITHOUT_VALUE) else fmpq(0)

        with reals.unproven_zeros() as zeros:
            number = refine(value)
        # A condition may rest on a zero that is not proven.
        self.germs.guesses += zeros.count
        if NoteKind.UNKNOWN in kinds:
            return Unknown("a part without a series")
        if kinds & WITHOUT_VALUE:
            return NotDefined()
        if isinstance(number, fmpq):
            return self.germs.constant(number)

        def enclosure() -> arb:
            try:
                return ball(jet().value)
            except (reals.Unresolved, reals.NotReal):  # more bits may decide
                return arb.nan()

        return self.germs.atom("number", None, place, enclosure)

    # -- derivatives

    def _infinitesimal(self, depth: int) -> Element:
        if depth == _MAX_DEPTH:
            raise Undecided("a derivative by so many variables in turn")
        return self.germs.generator(self.germs.infinitesimal(depth))

    def _derivative(self, at: Mapping[str, Element], groups: Sequence[Repetition], depth: int = 0) -> Element:
        """The partial at a point whose coordinates are elements.  Raises `NoPartial` and `Undecided`."""
        if not groups:
            return self._value(at)
        *inner, (name, order) = groups
        try:
            start = self._derivative(at, inner, depth)
        except NoPartial as missing:
            raise NoPartial(missing.kind) from None
        if name not in at:
            return self.germs.constant(0)
        step = self._infinitesimal(depth)
        sides: list[Element | NoPartial] = []
        for direction in (-1, 1):
            try:
                sides.append(self._derivative({**at, name: at[name] + direction * step}, inner, depth + 1))
            except NoPartial as missing:
                sides.append(missing)
        kinds = [side.kind for side in sides if isinstance(side, NoPartial)]
        if not kinds or (not inner and order == 1):
            return self._two_sided_derivative(start, sides, step, order)
        raise NoPartial(next((kind for kind in kinds if kind is not Kind.DOMAIN), Kind.EDGE))

    def _two_sided_derivative(
        self, start: Element, sides: Sequence[Element | NoPartial], step: Element, order: int
    ) -> Element:
        """The derivative where the function is `start` at the point and `sides` beside it."""
        rests = [None if isinstance(side, NoPartial) else side - start for side in sides]
        slope = start
        for k in range(1, order + 1):
            derivatives = [None if rest is None else self._one_sided(rest, step, k) for rest in rests]
            left, right = (
                None if side is None else side.slope * turn for side, turn in zip(derivatives, ((-1) ** k, 1), strict=True)
            )
            obstacles = [Kind.EDGE if side is None else side.obstacle for side in derivatives]
            kind: Kind | None = next((each for each in (Kind.EDGE, Kind.JUMP, Kind.VERTICAL) if each in obstacles), None)
            if kind is None and self.germs.sign(_number(right) - _number(left)):
                kind = Kind.KINK
            if kind is not None:
                raise NoPartial(kind, left, right) if k == order else NoPartial(kind)
            slope = min(_number(right), _number(left), key=len)
            rests = [
                rest - _number(side.slope) * step**k / factorial(k)
                for rest, side in zip(rests, derivatives, strict=True)
                if rest is not None and side is not None
            ]
        return slope

    def _one_sided(self, rest: Element, step: Element, order: int) -> _OneSided:
        """The derivative at 0+ of a function whose value and derivatives below `order` should vanish there."""
        germs = self.germs
        along = germs.smallest_infinitesimal(step)
        assert along is not None
        with germs.dropping_oscillation(order == 1):
            series = germs.expand_beyond(rest, along, order)
        for r, c in series.terms:
            if germs.compare(r, fmpq(order)) > 0:
                break
            growth = self._growth_in_log(c, along)
            if growth <= 0 and germs.compare(r, fmpq(order)) == 0:
                return _OneSided(None, self._limit_in_log(c, along) * factorial(order))
            if germs.sign(c):
                exponent = germs.compare(r, fmpq(0))
                jumps = order == 1 and (exponent < 0 or (exponent == 0 and growth >= 0))
                return _OneSided(Kind.JUMP if jumps else Kind.VERTICAL, germs.sign(c) * float("inf"))
        return _OneSided(None, self.germs.constant(0))

    def _growth_in_log(self, c: Element, along: int) -> int:
        """Whether a coefficient that may contain log(s) tends to infinity (1), a number (0) or zero (-1) for s -> 0."""
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

    def _number_or_none(self, side: Element | float | None) -> Side:
        try:
            return self._number(side)
        except reals.OutOfPrecision:
            return None

    def _limit(self, compute: Callable[[], Element]) -> Element | float | None:
        """A limit; None where it is not known."""
        try:
            return self.germs.limit(compute())
        except TooMany:
            raise
        except (NoPartial, Undecided):
            return None


@dataclass(frozen=True, slots=True)
class _OneSided:
    """A one-sided derivative: the number; or an infinity, and JUMP or VERTICAL as the obstacle."""

    obstacle: Kind | None
    slope: Element | float


def _element(value: Outcome) -> Element:
    """A value.  Raises `NoPartial` where there is none, and `Undecided` where it is not known."""
    if isinstance(value, Unknown):
        raise Undecided(value.why)
    if isinstance(value, NotDefined):
        raise NoPartial(Kind.DOMAIN)
    assert not isinstance(value, bool)
    return value


def _number(value: Element | float | None) -> Element:
    assert value is not None
    assert not isinstance(value, float)
    return value


def _overlap(left: Side, right: Side) -> bool:
    return isinstance(left, arb | fmpq) and isinstance(right, arb | fmpq) and reals.agree(left, right)


def _is_long(tree: Program, place: int) -> bool:
    """Whether a node has more than `_MAX_ELEMENT_NODES` ancestors, itself included."""
    if place < _MAX_ELEMENT_NODES:  # they stand before it
        return False
    ancestors, waiting = {place}, [place]
    while waiting and len(ancestors) <= _MAX_ELEMENT_NODES:
        operands = [arg for arg in tree.operands[waiting.pop()] if arg not in ancestors]
        ancestors.update(operands)
        waiting += operands
    return len(ancestors) > _MAX_ELEMENT_NODES
