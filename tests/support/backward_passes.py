"""Backward passes written by hand, right ones and wrong ones of the kinds that people report, with the outcome of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

Shapes = Sequence[tuple[int, ...]]


@dataclass(frozen=True)
class Case:
    """A function, the shapes of its inputs, and what a check is to say; `options` are those of `gradients`."""

    name: str
    function: Any
    shapes: Shapes
    outcome: str
    signature: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    is_positive: bool = False
    is_outside: bool = False
    """Whether numpy computes, which has no bfloat16."""
    is_small: bool = False
    """Whether the fault is smaller than bfloat16 shows."""

    def outcome_in(self, dtype: torch.dtype) -> str:
        """What a check is to say in a dtype."""
        return "below-resolution" if self.is_small and dtype == torch.bfloat16 else self.outcome

    def inputs(self, dtype: torch.dtype = torch.float64, seed: int = 0) -> list[torch.Tensor]:
        """Random inputs, each time the same."""
        inputs = normal(*self.shapes, dtype=dtype, seed=seed)
        return [it.abs() + 0.25 for it in inputs] if self.is_positive else inputs


def normal(*shapes: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> list[torch.Tensor]:
    """Random tensors of normal numbers."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]


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


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _right()
    yield from _wrong_formulas()
    yield from _wrong_shapes()
    yield from _wrong_layers()
    yield from _states()
    yield from _cuts()
    yield from _meant()
    yield from _not_smooth()
    yield from _outside()
    yield from _second_order()


# ------------------------------------------------------------------------------------------------------------ right ones


def _swish(x: Any, y: Any, g: Any) -> Any:
    s = torch.sigmoid(x)
    return g * (s + x * s * (1 - s))


def normalized(x: torch.Tensor, dim: int = -1) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows with mean 0 and variance 1, and what they were multiplied by."""
    apart = x - x.mean(dim, keepdim=True)
    scale = ((apart * apart).mean(dim, keepdim=True) + 1e-5).rsqrt()
    return apart * scale, scale


def _layer_norm_backward(x: Any, w: Any, b: Any, y: Any, g: Any) -> Any:
    normal_, scale = normalized(x)
    h = g * w
    own = scale * (h - h.mean(-1, keepdim=True) - normal_ * (h * normal_).mean(-1, keepdim=True))
    return own, (g * normal_).sum(0), g.sum(0)


def _attention(q: Any, k: Any, v: Any) -> Any:
    return torch.softmax(q @ k.T * 0.5, -1) @ v


def _attention_backward(q: Any, k: Any, v: Any, y: Any, g: Any, *, scale: float = 0.5, centered: bool = True) -> Any:
    a = torch.softmax(q @ k.T * 0.5, -1)
    slope = g @ v.T
    scores = a * (slope - (slope * a).sum(-1, keepdim=True) if centered else slope) * scale
    return scores @ k, scores.T @ q, a.T @ g


def _cross_entropy(z: Any, t: Any) -> Any:
    return -(torch.softmax(t, -1) * torch.log_softmax(z, -1)).sum(-1).mean()


class OnceSoftplus(torch.autograd.Function):
    """A Function that may be differentiated once."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return torch.log1p(torch.exp(x))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * torch.sigmoid(ctx.saved_tensors[0])


class TwoOutputs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx: Any, first: Any, second: Any) -> Any:
        (x,) = ctx.saved_tensors
        return first * x.cos() - second * x.sin()


class Setup(torch.autograd.Function):
    """A Function with a forward pass without a context."""

    @staticmethod
    def forward(x: Any, power: Any) -> Any:
        return x**power

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.power = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grad * ctx.power * x ** (ctx.power - 1), None


class NeedsInput(torch.autograd.Function):
    """A Function that computes the gradients that are asked for."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any) -> Any:
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        x, w = ctx.saved_tensors
        return grad @ w.T if ctx.needs_input_grad[0] else None, x.T @ grad if ctx.needs_input_grad[1] else None


def _right() -> Iterator[Case]:
    def right(name: str, fn: Any, *shapes: tuple[int, ...], is_positive: bool = False) -> Case:
        return Case(name, fn, shapes, "proven", is_positive=is_positive)

    yield right("swish", function(lambda x: x * torch.sigmoid(x), _swish), (6,))
    yield right(
        "linear",
        function(lambda x, w, b: x @ w.T + b, lambda x, w, b, y, g: (g @ w, g.T @ x, g.sum(0))),
        (4, 5),
        (3, 5),
        (3,),
    )
    yield right("layer norm", function(lambda x, w, b: normalized(x)[0] * w + b, _layer_norm_backward), (4, 6), (6,), (6,))
    yield right("attention", function(_attention, _attention_backward), (3, 4), (5, 4), (5, 2))
    yield right("in place", function(lambda x: x.clone().mul_(2).exp_(), lambda x, y, g: g * y * 2), (5,))
    yield right("once differentiable", OnceSoftplus, (5,))
    yield right("two outputs", TwoOutputs, (4,))
    yield right("setup_context", lambda x: Setup.apply(x, 3), (4,))
    yield right("needs_input_grad", NeedsInput, (3, 4), (4, 2))
    yield right(
        "softmax by its output",
        function(lambda x: torch.softmax(x, -1), lambda x, y, g: y * (g - (g * y).sum(-1, keepdim=True))),
        (3, 4),
    )
    yield right(
        "division", function(lambda a, b: a / b, lambda a, b, y, g: (g / b, -g * y / b)), (5,), (5,), is_positive=True
    )
    yield right("broadcast", function(lambda a, b: a * b, lambda a, b, y, g: (g * b, (g * a).sum(0))), (4, 3), (3,))
    yield right("norm", function(lambda x: x.norm(), lambda x, y, g: g * x / y), (5,))
    yield right(
        "logsumexp", function(lambda x: torch.logsumexp(x, -1), lambda x, y, g: g[:, None] * torch.softmax(x, -1)), (3, 4)
    )
    yield right("cumulative sum", function(lambda x: x.cumsum(0), lambda x, y, g: g.flip(0).cumsum(0).flip(0)), (5,))
    yield right(
        "gather",
        function(lambda x: x[[0, 2, 2]], lambda x, y, g: torch.zeros_like(x).index_add_(0, torch.tensor([0, 2, 2]), g)),
        (4,),
    )
    yield right("inverse square root", function(torch.rsqrt, lambda x, y, g: -0.5 * g * y**3), (5,), is_positive=True)
    yield right(
        "clamped logarithm",
        function(lambda x: torch.log(x.clamp(min=1e-6)), lambda x, y, g: torch.where(x > 1e-6, g / x, 0 * g)),
        (5,),
        is_positive=True,
    )
    yield right(
        "a network",
        lambda x, a, b, c: functional.cross_entropy(
            functional.linear(torch.tanh(functional.linear(x, a, b)), c), torch.tensor([0, 2, 1])
        ),
        (3, 5),
        (7, 5),
        (7,),
        (4, 7),
    )
    yield right(
        "convolutions",
        lambda x, w, b: functional.max_pool2d(functional.silu(functional.conv2d(x, w, b)), 2).sum(),
        (2, 2, 5, 5),
        (3, 2, 2, 2),
        (3,),
    )
    yield right(
        "layer norm and gelu", lambda x, w, b: functional.gelu(functional.layer_norm(x, (6,), w, b)), (3, 6), (6,), (6,)
    )
    yield right(
        "attention of torch",
        lambda q, k, v: functional.scaled_dot_product_attention(q, k, v),
        (1, 2, 3, 4),
        (1, 2, 3, 4),
        (1, 2, 3, 4),
    )


# -------------------------------------------------------------------------------------------------------- wrong formulas


def _wrong_formulas() -> Iterator[Case]:
    def wrong(name: str, forward: Any, backward: Any, *shapes: tuple[int, ...], says: str = "", **more: bool) -> Case:
        return Case(name, function(forward, backward), shapes, "wrong", says, **more)  # type: ignore[arg-type]

    yield wrong(
        "inner derivative forgotten",
        lambda x: torch.tanh(3 * x),
        lambda x, y, g: g * (1 - y**2),
        (6,),
        says="1/3 of the derivative in every entry",
    )
    yield wrong("input for output", torch.sigmoid, lambda x, y, g: g * x * (1 - x), (6,))
    yield wrong("wrong sign", torch.cos, lambda x, y, g: g * torch.sin(x), (6,), says="the sign is wrong")
    yield wrong(
        "1/n forgotten",
        lambda x: (x**2).mean(),
        lambda x, y, g: g * 2 * x,
        (6,),
        says="6 times the derivative in every entry",
    )
    yield wrong(
        "2 of a square forgotten", lambda x: x**2, lambda x, y, g: g * x, (6,), says="1/2 of the derivative in every entry"
    )
    yield wrong("arriving gradient ignored", lambda x: x**3, lambda x, y, g: 3 * x**2, (5,))
    yield wrong("arriving gradient twice", torch.exp, lambda x, y, g: g * g * y, (5,))
    yield wrong(
        "eps left out",
        lambda x: torch.sqrt(x + 1e-6),
        lambda x, y, g: g * 0.5 / torch.sqrt(x),
        (5,),
        is_positive=True,
        is_small=True,
    )
    yield wrong("constant with four digits", lambda x: x * 2.718281828, lambda x, y, g: g * 2.7183, (5,), is_small=True)
    yield wrong("abs for a square root", lambda x: torch.sqrt(x * x + 1), lambda x, y, g: g * x / (x.abs() + 1), (5,))
    yield wrong("clamp passes everything", lambda x: x.clamp(-0.5, 0.5), lambda x, y, g: g, (6,), says="it differs in ")
    yield wrong(
        "quotient's second part", lambda a, b: a / b, lambda a, b, y, g: (g / b, -g * a / b), (5,), (5,), is_positive=True
    )
    yield wrong("power's base for its value", lambda x: x**2.5, lambda x, y, g: g * 2.5 * x**2.5, (5,), is_positive=True)
    yield wrong(
        "logarithm of another base",
        torch.log2,
        lambda x, y, g: g / x,
        (5,),
        says="0.693147181 times the derivative",
        is_positive=True,
    )
    yield wrong(
        "tanh of gelu",
        functional.gelu,
        lambda x, y, g: g * (0.5 * (1 + torch.tanh(0.7978845608 * (x + 0.044715 * x**3)))),
        (6,),
    )
    yield wrong("softplus by its output", lambda x: torch.log1p(torch.exp(x)), lambda x, y, g: g * torch.sigmoid(y), (6,))
    yield wrong(
        "huber without delta",
        lambda x: functional.huber_loss(x, 0 * x, delta=0.5),
        lambda x, y, g: g * x.clamp(-1, 1) / x.numel(),
        (6,),
    )


def _wrong_shapes() -> Iterator[Case]:
    def wrong(
        name: str, forward: Any, backward: Any, *shapes: tuple[int, ...], says: str = "", is_small: bool = False
    ) -> Case:
        return Case(name, function(forward, backward), shapes, "wrong", says, is_small=is_small)

    yield wrong(
        "None for an input", lambda x, w: x * w, lambda x, w, y, g: (g * w, None), (5,), (5,), says="None is returned"
    )
    yield wrong(
        "zeros for an input",
        lambda x, w: x * w,
        lambda x, w, y, g: (g * w, torch.zeros_like(w)),
        (5,),
        (5,),
        says="it is 0 in every entry",
    )
    yield wrong("transposed", lambda x, w: x @ w, lambda x, w, y, g: (g @ w.T, g.T @ x), (3, 3), (3, 3), says="transposed")
    yield wrong(
        "inputs swapped", lambda a, b: a - 2 * b, lambda a, b, y, g: (-2 * g, g), (4,), (4,), says="-2 times the derivative"
    )
    yield wrong("row of a sum lost", lambda x, b: x + b, lambda x, b, y, g: (g, g[1:].sum(0)), (4, 3), (3,))
    yield wrong(
        "mean for a sum", lambda x, b: x + b, lambda x, b, y, g: (g, g.mean(0)), (4, 3), (3,), says="1/4 of the derivative"
    )
    yield wrong(
        "sum along the other dimension",
        lambda x, s: x * s,
        lambda x, s, y, g: (g * s, (g * x).sum(0)[:, None]),
        (3, 3),
        (3, 1),
    )
    yield wrong(
        "repeated places overwritten",
        lambda x: x[[0, 2, 2]],
        lambda x, y, g: torch.zeros_like(x).index_put_((torch.tensor([0, 2, 2]),), g),
        (4,),
        says="it differs in 1 of 4 entries",
    )
    yield wrong("flip forgotten", lambda x: x.flip(0), lambda x, y, g: g, (5,))
    yield wrong("cumulative sum not reversed", lambda x: x.cumsum(0), lambda x, y, g: g.cumsum(0), (5,))
    yield wrong("padding kept", lambda x: functional.pad(x, (1, 1)), lambda x, y, g: g[:-2], (5,))
    yield wrong(
        "one entry of many",
        lambda x: x * x,
        lambda x, y, g: 2 * g * x + 1e-6 * (torch.arange(40) == 17),
        (40,),
        says="it differs in 1 of 40 entries",
        is_small=True,
    )
    yield wrong(
        "diagonal twice",
        lambda a: a + a.T,
        lambda a, y, g: g + g.T + torch.diag(torch.diag(g)),
        (3, 3),
        says="it differs in 3 of 9 entries",
    )


def _wrong_layers() -> Iterator[Case]:
    def wrong(name: str, forward: Any, backward: Any, *shapes: tuple[int, ...], says: str = "") -> Case:
        return Case(name, function(forward, backward), shapes, "wrong", says)

    def norm_backward(x: Any, y: Any, g: Any) -> Any:
        return normalized(x)[1] * (g - y * (g * y).mean(-1, keepdim=True))

    def biased(x: Any, y: Any, g: Any) -> Any:
        return normalized(x)[1] * (g - g.mean(-1, keepdim=True) - y * (g * y).sum(-1, keepdim=True) / (x.shape[-1] - 1))

    def soft(z: Any, t: Any, y: Any, g: Any) -> Any:
        return g * (torch.softmax(z, -1) - torch.softmax(t, -1)), None

    yield wrong("layer norm without its mean", lambda x: normalized(x)[0], norm_backward, (4, 6))
    yield wrong("layer norm by n - 1", lambda x: normalized(x)[0], biased, (4, 6))
    yield wrong(
        "scale of attention",
        _attention,
        lambda *them: _attention_backward(*them, scale=1.0),
        (3, 4),
        (5, 4),
        (5, 2),
        says="2 times the derivative",
    )
    yield wrong(
        "softmax as if its entries were free",
        _attention,
        lambda *them: _attention_backward(*them, centered=False),
        (3, 4),
        (5, 4),
        (5, 2),
    )
    yield wrong(
        "batch forgotten in cross entropy",
        lambda z, t: _cross_entropy(z, t.detach()),
        soft,
        (3, 4),
        (3, 4),
        says="3 times the derivative",
    )
    yield wrong(
        "rms norm without its second part",
        lambda x: x * ((x * x).mean(-1, keepdim=True)).rsqrt(),
        lambda x, y, g: g * ((x * x).mean(-1, keepdim=True)).rsqrt(),
        (3, 4),
    )
    yield wrong(
        "dropout without its scale",
        lambda x: functional.dropout(x, 0.0) * 2,
        lambda x, y, g: g,
        (6,),
        says="1/2 of the derivative",
    )
    yield wrong(
        "gate without its slope",
        lambda x, g: x * torch.sigmoid(g),
        lambda x, s, y, g: (g * torch.sigmoid(s), g * x),
        (5,),
        (5,),
    )
    yield wrong(
        "convolution's kernel not flipped",
        lambda x, w: functional.conv1d(x, w, padding=1),
        lambda x, w, y, g: (functional.conv1d(g, w, padding=1), functional.conv1d(x, g, padding=1)),
        (1, 1, 5),
        (1, 1, 3),
    )


# ----------------------------------------------------------------------------------------------- state, cuts, and design


class Stale(torch.autograd.Function):
    """Keeps a tensor that is changed before the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.kept = torch.exp(x)
        y = ctx.kept + 0
        ctx.kept.mul_(2)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * ctx.kept


class Last(torch.autograd.Function):
    """Keeps its input in the class, where the next call overwrites it."""

    kept: Any = None

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        Last.kept = x.detach().clone()
        return x * x

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * 2 * Last.kept


class InPlaceGradient(torch.autograd.Function):
    """Changes the gradient that another branch uses, too."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 3

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad.mul_(3)


class Ungraded(torch.autograd.Function):
    """Its second output has a part in the gradient, which is forgotten."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx: Any, first: Any, second: Any) -> Any:
        return first * ctx.saved_tensors[0].cos()


def _states() -> Iterator[Case]:
    yield Case("a saved tensor changed", Stale, [(5,)], "wrong", "2 times the derivative")
    yield Case("a buffer of the class", lambda x: Last.apply(x) + Last.apply(x.sin()), [(5,)], "wrong")
    yield Case("second output forgotten", Ungraded, [(4,)], "wrong")


def _no_grad_scale(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        scale = x.pow(2).mean()
    return x / scale


def _cuts() -> Iterator[Case]:
    def stopped(name: str, fn: Any, *shapes: tuple[int, ...]) -> Case:
        return Case(name, fn, shapes, "stopped")

    yield stopped("detach", lambda x: x * torch.softmax(x, 0).detach(), (5,))
    yield stopped(".data", lambda x: x / x.data.norm(), (5,))
    yield stopped(".item()", lambda x: x / x.abs().max().item(), (5,))
    yield stopped("no_grad", _no_grad_scale, (5,))
    yield stopped("a computed parameter", lambda x: torch.nn.Parameter(x * 2).sum() + 0 * x.sum(), (5,))
    yield stopped("straight-through by detach", lambda x: x + (x.round() - x).detach(), (5,))
    yield stopped("a target that depends on the input", lambda x: functional.mse_loss(x, x.detach().flip(0)), (5,))
    yield Case("a list rebuilt", lambda x: x * torch.tensor((x.detach() ** 2).tolist(), dtype=x.dtype), [(5,)], "undecided")
    yield Case(
        "by numpy and back",
        lambda x: x * torch.from_numpy((x.detach() ** 2).float().numpy().copy()).to(x.dtype),
        [(5,)],
        "undecided",
    )


def _halved(grad: torch.Tensor) -> torch.Tensor:
    return grad * 0.5


def _hooked(x: torch.Tensor) -> torch.Tensor:
    y = x.exp()
    y.register_hook(_halved)
    return y


def _meant() -> Iterator[Case]:
    rounding = function(torch.round, lambda x, y, g: g, "StraightThrough")
    reversal = function(lambda x: x.clone(), lambda x, y, g: -0.1 * g, "Reversal")
    clipping = function(lambda x: x.clone(), lambda x, y, g: g.clamp(-0.01, 0.01), "Clipped")
    yield Case("straight-through, named", rounding, [(5,)], "by-design", options={"by_design": ["StraightThrough"]})
    yield Case("straight-through, not named", rounding, [(5,)], "wrong", options={})
    yield Case(
        "gradient reversal, named", lambda x: reversal.apply(x.sin()), [(5,)], "by-design", options={"by_design": [reversal]}
    )
    yield Case("clipping, named", lambda x: clipping.apply(x.sin()), [(5,)], "by-design", options={"by_design": [clipping]})
    yield Case("a hook", _hooked, [(5,)], "by-design")
    yield Case(
        "padding of an embedding",
        lambda w: functional.embedding(torch.tensor([0, 2, 1]), w, padding_idx=0),
        [(4, 3)],
        "by-design",
    )


def _trap(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x > 0, torch.sqrt(torch.where(x > 0, x, x * 0)), x)


def _not_smooth() -> Iterator[Case]:
    yield Case("where with a NaN behind it", _trap, [(5,)], "not-finite")
    yield Case("relu at 0", lambda x: torch.relu(x - x[0].detach()), [(5,)], "not-differentiable")
    yield Case("two equal maxima", lambda x: torch.cat([x, x]).max(), [(5,)], "not-differentiable")
    yield Case("norm of zero", lambda x: (x - x.detach()).norm(), [(5,)], "not-differentiable")
    yield Case("a constant rounded", function(lambda x: x / 3.7, lambda x, y, g: g * (1 / 3.7)), [(5,)], "below-resolution")


# ------------------------------------------------------------------------------------------- outside of torch, and twice


class Sine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return torch.from_numpy(np.sin(x.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * torch.cos(ctx.saved_tensors[0])


class WrongSine(Sine):
    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * torch.sin(ctx.saved_tensors[0])


class NumpySine(Sine):
    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return torch.from_numpy(grad.numpy() * np.cos(ctx.saved_tensors[0].numpy()))


class WrongNumpySine(Sine):
    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return torch.from_numpy(-grad.numpy() * np.cos(ctx.saved_tensors[0].numpy()))


def _outside() -> Iterator[Case]:
    def outside(name: str, fn: Any, outcome: str, says: str = "", **options: Any) -> Case:
        return Case(name, fn, [(5,)], outcome, says, options, is_outside=True)

    yield outside("numpy, no reference", Sine, "undecided")
    yield outside("numpy with a reference", Sine, "proven", references={Sine: torch.sin})
    yield outside("numpy with a reference, wrong", WrongSine, "wrong", references={WrongSine: torch.sin})
    yield outside("numpy both ways", NumpySine, "measured", references={NumpySine: torch.sin})
    yield outside(
        "numpy both ways, wrong", WrongNumpySine, "wrong", "the sign is wrong", references={WrongNumpySine: torch.sin}
    )
    yield outside("another reference", Sine, "wrong", references={Sine: torch.tan})


class Intermediate(torch.autograd.Function):
    """Uses a result that is no input and no output: right once, cut off the second time."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.square = x * x
        return ctx.square * x

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * 3 * ctx.square


def _second_order() -> Iterator[Case]:
    twice = {"order": 2}
    yield Case("a cube, twice", function(lambda x: x**3, lambda x, y, g: g * 3 * x**2), [(4,)], "proven", options=twice)
    yield Case(
        "tanh by its output, twice", function(torch.tanh, lambda x, y, g: g * (1 - y * y)), [(4,)], "proven", options=twice
    )
    yield Case(
        "an intermediate result, twice", Intermediate, [(4,)], "wrong", "an intermediate result of the forward pass", twice
    )
    yield Case("an intermediate result, once", Intermediate, [(4,)], "proven")
    yield Case(
        "a saved detached copy, twice",
        function(lambda x: x**3, lambda x, y, g: g * 3 * x.detach() ** 2),
        [(4,)],
        "stopped",
        options=twice,
    )
