"""Faults of a differentiation program: what can be wrong with a backward pass, a kernel, or a symbolic derivative.

Comes in: a `Question`.  Goes out: runs of torch with one fault built in.  Faults are made of torch's own operations, in the
places where a wrong backward rule would have its: hooks on gradients, and functions with a backward of their own.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes

from gradcalc.engines.autograd.forward import Hook
from gradcalc.engines.autograd.operation import base_name
from gradcalc.engines.autograd.recorder import Recorder
from gradcalc.engines.autograd.run import Run
from gradcalc.expression.tree import Call, Node, Number, postorder
from gradcalc.functions import TABLE
from gradcalc.proof.floats.aten_elementwise import COMPARISONS, MEANINGS
from support.array_expressions import MOST_ENTRIES
from support.judging import Question

EPSILONS = {
    "float32": (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
    "float64": (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12),
}
"""Relative sizes of faults; about the last digit of each dtype at the end."""


@dataclass(frozen=True)
class Fault:
    """One fault, and how torch runs with it."""

    kind: str
    what: str
    run: Callable[[], Run]
    eps: float | None = None
    hook: Callable[[], Hook] | None = None
    """What the fault does to the value, for rules that evaluate it; None if it is in the backward pass only."""


# ------------------------------------------------------------------------------------------------ gradients on their way

Gradient = Callable[[torch.Tensor], torch.Tensor]


def moving_calls(question: Question, entries: int = 0) -> list[tuple[int, str]]:
    """The calls whose tensors have a gradient, and so many entries at least: places in the order of building, and names."""
    seen: list[tuple[int, str]] = []
    count = 0

    def hook(node: Node, tensor: torch.Tensor) -> torch.Tensor:
        nonlocal count
        if tensor.requires_grad and tensor.numel() >= entries:
            seen.append((count, node.name if isinstance(node, Call) else ""))
        count += 1
        return tensor

    question.run(hook)
    return seen


def at_call(place: int, change: Callable[[torch.Tensor], torch.Tensor]) -> Hook:
    """A hook that changes the tensor of one call; a new one is needed for every run."""
    count = -1

    def hook(_: Node, tensor: torch.Tensor) -> torch.Tensor:
        nonlocal count
        count += 1
        return change(tensor) if count == place else tensor

    return hook


def with_gradient(change: Gradient) -> Callable[[torch.Tensor], torch.Tensor]:
    """Leaves a tensor as it is and changes the gradient that arrives at it."""

    def changed(tensor: torch.Tensor) -> torch.Tensor:
        tensor.register_hook(change)
        return tensor

    return changed


def scaled(factor: float) -> Gradient:
    return lambda g: g * factor


def at_entry(entry: int, factor: float) -> Gradient:
    """One entry times a factor; entries are counted round and round."""

    def change(g: torch.Tensor) -> torch.Tensor:
        factors = [factor if place == entry % g.numel() else 1.0 for place in range(g.numel())]
        return g * torch.tensor(factors, dtype=g.dtype).reshape(g.shape)

    return change


def transposed(x: torch.Tensor) -> torch.Tensor:
    """The transpose of a square matrix; what is none stays as it is."""
    return x.mT if x.dim() == 2 and x.shape[0] == x.shape[1] else x


def narrow(dtype: str) -> torch.dtype:
    return torch.float32 if dtype == "float64" else torch.bfloat16


def gradient_faults(question: Question, chance: random.Random) -> Iterator[Fault]:
    """Faults in the gradient that arrives at one of the calls: one of each kind, and every size."""
    calls = moving_calls(question)
    if not calls:
        return
    changes: list[tuple[str, Gradient, float | None]] = [
        *(("gradient times 1 + eps", scaled(1 + eps), eps) for eps in EPSILONS[question.dtype]),
        ("sign flipped", lambda g: -g, None),
        ("factor 2", scaled(2.0), None),
        ("factor 1/2 dropped", scaled(0.5), None),
        ("term missing (zeroed)", scaled(0.0), None),
        ("constant added", lambda g: g + 1e-3, None),
        ("written beside the record", _behind(1 + EPSILONS[question.dtype][-1] * 10), None),
    ]
    many = moving_calls(question, 2)
    entry = chance.randrange(MOST_ENTRIES) if many else 0
    changes_of_many: list[tuple[str, Gradient, float | None]] = [
        *(("one entry of the gradient times 1 + eps", at_entry(entry, 1 + eps), eps) for eps in EPSILONS[question.dtype]),
        ("one entry of the gradient lost", at_entry(entry, 0.0), None),
        ("gradient in the wrong places (moved by one)", lambda g: g.roll(1), None),
        ("gradient in the wrong places (transposed)", transposed, None),
        ("gradient divided by n", lambda g: g / g.numel(), None),
    ]
    for places, made in ((calls, changes), (many, changes_of_many)):
        for kind, change, eps in made if places else ():
            place, name = chance.choice(places)
            yield _hooked(question, kind, f"at {name}", place, with_gradient(change), eps)
    place, name = chance.choice(calls)
    yield _hooked(question, "term missing (detached)", f"at {name}", place, lambda t: t.detach(), None)
    place, name = chance.choice(calls)
    narrower = narrow(question.dtype)
    yield _hooked(
        question,
        "gradient cast to a narrower type",
        f"at {name}",
        place,
        with_gradient(lambda g: g.to(narrower).to(g.dtype)),
        None,
    )


def _hooked(
    question: Question, kind: str, what: str, place: int, change: Callable[[torch.Tensor], torch.Tensor], eps: float | None
) -> Fault:
    return Fault(kind, what, lambda: question.run(at_call(place, change)), eps)


# ---------------------------------------------------------------------------------------------------------------- values


def _behind(factor: float) -> Gradient:
    """A gradient that is changed where it lies, by nobody the record sees: a kernel of a stranger's."""

    def change(g: torch.Tensor) -> torch.Tensor:
        with _disable_current_modes():
            g.mul_(factor)
        return g

    return change


def value_faults(question: Question, chance: random.Random) -> Iterator[Fault]:
    """Another function is computed: with the same derivative (the last call), or with another one."""
    calls = moving_calls(question)
    if not calls:
        return
    last = calls[-1]
    inner = chance.choice(calls)
    changes: list[tuple[str, tuple[int, str], Callable[[torch.Tensor], torch.Tensor]]] = [
        ("value off, derivative right (f + 1)", last, lambda t: t + 1),
        ("value off, derivative right (f + 1e-3)", last, lambda t: t + 1e-3),
        ("value not a number, derivative right", last, lambda t: t + float("nan")),
        ("another function inside (u + 1e-3)", inner, lambda t: t + 1e-3),
        ("gradient lost and value frozen (.item())", inner, lambda t: t * 0 + _frozen(t)),
    ]
    for kind, (place, name), change in changes:
        yield Fault(
            kind, f"at {name}", lambda place=place, change=change: question.run(at_call(place, change)),
            hook=lambda place=place, change=change: at_call(place, change),
        )  # fmt: skip


def _frozen(t: torch.Tensor) -> torch.Tensor | float:
    return torch.tensor(t.tolist(), dtype=t.dtype) if t.dim() else t.item()


# ------------------------------------------------------------------------------------------------- wrong backward rules

Function = Callable[..., torch.Tensor]
Backward = Callable[..., Sequence[torch.Tensor | None]]
"""Of the gradient that arrives, the arguments of the function and its options: the gradients of the arguments."""


class _Own(torch.autograd.Function):
    """A function with the right value and a backward rule of its own."""

    @staticmethod
    def forward(ctx: Any, function: Function, backward: Backward, *args: Any) -> torch.Tensor:
        ctx.backward_rule, ctx.args = backward, args
        return function(*(arg.detach() if isinstance(arg, torch.Tensor) else arg for arg in args))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (g,) = gradients
        found = ctx.backward_rule(g, *ctx.args)
        needed = ctx.needs_input_grad[2:]
        return None, None, *(part if need else None for part, need in zip(found, needed, strict=True))


@contextmanager
def own_backward(name: str, backward: Callable[[Function], Backward]) -> Iterator[None]:
    """Give a row of the table a backward rule of its own, made from its torch function."""
    row = TABLE[name]
    assert row.torch is not None
    compute = row.torch
    rule = backward(partial(compute, torch))

    def builder(t: Any, *args: Any, **options: Any) -> Any:
        if any(isinstance(arg, torch.Tensor) and arg.requires_grad for arg in args):
            return _Own.apply(partial(compute, t, **options), partial(rule, **options), *args)
        return compute(t, *args, **options)

    TABLE[name] = replace(row, torch=builder)
    try:
        yield
    finally:
        TABLE[name] = row


def true_gradients(function: Function, g: torch.Tensor, args: Sequence[Any], **options: Any) -> list[torch.Tensor | None]:
    """What torch's own backward would return."""
    leaves = [
        arg.detach().requires_grad_() if isinstance(arg, torch.Tensor) and arg.is_floating_point() else arg for arg in args
    ]
    wanted = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and leaf.requires_grad]
    with torch.enable_grad():
        result = function(*leaves, **options)
    found = iter(torch.autograd.grad(result, wanted, g, allow_unused=True))
    return [next(found) if isinstance(leaf, torch.Tensor) and leaf.requires_grad else None for leaf in leaves]


def one_dropped(which: int) -> Callable[[Function], Backward]:
    """The gradient of one argument is forgotten."""

    def rule(function: Function) -> Backward:
        def backward(g: torch.Tensor, *args: Any, **options: Any) -> Sequence[torch.Tensor | None]:
            found = true_gradients(function, g, args, **options)
            return [None if place == which else part for place, part in enumerate(found)]

        return backward

    return rule


def swapped(function: Function) -> Backward:
    """The gradients of the arguments are exchanged: the wrong branch, where only one of them gets any."""

    def backward(g: torch.Tensor, *args: Any, **options: Any) -> Sequence[torch.Tensor | None]:
        found = true_gradients(function, g, args, **options)
        places = [place for place, part in enumerate(found) if part is not None]
        moved: list[torch.Tensor | None] = [None] * len(found)
        for place, other in zip(places, reversed(places), strict=True):
            moved[place] = found[other]
        return moved

    return backward


def other_side(function: Function) -> Backward:
    """The derivative on the other side of zero: the wrong branch of a function of one argument."""

    def backward(g: torch.Tensor, *args: Any) -> Sequence[torch.Tensor | None]:
        return true_gradients(function, g, (-args[0], *args[1:]))

    return backward


def of_one_copy(function: Function) -> Backward:
    """Of an argument that was broadcast, the gradient of the first copy instead of the sum of all."""

    def backward(g: torch.Tensor, *args: Any, **options: Any) -> Sequence[torch.Tensor | None]:
        copies = [arg.expand(g.shape) if isinstance(arg, torch.Tensor) else arg for arg in args]
        found = true_gradients(function, g, copies, **options)
        return [None if part is None else _first(part, arg.shape) for part, arg in zip(found, args, strict=True)]

    return backward


def _first(full: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    while full.dim() > len(shape):
        full = full[0]
    for dim, length in enumerate(shape):
        full = full.narrow(dim, 0, length)
    return full


def of_another(other: Function) -> Callable[[Function], Backward]:
    """The backward rule of another function."""
    return lambda _: lambda g, *args, **options: true_gradients(other, g, args, **options)


TWO_SIDED = ("where", "max", "min", "maximum", "minimum", "clamp", "fdim", "copysign")
ONE_SIDED = (
    "abs",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "hardtanh",
    "hardswish",
    "softshrink",
    "hardshrink",
    "softsign",
    "prelu",
)

_PI = 3.141592653589793

WRONG: dict[str, dict[str, Callable[..., Sequence[torch.Tensor]]]] = {
    "+": {"sign of the second": lambda x, y: (x * 0 + 1, y * 0 - 1)},
    "-": {"sign of the second": lambda x, y: (x * 0 + 1, y * 0 + 1)},
    "*": {"factors exchanged": lambda x, y: (x, y)},
    "/": {"sign of the second": lambda x, y: (1 / y, x / y**2), "square missing": lambda x, y: (1 / y, -x / y)},
    "neg": {"sign": lambda x: (x * 0 + 1,)},
    "**": {
        "exponent not lowered": lambda x, n: (n * x**n, x**n),
        "factor missing": lambda x, n: (x ** (n - 1), x**n * 0),
    },
    "sin": {"sign": lambda x: (-x.cos(),), "the function itself": lambda x: (x.sin(),)},
    "cos": {"sign": lambda x: (x.sin(),)},
    "tan": {"square missing": lambda x: (1 + x.tan(),)},
    "exp": {"as a power": lambda x: (x * (x - 1).exp(),)},
    "expm1": {"as exp - 1": lambda x: (x.expm1(),)},
    "log": {"square": lambda x, *base: (1 / x**2, *(b * 0 for b in base))},
    "log1p": {"one missing": lambda x: (1 / x,)},
    "log2": {"ln 2 missing": lambda x: (1 / x,)},
    "log10": {"ln 10 missing": lambda x: (1 / x,)},
    "sqrt": {"half missing": lambda x: (1 / x.sqrt(),)},
    "rsqrt": {"exponent": lambda x: (-0.5 / x.sqrt(),)},
    "square": {"factor missing": lambda x: (x * 1,)},
    "reciprocal": {"sign": lambda x: (1 / x**2,)},
    "hypot": {"norm missing": lambda x, y: (x * 1, y * 1)},
    "asin": {"sign inside": lambda x: (1 / (1 + x * x).sqrt(),)},
    "acos": {"sign": lambda x: (1 / (1 - x * x).sqrt(),)},
    "atan": {"square missing": lambda x: (1 / (1 + x.abs()),)},
    "atan2": {"sign": lambda y, x: (x / (x * x + y * y), y / (x * x + y * y))},
    "sinh": {"sign": lambda x: (-x.cosh(),)},
    "cosh": {"sign": lambda x: (-x.sinh(),)},
    "tanh": {"square missing": lambda x: (1 - x.tanh(),)},
    "asinh": {"root missing": lambda x: (1 / (x * x + 1),)},
    "acosh": {"root missing": lambda x: (1 / (x * x - 1),)},
    "atanh": {"square missing": lambda x: (1 / (1 - x),)},
    "sigmoid": {"factor missing": lambda x: (x.sigmoid(),)},
    "silu": {"product rule forgotten": lambda x: (x.sigmoid(),)},
    "gelu": {"product rule forgotten": lambda x: ((1 + torch.erf(x / 2**0.5)) / 2,)},
    "erf": {"constant missing": lambda x: ((-x * x).exp(),)},
    "erfc": {"sign": lambda x: (2 / _PI**0.5 * (-x * x).exp(),)},
    "lgamma": {"asymptotics": lambda x: (x.log(),)},
    "digamma": {"asymptotics": lambda x: (1 / x,)},
    "logaddexp": {"exchanged": lambda x, y: ((y - x).sigmoid(), (x - y).sigmoid())},
    "mse_loss": {"two missing": lambda x, y: (x - y, y - x)},
    "xlogy": {"first missing": lambda x, y: (x * 0, x / y)},
}
"""Wrong derivatives of functions, as people write them."""


def _row(name: str) -> Function:
    """The torch function of a row, whatever stands in the table later."""
    builder = TABLE[name].torch
    assert builder is not None
    return partial(builder, torch)


def _reduced_otherwise(name: str) -> Function:
    """A loss whose mean and sum are exchanged; without a reduction, its mean."""
    compute, other = _row(name), {"mean": "sum", "sum": "mean"}
    return lambda *args, reduction="mean", **rest: compute(*args, reduction=other.get(reduction, "mean"), **rest)


def _keeping(reduction: Function) -> Function:
    """A reduction with the option `keepdim`."""

    def compute(x: torch.Tensor, *others: torch.Tensor, keepdim: bool = False, **how: Any) -> torch.Tensor:
        result = reduction(x, *others, **how)
        if not keepdim:
            return result
        return result.unsqueeze(how["dim"]) if "dim" in how else result.reshape((1,) * x.dim())

    return compute


def _centred(x: torch.Tensor) -> torch.Tensor:
    return x - x.mean(-1, keepdim=True)


def _scale(x: torch.Tensor, eps: float) -> torch.Tensor:
    return (x.var(-1, correction=0, keepdim=True) + eps).rsqrt()


_linalg = torch.linalg
_entries, _cross_entropy, _nll_loss = map(_row, ("[]", "cross_entropy", "nll_loss"))

WRONG_OF_ARRAYS: dict[str, dict[str, Function]] = {
    "[": {"parts in another order": lambda *parts: torch.stack(parts[::-1])},
    "[]": {"the entry beside it": lambda x, at: _entries(x.roll(1), at=at)},
    "sum": {"divided by n": lambda x, dim=None: x.mean(dim)},
    "mean": {"not divided by n": lambda x, dim=None: x.sum(dim)},
    "prod": {"as a sum": lambda x, dim=None: x.sum(dim)},
    "amax": {"to the smallest": _row("amin")},
    "amin": {"to the largest": _row("amax")},
    "max": {"to the smallest": _row("min")},
    "min": {"to the largest": _row("max")},
    "var": {
        "correction forgotten": lambda x, dim=None, correction=1: x.var(dim, correction=0 if correction else 1),
        "mean forgotten": lambda x, dim=None, correction=1: (x * x).mean(dim),
    },
    "std": {"of the variance": _row("var"), "correction forgotten": lambda x, dim=None, correction=1: x.std(dim, correction=0 if correction else 1)},
    "norm": {"not divided by the norm": lambda x, p=2, dim=None: (x * x).sum(dim) / 2},
    "logsumexp": {"not divided by the sum": lambda x, dim=None: x.exp().sum(dim)},
    "cumsum": {"not reversed": lambda x, dim=-1: x.flip(dim).cumsum(dim).flip(dim)},
    "cumprod": {"not reversed": lambda x, dim=-1: x.flip(dim).cumprod(dim).flip(dim), "as cumsum": _row("cumsum")},
    "softmax": {
        "without the subtraction": lambda x, dim=-1: x.exp() / x.exp().sum(dim, keepdim=True).detach(),
        "along another dimension": lambda x, dim=-1: x.softmax((dim + 1) % x.dim()),
    },
    "log_softmax": {"without the sum": lambda x, dim=-1: x * 1, "of softmax": _row("softmax")},
    "layer_norm": {
        "mean held": lambda x, eps: (x - x.mean(-1, keepdim=True).detach()) * _scale(x, eps),
        "variance held": lambda x, eps: _centred(x) * _scale(x, eps).detach(),
    },
    "@": {"not transposed": lambda a, b: a @ transposed(b).detach() + transposed(a).detach() @ b},
    "dot": {"factors exchanged": lambda a, b: (a * a + b * b).sum() / 2},
    "outer": {"transposed": lambda a, b: transposed(torch.outer(a, b))},
    "transpose": {"forgotten": lambda x: x * 1},
    "trace": {"to all entries": lambda x: x.sum()},
    "det": {
        "of its logarithm": lambda x: _linalg.slogdet(x).logabsdet,
        "not transposed": lambda x: (torch.det(x) * _linalg.inv(x)).detach().mul(x).sum(),
    },
    "logdet": {"of the determinant": torch.det, "not transposed": lambda x: _linalg.inv(x).detach().mul(x).sum()},
    "inv": {"sign": lambda x: -_linalg.inv(x), "not transposed": lambda x: -(_linalg.inv(x).mT.detach() @ x @ _linalg.inv(x).mT.detach())},
    "solve": {
        "sign": lambda a, b: _linalg.solve(2 * a.detach() - a, b),
        "not transposed": lambda a, b: _linalg.solve(a, b.detach()) + _linalg.inv(a).mT.detach() @ b,
    },
    "cross_entropy": {"the class beside it": lambda x, target, reduction="mean": _cross_entropy(x.roll(1, -1), target, reduction=reduction)},
    "nll_loss": {"the class beside it": lambda x, target, reduction="mean": _nll_loss(x.roll(1, -1), target, reduction=reduction)},
}  # fmt: skip
"""Functions of arrays, and others whose backward rule is what people write for them; what has no such rule is refused."""
for _name, _function in TABLE.items():
    if "keepdim" in _function.options:
        WRONG_OF_ARRAYS[_name] = {mistake: _keeping(wrong) for mistake, wrong in WRONG_OF_ARRAYS[_name].items()}
    if "reduction" in _function.options:
        WRONG_OF_ARRAYS.setdefault(_name, {})["mean and sum exchanged"] = _reduced_otherwise(_name)


def _times(rule: Callable[..., Sequence[torch.Tensor]]) -> Callable[[Function], Backward]:
    def made(_: Function) -> Backward:
        def backward(g: torch.Tensor, *args: Any, **_: Any) -> Sequence[torch.Tensor | None]:
            # Numbers that torch takes as Python numbers are held in the dtype of the rest.
            tensors = [arg if isinstance(arg, torch.Tensor) else torch.tensor(arg, dtype=g.dtype) for arg in args]
            found = [g * part for part in rule(*tensors)]
            return [
                part if part.shape == tensor.shape else part.sum_to_size(tensor.shape)
                for part, tensor in zip(found, tensors, strict=True)
            ]

        return backward

    return made


def rule_faults(question: Question, chance: random.Random) -> Iterator[Fault]:
    """Functions of the expression with a wrong backward rule: each kind that can be applied once."""
    names = sorted({node.name for node in postorder(question.tree) if isinstance(node, Call) and node.args})

    def patched(kind: str, name: str, what: str, rule: Callable[[Function], Backward]) -> Fault:
        def run() -> Run:
            with own_backward(name, rule):
                return question.run()

        return Fault(kind, f"{name}: {what}", run)

    wrong = [name for name in names if name in WRONG]
    if wrong:
        name = chance.choice(wrong)
        what = chance.choice(sorted(WRONG[name]))
        yield patched("wrong derivative formula", name, what, _times(WRONG[name][what]))
    many = [
        node
        for node in postorder(question.tree)
        if isinstance(node, Call) and len(node.args) > 1 and not TABLE[node.name].condition
    ]
    if many:
        node = chance.choice(many)
        which = chance.randrange(len(node.args))
        yield patched("one use forgotten", node.name, f"argument {which + 1}", one_dropped(which))
    for name in names if question.is_of_arrays else ():
        for what, other in WRONG_OF_ARRAYS.get(name, {}).items():
            yield patched("wrong rule of an array function", name, what, of_another(other))
    if many and question.is_of_arrays:
        node = chance.choice(many)
        if TABLE[node.name].elementwise:
            yield patched("broadcast argument, gradient not summed", node.name, "of one copy", of_one_copy)
    two = [name for name in names if name in TWO_SIDED]
    if two:
        name = chance.choice(two)
        yield patched("wrong branch", name, "gradients exchanged", swapped)
    one = [name for name in names if name in ONE_SIDED]
    if one:
        name = chance.choice(one)
        yield patched("wrong branch", name, "the other side of 0", other_side)


# --------------------------------------------------------------------------------------------------------------- kernels


class _Off:
    """An aten function that has an entry of its result off by a factor, or turned around if it is a condition.

    Its name stays.
    """

    def __init__(self, function: Any, factor: float, entry: int):
        self.function, self.factor, self.entry = function, factor, entry

    def __call__(self, *args: Any, **options: Any) -> Any:
        result = self.function(*args, **options)
        first = result[0] if isinstance(result, (tuple, list)) else result
        here = (torch.arange(first.numel()) == self.entry % first.numel()).reshape(first.shape)
        if first.dtype is torch.bool:
            first.logical_xor_(here)
        else:
            first.mul_(torch.ones_like(first).masked_fill_(here, self.factor))
        return result

    def __str__(self) -> str:
        return str(self.function)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.function, name)


@contextmanager
def each_call(change: Callable[[int, Any], Any]) -> Iterator[None]:
    """Put other functions in the place of torch's while they are recorded: `change` gets the next operation's place."""
    record = Recorder.record

    def faulty(self: Recorder, function: Any, args: Sequence[Any], options: Any) -> Any:
        return record(self, change(self.recording.size, function), args, options)

    Recorder.record = faulty  # type: ignore[method-assign]
    try:
        yield
    finally:
        Recorder.record = record  # type: ignore[method-assign]


def _unchanged(_: Node, tensor: torch.Tensor) -> torch.Tensor:
    """A hook that changes nothing: torch runs once then, and is watched."""
    return tensor


def kernel_off(question: Question, place: int, factor: float) -> Run:
    """A run in which the number that one operation computes is off by a factor.

    An operation on tensors stands in the program as one for each of its entries.
    """
    starts: list[int] = []

    def noted(start: int, function: Any) -> Any:
        starts.append(start)
        return function

    with each_call(noted):
        question.run(_unchanged)
    wrong = bisect_right(starts, place) - 1
    calls = count()
    with each_call(lambda start, function: _Off(function, factor, place - start) if next(calls) == wrong else function):
        return question.run(_unchanged)


def kernel_faults(question: Question, clean: Run, chance: random.Random) -> Iterator[Fault]:
    """One operation whose float is off: every size, at a random operation that returns a number."""
    assert clean.program is not None
    places = [
        place
        for place, operation in enumerate(clean.program.operations)
        if base_name(operation.name) in MEANINGS and operation.results and _is_normal(operation.results[0].value, question)
    ]
    if not places:
        return
    for eps in EPSILONS[question.dtype]:
        place = chance.choice(places)
        name = base_name(clean.program.operations[place].name)
        yield Fault("kernel off by 1 + eps", name, partial(kernel_off, question, place, 1 + eps), eps)
    conditions = [
        place for place, operation in enumerate(clean.program.operations) if base_name(operation.name) in COMPARISONS
    ]
    if conditions:
        place = chance.choice(conditions)
        name = base_name(clean.program.operations[place].name)
        yield Fault("comparison turned around", name, partial(kernel_off, question, place, 1.0))


def _is_normal(value: float | bool | None, question: Question) -> bool:
    return isinstance(value, float) and float(question.form.smallest_normal) < abs(value) < 1e30


# -------------------------------------------------------------------------------------------------------------- formulas


def wrong_formulas(formula: Node, chance: random.Random) -> Iterator[tuple[str, Node]]:
    """A derivative formula with a fault."""
    yield "sign", Call("neg", (formula,))
    yield "factor 2", Call("*", (Number("2"), formula))
    yield "times 1 + 1e-6", Call("*", (Number("1.000001"), formula))
    yield "constant added", Call("+", (formula, Number("1e-9")))
    calls = [node for node in postorder(formula) if isinstance(node, Call) and node.args]
    sums = [node for node in calls if node.name in ("+", "-")]
    products = [node for node in calls if node.name in ("*", "/")]
    cofunctions = [node for node in calls if node.name in _COFUNCTIONS]
    numbers = [node for node in postorder(formula) if isinstance(node, Number)]
    if sums:
        target = chance.choice(sums)
        yield "term dropped", _replaced(formula, target, target.args[chance.randrange(2)])
    if products:
        target = chance.choice(products)
        yield "factor dropped", _replaced(formula, target, target.args[0])
    if cofunctions:
        target = chance.choice(cofunctions)
        yield "sine for cosine", _replaced(formula, target, Call(_COFUNCTIONS[target.name], target.args))
    if numbers:
        number = chance.choice(numbers)
        yield "number off by one", _replaced(formula, number, Call("+", (number, Number("1"))))


_COFUNCTIONS = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh", "exp": "sin", "log": "exp", "sqrt": "exp"}


def _replaced(tree: Node, target: Node, other: Node) -> Node:
    """A tree with one of its nodes, by identity, replaced."""
    values: list[Node] = []
    for node in postorder(tree):
        if isinstance(node, Call):
            count = len(node.args)
            parts = values[len(values) - count :]
            del values[len(values) - count :]
            values.append(other if node is target else Call(node.name, tuple(parts)))
        else:
            values.append(other if node is target else node)
    return values.pop()
