"""Elements near a point: their signs, limits and generalised power series.

A series is sum c_i * s**r_i + O(s**bound) in one infinitesimal s.  Its coefficients are elements without s (they may hold
log(s), which is slower than every power of s) and its exponents rationals or constant elements.  Series are made from
elements on demand and lengthened on demand; only signs, limits and derivatives are read off them.  Whether elements are
equal is decided by their polynomials.

Source: Puiseux and Hahn series with logarithms, e.g. J. van der Hoeven, "Transseries and Real Differential Algebra" (2006),
of which this is the part that expressions at breakpoints need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cmp_to_key, partial
from math import comb

from flint import arb, fmpq

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.germs.coefficients import TAYLOR, log_of_one_and
from gradcalc.engines.taylor.germs.elements import (
    SIZES,
    Element,
    Elements,
    Undecided,
    by_powers,
    by_products,
    places,
    rational,
)
from gradcalc.runtime import deadline

Exponent = fmpq | Element
Coefficient = Callable[[arb, int], arb]
"""The k-th Taylor coefficient of a special function at a ball."""

_LENGTHS = (4, 8, 16, 32)
"""Terms of a series; the next length is tried where all known terms vanish."""
_BITS = (128, 640, 3_200, 12_800)
"""Precisions at which the sign of a constant is looked for."""


class Growth(Undecided):
    """An exponential grows beyond every power: there is no series."""


class TooShort(Exception):
    """All known coefficients vanish: more terms are needed."""


class NotDefined:
    """What an expression has where it is not real: no value.  `kind` is "pole" or "domain"."""

    def __init__(self, kind: str):
        self.kind = kind

    def _stays(self, *_: object) -> NotDefined:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __neg__ = _stays


class Unknown(NotDefined):
    """What is not known of an expression; `why` says what was in the way."""

    def __init__(self, why: str):
        super().__init__("unknown")
        self.why = why


class Series:
    """Terms (exponent, coefficient), lowest exponent first, and the exponent from which on nothing is known, or None."""

    __slots__ = ("bound", "terms")

    def __init__(self, terms: Sequence[tuple[Exponent, Element]], bound: Exponent | None = None):
        self.terms, self.bound = terms, bound

    @property
    def first(self) -> Exponent | None:
        """A lower bound of the exponents; None for an exact zero."""
        return self.terms[0][0] if self.terms else self.bound


def _rational_exponent(term: tuple[Exponent, Element]) -> fmpq:
    assert isinstance(term[0], fmpq)
    return term[0]


class Germs(Elements):
    """Signs and series of elements.

    `guesses` counts zeros that were not proven: constants that are zero to thousands of bits, and series whose known terms
    all vanish.
    """

    def __init__(self, size: int = SIZES[0]) -> None:
        super().__init__(size)
        self.guesses = 0
        self._rough = False
        self._flat = False
        """Whether something smaller than every power was met: then no run of zero terms counts as zero."""
        self._special: dict[str, Coefficient] = {}
        self._length, self._along = _LENGTHS[0], -1
        self._signs: dict[str, int] = {}
        self._series: dict[tuple[int, int, int, bool], Series] = {}

    @contextmanager
    def dropping_oscillation(self, allowed: bool) -> Iterator[None]:
        """Whether sin and cos of what grows may stand as a bounded term: that says nothing of its derivatives."""
        before, self._rough = self._rough, allowed
        try:
            yield
        finally:
            self._rough = before

    # -- signs

    def sign(self, p: Element) -> int:
        """The sign of an element where its infinitesimals are small enough; 0 if it vanishes, or counts as zero."""
        value = rational(p)
        if value is not None:
            return int(value > 0) - int(value < 0)
        key = str(p)
        if key not in self._signs:
            along = self.fastest(p)
            self._signs[key] = self._constant_sign(p) if along is None else self._moving_sign(p, along)
        return self._signs[key]

    def _constant_sign(self, p: Element) -> int:
        finite = True
        for bits in _BITS:
            with reals.precision(bits):
                value = self.enclosure(p)
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
            place = self._growing(p, along)
            if place is None:
                raise
            return self._sign_of_growing(p, place)
        return self.sign(term[1]) if term else 0

    def leading(self, p: Element, along: int) -> tuple[Exponent, Element] | None:
        """The leading term of an element; None if it vanishes, or counts as zero.

        Along the logarithm of an infinitesimal s the powers are those of -1/log(s).
        """
        for length in _LENGTHS:
            try:
                return self._lead(self.expanded(p, along, length))
            except (TooShort, Undecided) as why:
                if length == _LENGTHS[0] and self.vanishes(p):
                    return None
                if isinstance(why, Undecided):
                    raise
        if self._flat:
            raise Undecided("the sign of what is smaller than every power, or oscillates")
        self.guesses += 1
        return None

    def _lead(self, series: Series) -> tuple[Exponent, Element] | None:
        for r, c in series.terms:
            if self.sign(c):
                return r, c
        if series.bound is None:
            return None
        raise TooShort

    def beyond(self, p: Element, along: int, power: int) -> Series:
        """The series of an element, known beyond a power."""
        for length in _LENGTHS:
            try:
                series = self.expanded(p, along, length)
            except (TooShort, Undecided) as why:
                if length == _LENGTHS[0] and self.vanishes(p):
                    return Series([])
                if isinstance(why, Undecided):
                    raise
                continue
            if series.bound is None or self.compared(series.bound, fmpq(power)) > 0:
                return series
        raise Undecided("too few terms of a series")

    def limit(self, p: Element) -> Element | float:
        """The constant to which an element tends, or an infinity.  Raises `Undecided` where there is neither."""
        along = self.fastest(p)
        while along is not None:
            try:
                series = self.beyond(p, along, 0)
            except Growth:
                place = self._growing(p, along)
                if place is None:
                    raise
                return self._sign_of_growing(p, place) * float("inf")
            for r, c in series.terms:
                if self.compared(r, fmpq(0)) < 0 and (side := self.sign(c)):
                    return side * float("inf")
            p = self.coefficient(series, fmpq(0))
            along = self.fastest(p)
        return p

    def _growing(self, p: Element, along: int) -> int | None:
        """The one exponential in an element that grows beyond every power, where all else does not; else None."""
        moving = [place for place in places(p) if along in self.atoms[place].moves]
        fast = []
        with self._expanding(along, _LENGTHS[0]):
            for place in moving:
                atom = self.atoms[place]
                if atom.kind == "exp" and atom.argument is not None and self._growth(self._expanded(atom.argument)) > 0:
                    fast.append(place)
            if len(fast) != 1:
                return None
            for place in moving:
                if place not in fast:
                    self._atom_series(place)  # or it is not known how it grows
        return fast[0]

    def _sign_of_growing(self, p: Element, place: int) -> int:
        """The sign of an element in which an exponential grows, by its highest power: it is larger than every power of s."""
        parts = by_powers(p, place)
        side = self.sign(parts[max(parts)])
        if not side:
            raise Undecided("how an exponential that grows cancels")
        return side

    # -- exponents

    def compared(self, r: Exponent, other: Exponent) -> int:
        """The sign of the difference of two exponents."""
        if isinstance(r, fmpq) and isinstance(other, fmpq):
            return int(r > other) - int(r < other)
        return self.sign(r - other + self.zero)

    def _compared_terms(self, term: tuple[Exponent, Element], other: tuple[Exponent, Element]) -> int:
        return self.compared(term[0], other[0])

    def _least(self, r: Exponent | None, other: Exponent | None) -> Exponent | None:
        if r is None or other is None:
            return other if r is None else r
        return r if self.compared(r, other) <= 0 else other

    def coefficient(self, series: Series, exponent: fmpq) -> Element:
        """The coefficient of a power, however its exponent is written."""
        return next((c for r, c in series.terms if self.compared(r, exponent) == 0), self.zero)

    # -- arithmetic of series

    def series(self, terms: Iterable[tuple[Exponent, Element]], bound: Exponent | None = None) -> Series:
        """A series from terms in any order, cut after as many as are kept."""
        table: dict[fmpq | str, tuple[Exponent, Element]] = {}
        for r, c in terms:
            value = r if isinstance(r, fmpq) else rational(r)
            key = str(r) if value is None else value
            table[key] = (r if value is None else value, table[key][1] + c if key in table else c)
        kept = [(r, c) for r, c in table.values() if not c.is_zero() and (bound is None or self.compared(r, bound) < 0)]
        if all(isinstance(r, fmpq) for r, _ in kept):
            kept.sort(key=_rational_exponent)
        else:
            kept.sort(key=cmp_to_key(self._compared_terms))
            kept = self._merged(kept)
        if len(kept) > self._length:
            bound, kept = kept[self._length][0], kept[: self._length]
        return Series([(r, self.shortened(c)) for r, c in kept], bound)

    def _merged(self, terms: Sequence[tuple[Exponent, Element]]) -> list[tuple[Exponent, Element]]:
        """Neighbours with exponents that are equal, however they are written, as one term."""
        kept: list[tuple[Exponent, Element]] = []
        for r, c in terms:
            if kept and self.compared(kept[-1][0], r) == 0:
                kept[-1] = (kept[-1][0], kept[-1][1] + c)
            else:
                kept.append((r, c))
        return [(r, c) for r, c in kept if not c.is_zero()]

    def added(self, one: Series, other: Series) -> Series:
        """The sum of two series."""
        return self.series([*one.terms, *other.terms], self._least(one.bound, other.bound))

    def multiplied(self, one: Series, other: Series) -> Series:
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

    def scaled(self, series: Series, r: Exponent, c: Element) -> Series:
        """A series times c*s**r."""
        bound = None if series.bound is None else series.bound + r
        return Series([(q + r, d * c) for q, d in series.terms], bound)

    def _negated(self, series: Series) -> Series:
        return Series([(r, -c) for r, c in series.terms], series.bound)

    def _of(self, p: Element) -> Series:
        return Series([] if p.is_zero() else [(fmpq(0), p)])

    def composed(self, rest: Series, coefficients: Callable[[int], Sequence[Element]]) -> Series:
        """sum coefficients[k] * rest**k for a series without constant term."""
        if rest.first is None:
            return self._of(coefficients(1)[0])
        known = coefficients(self._length + 1)
        total, power = self._of(known[0]), self._of(self.one)
        for c in known[1:]:
            power = self.multiplied(power, rest)
            if not power.terms:
                break
            total = self.added(total, self.scaled(power, fmpq(0), c))
        else:
            power = self.multiplied(power, rest)
        return self.added(total, Series([], power.first))

    def power(self, series: Series, r: fmpq) -> Series:
        """A series to a rational power.  Raises `Undecided` where it is not defined, or too large."""
        if r.q == 1 and 0 <= r.p <= 16:
            result = self._of(self.one)
            for _ in range(int(r.p)):
                result = self.multiplied(result, series)
            return result
        term = self._lead(series)
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

        return self.scaled(self.composed(self._relative(series, e, c), binomials), e * r, self.raised(c, r))

    def _relative(self, series: Series, e: Exponent, c: Element) -> Series:
        """series/(c*s**e) - 1, for the leading term of the series."""
        terms = [(q - e, self.over(d, c)) for q, d in series.terms if self.compared(q, e) > 0]
        return self.series(terms, None if series.bound is None else series.bound - e)

    # -- functions of series

    def _parts(self, series: Series) -> tuple[Element, Series]:
        """The coefficient at 0, and the rest, which goes to 0."""
        for r, c in series.terms:
            if self.compared(r, fmpq(0)) < 0 and self.sign(c):
                raise Undecided("a function of what grows without bound")
        if series.bound is not None and self.compared(series.bound, fmpq(0)) <= 0:
            raise TooShort
        rest = [(r, c) for r, c in series.terms if self.compared(r, fmpq(0)) > 0]
        return self.coefficient(series, fmpq(0)), Series(rest, series.bound)

    def _growth(self, series: Series) -> int:
        """The sign of the infinity to which a series tends, 0 if it is bounded."""
        if not series.terms or self.compared(series.terms[0][0], fmpq(0)) >= 0:
            return 0
        term = self._lead(series)
        return self.sign(term[1]) if term and self.compared(term[0], fmpq(0)) < 0 else 0

    def applied(self, kind: str, series: Series, number: int = 0) -> Series:
        """A function of a series: one of `TAYLOR`, or the `number`-th Taylor coefficient of a special function."""
        if kind == "log":
            return self._logarithm(series)
        grows = self._growth(series)
        if grows and kind in ("exp", "tanh", "erf", "sin", "cos", "atan"):
            return self._at_infinity(kind, series, grows)
        start, rest = self._parts(series)
        if kind == "exp" and self.moves(start) & {self.log_of(self._along)}:
            return self._exp_of_log(series, start)
        if kind in TAYLOR:
            return self.composed(rest, lambda count: TAYLOR[kind](self, start, count))
        if self.moves(start) & {self.log_of(self._along)}:
            raise Undecided("a special function of a logarithm that grows")
        return self.composed(
            rest, lambda count: [self.special(kind, start, number + k) * comb(number + k, k) for k in range(count)]
        )

    def special(self, kind: str, a: Element, number: int = 0, coefficient: Coefficient | None = None) -> Element:
        """A Taylor coefficient of a special function at an element, opaque; `coefficient` encloses it."""
        if coefficient is not None:
            self._special[kind] = coefficient
        enclose = self._special[kind]
        return self.atom(kind, a, number, lambda: enclose(self.enclosure(a), number))

    def _logarithm(self, series: Series) -> Series:
        term = self._lead(series)
        if term is None:
            raise Undecided("the logarithm of zero")
        e, c = term
        if self.sign(c) < 0:
            raise Undecided("the logarithm of a negative number")
        rest = self.composed(self._relative(series, e, c), partial(log_of_one_and, self))
        start = self.logarithm(c)
        if self.compared(e, fmpq(0)):
            if self.is_log(self._along):
                raise Undecided("the logarithm of a logarithm")
            start = start + self.log_element(self._along) * e
        return self.added(rest, self._of(start))

    def log_element(self, along: int) -> Element:
        """The logarithm of an infinitesimal."""
        return self.atom("log small", None, self.atoms[along].number - 1)

    def _exp_of_log(self, series: Series, start: Element) -> Series:
        """exp(r*log(s) + ...) = s**r * exp(...)."""
        log = self.log_of(self._along)
        r = by_powers(start, log).get(1, self.zero)
        if r.is_zero():
            slow = self.beyond(start, log, 0)
            if any(self.compared(q, fmpq(0)) < 0 and self.sign(c) for q, c in slow.terms):
                raise Undecided("the exponential of a power of a logarithm")
            return self.composed(self._parts(series)[1], lambda count: TAYLOR["exp"](self, start, count))
        if self.moves(r) & {self._along, log}:
            raise Undecided("the exponential of a power of a logarithm")
        value = rational(r)
        slower = self.added(series, self._of(-r * self.log_element(self._along)))
        return self.scaled(self.applied("exp", slower), r if value is None else value, self.one)

    def _at_infinity(self, kind: str, series: Series, grows: int) -> Series:
        if kind == "atan":
            inverted = self.applied("atan", self.power(series, fmpq(-1)))
            return self.added(self._of(self.atom("pi") * fmpq(grows, 2)), self._negated(inverted))
        if kind in ("tanh", "erf") or (kind == "exp" and grows < 0):
            self._flat = True  # a constant, and what is smaller than every power with all its derivatives
            limit = Series([]) if kind == "exp" else self._of(self.constant(grows))
            return self.added(limit, Series([], fmpq(4 * self._length)))
        if self._rough and kind in ("sin", "cos"):
            self._flat = True
            return Series([], fmpq(0))  # bounded, and no more is known
        raise (Growth if kind == "exp" else Undecided)(f"{kind} of what grows without bound")

    # -- from elements to series

    @contextmanager
    def _expanding(self, along: int, length: int) -> Iterator[None]:
        before = self._along, self._length
        self._along, self._length = along, length
        try:
            yield
        finally:
            self._along, self._length = before

    def expanded(self, p: Element, along: int, length: int) -> Series:
        """The series of an element in one of its infinitesimals, of at most `length` terms."""
        with self._expanding(along, length):
            return self._expanded(p)

    def _expanded(self, p: Element) -> Series:
        here = places(p)
        moving = {place for place in here if self._along in self.atoms[place].moves}
        for place in moving:
            # Of a factor that is only bounded the other factors are summed first: they may cancel.
            if not self._atom_series(place).terms and p.degrees()[place] > 0 and len(p) > 1:
                total = Series([])
                for power, part in by_powers(p, place).items():
                    factor = self.power(self._atom_series(place), fmpq(power))
                    total = self.added(total, self.multiplied(self._expanded(part), factor))
                return total
        total = Series([])
        for powers, fixed in by_products(p, sorted(moving)).items():
            term = self._of(self.one)
            for place, n in powers:
                term = self.multiplied(term, self.power(self._atom_series(place), fmpq(n)))
            total = self.added(total, self.scaled(term, fmpq(0), fixed))
        return total

    def _atom_series(self, place: int) -> Series:
        key = (place, self._along, self._length, self._rough)
        if key not in self._series:
            self._series[key] = self._made_series(place)
        return self._series[key]

    def _made_series(self, place: int) -> Series:
        atom = self.atoms[place]
        if place == self._along:
            # Along log(s) powers are those of -1/log(s).
            return Series([(fmpq(-1), -self.one)] if self.is_log(place) else [(fmpq(1), self.one)])
        assert atom.argument is not None
        exponent = self._exponent(place)
        if atom.kind == "inverse" and exponent is not None:  # 1/exp(b) = exp(-b), also where exp(b) has no series
            return self.applied("exp", self._expanded(exponent))
        try:
            inner = self._expanded(atom.argument)
        except Growth:
            grows = self._growing(atom.argument, self._along) if atom.kind == "inverse" else None
            if grows is None:
                raise
            return self._inverse_of_growing(atom.argument, grows)
        if atom.kind == "element":
            return inner
        if atom.kind in ("inverse", "root"):
            return self.power(inner, fmpq(-1) if atom.kind == "inverse" else fmpq(1, atom.number))
        return self.applied(atom.kind, inner, atom.number)

    def _inverse_of_growing(self, p: Element, place: int) -> Series:
        """1/p where an exponential g in p grows: g**-n/(p/g**n), n its highest power, in powers of 1/g."""
        parts = by_powers(p, place)
        top, small = max(parts), self.inverse(self.generator(place))
        rest = sum((c * small ** (top - power) for power, c in parts.items()), self.zero)
        return self.multiplied(self._expanded(small**top), self.power(self._expanded(rest), fmpq(-1)))
