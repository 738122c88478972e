"""A hand-derived derivative, compared with the true one.

Comes in: an expression, the claim, what it is differentiated with respect to, and points if there are some.  Goes out: a
`Check`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gradcalc.calculate.claims.array_claim import ArrayClaim
from gradcalc.calculate.claims.claim_check import ClaimCheck
from gradcalc.calculate.claims.notation import Derivative, Names, require_name_of_expression, sides_of, variable_of_prime
from gradcalc.calculate.claims.results import Check, ClaimOutcome
from gradcalc.calculate.claims.texts import claimed_tree, condition_tree
from gradcalc.calculate.prepared import has_arrays
from gradcalc.calculate.reporting import versions
from gradcalc.errors import CalcError
from gradcalc.expression.printer import unparse
from gradcalc.expression.sizes import letters_in
from gradcalc.expression.tree import Node, names_in, substitute_names
from gradcalc.functions.resolve import understand
from gradcalc.functions.shapes import has_shapes
from gradcalc.inputs.shape_inference import infer_shapes
from gradcalc.inputs.shapes import check_shapes
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
    shapes: Shapes | None = None,
    seconds: float = DEFAULT_SECONDS,
) -> Check:
    """Compare a claim with the derivative of an expression; `where` is the condition under which it is meant.

    The claim may have a left side, `dL/dw = ...` or `f'(x) = ...`, which says what the derivative is with respect to.
    Arrays need a point, which gives them their shapes; their claims are proven for all values of these shapes.  Or they have
    `shapes`, whose sizes are letters or numbers: then claims are proven for all sizes.  Without either, arrays have the
    shapes that the expression demands.

    Raises `CalcError` for what cannot be read, and for a claim about variables that the expression does not have.
    """
    variables = [*(name for point in at for name in point.values), *([by] if by else [])]
    variables += [] if shapes is None else [*shapes.sizes, *shapes.letters]
    tree = understand(expr, variables)
    if shapes is not None:
        shapes = shapes.completed(tree)
    elif not at and has_shapes(tree) and (inferred := infer_shapes(tree, {})):
        shapes = Shapes(inferred)
    sizes = () if shapes is None else shapes.letters
    variables += sizes
    names = [name for name in names_in(tree) if name not in sizes]
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
    if shapes is not None:
        return _check_shapes(read, (tree, claimed), text, shapes, seconds)
    is_at_arrays = any(value.entries.shape for point in at for value in point.values.values())
    if is_at_arrays or has_arrays(tree) or has_arrays(claimed):
        return _check_arrays(read, (tree, claimed, condition), at, seconds)
    constants = _constants(set(names_in(claimed)) - {*names, by}, at)
    claimed = substitute_names(claimed, constants.get)
    comparison = ClaimCheck(tree, claimed, by, seconds, where=condition)
    result = comparison.result([point.numbers() for point in at])
    return Check(*read, result, versions(), where_read_as)


def _check_arrays(read: _Read, trees: tuple[Node, Node, Node | None], at: Sequence[Point], seconds: float) -> Check:
    """Compare a claim about arrays at points: as a formula of arrays where that proves it, or entry by entry."""
    from gradcalc.calculate.claims.matrix_claim import matrix_claim_at

    tree, claimed, condition = trees
    by, where = read[2], None if condition is None else unparse(condition)
    matrices = None if condition is not None else matrix_claim_at(tree, claimed, by, at)
    proof = None if matrices is None else matrices.result_at(at, seconds)
    if matrices is not None and proof is not None:
        shape, claim_shape = (tuple(map(int, sizes)) for sizes in (matrices.shape, matrices.claim_shape))
        return Check(*read, proof[0], versions(), where, shape, claim_shape, proof[1])
    arrays = ArrayClaim(tree, claimed, by, at, condition)
    result, entries = arrays.result(seconds)
    if matrices is not None and result.outcome is ClaimOutcome.WRONG and result.mistake is None:
        cause, mistake = matrices.mistake(seconds) or (result.cause, None)
        why = f"{result.why}; likely: {mistake}" if mistake else result.why
        result = replace(result, cause=cause, mistake=mistake, why=why)
    return Check(*read, result, versions(), where, arrays.shape, arrays.claims.shape, entries)


_Read = tuple[str, str, str, str, str]
"""Expression and claim as they are typed, the variable, and both as they were read."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """The sizes of variables, letters or numbers, and the names of which something is assumed."""

    sizes: Mapping[str, Sequence[str]]
    assumptions: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def letters(self) -> tuple[str, ...]:
        """The sizes that are letters."""
        return letters_in(self.sizes.values())

    def completed(self, tree: Node) -> Shapes:
        """These shapes with those that an expression demands of other variables."""
        return replace(self, sizes={**self.sizes, **infer_shapes(tree, self.sizes)})


def _check_shapes(read: _Read, trees: tuple[Node, Node], text: str, shapes: Shapes, seconds: float) -> Check:
    """Compare a claim, whose right side is `text`, without values.  Raises `CalcError` for shapes that do not fit."""
    from gradcalc.calculate.claims.matrix_claim import matrix_claim

    (tree, claimed), by = trees, read[2]
    if by not in names_in(tree):
        raise CalcError(f"{by} is not a variable of the expression", hint=f"choose from {', '.join(names_in(tree))}")
    try:
        check_shapes(tree, shapes.sizes)
    except CalcError as error:
        raise error.within(read[0]) from None
    try:
        matrices = matrix_claim(tree, claimed, by, shapes.sizes, shapes.assumptions)
    except CalcError as error:
        raise error.within(text) from None
    result, entries = matrices.result(seconds)
    formula = None if result.outcome is ClaimOutcome.RIGHT else matrices.formula(seconds)
    return Check(*read, result, versions(), None, matrices.shape, matrices.claim_shape, entries, formula)


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
