"""Forward rows of losses, with their reductions and weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.rows import Arguments, row

_NONE, _MEAN = 0, 1
"""The numbers of reductions; 2 is the sum."""


def _reduced(p: ForwardProgram, a: Arguments, losses: Reference) -> Reference:
    if a.plain("reduction") == _NONE:
        return losses
    dims = list(range(len(losses.shape)))
    if not dims:
        return p.identity(losses)
    return p.mean(losses, dims) if a.plain("reduction") == _MEAN else p.sum(losses, dims)


def _residual(p: ForwardProgram, a: Arguments) -> tuple[Reference, Any]:
    """The difference from the target, and its size as the machine had it."""
    return p.call("-", a.array("self"), a.array("target")), np.abs(a.floats("self") - a.floats("target"))


@row("mse_loss", "reduction")
def _mse_loss(p: ForwardProgram, a: Arguments) -> Reference:
    apart, _ = _residual(p, a)
    return _reduced(p, a, p.call("*", apart, apart))


@row("huber_loss", "reduction delta")
def _huber_loss(p: ForwardProgram, a: Arguments) -> Reference:
    apart, size = _residual(p, a)
    delta, half = p.scalar(a.plain("delta")), p.scalar(0.5)
    near = p.call("*", half, p.call("*", apart, apart))
    # where the other side is chosen, the size is not 0: the kink of `abs` is never reached
    far = p.call("*", delta, p.call("-", p.call("abs", apart), p.call("*", half, delta)))
    return _reduced(p, a, p.choose(size <= a.plain("delta"), near, far))


@row("smooth_l1_loss", "reduction beta")
def _smooth_l1_loss(p: ForwardProgram, a: Arguments) -> Reference:
    apart, size = _residual(p, a)
    far = p.call("abs", apart)
    if not a.plain("beta"):
        return _reduced(p, a, far)
    beta, half = p.scalar(a.plain("beta")), p.scalar(0.5)
    near = p.call("/", p.call("*", half, p.call("*", apart, apart)), beta)
    return _reduced(p, a, p.choose(size < a.plain("beta"), near, p.call("-", far, p.call("*", half, beta))))


@row("soft_margin_loss", "reduction")
def _soft_margin_loss(p: ForwardProgram, a: Arguments) -> Reference:
    product = p.call("neg", p.call("*", a.array("target"), a.array("self")))
    return _reduced(p, a, p.call("log1p", p.call("exp", product)))


@row("binary_cross_entropy", "weight reduction")
def _binary_cross_entropy(p: ForwardProgram, a: Arguments) -> Reference:
    x, target, one = a.array("self"), a.array("target"), p.scalar(1.0)
    floats = a.floats("self")
    if (floats <= 0).any() or (floats >= 1).any():
        raise NotKnown(f"{a.op.name} at 0 or 1")  # the kernel's logarithm has a floor there
    rest = p.call("*", p.call("-", one, target), p.call("log", p.call("-", one, x)))
    losses = p.call("neg", p.call("+", p.call("*", target, p.call("log", x)), rest))
    return _reduced(p, a, _weighted(p, a, losses))


@row("binary_cross_entropy_with_logits", "weight pos_weight reduction")
def _binary_cross_entropy_with_logits(p: ForwardProgram, a: Arguments) -> Reference:
    x, target, one = a.array("self"), a.array("target"), p.scalar(1.0)
    tail = p.call("log1p", p.call("exp", p.call("neg", x)))
    if a.plain("pos_weight") is not None:
        more = p.call("-", a.array("pos_weight"), one)
        tail = p.call("*", p.call("+", one, p.call("*", more, target)), tail)
    losses = p.call("+", p.call("*", p.call("-", one, target), x), tail)
    return _reduced(p, a, _weighted(p, a, losses))


def _weighted(p: ForwardProgram, a: Arguments, losses: Reference) -> Reference:
    return losses if a.plain("weight") is None else p.call("*", losses, a.array("weight"))


@row("multilabel_margin_loss_forward", "reduction")
def _multilabel_margin_loss(p: ForwardProgram, a: Arguments) -> tuple[Reference, None]:
    """The margins between the targets of a row, which end before the first -1, and its other classes."""
    x, targets = a.array("self"), a.floats("target").astype(int)
    count = x.shape[-1] if x.shape else 1
    losses = []
    for number, line in enumerate(targets.reshape(-1, count)):
        end = np.flatnonzero(line == -1)
        chosen = line[: end[0]] if end.size else line
        others = np.setdiff1d(np.arange(count), chosen)
        if not chosen.size or not others.size:
            losses.append(p.numbers(np.zeros(1), ()))
            continue
        pairs = np.stack(np.meshgrid(chosen, others, indexing="ij")).reshape(2, -1) + number * count
        margin = p.call("-", p.gather(x, pairs[1]), p.gather(x, pairs[0]))
        hinge = p.call("maximum", p.call("+", p.scalar(1.0), margin), p.scalar(0.0))
        losses.append(p.call("/", p.sum(hinge, [0]), p.scalar(float(count))))
    shape = targets.shape[:-1]
    joined = Reference(p.join(losses).place, shape if shape else ())
    return _reduced(p, a, joined), None


@row("nll_loss_forward", "weight reduction ignore_index")
def _nll_loss(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference | None]:
    """Of rows of logarithms and their classes; ignored classes count for nothing, in the mean either."""
    x, classes = a.array("self"), a.floats("target").astype(int).reshape(-1)
    keep = classes != a.plain("ignore_index")
    places = np.where(keep, classes, 0)
    losses = p.call("neg", p.gather(x, np.arange(len(classes)) * x.shape[-1] + places))
    weights = p.numbers(keep.astype(float), keep.shape)
    if a.plain("weight") is not None:
        weights = p.call("*", weights, p.gather(a.array("weight"), places))
    losses = p.call("*", losses, weights)
    if a.plain("reduction") == _NONE:
        return Reference(losses.place, classes.shape if len(x.shape) > 1 else ()), None
    total, by = p.sum(losses, [0]), p.sum(weights, [0])
    return (p.call("/", total, by) if a.plain("reduction") == _MEAN else total), by


@row("glu", "dim")
def _glu(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    first, second = np.split(np.arange(x.size).reshape(x.shape), 2, axis=a.plain("dim"))
    return p.call("*", p.gather(x, first), p.call("sigmoid", p.gather(x, second)))


@row("nll_loss_backward nll_loss2d_backward", "weight reduction ignore_index")
def _nll_loss_backward(p: ForwardProgram, a: Arguments) -> Reference:
    """The gradient of each loss, with the weight of its class, at the place of its class."""
    shape, classes = a.plain("self").shape, a.floats("target").astype(int)
    lead = shape[:1] if len(shape) > 1 else ()
    size = math.prod(shape[len(lead) + 1 :])
    keep = (classes != a.plain("ignore_index")).reshape(-1)
    chosen = np.where(keep, classes.reshape(-1), 0)
    gradient = p.call("neg", p.broadcast_to(a.array("grad_output"), (len(chosen),)))
    if a.plain("weight") is not None:
        gradient = p.call("*", gradient, p.gather(a.array("weight"), chosen))
    if a.plain("reduction") == _MEAN:
        gradient = p.call("/", gradient, a.array("total_weight"))
    count = np.arange(len(chosen))
    places = ((count // size) * shape[len(lead)] + chosen) * size + count % size
    kept = np.flatnonzero(keep)
    return p.scatter(p.gather(gradient, kept), places[kept], shape)
