"""A derivative that was found by hand, compared with the true one.

Comes in: an expression, the claim, what it is differentiated by, and points if there are some.  Goes out: a `Check`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradcalc.calculate.prepared import require_no_arrays
from gradcalc.calculate.reporting import versions
from gradcalc.commands.check.claim_check import CheckResult, ClaimCheck
from gradcalc.errors import CalcError
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Node, Number, names_in
from gradcalc.functions.resolve import interpret, is_condition, understand
from gradcalc.inputs.values import Point
from gradcalc.runtime.deadline import DEFAULT_SECONDS


@dataclass(frozen=True, slots=True)
class Check:
    """An expression, a claim about its derivative, where it is meant, how all were read, and the result."""

    expr: str
    claim: str
    by: str
    read_as: str
    claim_read_as: str
    result: CheckResult
    versions: Mapping[str, str]
    where: str | None = None


def check(
    expr: str,
    claim: str,
    *,
    by: str | None = None,
    at: Sequence[Point] = (),
    where: str | None = None,
    seconds: float = DEFAULT_SECONDS,
) -> Check:
    """Compare a claim with the derivative of an expression by a variable; `where` is the condition under which it is meant.

    Raises `CalcError` for what cannot be read, and for a claim about variables that the expression does not have.
    """
    variables = [*(name for point in at for name in point.values), *([by] if by else [])]
    tree, claimed = understand(expr, variables), claimed_tree(claim, variables)
    condition = None if where is None else condition_tree(where, variables)
    require_no_arrays(tree, OF_NUMBERS)
    names = names_in(tree)
    if by is None and len(names) > 1:
        raise CalcError(f"the expression has {', '.join(names)}: by which is the derivative?", hint=f"give --by {names[0]}")
    by = by or (*names, *names_in(claimed), "x")[0]
    for what, other in (("claim", claimed), ("condition", condition)):
        for name in names_in(other) if other is not None else ():
            if name not in (*names, *variables, by):
                raise CalcError(f"the {what} has {name}, which does not occur in the expression")
    result = ClaimCheck(tree, claimed, by, seconds, where=condition).result([point.numbers() for point in at])
    where_read_as = None if condition is None else unparse(condition)
    return Check(expr, claim, by, unparse(tree), unparse(claimed), result, versions(), where_read_as)


OF_NUMBERS = "a claim is about the derivative of one number by another"


def claimed_tree(text: str, variables: Sequence[str]) -> Node:
    """The tree of a claim; a condition, `x > 0`, is 1 where it holds and 0 elsewhere.

    Raises `CalcError` for what cannot be read, and for arrays.
    """
    tree = interpret(text, variables, condition=True).tree
    if is_condition(tree):
        tree = Call("where", (tree, Number("1"), Number("0")), tree.span)
    require_no_arrays(tree, OF_NUMBERS)
    return tree


def condition_tree(text: str, variables: Sequence[str]) -> Node:
    """The tree of a condition.  Raises `CalcError` for what is none."""
    condition = interpret(text, variables, condition=True).tree
    if not is_condition(condition):
        raise CalcError(f"{text} is not a condition", hint='such as --where "x > 0"')
    require_no_arrays(condition, OF_NUMBERS)
    return condition
