"""A hand-derived derivative, compared with the true one.

Comes in: an expression, the claim, what it is differentiated with respect to, and points if there are some.  Goes out: a
`Check`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from gradcalc.calculate.claims.array_claim import ArrayClaim
from gradcalc.calculate.claims.claim_check import ClaimCheck
from gradcalc.calculate.claims.notation import Derivative, Names, require_name_of_expression, sides_of, variable_of_prime
from gradcalc.calculate.claims.results import Check
from gradcalc.calculate.claims.texts import claimed_tree, condition_tree
from gradcalc.calculate.prepared import has_arrays
from gradcalc.calculate.reporting import versions
from gradcalc.errors import CalcError
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Node, names_in, substitute_names
from gradcalc.functions.resolve import understand
from gradcalc.inputs.values import Point
from gradcalc.proof.claims.equality import is_same
from gradcalc.runtime.deadline import DEFAULT_SECONDS


def check(
    expr: str,
    claim: str,
    *,
    by: str | None = None,
    at: Sequence[Point] = (),
    where: str | None = None,
    seconds: float = DEFAULT_SECONDS,
) -> Check:
    """Compare a claim with the derivative of an expression; `where` is the condition under which it is meant.

    The claim may have a left side, `dL/dw = ...` or `f'(x) = ...`, which says what the derivative is with respect to.
    Arrays need a point, which gives them their shapes; their claims are proven for all values of these shapes.

    Raises `CalcError` for what cannot be read, and for a claim about variables that the expression does not have.
    """
    variables = [*(name for point in at for name in point.values), *([by] if by else [])]
    tree = understand(expr, variables)
    names = names_in(tree)
    text, by = _without_left_side(claim, tree, by, {*names, *variables})
    variables += [by] if by else []
    claimed = claimed_tree(text, variables, arrays=True)
    condition = None if where is None else condition_tree(where, variables)
    if by is None and len(names) > 1:
        raise CalcError(f"the expression has several variables: {', '.join(names)}", hint=f"choose one with --by {names[0]}")
    by = by or (*names, *names_in(claimed), "x")[0]
    for what, other in (("claim", claimed), ("condition", condition)):
        for name in names_in(other) if other is not None else ():
            if name not in (*names, *variables, by):
                raise CalcError(f"the {what} has {name}, which does not occur in the expression")
    where_read_as = None if condition is None else unparse(condition)
    read = expr, claim, by, unparse(tree), unparse(claimed)
    is_at_arrays = any(value.entries.shape for point in at for value in point.values.values())
    if is_at_arrays or has_arrays(tree) or has_arrays(claimed):
        arrays = ArrayClaim(tree, claimed, by, at, condition)
        result, entries = arrays.result(seconds)
        return Check(*read, result, versions(), where_read_as, arrays.shape, arrays.claims.shape, entries)
    constants = _constants(set(names_in(claimed)) - {*names, by}, at)
    claimed = substitute_names(claimed, constants.get)
    comparison = ClaimCheck(tree, claimed, by, seconds, where=condition)
    result = comparison.result([point.numbers() for point in at])
    return Check(*read, result, versions(), where_read_as)


def _constants(names: Collection[str], at: Sequence[Point]) -> dict[str, Node]:
    """The values of names that only the claim has, such as n; none of a name whose value is not the same at all points."""
    values = {name: [point.numbers()[name] for point in at if name in point.values] for name in names}
    return {name: trees[0] for name, trees in values.items() if trees and all(tree == trees[0] for tree in trees)}


_UNDERSCORED = re.compile(r"\s*d(\w+?)_d(\w+)\s*")


def _without_left_side(claim: str, tree: Node, by: str | None, known: Collection[str]) -> tuple[str, str | None]:
    """The right side of a claim, and the variable that its left side names, if it has one.

    Raises `CalcError` for a left side that is about something else, or can be read in two ways.
    """
    names = names_in(tree)

    def prime(name: str) -> str:
        return variable_of_prime(name, [by] if by else names or ["x"])

    left, *rest = sides_of(claim, Names(known, prime))
    if len(rest) > 1 or any(side.derivatives for side in (rest or [left])):
        hint = 'give it as a line, --line "df/dx = ..."'
        raise CalcError("the claim uses derivatives or is a chain of equations", hint=hint)
    underscored = _UNDERSCORED.fullmatch(left.text)
    if not rest:
        return claim, by
    (right,) = rest
    derivative = left.derivative
    if derivative is None and underscored and underscored[2] in known and left.text.strip() not in known:
        derivative = Derivative(underscored[1], underscored[2])
    if derivative is None:
        return claim, by  # the grammar leaves out `y =`
    if derivative.is_text:
        _require_same(understand(derivative.of, known), tree)
    else:
        require_name_of_expression(derivative, names)
    if by is not None and by != derivative.by:
        message = f"the claim is the derivative with respect to {derivative.by}, and --by is {by}"
        raise CalcError(message, hint="leave --by out")
    return right.text.strip(), derivative.by


def _require_same(operand: Node, tree: Node) -> None:
    """Raise `CalcError` for the derivative of another expression; arrays must be written alike."""
    if operand != tree and (has_arrays(operand) or has_arrays(tree) or not is_same(operand, tree)):
        raise CalcError(
            f"the claim is the derivative of {unparse(operand)}, and the expression is {unparse(tree)}",
            hint="check one expression at a time",
        )
