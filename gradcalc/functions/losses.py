"""torch's losses, of numbers and of arrays, under their torch names.

The meaning of a row is the mathematics of its name.  Where torch documents another function (binary_cross_entropy clamps
its logarithms), the summary says so.
"""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

from gradcalc.expression.arrays import Array, Shape
from gradcalc.functions.activations import relu, softplus
from gradcalc.functions.array_vocabulary import A, ArrayVocabulary
from gradcalc.functions.arrays import log_softmax
from gradcalc.functions.row import Builder, Function, Tensor, array_row, row
from gradcalc.functions.shape_rules import ShapeRules
from gradcalc.functions.vocabulary import C, N, Vocabulary

_REDUCTIONS = ("mean", "sum", "none")
_PAIR = ((-2.0, 2.0), (-2.0, 2.0))
_PROBABILITIES = ((0.1, 0.9), (0.1, 0.9))


def _smooth_l1(m: Vocabulary[N, C], x: N, y: N, beta: N) -> N:
    distance = m.abs(x - y)
    return m.where(m.lt(distance, beta), m.divide(distance * distance, 2 * beta), distance - m.divide(beta, 2))


def _huber(m: Vocabulary[N, C], x: N, y: N, delta: N) -> N:
    distance = m.abs(x - y)
    return m.where(m.le(distance, delta), m.divide(distance * distance, 2), delta * (distance - m.divide(delta, 2)))


def _focal(m: Vocabulary[N, C], x: N, y: N, alpha: N, gamma: N) -> N:
    p = m.sigmoid(x)
    entropy = (1 - y) * x + softplus(m, -x)
    right = p * y + (1 - p) * (1 - y)
    return entropy * m.power(1 - right, gamma) * (alpha * y + (1 - alpha) * (1 - y))


def _hinge_embedding(m: Vocabulary[N, C], x: N, y: N, margin: N) -> N:
    zero, one = m.number(0), m.number(1)
    return m.where(m.ne(y, one), m.max(margin - x, zero), zero) + m.where(m.ne(y, -one), x, zero)


def _default_reduction(t: ModuleType, *args: Tensor) -> str:
    """A loss of arrays is their mean; one of numbers is not reduced."""
    return "mean" if any(isinstance(arg, t.Tensor) and arg.dim() for arg in args) else "none"


def _loss(name: str) -> Builder:
    """A torch loss, of numbers or of arrays."""

    def call(t: ModuleType, *args: Tensor, reduction: str | None = None, **settings: Tensor) -> Tensor:
        return getattr(t.nn.functional, name)(*args, reduction=reduction or _default_reduction(t, *args), **settings)

    return call


def _composed_loss(losses: Builder) -> Builder:
    """A loss that torch has no function for, reduced as torch reduces its own."""

    def call(t: ModuleType, *args: Tensor, reduction: str | None = None) -> Tensor:
        entries = losses(t, *args)
        how = reduction or _default_reduction(t, entries)
        return entries if how == "none" else getattr(t, how)(entries)

    return call


def reduce_losses(m: ArrayVocabulary[A], losses: A, reduction: str, rows: int = 1) -> A:
    """Losses as torch reduces them: their mean, their sum, that divided by the rows (`batchmean`), or none."""
    if reduction == "none" or not losses.shape:
        return losses
    dims = m.dims(losses, None)
    if reduction == "batchmean":
        return m.call("/", m.sum(losses, dims), m.number(rows))
    return m.mean(losses, dims) if reduction == "mean" else m.sum(losses, dims)


def _shape_of_loss(m: ShapeRules, *shapes: Shape, reduction: str = "mean") -> Shape:
    name = m.node.name
    same = dict.fromkeys(shapes[: _WITHOUT_BROADCAST.get(name, 0)])
    if len(same) > 1:
        raise m.error(f"{name} takes arrays of one shape, not {' and '.join(map(m.text, same))}")
    shape = m.broadcast(*shapes)
    return shape if reduction == "none" else ()


def _reduced_loss(m: ArrayVocabulary[A], *args: A, reduction: str = "mean") -> A:
    # Of `batchmean` torch takes the rows of the first argument, whatever it is broadcast to.
    rows = args[0].shape[0] if args[0].shape else 1
    return reduce_losses(m, m.elementwise(*args), reduction, rows)


def _variance_of_rows(x: Shape, var: Shape) -> Shape:
    """torch takes a variance of the shape of the rows of x for one of each row."""
    return (*var, 1) if var == x[:-1] != x else var


def _shape_of_gaussian_nll(m: ShapeRules, x: Shape, target: Shape, var: Shape, reduction: str = "mean") -> Shape:
    return _shape_of_loss(m, x, target, _variance_of_rows(x, var), reduction=reduction)


def _gaussian_nll(m: ArrayVocabulary[A], x: A, target: A, var: A, reduction: str = "mean") -> A:
    variance = m.reshape(var, _variance_of_rows(x.shape, var.shape))
    return _reduced_loss(m, x, target, variance, reduction=reduction)


_WITHOUT_BROADCAST = {
    "binary_cross_entropy": 2,
    "binary_cross_entropy_with_logits": 2,
    "soft_margin_loss": 2,
    "margin_ranking_loss": 3,
}
"""Losses that torch does not broadcast, and how many of their arguments."""


def _torch_focal(t: ModuleType, x: Tensor, target: Tensor, alpha: Tensor, gamma: Tensor) -> Tensor:
    p = t.sigmoid(x)
    entropy = t.nn.functional.binary_cross_entropy_with_logits(x, target, reduction="none")
    right = p * target + (1 - p) * (1 - target)
    return entropy * (1 - right) ** gamma * (alpha * target + (1 - alpha) * (1 - target))


_LOSSES: tuple[Function, ...] = (
    row(
        "mse_loss", "x, target", "(x - target)**2",
        meaning=lambda m, x, y: (x - y) * (x - y), torch=_loss("mse_loss"), aliases=("mse",), sample=_PAIR,
    ),
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
        "binary_cross_entropy", "p, target",
        "-(target*log(p) + (1 - target)*log(1 - p)); torch clamps the logarithms at -100",
        meaning=lambda m, p, y: -(m.xlogy(y, p) + m.xlogy(1 - y, 1 - p)), torch=_loss("binary_cross_entropy"),
        torch_deviation="torch's binary_cross_entropy clamps its logarithms at -100 and its divisor at 1e-12",
        aliases=("bce",), singular="poles at p = 0, 1", sample=_PROBABILITIES,
    ),
    row(
        "binary_cross_entropy_with_logits", "x, target", "binary_cross_entropy of sigmoid(x), stable",
        meaning=lambda m, x, y: (1 - y) * x + softplus(m, -x), torch=_loss("binary_cross_entropy_with_logits"),
        aliases=("bce_with_logits",), sample=((-2.0, 2.0), (0.1, 0.9)),
    ),
    row(
        "soft_margin_loss", "x, target", "log(1 + exp(-target*x)); torch: no derivative with respect to target",
        meaning=lambda m, x, y: softplus(m, -y * x), torch=_loss("soft_margin_loss"), sample=((-2.0, 2.0), (1.0, 1.0)),
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
        meaning=lambda m, x, y, target, margin: relu(m, -target * (x - y) + margin),
        torch=_loss("margin_ranking_loss"),
        singular="kink at the margin", sample=((-2.0, -0.5), (0.5, 2.0), (1.0, 1.0)),
    ),
    row(
        "hinge_embedding_loss", "x, target; margin=1", "x where target is 1, max(0, margin - x) where it is -1",
        meaning=_hinge_embedding,
        torch=lambda t, x, y, margin, **how: _loss("hinge_embedding_loss")(t, x, y, margin=margin, **how),
        aliases=("hinge_embedding",), singular="kink at the margin", sample=((-2.0, 0.5), (0.5, 0.5)),
    ),
    row(
        "hinge_loss", "x, target", "max(0, 1 - target*x), of torch.relu", aliases=("hinge",),
        meaning=lambda m, x, y: relu(m, 1 - y * x), torch=_composed_loss(lambda t, x, y: t.relu(1 - y * x)),
        singular="kink at target*x = 1", sample=((-2.0, 0.5), (0.5, 1.0)),
    ),
    row(
        "sigmoid_focal_loss", "x, target, alpha=0.25, gamma=2",
        "binary_cross_entropy_with_logits, less where it is right; as torchvision has it",
        meaning=_focal, torch=_composed_loss(_torch_focal), aliases=("focal_loss", "focal"),
        sample=((-2.0, 2.0), (0.1, 0.9), (0.1, 0.9), (1.0, 3.0)),
    ),
)  # fmt: skip

_MORE_REDUCTIONS = {"kl_div": ("batchmean",)}
LOSSES = tuple(
    replace(
        loss,
        shape=_shape_of_gaussian_nll if loss.name == "gaussian_nll_loss" else _shape_of_loss,
        composition=_gaussian_nll if loss.name == "gaussian_nll_loss" else _reduced_loss,
        options={"reduction": (*_REDUCTIONS, *_MORE_REDUCTIONS.get(loss.name, ()))},
    )
    for loss in _LOSSES
)


def _shape_of_cross_entropy(m: ShapeRules, x: Shape, target: Shape, reduction: str = "mean") -> Shape:
    if not x or len(x) > 2:
        raise m.error(f"cross_entropy takes scores of shape (classes) or (rows, classes), not {m.text(x)}")
    if target not in (x, x[:-1]):
        raise m.error(f"targets of shape {m.text(target)} do not match scores of shape {m.text(x[:-1])}")
    return x[:-1] if reduction == "none" else ()


def _cross_entropy(m: ArrayVocabulary[A], x: A, target: A, reduction: str = "mean") -> A:
    """Rows of scores, and for each its class or the probabilities of all."""
    return _class_losses(m, log_softmax(m, x), target, reduction)


def _shape_of_nll(m: ShapeRules, x: Shape, target: Shape, reduction: str = "mean") -> Shape:
    if not x or len(x) > 2 or target != x[:-1]:
        raise m.error(
            f"nll_loss takes shapes (classes) or (rows, classes) and one class per row, not {m.text(x)} and {m.text(target)}"
        )
    return target if reduction == "none" else ()


def _class_losses(m: ArrayVocabulary[A], scores: A, target: A, reduction: str = "mean") -> A:
    if target.shape == scores.shape:
        at_target = m.sum(m.call("*", scores, target), m.dims(scores, -1))
    else:
        count = scores.shape[-1]
        positions = [row * count + place for row, place in enumerate(m.classes(target, count))]
        at_target = m.take(scores, Array(target.shape, positions))
    return reduce_losses(m, m.call("neg", at_target), reduction)


def _torch_classes(name: str) -> Builder:
    def call(t: ModuleType, x: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
        classes = target if target.shape == x.shape else target.detach().long()
        return getattr(t.nn.functional, name)(x, classes, reduction=reduction)

    return call


CLASS_LOSSES: tuple[Function, ...] = (
    array_row(
        "cross_entropy", "x, target", "-log_softmax(x) at the target's class, or weighted by its probabilities",
        _shape_of_cross_entropy, _cross_entropy, _torch_classes("cross_entropy"), options={"reduction": _REDUCTIONS},
    ),
    array_row(
        "nll_loss", "x, target", "-x at the target's class", _shape_of_nll, _class_losses, _torch_classes("nll_loss"),
        options={"reduction": _REDUCTIONS},
    ),
)  # fmt: skip
