"""Polynomials over the rationals whose generators are atoms.

An atom is an infinitesimal, the logarithm of one, a constant, or a function of an element that is kept opaque: sin(1),
exp(1 + t), the q-th root of t + e, 1/(2 + t).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from flint import arb, fmpq, fmpq_mpoly, fmpq_mpoly_ctx

from gradcalc.engines.taylor import reals
from gradcalc.runtime import deadline

Element = fmpq_mpoly

SIZES = (96, 384, 1_536)
"""Numbers of atoms to try one after the other: a monomial has as many exponents, so small sizes are fast."""
_LONGEST = 150
"""Terms of a polynomial from which on it becomes an atom of its own."""


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


def collect(p: Element, *generators: int) -> dict[tuple[int, ...], Element]:
    """The coefficients of an element by its exponents of some generators."""
    parts: dict[tuple[int, ...], dict[tuple[int, ...], fmpq]] = {}
    for powers, coefficient in p.to_dict().items():
        rest = list(powers)
        for place in generators:
            rest[place] = 0
        parts.setdefault(tuple(int(powers[place]) for place in generators), {})[tuple(rest)] = coefficient
    context = p.context()
    return {exponents: context.from_dict(terms) for exponents, terms in parts.items()}


class Atoms:
    """At most `size` atoms, made where they are new, and the enclosures of constant elements."""

    def __init__(self, size: int = SIZES[0]) -> None:
        self._size = size
        self._context, self._generators = _context(size)
        self.zero, self.one = self._context.constant(0), self._context.constant(1)
        self.atoms: dict[int, Atom] = {}
        self._generators_by_key: dict[tuple[str, str, int], Element] = {}
        self._balls: dict[tuple[int, int], arb] = {}
        self._infinitesimals: list[int] = []

    def constant(self, value: fmpq | int) -> Element:
        """A rational as an element."""
        return self._context.constant(value)

    def atom(
        self, kind: str, argument: Element | None = None, number: int = 0, enclose: Callable[[], arb] | None = None
    ) -> Element:
        """The generator of a function of an element, made where it is new.  Raises `Undecided` where there are too many."""
        key = (kind, "" if argument is None else str(argument), number)
        if key not in self._generators_by_key:
            deadline.check()
            if len(self.atoms) == self._size:
                raise TooMany("too many different functions")
            # Newer ones come first in the order of monomials: they are divided by first.
            place = self._size - 1 - len(self.atoms)
            moves = frozenset({place}) if kind in ("small", "log small") else self.infinitesimals_of(argument)
            self.atoms[place] = Atom(kind, argument, number, moves, enclose)
            self._generators_by_key[key] = self._generators[place]
        return self._generators_by_key[key]

    def find(self, kind: str, argument: Element, number: int = 0) -> Element | None:
        """The generator of a function of an element, if there is one."""
        return self._generators_by_key.get((kind, str(argument), number))

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

    def infinitesimals_of(self, p: Element | None) -> frozenset[int]:
        """The infinitesimals, and their logarithms, on which an element depends."""
        if p is None:
            return frozenset()
        return frozenset[int]().union(*(self.atoms[place].moves for place in places(p)))

    def smallest_infinitesimal(self, p: Element) -> int | None:
        """The smallest infinitesimal (a logarithm counts as 1/log) on which an element depends; None for a constant."""
        return max(self.infinitesimals_of(p), key=lambda place: self.atoms[place].number, default=None)

    def shorten(self, p: Element) -> Element:
        """The element itself, or an atom in the place of one that has grown long."""
        return self.atom("element", p) if len(p) > _LONGEST else p

    # -- enclosures

    def enclose(self, p: Element) -> arb:
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
            self._balls[key] = self._enclose_atom(self.atoms[place])
        return self._balls[key]

    def _enclose_atom(self, atom: Atom) -> arb:
        if atom.enclose is not None:
            return atom.enclose()
        if atom.kind == "pi":
            return arb.pi()
        assert atom.argument is not None
        inside = self.enclose(atom.argument)
        if atom.kind == "inverse":
            return 1 / inside
        if atom.kind == "root":
            return inside.root(atom.number)
        if atom.kind == "element":
            return inside
        value: arb = getattr(inside, atom.kind)()
        return value
