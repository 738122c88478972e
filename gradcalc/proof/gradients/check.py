"""The gradients of a recorded function: the exact derivative of its forward program against its backward program.

Comes in: a `RecordedFunction`.  Goes out: a `GradientReport`.  The derivative is by reverse mode in balls, for the one
random cotangent with which autograd ran; the backward program is replayed in exact arithmetic; every entry is compared.

No tolerance decides.  A gradient that differs by less than its dtype can show is told apart, and so is one that is right if
what was taken out of the graph counts as constant.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from flint import arb

from gradcalc.engines.autograd.function_recorder import RecordedFunction
from gradcalc.engines.autograd.operation import NO_MEMORY, TensorView
from gradcalc.engines.autograd.program import RecordedProgram
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import Real, ball
from gradcalc.proof.floats.memory import Unknown
from gradcalc.proof.floats.replay import BITS, replay
from gradcalc.proof.gradients.backward_rows import Meanings
from gradcalc.proof.gradients.blame import faults, meant_gradients, own_runs
from gradcalc.proof.gradients.comparison import compared
from gradcalc.proof.gradients.decisions import Boundary, Decision
from gradcalc.proof.gradients.derivative import Derivative, derivative_of
from gradcalc.proof.gradients.forward_program import ForwardProgram
from gradcalc.proof.gradients.words import GradientReport, Outcome, Part, undecided, worst


def check_gradients(recorded: RecordedFunction, names: Sequence[str], by_design: Collection[Any] = ()) -> GradientReport:
    """Compare the gradients of a function with the derivative of what it computed.  Raises `OutOfTime`."""
    operations = len(recorded.record.tensor_operations)
    if recorded.failure or not recorded.is_real or not recorded.outputs or not names:
        why = recorded.failure or (
            "complex, sparse, quantized and nested tensors are not looked at"
            if not recorded.is_real
            else "no output has entries that are floats"
            if not recorded.outputs
            else "there is no tensor of floats to differentiate by"
        )
        return undecided(names, why, operations)
    try:
        return _Check(recorded, names, by_design).report()
    except (ValueError, IndexError, ZeroDivisionError, TypeError, AttributeError) as error:  # a form that no row foresaw
        return undecided(names, f"not understood: {error}", operations)


class _Check:
    """One record, looked at."""

    def __init__(self, recorded: RecordedFunction, names: Sequence[str], by_design: Collection[Any]):
        self.recorded, self.names, self.by_design = recorded, names, by_design
        record = recorded.record
        views = {f"input {number}": view for number, view in enumerate(recorded.inputs)}
        views |= {f"cotangent {number}": view for number, view in enumerate(recorded.cotangents)}
        program = RecordedProgram(record, views, literals=recorded.literals)
        watch: dict[int, list[TensorView]] = {}
        for run in own_runs(recorded):
            watch.setdefault(run.start, []).extend(it for it in run.grad_outputs if it is not None)
            watch.setdefault(run.end, []).extend(it for it in run.grad_inputs if it is not None)
        with reals.precision(BITS):
            self.meanings = Meanings()
            self.replay = replay(program, watch=watch, beyond=self.meanings, escape=recorded.escape)

    # -------------------------------------------------------------------------------------------------- the whole

    def report(self) -> GradientReport:
        derivative = derivative_of(self.recorded)
        parts = self._parts(derivative)
        outcome = worst([part.outcome for part in parts])
        if outcome is Outcome.WRONG and (other := self._documented(parts, derivative) or self._stopped(parts)) is not None:
            return other
        why = None
        if (doubt := self._doubt(outcome, derivative)) is not None:
            why, outcome = doubt
        if outcome is Outcome.WRONG:
            return self._wrong(parts)
        if why is not None:
            parts = [replace(part, outcome=outcome, why=why) for part in parts]
        telling = next((part for part in parts if part.outcome is outcome and part.why), None)
        return self._reported(outcome, parts, why=why or ("" if telling is None else f"{telling.name}: {telling.why}"))

    def _reported(self, outcome: Outcome, parts: Sequence[Part], **fields: Any) -> GradientReport:
        notes = tuple(self.meanings.notes)
        operations = len(self.recorded.record.tensor_operations)
        return GradientReport(outcome, tuple(parts), notes=notes, operations=operations, **fields)

    def _wrong(self, parts: Sequence[Part]) -> GradientReport:
        """The report on a wrong gradient: the custom Functions that are at fault, unless they are meant to be."""
        own_faults = list(faults(self.recorded, self.replay))
        names = tuple(dict.fromkeys(fault.application.name for fault in own_faults))
        meant = [it for it in own_faults if {it.application.name, it.application.cls} & set(self.by_design)]
        telling = next(part for part in parts if part.outcome is Outcome.WRONG)
        if own_faults and len(meant) == len(own_faults) and self._is_meant():
            own = _excused(parts, Outcome.BY_DESIGN)
            outcome = worst([part.outcome for part in own])
            return self._reported(outcome, own, why=f"{', '.join(names)} by design: {telling.signature}", at_fault=names)
        others = [it for it in own_faults if it not in meant]
        if not others:
            why = f"{telling.name}: {telling.signature}"
            return self._reported(Outcome.WRONG, parts, signature=telling.signature, why=why)
        fault = others[0]
        why = f"the gradient of its input {fault.input}: {fault.signature}"
        where = {"function": fault.application.name, "line": fault.application.line, "signature": fault.signature}
        return self._reported(Outcome.WRONG, parts, why=why, at_fault=names, **where)

    def _is_meant(self) -> bool:
        """Whether the gradients are right but for the Functions that are meant to have others."""
        meant = meant_gradients(self.recorded, self.replay, self.by_design)
        return meant is not None and self._is_right(derivative_of(self.recorded, meant=meant))

    def _doubt(self, outcome: Outcome, derivative: Derivative) -> tuple[str, Outcome] | None:
        """Why an outcome that the record suggests is not to be said, and what is to be said instead."""
        if outcome is Outcome.NOT_FINITE:
            return None
        if outcome in (Outcome.PROVEN, Outcome.WRONG) and (places := derivative.program.computed_outside):
            where = self.recorded.lines[places[0]]
            return f"a number at {where} may have been computed from the inputs outside of torch", Outcome.UNDECIDED
        if outcome is Outcome.WRONG and (line := self._item_of_backward()) is not None:
            return f"the backward pass takes a rounded number out of torch by .item() at {line}", Outcome.UNDECIDED
        if not _is_finite(self.recorded.outputs):
            return f"the value is not finite: {self._not_finite()}", Outcome.NOT_FINITE
        if outcome in (Outcome.PROVEN, Outcome.WRONG) and (doubt := self._doubt_about_value(derivative)):
            return doubt, Outcome.UNDECIDED
        if outcome is not Outcome.PROVEN:
            return None
        unseen = self._unseen(derivative.program)
        return None if unseen is None else (unseen, Outcome.UNDECIDED)

    def _item_of_backward(self) -> str | None:
        """The line of the backward pass where a float leaves torch: what it means exactly is not known then."""
        record = self.recorded.record
        for place, op in enumerate(record.tensor_operations[record.forward :], record.forward):
            if op.base == "_local_scalar_dense" and op.operands[0].is_float:
                return self.recorded.lines[place]
        return None

    def _doubt_about_value(self, derivative: Derivative) -> str | None:
        """Why the outputs may not be what was differentiated: the replay, whose rows fit the floats, has something else."""
        total = arb(0)
        with reals.precision(BITS):
            for output, cotangent in zip(self.recorded.outputs, self.recorded.cotangents, strict=True):
                contents = self.replay.balls(output)
                for it in contents:
                    if isinstance(it, Unknown):
                        return f"{it.operation} does not fit the numbers that it returned"
                total += sum((it * number for it, number in zip(contents, cotangent.floats.tolist(), strict=True)), arb(0))
            fits = ball(derivative.sweep.values[0]).overlaps(total)
        return None if fits else "the forward program has two meanings here: please report this"

    def _unseen(self, program: ForwardProgram) -> str | None:
        """Why a gradient that fits the record may be wrong: numbers left the graph, and came back in a way not recorded."""
        lines = self.recorded.lines
        if self.recorded.escape is not None:
            return f"numbers left torch by {self.recorded.escape[1]}, and what was done with them is not seen"
        for place, before in program.rebuilt.items():
            where = f"{lines[place]} has the numbers of a result at {lines[before]}" if place >= 0 else "an output"
            return f"a tensor at {where}, and no recorded operation made it: was it rebuilt from numbers?"
        for place, how in self.recorded.cuts.items():
            if how == ".item()":
                return f"a number left the graph by .item() at {lines[place]}, and what was done with it is not seen"
        return None

    def _documented(self, parts: Sequence[Part], derivative: Derivative) -> GradientReport | None:
        """The report where the gradient is what torch documents instead of the derivative."""
        name = derivative.program.documented
        if not name:
            return None
        documented = derivative_of(self.recorded, documented=True)
        if not self._is_right(documented) or self._doubt(Outcome.PROVEN, documented):
            return None
        own = _excused(parts, Outcome.BY_DESIGN)
        return self._reported(Outcome.BY_DESIGN, own, why=f"{name} gets no gradient for that row, as torch documents")

    def _stopped(self, parts: Sequence[Part]) -> GradientReport | None:
        """The report where the gradient is right if what was taken out of the graph counts as constant."""
        cuts = self.recorded.cuts
        if not cuts or not self._is_right(derivative_of(self.recorded, cut=True)):
            return None
        place, how = next(iter(cuts.items()))
        lines = list(dict.fromkeys(f"{how} at {self.recorded.lines[at]}" for at, how in cuts.items()))
        why = f"the graph is cut by {', '.join(lines)}; the gradient is right if what was cut counts as constant"
        return self._reported(
            Outcome.STOPPED, _excused(parts, Outcome.STOPPED), line=self.recorded.lines[place], signature=how, why=why
        )

    def _parts(self, derivative: Derivative) -> list[Part]:
        return [self._part(number, derivative) for number in range(len(self.names))]

    def _is_right(self, derivative: Derivative) -> bool:
        """Whether every gradient is a derivative that was taken in another sense."""
        return all(part.outcome is Outcome.PROVEN for part in self._parts(derivative))

    # --------------------------------------------------------------------------------------------------- one input

    def _part(self, number: int, derivative: Derivative) -> Part:
        """The gradient by one input."""
        name, view = self.names[number], self.recorded.gradients[number]
        if derivative.boundaries:
            return self._at_boundary(name, derivative.boundaries[0])
        source = self.recorded.inputs[number]
        truths: list[Real | None] = [
            None if mark else slope
            for mark, slope in zip(derivative.singular[number], derivative.slopes[number], strict=True)
        ]
        if any(truth is None for truth in truths):
            return self._without_derivative(name, number, derivative)
        known = [truth for truth in truths if truth is not None]
        contents = self._contents(view, source.size)
        if isinstance(contents, Part):
            return Part(name, contents.outcome, contents.why)
        if view is not None and not _is_finite([view]):
            return Part(name, Outcome.NOT_FINITE, self._not_finite())
        programs = [it for it in contents if it is not None]
        if len(programs) < len(contents):
            return Part(name, Outcome.UNDECIDED, "the backward program has no value in exact arithmetic")
        return compared(name, known, programs, source, derivative.largest, is_none=view is None)

    def _contents(self, view: TensorView | None, size: int) -> Sequence[arb | None] | Part:
        """What the backward program leaves in a gradient, entry by entry; a part where that is not known."""
        if view is None or (view.storage == NO_MEMORY and view.has_data):  # a tensor of zeros without memory
            return [arb(0)] * size
        if not self.replay.memory.is_current(view):
            return Part("", Outcome.UNDECIDED, "the gradient was written by no recorded operation")
        contents: list[arb | None] = []
        for content in self.replay.balls(view):
            if isinstance(content, Unknown):
                return Part("", Outcome.UNDECIDED, f"{content.operation} has no exact meaning here")
            contents.append(content if content.is_finite() else None)
        return contents

    def _without_derivative(self, name: str, number: int, derivative: Derivative) -> Part:
        """Why there is no derivative to compare with: something unknown, or a place where a function is not smooth."""
        program = derivative.program
        if program.foreign:
            return Part(name, Outcome.UNDECIDED, "a tensor was written by no recorded operation")
        if program.unknown:
            return Part(name, Outcome.UNDECIDED, f"{next(iter(program.unknown))} has no exact meaning here")
        if any(derivative.singular[number]):
            return self._singular(name, derivative)
        return Part(name, Outcome.UNDECIDED, "no derivative could be proven within the precision limit")

    def _at_boundary(self, name: str, decision: Decision) -> Part:
        """Why there is no derivative where a decision of the program changes."""
        op, line = self.recorded.record.tensor_operations[decision.operation], self.recorded.lines[decision.operation]
        if decision.boundary is Boundary.UNKNOWN:
            return Part(name, Outcome.UNDECIDED, f"where the result of {op.name} at {line} changes is not known")
        return Part(name, Outcome.NOT_DIFFERENTIABLE, f"what {op.base} at {line} decides changes here")

    def _singular(self, name: str, derivative: Derivative) -> Part:
        """Where a function is not smooth: the operation and its line.  Of infinities it is not known."""
        for origin in derivative.sweep.singular_steps():
            place = derivative.program.origins[origin]
            if place >= 0:
                op = self.recorded.record.tensor_operations[place]
                where = f"{op.base} at {self.recorded.lines[place]}"
                if not _is_finite((*op.operands, *op.results)) or any(
                    math.isinf(it) for _, it in op.arguments if isinstance(it, float)
                ):
                    return Part(name, Outcome.UNDECIDED, f"{where} computes with what is not finite")
                why = f"{where} is at a tie, a kink or the boundary of its domain"
                return Part(name, Outcome.NOT_DIFFERENTIABLE, why)
        return Part(name, Outcome.NOT_DIFFERENTIABLE, "the function is not differentiable here")

    def _not_finite(self) -> str:
        """The first operation that made what is not finite of numbers that are."""
        for place, op in enumerate(self.recorded.record.tensor_operations):
            if not _is_finite(op.results) and _is_finite(op.operands):
                return f"{op.base} at {self.recorded.lines[place]} returns what is not finite"
        return "it is not finite"


def _excused(parts: Sequence[Part], outcome: Outcome) -> list[Part]:
    """The same parts, with another outcome for those that are not the derivative."""
    return [replace(part, outcome=outcome) if part.outcome is Outcome.WRONG else part for part in parts]


def _is_finite(views: Sequence[TensorView]) -> bool:
    """Whether the floats of all tensors are finite; others are not looked at."""
    return all(bool(np.isfinite(view.floats).all()) for view in views if view.is_float)
