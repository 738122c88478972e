"""Custom Functions in the replay of a program: what went into and came out of their backward passes.

Comes in: a recorded function.  Goes out: what is to be done with the memory of the replay at their places, and then what
their gradients were, exactly.

An output that has a reference holds what the reference returned.  A backward pass whose gradients are not known, as it left
torch, is measured: its floats against the derivative of its forward pass, which takes their place from there on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from flint import arb

from gradcalc.engines.autograd.operation import TensorView
from gradcalc.engines.autograd.recorded_function import Application, HookRun, NodeRun, RecordedFunction
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import Real, ball, is_accurate
from gradcalc.proof.floats.formats import FORMATS
from gradcalc.proof.floats.memory import Memory, Unknown, Unwritten, array_of, balls_of
from gradcalc.proof.gradients.derivative import DERIVATIVE_BITS, own_derivative
from gradcalc.proof.gradients.signature import signature


@dataclass(frozen=True, slots=True)
class Distance:
    """Floats of a tensor against exact numbers: the largest error in ulps of the largest entry.

    `signature` says how they differ where they have less than half of the digits in common.
    """

    ulps: float
    signature: str = ""


def sums_of_shared(view: TensorView, numbers: Sequence[Any]) -> Sequence[Any]:
    """Numbers by the entries of a tensor, those of entries that share memory added: at the last of these, 0 elsewhere.

    A derivative by such a tensor is one by its memory: how it is divided among these entries makes no difference.
    """
    if len(np.unique(view.positions)) == view.size:
        return numbers
    positions = view.positions.tolist()
    sums: dict[int, arb] = {}
    with reals.precision(DERIVATIVE_BITS[-1]):
        for number, position in zip(numbers, positions, strict=True):
            sums[position] = sums.get(position, arb(0)) + ball(number)
    last = {position: place for place, position in enumerate(positions)}
    return [sums[position] if last[position] == place else arb(0) for place, position in enumerate(positions)]


def distance(
    truths: Sequence[Real], view: TensorView, of: str = "the derivative", by: TensorView | None = None
) -> Distance | None:
    """How far the floats of a tensor are from exact numbers; None where these are not known well enough.

    `by` is the tensor that it is the gradient by.
    """
    if view.dtype not in FORMATS or not all(map(is_accurate, truths)):
        return None
    if not np.isfinite(view.floats).all():
        return Distance(float("inf"), "it is not finite")
    form, floats = FORMATS[view.dtype], [arb(it) for it in view.floats.tolist()]
    if by is not None:
        truths, floats = sums_of_shared(by, truths), list(sums_of_shared(by, floats))
    largest = max((abs(ball(truth)).upper() for truth in truths), default=arb(0))
    error = max((abs(number - ball(truth)).upper() for number, truth in zip(floats, truths, strict=True)), default=arb(0))
    ulps = float(error / form.ulp(largest))
    room = largest * form.half_of_digits
    if error <= room:
        return Distance(ulps)
    about = [it + arb(0, room) for it in floats]
    return Distance(ulps, signature(truths, about, view.shape, of))


@dataclass(frozen=True, slots=True)
class Measurement:
    """The gradient that an opaque backward pass returned for an input, and how far its floats are from the derivative."""

    application: Application
    input: int
    distance: Distance


class FunctionRuns:
    """What the replay of a program tells about custom Functions; those in `by_design` are taken as they are."""

    def __init__(self, recorded: RecordedFunction, by_design: Collection[Any] = (), *, has_hooks: bool = True):
        self.recorded, self.by_design, self._has_hooks = recorded, by_design, has_hooks
        self.measurements: list[Measurement] = []
        own = [run for run in recorded.runs if run.application is not None and run.end >= 0]
        self.runs = sorted(own, key=lambda run: run.end)
        """The backward passes of custom Functions as they ended: one that another runs comes before it."""
        self.writing: list[Application] = []
        """The Functions that wrote to the gradient that they got."""
        self._contents: dict[int, Sequence[arb | Unknown]] = {}
        self._strangers: list[Unknown | None] = []

    def application(self, run: NodeRun) -> Application:
        """The application that a backward pass belongs to."""
        assert run.application is not None
        return self.recorded.applications[run.application]

    def is_meant(self, application: Application) -> bool:
        """Whether the gradients of a Function are meant to be something else than the derivative."""
        return not {application.name, application.cls}.isdisjoint(self.by_design)

    def known(self, view: TensorView) -> list[arb]:
        """What a gradient was, exactly; fewer numbers than it has entries if some are not known."""
        contents = self._contents.get(id(view), ())
        return [it for it in contents if not isinstance(it, Unknown) and it.is_finite()]

    def before(self) -> Mapping[int, Sequence[Callable[[Memory], None]]]:
        """What is to be done with the memory of the replay before operations, by their places."""
        events: dict[int, list[Callable[[Memory], None]]] = {}
        own = {id(run) for run in self.runs}
        for moment in self.recorded.moments:
            of, step = moment.of, None
            if isinstance(of, Application):
                step = None if of.reference is None else partial(_return, of)
            elif isinstance(of, HookRun):
                step = partial(self._undo_hook if moment.is_end else self._note, of) if not self._has_hooks else None
            elif id(of) in own:
                step = partial(self._end if moment.is_end else self._start, of)
            if step is not None:
                events.setdefault(moment.place, []).append(step)
        return events

    def _start(self, run: NodeRun, memory: Memory) -> None:
        self._strangers.append(memory.stranger)
        how = self.application(run).escape
        memory.stranger = Unknown(how) if how else memory.stranger
        self._keep(memory, run.grad_outputs)

    def _end(self, run: NodeRun, memory: Memory) -> None:
        if any(it is not None and memory.is_overwritten(it) for it in run.grad_outputs):
            self.writing.append(self.application(run))
        memory.stranger = self._strangers.pop()
        opaque = [it for it in run.grad_inputs if it is not None and _is_opaque(memory, it)]
        if opaque and self.is_meant(self.application(run)):
            for view in opaque:
                memory.write(view, balls_of(view.floats), view.floats)
        elif opaque:
            self._measure(memory, run)
        self._keep(memory, run.grad_inputs)

    def _note(self, run: HookRun, memory: Memory) -> None:
        self._keep(memory, run.arrived)

    def _undo_hook(self, run: HookRun, memory: Memory) -> None:
        """Put the gradients that a hook got in the place of those that it left."""
        for arrived, left in zip(run.arrived, run.left, strict=False):
            content = array_of(self._contents[id(arrived)])
            memory.write(left, content, left.floats, has_unknown=any(isinstance(it, Unknown) for it in content.tolist()))

    def _keep(self, memory: Memory, views: Sequence[TensorView | None]) -> None:
        self._contents.update((id(view), memory.read(view).balls.tolist()) for view in views if view is not None)

    def _measure(self, memory: Memory, run: NodeRun) -> None:
        """Put the derivative in the place of what an opaque backward pass returned, which is compared with it."""
        application = self.application(run)
        pairs = [(out, it) for out, it in zip(application.outputs, run.grad_outputs, strict=False) if it is not None]
        exact = [(output, self.known(arrived)) for output, arrived in pairs]
        if not pairs or any(len(numbers) < output.size for output, numbers in exact):
            return
        of_floats = [(output, balls_of(arrived.floats).tolist()) for output, arrived in pairs]
        derivative = own_derivative(self.recorded, application, exact)
        by_floats = own_derivative(self.recorded, application, of_floats, at_floats=True)
        for number, (view, given) in enumerate(zip(application.inputs, run.grad_inputs, strict=False)):
            if view is None or given is None or not _is_opaque(memory, given):
                continue
            truths, own = derivative[number] or [arb(0)] * view.size, by_floats[number] or [arb(0)] * view.size
            far = distance(own, given, by=view)
            if far is not None and all(map(is_accurate, truths)):
                self.measurements.append(Measurement(application, number, far))
                memory.write(given, array_of([ball(it) for it in truths]), given.floats)


def _return(application: Application, memory: Memory) -> None:
    """Put the results of a reference where those of its Function lie."""
    for view, reference in zip(application.outputs, application.reference or (), strict=True):
        content = memory.read(reference)
        memory.write(view, content.balls, view.floats, has_unknown=content.has_unknown)


def _is_opaque(memory: Memory, view: TensorView) -> bool:
    """Whether entries of a tensor were written by something else than recorded operations with a meaning."""
    if not memory.is_current(view):
        return True
    unknown = [it for it in memory.contents(view).tolist() if isinstance(it, Unknown)]
    return bool(unknown) and not any(isinstance(it, Unwritten) for it in unknown)
