"""Calls that run, but not while they are recorded, are undecided; those that do not run raise what they raise."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import _get_current_dispatch_mode

from gradcalc.testing import Outcome, gradients

X = torch.tensor([0.5, -1.0])


def refuses_records(x: Any) -> Any:
    if _get_current_dispatch_mode() is not None:
        raise RuntimeError("no modes here")
    return x * 2


class RefusesRecords(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return refuses_records(grad)


class Raises(RefusesRecords):
    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        raise RuntimeError("a fault of the user's")


@pytest.mark.parametrize("fn", [refuses_records, RefusesRecords])
def test_a_call_that_runs_but_cannot_be_recorded_is_undecided(fn: Any) -> None:
    report = gradients(fn, X)
    assert report.verdict is Outcome.UNDECIDED
    assert report.why == "the call cannot be recorded: RuntimeError: no modes here"


def test_a_fault_of_the_user_is_raised() -> None:
    with pytest.raises(RuntimeError, match="a fault of the user's"):
        gradients(Raises, X)
    with pytest.raises(TypeError):
        gradients(lambda x, y: x * y, X)
    with pytest.raises(RuntimeError, match="in-place"):
        gradients(lambda x: x.mul_(2), X)
