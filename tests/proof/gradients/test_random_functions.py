"""Random compositions of custom Functions, one of them with a planted fault or none: the plant is the oracle."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch

from gradcalc.testing import Outcome, gradients

Rule = tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]

RULES: dict[str, Rule] = {
    "Tanh": (torch.tanh, lambda x, y: 1 - y * y),
    "Sigmoid": (torch.sigmoid, lambda x, y: y * (1 - y)),
    "Sine": (torch.sin, lambda x, y: torch.cos(x)),
    "Square": (lambda x: x * x, lambda x, y: 2 * x),
    "Exponential": (lambda x: torch.exp(-x * x), lambda x, y: -2 * x * y),
    "Root": (lambda x: torch.sqrt(x * x + 1), lambda x, y: x / y),
    "Softplus": (lambda x: torch.log1p(torch.exp(x)), lambda x, y: torch.sigmoid(x)),
    "Ratio": (lambda x: x / (1 + x * x), lambda x, y: (1 - x * x) / (1 + x * x) ** 2),
}


def function(name: str, fault: float) -> Any:
    """The rule as a custom Function, with a relative fault in its backward pass."""
    forward, derivative = RULES[name]

    class Custom(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = forward(x)
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            x, y = ctx.saved_tensors
            return grad * derivative(x, y) * (1 + fault) if fault else grad * derivative(x, y)

    Custom.__name__ = name
    return Custom


MIXES: list[Callable[[Any], Any]] = [
    lambda x: x,
    lambda x: x - x.mean(-1, keepdim=True),
    lambda x: torch.softmax(x, -1),
    lambda x: x @ x.transpose(-1, -2),
    lambda x: x.cumsum(0) * 0.5,
    lambda x: torch.cat([x, x.flip(0)], 1),
    lambda x: x[:, 1:] * x[:, :-1],
    lambda x: x.logsumexp(1, keepdim=True) + x,
]


def composition(chooser: random.Random, faulty: int | None, size: float) -> Callable[[Any], Any]:
    names = chooser.sample(sorted(RULES), 3)
    mixes = [chooser.choice(MIXES) for _ in names]
    functions = [function(name, size if place == faulty else 0.0) for place, name in enumerate(names)]

    def compose(x: torch.Tensor) -> torch.Tensor:
        for each, mix in zip(functions, mixes, strict=True):
            x = mix(each.apply(x))
        return x

    compose.names = names  # type: ignore[attr-defined]
    return compose


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("seed", range(12))
def test_without_a_fault_they_are_proven(seed: int, dtype: torch.dtype) -> None:
    chooser = random.Random(seed)
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)
    report = gradients(composition(chooser, None, 0.0), x)
    assert report.verdict == Outcome.PROVEN, str(report)


@pytest.mark.parametrize("size", [-1.0, 0.5, 1e-3, 1e-9])
@pytest.mark.parametrize("seed", range(12))
def test_a_planted_fault_is_found_and_blamed(seed: int, size: float) -> None:
    chooser = random.Random(seed)
    faulty = chooser.randrange(3)
    fn = composition(chooser, faulty, size)
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    report = gradients(fn, x)
    assert report.verdict == Outcome.WRONG, str(report)
    assert report.at_fault == (fn.names[faulty],)  # type: ignore[attr-defined]
