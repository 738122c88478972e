"""Stable forms: the same function written so that fewer digits are lost.

Comes in: a tree.  Goes out: trees of the same function, each with one pattern replaced everywhere.  Whether a form
is more accurate at a point is for the caller to measure.

Sources: N. J. Higham, "Accuracy and Stability of Numerical Algorithms", ch. 1; the notes of torch's own stable functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from gradcalc.expression.tree import Call, Name, Node, Number, calls_in, fold, replace_leaves
from gradcalc.functions.resolve import understand
from gradcalc.runtime import deadline

# In patterns A and B stand for any expression; sums and products match in either order.
_REWRITES = (
    ("-(B*log(sigmoid(A)) + (1 - B)*log(1 - sigmoid(A)))", "binary_cross_entropy_with_logits(A, B)"),
    ("binary_cross_entropy(sigmoid(A), B)", "binary_cross_entropy_with_logits(A, B)"),
    ("log(1 - sigmoid(A))", "logsigmoid(-A)"),
    ("log(sigmoid(A))", "logsigmoid(A)"),
    ("log(1/(1 + exp(-A)))", "logsigmoid(A)"),
    ("log(exp(A) + exp(B))", "logaddexp(A, B)"),
    ("log(1 + exp(A))", "logaddexp(A, 0)"),
    ("log(cosh(A))", "logaddexp(A, -A) - log(2)"),
    ("log(exp(A))", "A"),
    ("log(gamma(A))", "lgamma(A)"),
    ("log(A/(1 - A))", "logit(A)"),
    ("log(1 + A)", "log1p(A)"),
    ("log(1 - A)", "log1p(-A)"),
    ("exp(A) - 1", "expm1(A)"),
    ("exp(A)/(1 + exp(A))", "sigmoid(A)"),
    ("1/(1 + exp(-A))", "sigmoid(A)"),
    ("1 - sigmoid(A)", "sigmoid(-A)"),
    ("1 - erf(A)", "erfc(A)"),
    ("1 - cos(A)", "2*sin(A/2)**2"),
    ("1 - tanh(A)**2", "sech(A)**2"),
    ("sqrt(A**2 + B**2)", "hypot(A, B)"),
    ("sqrt(A*A + B*B)", "hypot(A, B)"),
    ("sqrt(A + 1) - sqrt(A)", "1/(sqrt(A + 1) + sqrt(A))"),
    ("A**2 - B**2", "(A - B)*(A + B)"),
)
_METAVARIABLES = ("A", "B")
_COMMUTATIVE = ("+", "*")


@cache
def _rules() -> tuple[tuple[Node, Node], ...]:
    return tuple((understand(pattern, _METAVARIABLES), understand(form, _METAVARIABLES)) for pattern, form in _REWRITES)


def rewrites(tree: Node) -> Iterator[Node]:
    """Rewrites of a tree, the more specific first.  Raises `OutOfTime`."""
    names = {node.name for node in calls_in(tree)}
    for pattern, form in _rules():
        if _names(pattern) <= names:
            rewrite = _replace_pattern(tree, pattern, form)
            if rewrite is not tree:
                yield rewrite


@cache
def _names(pattern: Node) -> frozenset[str]:
    return frozenset(node.name for node in calls_in(pattern))


def _replace_pattern(tree: Node, pattern: Node, form: Node) -> Node:
    """A tree with a pattern replaced wherever it stands; the tree itself where it stands nowhere."""

    def call(node: Call, args: list[Node]) -> Node:
        deadline.check()
        is_same = all(new is old for new, old in zip(args, node.args, strict=True))
        rebuilt = node if is_same else Call(node.name, tuple(args), node.span, node.options)
        bindings = next(_matches(pattern, rebuilt, {}), None)
        if bindings is None:
            return rebuilt
        return replace_leaves(form, lambda leaf: bindings[leaf.name] if isinstance(leaf, Name) else leaf)

    return fold(tree, lambda leaf: leaf, call)


def _matches(pattern: Node, node: Node, bindings: dict[str, Node]) -> Iterator[dict[str, Node]]:
    """All ways in which a pattern stands at a node."""
    if isinstance(pattern, Name):
        if bindings.get(pattern.name, node) == node:
            yield {**bindings, pattern.name: node}
    elif isinstance(pattern, Number):
        if isinstance(node, Number) and node.value == pattern.value:
            yield bindings
    elif isinstance(node, Call) and node.name == pattern.name and len(node.args) == len(pattern.args):
        orders = [node.args, node.args[::-1]] if node.name in _COMMUTATIVE else [node.args]
        for args in orders:
            ways = [bindings]
            for part, arg in zip(pattern.args, args, strict=True):
                ways = [more for way in ways for more in _matches(part, arg, way)]
            yield from ways
