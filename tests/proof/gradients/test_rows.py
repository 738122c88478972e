"""Layers and losses of PyTorch: proven as they are, and a fault of 1e-6 in front of each is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from gradcalc.testing import Outcome, gradients


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def weights(count: int) -> torch.Tensor:
    return torch.arange(1, count + 1, dtype=torch.float64) / 3


CLASSES = torch.tensor([0, 1, 2])
TARGETS = torch.full((3, 4), 0.3, dtype=torch.float64)

LAYERS: dict[str, tuple[Callable[[Any], Any], torch.Tensor]] = {
    "cross_entropy": (lambda x: functional.cross_entropy(x, CLASSES), normal(3, 4)),
    "cross_entropy with weights": (lambda x: functional.cross_entropy(x, CLASSES, weight=weights(4)), normal(3, 4)),
    "cross_entropy, none": (lambda x: functional.cross_entropy(x, CLASSES, reduction="none"), normal(3, 4)),
    "cross_entropy, sum": (lambda x: functional.cross_entropy(x, CLASSES, weights(4), reduction="sum"), normal(3, 4)),
    "cross_entropy, ignored": (lambda x: functional.cross_entropy(x, torch.tensor([0, -100, 2])), normal(3, 4)),
    "cross_entropy, smooth": (lambda x: functional.cross_entropy(x, CLASSES, label_smoothing=0.1), normal(3, 4)),
    "bce": (lambda x: functional.binary_cross_entropy(torch.sigmoid(x), TARGETS, weights(4)), normal(3, 4)),
    "bce with logits": (lambda x: functional.binary_cross_entropy_with_logits(x, TARGETS, weights(4)), normal(3, 4)),
    "bce with positives": (
        lambda x: functional.binary_cross_entropy_with_logits(x, TARGETS, pos_weight=weights(4)), normal(3, 4),
    ),
    "huber": (lambda x: functional.huber_loss(x, TARGETS, delta=0.5), normal(3, 4)),
    "smooth l1": (lambda x: functional.smooth_l1_loss(x, TARGETS, beta=0.5, reduction="sum"), normal(3, 4)),
    "soft margin": (lambda x: functional.soft_margin_loss(x, torch.ones_like(x)), normal(3, 4)),
    "mse": (lambda x: functional.mse_loss(x, TARGETS), normal(3, 4)),
    "kl": (lambda x: functional.kl_div(torch.log_softmax(x, -1), TARGETS, reduction="batchmean"), normal(3, 4)),
    "glu": (lambda x: functional.glu(x, 0), normal(4, 3)),
    "group norm": (lambda x: functional.group_norm(x, 2, weights(4), weights(4)), normal(2, 4, 3)),
    "layer norm": (lambda x: functional.layer_norm(x, (4,), weights(4), weights(4)), normal(2, 4)),
    "batch norm": (lambda x: functional.batch_norm(x, None, None, weights(4), training=True), normal(5, 4)),
    "batch norm, evaluation": (lambda x: functional.batch_norm(x, weights(4), weights(4), weights(4)), normal(5, 4, 2)),
    "rms norm": (lambda x: functional.rms_norm(x, (4,)), normal(2, 4)),
    "convolution": (lambda x: functional.conv2d(x, normal(2, 1, 2, 2), padding=1, stride=2), normal(2, 1, 4, 4)),
    "groups": (lambda x: functional.conv1d(x, normal(4, 1, 2), groups=2), normal(2, 2, 5)),
    "mean pooling": (lambda x: functional.avg_pool2d(x, 2), normal(1, 2, 4, 4)),
    "max pooling": (lambda x: functional.max_pool2d(x, 2), normal(1, 2, 4, 4)),
    "attention": (lambda x: functional.scaled_dot_product_attention(x, x, x, is_causal=True), normal(1, 2, 4, 3)),
    "accumulated": (
        lambda x: torch.zeros(2, dtype=x.dtype).index_put((torch.tensor([0, 0, 1]),), x, accumulate=True) ** 2, normal(3),
    ),
    "scattered": (lambda x: torch.zeros(3, dtype=x.dtype).scatter_add(0, torch.tensor([0, 0, 2]), x) ** 2, normal(3)),
}  # fmt: skip


class Faulty(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 1

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * (1 + 1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_and_losses_are_proven(name: str) -> None:
    fn, x = LAYERS[name]
    report = gradients(fn, x)
    assert report.verdict == Outcome.PROVEN, str(report)
    faulty = gradients(lambda x: fn(Faulty.apply(x)), x)
    assert (faulty.verdict, faulty.at_fault) == (Outcome.WRONG, ("Faulty",)), str(faulty)


def test_the_row_that_pads_gets_no_gradient_by_design() -> None:
    report = gradients(torch.nn.Embedding(4, 2, padding_idx=0), torch.tensor([0, 1, 3]))
    assert report.verdict == Outcome.BY_DESIGN
    assert "padding_idx=0" in report.why
    assert gradients(torch.nn.Embedding(4, 2), torch.tensor([0, 1, 3])).verdict == Outcome.PROVEN
    assert gradients(torch.nn.Embedding(4, 2, padding_idx=0), torch.tensor([1, 3])).verdict == Outcome.PROVEN
    table = torch.nn.Embedding(4, 2, padding_idx=0)
    assert gradients(lambda x: Faulty.apply(table(torch.tensor([0, 1]))) * x, normal(2)).verdict != Outcome.BY_DESIGN


def test_kernels_that_are_adjoints_by_definition_are_noted() -> None:
    notes = gradients(*LAYERS["convolution"]).notes
    assert any("convolution_backward" in note for note in notes)


MODULES: dict[str, Callable[[], tuple[torch.nn.Module, torch.Tensor]]] = {
    "convolutions, whose biases cancel": lambda: (
        torch.nn.Sequential(
            torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.BatchNorm2d(2), torch.nn.ReLU(), torch.nn.Conv2d(2, 2, 3),
            torch.nn.BatchNorm2d(2), torch.nn.SiLU(),
        ), torch.randn(2, 1, 4, 4),
    ),
    "a transformer with dropout": lambda: (
        torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True), torch.randn(2, 3, 8),
    ),
    "a recurrent cell": lambda: (torch.nn.GRUCell(3, 2), torch.randn(4, 3)),
    "an LSTM, whose kernel is fused": lambda: (torch.nn.LSTM(2, 3), torch.randn(4, 2, 2)),
    "layers of LSTMs": lambda: (
        torch.nn.LSTM(2, 3, 2, bidirectional=True, batch_first=True, dropout=0.2), torch.randn(2, 4, 2),
    ),
    "an LSTM without biases": lambda: (torch.nn.LSTM(2, 3, bias=False).bfloat16(), torch.randn(4, 2, 2).bfloat16()),
    "an LSTM with a projection": lambda: (torch.nn.LSTM(2, 3, proj_size=2), torch.randn(4, 2, 2)),
    "a decoder": lambda: (
        torch.nn.Sequential(
            torch.nn.ConvTranspose2d(2, 2, 2, stride=2), torch.nn.Upsample(scale_factor=2, mode="bilinear"),
            torch.nn.MaxPool2d(3, stride=2, padding=1), torch.nn.AvgPool2d(2, padding=1, count_include_pad=False),
        ), torch.randn(1, 2, 3, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_all_parameters_of_modules_are_proven(name: str) -> None:
    torch.manual_seed(0)
    module, x = MODULES[name]()
    report = gradients(module, x)
    assert report.verdict == Outcome.PROVEN, str(report)
    assert sum(part.entries for part in report.parts) == x.numel() + sum(it.numel() for it in module.parameters())
