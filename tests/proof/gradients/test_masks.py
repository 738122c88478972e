"""Masks of minus infinity: what they hide has no part in a softmax; infinities that were computed are undecided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from gradcalc.testing import Outcome, gradients

DTYPES = (torch.float64, torch.float32)
X = torch.tensor([0.3, -1.2, 2.6, 0.7], dtype=torch.float64)
KEPT = torch.tensor([True, False, True, True])
ADDED = torch.tensor([0.0, -torch.inf, 0.0, 0.0])
CAUSAL = torch.full((3, 3), -torch.inf).triu(1)


def attention(x: torch.Tensor, **options: Any) -> torch.Tensor:
    rows = x.reshape(1, 1, 4, 1)
    return functional.scaled_dot_product_attention(rows, 2 * rows, rows, **options)


MASKED: dict[str, Callable[[Any], Any]] = {
    "filled": lambda x: torch.softmax(x.masked_fill(~KEPT, -torch.inf), 0),
    "added": lambda x: torch.softmax(x + ADDED.to(x.dtype), 0),
    "chosen": lambda x: torch.softmax(torch.where(KEPT, x, -torch.inf), 0),
    "logsumexp": lambda x: torch.logsumexp(x + ADDED.to(x.dtype), 0),
    "log softmax": lambda x: functional.log_softmax(x + ADDED.to(x.dtype), 0)[[0, 2]],
    "exponentials": lambda x: torch.exp(x.masked_fill(~KEPT, -torch.inf)).sum().log(),
    "causal": lambda x: torch.softmax(torch.outer(x[:3], x[1:]) + CAUSAL.to(x.dtype), -1) @ x[:3],
    "scaled afterwards": lambda x: torch.softmax((x + ADDED.to(x.dtype)) / 2, 0),
    "cross entropy": lambda x: functional.cross_entropy((x + ADDED.to(x.dtype))[None], torch.tensor([2])),
    "attention": lambda x: attention(x, attn_mask=ADDED.to(x.dtype).expand(4, 4)),
    "attention by truth values": lambda x: attention(x, attn_mask=KEPT.expand(4, 4)),
    "causal attention": lambda x: attention(x, is_causal=True),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MASKED)
def test_what_a_mask_hides_has_no_part(name: str, dtype: torch.dtype) -> None:
    report = gradients(MASKED[name], X.to(dtype))
    assert report.verdict == Outcome.PROVEN, str(report)


COMPUTED: dict[str, Callable[[Any], Any]] = {
    "a logarithm": lambda x: torch.softmax(torch.log(torch.relu(x)), 0),
    "a quotient": lambda x: torch.exp(-1 / torch.relu(x)),
    "a logarithm beside a mask": lambda x: torch.softmax(torch.log(torch.relu(x)) + ADDED.to(x.dtype).roll(1), 0)[[0, 3]],
    "everything hidden": lambda x: torch.softmax(x - torch.inf, 0),
}


@pytest.mark.parametrize("name", COMPUTED)
def test_infinities_that_were_computed_are_not_proven(name: str) -> None:
    report = gradients(COMPUTED[name], X)
    assert report.verdict in (Outcome.UNDECIDED, Outcome.NOT_FINITE, Outcome.NOT_DIFFERENTIABLE), str(report)


def test_a_forgotten_factor_behind_a_mask_is_wrong() -> None:
    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad

    for name in MASKED:
        report = gradients(lambda x, name=name: MASKED[name](Half.apply(x)), X)
        assert (report.verdict, report.function) == (Outcome.WRONG, "Half"), f"{name}: {report}"
