"""Gradients of gradients: what backward passes compute is differentiated as any other program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from gradcalc.testing import Outcome, gradients

X = torch.tensor([0.3, -1.2, 2.6, 0.7], dtype=torch.float64)
A = torch.tensor([[0.5, -1.0, 2.0, 0.25], [1.5, 0.75, -0.5, 1.0]], dtype=torch.float64)
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": lambda x: torch.relu(x) ** 3,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": functional.mish,
    "softplus": functional.softplus,
    "elu": functional.elu,
    "selu": functional.selu,
    "celu": functional.celu,
    "leaky relu": lambda x: functional.leaky_relu(x) ** 2,
    "hardswish": functional.hardswish,
    "hardtanh": lambda x: functional.hardtanh(x) ** 2,
    "logsigmoid": functional.logsigmoid,
    "softmax": lambda x: torch.softmax(x, 0) ** 2,
    "log softmax": lambda x: functional.log_softmax(x, 0) * x,
    "cross entropy": lambda x: functional.cross_entropy(x[None], torch.tensor([1])),
    "squared error": lambda x: functional.mse_loss(x, torch.ones_like(x)),
    "binary cross entropy": lambda x: functional.binary_cross_entropy_with_logits(x, A[0].sigmoid()),
    "huber": lambda x: functional.huber_loss(x, torch.zeros_like(x)),
    "layer norm": lambda x: functional.layer_norm(x[None], (4,)) ** 3,
    "batch norm": lambda x: functional.batch_norm(x.reshape(4, 1), None, None, training=True) ** 3,
    "group norm": lambda x: (functional.group_norm(x.reshape(1, 4, 1), 2) * A[0, :, None]) ** 3,
    "norm": lambda x: x.norm(),
    "variance": lambda x: x.var() * x,
    "a product": lambda x: (A @ x) ** 3,
    "a convolution": lambda x: functional.conv1d(x.reshape(1, 1, 4), A[:1, :2].reshape(1, 1, 2)) ** 3,
    "a mean of a window": lambda x: functional.avg_pool1d(x.reshape(1, 1, 4), 2) ** 3,
    "a maximum": lambda x: x.max() ** 3,
    "a gated unit": lambda x: functional.glu(x, 0),
    "a table": lambda x: functional.embedding(torch.tensor([0, 1, 1]), x.reshape(2, 2)) ** 3,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_gradient_of_a_gradient_is_proven(name: str) -> None:
    report = gradients(FUNCTIONS[name], X, order=2)
    assert report.verdict == Outcome.PROVEN, str(report)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_fault_behind_a_second_gradient_is_wrong(name: str) -> None:
    class Off(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * (1 + 1e-9)

    def gradient(x: torch.Tensor) -> torch.Tensor:
        (result,) = torch.autograd.grad(FUNCTIONS[name](x).sum(), x, create_graph=True)
        return Off.apply(result)

    report = gradients(gradient, X)
    assert (report.verdict, report.function) == (Outcome.WRONG, "Off"), str(report)


def test_a_gradient_penalty_is_proven() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Softplus(), torch.nn.Linear(6, 1))

    class Penalty(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            (slope,) = torch.autograd.grad(self.model(x).sum(), x, create_graph=True)
            return ((slope.norm(dim=1) - 1) ** 2).mean()

    report = gradients(Penalty(), torch.randn(3, 4))
    assert report.verdict == Outcome.PROVEN, str(report)
