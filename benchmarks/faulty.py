"""Faults of a differentiation program: what can be wrong with a backward pass, a kernel, or a symbolic derivative.

Comes in: a `Question`.  Goes out: runs of torch with one fault built in.  Faults are made of torch's own operations, in the
places where a wrong backward rule would have its: hooks on gradients, and functions with a backward of their own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from judging import Question
from torch.utils._python_dispatch import _disable_current_modes

from gradcalc.functions import TABLE
from gradcalc.proof.semantics import COMPARISONS, MEANINGS
from gradcalc.syntax import Call, Node, Number, postorder
from gradcalc.witness.autograd import Hook, Run
from gradcalc.witness.program import base_name
from gradcalc.witness.trace import Recorder

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


def moving_calls(question: Question) -> list[tuple[int, str]]:
    """The calls of an expression whose tensors have a gradient: their places in the order of building, and names."""
    seen: list[tuple[int, str]] = []
    count = 0

    def hook(node: Node, tensor: torch.Tensor) -> torch.Tensor:
        nonlocal count
        if tensor.requires_grad:
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
    for kind, change, eps in changes:
        place, name = chance.choice(calls)
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
        ("gradient lost and value frozen (.item())", inner, lambda t: t * 0 + t.item()),
    ]
    for kind, (place, name), change in changes:
        yield Fault(
            kind, f"at {name}", lambda place=place, change=change: question.run(at_call(place, change)),
            hook=lambda place=place, change=change: at_call(place, change),
        )  # fmt: skip


# ------------------------------------------------------------------------------------------------- wrong backward rules

Backward = Callable[..., Sequence[torch.Tensor | None]]


class _Own(torch.autograd.Function):
    """A function with the right value and a backward rule of its own."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., torch.Tensor], backward: Backward, *args: Any) -> torch.Tensor:
        ctx.backward_rule, ctx.args = backward, args
        return function(*(arg.detach() if isinstance(arg, torch.Tensor) else arg for arg in args))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (g,) = gradients
        found = ctx.backward_rule(g, *ctx.args)
        needed = ctx.needs_input_grad[2:]
        return None, None, *(part if need else None for part, need in zip(found, needed, strict=True))


@contextmanager
def own_backward(name: str, backward: Callable[[Callable[..., torch.Tensor]], Backward]) -> Iterator[None]:
    """Give a row of the table a backward rule of its own, made from its torch function."""
    row = TABLE[name]
    assert row.torch is not None
    compute = row.torch
    rule = backward(lambda *args: compute(torch, *args))

    def builder(t: Any, *args: Any) -> Any:
        if any(isinstance(arg, torch.Tensor) and arg.requires_grad for arg in args):
            return _Own.apply(lambda *inner: compute(t, *inner), rule, *args)
        return compute(t, *args)

    TABLE[name] = replace(row, torch=builder)
    try:
        yield
    finally:
        TABLE[name] = row


def true_gradients(function: Callable[..., torch.Tensor], g: torch.Tensor, args: Sequence[Any]) -> list[torch.Tensor | None]:
    """What torch's own backward would return."""
    leaves = [
        arg.detach().requires_grad_() if isinstance(arg, torch.Tensor) and arg.is_floating_point() else arg for arg in args
    ]
    wanted = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and leaf.requires_grad]
    with torch.enable_grad():
        result = function(*leaves)
    found = iter(torch.autograd.grad(result, wanted, g, allow_unused=True))
    return [next(found) if isinstance(leaf, torch.Tensor) and leaf.requires_grad else None for leaf in leaves]


def one_dropped(which: int) -> Callable[[Callable[..., torch.Tensor]], Backward]:
    """The gradient of one argument is forgotten."""

    def rule(function: Callable[..., torch.Tensor]) -> Backward:
        def backward(g: torch.Tensor, *args: Any) -> Sequence[torch.Tensor | None]:
            found = true_gradients(function, g, args)
            return [None if place == which else part for place, part in enumerate(found)]

        return backward

    return rule


def swapped(function: Callable[..., torch.Tensor]) -> Backward:
    """The gradients of the arguments are exchanged: the wrong branch, where only one of them gets any."""

    def backward(g: torch.Tensor, *args: Any) -> Sequence[torch.Tensor | None]:
        found = true_gradients(function, g, args)
        places = [place for place, part in enumerate(found) if part is not None]
        moved: list[torch.Tensor | None] = [None] * len(found)
        for place, other in zip(places, reversed(places), strict=True):
            moved[place] = found[other]
        return moved

    return backward


def other_side(function: Callable[..., torch.Tensor]) -> Backward:
    """The derivative on the other side of zero: the wrong branch of a function of one argument."""

    def backward(g: torch.Tensor, *args: Any) -> Sequence[torch.Tensor | None]:
        return true_gradients(function, g, (-args[0], *args[1:]))

    return backward


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


def _times(rule: Callable[..., Sequence[torch.Tensor]]) -> Callable[[Callable[..., torch.Tensor]], Backward]:
    def made(_: Callable[..., torch.Tensor]) -> Backward:
        def backward(g: torch.Tensor, *args: Any) -> Sequence[torch.Tensor | None]:
            # Numbers that torch takes as Python numbers are held in the dtype of the rest.
            tensors = [arg if isinstance(arg, torch.Tensor) else torch.tensor(arg, dtype=g.dtype) for arg in args]
            return [g * part for part in rule(*tensors)]

        return backward

    return made


def rule_faults(question: Question, chance: random.Random) -> Iterator[Fault]:
    """Functions of the expression with a wrong backward rule: each kind that can be applied once."""
    names = sorted({node.name for node in postorder(question.tree) if isinstance(node, Call) and node.args})

    def patched(kind: str, name: str, what: str, rule: Callable[[Callable[..., torch.Tensor]], Backward]) -> Fault:
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
    """An aten function whose result is off by a factor, or turned around if it is a condition; its name stays."""

    def __init__(self, function: Any, factor: float):
        self.function, self.factor = function, factor

    def __call__(self, *args: Any, **options: Any) -> Any:
        result = self.function(*args, **options)
        first = result[0] if isinstance(result, (tuple, list)) else result
        if first.dtype is torch.bool:
            first.logical_not_()
        else:
            first.mul_(self.factor)
        return result

    def __str__(self) -> str:
        return str(self.function)


@contextmanager
def kernel_off(place: int, factor: float) -> Iterator[None]:
    """The result of one operation of the next recorded run is off by a factor."""
    record = Recorder.record

    def faulty(self: Recorder, function: Any, args: Sequence[Any], options: Any) -> Any:
        wrong = len(self.program.operations) == place
        return record(self, _Off(function, factor) if wrong else function, args, options)

    Recorder.record = faulty  # type: ignore[method-assign]
    try:
        yield
    finally:
        Recorder.record = record  # type: ignore[method-assign]


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

        def run(place: int = place, eps: float = eps) -> Run:
            with kernel_off(place, 1 + eps):
                return question.run()

        yield Fault("kernel off by 1 + eps", name, run, eps)
    conditions = [
        place for place, operation in enumerate(clean.program.operations) if base_name(operation.name) in COMPARISONS
    ]
    if conditions:
        place = chance.choice(conditions)

        def turned(place: int = place) -> Run:
            with kernel_off(place, 1.0):
                return question.run()

        yield Fault("comparison turned around", base_name(clean.program.operations[place].name), turned)


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
