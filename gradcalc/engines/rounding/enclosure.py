"""A rounding bound for a gradient, at many points at once: weaker than the proof, and a thousand times faster.

Comes in: a tree, and what torch received for its variables and constants.  Goes out: for the value and for each partial an
interval that holds the true number, and every number that a machine may return which computes each elementary step and its
slope to `steps` units in the last place of the format, in any order of the chain rule.

What torch received may be half a unit away from what was typed, on the other side of a seam: both are inside.

It knows neither sympy's formula nor the program that ran.  A number outside of its interval is wrong, or was computed by
a formula that loses more digits than these; a number inside is right as far as the interval is narrow.  Where a function
has no bound here (the gamma family, Bessel functions), or the point is on a seam, nothing is known: not a number.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

import torch

from gradcalc.engines.rounding.dual_intervals import ONE, ZERO, DualInterval
from gradcalc.engines.rounding.functions import IntervalVocabulary
from gradcalc.engines.rounding.intervals import Interval, Rounding, exactly
from gradcalc.expression.tree import Call, Name, Node, Number, linearize
from gradcalc.functions import TABLE

_STEPS = 8
_CUSTOM_KERNELS = ("activations", "losses")
"""Groups whose functions torch computes by formulas of its own, with terms of the size of one."""


def enclose(
    tree: Node,
    values: Mapping[str, float | torch.Tensor],
    constants: Mapping[str, float],
    moving: Collection[str],
    *,
    precision: int,
    lowest: int,
) -> tuple[Interval, dict[str, Interval]]:
    """The value and its first partials by the names in `moving`; `values` are numbers, or float64 tensors of one shape.

    The format the machine rounds to has `precision` bits, and 2**`lowest` as its smallest normal number.
    """
    rounding = Rounding(precision, lowest, _steps(tree))
    vocabulary = IntervalVocabulary(rounding)

    def leaf(node: Number | Name) -> DualInterval:
        if isinstance(node, Name):
            slopes = {node.name: ONE} if node.name in moving else {}
            return DualInterval(rounding, rounding.input(values[node.name]), slopes)
        # The numbers of a function's own, which torch was not given, mean themselves.
        constant = constants[node.text] if node.text in constants else float(node.value)
        is_exact = Fraction(constant) == node.value if math.isfinite(constant) else False
        return DualInterval(rounding, exactly(constant) if is_exact else rounding.input(constant), {})

    def call(node: Call, args: list[Any]) -> Any:
        if not args and node.name in constants:
            return DualInterval(rounding, rounding.input(constants[node.name]), {})
        row = TABLE[node.name]
        result = row.meaning(vocabulary, *args)
        return result.widened_for_custom_kernel(args) if row.group in _CUSTOM_KERNELS else result

    result = linearize(tree).evaluate(leaf, call)[-1]
    return result.value, {name: result.slopes.get(name, ZERO) for name in moving}


def _steps(tree: Node) -> int:
    """Units in the last place for every operation.

    The backward pass multiplies from the other end and adds up where a variable is used: on a path through the tree that
    is two roundings a level and one a use, beside those of the operations themselves.
    """
    depth: dict[int, int] = {}
    uses: dict[str, int] = {}
    for node in linearize(tree).nodes:
        if isinstance(node, Call):
            depth[id(node)] = 1 + max((depth.get(id(arg), 0) for arg in node.args), default=0)
        elif isinstance(node, Name):
            uses[node.name] = uses.get(node.name, 0) + 1
    return _STEPS + 2 * depth.get(id(tree), 0) + max(uses.values(), default=0)
