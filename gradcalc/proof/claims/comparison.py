"""A claim about a derivative, compared with it at points where it exists.

Comes in: an expression, a claim about its derivative, and points.  Goes out: both numbers at each point, proven.  One point
where they differ proves the claim wrong.  Besides the given points there are random ones.  Along lines parallel to the axes
there are points in every piece between breakpoints, at the breakpoints, and near zeros, extrema and constants of parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType

from flint import arb, fmpq

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import Real
from gradcalc.errors import MissingValues
from gradcalc.expression.tree import Call, Node, Number, linearize, names_in, substitute_names
from gradcalc.proof.claims.breakpoints import switches
from gradcalc.proof.claims.pieces import is_derivative
from gradcalc.proof.claims.roots import literal, number, round_significant
from gradcalc.proof.claims.sampling import BASES, Group, Point, Sampling, around
from gradcalc.proof.smoothness.differentiability import examine, value_of
from gradcalc.proof.smoothness.kinds import Kind

_POINTS = 12
_ATTEMPTS = 100
_FEW = 5
"""Random points that count, at most; that are tried, at most; and that count before a refuted claim is given up."""
_EFFORT = 8_000
_LEAST = 24
"""Nodes that are evaluated at points of groups, at most; and points of groups, at least."""
_SHORT = 4
"""Digits of a counterexample that is easy to read."""
_SEAMS = 512
"""Breakpoints that are examined, at most: this takes long."""
_OF_HARD = (60, 8)
"""Points and breakpoints of an expression whose functions take long themselves."""
DEEP_BITS = 20_000
_PRECISIONS = (1_024, 4_096, DEEP_BITS + 480, 2 * DEEP_BITS)
DEEP_POINTS = 3
"""Bits to which, and random points at which, numbers are compared before a claim that is only sampled is right."""


@dataclass(frozen=True, slots=True)
class ComparisonPoint:
    """A point with the value of the expression, its derivative, and the value of the claim (None: it has none).

    `point` has the user's variables, `at` also the variable that stands for a part.  `on_seam`: the derivative exists at a
    breakpoint, where the rule of the function need not hold.  `bits` are the bits to which derivative and claim are equal,
    None if they are equal exactly.
    """

    point: Point
    at: Point
    value: Real
    derivative: Real
    claim: Real | None
    on_seam: bool
    same: bool
    bits: int | None = reals.PROVEN_BITS

    @property
    def is_deep(self) -> bool:
        """Whether both are equal to `DEEP_BITS`."""
        return self.same and (self.bits is None or self.bits >= DEEP_BITS)

    def numbers(self) -> dict[str, Real]:
        """The point, at a precision beyond that of the comparison."""
        with reals.precision(2 * reals.START_BITS):
            return {name: evaluate.evaluate(value, {}).value for name, value in self.at.items()}


class Comparison:
    """The comparison of a claim with a derivative.

    `points` are the given points and those where the claim has a value; `undefined` others where it has none; `outside`
    given points where the claim is not meant.  `is_proven`: derivative and claim, of one variable, are equal by exact
    algebra in every piece.  `is_complete`: every piece on the lines through one point was sampled, and the vicinity of
    constants.

    Points are restricted to the condition `where`.  With `inner`, the variable `by` stands for that expression in the other
    variables.  The variables of `fixed` are constant.
    """

    def __init__(
        self,
        tree: Node,
        claim: Node,
        by: str,
        inner: Node | None = None,
        fixed: Point = MappingProxyType({}),
        where: Node | None = None,
    ):
        self.tree, self.claim, self.by, self.inner, self.fixed = tree, claim, by, inner, fixed
        self.where = where
        names = {*names_in(tree), *names_in(claim), *(names_in(where) if where is not None else ()), by}
        if inner is not None:
            names = (names - {by}) | set(names_in(inner))
        self.names = sorted(names)
        self.free = sorted(names - set(fixed), key=lambda name: (name != by, name))
        trees = [tree, claim] if where is None else [tree, where, claim]
        self.sampling = Sampling(trees, self.free, fixed, None if inner is None else (by, inner))
        self.points: list[ComparisonPoint] = []
        self.undefined: list[ComparisonPoint] = []
        self.outside: list[Point] = []
        self.is_complete = False
        self.is_proven = False
        self._values: list[tuple[Point, bool]] = []
        self._keys: set[tuple[Node, ...]] = set()
        self._precisions: Sequence[int] = ()
        self._room = max(_EFFORT // (len(linearize(tree, claim).nodes) + 30), _LEAST)
        self._seam_room = _SEAMS
        if self.sampling.is_hard:
            self._room, self._seam_room = _OF_HARD

    @property
    def is_refuted(self) -> bool:
        """Whether there is a point where the claim has another value."""
        return any(it.claim is not None and not it.same for it in self.points)

    def at(self, values: Point) -> ComparisonPoint | None:
        """The comparison at a point; None where the derivative does not exist.  Raises `MissingValues`."""
        point = {**self.fixed, **values}
        missing = [name for name in self.names if name not in point]
        if missing:
            raise MissingValues(missing)
        return self._compare(point)

    def run(self, at: Sequence[Point], *, closely: bool = True) -> None:
        """Compare at the given points, and at others until the claim is refuted.

        Closely: at some of them to `DEEP_BITS`, so that a tiny difference is not taken for none.
        Raises `MissingValues` for an incomplete point, and `OutOfTime`; the results until then are kept.
        """
        self._precisions = (_PRECISIONS[:2] if self.sampling.is_hard else _PRECISIONS) if closely else ()
        for values in at:
            comparison = self.at(values)
            if comparison is not None:
                self.points.append(comparison)
            elif not self._is_inside({**self.fixed, **values}):
                self.outside.append(values)
        self._at_random()
        for it in self.points[-DEEP_POINTS:] if closely else ():
            self._deepen(it, _PRECISIONS)
        if not self.is_refuted:
            for group in self._groups():
                self._compare_group(group)
                if self.is_refuted:
                    break
        for it in list(self.points) if closely and not self.is_refuted else ():
            if self._deep >= DEEP_POINTS:
                break
            self._deepen(it, _PRECISIONS)
        self.is_complete = not self.sampling.is_cut
        self.is_proven = not self.is_refuted and self._is_proven()
        self._shorten()

    def _is_proven(self) -> bool:
        """Whether derivative and claim are the same formula in every piece where both have a value."""
        if (
            self.names != [self.by]
            or not self.sampling.is_exact
            or self.sampling.irrational
            or not self.points
            or not self._seam_room
        ):
            return False
        count = 0
        for point in filter(self._is_inside, self.sampling.pieces):
            try:
                sides = [value_of(ExpressionAt(each, exact(point))) for each in (self.tree, self.claim)]
            except reals.OutOfPrecision:
                return False
            if None in sides:
                continue
            if not is_derivative(self.tree, self.claim, _numbers(point)):
                return False
            count += 1
        return count > 0

    def _shorten(self) -> None:
        """Put a counterexample of few digits before the first one, if any is near it."""
        for place, it in enumerate(self.points):
            if it.claim is not None and not it.same:
                rounded = {name: _rounded(value) for name, value in it.point.items() if name in self.free}
                near = self._compare({**it.point, **rounded})
                if near is not None and near.claim is not None and not near.same:
                    self.points.insert(place, near)
                return

    @property
    def _deep(self) -> int:
        return sum(it.is_deep for it in self.points)

    def _at_random(self) -> None:
        count = 0
        for point in self.sampling.samples(_ATTEMPTS):
            count += self._record(self._compare(point))
            if count == _POINTS or (count >= _FEW and self.is_refuted):
                return

    def _record(self, comparison: ComparisonPoint | None) -> bool:
        """Keep a comparison; whether the claim has a value there."""
        if comparison is None:
            return False
        if comparison.claim is None:  # not a given point: the claim may be undefined here
            self.undefined.append(comparison)
            return False
        self.points.append(comparison)
        return True

    def _groups(self) -> Iterator[Group]:
        bases = [it.point for it in self.points[:1]] + [it.point for it in self.points[-(BASES - 1) :]]
        bases = bases or list(self.sampling.samples(BASES))
        for name in self.free:
            yield from self.sampling.along(bases[0], name)
        yield from self.sampling.combinations()
        yield from self.sampling.at_constants()
        for name in self.free[:1]:
            yield from self.sampling.beside_landmarks(bases[0], name)
        if self.points and len(self.points) < _POINTS:  # the domain is small: more points around one of it
            yield Group(list(around(self.points[0].point, self.free)))
        self.is_complete = not self.sampling.is_cut  # the rest repeats this elsewhere
        for base in bases[1:BASES] if len(self.free) > 1 else ():
            for name in self.free:
                yield from self.sampling.along(base, name)
        for name in self.free[1:]:
            yield from self.sampling.beside_landmarks(bases[0], name)
        yield Group(list(self.sampling.far()))

    def _compare_group(self, group: Group) -> None:
        """Compare at the points of a group; at the first of them closely."""
        if group.is_seam:
            if not self._seam_room:
                # Special functions have infinitely many poles: a few suffice.
                self.sampling.is_cut = not self.sampling.is_hard
                return
            self._seam_room -= 1
        is_first = True
        for point in group.points:
            if self._room <= 0 and not group.is_seam and not (group.is_piece and is_first):
                return
            comparison = self._compare(point)
            if self._record(comparison) and is_first:
                assert comparison is not None
                self._deepen(comparison, self._precisions)
                is_first = False

    def _with_inner(self, point: Point) -> Point:
        return point if self.inner is None else {**point, self.by: substitute_names(self.inner, point.get)}

    def _is_inside(self, point: Point) -> bool:
        """Whether the claim is meant for a point."""
        return self.where is None or self._holds(self.where, self._with_inner(point))

    def _compare(self, point: Point) -> ComparisonPoint | None:
        """The comparison at a new point; None where the claim is not meant, or the derivative does not exist."""
        key = tuple(point[name] for name in self.names)
        if key in self._keys:
            return None
        self._keys.add(key)
        self._room -= 1
        if not self._is_inside(point):
            return None
        whole = self._with_inner(point)
        values = exact(whole)
        try:
            expression_at = ExpressionAt(self.tree, values)
            claim = value_of(ExpressionAt(self.claim, values))
            self._values.append((whole, claim is not None))
            if value_of(expression_at) is None:  # quick to see; to examine such a point takes long
                return None
            there = examine(expression_at, [self.by])
        except reals.OutOfPrecision:
            return None
        if there.derivative is None or there.kind not in (Kind.SMOOTH, Kind.DIFFERENTIABLE) or there.value is None:
            return None
        same = claim is not None and reals.agree(there.derivative, claim)
        both = isinstance(there.derivative, fmpq) and isinstance(claim, fmpq)
        is_seam = there.kind is Kind.DIFFERENTIABLE
        return ComparisonPoint(
            point, whole, there.value, there.derivative, claim, is_seam, same, None if both else reals.PROVEN_BITS
        )

    def _deepen(self, comparison: ComparisonPoint, precisions: Sequence[int]) -> None:
        """Repeat a comparison that found both equal, with many more bits."""
        if not comparison.same or comparison.bits is None or comparison.on_seam:
            return
        same, bits = self._closely(exact(comparison.at), comparison.bits, precisions)
        place = next(place for place, it in enumerate(self.points) if it is comparison)
        self.points[place] = replace(comparison, same=same, bits=bits)

    def _closely(
        self, values: Mapping[str, Node | Fraction], bits: int, precisions: Sequence[int]
    ) -> tuple[bool, int | None]:
        """Whether the difference of derivative and claim is zero, and to how many bits."""
        tree, claim = ExpressionAt(self.tree, values), ExpressionAt(self.claim, values)
        for precision in precisions:
            with reals.precision(precision):
                try:
                    jet, value = tree.taylor_along({self.by: 1}, 1), claim.value().value
                except (reals.Unresolved, reals.NotReal):
                    continue
                except reals.OutOfPrecision:
                    break
                if jet.notes:
                    break
                slope = jet[1]
                difference = slope - value
                if isinstance(difference, fmpq):
                    return difference == 0, None
                if not difference.contains(0):
                    return False, bits
                bits = max(bits, _bits_of(difference, slope))
            if bits >= DEEP_BITS:
                break
        return True, bits

    # -- where a claim has a value

    def condition(self) -> Node | None:
        """A simple condition under which the claim has a value, according to all points; None if none is known."""
        needs = list(dict.fromkeys(it.needs for it in switches(self.claim) if it.needs is not None))
        needs += [Call(need.name[0], need.args) for need in needs if need.name in (">=", "<=")]
        needs.sort(key=lambda need: len(linearize(need).nodes))
        necessary = [need for need in needs if all(self._holds(need, at) for at, there in self._values if there)]
        outside = [at for at, there in self._values if not there]
        for need in necessary:
            if not any(self._holds(need, at) for at in outside):
                return need
        if not necessary or len(necessary) > 3:
            return None
        whole = necessary[0]
        for need in necessary[1:]:
            whole = Call("and", (whole, need))
        return None if any(self._holds(whole, at) for at in outside) else whole

    def _holds(self, condition: Node, point: Point) -> bool:
        try:
            indicator = value_of(ExpressionAt(Call("where", (condition, Number("1"), Number("0"))), exact(point)))
        except reals.OutOfPrecision:
            return False
        return indicator == fmpq(1)


def exact(point: Point) -> dict[str, Node | Fraction]:
    """A point with fractions instead of literals."""
    return {name: it.value if isinstance(it, Number) else it for name, it in point.items()}


def _numbers(point: Point) -> dict[str, Real]:
    return {name: each for name, value in point.items() if (each := number(value)) is not None}


def _rounded(value: Node) -> Node:
    rational = number(value)
    return literal(round_significant(reals.to_fraction(rational), _SHORT)) if isinstance(rational, fmpq) else value


def _bits_of(difference: arb, slope: Real) -> int:
    """The bits to which a difference is zero, relative to a number."""
    size = abs(reals.ball(slope)).abs_lower()
    share = difference.abs_upper() / size if size > 0 else difference.abs_upper()
    if share.is_zero():
        return 2 * DEEP_BITS
    if not share.is_finite():
        return 0
    mantissa, exponent = share.mid().man_exp()
    return max(-int(exponent) - int(mantissa).bit_length(), 0)
