"""Whether two expressions are the same function, as far as points tell: no verdict rests on it.

Comes in: two trees.  Goes out: whether they have the same value wherever both are looked at.
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
"""Random points before those along the lines, points that are compared, and random points that are tried."""


def is_same(one: Node, other: Node) -> bool:
    """Whether two expressions have the same value wherever both are looked at."""
    names = sorted({*names_in(one), *names_in(other)})
    found = 0
    for point in _different(Sampling([one, other], names, {}), names):
        try:
            values = [value_of(ExpressionAt(tree, exact(point))) for tree in (one, other)]
        except reals.OutOfPrecision:
            continue
        if values[0] is None or values[1] is None:
            continue
        if not reals.agree(values[0], values[1]):
            return False
        found += 1
        if found == _MOST:
            break
    return found > 0


def _different(sampling: Sampling, names: Sequence[str]) -> Iterator[Point]:
    """Random points, and those along the lines through one of them."""
    points = list(sampling.samples(_ATTEMPTS))
    yield from points[:_FIRST]
    for name in names:
        for group in sampling.along(points[0], name):
            yield from group.points
    yield from points[_FIRST:]
