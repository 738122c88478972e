"""The meanings of aten operations against PyTorch's own decompositions, which share no code with them.

A decomposition is run in double precision; it is an oracle here, and no source of meaning.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from flint import ctx
from torch._decomp import decomposition_table

from gradcalc.engines.autograd.program import RecordedProgram
from gradcalc.engines.autograd.recorder import Recorder
from gradcalc.proof.floats.memory import Unknown
from gradcalc.proof.floats.replay import replay

aten = torch.ops.aten


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random numbers between 0.1 and 0.9, no two of which are equal."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 0.8 + 0.1


def signed(*shape: int, seed: int = 0) -> torch.Tensor:
    return numbers(*shape, seed=seed) * 4 - 2


G, X, Y, ROW = signed(3, 4, seed=1), signed(3, 4), signed(3, 4, seed=2), signed(4, seed=3)
P, Q = numbers(3, 4), numbers(3, 4, seed=2)
CLASSES = torch.tensor([0, 3, 1])
SOFT, LOGS = torch.softmax(X, 1), torch.log_softmax(X, 1)
F64 = torch.float64
MEAN = 1
"""The number of a reduction."""

CASES: list[tuple[Any, tuple[Any, ...]]] = [
    *((getattr(aten, name).default, (X,)) for name in (
        "abs", "asinh", "atan", "ceil", "cos", "cosh", "erf", "erfc", "exp", "exp2", "expm1", "floor", "frac", "hardsigmoid",
        "hardswish", "hardtanh", "mish", "neg", "reciprocal", "relu", "round", "sigmoid", "sign", "silu", "sin", "sinh", "tan",
        "tanh", "trunc", "i0", "special_i1", "special_log_ndtr", "sgn", "celu", "elu", "leaky_relu", "softplus", "softshrink",
        "hardshrink", "gelu", "sum", "mean", "prod",
    )),
    *((getattr(aten, name).default, (P,)) for name in (
        "acos", "asin", "atanh", "erfinv", "log", "log10", "log1p", "log2", "rsqrt", "sqrt", "lgamma", "digamma", "logit",
    )),
    (aten.acosh.default, (P + 1,)),
    (aten.trace.default, (X,)),
    *((getattr(aten, name).Tensor, (X, Y)) for name in ("add", "sub", "mul", "div", "rsub")),
    *((getattr(aten, name).default, (X, Y)) for name in ("maximum", "minimum", "logaddexp", "atan2", "hypot", "logaddexp2")),
    *((getattr(aten, name).Tensor, (X, Y)) for name in ("remainder", "fmod", "copysign", "xlogy")[:3]),
    (aten.xlogy.Tensor, (X, P)),
    (aten.special_xlog1py.default, (X, P)),
    (aten.pow.Tensor_Tensor, (P, Y)),
    (aten.pow.Tensor_Scalar, (X, 3)),
    (aten.where.self, (X > 0, X, Y)),
    (aten.masked_fill.Scalar, (X, X > 0, 0.5)),
    (aten.clamp.default, (X, -0.5, 0.7)),
    (aten.clamp_min.default, (X, -0.5)),
    (aten.clamp_max.default, (X, 0.5)),
    (aten.threshold.default, (X, 0.1, 0.7)),
    (aten.sum.dim_IntList, (X, [1])),
    (aten.mean.dim, (X, [0], True)),
    (aten.prod.dim_int, (X, 1)),
    (aten.amax.default, (X, [1])),
    (aten.amin.default, (X, [0])),
    (aten.var.correction, (X, [1])),
    (aten.std.correction, (X, [1])),
    (aten.logsumexp.default, (X, [1])),
    (aten.linalg_vector_norm.default, (X, 2, [1])),
    (aten.linalg_vector_norm.default, (X, 1)),
    (aten.cumsum.default, (X, 1)),
    (aten.cumprod.default, (X, 1)),
    (aten.mv.default, (X, ROW)),
    (aten.dot.default, (ROW, signed(4, seed=4))),
    (aten.addmm.default, (signed(3, seed=5), X, signed(4, 3, seed=6))),
    (aten.addmv.default, (signed(3, seed=5), X, ROW)),
    (aten._softmax.default, (X, 1, False)),
    (aten._log_softmax.default, (X, 1, False)),
    (aten._softmax_backward_data.default, (G, SOFT, 1, F64)),
    (aten._log_softmax_backward_data.default, (G, LOGS, 1, F64)),
    (aten.native_layer_norm.default, (X, [4], None, None, 1e-5)),
    (aten.log_sigmoid_forward.default, (X,)),
    (aten.mse_loss.default, (X, Y, MEAN)),
    (aten.huber_loss.default, (X, Y, MEAN, 0.7)),
    (aten.smooth_l1_loss.default, (X, Y, MEAN, 0.7)),
    (aten.soft_margin_loss.default, (X, torch.sign(Y), MEAN)),
    (aten.binary_cross_entropy.default, (P, Q, None, MEAN)),
    (aten.binary_cross_entropy_with_logits.default, (X, Q, None, None, MEAN)),
    (aten.nll_loss_forward.default, (LOGS, CLASSES, None, MEAN, -100)),
    (aten.nll_loss_backward.default, (signed(1).sum(), LOGS, CLASSES, None, MEAN, -100, torch.tensor(3.0, dtype=F64))),
    (aten.mse_loss_backward.default, (G, X, Y, 0)),
    (aten.huber_loss_backward.default, (G, X, Y, 0, 0.7)),
    (aten.smooth_l1_loss_backward.default, (G, X, Y, 0, 0.7)),
    (aten.soft_margin_loss_backward.default, (G, X, torch.sign(Y), 0)),
    (aten.binary_cross_entropy_backward.default, (G, P, Q, None, 0)),
    (aten.tanh_backward.default, (G, torch.tanh(X))),
    (aten.sigmoid_backward.default, (G, torch.sigmoid(X))),
    (aten.logit_backward.default, (G, P)),
    (aten.silu_backward.default, (G, X)),
    (aten.mish_backward.default, (G, X)),
    (aten.gelu_backward.default, (G, X)),
    (aten.hardswish_backward.default, (G, X)),
    (aten.hardsigmoid_backward.default, (G, X)),
    (aten.hardtanh_backward.default, (G, X, -1.0, 1.0)),
    (aten.leaky_relu_backward.default, (G, X, 0.2, False)),
    (aten.elu_backward.default, (G, 1.0, 1.0, 1.0, False, X)),
    (aten.softplus_backward.default, (G, X, 1.0, 20.0)),
    (aten.threshold_backward.default, (G, X, 0.0)),
    (aten._prelu_kernel.default, (X, ROW)),
    (aten._prelu_kernel_backward.default, (G, X, ROW.expand(3, 4))),
]  # fmt: skip


@pytest.mark.parametrize(("function", "args"), CASES, ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)])
def test_a_row_is_the_decomposition(function: Any, args: tuple[Any, ...]) -> None:
    recorder = Recorder()
    with recorder.on():
        returned = function(*args)
    oracle = decomposition_table[function](*args)
    results, expected = (it if isinstance(it, tuple) else (it,) for it in (returned, oracle))
    inputs = {str(place): recorder.view(arg) for place, arg in enumerate(args) if isinstance(arg, torch.Tensor)}
    with ctx.workprec(256):
        run = replay(RecordedProgram(recorder.recording, inputs))
        balls = run.balls(recorder.view(results[0]))
        assert not any(isinstance(ball, Unknown) for ball in balls), balls[0]
        got = [float(ball.mid()) for ball in balls]
    assert len(got) == expected[0].numel()
    for ours, theirs in zip(got, expected[0].flatten().tolist(), strict=True):
        assert math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-13)
