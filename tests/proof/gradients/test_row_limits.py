"""Where rows of gradient checks end: ties, ranks that drop, eigenvalues that meet, rows that do not fit the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from gradcalc.proof.gradients import rows
from gradcalc.testing import Outcome, gradients

F64 = torch.float64
TIED = torch.tensor([[1.0, 2.0, 2.0, 0.5], [0.5, 1.0, 3.0, 3.0]], dtype=F64)

TIES: dict[str, tuple[Callable[[Any], Any], torch.Tensor]] = {
    "max pool": (lambda x: functional.max_pool1d(x[None], 2), TIED),
    "adaptive max pool": (lambda x: functional.adaptive_max_pool1d(x[None], 1), TIED),
    "cummax": (lambda x: x.cummax(1).values, TIED),
    "median": (lambda x: x.median(), TIED),
    "mode": (lambda x: x.mode(1).values, TIED),
    "aminmax": (lambda x: x.aminmax(dim=1).max, TIED),
    "scatter_reduce": (lambda x: torch.zeros(1, dtype=F64).scatter_reduce(0, torch.zeros(4, dtype=int), x[0], "amax"), TIED),
    "pivots": (lambda x: torch.linalg.lu(x)[2], torch.tensor([[1.0, 2.0], [-1.0, 3.0]], dtype=F64)),
    "nearest in a grid": (
        lambda x: functional.grid_sample(torch.eye(3, dtype=F64)[None, None], x[None, None], mode="nearest", align_corners=True),
        torch.tensor([[0.5, 0.25]], dtype=F64),
    ),
    "bilinear in a grid": (
        lambda x: functional.grid_sample(torch.eye(3, dtype=F64)[None, None], x[None, None], align_corners=True),
        torch.tensor([[0.0, 0.25]], dtype=F64),
    ),
    "norm of order 1 at 0": (lambda x: torch.linalg.vector_norm(x - x[:, :1].detach(), 1, 1), TIED),
    "mantissa of a power of 2": (lambda x: torch.frexp(x).mantissa, TIED),
}  # fmt: skip


@pytest.mark.parametrize("name", TIES)
def test_at_a_tie_there_is_no_derivative(name: str) -> None:
    report = gradients(*TIES[name])
    assert report.verdict == Outcome.NOT_DIFFERENTIABLE, str(report)


def symmetric(x: torch.Tensor) -> torch.Tensor:
    return x + x.mT


UNKNOWN: dict[str, tuple[Callable[[Any], Any], torch.Tensor]] = {
    "eigenvectors of equal eigenvalues": (lambda x: torch.linalg.eigh(symmetric(x))[1], torch.eye(2, dtype=F64)),
    "eigenvectors of a matrix that is not symmetric": (
        lambda x: torch.linalg.eigh(x)[0], torch.tensor([[1.0, 0.0], [2.0, 3.0]], dtype=F64),
    ),
    "equal singular values": (lambda x: torch.linalg.svd(x)[0], torch.eye(2, dtype=F64)),
    "a pseudoinverse whose rank drops": (torch.linalg.pinv, torch.ones(2, 2, dtype=F64)),
    "all vectors of a tall matrix": (lambda x: torch.linalg.svd(x)[1], TIED.T.contiguous()),
    "nextafter": (lambda x: torch.nextafter(x, 2 * x), TIED),
    "a random slope": (lambda x: functional.rrelu(x - 2, training=True), TIED),
    "a result that no row computes": (
        lambda x: x * torch.ops.aten.multilabel_margin_loss_forward(x, torch.tensor([[0, -1, 0, 0], [1, -1, 0, 0]]), 1)[1],
        TIED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_undecided(name: str) -> None:
    report = gradients(*UNKNOWN[name])
    assert report.verdict == Outcome.UNDECIDED, str(report)


@pytest.mark.parametrize("x", [TIED, TIED[0, 0], TIED.float()], ids=str)
def test_gradients_of_zeros_without_memory(x: torch.Tensor) -> None:
    assert gradients(torch.sgn, x).verdict == Outcome.PROVEN


@pytest.mark.parametrize("other", ["sin", "cos", "sigmoid"])
def test_a_row_that_does_not_fit_the_value_decides_nothing(other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.tensor([0.3, -1.1], dtype=F64)
    assert gradients(torch.sinc, x).verdict == Outcome.PROVEN
    monkeypatch.setitem(rows.ROWS, "sinc", lambda p, op: p.call(other, p.read(op.argument("self"))))
    report = gradients(torch.sinc, x)
    assert report.verdict == Outcome.UNDECIDED, str(report)


@pytest.mark.skipif(not torch.__version__.startswith("2.13."), reason="a fault of PyTorch 2.13")
def test_a_scale_that_torch_rounds_to_float32_is_wrong_in_float64() -> None:
    """PyTorch divides by alpha in single precision in the backward pass of celu (derivatives.yaml: `alpha.toFloat()`)."""
    x = torch.tensor([-0.4, 0.3], dtype=F64)
    report = gradients(lambda x: functional.celu(x, 0.7), x)
    assert report.verdict == Outcome.WRONG
    assert 1e-9 < (report.parts[0].error or 0) < 1e-7
    assert gradients(lambda x: functional.celu(x, 0.5), x).verdict == Outcome.PROVEN
