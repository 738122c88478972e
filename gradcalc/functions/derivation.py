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
        super().__init__(f"no differentiation rule for {unparse(part)}", hint="gradcalc diff gives its value")
        self.function = part.name


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in letters: its name, what is derived, and its derivative, in which `u'` is that of `u`."""

    name: str
    pattern: Node
    derivative: Node


@dataclass(frozen=True, slots=True)
class Step:
    """A part, the rule that holds for it, and its derivative.

    `depth` is in how many parts it stands; `bindings` are the parts that the letters of the rule stand for.  `is_chain`:
    they are more than the variable itself.  `is_known`: the part was derived before, and its steps are not shown again.
    """

    depth: int
    part: Node
    rule: Rule
    bindings: Mapping[str, Node]
    derivative: Node
    is_chain: bool = False
    is_known: bool = False


def derive(tree: Node, by: str) -> list[Step]:
    """The derivation of a tree by a variable; the first step is about the whole, and has the derivative.

    Raises `NoRule` for a function without one, and `CalcError` for what is too long to be followed.
    """
    if len(linearize(tree).nodes) > MAX_PARTS:
        raise CalcError(f"the expression has more than {MAX_PARTS} parts: too large to display")
    derivation = _Derivation(tree, by)
    derivation.differentiate(tree, 0)
    return derivation.steps


class _Derivation:
    """The steps of a derivation so far, and those of parts that were derived before."""

    def __init__(self, tree: Node, by: str):
        self.by = Name(by)
        self.taken = frozenset(names_in(tree))
        self.steps: list[Step] = []
        self._memo: dict[Node, Step] = {}

    def moves(self, part: Node) -> bool:
        return self.by.name in names_in(part)

    def differentiate(self, part: Node, depth: int) -> Node:
        """The derivative of a part; the steps that lead to it are noted."""
        if depth > MAX_DEPTH:
            raise CalcError(f"the expression is more than {MAX_DEPTH} levels deep: too large to display")
        if not isinstance(part, Call) or not self.moves(part):
            is_variable = part == self.by
            slope = _ONE if is_variable else _ZERO
            if not depth:  # trivial inside a longer derivation
                self.steps.append(Step(depth, part, _named_rule("variable" if is_variable else "constant rule"), {}, slope))
            return slope
        before = self._memo.get(part)
        if before is not None:
            self.steps.append(
                Step(depth, part, before.rule, before.bindings, before.derivative, before.is_chain, is_known=True)
            )
            return before.derivative
        place = len(self.steps)
        rule, bindings, derivative = self.apply_rule(part, depth + 1)
        has_inner = any(isinstance(arg, Call) and self.moves(arg) for arg in bindings.values())
        is_chain = has_inner and rule.name not in _OF_PARTS
        step = Step(depth, part, *self.shown(rule, bindings), derivative, is_chain)
        self.steps.insert(place, step)
        self._memo[part] = step
        return derivative

    def apply_rule(self, part: Call, depth: int) -> tuple[Rule, Mapping[str, Node], Node]:
        """The rule for a part, its bindings, and the derivative."""
        if part.name in ("+", "-"):
            slopes = [(sign, self.differentiate(term, depth)) for sign, term in terms(part)]
            return _named_rule("sum rule"), {}, reduce(_plus, (it if sign > 0 else _negative(it) for sign, it in slopes))
        if part.name == "*":
            return self.product(factors(part), depth)
        if part.name in ("max", "min") and len(part.args) > 2:  # of the first ones, and the last
            *first, last = part.args
            part = Call(part.name, (reduce(lambda one, other: Call(part.name, (one, other)), first), last))
        rule = self.rule_for(part)
        assert isinstance(rule.pattern, Call)
        pairs = zip(rule.pattern.args, part.args, strict=True)
        bindings = {letter.name: arg for letter, arg in pairs if isinstance(letter, Name)}
        if rule.name == "definition":
            return rule, bindings, self.differentiate(_substitute(rule.derivative, bindings), depth)
        slopes_of = {}
        for letter, arg in bindings.items():
            if isinstance(arg, Call) and TABLE[arg.name].condition:
                continue
            slopes_of[f"{letter}'"] = self.differentiate(arg, depth)
            if self.moves(arg) and f"{letter}'" not in names_in(rule.derivative):
                raise NoRule(part)
        return rule, bindings, _substitute(rule.derivative, {**bindings, **slopes_of})

    def product(self, parts: Sequence[Node], depth: int) -> tuple[Rule, Mapping[str, Node], Node]:
        moving = [place for place, factor in enumerate(parts) if self.moves(factor)]
        shares = []
        for place in moving:
            slope = self.differentiate(parts[place], depth)
            shares.append(reduce(_times, [*parts[:place], slope, *parts[place + 1 :]]))
        rule = ("constant factor", "product rule", "product rule of three")[min(len(moving), 3) - 1]
        bindings = dict(zip("uvw", (parts[place] for place in moving), strict=False)) if 1 < len(moving) <= 3 else {}
        return _named_rule(rule), bindings, reduce(_plus, shares)

    def rule_for(self, part: Call) -> Rule:
        """The rule for an operation or a function.  Raises `NoRule`."""
        if part.name == "neg":
            return _named_rule("negative")
        if part.name in ("/", "**"):
            left, right = map(self.moves, part.args)
            if part.name == "**" and part.args[0] == _ZERO:
                return _named_rule("power of zero")
            first, second, both = _BY_MOVING[part.name]
            return _named_rule(both if left and right else first if left else second)
        rule = functions().get((part.name, len(part.args)))
        if rule is None:
            raise NoRule(part)
        return rule

    def shown(self, rule: Rule, bindings: Mapping[str, Node]) -> tuple[Rule, Mapping[str, Node]]:
        """A rule with the settings of the function filled in, and with letters that are not names of the expression."""
        free = (letter for letter in "pqrsabdghkm" if letter not in self.taken)
        names: dict[str, str] = {}
        values: dict[str, Node] = {}
        for leaf in {**dict.fromkeys(names_in(rule.pattern)), **dict.fromkeys(names_in(rule.derivative))}:
            letter = leaf.rstrip("'")
            if len(letter) > 1 and letter in bindings:
                values[leaf] = bindings[letter]
            elif letter in self.taken:
                names[letter] = names.get(letter) or next(free, letter)
                values[leaf] = Name(names[letter] + leaf[len(letter) :])
        shown = {names.get(letter, letter): arg for letter, arg in bindings.items() if letter in _PARTS}
        return Rule(rule.name, _substitute(rule.pattern, values), _substitute(rule.derivative, values)), shown


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
def _named_rule(rule: str) -> Rule:
    """A rule that has a name of its own."""
    return _read(rule, *ARITHMETIC[rule])


@cache
def functions() -> Mapping[tuple[str, int], Rule]:
    """The rule of every function, by its name and the number of its arguments."""
    rules_of = {}
    for kind, rules in (("", FUNCTIONS), ("by cases", CASES), ("definition", DEFINITIONS)):
        for whole, derivative in rules.items():
            name = whole.partition("(")[0]
            rule = _read(kind or name, whole, derivative)
            assert isinstance(rule.pattern, Call)
            rules_of[name, len(rule.pattern.args)] = rule
    return rules_of


def _read(rule: str, whole: str, derivative: str) -> Rule:
    def leaf(node: Number | Name) -> Node:
        if node == Name("pi"):
            return Call("pi", ())
        is_slope = isinstance(node, Name) and node.name in ("du", "dv", "dw")
        return Name(f"{node.name[1]}'") if isinstance(node, Name) and is_slope else node

    return Rule(rule, parse(whole), fold(parse(derivative), leaf, lambda call, parts: Call(call.name, tuple(parts))))


# ------------------------------------------------------------------------------------ zeros, ones, signs and numbers


def _substitute(tree: Node, values: Mapping[str, Node]) -> Node:
    """A tree with others in the place of its names, without the zeros and ones that result."""
    return fold(
        tree,
        lambda leaf: values.get(leaf.name, leaf) if isinstance(leaf, Name) else leaf,
        lambda call, args: _simplify(call.name, *args),
    )


def _simplify(name: str, *args: Node) -> Node:
    """A call, without zeros and ones, with its sign in front, and with sums and products of numbers worked out."""
    simpler = _SIMPLIFIERS[name](*args) if name in _SIMPLIFIERS else None
    return Call(name, args) if simpler is None else simpler


def _plus(left: Node, right: Node) -> Node:
    return _simplify("+", left, right)


def _times(left: Node, right: Node) -> Node:
    return _simplify("*", left, right)


def _negative(part: Node) -> Node:
    sign, size = _signed(part)
    if sign < 0 or size == _ZERO:
        return size
    return _with_first_factor(size, lambda first: Call("neg", (first,)))


def _sum(left: Node, right: Node) -> Node | None:
    a, b = _rational(left), _rational(right)
    if a is not None and b is not None:
        return _number(a + b, is_decimal=_has_decimals(left, right))
    if a == 0 or b == 0:
        return right if a == 0 else left
    sign, size = _signed(right)
    return Call("-", (left, size)) if sign < 0 else None


def _difference(left: Node, right: Node) -> Node | None:
    return _simplify("+", left, _negative(right))


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
        whole = _simplify("*", first, second)
        return whole if one == other else _negative(whole)
    if isinstance(right, Call) and right.name in ("*", "/"):  # a*b*c and a*b/c need no parentheses
        return _simplify(right.name, _simplify("*", left, right.args[0]), right.args[1])
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


_SIMPLIFIERS: Mapping[str, Callable[..., Node | None]] = {
    "neg": _negative, "+": _sum, "-": _difference, "*": _product, "/": _quotient, "**": _power, "where": _where,
}  # fmt: skip


def _signed(part: Node) -> tuple[int, Node]:
    """The sign that stands in front of a part, and the part without it."""
    first = part
    while isinstance(first, Call) and first.name in ("*", "/"):
        first = first.args[0]
    if isinstance(first, Call) and first.name == "neg":
        inner = first.args[0]
        return -1, _with_first_factor(part, lambda _: inner)
    return 1, part


def _with_first_factor(part: Node, change: Callable[[Node], Node]) -> Node:
    """A product or quotient with another first factor."""
    behind = []
    while isinstance(part, Call) and part.name in ("*", "/"):
        behind.append((part.name, part.args[1]))
        part = part.args[0]
    return reduce(lambda product, more: Call(more[0], (product, more[1])), reversed(behind), change(part))


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
