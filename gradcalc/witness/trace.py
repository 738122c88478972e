"""The program that torch really ran: every aten operation, forward and backward, with its numbers.

Comes in: a computation that torch performs while recording is on.  Goes out: plain data, a list of `Operation`.

This is the only module that touches `torch.utils._python_dispatch` (documented in "Extending PyTorch", but underscored).
Where it is missing, `AVAILABLE` is False and there is no program to look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

try:
    from torch.utils._python_dispatch import TorchDispatchMode
except ImportError:  # pragma: no cover - a torch of the future
    TorchDispatchMode = None  # type: ignore[assignment,misc]

AVAILABLE = TorchDispatchMode is not None


@dataclass(frozen=True, slots=True)
class Cell:
    """A tensor as an operation saw it: which memory it lies in, and the number there at that moment.

    Views share memory and in-place operations write to it, so the key and not the tensor is what flows through a program.
    `value` is None for a tensor without data.
    """

    key: int
    value: float | bool | None


Argument = Cell | int | float | bool | str | None | tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One aten operation: its name (`"mul.Tensor"`), what went in and what came out."""

    name: str
    args: tuple[Argument, ...]
    options: Mapping[str, Argument]
    results: tuple[Cell, ...]


@dataclass(slots=True)
class Program:
    """All operations of a run in order; `forward` is how many of them computed the value.

    The other fields say where the tensors of interest lie: the inputs by name, the constants by text, the value, and the
    partials that depend on their variables.  `literals` are the typed numbers that torch was given as Python numbers.
    """

    operations: list[Operation] = field(default_factory=list)
    forward: int = 0
    inputs: dict[str, int] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)
    value: int | None = None
    partials: dict[tuple[str, ...], int] = field(default_factory=dict)
    literals: frozenset[float] = frozenset()


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

    def place(self, tensor: torch.Tensor) -> int:
        """Where a tensor lies; it will stay there."""
        self._alive.append(tensor)
        return _key(tensor)

    def record(self, function: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """Run an operation and note it."""
        seen = tuple(_argument(arg) for arg in args)
        said = {name: _argument(option) for name, option in options.items()}
        result = function(*args, **options)
        results = result if isinstance(result, (tuple, list)) else (result,)
        self._alive += [arg for arg in (*args, *results) if isinstance(arg, torch.Tensor)]
        cells = tuple(_cell(part) for part in results if isinstance(part, torch.Tensor))
        name = str(function).removeprefix("aten.")
        self.program.operations.append(Operation(name, seen, said, cells))
        return result


def _mode(recorder: Recorder) -> Any:
    class Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            # Nothing is compiled here; otherwise the first operation would import torch._dynamo, which takes two seconds.
            return False

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return recorder.record(function, args, kwargs or {})

    return Mode()  # type: ignore[no-untyped-call]


NO_MEMORY = 0
"""The key of tensors without memory: what is written there is no number, and nothing can be read from it."""


def _key(tensor: torch.Tensor) -> int:
    return NO_MEMORY if tensor.is_meta or tensor._is_zerotensor() else tensor.data_ptr()


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
