"""The program that torch ran: every aten operation, forward and backward, with its numbers.

Comes in: a computation that torch performs while recording is on.  Goes out: plain data, a list of `Operation`.

This is the only module that touches `torch.utils._python_dispatch` (documented in "Extending PyTorch", but underscored).
Where it is missing, `AVAILABLE` is False and nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from gradcalc.engines.autograd.program import NO_MEMORY, Argument, Cell, Operation, RecordedProgram, base_name
from gradcalc.engines.autograd.scalarize_trace import NOT_ELEMENTWISE, TensorOperation, cells_of, scalarize_op
from gradcalc.runtime import deadline

try:
    from torch.utils._python_dispatch import TorchDispatchMode
except ImportError:  # pragma: no cover - a torch of the future
    TorchDispatchMode = None  # type: ignore[assignment,misc]

AVAILABLE = TorchDispatchMode is not None


class Recorder:
    """Records operations while `on()`; tensors are kept alive, so that no memory is used twice."""

    def __init__(self) -> None:
        self.program = RecordedProgram()
        self._alive: list[Any] = []

    @contextmanager
    def on(self) -> Iterator[None]:
        """Record what happens inside."""
        if not AVAILABLE:
            yield
            return
        with _mode(self):
            yield

    def locate(
        self,
        inputs: Mapping[str, tuple[Sequence[str], torch.Tensor]],
        constants: Mapping[str, torch.Tensor],
        literals: frozenset[float],
    ) -> None:
        """Complete the program with the memory keys of its inputs, by the names of their entries, and of its constants."""
        self.program.constants = {text: self.keys(tensor)[0] for text, tensor in constants.items()}
        pairs = (zip(names, self.keys(tensor), strict=True) for names, tensor in inputs.values())
        self.program.inputs = {entry: key for pair in pairs for entry, key in pair}
        self.program.literals = literals

    def keys(self, tensor: torch.Tensor) -> list[int]:
        """The memory keys of the entries of a tensor, which is kept alive."""
        self._alive.append(tensor)
        return [cell.key for cell in cells_of(tensor).entries]

    def record(self, function: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """Run an operation and record it.  Raises `OutOfTime`."""
        deadline.check()
        name = str(function).removeprefix("aten.")
        tensors = [arg for arg in (*args, *options.values()) if isinstance(arg, torch.Tensor)]
        is_elementwise = base_name(name) not in NOT_ELEMENTWISE
        is_scalar = is_elementwise and not any(tensor.dim() for tensor in tensors)
        read: Callable[[Any], Any] = _argument if is_scalar else _tensor_argument
        inputs = tuple(read(arg) for arg in args)
        keywords = {name: read(option) for name, option in options.items()}
        if name.endswith(".Scalar"):  # torch 2.13 reads the memory of a zero that has none: mul.Scalar within a mode
            args = [_materialize(arg) for arg in args]
        result = function(*args, **options)
        results = [part for part in (result if isinstance(result, (tuple, list)) else (result,)) if _is_tensor(part)]
        self._alive += [arg for arg in (*args, *results) if _is_tensor(arg)]
        if is_scalar and not any(tensor.dim() for tensor in results):
            cells = tuple(_cell(part) for part in results)
            self.program.operations.append(Operation(name, inputs, keywords, cells))
        else:
            if is_scalar:
                inputs = tuple(map(_tensor_argument, args))
                keywords = {name: _tensor_argument(option) for name, option in options.items()}
            grids = [cells_of(part) for part in results]
            operation = TensorOperation(name, function, args, options, inputs, keywords, grids)
            self.program.operations += scalarize_op(operation, results, self._alive.append)
        return result


def _materialize(arg: Any) -> Any:
    """A tensor as it is; a ZeroTensor, which has no memory, as zeros."""
    if _is_tensor(arg) and arg._is_zerotensor():
        return torch.zeros(arg.shape, dtype=arg.dtype, device=arg.device)
    return arg


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _mode(recorder: Recorder) -> Any:
    class Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            # Nothing is compiled here; otherwise the first operation would import torch._dynamo, which takes two seconds.
            return False

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return recorder.record(function, args, kwargs or {})

    return Mode()  # type: ignore[no-untyped-call]


def _cell(tensor: torch.Tensor) -> Cell:
    if tensor.is_meta or tensor.numel() != 1:
        return Cell(NO_MEMORY, None)
    if tensor._is_zerotensor():  # it has no memory
        return Cell(NO_MEMORY, 0.0)
    return Cell(tensor.data_ptr(), tensor.item())


def _argument(value: Any) -> Argument:
    if isinstance(value, torch.Tensor):
        return _cell(value)
    if isinstance(value, (list, tuple)):
        return tuple(_argument(part) for part in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _tensor_argument(value: Any) -> Any:
    """An argument of an operation on tensors, as plain data."""
    if isinstance(value, torch.Tensor):
        return cells_of(value)
    if isinstance(value, (list, tuple)):
        return tuple(_tensor_argument(part) for part in value)
    return _argument(value)
