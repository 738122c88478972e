"""A derivation by hand: the derivative of an expression, rule by rule.

Comes in: a tree and a variable.  Goes out: the steps, the whole first and then its parts, each with its rule and its result.
Nothing is rearranged but zeros, ones, signs and numbers, so that every result is seen to be made of those below it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, reduce

from gradcalc.errors import CalcError
from gradcalc.expression.decimals import plain
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, Number, factors, fold, linearize, names_in, postorder, terms
from gradcalc.functions import TABLE
from gradcalc.functions.rules import ARITHMETIC, CASES, DEFINITIONS, FUNCTIONS
from gradcalc.grammar import parse

MAX_PARTS = 4_000
MAX_DEPTH = 100

_ZERO, _ONE = Number("0"), Number("1")


class NoRule(CalcError):
    """A part whose derivative has no rule; `function` is what it is of."""

    def __init__(self, part: Call):
        super().__init__(f"there is no rule for the derivative of {unparse(part)}", hint="gradcalc diff gives its value")
        self.function = part.name


@dataclass(frozen=True, slots=True)
class Law:
    """A rule in letters: its name, what is derived, and its derivative, in which `u'` is that of `u`."""

    rule: str
    whole: Node
    derivative: Node


@dataclass(frozen=True, slots=True)
class Step:
    """A part, the rule that holds for it, and its derivative.

    `depth` is in how many parts it stands; `letters` says what the letters of the law are here.  `is_chain`: they are more
    than the variable itself.  `is_known`: the part was derived before, and the steps to it are not shown again.
    """

    depth: int
    part: Node
    law: Law
    letters: Mapping[str, Node]
    derivative: Node
    is_chain: bool = False
    is_known: bool = False


def derive(tree: Node, by: str) -> list[Step]:
    """The derivation of a tree by a variable; the first step is about the whole, and has the derivative.

    Raises `NoRule` for a function without one, and `CalcError` for what is too long to be followed.
    """
    if len(linearize(tree).nodes) > MAX_PARTS:
        raise CalcError(f"the expression has more than {MAX_PARTS} parts: nobody could follow its derivation")
    deriving = _Deriving(tree, by)
    deriving.derived(tree, 0)
    return deriving.steps


class _Deriving:
    """A derivation that is being made: the steps so far."""

    def __init__(self, tree: Node, by: str):
        self.by = Name(by)
        self.taken = frozenset(names_in(tree))
        self.steps: list[Step] = []
        self.known: dict[Node, Step] = {}

    def moves(self, part: Node) -> bool:
        return self.by.name in names_in(part)

    def derived(self, part: Node, depth: int) -> Node:
        """The derivative of a part; the steps that lead to it are noted."""
        if depth > MAX_DEPTH:
            raise CalcError(f"the expression is more than {MAX_DEPTH} levels deep: nobody could follow its derivation")
        if not isinstance(part, Call) or not self.moves(part):
            is_variable = part == self.by
            slope = _ONE if is_variable else _ZERO
            if not depth:  # elsewhere it explains itself
                self.steps.append(Step(depth, part, _named_law("variable" if is_variable else "constant rule"), {}, slope))
            return slope
        known = self.known.get(part)
        if known is not None:
            self.steps.append(Step(depth, part, known.law, known.letters, known.derivative, known.is_chain, is_known=True))
            return known.derivative
        place = len(self.steps)
        law, letters, derivative = self.by_rule(part, depth + 1)
        is_chain = law.rule not in _OF_PARTS and any(isinstance(arg, Call) and self.moves(arg) for arg in letters.values())
        step = Step(depth, part, *self.shown(law, letters), derivative, is_chain)
        self.steps.insert(place, step)
        self.known[part] = step
        return derivative

    def by_rule(self, part: Call, depth: int) -> tuple[Law, Mapping[str, Node], Node]:
        """The law that holds for a part, what its letters are, and the derivative."""
        if part.name in ("+", "-"):
            slopes = [(sign, self.derived(term, depth)) for sign, term in terms(part)]
            return _named_law("sum rule"), {}, reduce(_plus, (it if sign > 0 else _negative(it) for sign, it in slopes))
        if part.name == "*":
            return self.product(factors(part), depth)
        if part.name in ("max", "min") and len(part.args) > 2:  # of the first ones, and the last
            *first, last = part.args
            part = Call(part.name, (reduce(lambda one, other: Call(part.name, (one, other)), first), last))
        law = self.law_of(part)
        assert isinstance(law.whole, Call)
        pairs = zip(law.whole.args, part.args, strict=True)
        letters = {letter.name: arg for letter, arg in pairs if isinstance(letter, Name)}
        if law.rule == "definition":
            return law, letters, self.derived(_placed(law.derivative, letters), depth)
        slopes_of = {}
        for letter, arg in letters.items():
            if isinstance(arg, Call) and TABLE[arg.name].condition:
                continue
            slopes_of[f"{letter}'"] = self.derived(arg, depth)
            if self.moves(arg) and f"{letter}'" not in names_in(law.derivative):
                raise NoRule(part)
        return law, letters, _placed(law.derivative, {**letters, **slopes_of})

    def product(self, parts: Sequence[Node], depth: int) -> tuple[Law, Mapping[str, Node], Node]:
        moving = [place for place, factor in enumerate(parts) if self.moves(factor)]
        shares = []
        for place in moving:
            slope = self.derived(parts[place], depth)
            shares.append(reduce(_times, [*parts[:place], slope, *parts[place + 1 :]]))
        rule = ("constant factor", "product rule", "product rule of three")[min(len(moving), 3) - 1]
        letters = dict(zip("uvw", (parts[place] for place in moving), strict=False)) if 1 < len(moving) <= 3 else {}
        return _named_law(rule), letters, reduce(_plus, shares)

    def law_of(self, part: Call) -> Law:
        """The law for an operation or a function.  Raises `NoRule`."""
        if part.name == "neg":
            return _named_law("negative")
        if part.name in ("/", "**"):
            left, right = map(self.moves, part.args)
            if part.name == "**" and part.args[0] == _ZERO:
                return _named_law("power of zero")
            first, second, both = _BY_MOVING[part.name]
            return _named_law(both if left and right else first if left else second)
        law = functions().get((part.name, len(part.args)))
        if law is None:
            raise NoRule(part)
        return law

    def shown(self, law: Law, letters: Mapping[str, Node]) -> tuple[Law, Mapping[str, Node]]:
        """A law with the settings of the function filled in, and with letters that are no names of the expression."""
        free = (letter for letter in "pqrsabdghkm" if letter not in self.taken)
        renamed: dict[str, str] = {}
        values: dict[str, Node] = {}
        for leaf in {**dict.fromkeys(names_in(law.whole)), **dict.fromkeys(names_in(law.derivative))}:
            letter = leaf.rstrip("'")
            if len(letter) > 1 and letter in letters:
                values[leaf] = letters[letter]
            elif letter in self.taken:
                renamed[letter] = renamed.get(letter) or next(free, letter)
                values[leaf] = Name(renamed[letter] + leaf[len(letter) :])
        told = {renamed.get(letter, letter): arg for letter, arg in letters.items() if letter in _PARTS}
        return Law(law.rule, _placed(law.whole, values), _placed(law.derivative, values)), told


_PARTS = ("u", "v", "w")
_OF_PARTS = (
    "negative", "constant factor", "constant divisor", "product rule", "product rule of three", "quotient rule",
    "general power rule", "by cases", "definition",
)  # fmt: skip
"""Rules that say what becomes of parts: none of them is an outer derivative."""
_BY_MOVING = {
    "/": ("constant divisor", "reciprocal rule", "quotient rule"),
    "**": ("power rule", "exponential rule", "general power rule"),
}
"""The rule where the first argument depends on the variable, the second, and both."""


@cache
def _named_law(rule: str) -> Law:
    """A rule that has a name of its own."""
    return _read(rule, *ARITHMETIC[rule])


@cache
def functions() -> Mapping[tuple[str, int], Law]:
    """The law of every function, by its name and the number of its arguments."""
    found = {}
    for kind, rules in (("", FUNCTIONS), ("by cases", CASES), ("definition", DEFINITIONS)):
        for whole, derivative in rules.items():
            name = whole.partition("(")[0]
            law = _read(kind or name, whole, derivative)
            assert isinstance(law.whole, Call)
            found[name, len(law.whole.args)] = law
    return found


def _read(rule: str, whole: str, derivative: str) -> Law:
    def leaf(node: Number | Name) -> Node:
        if node == Name("pi"):
            return Call("pi", ())
        is_slope = isinstance(node, Name) and node.name in ("du", "dv", "dw")
        return Name(f"{node.name[1]}'") if isinstance(node, Name) and is_slope else node

    return Law(rule, parse(whole), fold(parse(derivative), leaf, lambda call, parts: Call(call.name, tuple(parts))))


# ------------------------------------------------------------------------------------ zeros, ones, signs and numbers


def _placed(tree: Node, values: Mapping[str, Node]) -> Node:
    """A tree with others in the place of its names, without the zeros and ones that come of it."""
    return fold(
        tree,
        lambda leaf: values.get(leaf.name, leaf) if isinstance(leaf, Name) else leaf,
        lambda call, args: _made(call.name, *args),
    )


def _made(name: str, *args: Node) -> Node:
    """A call, without zeros and ones, with its sign in front, and with sums and products of numbers worked out."""
    if name in _MAKERS:
        found = _MAKERS[name](*args)
        if found is not None:
            return found
    return Call(name, args)


def _plus(left: Node, right: Node) -> Node:
    return _made("+", left, right)


def _times(left: Node, right: Node) -> Node:
    return _made("*", left, right)


def _negative(part: Node) -> Node:
    sign, size = _signed(part)
    if sign < 0 or size == _ZERO:
        return size
    return _in_front(size, lambda first: Call("neg", (first,)))


def _sum(left: Node, right: Node) -> Node | None:
    a, b = _rational(left), _rational(right)
    if a is not None and b is not None:
        return _number(a + b, is_decimal=_has_decimals(left, right))
    if a == 0 or b == 0:
        return right if a == 0 else left
    sign, size = _signed(right)
    return Call("-", (left, size)) if sign < 0 else None


def _difference(left: Node, right: Node) -> Node | None:
    return _made("+", left, _negative(right))


def _product(left: Node, right: Node) -> Node | None:
    a, b = _rational(left), _rational(right)
    if a == 0 or b == 0:
        return _ZERO
    if a == 1 or b == 1:
        return right if a == 1 else left
    if a is not None and b is not None and (a.denominator == b.denominator == 1 or not _has_decimals(left, right)):
        return _number(a * b)
    (one, first), (other, second) = _signed(left), _signed(right)
    if one < 0 or other < 0:
        whole = _made("*", first, second)
        return whole if one == other else _negative(whole)
    if isinstance(right, Call) and right.name in ("*", "/"):  # a*b*c and a*b/c need no parentheses
        return _made(right.name, _made("*", left, right.args[0]), right.args[1])
    return None


def _quotient(left: Node, right: Node) -> Node | None:
    if _rational(left) == 0:
        return _ZERO
    if _rational(right) == 1:
        return left
    sign, size = _signed(left)
    return _negative(Call("/", (size, right))) if sign < 0 else None


def _power(base: Node, exponent: Node) -> Node | None:
    value = _rational(exponent)
    return base if value == 1 else _ONE if value == 0 else None


def _where(condition: Node, one: Node, other: Node) -> Node | None:
    return one if one == other else None


_MAKERS: Mapping[str, Callable[..., Node | None]] = {
    "neg": _negative, "+": _sum, "-": _difference, "*": _product, "/": _quotient, "**": _power, "where": _where,
}  # fmt: skip


def _signed(part: Node) -> tuple[int, Node]:
    """The sign that stands in front of a part, and the part without it."""
    first = part
    while isinstance(first, Call) and first.name in ("*", "/"):
        first = first.args[0]
    if isinstance(first, Call) and first.name == "neg":
        inner = first.args[0]
        return -1, _in_front(part, lambda _: inner)
    return 1, part


def _in_front(part: Node, change: Callable[[Node], Node]) -> Node:
    """A product or quotient with another first factor."""
    behind = []
    while isinstance(part, Call) and part.name in ("*", "/"):
        behind.append((part.name, part.args[1]))
        part = part.args[0]
    return reduce(lambda made, more: Call(more[0], (made, more[1])), reversed(behind), change(part))


def _rational(part: Node) -> Fraction | None:
    """The number that a part spells out: a literal, or a quotient of two, with its sign."""
    sign, size = _signed(part)
    if isinstance(size, Number):
        return sign * size.value
    if isinstance(size, Call) and size.name == "/":
        above, below = size.args
        if isinstance(above, Number) and isinstance(below, Number) and below.value:
            return sign * above.value / below.value
    return None


def _has_decimals(*numbers: Node) -> bool:
    """Whether a number is spelled with a decimal point or an exponent."""
    return any(not it.text.isdigit() for number in numbers for it in postorder(number) if isinstance(it, Number))


def _number(value: Fraction, *, is_decimal: bool = False) -> Node:
    size = abs(value)
    above, below = Number(str(size.numerator)), Number(str(size.denominator))
    has_end = is_decimal and "/" not in plain(size)
    node = Number(plain(size)) if has_end else above if size.denominator == 1 else Call("/", (above, below))
    return _negative(node) if value < 0 else node
