"""A claim about a derivative, compared with it at points where it exists.

Comes in: an expression, what somebody says its derivative is, and points.  Goes out: at each point both numbers, proven.
One point where they differ proves the claim wrong.  Points are taken where somebody asks for them, at random, in every piece
between the breakpoints of expression and claim along the lines of the variables, at the breakpoints, and beside the zeros,
extrema and constants of parts.
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
from gradcalc.proof.claims.roots import literal, number, shortened
from gradcalc.proof.claims.sampling import BASES, Group, Point, Sampling, around
from gradcalc.proof.smoothness.differentiability import Kind, examine, value_of

_POINTS = 12
_ATTEMPTS = 100
_FEW = 5
"""Random points that are compared, at most and at least, and how many are tried."""
_EFFORT = 8_000
_LEAST = 24
"""Parts of an expression that are evaluated at points of groups, and how many points there are at least."""
_SHORT = 4
"""Digits of a counterexample that is easy to read."""
_SEAMS = 512
"""Breakpoints that are looked at: what an expression does there takes long."""
_OF_HARD = (60, 8)
"""Points and breakpoints of an expression whose functions take long themselves."""
DEEP_BITS = 20_000
_PRECISIONS = (1_024, 4_096, DEEP_BITS + 480, 2 * DEEP_BITS)
DEEP_POINTS = 3
"""Bits to which, and random points at which, numbers are compared before a claim that is only sampled is right."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A point, the value of the expression there, its derivative, and what the claim says (None: it has no value).

    `shown` is the point as people know it; `at` says also what a part is that stands for itself in the expression.
    `on_seam`: the derivative exists although a function is not smooth there, so that its rule need not hold.  `bits` are
    those to which both are known to be the same, None where they are exactly the same.
    """

    shown: Point
    at: Point
    value: Real
    derivative: Real
    claimed: Real | None
    on_seam: bool
    same: bool
    bits: int | None = reals.PROVEN_BITS

    @property
    def is_deep(self) -> bool:
        """Whether both are the same as far as anybody asks."""
        return self.same and (self.bits is None or self.bits >= DEEP_BITS)

    def numbers(self) -> dict[str, Real]:
        """The point, at a precision beyond that of the comparison."""
        with reals.precision(2 * reals.START_BITS):
            return {name: evaluate.evaluate(value, {}).value for name, value in self.at.items()}


class Comparing:
    """A claim that is being compared: what was found so far.

    `found` are the points where the claim has a value, and those that were asked for; `silent` others where it has none.
    `is_proven` says whether both are the same by exact algebra in every piece, of expressions of one variable.
    `is_complete` says whether every piece on the lines through one point was looked at, and what is near to the places that
    the texts name.  `where` is a condition: points are taken only where it holds.  With `inner` the variable `by` is no
    number of its own: it stands for that expression in the others.  The variables of `fixed` have these values everywhere.
    """

    def __init__(
        self,
        tree: Node,
        claimed: Node,
        by: str,
        inner: Node | None = None,
        fixed: Point = MappingProxyType({}),
        where: Node | None = None,
    ):
        self.tree, self.claimed, self.by, self.inner, self.fixed = tree, claimed, by, inner, fixed
        self.where = where
        names = {*names_in(tree), *names_in(claimed), *(names_in(where) if where is not None else ()), by}
        if inner is not None:
            names = (names - {by}) | set(names_in(inner))
        self.names = sorted(names)
        self.free = sorted(names - set(fixed), key=lambda name: (name != by, name))
        trees = [tree, claimed] if where is None else [tree, where, claimed]
        self.sampling = Sampling(trees, self.free, fixed, None if inner is None else (by, inner))
        self.found: list[Compared] = []
        self.silent: list[Compared] = []
        self.outside: list[Point] = []
        self.is_complete = False
        self.is_proven = False
        self._values: list[tuple[Point, bool]] = []
        self._seen: set[tuple[Node, ...]] = set()
        self._precisions: Sequence[int] = ()
        self._room = max(_EFFORT // (len(linearize(tree, claimed).nodes) + 30), _LEAST)
        self._seam_room = _SEAMS
        if self.sampling.is_hard:
            self._room, self._seam_room = _OF_HARD

    @property
    def is_refuted(self) -> bool:
        """Whether there is a point where the claim has another value."""
        return any(it.claimed is not None and not it.same for it in self.found)

    def at(self, given: Point) -> Compared | None:
        """What there is at a point; None where there is no derivative.  Raises `MissingValues`."""
        point = {**self.fixed, **given}
        missing = [name for name in self.names if name not in point]
        if missing:
            raise MissingValues(missing)
        return self._looked(point)

    def run(self, at: Sequence[Point], *, closely: bool = True) -> None:
        """Compare at the points that are given, and at all others unless the claim is refuted before.

        Closely: at some of them with `DEEP_BITS`, so that nothing small is taken for nothing.
        Raises `MissingValues` for a point that leaves a variable out, and `OutOfTime`; what was found stays.
        """
        self._precisions = (_PRECISIONS[:2] if self.sampling.is_hard else _PRECISIONS) if closely else ()
        self._at_given(at)
        self._at_random()
        for it in self.found[-DEEP_POINTS:] if closely else ():
            self._deepen(it, _PRECISIONS)
        if not self.is_refuted:
            for group in self._groups():
                self._look_at(group)
                if self.is_refuted:
                    break
        for it in list(self.found) if closely and not self.is_refuted else ():
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
            or self.sampling.missed
            or not self.found
            or not self._seam_room
        ):
            return False
        count = 0
        for point in filter(self._is_inside, self.sampling.pieces):
            try:
                sides = [value_of(ExpressionAt(each, exact(point))) for each in (self.tree, self.claimed)]
            except reals.OutOfPrecision:
                return False
            if None in sides:
                continue
            if not is_derivative(self.tree, self.claimed, _numbers(point)):
                return False
            count += 1
        return count > 0

    def _shorten(self) -> None:
        """Put a counterexample of a few digits before others, if there is one near to the first of them."""
        for place, it in enumerate(self.found):
            if it.claimed is not None and not it.same:
                moved = {name: _rounded(value) for name, value in it.shown.items() if name in self.free}
                near = self._looked({**it.shown, **moved})
                if near is not None and near.claimed is not None and not near.same:
                    self.found.insert(place, near)
                return

    @property
    def _deep(self) -> int:
        return sum(it.is_deep for it in self.found)

    def _at_given(self, at: Sequence[Point]) -> None:
        for given in at:
            compared = self.at(given)
            if compared is not None:
                self.found.append(compared)
            elif not self._is_inside({**self.fixed, **given}):
                self.outside.append(given)

    def _at_random(self) -> None:
        count = 0
        for point in self.sampling.samples(_ATTEMPTS):
            count += self._added(self._looked(point))
            if count == _POINTS or (count >= _FEW and self.is_refuted):
                return

    def _added(self, compared: Compared | None) -> bool:
        """Keep what was found at a point; whether the claim has a value there."""
        if compared is None:
            return False
        if compared.claimed is None:  # nobody asked for this point
            self.silent.append(compared)
            return False
        self.found.append(compared)
        return True

    def _groups(self) -> Iterator[Group]:
        bases = [it.shown for it in self.found[:1]] + [it.shown for it in self.found[-(BASES - 1) :]]
        bases = bases or list(self.sampling.samples(BASES))
        for name in self.free:
            yield from self.sampling.along(bases[0], name)
        yield from self.sampling.combined()
        yield from self.sampling.at_constants()
        for name in self.free[:1]:
            yield from self.sampling.beside_landmarks(bases[0], name)
        if self.found and len(self.found) < _POINTS:  # the domain is small: it goes on around a point of it
            yield Group(list(around(self.found[0].shown, self.free)))
        self.is_complete = not self.sampling.is_cut  # the others are the same once more, elsewhere
        for base in bases[1:BASES] if len(self.free) > 1 else ():
            for name in self.free:
                yield from self.sampling.along(base, name)
        for name in self.free[1:]:
            yield from self.sampling.beside_landmarks(bases[0], name)
        yield Group(list(self.sampling.far()))

    def _look_at(self, group: Group) -> None:
        """Compare at the points of a group; at the first of them closely."""
        if group.is_seam:
            if not self._seam_room:
                # Poles of special functions go on without end: a few of them are looked at.
                self.sampling.is_cut = not self.sampling.is_hard
                return
            self._seam_room -= 1
        is_first = True
        for point in group.points:
            if self._room <= 0 and not group.is_seam and not (group.is_piece and is_first):
                return
            compared = self._looked(point)
            if self._added(compared) and is_first:
                assert compared is not None
                self._deepen(compared, self._precisions)
                is_first = False

    def _whole(self, point: Point) -> Point:
        return point if self.inner is None else {**point, self.by: substitute_names(self.inner, point.get)}

    def _is_inside(self, point: Point) -> bool:
        """Whether the claim is meant for a point."""
        return self.where is None or self._holds(self.where, self._whole(point))

    def _looked(self, point: Point) -> Compared | None:
        """A point that nobody looked at yet; None where the claim is not meant, or there is no derivative."""
        key = tuple(point[name] for name in self.names)
        if key in self._seen:
            return None
        self._seen.add(key)
        self._room -= 1
        if not self._is_inside(point):
            return None
        whole = self._whole(point)
        values = exact(whole)
        try:
            site = ExpressionAt(self.tree, values)
            claimed = value_of(ExpressionAt(self.claimed, values))
            self._values.append((whole, claimed is not None))
            if value_of(site) is None:  # soon found out; what the expression does beside such a point takes long
                return None
            there = examine(site, [self.by])
        except reals.OutOfPrecision:
            return None
        if there.derivative is None or there.kind not in (Kind.SMOOTH, Kind.DIFFERENTIABLE) or there.value is None:
            return None
        same = claimed is not None and reals.agree(there.derivative, claimed)
        both = isinstance(there.derivative, fmpq) and isinstance(claimed, fmpq)
        is_seam = there.kind is Kind.DIFFERENTIABLE
        return Compared(
            point, whole, there.value, there.derivative, claimed, is_seam, same, None if both else reals.PROVEN_BITS
        )

    def _deepen(self, compared: Compared, precisions: Sequence[int]) -> None:
        """Compare once more at a point where both seem to be the same, with many more bits."""
        if not compared.same or compared.bits is None or compared.on_seam:
            return
        same, bits = self._closely(exact(compared.at), compared.bits, precisions)
        place = next(place for place, it in enumerate(self.found) if it is compared)
        self.found[place] = replace(compared, same=same, bits=bits)

    def _closely(
        self, values: Mapping[str, Node | Fraction], bits: int, precisions: Sequence[int]
    ) -> tuple[bool, int | None]:
        """Whether the difference of derivative and claim is zero, and to how many bits."""
        tree, claimed = ExpressionAt(self.tree, values), ExpressionAt(self.claimed, values)
        for precision in precisions:
            with reals.precision(precision):
                try:
                    jet, value = tree.taylor_along({self.by: 1}, 1), claimed.value().value
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
        """A condition under which the claim has a value, as far as all points tell; None where there is no simple one."""
        needs = list(dict.fromkeys(it.needs for it in switches(self.claimed) if it.needs is not None))
        needs += [Call(need.name[0], need.args) for need in needs if need.name in (">=", "<=")]
        needs.sort(key=lambda need: len(linearize(need).nodes))
        needed = [need for need in needs if all(self._holds(need, at) for at, there in self._values if there)]
        silent = [at for at, there in self._values if not there]
        for need in needed:
            if not any(self._holds(need, at) for at in silent):
                return need
        if not needed or len(needed) > 3:
            return None
        whole = needed[0]
        for need in needed[1:]:
            whole = Call("and", (whole, need))
        return None if any(self._holds(whole, at) for at in silent) else whole

    def _holds(self, condition: Node, point: Point) -> bool:
        try:
            found = value_of(ExpressionAt(Call("where", (condition, Number("1"), Number("0"))), exact(point)))
        except reals.OutOfPrecision:
            return False
        return found == fmpq(1)


def compared(
    tree: Node,
    claimed: Node,
    by: str,
    at: Sequence[Point],
    inner: Node | None = None,
    fixed: Point = MappingProxyType({}),
) -> list[Compared]:
    """The points where the derivative exists and the claim has a value: those that are given, and others.

    Where it has a value at none of them, one where it has none.  Raises `MissingValues` for a point that leaves a variable
    out.
    """
    comparing = Comparing(tree, claimed, by, inner, fixed)
    comparing.run(at, closely=False)
    return comparing.found or comparing.silent[:1]


def exact(point: Point) -> dict[str, Node | Fraction]:
    """A point with fractions in the place of literals."""
    return {name: it.value if isinstance(it, Number) else it for name, it in point.items()}


def _numbers(point: Point) -> dict[str, Real]:
    return {name: known for name, value in point.items() if (known := number(value)) is not None}


def _rounded(value: Node) -> Node:
    known = number(value)
    return literal(shortened(Fraction(int(known.p), int(known.q)), _SHORT)) if isinstance(known, fmpq) else value


def _bits_of(difference: arb, slope: Real) -> int:
    """To how many bits a difference is zero, beside a number."""
    size = abs(reals.ball(slope)).abs_lower()
    share = difference.abs_upper() / size if size > 0 else difference.abs_upper()
    if share.is_zero():
        return 2 * DEEP_BITS
    if not share.is_finite():
        return 0
    mantissa, exponent = share.mid().man_exp()
    return max(-int(exponent) - int(mantissa).bit_length(), 0)
