"""Where an expression may change its formula, or lose its value: the zeros of known expressions.

Comes in: a tree.  Goes out: its switches.  The meanings of the function table are read once more, with a vocabulary that
builds trees: both sides of a comparison, a tie of max, an argument of abs or floor, a denominator, the argument of a
logarithm.  A switch too many is only a place where somebody looks in vain.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from gradcalc.expression.tree import Call, Name, Node, Number, calls_in, integer_literal, linearize, names_in
from gradcalc.functions import TABLE
from gradcalc.functions.vocabulary import NAMES, Vocabulary

_ZERO, _ONE = Number("0"), Number("1")
_MOST_TIES = 6
"""Arguments of max up to which each is compared with each."""


@dataclass(frozen=True, slots=True)
class Switch:
    """An expression whose zeros matter; of kind `whole` and `half`, where it is an integer, or one and a half.

    `needs` is the condition under which there is a value, None where there is one on both sides and at the zero.
    """

    node: Node
    kind: str = "zero"
    needs: Call | None = None


def switches(tree: Node) -> list[Switch]:
    """The switches of a tree, each once; those whose expression is a number are left out."""
    vocabulary = TreeVocabulary()
    _read(tree, vocabulary, lambda node, _: node)
    return [it for it in dict.fromkeys(vocabulary.found) if names_in(it.node)]


def expanded(tree: Node) -> Node:
    """A tree in functions of the vocabulary alone: `max(x, 0)` for `relu(x)`."""
    return _read(tree, TreeVocabulary(), lambda _, meaning: meaning)


def _read(tree: Node, vocabulary: _Switches, chosen: Callable[[Node, Node], Node]) -> Node:
    """Read a tree in a vocabulary; of each call, and what it means, one is chosen."""

    def call(node: Call, args: list[_Built]) -> _Built:
        row = TABLE[node.name]
        made = Call(node.name, tuple(arg.node for arg in args), node.span, node.options)
        if not args or not row.elementwise or (row.condition and row.boolean_args):
            return _Built(made)
        return _Built(chosen(made, row.meaning(vocabulary, *args).node))

    return linearize(tree).evaluate(_Built, call)[-1].node


def as_built(name: str) -> _Built:
    """A variable that the meanings of functions calculate with."""
    return _Built(Name(name))


class _Built:
    """A part of a tree that the meanings of functions calculate with."""

    def __init__(self, node: Node):
        self.node = node

    def __neg__(self) -> _Built:
        return _Built(Call("neg", (self.node,)))

    def __add__(self, other: _Built | int) -> _Built:
        return _made("+", self, other)

    def __radd__(self, other: int) -> _Built:
        return _made("+", other, self)

    def __sub__(self, other: _Built | int) -> _Built:
        return _made("-", self, other)

    def __rsub__(self, other: int) -> _Built:
        return _made("-", other, self)

    def __mul__(self, other: _Built | int) -> _Built:
        return _made("*", self, other)

    def __rmul__(self, other: int) -> _Built:
        return _made("*", other, self)


def _tree(value: _Built | int | str) -> Node:
    if isinstance(value, _Built):
        return value.node
    number = Number(str(value).lstrip("-"))
    return Call("neg", (number,)) if str(value).startswith("-") else number


def _made(name: str, *args: _Built | int) -> _Built:
    return _Built(Call(name, tuple(map(_tree, args))))


_CALLED = {"divide": "/", "power": "**", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=",
           "both": "and", "either": "or", "opposite": "not"}  # fmt: skip


def _switch_finder(name: str) -> Callable[..., _Built]:
    """A function of the vocabulary that builds its call, and notes its switches."""
    called = _CALLED.get(name, name)

    def function(self: _Switches, *args: _Built | int) -> _Built:
        parts = [_tree(arg) for arg in args]
        self.found += _of(called, parts)
        return _Built(Call(called, tuple(parts)))

    return function


class _Switches(Vocabulary[_Built, _Built], ABC):
    def __init__(self) -> None:
        self.found: list[Switch] = []

    def number(self, value: int | str) -> _Built:
        return _Built(_tree(value))


TreeVocabulary: type[_Switches] = type(
    "TreeVocabulary", (_Switches,), {name: _switch_finder(name) for name in NAMES - {"number"}}
)
"""The functions of the table in trees; the switches of all that are called are in `found`."""


_OF_ONE = ("abs", "sign", "heaviside", "cbrt", "sinc")
_POLES: dict[str, str] = {"tan": "cos", "sec": "cos", "cot": "sin", "csc": "sin", "coth": "tanh", "csch": "tanh"}


def _of(name: str, args: Sequence[Node]) -> list[Switch]:
    """The switches of one function of the vocabulary."""
    match name:
        case "<" | "<=" | ">" | ">=" | "==" | "!=":
            return [Switch(_difference(*args))]
        case "max" | "min":
            pairs = combinations(args, 2) if len(args) <= _MOST_TIES else pairwise(args)
            return [Switch(_difference(*pair)) for pair in pairs]
        case "floor" | "ceil" | "trunc":
            return [Switch(args[0], "whole")]
        case "round":
            return [Switch(args[0], "half")]
        case "/":
            return [_unless_zero(args[1])]
        case "**":
            return _of_power(*args)
        case "sqrt":
            return [_from_zero(args[0], ">=")]
        case "log":
            return [_from_zero(args[0], ">")]
        case "log1p":
            return [_from_zero(Call("+", (_ONE, args[0])), ">")]
        case "xlogy":
            return [Switch(args[0]), _from_zero(args[1], ">")]
        case "asin" | "acos" | "atanh" | "erfinv":
            sign = ">=" if name in ("asin", "acos") else ">"
            return [_from_zero(Call("+", (_ONE, args[0])), sign), _from_zero(_difference(_ONE, args[0]), sign)]
        case "acosh":
            return [_from_zero(_difference(args[0], _ONE), ">=")]
        case "atan2":
            return [Switch(arg) for arg in args]
        case "hypot":
            return [Switch(arg) for arg in args]
        case "gamma" | "lgamma" | "digamma" | "polygamma":
            return [Switch(args[-1], "whole")]
        case "zeta":
            return [_unless_zero(_difference(args[0], _ONE))]
        case "bessely" | "besselk":
            return [_from_zero(args[1], ">")]
    if name in _POLES:
        return [_unless_zero(Call(_POLES[name], (args[0],)))]
    return [Switch(args[0])] if name in _OF_ONE else []


def _of_power(base: Node, exponent: Node) -> list[Switch]:
    whole = integer_literal(exponent)
    if whole is not None:
        return [_unless_zero(base)] if whole < 0 else []
    found = [_from_zero(base, ">")]
    return [*found, Switch(exponent, "whole")] if names_in(exponent) else found


def _difference(left: Node, right: Node) -> Node:
    return left if right == _ZERO else right if left == _ZERO else Call("-", (left, right))


def _from_zero(node: Node, sign: str) -> Switch:
    return Switch(node, needs=_condition(node, sign))


def _unless_zero(node: Node) -> Switch:
    return Switch(node, needs=_condition(node, "!="))


_MIRRORED = {">": "<", ">=": "<=", "!=": "!="}


def _condition(node: Node, sign: str) -> Call:
    """`node sign 0`, without a constant that can stand on the other side."""
    if isinstance(node, Call) and node.name in ("+", "-"):
        left, right = node.args
        if not names_in(right):
            other = right if node.name == "-" else Call("neg", (right,))
            return Call(sign, (left, other))
        if not names_in(left):
            if node.name == "-":
                return Call(_MIRRORED[sign], (right, left))
            return Call(sign, (right, Call("neg", (left,))))
    if isinstance(node, Call) and node.name == "neg":
        return Call(_MIRRORED[sign], (node.args[0], _ZERO))
    return Call(sign, (node, _ZERO))


def equalities(tree: Node) -> list[Call]:
    """Where a tree asks if two numbers are equal: what holds beside such a point tells nothing about it."""
    asked = [call for call in calls_in(tree) if call.name in ("==", "!=")]
    return [node for node in dict.fromkeys(asked) if names_in(node)]


def has_cases(tree: Node) -> bool:
    """Whether an expression may be another function elsewhere, and have a value there."""
    return any(it.needs is None for it in switches(tree))


def is_hard(tree: Node) -> bool:
    """Whether a tree has functions that take long far from 0, over wide intervals, and at many bits."""
    return any(TABLE[call.name].group == "special functions" for call in calls_in(tree))
