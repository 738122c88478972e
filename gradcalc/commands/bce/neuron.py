"""One neuron with binary cross-entropy, worked through by hand, in symbols and by autograd: for one sample or for data.

    z = w*x + b,  p = sigmoid(z),  q = clamp(p, eps, 1 - eps),  loss = -(y*log(q) + (1 - y)*log(1 - q))

Comes in: numbers or arrays, and a dtype.  Goes out: a `NeuronReport`: the forward values, the factors of the chain rule and
their products as the dtype computes them, each beside its exact value; the gradients judged; what happened where it broke;
and what `binary_cross_entropy_with_logits` gives beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from math import prod
from typing import Any

from gradcalc.calculate.answer import answer
from gradcalc.calculate.prepared import Entries
from gradcalc.calculate.reference import ExactValues, exact_values
from gradcalc.engines.taylor.reals import decimal
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array, Shape
from gradcalc.expression.tree import Node
from gradcalc.functions.resolve import understand
from gradcalc.inputs.values import read_value, value_tree
from gradcalc.output.numbers import significant
from gradcalc.report import Partial, Problem, Report, Verdict, worst
from gradcalc.runtime import deadline
from gradcalc.runtime.deadline import DEFAULT_SECONDS


@dataclass(frozen=True, slots=True)
class WorkLine:
    """A line of the work: its name, its formula, what the dtype computes and the exact value (None: it has none).

    Of several samples these are nested lists.
    """

    name: str
    formula: str
    computed: Any
    exact: Any


@dataclass(frozen=True, slots=True)
class NeuronReport:
    """The whole work.

    `samples` is None where there is one that is no row of data.  `by_hand` are the gradients by w and by b with the first
    two factors multiplied out, to p - y.  `gradients` are the partials of the clamped loss by w and b as autograd computes
    them, judged against the loss without the clamp; `logits` the same by `binary_cross_entropy_with_logits`.  `events` say
    what happened, a sentence each.
    """

    at: Mapping[str, str]
    point: Mapping[str, Any]
    eps: str
    samples: int | None
    reduction: str
    dtype: str
    device: str
    forward: tuple[WorkLine, ...]
    factors: tuple[WorkLine, ...]
    products: tuple[WorkLine, ...]
    by_hand: tuple[str, str]
    gradients: tuple[Partial, ...]
    logits: Report
    events: tuple[str, ...]
    verdict: Verdict
    versions: Mapping[str, str]

    @property
    def verdicts(self) -> tuple[Verdict | None, ...]:
        """The verdicts of all gradients, and of the whole."""
        return (*(partial.verdict for partial in self.gradients), self.verdict)


@dataclass(frozen=True, slots=True)
class _Formulation:
    """The neuron as expressions, for arrays of certain shapes."""

    z: str
    eps: str
    samples: int | None
    reduction: str
    is_matrix: bool

    @classmethod
    def for_shapes(cls, shapes: Mapping[str, Shape], eps: str, reduction: str) -> _Formulation:
        """The formulation for x, y, w and b of these shapes.  Raises `CalcError` if they do not fit."""
        x, w, samples = shapes["x"], shapes["w"], None
        if len(w) < 2 and len(x) == len(w) + 1 and x[1:] == w:
            samples = x[0]
        elif x != w or len(x) > 1:
            raise CalcError(
                f"x has the shape {x} and w the shape {w}: a sample has as many inputs as there are weights",
                hint='samples are rows: --x "[[1,2],[3,4],[5,6]]" --y "[0,1,1]" --w "[0.5,1]"',
            )
        for name, shape in (("y", () if samples is None else (samples,)), ("b", ())):
            if shapes[name] != shape:
                requirement = f"a label for each of {samples} samples" if shape else "one number"
                raise CalcError(f"{name} has the shape {shapes[name]}, where {requirement} belongs")
        return cls("x@w + b" if w else "w*x + b", eps, samples, reduction, len(x) == 2)

    @property
    def is_mean(self) -> bool:
        """Whether every sample counts for its share."""
        return self.samples is not None and self.reduction == "mean"

    @property
    def p(self) -> str:
        return f"sigmoid({self.z})"

    @property
    def q(self) -> str:
        return f"clamp({self.p}, {self.eps}, 1 - {self.eps})"

    def loss(self, q: str) -> str:
        """The loss of all samples, for a formulation of the probability."""
        losses = f"-(y*log({q}) + (1 - y)*log(1 - {q}))"
        return losses if self.samples is None else f"{self.reduction}({losses})"

    def logits(self) -> str:
        how = "" if self.samples is None else f", reduction={self.reduction}"
        return f"binary_cross_entropy_with_logits({self.z}, y{how})"

    def sections(self) -> dict[str, tuple[tuple[str, str, str], ...]]:
        """The derivation by hand: lines of a name, the formula that people read, and the same in x, y, w and b only."""
        p, chain = self.p, "dL/dp * dp/dz"
        share, number = ("/n", f"/{self.samples}") if self.is_mean else ("", "")
        by_w, by_b = f"{chain} * dz/dw", f"{chain} * dz/db"
        if self.samples is not None:
            by_w, by_b = f"x.T @ ({chain})" if self.is_matrix else f"sum({by_w})", f"sum({by_b})"
        exact = self.by_hand(p, str(self.samples))
        return {
            "forward": (("z", self.z, self.z), ("p", p, p), ("q", f"clamp(p, {self.eps}, 1 - {self.eps})", self.q)),
            "factors": (
                ("dL/dp", f"(p - y)/(p*(1 - p)){share}", f"({p} - y)/({p}*(1 - {p})){number}"),
                ("dp/dz", "p*(1 - p)", f"{p}*(1 - {p})"),
                ("dz/dw", "x", "x"),
                ("dz/db", "1", "1"),
            ),
            "products": (("dL/dw", by_w, exact[0]), ("dL/db", by_b, exact[1])),
        }

    def by_hand(self, p: str, n: str) -> tuple[str, str]:
        """The gradients by w and by b: what the products are, as dL/dz = p - y follows from the first two factors."""
        by_z = f"({p} - y)"
        if self.samples is None:
            return f"{by_z}*x", f"{p} - y"
        by_w, by_b = f"x.T@{by_z}" if self.is_matrix else f"sum({by_z}*x)", f"sum({p} - y)"
        return (f"{by_w}/{n}", f"{by_b}/{n}") if self.is_mean else (by_w, by_b)


def neuron(
    *,
    x: str,
    y: str,
    w: str | None = None,
    b: str = "0",
    eps: str = "1e-7",
    reduction: str = "mean",
    device: str = "cpu",
    dtype: str | None = None,
    seconds: float = DEFAULT_SECONDS,
) -> NeuronReport:
    """Work one neuron through.

    Values are text, as for `differentiate`.  `x` is a number; or samples of one input each; or a matrix of samples as rows;
    or, with a vector of weights `w` of the same length, one sample of several inputs.  Weights are 1 by default.
    Raises `CalcError` for a text that is not a number and for shapes that do not fit.
    """
    at = {"x": x, "y": y, "w": _ones(read_value("x", x).shape) if w is None else w, "b": b}
    values = {name: read_value(name, text).entries for name, text in at.items()}
    exact_eps = _exact_eps(eps)
    formulation = _Formulation.for_shapes({name: cells.shape for name, cells in values.items()}, eps, reduction)

    def ask(expr: str) -> Report:
        return answer(Problem(expr, at, ("w", "b"), 1, device, dtype, ("x", "y", "w", "b")), seconds=seconds)

    @cache  # p decides about the clamp, and is a line of the work
    def exact(text: str) -> Array[str | None]:
        return _exact(text, values, seconds)

    # Whether the clamp cuts the exact p of a sample.
    is_cut = any(p is not None and not exact_eps <= Fraction(p) <= 1 - exact_eps for p in exact(formulation.p).entries)
    clamped, logits = ask(formulation.loss(formulation.q)), ask(formulation.logits())
    true = ask(formulation.loss(formulation.p)) if is_cut else clamped  # where the clamp does nothing both are one
    if clamped.dtype is None or clamped.device is None or clamped.value is None:
        raise CalcError(f"the values were not computed within {seconds:g} seconds")
    run = _Arithmetic(clamped.point, float(exact_eps), formulation, clamped.dtype, clamped.device)
    forward, factors, products = (
        tuple(WorkLine(name, formula, run.lines[name].tolist(), exact(text).tolist()) for name, formula, text in lines)
        for lines in formulation.sections().values()
    )
    loss = WorkLine("loss", formulation.loss("q"), run.lines["loss"].item(), true.value.symbolic if true.value else None)
    gradients = tuple(
        _judgement(*partials, is_cut, formulation)
        for partials in zip(clamped.partials, true.partials, logits.partials, strict=True)
    )
    return NeuronReport(
        at,
        clamped.point,
        eps,
        formulation.samples,
        reduction,
        clamped.dtype,
        clamped.device,
        (*forward, loss),
        factors,
        products,
        formulation.by_hand("p", "n"),
        gradients,
        logits,
        tuple(_events(run, formulation, clamped.dtype, gradients, is_cut)),
        worst(partial.verdict for partial in gradients if partial.verdict is not None),
        clamped.versions,
    )


def _ones(inputs: Shape) -> str:
    """The weights where none are given: 1 for each input of a sample."""
    return f"[{', '.join('1' * inputs[1])}]" if len(inputs) > 1 else "1"


def _exact_eps(text: str) -> Fraction:
    value_tree("eps", text)
    try:
        eps = Fraction(text)
    except (ValueError, ZeroDivisionError):
        eps = Fraction(-1)
    if not 0 <= eps < Fraction(1, 2):
        raise CalcError(f"eps must be at least 0 and below 1/2, not {text}", hint="the usual value is 1e-7")
    return eps


def _exact(text: str, values: Mapping[str, Array[Node]], seconds: float) -> Array[str | None]:
    """The exact values of the entries of an expression at the typed point."""
    with deadline.limit(seconds):
        exact = ExactValues(Entries(understand(text, values), values), exact_values(values))

        def decimal_at(place: int) -> str | None:
            try:
                value = exact.value(place)
            except deadline.OutOfTime:
                return None
            return None if value is None else decimal(value)

        return Array(exact.shape, range(prod(exact.shape))).map(decimal_at)


class _Arithmetic:
    """Every line of the work as torch computes it, step by step, in the dtype."""

    def __init__(self, point: Mapping[str, Any], eps: float, formulation: _Formulation, dtype: str, device: str):
        import torch

        kind = getattr(torch, dtype)
        x, y, w, b = (torch.tensor(point[name], dtype=kind, device=device) for name in "xywb")
        low = torch.tensor(eps, dtype=kind, device=device)
        z = x @ w + b if w.dim() else w * x + b
        p = torch.sigmoid(z)
        q = torch.clamp(p, low, 1 - low)
        loss = -(y * torch.log(q) + (1 - y) * torch.log(1 - q))
        slope, rise, one = (p - y) / (p * (1 - p)), p * (1 - p), torch.ones_like(b)
        if formulation.samples is None:
            by_w, by_b = slope * rise * x, slope * rise * one
        else:
            slope = slope / len(z) if formulation.is_mean else slope
            loss = loss.mean() if formulation.is_mean else loss.sum()
            by_z = slope * rise
            by_w, by_b = x.T @ by_z if formulation.is_matrix else (by_z * x).sum(), (by_z * one).sum()
        self.lines = {
            "z": z, "p": p, "q": q, "loss": loss, "dL/dp": slope, "dp/dz": rise, "dz/dw": x, "dz/db": one,
            "dL/dw": by_w, "dL/db": by_b,
        }  # fmt: skip
        self.low, self.high = low.item(), (1 - low).item()

    def samples(self) -> Iterator[tuple[str, float, float]]:
        """Of every sample its place, as the user writes it, its p and its q."""
        p, q = self.lines["p"], self.lines["q"]
        places = [f"[{place}]" for place in range(len(p))] if p.dim() else [""]
        return zip(places, p.reshape(-1).tolist(), q.reshape(-1).tolist(), strict=True)


def _judgement(clamped: Partial, true: Partial, logits: Partial, is_cut: bool, formulation: _Formulation) -> Partial:
    """autograd's gradient of the clamped loss, judged against the loss itself.

    Without the clamp in effect both losses are one, and the verdict on the clamped expression stands.
    """
    number = clamped.autograd
    # The stable formulation has the same derivative, and a formula that has a value everywhere.
    judgement = replace(
        clamped, formula=logits.formula, latex=logits.latex, symbolic=true.symbolic or logits.symbolic,
        reference=true.reference or logits.reference,
    )  # fmt: skip
    if not is_cut or (clamped.symbolic is not None and clamped.symbolic == judgement.symbolic):
        return judgement
    if clamped.verdict is Verdict.AGREE:
        active = f"the clamp at {formulation.eps} is active"
        why = f"{active}: the clamped loss is constant here, with gradient {number!r}; the loss without the clamp is not"
        if formulation.samples is not None:
            why = f"{active} for some samples: their contribution to the gradient is lost, {number!r} remains"
        return replace(judgement, verdict=Verdict.DIFFERENT_FUNCTION, cause="clamp", why=why, digits=None, ulps=None)
    why = f"the dtype represents neither the clamped nor the exact loss here: autograd returns {number!r}"
    verdict = Verdict.INACCURATE if number is not None and math.isfinite(number) else Verdict.NOT_FINITE
    return replace(judgement, verdict=verdict, cause="saturation", why=why, digits=0.0, ulps=None)


_DESCRIBED = 3
"""Samples, and gradients, with a sentence of their own; the others are counted."""


def _events(
    run: _Arithmetic, formulation: _Formulation, dtype: str, gradients: tuple[Partial, ...], is_cut: bool
) -> Iterator[str]:
    """Notes in plain words."""
    eps = formulation.eps
    if run.high == 1.0:
        yield f"eps = {eps} has no effect at the upper end: 1 - {eps} rounds to 1 in {dtype}"
    if run.low == 0.0 and Fraction(eps) != 0:
        yield f"eps = {eps} has no effect at the lower end: it rounds to 0 in {dtype}"
    flat = ", where its gradient is 0" if is_cut else ""
    stories = [list(_sample_events(place, p, q, dtype, flat)) for place, p, q in run.samples()]
    stories = [story for story in stories if story]
    for story in stories[:_DESCRIBED]:
        yield from story
    if len(stories) > _DESCRIBED:
        yield f"{len(stories) - _DESCRIBED} more samples are affected in the same way"
    wrong = [partial for partial in gradients if partial.verdict is not Verdict.AGREE and partial.symbolic]
    for partial in wrong[:_DESCRIBED]:
        number = partial.autograd
        text = "nothing" if number is None else repr(number) if math.isfinite(number) else str(number)
        yield f"autograd returns {text} for dL/d{partial.entries[0]}; the correct value is {significant(partial.symbolic)}"
    if len(wrong) > _DESCRIBED:
        yield f"{len(wrong) - _DESCRIBED} more gradients are wrong"


def _sample_events(place: str, p: float, q: float, dtype: str, flat: str) -> Iterator[str]:
    """Notes about a sample."""
    if p in (0.0, 1.0):
        yield f"p{place} rounds to {p:g} in {dtype}"
    if q != p:
        yield f"the clamp moved p{place} from {p!r} to {q!r}{flat}"
    if q in (0.0, 1.0):
        yield f"log({'1 - ' if q == 1.0 else ''}q{place}) is the logarithm of 0"
    if p in (0.0, 1.0):
        yield f"the formula by hand divides by zero: the denominator p*(1 - p) of dL/dp{place} is 0"
