"""Forward rows of reductions and products, as compositions of sums and products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.masks import exponentials
from gradcalc.proof.gradients.rows import Arguments, row


def _dims(x: Reference, dim: Any) -> list[int]:
    """The dimensions that an argument names; all of them if it names none."""
    count = len(x.shape)
    named = [dim] if isinstance(dim, int) else list(dim) if dim else range(count)
    return sorted(axis % count for axis in named) if count else []


def _kept(p: ForwardProgram, a: Arguments, x: Reference) -> Reference:
    return Reference(x.place, a.shape)


@row("sum mean", "dim keepdim")
def _sum(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    dims = _dims(x, a.of("dim"))
    total = p.combine("+", x, dims) if x.shape else x
    if a.op.base == "mean":
        total = p.call("/", total, p.scalar(float(math.prod(x.shape[dim] for dim in dims))))
    return _kept(p, a, total)


@row("prod", "dim keepdim")
def _prod(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    return _kept(p, a, p.combine("*", x, _dims(x, a.of("dim"))) if x.shape else x)


def centered(p: ForwardProgram, x: Reference, dims: Sequence[int]) -> Reference:
    return p.call("-", x, p.keep(p.mean(x, dims), dims))


def _variance(p: ForwardProgram, x: Reference, dims: Sequence[int], correction: float) -> Reference:
    apart = centered(p, x, dims)
    count = math.prod(x.shape[dim] for dim in dims)
    return p.call("/", p.sum(p.call("*", apart, apart), dims), p.scalar(count - correction))


@row("var std", "dim correction keepdim unbiased")
def _var(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    dim, correction = a.of("dim"), a.of("correction")
    if isinstance(dim, bool) or a.of("unbiased") is not None:
        raise NotKnown(f"{a.op.name} with unbiased")
    variance = _variance(p, x, _dims(x, dim), 1 if correction is None else correction)
    return _kept(p, a, variance if a.op.base == "var" else p.call("sqrt", variance))


@row("var_mean", "dim correction keepdim")
def _var_mean(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference]:
    x, correction = a.array("self"), a.of("correction")
    dims = _dims(x, a.of("dim"))
    variance = _variance(p, x, dims, 1 if correction is None else correction)
    return _kept(p, a, variance), Reference(p.mean(x, dims).place, a.op.results[1].shape)


@row("amax amin", "dim keepdim")
def _amax(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    return _kept(p, a, p.combine("max" if a.op.base == "amax" else "min", x, _dims(x, a.of("dim"))) if x.shape else x)


@row("max min", "dim keepdim")
def _max(p: ForwardProgram, a: Arguments) -> Any:
    x = a.array("self")
    if a.op.argument("other") is not None:
        return p.call("maximum" if a.op.base == "max" else "minimum", x, a.array("other"))
    best = _kept(p, a, p.combine(a.op.base, x, _dims(x, a.of("dim"))) if x.shape else x)
    return (best, None) if len(a.op.results) > 1 else best


@row("exp")
def _exp(p: ForwardProgram, a: Arguments) -> Reference:
    return exponentials(p, a.array("self"), a.floats("self"))


@row("logsumexp", "dim keepdim")
def _logsumexp(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    dims = _dims(x, a.of("dim"))
    return _kept(p, a, p.call("log", p.sum(exponentials(p, x, a.floats("self")), dims)))


@row("_softmax _safe_softmax", "dim")
def _softmax(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    dims = [a.of("dim") % len(x.shape)] if x.shape else []
    powers = exponentials(p, x, a.floats("self"))
    return p.call("/", powers, p.keep(p.sum(powers, dims), dims)) if dims else p.scalar(1.0)


@row("_log_softmax", "dim")
def _log_softmax(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    dims = [a.of("dim") % len(x.shape)] if x.shape else []
    if not dims:
        return p.call("-", x, x)
    return p.call("-", x, p.keep(p.call("log", p.sum(exponentials(p, x, a.floats("self")), dims)), dims))


def norm_of(p: ForwardProgram, x: Reference, order: float, dims: Sequence[int]) -> Reference:
    """The norm of an order over some dimensions."""
    if order == 2:
        return p.call("sqrt", p.sum(p.call("*", x, x), dims))
    size = p.call("abs", x)
    if math.isinf(order):
        return p.combine("max" if order > 0 else "min", size, dims)
    if order == 0:
        return p.sum(p.call("sign", size), dims)
    if order == 1:
        return p.sum(size, dims)
    powers = p.call("**", size, p.scalar(order))
    return p.call("**", p.sum(powers, dims), p.call("/", p.scalar(1.0), p.scalar(order)))


@row("linalg_vector_norm", "ord dim keepdim")
def _vector_norm(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    return _kept(p, a, norm_of(p, x, float(a.of("ord")), _dims(x, a.of("dim"))))


@row("norm", "p dim keepdim")
def _norm(p: ForwardProgram, a: Arguments) -> Reference:
    x, order = a.array("self"), a.of("p")
    return _kept(p, a, norm_of(p, x, 2.0 if order is None else float(order), _dims(x, a.of("dim"))))


@row("dist", "p")
def _dist(p: ForwardProgram, a: Arguments) -> Reference:
    apart = p.call("-", a.array("self"), a.array("other"))
    return p.identity(_kept(p, a, norm_of(p, apart, float(a.of("p")), list(range(len(apart.shape))))))


@row("_cdist_forward", "p compute_mode")
def _cdist(p: ForwardProgram, a: Arguments) -> Reference:
    left, right = a.array("x1"), a.array("x2")
    left = Reference(left.place, (*left.shape[:-1], 1, left.shape[-1]))
    right = Reference(right.place, (*right.shape[:-2], 1, *right.shape[-2:]))
    apart = p.call("-", left, right)
    return _kept(p, a, norm_of(p, apart, float(a.of("p")), [len(apart.shape) - 1]))


@row("_pdist_forward", "p")
def _pdist(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    places = np.arange(x.size).reshape(x.shape)
    first, second = np.triu_indices(x.shape[0], 1)
    apart = p.call("-", p.gather(x, places[first]), p.gather(x, places[second]))
    return _kept(p, a, norm_of(p, apart, float(a.of("p")), [1]))


@row("cumsum", "dim")
def _cumsum(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    return p.accumulate("+", x, a.of("dim") % len(x.shape)) if x.shape else x


@row("cumprod", "dim")
def _cumprod(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    return p.accumulate("*", x, a.of("dim") % len(x.shape)) if x.shape else x


@row("std_mean", "dim correction keepdim")
def _std_mean(p: ForwardProgram, a: Arguments) -> tuple[Reference, Reference]:
    variance, middle = _var_mean(p, a)
    return p.call("sqrt", variance), middle


@row("mm mv dot vdot")
def _product(p: ForwardProgram, a: Arguments) -> Reference:
    names = {"mm": "self mat2", "mv": "self vec", "dot": "self tensor", "vdot": "self other"}[a.op.base].split()
    return p.product(*(a.array(name) for name in names))


def batched(p: ForwardProgram, left: Reference, right: Reference) -> Reference:
    batch, rows, terms = left.shape
    columns = right.shape[2]
    parts = []
    for number in range(batch):
        one = p.gather(left, np.arange(number * rows * terms, (number + 1) * rows * terms).reshape(rows, terms))
        other = p.gather(right, np.arange(number * terms * columns, (number + 1) * terms * columns).reshape(terms, columns))
        parts.append(p.product(one, other))
    return Reference(p.join(parts).place, (batch, rows, columns))


@row("bmm")
def _bmm(p: ForwardProgram, a: Arguments) -> Reference:
    return batched(p, a.array("self"), a.array("mat2"))


@row("addr", "beta alpha")
def _addr(p: ForwardProgram, a: Arguments) -> Reference:
    first, second = a.array("vec1"), a.array("vec2")
    outer = p.call("*", Reference(first.place, (first.size, 1)), second)
    return _with_summand(p, a, outer)


@row("linalg_cross", "dim")
def _cross(p: ForwardProgram, a: Arguments) -> Reference:
    left, right = a.array("self"), a.array("other")
    shape = p.broadcast(left.shape, right.shape)
    left, right = p.broadcast_to(left, shape), p.broadcast_to(right, shape)
    dim = a.of("dim") % len(shape)
    places = np.arange(math.prod(shape)).reshape(shape)

    def turned(x: Reference, by: int) -> Reference:
        return p.gather(x, np.roll(places, -by, axis=dim))

    return p.call("-", p.call("*", turned(left, 1), turned(right, 2)), p.call("*", turned(left, 2), turned(right, 1)))


def _with_summand(p: ForwardProgram, a: Arguments, product: Reference) -> Reference:
    alpha, beta, summand = a.of("alpha"), a.of("beta"), a.array("self")
    product = product if alpha == 1 else p.call("*", product, p.scalar(alpha))
    return p.call("+", summand if beta == 1 else p.call("*", summand, p.scalar(beta)), product)


@row("addbmm", "beta alpha")
def _addbmm(p: ForwardProgram, a: Arguments) -> Reference:
    return _with_summand(p, a, p.sum(batched(p, a.array("batch1"), a.array("batch2")), [0]))


@row("addmm addmv baddbmm", "beta alpha")
def _addmm(p: ForwardProgram, a: Arguments) -> Reference:
    names = {"addmm": ("mat1", "mat2"), "addmv": ("mat", "vec"), "baddbmm": ("batch1", "batch2")}[a.op.base]
    left, right = (a.array(name) for name in names)
    product = batched(p, left, right) if a.op.base == "baddbmm" else p.product(left, right)
    return _with_summand(p, a, product)


@row("native_dropout", "p train")
def _dropout(p: ForwardProgram, a: Arguments) -> tuple[Reference, None]:
    keep = p.call("/", p.scalar(1.0), p.call("-", p.scalar(1.0), p.scalar(a.of("p"))))
    kept = p.call("*", a.array("input"), keep)
    return p.choose(a.result(1) != 0, kept, p.scalar(0.0)), None
