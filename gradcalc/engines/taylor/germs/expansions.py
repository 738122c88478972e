"""The series of elements: functions of series, and expansions in an infinitesimal.

Source: Puiseux and Hahn series with logarithms, e.g. J. van der Hoeven, "Transseries and Real Differential Algebra" (2006),
of which this is the part that expressions at breakpoints need.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import comb

from flint import arb, fmpq

from gradcalc.engines.taylor.germs.atoms import SIZES, Element, Undecided, collect, places, rational
from gradcalc.engines.taylor.germs.coefficients import TAYLOR, log_of_one_and
from gradcalc.engines.taylor.germs.series import LENGTHS, Series, SeriesArithmetic, TooShort

Coefficient = Callable[[arb, int], arb]
"""The k-th Taylor coefficient of a special function at a ball."""


class Growth(Undecided):
    """An exponential grows beyond every power: there is no series."""


class Expansions(SeriesArithmetic, ABC):
    """Series of elements in one of their infinitesimals, made and lengthened on demand."""

    def __init__(self, size: int = SIZES[0]) -> None:
        super().__init__(size)
        self._along = -1
        """The generator of the infinitesimal of the present expansion."""
        self._drops_oscillation = False
        self._met_flat_term = False
        """Whether something smaller than every power was met: then no run of zero terms counts as zero."""
        self._special: dict[str, Coefficient] = {}
        self._series: dict[tuple[int, int, int, bool], Series] = {}

    @contextmanager
    def dropping_oscillation(self, is_allowed: bool) -> Iterator[None]:
        """Whether sin and cos of what grows may stand as a bounded term: that says nothing of its derivatives."""
        before, self._drops_oscillation = self._drops_oscillation, is_allowed
        try:
            yield
        finally:
            self._drops_oscillation = before

    # -- functions of series

    def _split_constant(self, series: Series) -> tuple[Element, Series]:
        """The coefficient at 0, and the rest, which goes to 0."""
        for r, c in series.terms:
            if self.compare(r, fmpq(0)) < 0 and self.sign(c):
                raise Undecided("a function of what grows without bound")
        if series.bound is not None and self.compare(series.bound, fmpq(0)) <= 0:
            raise TooShort
        rest = [(r, c) for r, c in series.terms if self.compare(r, fmpq(0)) > 0]
        return self.coefficient(series, fmpq(0)), Series(rest, series.bound)

    def _infinite_sign(self, series: Series) -> int:
        """The sign of the infinity to which a series tends, 0 if it is bounded."""
        if not series.terms or self.compare(series.terms[0][0], fmpq(0)) >= 0:
            return 0
        term = self.lead(series)
        return self.sign(term[1]) if term and self.compare(term[0], fmpq(0)) < 0 else 0

    def apply(self, kind: str, series: Series, number: int = 0) -> Series:
        """A function of a series: one of `TAYLOR`, or the `number`-th Taylor coefficient of a special function."""
        if kind == "log":
            return self._logarithm(series)
        grows = self._infinite_sign(series)
        if grows and kind in ("exp", "tanh", "erf", "sin", "cos", "atan"):
            return self._at_infinity(kind, series, grows)
        start, rest = self._split_constant(series)
        if kind == "exp" and self.infinitesimals_of(start) & {self.log_of(self._along)}:
            return self._exp_of_log(series, start)
        if kind in TAYLOR:
            return self.compose(rest, lambda count: TAYLOR[kind](self, start, count))
        if self.infinitesimals_of(start) & {self.log_of(self._along)}:
            raise Undecided("a special function of a logarithm that grows")
        return self.compose(
            rest, lambda count: [self.special(kind, start, number + k) * comb(number + k, k) for k in range(count)]
        )

    def special(self, kind: str, a: Element, number: int = 0, coefficient: Coefficient | None = None) -> Element:
        """A Taylor coefficient of a special function at an element, opaque; `coefficient` encloses it."""
        if coefficient is not None:
            self._special[kind] = coefficient
        enclose = self._special[kind]
        return self.atom(kind, a, number, lambda: enclose(self.enclose(a), number))

    def _logarithm(self, series: Series) -> Series:
        term = self.lead(series)
        if term is None:
            raise Undecided("the logarithm of zero")
        e, c = term
        if self.sign(c) < 0:
            raise Undecided("the logarithm of a negative number")
        rest = self.compose(self._relative(series, e, c), partial(log_of_one_and, self))
        start = self.logarithm(c)
        if self.compare(e, fmpq(0)):
            if self.is_log(self._along):
                raise Undecided("the logarithm of a logarithm")
            start = start + self.log_element(self._along) * e
        return self.add_series(rest, self._constant_series(start))

    def log_element(self, along: int) -> Element:
        """The logarithm of an infinitesimal."""
        return self.atom("log small", None, self.atoms[along].number - 1)

    def _exp_of_log(self, series: Series, start: Element) -> Series:
        """exp(r*log(s) + ...) = s**r * exp(...)."""
        log = self.log_of(self._along)
        r = collect(start, log).get((1,), self.zero)
        if r.is_zero():
            slow = self.expand_beyond(start, log, 0)
            if any(self.compare(q, fmpq(0)) < 0 and self.sign(c) for q, c in slow.terms):
                raise Undecided("the exponential of a power of a logarithm")
            return self.compose(self._split_constant(series)[1], lambda count: TAYLOR["exp"](self, start, count))
        if self.infinitesimals_of(r) & {self._along, log}:
            raise Undecided("the exponential of a power of a logarithm")
        value = rational(r)
        slower = self.add_series(series, self._constant_series(-r * self.log_element(self._along)))
        return self.scale_series(self.apply("exp", slower), r if value is None else value, self.one)

    def _at_infinity(self, kind: str, series: Series, grows: int) -> Series:
        if kind == "atan":
            complement = self.apply("atan", self.power(series, fmpq(-1)))
            return self.add_series(self._constant_series(self.atom("pi") * fmpq(grows, 2)), self._negate(complement))
        if kind in ("tanh", "erf") or (kind == "exp" and grows < 0):
            self._met_flat_term = True  # a constant, and what is smaller than every power with all its derivatives
            limit = Series([]) if kind == "exp" else self._constant_series(self.constant(grows))
            return self.add_series(limit, Series([], fmpq(4 * self._length)))
        if self._drops_oscillation and kind in ("sin", "cos"):
            self._met_flat_term = True
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

    def expand(self, p: Element, along: int, length: int) -> Series:
        """The series of an element in one of its infinitesimals, of at most `length` terms."""
        with self._expanding(along, length):
            return self._expand(p)

    def _expand(self, p: Element) -> Series:
        here = places(p)
        moving = [place for place in here if self._along in self.atoms[place].moves]
        for place in moving:
            # Of a factor that is only bounded the other factors are summed first: they may cancel.
            if not self._atom_series(place).terms and p.degrees()[place] > 0 and len(p) > 1:
                total = Series([])
                for (power,), part in collect(p, place).items():
                    factor = self.power(self._atom_series(place), fmpq(power))
                    total = self.add_series(total, self.multiply_series(self._expand(part), factor))
                return total
        total = Series([])
        for powers, fixed in collect(p, *moving).items():
            term = self._constant_series(self.one)
            for place, n in zip(moving, powers, strict=True):
                if n:
                    term = self.multiply_series(term, self.power(self._atom_series(place), fmpq(n)))
            total = self.add_series(total, self.scale_series(term, fmpq(0), fixed))
        return total

    def _atom_series(self, place: int) -> Series:
        key = (place, self._along, self._length, self._drops_oscillation)
        if key not in self._series:
            self._series[key] = self._build_series(place)
        return self._series[key]

    def _build_series(self, place: int) -> Series:
        atom = self.atoms[place]
        if place == self._along:
            # Along log(s) powers are those of -1/log(s).
            return Series([(fmpq(-1), -self.one)] if self.is_log(place) else [(fmpq(1), self.one)])
        assert atom.argument is not None
        exponent = self._exponent(place)
        if atom.kind == "inverse" and exponent is not None:  # 1/exp(b) = exp(-b), also where exp(b) has no series
            return self.apply("exp", self._expand(exponent))
        try:
            inner = self._expand(atom.argument)
        except Growth:
            grows = self._growing_exponential(atom.argument, self._along) if atom.kind == "inverse" else None
            if grows is None:
                raise
            return self._inverse_of_growing(atom.argument, grows)
        if atom.kind == "element":
            return inner
        if atom.kind in ("inverse", "root"):
            return self.power(inner, fmpq(-1) if atom.kind == "inverse" else fmpq(1, atom.number))
        return self.apply(atom.kind, inner, atom.number)

    def _inverse_of_growing(self, p: Element, place: int) -> Series:
        """1/p where an exponential g in p grows: g**-n/(p/g**n), n its highest power, in powers of 1/g."""
        parts = collect(p, place)
        (top,), small = max(parts), self.inverse(self.generator(place))
        rest = sum((c * small ** (top - power) for (power,), c in parts.items()), self.zero)
        return self.multiply_series(self._expand(small**top), self.power(self._expand(rest), fmpq(-1)))

    def expand_beyond(self, p: Element, along: int, power: int) -> Series:
        """The series of an element, known beyond a power."""
        for length in LENGTHS:
            try:
                series = self.expand(p, along, length)
            except (TooShort, Undecided) as why:
                if length == LENGTHS[0] and self.vanishes(p):
                    return Series([])
                if isinstance(why, Undecided):
                    raise
                continue
            if series.bound is None or self.compare(series.bound, fmpq(power)) > 0:
                return series
        raise Undecided("too few terms of a series")

    def _growing_exponential(self, p: Element, along: int) -> int | None:
        """The one exponential in an element that grows beyond every power, where all else does not; else None."""
        moving = [place for place in places(p) if along in self.atoms[place].moves]
        fast = []
        with self._expanding(along, LENGTHS[0]):
            for place in moving:
                atom = self.atoms[place]
                if atom.kind == "exp" and atom.argument is not None and self._infinite_sign(self._expand(atom.argument)) > 0:
                    fast.append(place)
            if len(fast) != 1:
                return None
            for place in moving:
                if place not in fast:
                    self._atom_series(place)  # or it is not known how it grows
        return fast[0]
