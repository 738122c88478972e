"""Texts of claims and conditions, as trees of numbers.

Comes in: text, and names that are variables whatever else they mean.  Goes out: a tree.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradcalc.calculate.prepared import require_no_arrays
from gradcalc.errors import CalcError
from gradcalc.expression.tree import Call, Node, Number
from gradcalc.functions.resolve import interpret, is_condition

OF_NUMBERS = "a claim is about the derivative of one number by another"


def claimed_tree(text: str, variables: Sequence[str], *, arrays: bool = False) -> Node:
    """The tree of a claim; a condition, `x > 0`, is 1 where it holds and 0 elsewhere.

    Raises `CalcError` for what cannot be read, and unless they are allowed, for arrays.
    """
    tree = interpret(text, variables, condition=True).tree
    if is_condition(tree):
        tree = Call("where", (tree, Number("1"), Number("0")), tree.span)
    if not arrays:
        require_no_arrays(tree, OF_NUMBERS)
    return tree


def condition_tree(text: str, variables: Sequence[str]) -> Node:
    """The tree of a condition.  Raises `CalcError` for what is none."""
    condition = interpret(text, variables, condition=True).tree
    if not is_condition(condition):
        raise CalcError(f"{text} is not a condition", hint='such as --where "x > 0"')
    require_no_arrays(condition, OF_NUMBERS)
    return condition
