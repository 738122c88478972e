"""Expressions of which every branch is chosen, as polynomials that can be compared exactly.

An element is a polynomial over the rationals in atoms.  An atom is an infinitesimal, the logarithm of one, a constant, or a
function of an element that is kept opaque: sin(1), exp(1 + t), the q-th root of t + e, 1/(2 + t).  Equal polynomials are
equal functions wherever they are defined: that is the proof that two sides of a breakpoint are the same, or that something
vanishes.  The normal forms are sound for what their docstrings assume, and complete for nothing: elements that are equal may
have different polynomials, and then only their enclosures can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from math import comb, lcm

from flint import arb, fmpq, fmpq_mpoly, fmpq_mpoly_ctx, fmpz, fmpz_poly
from flint.utils.flint_exceptions import DomainError

from gradcalc.engines.taylor import reals
from gradcalc.runtime import deadline

Element = fmpq_mpoly

SIZES = (96, 384, 1_536)
"""Numbers of atoms that one question may have: the exponents of a monomial are as many numbers, so few are tried first."""
_LONGEST = 150
"""Terms of a polynomial from which on it becomes an atom of its own."""
_LARGEST_POWER = 400
_LARGEST_DEGREE = 10**9
"""Degrees of roots: Arb takes machine words."""
_SMALL = 60
"""Powers to which an element of several terms is multiplied out, and numerators of exponents that stand outside of exp."""
_LONG = 2_000
"""Terms up to which a power is multiplied out in an element: flint is not interrupted, and long ones are slow to read."""
_MOST_EXPONENTS = 2_000_000
"""Exponents, of all terms together, up to which elements are multiplied out to see whether one vanishes."""
_FACTORED_BITS = 64
"""Integers of so many bits are factored for a normal form of their roots and logarithms."""


@cache
def _context(size: int) -> tuple[fmpq_mpoly_ctx, tuple[Element, ...]]:
    """The polynomials in so many generators, and the generators."""
    context = fmpq_mpoly_ctx.get([f"g{place}" for place in range(size)], "lex")
    return context, context.gens()


class Undecided(Exception):
    """No series, no sign, or too much work; the message says which."""


class TooMany(Undecided):
    """More atoms than there is room for."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A generator: its kind, the element it is a function of, a whole number (a root's degree, a coefficient's place, an
    infinitesimal's rank) and, for a constant, its enclosure.

    `moves` are the generators of the infinitesimals and logarithms of infinitesimals on which it depends.
    """

    kind: str
    argument: Element | None
    number: int
    moves: frozenset[int]
    enclose: Callable[[], arb] | None = None


def rational(p: Element) -> fmpq | None:
    """The rational number that an element is, or None."""
    if p.is_zero():
        return fmpq(0)
    return p.leading_coefficient() if p.is_constant() else None


def places(p: Element) -> list[int]:
    """The generators that occur in an element."""
    return [place for place, degree in enumerate(p.degrees()) if degree > 0]


def by_powers(p: Element, place: int) -> dict[int, Element]:
    """The coefficients of an element by the powers of one generator."""
    parts: dict[int, dict[tuple[int, ...], fmpq]] = {}
    for powers, coefficient in p.to_dict().items():
        rest = (*powers[:place], 0, *powers[place + 1 :])
        parts.setdefault(int(powers[place]), {})[rest] = coefficient
    context = p.context()
    return {power: context.from_dict(terms) for power, terms in parts.items()}


def by_products(p: Element, moving: Sequence[int]) -> dict[tuple[tuple[int, int], ...], Element]:
    """The coefficients of an element by the products of some generators: places with their powers."""
    parts: dict[tuple[tuple[int, int], ...], dict[tuple[int, ...], fmpq]] = {}
    for powers, coefficient in p.to_dict().items():
        rest = list(powers)
        for place in moving:
            rest[place] = 0
        key = tuple((place, int(powers[place])) for place in moving if powers[place])
        parts.setdefault(key, {})[tuple(rest)] = coefficient
    context = p.context()
    return {key: context.from_dict(terms) for key, terms in parts.items()}


def _power(p: Element, n: int) -> Element:
    """p**n, multiplied out.  Raises `Undecided` where that is long."""
    if _terms_of_power(p, n) > _most_terms(p):
        raise Undecided("a long power")
    return p**n


def _terms_of_power(p: Element, n: int) -> int:
    """How many terms the power of an element has at most."""
    return comb(max(len(p), 1) + n - 1, n)


def _most_terms(p: Element) -> int:
    """How long an element like this one may become while it is multiplied out."""
    return _MOST_EXPONENTS // p.context().nvars()


class Elements:
    """The atoms of one question, `size` at most; normal forms of functions of elements, and the exact test for zero."""

    def __init__(self, size: int = SIZES[0]) -> None:
        self._size = size
        self._context, self._generators = _context(size)
        self.zero, self.one = self._context.constant(0), self._context.constant(1)
        self.atoms: dict[int, Atom] = {}
        self._known: dict[tuple[str, str, int], Element] = {}
        self._balls: dict[tuple[int, int], arb] = {}
        self._infinitesimals: list[int] = []

    # -- atoms

    def constant(self, value: fmpq | int) -> Element:
        """A rational as an element."""
        return self._context.constant(value)

    def atom(
        self, kind: str, argument: Element | None = None, number: int = 0, enclose: Callable[[], arb] | None = None
    ) -> Element:
        """The generator of a function of an element, made where it is new.  Raises `Undecided` where there are too many."""
        key = (kind, "" if argument is None else str(argument), number)
        if key not in self._known:
            deadline.check()
            if len(self.atoms) == self._size:
                raise TooMany("too many different functions")
            place = (
                self._size - 1 - len(self.atoms)
            )  # newer ones come first in the order of monomials: they are divided by first
            moves = frozenset({place}) if kind in ("small", "log small") else self.moves(argument)
            self.atoms[place] = Atom(kind, argument, number, moves, enclose)
            self._known[key] = self._generators[place]
        return self._known[key]

    def known(self, kind: str, argument: Element, number: int = 0) -> Element | None:
        """The generator of a function of an element, if there is one."""
        return self._known.get((kind, str(argument), number))

    def generator(self, place: int) -> Element:
        """A generator as an element."""
        return self._generators[place]

    def infinitesimal(self, depth: int) -> int:
        """The generator of a positive infinitesimal; it is smaller than every function of those of lower depth."""
        while len(self._infinitesimals) <= depth:
            level = len(self._infinitesimals)
            small, logarithm = self.atom("small", None, 2 * level + 1), self.atom("log small", None, 2 * level)
            self._infinitesimals.append(places(small)[0])
            assert places(logarithm)[0] == self.log_of(self._infinitesimals[-1])
        return self._infinitesimals[depth]

    @staticmethod
    def log_of(place: int) -> int:
        """The generator of the logarithm of an infinitesimal."""
        return place - 1

    def is_log(self, place: int) -> bool:
        """Whether a generator is the logarithm of an infinitesimal."""
        return self.atoms[place].kind == "log small"

    def moves(self, p: Element | None) -> frozenset[int]:
        """The infinitesimals, and their logarithms, on which an element depends."""
        if p is None:
            return frozenset()
        return frozenset[int]().union(*(self.atoms[place].moves for place in places(p)))

    def fastest(self, p: Element) -> int | None:
        """The smallest infinitesimal (a logarithm counts as 1/log) on which an element depends; None for a constant."""
        return max(self.moves(p), key=lambda place: self.atoms[place].number, default=None)

    def shortened(self, p: Element) -> Element:
        """The element itself, or an atom in the place of one that has grown long."""
        return self.atom("element", p) if len(p) > _LONGEST else p

    # -- quotients and powers

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

    def over(self, p: Element, q: Element) -> Element:
        """p/q for a q that is not zero."""
        value = rational(q)
        if value is not None:
            return p / value
        try:
            return p / q if len(q) == 1 or len(p) <= _LONG else p * self.inverse(q)
        except DomainError:  # it does not divide
            return p * self.inverse(q)

    def raised(self, p: Element, r: fmpq) -> Element:
        """p**r; p is not zero where r is negative, and positive where r is no integer.  Raises `Undecided` if r is large."""
        n, q = int(r.p), int(r.q)
        if abs(n) > _LARGEST_POWER or q > _LARGEST_DEGREE:
            raise Undecided("a large power, or a root of a large degree")
        if q == 1:
            is_long = len(p) > 1 and (abs(n) > 16 or _terms_of_power(p, abs(n)) > _LONG)
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
        if q > _LARGEST_POWER and value.q != 1:
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
            if len(named) == 1 and powers[named[0]] == 1 and atom.kind == "log" and abs(int(scale.p)) <= _SMALL:
                assert atom.argument is not None
                result = result * self.raised(atom.argument, scale)  # exp(r*log(b)) = b**r
                del terms[powers]
        if not terms:
            return result
        tail = self._context.from_dict(terms)
        scale = tail.leading_coefficient()
        n, d = int(scale.p), int(scale.q)
        base = tail / scale
        if abs(n) > _SMALL:
            n, base = (1 if n > 0 else -1), base * abs(n)
        root = self.atom("exp", base / d)
        return result * (root**n if n > 0 else self.inverse(root) ** -n)

    def _rational_exponential(self, value: fmpq) -> Element:
        n, d = int(value.p), int(value.q)
        if n == 0:
            return self.one
        if abs(n) > _LARGEST_POWER:
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
            known = [exponent * power for exponent, power in exponents if exponent is not None]
            if len(known) == len(exponents):
                return sum(known, self._rational_logarithm(scale))
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

    def circular(self, a: Element) -> tuple[Element, Element]:
        """sin and cos of an element; multiples of pi/2 in it are turned off."""
        pi = places(self.atom("pi"))[0]
        unit = tuple(int(place == pi) for place in range(self._size))
        quarters = 2 * a[unit]
        if quarters.q == 1:
            a = a - quarters / 2 * self._generators[pi]
        sine = self.odd("sin", a)
        cosine = self.one if a.is_zero() else self.atom("cos", -a if a.leading_coefficient() < 0 else a)
        turned = (sine, cosine, -sine, -cosine, sine) if quarters.q == 1 else (sine, cosine)
        turn = int(quarters.p) % 4 if quarters.q == 1 else 0
        return turned[turn], turned[turn + 1]

    # -- zero

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
                parts = by_powers(p, place)
                top = max(parts)
                p = self._summed((c, _power(atom.argument, top - power)) for power, c in parts.items())
            elif atom.kind == "root":
                p = self._replaced(p, place, atom.number, atom.argument)
            elif atom.kind in ("sin", "cos") and self._turn(place) is not None:
                p = self._in_a_root_of_unity(p)
            elif atom.kind in ("sin", "cos"):
                other = self.known("cos" if atom.kind == "sin" else "sin", atom.argument)
                if other is not None:
                    p = self._replaced(p, place, 2, 1 - other**2)
            elif atom.kind == "tanh":
                return self._vanishes(self._without_tanh(p, place, atom.argument))
            elif atom.kind == "exp" and (finest := self._finest(atom.argument)) != here:
                p = self._replaced(p, place, 1, finest)
            elif atom.kind == "element":
                p = self._replaced(p, place, 1, atom.argument)
        return bool(p.is_zero())

    def _summed(self, products: Iterable[tuple[Element, Element]]) -> Element:
        """A sum of products.  Raises `Undecided` where it is long."""
        total, most = self.zero, _most_terms(self.zero)
        for c, factor in products:
            deadline.check()
            if len(c) * len(factor) > 10 * most:
                raise Undecided("a long product")
            total = total + c * factor
            if len(total) > most:
                raise Undecided("a long sum")
        return total

    def _replaced(self, p: Element, place: int, degree: int, value: Element) -> Element:
        """An element with a value in the place of a power of a generator.  Raises `Undecided` where it is long."""
        parts = [(c, *divmod(power, degree)) for power, c in by_powers(p, place).items()]
        return self._summed((c * self._generators[place] ** rest, _power(value, whole)) for c, whole, rest in parts)

    def _turn(self, place: int) -> fmpq | None:
        """The rational q of a generator sin(q*pi) or cos(q*pi); None for any other."""
        atom = self.atoms[place]
        if atom.kind not in ("sin", "cos") or atom.argument is None or len(atom.argument) != 1:
            return None
        scale = atom.argument.leading_coefficient()
        return scale if atom.argument / scale == self.atom("pi") else None

    def _in_a_root_of_unity(self, p: Element) -> Element:
        """Sines and cosines of rational parts of pi as polynomials in one root of unity, modulo its minimal polynomial."""
        turns = {place: turn for place in places(p) if (turn := self._turn(place)) is not None}
        half = 2 * lcm(*(int(turn.q) for turn in turns.values()))  # z**half = -1, and z**(half/2) = i
        if half > _LARGEST_POWER:
            return p
        z = self.atom("root of unity", None, half)
        for place, turn in turns.items():
            k = int(turn * half) % (2 * half)
            forth, back = z**k, z ** (2 * half - k)
            value = (forth + back) / 2 if self.atoms[place].kind == "cos" else (back - forth) * z ** (half // 2) / 2
            p = self._replaced(p, place, 1, value)
        minimal = fmpz_poly.cyclotomic(2 * half)
        return p % sum((int(c) * z**power for power, c in enumerate(minimal)), self.zero)

    def _without_tanh(self, p: Element, place: int, argument: Element) -> Element:
        """An element without one tanh, times a power of exp(2*a) + 1."""
        square = self.exponential(argument) ** 2
        parts = by_powers(p, place)
        top = max(parts)
        powers = {power: _power(square - 1, power) * _power(square + 1, top - power) for power in parts}
        return self._summed((c, powers[power]) for power, c in parts.items())

    def _finest(self, argument: Element) -> Element:
        """exp(b/d) as a power of exp(b/n), n the least common multiple of all d that there are."""
        scale = argument.leading_coefficient()
        base = argument / scale
        exponents = [atom.argument for atom in self.atoms.values() if atom.kind == "exp" and atom.argument is not None]
        scales = [other.leading_coefficient() for other in exponents if other / other.leading_coefficient() == base]
        n = lcm(*(int(other.q) for other in scales))
        power = scale * n
        if power.q != 1 or not 0 < power.p <= _LARGEST_POWER:
            return self.atom("exp", argument)
        return self.atom("exp", base / n) ** int(power.p)

    # -- enclosures

    def enclosure(self, p: Element) -> arb:
        """A ball around a constant element, at the present precision."""
        total = arb(0)
        here = places(p)
        for powers, coefficient in p.terms():
            deadline.check()
            term = arb(coefficient)
            for place in here:
                if powers[place]:
                    term *= self._atom_enclosure(place) ** int(powers[place])
            total += term
        return total

    def _atom_enclosure(self, place: int) -> arb:
        key = (place, reals.working_bits())
        if key not in self._balls:
            self._balls[key] = self._enclosed(self.atoms[place])
        return self._balls[key]

    def _enclosed(self, atom: Atom) -> arb:
        if atom.enclose is not None:
            return atom.enclose()
        if atom.kind == "pi":
            return arb.pi()
        assert atom.argument is not None
        inside = self.enclosure(atom.argument)
        if atom.kind == "inverse":
            return 1 / inside
        if atom.kind == "root":
            return inside.root(atom.number)
        if atom.kind == "element":
            return inside
        value: arb = getattr(inside, atom.kind)()
        return value


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
