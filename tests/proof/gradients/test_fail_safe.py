"""What is not seen, not known or not smooth is never proven."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from gradcalc.testing import FAILING, Outcome, assert_gradients, gradients
from tests.support.backward_passes import InPlaceGradient

X = torch.tensor([0.3, -1.2, 2.6, 0.7], dtype=torch.float64)


def no_grad_scale(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        scale = x.pow(2).mean()
    return x / scale


STOPPED: dict[str, Callable[[Any], Any]] = {
    "detach": lambda x: x * torch.softmax(x, 0).detach(),
    ".data": lambda x: x / x.data.norm(),
    ".item()": lambda x: x / x.abs().max().item(),
    "no_grad": no_grad_scale,
    "a new parameter": lambda x: torch.nn.Parameter(x * 2).sum() + 0 * x.sum(),
    "a tensor of a number": lambda x: x * torch.tensor(x.abs().max().item(), dtype=x.dtype),
    "a new start": lambda x: x.detach().requires_grad_() * 2 + 0 * x,
    "straight-through": lambda x: x + (x.round() - x).detach(),
}


@pytest.mark.parametrize("name", STOPPED)
def test_what_leaves_the_graph_is_stopped(name: str) -> None:
    report = gradients(STOPPED[name], X)
    assert report.verdict == Outcome.STOPPED, str(report)
    assert report.line is not None
    assert report.line.startswith("test_fail_safe.py:")
    with pytest.raises(AssertionError, match="stopped"):
        assert_gradients(STOPPED[name], X)


class ThroughNumpy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return torch.from_numpy(x.detach().numpy() ** 2)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * 2 * ctx.saved_tensors[0]


UNSEEN: dict[str, Callable[[Any], Any]] = {
    "a list": lambda x: x * torch.tensor((x.detach() * x.detach()).tolist(), dtype=x.dtype),
    "numpy": lambda x: x * torch.from_numpy((x * x).detach().numpy().copy()),
    "a number computed in Python": lambda x: x * (x.sum().item() ** 2),
    "a number computed of a detached one": lambda x: x * float(x.detach().sum()) ** 2,
    "a tensor of a number": lambda x: x * torch.tensor(float(x.detach().sum()) * 3),
    "a list of numbers of tensors": lambda x: x * torch.tensor([x[0] * 2, x[1], x[2], x[3]]),
    "a leaf of numbers of tensors": lambda x: torch.tensor([(x * i).sum() for i in range(3)], requires_grad=True).mean(),
    "between numbers of tensors": lambda x: x * torch.linspace(x[0].detach(), x[1].detach(), 4, dtype=x.dtype),
    "noise around a mean": lambda x: torch.normal(x, 1.0),
    "a copy": lambda x: x * copy.deepcopy(x.detach()),
    "a library of mathematics": lambda x: x * math.exp(x[0]),
    "forward through numpy": ThroughNumpy.apply,
    "complex": lambda x: torch.fft.fft(x),
    "complex inside": lambda x: torch.fft.fft(x).real.sum(),
    "sparse": lambda x: torch.sparse.sum(torch.diag(x).to_sparse() * 2),
    "an unknown operation": lambda x: torch.nextafter(x, 2 * x),
    "unknown before what is known": lambda x: torch.nextafter(x, 2 * x).sum() * 2 + x.sum(),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_what_is_not_seen_or_known_is_not_proven_nor_wrong(name: str) -> None:
    report = gradients(UNSEEN[name], X)
    assert report.verdict in (Outcome.UNDECIDED, Outcome.STOPPED), str(report)
    assert report.why
    assert report.verdict in FAILING


TABLE = torch.tensor([1.0, 4.0, 9.0, 16.0], dtype=torch.float64)
TIES: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "relu": (torch.relu, [0.0, 1.0]),
    "abs": (torch.abs, [0.0, 1.0]),
    "maximum": (lambda x: torch.maximum(x, x.flip(0)), [1.0, 1.0]),
    "max": (lambda x: x.max(), [2.0, 2.0, 1.0]),
    "amax": (lambda x: x.amax(0), [2.0, 2.0, 1.0]),
    "max by a dimension": (lambda x: x.reshape(1, 3).max(1)[0], [2.0, 2.0, 1.0]),
    "median": (lambda x: x.median(), [2.0, 2.0, 1.0]),
    "topk": (lambda x: x.topk(1)[0].sum(), [2.0, 2.0, 1.0]),
    "sort": (lambda x: (x.sort()[0] * torch.tensor([1.0, 2.0, 3.0], dtype=x.dtype)).sum(), [2.0, 2.0, 1.0]),
    "kthvalue": (lambda x: x.kthvalue(2)[0], [2.0, 2.0, 1.0]),
    "clamp": (lambda x: x.clamp(-1, 1), [1.0, 0.5]),
    "norm": (lambda x: x.norm(), [0.0, 0.0]),
    "floor": (lambda x: (x - x.floor()) * x, [1.0, 0.5]),
    "round": (lambda x: x.round() * x, [0.5, 0.7]),
    "ceil": (lambda x: x.ceil() * x, [2.0, 0.7]),
    "an integer cast": (lambda x: x.long() * x, [2.0, 0.7]),
    "where": (lambda x: torch.where(x > 0, x, -x), [0.0, 1.0]),
    "a mask": (lambda x: x * (x > 0), [0.0, 1.0]),
    "a filled mask": (lambda x: x.masked_fill(x <= 0, 0.0), [0.0, 1.0]),
    "a whole position": (lambda x: TABLE[x.floor().long()] * x, [2.0, 1.5]),
    "the next position": (lambda x: TABLE[(x.floor() + 1).long()] * x, [2.0, 1.5]),
    "a position cut": (lambda x: TABLE[x.long()] * x, [2.0, 1.5]),
    "between marks": (lambda x: TABLE[torch.bucketize(x, TABLE)] * x, [4.0, 5.0]),
    "a searched place": (lambda x: TABLE[torch.searchsorted(TABLE, x)] * x, [4.0, 5.0]),
    "a branch": (lambda x: x * 2 if x.sum() > 1 else x * 3, [0.0, 1.0]),
    "a truth value": (lambda x: x.bool() * x, [0.0, 5.5]),
    "both conditions": (lambda x: torch.logical_and(x > 0, x < 1).to(x.dtype) * x, [1.0, 5.5]),
    "a place of the maximum": (lambda x: TABLE[x.argmax()] * x, [1.0, 1.0]),
    "max pooling": (lambda x: torch.nn.functional.max_pool1d(x.reshape(1, 1, 4), 2), [1.0, 1.0, 2.0, 3.0]),
    "hardtanh": (torch.nn.functional.hardtanh, [1.0, 0.2]),
}


@pytest.mark.parametrize("name", TIES)
def test_ties_and_kinks_are_not_proven(name: str) -> None:
    fn, values = TIES[name]
    report = gradients(fn, torch.tensor(values, dtype=torch.float64))
    assert report.verdict in (Outcome.NOT_DIFFERENTIABLE, Outcome.UNDECIDED), str(report)
    aside = torch.tensor([0.31 * place + value * 1.07 for place, value in enumerate(values, 1)], dtype=torch.float64)
    assert gradients(fn, aside).verdict in (Outcome.PROVEN, Outcome.UNDECIDED)


def test_the_other_branch_of_where_makes_nan() -> None:
    x = torch.tensor([1.0, -2.0], dtype=torch.float64)
    report = gradients(lambda x: torch.where(x > 0, torch.log(x), x), x)
    assert report.verdict == Outcome.NOT_FINITE or report.verdict == Outcome.PROVEN, str(report)
    trap = gradients(lambda x: torch.where(x > 0, torch.sqrt(torch.where(x > 0, x, x * 0)), x), x)
    assert trap.verdict == Outcome.NOT_FINITE
    assert "test_fail_safe.py" in trap.why
    assert "(backward pass, SqrtBackward0) returns what is not finite" in trap.why


def test_infinities_of_masks_are_not_called_kinks() -> None:
    mask = torch.tensor([True, False, True, True])
    report = gradients(lambda x: torch.softmax(x.masked_fill(~mask, -torch.inf), 0), X)
    assert report.verdict in (Outcome.PROVEN, Outcome.UNDECIDED), str(report)


def test_a_number_is_equal_to_itself() -> None:
    assert gradients(lambda x: torch.where(torch.isfinite(x).all(), x * 2, x), X).verdict == Outcome.PROVEN


def test_what_an_unknown_operation_decides_is_undecided() -> None:
    report = gradients(lambda x: x * (torch.nextafter(x, 2 * x) > 0), X)
    assert report.verdict == Outcome.UNDECIDED


def test_a_rounded_number_in_the_backward_pass_is_not_wrong() -> None:
    class Norm(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.norm()

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return grad * x / x.norm().item()

    assert gradients(Norm, X.float()).verdict == Outcome.UNDECIDED


def test_there_is_something_to_differentiate_by() -> None:
    assert gradients(lambda x: x, [torch.tensor([1, 2])]).verdict == Outcome.UNDECIDED
    with pytest.raises(ValueError, match="order is 1 or 2"):
        gradients(torch.exp, X, order=3)
    with pytest.raises(TypeError, match="a list of arguments, not dict"):
        gradients(torch.exp, {"x": X})


def test_a_value_that_is_not_finite_is_not_proven() -> None:
    x = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    masked = torch.full((2, 2), -torch.inf, dtype=torch.float64)
    report = gradients(lambda x: torch.softmax(masked + x, -1), x)
    assert report.verdict == Outcome.NOT_FINITE, str(report)


def test_a_literal_means_itself_in_every_dtype() -> None:
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        report = gradients(lambda x: (torch.addcdiv(x, x, x * x + 2, value=3.14) * 0.1).sum(), X.to(dtype))
        assert report.verdict == Outcome.PROVEN, str(report)


@pytest.mark.parametrize("number", [math.pi, math.sqrt(0.5), 0.1, 3.7, 1e-5])
def test_a_literal_that_is_a_known_constant_means_itself(number: float) -> None:
    assert gradients(lambda x: torch.softmax(x * number, 0) / number, X).verdict == Outcome.PROVEN


def test_literals_of_the_backward_pass_mean_themselves() -> None:
    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x / 3.7

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * (1 / 3.7)

    assert gradients(Scaled, X.float()).verdict == Outcome.BELOW_RESOLUTION
    assert gradients(Scaled, X).verdict == Outcome.BELOW_RESOLUTION


def test_entries_that_cancel_are_proven() -> None:
    torch.manual_seed(0)
    attention = torch.nn.MultiheadAttention(4, 2, batch_first=True)
    report = gradients(lambda x: attention(x, x, x)[0], torch.randn(1, 3, 4))
    assert report.verdict == Outcome.PROVEN, str(report)
    assert gradients(torch.nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), torch.randn(3, 1, 4)).verdict == Outcome.PROVEN


def test_outputs_without_a_gradient_are_not_differentiated() -> None:
    def both(x: torch.Tensor) -> Any:
        return x.max(0)

    assert gradients(both, X).verdict == Outcome.PROVEN


def test_an_extremum_of_a_number_has_a_dimension() -> None:
    for value in (-2.0, 2.0):
        assert gradients(lambda x: x.max(0)[0] * 3, torch.tensor(value, dtype=torch.float64)).verdict == Outcome.PROVEN


def test_a_sparse_input_is_not_looked_at() -> None:
    assert gradients(lambda x: torch.sparse.sum(x * 2), torch.diag(X).to_sparse()).verdict == Outcome.UNDECIDED


def test_without_entries_there_is_nothing_to_prove() -> None:
    assert gradients(torch.exp, torch.zeros(0, 3)).verdict == Outcome.UNDECIDED


def test_no_time_is_undecided() -> None:
    report = gradients(lambda x: torch.tanh(x).sum(), X, timeout=1e-9)
    assert report.verdict == Outcome.UNDECIDED
    assert "seconds" in report.why


def test_a_gradient_changed_in_place_is_blamed_on_who_changes_it() -> None:
    report = gradients(lambda x: InPlaceGradient.apply(x) + 0 * x, X)
    assert report.verdict in (Outcome.PROVEN, Outcome.WRONG)
    shared = gradients(lambda x: (lambda y: InPlaceGradient.apply(y) + y)(x * 1), X)
    assert shared.verdict != Outcome.PROVEN or torch.allclose(
        _gradient(lambda x: InPlaceGradient.apply(x) + x), torch.full_like(X, 4)
    )


def _gradient(fn: Callable[[Any], Any]) -> torch.Tensor:
    x = X.clone().requires_grad_()
    return torch.autograd.grad(fn(x * 1).sum(), x)[0]


def test_the_inputs_are_left_as_they_are() -> None:
    x = X.clone()
    gradients(lambda x: x.mul(2).add_(1), x)
    assert torch.equal(x, X)
    assert not x.requires_grad
