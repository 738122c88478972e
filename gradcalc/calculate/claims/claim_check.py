"""Compare a claim with the derivative of an expression: right, right in part, or a counterexample.

The claim is compared by Taylor arithmetic, exactly, at the points and at others where the derivative exists; and with
sympy's formula, as formulas.  One point where they differ proves it wrong.  A claim that is right says what that rests on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from gradcalc.calculate.claims.diagnosis import compare_with_line_above, diagnose
from gradcalc.calculate.claims.results import CheckResult, ClaimEvidence, ClaimOutcome, ReportedPoint
from gradcalc.engines.symbolic.client import CLIENT, SymbolicFailure
from gradcalc.engines.symbolic.messages import (
    ClaimRequest,
    ClaimResult,
    Derivatives,
    PartialsRequest,
    SymbolicRequest,
    SymbolicResult,
)
from gradcalc.engines.taylor.reals import OutOfPrecision, decimal
from gradcalc.expression.directional import fresh_name
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, Number, names_in
from gradcalc.proof.claims.breakpoints import equalities, has_cases
from gradcalc.proof.claims.comparison import DEEP_BITS, Comparison, ComparisonPoint
from gradcalc.runtime import deadline

_SIMPLIFYING = 5.0
"""Seconds that sympy may take to find the formulas equal; the points do not need it."""


class ClaimCheck:
    """A claim about the derivative of a tree by a variable; SymPy's process starts at once.

    With `inner` the variable stands for that expression; `fixed` are variables that have one value only; `where` is the
    condition under which the claim is meant; `is_equality`: the variable is no one's, see `equality_result`.
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
        is_equality: bool = False,
    ):
        self.is_equality = is_equality
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

    def _symbolic_result(self, request: SymbolicRequest) -> SymbolicResult | None:
        try:
            return self._client.result(request)
        except SymbolicFailure:
            return None

    def result(self, at: Sequence[Mapping[str, Node]]) -> CheckResult:
        """Compare at the points that are given and at others; a comparison before the time is over counts."""
        comparison = Comparison(self.tree, self.claimed, self.by, self.inner, self.fixed, self.where)
        cause, mistake = None, ""
        try:
            with deadline.limit(self.seconds):
                comparison.run(at)
                if comparison.is_refuted and self.is_equality:
                    cause, mistake = compare_with_line_above(comparison.points)
                elif comparison.is_refuted:
                    cause, mistake = diagnose(self.tree, self.by, comparison.points)
        except (deadline.OutOfTime, OutOfPrecision):
            pass  # of the diagnosis: the points that were compared count
        return self.assess(comparison, at, cause, mistake)

    def assess(
        self, comparison: Comparison, at: Sequence[Mapping[str, Node]], cause: str | None, mistake: str
    ) -> CheckResult:
        """The result of a comparison that has been run."""
        formula = self._symbolic_result(self._derivative)
        same = None if self._same is None else self._symbolic_result(self._same)
        words = _EQUALITY if self.is_equality else _DERIVATIVE
        assessment = _Assessment(comparison, isinstance(same, ClaimResult) and same.is_same, words)
        outcome, condition = assessment.outcome, None
        if outcome is ClaimOutcome.PARTLY:
            try:
                with deadline.limit(self.seconds):  # as much time again
                    tree = comparison.condition()
                    condition = None if tree is None else unparse(tree)
            except deadline.OutOfTime:
                pass
        is_wrong = outcome is ClaimOutcome.WRONG
        refuting = assessment.refuting
        remarks = tuple(assessment.remarks(at))
        return CheckResult(
            formula.formulas[0].text if isinstance(formula, Derivatives) else None,
            tuple(map(assessment.report, assessment.points)),
            assessment.by_sympy,
            outcome,
            cause if is_wrong else None,
            "; ".join([assessment.sentence(mistake, condition), *remarks]),
            assessment.evidence,
            assessment.digits,
            condition,
            mistake or None if is_wrong else None,
            None if refuting is None else assessment.report(refuting),
            remarks,
            self.is_equality,
        )


_FEW = 3
"""Points at which two formulas may be equal by accident."""
_USUAL_DIGITS = 36
_DEEP_DIGITS = DEEP_BITS * 3_010 // 10_000


class _Words(NamedTuple):
    """What is compared, in words."""

    truth: str
    claim: str


_DERIVATIVE = _Words("the derivative", "the claim")
_EQUALITY = _Words("the line above", "this line")


class _Assessment:
    """The outcome of a claim, from the points where it was compared and from sympy."""

    def __init__(self, comparison: Comparison, by_sympy: bool, words: _Words):
        self.comparison, self.words = comparison, words
        self.points = [*comparison.points, *comparison.undefined[: 1 if comparison.points else _FEW]]
        self.wrong = [it for it in comparison.points if it.claim is not None and not it.same]
        self.equal = [it for it in comparison.points if it.same]
        # Of a function that has no derivative anywhere, any claim would be true.
        self.by_sympy = by_sympy and bool(self.equal) and not self.wrong
        self.deep = [it for it in self.equal if it.is_deep]
        self.undefined = [it for it in [*comparison.points, *comparison.undefined] if it.claim is None]
        self.least = _FEW if comparison.free else 1

    @property
    def is_sampled(self) -> bool:
        """Whether the claim is right at so many points, and so closely, that it may be called right."""
        is_enough = len(self.equal) >= self.least and len(self.deep) >= self.least
        return self.comparison.is_complete and is_enough and self.irrational is None

    @property
    def irrational(self) -> Node | None:
        """A number beside a breakpoint that is irrational, if an equality may hold just there."""
        trees = (self.comparison.tree, self.comparison.claim)
        return next(iter(self.comparison.sampling.irrational), None) if any(map(equalities, trees)) else None

    @property
    def is_proven(self) -> bool:
        """Whether the formulas are equal; where there are cases, the points between them must have been looked at."""
        is_plain = not (has_cases(self.comparison.tree) or has_cases(self.comparison.claim))
        return self.comparison.is_proven or (self.by_sympy and (is_plain or self.comparison.is_complete))

    @property
    def outcome(self) -> ClaimOutcome:
        """A different number anywhere refutes a claim, and so does no number everywhere."""
        if self.wrong:
            return ClaimOutcome.WRONG
        if not (self.is_proven or self.is_sampled):
            is_refuted = self.undefined and not self.equal and self.comparison.is_complete
            return ClaimOutcome.WRONG if is_refuted else ClaimOutcome.UNDECIDED
        return ClaimOutcome.PARTLY if self.undefined else ClaimOutcome.RIGHT

    @property
    def evidence(self) -> ClaimEvidence | None:
        if self.outcome in (ClaimOutcome.RIGHT, ClaimOutcome.PARTLY):
            return ClaimEvidence.FORMULA if self.is_proven else ClaimEvidence.SAMPLING
        return ClaimEvidence.COUNTEREXAMPLE if self.outcome is ClaimOutcome.WRONG else None

    @property
    def digits(self) -> int | None:
        """The decimal digits to which derivative and claim are the same at three points at least."""
        if len(self.equal) < self.least:
            return None
        return _DEEP_DIGITS if len(self.deep) >= self.least else _USUAL_DIGITS

    @property
    def refuting(self) -> ComparisonPoint | None:
        """The first point where a claim that is wrong, or right in part, is not the derivative."""
        is_refuted = self.outcome in (ClaimOutcome.WRONG, ClaimOutcome.PARTLY)
        return next(iter([*self.wrong, *self.undefined]), None) if is_refuted else None

    def sentence(self, mistake: str, condition: str | None) -> str:
        match self.outcome:
            case ClaimOutcome.WRONG:
                return self._refutation((self.wrong or self.undefined)[0]) + (f"; likely: {mistake}" if mistake else "")
            case ClaimOutcome.UNDECIDED:
                return self._why_undecided()
            case ClaimOutcome.PARTLY:
                where = f"where {condition}" if condition else "where the claim has a value"
                return f"right {where}: {self._grounds()}; {self._refutation(self.undefined[0])}"
        return self._grounds()

    def _grounds(self) -> str:
        """Why a claim is right."""
        grounds = ["equal as formulas, by SymPy"] if self.by_sympy and self.is_proven else []
        if self.is_proven and not grounds:
            grounds = ["equal as formulas in every piece, by exact algebra"]
        if self.equal:
            grounds.append(f"equal at {_points(len(self.equal))}, {self._accuracy()}")
        if not self.is_proven:
            grounds.append("sampled, not proven: the formulas were not found to be equal")
        return "; ".join(grounds)

    def _accuracy(self) -> str:
        if all(it.bits is None for it in self.equal):
            return "exactly"
        if self.is_proven or not self.deep:
            return f"to {_USUAL_DIGITS} digits at least"
        return f"to {_USUAL_DIGITS} digits, at {len(self.deep)} of them to {_DEEP_DIGITS:,}"

    def _why_undecided(self) -> str:
        count = len(self.equal)
        if self.comparison.sampling.is_cut:
            return f"equal at {_points(count)}; there are more breakpoints than are looked at"
        if not self.comparison.is_complete:
            return f"the time is over; so far the claim is equal at {_points(count)}"
        if not count:
            return "no point was found where the derivative exists and could be compared"
        if self.irrational is not None:
            return f"equal at {_points(count)}, but not known at an irrational breakpoint near {unparse(self.irrational)}"
        if count >= self.least:
            return f"equal at {_points(count)}, but not closely enough to tell"
        return f"equal at {_points(count)}, which is too few to tell"

    def report(self, comparison: ComparisonPoint) -> ReportedPoint:
        """A comparison in decimals; the variable of an equality is left out."""
        hidden = self.comparison.by if self.words is _EQUALITY else None
        at = {name: unparse(value) for name, value in comparison.point.items() if name != hidden}
        claimed = None if comparison.claim is None else decimal(comparison.claim)
        return ReportedPoint(at, decimal(comparison.derivative), claimed, comparison.same)

    def _refutation(self, comparison: ComparisonPoint) -> str:
        point = self.report(comparison)
        truth, claim = self.words
        where = f"at {', '.join(f'{name} = {value}' for name, value in point.at.items())} " if point.at else ""
        value = "has no value" if point.claimed is None else f"is {point.claimed}"
        if point.claimed is not None and _without_trailing_zeros(point.derivative) == _without_trailing_zeros(point.claimed):
            value = "differs from it in later digits"
        return f"{where}{truth} is {point.derivative}, {claim} {value}"

    def remarks(self, at: Sequence[Mapping[str, Node]]) -> Iterator[str]:
        """The points that the user gave and that could not be compared."""
        outside = self.comparison.outside
        points = [it.point for it in self.comparison.points]
        without = [point for point in at if point not in outside and {**self.comparison.fixed, **point} not in points]
        yield from (f"no derivative is known at {_assignments(point)}" for point in without)
        yield from (f"the claim is not meant at {_assignments(point)}" for point in outside)


def _points(count: int) -> str:
    return f"{count} point{'s' if count != 1 else ''}"


def equality_result(
    above: Node,
    tree: Node,
    seconds: float,
    fixed: Mapping[str, Node],
    where: Node | None,
    at: Sequence[Mapping[str, Node]],
) -> CheckResult:
    """Compare two expressions that are claimed to be equal: the derivative of `t*above` with respect to t is `above`."""
    factor = fresh_name({*names_in(above), *names_in(tree), *fixed, *(name for point in at for name in point)})
    product = Call("*", (Name(factor), above))
    result = ClaimCheck(product, tree, factor, seconds, fixed={**fixed, factor: Number("1")}, where=where, is_equality=True)
    return result.result(at)


def _without_trailing_zeros(decimal: str) -> str:
    """A decimal string without the zeros that say how many digits are known."""
    return decimal.rstrip("0").rstrip(".") if "." in decimal and "e" not in decimal else decimal


def _assignments(point: Mapping[str, Node]) -> str:
    return ", ".join(f"{name} = {unparse(value)}" for name, value in point.items())
