"""Functions that compute outside of torch: a plain torch function stands for them, and their floats are measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from gradcalc.testing import GradientReport, Outcome, assert_gradients, gradients

DTYPES = (torch.float64, torch.float32)
X = torch.tensor([0.3, -1.2, 2.6, 0.7], dtype=torch.float64)
WEIGHTS = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)


def by_torch(x: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
    return grad * torch.cos(x)


def by_numpy(x: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(grad.numpy() * np.cos(x.numpy())).to(grad.dtype)


def in_memory(x: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
    result = torch.empty_like(x)
    result.numpy()[...] = grad.numpy() * np.cos(x.numpy())
    return result


def sine(backward: Callable[..., Any], name: str = "Sine") -> Any:
    """The sine by numpy, with a backward pass of its input and the gradient that arrives."""

    class Custom(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return torch.from_numpy(np.sin(x.detach().numpy()))

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return backward(ctx.saved_tensors[0], grad)

    Custom.__name__ = name
    return Custom


def report_on(fn: Any, dtype: torch.dtype, reference: Any = torch.sin, **options: Any) -> GradientReport:
    return gradients(
        lambda x: (fn.apply(3 * x) * WEIGHTS.to(dtype)).exp(), X.to(dtype), references={fn: reference}, **options
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_reference_makes_a_backward_pass_in_torch_provable(dtype: torch.dtype) -> None:
    report = report_on(sine(by_torch), dtype)
    assert report.verdict == Outcome.PROVEN, str(report)
    assert report.notes[0].startswith("Sine is taken for its reference, from which its value is 0.")
    wrong = report_on(sine(lambda x, g: g * torch.cos(x) / 3), dtype)
    assert (wrong.verdict, wrong.signature) == (Outcome.WRONG, "1/3 of the derivative in every entry")
    assert wrong.function == "Sine"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backward", [by_numpy, in_memory])
def test_an_opaque_backward_pass_is_measured(backward: Callable[..., Any], dtype: torch.dtype) -> None:
    report = report_on(sine(backward), dtype)
    assert report.verdict == Outcome.MEASURED, str(report)
    assert report.ulps is not None
    assert report.ulps < 2
    assert "Sine is not in torch: its floats are " in report.why


@pytest.mark.parametrize("factor", [-1.0, 1 / 3, 1.01])
def test_an_opaque_backward_pass_that_is_far_off_is_wrong(factor: float) -> None:
    report = report_on(sine(lambda x, g: by_numpy(x, g) * factor), torch.float32)
    assert (report.verdict, report.function) == (Outcome.WRONG, "Sine"), str(report)
    expected = {-1.0: "the sign is wrong", 1 / 3: "1/3 of the derivative in every entry"}
    assert report.signature == expected.get(factor, report.signature)


def test_a_forward_pass_in_torch_is_its_own_reference() -> None:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return torch.from_numpy(grad.numpy() * 2 * ctx.saved_tensors[0].numpy()).to(grad.dtype)

    report = gradients(Square, X)
    assert report.verdict == Outcome.MEASURED, str(report)
    assert_gradients(Square, X)


def test_a_saved_output_holds_what_the_reference_returned() -> None:
    class Sigmoid(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = torch.from_numpy(1 / (1 + np.exp(-x.detach().numpy())))
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (y,) = ctx.saved_tensors
            return grad * y * (1 - y)

    assert gradients(Sigmoid, X, references={"Sigmoid": torch.sigmoid}).verdict == Outcome.PROVEN
    assert gradients(Sigmoid, X).verdict == Outcome.UNDECIDED


def test_a_function_that_is_not_its_reference_is_wrong() -> None:
    report = report_on(sine(by_torch), torch.float64, reference=lambda x: torch.sin(x) * 1.001)
    assert report.verdict == Outcome.WRONG
    assert report.signature == "not the value of its reference: 0.999000999 times it in every entry"


def test_a_reference_without_a_known_value_decides_nothing() -> None:
    report = report_on(sine(by_torch), torch.float64, reference=lambda x: torch.special.airy_ai(x) * 0 + torch.sin(x))
    assert report.verdict == Outcome.UNDECIDED, str(report)
    numbers = report_on(sine(by_torch), torch.float64, reference=lambda x: torch.from_numpy(np.sin(x.numpy())))
    assert numbers.verdict == Outcome.UNDECIDED, str(numbers)


def test_a_reference_returns_what_its_function_does() -> None:
    with pytest.raises(ValueError, match=r"the shapes differ: Sine returns \(4,\), its reference \(\)"):
        report_on(sine(by_torch), torch.float64, reference=torch.sum)


def test_an_opaque_function_by_design_is_taken_as_it_is() -> None:
    fn = sine(lambda x, g: -by_numpy(x, g), "Reversed")
    assert report_on(fn, torch.float64, by_design=[fn]).verdict == Outcome.BY_DESIGN
    other = sine(by_numpy, "Other")
    both = gradients(
        lambda x: fn.apply(x) + (other.apply(x) * 2).exp(),
        X,
        references={fn: torch.sin, other: torch.sin},
        by_design=["Reversed"],
    )
    assert both.verdict == Outcome.BY_DESIGN, str(both)


def test_an_unknown_operation_in_the_backward_pass_is_measured() -> None:
    fn = sine(lambda x, g: g * torch.cos(x) + 0 * torch.special.airy_ai(x))
    assert report_on(fn, torch.float64).verdict == Outcome.MEASURED


def test_random_numbers_of_a_reference_are_those_of_its_function() -> None:
    class Dropped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mask = torch.rand_like(x) > 0.5
            return x * ctx.mask

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * ctx.mask

    torch.manual_seed(1)
    report = gradients(Dropped, X, references={"Dropped": lambda x: x * (torch.rand_like(x) > 0.5)})
    assert report.verdict == Outcome.PROVEN, str(report)
