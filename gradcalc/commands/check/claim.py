"""A derivative that somebody found by hand, against the true one: right, right in part, or a counterexample.

Comes in: an expression, the claim, what it is differentiated by, and points if there are some.  Goes out: a `Check`.

The claim is compared with Taylor arithmetic, in exact arithmetic, at the points and at others where the derivative exists;
and with sympy's formula, as formulas.  One point where they differ proves it wrong.  What is right says what that rests on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from gradcalc.calculate.prepared import needs_numbers
from gradcalc.calculate.reporting import versions
from gradcalc.engines.symbolic.client import CLIENT, SymbolicFailure
from gradcalc.engines.symbolic.messages import (
    ClaimRequest,
    ClaimResult,
    Derivatives,
    PartialsRequest,
    SymbolicRequest,
    SymbolicResult,
)
from gradcalc.errors import CalcError
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Node, Number, names_in
from gradcalc.functions.resolve import is_condition, understand, understood
from gradcalc.inputs.values import value_tree
from gradcalc.proof.claims.breakpoints import equalities, has_cases
from gradcalc.runtime import deadline
from gradcalc.runtime.deadline import DEFAULT_SECONDS

if TYPE_CHECKING:
    from gradcalc.proof.claims.comparison import Compared, Comparing

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
    """`outcome` is "right", "partly", "wrong" or "undecided"; `cause` the kind of the likely mistake, `why` a sentence.

    `formula` is sympy's derivative, `by_sympy` whether sympy found the claim equal to it.  `evidence` is what the outcome
    rests on: "formula" (sympy's, or exact algebra in every piece), "sampling" (of points, to `digits` digits at three of
    them) or "counterexample".  `condition` says where a claim that is right in part has a value, if that can be said.
    """

    formula: str | None
    points: tuple[Place, ...]
    by_sympy: bool
    outcome: str
    cause: str | None
    why: str
    evidence: str | None = None
    digits: int | None = None
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """An expression, a claim about its derivative, where it is meant, how all were read, and what was found."""

    expr: str
    claim: str
    by: str
    read_as: str
    claim_read_as: str
    finding: Finding
    versions: Mapping[str, str]
    where: str | None = None


def check(
    expr: str,
    claim: str,
    *,
    by: str | None = None,
    at: Sequence[Mapping[str, str]] = (),
    where: str | None = None,
    seconds: float = DEFAULT_SECONDS,
) -> Check:
    """Compare a claim with the derivative of an expression by a variable; `where` is the condition under which it is meant.

    Raises `CalcError` for what cannot be read, and for a claim about variables that the expression does not have.
    """
    listed = [*(name for point in at for name in point), *([by] if by else [])]
    tree, claimed = understand(expr, listed), claimed_tree(claim, listed)
    condition = None if where is None else condition_tree(where, listed)
    needs_numbers(tree, OF_NUMBERS)
    names = names_in(tree)
    by = by or _only(names, claimed)
    for what, other in (("claim", claimed), ("condition", condition)):
        for name in names_in(other) if other is not None else ():
            if name not in (*names, *listed, by):
                raise CalcError(f"the {what} has {name}, which does not occur in the expression")
    judging = Judging(tree, claimed, by, seconds, where=condition)
    finding = judging.finding([points_of(point) for point in at])
    shown = None if condition is None else unparse(condition)
    return Check(expr, claim, by, unparse(tree), unparse(claimed), finding, versions(), shown)


OF_NUMBERS = "a claim is about the derivative of one number by another"


def claimed_tree(text: str, listed: Sequence[str]) -> Node:
    """The tree of a claim; a condition, `x > 0`, is 1 where it holds and 0 elsewhere.

    Raises `CalcError` for what cannot be read, and for arrays.
    """
    tree = understood(text, listed, condition=True).tree
    if is_condition(tree):
        tree = Call("where", (tree, Number("1"), Number("0")), tree.span)
    needs_numbers(tree, OF_NUMBERS)
    return tree


def condition_tree(text: str, listed: Sequence[str]) -> Node:
    """The tree of a condition.  Raises `CalcError` for what is none."""
    condition = understood(text, listed, condition=True).tree
    if not is_condition(condition):
        raise CalcError(f"{text} is not a condition", hint='such as --where "x > 0"')
    needs_numbers(condition, OF_NUMBERS)
    return condition


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

    With `inner` the variable stands for that expression; `fixed` are variables that have one value only; `where` is the
    condition under which the claim is meant.
    """

    def __init__(
        self,
        tree: Node,
        claimed: Node,
        by: str,
        seconds: float,
        inner: Node | None = None,
        fixed: Mapping[str, Node] = MappingProxyType({}),
        where: Node | None = None,
    ):
        self.tree, self.claimed, self.by, self.seconds, self.inner, self.fixed = tree, claimed, by, seconds, inner, fixed
        self.where = where
        self._client = CLIENT.get()
        self._derivative = PartialsRequest.of([tree], [(0, (by,))], seconds)
        self._client.submit(self._derivative)
        self._same: ClaimRequest | None = None
        # What sympy finds equal holds beside the point of an equality, and tells nothing about it.
        if not (equalities(tree) or equalities(claimed)):
            self._same = ClaimRequest.of(tree, claimed, by, min(seconds, _SIMPLIFYING))
            self._client.submit(self._same)

    def _answer(self, request: SymbolicRequest) -> SymbolicResult | None:
        try:
            return self._client.result(request)
        except SymbolicFailure:
            return None

    def _condition(self, comparing: Comparing) -> Node | None:
        """The condition under which the claim has a value, if it is found in as much time again."""
        try:
            with deadline.limit(self.seconds):
                return comparing.condition()
        except deadline.OutOfTime:
            return None

    def finding(self, at: Sequence[Mapping[str, Node]]) -> Finding:
        """What is found at the points that are given and at others; what is found before the time is over counts."""
        from gradcalc.commands.check.diagnosis import cause
        from gradcalc.engines.taylor.reals import OutOfPrecision
        from gradcalc.proof.claims.comparison import Comparing

        comparing = Comparing(self.tree, self.claimed, self.by, self.inner, self.fixed, self.where)
        kind, why = None, ""
        try:
            with deadline.limit(self.seconds):
                comparing.run(at)
                if comparing.is_refuted:
                    kind, why = cause(self.tree, self.by, comparing.found)
        except (deadline.OutOfTime, OutOfPrecision):
            pass  # of the cause: what was compared stands
        formula = self._answer(self._derivative)
        same = None if self._same is None else self._answer(self._same)
        result = _Result(comparing, isinstance(same, ClaimResult) and same.is_same)
        outcome = result.outcome
        condition = self._condition(comparing) if outcome == "partly" else None
        shown = None if condition is None else unparse(condition)
        return Finding(
            formula.formulas[0].text if isinstance(formula, Derivatives) else None,
            tuple(map(_place, result.places)),
            result.by_sympy,
            outcome,
            kind if outcome == "wrong" else None,
            result.sentence(why, shown) + result.besides(at),
            result.evidence,
            result.digits,
            shown,
        )


_FEW = 3
"""Points at which two formulas may be equal by accident."""
_USUAL_DIGITS = 36


class _Result:
    """What the points and sympy say together."""

    def __init__(self, comparing: Comparing, by_sympy: bool):
        self.comparing = comparing
        self.places = [*comparing.found, *comparing.silent[: 1 if comparing.found else _FEW]]
        self.wrong = [it for it in comparing.found if it.claimed is not None and not it.same]
        self.by_sympy = by_sympy and not self.wrong
        self.equal = [it for it in comparing.found if it.same]
        self.deep = [it for it in self.equal if it.is_deep]
        self.silent = [it for it in [*comparing.found, *comparing.silent] if it.claimed is None]
        self.least = _FEW if comparing.free else 1

    @property
    def is_sampled(self) -> bool:
        """Whether the claim is right at so many points, and so closely, that it may be called right."""
        is_enough = len(self.equal) >= self.least and len(self.deep) >= self.least
        return self.comparing.is_complete and is_enough and self.missed is None

    @property
    def missed(self) -> Node | None:
        """A number beside a breakpoint that is irrational, if an equality may hold just there."""
        trees = (self.comparing.tree, self.comparing.claimed)
        return next(iter(self.comparing.sampling.missed), None) if any(map(equalities, trees)) else None

    @property
    def is_proven(self) -> bool:
        """Whether the formulas are equal; where there are cases, the points between them must have been looked at."""
        is_plain = not (has_cases(self.comparing.tree) or has_cases(self.comparing.claimed))
        return self.comparing.is_proven or (self.by_sympy and (is_plain or self.comparing.is_complete))

    @property
    def outcome(self) -> str:
        """A different number anywhere refutes a claim, and so does no number everywhere."""
        if self.wrong:
            return "wrong"
        if not (self.is_proven or self.is_sampled):
            return "wrong" if self.silent and not self.equal and self.comparing.is_complete else "undecided"
        return "partly" if self.silent else "right"

    @property
    def evidence(self) -> str | None:
        if self.outcome in ("right", "partly"):
            return "formula" if self.is_proven else "sampling"
        return "counterexample" if self.outcome == "wrong" else None

    @property
    def digits(self) -> int | None:
        """The decimal digits to which derivative and claim are the same at three points at least."""
        if len(self.equal) < self.least:
            return None
        return _deep_digits() if len(self.deep) >= self.least else _USUAL_DIGITS

    def sentence(self, why: str, condition: str | None) -> str:
        match self.outcome:
            case "wrong":
                return _refutation((self.wrong or self.silent)[0]) + (f"; likely: {why}" if why else "")
            case "undecided":
                return self._doubt()
            case "partly":
                where = f"where {condition}" if condition else "where the claim has a value"
                return f"right {where}: {self._support()}; {_refutation(self.silent[0])}"
        return self._support()

    def _support(self) -> str:
        """What a claim that is right rests on."""
        said = ["equal as formulas, by sympy"] if self.by_sympy and self.is_proven else []
        if self.is_proven and not said:
            said = ["equal as formulas in every piece, by exact algebra"]
        if self.equal:
            said.append(f"equal at {_points(len(self.equal))}, {self._accuracy()}")
        if not self.is_proven:
            said.append("sampled, not proven: the formulas were not found to be equal")
        return "; ".join(said)

    def _accuracy(self) -> str:
        if all(it.bits is None for it in self.equal):
            return "exactly"
        if self.is_proven or not self.deep:
            return f"to {_USUAL_DIGITS} digits at least"
        return f"to {_USUAL_DIGITS} digits, at {len(self.deep)} of them to {_deep_digits():,}"

    def _doubt(self) -> str:
        count = len(self.equal)
        if self.comparing.sampling.is_cut:
            return f"equal at {_points(count)}; there are more breakpoints than are looked at"
        if not self.comparing.is_complete:
            return f"the time is over; so far the claim is equal at {_points(count)}"
        if not count:
            return "no point was found where the derivative exists and could be compared"
        if self.missed is not None:
            return f"equal at {_points(count)}, but not known at an irrational breakpoint near {unparse(self.missed)}"
        if count >= self.least:
            return f"equal at {_points(count)}, but not closely enough to tell"
        return f"equal at {_points(count)}, which is too few to tell"

    def besides(self, at: Sequence[Mapping[str, Node]]) -> str:
        """What was asked for and could not be compared."""
        outside = self.comparing.outside
        known = [it.shown for it in self.comparing.found]
        lost = [point for point in at if point not in outside and {**self.comparing.fixed, **point} not in known]
        return "".join(
            [
                *(f"; no derivative is known at {_named(point)}" for point in lost),
                *(f"; the claim is not meant at {_named(point)}" for point in outside),
            ]
        )


def _deep_digits() -> int:
    from gradcalc.proof.claims.comparison import DEEP_BITS

    return DEEP_BITS * 3_010 // 10_000


def _points(count: int) -> str:
    return f"{count} point{'s' if count != 1 else ''}"


def _refutation(found: Compared) -> str:
    place = _place(found)
    claims = "has no value" if place.claimed is None else f"is {place.claimed}"
    where = f"at {_named(found.shown)} " if found.shown else ""
    derivative, claimed = place.derivative, f"the claim {claims}"
    if place.claimed is not None and _trimmed(place.derivative) == _trimmed(place.claimed):
        claimed = "the claim differs from it in later digits"
    return f"{where}the derivative is {derivative}, {claimed}"


def _trimmed(decimal: str) -> str:
    """A decimal string without the zeros that say how many digits are known."""
    return decimal.rstrip("0").rstrip(".") if "." in decimal and "e" not in decimal else decimal


def _place(found: Compared) -> Place:
    from gradcalc.engines.taylor.reals import decimal

    texts = {name: unparse(value) for name, value in found.shown.items()}
    return Place(texts, decimal(found.derivative), None if found.claimed is None else decimal(found.claimed), found.same)


def _named(point: Mapping[str, Node]) -> str:
    return ", ".join(f"{name} = {unparse(value)}" for name, value in point.items())
