"""The program that torch ran: every aten operation, forward and backward, with its tensors.

Comes in: a computation that torch performs while recording is on.  Goes out: plain data, a list of `TensorOperation`.

This is the only module that touches `torch.utils._python_dispatch` (documented in "Extending PyTorch", but underscored).
Where it is missing, `AVAILABLE` is False and nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch

from gradcalc.engines.autograd.operation import NO_MEMORY, Numbers, Plain, Signature, TensorOperation, TensorView
from gradcalc.engines.autograd.program import Record
from gradcalc.engines.autograd.scalarize_trace import LOSSES
from gradcalc.runtime import deadline

try:
    from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
except ImportError:  # pragma: no cover - a torch of the future
    TorchDispatchMode = _disable_current_modes = None  # type: ignore[assignment,misc]

AVAILABLE = TorchDispatchMode is not None
unrecorded = _disable_current_modes
"""A context in which nothing is recorded."""


class Recorder:
    """Records operations while `on()`; tensors are kept alive, so that no memory is used twice."""

    def __init__(self) -> None:
        self.recording = Record()
        self._alive: list[torch.Tensor] = []
        self._scalars: dict[int, TensorView] = {}
        self._last_numbers: dict[tuple[Any, ...], Numbers] = {}

    @contextmanager
    def on(self) -> Iterator[None]:
        """Record what happens inside."""
        if not AVAILABLE:
            yield
            return
        with _mode(self):
            yield

    def view(self, tensor: torch.Tensor) -> TensorView:
        """A tensor as plain data, which is kept alive; what it holds again is not copied again."""
        if not tensor.dim():
            last = self._scalars.get(id(tensor))
            if last is not None and _is_same(last.number, tensor.item()):
                return last
        self._alive.append(tensor)
        shape, dtype = tuple(tensor.shape), _dtype_name(tensor.dtype)
        if tensor.is_meta or tensor._is_zerotensor():  # a ZeroTensor has no memory
            zeros = (0,) * len(shape)
            return TensorView(NO_MEMORY, 0, shape, zeros, 1, dtype, None if tensor.is_meta else 0.0)
        offset, size = int(tensor.storage_offset()), tensor.element_size()
        address, strides = tensor.data_ptr(), tensor.stride()
        storage = address - offset * size if address else NO_MEMORY
        if not shape:
            view = self._scalars[id(tensor)] = TensorView(storage, offset, shape, strides, size, dtype, tensor.item())
            return view
        numbers = numbers_of(tensor)
        layout = (storage, offset, shape, strides, dtype)
        copy = self._last_numbers.get(layout)
        if copy is None or not np.array_equal(copy.view(np.uint8), numbers.view(np.uint8)):
            copy = self._last_numbers[layout] = numbers.copy()
        return TensorView(storage, offset, shape, strides, size, dtype, copy)

    def record(self, function: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """Run an operation and record it.  Raises `OutOfTime`."""
        deadline.check()
        name = _name(function)
        signature = _signature(function)
        inputs = tuple(map(self._argument, args))
        keywords = {name: self._argument(option) for name, option in options.items()} if options else {}
        if name.endswith(".Scalar"):  # torch 2.13 reads the memory of a zero that has none: mul.Scalar within a mode
            args = [_materialize(arg) for arg in args]
        result = function(*args, **options)
        results = tuple(self._results(result))
        operation = TensorOperation(name, function, signature, inputs, keywords, results)
        reduction = _loss_reduction(operation)
        if reduction is None:
            self.recording.tensor_operations.append(operation)
        else:
            self._record_loss(operation, args, options, reduction)
        return result

    def _argument(self, value: Any) -> Plain:
        if isinstance(value, torch.Tensor):
            return self.view(value)
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (list, tuple)):
            return tuple(map(self._argument, value))
        return str(value)

    def _results(self, result: Any) -> Iterator[TensorView]:
        for part in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(part, torch.Tensor):
                yield self.view(part)

    def _record_loss(
        self, operation: TensorOperation, args: Sequence[Any], options: Mapping[str, Any], reduction: Any
    ) -> None:
        """A loss and its mean or sum, in the order of its kernel: the losses of the entries are computed once more."""
        place = operation.signature.names.index("reduction")
        before = [*args, *([None] * (place - len(args)))][:place]
        losses = self.view(operation.function(*before, 0, *args[place + 1 :], **options))
        inputs = (*operation.inputs, *([None] * (place - len(operation.inputs))))
        operation.inputs, results = (*inputs[:place], 0, *inputs[place + 1 :]), operation.results
        operation.results = (losses,)
        total = TensorOperation(_name(reduction), reduction, _signature(reduction), (losses,), {}, results)
        self.recording.tensor_operations += [operation, total]


@contextmanager
def before_operations(note: Callable[[], None]) -> Iterator[None]:
    """Call a function before every operation that runs inside, on this thread."""

    class Noting(Recorder):
        def record(self, function: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
            note()
            return function(*args, **options)

    with Noting().on():
        yield


def numbers_of(tensor: torch.Tensor) -> Numbers:
    """The numbers of a tensor, row by row, floats in double precision; they may lie in the memory of the tensor."""
    if not tensor.dim():
        return np.array([tensor.item()])
    here = tensor.detach().cpu()
    numbers: Numbers = (here.double() if here.is_floating_point() else here).numpy(force=True)
    return np.ascontiguousarray(numbers).reshape(-1)


def _is_same(left: float | bool | None, right: float | bool | None) -> bool:
    """Whether two numbers are the same bits, as far as they are numbers."""
    return left == right and (left != 0 or str(left) == str(right))


def _loss_reduction(operation: TensorOperation) -> Any:
    """What a loss does with the losses of its entries; None for other operations, and if it leaves them alone."""
    if operation.base not in LOSSES or operation.is_scalar:
        return None
    return {1: torch.ops.aten.mean.default, 2: torch.ops.aten.sum.default}.get(operation.argument("reduction"))


@cache
def _name(function: Any) -> str:
    return str(function).removeprefix("aten.")


@cache
def _signature(function: Any) -> Signature:
    arguments = function._schema.arguments
    defaults = {it.name: it.default_value for it in arguments if it.has_default_value()}
    positional = tuple(it.name for it in arguments if not it.kwarg_only)
    plain = frozenset(it.name for it in arguments if str(it.type) != "Tensor")
    return Signature(positional, defaults, function._schema.is_mutable, plain)


@cache
def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _materialize(arg: Any) -> Any:
    """A tensor as it is; a ZeroTensor, which has no memory, as zeros."""
    if isinstance(arg, torch.Tensor) and arg._is_zerotensor():
        return torch.zeros(arg.shape, dtype=arg.dtype, device=arg.device)
    return arg


def _mode(recorder: Recorder) -> Any:
    class Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            # Nothing is compiled here; otherwise the first operation would import torch._dynamo, which takes two seconds.
            return False

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return recorder.record(function, args, kwargs or {})

    return Mode()  # type: ignore[no-untyped-call]
