"""Idioms of people's code that are right, and others that take numbers out of the graph on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import distributions
from torch.nn import functional

from gradcalc.testing import Outcome, gradients

X = torch.tensor([0.3, -1.2, 2.6, 0.7], dtype=torch.float64)
ROWS = torch.tensor([[0.3, -1.2, 2.6], [0.7, 0.4, -0.9]], dtype=torch.float64)


def of_sample(distribution: distributions.Distribution) -> torch.Tensor:
    probability: torch.Tensor = distribution.log_prob(distribution.sample())  # type: ignore[no-untyped-call]
    return probability * 3


DISTRIBUTIONS: dict[str, Callable[[Any], Any]] = {
    "normal": lambda x: distributions.Normal(x, x.exp()).rsample(),
    "multivariate": lambda x: distributions.MultivariateNormal(x, scale_tril=torch.diag(x.exp())).rsample(),
    "exponential": lambda x: distributions.Exponential(x.exp()).rsample(),
    "cauchy": lambda x: distributions.Cauchy(x, x.exp()).rsample(),
    "gumbel": lambda x: functional.gumbel_softmax(x, tau=0.7),
    "relaxed": lambda x: distributions.RelaxedOneHotCategorical(torch.tensor(0.7, dtype=x.dtype), logits=x).rsample(),
    "a policy": lambda x: of_sample(distributions.Categorical(logits=x)),
    "a policy by probabilities": lambda x: of_sample(distributions.Categorical(probs=x.softmax(0))),
    "an answer of yes or no": lambda x: of_sample(distributions.Bernoulli(logits=x)),
    "a count": lambda x: of_sample(distributions.Poisson(x.exp())),
    "entropy": lambda x: distributions.Categorical(logits=x).entropy(),
    "divergence": lambda x: distributions.kl_divergence(
        distributions.Normal(x, x.exp()), distributions.Normal(torch.zeros_like(x), torch.ones_like(x))
    ),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions_check_their_arguments(name: str) -> None:
    report = gradients(DISTRIBUTIONS[name], X)
    assert report.verdict == Outcome.PROVEN, str(report)


def test_a_sum_that_is_as_far_from_1_as_is_tolerated_is_undecided_no_more_than_it_must_be() -> None:
    report = gradients(lambda x: x * 2 if (x.softmax(0).sum() - 1).abs() < 1e-6 else x, X)
    assert report.verdict == Outcome.PROVEN, str(report)
    report = gradients(lambda x: x * 2 if (x - x[0]).abs().max() < x[2] - x[0] else x, X)
    assert report.verdict in (Outcome.NOT_DIFFERENTIABLE, Outcome.UNDECIDED), str(report)


def in_place(x: torch.Tensor) -> torch.Tensor:
    y = x * 2
    with torch.no_grad():
        y.mul_(3)
    return y**2


def part_of_data(x: torch.Tensor) -> torch.Tensor:
    y = x * 1
    y.data[0] = 5.0
    return y**2


def copied(x: torch.Tensor) -> torch.Tensor:
    weight = torch.nn.Parameter(torch.zeros(4, dtype=x.dtype))
    with torch.no_grad():
        weight.copy_(x**2)
    return weight * x


HIDDEN: dict[str, Callable[[Any], Any]] = {
    "in place without a graph": in_place,
    "in place of all data": lambda x: (lambda y: (y.data.mul_(x.data), y**2)[1])(x * 1),
    "in place of a part of the data": part_of_data,
    "a copy into a parameter": copied,
    "a target of the same network": lambda x: -functional.cosine_similarity(x, x.roll(1).detach(), dim=0),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_the_graph_does_not_see_is_stopped(name: str) -> None:
    report = gradients(HIDDEN[name], X)
    assert report.verdict == Outcome.STOPPED, str(report)


def test_writes_that_the_graph_does_not_see_change_nothing_where_they_are_right() -> None:
    report = gradients(lambda x: functional.cosine_similarity(x, x.roll(1), dim=0), X)
    assert report.verdict == Outcome.PROVEN, str(report)


class Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.round()

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad


class Reversed(Round):
    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return -grad


def quantized(function: Any, x: torch.Tensor) -> torch.Tensor:
    scale = x.detach().abs().mean() / 7
    result: torch.Tensor = function.apply(x / scale) * scale
    return result


def test_a_design_with_a_scale_that_counts_as_constant_is_stopped() -> None:
    report = gradients(lambda x: quantized(Round, x), X, by_design=[Round])
    assert (report.verdict, report.signature) == (Outcome.STOPPED, "detach"), str(report)
    report = gradients(lambda x: quantized(Round, x), X)
    assert report.verdict == Outcome.WRONG, str(report)


class WithScale(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        scale = x * 2
        ctx.mark_non_differentiable(scale)
        return x * x, scale

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return 2 * grads[0] * ctx.saved_tensors[0]


def test_outputs_without_a_gradient_count_as_constant() -> None:
    report = gradients(lambda x: torch.mul(*WithScale.apply(x)), X)
    assert (report.verdict, report.signature) == (Outcome.STOPPED, "mark_non_differentiable"), str(report)
    report = gradients(lambda x: WithScale.apply(x)[0], X)
    assert report.verdict == Outcome.PROVEN, str(report)


DECISIONS: dict[str, Callable[[Any], Any]] = {
    "the place of the largest": lambda x: torch.cat([x, x**2]).index_fill(0, x.argmax(), 0.0) ** 2,
    "between boundaries": lambda x: torch.bucketize(x, torch.tensor([-1.0, 0.0, 1.0], dtype=x.dtype)) * x,
    "codes of places": lambda x: functional.one_hot(x.argsort(), 4).to(x.dtype) @ x,
}


@pytest.mark.parametrize("name", DECISIONS)
def test_integers_that_are_used_backward_are_those_of_the_record(name: str) -> None:
    report = gradients(DECISIONS[name], X)
    assert report.verdict == Outcome.PROVEN, str(report)


class Nearly(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return 2 * (1 + 1e-12) * grad * ctx.saved_tensors[0]


def test_a_factor_near_1_is_told_by_its_distance() -> None:
    report = gradients(Nearly, ROWS)
    assert report.signature == "1 + 1e-12 times the derivative in every entry"


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x.sum().item()

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * ctx.saved_tensors[0].sum()


def test_a_rounded_number_of_a_forward_pass_is_no_fault_of_gradcalc() -> None:
    report = gradients(Scaled, X)
    assert report.verdict == Outcome.UNDECIDED
    assert report.why == "a number left torch by .item() in the forward pass, and was rounded there"


def test_a_row_is_not_said_to_be_a_decomposition() -> None:
    report = gradients(lambda x: torch.tanh(x) + torch.sigmoid(x) + functional.leaky_relu(x), X)
    assert (report.verdict, report.notes) == (Outcome.PROVEN, ())


@pytest.mark.parametrize("base", [2, 10, 0.9, 3.7])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_logarithm_of_a_base_is_known(base: float, dtype: torch.dtype) -> None:
    report = gradients(lambda x: base**x, X.to(dtype))
    assert report.verdict == Outcome.PROVEN, str(report)
    report = gradients(lambda x: float(x.abs().max()) ** x, X.to(dtype))
    assert report.verdict == Outcome.STOPPED, str(report)
