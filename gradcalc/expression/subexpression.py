"""A part of an expression under a name of its own: an expression as a function of the part.

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


def with_part(tree: Node, part: Node, name: str) -> Node:
    """A tree in which a part is called by a name."""
    found = Name(name)
    own_terms, own_factors = _terms(part), factors(part)

    def call(node: Call, args: list[Node]) -> Node:
        made = Call(node.name, tuple(args), node.span, node.options)
        if made == part:
            return found
        if node.name in _SUMS and len(own_terms) > 1:
            return _in_sum(made, own_terms, found)
        if node.name == "*" and len(own_factors) > 1:
            return _in_product(made, own_factors, found)
        return made

    return fold(tree, lambda leaf: found if leaf == part else leaf, call)


def _in_sum(made: Call, part: Sequence[tuple[int, Node]], name: Name) -> Node:
    for sign in (1, -1):
        rest = _without(_terms(made), [(sign * own, term) for own, term in part])
        if rest is not None:
            return reduce(lambda sum_, term: Call("+" if term[0] > 0 else "-", (sum_, term[1])), rest, _signed(sign, name))
    return made


def _in_product(made: Call, part: Sequence[Node], name: Name) -> Node:
    rest = _without(factors(made), part)
    return made if rest is None else reduce(lambda product, factor: Call("*", (product, factor)), [*rest, name])


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
