"""A claim about a derivative, compared with it at points where it exists.

Comes in: an expression, what somebody says its derivative is, and points.  Goes out: at each point both numbers, proven.
One point where they differ proves the claim wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from gradcalc.derivation import has_cases
from gradcalc.points import MissingValues, plain
from gradcalc.proof.regularity import Kind, examine, value_of
from gradcalc.proof.site import Site
from gradcalc.proof.stretches import smooth
from gradcalc.syntax import Node, Number, names_in, renamed, steps
from gradcalc.witness import balls, taylor
from gradcalc.witness.balls import Real

Point = Mapping[str, Node]

# Where formulas are compared: on both sides of 0 and of 1, near and far, and at no zeros of anything that repeats itself.
_SAMPLES = (
    "0.7331", "1.2719", "-0.6173", "2.4893", "0.2137", "-1.7391", "3.1337", "0.4513", "-0.1543", "1.8517",
    "5.3129", "-2.9371", "0.9467", "11.0713", "-7.3219", "23.519", "-41.373", "117.31", "-0.0379",
)  # fmt: skip
_POINTS = 12
_ATTEMPTS = 5 * len(_SAMPLES)
_FEW = 5

# Where the cases of an expression are looked for, each of which is compared at a place of its own.
_ENDS = (0, "0.5", 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 10_000, 1_000_000)
_CASES = 40
"""Cases that are looked at."""
_HALVINGS, _LOOKS, _LEAST = 8, 60, 4
"""How often a piece between those ends is halved, and how many parts of it are looked at, at most and at least."""
_EFFORT = 100_000
"""Steps of expressions that are evaluated to find cases: about a second."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A point, the value of the expression there, its derivative, and what the claim says (None: it has no value).

    `shown` is the point as people know it; `at` says also what a part is that stands for itself in the expression.
    `on_seam`: the derivative exists although a function is not smooth there, so that its rule need not hold.
    """

    shown: Point
    at: Point
    value: Real
    derivative: Real
    claimed: Real | None
    on_seam: bool

    @property
    def same(self) -> bool:
        """Whether the claim is right here, to 36 digits at least."""
        return self.claimed is not None and balls.agree(self.derivative, self.claimed)

    def numbers(self) -> dict[str, Real]:
        """The point, at a precision beyond that of the comparison."""
        with balls.precision(2 * balls.START_BITS):
            return {name: taylor.evaluate(value, {}).value for name, value in self.at.items()}


def compared(
    tree: Node,
    claimed: Node,
    by: str,
    at: Sequence[Point],
    inner: Node | None = None,
    fixed: Point = MappingProxyType({}),
) -> Iterator[Compared]:
    """The points where the derivative exists: those that are given, and samples of the domain.

    With `inner` the variable `by` is no number of its own: it stands for that expression in the others.  The variables of
    `fixed` have these values everywhere.  Raises `MissingValues` for a point that leaves a variable out.
    """
    names = {*names_in(tree), *names_in(claimed), by}
    if inner is not None:
        names = (names - {by}) | set(names_in(inner))

    free = sorted(names - set(fixed))

    def looked(point: Point) -> Compared | None:
        whole = point if inner is None else {**point, by: renamed(inner, point.get)}
        return _at(tree, claimed, by, point, whole)

    known: list[Compared] = []
    for given in at:
        point = {**fixed, **given}
        missing = [name for name in sorted(names) if name not in point]
        if missing:
            raise MissingValues(missing)
        found = looked(point)
        if found is not None:
            yield found
            known.append(found)
    count = 0
    without: list[Compared] = []
    for sample in _samples(free):
        found = looked({**fixed, **sample})
        if found is None:
            continue
        if found.claimed is None:  # real in another part of the domain, perhaps: nobody asked for this point
            without.append(found)
            continue
        yield found
        known.append(found)
        count += 1
        if count == _POINTS:
            break
    if not known:
        yield from without[:1]
    elif count < _FEW:  # the domain is small: it goes on around a point of it
        for near in _around(known[0].shown, free):
            found = looked(near)
            if found is not None and found.claimed is not None:
                yield found
                known.append(found)
    # A claim that is refuted needs no more points.
    if not known or not all(it.same for it in known) or not (has_cases(tree) or has_cases(claimed)):
        return
    for case in _cases([tree, claimed], sorted(free, key=lambda name: name != by), known):
        found = looked(case)
        if found is not None and found.claimed is not None:
            yield found


def _samples(names: Sequence[str]) -> Iterator[Point]:
    """Different points; each variable takes all samples, in an order of its own."""
    count = len(_SAMPLES)  # a prime
    for attempt in range(_ATTEMPTS if len(names) > 1 else count if names else 1):
        turn, step = divmod(attempt, count)
        places = [(step * (1 + 7 * k % (count - 1)) + turn * (k + 1) + 3 * k) % count for k in range(len(names))]
        # Variables with one value are a special place: `max(x, y)` has a seam there.
        if len(set(places)) == len(places) or len(names) > count // 2:
            yield {name: Number(_SAMPLES[place]) for name, place in zip(names, places, strict=True)}


def _around(point: Point, names: Sequence[str]) -> Iterator[Point]:
    """Points near to one, each of whose variables is moved by some thousandths of itself."""
    for turn in range(1, 9):
        moved = {}
        for place, name in enumerate(names):
            share = Fraction((-1) ** (turn + place) * turn * (place + 2), 1_000)
            moved[name] = (
                Number(plain(_number(point[name]) * (1 + share))) if isinstance(point[name], Number) else point[name]
            )
        yield {**point, **moved}


def _cases(trees: Sequence[Node], names: Sequence[str], known: Sequence[Compared]) -> Iterator[Point]:
    """A point in every stretch where an expression is smooth and nobody looked yet, for each variable, the others fixed."""
    base = known[0].shown
    ends = sorted({sign * Fraction(end) for end in _ENDS for sign in (-1, 1)})
    effort, cases = _EFFORT, 0
    for name in names:
        others = {other: value for other, value in base.items() if other != name}
        seen = {_number(it.shown[name]) for it in known if all(it.shown[other] == value for other, value in others.items())}
        runs: list[tuple[Fraction, Fraction]] = []
        for tree in trees:
            cost = len(ends) * len(steps(tree).nodes)
            looks = min(effort // (2 * len(trees)) // cost, _LOOKS)
            if name in names_in(tree) and set(names_in(tree)) <= set(base) and looks >= _LEAST:
                effort -= looks * cost
                runs += smooth(tree, name, others, ends, halvings=_HALVINGS, most=looks)
        for start, stop in sorted(runs, key=lambda run: min(abs(run[0]), abs(run[1]))):
            if cases < _CASES and not any(start < place < stop for place in seen):
                place = _inside(start, stop)
                seen.add(place)
                cases += 1
                yield {**base, name: Number(plain(place))}


def _number(value: Node) -> Fraction:
    return value.value if isinstance(value, Number) else Fraction(0)


def _inside(start: Fraction, stop: Fraction) -> Fraction:
    """A number between two with few digits, in no special place; of a long stretch near its end that is nearer to 0."""
    step = min((stop - start) * Fraction("0.3797"), Fraction("2.3719"))
    place, digits = start + step if abs(start) < abs(stop) else stop - step, 4
    while not start < round(place, digits) < stop:
        digits += 1
    return round(place, digits)


def _at(tree: Node, claimed: Node, by: str, shown: Point, at: Point) -> Compared | None:
    exact: dict[str, Node | Fraction] = {name: it.value if isinstance(it, Number) else it for name, it in at.items()}
    try:
        site = Site(tree, exact)
        if value_of(site) is None:  # soon found out; what the expression does beside such a point takes long
            return None
        found = examine(site, [by])
        if found.derivative is None or found.kind not in (Kind.REGULAR, Kind.SMOOTH) or found.value is None:
            return None
        return Compared(shown, at, found.value, found.derivative, value_of(Site(claimed, exact)), found.kind is Kind.SMOOTH)
    except balls.OutOfPrecision:
        return None


def is_same(one: Node, other: Node) -> bool:
    """Whether two expressions have the same value wherever both are looked at."""
    found = 0
    for point in _samples(sorted({*names_in(one), *names_in(other)})):
        try:
            values = [value_of(Site(tree, point)) for tree in (one, other)]
        except balls.OutOfPrecision:
            continue
        if values[0] is None or values[1] is None:
            continue
        if not balls.agree(values[0], values[1]):
            return False
        found += 1
        if found == _POINTS:
            break
    return found > 0
