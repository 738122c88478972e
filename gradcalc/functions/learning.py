"""torch's activations and losses of scalars, under their torch names.

The meaning of a row is the mathematics of its name.  Where torch documents another function (softplus is linear above its
threshold, binary_cross_entropy clamps its logarithms), the summary says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradcalc.functions.arrays import reduced
from gradcalc.functions.row import Function, row
from gradcalc.functions.vocabulary import C, N, Vocabulary

_REDUCTIONS = ("mean", "sum", "none")
_PAIR = ((-2.0, 2.0), (-2.0, 2.0))
_PROBABILITIES = ((0.1, 0.9), (0.1, 0.9))
_LEFT_OF_ZERO = ((-2.0, -0.3),)
_AWAY_FROM_ZERO = ((0.3, 2.5),)

# Self-normalizing neural networks (Klambauer et al. 2017), with the digits torch's source has.
_SELU_ALPHA = "1.6732632423543772848170429916717"
_SELU_SCALE = "1.0507009873554804934193349852946"


def _relu(m: Vocabulary[N, C], x: N) -> N:
    return m.max(x, m.number(0))


def _clamp(m: Vocabulary[N, C], x: N, low: int, high: int) -> N:
    return m.min(m.max(x, m.number(low)), m.number(high))


def _elu(m: Vocabulary[N, C], x: N, alpha: N, scale: N | int = 1, inner: N | int = 1) -> N:
    return m.where(m.gt(x, 0), scale * x, scale * alpha * m.expm1(m.divide(x, inner)))


def _softplus(m: Vocabulary[N, C], x: N) -> N:
    return m.logaddexp(x, m.number(0))


def _smooth_l1(m: Vocabulary[N, C], x: N, y: N, beta: N) -> N:
    distance = m.abs(x - y)
    return m.where(m.lt(distance, beta), m.divide(distance * distance, 2 * beta), distance - m.divide(beta, 2))


def _huber(m: Vocabulary[N, C], x: N, y: N, delta: N) -> N:
    distance = m.abs(x - y)
    return m.where(m.le(distance, delta), m.divide(distance * distance, 2), delta * (distance - m.divide(delta, 2)))


ACTIVATIONS: tuple[Function, ...] = (
    row("relu", "x", "max(x, 0)", meaning=_relu, torch="nn.functional.relu", singular="kink at x = 0", sample=_AWAY_FROM_ZERO),
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
    row("logsigmoid", "x", "log(sigmoid(x))", meaning=lambda m, x: -_softplus(m, -x), torch="nn.functional.logsigmoid", aliases=("log_sigmoid",)),
    row("silu", "x", "x*sigmoid(x)", meaning=lambda m, x: x * m.sigmoid(x), torch="nn.functional.silu", aliases=("swish",)),
    row("mish", "x", "x*tanh(softplus(x))", meaning=lambda m, x: x * m.tanh(_softplus(m, x)), torch="nn.functional.mish"),
    row(
        "softplus", "x; beta=1, threshold=20", "log(1 + exp(beta*x))/beta; torch: x where beta*x > threshold",
        meaning=lambda m, x, beta, threshold: m.divide(_softplus(m, beta * x), beta), torch="nn.functional.softplus",
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
        "hardtanh", "x; min_val=-1, max_val=1", "x held between min_val and max_val", torch="nn.functional.hardtanh",
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


def _usual(t: Any, *args: Any) -> str:
    """How losses are reduced where nothing is told; of numbers no mean is taken."""
    return "mean" if any(isinstance(arg, t.Tensor) and arg.dim() for arg in args) else "none"


def _loss(name: str) -> Any:
    """A torch loss, of numbers or of arrays."""

    def call(t: Any, *args: Any, reduction: str | None = None, **settings: Any) -> Any:
        return getattr(t.nn.functional, name)(*args, reduction=reduction or _usual(t, *args), **settings)

    return call


def _reduced(m: Any, *args: Any, reduction: str = "mean") -> Any:
    name = m.node.name
    if name in _OF_ONE_SHAPE and len({arg.shape for arg in args[: _OF_ONE_SHAPE[name]]}) > 1:
        shapes = " and ".join(dict.fromkeys(m.shape(arg) for arg in args[: _OF_ONE_SHAPE[name]]))
        raise m.wrong(f"{name} is of arrays of one shape, not of {shapes}")
    # Of `batchmean` torch takes the rows of the first argument, whatever it is broadcast to.
    rows = args[0].shape[0] if args[0].shape else 1
    return reduced(m, m.each(name, *args), reduction, rows)


def _gaussian(m: Any, x: Any, target: Any, var: Any, reduction: str = "mean") -> Any:
    """torch takes a variance of the shape of the rows of x for one of each row."""
    if var.shape != x.shape and var.shape == x.shape[:-1]:
        var = var.reshaped((*var.shape, 1))
    return _reduced(m, x, target, var, reduction=reduction)


_OF_ONE_SHAPE = {
    "binary_cross_entropy": 2,
    "binary_cross_entropy_with_logits": 2,
    "soft_margin_loss": 2,
    "margin_ranking_loss": 3,
}
"""Losses that torch does not broadcast, and how many of their arguments."""


def _own_loss(losses: Any) -> Any:
    """A loss that torch has no function for, reduced as torch reduces its own."""

    def call(t: Any, *args: Any, reduction: str | None = None) -> Any:
        found = losses(t, *args)
        how = reduction or _usual(t, found)
        return found if how == "none" else getattr(t, how)(found)

    return call


def _torch_focal(t: Any, x: Any, target: Any, alpha: Any, gamma: Any) -> Any:
    p = t.sigmoid(x)
    entropy = t.nn.functional.binary_cross_entropy_with_logits(x, target, reduction="none")
    right = p * target + (1 - p) * (1 - target)
    return entropy * (1 - right) ** gamma * (alpha * target + (1 - alpha) * (1 - target))


def _focal(m: Vocabulary[N, C], x: N, y: N, alpha: N, gamma: N) -> N:
    p = m.sigmoid(x)
    entropy = (1 - y) * x + _softplus(m, -x)
    right = p * y + (1 - p) * (1 - y)
    return entropy * m.power(1 - right, gamma) * (alpha * y + (1 - alpha) * (1 - y))


def _hinge_embedding(m: Vocabulary[N, C], x: N, y: N, margin: N) -> N:
    zero, one = m.number(0), m.number(1)
    return m.where(m.ne(y, one), m.max(margin - x, zero), zero) + m.where(m.ne(y, -one), x, zero)


_LOSSES: tuple[Function, ...] = (
    row("mse_loss", "x, target", "(x - target)**2", meaning=lambda m, x, y: (x - y) * (x - y), torch=_loss("mse_loss"), aliases=("mse",), sample=_PAIR),
    row(
        "l1_loss", "x, target", "abs(x - target)", meaning=lambda m, x, y: m.abs(x - y), torch=_loss("l1_loss"),
        aliases=("l1",), singular="kink at x = target", sample=((0.5, 2.0), (-2.0, 0.0)),
    ),
    row(
        "smooth_l1_loss", "x, target; beta=1", "quadratic within beta, linear outside", meaning=_smooth_l1,
        torch=lambda t, x, y, beta, **how: _loss("smooth_l1_loss")(t, x, y, beta=beta, **how),
        aliases=("smooth_l1",), sample=_PAIR,
    ),
    row(
        "huber_loss", "x, target; delta=1", "delta*smooth_l1_loss with beta = delta", meaning=_huber,
        torch=lambda t, x, y, delta, **how: _loss("huber_loss")(t, x, y, delta=delta, **how),
        aliases=("huber",), sample=_PAIR,
    ),
    row(
        "binary_cross_entropy", "p, target", "-(target*log(p) + (1 - target)*log(1 - p)); torch clamps the logarithms at -100",
        meaning=lambda m, p, y: -(m.xlogy(y, p) + m.xlogy(1 - y, 1 - p)), torch=_loss("binary_cross_entropy"),
        torch_deviation="torch's binary_cross_entropy clamps its logarithms at -100 and its divisor at 1e-12",
        aliases=("bce",), singular="poles at p = 0, 1", sample=_PROBABILITIES,
    ),
    row(
        "binary_cross_entropy_with_logits", "x, target", "binary_cross_entropy of sigmoid(x), stable",
        meaning=lambda m, x, y: (1 - y) * x + _softplus(m, -x), torch=_loss("binary_cross_entropy_with_logits"),
        aliases=("bce_with_logits",), sample=((-2.0, 2.0), (0.1, 0.9)),
    ),
    row(
        "soft_margin_loss", "x, target", "log(1 + exp(-target*x)); torch: no derivative by target",
        meaning=lambda m, x, y: _softplus(m, -y * x), torch=_loss("soft_margin_loss"), sample=((-2.0, 2.0), (1.0, 1.0)),
    ),
    row(
        "kl_div", "x, target", "target*(log(target) - x)", meaning=lambda m, x, y: m.xlogy(y, y) - y * x,
        torch=_loss("kl_div"), singular="edge at target = 0", sample=((-2.0, 2.0), (0.1, 0.9)),
    ),
    row(
        "poisson_nll_loss", "x, target", "exp(x) - target*x", meaning=lambda m, x, y: m.exp(x) - y * x,
        torch=_loss("poisson_nll_loss"), aliases=("poisson_nll",), sample=_PAIR,
    ),
    row(
        "gaussian_nll_loss", "x, target, var", "(log(var) + (x - target)**2/var)/2",
        meaning=lambda m, x, y, var: m.divide(m.log(var) + m.divide((x - y) * (x - y), var), 2),
        torch=_loss("gaussian_nll_loss"),
        torch_deviation="torch's gaussian_nll_loss takes at least 1e-6 for var",
        aliases=("gaussian_nll",), singular="pole at var = 0", sample=(*_PAIR, (0.3, 2.0)),
    ),
    row(
        "margin_ranking_loss", "x, y, target; margin=0", "max(0, -target*(x - y) + margin)",
        meaning=lambda m, x, y, target, margin: _relu(m, -target * (x - y) + margin),
        torch=_loss("margin_ranking_loss"),
        singular="kink at the margin", sample=((-2.0, -0.5), (0.5, 2.0), (1.0, 1.0)),
    ),
    row(
        "hinge_embedding_loss", "x, target; margin=1", "x where target is 1, max(0, margin - x) where it is -1",
        meaning=_hinge_embedding, torch=lambda t, x, y, margin, **how: _loss("hinge_embedding_loss")(t, x, y, margin=margin, **how),
        aliases=("hinge_embedding",), singular="kink at the margin", sample=((-2.0, 0.5), (0.5, 0.5)),
    ),
    row(
        "hinge_loss", "x, target", "max(0, 1 - target*x), of torch.relu", aliases=("hinge",),
        meaning=lambda m, x, y: _relu(m, 1 - y * x), torch=_own_loss(lambda t, x, y: t.relu(1 - y * x)),
        singular="kink at target*x = 1", sample=((-2.0, 0.5), (0.5, 1.0)),
    ),
    row(
        "sigmoid_focal_loss", "x, target, alpha=0.25, gamma=2", "binary_cross_entropy_with_logits, less where it is right; as torchvision has it",
        meaning=_focal, torch=_own_loss(_torch_focal), aliases=("focal_loss", "focal"), sample=((-2.0, 2.0), (0.1, 0.9), (0.1, 0.9), (1.0, 3.0)),
    ),
)  # fmt: skip

_ENTRIES = {"gaussian_nll_loss": _gaussian}
_MORE_REDUCTIONS = {"kl_div": ("batchmean",)}
LOSSES = tuple(
    replace(
        loss,
        scalarized=_ENTRIES.get(loss.name, _reduced),
        options={"reduction": (*_REDUCTIONS, *_MORE_REDUCTIONS.get(loss.name, ()))},
    )
    for loss in _LOSSES
)

ROWS = (*ACTIVATIONS, *LOSSES)
