"""What torch's own backward kernels mean: the adjoint of their forward operation, with the same arguments.

This says nothing about the formula of a kernel: its floats are compared with the exact adjoint, and a report says so.

Comes in: an operation with exact operands.  Goes out: its exact results; None where it is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from flint import arb

from gradcalc.engines.autograd.operation import TensorOperation, TensorView
from gradcalc.engines.taylor import evaluate
from gradcalc.engines.taylor.array_program import ArrayProgram, Reference
from gradcalc.engines.taylor.array_sweep import Sweep
from gradcalc.engines.taylor.reals import ball
from gradcalc.errors import CalcError
from gradcalc.proof.floats.formats import FORMATS
from gradcalc.proof.floats.memory import Operand
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown, as_tuple
from gradcalc.proof.gradients.rows import COMPOSITIONS, ROWS, Arguments, row


@dataclass(frozen=True, slots=True)
class _Adjoint:
    """A backward kernel: its forward operation, the argument with the gradient, and the forward argument of each result."""

    forward: str
    gradient: str
    results: tuple[str, ...]


_KERNELS: dict[str, _Adjoint] = {}


def _kernel(name: str, forward: str, gradient: str, results: str) -> None:
    _KERNELS[name] = _Adjoint(forward, gradient, tuple(results.split()))


_kernel("convolution_backward", "convolution", "grad_output", "input weight bias")
_kernel("avg_pool2d_backward", "avg_pool2d", "grad_output", "self")
_kernel("_adaptive_avg_pool2d_backward", "_adaptive_avg_pool2d", "grad_output", "self")
_kernel("max_pool2d_with_indices_backward", "max_pool2d_with_indices", "grad_output", "self")
_kernel("glu_backward", "glu", "grad_output", "self")
_kernel("huber_loss_backward", "huber_loss", "grad_output", "self")
_kernel("smooth_l1_loss_backward", "smooth_l1_loss", "grad_output", "self")
_kernel("soft_margin_loss_backward", "soft_margin_loss", "grad_output", "self")
_kernel("binary_cross_entropy_backward", "binary_cross_entropy", "grad_output", "self")
_kernel("nll_loss_backward", "nll_loss_forward", "grad_output", "self")
_kernel(
    "_scaled_dot_product_flash_attention_for_cpu_backward", "_scaled_dot_product_flash_attention_for_cpu", "grad_out",
    "query key value",
)  # fmt: skip


def _selected(a: Arguments, results: Sequence[Reference | None]) -> tuple[Reference | None, ...]:
    """The results that are asked for: of the others torch returns none."""
    return tuple(compress(results, a.plain("output_mask")))


def _norm_backward(
    p: ForwardProgram, scaled: Reference, normal: Reference, scale: Reference, dims: Sequence[int]
) -> Reference:
    """The gradient by the input of a normalization over some dimensions, by its normalized input."""
    first = p.keep(p.mean(scaled, dims), dims)
    second = p.keep(p.mean(p.call("*", scaled, normal), dims), dims)
    rest = p.call("-", p.call("-", scaled, first), p.call("*", normal, second))
    return p.call("*", scale, rest)


@row("native_layer_norm_backward", "normalized_shape weight bias output_mask")
def _layer_norm_backward(p: ForwardProgram, a: Arguments) -> tuple[Reference | None, ...]:
    x, gradient, scale = a.array("input"), a.array("grad_out"), a.array("rstd")
    count = len(a.plain("normalized_shape"))
    dims = list(range(len(x.shape) - count, len(x.shape)))
    lead = list(range(len(x.shape) - count))
    normal = p.call("*", p.call("-", x, a.array("mean")), scale)
    scaled = gradient if a.plain("weight") is None else p.call("*", gradient, a.array("weight"))
    own = _norm_backward(p, scaled, normal, scale, dims)
    by_weight = p.sum(p.call("*", gradient, normal), lead) if lead else p.call("*", gradient, normal)
    return _selected(a, [own, by_weight, p.sum(gradient, lead) if lead else p.identity(gradient)])


@row("native_batch_norm_backward", "weight running_mean running_var save_mean save_invstd train eps output_mask")
def _batch_norm_backward(p: ForwardProgram, a: Arguments) -> tuple[Reference | None, ...]:
    x, gradient = a.array("input"), a.array("grad_out")
    dims = [0, *range(2, len(x.shape))]
    shape = (1, x.shape[1], *[1] * (len(x.shape) - 2))
    if a.plain("train"):
        middle, scale = (Reference(a.array(name).place, shape) for name in ("save_mean", "save_invstd"))
    else:
        middle = Reference(a.array("running_mean").place, shape)
        inverse = p.call("rsqrt", p.call("+", a.array("running_var"), p.scalar(a.plain("eps"))))
        scale = Reference(inverse.place, shape)
    normal = p.call("*", p.call("-", x, middle), scale)
    weight = a.plain("weight")
    scaled = gradient if weight is None else p.call("*", gradient, Reference(a.array("weight").place, shape))
    own = _norm_backward(p, scaled, normal, scale, dims) if a.plain("train") else p.call("*", scaled, scale)
    return _selected(a, [own, p.sum(p.call("*", gradient, normal), dims), p.sum(gradient, dims)])


@row("native_group_norm_backward", "weight N C HxW group output_mask")
def _group_norm_backward(p: ForwardProgram, a: Arguments) -> tuple[Reference | None, ...]:
    x, gradient = a.array("input"), a.array("grad_out")
    groups = a.plain("group")
    by_group = (x.shape[0], groups, x.size // (x.shape[0] * groups))
    scale = p.keep(Reference(a.array("rstd").place, by_group[:2]), [2])
    middle = p.keep(Reference(a.array("mean").place, by_group[:2]), [2])
    normal = p.call("*", p.call("-", Reference(x.place, by_group), middle), scale)
    channels = (1, x.shape[1], *[1] * (len(x.shape) - 2))
    weight = None if a.plain("weight") is None else Reference(a.array("weight").place, channels)
    scaled = gradient if weight is None else p.call("*", gradient, weight)
    own = _norm_backward(p, Reference(scaled.place, by_group), normal, scale, [2])
    dims = [0, *range(2, len(x.shape))]
    by_weight = p.sum(p.call("*", gradient, Reference(normal.place, x.shape)), dims)
    return _selected(a, [Reference(own.place, x.shape), by_weight, p.sum(gradient, dims)])


NOTE = "the meaning of {} is the adjoint of its forward operation: this checks the kernel's floats, not its formula"


class Meanings:
    """What operations without a row in the replay mean; `adjoints` are kernels that were taken by definition."""

    def __init__(self) -> None:
        self.adjoints: dict[str, None] = {}

    def __call__(self, op: TensorOperation, operands: Sequence[Operand]) -> Sequence[Sequence[arb]] | None:
        balls = {id(view): operand.balls.tolist() for view, operand in zip(op.operands, operands, strict=True)}
        try:
            exact = _results(op, balls)
            if exact is None:
                return None
            own = {id(view): [arb(float(it)) for it in view.floats.tolist()] for view in op.operands}
            if not _fits(op, _results(op, own)):
                return None
        except (NotKnown, CalcError, ValueError, IndexError, TypeError, KeyError):
            return None
        if op.base in _KERNELS:
            self.adjoints[op.base] = None
        return exact


def _fits(op: TensorOperation, exact: Sequence[Sequence[arb]] | None) -> bool:
    """Whether a row computes what the machine returned, to half of its digits: else it is the row of another operation.

    A result that cancels, as the gradient of a bias before a normalization, has no digits: the others have to fit.
    """
    if exact is None:
        return False
    operands = max((float(np.abs(view.floats).max()) for view in op.operands if view.is_float and view.size), default=0.0)
    gaps = []
    for view, balls in zip(op.results, exact, strict=False):
        if view.dtype not in FORMATS or not balls or not np.isfinite(view.floats).all():
            continue
        half = 2.0 ** -(FORMATS[view.dtype].precision / 2)
        numbers = np.array([float(it.mid()) for it in balls])
        largest = float(np.abs(numbers).max())
        if max(largest, float(np.abs(view.floats).max())) <= operands * half and len(exact) > 1:
            continue
        gaps.append(float(np.abs(numbers - view.floats).max()) <= largest * half + 1e-300)
    return all(gaps) and (bool(gaps) or not operands or len(exact) == 1)


class _Program(ForwardProgram):
    """The program of one operation, whose tensors are exact numbers."""

    def __init__(self, balls: Mapping[int, Sequence[arb]]):
        super().__init__()
        self.balls = balls
        self.inputs: dict[str, Reference] = {}

    def read(self, view: TensorView) -> Reference:
        if id(view) not in self.balls:
            return super().read(view)
        name = f"operand {id(view)}"
        if name not in self.inputs:
            self.inputs[name] = self.leaf(name, self.balls[id(view)], view.shape)
        return self.inputs[name]

    def values(self, arrays: Sequence[Reference | None]) -> list[list[arb]]:
        """The exact numbers of arrays."""
        known = [array for array in arrays if array is not None]
        total = self.join(known)
        sweep = self._swept(total, frozenset())
        numbers = list(map(ball, sweep.values))
        results, start = [], 0
        for array in arrays:
            size = 0 if array is None else array.size
            results.append(numbers[start : start + size])
            start += size
        return results

    def adjoints(self, output: Reference, weights: Reference, views: Sequence[TensorView]) -> list[list[arb]]:
        """The derivatives of the sum of an output times weights by some operands."""
        product = self.call("*", output, weights)
        total = self.combine("+", self.join([product]), [0])
        names = [f"operand {id(view)}" for view in views]
        sweep = self._swept(self.call("*", total, self.scalar(1.0)), frozenset(names))
        found = sweep.adjoints(0)
        return [list(map(ball, found.get(name) or [arb(0)] * view.size)) for name, view in zip(names, views, strict=True)]

    def _swept(self, total: Reference, moving: frozenset[str]) -> Sweep:
        if total.place != len(self.steps) - 1:
            raise NotKnown("nothing")
        return Sweep(
            ArrayProgram(self.steps, dict(self.variables), total.shape), self.point, evaluate.literals({}), moving, 1
        )


def _results(op: TensorOperation, balls: Mapping[int, Sequence[arb]]) -> Sequence[Sequence[arb]] | None:
    program = _Program(balls)
    if op.base in _KERNELS:
        return _adjoint_results(program, op, _KERNELS[op.base])
    if op.base not in ROWS:
        return None
    arrays = as_tuple(ROWS[op.base](program, op))
    return program.values([*arrays, *[None] * (len(op.results) - len(arrays))])


def _adjoint_results(program: _Program, op: TensorOperation, kernel: _Adjoint) -> Sequence[Sequence[arb]] | None:
    forward = _Renamed(program, op)
    if kernel.forward not in COMPOSITIONS:
        return None
    output = as_tuple(COMPOSITIONS[kernel.forward](program, forward))[0]
    assert output is not None
    weights = program.read(op.argument(kernel.gradient))
    views = {name: op.argument(forward.source(name)) for name in kernel.results if name != "bias"}
    for view in views.values():
        program.read(view)
    adjoints = program.adjoints(output, weights, list(views.values()))
    found: dict[str, list[arb]] = dict(zip(views, adjoints, strict=True))
    if "bias" in kernel.results:
        found["bias"] = _bias(op, kernel, balls=program.balls)
    mask = op.argument("output_mask")
    return [found[name] for name in (kernel.results if mask is None else compress(kernel.results, mask))]


def _bias(op: TensorOperation, kernel: _Adjoint, balls: Mapping[int, Sequence[arb]]) -> list[arb]:
    """The gradient of a bias, which is added along the channels: kernels are not given the bias itself."""
    program = _Program(balls)
    gradient = program.read(op.argument(kernel.gradient))
    dims = [dim for dim in range(len(gradient.shape)) if dim != 1]
    return program.values([program.identity(program.combine("+", gradient, dims))])[0]


class _Renamed(Arguments):
    """The arguments of a backward kernel by the names of the forward operation."""

    def source(self, name: str) -> str:
        """The name of an argument in the schema of the kernel."""
        other = {"self": "input", "input": "self"}.get(name, name)
        names = self.op.signature.names
        return other if name not in names and other in names else name

    def plain(self, name: str) -> Any:
        return self.op.argument(self.source(name))
