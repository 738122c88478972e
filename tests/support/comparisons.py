"""A claim compared with the derivative at points, without the search for a proof."""

from __future__ import annotations

from collections.abc import Sequence

from gradcalc.expression.tree import Node
from gradcalc.proof.claims.comparison import Comparison, ComparisonPoint
from gradcalc.proof.claims.sampling import Point


def comparison_points(tree: Node, claim: Node, by: str, at: Sequence[Point]) -> list[ComparisonPoint]:
    """The points where the derivative exists and the claim has a value: the given ones, and others.

    If the claim has no value at any of them, one where it has none.  Raises `MissingValues` for an incomplete point.
    """
    comparison = Comparison(tree, claim, by)
    comparison.run(at, closely=False)
    return comparison.points or comparison.undefined[:1]
