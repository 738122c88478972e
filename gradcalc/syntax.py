"""The grammar: text to tree, and tree to text.

Comes in: what a person typed.  Goes out: a tree of `Number`, `Name` and `Call`, each with its span.

    condition   := and-or-not over comparisons; comparisons chain as in Python
    sum         := product (("+" | "-") product)*
    product     := unary (("*" | "/" | "@") unary | power)*        juxtaposition multiplies: 2x, 2 sin(x), (x+1)(x-1)
    unary       := ("-" | "+") unary | power
    power       := entry (("**" | "^") unary)?                     right associative, binds tighter than unary minus
    entry       := atom ("[" places "]" | "." name ["(" arguments ")"])*
    atom        := number | name | name "(" arguments ")" | "(" condition ")" | "[" condition ("," condition)* "]"
    arguments   := [argument ("," argument)*]                      argument := condition | name "=" condition
    places      := place ("," place)*                              place := integer | [integer] ":" [integer] [":" integer]

Operators are calls too (`x + 1` is `Call("+", ...)`, `-x` is `Call("neg", ...)`, `[1, x]` is `Call("[", ...)`, `x[0]` is
`Call("[]", ...)` with the place as an option), so readers of trees have three cases.  `x.f(y)` is `f(x, y)`.
Sums and products lean to the left and may be thousands of terms deep: read trees with `fold`, never by recursion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple, TypeVar

from gradcalc.errors import CalcError, Span

MAX_CHARACTERS = 65_536
MAX_NODES = 40_000
MAX_NESTING = 60
MAX_NUMBER_CHARACTERS = 60
MAX_EXPONENT = 400
MAX_NAME_CHARACTERS = 60

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
    """An operator, a function or, without arguments, a constant; `options` are what it is told in words."""

    name: str
    args: tuple[Node, ...]
    span: Span = field(default=_NOWHERE, compare=False)
    options: tuple[tuple[str, str], ...] = ()

    def __eq__(self, other: object) -> bool:
        pairs: list[tuple[object, object]] = [(self, other)]
        while pairs:
            left, right = pairs.pop()
            if isinstance(left, Call) and isinstance(right, Call):
                if (left.name, left.options) != (right.name, right.options) or len(left.args) != len(right.args):
                    return False
                pairs.extend(zip(left.args, right.args, strict=True))
            elif isinstance(left, Call) or left != right:
                return False
        return True

    def __hash__(self) -> int:
        return fold(self, hash, lambda call, parts: hash((call.name, call.options, *parts)))


Node = Number | Name | Call
T = TypeVar("T")


def postorder(tree: Node) -> Iterator[Node]:
    """Every node of a tree, arguments before calls, left to right, without recursion."""
    # Calls before their arguments, right to left: the same backwards.
    found: list[Node] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        if type(node) is Call:
            waiting += node.args
    return reversed(found)


def fold(tree: Node, leaf: Callable[[Number | Name], T], call: Callable[[Call, list[T]], T]) -> T:
    """Read a tree bottom-up: `leaf` for numbers and names, `call` for calls with the values of their arguments."""
    values: list[T] = []
    for node in postorder(tree):
        if isinstance(node, Call):
            start = len(values) - len(node.args)
            arguments = values[start:]
            del values[start:]
            values.append(call(node, arguments))
        else:
            values.append(leaf(node))
    return values.pop()


def replaced(tree: Node, leaf: Callable[[Number | Name], Node]) -> Node:
    """A tree with others in the place of its numbers and names; its calls stay what they are, with their spans."""
    return fold(tree, leaf, lambda call, args: Call(call.name, tuple(args), call.span, call.options))


def renamed(tree: Node, found: Callable[[str], Node | None]) -> Node:
    """A tree with others in the place of some of its names."""
    return replaced(tree, lambda leaf: (isinstance(leaf, Name) and found(leaf.name)) or leaf)


def terms(tree: Node) -> list[tuple[int, Node]]:
    """The terms of a chain of sums and differences, each with its sign."""
    found = []
    while isinstance(tree, Call) and tree.name in ("+", "-"):
        found.append((1 if tree.name == "+" else -1, tree.args[1]))
        tree = tree.args[0]
    return [(1, tree), *reversed(found)]


def factors(tree: Node) -> list[Node]:
    """The factors of a chain of products."""
    found = []
    while isinstance(tree, Call) and tree.name == "*":
        tree, last = tree.args
        found.append(last)
    return [tree, *reversed(found)]


class Steps(NamedTuple):
    """A tree as the steps of its evaluation: its nodes, arguments before calls, and where the arguments of each are.

    A node that stands in a tree several times is one step: trees that share their parts cost what their parts cost.
    """

    nodes: Sequence[Node]
    places: Sequence[Sequence[int]]


def steps(*trees: Node) -> Steps:
    """The steps of a tree, or of several that may share their parts."""
    places: dict[int, int] = {}
    nodes: list[Node] = []
    arguments: list[Sequence[int]] = []
    waiting = list(reversed(trees))
    while waiting:
        node = waiting[-1]
        if id(node) in places:
            waiting.pop()
        elif type(node) is Call and (missing := [arg for arg in node.args if id(arg) not in places]):
            waiting += reversed(missing)
        else:
            places[id(node)] = len(nodes)
            nodes.append(node)
            arguments.append([places[id(arg)] for arg in node.args] if type(node) is Call else ())
            waiting.pop()
    return Steps(nodes, arguments)


def follow(found: Steps, leaf: Callable[[Number | Name], T], call: Callable[[Call, list[T]], T]) -> list[T]:
    """Evaluate step by step, as `fold` does with a tree: the values of all steps; each may be given to several calls."""
    values: list[T] = []
    for node, places in zip(*found, strict=True):
        values.append(call(node, [values[place] for place in places]) if isinstance(node, Call) else leaf(node))
    return values


class Reach:
    """What of some steps depends on which variables."""

    def __init__(self, found: Steps):
        self._users: dict[int, list[int]] = {}
        self._leaves: dict[str, list[int]] = {}
        for place, (node, places) in enumerate(zip(*found, strict=True)):
            if isinstance(node, Name):
                self._leaves.setdefault(node.name, []).append(place)
            for arg in places:
                self._users.setdefault(arg, []).append(place)

    def of(self, names: Collection[str]) -> list[int]:
        """The places of the steps that depend on some variables, in order."""
        waiting = [place for name in names for place in self._leaves.get(name, ())]
        moved = set(waiting)
        while waiting:
            above = [place for place in self._users.get(waiting.pop(), ()) if place not in moved]
            moved.update(above)
            waiting += above
        return sorted(moved)


def names_in(tree: Node) -> list[str]:
    """The names of a tree, in order of appearance, each once."""
    return list(dict.fromkeys(node.name for node in steps(tree).nodes if isinstance(node, Name)))


def integer_literal(node: Node) -> int | None:
    """The integer that a node spells out (`3`, `2.0`, `-1`), or None."""
    if isinstance(node, Call) and node.name == "neg":
        inner = integer_literal(node.args[0])
        return None if inner is None else -inner
    if isinstance(node, Number) and node.value.denominator == 1:
        return int(node.value)
    return None


# ---------------------------------------------------------------------------------------------------- text to tokens


class _Token(NamedTuple):
    kind: str  # "number", "name", "word", "end", or the operator itself
    text: str
    span: Span


# ASCII classes only: `x²`, `٣` and full-width letters must be errors, never names or numbers.
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<word>\"[a-z_]{1,20}\"|'[a-z_]{1,20}')"
    r"|(?P<operator>\*\*|<=|>=|==|!=|[-+*/^@(),<>=.:\[\]])"
)

_SUPERSCRIPTS = {ord(c): d for c, d in zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True)}
_SPELLINGS = {
    "·": "*", "×": "*", "∙": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-", "—": "-", "π": "pi", "τ": "tau",  # noqa: RUF001
    "√": "sqrt(...)", "∛": "cbrt(...)", "|": "abs(...)", "≤": "<=", "≥": ">=", "≠": "!=", "!": "factorial(...)",
    "∞": "a finite number", "&": "and", "{": "(", "}": ")",
}  # fmt: skip


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _stray(text, position)
        kind = match.lastgroup
        span = Span(position, match.end())
        if kind != "space":
            word = match.group()
            if word in ("and", "or", "not"):
                kind = word
            yield _Token(word if kind == "operator" else str(kind), word, span)
        position = match.end()
    yield _Token("end", "", Span(len(text), len(text) + 1))


def _stray(text: str, position: int) -> CalcError:
    character = text[position]
    span = Span(position, position + 1)
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    if ord(character) in _SUPERSCRIPTS:
        end = position
        while end < len(text) and ord(text[end]) in _SUPERSCRIPTS:
            end += 1
        digits = text[position:end].translate(_SUPERSCRIPTS)
        return CalcError(f"unexpected character {shown}", span=Span(position, end), hint=f"write **{digits} for a power")
    if character in _SPELLINGS:
        return CalcError(f"unexpected character {shown}", span=span, hint=f"write {_SPELLINGS[character]}")
    return CalcError(f"unexpected character {shown}", span=span)


# ------------------------------------------------------------------------------------------------------ text to tree

_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_STARTS_FACTOR = ("number", "name", "(")
_MODULES = ("torch", "np", "numpy", "math", "sympy")
_BEHIND = {"T": "transpose", "mT": "transpose"}
"""What stands behind a dot without parentheses, besides `values`."""


def parse(text: str) -> Node:
    """The tree of an expression.

    Raises `CalcError` with a span for anything the grammar does not know, and for what exceeds its limits
    (length, nesting, number of nodes, size of a literal), all checked before any number is built.
    """
    try:
        if len(text) > MAX_CHARACTERS:
            raise CalcError(f"the expression has {len(text)} characters; the limit is {MAX_CHARACTERS}")
        return _Parser(_tokens(text)).whole()
    except CalcError as error:
        raise error.within(text) from None


def is_keyword(node: Node) -> bool:
    """Whether an argument is given by its name."""
    return isinstance(node, Call) and node.name == "="


class _Parser:
    def __init__(self, tokens: Iterator[_Token]):
        self.tokens = tokens
        self.before: _Token | None = None
        self.now = next(tokens)
        self.nesting = 0
        self.nodes = 0

    def whole(self) -> Node:
        if self.now.kind == "end":
            raise CalcError("the expression is empty", span=Span(0, 1), hint='type one, such as "sin(x**2)"')
        tree = self.disjunction()
        if self.now.kind != "end":
            raise self.unexpected()
        return tree

    # -- tokens

    def take(self) -> _Token:
        """The present token; the next one is read only now, so that what is refused early costs little."""
        self.before, self.now = self.now, next(self.tokens)
        return self.before

    def expect(self, kind: str, opened: _Token) -> _Token:
        if self.now.kind == kind:
            return self.take()
        if self.now.kind == "end":
            raise CalcError(f"missing {kind}", span=opened.span, hint=f"this {opened.text} is never closed")
        raise self.unexpected()

    def unexpected(self) -> CalcError:
        token, before = self.now, self.before
        if token.kind == "end":
            what = f" after {before.text}" if before else ""
            return CalcError(f"the expression ends too early{what}", span=token.span, hint="something must follow here")
        if token.kind == ")":
            if before is not None and before.kind in (",", "(", *_BINARY):
                return CalcError(f"something is missing between {before.text} and )", span=before.span.to(token.span))
            return CalcError("unexpected )", span=token.span, hint="no ( is open here")
        if token.kind in ("number", "name", "(") and before is not None and before.kind in ("number", "name", ")"):
            return CalcError(
                f"missing operator between {before.text} and {token.text}",
                span=before.span.to(token.span),
                hint="write * to multiply",
            )
        if token.kind == "=":
            return CalcError("unexpected =", span=token.span, hint="write == to compare")
        return CalcError(f"unexpected {token.text}", span=token.span)

    def is_foreign_number(self) -> bool:
        """Whether number and name together are a number of another language."""
        before = self.before
        if before is None:
            return False
        touch = before.kind == "number" and before.span.end == self.now.span.start
        return touch and self.now.kind == "name" and (before.text == "0" or self.now.text.startswith("_"))

    # -- nodes

    def node(self, node: Node) -> Node:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise CalcError(f"the expression has more than {MAX_NODES} parts", span=node.span)
        return node

    def call(self, name: str, args: tuple[Node, ...], span: Span | None = None) -> Node:
        return self.node(Call(name, args, span or args[0].span.to(args[-1].span)))

    def deeper(self, token: _Token) -> None:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise CalcError(f"the expression is nested more than {MAX_NESTING} levels deep", span=token.span)

    # -- grammar, from loose to tight

    def disjunction(self) -> Node:
        left = self.conjunction()
        while self.now.kind == "or":
            self.take()
            left = self.call("or", (left, self.conjunction()))
        return left

    def conjunction(self) -> Node:
        left = self.negation()
        while self.now.kind == "and":
            self.take()
            left = self.call("and", (left, self.negation()))
        return left

    def negation(self) -> Node:
        if self.now.kind != "not":
            return self.comparison()
        token = self.take()
        self.deeper(token)
        inner = self.negation()
        self.nesting -= 1
        return self.call("not", (inner,), token.span.to(inner.span))

    def comparison(self) -> Node:
        left = self.sum()
        links = []
        while self.now.kind in _COMPARISONS:
            operator = self.take().text
            right = self.sum()
            links.append(self.call(operator, (left, right)))
            left = right
        if not links:
            return left
        chain = links[0]
        for link in links[1:]:
            chain = self.call("and", (chain, link))
        return chain

    def sum(self) -> Node:
        left = self.product()
        while self.now.kind in ("+", "-"):
            operator = self.take().text
            left = self.call(operator, (left, self.product()))
        return left

    def product(self) -> Node:
        left = self.unary()
        while True:
            if self.now.kind in ("*", "/", "@"):
                operator = self.take().text
                left = self.call(operator, (left, self.unary()))
            elif self.now.kind in _STARTS_FACTOR:
                # `x 2` and `2 3` are typing errors more often than products; `0x10` and `1_000` are no products at all.
                if self.now.kind == "number" or self.is_foreign_number():
                    raise self.unexpected()
                left = self.call("*", (left, self.power()))
            else:
                return left

    def unary(self) -> Node:
        if self.now.kind not in ("-", "+"):
            return self.power()
        token = self.take()
        self.deeper(token)
        inner = self.unary()
        self.nesting -= 1
        return inner if token.kind == "+" else self.call("neg", (inner,), token.span.to(inner.span))

    def power(self) -> Node:
        base = self.entry()
        if self.now.kind not in ("**", "^"):
            return base
        token = self.take()
        self.deeper(token)
        exponent = self.unary()
        self.nesting -= 1
        return self.call("**", (base, exponent))

    def entry(self) -> Node:
        base = self.atom()
        while self.now.kind in ("[", "."):
            base = self.indexed(base) if self.now.kind == "[" else self.member(base)
        return base

    def indexed(self, base: Node) -> Node:
        opened = self.take()
        places = [self.place()]
        while self.now.kind == ",":
            self.take()
            places.append(self.place())
        closed = self.expect("]", opened)
        return self.node(Call("[]", (base,), base.span.to(closed.span), (("at", ",".join(places)),)))

    def place(self) -> str:
        parts = [self.integer()]
        while self.now.kind == ":" and len(parts) < 3:
            self.take()
            parts.append(self.integer())
        if parts == [""]:
            raise CalcError("a place is a whole number or a slice", span=self.now.span, hint="x[0], x[-1], x[1:3], A[0, :]")
        return ":".join(parts)

    def integer(self) -> str:
        sign = self.take().text if self.now.kind == "-" else ""
        if self.now.kind == "number" and self.now.text.isdigit() and len(self.now.text) < 9:
            return sign + self.take().text
        if sign:
            raise self.unexpected()
        return ""

    def member(self, base: Node) -> Node:
        """`A.T`, `max(A, dim=0).values`, and functions behind their first argument."""
        self.take()
        name = self.expect("name", self.before or self.now)
        if isinstance(base, Name) and base.name in _MODULES:
            while self.now.kind == ".":  # torch.nn.functional.softmax
                self.take()
                name = self.expect("name", self.before or self.now)
            span = base.span.to(name.span)
            raise CalcError(f"{base.name} is not needed", span=span, hint=f"write {name.text} alone")
        if self.now.kind == "(":
            call = self.application(name)
            assert isinstance(call, Call)
            if name.text in ("max", "min") and call.args and not any(is_keyword(arg) for arg in call.args):
                hint = f"write dim=... for a dimension, and {name.text}(x, y) for one of two"
                raise CalcError(f".{name.text} takes a dimension by its name", span=call.span, hint=hint)
            return Call(call.name, (base, *call.args), base.span.to(call.span))
        if name.text in _BEHIND:
            return self.call(_BEHIND[name.text], (base,), base.span.to(name.span))
        if name.text == "values" and isinstance(base, Call) and base.name in ("max", "min"):
            if any(is_keyword(arg) for arg in base.args):
                return base
            hint = f"write {base.name}(x, dim=0).values"
            raise CalcError(f"{base.name} along no dimension has no .values", span=name.span, hint=hint)
        raise CalcError(f"unexpected .{name.text}", span=name.span, hint=f"write {name.text}(...) for a function")

    def atom(self) -> Node:
        token = self.now
        if token.kind == "number":
            return self.number(self.take())
        if token.kind == "name":
            self.take()
            if len(token.text) > MAX_NAME_CHARACTERS:
                raise CalcError(f"a name has at most {MAX_NAME_CHARACTERS} characters", span=token.span)
            if self.now.kind == "(":
                return self.application(token)
            return self.node(Name(token.text, token.span))
        if token.kind == "(":
            self.take()
            self.deeper(token)
            inner = self.disjunction()
            self.expect(")", token)
            self.nesting -= 1
            return inner
        if token.kind == "[":
            return self.array()
        raise self.unexpected()

    def array(self) -> Node:
        opened = self.take()
        self.deeper(opened)
        if self.now.kind == "]":
            raise CalcError("an array has one entry at least", span=opened.span.to(self.now.span))
        entries = [self.disjunction()]
        while self.now.kind == ",":
            self.take()
            entries.append(self.disjunction())
        closed = self.expect("]", opened)
        self.nesting -= 1
        return self.node(Call("[", tuple(entries), opened.span.to(closed.span)))

    def number(self, token: _Token) -> Node:
        if len(token.text) > MAX_NUMBER_CHARACTERS:
            raise CalcError(f"a number has at most {MAX_NUMBER_CHARACTERS} characters", span=token.span)
        _, _, exponent = token.text.lower().partition("e")
        if exponent and abs(int(exponent)) > MAX_EXPONENT:
            raise CalcError(f"the exponent of a number is at most {MAX_EXPONENT}", span=token.span)
        return self.node(Number(token.text, token.span))

    def application(self, function: _Token) -> Node:
        opened = self.take()
        self.deeper(opened)
        args: list[Node] = []
        if self.now.kind != ")":
            args.append(self.argument())
            while self.now.kind == ",":
                self.take()
                args.append(self.argument())
        closed = self.expect(")", opened)
        self.nesting -= 1
        return self.call(function.text, tuple(args), function.span.to(closed.span))

    def argument(self) -> Node:
        value = self.disjunction()
        if self.now.kind == "=" and isinstance(value, Name):
            self.take()
            if self.now.kind == "word":  # reduction="sum", as Python has it
                word = self.take()
                return self.call("=", (value, self.node(Name(word.text, word.span))))
            return self.call("=", (value, self.disjunction()))
        return value


_BINARY = ("+", "-", "*", "/", "@", "**", "^", "and", "or", "not", "=", *_COMPARISONS)


# ------------------------------------------------------------------------------------------------------ tree to text

# How tightly an operator binds; a part is parenthesised when it binds more loosely than its place demands.
_BINDS = {
    "or": 1, "and": 2, "not": 3, **dict.fromkeys(_COMPARISONS, 4), "+": 5, "-": 5, "*": 6, "/": 6, "@": 6, "neg": 7, "**": 8,
}  # fmt: skip
_ATOM = 9


def unparse(tree: Node) -> str:
    """The canonical text of a tree; `parse(unparse(tree)) == tree`."""
    return "".join(fold(tree, _unparse_leaf, _unparse_call)[0])


# Pieces are kept in lists, shared and extended in place, so that a sum of n terms costs n and not n**2.
_Piece = tuple[list[str], int]


def _unparse_leaf(node: Number | Name) -> _Piece:
    return [node.text if isinstance(node, Number) else node.name], _ATOM


def _placed(piece: _Piece, binds: int) -> list[str]:
    text, own = piece
    return text if own >= binds else ["(", *text, ")"]


def _unparse_call(node: Call, args: list[_Piece]) -> _Piece:
    name = node.name
    if name == "=":
        return [*args[0][0], "=", *args[1][0]], 0
    if name == "neg":
        return ["-", *_placed(args[0], _BINDS["neg"])], _BINDS["neg"]
    if name == "not":
        return ["not ", *_placed(args[0], _BINDS["not"])], _BINDS["not"]
    if name == "**":
        # The exponent is read at the level of unary minus, so `x**-2` and `a**b**c` need no parentheses.
        return [*_placed(args[0], _ATOM), "**", *_placed(args[1], _BINDS["neg"])], _BINDS["**"]
    if name in _BINDS:
        binds = _BINDS[name]
        spaced = name if name in ("*", "/", "@") else f" {name} "
        # Comparisons do not associate: `(a < b) < c` keeps its parentheses on either side.
        left = _placed(args[0], binds + (binds == _BINDS["<"]))
        left.append(spaced)
        left.extend(_placed(args[1], binds + 1))
        return left, binds
    if name == "[]":
        return [*_placed(args[0], _ATOM), "[", dict(node.options)["at"].replace(",", ", "), "]"], _ATOM
    if not node.args:
        return [name], _ATOM
    opened, closed = ("[", "]") if name == "[" else (f"{name}(", ")")
    text = [opened]
    for position, (piece, _) in enumerate(args):
        text.extend(([", "] if position else []) + piece)
    return [*text, *(f", {key}={word}" for key, word in node.options), closed], _ATOM
