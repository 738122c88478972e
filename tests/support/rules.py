"""The rules of other checkers, as they are shipped: two numbers and a tolerance.

Comes in: a gradient autograd returned, the true one rounded correctly (the best reference a tolerance can have), or the
function itself for finite differences.  Goes out: whether the rule accepts the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from gradcalc.engines.autograd.forward import Hook
from gradcalc.engines.autograd.program import By
from support.judging import Question

RULES = ("torch.allclose", "assert_close", "gradcheck")

EPS, ATOL, RTOL = 1e-6, 1e-5, 1e-3
"""The defaults of torch.autograd.gradcheck."""


def allclose(number: float, truth: float, dtype: torch.dtype) -> bool:
    """torch.allclose with its defaults."""
    return torch.allclose(torch.tensor(number, dtype=dtype), torch.tensor(truth, dtype=dtype))


def assert_close(number: float, truth: float, dtype: torch.dtype) -> bool:
    """torch.testing.assert_close with its defaults, which follow the dtype."""
    try:
        torch.testing.assert_close(torch.tensor(number, dtype=dtype), torch.tensor(truth, dtype=dtype))
    except AssertionError:
        return False
    return True


def gradcheck(number: float, numeric: float) -> bool:
    """The comparison of torch.autograd.gradcheck with its defaults."""
    if not (math.isfinite(number) and math.isfinite(numeric)):
        return False
    return abs(number - numeric) <= ATOL + RTOL * abs(numeric)


def central_difference(question: Question, by: By, hook: Callable[[], Hook] | None = None) -> float:
    """(f(x + eps) - f(x - eps))/(2 eps), in the dtype of the question, as gradcheck forms it; `hook` makes hooks for f."""
    dtype = getattr(torch, question.dtype)
    here = torch.tensor(question.floats[by[0]], dtype=dtype)

    def value(at: torch.Tensor) -> torch.Tensor:
        floats = {**question.floats, by[0]: at.item()}
        found = question.value_at(floats, hook() if hook else None)
        return torch.tensor(math.nan if found is None else found, dtype=dtype)

    return float((value(here + EPS) - value(here - EPS)) / (2 * EPS))


def accepts(
    question: Question, by: By, number: float, truth: float, hook: Callable[[], Hook] | None = None
) -> dict[str, bool]:
    """What each rule says of a gradient; `hook` is what is wrong with the function itself."""
    dtype = getattr(torch, question.dtype)
    return {
        "torch.allclose": allclose(number, truth, dtype),
        "assert_close": assert_close(number, truth, dtype),
        "gradcheck": gradcheck(number, central_difference(question, by, hook)),
    }
