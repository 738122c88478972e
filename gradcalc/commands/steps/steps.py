"""The derivation of an expression rule by rule, with numbers at a point, and the proof that it leads to the derivative.

Comes in: a `Question`.  Goes out: a `Stepwise`: a derivation for each variable, beside the answer of all engines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gradcalc.calculate.answer import answer, prefetch
from gradcalc.calculate.prepared import PreparedQuery, prepare
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import OutOfPrecision, decimal
from gradcalc.errors import CalcError, Exit
from gradcalc.expression.arrays import named_entries
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Node
from gradcalc.functions.derivation import Step, derive
from gradcalc.inputs.query import Question
from gradcalc.proof.claims.comparison import Comparison, ComparisonPoint
from gradcalc.proof.smoothness.differentiability import examine
from gradcalc.proof.smoothness.kinds import NOT_DIFFERENTIABLE, UNDEFINED
from gradcalc.report import Report
from gradcalc.runtime import deadline
from gradcalc.runtime.deadline import DEFAULT_SECONDS

MAX_DERIVATIONS = 20


class AtPoint(StrEnum):
    """Whether the steps hold at the point that was given."""

    HOLDS = "holds"
    NO_DERIVATIVE = "no-derivative"
    NO_RULE = "no-rule"  # there is a derivative, and a rule that does not give it
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Derivation:
    """The steps to the derivative by a variable, and at a point the derivative of the part of each.

    `numbers` are as many as the steps; None without a point, for a part whose rule does not hold there, and for all parts
    where the steps do not hold.  `at_point` is None without a point.  What they lead to was compared with the derivative in
    exact arithmetic: at `equal` points it is the same; at `beside` ones it has no value, or a function is not smooth and the
    rules do not hold; at `wrong` ones it is another number.
    """

    by: str
    steps: Sequence[Step]
    numbers: Sequence[str | None]
    at_point: AtPoint | None
    equal: int
    beside: int
    wrong: int

    @property
    def numbered(self) -> Iterator[tuple[Step, str | None]]:
        """Every step with its number."""
        return zip(self.steps, self.numbers, strict=True)


@dataclass(frozen=True, slots=True)
class Stepwise:
    """The derivations, in the order of the partials of the report, and the values that the variables were given."""

    report: Report
    derivations: Sequence[Derivation]
    point: Mapping[str, Node]

    @property
    def exit(self) -> Exit:
        """The exit code: that of the report, or 1 if the steps do not lead to the derivative."""
        return Exit.DISAGREE if any(derivation.wrong for derivation in self.derivations) else self.report.exit


def stepwise(question: Question, *, seconds: float = DEFAULT_SECONDS) -> Stepwise:
    """Differentiate an expression rule by rule.

    Raises `CalcError` for an array, for a function without a rule, and for what is too long to be followed.
    """
    prepared = prepare(*question, seconds=seconds)
    prepared.require_scalar_value("a derivation is of one number")
    if not prepared.partials:
        raise CalcError(
            f"{unparse(prepared.tree)} has no variables: it is constant, and its derivative is 0",
            hint='use the variable in the expression, such as "3*x"',
        )
    if len(prepared.partials) > MAX_DERIVATIONS:
        count = len(prepared.partials)
        raise CalcError(f"too many variables: {count}; the limit is {MAX_DERIVATIONS}", hint="choose with --by")
    (tree,) = prepared.entries.entries
    variables = [partial.entries[0] for partial in prepared.partials]
    steps = [derive(tree, by) for by in variables]
    prefetch(prepared)
    values = dict(pair for name, cells in prepared.point.entries.items() for pair in named_entries(name, cells))
    derivations = [_derivation(tree, *pair, values, prepared) for pair in zip(variables, steps, strict=True)]
    return Stepwise(answer(prepared), derivations, prepared.point.trees)


def _derivation(
    tree: Node, by: str, steps: Sequence[Step], values: Mapping[str, Node], prepared: PreparedQuery
) -> Derivation:
    comparison = Comparison(tree, steps[0].derivative, by)
    numbers: Sequence[str | None] = [None] * len(steps)
    at_point = AtPoint.UNKNOWN if values else None
    try:
        with deadline.limit(prepared.seconds):
            comparison.run([values] if values else [], closely=False)
            if values:
                here = comparison.points[0] if comparison.points and comparison.points[0].point == values else None
                at_point, numbers = _at_point(tree, by, steps, values, here)
    except deadline.OutOfTime:
        pass
    comparisons = comparison.points
    equal = sum(it.same for it in comparisons)
    beside = sum(not it.same and (it.claim is None or it.on_seam) for it in comparisons)
    wrong = len(comparisons) - equal - beside
    if at_point is AtPoint.NO_RULE and comparisons[0].same:  # by chance: the rules of parts do not hold
        equal, beside = equal - 1, beside + 1
    return Derivation(by, steps, numbers, at_point, equal, beside, wrong)


def _at_point(
    tree: Node, by: str, steps: Sequence[Step], values: Mapping[str, Node], whole: ComparisonPoint | None
) -> tuple[AtPoint, Sequence[str | None]]:
    """Whether the steps hold at a point, and their numbers, from the comparison of the whole there (None: no derivative)."""
    nowhere = [None] * len(steps)
    if whole is None:
        return (AtPoint.NO_DERIVATIVE if _is_not_differentiable(tree, by, values) else AtPoint.UNKNOWN), nowhere
    if not whole.same:
        return AtPoint.NO_RULE, nowhere
    memo: dict[Node, str | None] = {}
    for step in steps:
        if not step.is_known:
            memo[step.part] = _derivative_at(step, by, values)
    numbers = [memo[step.part] for step in steps]
    # Elsewhere a part without a derivative is one that the whole does not need: a case that is not taken.
    return (AtPoint.NO_RULE, nowhere) if whole.on_seam and None in numbers else (AtPoint.HOLDS, numbers)


def _is_not_differentiable(tree: Node, by: str, values: Mapping[str, Node]) -> bool:
    """Whether an expression is known to have no derivative at a point."""
    try:
        return examine(ExpressionAt(tree, values), [by]).kind in NOT_DIFFERENTIABLE | UNDEFINED
    except OutOfPrecision:
        return False


def _derivative_at(step: Step, by: str, values: Mapping[str, Node]) -> str | None:
    """The derivative of a part at a point; None where it has none, or the rule does not give it."""
    here = Comparison(step.part, step.derivative, by).at(values)
    if here is None or not here.same or here.claim is None:
        return None
    try:
        return decimal(here.claim)
    except OutOfPrecision:
        return None
