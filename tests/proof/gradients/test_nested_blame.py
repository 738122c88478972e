"""Which Function is at fault where one runs in the backward pass of another, or writes to the gradient of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from gradcalc.testing import Outcome, gradients

X = torch.tensor([0.3, -1.2, 2.6, 0.7], dtype=torch.float64)


class Sine(torch.autograd.Function):
    """A sine whose backward pass has the wrong function."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * torch.sin(ctx.saved_tensors[0])


class Recomputed(torch.autograd.Function):
    """A function that keeps its inputs only, and runs again in its backward pass, as checkpoints do."""

    @staticmethod
    def forward(ctx: Any, function: Any, x: Any) -> Any:
        ctx.function = function
        ctx.save_for_backward(x)
        return function(x)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        x = ctx.saved_tensors[0].detach().requires_grad_()
        with torch.enable_grad():
            result = ctx.function(x)
        return None, *torch.autograd.grad(result, x, grad)


def test_a_function_in_the_backward_pass_of_another_is_named() -> None:
    report = gradients(lambda x: Recomputed.apply(lambda y: Sine.apply(y) * y, x), X)
    assert (report.verdict, report.function) == (Outcome.WRONG, "Sine"), str(report)
    assert report.signature is not None
    assert report.signature.startswith("it differs in every entry")
    report = gradients(lambda x: Recomputed.apply(lambda y: torch.sin(y) * y, x), X)
    assert report.verdict == Outcome.PROVEN, str(report)


class InPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad.mul_(2 * ctx.saved_tensors[0])


RESIDUALS: dict[str, Callable[[Any], Any]] = {
    "after": lambda x: InPlace.apply(x) + x,
    "before": lambda x: x + InPlace.apply(x),
    "in a layer": lambda x: (lambda y: y + InPlace.apply(y))(torch.tanh(x)),
    "twice": lambda x: InPlace.apply(x) + InPlace.apply(x * 2),
}


@pytest.mark.parametrize("name", RESIDUALS)
def test_a_function_that_writes_to_a_shared_gradient_is_named(name: str) -> None:
    report = gradients(RESIDUALS[name], X)
    assert (report.verdict, report.function) == (Outcome.WRONG, "InPlace"), str(report)
    assert report.why == "it writes to the gradient that it gets, which others get, too"


def test_a_gradient_of_its_own_may_be_written_to() -> None:
    report = gradients(lambda x: InPlace.apply(x * 2), X)
    assert report.verdict == Outcome.PROVEN, str(report)


def verlet(x: torch.Tensor) -> torch.Tensor:
    place, speed = x[:2], x[2:]
    for _ in range(2):
        speed = speed - 0.05 * place / (place.norm() ** 3 + 0.1)
        place = place + 0.1 * speed
        speed = speed - 0.05 * place / (place.norm() ** 3 + 0.1)
    return torch.cat([place, speed])


def test_numbers_that_come_back_are_not_taken_for_rebuilt() -> None:
    report = gradients(verlet, X, order=2)  # minus minus a cotangent is that cotangent
    assert report.verdict == Outcome.PROVEN, str(report)
