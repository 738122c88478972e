"""Where an expression may change its formula, or lose its value: the zeros of known expressions.

Comes in: a tree.  Goes out: its switches, such as the difference of two sides of a comparison or of two arguments of max,
the argument of abs, floor or a logarithm, and a denominator.  They are found by a vocabulary that builds trees.  A
superfluous switch is harmless: it costs a sample.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, pairwise

from gradcalc.expression.tree import Call, Node, Number, calls_in, integer_literal, linearize, names_in
from gradcalc.functions import TABLE
from gradcalc.functions.vocabulary import NAMES, Vocabulary

_Rule = Callable[..., list["Switch"]]
"""The switches of a call, from its arguments."""

_ZERO, _ONE = Number("0"), Number("1")
_MOST_TIES = 6
"""Arguments of max up to which all pairs are switches."""


@dataclass(frozen=True, slots=True)
class Switch:
    """An expression whose zeros matter; for the kinds `whole` and `half`, where it is an integer or a half-integer.

    `needs` is the condition for a value; None if there is a value on both sides and at the zero.
    """

    node: Node
    kind: str = "zero"
    needs: Call | None = None


def switches(tree: Node) -> list[Switch]:
    """The distinct switches of a tree that contain a variable."""
    vocabulary = TreeVocabulary()
    _read(tree, vocabulary, lambda node, _: node)
    return [it for it in dict.fromkeys(vocabulary.switches) if names_in(it.node)]


def expand(tree: Node) -> Node:
    """A tree in primitives of the vocabulary only: `max(x, 0)` for `relu(x)`."""
    return _read(tree, TreeVocabulary(), lambda _, meaning: meaning)


def _read(tree: Node, vocabulary: _Switches, select: Callable[[Node, Node], Node]) -> Node:
    """Rebuild a tree in a vocabulary; `select` takes a call or its meaning."""

    def call(node: Call, args: list[TreeValue]) -> TreeValue:
        row = TABLE[node.name]
        whole = Call(node.name, tuple(arg.node for arg in args), node.span, node.options)
        if not args or not row.elementwise or (row.condition and row.boolean_args):
            return TreeValue(whole)
        return TreeValue(select(whole, row.meaning(vocabulary, *args).node))

    return linearize(tree).evaluate(TreeValue, call)[-1].node


class TreeValue:
    """A tree as an argument of meanings."""

    def __init__(self, node: Node):
        self.node = node

    def __neg__(self) -> TreeValue:
        return TreeValue(Call("neg", (self.node,)))

    def __add__(self, other: TreeValue | int) -> TreeValue:
        return _call("+", self, other)

    def __radd__(self, other: int) -> TreeValue:
        return _call("+", other, self)

    def __sub__(self, other: TreeValue | int) -> TreeValue:
        return _call("-", self, other)

    def __rsub__(self, other: int) -> TreeValue:
        return _call("-", other, self)

    def __mul__(self, other: TreeValue | int) -> TreeValue:
        return _call("*", self, other)

    def __rmul__(self, other: int) -> TreeValue:
        return _call("*", other, self)


def _tree(value: TreeValue | int | str) -> Node:
    if isinstance(value, TreeValue):
        return value.node
    number = Number(str(value).lstrip("-"))
    return Call("neg", (number,)) if str(value).startswith("-") else number


def _call(name: str, *args: TreeValue | int) -> TreeValue:
    return TreeValue(Call(name, tuple(map(_tree, args))))


_OPERATORS = {"divide": "/", "power": "**", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=",
           "both": "and", "either": "or", "opposite": "not"}  # fmt: skip


def _switch_finder(name: str) -> Callable[..., TreeValue]:
    """A function of the vocabulary that builds its call, and records its switches."""
    operator = _OPERATORS.get(name, name)

    def function(self: _Switches, *args: TreeValue | int) -> TreeValue:
        parts = [_tree(arg) for arg in args]
        if operator in _SWITCHES:
            self.switches += _SWITCHES[operator](*parts)
        return TreeValue(Call(operator, tuple(parts)))

    return function


class _Switches(Vocabulary[TreeValue, TreeValue], ABC):
    def __init__(self) -> None:
        self.switches: list[Switch] = []

    def number(self, value: int | str) -> TreeValue:
        return TreeValue(_tree(value))


TreeVocabulary: type[_Switches] = type(
    "TreeVocabulary", (_Switches,), {name: _switch_finder(name) for name in NAMES - {"number"}}
)
"""The vocabulary in trees; `switches` has those of all calls."""


def _ties(*args: Node) -> list[Switch]:
    pairs = combinations(args, 2) if len(args) <= _MOST_TIES else pairwise(args)
    return [Switch(_difference(*pair)) for pair in pairs]


def _integer(*args: Node) -> list[Switch]:
    return [Switch(args[-1], "whole")]


def _within_one(sign: str) -> _Rule:
    """For functions on the interval from -1 to 1."""
    return lambda a: [_where_signed(Call("+", (_ONE, a)), sign), _where_signed(_difference(_ONE, a), sign)]


def _pole_of(function: str) -> _Rule:
    return lambda a: [_where_nonzero(Call(function, (a,)))]


def _of_power(base: Node, exponent: Node) -> list[Switch]:
    whole = integer_literal(exponent)
    if whole is not None:
        return [_where_nonzero(base)] if whole < 0 else []
    positive = _where_signed(base, ">")
    return [positive, Switch(exponent, "whole")] if names_in(exponent) else [positive]


def _difference(left: Node, right: Node) -> Node:
    return left if right == _ZERO else right if left == _ZERO else Call("-", (left, right))


def _where_signed(node: Node, sign: str) -> Switch:
    return Switch(node, needs=_condition(node, sign))


def _where_nonzero(node: Node) -> Switch:
    return Switch(node, needs=_condition(node, "!="))


_REVERSE = {">": "<", ">=": "<=", "!=": "!="}


def _condition(node: Node, sign: str) -> Call:
    """The condition `node sign 0`, with constants moved to the right side."""
    if isinstance(node, Call) and node.name in ("+", "-"):
        left, right = node.args
        if not names_in(right):
            other = right if node.name == "-" else Call("neg", (right,))
            return Call(sign, (left, other))
        if not names_in(left):
            if node.name == "-":
                return Call(_REVERSE[sign], (right, left))
            return Call(sign, (right, Call("neg", (left,))))
    if isinstance(node, Call) and node.name == "neg":
        return Call(_REVERSE[sign], (node.args[0], _ZERO))
    return Call(sign, (node, _ZERO))


_SWITCHES: dict[str, _Rule] = {
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), lambda a, b: [Switch(_difference(a, b))]),
    **dict.fromkeys(("max", "min"), _ties),
    **dict.fromkeys(("floor", "ceil", "trunc", "gamma", "lgamma", "digamma", "polygamma"), _integer),
    **dict.fromkeys(("abs", "sign", "heaviside", "cbrt", "sinc"), lambda a, *_: [Switch(a)]),
    **dict.fromkeys(("atan2", "hypot"), lambda *args: [Switch(arg) for arg in args]),
    **dict.fromkeys(("asin", "acos"), _within_one(">=")),
    **dict.fromkeys(("atanh", "erfinv"), _within_one(">")),
    **dict.fromkeys(("bessely", "besselk"), lambda _, a: [_where_signed(a, ">")]),
    **dict.fromkeys(("tan", "sec"), _pole_of("cos")),
    **dict.fromkeys(("cot", "csc"), _pole_of("sin")),
    **dict.fromkeys(("coth", "csch"), _pole_of("tanh")),
    "round": lambda a: [Switch(a, "half")],
    "/": lambda _, b: [_where_nonzero(b)],
    "**": _of_power,
    "sqrt": lambda a: [_where_signed(a, ">=")],
    "log": lambda a: [_where_signed(a, ">")],
    "log1p": lambda a: [_where_signed(Call("+", (_ONE, a)), ">")],
    "xlogy": lambda a, b: [Switch(a), _where_signed(b, ">")],
    "acosh": lambda a: [_where_signed(_difference(a, _ONE), ">=")],
    "zeta": lambda a: [_where_nonzero(_difference(a, _ONE))],
}


def equalities(tree: Node) -> list[Call]:
    """The comparisons of a tree by == and !=: the vicinity of such a point tells nothing about the point."""
    comparisons = [call for call in calls_in(tree) if call.name in ("==", "!=")]
    return [node for node in dict.fromkeys(comparisons) if names_in(node)]


def has_cases(tree: Node) -> bool:
    """Whether an expression may have several formulas with values."""
    return any(it.needs is None for it in switches(tree))


def is_hard(tree: Node) -> bool:
    """Whether a tree has functions that are slow far from 0, over wide intervals, or at many bits."""
    return any(TABLE[call.name].group == "special functions" for call in calls_in(tree))
