"""Whether two expressions are the same function, by sampling: no verdict rests on it.

Comes in: two trees.  Goes out: whether they have the same value at all sampled points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.expression.tree import Node, names_in
from gradcalc.proof.claims.comparison import exact
from gradcalc.proof.claims.sampling import Point, Sampling
from gradcalc.proof.smoothness.differentiability import value_of

_FIRST, _MOST, _ATTEMPTS = 12, 36, 100
"""Random points before those along lines; compared points, at most; random points, at most."""


def is_same(one: Node, other: Node) -> bool:
    """Whether two expressions have the same value at the sampled points where both have one."""
    names = sorted({*names_in(one), *names_in(other)})
    count = 0
    for point in _points(Sampling([one, other], names, {}), names):
        try:
            values = [value_of(ExpressionAt(tree, exact(point))) for tree in (one, other)]
        except reals.OutOfPrecision:
            continue
        if values[0] is None or values[1] is None:
            continue
        if not reals.agree(values[0], values[1]):
            return False
        count += 1
        if count == _MOST:
            break
    return count > 0


def _points(sampling: Sampling, names: Sequence[str]) -> Iterator[Point]:
    """Random points, and those along the lines through one of them."""
    points = list(sampling.samples(_ATTEMPTS))
    yield from points[:_FIRST]
    for name in names:
        for group in sampling.along(points[0], name):
            yield from group.points
    yield from points[_FIRST:]
