"""Jets: truncated Taylor series along a ray, in exact rationals and balls.

A jet is f(x0 + t*v) = c0 + c1*t + c2*t**2 + ... for t -> 0 from above.  Its coefficients are the one-sided derivatives of f
in the direction v, divided by factorials.  `still` jets do not move with t: they have one coefficient and are exact in all
others.  Operations that meet a place where f is not smooth leave a `Note` in their result, and go on along the ray.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from flint import arb, arb_series, fmpq

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import Real, ball, bounded, is_zero
from gradcalc.errors import Span


@dataclass(frozen=True, slots=True)
class Note:
    """A place of the expression where it is not smooth at the point.

    `kind` is "seam" (two formulas meet), "pole", "edge" (of the real domain), "domain" (no real value) or "unknown" (the
    engine has no series, or no value, of the function there).
    """

    kind: str
    what: str
    span: Span


NAN = arb.nan()
_NO_NOTES: frozenset[Note] = frozenset()


class Jet:
    """A Taylor series with notes; arithmetic is exact where its coefficients are rational."""

    __slots__ = ("coefficients", "fixed", "notes", "still")
    order: ClassVar[int] = 1
    """Highest power of t that is kept; set by the engine."""

    def __init__(self, coefficients: Sequence[Real], still: bool, notes: frozenset[Note] = _NO_NOTES, fixed: bool = False):
        self.coefficients = tuple(coefficients)
        self.still = still
        self.notes = notes
        self.fixed = fixed
        """Whether no variable occurs in it, moving or not."""

    @property
    def value(self) -> Real:
        """The limit along the ray."""
        return self.coefficients[0]

    @property
    def has_series(self) -> bool:
        """Whether it goes on along the ray as a series: where a coefficient is not known, none after it is."""
        last = self.coefficients[-1]
        return not (isinstance(last, arb) and last.is_nan())

    def __len__(self) -> int:
        return len(self.coefficients)

    def __getitem__(self, power: int) -> Real:
        if power < len(self.coefficients):
            return self.coefficients[power]
        return fmpq(0) if self.still else NAN

    def noting(self, *notes: Note) -> Jet:
        """The same jet with more notes."""
        return Jet(self.coefficients, self.still, self.notes.union(notes), self.fixed)

    def beside(self, parts: Iterable[Jet]) -> Jet:
        """The same limit as a function of parts that have no series: nothing is known of how it is approached."""
        notes = self.notes.union(*(part.notes for part in parts))
        return Jet([self.value, *[NAN] * Jet.order], False, notes, self.fixed)

    def _with(self, other: Jet, coefficients: Sequence[Real]) -> Jet:
        notes = self.notes | other.notes if other.notes else self.notes
        return Jet(coefficients, self.still and other.still, notes, self.fixed and other.fixed)

    def __neg__(self) -> Jet:
        return Jet([-c for c in self.coefficients], self.still, self.notes, self.fixed)

    def __add__(self, other: Jet | int) -> Jet:
        other = as_jet(other)
        a, b = self.coefficients, other.coefficients
        if other.still:
            total = [bounded(a[0] + b[0]), *a[1:]]
        elif self.still:
            total = [bounded(a[0] + b[0]), *b[1:]]
        else:
            total = [bounded(x + y) for x, y in zip(a, b, strict=False)]
        return self._with(other, total)

    def __sub__(self, other: Jet | int) -> Jet:
        if other is self and self.has_series:  # zero all along, whatever coefficients are not carried
            return Jet([fmpq(0)], True, self.notes, self.fixed)
        return self + (-as_jet(other))

    def __mul__(self, other: Jet | int) -> Jet:
        other = as_jet(other)
        a, b = self.coefficients, other.coefficients
        if other.still or self.still:
            factor, moving = (other, self) if other.still else (self, other)
            if is_zero(factor.value) and moving.has_series:  # zero all along, whatever coefficients are not carried
                return Jet([fmpq(0)], True, self.notes | other.notes, self.fixed and other.fixed)
            return self._with(other, [bounded(factor.value * c) for c in moving.coefficients])
        size = min(len(a), len(b))
        product = []
        for power in range(size):
            total = a[0] * b[power]
            for i in range(1, power + 1):
                total = total + a[i] * b[power - i]
            product.append(bounded(total))
        return self._with(other, product)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: int) -> Jet:
        return as_jet(other) - self

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
        if self.still:
            return count == 0 or bool(reals.sign(self.value) == 0)
        head = self.coefficients[:count]
        return len(head) == count and not any(is_nan(c) or reals.sign(c) for c in head)

    def shifted(self, powers: int) -> Jet:
        """Divided by t**powers, knowing that the first coefficients are zero."""
        return Jet(self.coefficients[powers:], False, self.notes, self.fixed)

    def raised(self, powers: int) -> Jet:
        """Multiplied by t**powers."""
        kept = (*(fmpq(0) for _ in range(powers)), *self.coefficients)
        return Jet(kept[: Jet.order + 1], False, self.notes, self.fixed)


def as_jet(value: Jet | int) -> Jet:
    """A number as a jet that does not move."""
    return value if isinstance(value, Jet) else Jet([fmpq(value)], still=True, fixed=True)


def undefined(parts: Sequence[Jet], *notes: Note) -> Jet:
    """The jet of what has no real value, or no series, here."""
    collected = frozenset(notes).union(*(part.notes for part in parts))
    still = all(part.still for part in parts)
    fixed = all(part.fixed for part in parts)
    return Jet([NAN] * (1 if still else Jet.order + 1), still, collected, fixed)


def quotient(a: Jet, b: Jet) -> Jet:
    """a/b where the leading coefficient of b is not zero."""
    if b.still:
        return a._with(b, [bounded(x / b.value) for x in a.coefficients])
    if a.still and is_zero(a.value) and b.has_series:
        return Jet([fmpq(0)], True, a.notes | b.notes, a.fixed and b.fixed)
    size = len(b) if a.still else min(len(a), len(b))
    result: list[Real] = []
    for power in range(size):
        total = a[power]
        for i in range(1, power + 1):
            total = total - b[i] * result[power - i]
        result.append(bounded(total / b.value))
    return a._with(b, result)


def series(a: Jet, function: str) -> Jet:
    """A function of Arb's, of a number or of a power series."""
    if a.still:
        return Jet([getattr(ball(a.value), function)()], True, a.notes, a.fixed)
    taylor = getattr(arb_series([ball(c) for c in a.coefficients], prec=len(a)), function)()
    return Jet([taylor[power] for power in range(len(a))], False, a.notes, a.fixed)


def composed(a: Jet, derivatives: Sequence[Real]) -> Jet:
    """sum(derivatives[k] * (a - a0)**k): a function given by its Taylor coefficients at the value of a."""
    if a.still:
        return Jet([derivatives[0]], True, a.notes, a.fixed)
    rest = Jet((fmpq(0), *a.coefficients[1:]), False, a.notes, a.fixed)
    result = Jet([derivatives[len(a) - 1]], True, a.notes, a.fixed)
    for coefficient in reversed(derivatives[: len(a) - 1]):
        result = result * rest + Jet([coefficient], True, fixed=True)
    return Jet([result[power] for power in range(len(a))], False, a.notes, a.fixed)


def integrated(start: Real, derivative: Jet, a: Jet) -> Jet:
    """The jet y of a function of a with y' = derivative * a' and the value `start`."""
    if a.still:
        return Jet([start], True, a.notes, a.fixed)
    slope = Jet([c * power for power, c in enumerate(a.coefficients)][1:], False) if len(a) > 1 else None
    if slope is None:
        return Jet([start], False, a.notes, a.fixed)
    product = derivative * slope
    rest = [product[power] / (power + 1) for power in range(len(slope))]
    return Jet([start, *rest][: len(a)], False, a.notes | derivative.notes, a.fixed)


def is_nan(value: Real) -> bool:
    """Whether a coefficient is not known at all."""
    return isinstance(value, arb) and bool(value.is_nan())
