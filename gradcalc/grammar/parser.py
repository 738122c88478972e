"""The grammar: text to tree.

Comes in: what a person typed, and which names are variables whatever else they mean.  Goes out: a tree of `Number`, `Name`
and `Call`, each with its span, and notes on what could be read in another way.

    condition   := and-or-not over comparisons; comparisons chain as in Python
    sum         := product (("+" | "-") product)*
    product     := unary (("*" | "/" | "@") unary | power)*        juxtaposition multiplies: 2x, 2 sin(x), (x+1)(x-1)
    unary       := ("-" | "+") unary | power
    power       := entry (("**" | "^") unary)?                     right associative, binds tighter than unary minus
    entry       := atom ("[" places "]" | "." name ["(" arguments ")"])*
    atom        := number | name | name "(" arguments ")" | "(" condition ")" | "[" condition ("," condition)* "]" | bare
    arguments   := [argument ("," argument)*]                      argument := condition | name "=" condition
    places      := place ("," place)*                              place := integer | [integer] ":" [integer] [":" integer]

`bare`, functions without parentheses, is in `textbook`; what is refused although the grammar reads it, in `ambiguity`.
Operators are calls too (`x + 1` is `Call("+", ...)`, `-x` is `Call("neg", ...)`, `[1, x]` is `Call("[", ...)`, `x[0]` is
`Call("[]", ...)` with the place as an option).  `x.f(y)` is `f(x, y)`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from gradcalc.errors import CalcError, Span
from gradcalc.expression.tree import (
    COMPARISONS,
    MAX_CHARACTERS,
    MAX_EXPONENT,
    MAX_NAME_CHARACTERS,
    MAX_NUMBER_CHARACTERS,
    Call,
    Name,
    Node,
    Number,
    is_keyword,
)
from gradcalc.grammar import ambiguity, foreign, textbook
from gradcalc.grammar.cursor import Cursor
from gradcalc.grammar.tokens import Token

_STARTS_FACTOR = ("number", "name", "(")
_BEHIND = {"T": "transpose", "mT": "transpose"}
"""What stands behind a dot without parentheses, besides `values`."""


class Reading(NamedTuple):
    """A tree, and notes on what could be read in another way."""

    tree: Node
    notes: tuple[str, ...]


def read(text: str, variables: Collection[str] = ()) -> Reading:
    """The tree of an expression, with notes; `variables` are names that are variables whatever else they mean.

    Raises `CalcError` with a span for anything the grammar does not know or that can be read in two ways, and for what
    exceeds its limits (length, nesting, number of nodes, size of a literal), all checked before any number is built.
    """
    try:
        if len(text) > MAX_CHARACTERS:
            raise CalcError(f"the expression has {len(text)} characters; the limit is {MAX_CHARACTERS}")
        foreign.refuse_whole(text)
        parser = _Parser(text, frozenset(variables))
        return Reading(parser.whole(), tuple(dict.fromkeys(parser.notes)))
    except CalcError as error:
        raise error.within(text) from None


def parse(text: str, variables: Collection[str] = ()) -> Node:
    """The tree of an expression; see `read`."""
    return read(text, variables).tree


class _Parser(Cursor):
    def whole(self) -> Node:
        if self.now.kind == "end":
            raise CalcError("the expression is empty", span=Span(0, 1), hint='type one, such as "sin(x**2)"')
        tree = self.disjunction()
        if self.now.kind != "end":
            raise self.unexpected()
        return tree

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
        while self.now.kind in COMPARISONS:
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
            token = self.take()
            if token.span.start and self.text[token.span.start - 1] in "eE":
                ambiguity.lost_power(self.text, token, self.now, self.variables)
            left = self.call(token.text, (left, self.product()))
        return left

    def product(self) -> Node:
        left = self.unary()
        operator = ""
        while True:
            if self.now.kind in ("*", "/", "@"):
                power = self.power_before(touching=True)
                token = self.take()
                operator = token.text
                touches = self.now.span.start == token.span.end
                right = self.unary()
                if operator == "/":
                    ambiguity.derivative(left, right, self.variables)
                if power is not None and touches:
                    self.note(ambiguity.divided_power(self.text, power, operator, right, self.variables))
                left = self.call(operator, (left, right))
            elif self.now.kind in _STARTS_FACTOR:
                left = self.juxtaposed(left, operator)
                operator = ""
            else:
                return left

    def juxtaposed(self, left: Node, operator: str) -> Node:
        """A product without an operator; `operator` is the one before the factor on its left."""
        before, token = self.before, self.now
        assert before is not None
        # `x 2` and `2 3` are typing errors more often than products.
        if token.kind == "number":
            raise self.unexpected()
        touches = before.span.end == token.span.start
        is_new = token.kind == "name" and token.text not in self.variables
        if touches and is_new and before.kind == "number":
            ambiguity.suffix(before, token)
        if not touches:
            for word in (before, token):
                if word.kind == "name" and word.text in foreign.WORDS and word.text not in self.variables:
                    hint = foreign.word_hint(word.text, self.text)
                    raise CalcError(f"the word {word.text} is not read", span=word.span, hint=hint)
        power = self.power_before(touching=False)
        right = self.power()
        ambiguity.differential(left, right, self.variables)
        if operator == "/":
            self.note(ambiguity.after_division(self.text, left, right, touches))
        if power is not None:
            self.note(ambiguity.after_power(self.text, power, right, touches, self.variables))
        return self.call("*", (left, right))

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
        is_open = self.now.kind != "("
        exponent = self.unary()
        self.nesting -= 1
        power = Call("**", (base, exponent), base.span.to(exponent.span))
        if is_open and self.before is not None:
            self.last_power = ambiguity.Power(power, self.before.span.end, token.kind == "^")
        return self.node(power)

    def entry(self) -> Node:
        base = self.atom()
        while self.now.kind in ("[", "."):
            base = self.indexed(base) if self.now.kind == "[" else self.member(base)
        return base

    def indexed(self, base: Node) -> Node:
        opened = self.take()
        places = [self.place(base)]
        while self.now.kind == ",":
            self.take()
            places.append(self.place(base))
        closed = self.expect("]", opened)
        return self.node(Call("[]", (base,), base.span.to(closed.span), (("at", ",".join(places)),)))

    def place(self, base: Node) -> str:
        parts = [self.integer()]
        while self.now.kind == ":" and len(parts) < 3:
            self.take()
            parts.append(self.integer())
        if parts == [""]:
            raise self.no_place(base)
        return ":".join(parts)

    def no_place(self, base: Node) -> CalcError:
        hint = "an entry is x[0], x[-1], x[1:3] or A[0, :]"
        hint += f"; {foreign.bracket_hint(base.name if isinstance(base, Name) else 'x')}"
        return CalcError("an index is a whole number or a slice", span=self.now.span, hint=hint)

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
        is_module = isinstance(base, Name) and base.name in foreign.MODULES and base.name not in self.variables
        if is_module and isinstance(base, Name) and name.text not in _BEHIND:
            while self.now.kind == ".":  # torch.nn.functional.softmax
                self.take()
                name = self.expect("name", self.before or self.now)
            hint = foreign.module_hint(base.name, name.text)
            raise CalcError(f"{base.name} is not needed", span=base.span.to(name.span), hint=hint)
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
            is_applied = self.now.kind != "=" and token.text in textbook.NAMES
            if is_applied and token.text not in self.variables:
                return textbook.apply_bare(self, token)
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

    def number(self, token: Token) -> Node:
        if len(token.text) > MAX_NUMBER_CHARACTERS:
            raise CalcError(f"a number has at most {MAX_NUMBER_CHARACTERS} characters", span=token.span)
        _, _, exponent = token.text.lower().partition("e")
        if exponent and abs(int(exponent)) > MAX_EXPONENT:
            raise CalcError(f"the exponent of a number is at most {MAX_EXPONENT}", span=token.span)
        return self.node(Number(token.text, token.span))

    def application(self, function: Token) -> Node:
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
