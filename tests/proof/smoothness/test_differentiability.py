"""What an expression is like at a point: the kind of trouble, and the derivatives from both sides."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from flint import ctx
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcalc.engines.taylor.at_point import ExpressionAt, polarize
from gradcalc.engines.taylor.reals import OutOfPrecision, Real, ball, exact
from gradcalc.expression.tree import names_in
from gradcalc.functions.resolve import understand
from gradcalc.inputs.points import read_at
from gradcalc.inputs.values import value_tree
from gradcalc.proof.smoothness.differentiability import Side, examine, value_of
from gradcalc.proof.smoothness.kinds import NOT_DIFFERENTIABLE, UNDEFINED, Kind


def site(expr: str, at: str) -> ExpressionAt:
    """An expression at a typed point: `x=pi, y=-1`."""
    named, _ = read_at([at])
    return ExpressionAt(understand(expr, named), {name: value_tree(name, text) for name, text in named.items()})


def is_number(found: Side, text: str | None) -> bool:
    """Whether a side is what a constant expression says: to 30 digits, `inf`, `-inf`, or None for none."""
    if text is None or found is None:
        return text is found
    if text.lstrip("-") == "inf":
        return isinstance(found, float) and found == float(text)
    if isinstance(found, float):
        return False
    expected = value_of(ExpressionAt(understand(text), {}))
    assert expected is not None
    with ctx.workprec(256):
        return bool(abs(ball(found) - expected) <= exact(Fraction(1, 10**30)) * (1 + abs(ball(expected))))


# An expression, where, by what; the kind, the derivative from the left and from the right (where they are one number, it is
# the derivative), as constant expressions.
CASES: list[tuple[str, str, str, str, str | None, str | None]] = [
    # regular
    ("abs(x)", "x=1", "x", "regular", "1", "1"),
    ("abs(x)", "x=0", "y", "regular", "0", "0"),
    ("sqrt(x**2)", "x=-3", "x", "regular", "-1", "-1"),
    ("(x**2)**0.5", "x=-3", "x", "regular", "-1", "-1"),
    ("x**2.0", "x=0", "x x", "regular", "2", "2"),
    ("x**(4/2)", "x=-1", "x", "regular", "-2", "-2"),
    ("x**0", "x=0", "x", "regular", "0", "0"),
    ("0**x", "x=1", "x", "regular", "0", "0"),
    ("x**y", "x=0, y=2", "x", "regular", "0", "0"),
    ("x**y", "x=0, y=2", "y", "regular", "0", "0"),
    ("x**y", "x=-2, y=3", "x", "regular", "12", "12"),
    ("cbrt(x)", "x=-8", "x", "regular", "1/12", "1/12"),
    ("sinc(x)", "x=0", "x", "regular", "0", "0"),
    ("sinc(x)", "x=0", "x x", "regular", "-1/3", "-1/3"),
    ("floor(x)", "x=2.5", "x", "regular", "0", "0"),
    ("trunc(x)", "x=0", "x", "regular", "0", "0"),
    ("round(x)", "x=1", "x", "regular", "0", "0"),
    ("frac(x)", "x=0", "x", "regular", "1", "1"),
    ("fmod(x, 3)", "x=0", "x", "regular", "1", "1"),
    ("log(abs(x))", "x=-1", "x", "regular", "-1", "-1"),
    ("xlogy(x, 2)", "x=0", "x", "regular", "log(2)", "log(2)"),
    ("atan2(x, y)", "x=0, y=1", "x", "regular", "1", "1"),
    ("atan2(x, y)", "x=0, y=-1", "y", "regular", "0", "0"),
    ("hypot(x, y)", "x=0, y=1", "x", "regular", "0", "0"),
    ("sqrt(x**2 + 1e-30)", "x=0", "x", "regular", "0", "0"),
    ("logaddexp(x, 0)", "x=0", "x", "regular", "1/2", "1/2"),
    ("gelu(x)", "x=0", "x", "regular", "1/2", "1/2"),
    ("binary_cross_entropy(p, 1)", "p=1", "p", "regular", "-1", "-1"),
    ("abs(x*y)", "x=0, y=0", "x x", "regular", "0", "0"),
    ("sign(0*x/(1 + x))", "x=0", "x", "regular", "0", "0"),
    ("sqrt(trunc(x))", "x=0.5", "x", "regular", "0", "0"),
    ("x**(log(8)/log(2))", "x=-2", "x", "regular", "12", "12"),
    ("where(x > 0, log(x), x)", "x=-2", "x", "regular", "1", "1"),
    ("where(x > 0, sqrt(x), 0)", "x=-1", "x", "regular", "0", "0"),
    ("besselj(n, x)", "n=1, x=2", "x", "regular", "(besselj(0, 2) - besselj(2, 2))/2", "(besselj(0, 2) - besselj(2, 2))/2"),
    # smooth through a seam
    ("relu(x) - relu(-x)", "x=0", "x", "smooth", "1", "1"),
    ("abs(x)*x", "x=0", "x", "smooth", "0", "0"),
    ("abs(x)*abs(x)", "x=0", "x", "smooth", "0", "0"),
    ("abs(x)**2", "x=0", "x x", "smooth", "2", "2"),
    ("abs(x)**3", "x=0", "x x", "smooth", "0", "0"),
    ("abs(x)*x**2", "x=0", "x x", "smooth", "0", "0"),
    ("abs(x)**1.5", "x=0", "x", "smooth", "0", "0"),
    ("abs(x)**2.5", "x=0", "x x", "smooth", "0", "0"),
    ("abs(x) + abs(-x) - 2*abs(x)", "x=0", "x", "smooth", "0", "0"),
    ("abs(exp(x) - 1 - x)", "x=0", "x x", "smooth", "1", "1"),
    ("cos(abs(x))", "x=0", "x x", "smooth", "-1", "-1"),
    ("sqrt(x**4)", "x=0", "x", "smooth", "0", "0"),
    ("sqrt(x**4)", "x=0", "x x", "smooth", "2", "2"),
    ("cbrt(x)**3", "x=0", "x", "smooth", "1", "1"),
    ("cbrt(x**3)", "x=0", "x", "smooth", "1", "1"),
    ("cbrt(x**5)", "x=0", "x", "smooth", "0", "0"),
    ("max(x, y)**2", "x=0, y=0", "x", "smooth", "0", "0"),
    ("max(x, y) + min(x, y)", "x=1, y=1", "x", "smooth", "1", "1"),
    ("max(x, y)*min(x, y)", "x=1, y=1", "x", "smooth", "1", "1"),
    ("min(exp(x), 1 + x)", "x=0", "x", "smooth", "1", "1"),
    ("x**2*sign(x)", "x=0", "x", "smooth", "0", "0"),
    ("x**2*floor(x)", "x=0", "x", "smooth", "0", "0"),
    ("floor(x**2)", "x=0", "x", "smooth", "0", "0"),
    ("clamp(x, 0, 0)", "x=0", "x", "smooth", "0", "0"),
    ("where(x > 0, x, x)", "x=0", "x", "smooth", "1", "1"),
    ("where(x == 0, 0, x)", "x=0", "x", "smooth", "1", "1"),
    ("where(x > 0, x**2, -x**2)", "x=0", "x", "smooth", "0", "0"),
    ("where(x < 1, x, x**2/2 + 1/2)", "x=1", "x", "smooth", "1", "1"),
    ("where(x >= 1, x**2, 2*x - 1)", "x=1", "x", "smooth", "2", "2"),
    ("where(x > 0 or y > 0, x*y, 0)", "x=0, y=1", "x", "smooth", "1", "1"),
    ("where(not x > 0, 0, x**2)", "x=0", "x", "smooth", "0", "0"),
    ("where(x != 0, sin(x)/x, 1)", "x=0", "x", "smooth", "0", "0"),
    ("where(x != 0, sin(x)/x, 1)", "x=0", "x x", "smooth", "-1/3", "-1/3"),
    ("where(x == 0, 0, exp(-1/x**2))", "x=0", "x", "smooth", "0", "0"),
    ("where(x == 0, 0, exp(-1/x**2))", "x=0", "x x", "smooth", "0", "0"),
    ("where(x == 0, 0, x**2*sin(1/x))", "x=0", "x", "smooth", "0", "0"),
    ("where(x == 0, 0, x + x/log(abs(x)))", "x=0", "x", "smooth", "1", "1"),
    ("elu(x)", "x=0", "x", "smooth", "1", "1"),
    ("celu(x, 2)", "x=0", "x", "smooth", "1", "1"),
    ("leaky_relu(x, 1)", "x=0", "x", "smooth", "1", "1"),
    ("softsign(x)", "x=0", "x", "smooth", "1", "1"),
    ("huber_loss(x, 0)", "x=1", "x", "smooth", "1", "1"),
    ("smooth_l1_loss(x, 0)", "x=0", "x", "smooth", "0", "0"),
    ("besselj(0, abs(x))", "x=0", "x", "smooth", "0", "0"),
    ("where(sqrt(abs(x)) > 0, x, 5*x)", "x=0", "x", "smooth", "1", "1"),
    ("where(x**20 > 0, x, 5*x)", "x=0", "x", "smooth", "1", "1"),
    ("relu(relu(x)) + min(x, 0)", "x=0", "x", "smooth", "1", "1"),
    ("where(x == 0, 0, x**4*sin(1/x))", "x=0", "x x", "smooth", "0", "0"),
    ("where(x == 0, 0, 3*x + x**2/7 + x**4*sin(1/x))", "x=0", "x x", "smooth", "2/7", "2/7"),
    # kinks
    ("abs(x)", "x=0", "x", "kink", "-1", "1"),
    ("abs(x - 0.1 - 0.2)", "x=0.3", "x", "kink", "-1", "1"),
    ("abs(x - pi)", "x=pi", "x", "kink", "-1", "1"),
    ("abs(sin(x))", "x=pi", "x", "kink", "-1", "1"),
    ("abs(x)*x", "x=0", "x x", "kink", "-2", "2"),
    ("abs(x)**3", "x=0", "x x x", "kink", "-6", "6"),
    ("abs(abs(x) - 1)", "x=1", "x", "kink", "-1", "1"),
    ("exp(abs(x))", "x=0", "x", "kink", "-1", "1"),
    ("log(1 + abs(x))", "x=0", "x", "kink", "-1", "1"),
    ("abs(x)/(1 + abs(x))", "x=0", "x", "kink", "-1", "1"),
    ("cos(sqrt(abs(x)))", "x=0", "x", "kink", "1/2", "-1/2"),
    ("sqrt(x**2)", "x=0", "x", "kink", "-1", "1"),
    ("(x**2)**0.5", "x=0", "x", "kink", "-1", "1"),
    ("sqrt(1 - cos(x))", "x=0", "x", "kink", "-sqrt(1/2)", "sqrt(1/2)"),
    ("sqrt(x**2)*x", "x=0", "x x", "kink", "-2", "2"),
    ("asin(sin(x))", "x=pi/2", "x", "kink", "1", "-1"),
    ("acos(cos(x))", "x=0", "x", "kink", "-1", "1"),
    ("hypot(x, y)", "x=0, y=0", "x", "kink", "-1", "1"),
    ("copysign(x, y)", "x=0, y=1", "x", "kink", "-1", "1"),
    ("relu(x)", "x=0", "x", "kink", "0", "1"),
    ("relu6(x)", "x=6", "x", "kink", "1", "0"),
    ("leaky_relu(x, 0.25)", "x=0", "x", "kink", "1/4", "1"),
    ("prelu(x, w)", "x=0, w=2", "x", "kink", "2", "1"),
    ("elu(x, 2)", "x=0", "x", "kink", "2", "1"),
    ("elu(x)", "x=0", "x x", "kink", "1", "0"),
    ("softsign(x)", "x=0", "x x", "kink", "2", "-2"),
    ("softshrink(x)", "x=0.5", "x", "kink", "0", "1"),
    ("hardtanh(x)", "x=1", "x", "kink", "1", "0"),
    ("hardswish(x)", "x=-3", "x", "kink", "0", "-1/2"),
    ("hardswish(x)", "x=3", "x", "kink", "3/2", "1"),
    ("clamp(x, 0, 1)", "x=1", "x", "kink", "1", "0"),
    ("clamp(x, lo, 1)", "x=0, lo=0", "lo", "kink", "0", "1"),
    ("fdim(x, 1)", "x=1", "x", "kink", "0", "1"),
    ("threshold(x, 1, 1)", "x=1", "x", "kink", "0", "1"),
    ("l1_loss(x, y)", "x=1, y=1", "y", "kink", "-1", "1"),
    ("huber_loss(x, 0)", "x=1", "x x", "kink", "1", "0"),
    ("margin_ranking_loss(x, y, 1)", "x=0, y=0", "x", "kink", "-1", "0"),
    ("max(x, 2*x)", "x=0", "x", "kink", "1", "2"),
    ("max(x, y)", "x=1, y=1", "x", "kink", "0", "1"),
    ("max(x, y, z)", "x=1, y=1, z=1", "z", "kink", "0", "1"),
    ("max(x, y)**2", "x=0, y=0", "x x", "kink", "0", "2"),
    ("max(sin(x), cos(x))", "x=pi/4", "x", "kink", "-sqrt(1/2)", "sqrt(1/2)"),
    ("min(x, x**2)", "x=1", "x", "kink", "2", "1"),
    ("min(max(x, 0), 1)", "x=0", "x", "kink", "0", "1"),
    ("x*floor(x)", "x=0", "x", "kink", "-1", "0"),
    ("x*sign(x)", "x=0", "x", "kink", "-1", "1"),
    ("where(x > 0, x, -x)", "x=0", "x", "kink", "-1", "1"),
    ("where(x <= 1, x, 2 - x)", "x=1", "x", "kink", "1", "-1"),
    ("where(x > 0, x**2, -x**2)", "x=0", "x x", "kink", "-2", "2"),
    ("where(x >= 1, x**2, 2*x - 1)", "x=1", "x x", "kink", "0", "2"),
    ("where(x > 0 and y > 0, x*y, 0)", "x=0, y=1", "x", "kink", "0", "1"),
    ("where(x > 0, x*(2 + 1/log(x)), 0)", "x=0", "x", "kink", "0", "2"),
    ("where(cbrt(x) > 0, x, 2*x)", "x=0", "x", "kink", "2", "1"),
    # jumps
    ("sign(x)", "x=0", "x", "jump", "inf", "inf"),
    ("heaviside(x)", "x=0", "x", "jump", "inf", "inf"),
    ("floor(x)", "x=2", "x", "jump", "inf", "0"),
    ("ceil(x)", "x=2", "x", "jump", "0", "inf"),
    ("trunc(x)", "x=1", "x", "jump", "inf", "0"),
    ("round(x)", "x=0.5", "x", "jump", "0", "inf"),
    ("round(x)", "x=1.5", "x", "jump", "inf", "0"),
    ("round(x)", "x=-0.5", "x", "jump", "inf", "0"),
    ("round(x**2 + 0.5)", "x=0", "x", "jump", "-inf", "inf"),
    ("frac(x)", "x=1", "x", "jump", "-inf", "1"),
    ("remainder(x, 3)", "x=6", "x", "jump", "-inf", "1"),
    ("remainder(x, -3)", "x=6", "x", "jump", "1", "-inf"),
    ("fmod(x, 3)", "x=-6", "x", "jump", "1", "-inf"),
    ("floor(sin(x))", "x=pi/2", "x", "jump", "inf", "-inf"),
    ("hardshrink(x)", "x=0.5", "x", "jump", "0", "inf"),
    ("threshold(x, 1, 2)", "x=1", "x", "jump", "0", "-inf"),
    ("copysign(x, y)", "x=1, y=0", "y", "jump", "inf", "0"),
    ("atan2(y, x)", "y=0, x=-1", "y", "jump", "inf", "-1"),
    ("where(x > 0, x, 2)", "x=0", "x", "jump", "0", "-inf"),
    ("where(x == 0, 1, x)", "x=0", "x", "jump", "inf", "-inf"),
    ("where(x > 0, 1/x, 0)", "x=0", "x", "jump", "0", "inf"),
    ("floor(x**11)", "x=0", "x", "jump", "inf", "0"),
    ("sign(x**11)", "x=0", "x", "jump", "inf", "inf"),
    ("sign(sqrt(abs(x)))", "x=0", "x", "jump", "-inf", "inf"),
    # vertical
    ("max(0, cbrt(x))", "x=0", "x", "vertical", "0", "inf"),
    ("max(0, sqrt(abs(x)))", "x=0", "x", "vertical", "-inf", "inf"),
    ("where(x == 0, 0, 1/log(abs(x)))", "x=0", "x", "vertical", "inf", "-inf"),
    ("cbrt(x)", "x=0", "x", "vertical", "inf", "inf"),
    ("cbrt(x**2)", "x=0", "x", "vertical", "-inf", "inf"),
    ("cbrt(x)**2", "x=0", "x", "vertical", "-inf", "inf"),
    ("sqrt(abs(x))", "x=0", "x", "vertical", "-inf", "inf"),
    ("sqrt(abs(x - 1))", "x=1", "x", "vertical", "-inf", "inf"),
    ("abs(x)**0.5", "x=0", "x", "vertical", "-inf", "inf"),
    ("abs(x)**1.5", "x=0", "x x", "vertical", "inf", "inf"),
    ("abs(x)**2.5", "x=0", "x x x", "vertical", "-inf", "inf"),
    ("where(x > 0, sqrt(x), 0)", "x=0", "x", "vertical", "0", "inf"),
    ("where(x > 0, x*log(x), 0)", "x=0", "x", "vertical", "0", "-inf"),
    # edges of the domain
    ("sqrt(x)", "x=0", "x", "edge", None, "inf"),
    ("sqrt(-x)", "x=0", "x", "edge", "-inf", None),
    ("sqrt(x - 1)", "x=1", "x", "edge", None, "inf"),
    ("sqrt(1 - x**2)", "x=1", "x", "edge", "-inf", None),
    ("sqrt(x**3)", "x=0", "x", "edge", None, "0"),
    ("sqrt(sin(x))", "x=pi", "x", "edge", "-inf", None),
    ("sqrt(x)*sqrt(x)", "x=0", "x", "edge", None, "1"),
    ("cosh(sqrt(x))", "x=0", "x", "edge", None, "1/2"),
    ("x**0.5", "x=0", "x", "edge", None, "inf"),
    ("x**1.5", "x=0", "x", "edge", None, "0"),
    ("x**(1/3)", "x=0", "x", "edge", None, "inf"),
    ("x**pi", "x=0", "x", "edge", None, "0"),
    ("0**x", "x=0", "x", "edge", None, "-inf"),
    ("(-8)**x", "x=2", "x", "edge", None, None),
    ("x**y", "x=-2, y=3", "y", "edge", None, None),
    ("xlogy(x, x)", "x=0", "x", "edge", None, "-inf"),
    ("kl_div(x, t)", "x=0, t=0", "t", "edge", None, "-inf"),
    ("asin(x)", "x=1", "x", "edge", "inf", None),
    ("where(x**1.5 > 0, x, 2*x)", "x=0", "x", "edge", None, "1"),
    ("where(sqrt(x) < 1, x, 2)", "x=0", "x", "edge", None, "1"),
    ("where(not sqrt(x) >= 1, x, 2)", "x=0", "x", "edge", None, "1"),
    ("where(x < 1 or sqrt(x) < 1, x, 2)", "x=0", "x", "edge", None, "1"),
    ("max(x + 1, sqrt(x))", "x=0", "x", "edge", None, "1"),
    ("trunc(sqrt(x))", "x=0", "x", "edge", None, "0"),
    ("floor(2.5 + sqrt(x))", "x=0", "x", "edge", None, "0"),
    ("sign(asin(x))", "x=1", "x", "edge", "0", None),
    ("softshrink(sqrt(x))", "x=0", "x", "edge", None, "0"),
    ("round(xlogy(x, -1))", "x=0", "x", "edge", None, None),
    ("xlogy(0, sqrt(x))", "x=0", "x", "edge", None, "0"),
    ("x**x", "x=0", "x", "edge", None, "-inf"),
    ("x**y", "x=0, y=0", "x", "edge", "0", "0"),
    ("z*x**y", "x=0, y=0, z=2", "z", "regular", "1", "1"),
    ("x**y", "x=0, y=0", "y", "edge", None, "-inf"),
    ("acos(x)", "x=1", "x", "edge", "-inf", None),
    ("acos(x)", "x=-1", "x", "edge", None, "-inf"),
    ("acosh(x)", "x=1", "x", "edge", None, "inf"),
    ("asec(x)", "x=1", "x", "edge", None, "inf"),
    ("acsc(x)", "x=-1", "x", "edge", "-inf", None),
    ("asech(x)", "x=1", "x", "edge", "-inf", None),
    # poles: the slopes beside them
    ("1/x", "x=0", "x", "pole", "-inf", "-inf"),
    ("x**-1", "x=0", "x", "pole", "-inf", "-inf"),
    ("1/x**2", "x=0", "x", "pole", "inf", "-inf"),
    ("1/abs(x)", "x=0", "x", "pole", "inf", "-inf"),
    ("1/(x - 0.1 - 0.2)", "x=0.3", "x", "pole", "-inf", "-inf"),
    ("exp(1/x)", "x=0", "x", "pole", "0", "-inf"),
    ("exp(-1/x)", "x=0", "x", "pole", "inf", "0"),
    ("sin(1/x)", "x=0", "x", "pole", None, None),
    ("tan(x)", "x=pi/2", "x", "pole", "inf", "inf"),
    ("sec(x)", "x=pi/2", "x", "pole", "inf", "inf"),
    ("csc(x)", "x=pi", "x", "pole", "inf", "inf"),
    ("cot(x)", "x=0", "x", "pole", "-inf", "-inf"),
    ("coth(x)", "x=0", "x", "pole", "-inf", "-inf"),
    ("acsch(x)", "x=0", "x", "pole", "-inf", "-inf"),
    ("acoth(x)", "x=1", "x", "pole", None, "-inf"),
    ("asech(x)", "x=0", "x", "pole", None, "-inf"),
    ("atanh(x)", "x=1", "x", "pole", "inf", None),
    ("atanh(x)", "x=-1", "x", "pole", None, "inf"),
    ("erfinv(x)", "x=1", "x", "pole", None, None),
    ("log(x)", "x=0", "x", "pole", None, "inf"),
    ("log(1 - x)", "x=1", "x", "pole", "-inf", None),
    ("log(abs(x))", "x=0", "x", "pole", "-inf", "inf"),
    ("log(sin(x))", "x=0", "x", "pole", None, "inf"),
    ("x*log(x)", "x=0", "x", "pole", None, "-inf"),
    ("x**2*log(x)", "x=0", "x", "pole", None, "0"),
    ("logit(x)", "x=1", "x", "pole", "inf", None),
    ("binary_cross_entropy(p, 1)", "p=0", "p", "pole", None, "-inf"),
    ("gamma(x)", "x=0", "x", "pole", "-inf", "-inf"),
    ("gamma(x)", "x=-2", "x", "pole", "-inf", "-inf"),
    ("lgamma(x)", "x=-2", "x", "pole", "inf", "-inf"),
    ("digamma(x)", "x=0", "x", "pole", "inf", "inf"),
    ("zeta(x)", "x=1", "x", "pole", "-inf", "-inf"),
    ("besselk0(x)", "x=0", "x", "pole", None, None),
    ("exp(log(x))", "x=0", "x", "pole", None, "1"),
    ("where(log(x) < 0, x, 2*x)", "x=0", "x", "pole", None, "1"),
    # both sides have a limit, and not the same
    ("abs(x)/x", "x=0", "x", "pole", "0", "0"),
    ("atan(1/x)", "x=0", "x", "pole", "-1", "-1"),
    ("tanh(1/x)", "x=0", "x", "pole", "0", "0"),
    # no real value
    ("sqrt(x)", "x=-1", "x", "domain", None, None),
    ("log(x)", "x=-1", "x", "domain", None, None),
    ("asin(x)", "x=2", "x", "domain", None, None),
    ("asec(x)", "x=0.5", "x", "domain", None, None),
    ("x**0.5", "x=-1", "x", "domain", None, None),
    ("atan2(y, x)", "y=0, x=0", "y", "domain", "0", "0"),
    ("where(sqrt(x) < 1, x, 2)", "x=-1", "x", "domain", None, None),
    # removable: no value, but both sides meet
    ("x/x", "x=0", "x", "removable", "0", "0"),
    ("sin(x)/x", "x=0", "x", "removable", "0", "0"),
    ("(1 - cos(x))/x", "x=0", "x", "removable", "1/2", "1/2"),
    ("(x**2 - 1)/(x - 1)", "x=1", "x", "removable", "1", "1"),
    ("(x**3 - 0.001)/(x - 0.1)", "x=0.1", "x", "removable", "0.3", "0.3"),
    ("exp(-1/x**2)", "x=0", "x", "removable", "0", "0"),
    ("x**2*log(abs(x))", "x=0", "x", "removable", "0", "0"),
    ("x**3*sin(1/x)", "x=0", "x", "removable", "0", "0"),
    ("x**2*sin(1/x)", "x=0", "x", "removable", "0", "0"),
    ("1/(1 + exp(1/x))", "x=0", "x", "pole", "0", "0"),
    ("abs(exp(1/abs(x)) - 3)*where(x == 0, 0, x)", "x=0", "x", "pole", "-inf", "-inf"),
    ("x*exp(1/x) - 2*exp(2/x)/x", "x=0", "x", "pole", "0", "inf"),
    # mixed partials
    ("x*y", "x=0, y=0", "x y", "regular", "1", "1"),
    ("x**2*y**3", "x=2, y=-1", "x y y", "regular", "-24", "-24"),
    ("max(x, y)*min(x, y)", "x=1, y=1", "x y", "smooth", "1", "1"),
    ("max(x, y)**3", "x=0, y=0", "x y", "smooth", "0", "0"),
    ("sqrt(x**2 + y**2)**3", "x=0, y=0", "x y", "smooth", "0", "0"),
    ("abs(x)*y", "x=0, y=0", "x", "smooth", "0", "0"),
    ("abs(x)*y", "x=0, y=2", "x", "kink", "-2", "2"),
    ("abs(x)*y", "x=0, y=0", "y", "regular", "0", "0"),
    ("abs(x)*y", "x=0, y=0", "x y", "kink", None, None),
    ("relu(x)*y", "x=0, y=0", "x y", "kink", None, None),
    ("sin(w)*(1+abs(x))", "w=1, x=0", "w x", "kink", "-cos(1)", "cos(1)"),
    ("sin(w)*(1+abs(x))", "w=1, x=0", "x w", "kink", None, None),
    ("sin(w)*elu(x)", "w=1, x=0", "x w", "smooth", "cos(1)", "cos(1)"),
    ("y*exp(x+1)+relu(x)**2", "x=0, y=1", "x y", "smooth", "e", "e"),
    ("y*exp(x+1)+relu(x)**2", "x=0, y=1", "y x", "smooth", "e", "e"),
    ("y + abs(x)**1.5", "x=0, y=1", "x y", "smooth", "0", "0"),
    ("(sigmoid(w*relu(u*x)+b)-y)**2", "w=1, u=0, x=1, b=0.5, y=0", "u b", "kink", None, None),
    ("sign(y*tan(x))", "x=pi, y=-40", "x y", "jump", None, None),
    ("x*y*(x**2 - y**2)/(x**2 + y**2 + where(x**2 + y**2 == 0, 1, 0))", "x=0, y=0", "x y", "smooth", "-1", "-1"),
    ("x*y*(x**2 - y**2)/(x**2 + y**2 + where(x**2 + y**2 == 0, 1, 0))", "x=0, y=0", "y x", "smooth", "1", "1"),
    # differences that are small, and that do not cancel
    ("abs(x)**1.5-exp(-110)*abs(x)", "x=0", "x", "kink", "exp(-110)", "-exp(-110)"),
    ("1e-100*max(x,x,x)", "x=1", "x", "smooth", "1e-100", "1e-100"),
    ("1e-60*sign(max(x,x,x))", "x=0", "x", "jump", "inf", "inf"),
    ("max(x,y,x)", "x=1, y=1", "x", "kink", "0", "1"),
    ("clamp(x,x,x)", "x=1", "x x", "smooth", "0", "0"),
    ("fmod(x,x)", "x=1", "x x", "smooth", "0", "0"),
    ("1/sqrt(x) - 1/sqrt(x + 1)", "x=9.3e307", "x", "regular", "1/(2*(9.3e307 + 1)**1.5) - 1/(2*9.3e307**1.5)", "1/(2*(9.3e307 + 1)**1.5) - 1/(2*9.3e307**1.5)"),
    # exponents that are 0, and are not written so
    ("exp(abs(x)**(sin(1)**2+cos(1)**2-1))+x", "x=0", "x", "smooth", "1", "1"),
    ("floor(where(x==0,1,abs(x)**(sin(1)**2+cos(1)**2)/abs(x))+0.5)+x", "x=0", "x", "smooth", "1", "1"),
    ("sin(where(x==0,1,abs(x)**(tanh(1)*(exp(2)+1)-exp(2)+1)))+x", "x=0", "x", "smooth", "1", "1"),
    # three times
    ("abs(x)**3*y", "x=0, y=1", "x x y", "smooth", "0", "0"),
    ("abs(x)**3*y", "x=0, y=1", "x y x", "smooth", "0", "0"),
    ("abs(x)**3*y", "x=0, y=1", "y x x", "smooth", "0", "0"),
    ("abs(x)**3*y", "x=0, y=1", "x x x", "kink", "-6", "6"),
    ("relu(x)**2*sin(y)*exp(z)", "x=0, y=1, z=0", "x y z", "smooth", "0", "0"),
    ("relu(x)**2*sin(y)*exp(z)", "x=0, y=1, z=0", "y z x", "smooth", "0", "0"),
    ("relu(x)*sin(y)*exp(z)", "x=0, y=1, z=0", "y z x", "kink", "0", "cos(1)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expr", "at", "by", "kind", "left", "right"), CASES, ids=[f"{expr} at {at} by {by}" for expr, at, by, *_ in CASES]
)
def test_kinds_and_sides(expr: str, at: str, by: str, kind: str, left: str | None, right: str | None) -> None:
    found = examine(site(expr, at), by.split())
    assert str(found.kind) == kind
    if kind in ("regular", "smooth"):
        assert left == right
        assert is_number(found.derivative, left)
    else:
        assert found.derivative is None
        assert found.notes
    if kind != "regular":
        assert is_number(found.left, left), found.left
        assert is_number(found.right, right), found.right
    assert (found.value is None) == (kind in ("pole", "domain", "removable"))


def test_the_table_covers_every_kind() -> None:
    assert {case[3] for case in CASES} == {str(kind) for kind in Kind} - {"unknown"}
    assert not UNDEFINED & NOT_DIFFERENTIABLE


UNKNOWN = [
    ("where(x == 0, 0, x*sin(1/x))", "x=0", "x"), ("where(x == 0, 0, x*sin(pi/x))", "x=0", "x"),
    ("where(x == 0, 0, x*frac(1/x))", "x=0", "x"), ("where(x == 0, 1, x*floor(1/x))", "x=0", "x"),
    ("where(x == 0, 0, x**3*sin(1/x))", "x=0", "x x"), ("besselj(n, x)", "n=1, x=2", "n"),
    ("where(x==0,x,x*cos(2*acos(-1)*log(where(x==0,1,abs(x)))/log(2/5)))", "x=0", "x"),
    ("where(x == 0, 0, x*exp(sin(log(abs(x)))))", "x=0", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "at", "by"), UNKNOWN, ids=[f"{expr} at {at} by {by}" for expr, at, by in UNKNOWN])
def test_where_there_is_no_series_nothing_is_said(expr: str, at: str, by: str) -> None:
    try:
        found = examine(site(expr, at), by.split())
    except OutOfPrecision:
        return
    assert found.kind is Kind.UNKNOWN
    assert found.derivative is None
    assert found.why


@pytest.mark.parametrize(
    ("expr", "slope"), [("3*x + x/(1 + log(abs(x)))", "3"), ("x*(1 + exp(1/log(abs(x))))", "2"), ("abs(x)**pi", "0")]
)
def test_slopes_that_converge_slowly_are_found(expr: str, slope: str) -> None:
    found = examine(site(f"where(x == 0, 0, {expr})", "x=0"), ["x"])
    assert (found.kind, found.proven) == (Kind.DIFFERENTIABLE, True)
    assert is_number(found.derivative, slope)


# (1 + x)*(1 - x) = 1 - x**2 under arctangents, multiples of angles: true, and beyond our algebra.
PROVEN = [
    ("abs(x)", "x=0", True), ("abs(x - 0.1 - 0.2)", "x=0.3", True), ("sin(x)/x", "x=0", True), ("elu(x)", "x=0", True),
    ("abs(x - pi)", "x=pi", True), ("tan(x)", "x=pi/2", True), ("sqrt(x)", "x=0", True), ("cbrt(x)", "x=0", True),
    ("where(x == 0, 0, exp(-1/x**2))", "x=0", True), ("max(x, x)", "x=0", True), ("relu(relu(x))", "x=0", True),
    ("where(x**20 > 0, x, 5*x)", "x=0", True), ("sin(x)**2 + cos(x)**2", "x=1", True),
    ("where(1 + exp(-exp(9)) - 1 == 0, x, 2*x)", "x=1", True), ("sign(sin(pi))*x", "x=1", True),
    ("x**(log(8)/log(2))", "x=-2", True), ("sqrt(2)*abs(x) - sqrt(6)/sqrt(3)*abs(x)", "x=0", True),
    ("abs(x)*(cos(pi/5) - cos(2*pi/5) - 1/2)", "x=0", True), ("abs(x)*(sin(pi/7)*sin(2*pi/7)*sin(3*pi/7) - sqrt(7)/8)", "x=0", False),
    ("abs(x)*(sin(2) - 2*sin(1)*cos(1))", "x=0", False), ("abs(x)*(atan(2) + atan(1/2) - pi/2)", "x=0", False),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "at", "proven"), PROVEN, ids=[f"{expr} at {at}" for expr, at, _ in PROVEN])
def test_what_is_proven_and_what_is_only_numerical(expr: str, at: str, proven: bool) -> None:
    """What no relation of ours reduces is zero to thousands of bits: that is no proof, and not called one."""
    assert examine(site(expr, at), ["x"]).proven is proven


NOTES = [
    ("abs(x) + sqrt(x) + 1/x", "x=0", [("seam", "abs at 0", "abs(x)"), ("edge", "the square root of zero", "sqrt(x)"), ("pole", "division by zero", "1/x")]),
    ("relu(x) - relu(-x)", "x=0", [("seam", "relu at its kink", "relu(x)"), ("seam", "relu at its kink", "relu(-x)")]),
    ("where(x > 0, log(x), 1)", "x=0", [("seam", "the boundary of a condition", "x > 0"), ("pole", "the logarithm of zero", "log(x)")]),
    ("atan2(x, -1)*log(x - 1)", "x=0", [("seam", "the cut of atan2", "atan2(x, -1)"), ("domain", "the logarithm of a negative number", "log(x - 1)")]),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "at", "expected"), NOTES, ids=[expr for expr, *_ in NOTES])
def test_notes_name_the_places(expr: str, at: str, expected: list[tuple[str, str, str]]) -> None:
    notes = examine(site(expr, at), ["x"]).notes
    assert [(note.kind, note.what, expr[note.span.start : note.span.end]) for note in notes] == expected


# What a machine made of constants: the same expression, at exact values.
BINARY = [
    ("abs(x - 0.1)", Fraction(1, 10), {}, "kink"),
    ("abs(x - 0.1)", Fraction(0.1), {}, "regular"),
    ("abs(x - 0.1)", Fraction(0.1), {"0.1": Fraction(0.1)}, "kink"),
    ("abs(x - 0.1)", Fraction(1, 10), {"0.1": Fraction(0.1)}, "regular"),
    ("tan(x/2)", Fraction(math.pi), {}, "regular"),
    ("abs(x - pi)", Fraction(math.pi), {"pi": Fraction(math.pi)}, "kink"),
    ("abs(x - tau/2)", Fraction(math.pi), {"tau": Fraction(math.tau)}, "kink"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "x", "constants", "kind"), BINARY)
def test_constants_mean_what_a_machine_holds(expr: str, x: Fraction, constants: dict[str, Fraction], kind: str) -> None:
    found = examine(ExpressionAt(understand(expr), {"x": x}, constants), ["x"])
    assert str(found.kind) == kind


# ------------------------------------------------------------------------------------------------------ mixed partials

NOT_TWICE = [("abs(x)*y", "x=0, y=2"), ("abs(x*y)", "x=0, y=0"), ("max(x, y)", "x=1, y=1"), ("hypot(x, y)", "x=0, y=0"), ("abs(x - y)", "x=1, y=1")]  # fmt: skip


@pytest.mark.parametrize(("expr", "at"), NOT_TWICE, ids=[expr for expr, _ in NOT_TWICE])
def test_no_mixed_partial_where_there_is_none(expr: str, at: str) -> None:
    for by in (["x", "y"], ["y", "x"]):
        found = examine(site(expr, at), by)
        assert found.derivative is None
        assert found.kind in NOT_DIFFERENTIABLE


ITERATED = [("x*abs(x)*y", "x=0, y=1", "0"), ("max(x, y)**2", "x=0, y=0", "0")]


@pytest.mark.parametrize(("expr", "at", "expected"), ITERATED, ids=[expr for expr, *_ in ITERATED])
def test_mixed_partials_that_exist_without_a_second_derivative(expr: str, at: str, expected: str) -> None:
    """d/dy (x*abs(x)*y) = x*abs(x), whose derivative by x is 2*abs(x)."""
    assert is_number(examine(site(expr, at), ["x", "y"]).derivative, expected)


EXPRESSIONS = ["x**2*y**3*z", "sin(x*y)*exp(z)", "log(1 + x**2 + y**2 + z**2)", "x**y + z", "atan2(x, y)*z"]


@settings(max_examples=60)
@given(st.sampled_from(EXPRESSIONS), st.lists(st.sampled_from("xyz"), min_size=1, max_size=4), st.permutations(range(4)))
def test_the_order_of_differentiation_does_not_matter(expr: str, by: list[str], order: list[int]) -> None:
    here = site(expr, "x=1/2, y=3/2, z=-1/3")
    turned = [by[place] for place in order if place < len(by)]
    left, right = examine(here, by).derivative, examine(here, turned).derivative
    assert left is not None
    assert right is not None
    assert ball(left).overlaps(ball(right))


def falling(power: int, count: int) -> int:
    return math.perm(power, count) if count <= power else 0


@settings(max_examples=100)
@given(
    st.tuples(*[st.integers(0, 4)] * 3), st.lists(st.sampled_from("xyz"), min_size=1, max_size=4),
    st.tuples(*[st.fractions(-3, 3, max_denominator=5)] * 3),
)  # fmt: skip
def test_partials_of_monomials(powers: tuple[int, ...], by: list[str], at: tuple[Fraction, ...]) -> None:
    expected = Fraction(1)
    for name, power, value in zip("xyz", powers, at, strict=True):
        count = by.count(name)
        expected *= falling(power, count) * (value ** (power - count) if count <= power else 0)
    text = "*".join(f"{name}**{power}" for name, power in zip("xyz", powers, strict=True))
    found = examine(ExpressionAt(understand(text), dict(zip("xyz", at, strict=True))), by)
    assert found.kind is Kind.SMOOTH
    assert found.derivative == exact(expected)


def test_polarisation_by_hand() -> None:
    assert polarize(["x"]) == [(1, {"x": 1})]
    assert polarize(["x", "x", "x"]) == [(6, {"x": 1})]
    assert polarize(["x", "y"]) == [(-1, {"x": 1}), (-1, {"y": 1}), (1, {"x": 1, "y": 1})]


VALUES = [("sqrt(x)", "x=0", "0"), ("sin(x)/x", "x=0", None), ("0**x", "x=0", "1"), ("abs(x)", "x=-pi", "pi"), ("x**x", "x=0", "1"), ("log(x)", "x=-1", None), ("where(x > 0, 1/x, 7)", "x=0", "7")]  # fmt: skip


@pytest.mark.parametrize(("expr", "at", "expected"), VALUES, ids=[f"{expr} at {at}" for expr, at, _ in VALUES])
def test_values(expr: str, at: str, expected: str | None) -> None:
    found: Real | None = value_of(site(expr, at))
    assert is_number(found, expected)


def test_every_case_names_its_variables() -> None:
    for expr, at, by, *_ in CASES:
        named, nameless = read_at([at])
        assert not nameless
        assert set(names_in(understand(expr, named))) <= set(named)
        assert by


LONG = "*".join(f"(1 + sin({k})**2)" for k in range(1, 30))


def test_a_branch_of_a_long_condition_is_chosen_by_its_sign() -> None:
    """log(1 + exp(-3000)) is positive, though zero to thousands of bits; in a long expression it is a number only."""
    found = examine(site(f"abs(x)*where(log(1 + exp(-3000))*{LONG} > 0, 2, 3)", "x=0"), ["x"])
    assert is_number(found.left, "-2")
    assert is_number(found.right, "2")


def test_what_a_long_condition_assumes_is_not_proven() -> None:
    found = examine(site(f"abs(x)*where((sin(2) - 2*sin(1)*cos(1))*{LONG} > 0, 2, 3)", "x=0"), ["x"])
    assert not found.proven


def nested(depth: int) -> str:
    text = "abs(x)"
    for _ in range(depth):
        text = f"sin({text} + 1)"
    return text


MANY = [
    ("+".join(f"abs(x - {k})*sin({k}*x + y)*exp(y/{k + 1})" for k in range(40)), "x=3, y=1", "kink"),
    (nested(40), "x=0", "kink"),
    (f"x*{nested(40)}", "x=0", "smooth"),
    ("max(" + ", ".join(f"{k}*x" for k in range(1, 100)) + ")", "x=0", "kink"),
]


@pytest.mark.parametrize(("expr", "at", "kind"), MANY, ids=["a sum", "a kink inside", "smooth", "a maximum"])
def test_expressions_of_many_functions(expr: str, at: str, kind: str) -> None:
    """They have more atoms than there are generators at first."""
    found = examine(site(expr, at), ["x"])
    assert (str(found.kind), found.proven) == (kind, True)
