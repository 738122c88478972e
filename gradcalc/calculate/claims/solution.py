"""A derivation in several lines, each checked in turn: `p = sigmoid(z)`, `dL/dp = ...`, `dL/dw = dL/dp * dp/dz * x`.

Comes in: an expression and lines of text.  Goes out: a `Solution`: what each line is, and whether it is right.

A claim is compared with the true derivative; with respect to an intermediate variable, its subject is taken as a function of
that variable, wherever it occurs.  A line may use the derivatives above it, and those that no line above claims, which are
then the true ones.  A claim that is wrong only because one above it is follows from it: with the true derivative in its
place it would be right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradcalc.calculate.claims.claim_check import ClaimCheck, equality_result
from gradcalc.calculate.claims.lines import Claim, Definition, Equality, ParsedDerivation, Statement, Subject, expand
from gradcalc.calculate.claims.results import CheckResult, ClaimOutcome, LineCheck, Solution
from gradcalc.calculate.reporting import versions
from gradcalc.errors import CalcError
from gradcalc.expression.printer import unparse
from gradcalc.expression.subexpression import substitute
from gradcalc.expression.tree import Node, names_in, substitute_names
from gradcalc.functions.derivation import derive
from gradcalc.inputs.values import Point
from gradcalc.runtime.deadline import DEFAULT_SECONDS


def solution(
    expr: str,
    lines: Sequence[str],
    *,
    by: str | None = None,
    at: Sequence[Point] = (),
    where: str | None = None,
    seconds: float = DEFAULT_SECONDS,
) -> Solution:
    """Check a derivation line by line; one of them must be about the expression (by `by`, if that is given).

    `where` is the condition under which the claims are meant, in the variables of the expression.

    Raises `CalcError` for what cannot be read, for a claim about what does not occur, and if none is about the expression.
    """
    variables = [*([by] if by else []), *(name for point in at for name in point.values)]
    derivation = ParsedDerivation(expr, lines, variables, by)
    derivation.require_claim_about_expression(by)
    claims = sum(isinstance(statement, Claim | Equality) for statement in derivation.statements)
    condition = None if where is None else derivation.condition(where)
    checks = DerivationCheck(derivation, [point.numbers() for point in at], seconds / max(claims, 1), condition)
    results = tuple(map(checks.statement, derivation.statements))
    outcomes = [line.outcome for line in results]
    outcome = next((it for it in _WORST_FIRST if it in outcomes), ClaimOutcome.RIGHT)
    first = results[outcomes.index(outcome)].number if outcome in _WORST_FIRST else None
    return Solution(expr, unparse(derivation.tree), results, outcome, first, versions(), where, derivation.unclaimed())


_WORST_FIRST = (ClaimOutcome.WRONG, ClaimOutcome.UNDECIDED, ClaimOutcome.PARTLY)


class DerivationCheck:
    """The statements, checked in order: as they are written, and with true derivatives in place of the wrong ones above."""

    def __init__(self, derivation: ParsedDerivation, at: Sequence[Mapping[str, Node]], seconds: float, where: Node | None):
        self.derivation, self.at, self.seconds, self.where = derivation, at, seconds, where
        self.written = dict(derivation.parts)
        self.true = dict(derivation.parts)
        self._results: dict[Statement, tuple[ClaimOutcome, Node]] = {}

    def statement(self, statement: Statement) -> LineCheck:
        """Check a statement, after those above it."""
        where = f"line {statement.number}"
        by = statement.derivative.by if isinstance(statement, Claim) else ""
        outcome, result = ClaimOutcome.GIVEN, None
        if isinstance(statement, Claim | Equality | Definition):
            if isinstance(statement, Claim):
                self.derivation.refuse_circle(statement, self.written)
            self._imply(statement.tree, where)
            written = expand(statement.tree, self.written, where)
            true = expand(statement.tree, self.true, where)
            self._require_known(written, where)
            if isinstance(statement, Claim) and self.derivation.is_restatement(statement):
                pass
            elif isinstance(statement, Claim):
                outcome, result = self._claim(statement, written, true, where)
            elif isinstance(statement, Equality):
                result = self._equal(self._tree_of(statement.above), written)
                outcome = result.outcome
            elif statement.name in self.derivation.parts:
                self.written[statement.name], self.true[statement.name] = written, true
            self._results[statement] = outcome, written
        return LineCheck(statement.number, statement.name, unparse(statement.tree), by, outcome, result, statement.text)

    def _claim(self, statement: Claim, written: Node, true: Node, where: str) -> tuple[ClaimOutcome, CheckResult]:
        """The outcome of a claim about a derivative; below it, the name of the derivative stands for what is claimed."""
        derivative = statement.derivative
        tree, inner = self._subject(derivative, where)

        def compare(claim: Node) -> CheckResult:
            claim = claim if inner is None else substitute(claim, inner, derivative.by)
            values = self.derivation.values
            return ClaimCheck(tree, claim, derivative.by, self.seconds, inner, values, self.where).result(self.at)

        result = compare(written)
        outcome = result.outcome
        if outcome is ClaimOutcome.WRONG:
            if true != written:  # whatever is wrong above it, what is wrong here?
                result = compare(true)
                outcome = ClaimOutcome.FOLLOWS if result.outcome is ClaimOutcome.RIGHT else ClaimOutcome.WRONG
            elif statement.above is not None and self._is_equal_to_wrong(statement.above, written):
                outcome = ClaimOutcome.FOLLOWS
            true = _derivative(tree, derivative.by, inner) or written
        self.written[statement.name], self.true[statement.name] = written, true
        return outcome, result

    def _is_equal_to_wrong(self, above: Claim, tree: Node) -> bool:
        """Whether the link of a chain above is wrong, and a tree is equal to it."""
        outcome, before = self._results[above]
        is_wrong = outcome in (ClaimOutcome.WRONG, ClaimOutcome.FOLLOWS)  # not that of a restatement
        return is_wrong and self._equal(before, tree).outcome is ClaimOutcome.RIGHT

    def _equal(self, above: Node, tree: Node) -> CheckResult:
        return equality_result(above, tree, self.seconds, self.derivation.values, self.where, self.at)

    def _tree_of(self, statement: Statement) -> Node:
        return self._results[statement][1]

    def _subject(self, derivative: Subject, where: str) -> tuple[Node, Node | None]:
        """What a derivative is of, and the meaning of the intermediate variable that it is with respect to, if it is one."""
        inner = self.derivation.parts.get(derivative.by)
        tree = self.derivation.expression_of(derivative)
        self._imply(tree, where)
        tree = expand(tree, {name: self.true[name] for name in names_in(tree) if name in self.derivation.derivatives}, where)
        if inner is None:
            return tree, None
        tree, name = substitute(tree, inner, derivative.by), derivative.by
        if name not in names_in(tree):
            hint = f"write {name} as it stands in the expression, or give the expression in {name} a name"
            raise CalcError(f"{where}: {unparse(inner)} does not occur in {derivative.of}", hint=hint)
        return tree, inner

    def _imply(self, tree: Node, where: str) -> None:
        """Give derivatives that a tree uses, and that no line above claims, their true meanings."""
        for name in names_in(tree):
            derivative = self.derivation.derivatives.get(name)
            if derivative is None or name in self.written:
                continue
            subject, inner = self._subject(derivative, where)
            true = _derivative(subject, derivative.by, inner)
            if true is None:
                hint = f"write a line {name} = ... above it"
                raise CalcError(f"{where} uses {name}, and there is no rule for it", hint=hint)
            self.written[name] = self.true[name] = true

    def _require_known(self, tree: Node, where: str) -> None:
        unknown = [name for name in names_in(tree) if name not in self.derivation.known]
        if unknown:
            raise CalcError(f"{where} has {unknown[0]}, which does not occur in the expression")


def _derivative(tree: Node, by: str, inner: Node | None) -> Node | None:
    """The derivative by hand, in variables; None without a rule for it."""
    try:
        (whole, *_) = derive(tree, by)
    except CalcError:
        return None
    return substitute_names(whole.derivative, {by: inner}.get)
