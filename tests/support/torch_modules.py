"""Modules and idioms of `torch.nn` in training mode, with small inputs: what models are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

Idiom = tuple[str, Callable[[], Any], Sequence[tuple[int, ...]]]
"""A name, what makes the function or module, and the shapes of its inputs."""
_CLASSES = torch.tensor([0, 1, 3])
_SIGNS = torch.tensor([1.0, -1.0, 1.0])


def idioms() -> Iterator[Idiom]:
    """All of them."""
    yield from _products()
    yield from _pools()
    yield from _norms()
    yield from _recurrent()
    yield from _attention()
    yield from _activations()
    yield from _losses()
    yield from _moves()
    yield from _ways()


def inputs_of(shapes: Sequence[tuple[int, ...]], dtype: torch.dtype) -> list[torch.Tensor]:
    """Random inputs, each time the same."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]


def made(make: Callable[[], Any], dtype: torch.dtype) -> Any:
    """A function or module of a dtype, each time with the same parameters."""
    torch.manual_seed(0)
    result = make()
    return result.to(dtype) if isinstance(result, nn.Module) else result


def _products() -> Iterator[Idiom]:
    yield "Linear", lambda: nn.Linear(4, 3), [(2, 4)]
    yield "Bilinear", lambda: nn.Bilinear(3, 4, 2), [(2, 3), (2, 4)]
    yield "Conv1d", lambda: nn.Conv1d(2, 3, 3, padding=1), [(1, 2, 6)]
    yield "Conv2d, groups and stride", lambda: nn.Conv2d(2, 4, 3, stride=2, groups=2), [(1, 2, 6, 6)]
    yield "Conv2d, same and dilated", lambda: nn.Conv2d(1, 2, 3, padding="same", dilation=2), [(1, 1, 5, 5)]
    yield "Conv2d, reflected", lambda: nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"), [(1, 1, 5, 5)]
    yield "Conv3d", lambda: nn.Conv3d(1, 2, 2), [(1, 1, 3, 3, 3)]
    yield "ConvTranspose1d", lambda: nn.ConvTranspose1d(2, 3, 3, stride=2, output_padding=1), [(1, 2, 4)]
    yield "ConvTranspose2d", lambda: nn.ConvTranspose2d(2, 3, 3, padding=1), [(1, 2, 4, 4)]
    yield "ConvTranspose3d", lambda: nn.ConvTranspose3d(1, 1, 2), [(1, 1, 2, 2, 2)]
    yield "einsum", lambda: lambda a, b: torch.einsum("ij,jk->ik", a, b), [(3, 4), (4, 2)]


def _pools() -> Iterator[Idiom]:
    yield "MaxPool1d", lambda: nn.MaxPool1d(2), [(1, 2, 6)]
    yield "MaxPool2d", lambda: nn.MaxPool2d(2), [(1, 2, 4, 4)]
    yield "MaxPool2d, padded", lambda: nn.MaxPool2d(3, 2, 1), [(1, 2, 5, 5)]
    yield "MaxPool3d", lambda: nn.MaxPool3d(2), [(1, 1, 4, 4, 4)]
    yield "AvgPool1d", lambda: nn.AvgPool1d(2), [(1, 2, 6)]
    yield "AvgPool2d, padded", lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), [(1, 1, 5, 5)]
    yield "AvgPool3d", lambda: nn.AvgPool3d(2), [(1, 1, 4, 4, 4)]
    yield "AdaptiveAvgPool2d", lambda: nn.AdaptiveAvgPool2d(3), [(1, 2, 5, 5)]
    yield "AdaptiveMaxPool2d", lambda: nn.AdaptiveMaxPool2d(2), [(1, 2, 5, 5)]
    yield "LPPool2d", lambda: lambda x: functional.lp_pool2d(x.abs(), 2, 2), [(1, 1, 4, 4)]
    yield "FractionalMaxPool2d", lambda: nn.FractionalMaxPool2d(2, output_ratio=0.5), [(1, 1, 6, 6)]


def _norms() -> Iterator[Idiom]:
    yield "BatchNorm1d", lambda: nn.BatchNorm1d(3), [(5, 3)]
    yield "BatchNorm2d", lambda: nn.BatchNorm2d(2), [(2, 2, 3, 3)]
    yield "BatchNorm2d, eval", lambda: nn.BatchNorm2d(2).eval(), [(2, 2, 3, 3)]
    yield "LayerNorm", lambda: nn.LayerNorm(4), [(3, 4)]
    yield "GroupNorm", lambda: nn.GroupNorm(2, 4), [(2, 4, 3)]
    yield "InstanceNorm2d", lambda: nn.InstanceNorm2d(2, affine=True), [(2, 2, 3, 3)]
    yield "RMSNorm", lambda: nn.RMSNorm(4), [(3, 4)]
    yield "LocalResponseNorm", lambda: nn.LocalResponseNorm(2), [(1, 3, 2, 2)]
    yield "normalize", lambda: functional.normalize, [(3, 4)]
    yield "weight_norm", lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), [(2, 4)]
    yield "spectral_norm", lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)), [(2, 4)]
    yield "orthogonal", lambda: nn.utils.parametrizations.orthogonal(nn.Linear(3, 3)), [(2, 3)]


def _recurrent() -> Iterator[Idiom]:
    yield "RNN", lambda: nn.RNN(3, 4), [(3, 2, 3)]
    yield "GRU", lambda: nn.GRU(3, 4), [(3, 2, 3)]
    yield "LSTM", lambda: nn.LSTM(3, 4), [(3, 2, 3)]
    yield "LSTM, two layers both ways", lambda: nn.LSTM(3, 2, num_layers=2, bidirectional=True), [(2, 1, 3)]
    yield "RNNCell", lambda: nn.RNNCell(3, 4), [(2, 3)]
    yield "GRUCell", lambda: nn.GRUCell(3, 4), [(2, 3)]
    yield "LSTMCell", lambda: nn.LSTMCell(3, 4), [(2, 3)]
    yield "Embedding", lambda: _with(nn.Embedding(5, 3), torch.tensor([0, 2, 2])), []
    yield "Embedding, padded", lambda: _with(nn.Embedding(5, 3, padding_idx=0), torch.tensor([0, 2, 2])), []
    yield "EmbeddingBag", lambda: _with(nn.EmbeddingBag(5, 3), torch.tensor([0, 2, 2, 1]), torch.tensor([0, 2])), []


class _With(nn.Module):
    """A module with arguments that are no floats, as an embedding has."""

    def __init__(self, module: nn.Module, *arguments: Any):
        super().__init__()
        self.module, self.arguments = module, arguments

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.module(*inputs, *self.arguments)


def _with(module: nn.Module, *arguments: Any) -> nn.Module:
    return _With(module, *arguments)


class _Attending(nn.Module):
    """Attention of a sequence to itself."""

    def __init__(self, **options: Any):
        super().__init__()
        self.attention, self.options = nn.MultiheadAttention(4, 2, batch_first=True), options

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.attention(x, x, x, **self.options)[0]
        return result


def _attention() -> Iterator[Idiom]:
    hidden = torch.ones(3, 3, dtype=torch.bool).triu(1)
    four = [(1, 2, 3, 4)] * 3
    yield "MultiheadAttention", _Attending, [(1, 3, 4)]
    yield "MultiheadAttention, causal", lambda: _Attending(attn_mask=hidden), [(1, 3, 4)]
    yield "MultiheadAttention, fused", lambda: _Attending(attn_mask=hidden, need_weights=False), [(1, 3, 4)]
    padding = torch.tensor([[False, False, True]])
    yield "MultiheadAttention, padding", lambda: _Attending(key_padding_mask=padding), [(1, 3, 4)]
    yield "attention", lambda: functional.scaled_dot_product_attention, four
    yield "attention, causal", lambda: lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, is_causal=True), four
    yield "attention, dropout", lambda: lambda *x: functional.scaled_dot_product_attention(*x, dropout_p=0.2), four
    layer = {"dim_feedforward": 8, "batch_first": True}
    yield "TransformerEncoderLayer", lambda: nn.TransformerEncoderLayer(4, 2, **layer), [(1, 3, 4)]
    yield "TransformerDecoderLayer", lambda: nn.TransformerDecoderLayer(4, 2, **layer), [(1, 3, 4), (1, 2, 4)]
    yield "Transformer", lambda: nn.Transformer(4, 2, 1, 1, **layer), [(1, 3, 4), (1, 2, 4)]


def _activations() -> Iterator[Idiom]:
    names = (
        "ReLU LeakyReLU PReLU ELU SELU CELU GELU SiLU Mish Softplus Softshrink Hardshrink Tanhshrink Hardtanh Hardswish "
        "Hardsigmoid Sigmoid LogSigmoid Tanh Softsign ReLU6 RReLU"
    )
    for name in names.split():
        yield name, getattr(nn, name), [(3, 4)]
    for name in ("Softmax", "LogSoftmax", "Softmin", "GLU"):
        yield name, lambda name=name: getattr(nn, name)(dim=-1), [(3, 4)]
    yield "Threshold", lambda: nn.Threshold(0.1, 0.0), [(3, 4)]
    yield "Softmax2d", nn.Softmax2d, [(1, 2, 2, 2)]
    for name in ("Dropout", "Dropout2d", "AlphaDropout", "FeatureAlphaDropout"):
        yield name, lambda name=name: getattr(nn, name)(0.4), [(2, 3, 2, 2)]


def _losses() -> Iterator[Idiom]:
    pair = [(3, 4), (3, 4)]
    for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"):
        yield name, getattr(nn, name), pair
    options = {"ignore_index": 1, "label_smoothing": 0.1}
    weights = torch.tensor([1.0, 2.0, 3.0, 1.0])
    yield "CrossEntropyLoss", lambda: _with(nn.CrossEntropyLoss(weights, **options), _CLASSES), [(3, 4)]
    yield "CrossEntropyLoss, probabilities", lambda: lambda x: functional.cross_entropy(x, _like(x, 0.25)), [(3, 4)]
    images = torch.zeros(1, 2, 2, dtype=torch.long)
    yield "CrossEntropyLoss, images", lambda: _with(nn.CrossEntropyLoss(), images), [(1, 3, 2, 2)]
    yield "NLLLoss", lambda: lambda x: functional.nll_loss(functional.log_softmax(x, 1), _CLASSES), [(3, 4)]
    yield "KLDivLoss", lambda: lambda x: nn.KLDivLoss(reduction="batchmean")(x.log_softmax(1), _like(x, 0.25)), [(3, 4)]
    yield "BCELoss", lambda: lambda x: functional.binary_cross_entropy(torch.sigmoid(x), _like(x, 0.3)), [(3, 4)]
    yield "BCEWithLogitsLoss", _weighted_bce, [(3, 4)]
    yield "GaussianNLLLoss", lambda: lambda x, v: functional.gaussian_nll_loss(x, _like(x, 1.0), v.exp()), pair
    yield "PoissonNLLLoss", lambda: lambda x: functional.poisson_nll_loss(x, _like(x, 1.0)), [(3, 4)]
    yield "HingeEmbeddingLoss", lambda: lambda x: functional.hinge_embedding_loss(x, _SIGNS.to(x.dtype)), [(3,)]
    yield "MarginRankingLoss", lambda: lambda x, y: functional.margin_ranking_loss(x, y, _SIGNS.to(x.dtype)), [(3,), (3,)]
    yield "CosineEmbeddingLoss", lambda: lambda x, y: functional.cosine_embedding_loss(x, y, _SIGNS), pair
    yield "TripletMarginLoss", nn.TripletMarginLoss, [(3, 4), (3, 4), (3, 4)]
    yield "MultiMarginLoss", lambda: _with(nn.MultiMarginLoss(), _CLASSES), [(3, 4)]
    yield "MultiLabelMarginLoss", lambda: _with(nn.MultiLabelMarginLoss(), torch.tensor([[0, 1, -1, 2]])), [(1, 4)]
    yield "MultiLabelSoftMarginLoss", lambda: lambda x: functional.multilabel_soft_margin_loss(x, _like(x, 1.0)), [(3, 4)]
    yield "SoftMarginLoss", lambda: lambda x: functional.soft_margin_loss(x, _like(x, 1.0)), [(3, 4)]
    yield "CTCLoss", lambda: _ctc, [(4, 1, 3)]
    yield "CosineSimilarity", nn.CosineSimilarity, pair
    yield "PairwiseDistance", nn.PairwiseDistance, pair


def _like(x: torch.Tensor, value: float) -> torch.Tensor:
    return torch.full_like(x, value).detach()


def _weighted_bce() -> Any:
    return lambda x: functional.binary_cross_entropy_with_logits(x, _like(x, 0.3), pos_weight=_like(x[:1], 2.0))


def _ctc(x: torch.Tensor) -> torch.Tensor:
    lengths = torch.tensor([4]), torch.tensor([2])
    return functional.ctc_loss(functional.log_softmax(x, 2), torch.tensor([[1, 2]]), *lengths)


def _moves() -> Iterator[Idiom]:
    yield "Upsample, nearest", lambda: nn.Upsample(scale_factor=2), [(1, 2, 3, 3)]
    yield "Upsample, bilinear", lambda: nn.Upsample(scale_factor=2, mode="bilinear"), [(1, 1, 3, 3)]
    yield "Upsample, bicubic", lambda: nn.Upsample(scale_factor=2, mode="bicubic"), [(1, 1, 3, 3)]
    yield (
        "grid_sample",
        lambda: lambda x, g: functional.grid_sample(x, torch.tanh(g), align_corners=False),
        [(1, 1, 3, 3), (1, 2, 2, 2)],
    )
    yield "PixelShuffle", lambda: nn.PixelShuffle(2), [(1, 4, 2, 2)]
    yield "ChannelShuffle", lambda: nn.ChannelShuffle(2), [(1, 4, 2, 2)]
    for name in ("ReflectionPad2d", "ReplicationPad2d", "ZeroPad2d", "CircularPad2d"):
        yield name, lambda name=name: getattr(nn, name)(1), [(1, 1, 3, 3)]
    yield "Unfold", lambda: nn.Unfold(2), [(1, 1, 3, 3)]
    yield "Fold", lambda: nn.Fold((3, 3), 2), [(1, 4, 4)]


class _Autocast(nn.Module):
    """A layer in bfloat16 among float32."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            result: torch.Tensor = self.layer(x)
        return result.float().sum()


class _Penalty(nn.Module):
    """The penalty on the slope of a critic."""

    def __init__(self) -> None:
        super().__init__()
        self.critic = nn.Sequential(nn.Linear(4, 5), nn.LeakyReLU(0.2), nn.Linear(5, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (slope,) = torch.autograd.grad(self.critic(x).sum(), x, create_graph=True)
        return ((slope.norm(dim=1) - 1) ** 2).mean()


def _ways() -> Iterator[Idiom]:
    yield (
        "a block with a residual",
        lambda: nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.GELU(), nn.Linear(4, 4)),
        [(2, 4)],
    )
    yield (
        "a convolutional block",
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten()),
        [(2, 1, 4, 4)],
    )
    yield "gradient penalty", _Penalty, [(2, 4)]
    yield "autocast to bfloat16", _Autocast, [(2, 4)]
    yield "checkpoint", lambda: lambda x: checkpoint(lambda y: torch.tanh(y * y), x, use_reentrant=False), [(3, 4)]
    yield "vmap of grad", lambda: torch.func.vmap(torch.func.grad(lambda y: (y**3).sum())), [(3, 4)]
    yield "channels last", lambda: nn.Conv2d(2, 2, 3).to(memory_format=torch.channels_last), [(1, 2, 4, 4)]
