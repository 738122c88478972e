"""A derivative that somebody found by hand, against the true one: right, or a counterexample and the likely mistake.

Comes in: an expression, the claim, what it is differentiated by, and a point if there is one.  Goes out: a `Check`.

The claim is compared with Taylor arithmetic, in exact arithmetic, at the point and at others where the derivative exists;
and with sympy's formula, as formulas.  One point where they differ proves it wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradcalc import deadline
from gradcalc.calculate import versions
from gradcalc.deadline import DEFAULT_SECONDS
from gradcalc.errors import CalcError
from gradcalc.functions.resolve import understand
from gradcalc.points import value_tree
from gradcalc.syntax import Node, Number, names_in, unparse
from gradcalc.witness.formula import Question
from gradcalc.witness.process import SymbolicFailure, shared

if TYPE_CHECKING:
    from gradcalc.witness.balls import Real

# Where the formulas are compared: numbers on both sides of 0 and of 1, that are no zeros of anything.
_SAMPLES = ("0.7", "1.3", "-0.6", "2.5", "0.2", "-1.7", "3.1", "0.45", "-0.15", "1.85", "5.3", "-2.9", "0.95", "11")
_POINTS = 5
_ATTEMPTS = 80
_SIMPLIFYING = 5.0
"""Seconds that sympy may take to find the formulas equal; the points do not need it."""
_LARGEST = 1_000
"""Numerator and denominator of a factor that is worth naming."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A point, and there the derivative, what the claim says (None: it has no value), and whether they are the same."""

    at: Mapping[str, str]
    derivative: str
    claimed: str | None
    same: bool


@dataclass(frozen=True, slots=True)
class Check:
    """`outcome` is "right", "wrong" or "undecided"; `cause` the kind of the likely mistake, `why` a sentence.

    `formula` is sympy's derivative, `by_sympy` whether sympy found the claim equal to it.
    """

    expr: str
    claim: str
    by: str
    read_as: str
    claim_read_as: str
    formula: str | None
    points: tuple[Compared, ...]
    by_sympy: bool
    outcome: str
    cause: str | None
    why: str
    versions: Mapping[str, str]


def check(
    expr: str,
    claim: str,
    *,
    by: str | None = None,
    at: Sequence[Mapping[str, str]] = (),
    seconds: float = DEFAULT_SECONDS,
) -> Check:
    """Compare a claim with the derivative of an expression by a variable.

    Raises `CalcError` for what cannot be read, and for a claim about variables that the expression does not have.
    """
    listed = [*(name for point in at for name in point), *([by] if by else [])]
    tree, claimed = understand(expr, listed), _claimed(claim, listed)
    names = names_in(tree)
    by = by or _only(names, claimed)
    for name in names_in(claimed):
        if name not in names and name not in listed:
            raise CalcError(f"the claim has {name}, which does not occur in the expression")
    question = Question.about([tree], [(0, (by,))], seconds)
    same = Question.about([tree, claimed], [(0, (by,))], min(seconds, _SIMPLIFYING), is_claim=True)
    shared.ask(question)
    shared.ask(same)
    found: list[_Found] = []
    cause, why = None, ""
    try:
        with deadline.limit(seconds):
            # What is found before the time is over counts.
            found.extend(_compared(tree, claimed, by, at, sorted({*names, *names_in(claimed), by})))
            if not all(it.same for it in found):
                cause, why = _cause(tree, by, found)
    except deadline.OutOfTime:
        pass
    formula = _formula(question)
    by_sympy = _is_same(same)
    wrong = next((it for it in found if not it.same), None)
    outcome = "wrong" if wrong else "right" if found or by_sympy else "undecided"
    return Check(
        expr,
        claim,
        by,
        unparse(tree),
        unparse(claimed),
        formula,
        tuple(it.told for it in found),
        by_sympy,
        outcome,
        cause,
        _sentence(outcome, wrong, why, len(found), by_sympy),
        versions(),
    )


def _claimed(text: str, listed: Sequence[str]) -> Node:
    """The tree of a claim; a condition, `x > 0`, is 1 where it holds and 0 elsewhere."""
    try:
        return understand(text, listed)
    except CalcError as error:
        try:
            return understand(f"where({text}, 1, 0)", listed)
        except CalcError:
            raise error from None


def _only(names: Sequence[str], claimed: Node) -> str:
    """The variable of an expression that has one."""
    if len(names) > 1:
        raise CalcError(f"the expression has {', '.join(names)}: by which is the derivative?", hint=f"give --by {names[0]}")
    return (*names, *names_in(claimed), "x")[0]


@dataclass(frozen=True, slots=True)
class _Found:
    """A point with its numbers."""

    told: Compared
    point: Mapping[str, Real]
    truth: Real
    claimed: Real | None
    value: Real | None

    @property
    def same(self) -> bool:
        return self.told.same


def _compared(tree: Node, claimed: Node, by: str, at: Sequence[Mapping[str, str]], names: Sequence[str]) -> Iterator[_Found]:
    """The points where the derivative exists: those that were given, and samples of the domain."""
    given = list(at)
    for point in given:
        missing = [name for name in names if name not in point]
        if missing:
            raise CalcError(f"no value for {missing[0]}", hint=f"give --at {missing[0]}=...")
        found = _at(tree, claimed, by, point)
        if found is not None:
            yield found
    count = 0
    without: list[_Found] = []
    for attempt in range(_ATTEMPTS if names else 1):
        place = {name: _SAMPLES[(attempt * (2 * k + 1) + 3 * k) % len(_SAMPLES)] for k, name in enumerate(names)}
        found = _at(tree, claimed, by, place)
        if found is None:
            continue
        if found.claimed is None:  # real in another part of the domain, perhaps: nobody asked for this point
            without.append(found)
            continue
        yield found
        count += 1
        if count == _POINTS:
            return
    if not count:
        yield from without[:1]


def _at(tree: Node, claimed: Node, by: str, at: Mapping[str, str]) -> _Found | None:
    from gradcalc.proof.regularity import Kind, examine, value_of
    from gradcalc.proof.site import Site
    from gradcalc.witness import balls, taylor

    values = {name: value_tree(name, text) for name, text in at.items()}
    exact = {name: it.value if isinstance(it, Number) else it for name, it in values.items()}
    try:
        found = examine(Site(tree, exact), [by])
        if found.derivative is None or found.kind not in (Kind.REGULAR, Kind.SMOOTH) or found.value is None:
            return None
        number = value_of(Site(claimed, exact))
    except balls.OutOfPrecision:
        return None
    truth = found.derivative
    same = number is not None and balls.agree(truth, number)
    told = Compared(dict(at), balls.decimal(truth), None if number is None else balls.decimal(number), same)
    with balls.precision(2 * balls.START_BITS):
        point = {name: taylor.evaluate(value, {}).value for name, value in values.items()}
    return _Found(told, point, truth, number, found.value)


# -------------------------------------------------------------------------------------------------- the likely cause

_FIRST = ("inner derivative", "power rule")
"""Mistakes that explain a factor better than its number does."""


def _cause(tree: Node, by: str, found: Sequence[_Found]) -> tuple[str | None, str]:
    """The mistake that leads to the claim's numbers at all points, if there is one that people make."""
    from gradcalc.proof.mistakes import mistakes
    from gradcalc.witness import balls

    known = [it for it in found if it.claimed is not None]
    if len(known) < 2 or len(known) < len(found):
        return None, "the claim has no value where the derivative has one" if len(known) < len(found) else ""
    claimed = [it.claimed for it in known if it.claimed is not None]
    made = [
        it
        for it in mistakes(tree, by, [one.point for one in known])
        if all(number is not None and balls.agree(number, other) for number, other in zip(it.numbers, claimed, strict=True))
    ]
    for it in made:
        if it.kind in _FIRST:
            return it.kind, it.why
    whole = _whole(tree, by, known, claimed)
    if whole is not None:
        return whole
    return (made[0].kind, made[0].why) if made else (None, "")


def _whole(tree: Node, by: str, known: Sequence[_Found], claimed: Sequence[Real]) -> tuple[str, str] | None:
    """A mistake with the derivative as a whole."""
    from gradcalc.proof.regularity import examine
    from gradcalc.proof.site import Site
    from gradcalc.witness import balls

    def all_agree(numbers: Sequence[Real | None]) -> bool:
        return all(it is not None and balls.agree(it, other) for it, other in zip(numbers, claimed, strict=True))

    truths = [it.truth for it in known]
    if all_agree([-truth for truth in truths]):
        return "sign", "the sign is the other one"
    factor = _factor(truths, claimed)
    if factor is not None:
        return "factor", f"a factor: the claim is {factor} times the derivative"
    with balls.precision(2 * balls.START_BITS):
        degree = balls.ball(balls.exact(1)).pi() / 180
        for each in (degree, 1 / degree):
            if all_agree([truth * each for truth in truths]):
                return "degrees", "degrees for radians: the claim is off by pi/180"
    if all_agree([it.value for it in known]):
        return "not differentiated", "the claim is the expression itself"
    for other in names_in(tree):
        if other != by:
            sites = [Site(tree, {name: value_tree(name, text) for name, text in it.told.at.items()}) for it in known]
            if all_agree([examine(site, [other]).derivative for site in sites]):
                return "wrong variable", f"the claim is the derivative by {other}"
    return None


def _factor(truths: Sequence[Real], claimed: Sequence[Real]) -> str | None:
    """The rational that the claim is times the derivative, everywhere."""
    from gradcalc.witness import balls

    pairs = [(truth, claim) for truth, claim in zip(truths, claimed, strict=True) if not balls.is_negligible(truth)]
    if len(pairs) < 2:
        return None
    with balls.precision(2 * balls.START_BITS):
        truth, claim = pairs[0]
        nearest = balls.to_fraction(balls.ball(claim) / balls.ball(truth)).limit_denominator(_LARGEST)
        if nearest == 0 or abs(nearest.numerator) > _LARGEST:
            return None
        exact = balls.exact(nearest)
        return str(nearest) if all(balls.agree(truth * exact, claim) for truth, claim in pairs) else None


def _sentence(outcome: str, wrong: _Found | None, why: str, points: int, by_sympy: bool) -> str:
    if outcome == "undecided":
        return "no point was found where the derivative exists and could be compared"
    if wrong is None:
        places = f"equal at {points} point{'s' if points != 1 else ''}, to 36 digits at least"
        sympy = "equal as formulas, by sympy"
        return "; ".join([*([sympy] if by_sympy else []), *([places] if points else [])])
    at = ", ".join(f"{name} = {text}" for name, text in wrong.told.at.items())
    place = f"at {at} " if at else ""
    claims = "has no value" if wrong.told.claimed is None else f"is {wrong.told.claimed}"
    return f"{place}the derivative is {wrong.told.derivative}, the claim {claims}" + (f"; likely: {why}" if why else "")


def _formula(question: Question) -> str | None:
    try:
        return shared.collect(question).formulas[0].text
    except SymbolicFailure:
        return None


def _is_same(question: Question) -> bool:
    try:
        return shared.collect(question).is_same
    except SymbolicFailure:
        return False
