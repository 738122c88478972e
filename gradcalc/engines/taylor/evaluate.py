"""The Taylor engine: the meaning of every function in jets.

Comes in: a tree and the values of its variables.  Goes out: the jet of the expression along a ray, with notes of every
place where it is not smooth.  No sympy, no formula of a derivative: this is the second, independent reference.

Sources: power series algorithms of Arb (F. Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval
arithmetic", 2017); derivatives of Bessel functions DLMF 10.6.7 and 10.29.5; of erfinv from erf(y) = x.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from math import comb, perm
from typing import NamedTuple, cast

from flint import acb_series, arb, ctx, fmpq

from gradcalc.engines.taylor import jets, reals
from gradcalc.engines.taylor.jets import Jet, Note, as_jet, composed, integrated, is_nan, quotient, series, undefined
from gradcalc.engines.taylor.reals import Real, ball, exact, integer
from gradcalc.errors import Span
from gradcalc.expression.program import follow
from gradcalc.expression.tree import Call, Name, Node, Number, Steps, steps
from gradcalc.functions import TABLE
from gradcalc.runtime import deadline

_MAX_MULTIPLIED_POWER = 64
_MOST_BITS_OF_GAMMA = 150_000
"""Bits of all coefficients of a series of gamma together: beyond, Arb takes seconds for it, and cannot be interrupted."""
_LARGEST_SPECIAL = 500
"""Arguments of zeta and orders of Bessel functions beyond which Arb's algorithms take minutes at high precision."""


CONDITION = "the seam of a condition"
"""What the note of a condition says."""


ZERO_TO_ZERO = "0**0, beside which the power depends on the path"
"""What the note says of a power of which a variable stands in the base and one in the exponent."""


class NoSeries(Exception):
    """The sign of something that vanishes at the point is not in the coefficients that are known."""


class Truth(NamedTuple):
    """The value of a condition along a ray, and what was met on the way; `known` is False where it cannot be told."""

    holds: bool
    notes: frozenset[Note]
    still: bool
    fixed: bool
    known: bool = True


Value = Jet | Truth
Constants = Callable[[Node], Real | None]


def no_constants(_: Node) -> Real | None:
    """Literals and constants mean what was typed."""
    return None


def evaluate(
    tree: Node | Steps, values: Mapping[str, Real | Jet], *, order: int = 0, constants: Constants = no_constants
) -> Jet:
    """The jet of a tree, or of its steps where it is evaluated often.

    `values` gives every variable a number (it stands still) or a jet (it moves).  `constants` may replace a literal or
    a constant by the number a machine made of it.
    """
    return cast("Jet", evaluate_all(tree if isinstance(tree, Steps) else steps(tree), values, order, constants)[-1])


def evaluate_all(way: Steps, values: Mapping[str, Real | Jet], order: int, constants: Constants) -> list[Value]:
    """The jets of all steps."""
    return follow(way, *_readers(values, order, constants))


def evaluate_known(way: Steps, values: Mapping[str, Real], constants: Constants) -> list[Value | None]:
    """The values of all steps, None for those that the present precision does not tell."""
    leaf, call = _readers(values, 0, constants)
    found: list[Value | None] = []
    for node, places in zip(*way, strict=True):
        value: Value | None = None
        args = [arg for place in places if (arg := found[place]) is not None]
        if len(args) == len(places):
            with suppress(reals.Unresolved, reals.NotReal):
                value = call(node, args) if isinstance(node, Call) else leaf(node)
        found.append(value)
    return found


def evaluate_some(
    way: Steps,
    values: Mapping[str, Real | Jet],
    order: int,
    constants: Constants,
    places: Sequence[int],
    rest: Sequence[Value],
) -> Jet:
    """The jet of the last step, if only the steps at `places` move; `rest` are all steps where nothing does.

    An expression of many variables is evaluated along many rays, and little of it moves in each.
    """
    leaf, call = _readers(values, order, constants)
    found: dict[int, Value] = {}
    for place in places:
        node = way.nodes[place]
        if isinstance(node, Call):
            found[place] = call(node, [found[arg] if arg in found else rest[arg] for arg in way.places[place]])
        else:
            found[place] = leaf(node)
    return cast("Jet", found.get(len(rest) - 1, rest[-1]))


def _readers(
    values: Mapping[str, Real | Jet], order: int, constants: Constants
) -> tuple[Callable[[Number | Name], Value], Callable[[Call, list[Value]], Value]]:
    Jet.order = order
    engine = Engine()

    def leaf(node: Number | Name) -> Value:
        if isinstance(node, Name):
            value = values[node.name]
            return value if isinstance(value, Jet) else Jet([value], still=True)
        replaced = constants(node)
        return Jet([exact(node.value) if replaced is None else replaced], still=True, fixed=True)

    def call(node: Call, args: list[Value]) -> Value:
        row = TABLE[node.name]
        if not args:
            replaced = constants(node)
            if replaced is not None:
                return Jet([replaced], still=True, fixed=True)
        engine.enter(node)
        if node.name == "where" or row.condition:
            chosen: Value = row.meaning(engine, *args)
            return chosen
        parts = cast("list[Jet]", args)  # all other functions are of numbers
        lost = False
        for part in parts:
            lost = lost or not part.has_series
        if lost and any(is_nan(part.value) for part in parts):
            return undefined(parts)
        try:
            result: Jet = row.meaning(engine, *args)
        except (reals.NotReal, NoSeries):  # an inner part of the function has no value, or no sign
            return undefined(parts, *engine.noted)
        # A function may pass over an argument, or be constant beside it: it is not real where the argument is not.
        return result.beside(parts) if lost else result

    return leaf, call


def moving(value: Real, speed: int, order: int) -> Jet:
    """A variable that moves along a ray: value + speed*t."""
    return Jet([value, fmpq(speed), *(fmpq(0) for _ in range(order - 1))], still=False)


class Engine:
    """The vocabulary of the function table, in jets."""

    def __init__(self) -> None:
        self.span = Span(0, 0)
        self.name = ""
        self.noted: list[Note] = []

    def enter(self, node: Call) -> None:
        """From now on notes are about this call."""
        deadline.check()
        self.span, self.name = node.span, node.name
        self.noted.clear()

    def note(self, kind: str, what: str) -> Note:
        note = Note(kind, what, self.span)
        self.noted.append(note)
        return note

    def side(self, a: Jet, what: str) -> tuple[int, frozenset[Note]]:
        """The sign of a on the ray, just after its start: 0 only if it stays zero.

        A number that is zero at the point and moves leaves a note.  Raises `NoSeries` if all that is known of it is zero.
        """
        at_point = reals.sign(a.value)
        if at_point or a.still:
            return at_point, a.notes
        notes = a.notes | {self.note("seam", what)}
        power = a.valuation()
        if power is None:
            raise NoSeries
        return reals.sign(a[power]), notes

    # -- numbers

    def number(self, value: int | str) -> Jet:
        return Jet([exact(Fraction(value))], still=True, fixed=True)

    def pi(self) -> Jet:
        return Jet([arb.pi()], still=True, fixed=True)

    def e(self) -> Jet:
        return Jet([arb.const_e()], still=True, fixed=True)

    # -- division, powers and roots

    def divide(self, a: Jet | int, b: Jet | int) -> Jet:
        a, b = as_jet(a), as_jet(b)
        if reals.sign(b.value):
            return quotient(a, b)
        note = self.note("pole", "division by zero")
        power = None if b.still else b.valuation()
        if power is None or not a.starts_with_zeros(power):
            return undefined([a, b], note)
        if a.still:
            return Jet([fmpq(0)], True, a.notes | b.notes | {note}, a.fixed and b.fixed)
        if len(a) <= power:
            return undefined([a, b], note)
        # Both vanish at the point: along the ray the quotient goes on.
        return quotient(a.shifted(power), b.shifted(power)).noting(note)

    def power(self, a: Jet, b: Jet) -> Jet:
        whole = integer(b.value) if b.still else None
        if whole is not None:
            return self._whole_power(a, b, whole)
        base = reals.sign(a.value)
        if base > 0:
            return self.exp(b * series(a, "log"))
        if b.still and isinstance(b.value, arb):
            near = _floor(b.value)
            if near is not None and reals.sign(b.value - near) == 0:  # an integer as far as the precision tells
                return self._whole_power(a, b, near)
        if base < 0:
            note = self.note("domain", "a negative number to a power that is not a constant integer")
            isolated = None if b.still else integer(b.value)
            if isolated is not None:  # real at this very exponent, and at none beside it
                value = self._whole_power(Jet([a.value], True), Jet([b.value], True), isolated)
                return Jet([value.value, *[jets.NAN] * Jet.order], False, a.notes | b.notes | {note})
            return undefined([a, b], note)
        return self._power_of_zero(a, b)

    def _power_of_zero(self, a: Jet, b: Jet) -> Jet:
        """0**b for b that moves or is no integer."""
        exponent = reals.sign(b.value)
        if exponent < 0:
            return undefined([a, b], self.note("pole", "zero to a negative power"))
        notes = a.notes | b.notes
        if exponent == 0:
            return Jet([fmpq(1), *[jets.NAN] * Jet.order], False, notes | {self.note("edge", "0**0")})
        if a.still:
            return Jet([fmpq(0)], True, notes, a.fixed and b.fixed)
        return Jet([fmpq(0), *[jets.NAN] * Jet.order], False, notes | {self.note("edge", "a power of zero")})

    def _whole_power(self, a: Jet, b: Jet, n: int) -> Jet:
        if n == 0:
            one = Jet([fmpq(1)], True, a.notes | b.notes, a.fixed and b.fixed)
            if not (a.fixed or b.fixed or (a.still and b.still)) and reals.sign(a.value) == 0:
                return one.noting(self.note("edge", ZERO_TO_ZERO))
            return one
        if n < 0:
            return self.divide(1, self._whole_power(a, b, -n))
        if n <= _MAX_MULTIPLIED_POWER or reals.sign(a.value) == 0:
            return _multiplied(a, b, n)
        positive = a if reals.sign(a.value) > 0 else -a
        result = self.exp(series(positive, "log") * n)
        return result if positive is a or n % 2 == 0 else -result

    def sqrt(self, a: Jet) -> Jet:
        at_point = reals.sign(a.value)
        if at_point > 0:
            return series(a, "sqrt")
        if at_point < 0:
            return undefined([a], self.note("domain", "the square root of a negative number"))
        if a.still:
            return Jet([fmpq(0)], True, a.notes, a.fixed)
        note = self.note("edge", "the square root of zero")
        power = a.valuation()
        if power is None or power % 2 or reals.sign(a[power]) < 0:
            return Jet([fmpq(0), *[jets.NAN] * (len(a) - 1)], False, a.notes | {note}, a.fixed)
        return series(a.shifted(power), "sqrt").raised(power // 2).noting(note)

    def cbrt(self, a: Jet) -> Jet:
        at_point = reals.sign(a.value)
        if at_point:
            root = self.exp(quotient(series(a if at_point > 0 else -a, "log"), as_jet(3)))
            return root if at_point > 0 else -root
        if a.still:
            return Jet([fmpq(0)], True, a.notes, a.fixed)
        note = self.note("seam", "the cube root of zero")
        power = a.valuation()
        if power is None or power % 3:
            return Jet([fmpq(0), *[jets.NAN] * (len(a) - 1)], False, a.notes | {note}, a.fixed)
        return self.cbrt(a.shifted(power)).raised(power // 3).noting(note)

    def hypot(self, a: Jet, b: Jet) -> Jet:
        return self.sqrt(a * a + b * b)

    # -- exponentials and logarithms

    def exp(self, a: Jet) -> Jet:
        return series(a, "exp")

    def expm1(self, a: Jet) -> Jet:
        grown = series(a, "exp")
        return Jet([ball(a.value).expm1(), *grown.coefficients[1:]], a.still, a.notes, a.fixed)

    def log(self, a: Jet) -> Jet:
        at_point = reals.sign(a.value)
        if at_point > 0:
            return series(a, "log")
        if at_point == 0:
            return undefined([a], self.note("pole", "the logarithm of zero"))
        return undefined([a], self.note("domain", "the logarithm of a negative number"))

    def log1p(self, a: Jet) -> Jet:
        grown = self.log(1 + a)
        return Jet([ball(a.value).log1p(), *grown.coefficients[1:]], a.still, grown.notes, a.fixed)

    def logaddexp(self, a: Jet, b: Jet) -> Jet:
        # log(e**a + e**b) = a + log(1 + e**(b - a)), with the larger one in front.
        if ball(b.value).mid() > ball(a.value).mid():
            a, b = b, a
        return a + self.log1p(self.exp(b - a))

    def xlogy(self, a: Jet, b: Jet) -> Jet:
        if reals.sign(a.value):
            return a * self.log(b)
        if a.still:
            return Jet([fmpq(0)], True, a.notes, a.fixed)
        if reals.sign(b.value) > 0:
            return a * series(b, "log")
        note = self.note("edge", "0*log(0)")
        return Jet([fmpq(0), *[jets.NAN] * Jet.order], False, a.notes | b.notes | {note})

    def sigmoid(self, a: Jet) -> Jet:
        return quotient(as_jet(1), 1 + series(-a, "exp"))

    # -- trigonometry

    def sin(self, a: Jet) -> Jet:
        return series(a, "sin")

    def cos(self, a: Jet) -> Jet:
        return series(a, "cos")

    def tan(self, a: Jet) -> Jet:
        return self.divide(self.sin(a), self.cos(a))

    def cot(self, a: Jet) -> Jet:
        return self.divide(self.cos(a), self.sin(a))

    def sec(self, a: Jet) -> Jet:
        return self.divide(1, self.cos(a))

    def csc(self, a: Jet) -> Jet:
        return self.divide(1, self.sin(a))

    def _inside(self, a: Jet, low: int | None, high: int | None) -> tuple[int, frozenset[Note]]:
        """-1 outside [low, high], 0 at an end, 1 inside."""
        at_point = min(1 if low is None else reals.sign(a.value - low), 1 if high is None else reals.sign(high - a.value))
        if at_point < 0:
            return -1, a.notes | {self.note("domain", f"{self.name} outside its domain")}
        if at_point == 0 and not a.still:
            return 0, a.notes | {self.note("edge", f"{self.name} at an end of its domain")}
        return at_point, a.notes

    def _at_end(self, a: Jet, value: arb, notes: frozenset[Note]) -> Jet:
        return Jet([value, *[jets.NAN] * (len(a) - 1)], a.still, notes, a.fixed)

    def asin(self, a: Jet) -> Jet:
        inside, notes = self._inside(a, -1, 1)
        if inside < 0:
            return undefined([a], *notes)
        if inside == 0:
            return self._at_end(a, arb.pi() / 2 * reals.sign(a.value), notes)
        return integrated(ball(a.value).asin(), quotient(as_jet(1), self.sqrt((1 - a) * (1 + a))), a)

    def acos(self, a: Jet) -> Jet:
        inside, notes = self._inside(a, -1, 1)
        if inside < 0:
            return undefined([a], *notes)
        if inside == 0:
            return self._at_end(a, arb(0) if reals.sign(a.value) > 0 else arb.pi(), notes)
        return integrated(ball(a.value).acos(), quotient(as_jet(-1), self.sqrt((1 - a) * (1 + a))), a)

    def atan(self, a: Jet) -> Jet:
        return series(a, "atan")

    def atan2(self, y: Jet, x: Jet) -> Jet:
        right, up = reals.sign(x.value), reals.sign(y.value)
        if up:
            quarter = Jet([arb.pi() / 2 * up], still=True, fixed=True)
            return quarter - self.atan(quotient(x, y))
        if right > 0:
            return self.atan(quotient(y, x))
        if right < 0:
            above, notes = self.side(y, "the cut of atan2")
            half = Jet([-arb.pi() if above < 0 else arb.pi()], still=True, notes=notes, fixed=True)
            return half + self.atan(quotient(y, x))
        return undefined([y, x], self.note("domain", "atan2 at the origin"))

    def sinc(self, a: Jet) -> Jet:
        if reals.sign(a.value):
            return quotient(self.sin(a), a)
        # sin(t)/t = sum (-1)**k t**(2k)/(2k+1)!
        coefficients: list[Real] = []
        factor = fmpq(1)
        for power in range(Jet.order + 1):
            coefficients.append(factor if power % 2 == 0 else fmpq(0))
            if power % 2:
                factor = -factor / ((power + 1) * (power + 2))
        return composed(a, coefficients)

    # -- hyperbolic functions

    def sinh(self, a: Jet) -> Jet:
        rise, fall = series(a, "exp"), series(-a, "exp")
        return self._halved(a, rise - fall, ball(a.value).sinh())

    def cosh(self, a: Jet) -> Jet:
        rise, fall = series(a, "exp"), series(-a, "exp")
        return self._halved(a, rise + fall, ball(a.value).cosh())

    def _halved(self, a: Jet, twice: Jet, value: arb) -> Jet:
        return Jet([value, *(c / 2 for c in twice.coefficients[1:])], a.still, a.notes, a.fixed)

    def tanh(self, a: Jet) -> Jet:
        secant = quotient(as_jet(1), self.cosh(a))
        return integrated(ball(a.value).tanh(), secant * secant, a)

    def coth(self, a: Jet) -> Jet:
        return self.divide(self.cosh(a), self.sinh(a))

    def sech(self, a: Jet) -> Jet:
        return quotient(as_jet(1), self.cosh(a))

    def csch(self, a: Jet) -> Jet:
        return self.divide(1, self.sinh(a))

    def asinh(self, a: Jet) -> Jet:
        return integrated(ball(a.value).asinh(), quotient(as_jet(1), self.sqrt(a * a + 1)), a)

    def acosh(self, a: Jet) -> Jet:
        inside, notes = self._inside(a, 1, None)
        if inside < 0:
            return undefined([a], *notes)
        if inside == 0:
            return self._at_end(a, arb(0), notes)
        return integrated(ball(a.value).acosh(), quotient(as_jet(1), self.sqrt((a - 1) * (a + 1))), a)

    def atanh(self, a: Jet) -> Jet:
        inside, notes = self._inside(a, -1, 1)
        if inside < 0:
            return undefined([a], *notes)
        if inside == 0:
            return undefined([a], self.note("pole", f"{self.name} at an end of its domain"))
        return integrated(ball(a.value).atanh(), quotient(as_jet(1), (1 - a) * (1 + a)), a)

    # -- piecewise

    def abs(self, a: Jet) -> Jet:
        side, notes = self.side(a, f"{self.name} at 0")
        moved = -a if side < 0 else a
        return Jet(moved.coefficients, a.still, notes, a.fixed)

    def sign(self, a: Jet) -> Jet:
        side, notes = self.side(a, "sign at 0")
        return Jet([fmpq(side)], True, notes, a.fixed)

    def heaviside(self, a: Jet, at_zero: Jet) -> Jet:
        side, notes = self.side(a, "heaviside at 0")
        if side == 0:
            return at_zero
        return Jet([fmpq(int(side > 0))], True, notes, a.fixed)

    def max(self, *args: Jet) -> Jet:
        return self._extreme(args, 1)

    def min(self, *args: Jet) -> Jet:
        return self._extreme(args, -1)

    def _extreme(self, args: tuple[Jet, ...], direction: int) -> Jet:
        best = args[0]
        for other in args[1:]:
            side, notes = self.side(best - other, f"a tie in {self.name}")
            chosen = best if side * direction >= 0 else other
            best = Jet(chosen.coefficients, chosen.still, notes, best.fixed and other.fixed)
        return best

    def where(self, condition: Truth, a: Jet, b: Jet) -> Jet:
        fixed = condition.fixed and a.fixed and b.fixed
        if not condition.known:
            return Jet([jets.NAN] * (1 if condition.still else Jet.order + 1), condition.still, condition.notes, fixed)
        chosen = a if condition.holds else b
        return Jet(chosen.coefficients, chosen.still, chosen.notes | condition.notes, fixed)

    def _compared(self, a: Jet | int, b: Jet | int, holds: Callable[[int], bool]) -> Truth:
        difference = as_jet(a) - as_jet(b)
        unknown = Truth(False, difference.notes, difference.still, difference.fixed, known=False)
        if is_nan(difference.value):
            return unknown
        try:
            side, notes = self.side(difference, CONDITION)
        except NoSeries:
            return unknown._replace(notes=difference.notes.union(self.noted))
        return Truth(holds(side), notes, difference.still, difference.fixed, difference.has_series)

    def lt(self, a: Jet | int, b: Jet | int) -> Truth:
        return self._compared(a, b, lambda side: side < 0)

    def le(self, a: Jet | int, b: Jet | int) -> Truth:
        return self._compared(a, b, lambda side: side <= 0)

    def gt(self, a: Jet | int, b: Jet | int) -> Truth:
        return self._compared(a, b, lambda side: side > 0)

    def ge(self, a: Jet | int, b: Jet | int) -> Truth:
        return self._compared(a, b, lambda side: side >= 0)

    def eq(self, a: Jet | int, b: Jet | int) -> Truth:
        return self._compared(a, b, lambda side: side == 0)

    def ne(self, a: Jet | int, b: Jet | int) -> Truth:
        return self._compared(a, b, lambda side: side != 0)

    def both(self, p: Truth, q: Truth) -> Truth:
        return Truth(p.holds and q.holds, p.notes | q.notes, p.still and q.still, p.fixed and q.fixed, p.known and q.known)

    def either(self, p: Truth, q: Truth) -> Truth:
        return Truth(p.holds or q.holds, p.notes | q.notes, p.still and q.still, p.fixed and q.fixed, p.known and q.known)

    def opposite(self, p: Truth) -> Truth:
        return p._replace(holds=not p.holds)

    # -- rounding

    def floor(self, a: Jet) -> Jet:
        whole = _floor(a.value)
        if whole is None:
            return undefined([a])
        if a.still or reals.sign(a.value - whole):
            return Jet([fmpq(whole)], True, a.notes, a.fixed)
        side, notes = self.side(a - Jet([fmpq(whole)], True), f"{self.name} at an integer")
        return Jet([fmpq(whole - (side < 0))], True, notes, a.fixed)

    def ceil(self, a: Jet) -> Jet:
        return -self.floor(-a)

    def trunc(self, a: Jet) -> Jet:
        at_point = reals.sign(a.value)
        if at_point == 0:
            return Jet([fmpq(0)], True, a.notes, a.fixed)
        return self.floor(a) if at_point > 0 else -self.floor(-a)

    def round(self, a: Jet) -> Jet:
        doubled = _floor(2 * a.value)
        if doubled is None:
            return undefined([a])
        half = fmpq(doubled, 2)
        if doubled % 2 == 0 or reals.sign(a.value - half):
            return Jet([fmpq((doubled + 1) // 2)], True, a.notes, a.fixed)
        side, notes = self.side(a - Jet([half], True), "round at a half-integer")
        below, above = (doubled - 1) // 2, (doubled + 1) // 2
        even = below if below % 2 == 0 else above
        return Jet([fmpq(even if side == 0 else below if side < 0 else above)], True, notes, a.fixed)

    # -- special functions

    def erf(self, a: Jet) -> Jet:
        return series(a, "erf")

    def erfc(self, a: Jet) -> Jet:
        return series(a, "erfc")

    def erfi(self, a: Jet) -> Jet:
        return series(a, "erfi")

    def erfinv(self, a: Jet) -> Jet:
        inside, notes = self._inside(a, -1, 1)
        if inside < 0:
            return undefined([a], *notes)
        if inside == 0:
            return undefined([a], self.note("pole", "erfinv at an end of its domain"))
        # y' = sqrt(pi)/2 * exp(y**2): every pass makes one more coefficient right.
        start = ball(a.value).erfinv()
        result = Jet([start, *[arb(0)] * (len(a) - 1)], a.still, a.notes, a.fixed)
        factor = Jet([arb.pi().sqrt() / 2], still=True)
        for _ in range(len(a) - 1):
            result = integrated(start, factor * series(result * result, "exp"), a)
        return result

    def _pole_of_gamma(self, a: Jet) -> bool:
        whole = integer(a.value)
        return whole is not None and whole <= 0

    def gamma(self, a: Jet) -> Jet:
        if self._pole_of_gamma(a):
            return undefined([a], self.note("pole", f"{self.name} at a non-positive integer"))
        return self._gamma_series(a, "gamma")

    def _gamma_series(self, a: Jet, name: str) -> Jet:
        if len(a) * ctx.prec > _MOST_BITS_OF_GAMMA:
            raise reals.OutOfPrecision
        return series(a, name)

    def lgamma(self, a: Jet) -> Jet:
        if reals.sign(a.value) > 0:
            return self._gamma_series(a, "lgamma")
        if self._pole_of_gamma(a):
            return undefined([a], self.note("pole", f"{self.name} at a non-positive integer"))
        grown = self._gamma_series(a, "gamma")
        return self.log(grown if reals.sign(grown.value) > 0 else -grown)

    def digamma(self, a: Jet) -> Jet:
        return self._polygamma(0, a)

    def polygamma(self, n: Jet, a: Jet) -> Jet:
        order = integer(n.value)
        assert order is not None
        return self._polygamma(order, a)

    def _polygamma(self, n: int, a: Jet) -> Jet:
        if self._pole_of_gamma(a):
            return undefined([a], self.note("pole", f"{self.name} at a non-positive integer"))
        # The k-th coefficient at x is that of digamma, n + k places on, times (n + k)!/k!.
        coefficients: list[Real] = []
        for power, c in enumerate(reals.digamma_series(ball(a.value), n + len(a))[n:]):
            coefficients.append(c * perm(n + power, n))
        return composed(a, coefficients)

    def zeta(self, a: Jet) -> Jet:
        if reals.sign(a.value - 1) == 0:
            return undefined([a], self.note("pole", "zeta at 1"))
        if not abs(ball(a.value)) < _LARGEST_SPECIAL:
            return undefined([a], self.note("unknown", "zeta of so large a number"))
        return series(a, "zeta")

    def besselj(self, n: Jet, a: Jet) -> Jet:
        return self._bessel(n, a, "bessel_j", -1, 1)

    def bessely(self, n: Jet, a: Jet) -> Jet:
        return self._bessel(n, a, "bessel_y", -1, 1)

    def besseli(self, n: Jet, a: Jet) -> Jet:
        return self._bessel(n, a, "bessel_i", 1, 1)

    def besselk(self, n: Jet, a: Jet) -> Jet:
        return self._bessel(n, a, "bessel_k", 1, -1)

    def _bessel(self, n: Jet, a: Jet, kind: str, alternate: int, outer: int) -> Jet:
        """A function Z_n with Z_n' = outer*(Z_(n-1) + alternate*Z_(n+1))/2."""
        at_point = reals.sign(a.value)
        if at_point == 0 and kind in ("bessel_y", "bessel_k"):
            return undefined([n, a], self.note("pole", f"{self.name} at 0"))
        if at_point < 0 and (kind in ("bessel_y", "bessel_k") or integer(n.value) is None):
            return undefined([n, a], self.note("domain", f"{self.name} of a negative number"))
        if not abs(ball(n.value)) < _LARGEST_SPECIAL:
            return undefined([n, a], self.note("unknown", f"{self.name} of so large an order"))
        if not n.still:
            return undefined([n, a], self.note("unknown", f"the derivative of {self.name} by its order"))
        x, order = ball(a.value), ball(n.value)
        coefficients: list[Real] = []
        factor = fmpq(1)
        for power in range(len(a)):
            factor = factor / max(power, 1) / (2 if power else 1)
            total = arb(0)
            for k in range(power + 1):
                total += comb(power, k) * alternate**k * getattr(x, kind)(order - power + 2 * k)
            coefficients.append(total * factor * outer**power)
        return composed(a, coefficients)


def _multiplied(a: Jet, b: Jet, n: int) -> Jet:
    """a**n by repeated squaring: exact for rationals, and right where a is zero."""
    result = Jet([fmpq(1)], True, a.notes | b.notes, a.fixed and b.fixed)
    while n:
        if n & 1:
            result = result * a
        n >>= 1
        if n:
            a = a * a
    return result


def _floor(value: Real) -> int | None:
    """The integer below a number; None if there is none (not a number, or beyond all bounds)."""
    if isinstance(value, fmpq):
        return int(value.p // value.q)
    if not value.is_finite():
        return None
    below = value.floor().unique_fmpz()
    if below is not None:
        return int(below)
    # The ball contains an integer: it is that integer as far as the precision tells.
    nearest = (value.mid() + fmpq(1, 2)).floor().unique_fmpz()
    if nearest is None:
        raise reals.Unresolved
    reals.sign(value - int(nearest))
    return int(nearest)


def coefficient(name: str, parameter: fmpq | None, x: arb, order: int) -> arb:
    """A Taylor coefficient at a ball of a function of the vocabulary, of one number or of a parameter and a number.

    Not a number where the function has no series there, or none that is known.
    """
    Jet.order = max(order, 1)
    parameters = () if parameter is None else (Jet([parameter], still=True, fixed=True),)
    try:
        jet: Jet = getattr(Engine(), name)(*parameters, moving(x, 1, Jet.order))
    except (reals.Unresolved, reals.NotReal, NoSeries):
        return jets.NAN
    return jets.NAN if jet.notes else ball(jet[order])


def deflated_zeta(x: arb, order: int) -> arb:
    """A Taylor coefficient of zeta(s) - 1/(s - 1), which has no pole, at a ball."""
    series = acb_series([x, 1], prec=order + 1).zeta(1, True)
    return series[order].real
