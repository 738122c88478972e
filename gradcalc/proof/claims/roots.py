"""Where an expression of one variable has a value, exactly if possible, at all magnitudes.

Comes in: a tree with one name, and a number.  Goes out: constant trees, places where the expression may have that value.
Polynomials are solved by factorization, functions by their inverses, and the rest by a search in balls over all magnitudes.
A superfluous place is harmless: it is a sample, and no statement rests on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from flint import arb, fmpq, fmpq_poly

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.jets import Jet
from gradcalc.engines.taylor.reals import Real
from gradcalc.expression.decimals import plain
from gradcalc.expression.tree import Call, Name, Node, Number, integer_literal, linearize, names_in, substitute_names
from gradcalc.proof.claims.breakpoints import expand, is_hard

Ratio = tuple[fmpq_poly, fmpq_poly]

_MOST = 24
"""Roots of one expression, at most."""
_DEGREE = 40
_ZERO, _ONE, _TWO = Number("0"), Number("1"), Number("2")
_TURNS = (1, -1, 2, -2, 7)
"""Periods of an angle that are tried."""


def roots(tree: Node, value: Node | None = None, probes: int = 0) -> list[Node]:
    """The distinct constant trees at which a tree with one name may have a value (by default 0).

    `probes` is the number of intervals that are evaluated where no inverse is known.
    """
    return list(dict.fromkeys(_Solver(probes).solve(expand(tree), _ZERO if value is None else value, 0)))


def literal(value: Fraction | fmpq) -> Node:
    """A rational as a tree; with very long numbers, a product of thirty digits with a power of ten."""
    fraction = value if isinstance(value, Fraction) else reals.to_fraction(value)
    if max(fraction.numerator.bit_length(), fraction.denominator.bit_length()) > _LONGEST_BITS:
        size = _decimal_size(fraction)
        mantissa = round_significant(fraction / Fraction(10) ** size, 30)
        return Call("*", (literal(mantissa), Call("**", (Number("10"), literal(Fraction(size))))))
    above, _, below = plain(abs(fraction)).partition("/")
    whole = Call("/", (Number(above), Number(below))) if below else Number(above)
    return Call("neg", (whole,)) if fraction < 0 else whole


def number(tree: Node, bits: int = reals.START_BITS) -> Real | None:
    """The value of a constant tree; None where it has none."""
    with reals.precision(bits):
        try:
            jet = evaluate.evaluate(tree, {})
        except (reals.Unresolved, reals.NotReal, reals.OutOfPrecision):
            return None
        value = jet.value
        return value if isinstance(value, fmpq) or value.is_finite() else None


def is_near(tree: Node, value: Node | None, place: Node) -> bool:
    """Whether a place is only near a root: an irrational root that was rounded."""
    (name,) = names_in(tree)
    gap = number(Call("-", (substitute_names(tree, {name: place}.get), _ZERO if value is None else value)))
    return gap is not None and not reals.ball(gap).contains(0) and bool(abs(reals.ball(gap)) < _NEAR)


_NEAR = 1e-9


def polynomial(tree: Node) -> Ratio | None:
    """A tree with one name as a quotient of polynomials with rational coefficients; None where it is none."""
    one = fmpq_poly([1])

    def leaf(node: Number | Name) -> Ratio | None:
        return (fmpq_poly([0, 1]) if isinstance(node, Name) else fmpq_poly([reals.exact(node.value)])), one

    def call(node: Call, args: list[Ratio | None]) -> Ratio | None:
        if None in args or not args:
            return None
        parts = [arg for arg in args if arg is not None]
        if node.name == "neg":
            return -parts[0][0], parts[0][1]
        if node.name == "**":
            power = integer_literal(node.args[1])
            return None if power is None else _power(parts[0], power)
        if node.name not in ("+", "-", "*", "/"):
            return None
        (a, b), (c, d) = parts
        results = {"+": (a * d + c * b, b * d), "-": (a * d - c * b, b * d), "*": (a * c, b * d), "/": (a * d, b * c)}
        above, below = results[node.name]
        return None if below.is_zero() or max(above.degree(), below.degree()) > _DEGREE else (above, below)

    return linearize(tree).evaluate(leaf, call)[-1]


def _power(ratio: Ratio, power: int) -> Ratio | None:
    above, below = ratio if power >= 0 else (ratio[1], ratio[0])
    if below.is_zero() or abs(power) * max(above.degree(), below.degree(), 1) > _DEGREE:
        return None
    return above ** abs(power), below ** abs(power)


def zeros(equation: fmpq_poly) -> list[Node]:
    """The real zeros of a polynomial: rationals and square roots exactly, others to 50 digits."""
    places: list[Node] = []
    if equation.degree() < 1:
        return places
    for factor, _ in equation.numer().factor()[1]:
        coefficients = [int(c) for c in factor.coeffs()]
        if len(coefficients) == 2:
            places.append(literal(Fraction(-coefficients[0], coefficients[1])))
        elif len(coefficients) == 3:
            places += _quadratic_zeros(*coefficients)
        else:
            with reals.precision(reals.START_BITS):
                places += [_rounded(pair[0].real) for pair in factor.complex_roots() if pair[0].imag.is_zero()]  # type: ignore[index]
    return places


def _quadratic_zeros(c: int, b: int, a: int) -> list[Node]:
    square = b * b - 4 * a * c
    if square < 0:
        return []
    root = Call("sqrt", (literal(Fraction(square)),))
    part = Call("/", (root, literal(Fraction(abs(2 * a)))))
    if not b:
        return [part, Call("neg", (part,))]
    return [Call(sign, (literal(Fraction(-b, 2 * a)), part)) for sign in ("+", "-")]


def _rounded(value: arb) -> Node:
    """A number to thirty digits."""
    return literal(round_significant(reals.to_fraction(value), 30))


def round_significant(value: Fraction, digits: int) -> Fraction:
    """A number rounded to significant decimal digits."""
    if not value:
        return value
    return round(value, digits - _decimal_size(value))


_LONGEST_BITS = 12_000


def _decimal_size(value: Fraction) -> int:
    """The decimal exponent of a number, or the one below."""
    return (abs(value.numerator).bit_length() - value.denominator.bit_length()) * 30_103 // 100_000


# ------------------------------------------------------------------------------------------------------- by inverses


def _constant(name: str, *args: Node) -> Node | None:
    """A function of constant trees, as a literal if it is rational; None where it has no value."""
    tree = Call(name, args)
    value = number(tree)
    return literal(value) if isinstance(value, fmpq) else None if value is None else tree


_INVERSES = {
    "exp": ("log",), "log": ("exp",), "expm1": ("log1p",), "log1p": ("expm1",), "tanh": ("atanh",), "atanh": ("tanh",),
    "sinh": ("asinh",), "asinh": ("sinh",), "asin": ("sin",), "acos": ("cos",), "atan": ("tan",), "erf": ("erfinv",),
    "erfinv": ("erf",), "cosh": ("acosh",), "acosh": ("cosh",), "sigmoid": ("logit",),
}  # fmt: skip
_EVEN = ("cosh",)


_OPERATORS = ("+", "-", "*", "/", "neg", "**")


class _Solver:
    """Solves equations by inverses, and by a search with `probes` where none is known."""

    def __init__(self, probes: int):
        self.probes = probes

    def solve(self, tree: Node, value: Node | None, depth: int) -> list[Node]:
        """Where a tree may have a value."""
        if value is None or depth > 30 or not names_in(tree):
            return []
        if isinstance(tree, Name):
            return [value]
        ratio, target = polynomial(tree), number(value)
        if ratio is not None and isinstance(target, fmpq):
            return zeros(ratio[0] - ratio[1] * fmpq_poly([target]))
        assert isinstance(tree, Call)
        places = (
            self._arithmetic(tree, value, depth + 1) if tree.name in _OPERATORS else self._function(tree, value, depth + 1)
        )
        return search(tree, value, self.probes) if places is None else places

    def _arithmetic(self, tree: Call, value: Node, depth: int) -> list[Node] | None:
        """Where an operator has a value; None where both operands vary and nothing is known."""
        if tree.name == "neg":
            return self.solve(tree.args[0], _constant("neg", value), depth)
        left, right = tree.args
        if names_in(left) and names_in(right):
            if value != _ZERO or tree.name not in ("*", "/"):
                return None
            factors = (left, right) if tree.name == "*" else (left,)
            return [place for factor in factors for place in self.solve(factor, value, depth)]
        varies, inverse = (left, _INVERSE_IN_LEFT) if names_in(left) else (right, _INVERSE_IN_RIGHT)
        if tree.name == "**":
            values = _bases(value, right) if varies is left else _exponents(value, left)
        elif tree.name == "/" and varies is right and value == _ZERO:
            return []
        else:
            values = [inverse[tree.name](value, right if varies is left else left)]
        return [place for each in values for place in self.solve(varies, each, depth)]

    def _function(self, tree: Call, value: Node, depth: int) -> list[Node] | None:
        """Where a function has a value; None where its inverse is not known."""
        name, args = tree.name, tree.args
        if name in ("max", "min", "where"):
            branches = args[1:] if name == "where" else args
            return [place for branch in branches for place in self.solve(branch, value, depth)]
        inside: list[Node | None]
        if name in _INVERSES:
            inside = [_constant(_INVERSES[name][0], value)]
            inside += [_constant("neg", place) for place in inside if place is not None and name in _EVEN]
        elif name == "abs":
            inside = [value, _constant("neg", value)]
        elif name in ("sqrt", "cbrt"):
            inside = [_constant("**", value, _TWO if name == "sqrt" else Number("3"))]
        elif name in ("floor", "ceil", "trunc", "round"):
            shifts = ("-1", "0", "1") if name != "round" else ("-1/2", "1/2")
            inside = [_constant("+", value, literal(Fraction(shift))) for shift in shifts]
        elif name in ("sign", "heaviside"):
            inside = [_ZERO]
        elif name in ("sin", "cos", "tan"):
            inside = _angles(name, value)
        else:
            return None
        return [place for each in inside for place in self.solve(args[0], each, depth)]


_Inverse = Callable[[Node, Node], Node | None]

_INVERSE_IN_LEFT: dict[str, _Inverse] = {
    "+": lambda value, right: _constant("-", value, right),
    "-": lambda value, right: _constant("+", value, right),
    "*": lambda value, right: _constant("/", value, right),
    "/": lambda value, right: _constant("*", value, right),
}
_INVERSE_IN_RIGHT: dict[str, _Inverse] = {
    "+": lambda value, left: _constant("-", value, left),
    "-": lambda value, left: _constant("-", left, value),
    "*": lambda value, left: _constant("/", value, left),
    "/": lambda value, left: _constant("/", left, value),
}


def _bases(value: Node, exponent: Node) -> list[Node | None]:
    """The bases whose power is a value."""
    if value == _ZERO:
        return [value]
    whole = integer_literal(exponent)
    if whole is not None and whole % 2:
        return [_odd_root(value, whole)]
    root = _constant("**", value, _constant("/", _ONE, exponent) or _ONE)
    return [root] if whole is None or root is None else [root, _constant("neg", root)]


def _exponents(value: Node, base: Node) -> list[Node | None]:
    """The exponents whose power is a value."""
    above, below = _constant("log", value), _constant("log", base)
    return [] if above is None or below is None else [_constant("/", above, below)]


def _odd_root(value: Node, power: int) -> Node | None:
    sign, size = _constant("sign", value), _constant("abs", value)
    root = None if size is None else _constant("**", size, literal(Fraction(1, power)))
    return None if root is None or sign is None else _constant("*", sign, root)


def _angles(name: str, value: Node) -> list[Node | None]:
    pi = Call("pi", ())
    first = Call("/", (pi, _TWO)) if name == "cos" and value == _ZERO else _constant(f"a{name}", value)
    if first is None:
        return []
    other = {"sin": _constant("-", pi, first), "cos": _constant("neg", first), "tan": first}[name]
    periods = 1 if name == "tan" else 2
    turns = [_constant("*", literal(Fraction(periods * turn)), pi) for turn in _TURNS]
    both = [each for each in dict.fromkeys((first, other)) if each is not None]
    return [*both, *(_constant("+", each, turn) for turn in turns if turn is not None for each in both)]


# -------------------------------------------------------------------------------------------------------------- by search

_EXPONENTS = (-1_000, -100, -40, -20, -10, *range(-6, 12), 16, 20, 30, 40, 60, 100, 1_000)
_WIDTH = 2**-60


class _Roots(StrEnum):
    """The roots in an interval."""

    NONE = "none"
    CROSSING = "crossing"
    OPEN = "open"


def search(tree: Node, value: Node, probes: int) -> list[Node]:
    """Places where a tree crosses a value, of both signs and all magnitudes, nearest to 1 first."""
    if not probes or is_hard(tree):
        return []
    work = _Search(Call("-", (tree, value)))
    ends = [Fraction(2) ** exponent for exponent in _EXPONENTS]
    pieces = [(sign * low, sign * high) for low, high in pairwise(ends) for sign in (1, -1)]
    waiting = sorted((min(piece), max(piece), 0) for piece in pieces)
    waiting.sort(key=lambda piece: abs(abs(piece[0]) - 1))
    places: list[Node] = [_ZERO] if work.sign(Fraction(0)) == 0 else []
    for _ in range(probes):
        if not waiting or len(places) >= _MOST:
            break
        low, high, depth = waiting.pop(0)
        state = work.state(low, high)
        if state is _Roots.CROSSING:
            places.append(literal(round_significant(work.bisect(low, high), 20)))
        elif state is _Roots.OPEN and depth < 12:
            middle = _middle(low, high)
            waiting += [(low, middle, depth + 1), (middle, high, depth + 1)]
    return places


def _middle(low: Fraction, high: Fraction) -> Fraction:
    """The middle of an interval; over several magnitudes, the geometric one."""
    if low > 0 and high > 4 * low:
        exponent = (low.numerator.bit_length() - low.denominator.bit_length()
                    + high.numerator.bit_length() - high.denominator.bit_length()) // 2  # fmt: skip
        return Fraction(2) ** exponent if low < Fraction(2) ** exponent < high else (low + high) / 2
    return -_middle(-high, -low) if high < 0 and low < 4 * high else (low + high) / 2


class _Search:
    """The signs of an expression of one variable."""

    def __init__(self, tree: Node):
        self.program = linearize(tree)
        (self.name,) = names_in(tree)

    def state(self, low: Fraction, high: Fraction) -> _Roots:
        """Whether an interval has no root, or exactly one that is a change of sign, or may have any."""
        with reals.precision(128):
            whole = arb(reals.exact((low + high) / 2), reals.exact((high - low) / 2))
            jet = self._jet(whole, 1)
            if jet is None:
                return _Roots.OPEN
            if jet[0] > 0 or jet[0] < 0:
                return _Roots.NONE
        is_one_way = jet[1] > 0 or jet[1] < 0
        ends = (self.sign(low), self.sign(high))
        if None not in ends and ends[0] != ends[1]:
            return _Roots.CROSSING if is_one_way or high - low < abs(high) / 256 else _Roots.OPEN
        return _Roots.NONE if is_one_way and None not in ends else _Roots.OPEN

    def sign(self, place: Fraction) -> int | None:
        with reals.precision(256):
            jet = self._jet(reals.exact(place), 0)
        return None if jet is None else 1 if jet[0] > 0 else -1 if jet[0] < 0 else 0

    def bisect(self, low: Fraction, high: Fraction) -> Fraction:
        """The place of a change of sign, to sixty bits."""
        before = self.sign(low)
        if before == 0:
            return low
        while high - low > _WIDTH * min(abs(low), abs(high)):
            middle = (low + high) / 2
            sign = self.sign(middle)
            if sign in (0, None):
                return middle
            low, high = (middle, high) if sign == before else (low, middle)
        return (low + high) / 2

    def _jet(self, place: Real, order: int) -> Sequence[arb] | None:
        start = Jet.variable(place, 1, 1) if order else place
        try:
            jet = evaluate.evaluate(self.program, {self.name: start}, order=order)
        except (reals.Unresolved, reals.NotReal, reals.OutOfPrecision):
            return None
        parts = [reals.ball(jet[power]) for power in range(order + 1)]
        return parts if all(part.is_finite() for part in parts[:1]) else None
