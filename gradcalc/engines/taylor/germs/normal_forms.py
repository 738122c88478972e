"""Normal forms of powers, exponentials, logarithms and odd functions of elements.

They are sound for what their docstrings assume, and complete for nothing: elements that are equal may have different
polynomials, and then only their enclosures can be compared.
"""

from __future__ import annotations

from math import comb

from flint import arb, fmpq, fmpz
from flint.utils.flint_exceptions import DomainError

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.germs.atoms import Atoms, Element, Undecided, places, rational

MAX_POWER = 400
_MAX_ROOT_DEGREE = 10**9
"""Arb takes machine words."""
_MAX_OUTER_POWER = 60
"""Largest numerator of an exponent that stands outside of exp."""
_MAX_DIVIDEND_TERMS = 2_000
"""Terms of a dividend up to which a division is tried."""
_MAX_POWER_TERMS = 2_000
"""Terms up to which a power is multiplied out in an element: flint cannot be interrupted, and long elements are slow."""
_FACTORED_BITS = 64
"""Integers of so many bits are factored for a normal form of their roots and logarithms."""


class NormalForms(Atoms):
    """Functions of elements, as elements."""

    def inverse(self, p: Element) -> Element:
        """1/p for an element that is not zero."""
        value = rational(p)
        if value is not None:
            return self.constant(1 / value)
        scale = p.leading_coefficient()
        if len(p) > 1:
            return self.atom("inverse", p / scale) / scale
        result = self.constant(1 / scale)
        for place in places(p):
            atom, power = self.atoms[place], int(p.degrees()[place])
            if atom.kind == "inverse":
                assert atom.argument is not None
                result = result * atom.argument**power
            else:
                result = result * self.atom("inverse", self._generators[place]) ** power
        return result

    def quotient(self, p: Element, q: Element) -> Element:
        """p/q for a q that is not zero."""
        value = rational(q)
        if value is not None:
            return p / value
        try:
            return p / q if len(q) == 1 or len(p) <= _MAX_DIVIDEND_TERMS else p * self.inverse(q)
        except DomainError:  # it does not divide
            return p * self.inverse(q)

    def raise_to(self, p: Element, r: fmpq) -> Element:
        """p**r; p is not zero where r is negative, and positive where r is no integer.  Raises `Undecided` if r is large."""
        n, q = int(r.p), int(r.q)
        if abs(n) > MAX_POWER or q > _MAX_ROOT_DEGREE:
            raise Undecided("a large power, or a root of a large degree")
        if q == 1:
            is_long = len(p) > 1 and (abs(n) > 16 or terms_of_power(p, abs(n)) > _MAX_POWER_TERMS)
            base = self.atom("element", p) if is_long else p
            return base**n if n >= 0 else self.inverse(base) ** -n
        scale = p.leading_coefficient()
        scale = -scale if scale < 0 else scale
        result = self._rational_root(scale, q) ** abs(n)
        if not (p / scale).is_one():
            result = result * self.atom("root", p / scale, q) ** abs(n)
        return result if n > 0 else self.inverse(result)

    def _rational_root(self, value: fmpq, q: int) -> Element:
        """The q-th root of a positive rational as a rational times roots of primes, or of a large number."""
        if q > MAX_POWER and value.q != 1:
            return self.atom("root", self.constant(value), q)
        top, bottom = int(value.p), int(value.q)
        result = self.constant(fmpq(1, bottom))
        for base, power in _factors(top * bottom ** (q - 1)):
            whole, part = divmod(power, q)
            result = result * fmpq(base) ** whole
            exact = _whole_root(base, q) if part else None
            if exact is not None:
                result = result * fmpq(exact) ** part
            elif part:
                result = result * self.atom("root", self.constant(base), q) ** part
        return result

    # -- exponentials and logarithms

    def exponential(self, a: Element) -> Element:
        """exp(a): exp(rational), powers of what stands in logarithms, and exp of the rest to a whole power."""
        terms = dict(a.to_dict())
        start = terms.pop((0,) * self._size, fmpq(0))
        result = self._rational_exponential(start)
        for powers, scale in list(terms.items()):
            named = [place for place, power in enumerate(powers) if power]
            atom = self.atoms[named[0]]
            if len(named) == 1 and powers[named[0]] == 1 and atom.kind == "log" and abs(int(scale.p)) <= _MAX_OUTER_POWER:
                assert atom.argument is not None
                result = result * self.raise_to(atom.argument, scale)  # exp(r*log(b)) = b**r
                del terms[powers]
        if not terms:
            return result
        tail = self._context.from_dict(terms)
        scale = tail.leading_coefficient()
        n, d = int(scale.p), int(scale.q)
        base = tail / scale
        if abs(n) > _MAX_OUTER_POWER:
            n, base = (1 if n > 0 else -1), base * abs(n)
        root = self.atom("exp", base / d)
        return result * (root**n if n > 0 else self.inverse(root) ** -n)

    def _rational_exponential(self, value: fmpq) -> Element:
        n, d = int(value.p), int(value.q)
        if n == 0:
            return self.one
        if abs(n) > MAX_POWER:
            return self.atom("exp", self.constant(value))
        root = self.atom("exp", self.constant(fmpq(1, d)))
        return root**n if n > 0 else self.inverse(root) ** -n

    def logarithm(self, a: Element) -> Element:
        """log(a) for a positive element: of a rational by its primes, of powers of exponentials without them."""
        value = rational(a)
        if value is not None:
            return self._rational_logarithm(value)
        if len(a) > 1:
            scale = abs(a.leading_coefficient())
            return self._rational_logarithm(scale) + self.atom("log", a / scale)
        scale = a.leading_coefficient()
        if scale > 0:
            exponents = [(self._exponent(place), int(a.degrees()[place])) for place in places(a)]
            exact_exponents = [exponent * power for exponent, power in exponents if exponent is not None]
            if len(exact_exponents) == len(exponents):
                return sum(exact_exponents, self._rational_logarithm(scale))
        scale = abs(scale)
        return self._rational_logarithm(scale) + self.atom("log", a / scale)

    def _exponent(self, place: int) -> Element | None:
        """What stands in an exponential, or in the inverse of one; None for another atom."""
        atom = self.atoms[place]
        if atom.kind == "exp":
            return atom.argument
        if atom.kind == "inverse" and atom.argument is not None and len(atom.argument) == 1:
            inner = places(atom.argument)
            if len(inner) == 1 and atom.argument == self._generators[inner[0]] and self.atoms[inner[0]].kind == "exp":
                below = self.atoms[inner[0]].argument
                return None if below is None else -below
        return None

    def _rational_logarithm(self, value: fmpq) -> Element:
        total = self.zero
        for number, sign in ((int(value.p), 1), (int(value.q), -1)):
            for base, power in _factors(number):
                total = total + self.atom("log", self.constant(base)) * (sign * power)
        return total

    # -- odd and circular functions

    def odd(self, kind: str, a: Element) -> Element:
        """An odd function of an element."""
        if a.is_zero():
            return self.zero
        return -self.atom(kind, -a) if a.leading_coefficient() < 0 else self.atom(kind, a)

    def sine_and_cosine(self, a: Element) -> tuple[Element, Element]:
        """sin and cos of an element; multiples of pi/2 in it are turned off."""
        pi = places(self.atom("pi"))[0]
        unit = tuple(int(place == pi) for place in range(self._size))
        quarters = 2 * a[unit]
        if quarters.q == 1:
            a = a - quarters / 2 * self._generators[pi]
        sine = self.odd("sin", a)
        cosine = self.one if a.is_zero() else self.atom("cos", -a if a.leading_coefficient() < 0 else a)
        quadrants = (sine, cosine, -sine, -cosine, sine) if quarters.q == 1 else (sine, cosine)
        turn = int(quarters.p) % 4 if quarters.q == 1 else 0
        return quadrants[turn], quadrants[turn + 1]


def terms_of_power(p: Element, n: int) -> int:
    """How many terms the power of an element has at most."""
    return comb(max(len(p), 1) + n - 1, n)


def _factors(number: int) -> list[tuple[int, int]]:
    """The primes of a positive integer with their powers; of a large one, itself."""
    if number == 1:
        return []
    if number.bit_length() > _FACTORED_BITS:
        return [(number, 1)]
    return [(int(base), int(power)) for base, power in fmpz(number).factor()]


def _whole_root(number: int, degree: int) -> int | None:
    """The integer whose power a positive integer is, or None."""
    with reals.precision(64 + number.bit_length()):
        near = (arb(number).root(degree).mid() + fmpq(1, 2)).floor().unique_fmpz()
    return int(near) if near is not None and int(near) ** degree == number else None
