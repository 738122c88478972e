"""What is known about one partial before it is judged: the regularity, the engines' numbers, the program that torch ran.

Comes in: a recorded run and what was found out about the expression.  Goes out: enclosures of what the program means, its
operations by themselves, and `Evidence`, which is all that a verdict rests on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb

from gradcalc.engines.autograd.program import By
from gradcalc.engines.autograd.run import Run
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import PROVEN_BITS, Real, agree
from gradcalc.proof.floats.aten_elementwise import UnknownOperation
from gradcalc.proof.floats.formats import Format
from gradcalc.proof.floats.local_error import LocalError, local_errors
from gradcalc.proof.floats.replay import Flip, Replay, replay
from gradcalc.proof.floats.sensitivity import LocalJacobian, local_jacobians
from gradcalc.proof.smoothness.differentiability import Regularity

PRECISIONS = (256, 1024, 4096, 16384)


class ReplayedTrace:
    """A recorded run: its program replayed once for all partials.

    `unknown` names an operation without semantics; then nothing can be proven about the run.
    """

    def __init__(self, run: Run, form: Format, device: str):
        assert run.program is not None
        self.program = run.program
        self.form, self.device = form, device
        views = (*self.program.inputs.values(), *self.program.constants.values())
        self.inputs = {
            cell.key: Fraction(cell.value)
            for view in views
            for cell in view.cells
            if cell.value is not None and math.isfinite(cell.value)
        }
        self.unknown: str | None = None
        self.locals: Sequence[LocalError] = ()
        self._replays: dict[tuple[int, bool], Replay] = {}
        self._jacobians: Sequence[LocalJacobian] | None = None
        self._ancestors: dict[int | None, Sequence[LocalError]] = {}
        self.notable: Sequence[LocalError] = ()
        """The operations by themselves of which there may be something to say."""
        self.worst: LocalError | None = None
        try:
            self.locals = local_errors(self.program, form, device)
            self.notable = [it for it in self.locals if it.in_bound is False or it.underflow or it.overflow or it.flip]
            finite = (local for local in self.locals if math.isfinite(local.ulps))
            self.worst = max(finite, key=lambda local: local.ulps, default=None)
            self.replay_at(PRECISIONS[0])
        except UnknownOperation as operation:
            self.unknown = str(operation)

    def for_entry(self, run: Run) -> ReplayedTrace:
        """What is known of the same program, for another entry of its value."""
        assert run.program is not None
        other = copy(self)
        other.program = run.program
        return other

    def replay_at(self, bits: int, *, mathematical: bool = False) -> Replay:
        """The program in exact arithmetic, at a precision."""
        if (bits, mathematical) not in self._replays:
            with reals.precision(bits):
                self._replays[bits, mathematical] = replay(self.program, self.inputs, mathematical=mathematical)
        return self._replays[bits, mathematical]

    def enclosure(self, key: int | None, truth: Real, *, mathematical: bool = False) -> tuple[arb | None, int]:
        """What the program would leave at a place without rounding, and the bits it took; None where that is no number.

        The precision grows until the enclosure is tight, or apart from the truth, or grows no tighter: doubles that torch
        computed itself are known to 53 bits only.
        """
        if key is None:  # the result does not depend on the variable
            return arb(0), PRECISIONS[0]
        ball, accuracy = None, -1
        for bits in PRECISIONS:
            ball = self.replay_at(bits, mathematical=mathematical).values[key]
            if ball.is_finite():
                if ball.is_zero() or not agree(ball, truth) or ball.rel_accuracy_bits() >= PROVEN_BITS:
                    return ball, bits
                if 0 < ball.rel_accuracy_bits() <= accuracy:
                    return ball, bits
                accuracy = ball.rel_accuracy_bits()
        return (ball if ball is not None and ball.is_finite() else None), PRECISIONS[-1]

    def local_jacobians(self) -> Sequence[LocalJacobian]:
        """Every operation with its partial derivatives; found once, for all partials."""
        if self._jacobians is None:
            self._jacobians = local_jacobians(self.program, self.inputs)
        return self._jacobians

    def first_flip(self) -> Flip | None:
        """The first comparison that exact arithmetic decides otherwise; it may take many bits to see."""
        return next((flip for bits in PRECISIONS if (flip := self.replay_at(bits).flip)), None)

    def uncertain_integer(self) -> Flip | None:
        """The first integer part that no precision tells: the number is an integer, as far as can be seen."""
        return self.replay_at(PRECISIONS[-1]).uncertain_integer

    def ancestors(self, key: int | None) -> Sequence[LocalError]:
        """The operations on which the number at a place may depend."""
        if key not in self._ancestors:
            places = self.program.ancestors(key)
            self._ancestors[key] = [local for local in self.locals if local.place in places]
        return self._ancestors[key]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about one partial.

    `typed` and `binary` are the regularity at the typed point and at the point torch received; None where no enclosure
    was found within the limits.  `formula` is sympy's derivative at the binary point, None where it cannot be used.
    `trace` is None where torch gave nothing to look at; `bound` then holds the numbers that rounding can explain, as far
    as they are known.  `torch_deviations` says what torch documents about functions in the expression that it defines
    differently.  `value` is torch's value, `constants` what it received in the place of constants, and `lost_literals`
    those of which it received an infinity or 0.  Where it `is_explained`, the operation is looked for that lost the digits.
    """

    by: By
    at_exact_point: Regularity | None
    at_rounded_point: Regularity | None
    formula: Real | None
    number: float | None
    form: Format
    failure: str | None = None
    unrepresentable: Mapping[str, str] = field(default_factory=dict)
    trace: ReplayedTrace | None = None
    torch_deviations: tuple[str, ...] = ()
    bound: tuple[float, float] | None = None
    value: float | None = None
    constants: Mapping[str, Fraction] = field(default_factory=dict)
    lost_literals: Mapping[str, str] = field(default_factory=dict)
    is_explained: bool = True

    @property
    def out_of_range(self) -> Mapping[str, str]:
        """What was typed and does not fit the dtype: "overflow" or "underflow"."""
        return {**self.unrepresentable, **self.lost_literals}

    @property
    def is_proven(self) -> bool:
        """Whether nothing in it rests on a number that is zero as far as its digits tell."""
        return all(regularity is None or regularity.proven for regularity in (self.at_exact_point, self.at_rounded_point))
