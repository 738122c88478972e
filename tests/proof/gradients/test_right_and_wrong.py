"""Backward passes written by hand: right ones are proven in every dtype, wrong ones are named with what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from gradcalc.testing import Outcome, assert_gradients, gradients

DTYPES = (torch.float64, torch.float32, torch.bfloat16)


def function(forward: Callable[..., Any], backward: Callable[..., Any], name: str = "Custom") -> Any:
    """A custom Function; the backward pass gets the inputs and the output, and the gradient of the output."""

    class Custom(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            output = forward(*inputs)
            ctx.save_for_backward(*inputs, output)
            return output

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return backward(*ctx.saved_tensors, grad)

    Custom.__name__ = name
    return Custom


def normal(*shapes: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]


def softmax_backward(q: Any, k: Any, v: Any, output: Any, grad: Any, *, scale: float) -> Any:
    a = torch.softmax(q @ k.T * 0.5, -1)
    grad_a = grad @ v.T
    scores = a * (grad_a - (grad_a * a).sum(-1, keepdim=True)) * scale
    return scores @ k, scores.T @ q, a.T @ grad


RIGHT: dict[str, tuple[Any, list[tuple[int, ...]]]] = {
    "swish": (
        function(
            lambda x: x * torch.sigmoid(x),
            lambda x, y, g: g * (torch.sigmoid(x) + x * torch.sigmoid(x) * (1 - torch.sigmoid(x))),
        ),
        [(6,)],
    ),
    "linear": (
        function(lambda x, w, b: x @ w.T + b, lambda x, w, b, y, g: (g @ w, g.T @ x, g.sum(0))),
        [(4, 5), (3, 5), (3,)],
    ),
    "attention": (
        function(
            lambda q, k, v: torch.softmax(q @ k.T * 0.5, -1) @ v,
            lambda *them: softmax_backward(*them, scale=0.5),
        ),
        [(3, 4), (5, 4), (5, 2)],
    ),
    "written in place": (
        function(lambda x: x.clone().mul_(2).exp_(), lambda x, y, g: g * y * 2),
        [(5,)],
    ),
    "a network": (
        lambda x, a, b, c: functional.cross_entropy(functional.linear(torch.tanh(functional.linear(x, a, b)), c), torch.tensor([0, 2, 1])),
        [(3, 5), (7, 5), (7,), (4, 7)],
    ),
    "convolution": (
        lambda x, w, b: functional.max_pool2d(functional.silu(functional.conv2d(x, w, b)), 2).sum(),
        [(2, 2, 5, 5), (3, 2, 2, 2), (3,)],
    ),
    "normalized": (lambda x, w, b: functional.gelu(functional.layer_norm(x, (6,), w, b)), [(3, 6), (6,), (6,)]),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", RIGHT)
def test_right_ones_are_proven_in_every_dtype(name: str, dtype: torch.dtype) -> None:
    fn, shapes = RIGHT[name]
    report = gradients(fn, normal(*shapes, dtype=dtype))
    assert report.verdict == Outcome.PROVEN, str(report)
    assert [part.entries for part in report.parts] == [torch.Size(shape).numel() for shape in shapes]
    assert_gradients(fn, normal(*shapes, dtype=dtype))


WRONG: dict[str, tuple[Any, list[tuple[int, ...]], str]] = {
    "inner derivative": (
        function(lambda x: torch.tanh(3 * x), lambda x, y, g: g * (1 - y**2)), [(6,)], "1/3 of the derivative in every entry",
    ),
    "sign": (function(torch.cos, lambda x, y, g: g * torch.sin(x)), [(6,)], "the sign is wrong"),
    "mean": (function(lambda x: (x**2).mean(), lambda x, y, g: g * 2 * x), [(6,)], "6 times the derivative in every entry"),
    "square": (function(lambda x: x**2, lambda x, y, g: g * x), [(6,)], "1/2 of the derivative in every entry"),
    "none": (function(lambda x, w: x * w, lambda x, w, y, g: (g * w, None)), [(5,), (5,)], "None is returned"),
    "transposed": (function(lambda x, w: x @ w, lambda x, w, y, g: (g @ w.T, g.T @ x)), [(3, 3), (3, 3)], "transposed"),
    "gradient ignored": (
        lambda x: function(lambda x: x**3, lambda x, y, g: 3 * x**2).apply(x).sin(), [(5,)], "",
    ),
    "saved tensor": (function(torch.sigmoid, lambda x, y, g: g * x * (1 - x)), [(6,)], ""),
    "scale of attention": (
        function(lambda q, k, v: torch.softmax(q @ k.T * 0.5, -1) @ v, lambda *them: softmax_backward(*them, scale=1.0)),
        [(3, 4), (5, 4), (5, 2)],
        "2 times the derivative in every entry",
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", WRONG)
def test_wrong_ones_are_named(name: str, dtype: torch.dtype) -> None:
    fn, shapes, signature = WRONG[name]
    report = gradients(fn, normal(*shapes, dtype=dtype))
    assert report.verdict == Outcome.WRONG, str(report)
    assert report.function == "Custom"
    assert report.line is not None
    if dtype == torch.float64:
        assert signature in (report.signature or ""), report.signature
    with pytest.raises(AssertionError, match="wrong: Custom "):
        assert_gradients(fn, normal(*shapes, dtype=dtype))


def test_the_wrong_function_is_blamed_among_right_ones() -> None:
    right = function(torch.exp, lambda x, y, g: g * y, "Right")
    wrong = function(torch.sin, lambda x, y, g: g * torch.sin(x), "Faulty")
    report = gradients(lambda x: right.apply(wrong.apply(right.apply(x))), normal((4,)))
    assert (report.verdict, report.function, report.at_fault) == (Outcome.WRONG, "Faulty", ("Faulty",))


def test_a_function_whose_apply_was_bound_early_is_blamed() -> None:
    apply = function(torch.sin, lambda x, y, g: g * torch.sin(x), "Bound").apply
    assert gradients(lambda x: apply(x) * 2, normal((4,))).function == "Bound"


def test_a_gradient_that_is_meant_to_be_something_else() -> None:
    reversal = function(lambda x: x.clone(), lambda x, y, g: -g, "Reversal")
    doubled = function(torch.sin, lambda x, y, g: 2 * g * torch.cos(x), "Doubled")
    for named in ("Reversal", reversal):
        report = gradients(lambda x: reversal.apply(x.sin()), normal((4,)), by_design=[named])
        assert (report.verdict, report.at_fault) == (Outcome.BY_DESIGN, ("Reversal",))
    assert gradients(lambda x: reversal.apply(x.sin()), normal((4,))).verdict == Outcome.WRONG
    # a fault elsewhere is not meant, and another name is no excuse
    aside = gradients(lambda x: reversal.apply(x.sin()) + doubled.apply(x * 3), normal((4,)), by_design=[reversal])
    assert (aside.verdict, aside.function) == (Outcome.WRONG, "Doubled"), str(aside)
    twice = gradients(lambda x: reversal.apply(x.exp()) * reversal.apply(x), normal((4,)), by_design="Reversal")
    assert twice.verdict == Outcome.BY_DESIGN, str(twice)
    assert gradients(lambda x: reversal.apply(x.sin()), normal((4,)), by_design=["Other"]).verdict == Outcome.WRONG


def test_parameters_of_a_module_have_their_names() -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    report = gradients(module, torch.tensor([[0.5, -1.0, 2.0]]))
    assert report.verdict == Outcome.PROVEN
    assert [part.name for part in report.parts] == ["input 0", "0.weight", "0.bias", "2.weight", "2.bias"]


def test_the_gradient_of_the_gradient() -> None:
    x = normal((4,))
    right = function(lambda x: x**3, lambda x, y, g: g * 3 * x**2)
    assert gradients(right, x, order=2).verdict == Outcome.PROVEN

    class Saved(torch.autograd.Function):
        """Its backward pass uses an intermediate result that is no input and no output: right once, wrong twice."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.square = x * x
            return ctx.square * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * 3 * ctx.square

    assert gradients(Saved, x).verdict == Outcome.PROVEN
    assert gradients(Saved, x, order=2).verdict in (Outcome.WRONG, Outcome.STOPPED)


@pytest.mark.parametrize("size", [1e-2, 1e-6, 1e-9])
def test_a_difference_that_the_dtype_cannot_show_does_not_fail(size: float) -> None:
    swish = function(lambda x: x * x, lambda x, y, g: g * 2 * x * (1 + size))
    assert gradients(swish, normal((6,))).verdict == Outcome.WRONG
    report = gradients(swish, normal((6,), dtype=torch.float32))
    assert report.verdict == (Outcome.WRONG if size > 1e-7 else Outcome.BELOW_RESOLUTION)
    if size < 1e-7:
        assert_gradients(swish, normal((6,), dtype=torch.float32))


def test_a_report_is_plain_data() -> None:
    report = gradients(function(torch.cos, lambda x, y, g: g * torch.sin(x)), normal((2,)))
    data = report.to_dict()
    assert data["verdict"] == "wrong"
    assert data["parts"][0]["name"] == "input 0"
    assert str(report).startswith("wrong: Custom (applied at ")
    assert "<" not in str(report)
