"""Expressions of which every branch is decided, as polynomials that can be compared exactly.

Equal polynomials are equal functions wherever they are defined: that is the proof that two sides of a breakpoint are the
same, or that something vanishes.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import lcm

from flint import fmpq, fmpz_poly

from gradcalc.engines.taylor.germs.atoms import Element, TooMany, Undecided, collect, places
from gradcalc.engines.taylor.germs.normal_forms import MAX_POWER, NormalForms, terms_of_power
from gradcalc.runtime import deadline

_MAX_EXPONENTS = 2_000_000
"""Exponents, of all terms together, up to which elements are multiplied out to see whether one vanishes."""


class Elements(NormalForms):
    """Elements with an exact test for zero."""

    def vanishes(self, p: Element) -> bool:
        """Whether an element is proven to be zero.

        Newest atoms first: an inverse is multiplied out, a root is reduced by its power, sin and cos by the sum of their
        squares, or of rational parts of pi by a cyclotomic polynomial, tanh written in exponentials, and these as powers of
        one with a common denominator.  What would become too long for that is not proven.
        """
        try:
            return self._vanishes(p)
        except TooMany:
            raise
        except Undecided:
            return False

    def _vanishes(self, p: Element) -> bool:
        for place in range(self._size - len(self.atoms), self._size):
            if p.is_zero():
                return True
            if p.degrees()[place] <= 0:
                continue
            deadline.check()
            atom, here = self.atoms[place], self._generators[place]
            if atom.argument is None:
                continue
            if atom.kind == "inverse":
                parts = collect(p, place)
                (top,) = max(parts)
                p = self._sum((c, expand_power(atom.argument, top - power)) for (power,), c in parts.items())
            elif atom.kind == "root":
                p = self._substitute(p, place, atom.number, atom.argument)
            elif atom.kind in ("sin", "cos") and self._angle_over_pi(place) is not None:
                p = self._in_root_of_unity(p)
            elif atom.kind in ("sin", "cos"):
                other = self.find("cos" if atom.kind == "sin" else "sin", atom.argument)
                if other is not None:
                    p = self._substitute(p, place, 2, 1 - other**2)
            elif atom.kind == "tanh":
                return self._vanishes(self._without_tanh(p, place, atom.argument))
            elif atom.kind == "exp" and (finest := self._power_of_common_root(atom.argument)) != here:
                p = self._substitute(p, place, 1, finest)
            elif atom.kind == "element":
                p = self._substitute(p, place, 1, atom.argument)
        return bool(p.is_zero())

    def _sum(self, products: Iterable[tuple[Element, Element]]) -> Element:
        """A sum of products.  Raises `Undecided` where it is long."""
        total, most = self.zero, _max_terms(self.zero)
        for c, factor in products:
            deadline.check()
            if len(c) * len(factor) > 10 * most:
                raise Undecided("a long product")
            total = total + c * factor
            if len(total) > most:
                raise Undecided("a long sum")
        return total

    def _substitute(self, p: Element, place: int, degree: int, value: Element) -> Element:
        """An element with a value in the place of a power of a generator.  Raises `Undecided` where it is long."""
        parts = [(c, *divmod(power, degree)) for (power,), c in collect(p, place).items()]
        return self._sum((c * self._generators[place] ** rest, expand_power(value, whole)) for c, whole, rest in parts)

    def _angle_over_pi(self, place: int) -> fmpq | None:
        """The rational q of a generator sin(q*pi) or cos(q*pi); None for any other."""
        atom = self.atoms[place]
        if atom.kind not in ("sin", "cos") or atom.argument is None or len(atom.argument) != 1:
            return None
        scale = atom.argument.leading_coefficient()
        return scale if atom.argument / scale == self.atom("pi") else None

    def _in_root_of_unity(self, p: Element) -> Element:
        """Sines and cosines of rational parts of pi as polynomials in one root of unity, modulo its minimal polynomial."""
        turns = {place: turn for place in places(p) if (turn := self._angle_over_pi(place)) is not None}
        half = 2 * lcm(*(int(turn.q) for turn in turns.values()))  # z**half = -1, and z**(half/2) = i
        if half > MAX_POWER:
            return p
        z = self.atom("root of unity", None, half)
        for place, turn in turns.items():
            k = int(turn * half) % (2 * half)
            forth, back = z**k, z ** (2 * half - k)
            value = (forth + back) / 2 if self.atoms[place].kind == "cos" else (back - forth) * z ** (half // 2) / 2
            p = self._substitute(p, place, 1, value)
        minimal = fmpz_poly.cyclotomic(2 * half)
        return p % sum((int(c) * z**power for power, c in enumerate(minimal)), self.zero)

    def _without_tanh(self, p: Element, place: int, argument: Element) -> Element:
        """An element without one tanh, times a power of exp(2*a) + 1."""
        square = self.exponential(argument) ** 2
        parts = collect(p, place)
        (top,) = max(parts)
        return self._sum(
            (c, expand_power(square - 1, power) * expand_power(square + 1, top - power)) for (power,), c in parts.items()
        )

    def _power_of_common_root(self, argument: Element) -> Element:
        """exp(b/d) as a power of exp(b/n), n the least common multiple of all d that there are."""
        scale = argument.leading_coefficient()
        base = argument / scale
        exponents = [atom.argument for atom in self.atoms.values() if atom.kind == "exp" and atom.argument is not None]
        scales = [other.leading_coefficient() for other in exponents if other / other.leading_coefficient() == base]
        n = lcm(*(int(other.q) for other in scales))
        power = scale * n
        if power.q != 1 or not 0 < power.p <= MAX_POWER:
            return self.atom("exp", argument)
        return self.atom("exp", base / n) ** int(power.p)


def expand_power(p: Element, n: int) -> Element:
    """p**n, multiplied out.  Raises `Undecided` where that is long."""
    if terms_of_power(p, n) > _max_terms(p):
        raise Undecided("a long power")
    return p**n


def _max_terms(p: Element) -> int:
    """How long an element like this one may become while it is multiplied out."""
    return _MAX_EXPONENTS // p.context().nvars()
