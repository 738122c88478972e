"""Recorded operations run again on copies of their tensors: as PyTorch's own decompositions, or as other operations.

Comes in: a recorded operation, or the name of one with recorded arguments.  Goes out: the operations that ran.

The memory of what runs here is its own: `operands` says where the tensors that came in lie in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch._decomp import decomposition_table

from gradcalc.engines.autograd.operation import Plain, TensorOperation, TensorView
from gradcalc.engines.autograd.recorder import Recorder

_NAMES_OF_TORCH = "torch."
"""What the text of a dtype, a layout or a memory format starts with in a record."""


class Rerun(NamedTuple):
    """Operations that ran on copies of tensors: the copies, in order, and what was returned."""

    operations: Sequence[TensorOperation]
    operands: Sequence[TensorView]
    results: Sequence[TensorView]


def decomposed(op: TensorOperation) -> Rerun | None:
    """Run the decomposition of an operation; None where PyTorch has none.  Raises what the decomposition raises."""
    function = _decomposition(op)
    return None if function is None else _run(function, op.inputs, op.options)


def run_operation(name: str, arguments: Mapping[str, Plain]) -> Rerun:
    """Run the operation of a name on recorded arguments.  Raises what the operation raises."""
    return _run(getattr(torch.ops.aten, name).default, (), arguments)


def argument_names(name: str) -> Mapping[str, bool]:
    """The names of the arguments of an operation, and whether they have a default."""
    return {it.name: it.has_default_value() for it in getattr(torch.ops.aten, name).default._schema.arguments}


def _run(function: Any, inputs: Sequence[Plain], options: Mapping[str, Plain]) -> Rerun:
    recorder = Recorder()
    tensors: list[torch.Tensor] = []

    def argument(value: Plain) -> Any:
        if isinstance(value, TensorView):
            tensors.append(_tensor(value))
            return tensors[-1]
        if isinstance(value, tuple):
            return [argument(part) for part in value]
        if isinstance(value, str) and value.startswith(_NAMES_OF_TORCH):
            return getattr(torch, value.removeprefix(_NAMES_OF_TORCH))
        return value

    args = [argument(value) for value in inputs]
    own = {name: argument(value) for name, value in options.items()}
    operands = [recorder.view(tensor) for tensor in tensors]
    with torch.no_grad(), recorder.on():
        returned = function(*args, **own)
    parts = returned if isinstance(returned, tuple | list) else (returned,)
    results = [recorder.view(part) for part in parts if isinstance(part, torch.Tensor)]
    return Rerun(recorder.recording.tensor_operations, operands, results)


def _decomposition(op: TensorOperation) -> Any:
    """The decomposition of an operation; of one in place that of the same operation with a result of its own."""
    table: Mapping[Any, Any] = decomposition_table
    overload = op.name.removeprefix("prims.").partition(".")[2]
    packet = getattr(torch.ops.aten, op.base, None)
    return table.get(getattr(packet, overload, None)) or table.get(op.function)


def _tensor(view: TensorView) -> torch.Tensor:
    """A tensor with the numbers of a recorded one, in memory of its own."""
    return torch.as_tensor(view.floats.copy()).to(getattr(torch, view.dtype)).reshape(view.shape)
