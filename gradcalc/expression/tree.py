"""Trees of expressions: what they are, and how to walk over them.

A tree is made of `Number`, `Name` and `Call`, each with its span of the source.  Operators are calls too (`x + 1` is
`Call("+", ...)`, `-x` is `Call("neg", ...)`, `[1, x]` is `Call("[", ...)`, `x[0]` is `Call("[]", ...)` with the place as an
option), so readers of trees have three cases.  Sums and products lean to the left and may be thousands of terms deep: read
trees with `fold`, never by recursion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from operator import add, mul, neg, sub
from typing import NamedTuple, TypeVar

from gradcalc.errors import Span

MAX_CHARACTERS = 65_536
MAX_NODES = 40_000
MAX_NESTING = 60
MAX_NUMBER_CHARACTERS = 60
MAX_EXPONENT = 400
MAX_NAME_CHARACTERS = 60

COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")

_NOWHERE = Span(0, 0)


@lru_cache(4_096)
def _rational(text: str) -> Fraction:
    return Fraction(text)


@dataclass(frozen=True, slots=True)
class Number:
    """A literal; its text is kept, because what was typed is exact and what a machine makes of it is not."""

    text: str
    span: Span = field(default=_NOWHERE, compare=False)

    @property
    def value(self) -> Fraction:
        """The exact rational the text means."""
        return _rational(self.text)


@dataclass(frozen=True, slots=True)
class Name:
    """A variable (or, before names are looked up, a constant)."""

    name: str
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """An operator, a function or, without arguments, a constant; `options` are its keyword arguments."""

    name: str
    args: tuple[Node, ...]
    span: Span = field(default=_NOWHERE, compare=False)
    options: tuple[tuple[str, str], ...] = ()
    _below: tuple[list[Node], list[Sequence[int]]] | None = field(default=None, init=False, repr=False)
    """The program of a small tree but for the tree itself, once it was needed."""

    def __eq__(self, other: object) -> bool:
        pairs: list[tuple[object, object]] = [(self, other)]
        compared: set[tuple[int, int]] = set()
        while pairs:
            left, right = pairs.pop()
            if left is right or (id(left), id(right)) in compared:
                continue
            if isinstance(left, Call) and isinstance(right, Call):
                if (left.name, left.options) != (right.name, right.options) or len(left.args) != len(right.args):
                    return False
                compared.add((id(left), id(right)))
                pairs.extend(zip(left.args, right.args, strict=True))
            elif isinstance(left, Call) or left != right:
                return False
        return True

    def __hash__(self) -> int:
        return fold(self, hash, lambda call, parts: hash((call.name, call.options, *parts)))


Node = Number | Name | Call
T = TypeVar("T")


def is_keyword(node: Node) -> bool:
    """Whether an argument is given by its name."""
    return isinstance(node, Call) and node.name == "="


def integer_literal(node: Node) -> int | None:
    """The integer that a node spells out (`3`, `2.0`, `-1`), or None."""
    if isinstance(node, Call) and node.name == "neg":
        inner = integer_literal(node.args[0])
        return None if inner is None else -inner
    if isinstance(node, Number) and node.value.denominator == 1:
        return int(node.value)
    return None


def whole_number(node: Node) -> int | None:
    """The integer that a node spells out, or computes of such by +, - and * (`4 - 1`); None, also beyond 2**53."""

    def near(number: int | None) -> int | None:
        return None if number is None or abs(number) > _MOST_WHOLE else number

    def call(inner: Call, parts: list[int | None]) -> int | None:
        compute = _OF_INTEGERS.get(inner.name)
        numbers = [part for part in parts if part is not None]
        return None if compute is None or len(numbers) < len(parts) else near(compute(*numbers))

    return fold(node, lambda leaf: near(integer_literal(leaf)), call)


_OF_INTEGERS: Mapping[str, Callable[..., int]] = {"+": add, "-": sub, "*": mul, "neg": neg}
_MOST_WHOLE = 2**53


class Program(NamedTuple):
    """Trees as a straight-line program: nodes in topological order, and for each the positions of its operands.

    A node that stands in a tree several times is one instruction: trees that share their parts cost what their parts cost.
    """

    nodes: Sequence[Node]
    operands: Sequence[Sequence[int]]

    def evaluate(self, leaf: Callable[[Number | Name], T], call: Callable[[Call, list[T]], T]) -> list[T]:
        """The values of all instructions, in any domain."""
        values: list[T] = []
        for node, operands in zip(*self, strict=True):
            values.append(call(node, [values[place] for place in operands]) if isinstance(node, Call) else leaf(node))
        return values


def linearize(*trees: Node) -> Program:
    """The program of a tree, or of several that may share their parts."""
    (tree,) = trees if len(trees) == 1 else (None,)
    if type(tree) is not Call:
        return _linearize(trees)
    if tree._below is not None:
        nodes, operands = tree._below
        return Program([*nodes, tree], operands)
    program = _linearize(trees)
    keep_program(program)
    return program


_SMALL = 1_000
_FEW = 64
"""Nodes whose values are all kept until a tree is read."""


def keep_program(program: Program) -> None:
    """Keep the program of a small tree with the tree, its last node: a query reads its tree dozens of times."""
    tree = program.nodes[-1]
    if type(tree) is Call and len(program.nodes) <= _SMALL:
        object.__setattr__(tree, "_below", (program.nodes[:-1], program.operands))


def _linearize(trees: Sequence[Node]) -> Program:
    positions: dict[int, int] = {}
    nodes: list[Node] = []
    operands: list[Sequence[int]] = []
    waiting = list(reversed(trees))
    while waiting:
        node = waiting[-1]
        if id(node) in positions:
            waiting.pop()
        elif type(node) is Call and (missing := [arg for arg in node.args if id(arg) not in positions]):
            waiting += reversed(missing)
        else:
            positions[id(node)] = len(nodes)
            nodes.append(node)
            operands.append([positions[id(arg)] for arg in node.args] if type(node) is Call else ())
            waiting.pop()
    return Program(nodes, operands)


def calls_in(tree: Node) -> Iterator[Call]:
    """The calls of a tree, arguments first, each once."""
    return (node for node in linearize(tree).nodes if isinstance(node, Call))


def postorder(tree: Node) -> Iterator[Node]:
    """Every node of a tree as often as it stands there, arguments before calls, left to right, without recursion.

    For trees as they were typed: those of the entries of arrays share their parts, and `linearize` has each of these once.
    """
    # Calls before their arguments, right to left: the same backwards.
    calls_first: list[Node] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        calls_first.append(node)
        if type(node) is Call:
            waiting += node.args
    return reversed(calls_first)


def fold(tree: Node, leaf: Callable[[Number | Name], T], call: Callable[[Call, list[T]], T]) -> T:
    """Read a tree bottom-up: `leaf` for numbers and names, `call` for calls with the values of their arguments.

    A node that stands in a tree several times is read once, and its value is given to several calls.
    """
    program = linearize(tree)
    if len(program.nodes) <= _FEW:
        return program.evaluate(leaf, call)[-1]
    nodes, operands = program
    uses = Counter(chain.from_iterable(operands))
    values: dict[int, T] = {}
    for place, node in enumerate(nodes):
        if isinstance(node, Call):
            values[place] = call(node, [values[arg] for arg in operands[place]])
            for arg in operands[place]:  # free values after their last use: texts of long sums are long
                uses[arg] -= 1
                if not uses[arg]:
                    del values[arg]
        else:
            values[place] = leaf(node)
    return values[len(nodes) - 1]


def replace_leaves(tree: Node, leaf: Callable[[Number | Name], Node]) -> Node:
    """A tree with others in the place of its numbers and names; its calls stay what they are, with their spans."""
    return fold(tree, leaf, lambda call, args: Call(call.name, tuple(args), call.span, call.options))


def substitute_names(tree: Node, values: Callable[[str], Node | None]) -> Node:
    """A tree with others in the place of some of its names."""
    return replace_leaves(tree, lambda leaf: (isinstance(leaf, Name) and values(leaf.name)) or leaf)


def terms(tree: Node) -> list[tuple[int, Node]]:
    """The terms of a chain of sums and differences, each with its sign."""
    behind = []
    while isinstance(tree, Call) and tree.name in ("+", "-"):
        behind.append((1 if tree.name == "+" else -1, tree.args[1]))
        tree = tree.args[0]
    return [(1, tree), *reversed(behind)]


def factors(tree: Node) -> list[Node]:
    """The factors of a chain of products."""
    behind = []
    while isinstance(tree, Call) and tree.name == "*":
        tree, last = tree.args
        behind.append(last)
    return [tree, *reversed(behind)]


def names_in(tree: Node) -> list[str]:
    """The names of a tree, in order of appearance, each once."""
    return list(dict.fromkeys(node.name for node in linearize(tree).nodes if isinstance(node, Name)))
