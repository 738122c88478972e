"""Backward passes to try `gradcalc gradcheck` on: `gradcalc gradcheck examples/backward_passes.py:Swish --shape 3`."""

import numpy as np
import torch
from torch.autograd import Function


class Swish(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(3 * x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(3 * x)
        return grad * (s + x * s * (1 - s))


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 2 * x


class AlmostSquare(Square):
    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 2.000000000001 * x


class Round(Function):
    """Rounding with the gradient of the identity, as in quantization."""

    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, grad):
        return grad


def quantized(x):
    return (Round.apply(x * 4) / 4).sum()


def detached(x):
    return x * x.detach()


def hinge(x):
    return torch.relu(x - x)


def divided(x):
    return (x - x) / (x - x)


def through_numpy(x):
    return x * torch.from_numpy(x.detach().numpy() * 2)


class Sine(Function):
    """The sine in NumPy, forward and backward."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(np.sin(x.detach().numpy()))

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return torch.from_numpy(grad.numpy() * np.cos(x.numpy()))


def sine(x):
    return torch.sin(x)
