"""Derivatives along directions, as derivatives of another expression.

A Jacobian-vector product J v is the derivative of f(x + t*v) by t at t = 0; a vector-Jacobian product u J is the gradient of
the sum of u*f.  So both have a formula, a program of torch's and a proof like every other derivative.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gradcalc.expression.tree import Call, Name, Node, replace_leaves


def restrict_to_line(tree: Node, directions: Mapping[str, Node], parameter: str) -> Node:
    """An expression on the line x + parameter*direction."""

    def leaf(node: Node) -> Node:
        if not isinstance(node, Name) or node.name not in directions:
            return node
        step = Call("*", (Name(parameter, node.span), directions[node.name]), node.span)
        return Call("+", (node, step), node.span)

    return replace_leaves(tree, leaf)


def contract_with_cotangent(tree: Node, cotangent: Node) -> Node:
    """The sum of the entries of an expression, each times its entry of the cotangent."""
    return Call("sum", (Call("*", (cotangent, tree), tree.span),), tree.span)


def fresh_name(names: Collection[str]) -> str:
    """A name for the parameter of a line that is not taken."""
    return next(name for name in ("t", "s", "r", *(f"t{k}" for k in range(len(names) + 1))) if name not in names)
