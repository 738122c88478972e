"""A derivative that somebody found by hand, against the true one: right, or a counterexample and the likely mistake.

Comes in: an expression, the claim, what it is differentiated by, and points if there are some.  Goes out: a `Check`.

The claim is compared with Taylor arithmetic, in exact arithmetic, at the points and at others where the derivative exists;
and with sympy's formula, as formulas.  One point where they differ proves it wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from gradcalc import deadline
from gradcalc.calculate import needs_numbers, versions
from gradcalc.deadline import DEFAULT_SECONDS
from gradcalc.errors import CalcError
from gradcalc.functions.resolve import understand
from gradcalc.points import value_tree
from gradcalc.syntax import Node, names_in, unparse
from gradcalc.witness.formula import Derived, Question
from gradcalc.witness.process import SymbolicFailure, shared

if TYPE_CHECKING:
    from gradcalc.proof.claims import Compared

_SIMPLIFYING = 5.0
"""Seconds that sympy may take to find the formulas equal; the points do not need it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A point, and there the derivative, what the claim says (None: it has no value), and whether they are the same."""

    at: Mapping[str, str]
    derivative: str
    claimed: str | None
    same: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """`outcome` is "right", "wrong" or "undecided"; `cause` the kind of the likely mistake, `why` a sentence.

    `formula` is sympy's derivative, `by_sympy` whether sympy found the claim equal to it.
    """

    formula: str | None
    points: tuple[Place, ...]
    by_sympy: bool
    outcome: str
    cause: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Check:
    """An expression, a claim about its derivative, how both were read, and what was found."""

    expr: str
    claim: str
    by: str
    read_as: str
    claim_read_as: str
    finding: Finding
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
    tree, claimed = understand(expr, listed), claimed_tree(claim, listed)
    needs_numbers(tree, OF_NUMBERS)
    names = names_in(tree)
    by = by or _only(names, claimed)
    for name in names_in(claimed):
        if name not in names and name not in listed:
            raise CalcError(f"the claim has {name}, which does not occur in the expression")
    finding = Judging(tree, claimed, by, seconds).finding([points_of(point) for point in at])
    return Check(expr, claim, by, unparse(tree), unparse(claimed), finding, versions())


OF_NUMBERS = "a claim is about the derivative of one number by another"


def claimed_tree(text: str, listed: Sequence[str]) -> Node:
    """The tree of a claim; a condition, `x > 0`, is 1 where it holds and 0 elsewhere.

    Raises `CalcError` for what cannot be read, and for arrays.
    """
    try:
        tree = understand(text, listed)
    except CalcError as error:
        try:
            tree = understand(f"where({text}, 1, 0)", listed)
        except CalcError:
            raise error from None
    needs_numbers(tree, OF_NUMBERS)
    return tree


def points_of(texts: Mapping[str, str]) -> dict[str, Node]:
    """A point that was typed.  Raises `CalcError` for what is no number."""
    return {name: value_tree(name, text) for name, text in texts.items()}


def _only(names: Sequence[str], claimed: Node) -> str:
    """The variable of an expression that has one."""
    if len(names) > 1:
        raise CalcError(f"the expression has {', '.join(names)}: by which is the derivative?", hint=f"give --by {names[0]}")
    return (*names, *names_in(claimed), "x")[0]


class Judging:
    """A claim about the derivative of a tree by a variable; sympy's process begins with its part at once.

    With `inner` the variable stands for that expression; `fixed` are variables that have one value only.
    """

    def __init__(
        self,
        tree: Node,
        claimed: Node,
        by: str,
        seconds: float,
        inner: Node | None = None,
        fixed: Mapping[str, Node] = MappingProxyType({}),
    ):
        self.tree, self.claimed, self.by, self.seconds, self.inner, self.fixed = tree, claimed, by, seconds, inner, fixed
        wanted = [(0, (by,))]
        self._derivative = Question.about([tree], wanted, seconds)
        self._same = Question.about([tree, claimed], wanted, min(seconds, _SIMPLIFYING), is_claim=True)
        shared.ask(self._derivative)
        shared.ask(self._same)

    def finding(self, at: Sequence[Mapping[str, Node]]) -> Finding:
        """What is found at the points that are given and at others; what is found before the time is over counts."""
        from gradcalc.proof.causes import cause
        from gradcalc.proof.claims import compared
        from gradcalc.witness.balls import OutOfPrecision

        found: list[Compared] = []
        kind, why = None, ""
        try:
            with deadline.limit(self.seconds):
                found.extend(compared(self.tree, self.claimed, self.by, at, self.inner, self.fixed))
                if not all(it.same for it in found):
                    kind, why = cause(self.tree, self.by, found)
        except (deadline.OutOfTime, OutOfPrecision):
            pass  # of the cause: what was compared stands
        formula, same = _answered(self._derivative), _answered(self._same)
        by_sympy = same is not None and same.is_same
        places = [_place(it) for it in found]
        equal = sum(place.same for place in places)
        used = {self.by, *names_in(self.tree), *names_in(self.claimed)}
        outcome = _outcome(places, by_sympy, 1 if used <= set(self.fixed) else _FEW)
        lost = [point for point in at if not any(it.shown == {**self.fixed, **point} for it in found)]
        return Finding(
            None if formula is None else formula.formulas[0].text,
            tuple(places),
            by_sympy,
            outcome,
            kind if outcome == "wrong" else None,
            _sentence(outcome, places, why, equal, by_sympy) + _besides(places, lost, outcome),
        )


_FEW = 3
"""Points at which two formulas may be equal by accident."""


def _outcome(places: Sequence[Place], by_sympy: bool, least: int) -> str:
    """A different number anywhere refutes a claim, and so does no number everywhere."""
    if any(place.claimed is not None and not place.same for place in places):
        return "wrong"
    equal = sum(place.same for place in places)
    if by_sympy or equal >= least:
        return "right"
    return "wrong" if places and not equal else "undecided"


def _answered(question: Question) -> Derived | None:
    try:
        return shared.collect(question)
    except SymbolicFailure:
        return None


def _place(found: Compared) -> Place:
    from gradcalc.witness.balls import decimal

    return Place(
        _texts(found.shown), decimal(found.derivative), None if found.claimed is None else decimal(found.claimed), found.same
    )


def _texts(point: Mapping[str, Node]) -> dict[str, str]:
    return {name: unparse(value) for name, value in point.items()}


def _named(at: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {text}" for name, text in at.items())


def _sentence(outcome: str, places: Sequence[Place], why: str, equal: int, by_sympy: bool) -> str:
    points = f"{equal} point{'s' if equal != 1 else ''}"
    if outcome == "wrong":
        wrong = next((place for place in places if place.claimed is not None and not place.same), places[0])
        claims = "has no value" if wrong.claimed is None else f"is {wrong.claimed}"
        place = f"at {_named(wrong.at)} " if wrong.at else ""
        return f"{place}the derivative is {wrong.derivative}, the claim {claims}" + (f"; likely: {why}" if why else "")
    if outcome == "undecided":
        few = f"equal at {points}, which is too few to tell"
        return few if equal else "no point was found where the derivative exists and could be compared"
    formulas = ["equal as formulas, by sympy"] if by_sympy else []
    return "; ".join([*formulas, *([f"equal at {points}, to 36 digits at least"] if equal else [])])


def _besides(places: Sequence[Place], lost: Sequence[Mapping[str, Node]], outcome: str) -> str:
    """What was asked for and could not be compared."""
    silent = [place.at for place in places if place.claimed is None] if outcome == "right" else []
    said = [f"; the claim has no value at {_named(at)}" for at in silent]
    return "".join([*said, *(f"; there is no derivative at {_named(_texts(point))}" for point in lost)])
