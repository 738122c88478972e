"""A proof of a claim piece by piece: between its breakpoints, an expression of one variable is one formula.

Comes in: an expression, a claim about its derivative, and a point of every piece.  Goes out: whether derivative and claim
are the same rational function in each of them, by exact algebra.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.jets import Condition, Jet
from gradcalc.engines.taylor.reals import Real
from gradcalc.expression.tree import Call, Node, Number, linearize
from gradcalc.proof.claims.breakpoints import expand
from gradcalc.proof.claims.roots import polynomial


def is_derivative(tree: Node, claim: Node, point: Mapping[str, Real]) -> bool:
    """Whether a claim is the derivative of a tree with one name in the piece around a point; False if unknown."""
    with reals.precision(2 * reals.START_BITS):
        try:
            formula, slope = (polynomial(branch(each, point)) for each in (tree, claim))
        except (reals.Unresolved, reals.NotReal, reals.OutOfPrecision):
            return False
    if formula is None or slope is None:
        return False
    (above, below), (one, other) = formula, slope
    return bool((above.derivative() * below - above * below.derivative()) * other == one * below * below)


def branch(tree: Node, point: Mapping[str, Real]) -> Node:
    """The formula of a tree near a point that is not a breakpoint."""
    program = linearize(expand(tree))
    values = evaluate.evaluate_all(program, point, 0, evaluate.no_constants)
    nodes: list[Node] = []
    for node, places, _ in zip(program.nodes, program.operands, values, strict=True):
        args = [nodes[place] for place in places]
        nodes.append(_select_case(node, args, [values[place] for place in places]) if isinstance(node, Call) else node)
    return nodes[-1]


def _select_case(node: Call, args: list[Node], values: list[Jet | Condition]) -> Node:
    """A call near a point; of a piecewise function, its case there."""
    match node.name:
        case "where":
            return args[1] if cast("Condition", values[0]).holds else args[2]
        case "max" | "min":
            direction = 1 if node.name == "max" else -1
            best = 0
            for place in range(1, len(args)):
                if reals.sign(_value(values[place]) - _value(values[best])) == direction:
                    best = place
            return args[best]
        case "abs":
            return args[0] if reals.sign(_value(values[0])) > 0 else Call("neg", (args[0],))
        case "sign" | "heaviside":
            is_above = reals.sign(_value(values[0])) > 0
            below: Node = Call("neg", (Number("1"),)) if node.name == "sign" else Number("0")
            return Number("1") if is_above else below
    return Call(node.name, tuple(args), node.span, node.options)


def _value(value: Jet | Condition) -> Real:
    return cast("Jet", value).value
