"""Backward passes written by hand: right ones are proven in every dtype, wrong ones are named with what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gradcalc.testing import FAILING, Outcome, assert_gradients, gradients
from tests.support.backward_passes import Intermediate, cases, function, normal

DTYPES = (torch.float64, torch.float32, torch.bfloat16)


CASES = {case.name: case for case in cases()}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_every_case_has_its_outcome(name: str, dtype: torch.dtype) -> None:
    case = CASES[name]
    if case.is_outside and dtype == torch.bfloat16:
        pytest.skip("numpy has no bfloat16")
    report = gradients(case.function, case.inputs(dtype), **case.options)
    assert report.verdict == case.outcome_in(dtype), str(report)
    if dtype == torch.float64:
        assert case.signature in (report.signature or ""), report.signature
    if report.verdict == Outcome.WRONG:
        assert report.function is not None
        assert report.line is not None
    if report.verdict in FAILING:
        with pytest.raises(AssertionError, match=str(report.verdict)):
            assert_gradients(case.function, case.inputs(dtype), **case.options)
    if report.verdict == Outcome.PROVEN:
        assert [part.entries for part in report.parts] == [torch.Size(shape).numel() for shape in case.shapes]


@pytest.mark.parametrize("size", [1e-3, 1e-9, 1e-15])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_smallest_error_is_named(size: float, dtype: torch.dtype) -> None:
    def backward(x: Any, y: Any, g: Any) -> Any:
        s = torch.sigmoid(x)
        return g * (s + x * s * (1 - s)) * (1 + size)

    swish = function(lambda x: x * torch.sigmoid(x), backward)
    report = gradients(swish, normal((6,), dtype=dtype))
    shown = size > {torch.float64: 1.2e-16, torch.float32: 6e-8, torch.bfloat16: 5e-4}[dtype]
    assert report.verdict == (Outcome.WRONG if shown else Outcome.BELOW_RESOLUTION)
    assert "times the derivative in every entry" in report.why


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
    assert gradients(Intermediate, x).verdict == Outcome.PROVEN
    assert gradients(Intermediate, x, order=2).verdict in (Outcome.WRONG, Outcome.STOPPED)


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
