"""torch's activations, under their torch names.

The meaning of a row is the mathematics of its name.  Where torch documents another function (softplus is linear above its
threshold), the summary says so.
"""

from __future__ import annotations

from gradcalc.functions.row import Function, row
from gradcalc.functions.vocabulary import C, N, Vocabulary

_LEFT_OF_ZERO = ((-2.0, -0.3),)
_AWAY_FROM_ZERO = ((0.3, 2.5),)

# Self-normalizing neural networks (Klambauer et al. 2017), with the digits torch's source has.
_SELU_ALPHA = "1.6732632423543772848170429916717"
_SELU_SCALE = "1.0507009873554804934193349852946"


def relu(m: Vocabulary[N, C], x: N) -> N:
    return m.max(x, m.number(0))


def _clamp(m: Vocabulary[N, C], x: N, low: int, high: int) -> N:
    return m.min(m.max(x, m.number(low)), m.number(high))


def _elu(m: Vocabulary[N, C], x: N, alpha: N, scale: N | int = 1, inner: N | int = 1) -> N:
    return m.where(m.gt(x, 0), scale * x, scale * alpha * m.expm1(m.divide(x, inner)))


def softplus(m: Vocabulary[N, C], x: N) -> N:
    return m.logaddexp(x, m.number(0))


ACTIVATIONS: tuple[Function, ...] = (
    row(
        "relu", "x", "max(x, 0)",
        meaning=relu, torch="nn.functional.relu", singular="kink at x = 0", sample=_AWAY_FROM_ZERO,
    ),
    row(
        "relu6", "x", "clamp(x, 0, 6)", meaning=lambda m, x: _clamp(m, x, 0, 6), torch="nn.functional.relu6",
        singular="kinks at x = 0, 6", sample=_AWAY_FROM_ZERO,
    ),
    row(
        "leaky_relu", "x; negative_slope=0.01", "x above 0, negative_slope*x below",
        meaning=lambda m, x, slope: m.where(m.gt(x, 0), x, slope * x), torch="nn.functional.leaky_relu",
        singular="kink at x = 0", sample=_LEFT_OF_ZERO,
    ),
    row(
        "elu", "x; alpha=1", "x above 0, alpha*(exp(x) - 1) below", meaning=_elu,
        torch="nn.functional.elu", singular="kink at x = 0 unless alpha = 1", sample=_LEFT_OF_ZERO,
    ),
    row(
        "selu", "x", "scaled elu", torch="nn.functional.selu", singular="kink at x = 0", sample=_LEFT_OF_ZERO,
        meaning=lambda m, x: _elu(m, x, m.number(_SELU_ALPHA), m.number(_SELU_SCALE)),
    ),
    row(
        "celu", "x; alpha=1", "x above 0, alpha*(exp(x/alpha) - 1) below", torch="nn.functional.celu",
        meaning=lambda m, x, alpha: _elu(m, x, alpha, inner=alpha), sample=_LEFT_OF_ZERO,
    ),
    row(
        "gelu", "x", "x times the normal distribution function", torch="nn.functional.gelu",
        meaning=lambda m, x: m.divide(x * m.erfc(m.divide(-x, m.sqrt(m.number(2)))), 2),
    ),
    row(
        "gelu_tanh", "x", "gelu with approximate='tanh'", torch=lambda t, x: t.nn.functional.gelu(x, approximate="tanh"),
        meaning=lambda m, x: m.divide(
            x * (1 + m.tanh(m.sqrt(m.divide(m.number(2), m.pi())) * (x + m.number("0.044715") * x * x * x))), 2
        ),
    ),
    row("sigmoid", "x", "1/(1 + exp(-x))", aliases=("expit", "logistic")),
    row(
        "logit", "x", "log(x/(1 - x))", meaning=lambda m, x: m.log(m.divide(x, 1 - x)),
        singular="poles at x = 0, 1", sample=((0.1, 0.9),),
    ),
    row(
        "logsigmoid", "x", "log(sigmoid(x))",
        meaning=lambda m, x: -softplus(m, -x), torch="nn.functional.logsigmoid", aliases=("log_sigmoid",),
    ),
    row("silu", "x", "x*sigmoid(x)", meaning=lambda m, x: x * m.sigmoid(x), torch="nn.functional.silu", aliases=("swish",)),
    row("mish", "x", "x*tanh(softplus(x))", meaning=lambda m, x: x * m.tanh(softplus(m, x)), torch="nn.functional.mish"),
    row(
        "softplus", "x; beta=1, threshold=20", "log(1 + exp(beta*x))/beta; torch: x where beta*x > threshold",
        meaning=lambda m, x, beta, threshold: m.divide(softplus(m, beta * x), beta), torch="nn.functional.softplus",
        torch_deviation="torch's softplus is x itself where beta*x is above its threshold (20 unless given)",
    ),
    row(
        "softsign", "x", "x/(1 + abs(x))", meaning=lambda m, x: m.divide(x, 1 + m.abs(x)), torch="nn.functional.softsign",
    ),
    row("tanhshrink", "x", "x - tanh(x)", meaning=lambda m, x: x - m.tanh(x), torch="nn.functional.tanhshrink"),
    row(
        "softshrink", "x; lambd=0.5", "x moved towards 0 by lambd, 0 in between", torch="nn.functional.softshrink",
        meaning=lambda m, x, width: m.where(
            m.gt(x, width), x - width, m.where(m.lt(x, -width), x + width, m.number(0))
        ),
        singular="kinks at x = -lambd, lambd", sample=((0.7, 2.0),),
    ),
    row(
        "hardshrink", "x; lambd=0.5", "x, and 0 between -lambd and lambd", torch="nn.functional.hardshrink",
        meaning=lambda m, x, width: m.where(m.either(m.gt(x, width), m.lt(x, -width)), x, m.number(0)),
        singular="jumps at x = -lambd, lambd", sample=((0.7, 2.0),),
    ),
    row(
        "hardtanh", "x; min_val=-1, max_val=1", "x clamped to [min_val, max_val]", torch="nn.functional.hardtanh",
        meaning=lambda m, x, low, high: m.min(m.max(x, low), high),
        singular="kinks at min_val, max_val", sample=((-0.9, 0.9),),
    ),
    row(
        "hardsigmoid", "x", "clamp(x + 3, 0, 6)/6", torch="nn.functional.hardsigmoid",
        meaning=lambda m, x: m.divide(_clamp(m, x + 3, 0, 6), 6), singular="kinks at x = -3, 3",
    ),
    row(
        "hardswish", "x", "x*clamp(x + 3, 0, 6)/6", torch="nn.functional.hardswish",
        meaning=lambda m, x: m.divide(x * _clamp(m, x + 3, 0, 6), 6), singular="kinks at x = -3, 3",
    ),
    row(
        "threshold", "x; threshold, value", "x above threshold, else value", torch="nn.functional.threshold",
        meaning=lambda m, x, threshold, value: m.where(m.gt(x, threshold), x, value),
        singular="jump at threshold", sample=((0.5, 2.0), (0.1, 0.1), (0.3, 0.3)),
    ),
    row(
        "prelu", "x, weight", "x above 0, weight*x below", singular="kink at x = 0", sample=(*_LEFT_OF_ZERO, (0.1, 0.5)),
        meaning=lambda m, x, weight: m.where(m.gt(x, 0), x, weight * x), torch="nn.functional.prelu",
    ),
)  # fmt: skip
