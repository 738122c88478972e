"""Forward rows of rare operations, by PyTorch's own decompositions: as the operations that it documents them to stand for.

Only operations are listed whose decomposition is their definition: not those that it approximates, draws random numbers for,
or writes differently for a device.  What the decomposition consists of must have rows itself, and the numbers must fit those
of the kernel, as for every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcalc.engines.autograd.operation import TensorOperation
from gradcalc.engines.autograd.rerun import Rerun, decomposed
from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.rows import ROWS

_NAMES = """
_batch_norm_with_update _fused_rms_norm _fused_rms_norm_backward _unsafe_masked_index
_unsafe_masked_index_put_accumulate _weight_norm_interface col2im im2col ldexp leaky_relu_backward logit_backward
max_unpool2d max_unpool3d multi_margin_loss mvlgamma nan_to_num nansum native_dropout_backward nll_loss2d_forward renorm
rrelu_with_noise_backward sigmoid_backward softplus_backward special_entr tanh_backward threshold_backward trace
unfold_backward
"""
DECOMPOSED = frozenset(_NAMES.split())
"""Operations whose decomposition is their definition."""


def write_steps(program: ForwardProgram, op: TensorOperation) -> Any:
    """Write the steps of an operation: by its row, else by its decomposition.  Returns the arrays of its results."""
    if op.base in ROWS:
        start = len(program.steps)
        try:
            return ROWS[op.base](program, op)
        except NotKnown:
            if op.base not in DECOMPOSED:
                raise
            program.discard(start)
    if op.base not in DECOMPOSED:
        raise NotKnown(op.name)
    return _decomposed(program, op)


def _decomposed(program: ForwardProgram, op: TensorOperation) -> tuple[Reference | None, ...]:
    """The steps of the operations that an operation stands for."""
    try:
        run = decomposed(op)
    except (RuntimeError, NotImplementedError, AssertionError, TypeError) as error:
        raise NotKnown(f"{op.name}, whose decomposition fails ({error}),") from None
    if run is None or len(run.results) != len(op.results):
        raise NotKnown(op.name)
    results = write_run(program, run, [program.read(view) for view in op.operands if view.is_float], op.name)
    for view, own in zip(op.results, run.results, strict=True):
        if view.is_float and own.shape != view.shape:
            raise NotKnown(f"{op.name}, whose decomposition returns something else,")
    program.decomposed.add(op.base)
    return results


def write_run(program: ForwardProgram, run: Rerun, operands: Sequence[Reference], name: str) -> tuple[Reference | None, ...]:
    """Write the steps of operations that ran on copies of arrays of floats.  Returns the arrays of their results."""
    inner = program.inner()
    for array, own in zip(operands, (view for view in run.operands if view.is_float), strict=True):
        inner.write(own, array)
    for operation in run.operations:
        if operation.base == "_local_scalar_dense" and operation.operands[0].is_float:
            raise NotKnown(f"{name}, whose decomposition reads a number,")
        inner.run(program.place, operation, write_steps)
        if inner.unknown:
            raise NotKnown(f"{next(iter(inner.unknown))} in the decomposition of {name}")
    program.decisions.used.update(inner.decisions.used)
    return tuple(inner.read(own) if own.is_float and inner.holds(own) else None for own in run.results)
