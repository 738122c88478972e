"""Values and derivatives by mpmath: numbers with hundreds of digits, and difference quotients.

Comes in: a judge, and a partial that it knows.  Goes out: what is apart.  It shares no code with the engines: functions of
arrays are written here as textbooks have them, of numpy arrays of mpmath's numbers.  Functions that it does not know are
passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

from gradcalc.calculate.judging import PointJudge
from gradcalc.calculate.partials import PartialSpec
from gradcalc.expression.arrays import Entry
from gradcalc.expression.tree import Call, Name, Node, Number, fold
from gradcalc.proof.smoothness.kinds import Kind

DIGITS = 240
_STEP = mpf(10) ** -60
_CLOSE = mpf(10) ** -25


class _Missing(Exception):
    """A function that is not written here."""


def _each(function: Callable[..., Any]) -> Any:
    return np.frompyfunc(function, function.__code__.co_argcount, 1)


_ELEMENTWISE: dict[str, Any] = {
    "+": _each(lambda x, y: x + y),
    "-": _each(lambda x, y: x - y),
    "*": _each(lambda x, y: x * y),
    "/": _each(lambda x, y: x / y),
    "**": _each(lambda x, y: mpmath.power(x, y)),
    "neg": _each(lambda x: -x),
    "exp": _each(lambda x: mpmath.exp(x)),
    "log": _each(lambda x: mpmath.log(x)),
    "log1p": _each(lambda x: mpmath.log1p(x)),
    "sqrt": _each(lambda x: mpmath.sqrt(x)),
    "square": _each(lambda x: x * x),
    "sin": _each(lambda x: mpmath.sin(x)),
    "cos": _each(lambda x: mpmath.cos(x)),
    "tan": _each(lambda x: mpmath.tan(x)),
    "atan": _each(lambda x: mpmath.atan(x)),
    "sinh": _each(lambda x: mpmath.sinh(x)),
    "cosh": _each(lambda x: mpmath.cosh(x)),
    "tanh": _each(lambda x: mpmath.tanh(x)),
    "asinh": _each(lambda x: mpmath.asinh(x)),
    "sigmoid": _each(lambda x: 1 / (1 + mpmath.exp(-x))),
    "softplus": _each(lambda x: mpmath.log1p(mpmath.exp(x))),
    "silu": _each(lambda x: x / (1 + mpmath.exp(-x))),
    "erf": _each(lambda x: mpmath.erf(x)),
    "erfc": _each(lambda x: mpmath.erfc(x)),
    "abs": _each(lambda x: abs(x)),
    "relu": _each(lambda x: max(x, mpf(0))),
    "exp2": _each(lambda x: mpmath.power(2, x)),
    "exp10": _each(lambda x: mpmath.power(10, x)),
    "reciprocal": _each(lambda x: 1 / x),
    "hypot": _each(lambda x, y: mpmath.hypot(x, y)),
    "logaddexp": _each(lambda x, y: mpmath.log(mpmath.exp(x) + mpmath.exp(y))),
    "maximum": _each(lambda x, y: max(x, y)),
    "minimum": _each(lambda x, y: min(x, y)),
}
_EXP = _ELEMENTWISE["exp"]
_LOG = _ELEMENTWISE["log"]


def _sum(x: Any, dim: int | None = None) -> Any:
    return np.asarray(np.sum(x, axis=dim), dtype=object)


def _var(x: Any, dim: int | None = None, correction: int = 1) -> Any:
    count = x.size if dim is None else x.shape[dim]
    mean = np.sum(x, axis=dim, keepdims=True) / count
    return np.asarray(np.sum((x - mean) ** 2, axis=dim) / (count - correction), dtype=object)


def _softmax(x: Any, dim: int = -1) -> Any:
    powers = _EXP(x)
    return powers / np.sum(powers, axis=dim, keepdims=True)


def _norm(x: Any, p: Any = 2, dim: int | None = None) -> Any:
    sizes = _ELEMENTWISE["abs"](x)
    if p == 1:
        return np.asarray(np.sum(sizes, axis=dim), dtype=object)
    if p == "inf":
        return np.asarray(np.max(sizes, axis=dim), dtype=object)
    return _ELEMENTWISE["sqrt"](np.asarray(np.sum(x * x, axis=dim), dtype=object))


def _layer_norm(x: Any, eps: Any) -> Any:
    centred = x - np.sum(x, axis=-1, keepdims=True) / x.shape[-1]
    variance = np.sum(centred * centred, axis=-1, keepdims=True) / x.shape[-1]
    return centred / _ELEMENTWISE["sqrt"](np.asarray(variance + eps, dtype=object))


def _inverse(x: Any) -> Any:
    inverse = mp.matrix(x.tolist()) ** -1
    return np.array(inverse.tolist(), dtype=object).reshape(x.shape)


def _mse(x: Any, y: Any, reduction: str = "mean") -> Any:
    losses = np.asarray((x - y) ** 2, dtype=object)
    if reduction == "none" or not losses.ndim:
        return losses
    return np.asarray(np.sum(losses) / (losses.size if reduction == "mean" else 1), dtype=object)


_OF_ARRAYS: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "mean": lambda x, dim=None: _sum(x, dim) / (x.size if dim is None else x.shape[dim]),
    "prod": lambda x, dim=None: np.asarray(np.prod(x, axis=dim), dtype=object),
    "amax": lambda x, dim=None: np.asarray(np.max(x, axis=dim), dtype=object),
    "amin": lambda x, dim=None: np.asarray(np.min(x, axis=dim), dtype=object),
    "var": _var,
    "std": lambda x, dim=None, correction=1: _ELEMENTWISE["sqrt"](_var(x, dim, correction)),
    "norm": _norm,
    "logsumexp": lambda x, dim=None: _LOG(_sum(_EXP(x), dim)),
    "softmax": _softmax,
    "log_softmax": lambda x, dim=-1: _LOG(_softmax(x, dim)),
    "cumsum": lambda x, dim=-1: np.cumsum(x, axis=dim) if x.ndim else x,
    "cumprod": lambda x, dim=-1: np.cumprod(x, axis=dim) if x.ndim else x,
    "layer_norm": _layer_norm,
    "@": lambda x, y: np.asarray(np.dot(x, y), dtype=object),
    "dot": lambda x, y: np.asarray(np.dot(x, y), dtype=object),
    "outer": lambda x, y: np.multiply.outer(x, y),
    "transpose": lambda x: x.swapaxes(-1, -2) if x.ndim > 1 else x,
    "trace": lambda x: np.asarray(np.trace(x), dtype=object),
    "det": lambda x: np.asarray(mp.det(mp.matrix(x.tolist())), dtype=object),
    "logdet": lambda x: np.asarray(mp.log(mp.det(mp.matrix(x.tolist()))), dtype=object),
    "inv": _inverse,
    "solve": lambda x, y: np.asarray(np.dot(_inverse(x), y), dtype=object),
    "mse_loss": _mse,
    "[": lambda *parts: np.stack(np.broadcast_arrays(*parts)),
}


def _options(call: Call) -> dict[str, Any]:
    return {key: int(text) if text.lstrip("-").isdigit() else text for key, text in call.options}


def value(tree: Node, inputs: Mapping[str, Any], constants: Mapping[str, Any]) -> Any:
    """The value of an expression.  Raises `_Missing`."""

    def leaf(node: Number | Name) -> Any:
        if isinstance(node, Name):
            return inputs[node.name]
        return np.asarray(_exact(constants.get(node.text, node.value)), dtype=object)

    def call(node: Call, args: list[Any]) -> Any:
        if not node.args and node.name in constants:
            return np.asarray(_exact(constants[node.name]), dtype=object)
        options = _options(node)
        if options.pop("keepdim", None):
            whole = call(Call(node.name, node.args, node.span, tuple(it for it in node.options if it[0] != "keepdim")), args)
            axes = (options["dim"],) if "dim" in options else tuple(range(args[0].ndim))
            return np.expand_dims(whole, tuple(axis % args[0].ndim for axis in axes))
        if node.name == "[]":
            index = (slice(*(int(end) if end else None for end in part.split(":"))) if ":" in part else int(part) for part in str(options["at"]).split(","))  # fmt: skip
            return np.asarray(args[0][tuple(index)], dtype=object)
        if node.name in ("max", "min") and len(args) == 1:
            return _OF_ARRAYS[f"a{node.name}"](*args, **options)
        if node.name in _ELEMENTWISE and not options and len(args) == _ELEMENTWISE[node.name].nin:
            return np.asarray(_ELEMENTWISE[node.name](*args), dtype=object)
        if node.name in _OF_ARRAYS:
            return np.asarray(_OF_ARRAYS[node.name](*args, **options), dtype=object)
        raise _Missing(node.name)

    return fold(tree, leaf, call)


def _exact(number: Any) -> Any:
    return mpf(number.numerator) / mpf(number.denominator)


def compare(judge: PointJudge, spec: PartialSpec) -> str | None:
    """What the judge has otherwise of a partial at the point torch received: "" if nothing, None if that cannot be told."""
    assert judge.binary is not None
    regularity = judge.binary.regularity(spec.place, spec.entries)
    if regularity is None or regularity.kind is not Kind.SMOOTH or regularity.value is None:
        return None
    run = judge.runs[spec.place]
    with mp.workdps(DIGITS):
        arrays = {
            name: np.array([mpf(number) for number in run.input_arrays[name].tolist()], dtype=object).reshape(cells.shape)
            for name, cells in judge.setting.exact.items()
        }

        def at(shifts: tuple[int, ...]) -> Any:
            moved = {name: array.copy() for name, array in arrays.items()}
            for entry, shift in zip(spec.entries, shifts, strict=True):
                if isinstance(entry, Entry):
                    moved[entry.variable][entry.indices] += shift * _STEP
                else:
                    moved[entry][()] += shift * _STEP
            return np.asarray(value(judge.prepared.tree, moved, run.constants), dtype=object).reshape(-1)[spec.place]

        try:
            if len(spec.entries) == 1:
                slope = (at((1,)) - at((-1,))) / (2 * _STEP)
            else:
                slope = (at((1, 1)) - at((1, -1)) - at((-1, 1)) + at((-1, -1))) / (4 * _STEP**2)
            own = at((0,) * len(spec.entries))
        except (_Missing, ZeroDivisionError, ValueError, TypeError):
            return None
        said = [_apart("value", own, regularity.value), _apart("derivative", slope, regularity.derivative)]
    return "; ".join(filter(None, said))


def _apart(what: str, own: Any, theirs: Any) -> str:
    if isinstance(own, mpmath.mpc):
        return f"the {what} is complex: {own}"
    is_rational = hasattr(theirs, "p")
    other = mpf(int(theirs.p)) / mpf(int(theirs.q)) if is_rational else mpf(theirs.str(45, radius=False))
    if abs(own - other) <= _CLOSE * max(abs(own), abs(other)) or abs(own - other) < mpf(10) ** -45:
        return ""
    return f"the {what} is {mpmath.nstr(own, 30)}, and {mpmath.nstr(other, 30)} here"
