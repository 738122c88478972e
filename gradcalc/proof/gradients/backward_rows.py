"""What torch's own backward kernels mean: the adjoint of their forward operation, with the same arguments.

This says nothing about the formula of a kernel: its floats are compared with the exact adjoint, and a report says so.

Comes in: an operation with exact operands.  Goes out: its exact results; None where it is not known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from flint import arb

from gradcalc.engines.autograd.operation import NO_MEMORY, Numbers, Plain, TensorOperation, TensorView
from gradcalc.engines.autograd.rerun import argument_names, run_operation
from gradcalc.engines.taylor import evaluate
from gradcalc.engines.taylor.array_program import ArrayProgram, Reference
from gradcalc.engines.taylor.array_sweep import Sweep
from gradcalc.engines.taylor.reals import ball
from gradcalc.errors import CalcError
from gradcalc.proof.floats.formats import FORMATS
from gradcalc.proof.floats.memory import Operand
from gradcalc.proof.gradients.adjoint_steps import write_adjoint
from gradcalc.proof.gradients.decomposition_rows import write_run, write_steps
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown, as_tuple
from gradcalc.proof.gradients.masks import exponentials
from gradcalc.proof.gradients.recurrent_rows import ADJOINTS
from gradcalc.proof.gradients.rows import ROWS, Arguments, row

Balls = Mapping[int, Sequence[arb] | None]
"""The exact numbers of tensors by the identity of their views; None where they are not known."""


@dataclass(frozen=True, slots=True)
class _Adjoint:
    """A backward kernel: its forward operation, the argument with the gradient, and the forward argument of each result."""

    forward: str
    gradient: str
    results: tuple[str, ...]


def _kernels(names: str, results: str = "self", gradient: str = "grad_output", suffix: str = "") -> dict[str, _Adjoint]:
    """Kernels that are named after their forward operation."""
    return {f"{name}_backward": _Adjoint(name + suffix, gradient, tuple(results.split())) for name in names.split()}


_KERNELS: Mapping[str, _Adjoint] = {
    **_kernels("convolution", "input weight bias"),
    **_kernels(
        "avg_pool2d avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d "
        "glu huber_loss "
        "smooth_l1_loss soft_margin_loss mse_loss binary_cross_entropy multi_margin_loss "
        "reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d "
        "upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d "
        "gelu silu mish hardswish hardsigmoid hardtanh softshrink "
        "_upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d upsample_bicubic2d upsample_trilinear3d"
    ),
    **_kernels("multilabel_margin_loss", suffix="_forward"),
    **_kernels("hardshrink", gradient="grad_out"),
    **_kernels("_prelu_kernel", "self weight"),
    **_kernels("_cdist", "x1", "grad", "_forward"),
    **_kernels("_pdist", "self", "grad", "_forward"),
    **_kernels("_segment_reduce", "data", "grad"),
    **_kernels("grid_sampler_2d grid_sampler_3d", "input grid"),
    **_kernels("_scaled_dot_product_flash_attention_for_cpu", "query key value", "grad_out"),
    **_kernels("_weight_norm_interface", "v g", "grad_w"),
}
_OTHER_NAMES: Mapping[str, Sequence[str]] = {
    "self": ("input",), "input": ("self",), "v": ("saved_v",), "g": ("saved_g",),
}  # fmt: skip
"""What backward kernels call arguments of their forward operations."""
_FORWARD_NAMES = {"_segment_reduce": "segment_reduce"}


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


@row("log_sigmoid_backward", "buffer")
def _log_sigmoid_backward(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("*", a.array("grad_output"), p.call("sigmoid", p.call("neg", a.array("self"))))


@row("elu_backward", "alpha scale input_scale is_result")
def _elu_backward(p: ForwardProgram, a: Arguments) -> Reference:
    """By the input, or by the result, which is scaled for inputs of less than 0 only by alpha and the scale."""
    x, gradient = a.array("self_or_result"), a.array("grad_output")
    alpha, scale, inner = (p.scalar(a.of(name)) for name in ("alpha", "scale", "input_scale"))
    height = p.call("*", alpha, scale)
    below = p.call("+", x, height) if a.plain("is_result") else p.call("*", height, p.call("exp", p.call("*", x, inner)))
    slope = p.choose(a.floats("self_or_result") > 0, scale, p.call("*", inner, below))
    return p.call("*", gradient, slope)


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


@row(
    "native_batch_norm_backward batch_norm_backward",
    "weight running_mean running_var save_mean save_invstd save_var train update eps output_mask",
)
def _batch_norm_backward(p: ForwardProgram, a: Arguments) -> tuple[Reference | None, ...]:
    is_new = a.op.base == "batch_norm_backward"
    x, gradient, is_training = a.array("input"), a.array("grad_out"), a.plain("update" if is_new else "train")
    dims = [0, *range(2, len(x.shape))]
    shape = (1, x.shape[1], *[1] * (len(x.shape) - 2))
    if is_training:
        names = ("save_mean", "save_var" if is_new else "save_invstd")
        middle, scale = (Reference(a.array(name).place, shape) for name in names)
    else:
        middle = Reference(a.array("running_mean").place, shape)
        inverse = p.call("rsqrt", p.call("+", a.array("running_var"), p.scalar(a.plain("eps"))))
        scale = Reference(inverse.place, shape)
    normal = p.call("*", p.call("-", x, middle), scale)
    weight = a.plain("weight")
    scaled = gradient if weight is None else p.call("*", gradient, Reference(a.array("weight").place, shape))
    own = _norm_backward(p, scaled, normal, scale, dims) if is_training else p.call("*", scaled, scale)
    return _selected(a, [own, p.sum(p.call("*", gradient, normal), dims), p.sum(gradient, dims)])


@row(
    "max_pool2d_with_indices_backward max_pool3d_with_indices_backward adaptive_max_pool2d_backward "
    "adaptive_max_pool3d_backward fractional_max_pool2d_backward fractional_max_pool3d_backward",
    "kernel_size stride padding dilation ceil_mode output_size",
)
def _max_pool_backward(p: ForwardProgram, a: Arguments) -> Reference:
    """The sums of the gradients at the places that were chosen, in every plane."""
    gradient, shape = a.array("grad_output"), a.plain("self").shape
    size = math.prod(shape[-3 if "3d" in a.op.base else -2 :])
    planes = math.prod(shape) // size
    chosen = a.floats("indices").astype(int).reshape(planes, -1) + np.arange(planes)[:, None] * size
    return p.scatter(gradient, chosen, shape)


@row("_softmax_backward_data _log_softmax_backward_data", "dim input_dtype")
def _softmax_backward(p: ForwardProgram, a: Arguments) -> Reference:
    gradient, output = a.array("grad_output"), a.array("output")
    dims = [a.plain("dim") % len(output.shape)] if output.shape else []
    is_log = a.op.base.startswith("_log")
    weighted = gradient if is_log else p.call("*", gradient, output)
    total = p.keep(p.sum(weighted, dims), dims) if dims else weighted
    return p.call("-", weighted, p.call("*", exponentials(p, output, a.floats("output")) if is_log else output, total))


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


_BY_ADJOINT = "the meaning of {} is the adjoint of its forward operation: this checks the kernel's floats, not its formula"
_BY_DECOMPOSITION = "the meaning of {} is its decomposition in PyTorch: this checks that formula, and the kernel's floats"


class Meanings:
    """What operations without a row in the replay mean; `notes` names backward kernels whose formula is not checked."""

    def __init__(self) -> None:
        self.notes: dict[str, None] = {}

    def __call__(self, op: TensorOperation, operands: Sequence[Operand]) -> Sequence[Sequence[arb]] | None:
        if op.results and not any(view.is_float for view in op.results):  # as comparisons: those of the record
            return None if any(operand.has_unknown for operand in operands) else [()] * len(op.results)
        pairs = zip(op.operands, operands, strict=True)
        balls = {id(view): None if operand.has_unknown else operand.balls.tolist() for view, operand in pairs}
        try:
            program = _Program(balls)
            exact = _results(op, program)
            if exact is None:
                return None
            own = {id(view): [arb(float(it)) for it in view.floats.tolist()] for view in op.operands}
            if not _fits(op, _results(op, _Program(own))):
                return None
        except (NotKnown, CalcError, ValueError, IndexError, TypeError, KeyError):
            return None
        if op.base in _KERNELS or op.base in ADJOINTS:
            self.notes[_BY_ADJOINT.format(op.base)] = None
        elif op.base in program.decomposed and op.base.endswith("_backward"):
            self.notes[_BY_DECOMPOSITION.format(op.base)] = None
        return exact


def _fits(op: TensorOperation, exact: Sequence[Sequence[arb]] | None) -> bool:
    """Whether a row computes what the machine returned, to half of its digits: else it is the row of another operation.

    The digits are those of the least precise tensor.  A result that cancels, as the gradient of a bias before a
    normalization, has no digits of its own: it may be off by as much as half of the digits of the gradient that arrived, or
    of the operands, if another result fits that is not as small.
    """
    if exact is None:
        return False
    arrived = [it for name in _GRADIENTS if isinstance(it := op.argument(name), TensorView)] if op.results else []
    scale = max((_largest(view.floats) for view in arrived or op.operands if view.is_float), default=0.0)
    precisions = [FORMATS[view.dtype].precision for view in (*op.operands, *op.results) if view.dtype in FORMATS]
    half = 2.0 ** -(min(precisions, default=0) / 2)
    fits, nearly, is_tested = [], [], not scale
    for view, balls in zip(op.results, exact, strict=False):
        if view.dtype not in FORMATS or not balls or not np.isfinite(view.floats).all():
            continue
        numbers = np.array([float(it.mid()) for it in balls])
        largest, gap = _largest(numbers), float(np.abs(numbers - view.floats).max())
        fits.append(gap <= largest * half + 1e-300)
        nearly.append(gap <= max(largest, scale) * half)
        is_tested = is_tested or (fits[-1] and largest > scale * half)
    return (all(fits) and (bool(fits) or not scale or len(exact) == 1)) or (is_tested and all(nearly) and len(exact) > 1)


_GRADIENTS = ("grad_output", "grad_out", "grad")
"""What backward kernels call the gradient that arrives."""


def _largest(floats: Numbers) -> float:
    """The size of the largest number that is finite: masks have others."""
    return float(np.abs(floats[np.isfinite(floats)]).max(initial=0.0))


class _Program(ForwardProgram):
    """The program of one operation, whose tensors are exact numbers."""

    def __init__(self, balls: Balls):
        super().__init__()
        self.balls = dict(balls)
        self.inputs: dict[str, Reference] = {}

    def read(self, view: TensorView) -> Reference:
        if id(view) not in self.balls:
            return super().read(view)
        name = f"operand {id(view)}"
        if name not in self.inputs:
            numbers = self.balls[id(view)]
            if numbers is None:
                raise NotKnown("an operand that is not known")
            self.note_infinities(name, view.floats)
            self.inputs[name] = self.leaf(name, numbers, view.shape)
        return self.inputs[name]

    def discard(self, start: int) -> None:
        super().discard(start)
        self.inputs = {name: known for name, known in self.inputs.items() if known.place < start}

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

    def _swept(self, total: Reference, moving: frozenset[str]) -> Sweep:
        if total.place != len(self.steps) - 1:
            raise NotKnown("nothing")
        return Sweep(
            ArrayProgram(self.steps, dict(self.variables), total.shape), self.point, evaluate.literals({}), moving, 1
        )


def _results(op: TensorOperation, program: _Program) -> Sequence[Sequence[arb]] | None:
    arrays = as_tuple(write_steps(program, op))
    return program.values([*arrays, *[None] * (len(op.results) - len(arrays))])


def _adjoint(program: ForwardProgram, op: TensorOperation, kernel: _Adjoint) -> list[Reference | None]:
    """The adjoint of the forward operation, which runs again with the arguments of the kernel."""
    name = _FORWARD_NAMES.get(kernel.forward, kernel.forward)
    arguments = {
        it: _forward_argument(op, kernel, it)
        for it, has_default in argument_names(name).items()
        if not has_default or op.knows(it)
    }
    try:
        run = run_operation(name, arguments)
    except (RuntimeError, NotImplementedError) as error:
        raise NotKnown(f"{op.name}, whose forward operation fails ({error}),") from None
    start = len(program.steps)
    arrays = {
        it: _own(program, view, op) for it, view in arguments.items() if isinstance(view, TensorView) and view.is_float
    }
    output = write_run(program, run, list(arrays.values()), op.name)[0]
    assert output is not None
    gradient = program.read(op.argument(kernel.gradient))
    results = [it for it in kernel.results if it in arrays]
    weights = program.broadcast_to(gradient, output.shape)
    adjoints = write_adjoint(program, output, weights, [arrays[it] for it in results], start)
    computed: dict[str, Reference] = dict(zip(results, adjoints, strict=True))
    if "bias" in kernel.results:  # it is added along the channels, and kernels are not given it
        dims = [dim for dim in range(len(gradient.shape)) if dim != 1]
        computed["bias"] = program.identity(program.combine("+", gradient, dims))
    mask = op.argument("output_mask")
    return [computed[name] for name in (kernel.results if mask is None else compress(kernel.results, mask))]


def _own(program: ForwardProgram, view: TensorView, op: TensorOperation) -> Reference:
    """An argument as a step of its own; what a linear operation is applied to is not given to its kernel: it is 0."""
    is_given = any(view is each for each in op.operands)
    return program.identity(program.read(view) if is_given else program.numbers(np.zeros(view.size), view.shape))


def _forward_argument(op: TensorOperation, kernel: _Adjoint, name: str) -> Plain:
    """An argument of the forward operation by those of the kernel; what a linear one is applied to may not be given."""
    for other in (name, *_OTHER_NAMES.get(name, ())):
        if op.knows(other):
            given: Plain = op.argument(other)
            return given
    gradient = op.argument(kernel.gradient)
    if name == "self" and op.knows("input_size"):
        shape = op.argument("input_size")
        return TensorView(NO_MEMORY, 0, shape, (0,) * len(shape), 1, gradient.dtype, 0.0)
    if name == "output_size":
        return tuple(gradient.shape[-_POOLED[kernel.forward] :])
    if name in _OPTIONAL:
        return None
    raise NotKnown(f"{op.name} without {name}")


_OPTIONAL = frozenset({"bias", "compute_mode"})
"""Arguments of forward operations that their kernels are not given, and can do without."""
_POOLED = {"_adaptive_avg_pool2d": 2, "_adaptive_avg_pool3d": 3}
"""Over how many dimensions pools go that are given the size of their result."""


def _kernel_row(program: ForwardProgram, op: TensorOperation) -> tuple[Reference | None, ...]:
    return tuple(_adjoint(program, op, _KERNELS[op.base]))


ROWS.update(dict.fromkeys(_KERNELS, _kernel_row))
