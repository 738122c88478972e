"""Generalised power series in one infinitesimal, and their arithmetic.

A series is sum c_i * s**r_i + O(s**bound) in one infinitesimal s.  Its coefficients are elements without s (they may hold
log(s), which is slower than every power of s) and its exponents rationals or constant elements.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key

from flint import fmpq

from gradcalc.engines.taylor.germs.atoms import SIZES, Element, Undecided, rational
from gradcalc.engines.taylor.germs.elements import Elements
from gradcalc.runtime import deadline

Exponent = fmpq | Element
Term = tuple[Exponent, Element]
"""An exponent and its coefficient."""

LENGTHS = (4, 8, 16, 32)
"""Terms of a series; the next length is tried where all known terms vanish."""


class TooShort(Exception):
    """All known coefficients vanish: more terms are needed."""


class Series:
    """Terms (exponent, coefficient), lowest exponent first, and the exponent from which on nothing is known, or None."""

    __slots__ = ("bound", "terms")

    def __init__(self, terms: Sequence[Term], bound: Exponent | None = None):
        self.terms, self.bound = terms, bound

    @property
    def first(self) -> Exponent | None:
        """A lower bound of the exponents; None for an exact zero."""
        return self.terms[0][0] if self.terms else self.bound


def _summed(terms: Iterable[Term]) -> Iterable[Term]:
    """Terms with exponents that are written alike as one term."""
    table: dict[str, Term] = {}
    for r, c in terms:
        key = str(r)
        table[key] = (r, table[key][1] + c) if key in table else (r, c)
    return table.values()


def _rational_exponent(term: Term) -> fmpq:
    assert isinstance(term[0], fmpq)
    return term[0]


class SeriesArithmetic(Elements, ABC):
    """Elements, and series of at most `_length` terms with elements as coefficients."""

    def __init__(self, size: int = SIZES[0]) -> None:
        super().__init__(size)
        self._length = LENGTHS[0]

    @abstractmethod
    def sign(self, p: Element) -> int:
        """The sign of an element where its infinitesimals are small enough; 0 if it vanishes, or counts as zero."""

    # -- exponents

    def compare(self, r: Exponent, other: Exponent) -> int:
        """The sign of the difference of two exponents."""
        if isinstance(r, fmpq) and isinstance(other, fmpq):
            return int(r > other) - int(r < other)
        return self.sign(r - other + self.zero)

    def _compare_terms(self, term: Term, other: Term) -> int:
        return self.compare(term[0], other[0])

    def _least(self, r: Exponent | None, other: Exponent | None) -> Exponent | None:
        if r is None or other is None:
            return other if r is None else r
        return r if self.compare(r, other) <= 0 else other

    def coefficient(self, series: Series, exponent: fmpq) -> Element:
        """The coefficient of a power, however its exponent is written."""
        return next((c for r, c in series.terms if self.compare(r, exponent) == 0), self.zero)

    def lead(self, series: Series) -> Term | None:
        for r, c in series.terms:
            if self.sign(c):
                return r, c
        if series.bound is None:
            return None
        raise TooShort

    # -- arithmetic of series

    def series(self, terms: Iterable[Term], bound: Exponent | None = None) -> Series:
        """A series from terms in any order, cut after as many as are kept."""
        known = [(r if isinstance(r, fmpq) or (value := rational(r)) is None else value, c) for r, c in terms]
        if all(isinstance(r, fmpq) for r, _ in known):
            known.sort(key=_rational_exponent)
            sequence = self._merge(known)
        else:
            sequence = [(r, c) for r, c in _summed(known) if not c.is_zero()]
            sequence.sort(key=cmp_to_key(self._compare_terms))
            sequence = self._merge(sequence)
        if bound is not None:
            sequence = [(r, c) for r, c in sequence if self.compare(r, bound) < 0]
        if len(sequence) > self._length:
            bound, sequence = sequence[self._length][0], sequence[: self._length]
        return Series([(r, self.shorten(c)) for r, c in sequence], bound)

    def _merge(self, terms: Sequence[Term]) -> list[Term]:
        """Neighbours with exponents that are equal, however they are written, as one term."""
        sums: list[Term] = []
        for r, c in terms:
            if sums and self.compare(sums[-1][0], r) == 0:
                sums[-1] = (sums[-1][0], sums[-1][1] + c)
            else:
                sums.append((r, c))
        return [(r, c) for r, c in sums if not c.is_zero()]

    def add_series(self, one: Series, other: Series) -> Series:
        """The sum of two series."""
        return self.series([*one.terms, *other.terms], self._least(one.bound, other.bound))

    def multiply_series(self, one: Series, other: Series) -> Series:
        """The product of two series."""
        deadline.check()
        first, second = one.first, other.first
        if first is None or second is None:
            return Series([])
        bound = self._least(
            None if other.bound is None else first + other.bound, None if one.bound is None else second + one.bound
        )
        products = [(r + q, c * d) for r, c in one.terms for q, d in other.terms]
        return self.series(products, bound)

    def scale_series(self, series: Series, r: Exponent, c: Element) -> Series:
        """A series times c*s**r."""
        bound = None if series.bound is None else series.bound + r
        return Series([(q + r, d * c) for q, d in series.terms], bound)

    def _negate(self, series: Series) -> Series:
        return Series([(r, -c) for r, c in series.terms], series.bound)

    def _constant_series(self, p: Element) -> Series:
        return Series([] if p.is_zero() else [(fmpq(0), p)])

    def compose(self, rest: Series, coefficients: Callable[[int], Sequence[Element]]) -> Series:
        """sum coefficients[k] * rest**k for a series without constant term."""
        if rest.first is None:
            return self._constant_series(coefficients(1)[0])
        factors = coefficients(self._length + 1)
        total, power = self._constant_series(factors[0]), self._constant_series(self.one)
        for c in factors[1:]:
            power = self.multiply_series(power, rest)
            if not power.terms:
                break
            total = self.add_series(total, self.scale_series(power, fmpq(0), c))
        else:
            power = self.multiply_series(power, rest)
        return self.add_series(total, Series([], power.first))

    def power(self, series: Series, r: fmpq) -> Series:
        """A series to a rational power.  Raises `Undecided` where it is not defined, or too large."""
        if r.q == 1 and 0 <= r.p <= 16:
            result = self._constant_series(self.one)
            for _ in range(int(r.p)):
                result = self.multiply_series(result, series)
            return result
        term = self.lead(series)
        if term is None:
            raise Undecided("a power of zero")
        e, c = term
        if r.q != 1 and self.sign(c) < 0:
            raise Undecided("a root of a negative number")

        def binomials(count: int) -> list[Element]:
            row = [fmpq(1)]
            for k in range(count - 1):
                row.append(row[-1] * (r - k) / (k + 1))
            return [self.constant(b) for b in row]

        return self.scale_series(self.compose(self._relative(series, e, c), binomials), e * r, self.raise_to(c, r))

    def _relative(self, series: Series, e: Exponent, c: Element) -> Series:
        """series/(c*s**e) - 1, for the leading term of the series."""
        terms = [(q - e, self.quotient(d, c)) for q, d in series.terms if self.compare(q, e) > 0]
        return self.series(terms, None if series.bound is None else series.bound - e)
