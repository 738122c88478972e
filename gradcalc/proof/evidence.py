"""What is known about one partial before it is judged: the regularity, the witnesses' numbers, the program that torch ran.

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

from gradcalc.engines.autograd.backward import By, Run
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import PROVEN_BITS, Real, agree
from gradcalc.proof.floats.aten_elementwise import UnknownOperation
from gradcalc.proof.floats.formats import Format
from gradcalc.proof.floats.replay import Flip, Linear, Local, Replayed, feeding, linearised, locally, replay
from gradcalc.proof.smoothness.differentiability import Regularity

PRECISIONS = (256, 1024, 4096, 16384)


class Traced:
    """A recorded run: its program replayed once for all partials.

    `unknown` names an operation without semantics; then nothing can be proven about the run.
    """

    def __init__(self, run: Run, form: Format, device: str):
        assert run.program is not None
        self.program = run.program
        self.form, self.device = form, device
        constants = {self.program.constants[text]: value for text, value in run.constants.items()}
        self.inputs = {**{self.program.inputs[name]: value for name, value in run.inputs.items()}, **constants}
        self.unknown: str | None = None
        self.locals: Sequence[Local] = ()
        self._replayed: dict[tuple[int, bool], Replayed] = {}
        self._linear: Sequence[Linear] | None = None
        self._feeding: dict[int | None, Sequence[Local]] = {}
        self.notable: Sequence[Local] = ()
        """The operations by themselves of which there may be something to say."""
        self.worst: Local | None = None
        try:
            self.locals = locally(self.program, form, device)
            self.notable = [it for it in self.locals if it.within is False or it.underflowed or it.overflowed or it.flipped]
            finite = (local for local in self.locals if math.isfinite(local.ulps))
            self.worst = max(finite, key=lambda local: local.ulps, default=None)
            self.replayed(PRECISIONS[0])
        except UnknownOperation as operation:
            self.unknown = str(operation)

    def entry(self, run: Run) -> Traced:
        """What is known of the same program, for another entry of its value."""
        assert run.program is not None
        other = copy(self)
        other.program = run.program
        return other

    def replayed(self, bits: int, *, ideal: bool = False) -> Replayed:
        """The program in exact arithmetic, at a precision."""
        if (bits, ideal) not in self._replayed:
            with reals.precision(bits):
                self._replayed[bits, ideal] = replay(self.program, self.inputs, ideal=ideal)
        return self._replayed[bits, ideal]

    def enclosed(self, key: int | None, truth: Real, *, ideal: bool = False) -> tuple[arb | None, int]:
        """What the program would leave at a place without rounding, and the bits it took; None where that is no number.

        The precision grows until the enclosure is tight, or apart from the truth, or grows no tighter: doubles that torch
        computed itself are known to 53 bits only.
        """
        if key is None:  # the result does not depend on the variable
            return arb(0), PRECISIONS[0]
        found, accuracy = None, -1
        for bits in PRECISIONS:
            found = self.replayed(bits, ideal=ideal).values[key]
            if found.is_finite():
                if found.is_zero() or not agree(found, truth) or found.rel_accuracy_bits() >= PROVEN_BITS:
                    return found, bits
                if 0 < found.rel_accuracy_bits() <= accuracy:
                    return found, bits
                accuracy = found.rel_accuracy_bits()
        return (found if found is not None and found.is_finite() else None), PRECISIONS[-1]

    def linearised(self) -> Sequence[Linear]:
        """Every operation with its partial derivatives; found once, for all partials."""
        if self._linear is None:
            self._linear = linearised(self.program, self.inputs)
        return self._linear

    def flipped(self) -> Flip | None:
        """The first comparison that exact arithmetic decides otherwise; it may take many bits to see."""
        return next((flip for bits in PRECISIONS if (flip := self.replayed(bits).flipped)), None)

    def unsure(self) -> Flip | None:
        """The first integer part that no precision tells: the number is an integer, as far as can be seen."""
        return self.replayed(PRECISIONS[-1]).unsure

    def feeding(self, key: int | None) -> Sequence[Local]:
        """The operations on which the number at a place may depend."""
        if key not in self._feeding:
            places = feeding(self.program, key)
            self._feeding[key] = [local for local in self.locals if local.place in places]
        return self._feeding[key]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about one partial.

    `typed` and `binary` are the regularity at the typed point and at the point torch received; None where no enclosure
    was found within the limits.  `formula` is sympy's derivative at the binary point, None where it cannot be used.
    `traced` is None where torch gave nothing to look at; `bound` then holds the numbers that rounding can explain, as far
    as they are known.  `documented` says what torch documents about functions in the expression that it defines
    differently.  `value` is torch's value, `constants` what it received in the place of constants, and `lost_literals`
    those of which it received an infinity or 0.  Where it `is_explained`, the operation is looked for that lost the digits.
    """

    by: By
    typed: Regularity | None
    binary: Regularity | None
    formula: Real | None
    number: float | None
    form: Format
    failure: str | None = None
    unrepresentable: Mapping[str, str] = field(default_factory=dict)
    traced: Traced | None = None
    documented: tuple[str, ...] = ()
    bound: tuple[float, float] | None = None
    value: float | None = None
    constants: Mapping[str, Fraction] = field(default_factory=dict)
    lost_literals: Mapping[str, str] = field(default_factory=dict)
    is_explained: bool = True

    @property
    def lost(self) -> Mapping[str, str]:
        """What was typed and does not fit the dtype: "overflow" or "underflow"."""
        return {**self.unrepresentable, **self.lost_literals}

    @property
    def is_proven(self) -> bool:
        """Whether nothing in it rests on a number that is zero as far as its digits tell."""
        return all(regularity is None or regularity.proven for regularity in (self.typed, self.binary))
