"""The program that torch really ran: every aten operation, forward and backward, with its numbers.

Comes in: a computation that torch performs while recording is on.  Goes out: plain data, a list of `Operation`.

This is the only module that touches `torch.utils._python_dispatch` (documented in "Extending PyTorch", but underscored).
Where it is missing, `AVAILABLE` is False and there is no program to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from gradcalc.engines.autograd.program import NO_MEMORY, Argument, Cell, Operation, Program, base_name
from gradcalc.engines.autograd.scalarize_trace import NOT_BY_ENTRY, cells_of, expanded
from gradcalc.runtime import deadline

try:
    from torch.utils._python_dispatch import TorchDispatchMode
except ImportError:  # pragma: no cover - a torch of the future
    TorchDispatchMode = None  # type: ignore[assignment,misc]

AVAILABLE = TorchDispatchMode is not None


class Recorder:
    """Records operations while `on()`; tensors are kept alive, so that no memory is used twice."""

    def __init__(self) -> None:
        self.program = Program()
        self._alive: list[Any] = []

    @contextmanager
    def on(self) -> Iterator[None]:
        """Record what happens inside."""
        if not AVAILABLE:
            yield
            return
        with _mode(self):
            yield

    def places(self, tensor: torch.Tensor) -> list[int]:
        """Where the entries of a tensor lie; they will stay there."""
        self._alive.append(tensor)
        return [cell.key for cell in cells_of(tensor).entries]

    def record(self, function: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """Run an operation and note it.  Raises `OutOfTime`."""
        deadline.check()
        name = str(function).removeprefix("aten.")
        tensors = [arg for arg in (*args, *options.values()) if isinstance(arg, torch.Tensor)]
        by_entry = base_name(name) not in NOT_BY_ENTRY
        is_scalar = by_entry and not any(tensor.dim() for tensor in tensors)
        see: Callable[[Any], Any] = _argument if is_scalar else _seen
        seen = tuple(see(arg) for arg in args)
        said = {name: see(option) for name, option in options.items()}
        if name.endswith(".Scalar"):  # torch 2.13 reads the memory of a zero that has none: mul.Scalar within a mode
            args = [_written(arg) for arg in args]
        result = function(*args, **options)
        results = [part for part in (result if isinstance(result, (tuple, list)) else (result,)) if _is_tensor(part)]
        self._alive += [arg for arg in (*args, *results) if _is_tensor(arg)]
        if is_scalar and not any(tensor.dim() for tensor in results):
            cells = tuple(_cell(part) for part in results)
            self.program.operations.append(Operation(name, seen, said, cells))
        else:
            if is_scalar:
                seen, said = tuple(map(_seen, args)), {name: _seen(option) for name, option in options.items()}
            self.program.operations += expanded(name, function, (args, options), seen, said, results, self._alive.append)
        return result


def _written(arg: Any) -> Any:
    """A zero that torch never wrote down, written down."""
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
    if tensor._is_zerotensor():  # a zero that torch never writes down
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


def _seen(value: Any) -> Any:
    """An argument of an operation on tensors, as plain data."""
    if isinstance(value, torch.Tensor):
        return cells_of(value)
    if isinstance(value, (list, tuple)):
        return tuple(_seen(part) for part in value)
    return _argument(value)
