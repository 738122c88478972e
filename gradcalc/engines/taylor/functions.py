"""The elementary functions in jets."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from fractions import Fraction

from flint import arb, fmpq

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.jets import (
    CONDITION,
    NAN,
    ZERO_TO_ZERO,
    Condition,
    Jet,
    NoSeries,
    Note,
    Notes,
    apply,
    as_jet,
    compose,
    integrate,
    is_nan,
)
from gradcalc.engines.taylor.reals import Real, ball, exact, floor, integer
from gradcalc.errors import Span
from gradcalc.expression.tree import Call
from gradcalc.functions.vocabulary import Vocabulary
from gradcalc.runtime import deadline

_MAX_MULTIPLIED_POWER = 64


class ElementaryFunctions(Vocabulary[Jet, Condition], ABC):
    """The elementary functions of the vocabulary, in jets up to t**`order`."""

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

    def note(self, kind: str, what: str) -> Note:
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
        notes = a.notes | {self.note("seam", what)}
        power = a.valuation()
        if power is None:
            raise NoSeries
        return reals.sign(a[power]), notes

    # -- numbers

    def number(self, value: int | str) -> Jet:
        return Jet.literal(exact(Fraction(value)))

    def pi(self) -> Jet:
        return Jet.literal(arb.pi())

    def e(self) -> Jet:
        return Jet.literal(arb.const_e())

    # -- division, powers and roots

    def divide(self, a: Jet | int, b: Jet | int) -> Jet:
        a, b = as_jet(a), as_jet(b)
        if reals.sign(b.value):
            return a / b
        note = self.note("pole", "division by zero")
        power = None if b.is_constant else b.valuation()
        if power is None or not a.starts_with_zeros(power):
            return self.undefined([a, b], note)
        if a.is_constant:
            return Jet.constant(fmpq(0), a.notes | b.notes | {note}, is_literal=a.is_literal and b.is_literal)
        if len(a) <= power:
            return self.undefined([a, b], note)
        # Both vanish at the point: along the ray the quotient goes on.
        return (a.divide_by_t(power) / b.divide_by_t(power)).with_notes(note)

    def power(self, a: Jet, b: Jet) -> Jet:
        whole = integer(b.value) if b.is_constant else None
        if whole is not None:
            return self._integer_power(a, b, whole)
        base = reals.sign(a.value)
        if base > 0:
            return self.exp(b * apply("log", a))
        if b.is_constant and isinstance(b.value, arb):
            near = floor(b.value)
            if near is not None and reals.sign(b.value - near) == 0:  # an integer as far as the precision tells
                return self._integer_power(a, b, near)
        if base < 0:
            note = self.note("domain", "a negative number to a power that is not a constant integer")
            isolated = None if b.is_constant else integer(b.value)
            if isolated is not None:  # real at this very exponent, and at none beside it
                value = self._integer_power(Jet.constant(a.value), Jet.constant(b.value), isolated).value
                return self.with_unknown_tail(value, a.notes | b.notes | {note})
            return self.undefined([a, b], note)
        return self._power_of_zero(a, b)

    def _power_of_zero(self, a: Jet, b: Jet) -> Jet:
        """0**b for b that moves or is no integer."""
        exponent = reals.sign(b.value)
        if exponent < 0:
            return self.undefined([a, b], self.note("pole", "zero to a negative power"))
        notes = a.notes | b.notes
        if exponent == 0:
            return self.with_unknown_tail(fmpq(1), notes | {self.note("edge", "0**0")})
        if a.is_constant:
            return Jet.constant(fmpq(0), notes, is_literal=a.is_literal and b.is_literal)
        return self.with_unknown_tail(fmpq(0), notes | {self.note("edge", "a power of zero")})

    def _integer_power(self, a: Jet, b: Jet, n: int) -> Jet:
        if n == 0:
            one = Jet.constant(fmpq(1), a.notes | b.notes, is_literal=a.is_literal and b.is_literal)
            depends_on_path = not (a.is_literal or b.is_literal or (a.is_constant and b.is_constant))
            if depends_on_path and reals.sign(a.value) == 0:
                return one.with_notes(self.note("edge", ZERO_TO_ZERO))
            return one
        if n < 0:
            return self.divide(1, self._integer_power(a, b, -n))
        if n <= _MAX_MULTIPLIED_POWER or reals.sign(a.value) == 0:
            return _repeated_product(a, b, n)
        positive = a if reals.sign(a.value) > 0 else -a
        result = self.exp(apply("log", positive) * n)
        return result if positive is a or n % 2 == 0 else -result

    def sqrt(self, a: Jet) -> Jet:
        at_point = reals.sign(a.value)
        if at_point > 0:
            return apply("sqrt", a)
        if at_point < 0:
            return self.undefined([a], self.note("domain", "the square root of a negative number"))
        if a.is_constant:
            return a.as_constant(fmpq(0))
        note = self.note("edge", "the square root of zero")
        power = a.valuation()
        if power is None or power % 2 or reals.sign(a[power]) < 0:
            return self._at_end(a, fmpq(0), a.notes | {note})
        return apply("sqrt", a.divide_by_t(power)).multiply_by_t(power // 2).with_notes(note)

    def cbrt(self, a: Jet) -> Jet:
        at_point = reals.sign(a.value)
        if at_point:
            root = self.exp(apply("log", a if at_point > 0 else -a) / 3)
            return root if at_point > 0 else -root
        if a.is_constant:
            return a.as_constant(fmpq(0))
        note = self.note("seam", "the cube root of zero")
        power = a.valuation()
        if power is None or power % 3:
            return self._at_end(a, fmpq(0), a.notes | {note})
        return self.cbrt(a.divide_by_t(power)).multiply_by_t(power // 3).with_notes(note)

    # -- exponentials and logarithms

    def exp(self, a: Jet) -> Jet:
        return apply("exp", a)

    def expm1(self, a: Jet) -> Jet:
        return a.with_coefficients([ball(a.value).expm1(), *apply("exp", a).coefficients[1:]])

    def log(self, a: Jet) -> Jet:
        at_point = reals.sign(a.value)
        if at_point > 0:
            return apply("log", a)
        if at_point == 0:
            return self.undefined([a], self.note("pole", "the logarithm of zero"))
        return self.undefined([a], self.note("domain", "the logarithm of a negative number"))

    def log1p(self, a: Jet) -> Jet:
        logarithm = self.log(1 + a)
        return Jet(
            [ball(a.value).log1p(), *logarithm.coefficients[1:]],
            logarithm.notes,
            is_constant=a.is_constant,
            is_literal=a.is_literal,
        )

    def logaddexp(self, a: Jet, b: Jet) -> Jet:
        # log(e**a + e**b) = a + log(1 + e**(b - a)), with the larger one in front.
        if ball(b.value).mid() > ball(a.value).mid():
            a, b = b, a
        return a + self.log1p(self.exp(b - a))

    def xlogy(self, a: Jet, b: Jet) -> Jet:
        if reals.sign(a.value):
            return a * self.log(b)
        if a.is_constant:
            return a.as_constant(fmpq(0))
        if reals.sign(b.value) > 0:
            return a * apply("log", b)
        return self.with_unknown_tail(fmpq(0), a.notes | b.notes | {self.note("edge", "0*log(0)")})

    def sigmoid(self, a: Jet) -> Jet:
        return 1 / (1 + apply("exp", -a))

    # -- trigonometry

    def sin(self, a: Jet) -> Jet:
        return apply("sin", a)

    def cos(self, a: Jet) -> Jet:
        return apply("cos", a)

    def _inside(self, a: Jet, low: int | None, high: int | None) -> tuple[int, Notes]:
        """-1 outside [low, high], 0 at an end, 1 inside."""
        at_point = min(1 if low is None else reals.sign(a.value - low), 1 if high is None else reals.sign(high - a.value))
        if at_point < 0:
            return -1, a.notes | {self.note("domain", f"{self.name} outside its domain")}
        if at_point == 0 and not a.is_constant:
            return 0, a.notes | {self.note("edge", f"{self.name} at an end of its domain")}
        return at_point, a.notes

    def _at_end(self, a: Jet, value: Real, notes: Notes) -> Jet:
        """A function of a with a value at an end of its domain, where it has no series."""
        return Jet([value, *[NAN] * (len(a) - 1)], notes, is_constant=a.is_constant, is_literal=a.is_literal)

    def asin(self, a: Jet) -> Jet:
        inside, notes = self._inside(a, -1, 1)
        if inside < 0:
            return self.undefined([a], *notes)
        if inside == 0:
            return self._at_end(a, arb.pi() / 2 * reals.sign(a.value), notes)
        return integrate(ball(a.value).asin(), 1 / self.sqrt((1 - a) * (1 + a)), a)

    def acos(self, a: Jet) -> Jet:
        inside, notes = self._inside(a, -1, 1)
        if inside < 0:
            return self.undefined([a], *notes)
        if inside == 0:
            return self._at_end(a, arb(0) if reals.sign(a.value) > 0 else arb.pi(), notes)
        return integrate(ball(a.value).acos(), -1 / self.sqrt((1 - a) * (1 + a)), a)

    def atan(self, a: Jet) -> Jet:
        return apply("atan", a)

    def atan2(self, y: Jet, x: Jet) -> Jet:
        right, up = reals.sign(x.value), reals.sign(y.value)
        if up:
            return Jet.literal(arb.pi() / 2 * up) - self.atan(x / y)
        if right > 0:
            return self.atan(y / x)
        if right < 0:
            above, notes = self.side(y, "the cut of atan2")
            return Jet.constant(-arb.pi() if above < 0 else arb.pi(), notes, is_literal=True) + self.atan(y / x)
        return self.undefined([y, x], self.note("domain", "atan2 at the origin"))

    def sinc(self, a: Jet) -> Jet:
        if reals.sign(a.value):
            return self.sin(a) / a
        # sin(t)/t = sum (-1)**k t**(2k)/(2k+1)!
        coefficients: list[Real] = []
        factor = fmpq(1)
        for power in range(self.order + 1):
            coefficients.append(factor if power % 2 == 0 else fmpq(0))
            if power % 2:
                factor = -factor / ((power + 1) * (power + 2))
        return compose(coefficients, a)

    # -- hyperbolic functions

    def sinh(self, a: Jet) -> Jet:
        twice = apply("exp", a) - apply("exp", -a)
        return a.with_coefficients([ball(a.value).sinh(), *(c / 2 for c in twice.coefficients[1:])])

    def cosh(self, a: Jet) -> Jet:
        twice = apply("exp", a) + apply("exp", -a)
        return a.with_coefficients([ball(a.value).cosh(), *(c / 2 for c in twice.coefficients[1:])])

    def tanh(self, a: Jet) -> Jet:
        secant = self.sech(a)
        return integrate(ball(a.value).tanh(), secant * secant, a)

    def coth(self, a: Jet) -> Jet:
        return self.divide(self.cosh(a), self.sinh(a))

    def sech(self, a: Jet) -> Jet:
        return 1 / self.cosh(a)

    def asinh(self, a: Jet) -> Jet:
        return integrate(ball(a.value).asinh(), 1 / self.sqrt(a * a + 1), a)

    def acosh(self, a: Jet) -> Jet:
        inside, notes = self._inside(a, 1, None)
        if inside < 0:
            return self.undefined([a], *notes)
        if inside == 0:
            return self._at_end(a, arb(0), notes)
        return integrate(ball(a.value).acosh(), 1 / self.sqrt((a - 1) * (a + 1)), a)

    def atanh(self, a: Jet) -> Jet:
        inside, notes = self._inside(a, -1, 1)
        if inside < 0:
            return self.undefined([a], *notes)
        if inside == 0:
            return self.undefined([a], self.note("pole", f"{self.name} at an end of its domain"))
        return integrate(ball(a.value).atanh(), 1 / ((1 - a) * (1 + a)), a)

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
        for other in args[1:]:
            side, notes = self.side(best - other, f"a tie in {self.name}")
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
        doubled = floor(2 * a.value)
        if doubled is None:
            return self.undefined([a])
        half = fmpq(doubled, 2)
        if doubled % 2 == 0 or reals.sign(a.value - half):
            return a.as_constant(fmpq((doubled + 1) // 2))
        side, notes = self.side(a - Jet.constant(half), "round at a half-integer")
        below, above = (doubled - 1) // 2, (doubled + 1) // 2
        even = below if below % 2 == 0 else above
        return Jet.constant(fmpq(even if side == 0 else below if side < 0 else above), notes, is_literal=a.is_literal)


def _join(holds: bool, p: Condition, q: Condition) -> Condition:
    """A condition on two conditions."""
    return Condition(
        holds, p.notes | q.notes, p.is_constant and q.is_constant, p.is_literal and q.is_literal, p.known and q.known
    )


def _repeated_product(a: Jet, b: Jet, n: int) -> Jet:
    """a**n by repeated squaring: exact for rationals, and right where a is zero."""
    result = Jet.constant(fmpq(1), a.notes | b.notes, is_literal=a.is_literal and b.is_literal)
    while n:
        if n & 1:
            result = result * a
        n >>= 1
        if n:
            a = a * a
    return result
