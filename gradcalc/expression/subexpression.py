"""Replace a subexpression by a variable: an expression as a function of one of its parts.

Comes in: a tree, a part, a name.  Goes out: the tree with the name wherever the part stands, also among other terms of a sum
or factors of a product, in any order: of `2*x*y`, the part `y*x`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TypeVar

from gradcalc.expression.tree import Call, Name, Node, factors, fold, terms

_SUMS = ("+", "-")
T = TypeVar("T")


def substitute(tree: Node, part: Node, name: str) -> Node:
    """Replace a subexpression by a variable wherever it occurs."""
    variable = Name(name)
    own_terms, own_factors = _terms(part), factors(part)

    def call(node: Call, args: list[Node]) -> Node:
        rebuilt = Call(node.name, tuple(args), node.span, node.options)
        if rebuilt == part:
            return variable
        if node.name in _SUMS and len(own_terms) > 1:
            return _in_sum(rebuilt, own_terms, variable)
        if node.name == "*" and len(own_factors) > 1:
            return _in_product(rebuilt, own_factors, variable)
        return rebuilt

    return fold(tree, lambda leaf: variable if leaf == part else leaf, call)


def _in_sum(sum_: Call, part: Sequence[tuple[int, Node]], name: Name) -> Node:
    for sign in (1, -1):
        rest = _without(_terms(sum_), [(sign * own, term) for own, term in part])
        if rest is not None:
            return reduce(lambda total, term: Call("+" if term[0] > 0 else "-", (total, term[1])), rest, _signed(sign, name))
    return sum_


def _in_product(product: Call, part: Sequence[Node], name: Name) -> Node:
    rest = _without(factors(product), part)
    return product if rest is None else reduce(lambda left, factor: Call("*", (left, factor)), [*rest, name])


def _without(whole: Sequence[T], part: Sequence[T]) -> list[T] | None:
    """What is left of a list without the members of another; None where one of them is missing."""
    left = list(whole)
    for member in part:
        if member not in left:
            return None
        left.remove(member)
    return left


def _signed(sign: int, node: Node) -> Node:
    return node if sign > 0 else Call("neg", (node,))


def _terms(node: Node) -> list[tuple[int, Node]]:
    """The terms of a sum with their signs, also that of the first."""
    (sign, first), *rest = terms(node)
    if isinstance(first, Call) and first.name == "neg":
        sign, first = -sign, first.args[0]
    return [(sign, first), *rest]
