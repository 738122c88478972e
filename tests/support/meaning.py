"""What a tree and a text of Python are at one point, by the standard library: an oracle for readers."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from gradcalc.expression.tree import Node, Number, fold

NUMERIC: dict[str, Callable[..., float]] = {
    "floor": math.floor, "ceil": math.ceil, "remainder": lambda x, y: x - y * math.floor(x / y), "factorial": lambda x: math.gamma(x + 1),
    "gamma": math.gamma, "relu": lambda x: max(x, 0.0), "maximum": max, "minimum": min, "amax": max, "square": lambda x: x * x, "erf": math.erf,
    "where": lambda condition, a, b: a if condition else b, "sign": lambda x: math.copysign(1, x), "logaddexp": lambda x, y: math.log(math.exp(x) + math.exp(y)),
    "softplus": lambda x, *_: math.log(1 + math.exp(x)), "silu": lambda x: x / (1 + math.exp(-x)), "norm": abs, "logsigmoid": lambda x: -math.log(1 + math.exp(-x)),
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2, "sinc": lambda x: math.sin(x) / x, "atan2": math.atan2, "hypot": math.hypot,
    "gelu_tanh": lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))), "expm1": math.expm1, "log1p": math.log1p,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "acosh": math.acosh,
    "and": lambda a, b: a and b, "or": lambda a, b: a or b, "not": operator.not_, "asinh": math.asinh, "atanh": math.atanh, "acot": lambda x: math.atan(1 / x),
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow, "neg": operator.neg,
    "max": max, "min": min, "abs": abs, "pi": lambda: math.pi, "e": lambda: math.e, "tau": lambda: math.tau,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "cbrt": lambda x: x ** (1 / 3), "cot": lambda x: 1 / math.tan(x),
    "sech": lambda x: 1 / math.cosh(x), "sec": lambda x: 1 / math.cos(x), "csc": lambda x: 1 / math.sin(x),
    **{name: getattr(math, name) for name in ["sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "exp", "log", "log2", "log10", "sqrt"]},
}  # fmt: skip
POINT = {
    "x": 0.7,
    "y": 1.3,
    "a": 1.9,
    "b": 0.4,
    "m": 2.1,
    "v": 0.6,
    "r": 3.1,
    "k": 1.1,
    "t": 0.9,
    "beta": 0.3,
    "α": 0.8,
    "β": 0.3,
    "θ": 0.5,
    "ω": 1.7,
    "μ": 0.2,
    "σ": 1.4,
    "x₁": 0.6,
    "x₂": 1.1,
    "A1": 0.7,
    "B1": 1.3,
    "theta_1": 0.6,
    "theta_0": 0.2,
    "y_hat": 0.7,
    "theta": 0.5,
    "alpha": 0.8,
    "lambda": 0.9,
    "x_1": 0.6,
    "x_2": 1.1,
    "w": 0.4,
    "n": 3.0,
    "p": 0.6,
    "z": -0.4,
    "sigma": 1.4,
    "mu": 0.2,
    "omega": 1.7,
    "loss": 0.3,
    "w_max": 0.9,
    "T": 2.2,
    "A": 1.2,
    "φ": 0.25,
    "phi": 0.25,
}


def value(tree: Node) -> float:
    """The tree at the point, in floats."""
    return fold(
        tree,
        lambda leaf: float(leaf.value) if isinstance(leaf, Number) else POINT[leaf.name],
        lambda call, args: NUMERIC[call.name](*args),
    )


def meaning(python: str) -> float:
    """What a Python expression is at the point."""
    return float(
        eval(python, {"__builtins__": {}}, {**NUMERIC, **POINT, "ln": math.log, "POINT": POINT, "pi": math.pi, "e": math.e})
    )
