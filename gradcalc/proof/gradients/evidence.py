"""What is known about the gradients of a recorded function: its derivatives and its replayed backward program, side by side.

Comes in: a `RecordedFunction`.  Goes out: the outcome for the gradient by each input, for a derivative that is taken in one
sense or another, and what speaks against believing it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from flint import arb

from gradcalc.engines.autograd.operation import NO_MEMORY, TensorView
from gradcalc.engines.autograd.program import RecordedProgram
from gradcalc.engines.autograd.recorded_function import RecordedFunction
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import Real, ball
from gradcalc.proof.floats.memory import Unknown, Unwritten
from gradcalc.proof.floats.replay import BITS, replay
from gradcalc.proof.gradients.backward_rows import Meanings
from gradcalc.proof.gradients.comparison import compared
from gradcalc.proof.gradients.decisions import Boundary, Decision
from gradcalc.proof.gradients.derivative import Derivative
from gradcalc.proof.gradients.forward_program import FROM_OUTSIDE, ForwardProgram
from gradcalc.proof.gradients.function_runs import FunctionRuns
from gradcalc.proof.gradients.words import Outcome, Part


class Evidence:
    """One record, replayed: with the user's hooks, or as if they had left the gradients as they are."""

    def __init__(
        self, recorded: RecordedFunction, names: Sequence[str], by_design: Collection[Any], *, has_hooks: bool = True
    ):
        self.recorded, self.names = recorded, names
        views = {f"input {number}": view for number, view in enumerate(recorded.inputs)}
        views |= {f"cotangent {number}": view for number, view in enumerate(recorded.cotangents)}
        self.program = RecordedProgram(recorded.record, views, literals=recorded.literals)
        self.functions = FunctionRuns(recorded, by_design, has_hooks=has_hooks)
        with reals.precision(BITS):
            self.meanings = Meanings()
            self.replay = replay(self.program, before=self.functions.before(), beyond=self.meanings, escape=recorded.escape)

    def parts(self, derivative: Derivative) -> list[Part]:
        """The outcome for the gradient by each input."""
        return [self._part(number, derivative) for number in range(len(self.names))]

    def is_right(self, derivative: Derivative) -> bool:
        """Whether every gradient is a derivative that was taken in another sense."""
        return all(part.outcome is Outcome.PROVEN for part in self.parts(derivative))

    def doubt_about_value(self, derivative: Derivative) -> str | None:
        """Why the outputs may not be what was differentiated: the replay, whose rows fit the floats, has something else."""
        total = arb(0)
        with reals.precision(BITS):
            for output, cotangent in zip(self.recorded.outputs, self.recorded.cotangents, strict=True):
                contents = self.replay.balls(output)
                for it in contents:
                    if isinstance(it, Unwritten):
                        return f"the value has {it.operation}"
                    if isinstance(it, Unknown):
                        return f"{it.operation} is not known to compute what it returned"
                total += sum((it * number for it, number in zip(contents, cotangent.floats.tolist(), strict=True)), arb(0))
            fits = ball(derivative.sweep.values[0]).overlaps(total)
        if not fits and derivative.program.items:
            return "a number left torch by .item() in the forward pass, and was rounded there"
        return None if fits else "the forward program has two meanings here: please report this"

    def unseen(self, program: ForwardProgram) -> str | None:
        """Why a gradient that fits the record may be wrong: numbers left the graph, and came back in a way not recorded."""
        lines = self.recorded.lines
        if self.recorded.escape is not None:
            return self._escape()
        for place, before in program.rebuilt.places.items():
            where = f"{lines[place]} has the numbers of a result at {lines[before]}" if place >= 0 else "an output"
            return f"a tensor at {where}, and no recorded operation made it: was it rebuilt from numbers?"
        for place, how in self.recorded.cuts.items():
            if how == ".item()":
                return f"a number left the graph by .item() at {lines[place]}, and what was done with it is not seen"
        return None

    def _escape(self) -> str:
        assert self.recorded.escape is not None
        return f"numbers left torch by {self.recorded.escape[1]}, and what was done with them is not seen"

    def item_of_backward(self) -> str | None:
        """The line of the backward pass where a float leaves torch: what it means exactly is not known then."""
        record = self.recorded.record
        for place, op in enumerate(record.tensor_operations[record.forward :], record.forward):
            if op.base == "_local_scalar_dense" and op.operands[0].is_float:
                return self.recorded.lines[place]
        return None

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
        if view is not None and not is_finite([view]):
            return Part(name, Outcome.NOT_FINITE, self.not_finite())
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
                how = "is in it" if isinstance(content, Unwritten) else "has no exact meaning here"
                return Part("", Outcome.UNDECIDED, f"{content.operation} {how}")
            contents.append(content if content.is_finite() else None)
        return contents

    def _without_derivative(self, name: str, number: int, derivative: Derivative) -> Part:
        """Why there is no derivative to compare with: something unknown, or a place where a function is not smooth."""
        program = derivative.program
        if program.foreign:
            return Part(name, Outcome.UNDECIDED, "a tensor was written by no recorded operation")
        if program.unknown and self.recorded.escape is not None and FROM_OUTSIDE in program.unknown:
            return Part(name, Outcome.UNDECIDED, self._escape())
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
                if not is_finite((*op.operands, *op.results)) or any(
                    math.isinf(it) for _, it in op.arguments if isinstance(it, float)
                ):
                    return Part(name, Outcome.UNDECIDED, f"{where} computes with what is not finite")
                why = f"{where} is at a tie, a kink or the boundary of its domain"
                return Part(name, Outcome.NOT_DIFFERENTIABLE, why)
        return Part(name, Outcome.NOT_DIFFERENTIABLE, "the function is not differentiable here")

    def not_finite(self) -> str:
        """The first operation that made what is not finite of numbers that are."""
        for place, op in enumerate(self.recorded.record.tensor_operations):
            if not is_finite(op.results) and is_finite(op.operands):
                return f"{op.base} at {self.recorded.lines[place]} returns what is not finite"
        return "it is not finite"


def is_finite(views: Sequence[TensorView]) -> bool:
    """Whether the floats of all tensors are finite; others are not looked at."""
    return all(bool(np.isfinite(view.floats).all()) for view in views if view.is_float)
