"""The functions of the table in jets that are piecewise: conditions, cases and rounding; and the notes of all functions."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable

from flint import fmpq

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.jets import CONDITION, NAN, Condition, Jet, NoSeries, Note, NoteKind, Notes, as_jet, is_nan
from gradcalc.engines.taylor.reals import Real, floor
from gradcalc.errors import Span
from gradcalc.expression.tree import Call
from gradcalc.functions.vocabulary import Vocabulary
from gradcalc.runtime import deadline

_TIES = frozenset(["max", "min", "maximum", "minimum", "amax", "amin", "fmax", "fmin"])
"""Functions that choose among their arguments; others are at a kink of their own."""


class PiecewiseFunctions(Vocabulary[Jet, Condition], ABC):
    """The piecewise functions of the vocabulary, in jets up to t**`order`."""

    def __init__(self, order: int) -> None:
        self.order = order
        self.span = Span(0, 0)
        self.name = ""
        self.noted: list[Note] = []
        """The notes about the present call."""

    def enter(self, node: Call) -> None:
        """From now on notes are about this call."""
        deadline.check()
        self.span, self.name = node.span, node.name
        self.noted.clear()

    def note(self, kind: NoteKind, what: str) -> Note:
        note = Note(kind, what, self.span)
        self.noted.append(note)
        return note

    def undefined(self, parts: list[Jet], *notes: Note) -> Jet:
        """The jet of a function of parts that has no real value, or no series, here."""
        is_constant = all(part.is_constant for part in parts)
        return Jet(
            [NAN] * (1 if is_constant else self.order + 1),
            frozenset(notes).union(*(part.notes for part in parts)),
            is_constant=is_constant,
            is_literal=all(part.is_literal for part in parts),
        )

    def with_unknown_tail(self, value: Real, notes: Notes, *, is_literal: bool = False) -> Jet:
        """A limit along the ray, of which nothing is known how it is approached."""
        return Jet([value, *[NAN] * self.order], notes, is_literal=is_literal)

    def side(self, a: Jet, what: str) -> tuple[int, Notes]:
        """The sign of a on the ray, just after its start: 0 only if it stays zero.

        A number that is zero at the point and moves leaves a note.  Raises `NoSeries` if all that is known of it is zero.
        """
        at_point = reals.sign(a.value)
        if at_point or a.is_constant:
            return at_point, a.notes
        notes = a.notes | {self.note(NoteKind.SEAM, what)}
        power = a.valuation()
        if power is None:
            raise NoSeries
        return reals.sign(a[power]), notes

    # -- piecewise

    def abs(self, a: Jet) -> Jet:
        side, notes = self.side(a, f"{self.name} at 0")
        return (-a if side < 0 else a).with_notes(*notes)

    def sign(self, a: Jet) -> Jet:
        side, notes = self.side(a, "sign at 0")
        return Jet.constant(fmpq(side), notes, is_literal=a.is_literal)

    def heaviside(self, a: Jet, at_zero: Jet) -> Jet:
        side, notes = self.side(a, "heaviside at 0")
        if side == 0:
            return at_zero
        return Jet.constant(fmpq(int(side > 0)), notes, is_literal=a.is_literal)

    def max(self, *args: Jet) -> Jet:
        return self._extreme(args, 1)

    def min(self, *args: Jet) -> Jet:
        return self._extreme(args, -1)

    def _extreme(self, args: tuple[Jet, ...], direction: int) -> Jet:
        best = args[0]
        what = f"a tie in {self.name}" if self.name in _TIES else f"{self.name} at its kink"
        for other in args[1:]:
            side, notes = self.side(best - other, what)
            branch = best if side * direction >= 0 else other
            is_literal = best.is_literal and other.is_literal
            best = Jet(branch.coefficients, notes, is_constant=branch.is_constant, is_literal=is_literal)
        return best

    def where(self, condition: Condition, a: Jet, b: Jet) -> Jet:
        if condition.known:
            branch = a if condition.holds else b
            coefficients, is_constant, notes = branch.coefficients, branch.is_constant, branch.notes | condition.notes
        else:
            is_constant, notes = condition.is_constant, condition.notes
            coefficients = (NAN,) * (1 if is_constant else self.order + 1)
        is_literal = condition.is_literal and a.is_literal and b.is_literal
        return Jet(coefficients, notes, is_constant=is_constant, is_literal=is_literal)

    # -- conditions

    def _compare(self, a: Jet | int, b: Jet | int, holds: Callable[[int], bool]) -> Condition:
        difference = as_jet(a) - as_jet(b)
        unknown = Condition(False, difference.notes, difference.is_constant, difference.is_literal, known=False)
        if is_nan(difference.value):
            return unknown
        try:
            side, notes = self.side(difference, CONDITION)
        except NoSeries:
            return unknown._replace(notes=difference.notes.union(self.noted))
        return unknown._replace(holds=holds(side), notes=notes, known=difference.has_expansion)

    def lt(self, a: Jet | int, b: Jet | int) -> Condition:
        return self._compare(a, b, lambda side: side < 0)

    def le(self, a: Jet | int, b: Jet | int) -> Condition:
        return self._compare(a, b, lambda side: side <= 0)

    def eq(self, a: Jet | int, b: Jet | int) -> Condition:
        return self._compare(a, b, lambda side: side == 0)

    def ne(self, a: Jet | int, b: Jet | int) -> Condition:
        return self._compare(a, b, lambda side: side != 0)

    def both(self, p: Condition, q: Condition) -> Condition:
        return _join(p.holds and q.holds, p, q)

    def either(self, p: Condition, q: Condition) -> Condition:
        return _join(p.holds or q.holds, p, q)

    def opposite(self, p: Condition) -> Condition:
        return p._replace(holds=not p.holds)

    # -- rounding

    def floor(self, a: Jet) -> Jet:
        whole = floor(a.value)
        if whole is None:
            return self.undefined([a])
        if a.is_constant or reals.sign(a.value - whole):
            return a.as_constant(fmpq(whole))
        side, notes = self.side(a - whole, f"{self.name} at an integer")
        return Jet.constant(fmpq(whole - (side < 0)), notes, is_literal=a.is_literal)

    def trunc(self, a: Jet) -> Jet:
        at_point = reals.sign(a.value)
        if at_point == 0:
            return a.as_constant(fmpq(0))
        return self.floor(a) if at_point > 0 else -self.floor(-a)

    def round(self, a: Jet) -> Jet:
        double = floor(2 * a.value)
        if double is None:
            return self.undefined([a])
        half = fmpq(double, 2)
        if double % 2 == 0 or reals.sign(a.value - half):
            return a.as_constant(fmpq((double + 1) // 2))
        side, notes = self.side(a - Jet.constant(half), "round at a half-integer")
        below, above = (double - 1) // 2, (double + 1) // 2
        even = below if below % 2 == 0 else above
        return Jet.constant(fmpq(even if side == 0 else below if side < 0 else above), notes, is_literal=a.is_literal)


def _join(holds: bool, p: Condition, q: Condition) -> Condition:
    """A condition on two conditions."""
    return Condition(
        holds, p.notes | q.notes, p.is_constant and q.is_constant, p.is_literal and q.is_literal, p.known and q.known
    )
