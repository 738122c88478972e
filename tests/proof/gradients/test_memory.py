"""Memory that entries share, that nothing was written to, and that others than torch write to."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from gradcalc.testing import Outcome, gradients

X = torch.tensor([0.3, -1.2, 2.6, 0.7], dtype=torch.float64)


class Square(torch.autograd.Function):
    """A square with a backward pass outside of torch."""

    factor = 2

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @classmethod
    def backward(cls, ctx: Any, grad: Any) -> Any:
        return torch.from_numpy((cls.factor * ctx.saved_tensors[0] * grad).numpy().copy())


class InTorch(Square):
    @classmethod
    def backward(cls, ctx: Any, grad: Any) -> Any:
        return cls.factor * ctx.saved_tensors[0] * grad


class Wrong(InTorch):
    factor = 3


SHARED: dict[str, Callable[[Any], Any]] = {
    "an expanded input": lambda x: x.expand(3, 4),
    "windows": lambda x: x.unfold(0, 2, 1),
    "a broadcast number": lambda x: x[0].expand(2, 2) + 0 * x.sum(),
}


@pytest.mark.parametrize("name", SHARED)
def test_gradients_by_entries_that_share_memory_are_added(name: str) -> None:
    make = SHARED[name]
    assert gradients(lambda x: Square.apply(make(x)), X).verdict == Outcome.MEASURED
    assert gradients(lambda x: InTorch.apply(make(x)), X).verdict == Outcome.PROVEN
    report = gradients(lambda x: Wrong.apply(InTorch.apply(make(x))), X)
    assert (report.verdict, report.function) == (Outcome.WRONG, "Wrong")
    report = gradients(lambda x: InTorch.apply(Wrong.apply(make(x))), X)
    assert (report.at_fault, report.signature) == (("Wrong",), "3/2 times the derivative in every entry")


class FirstThree(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x[:3] ** 2

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        result = torch.empty_like(x)
        result[:3] = 2 * x[:3] * grad
        return result


def test_a_gradient_in_memory_that_was_not_filled_is_undecided() -> None:
    report = gradients(FirstThree, X)
    assert report.verdict == Outcome.UNDECIDED
    assert report.parts[0].why == "memory of empty_like that nothing was written to is in it"


def a_result_in_new_memory(x: torch.Tensor) -> torch.Tensor:
    result = x.new_empty(6)
    result[:4] = x
    return result


def test_a_value_in_memory_that_was_not_filled_is_undecided() -> None:
    report = gradients(a_result_in_new_memory, X)
    assert report.verdict == Outcome.UNDECIDED, str(report)


FILLED: dict[str, Callable[[Any], Any]] = {
    "a copy": lambda x: torch.empty(4, dtype=x.dtype).copy_(x) ** 2,
    "a number": lambda x: torch.empty(4, dtype=x.dtype).fill_(3.0) * x,
    "noise": lambda x: torch.empty(4, dtype=x.dtype).normal_() * x,
    "parts": lambda x: a_result_in_new_memory(x)[:4] * x,
}


@pytest.mark.parametrize("name", FILLED)
def test_new_memory_that_was_filled_is_as_any(name: str) -> None:
    report = gradients(FILLED[name], X)
    assert report.verdict == Outcome.PROVEN, str(report)


def squares_by_address(x: torch.Tensor) -> torch.Tensor:
    numbers = (ctypes.c_double * 4).from_address(x.data_ptr())
    return x * sum(number**2 for number in numbers)


def squares_in_a_thread(x: torch.Tensor) -> torch.Tensor:
    results: list[torch.Tensor] = []
    thread = threading.Thread(target=lambda: results.append(x**2))
    thread.start()
    thread.join()
    return x * results[0]


def squares_by_storage(x: torch.Tensor) -> torch.Tensor:
    numbers = (ctypes.c_double * 4).from_address(x.untyped_storage().data_ptr())
    return x * sum(number**2 for number in numbers)


def squares_by_bits(x: torch.Tensor) -> torch.Tensor:
    bits = x.detach().view(torch.int64).numpy()
    return x * torch.from_numpy(bits.view(np.float64) ** 2)


OUTSIDE = [squares_by_address, squares_by_storage, squares_by_bits, squares_in_a_thread]


@pytest.mark.parametrize("function", OUTSIDE)
def test_what_is_computed_elsewhere_is_undecided(function: Callable[[Any], Any]) -> None:
    report = gradients(function, X)
    assert report.verdict == Outcome.UNDECIDED, str(report)
    assert "numbers left torch by" in str(report)


def test_a_thread_without_tensors_is_no_doubt() -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        thread = threading.Thread(target=print)
        thread.start()
        thread.join()
        return x * 2

    assert gradients(function, X).verdict == Outcome.PROVEN


def test_tensors_without_data_are_not_taken_for_others() -> None:
    hessian = torch.func.hessian(lambda x: (x**3 * x.roll(1)).sum())
    report = gradients(hessian, X)
    assert report.verdict == Outcome.PROVEN, str(report)


EMPTY: dict[str, Callable[[Any], Any]] = {
    "a sum of nothing": lambda x: x[:0].sum() + x,
    "sums of nothing": lambda x: x.reshape(1, 4)[:, :0].sum(1) * x,
    "a function of nothing": lambda x: torch.cat([x[:0] * x[:0], x.exp()]),
    "a number by nothing": lambda x: (x[:0] * x[0]).sum() + x,
}


@pytest.mark.parametrize("name", EMPTY)
def test_empty_tensors_are_as_others(name: str) -> None:
    report = gradients(EMPTY[name], X)
    assert report.verdict == Outcome.PROVEN, str(report)


def test_integers_that_are_indexed_are_no_places() -> None:
    tensors = [torch.from_numpy(np.random.default_rng(0).normal(size=(3, 4))), torch.tensor([0, 3, 5])]
    report = gradients(torch.nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2], dtype=torch.float64), tensors)
    assert report.verdict == Outcome.PROVEN, str(report)


REBUILT: dict[str, Callable[[Any], Any]] = {
    "a list of results": lambda x: x * torch.Tensor([it * 2 for it in x]).double(),
    "a list in another precision": lambda x: x * torch.FloatTensor(list(x.detach().double() / 3)).to(x.dtype),
    "a list of entries": lambda x: x * x.new([it * 2 for it in x]),
    "a range from an entry": lambda x: x * torch.arange(x.detach()[0], x.detach()[0] + 3.5),
    "noise around an entry": lambda x: x * torch.empty(4, dtype=x.dtype).normal_(float(x.detach()[0]), 1.0),
}


@pytest.mark.parametrize("name", REBUILT)
def test_numbers_of_tensors_in_lists_and_arguments_are_undecided(name: str) -> None:
    x = torch.tensor([0.3125, -1.25, 2.625, 0.75])  # floats of any precision
    report = gradients(REBUILT[name], x.double() if "noise" not in name else x)
    assert report.verdict == Outcome.UNDECIDED, str(report)


def test_tensors_in_lists_and_mappings_are_inputs() -> None:
    report = gradients(lambda xs, named: Wrong.apply(xs[0]) * named["scale"] * xs[1][0], [[X, (X,)], {"scale": X}])
    assert [part.name for part in report.parts] == ["input 0[0]", "input 0[1][0]", "input 1['scale']"]
    outcomes = [part.outcome for part in report.parts]
    assert (report.function, outcomes) == ("Wrong", [Outcome.WRONG, Outcome.PROVEN, Outcome.PROVEN])
