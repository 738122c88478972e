"""One neuron with binary cross-entropy, worked through by hand, in symbols and by autograd.

    z = w*x + b,  p = sigmoid(z),  q = clamp(p, eps, 1 - eps),  loss = -(y*log(q) + (1 - y)*log(1 - q))

Comes in: the numbers and a dtype.  Goes out: a `NeuronReport`: the forward values, the factors of the chain rule and their
products as the dtype computes them, each beside its exact value; the gradients judged; what happened where it broke; and
what `binary_cross_entropy_with_logits` gives beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from gradcalc.calculate import answer
from gradcalc.deadline import DEFAULT_SECONDS
from gradcalc.errors import CalcError
from gradcalc.points import value_tree
from gradcalc.report import Partial, Problem, Report, Verdict, worst

# The hand derivation: dL/dz = (p - y) follows from the first two factors.
_FORWARD = (
    ("z", "w*x + b"),
    ("p", "sigmoid(w*x + b)"),
)
_FACTORS = (
    ("dL/dp", "(p - y)/(p*(1 - p))", "(sigmoid(w*x + b) - y)/(sigmoid(w*x + b)*(1 - sigmoid(w*x + b)))"),
    ("dp/dz", "p*(1 - p)", "sigmoid(w*x + b)*(1 - sigmoid(w*x + b))"),
    ("dz/dw", "x", "x"),
    ("dz/db", "1", "1"),
)
_PRODUCTS = (
    ("dL/dw", "dL/dp * dp/dz * dz/dw", "(sigmoid(w*x + b) - y)*x"),
    ("dL/db", "dL/dp * dp/dz * dz/db", "sigmoid(w*x + b) - y"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the work: its name, its formula, what the dtype computes and the exact value (None: it has none)."""

    name: str
    formula: str
    computed: float
    exact: str | None


@dataclass(frozen=True, slots=True)
class NeuronReport:
    """The whole work.

    `gradients` are the partials of the clamped loss by w and b as autograd computes them, judged against the loss without
    the clamp; `logits` the same by `binary_cross_entropy_with_logits`.  `events` say what happened, a sentence each.
    """

    at: Mapping[str, str]
    point: Mapping[str, float]
    eps: str
    dtype: str
    device: str
    forward: tuple[Line, ...]
    factors: tuple[Line, ...]
    products: tuple[Line, ...]
    gradients: tuple[Partial, ...]
    logits: Report
    events: tuple[str, ...]
    verdict: Verdict
    versions: Mapping[str, str]


def neuron(
    *,
    x: str,
    y: str,
    w: str = "1",
    b: str = "0",
    eps: str = "1e-7",
    device: str = "cpu",
    dtype: str | None = None,
    seconds: float = DEFAULT_SECONDS,
) -> NeuronReport:
    """Work one neuron through.  Values are text, as for `differentiate`.  Raises `CalcError` for what is no number."""
    at = {"x": x, "y": y, "w": w, "b": b}
    for name, text in {**at, "eps": eps}.items():
        value_tree(name, text)
    clamp = f"clamp(sigmoid(w*x + b), {eps}, 1 - {eps})"
    clamped = f"-(y*log({clamp}) + (1 - y)*log(1 - {clamp}))"
    plain = "-(y*log(sigmoid(w*x + b)) + (1 - y)*log(1 - sigmoid(w*x + b)))"

    def ask(expr: str) -> Report:
        return answer(Problem(expr, at, ("w", "b"), 1, device, dtype, ("x", "y", "w", "b")), seconds=seconds)

    asked, true, logits = ask(clamped), ask(plain), ask("binary_cross_entropy_with_logits(w*x + b, y)")
    exact_eps = _fraction(eps)
    if exact_eps is None or not 0 <= exact_eps < Fraction(1, 2):
        raise CalcError(f"eps lies between 0 and 1/2, and {eps} does not", hint="the usual value is 1e-7")
    if asked.dtype is None or asked.device is None or asked.value is None:
        raise CalcError(f"the numbers were not read within {seconds:g} seconds")
    run = _Arithmetic(asked.point, float(exact_eps), asked.dtype, asked.device)
    exact = {text: _exact(text, at) for _, text in _FORWARD}
    exact.update({text: _exact(text, at) for _, _, text in (*_FACTORS, *_PRODUCTS)})
    forward = (
        *(Line(name, formula, run.lines[name], exact[formula]) for name, formula in _FORWARD),
        Line("q", f"clamp(p, {eps}, 1 - {eps})", run.lines["q"], _exact(clamp, at)),
        Line("loss", "-(y*log(q) + (1 - y)*log(1 - q))", run.lines["loss"], true.value.symbolic if true.value else None),
    )
    factors = tuple(Line(name, formula, run.lines[name], exact[text]) for name, formula, text in _FACTORS)
    products = tuple(Line(name, formula, run.lines[name], exact[text]) for name, formula, text in _PRODUCTS)
    is_flat = _cuts(forward[1].exact, exact_eps)
    gradients = tuple(
        _judged(clamped_partial, true_partial, logits_partial, is_flat, eps)
        for clamped_partial, true_partial, logits_partial in zip(asked.partials, true.partials, logits.partials, strict=True)
    )
    return NeuronReport(
        at,
        asked.point,
        eps,
        asked.dtype,
        asked.device,
        forward,
        factors,
        products,
        gradients,
        logits,
        tuple(_events(run, eps, asked.dtype, gradients, is_flat)),
        worst(partial.verdict for partial in gradients if partial.verdict is not None),
        asked.versions,
    )


def _fraction(text: str) -> Fraction | None:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None


def _exact(text: str, at: Mapping[str, str]) -> str | None:
    """The exact value of an expression at the typed point."""
    from gradcalc.functions.resolve import understand
    from gradcalc.proof.regularity import value_of
    from gradcalc.proof.site import Site
    from gradcalc.witness.balls import OutOfPrecision, decimal

    tree = understand(text, at)
    site = Site(tree, {name: value_tree(name, value) for name, value in at.items()})
    try:
        value = value_of(site)
    except OutOfPrecision:
        return None
    return None if value is None else decimal(value)


def _cuts(p: str | None, eps: Fraction) -> bool:
    """Whether the clamp cuts the exact p."""
    return p is not None and not eps <= Fraction(p) <= 1 - eps


class _Arithmetic:
    """Every line of the work as torch computes it, number by number, in the dtype."""

    def __init__(self, point: Mapping[str, float], eps: float, dtype: str, device: str):
        import torch

        kind = getattr(torch, dtype)
        x, y, w, b = (torch.tensor(point[name], dtype=kind, device=device) for name in "xywb")
        low = torch.tensor(eps, dtype=kind, device=device)
        z = w * x + b
        p = torch.sigmoid(z)
        q = torch.clamp(p, low, 1 - low)
        loss = -(y * torch.log(q) + (1 - y) * torch.log(1 - q))
        slope, rise = (p - y) / (p * (1 - p)), p * (1 - p)
        one = torch.ones_like(x)
        tensors = {
            "z": z, "p": p, "q": q, "loss": loss, "dL/dp": slope, "dp/dz": rise, "dz/dw": x, "dz/db": one,
            "dL/dw": slope * rise * x, "dL/db": slope * rise * one,
        }  # fmt: skip
        self.lines = {name: tensor.item() for name, tensor in tensors.items()}
        self.low, self.high = low.item(), (1 - low).item()


def _judged(clamped: Partial, true: Partial, logits: Partial, is_flat: bool, eps: str) -> Partial:
    """autograd's gradient of the clamped loss, judged against the loss itself.

    Without the clamp in effect both losses are one, and the verdict on the clamped expression stands.
    """
    number = clamped.autograd
    # The stable spelling has the same derivative, and a formula that has a value everywhere.
    merged = replace(
        clamped, formula=logits.formula, latex=logits.latex, symbolic=true.symbolic or logits.symbolic,
        reference=true.reference or logits.reference,
    )  # fmt: skip
    if not is_flat:
        return merged
    if clamped.verdict is Verdict.AGREE:
        why = f"the clamp at {eps} cuts p: the clamped loss is flat here, with gradient {number!r}; the loss itself is not"
        return replace(merged, verdict=Verdict.DIFFERENT_FUNCTION, cause="clamp", why=why, digits=None, ulps=None)
    why = f"the dtype computes neither the clamped loss nor the loss itself: autograd returns {number!r}"
    return replace(merged, verdict=Verdict.INACCURATE, cause="saturation", why=why, digits=0.0, ulps=None)


def _events(run: _Arithmetic, eps: str, dtype: str, gradients: tuple[Partial, ...], is_flat: bool) -> list[str]:
    """What happened, for people."""
    p, q = run.lines["p"], run.lines["q"]
    events = []
    if p in (0.0, 1.0):
        events.append(f"p rounds to {p:g} in {dtype}")
    if run.high == 1.0:
        events.append(f"eps = {eps} does nothing at the upper end: 1 - {eps} is 1 in {dtype}")
    if run.low == 0.0 and float(eps) > 0:
        events.append(f"eps = {eps} does nothing at the lower end: it is 0 in {dtype}")
    if q != p:
        flat = ", and the gradient through a clamp is 0 there" if is_flat else ""
        events.append(f"the clamp moved p from {p!r} to {q!r}{flat}")
    if q in (0.0, 1.0):
        events.append(f"log({'1 - q' if q == 1.0 else 'q'}) is the logarithm of 0")
    if p in (0.0, 1.0):
        events.append("the hand formula divides by zero: dL/dp has p*(1 - p) = 0 below the line")
    wrong = [partial for partial in gradients if partial.verdict is not Verdict.AGREE and partial.symbolic]
    for partial in wrong:
        number = partial.autograd
        shown = "nothing" if number is None else repr(number) if math.isfinite(number) else str(number)
        events.append(f"autograd's dL/d{partial.by[0]} is {shown}; the true one is {_short(partial.symbolic)}")
    return events


def _short(text: str | None) -> str:
    return "unknown" if text is None else f"{float(text):.10g}"
