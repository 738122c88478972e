"""Operators, constants and elementary functions.

`m` is the vocabulary shared by the symbolic and the Taylor engine, `t` is torch.
"""

from __future__ import annotations

import math
from types import ModuleType

from gradcalc.functions.arrays import extreme, shape_of_extreme, torch_extreme, with_keepdim
from gradcalc.functions.row import Function, Tensor, row

_POSITIVE = ((0.1, 4.0),)
_OPEN_UNIT = ((-0.95, 0.95),)
_ABOVE_ONE = ((1.1, 4.0),)
_AWAY_FROM_ZERO = ((0.3, 2.5),)
_PAIR = ((-2.0, 2.0), (-2.0, 2.0))


OPERATORS: tuple[Function, ...] = (
    row("+", "x, y", "sum", meaning=lambda m, x, y: x + y, torch=lambda t, x, y: x + y, sample=_PAIR),
    row("-", "x, y", "difference", meaning=lambda m, x, y: x - y, torch=lambda t, x, y: x - y, sample=_PAIR),
    row("*", "x, y", "product", meaning=lambda m, x, y: x * y, torch=lambda t, x, y: x * y, sample=_PAIR),
    row(
        "/", "x, y", "quotient",
        meaning=lambda m, x, y: m.divide(x, y), torch=lambda t, x, y: x / y,
        singular="pole at y = 0", sample=((-2.0, 2.0), (0.3, 2.0)),
    ),
    row("neg", "x", "negative", meaning=lambda m, x: -x, torch=lambda t, x: -x),
    row(
        "**", "x, y", "power; real: a negative base needs a constant integer exponent, 0**0 = 1",
        meaning="power", torch="pow", aliases=("pow", "power"), scalar_args=frozenset({1}),
        singular="edge or pole at x = 0 unless y is a non-negative integer", sample=((0.1, 3.0), (-2.0, 2.0)),
    ),
)  # fmt: skip

CONDITIONS: tuple[Function, ...] = (
    row("<", "x, y", "less than", meaning="lt", torch="lt", condition=True),
    row("<=", "x, y", "at most", meaning="le", torch="le", condition=True),
    row(">", "x, y", "greater than", meaning="gt", torch="gt", condition=True),
    row(">=", "x, y", "at least", meaning="ge", torch="ge", condition=True),
    row("==", "x, y", "equal", meaning="eq", torch="eq", condition=True),
    row("!=", "x, y", "not equal", meaning="ne", torch="ne", condition=True),
    row(
        "and", "p, q", "both conditions", meaning="both", torch="logical_and",
        condition=True, boolean_args=frozenset({0, 1}),
    ),
    row(
        "or", "p, q", "either condition", meaning="either", torch="logical_or",
        condition=True, boolean_args=frozenset({0, 1}),
    ),
    row(
        "not", "p", "the opposite condition", meaning="opposite", torch="logical_not",
        condition=True, boolean_args=frozenset({0}),
    ),
)  # fmt: skip

CONSTANTS: tuple[Function, ...] = (
    row("pi", "", "the circle constant, 3.14159...", torch=lambda t: math.pi, sample=()),
    row("e", "", "the base of the natural logarithm, 2.71828...", torch=lambda t: math.e, aliases=("E",), sample=()),
    row("tau", "", "2*pi", meaning=lambda m: 2 * m.pi(), torch=lambda t: math.tau, sample=()),
)

POWERS: tuple[Function, ...] = (
    row("sqrt", "x", "square root", singular="edge at x = 0", sample=_POSITIVE),
    row(
        "cbrt", "x", "real cube root",
        torch=lambda t, x: t.sign(x) * t.pow(t.abs(x), t.ones_like(x.detach()) / 3),
        singular="vertical at x = 0", sample=_AWAY_FROM_ZERO,
    ),
    row("rsqrt", "x", "1/sqrt(x)", meaning=lambda m, x: m.divide(1, m.sqrt(x)), singular="pole at x = 0", sample=_POSITIVE),
    row("square", "x", "x**2", meaning=lambda m, x: x * x, aliases=("sqr",)),
    row(
        "reciprocal", "x", "1/x", meaning=lambda m, x: m.divide(1, x),
        singular="pole at x = 0", sample=_AWAY_FROM_ZERO,
    ),
    row("hypot", "x, y", "sqrt(x**2 + y**2)", singular="kink at x = y = 0", sample=_PAIR),
    row("exp", "x", "exponential"),
    row("exp2", "x", "2**x", meaning=lambda m, x: m.exp(x * m.log(m.number(2)))),
    row("exp10", "x", "10**x", definition="10**x"),
    row("expm1", "x", "exp(x) - 1, exact for small x"),
    row(
        "log", "x, base?", "natural logarithm, or the logarithm to a base",
        meaning=lambda m, x, *base: m.divide(m.log(x), m.log(base[0])) if base else m.log(x),
        torch=lambda t, x, *base: t.log(x) / t.log(base[0]) if base else t.log(x),
        aliases=("ln",), singular="pole at x = 0", sample=_POSITIVE,
    ),
    row(
        "log2", "x", "logarithm to the base 2", meaning=lambda m, x: m.divide(m.log(x), m.log(m.number(2))),
        singular="pole at x = 0", sample=_POSITIVE,
    ),
    row(
        "log10", "x", "logarithm to the base 10", meaning=lambda m, x: m.divide(m.log(x), m.log(m.number(10))),
        aliases=("lg",), singular="pole at x = 0", sample=_POSITIVE,
    ),
    row("log1p", "x", "log(1 + x), exact for small x", singular="pole at x = -1", sample=((-0.9, 2.0),)),
    row("logaddexp", "x, y", "log(exp(x) + exp(y))", sample=_PAIR),
    row(
        "logaddexp2", "x, y", "log2(2**x + 2**y)",
        meaning=lambda m, x, y: m.divide(
            m.logaddexp(x * m.log(m.number(2)), y * m.log(m.number(2))), m.log(m.number(2))
        ),
        sample=_PAIR,
    ),
    row("xlogy", "x, y", "x*log(y), and 0 where x = 0", singular="edge at x = 0 or y = 0", sample=((0.1, 2.0), (0.1, 2.0))),
    row(
        "xlog1py", "x, y", "x*log(1 + y), and 0 where x = 0", meaning=lambda m, x, y: m.xlogy(x, 1 + y),
        torch="special.xlog1py", singular="edge at x = 0 or y = -1", sample=((0.1, 2.0), (0.1, 2.0)),
    ),
    row("fma", "x, y, z", "x*y + z", definition="x*y + z", sample=(*_PAIR, (-2.0, 2.0))),
)  # fmt: skip

TRIGONOMETRY: tuple[Function, ...] = (
    row("sin", "x", "sine"),
    row("cos", "x", "cosine"),
    row("tan", "x", "tangent", singular="poles at odd multiples of pi/2", sample=((-1.4, 1.4),)),
    row(
        "cot", "x", "cotangent, 1/tan(x)", torch=lambda t, x: t.reciprocal(t.tan(x)),
        singular="poles at multiples of pi", sample=_AWAY_FROM_ZERO,
    ),
    row(
        "sec", "x", "secant, 1/cos(x)", torch=lambda t, x: t.reciprocal(t.cos(x)),
        singular="poles at odd multiples of pi/2", sample=((-1.4, 1.4),),
    ),
    row(
        "csc", "x", "cosecant, 1/sin(x)", torch=lambda t, x: t.reciprocal(t.sin(x)),
        singular="poles at multiples of pi", sample=_AWAY_FROM_ZERO,
    ),
    row("asin", "x", "inverse sine", aliases=("arcsin",), singular="edges at x = -1, 1", sample=_OPEN_UNIT),
    row("acos", "x", "inverse cosine", aliases=("arccos",), singular="edges at x = -1, 1", sample=_OPEN_UNIT),
    row("atan", "x", "inverse tangent", aliases=("arctan",)),
    row(
        "atan2", "y, x", "angle of the point (x, y)", aliases=("arctan2",),
        singular="jump at y = 0, x < 0; undefined at the origin", sample=((0.2, 2.0), (-2.0, 2.0)),
    ),
    row(
        "acot", "x", "atan(1/x)", meaning=lambda m, x: m.atan(m.divide(1, x)),
        torch=lambda t, x: t.atan(t.reciprocal(x)), aliases=("arccot",),
        singular="undefined at x = 0", sample=_AWAY_FROM_ZERO,
    ),
    row(
        "asec", "x", "acos(1/x)", meaning=lambda m, x: m.acos(m.divide(1, x)),
        torch=lambda t, x: t.acos(t.reciprocal(x)), aliases=("arcsec",), singular="edges at x = -1, 1", sample=_ABOVE_ONE,
    ),
    row(
        "acsc", "x", "asin(1/x)", meaning=lambda m, x: m.asin(m.divide(1, x)),
        torch=lambda t, x: t.asin(t.reciprocal(x)), aliases=("arccsc",), singular="edges at x = -1, 1", sample=_ABOVE_ONE,
    ),
    row(
        "sinc", "x", "sin(x)/x, and 1 at 0 (torch.sinc is sin(pi*x)/(pi*x), another function)",
        # Near 0 the Taylor polynomial carries the first four derivatives; elsewhere it is never selected.
        torch=lambda t, x: t.where(
            x == 0, 1 - x * x / 6 + x * x * x * x / 120, t.sin(x) / t.where(x == 0, t.ones_like(x.detach()), x)
        ),
    ),
    row("deg2rad", "x", "degrees to radians", definition="pi*x/180", aliases=("radians",)),
    row("rad2deg", "x", "radians to degrees", definition="180*x/pi", aliases=("degrees",)),
)  # fmt: skip

HYPERBOLICS: tuple[Function, ...] = (
    row("sinh", "x", "hyperbolic sine"),
    row("cosh", "x", "hyperbolic cosine"),
    row("tanh", "x", "hyperbolic tangent"),
    row(
        "coth", "x", "1/tanh(x)", torch=lambda t, x: t.reciprocal(t.tanh(x)),
        singular="pole at x = 0", sample=_AWAY_FROM_ZERO,
    ),
    row("sech", "x", "1/cosh(x)", torch=lambda t, x: t.reciprocal(t.cosh(x))),
    row(
        "csch", "x", "1/sinh(x)", torch=lambda t, x: t.reciprocal(t.sinh(x)),
        singular="pole at x = 0", sample=_AWAY_FROM_ZERO,
    ),
    row("asinh", "x", "inverse hyperbolic sine", aliases=("arcsinh",)),
    row("acosh", "x", "inverse hyperbolic cosine", aliases=("arccosh",), singular="edge at x = 1", sample=_ABOVE_ONE),
    row("atanh", "x", "inverse hyperbolic tangent", aliases=("arctanh",), singular="poles at x = -1, 1", sample=_OPEN_UNIT),
    row(
        "acoth", "x", "atanh(1/x)", meaning=lambda m, x: m.atanh(m.divide(1, x)),
        torch=lambda t, x: t.atanh(t.reciprocal(x)), aliases=("arccoth",), singular="poles at x = -1, 1", sample=_ABOVE_ONE,
    ),
    row(
        "asech", "x", "acosh(1/x)", meaning=lambda m, x: m.acosh(m.divide(1, x)),
        torch=lambda t, x: t.acosh(t.reciprocal(x)), aliases=("arcsech",), singular="edge at x = 1", sample=((0.1, 0.9),),
    ),
    row(
        "acsch", "x", "asinh(1/x)", meaning=lambda m, x: m.asinh(m.divide(1, x)),
        torch=lambda t, x: t.asinh(t.reciprocal(x)), aliases=("arccsch",), singular="pole at x = 0", sample=_AWAY_FROM_ZERO,
    ),
)  # fmt: skip

PIECEWISE: tuple[Function, ...] = (
    row("abs", "x", "absolute value", aliases=("fabs", "Abs", "absolute"), singular="kink at x = 0", sample=_AWAY_FROM_ZERO),
    row("sign", "x", "-1, 0 or 1", aliases=("sgn", "signum"), singular="jump at x = 0", sample=_AWAY_FROM_ZERO),
    row(
        "heaviside", "x, value=0.5", "0 below 0, 1 above, value at 0", torch=None,
        aliases=("Heaviside",), singular="jump at x = 0", sample=(*_AWAY_FROM_ZERO, (0.0, 1.0)),
    ),
    row(
        "copysign", "x, y", "abs(x) with the sign of y",
        meaning=lambda m, x, y: m.where(m.ge(y, 0), m.abs(x), -m.abs(x)),
        singular="kink at x = 0, jump at y = 0", sample=(*_AWAY_FROM_ZERO, *_AWAY_FROM_ZERO),
    ),
    row(
        "where", "condition, x, y", "x where the condition holds, else y", boolean_args=frozenset({0}),
        singular="at the boundary of the condition", sample=((0.0, 1.0), *_PAIR),
    ),
    with_keepdim(row(
        "max", "x, y?, ...", "the largest argument, or the largest entry of one", aliases=("Max", "fmax"),
        shape=shape_of_extreme, composition=extreme("max"), torch=torch_extreme("max"), options={"dim": ()},
        singular="kink at ties", sample=((0.5, 2.0), (-2.0, 0.0)),
    )),
    with_keepdim(row(
        "min", "x, y?, ...", "the smallest argument, or the smallest entry of one", aliases=("Min", "fmin"),
        shape=shape_of_extreme, composition=extreme("min"), torch=torch_extreme("min"), options={"dim": ()},
        singular="kink at ties", sample=((0.5, 2.0), (-2.0, 0.0)),
    )),
    row(
        "maximum", "x, y", "the larger argument", meaning="max", singular="kink at ties",
        sample=((0.5, 2.0), (-2.0, 0.0)),
    ),
    row(
        "minimum", "x, y", "the smaller argument", meaning="min", singular="kink at ties",
        sample=((0.5, 2.0), (-2.0, 0.0)),
    ),
    row(
        "clamp", "x, min, max", "x clamped to [min, max]", meaning=lambda m, x, low, high: m.min(m.max(x, low), high),
        torch=lambda t, x, low, high: t.clamp(x, *_same_kind(t, x, low, high)), aliases=("clip",),
        scalar_args=frozenset({1, 2}), singular="kinks at min and max", sample=((-2.0, 2.0), (-1.0, -0.5), (0.5, 1.0)),
    ),
    row(
        "fdim", "x, y", "x - y where positive, else 0", meaning=lambda m, x, y: m.max(x - y, m.number(0)),
        torch=lambda t, x, y: t.nn.functional.relu(x - y), singular="kink at x = y", sample=((0.5, 2.0), (-2.0, 0.0)),
    ),
    row("floor", "x", "the integer below", singular="jumps at integers", sample=((0.1, 0.9),)),
    row("ceil", "x", "the integer above", singular="jumps at integers", sample=((0.1, 0.9),)),
    row("trunc", "x", "the integer towards 0", aliases=("fix",), singular="jumps at integers but 0", sample=((0.1, 0.9),)),
    row("round", "x", "the nearest integer, halves to even", singular="jumps at half-integers", sample=((0.1, 0.4),)),
    row(
        "frac", "x", "x - trunc(x)",
        meaning=lambda m, x: x - m.trunc(x), singular="jumps at integers but 0", sample=((0.1, 0.9),),
    ),
    row(
        "remainder", "x, y", "x - y*floor(x/y), the sign of y", aliases=("mod",),
        meaning=lambda m, x, y: x - y * m.floor(m.divide(x, y)),
        singular="jumps where x/y is an integer", sample=((0.1, 0.9), (1.1, 2.0)),
    ),
    row(
        "fmod", "x, y", "x - y*trunc(x/y), the sign of x",
        meaning=lambda m, x, y: x - y * m.trunc(m.divide(x, y)),
        singular="jumps where x/y is an integer", sample=((0.1, 0.9), (1.1, 2.0)),
    ),
)  # fmt: skip


def _same_kind(t: ModuleType, x: Tensor, low: Tensor | float, high: Tensor | float) -> tuple[Tensor, Tensor]:
    """torch.clamp takes two numbers or two tensors, never one of each."""
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        return low, high
    return tuple(x.new_tensor(bound) if isinstance(bound, (int, float)) else bound for bound in (low, high))


ROWS = (*OPERATORS, *CONDITIONS, *CONSTANTS, *POWERS, *TRIGONOMETRY, *HYPERBOLICS, *PIECEWISE)
