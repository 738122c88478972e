"""What every aten operation means: one row an operation.

A row is the formula of the kernel, as torch's source has it, in terms of an arithmetic `m` (`Exact` or `Rounded`).  A
kernel that is one function of a library carries that function's bound; a kernel that is a formula of its own is judged
by its formula, operation by operation.  An operation without a row is unknown: it costs a verdict, it never makes one.

Sources: aten/src/ATen/native/cpu/{UnaryOpsKernel,BinaryOpsKernel,Activation,PointwiseOpsKernel}.cpp, aten/src/ATen/native/
{Activation,Loss,BinaryOps}.cpp, torch/csrc/autograd/FunctionsManual.cpp; https://docs.pytorch.org for the definitions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeVar

from flint import arb

from gradcalc.engines.autograd.operation import Cell
from gradcalc.proof.floats.arithmetic import LEAST_DIVISOR, Exact, Value

Meaning = Callable[..., Any]
Row = TypeVar("Row", bound=Meaning)
MEANINGS: dict[str, Meaning] = {}
"""By the name of an operation without its overload and without the underscore of its in-place form."""

COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
LOGIC = frozenset({
    "logical_and", "logical_or", "logical_not", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_not", "any", "all",
    "_is_any_true", "_is_all_true", "isnan", "isinf", "isfinite",
})  # fmt: skip
"""Their results are read off the record: what they combine was compared before."""

CREATIONS = frozenset(
    {
        "ones_like",
        "zeros_like",
        "zeros",
        "ones",
        "full",
        "full_like",
        "scalar_tensor",
        "fill",
        "zero",
        "new_zeros",
        "new_ones",
        "new_full",
        "_efficientzerotensor",
        "arange",
    }
)
"""Their results are the numbers in the record, exactly."""

EMPTY = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"})
VIEWS = frozenset({
    "detach", "alias", "view", "view_as", "clone", "expand", "expand_as", "lift_fresh", "_to_copy", "to", "contiguous",
    "squeeze", "unsqueeze", "reshape", "_unsafe_view", "copy",
})  # fmt: skip
BRANCHES = ("where", "masked_fill", "maximum", "minimum", "max", "min", "clamp", "clamp_min", "clamp_max")
"""They choose one of their arguments; backward multiplies the gradient of the others by 0."""
WITHOUT_RESULT = frozenset(
    {"_linalg_check_errors", "_local_scalar_dense", "equal", "is_same_size", "_has_same_storage_numel"}
)


_STRUCTURAL = COMPARISONS | LOGIC | CREATIONS | EMPTY | VIEWS | WITHOUT_RESULT


class UnknownOperation(Exception):
    """An aten operation without a row; the message is its name."""


def is_structural(base: str) -> bool:
    """Whether an operation, by its base name, computes nothing that a formula could describe."""
    return base in _STRUCTURAL


def is_known(base: str) -> bool:
    """Whether an operation, by its base name, has semantics."""
    return base in MEANINGS or is_structural(base)


def meaning(*names: str) -> Callable[[Row], Row]:
    """Enter a function into the table."""

    def enter(function: Row) -> Row:
        for name in names:
            MEANINGS[name] = function
        return function

    return enter


# ------------------------------------------------------------------------------------------------ one function each

MEANINGS.update({
    "neg": lambda m, x: -x,
    "abs": lambda m, x: abs(x),
    "mul": lambda m, x, y: x * y,
    "reciprocal": lambda m, x: 1 / x,
    "square": lambda m, x: x * x,
    "aminmax": lambda m, x: (x, x),  # of one number; of integers, which one_hot looks at, the record has the results
    "exp2": lambda m, x: m.exp2(x),
    "log2": lambda m, x: m.log2(x),
    "log10": lambda m, x: m.log10(x),
    "hypot": lambda m, x, y: m.hypot(x, y),
    "atan2": lambda m, y, x: m.atan2(y, x),
    "lgamma": lambda m, x: m.lgamma(x),
    "digamma": lambda m, x: m.polygamma(0, x),
    "polygamma": lambda m, n, x: m.polygamma(n, x),
    "i0": lambda m, x: m.bessel_i(0, x),
    "special_i1": lambda m, x: m.bessel_i(1, x),
    "special_log_ndtr": lambda m, x: m.log_ndtr(x),
    "pow": lambda m, x, y: m.power(x, y),
})  # fmt: skip
FUNCTIONS = (
    "sqrt", "rsqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh",
    "asinh", "acosh", "atanh", "erf", "erfc", "erfinv",
)  # fmt: skip
"""Operations that are one function of Arb's, under its own name."""
for _name in FUNCTIONS:
    MEANINGS[_name] = lambda m, x, name=_name: m.call(name, x)


@meaning("add")
def _add(m: Exact, x: Value, y: Value, *, alpha: float = 1) -> Value:
    return x + (y if alpha == 1 else y * m.scalar(alpha))


@meaning("sub")
def _sub(m: Exact, x: Value, y: Value, *, alpha: float = 1) -> Value:
    return x - (y if alpha == 1 else y * m.scalar(alpha))


@meaning("rsub")
def _rsub(m: Exact, x: Value, y: Value, alpha: float = 1) -> Value:
    return _sub(m, y, x, alpha=alpha)


@meaning("div")
def _div(m: Exact, x: Value, y: Value, *, rounding_mode: str | None = None) -> Value:
    if rounding_mode is None:
        return x / y
    if rounding_mode == "floor":
        return m.rounded(_whole_quotient(m, x, y, math.floor))
    return m.truncate(_whole_quotient(m, x, y, math.trunc), x.ball / y.ball)


# ------------------------------------------------------------------------------------------ rounding and remainders


def _float(value: Value) -> float:
    assert value.float is not None
    return float(value.float)


Rounding = Callable[[Fraction], int]


def _whole(m: Exact, number: Fraction, ball: arb, towards: Rounding) -> arb:
    """A number's integer as the machine rounded it; a flip if the exact number, in `ball`, has another."""
    whole = towards(number)
    gap = ball - whole
    below, above = gap < 0, gap > 0
    inside = gap.is_zero()
    if towards is math.floor or (towards is math.trunc and whole > 0):
        above, inside = gap >= 1, gap >= 0 and gap < 1
    elif towards is math.ceil or (towards is math.trunc and whole < 0):
        below, inside = gap <= -1, gap <= 0 and gap > -1
    elif towards is math.trunc:
        below, above, inside = gap <= -1, gap >= 1, gap > -1 and gap < 1
    else:
        below, above, inside = gap < arb(-0.5), gap > arb(0.5), abs(gap) < 0.5
    m.flip |= bool(below or above)
    m.uncertain_integer |= not (below or above or inside)
    return arb(whole)


def _integer(m: Exact, x: Value, towards: Rounding) -> arb:
    number = _float(x)
    return _whole(m, Fraction(number), x.ball, towards) if math.isfinite(number) else arb.nan()


def _whole_quotient(m: Exact, x: Value, y: Value, towards: Rounding) -> arb:
    a, b = _float(x), _float(y)
    if not (math.isfinite(a) and math.isfinite(b)) or b == 0:
        return arb.nan()
    return _whole(m, Fraction(a) / Fraction(b), x.ball / y.ball, towards)


MEANINGS.update({
    "floor": lambda m, x: Value(_integer(m, x, math.floor), m),
    "ceil": lambda m, x: Value(_integer(m, x, math.ceil), m),
    "trunc": lambda m, x: Value(_integer(m, x, math.trunc), m),
    "round": lambda m, x: Value(_integer(m, x, round), m),
    "frac": lambda m, x: m.rounded(x.ball - _integer(m, x, math.trunc)),
    "fmod": lambda m, x, y: m.rounded(x.ball - y.ball * _whole_quotient(m, x, y, math.trunc)),
    "remainder": lambda m, x, y: m.rounded(x.ball - y.ball * _whole_quotient(m, x, y, math.floor)),
})  # fmt: skip


# ------------------------------------------------------------------------------------------------------ piecewise


@meaning("sign", "sgn")
def _sign(m: Exact, x: Value) -> Value:
    zero = m.value(0.0)
    return Value(arb(int(m.compare(x, zero, "gt")) - int(m.compare(x, zero, "lt"))), m)


@meaning("copysign")
def _copysign(m: Exact, x: Value, y: Value) -> Value:
    # The sign of a float tells -0.0 from 0.0; exactly, a zero has none, and the number may lie on the other side.
    positive = math.copysign(1.0, _float(y)) > 0
    m.flip |= bool(y.ball < 0 if positive else y.ball >= 0)
    return abs(x) if positive else -abs(x)


@meaning("maximum")
def _maximum(m: Exact, x: Value, y: Value) -> Value:
    return x if m.compare(x, y, "ge") else y


@meaning("minimum")
def _minimum(m: Exact, x: Value, y: Value) -> Value:
    return x if m.compare(x, y, "le") else y


@meaning("where")
def _where(m: Exact, condition: Value, x: Value, y: Value) -> Value:
    return x if condition.float else y


@meaning("masked_fill")
def _masked_fill(m: Exact, x: Value, mask: Value, fill: Value) -> Value:
    return fill if mask.float else x


@meaning("clamp")
def _clamp(m: Exact, x: Value, low: Value | None = None, high: Value | None = None) -> Value:
    if low is not None and m.compare(x, low, "lt"):
        x = low
    return high if high is not None and m.compare(x, high, "gt") else x


@meaning("clamp_min")
def _clamp_min(m: Exact, x: Value, low: Value) -> Value:
    return _clamp(m, x, low)


@meaning("clamp_max")
def _clamp_max(m: Exact, x: Value, high: Value) -> Value:
    return _clamp(m, x, None, high)


@meaning("hardtanh")
def _hardtanh(m: Exact, x: Value, low: Value | None = None, high: Value | None = None) -> Value:
    # Bounds that are the defaults of the schema, -1 and 1, are not in the record.
    return _clamp(m, x, m.value(-1.0) if low is None else low, m.value(1.0) if high is None else high)


@meaning("hardtanh_backward")
def _hardtanh_backward(m: Exact, g: Value, x: Value, low: Value, high: Value) -> Value:
    inside = m.compare(x, low, "gt") and m.compare(x, high, "lt")
    return g if inside else m.value(0.0)


@meaning("relu")
def _relu(m: Exact, x: Value) -> Value:
    return x if m.compare(x, m.value(0.0), "gt") else m.value(0.0)


@meaning("threshold")
def _threshold(m: Exact, x: Value, threshold: Value, value: Value) -> Value:
    return x if m.compare(x, threshold, "gt") else value


@meaning("threshold_backward")
def _threshold_backward(m: Exact, g: Value, x: Value, threshold: Value) -> Value:
    return g if m.compare(x, threshold, "gt") else m.value(0.0)


@meaning("hardshrink_backward", "softshrink_backward")
def _shrink_backward(m: Exact, g: Value, x: Value, width: Value) -> Value:
    return m.value(0.0) if _within(m, x, width) else g


def _within(m: Exact, x: Value, width: Value) -> bool:
    low = Value(-width.ball, m, -_float(width))
    return m.compare(x, width, "le") and m.compare(x, low, "ge")


@meaning("hardshrink")
def _hardshrink(m: Exact, x: Value, width: Value | None = None) -> Value:
    return m.value(0.0) if _within(m, x, width if width is not None else m.value(0.5)) else x


@meaning("softshrink")
def _softshrink(m: Exact, x: Value, width: Value | None = None) -> Value:
    width = width if width is not None else m.value(0.5)
    if _within(m, x, width):
        return m.value(0.0)
    return x - width if m.compare(x, width, "gt") else x + width


@meaning("hardsigmoid")
def _hardsigmoid(m: Exact, x: Value) -> Value:
    if m.compare(x, m.value(-3.0), "le"):
        return m.value(0.0)
    return m.value(1.0) if m.compare(x, m.value(3.0), "ge") else (x + 3) / 6


@meaning("hardsigmoid_backward")
def _hardsigmoid_backward(m: Exact, g: Value, x: Value) -> Value:
    inside = m.compare(x, m.value(-3.0), "gt") and m.compare(x, m.value(3.0), "lt")
    # Activation.cpp multiplies by `one_sixth(1.0f / 6.0f)`: in float64 too, where it is wrong from the 8th digit on.
    return g * m.constant("1/6") if inside else m.value(0.0)


@meaning("hardswish")
def _hardswish(m: Exact, x: Value) -> Value:
    if m.compare(x, m.value(-3.0), "le"):
        return m.value(0.0)
    # Activation.cpp: x * min(max(x + 3, 0), 6) / 6, which rounds twice above 3 too.
    return x * 6 / 6 if m.compare(x, m.value(3.0), "ge") else x * (x + 3) / 6


@meaning("hardswish_backward")
def _hardswish_backward(m: Exact, g: Value, x: Value) -> Value:
    if m.compare(x, m.value(-3.0), "le"):
        return m.value(0.0)
    return g if m.compare(x, m.value(3.0), "ge") else g * (x / 3 + m.constant("0.5"))


@meaning("leaky_relu")
def _leaky_relu(m: Exact, x: Value, slope: Value | None = None) -> Value:
    slope = slope if slope is not None else m.scalar(0.01)
    return x if m.compare(x, m.value(0.0), "gt") else x * slope


@meaning("leaky_relu_backward")
def _leaky_relu_backward(m: Exact, g: Value, x: Value, slope: Value, is_result: bool) -> Value:
    return g if m.compare(x, m.value(0.0), "gt") else g * slope


@meaning("_prelu_kernel")
def _prelu(m: Exact, x: Value, weight: Value) -> Value:
    return x if m.compare(x, m.value(0.0), "gt") else x * weight


@meaning("_prelu_kernel_backward")
def _prelu_backward(m: Exact, g: Value, x: Value, weight: Value) -> tuple[Value, Value]:
    if m.compare(x, m.value(0.0), "gt"):
        return g, m.value(0.0)
    return g * weight, g * x


# ---------------------------------------------------------------------------------------------- smooth activations


def _logistic(m: Exact, x: Value) -> Value:
    return 1 / (1 + m.call("exp", -x))


@meaning("sigmoid")
def _sigmoid(m: Exact, x: Value) -> Value:
    return _logistic(m, x)


@meaning("sigmoid_backward")
def _sigmoid_backward(m: Exact, g: Value, y: Value) -> Value:
    return g * (1 - y) * y


@meaning("tanh_backward")
def _tanh_backward(m: Exact, g: Value, y: Value) -> Value:
    return g * (1 - y * y)


@meaning("logit")
def _logit(m: Exact, x: Value, eps: Any = None) -> Value:
    return m.call("log", x / (1 - x))


@meaning("logit_backward")
def _logit_backward(m: Exact, g: Value, x: Value, eps: Any = None) -> Value:
    return g / (x * (1 - x))


@meaning("silu")
def _silu(m: Exact, x: Value) -> Value:
    return x / (1 + m.call("exp", -x))


@meaning("silu_backward")
def _silu_backward(m: Exact, g: Value, x: Value) -> Value:
    s = _logistic(m, x)
    return g * s * (1 + x * (1 - s))


@meaning("mish")
def _mish(m: Exact, x: Value) -> Value:
    return x * m.call("tanh", m.call("log1p", m.call("exp", x)))


@meaning("mish_backward")
def _mish_backward(m: Exact, g: Value, x: Value) -> Value:
    t = m.call("tanh", m.call("log1p", m.call("exp", x)))
    return g * (t + x * _logistic(m, x) * (1 - t * t))


@meaning("softplus")
def _softplus(m: Exact, x: Value, beta: Value | None = None, threshold: Value | None = None) -> Value:
    multiple, threshold = _times_beta(x, beta), threshold if threshold is not None else m.value(20.0)
    m.thresholds.add(_float(threshold))
    if m.compare(multiple, threshold, "gt") and not m.mathematical:
        return x
    return _over_beta(m.call("log1p", m.call("exp", multiple)), beta)


@meaning("softplus_backward")
def _softplus_backward(m: Exact, g: Value, x: Value, beta: Value, threshold: Value) -> Value:
    multiple = _times_beta(x, beta)
    if m.compare(multiple, threshold, "gt") and not m.mathematical:
        return g
    z = m.call("exp", multiple)
    return g * z / (z + 1)


def _times_beta(x: Value, beta: Value | None) -> Value:
    if beta is None or beta.float == 1:
        return x
    product = x * beta
    return Value(product.ball, x.field, _float(x) * _float(beta))


def _over_beta(x: Value, beta: Value | None) -> Value:
    return x if beta is None or beta.float == 1 else x / beta


@meaning("elu")
def _elu(m: Exact, x: Value, alpha: Value | None = None, scale: Value | None = None, inner: Value | None = None) -> Value:
    one = m.value(1.0)
    alpha, scale, inner = alpha or one, scale or one, inner or one
    if m.compare(x, m.value(0.0), "gt"):
        return x * scale
    return m.call("expm1", x * inner) * (alpha * scale)


@meaning("celu")
def _celu(m: Exact, x: Value, alpha: Value | None = None) -> Value:
    alpha = alpha or m.value(1.0)
    if m.compare(x, m.value(0.0), "gt"):
        return x
    return m.call("expm1", x * (1 / alpha)) * alpha


@meaning("elu_backward")
def _elu_backward(m: Exact, g: Value, alpha: Value, scale: Value, inner: Value, is_result: bool, x: Value) -> Value:
    if m.compare(x, m.value(0.0), "gt"):
        return g * scale
    if is_result:
        return g * inner * (x + alpha * scale)
    return g * inner * (alpha * scale) * m.call("exp", x * inner)


@meaning("gelu")
def _gelu(m: Exact, x: Value, *, approximate: str = "none") -> Value:
    if approximate == "tanh":
        return m.constant("0.5") * x * (1 + m.call("tanh", _gelu_inner(m, x)))
    return x * m.constant("0.5") * _one_and_erf(m, x)


def _one_and_erf(m: Exact, x: Value) -> Value:
    """1 + erf(x/sqrt(2)), as gelu has it.

    Of several numbers in float32 torch lets oneDNN compute it, whose erf is Abramowitz and Stegun's formula 7.1.26: it may
    be off by 1.5e-7, which is 3 units of 2**-24, wherever that leaves the sum.
    """
    total = 1 + m.call("erf", x * m.constant("1/sqrt(2)"))
    return m.with_abs_error(total.ball, arb(3))


def _gelu_inner(m: Exact, x: Value) -> Value:
    return m.constant("sqrt(2)") * m.constant("2/sqrt(pi)") * m.constant("0.5") * (x + m.constant("0.044715") * x * x * x)


@meaning("gelu_backward")
def _gelu_backward(m: Exact, g: Value, x: Value, *, approximate: str = "none") -> Value:
    half = m.constant("0.5")
    if approximate == "tanh":
        t = m.call("tanh", _gelu_inner(m, x))
        inner = m.constant("sqrt(2)") * m.constant("2/sqrt(pi)") * half * (1 + m.constant("0.134145") * x * x)
        return g * (half * (1 + t) + half * x * (1 - t * t) * inner)
    cdf = half * _one_and_erf(m, x)
    pdf = m.constant("2/sqrt(pi)") * m.constant("1/sqrt(2)") * half * m.call("exp", x * x * -half)
    return g * (cdf + x * pdf)


@meaning("log_sigmoid_forward")
def _log_sigmoid(m: Exact, x: Value) -> tuple[Value, Value]:
    positive = m.compare(x, m.value(0.0), "ge")
    buffer = m.call("exp", -x if positive else x)
    return (m.value(0.0) if positive else x) - m.call("log1p", buffer), buffer


@meaning("log_sigmoid_backward")
def _log_sigmoid_backward(m: Exact, g: Value, x: Value, buffer: Value) -> Value:
    negative = m.compare(x, m.value(0.0), "lt")
    z = m.call("exp", x if negative else -x)
    ratio = z / (1 + z)
    return g * (1 - ratio) if negative else g * ratio


@meaning("logaddexp")
def _logaddexp(m: Exact, x: Value, y: Value) -> Value:
    first = m.compare(x, y, "ge")
    high, gap = (x, y - x) if first else (y, x - y)
    return high + m.call("log1p", m.call("exp", gap))


@meaning("logaddexp2")
def _logaddexp2(m: Exact, x: Value, y: Value) -> Value:
    first = m.compare(x, y, "ge")
    high, gap = (x, y - x) if first else (y, x - y)
    return high + m.call("log1p", m.exp2(gap)) / m.constant("ln 2")


@meaning("xlogy")
def _xlogy(m: Exact, x: Value, y: Value) -> Value:
    return m.value(0.0) if m.compare(x, m.value(0.0), "eq") else x * m.call("log", y)


@meaning("special_xlog1py")
def _xlog1py(m: Exact, x: Value, y: Value) -> Value:
    return m.value(0.0) if m.compare(x, m.value(0.0), "eq") else x * m.call("log1p", y)


# ------------------------------------------------------------------------------------------------------------ losses


@meaning("mse_loss")
def _mse(m: Exact, x: Value, y: Value, reduction: int = 1) -> Value:
    difference = x - y
    return difference * difference


@meaning("mse_loss_backward")
def _mse_backward(m: Exact, g: Value, x: Value, y: Value, reduction: int) -> Value:
    return 2 * (x - y) * g


def _distance(m: Exact, x: Value, y: Value) -> Value:
    difference = x - y
    return Value(difference.ball, m, _float(x) - _float(y))


def _absolute(value: Value) -> Value:
    return Value(abs(value.ball), value.field, abs(_float(value)))


@meaning("huber_loss")
def _huber(m: Exact, x: Value, y: Value, reduction: int = 1, delta: Value | None = None) -> Value:
    delta = delta if delta is not None else m.value(1.0)
    z = _absolute(_distance(m, x, y))
    half = m.constant("0.5")
    return half * z * z if m.compare(z, delta, "le") else delta * (z - half * delta)


@meaning("huber_loss_backward")
def _huber_backward(m: Exact, g: Value, x: Value, y: Value, reduction: int, delta: Value) -> Value:
    z = _distance(m, x, y)
    low = Value(-delta.ball, m, -_float(delta))
    if m.compare(z, low, "le"):
        return -g * delta
    return g * delta if m.compare(z, delta, "ge") else z * g


@meaning("smooth_l1_loss")
def _smooth_l1(m: Exact, x: Value, y: Value, reduction: int = 1, beta: Value | None = None) -> Value:
    beta = beta if beta is not None else m.value(1.0)
    z = _absolute(_distance(m, x, y))
    half = m.constant("0.5")
    return half * z * z / beta if m.compare(z, beta, "lt") else z - half * beta


@meaning("smooth_l1_loss_backward")
def _smooth_l1_backward(m: Exact, g: Value, x: Value, y: Value, reduction: int, beta: Value) -> Value:
    z = _distance(m, x, y)
    low = Value(-beta.ball, m, -_float(beta))
    if m.compare(z, low, "le"):
        return -g
    return g if m.compare(z, beta, "ge") else z * g / beta


@meaning("soft_margin_loss")
def _soft_margin(m: Exact, x: Value, y: Value, reduction: int = 1) -> Value:
    return m.call("log", 1 + m.call("exp", -y * x))


@meaning("soft_margin_loss_backward")
def _soft_margin_backward(m: Exact, g: Value, x: Value, y: Value, reduction: int) -> Value:
    z = m.call("exp", -y * x)
    return -y * z / (z + 1) * g


def _clamped_log(m: Exact, function: str, x: Value) -> Value:
    logarithm = m.call(function, x)
    if m.mathematical or (logarithm.ball.is_finite() and not logarithm.ball < -100):
        return logarithm
    return m.value(-100.0)


@meaning("binary_cross_entropy")
def _bce(m: Exact, x: Value, y: Value, weight: None = None, reduction: int = 1) -> Value:
    return (y - 1) * _clamped_log(m, "log1p", -x) - y * _clamped_log(m, "log", x)


@meaning("binary_cross_entropy_backward")
def _bce_backward(m: Exact, g: Value, x: Value, y: Value, weight: None = None, reduction: int = 1) -> Value:
    if m.mathematical:  # a target of 0 or 1 takes one of the logarithms away
        parts = [factor / below for factor, below in ((1 - y, 1 - x), (-y, x)) if not factor.ball.is_zero()]
        return g * sum(parts[1:], parts[0])
    below, least = (1 - x) * x, m.value(LEAST_DIVISOR)
    return g * (x - y) / (least if below.ball < least.ball else below)


@meaning("binary_cross_entropy_with_logits")
def _bce_with_logits(
    m: Exact, x: Value, y: Value, weight: None = None, pos_weight: None = None, reduction: int = 1
) -> Value:
    return (1 - y) * x - _log_sigmoid(m, x)[0]


def arguments(
    m: Exact, args: tuple[Any, ...], options: Mapping[str, Any], cell: Callable[[Cell], Value], base: str
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of an operation, by its base name, as the table's functions take them.

    Numbers become values, but for those that are settings of the formula: reductions, orders, flags.
    """
    plain = _PLAIN.get(base, frozenset())
    read = [
        cell(arg) if isinstance(arg, Cell) else _argument(m, arg, cell, place in plain) for place, arg in enumerate(args)
    ]
    return read, settings(options) if options else {}


def constant_argument(m: Exact, base: str, place: int, arg: Any) -> Any:
    """An argument that is no tensor, as the function of an operation takes it."""
    return _argument(m, arg, _no_cell, place in _PLAIN.get(base, frozenset()))


def _no_cell(cell: Cell) -> Value:
    raise AssertionError(cell)


def settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an operation that the table's functions know."""
    return {key: option for key, option in options.items() if key in _KEPT}


_KEPT = frozenset({
    "alpha", "beta", "rounding_mode", "approximate",
    "correction", "order", "size", "flags", "recorded", "shapes", "settings",
})  # fmt: skip


def _argument(m: Exact, arg: Any, cell: Callable[[Cell], Value], plain: bool) -> Any:
    if isinstance(arg, Cell):
        return cell(arg)
    if plain or isinstance(arg, (bool, str)) or arg is None or isinstance(arg, tuple):
        return arg
    return m.scalar(arg)


_PLAIN: dict[str, frozenset[int]] = {
    "polygamma": frozenset({0}),
    "rsub": frozenset({2}),
    **dict.fromkeys(("mse_loss", "huber_loss", "smooth_l1_loss", "soft_margin_loss"), frozenset({2})),
    **dict.fromkeys(
        ("mse_loss_backward", "huber_loss_backward", "smooth_l1_loss_backward", "soft_margin_loss_backward"), frozenset({3})
    ),
    "binary_cross_entropy": frozenset({2, 3}),
    "binary_cross_entropy_backward": frozenset({3, 4}),
    "binary_cross_entropy_with_logits": frozenset({2, 3, 4}),
}
