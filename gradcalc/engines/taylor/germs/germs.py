"""Germs: elements near a point, with their signs and limits.

Signs, limits and derivatives are read off series; whether elements are equal is decided by their polynomials.
"""

from __future__ import annotations

from flint import fmpq

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.germs.atoms import SIZES, Element, Undecided, collect, rational
from gradcalc.engines.taylor.germs.expansions import Expansions, Growth
from gradcalc.engines.taylor.germs.series import LENGTHS, Term, TooShort

_BITS = (128, 640, 3_200, 12_800)
"""Precisions at which the sign of a constant is looked for."""


class NotDefined:
    """What an expression has where it is not real: no value."""

    def _stays(self, *_: object) -> NotDefined:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __neg__ = _stays


class Unknown(NotDefined):
    """What is not known of an expression; `why` says what was in the way."""

    def __init__(self, why: str):
        self.why = why


class Germs(Expansions):
    """Signs and limits of elements.

    `guesses` counts zeros that were not proven: constants that are zero to thousands of bits, and series whose known terms
    all vanish.
    """

    def __init__(self, size: int = SIZES[0]) -> None:
        super().__init__(size)
        self.guesses = 0
        self._signs: dict[str, int] = {}

    def sign(self, p: Element) -> int:
        """The sign of an element where its infinitesimals are small enough; 0 if it vanishes, or counts as zero."""
        value = rational(p)
        if value is not None:
            return int(value > 0) - int(value < 0)
        key = str(p)
        if key not in self._signs:
            along = self.smallest_infinitesimal(p)
            self._signs[key] = self._constant_sign(p) if along is None else self._moving_sign(p, along)
        return self._signs[key]

    def _constant_sign(self, p: Element) -> int:
        finite = True
        for bits in _BITS:
            with reals.precision(bits):
                value = self.enclose(p)
            if value > 0 or value < 0:
                return 1 if value > 0 else -1
            if bits == _BITS[0] and self.vanishes(p):
                return 0
            finite = bool(value.is_finite())
        if not finite:
            raise Undecided("a constant without a value")
        self.guesses += 1
        return 0

    def _moving_sign(self, p: Element, along: int) -> int:
        try:
            term = self.leading(p, along)
        except Growth:
            place = self._growing_exponential(p, along)
            if place is None:
                raise
            return self._sign_with_growing(p, place)
        return self.sign(term[1]) if term else 0

    def leading(self, p: Element, along: int) -> Term | None:
        """The leading term of an element; None if it vanishes, or counts as zero.

        Along the logarithm of an infinitesimal s the powers are those of -1/log(s).
        """
        for length in LENGTHS:
            try:
                return self.lead(self.expand(p, along, length))
            except (TooShort, Undecided) as why:
                if length == LENGTHS[0] and self.vanishes(p):
                    return None
                if isinstance(why, Undecided):
                    raise
        if self._met_flat_term:
            raise Undecided("the sign of what is smaller than every power, or oscillates")
        self.guesses += 1
        return None

    def limit(self, p: Element) -> Element | float:
        """The constant to which an element tends, or an infinity.  Raises `Undecided` where there is neither."""
        along = self.smallest_infinitesimal(p)
        while along is not None:
            try:
                series = self.expand_beyond(p, along, 0)
            except Growth:
                place = self._growing_exponential(p, along)
                if place is None:
                    raise
                return self._sign_with_growing(p, place) * float("inf")
            for r, c in series.terms:
                if self.compare(r, fmpq(0)) < 0 and (side := self.sign(c)):
                    return side * float("inf")
            p = self.coefficient(series, fmpq(0))
            along = self.smallest_infinitesimal(p)
        return p

    def _sign_with_growing(self, p: Element, place: int) -> int:
        """The sign of an element in which an exponential grows, by its highest power: it is larger than every power of s."""
        parts = collect(p, place)
        side = self.sign(parts[max(parts)])
        if not side:
            raise Undecided("how an exponential that grows cancels")
        return side
