"""A second call with the same random numbers: what it returns otherwise is noted."""

from __future__ import annotations

from typing import Any

import torch

from gradcalc.testing import Outcome, gradients

X = torch.tensor([0.3, -1.2, 2.6, 0.7], dtype=torch.float64)
SAME = "the backward pass is not deterministic"


def test_a_backward_pass_that_depends_on_an_earlier_one_is_noted() -> None:
    class Growing(torch.autograd.Function):
        factor = 1.0

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            Growing.factor *= 2
            return grad * Growing.factor

    report = gradients(Growing, X)
    assert report.verdict == Outcome.PROVEN
    assert [SAME in note for note in report.notes] == [True]


def test_another_value_is_noted() -> None:
    calls: list[int] = []

    def counting(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return x * len(calls)

    assert "a second call returns another value" in gradients(counting, X).notes


def test_random_numbers_and_buffers_are_the_same_again() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5)).double()
    inputs = torch.randn(5, 4, dtype=torch.float64)
    torch.manual_seed(0)
    report = gradients(model, inputs)
    assert report.verdict == Outcome.PROVEN
    assert not any("second call" in note for note in report.notes)
    after = [torch.get_rng_state(), *(it.clone() for it in model.buffers())]
    state = torch.manual_seed(0).get_state()
    assert not torch.equal(state, after[0])  # the call itself draws
    assert model[1].num_batches_tracked == 1


def test_a_gradient_that_is_not_finite_is_like_itself() -> None:
    assert gradients(lambda x: torch.sqrt(x - x), X).notes == ()
