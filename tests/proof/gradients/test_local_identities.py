"""Decisions between entries that stay equal do not change; those between others do, and leave no derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from gradcalc.testing import Outcome, gradients

X = torch.tensor([0.3, -1.2, 2.6, 0.7], dtype=torch.float64)
STAYING: dict[str, Callable[[Any], Any]] = {
    "beyond a kink": lambda x: (torch.relu(x) > 0) * x,
    "an entry and the maximum": lambda x: (x == x.max()) * x,
    "entries and their maximum": lambda x: (x >= x.amax()) * x,
    "at a bound": lambda x: (x.clamp(min=0) == 0) * x,
    "at one of two bounds": lambda x: (x.clamp(-1, 1) == 1) * x,
    "the last of a sort": lambda x: (x.sort()[0][-1] == x.max()) * x,
    "the first of the largest": lambda x: (x.topk(2)[0][0] <= x) * x,
    "times a zero": lambda x: torch.where(torch.relu(x) * x > 0, x**2, x),
    "times a zero mask": lambda x: (torch.zeros(4) * x == 0) * x,
    "with itself without a gradient": lambda x: (x - x.detach() == 0) * x,
    "a shifted copy": lambda x: (torch.cat([x, x])[4:] == x) * x,
}
CHANGING: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "at a kink": (STAYING["beyond a kink"], [0.0, 1.0, 2.0, 3.0]),
    "at a bound exactly": (STAYING["at a bound"], [0.0, 1.0, 2.0, 3.0]),
    "at the other bound": (STAYING["at one of two bounds"], [1.0, 0.0, 2.0, 3.0]),
    "two maxima": (STAYING["an entry and the maximum"], [2.0, 2.0, 1.0, 0.0]),
    "two largest": (STAYING["the first of the largest"], [2.0, 2.0, 1.0, 0.0]),
    "a square at zero": (lambda x: (x**2 > 0) * x, [0.0, 1.0, 2.0, 3.0]),
    "equal entries": (lambda x: (x - x.flip(0) == 0) * x, [1.0, 2.0, 2.0, 1.0]),
    "times an entry that is zero": (lambda x: (x * x[0] == 0) * x, [0.0, 1.0, 2.0, 3.0]),
    "a flat place": (lambda x: ((x - 1) ** 3 > 0) * x, [1.0, 0.0, 2.0, 3.0]),
}


@pytest.mark.parametrize("name", STAYING)
def test_a_decision_between_what_stays_equal_is_no_tie(name: str) -> None:
    report = gradients(STAYING[name], X)
    assert report.verdict == Outcome.PROVEN, str(report)


@pytest.mark.parametrize("name", CHANGING)
def test_a_decision_that_changes_leaves_no_derivative(name: str) -> None:
    fn, values = CHANGING[name]
    report = gradients(fn, torch.tensor(values, dtype=torch.float64))
    assert report.verdict == Outcome.NOT_DIFFERENTIABLE, str(report)
