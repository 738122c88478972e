"""The elementary functions in jets."""

from __future__ import annotations

from abc import ABC
from fractions import Fraction

from flint import arb, fmpq

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.jets import NAN, ZERO_TO_ZERO, Jet, NoteKind, Notes, apply, as_jet, compose, integrate
from gradcalc.engines.taylor.piecewise_functions import PiecewiseFunctions
from gradcalc.engines.taylor.reals import Real, ball, exact, floor, integer

_MAX_MULTIPLIED_POWER = 64


class ElementaryFunctions(PiecewiseFunctions, ABC):
    """Powers, roots, exponentials, logarithms, trigonometric and hyperbolic functions."""

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
        note = self.note(NoteKind.POLE, "division by zero")
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
            note = self.note(NoteKind.DOMAIN, "a negative number to a power that is not a constant integer")
            variable_integer = None if b.is_constant else integer(b.value)
            if variable_integer is not None:  # real at this very exponent, and at none beside it
                value = self._integer_power(Jet.constant(a.value), Jet.constant(b.value), variable_integer).value
                return self.with_unknown_tail(value, a.notes | b.notes | {note})
            return self.undefined([a, b], note)
        return self._power_of_zero(a, b)

    def _power_of_zero(self, a: Jet, b: Jet) -> Jet:
        """0**b for b that varies or is not an integer."""
        exponent = reals.sign(b.value)
        if exponent < 0:
            return self.undefined([a, b], self.note(NoteKind.POLE, "zero to a negative power"))
        notes = a.notes | b.notes
        if exponent == 0:
            return self.with_unknown_tail(fmpq(1), notes | {self.note(NoteKind.EDGE, "0**0")})
        if a.is_constant:
            return Jet.constant(fmpq(0), notes, is_literal=a.is_literal and b.is_literal)
        return self.with_unknown_tail(fmpq(0), notes | {self.note(NoteKind.EDGE, "a power of zero")})

    def _integer_power(self, a: Jet, b: Jet, n: int) -> Jet:
        one = Jet.constant(fmpq(1), a.notes | b.notes, is_literal=a.is_literal and b.is_literal)
        if n == 0:
            depends_on_path = not (a.is_literal or b.is_literal or (a.is_constant and b.is_constant))
            if depends_on_path and reals.sign(a.value) == 0:
                return one.with_notes(self.note(NoteKind.EDGE, ZERO_TO_ZERO))
            return one
        if n < 0:
            return self.divide(1, self._integer_power(a, b, -n))
        if n <= _MAX_MULTIPLIED_POWER or reals.sign(a.value) == 0:
            return reals.power(a, n, one)  # exact for rationals, and right where a is zero
        positive = a if reals.sign(a.value) > 0 else -a
        result = self.exp(apply("log", positive) * n)
        return result if positive is a or n % 2 == 0 else -result

    def sqrt(self, a: Jet) -> Jet:
        at_point = reals.sign(a.value)
        if at_point > 0:
            return apply("sqrt", a)
        if at_point < 0:
            return self.undefined([a], self.note(NoteKind.DOMAIN, "the square root of a negative number"))
        if a.is_constant:
            return a.as_constant(fmpq(0))
        note = self.note(NoteKind.EDGE, "the square root of zero")
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
        note = self.note(NoteKind.SEAM, "the cube root of zero")
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
            return self.undefined([a], self.note(NoteKind.POLE, "the logarithm of zero"))
        return self.undefined([a], self.note(NoteKind.DOMAIN, "the logarithm of a negative number"))

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
        return self.with_unknown_tail(fmpq(0), a.notes | b.notes | {self.note(NoteKind.EDGE, "0*log(0)")})

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
            return -1, a.notes | {self.note(NoteKind.DOMAIN, f"{self.name} outside its domain")}
        if at_point == 0 and not a.is_constant:
            return 0, a.notes | {self.note(NoteKind.EDGE, f"{self.name} at an end of its domain")}
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
        return self.undefined([y, x], self.note(NoteKind.DOMAIN, "atan2 at the origin"))

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
            return self.undefined([a], self.note(NoteKind.POLE, f"{self.name} at an end of its domain"))
        return integrate(ball(a.value).atanh(), 1 / ((1 - a) * (1 + a)), a)
