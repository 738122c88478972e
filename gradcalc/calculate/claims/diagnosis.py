"""Why a claim about a derivative is wrong: the mistake people make that leads to its numbers at all points.

Comes in: an expression, and the points where a claim was compared with its derivative.  Goes out: a kind and a sentence that
states the mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradcalc.calculate.claims.mistakes import mistakes
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.at_point import ExpressionAt, is_finite
from gradcalc.engines.taylor.reals import Real
from gradcalc.expression.tree import Node, names_in
from gradcalc.proof.claims.comparison import ComparisonPoint
from gradcalc.proof.smoothness.differentiability import examine
from gradcalc.runtime import deadline

_FIRST = ("inner derivative", "power rule")
"""Mistakes that explain a factor better than its number does."""
_MOST = 5
"""Points at which the claim is wrong, and mistakes are made; a mistake must be right where the claim is, too."""
_LARGEST = 1_000
"""Numerator and denominator of a factor that is worth naming."""


def diagnose(tree: Node, by: str, comparisons: Sequence[ComparisonPoint]) -> tuple[str | None, str]:
    """The kind of the likely mistake, and a sentence; None and an empty text if none is known."""
    comparable = [it for it in comparisons if it.claim is not None]
    if len(comparable) < 2:
        return None, ""
    claims = [it.claim for it in comparable if it.claim is not None]
    whole = _whole(tree, by, comparable, claims)
    candidates = _candidates(
        tree, by, [*[it for it in comparable if not it.same][:_MOST], *[it for it in comparable if it.same][:2]]
    )
    likeliest = next((pair for pair in candidates if pair[0] in _FIRST), None)
    return likeliest or whole or next(iter(candidates), None) or _variable_factor(tree, comparable, claims) or (None, "")


def compare_with_line_above(comparisons: Sequence[ComparisonPoint]) -> tuple[str | None, str]:
    """The mistake between two lines that should be equal: a sign, or a factor."""
    comparable = [it for it in comparisons if it.claim is not None]
    truths, claims = [it.derivative for it in comparable], [it.claim for it in comparable if it.claim is not None]
    if len(comparable) > 1 and _agree([-truth for truth in truths], claims):
        return "sign", "the sign is not that of the line above"
    factor = _factor(truths, claims)
    return (None, "") if factor is None else ("factor", f"this line is {factor} times the line above")


def _candidates(tree: Node, by: str, comparisons: Sequence[ComparisonPoint]) -> list[tuple[str, str]]:
    """The mistakes within the derivation that lead to the numbers of the claim; none if there is no time to make them."""
    claims = [it.claim for it in comparisons if it.claim is not None]
    candidates: list[tuple[str, str]] = []
    try:
        possible = mistakes(tree, by, [it.numbers() for it in comparisons])
        # When the time is over, the mistakes before that count.
        candidates.extend((it.kind, it.why) for it in possible if _agree(it.numbers, claims))
    except (deadline.OutOfTime, reals.OutOfPrecision, reals.Unresolved, reals.NotReal):
        pass
    return candidates


def _agree(numbers: Iterable[Real | None], claims: Iterable[Real]) -> bool:
    pairs = zip(numbers, claims, strict=True)
    # A ball without bounds would agree with everything.
    return all(it is not None and is_finite(it) and is_finite(other) and reals.agree(it, other) for it, other in pairs)


def _whole(tree: Node, by: str, comparisons: Sequence[ComparisonPoint], claims: Sequence[Real]) -> tuple[str, str] | None:
    """A mistake with the derivative as a whole."""
    truths = [it.derivative for it in comparisons]
    if _agree([-truth for truth in truths], claims):
        return "sign", "the sign of the whole derivative is wrong"
    factor = _factor(truths, claims)
    if factor is not None:
        return "factor", f"the claim is {factor} times the derivative"
    with reals.precision(2 * reals.START_BITS):
        degree = reals.pi() / 180
        if any(_agree([truth * each for truth in truths], claims) for each in (degree, 1 / degree)):
            return "degrees", "degrees were used instead of radians: the claim is off by a factor pi/180"
    if _agree([it.value for it in comparisons], claims):
        return "not differentiated", "the expression was not differentiated: the claim is the expression itself"
    for other in names_in(tree):
        if other != by and _agree((examine(ExpressionAt(tree, it.at), [other]).derivative for it in comparisons), claims):
            return "wrong variable", f"the derivative was taken with respect to {other} instead of {by}"
    return None


def _variable_factor(tree: Node, comparisons: Sequence[ComparisonPoint], claims: Sequence[Real]) -> tuple[str, str] | None:
    """The variable that the claim has as a factor, or as a divisor, too many."""
    points = [it.numbers() for it in comparisons]
    for name in names_in(tree):
        numbers = [point[name] for point in points]
        if _agree([it.derivative * number for it, number in zip(comparisons, numbers, strict=True)], claims):
            return "factor", f"an extra factor {name}: the claim is {name} times the derivative"
        if _agree([it.derivative for it in comparisons], [one * other for one, other in zip(claims, numbers, strict=True)]):
            return "factor", f"a missing factor {name}: the claim is the derivative divided by {name}"
    return None


def _factor(truths: Sequence[Real], claims: Sequence[Real]) -> str | None:
    """The rational that the claim is times the derivative, everywhere."""
    both = list(zip(truths, claims, strict=True))
    pairs = [(truth, claim) for truth, claim in both if not reals.is_negligible(truth)]
    if len(pairs) < 2 or any(reals.is_negligible(truth) and not reals.is_negligible(claim) for truth, claim in both):
        return None
    with reals.precision(2 * reals.START_BITS):
        truth, claim = pairs[0]
        ratio = reals.ball(claim) / reals.ball(truth)
        if not 1 < abs(ratio) * 2 * _LARGEST < 4 * _LARGEST**2:
            return None
        nearest = reals.to_fraction(ratio).limit_denominator(_LARGEST)
        if nearest == 0 or abs(nearest.numerator) > _LARGEST:
            return None
        exact = reals.exact(nearest)
        return str(nearest) if all(reals.agree(truth * exact, claim) for truth, claim in pairs) else None
