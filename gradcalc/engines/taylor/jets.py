"""Jets: truncated Taylor series along a ray, in exact rationals and balls.

A jet is f(x0 + t*v) = c0 + c1*t + c2*t**2 + ... for t -> 0 from above.  Its coefficients are the one-sided derivatives of f
in the direction v, divided by factorials.  Constant jets have one coefficient; the others are exactly 0.  Operations that
meet a place where f is not smooth leave a `Note` in their result, and go on along the ray.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from flint import arb, arb_series, fmpq

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import Real, ball, bounded, is_zero
from gradcalc.errors import Span


class NoteKind(StrEnum):
    """Why a function is not smooth at a point."""

    SEAM = "seam"  # two formulas meet
    POLE = "pole"
    EDGE = "edge"  # of the real domain
    DOMAIN = "domain"  # no real value
    UNKNOWN = "unknown"  # the engine has no series, or no value, of the function there


WITHOUT_VALUE = frozenset({NoteKind.POLE, NoteKind.DOMAIN, NoteKind.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Note:
    """A part of the expression that is not smooth at the point."""

    kind: NoteKind
    what: str
    span: Span


CONDITION = "the boundary of a condition"
"""What the note of a condition says."""

ZERO_TO_ZERO = "0**0, beside which the power depends on the path"
"""What the note says of a power of which a variable stands in the base and one in the exponent."""

Notes = frozenset[Note]
NAN = arb.nan()
_ZERO = fmpq(0)
_NO_NOTES: Notes = frozenset()


class NoSeries(Exception):
    """The sign of something that vanishes at the point is not in the coefficients that are known."""


class Jet:
    """A Taylor series with notes; arithmetic is exact where its coefficients are rational.

    A constant jet does not move along the ray; in a literal one no variable occurs at all.
    """

    __slots__ = ("coefficients", "is_constant", "is_literal", "notes")

    def __init__(
        self, coefficients: Sequence[Real], notes: Notes = _NO_NOTES, *, is_constant: bool = False, is_literal: bool = False
    ):
        self.coefficients = tuple(coefficients)
        self.notes = notes
        self.is_constant = is_constant
        self.is_literal = is_literal

    @classmethod
    def literal(cls, value: Real) -> Jet:
        """A number of the expression, or of a function's own."""
        return cls((value,), is_constant=True, is_literal=True)

    @classmethod
    def constant(cls, value: Real, notes: Notes = _NO_NOTES, *, is_literal: bool = False) -> Jet:
        """A number that does not move along the ray."""
        return cls((value,), notes, is_constant=True, is_literal=is_literal)

    @classmethod
    def variable(cls, value: Real, speed: int, order: int) -> Jet:
        """A variable that moves along the ray: value + speed*t, up to t**order."""
        return cls([value, fmpq(speed), *[_ZERO] * (order - 1)])

    @property
    def value(self) -> Real:
        """The limit along the ray."""
        return self.coefficients[0]

    @property
    def has_value(self) -> bool:
        """Whether no note denies that the expression has a value at the point."""
        return not any(note.kind in WITHOUT_VALUE for note in self.notes)

    @property
    def has_expansion(self) -> bool:
        """Whether it goes on along the ray as a series: where a coefficient is not known, none after it is."""
        last = self.coefficients[-1]
        return not (isinstance(last, arb) and last.is_nan())

    def __len__(self) -> int:
        return len(self.coefficients)

    def __getitem__(self, power: int) -> Real:
        if power < len(self.coefficients):
            return self.coefficients[power]
        return _ZERO if self.is_constant else NAN

    def with_coefficients(self, coefficients: Sequence[Real]) -> Jet:
        """Other coefficients, with the same notes and flags."""
        return Jet(coefficients, self.notes, is_constant=self.is_constant, is_literal=self.is_literal)

    def as_constant(self, value: Real) -> Jet:
        """A constant, with the same notes."""
        return Jet((value,), self.notes, is_constant=True, is_literal=self.is_literal)

    def with_notes(self, *notes: Note) -> Jet:
        """The same jet with more notes."""
        return Jet(self.coefficients, self.notes.union(notes), is_constant=self.is_constant, is_literal=self.is_literal)

    def _joined(self, other: Jet, coefficients: Sequence[Real]) -> Jet:
        """Coefficients computed from two jets, with the notes of both."""
        return Jet(
            coefficients,
            self.notes | other.notes if other.notes else self.notes,
            is_constant=self.is_constant and other.is_constant,
            is_literal=self.is_literal and other.is_literal,
        )

    def _zero(self, other: Jet) -> Jet:
        """Identically zero, with the notes of two jets."""
        return Jet((_ZERO,), self.notes | other.notes, is_constant=True, is_literal=self.is_literal and other.is_literal)

    def __neg__(self) -> Jet:
        return self.with_coefficients([-c for c in self.coefficients])

    def __add__(self, other: Jet | int) -> Jet:
        other = as_jet(other)
        a, b = self.coefficients, other.coefficients
        if other.is_constant:
            total = [bounded(a[0] + b[0]), *a[1:]]
        elif self.is_constant:
            total = [bounded(a[0] + b[0]), *b[1:]]
        else:
            total = [bounded(x + y) for x, y in zip(a, b, strict=False)]
        return self._joined(other, total)

    def __sub__(self, other: Jet | int) -> Jet:
        if other is self and self.has_expansion:  # identically zero, truncated terms included
            return self.as_constant(_ZERO)
        return self + (-as_jet(other))

    def __mul__(self, other: Jet | int) -> Jet:
        other = as_jet(other)
        a, b = self.coefficients, other.coefficients
        if other.is_constant or self.is_constant:
            factor, series = (other, self) if other.is_constant else (self, other)
            if is_zero(factor.value) and series.has_expansion:  # identically zero, truncated terms included
                return self._zero(other)
            return self._joined(other, [bounded(factor.value * c) for c in series.coefficients])
        product = []
        for power in range(min(len(a), len(b))):
            total = a[0] * b[power]
            for i in range(1, power + 1):
                total = total + a[i] * b[power - i]
            product.append(bounded(total))
        return self._joined(other, product)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: int) -> Jet:
        return as_jet(other) - self

    def __truediv__(self, other: Jet | int) -> Jet:
        """The quotient where the leading coefficient of the divisor is not zero."""
        b = as_jet(other)
        if b.is_constant:
            return self._joined(b, [bounded(x / b.value) for x in self.coefficients])
        if self.is_constant and is_zero(self.value) and b.has_expansion:
            return self._zero(b)
        result: list[Real] = []
        for power in range(len(b) if self.is_constant else min(len(self), len(b))):
            total = self[power]
            for i in range(1, power + 1):
                total = total - b[i] * result[power - i]
            result.append(bounded(total / b.value))
        return self._joined(b, result)

    def __rtruediv__(self, other: int) -> Jet:
        return as_jet(other) / self

    def valuation(self) -> int | None:
        """The power of the first coefficient that is not zero; None if all that are known are zero."""
        for power, coefficient in enumerate(self.coefficients):
            if is_nan(coefficient):
                return None
            if reals.sign(coefficient):
                return power
        return None

    def starts_with_zeros(self, count: int) -> bool:
        """Whether the first `count` coefficients are known, and zero."""
        if self.is_constant:
            return count == 0 or bool(reals.sign(self.value) == 0)
        head = self.coefficients[:count]
        return len(head) == count and not any(is_nan(c) or reals.sign(c) for c in head)

    def divide_by_t(self, powers: int) -> Jet:
        """The quotient by t**powers, where the first coefficients are zero."""
        return Jet(self.coefficients[powers:], self.notes, is_literal=self.is_literal)

    def multiply_by_t(self, powers: int) -> Jet:
        """The product with t**powers."""
        return Jet((*[_ZERO] * powers, *self.coefficients), self.notes, is_literal=self.is_literal)


class Condition(NamedTuple):
    """The value of a condition along a ray, with notes and flags as of a jet; `known` is False where it is undecided."""

    holds: bool
    notes: Notes
    is_constant: bool
    is_literal: bool
    known: bool = True


def as_jet(value: Jet | int) -> Jet:
    """A number as a jet."""
    return value if isinstance(value, Jet) else Jet.literal(fmpq(value))


def apply(function: str, a: Jet) -> Jet:
    """A function of Arb's, of a number or of a power series."""
    if a.is_constant:
        return a.as_constant(getattr(ball(a.value), function)())
    taylor = getattr(arb_series([ball(c) for c in a.coefficients], prec=len(a)), function)()
    return a.with_coefficients([taylor[power] for power in range(len(a))])


def compose(derivatives: Sequence[Real], a: Jet) -> Jet:
    """sum(derivatives[k] * (a - a0)**k): a function given by its Taylor coefficients at the value of a."""
    if a.is_constant:
        return a.as_constant(derivatives[0])
    rest = a.with_coefficients((_ZERO, *a.coefficients[1:]))
    result = a.as_constant(derivatives[len(a) - 1])
    for coefficient in reversed(derivatives[: len(a) - 1]):
        result = result * rest + Jet.literal(coefficient)
    return a.with_coefficients([result[power] for power in range(len(a))])


def integrate(start: Real, derivative: Jet, a: Jet) -> Jet:
    """The jet y of a function of a with y' = derivative * a' and the value `start`."""
    if a.is_constant:
        return a.as_constant(start)
    if len(a) == 1:
        return a.with_coefficients([start])
    product = derivative * Jet([c * power for power, c in enumerate(a.coefficients)][1:])
    rest = [product[power] / (power + 1) for power in range(len(a) - 1)]
    return Jet([start, *rest], a.notes | derivative.notes, is_literal=a.is_literal)


def is_nan(value: Real) -> bool:
    """Whether a coefficient is not known at all."""
    return isinstance(value, arb) and bool(value.is_nan())
