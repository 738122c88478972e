"""Floats beyond the bounds of their kernels: a wrong kernel is never proven, an inaccurate one is noted."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gradcalc.engines.autograd.function_call import prepare
from gradcalc.engines.autograd.function_recorder import record_function
from gradcalc.proof.gradients.check import check_gradients
from gradcalc.proof.gradients.words import GradientReport, Outcome
from gradcalc.testing import gradients

DTYPES = (torch.float64, torch.float32, torch.bfloat16)
X = torch.tensor([0.3, -1.2, 2.6, 0.7] * 5, dtype=torch.float64)


def report_with(error: float, dtype: torch.dtype, function: Any) -> GradientReport:
    """The report on a function whose last forward operation has returned one number with a relative error."""
    call = prepare(function, X.to(dtype))
    recorded = record_function(call.function, call.inputs, call.wanted, 0)
    last = recorded.record.tensor_operations[recorded.record.forward - 1]
    last.results[0].floats[2] *= 1 + error
    return check_gradients(recorded, call.names)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [lambda x: torch.sin(2 * x), lambda x: x.exp() * x, lambda x: (x / 3).flip(0)])
def test_a_wrong_kernel_is_never_proven(function: Any, dtype: torch.dtype) -> None:
    assert report_with(0.0, dtype, function).verdict == Outcome.PROVEN
    report = report_with(0.25, dtype, function)
    assert report.verdict == Outcome.UNDECIDED, str(report)


def test_the_operation_is_named() -> None:
    report = report_with(0.25, torch.float32, lambda x: torch.sin(2 * x))
    assert report.why.startswith("sin at test_local_faults.py:"), str(report)
    assert "its kernel is wrong, or what is known of it" in report.why


def test_an_inaccurate_kernel_is_noted() -> None:
    report = report_with(1e-5, torch.float32, lambda x: torch.sin(2 * x))
    assert report.verdict == Outcome.PROVEN
    assert "beyond the bound of its kernel" in report.notes[0]
    assert not report_with(1e-8, torch.float32, lambda x: torch.sin(2 * x)).notes


def test_norms_of_infinite_order_are_known() -> None:
    for order in (torch.inf, -torch.inf):
        report = gradients(lambda x, order=order: torch.linalg.vector_norm(x, order), X[:4])
        assert report.verdict in (Outcome.PROVEN, Outcome.UNDECIDED)
        assert "kernel" not in report.why
