"""A record of a user's torch code: forward and backward, with source lines, custom Functions and autograd's nodes.

Comes in: a callable and its inputs.  Goes out: a `RecordedFunction`: the operations on tensors, and where the inputs, the
outputs, the cotangents and the gradients lie.

Custom Functions are known by the class of their node, so that an `apply` that was bound earlier is seen too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_map_only

from gradcalc.engines.autograd.function_call import cotangents_of, differentiated, tensors_in
from gradcalc.engines.autograd.hooks import hooks
from gradcalc.engines.autograd.operation import TensorView
from gradcalc.engines.autograd.recorded_function import Application, HookRun, Moment, NodeRun, RecordedFunction
from gradcalc.engines.autograd.recorder import Recorder, unrecorded
from gradcalc.engines.autograd.user_code import escapes, is_engine_running, user_line


class FunctionRecorder(Recorder):
    """Records a call of a user's function and its backward pass."""

    def __init__(self, references: Mapping[str | type, Callable[..., Any]]) -> None:
        super().__init__()
        self.references = references
        self.lines: list[str] = []
        self.applications: list[Application] = []
        self.runs: list[NodeRun] = []
        self.moments: list[Moment] = []
        self.cuts: dict[int, str] = {}
        self.hidden: set[int] = set()
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
        self.intermediates: dict[int, Application] = {}
        self._inner: dict[int, Application] = {}
        """The storages that custom Functions have written forward, and do not return."""
        self._open: list[Application] = []
        """The custom Functions that are running forward."""
        self._running: list[Application | None] = []
        """Those that are running backward, None for a node of torch's."""
        self._is_forward = True
        self._home = user_line()
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
        name = str(function)
        cut, leaf = self._cut(name, tensors), self._leaf(tensors)
        count = len(self.recording.tensor_operations)
        self._note_intermediates(tensors, count)
        sources = {id(tensor) for tensor in tensors}
        made = _last_node()
        result = super().record(function, args, options)
        outputs = tensors_in(result)
        is_hidden = cut and not sources.isdisjoint(map(id, outputs))
        if is_hidden:
            self.hidden.add(count)
        elif cut or not sources.isdisjoint(self._stopped):
            storages = {tensor.untyped_storage()._cdata for tensor in tensors if _has_storage(tensor)}
            for output in outputs:
                if cut or (_has_storage(output) and output.untyped_storage()._cdata in storages):
                    self._stopped.add(id(output))
        if cut or leaf:
            self.cuts[count] = cut or leaf
        written = [output.untyped_storage()._cdata for output in outputs if _has_storage(output)]
        self._computed.update(written)
        if self._open:
            self._inner.update(dict.fromkeys(written, self._open[0]))
        line = user_line()
        if name == "aten.view.dtype" and tensors[0].is_floating_point() and not result.is_floating_point():
            self.note_escape("their bits", line)
        numbers = [it for it in values if type(it) in (int, float)]
        if numbers and not is_engine_running():
            self.literals.update(numbers)
            self.literals.update(self.recording.tensor_operations[-1].signature.numbers)
        if self._is_forward:
            self._node_lines.setdefault(made, line)
        elif line == self._home:
            line = self._node_line
        self.lines += [line] * (len(self.recording.tensor_operations) - count)
        return result

    def _cut(self, name: str, tensors: Sequence[torch.Tensor]) -> str:
        """How an operation takes a tensor out of the graph, if it does: outside of custom Functions, where all are."""
        if not self._is_forward or self._open or not any(tensor.requires_grad for tensor in tensors):
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

    def _note_intermediates(self, tensors: Sequence[torch.Tensor], place: int) -> None:
        """Note the use of what a custom Function computed forward and did not return: no gradient passes through it."""
        if self._open or not self._is_forward or not torch.is_grad_enabled():
            return
        for tensor in tensors:
            if tensor.is_floating_point() and not tensor.requires_grad and _has_storage(tensor):
                application = self._inner.get(tensor.untyped_storage()._cdata)
                if application is not None:
                    self._stopped.add(id(tensor))
                    self.intermediates[place] = application

    def _note_non_differentiable(self, application: Application, outputs: Sequence[torch.Tensor]) -> None:
        """Note the outputs of floats that a custom Function marks to have no gradient."""
        if not self._is_forward or self._open or not any(application.inputs) or not torch.is_grad_enabled():
            return
        for output in outputs:
            if output.is_floating_point() and not output.requires_grad:
                self._stopped.add(id(output))
                self._kept.append(output)
                self.cuts[application.end - 1] = "mark_non_differentiable"

    def note_escape(self, how: str, line: str) -> None:
        """Note that numbers leave torch here, by the custom Function that answers for them if there is one."""
        answering = [it for it in self._running if it is not None] + [it for it in self._open if it.reference is not None]
        if answering:
            answering[0].escape = answering[0].escape or f"{how} at {line}"
            return
        self.escape = self.escape or (len(self.recording.tensor_operations), f"{how} at {line}")

    @contextmanager
    def functions(self) -> Iterator[None]:
        """Note the applications of custom Functions inside."""
        # Function.apply looks this one up when it is called: an `apply` that was bound earlier comes here, too.
        base: Any = torch.autograd.Function.__mro__[1]
        recorder = self

        def apply(cls: type, *args: Any, **options: Any) -> Any:
            tensors = [arg if isinstance(arg, torch.Tensor) and arg.requires_grad else None for arg in args]
            start, number = len(recorder.recording.tensor_operations), len(recorder.applications)
            application = Application(cls.__name__, cls, user_line(), start, recorder.views(tensors))
            recorder.applications.append(application)
            recorder._open.append(application)
            try:
                recorder._refer(application, args, options)
                result = super(base, cls).apply(*args, **options)  # type: ignore[misc]
            finally:
                recorder._open.pop()
            outputs = tensors_in(result)
            application.end = len(recorder.recording.tensor_operations)
            application.outputs = recorder._present(outputs)
            for output in outputs:
                if _has_storage(output):
                    recorder._inner.pop(output.untyped_storage()._cdata, None)
            recorder._note_non_differentiable(application, outputs)
            recorder._note(application, is_end=True)
            _check_reference(application)
            for output in outputs:
                if output.grad_fn is not None:
                    recorder._nodes[id(output.grad_fn)] = number
                    recorder._kept.append(output.grad_fn)
                    if not recorder._is_forward:  # inside of a backward pass: no output of the call leads here
                        recorder._hooks(output.grad_fn)
            return result

        base.apply = classmethod(apply)
        try:
            yield
        finally:
            del base.apply

    def _refer(self, application: Application, args: Sequence[Any], options: Mapping[str, Any]) -> None:
        """Run the reference of a Function, if it has one, on copies of its arguments; it draws the same random numbers."""
        reference = self.references.get(application.cls) or self.references.get(application.name)
        if reference is not None:
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                own, named = tree_map_only(torch.Tensor, torch.Tensor.clone, (list(args), dict(options)))
                outputs = tensors_in(reference(*own, **named))
            application.reference = self._present(outputs)
        application.own_start = len(self.recording.tensor_operations)

    def _note(self, of: Application | NodeRun | HookRun, *, is_end: bool = False) -> None:
        self.moments.append(Moment(len(self.recording.tensor_operations), of, is_end))

    def watch_hook(self, name: str, arrived: Sequence[torch.Tensor]) -> Callable[[Sequence[torch.Tensor]], None]:
        """Note that a hook runs; what is returned is called with the gradients that it leaves."""
        if self._is_forward:  # in a gradient that is differentiated again: its operations are recorded as any
            return lambda _: None
        run = HookRun(name, self._present(arrived))
        self._note(run)

        def left(gradients: Sequence[torch.Tensor]) -> None:
            run.left = self._present(gradients)
            self._note(run, is_end=True)

        return left

    def _present(self, tensors: Sequence[torch.Tensor]) -> list[TensorView]:
        return [it for it in self.views(tensors) if it is not None]

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
            self._note(run[0])
            self._running.append(None if run[0].application is None else self.applications[run[0].application])

        def after(grad_inputs: Sequence[torch.Tensor | None], _: Sequence[torch.Tensor | None]) -> None:
            run[0].end = len(self.recording.tensor_operations)
            run[0].grad_inputs = self.views(grad_inputs)
            self._note(run[0], is_end=True)
            self._running.pop()

        handles = [node.register_prehook(before)] if node.name() != "struct torch::autograd::AccumulateGrad" else []
        return [*handles, node.register_hook(after)] if handles else []


def _check_reference(application: Application) -> None:
    if application.reference is None:
        return
    shapes, others = ([view.shape for view in views] for views in (application.outputs, application.reference))
    if shapes != others:
        own, other = (", ".join(map(str, them)) or "no tensor" for them in (shapes, others))
        raise ValueError(f"the shapes differ: {application.name} returns {own}, its reference {other}")


def _last_node() -> int:
    """The number of the node of autograd's graph that was made last, on which torch counts; -1 where that is not known."""
    count = getattr(torch._C._autograd, "_get_sequence_nr", None)
    return -1 if count is None else int(count()) - 1


def _has_storage(tensor: torch.Tensor) -> bool:
    return tensor.layout == torch.strided and not tensor.is_meta and not tensor._is_zerotensor()


_NO_REFERENCES: Mapping[str | type, Callable[..., Any]] = MappingProxyType({})


def record_function(
    function: Callable[..., Any],
    inputs: Sequence[Any],
    wanted: Sequence[torch.Tensor],
    seed: int,
    references: Mapping[str | type, Callable[..., Any]] = _NO_REFERENCES,
) -> RecordedFunction:
    """Call a function on inputs, and differentiate it by the tensors in `wanted` for one random cotangent.

    The cotangent has full mantissas, so that no entry of a Jacobian is hidden by another.  `references` have plain functions
    for custom Functions, by name or class.  Raises `ValueError` where a reference returns other shapes than its Function.
    """
    recorder = FunctionRecorder(references)
    recorder.wanted = {id(tensor) for tensor in wanted}
    views = [recorder.view(tensor) for tensor in wanted]
    with warnings.catch_warnings(), hooks(function, wanted, recorder.watch_hook):
        warnings.simplefilter("ignore")  # torch's advice is for those who train
        with recorder.functions(), recorder.on(), escapes(recorder.note_escape):
            result = function(*inputs)
        outputs = tensors_in(result)
        recorder.is_real = recorder.is_real and not any(output.is_complex() for output in outputs)
        outputs = differentiated(outputs)
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
        recorder.moments,
        recorder.cuts,
        recorder.hidden,
        recorder.intermediates,
        recorder.constants,
        frozenset(recorder.literals),
        recorder.escape,
        recorder.is_real,
        recorder.failure,
        next((output.device.type for output in outputs), "cpu"),
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
        with recorder.functions(), recorder.on(), escapes(recorder.note_escape):
            return torch.autograd.grad(
                [output for output, _ in pairs], list(wanted), [it for _, it in pairs], allow_unused=True
            )
    finally:
        for handle in handles:
            handle.remove()
