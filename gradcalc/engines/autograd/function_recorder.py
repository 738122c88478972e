"""A record of a user's torch code: forward and backward, with source lines, custom Functions and autograd's nodes.

Comes in: a callable and its inputs.  Goes out: a `RecordedFunction`: the operations on tensors, and where the inputs, the
outputs, the cotangents and the gradients lie.

Custom Functions are known by the class of their node, so that an `apply` that was bound earlier is seen too.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._pytree import tree_flatten

from gradcalc.engines.autograd.function_call import cotangents_of, tensors_in
from gradcalc.engines.autograd.operation import TensorView
from gradcalc.engines.autograd.program import Record
from gradcalc.engines.autograd.recorder import Recorder, unrecorded

_OWN = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_TORCH = os.path.dirname(os.path.abspath(torch.__file__))


@dataclass(slots=True)
class Application:
    """A custom Function as it was applied: its operations are those from `start` to `end`."""

    name: str
    cls: type
    line: str
    start: int
    inputs: Sequence[TensorView | None]
    """Its tensor arguments that need a gradient; None for the others."""
    end: int = -1
    outputs: Sequence[TensorView] = ()


@dataclass(slots=True)
class NodeRun:
    """A node of autograd's graph as it ran: what came in, what went out, and of which application it is."""

    start: int
    application: int | None
    grad_outputs: Sequence[TensorView | None] = ()
    grad_inputs: Sequence[TensorView | None] = ()
    end: int = -1


@dataclass(slots=True)
class RecordedFunction:
    """What was recorded of a function: operations, and where its tensors lie.

    `lines` are the places in the user's files, by operation.  `cuts` are the operations that took a tensor out of the graph,
    with the word for how; the views in `constants` are of such tensors.
    """

    record: Record
    lines: Sequence[str]
    inputs: Sequence[TensorView]
    outputs: Sequence[TensorView]
    cotangents: Sequence[TensorView]
    gradients: Sequence[TensorView | None]
    applications: Sequence[Application] = ()
    runs: Sequence[NodeRun] = ()
    cuts: dict[int, str] = field(default_factory=dict)
    constants: set[int] = field(default_factory=set)
    literals: frozenset[float] = frozenset()
    """The Python numbers in the user's code, as operations were given them."""
    escape: tuple[int, str] | None = None
    """The operation before which numbers first left torch as an array of another library, and how."""
    is_real: bool = True
    """Whether all tensors are dense and of real numbers."""
    failure: str = ""


class FunctionRecorder(Recorder):
    """Records a call of a user's function and its backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.applications: list[Application] = []
        self.runs: list[NodeRun] = []
        self.cuts: dict[int, str] = {}
        self.constants: set[int] = set()
        self.literals: set[float] = set()
        self.escape: tuple[int, str] | None = None
        self.is_real = True
        self.failure = ""
        self.wanted: set[int] = set()
        """The tensors to differentiate by."""
        self._computed: set[int] = set()
        """The storages that operations have written."""
        self._stopped: set[int] = set()
        """The tensors that were taken out of the graph, which are alive."""
        self._nodes: dict[int, int] = {}
        """The applications of nodes, by their identity."""
        self._kept: list[Any] = []
        """These nodes, which are alive as long as their identity is used."""
        self._depth = 0
        """How many custom Functions are running."""
        self._is_forward = True
        self._home = _user_line()
        """Where the check was asked for."""
        self._node_lines: dict[int, str] = {}
        """The lines of forward operations, by the numbers of their nodes."""
        self._node_line = ""

    def view(self, tensor: torch.Tensor) -> TensorView:
        if tensor.layout != torch.strided or tensor.is_complex() or tensor.is_quantized or tensor.is_nested:
            self.is_real = False
            tensor = torch.zeros(tuple(tensor.shape) if not tensor.is_nested else (), device="meta")
        view = super().view(tensor)
        if id(tensor) in self._stopped:
            self.constants.add(id(view))
        return view

    def views(self, tensors: Sequence[torch.Tensor | None]) -> list[TensorView | None]:
        """Some tensors as plain data, while recording is on: reading them is not recorded."""
        with unrecorded():
            try:
                return [None if tensor is None else self.view(tensor) for tensor in tensors]
            except RuntimeError:  # a wrapper without memory, as those of torch.func
                self.failure = "a custom Function inside a transform of torch.func is not looked at"
                return [None] * len(tensors)

    def record(self, function: Any, args: Sequence[Any], options: Any) -> Any:
        values = tree_flatten((args, options))[0]
        tensors = [value for value in values if isinstance(value, torch.Tensor)]
        cut = self._cut(str(function), tensors) or self._leaf(tensors)
        count = len(self.recording.tensor_operations)
        sources = {id(tensor) for tensor in tensors}
        made = _last_node()
        result = super().record(function, args, options)
        outputs = tensors_in(result)
        if cut or not sources.isdisjoint(self._stopped):
            storages = {tensor.untyped_storage()._cdata for tensor in tensors if _has_storage(tensor)}
            for output in outputs:
                if cut or (_has_storage(output) and output.untyped_storage()._cdata in storages):
                    self._stopped.add(id(output))
        if cut:
            self.cuts[count] = cut
        self._computed.update(output.untyped_storage()._cdata for output in outputs if _has_storage(output))
        line = _user_line()
        if self._is_forward or line != self._home:
            self.literals.update(it for it in values if type(it) in (int, float))
            self.literals.update(
                it for it in self.recording.tensor_operations[-1].signature.defaults.values() if type(it) is float
            )
        if self._is_forward:
            self._node_lines.setdefault(made, line)
        elif line == self._home:
            line = self._node_line
        self.lines += [line] * (len(self.recording.tensor_operations) - count)
        return result

    def _cut(self, name: str, tensors: Sequence[torch.Tensor]) -> str:
        """How an operation takes a tensor out of the graph, if it does: outside of custom Functions, where all are."""
        if not self._is_forward or self._depth or not any(tensor.requires_grad for tensor in tensors):
            return ""
        if name.startswith("aten.detach"):
            return "detach"
        if name.startswith("aten._local_scalar_dense"):
            return ".item()"
        return "" if torch.is_grad_enabled() else "no_grad"

    def _leaf(self, tensors: Sequence[torch.Tensor]) -> str:
        """How tensors were made leaves of the graph anew, if they were computed: as parameters are."""
        for tensor in tensors:
            is_leaf = self._is_forward and tensor.requires_grad and tensor.is_leaf and id(tensor) not in self.wanted
            if is_leaf and _has_storage(tensor) and tensor.untyped_storage()._cdata in self._computed:
                self._stopped.add(id(tensor))
                return "a new leaf"
        return ""

    def _note_escape(self, how: str, line: str) -> None:
        self.escape = self.escape or (len(self.recording.tensor_operations), f"{how} at {line}")

    @contextmanager
    def escapes(self) -> Iterator[None]:
        """Note where numbers leave torch inside."""

        def noted(name: str, method: Any) -> Any:
            def leave(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
                if tensor.is_floating_point() and not sys._getframe(1).f_code.co_filename.startswith(_OWN):
                    self._note_escape(f".{name.strip('_')}()", _user_line())
                return method(tensor, *args, **options)

            return leave

        def rebuilt(name: str, maker: Any) -> Any:
            def make(*args: Any, **options: Any) -> Any:
                data = args[0] if args else None  # a tensor itself is copied by operations that are recorded
                if isinstance(data, list | tuple) and tensors_in(data):
                    self._note_escape(f"torch.{name}()", _user_line())
                return maker(*args, **options)

            return make

        makers = {name: getattr(torch, name) for name in _MAKERS}
        own = {name: torch.Tensor.__dict__.get(name) for name in _LEAVING}
        for name, maker in makers.items():
            setattr(torch, name, rebuilt(name, maker))
        for name in _LEAVING:
            setattr(torch.Tensor, name, noted(name, getattr(torch.Tensor, name)))
        try:
            yield
        finally:
            for name, maker in makers.items():
                setattr(torch, name, maker)
            for name, method in own.items():
                if method is None:
                    delattr(torch.Tensor, name)
                else:
                    setattr(torch.Tensor, name, method)

    @contextmanager
    def functions(self) -> Iterator[None]:
        """Note the applications of custom Functions inside."""
        # Function.apply looks this one up when it is called: an `apply` that was bound earlier comes here, too.
        base: Any = torch.autograd.Function.__mro__[1]
        recorder = self

        def apply(cls: type, *args: Any, **options: Any) -> Any:
            tensors = [arg if isinstance(arg, torch.Tensor) and arg.requires_grad else None for arg in args]
            views = recorder.views(tensors)
            number = len(recorder.applications)
            start = len(recorder.recording.tensor_operations)
            recorder.applications.append(Application(cls.__name__, cls, _user_line(), start, views))
            recorder._depth += 1
            try:
                result = super(base, cls).apply(*args, **options)  # type: ignore[misc]
            finally:
                recorder._depth -= 1
            application = recorder.applications[number]
            outputs = tensors_in(result)
            application.end = len(recorder.recording.tensor_operations)
            application.outputs = [it for it in recorder.views(outputs) if it is not None]
            for output in outputs:
                if output.grad_fn is not None:
                    recorder._nodes[id(output.grad_fn)] = number
                    recorder._kept.append(output.grad_fn)
            return result

        base.apply = classmethod(apply)
        try:
            yield
        finally:
            del base.apply

    def watch(self, outputs: Sequence[torch.Tensor]) -> list[Any]:
        """Note the runs of the nodes below some tensors; the handles that end it."""
        waiting = [output.grad_fn for output in outputs]
        seen: set[Any] = set()
        handles: list[Any] = []
        while waiting:
            node = waiting.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            waiting += [below for below, _ in node.next_functions]
            handles += self._hooks(node)
        return handles

    def _hooks(self, node: Any) -> list[Any]:
        run: list[NodeRun] = []

        def before(grad_outputs: Sequence[torch.Tensor | None]) -> None:
            run[:] = [NodeRun(len(self.recording.tensor_operations), self._nodes.get(id(node)))]
            made_at = self._node_lines.get(node._sequence_nr(), self._home)
            self._node_line = f"{made_at} (backward pass, {node.name()})"
            run[0].grad_outputs = self.views(grad_outputs)
            self.runs.append(run[0])

        def after(grad_inputs: Sequence[torch.Tensor | None], _: Sequence[torch.Tensor | None]) -> None:
            run[0].end = len(self.recording.tensor_operations)
            run[0].grad_inputs = self.views(grad_inputs)

        handles = [node.register_prehook(before)] if node.name() != "struct torch::autograd::AccumulateGrad" else []
        return [*handles, node.register_hook(after)] if handles else []


_MAKERS = ("tensor", "as_tensor", "asarray")
"""Functions that make a tensor of a list, which may hold tensors: their numbers are read unseen."""


_LEAVING = ("numpy", "tolist", "__dlpack__", "new_tensor")
"""Methods by which numbers leave torch as arrays or lists: what is done with them then is not recorded."""


def _last_node() -> int:
    """The number of the node of autograd's graph that was made last, on which torch counts; -1 where that is not known."""
    count = getattr(torch._C._autograd, "_get_sequence_nr", None)
    return -1 if count is None else int(count()) - 1


def _has_storage(tensor: torch.Tensor) -> bool:
    return tensor.layout == torch.strided and not tensor.is_meta and not tensor._is_zerotensor()


def _user_line() -> str:
    """The file and the line of the user's code that is running."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((_TORCH, _OWN, "<")) and f"{os.sep}torch{os.sep}" not in name:
            return f"{os.path.basename(name)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def record_function(
    function: Callable[..., Any], inputs: Sequence[Any], wanted: Sequence[torch.Tensor], seed: int
) -> RecordedFunction:
    """Call a function on inputs, and differentiate it by the tensors in `wanted` for one random cotangent.

    The cotangent has full mantissas, so that no entry of a Jacobian is hidden by another.
    """
    recorder = FunctionRecorder()
    recorder.wanted = {id(tensor) for tensor in wanted}
    views = [recorder.view(tensor) for tensor in wanted]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice is for those who train
        with recorder.functions(), recorder.on(), recorder.escapes():
            result = function(*inputs)
        outputs = tensors_in(result)
        recorder.is_real = recorder.is_real and not any(output.is_complex() for output in outputs)
        outputs = [output for output in outputs if output.is_floating_point() and output.numel()]
        # Beside one with a gradient, an output without one is meant to have none.
        outputs = [output for output in outputs if output.requires_grad] or outputs
        recorder.recording.forward = len(recorder.recording.tensor_operations)
        output_views = [recorder.view(output) for output in outputs]
        cotangents = cotangents_of(outputs, seed)
        cotangent_views = [recorder.view(cotangent) for cotangent in cotangents]
        recorder._is_forward = False
        gradients = _gradients(recorder, outputs, cotangents, wanted)
    return RecordedFunction(
        recorder.recording,
        recorder.lines,
        views,
        output_views,
        cotangent_views,
        [None if it is None else recorder.view(it) for it in gradients],
        recorder.applications,
        recorder.runs,
        recorder.cuts,
        recorder.constants,
        frozenset(recorder.literals),
        recorder.escape,
        recorder.is_real,
        recorder.failure,
    )


def _gradients(
    recorder: FunctionRecorder,
    outputs: Sequence[torch.Tensor],
    cotangents: Sequence[torch.Tensor],
    wanted: Sequence[torch.Tensor],
) -> Sequence[torch.Tensor | None]:
    pairs = [(output, it) for output, it in zip(outputs, cotangents, strict=True) if output.requires_grad]
    if not pairs or not wanted:
        return [None] * len(wanted)
    handles = recorder.watch([output for output, _ in pairs])
    try:
        with recorder.on(), recorder.escapes():
            return torch.autograd.grad(
                [output for output, _ in pairs], list(wanted), [it for _, it in pairs], allow_unused=True
            )
    finally:
        for handle in handles:
            handle.remove()
