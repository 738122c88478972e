"""The same call once more, without a record, and whether it returns the same numbers.

Comes in: how a call is made, and what was recorded of it.  Goes out: what differs the second time, as a kernel that adds in
any order may have it, or a backward pass that depends on an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from gradcalc.engines.autograd.function_call import FunctionCall, cotangents_of, differentiated, tensors_in
from gradcalc.engines.autograd.operation import TensorView, same_floats
from gradcalc.engines.autograd.recorded_function import RecordedFunction
from gradcalc.engines.autograd.recorder import numbers_of


@dataclass
class Repetition:
    """The state before a call, from which it is made again: of torch's random numbers, and of the buffers of a module."""

    function: Any
    _random: torch.Tensor = field(default_factory=torch.get_rng_state)
    _buffers: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if isinstance(self.function, torch.nn.Module):
            self._buffers = [(it, it.detach().clone()) for it in self.function.buffers()]

    @contextmanager
    def again(self) -> Iterator[None]:
        """Be in that state inside, and in the present one afterwards."""
        present = [(it, it.detach().clone()) for it, _ in self._buffers]
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._random)
            _restore(self._buffers)
            try:
                yield
            finally:
                _restore(present)


def _restore(buffers: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
    with torch.no_grad():
        for buffer, content in buffers:
            buffer.copy_(content)


def difference(recorded: RecordedFunction, call: FunctionCall, order: int, seed: int) -> str:
    """What a second call returns otherwise, in words: the value, or a gradient; empty for nothing."""
    try:
        outputs, gradients = _run(call, order, seed)
    except Exception as error:
        return f"a second call raises {type(error).__name__}: {error}"
    if not _are_same(recorded.outputs, outputs):
        return "a second call returns another value"
    pairs = list(zip(recorded.gradients, gradients, strict=True))
    is_same = _are_same([view for view, _ in pairs if view is not None], [it for _, it in pairs if it is not None])
    return "" if is_same else "a second call has the same value and another gradient: the backward pass is not deterministic"


def can_run(call: FunctionCall, order: int, seed: int) -> bool:
    """Whether a call and its backward pass raise nothing without a record."""
    try:
        _run(call, order, seed)
    except Exception:
        return False
    return True


def _run(call: FunctionCall, order: int, seed: int) -> tuple[Sequence[torch.Tensor], Sequence[torch.Tensor | None]]:
    """The outputs of a call and its gradients, for the cotangents that it was recorded with."""
    outputs = differentiated(tensors_in(call.of_order(order, seed)(*call.inputs)))
    pairs = [(it, by) for it, by in zip(outputs, cotangents_of(outputs, seed), strict=True) if it.requires_grad]
    if not pairs or not call.wanted:
        return outputs, [None] * len(call.wanted)
    own, cotangents = zip(*pairs, strict=True)
    return outputs, torch.autograd.grad(own, list(call.wanted), cotangents, allow_unused=True)


def _are_same(views: Sequence[TensorView], tensors: Sequence[torch.Tensor]) -> bool:
    return len(views) == len(tensors) and all(
        view.shape == tuple(it.shape) and bool(same_floats(view.floats, numbers_of(it)).all())
        for view, it in zip(views, tensors, strict=True)
    )
