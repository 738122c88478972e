"""What is known about one partial before it is judged: the regularity, the engines' numbers, the program that torch ran.

Comes in: a recorded run and what was found out about the expression.  Goes out: enclosures of what the program means, its
operations by themselves, and `Evidence`, which is all that a verdict rests on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb

from gradcalc.engines.autograd.operation import TensorView
from gradcalc.engines.autograd.program import By
from gradcalc.engines.autograd.run import Run
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import PROVEN_BITS, Real, agree
from gradcalc.proof.floats.formats import Format
from gradcalc.proof.floats.local_error import LocalError, local_errors, notable_errors
from gradcalc.proof.floats.memory import Unknown
from gradcalc.proof.floats.replay import Flip, Replay, replay
from gradcalc.proof.floats.sensitivity import LocalJacobian, local_jacobians
from gradcalc.proof.smoothness.differentiability import Regularity

PRECISIONS = (256, 1024, 4096, 16384)


class ReplayedTrace:
    """A recorded run: its program replayed once for all partials."""

    def __init__(self, run: Run, form: Format, device: str):
        assert run.program is not None
        self.program = run.program
        self.form, self.device = form, device
        self._replays: dict[tuple[int, bool], Replay] = {}
        self._jacobians: Sequence[LocalJacobian] | None = None
        self._locals: Sequence[LocalError] | None = None
        self._slices: dict[int | None, Collection[int]] = {}
        self.notable: Sequence[LocalError] = ()
        """The operations by themselves of which there may be something to say."""
        self.worst: LocalError | None = None
        errors = notable_errors(self.program, form, device)
        self.notable, self.worst = errors.notable, errors.worst
        with reals.precision(PRECISIONS[0]):
            self._replays[PRECISIONS[0], False] = replay(self.program, exact=errors.exact)

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
                self._replays[bits, mathematical] = replay(self.program, mathematical=mathematical)
        return self._replays[bits, mathematical]

    def enclosure(self, key: int | None, truth: Real, *, mathematical: bool = False) -> tuple[arb | None, int]:
        """What the program would leave at a place without rounding, and the bits it took; None where that is no number.

        The precision grows until the enclosure is tight, or apart from the truth, or grows no tighter: doubles that torch
        computed itself are known to 53 bits only.
        """
        if key is None:  # the result does not depend on the variable
            return arb(0), PRECISIONS[0]
        ball: arb | None = None
        accuracy = -1
        for bits in PRECISIONS:
            content = self.replay_at(bits, mathematical=mathematical).ball(key)
            if isinstance(content, Unknown):
                return None, bits
            ball = content
            if ball.is_finite():
                if ball.is_zero() or not agree(ball, truth) or ball.rel_accuracy_bits() >= PROVEN_BITS:
                    return ball, bits
                if 0 < ball.rel_accuracy_bits() <= accuracy:
                    return ball, bits
                accuracy = ball.rel_accuracy_bits()
        return (ball if ball is not None and ball.is_finite() else None), PRECISIONS[-1]

    def enclosures(self, view: TensorView, bits: int = PRECISIONS[0], *, mathematical: bool = False) -> Sequence[arb | None]:
        """What the program would leave in a tensor without rounding, entry by entry; None where that is no number."""
        balls = self.replay_at(bits, mathematical=mathematical).balls(view)
        return [None if isinstance(ball, Unknown) or not ball.is_finite() else ball for ball in balls]

    def is_current(self, view: TensorView) -> bool:
        """Whether the machine's last numbers where a tensor lies are its own, as far as the record shows."""
        return self.replay_at(PRECISIONS[0]).memory.is_current(view)

    def unknown_at(self, key: int | None) -> str | None:
        """The operation without a meaning on which the number at an address depends; None if there is none."""
        replayed = self.replay_at(PRECISIONS[0])
        blame = replayed.unknown if key is None else replayed.ball(key)
        return blame.operation if isinstance(blame, Unknown) else None

    def local_jacobians(self) -> Sequence[LocalJacobian]:
        """Every operation with its partial derivatives; found once, for all partials."""
        if self._jacobians is None:
            self._jacobians = local_jacobians(self.program)
        return self._jacobians

    def first_flip(self) -> Flip | None:
        """The first comparison that exact arithmetic decides otherwise; it may take many bits to see."""
        return next((flip for bits in PRECISIONS if (flip := self.replay_at(bits).flip)), None)

    def uncertain_integer(self) -> Flip | None:
        """The first integer part that no precision tells: the number is an integer, as far as can be seen."""
        return self.replay_at(PRECISIONS[-1]).uncertain_integer

    @property
    def locals(self) -> Sequence[LocalError]:
        """Every operation on numbers by itself: for a partial that needs an explanation."""
        if self._locals is None:
            self._locals = local_errors(self.program, self.form, self.device)
        return self._locals

    @property
    def has_kernel_fault(self) -> bool:
        """Whether any operation is beyond its documented bound."""
        return any(local.in_bound is False and not local.underflow for local in self.notable)

    def depends_on(self, key: int | None, local: LocalError) -> bool:
        """Whether the number at an address may depend on an operation."""
        return local.place in self._slice(key)

    def ancestors(self, key: int | None) -> Sequence[LocalError]:
        """All operations on which the number at an address may depend."""
        places = self._slice(key)
        return [local for local in self.locals if local.place in places]

    def _slice(self, key: int | None) -> Collection[int]:
        if key not in self._slices:
            self._slices[key] = self.program.ancestors(key)
        return self._slices[key]


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
