"""Taylor coefficients of functions at an element, as elements.

Comes in: an element and how many coefficients are wanted.  Goes out: f(a), f'(a), f''(a)/2, ..., exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flint import fmpq

from gradcalc.engines.taylor.germs.atoms import Element
from gradcalc.engines.taylor.germs.normal_forms import NormalForms


def log_of_one_and(elements: NormalForms, count: int) -> list[Element]:
    """The coefficients of log(1 + x)."""
    return [elements.zero, *(elements.constant(fmpq((-1) ** (k - 1), k)) for k in range(1, count))]


def _exp(elements: NormalForms, a: Element, count: int) -> list[Element]:
    row = [elements.exponential(a)]
    for k in range(1, count):
        row.append(row[-1] / k)
    return row


def _turning(first: int) -> Callable[[NormalForms, Element, int], list[Element]]:
    """The coefficients of sin (first 0) or cos (1)."""

    def rule(elements: NormalForms, a: Element, count: int) -> list[Element]:
        sine, cosine = elements.sine_and_cosine(a)
        cycle, scale, row = (sine, cosine, -sine, -cosine), fmpq(1), []
        for k in range(count):
            scale = scale / max(k, 1)
            row.append(cycle[(k + first) % 4] * scale)
        return row

    return rule


def _tanh(elements: NormalForms, a: Element, count: int) -> list[Element]:
    """From y' = 1 - y**2."""
    y = [elements.odd("tanh", a)]
    for k in range(count - 1):
        square = sum((y[i] * y[k - i] for i in range(k + 1)), elements.zero)
        y.append(elements.shorten(((elements.one if k == 0 else elements.zero) - square) / (k + 1)))
    return y


def _atan(elements: NormalForms, a: Element, count: int) -> list[Element]:
    """From (1 + x**2) * y' = 1."""
    y, v, slopes = [elements.odd("atan", a)], elements.inverse(1 + a * a), list[Element]()
    for k in range(count - 1):
        c = (
            (elements.one if k == 0 else elements.zero)
            - (2 * a * slopes[k - 1] if k else elements.zero)
            - (slopes[k - 2] if k > 1 else elements.zero)
        )
        slopes.append(elements.shorten(c * v))
        y.append(slopes[k] / (k + 1))
    return y


def _erf(elements: NormalForms, a: Element, count: int) -> list[Element]:
    """From y'' = -2*x*y'."""
    y = [elements.odd("erf", a), 2 * elements.raise_to(elements.atom("pi"), fmpq(-1, 2)) * elements.exponential(-a * a)]
    for k in range(2, count):
        y.append(elements.shorten(-2 * (a * (k - 1) * y[k - 1] + (k - 2) * y[k - 2]) / (k * (k - 1))))
    return y[:count]


TAYLOR: Mapping[str, Callable[[NormalForms, Element, int], list[Element]]] = {
    "exp": _exp,
    "sin": _turning(0),
    "cos": _turning(1),
    "tanh": _tanh,
    "atan": _atan,
    "erf": _erf,
}
