"""Hooks change gradients by design; what else is wrong stays wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from gradcalc.testing import Outcome, assert_gradients, gradients

X = torch.tensor([0.3, -1.2, 2.6, 0.7], dtype=torch.float64)


def doubled_in_place(grad: torch.Tensor) -> None:
    grad.mul_(2)


CHANGING: dict[str, Callable[[Any], Any]] = {
    "scaled": lambda g: 2 * g,
    "clipped": lambda g: g.clamp(-0.5, 0.5),
    "in place": doubled_in_place,
    "by its sign": torch.sign,
}


def with_hook(hook: Any) -> Callable[[Any], Any]:
    def function(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        y.register_hook(hook)
        return (y * y).sum()

    return function


@pytest.mark.parametrize("name", CHANGING)
def test_a_hook_that_changes_a_gradient_is_by_design(name: str) -> None:
    report = gradients(with_hook(CHANGING[name]), X)
    assert report.verdict == Outcome.BY_DESIGN, str(report)
    assert "changes a gradient; without it: proven" in report.why
    assert_gradients(with_hook(CHANGING[name]), X)


def test_a_hook_that_looks_on_changes_nothing() -> None:
    shapes = []
    assert gradients(with_hook(lambda g: shapes.append(g.shape)), X).verdict == Outcome.PROVEN
    assert set(shapes) == {X.shape}


class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * ctx.saved_tensors[0]


def test_a_hook_excuses_no_one_else() -> None:
    report = gradients(lambda x: Half.apply(with_hook(CHANGING["scaled"])(x) * x), X)
    assert (report.verdict, report.function) == (Outcome.WRONG, "Half"), str(report)
    undoing = gradients(lambda x: with_hook(lambda g: 2 * g)(Half.apply(x)), X)
    assert (undoing.verdict, undoing.function) == (Outcome.PROVEN, None), str(undoing)  # two faults that cancel


def test_the_hooks_of_parameters_and_modules_are_known() -> None:
    layer = torch.nn.Linear(4, 3).double()
    handle = layer.weight.register_hook(lambda g: g * 3)
    report = gradients(layer, X)
    assert [str(part.outcome) for part in report.parts] == ["proven", "by-design", "proven"]
    handle.remove()
    assert gradients(layer, X).verdict == Outcome.PROVEN
    model = torch.nn.Sequential(layer, torch.nn.Tanh())
    model[1].register_full_backward_hook(lambda module, before, after: (before[0] * 0.5,))
    assert gradients(model, X[None]).verdict == Outcome.BY_DESIGN
    assert "test_hooks.py" in gradients(model, X[None]).why


def test_hooks_are_left_as_they_were() -> None:
    layer = torch.nn.Linear(4, 3).double()

    def hook(grad: torch.Tensor) -> torch.Tensor:
        return grad * 3

    layer.weight.register_hook(hook)
    gradients(layer, X)
    assert list(layer.weight._backward_hooks.values()) == [hook]
