"""Where an expression of one variable has a value: exactly where that can be, and however far or near.

Comes in: a tree with one name, and a number.  Goes out: constant trees, places where the expression may have that number.
Polynomials are solved by their factors, functions by their inverses; what is left is looked for in pieces over all
magnitudes, in balls.  A place too many does no harm: it is a point to look at, and no statement rests on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from flint import arb, fmpq, fmpq_poly

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.jets import Jet
from gradcalc.engines.taylor.reals import Real
from gradcalc.expression.decimals import plain
from gradcalc.expression.tree import Call, Name, Node, Number, integer_literal, linearize, names_in, substitute_names
from gradcalc.proof.claims.breakpoints import expanded, is_hard

Ratio = tuple[fmpq_poly, fmpq_poly]

_MOST = 24
"""Roots of one expression that are looked at."""
_DEGREE = 40
_ZERO, _ONE, _TWO = Number("0"), Number("1"), Number("2")
_TURNS = (1, -1, 2, -2, 7)
"""Periods of an angle that are looked at."""


def roots(tree: Node, value: Node | None = None, looks: int = 0) -> list[Node]:
    """Constant trees, each once, at which a tree with one name may have a value (by default 0).

    Where no inverse is known, so many pieces of the line are looked at.
    """
    found: dict[Node, None] = {}
    for place in _Solving(looks).solved(expanded(tree), _ZERO if value is None else value, 0):
        found.setdefault(place)
    return list(found)


def literal(value: Fraction | fmpq) -> Node:
    """A rational as a tree; a very large or small one as a product with a power of ten, in thirty digits."""
    fraction = value if isinstance(value, Fraction) else Fraction(int(value.p), int(value.q))
    if max(fraction.numerator.bit_length(), fraction.denominator.bit_length()) > _LONGEST_BITS:
        size = _decimal_size(fraction)
        mantissa = shortened(fraction / Fraction(10) ** size, 30)
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
    """Whether a tree with one name has a value only beside a place: the root is a number that was rounded."""
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
        made = {"+": (a * d + c * b, b * d), "-": (a * d - c * b, b * d), "*": (a * c, b * d), "/": (a * d, b * c)}
        above, below = made[node.name]
        return None if below.is_zero() or max(above.degree(), below.degree()) > _DEGREE else (above, below)

    return linearize(tree).evaluate(leaf, call)[-1]


def _power(ratio: Ratio, power: int) -> Ratio | None:
    above, below = ratio if power >= 0 else (ratio[1], ratio[0])
    if below.is_zero() or abs(power) * max(above.degree(), below.degree(), 1) > _DEGREE:
        return None
    return above ** abs(power), below ** abs(power)


def zeros(found: fmpq_poly) -> list[Node]:
    """The real zeros of a polynomial: rationals and square roots exactly, others to 50 digits."""
    places: list[Node] = []
    if found.degree() < 1:
        return places
    for factor, _ in found.numer().factor()[1]:
        coefficients = [int(c) for c in factor.coeffs()]
        if len(coefficients) == 2:
            places.append(literal(Fraction(-coefficients[0], coefficients[1])))
        elif len(coefficients) == 3:
            places += _of_quadratic(*coefficients)
        else:
            with reals.precision(reals.START_BITS):
                places += [_rounded(pair[0].real) for pair in factor.complex_roots() if pair[0].imag.is_zero()]  # type: ignore[index]
    return places


def _of_quadratic(c: int, b: int, a: int) -> list[Node]:
    square = b * b - 4 * a * c
    if square < 0:
        return []
    root = Call("sqrt", (literal(Fraction(square)),))
    part = Call("/", (root, literal(Fraction(abs(2 * a)))))
    if not b:
        return [part, Call("neg", (part,))]
    return [Call(sign, (literal(Fraction(-b, 2 * a)), part)) for sign in ("+", "-")]


def _rounded(value: arb) -> Node:
    """A place near to a number, in thirty digits."""
    return literal(shortened(reals.to_fraction(value), 30))


def shortened(value: Fraction, digits: int) -> Fraction:
    """A number rounded to so many significant decimal digits."""
    if not value:
        return value
    return round(value, digits - _decimal_size(value))


_LONGEST_BITS = 12_000


def _decimal_size(value: Fraction) -> int:
    """The power of ten at which a number begins, or the one below."""
    return (abs(value.numerator).bit_length() - value.denominator.bit_length()) * 30_103 // 100_000


# ------------------------------------------------------------------------------------------------------- by inverses


def _made(name: str, *args: Node) -> Node | None:
    """A constant tree of constant trees, as a rational where it is one; None where it has no value."""
    made = Call(name, args)
    value = number(made)
    return literal(value) if isinstance(value, fmpq) else None if value is None else made


_INVERSES = {
    "exp": ("log",), "log": ("exp",), "expm1": ("log1p",), "log1p": ("expm1",), "tanh": ("atanh",), "atanh": ("tanh",),
    "sinh": ("asinh",), "asinh": ("sinh",), "asin": ("sin",), "acos": ("cos",), "atan": ("tan",), "erf": ("erfinv",),
    "erfinv": ("erf",), "cosh": ("acosh",), "acosh": ("cosh",), "sigmoid": ("logit",),
}  # fmt: skip
_EVEN = ("cosh",)


_OPERATORS = ("+", "-", "*", "/", "neg", "**")


class _Solving:
    """Equations that are solved by inverses; where there is none, so many pieces of the line are looked at."""

    def __init__(self, looks: int):
        self.looks = looks

    def solved(self, tree: Node, value: Node | None, depth: int) -> list[Node]:
        """Where a tree may have a value."""
        if value is None or depth > 30 or not names_in(tree):
            return []
        if isinstance(tree, Name):
            return [value]
        ratio, target = polynomial(tree), number(value)
        if ratio is not None and isinstance(target, fmpq):
            return zeros(ratio[0] - ratio[1] * fmpq_poly([target]))
        assert isinstance(tree, Call)
        found = (
            self._arithmetic(tree, value, depth + 1) if tree.name in _OPERATORS else self._function(tree, value, depth + 1)
        )
        return searched(tree, value, self.looks) if found is None else found

    def _arithmetic(self, tree: Call, value: Node, depth: int) -> list[Node] | None:
        """Where an operator has a value; None where both sides move and nothing is known."""
        if tree.name == "neg":
            return self.solved(tree.args[0], _made("neg", value), depth)
        left, right = tree.args
        is_zero = value == _ZERO
        match tree.name, bool(names_in(left)), bool(names_in(right)):
            case "+", True, False:
                return self.solved(left, _made("-", value, right), depth)
            case "+", False, True:
                return self.solved(right, _made("-", value, left), depth)
            case "-", True, False:
                return self.solved(left, _made("+", value, right), depth)
            case "-", False, True:
                return self.solved(right, _made("-", left, value), depth)
            case "*", True, False:
                return self.solved(left, _made("/", value, right), depth)
            case "*", False, True:
                return self.solved(right, _made("/", value, left), depth)
            case "*", True, True if is_zero:
                return [*self.solved(left, value, depth), *self.solved(right, value, depth)]
            case "/", True, False:
                return self.solved(left, _made("*", value, right), depth)
            case "/", False, True:
                return [] if is_zero else self.solved(right, _made("/", left, value), depth)
            case "/", True, True if is_zero:
                return self.solved(left, value, depth)
            case "**", True, False:
                whole = integer_literal(right)
                if is_zero:
                    return self.solved(left, value, depth)
                if whole is not None and whole % 2:
                    return [*self.solved(left, _odd_root(value, whole), depth)]
                root = _made("**", value, _made("/", _ONE, right) or _ONE)
                both = [root] if whole is None or root is None else [root, _made("neg", root)]
                return [place for each in both for place in self.solved(left, each, depth)]
            case "**", False, True:
                above, below = _made("log", value), _made("log", left)
                return [] if above is None or below is None else self.solved(right, _made("/", above, below), depth)
        return None

    def _function(self, tree: Call, value: Node, depth: int) -> list[Node] | None:
        """Where a function has a value; None where its inverse is not known."""
        name, args = tree.name, tree.args
        if name in ("max", "min", "where"):
            branches = args[1:] if name == "where" else args
            return [place for branch in branches for place in self.solved(branch, value, depth)]
        inside: list[Node | None]
        if name in _INVERSES:
            inside = [_made(_INVERSES[name][0], value)]
            inside += [_made("neg", place) for place in inside if place is not None and name in _EVEN]
        elif name == "abs":
            inside = [value, _made("neg", value)]
        elif name in ("sqrt", "cbrt"):
            inside = [_made("**", value, _TWO if name == "sqrt" else Number("3"))]
        elif name in ("floor", "ceil", "trunc", "round"):
            shifts = ("-1", "0", "1") if name != "round" else ("-1/2", "1/2")
            inside = [_made("+", value, literal(Fraction(shift))) for shift in shifts]
        elif name in ("sign", "heaviside"):
            inside = [_ZERO]
        elif name in ("sin", "cos", "tan"):
            inside = _angles(name, value)
        else:
            return None
        return [place for each in inside for place in self.solved(args[0], each, depth)]


def _odd_root(value: Node, power: int) -> Node | None:
    sign, size = _made("sign", value), _made("abs", value)
    root = None if size is None else _made("**", size, literal(Fraction(1, power)))
    return None if root is None or sign is None else _made("*", sign, root)


def _angles(name: str, value: Node) -> list[Node | None]:
    pi = Call("pi", ())
    first = Call("/", (pi, _TWO)) if name == "cos" and value == _ZERO else _made(f"a{name}", value)
    if first is None:
        return []
    other = {"sin": _made("-", pi, first), "cos": _made("neg", first), "tan": first}[name]
    periods = 1 if name == "tan" else 2
    turns = [_made("*", literal(Fraction(periods * turn)), pi) for turn in _TURNS]
    both = [each for each in dict.fromkeys((first, other)) if each is not None]
    return [*both, *(_made("+", each, turn) for turn in turns if turn is not None for each in both)]


# ---------------------------------------------------------------------------------------------------- by looking for it

_EXPONENTS = (-1_000, -100, -40, -20, -10, *range(-6, 12), 16, 20, 30, 40, 60, 100, 1_000)
_WIDTH = 2**-60


def searched(tree: Node, value: Node, looks: int) -> list[Node]:
    """Places where a tree passes through a value, in pieces over all magnitudes of both signs, nearest to 1 first."""
    if not looks or is_hard(tree):
        return []
    work = _Search(Call("-", (tree, value)))
    ends = [Fraction(2) ** exponent for exponent in _EXPONENTS]
    pieces = [(sign * low, sign * high) for low, high in pairwise(ends) for sign in (1, -1)]
    waiting = sorted((min(piece), max(piece), 0) for piece in pieces)
    waiting.sort(key=lambda piece: abs(abs(piece[0]) - 1))
    found: list[Node] = [_ZERO] if work.sign(Fraction(0)) == 0 else []
    for _ in range(looks):
        if not waiting or len(found) >= _MOST:
            break
        low, high, depth = waiting.pop(0)
        state = work.state(low, high)
        if state == "crossing":
            found.append(literal(shortened(work.narrowed(low, high), 20)))
        elif state == "open" and depth < 12:
            middle = _middle(low, high)
            waiting += [(low, middle, depth + 1), (middle, high, depth + 1)]
    return found


def _middle(low: Fraction, high: Fraction) -> Fraction:
    """The middle of a piece; of one over several magnitudes, that of its exponents."""
    if low > 0 and high > 4 * low:
        exponent = (low.numerator.bit_length() - low.denominator.bit_length()
                    + high.numerator.bit_length() - high.denominator.bit_length()) // 2  # fmt: skip
        return Fraction(2) ** exponent if low < Fraction(2) ** exponent < high else (low + high) / 2
    return -_middle(-high, -low) if high < 0 and low < 4 * high else (low + high) / 2


class _Search:
    def __init__(self, tree: Node):
        self.program = linearize(tree)
        (self.name,) = names_in(tree)

    def state(self, low: Fraction, high: Fraction) -> str:
        """`none` where there is no root, `crossing` where there is just one, `open` where nobody can tell yet."""
        with reals.precision(128):
            whole = arb(reals.exact((low + high) / 2), reals.exact((high - low) / 2))
            jet = self._jet(whole, 1)
            if jet is None:
                return "open"
            if jet[0] > 0 or jet[0] < 0:
                return "none"
        is_one_way = jet[1] > 0 or jet[1] < 0
        ends = (self.sign(low), self.sign(high))
        if None not in ends and ends[0] != ends[1]:
            return "crossing" if is_one_way or high - low < abs(high) / 256 else "open"
        return "none" if is_one_way and None not in ends else "open"

    def sign(self, place: Fraction) -> int | None:
        with reals.precision(256):
            jet = self._jet(reals.exact(place), 0)
        return None if jet is None else 1 if jet[0] > 0 else -1 if jet[0] < 0 else 0

    def narrowed(self, low: Fraction, high: Fraction) -> Fraction:
        """The place of a change of sign, to sixty bits of itself."""
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
