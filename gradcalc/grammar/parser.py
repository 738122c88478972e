"""The grammar: text to tree.

Comes in: what a person typed, and which names are variables whatever else they mean.  Goes out: a tree of `Number`, `Name`
and `Call`, each with its span, and notes on what could be read in another way.

    expression  := condition ["if" condition "else" expression | "?" expression ":" expression]
    condition   := and-or-not over comparisons; comparisons chain as in Python
    sum         := product (("+" | "-") product)*
    product     := unary (("*" | "/" | "@" | "%" | "//") unary | power)*   juxtaposition multiplies: 2x, 2 sin(x)
    unary       := ("-" | "+") unary | power
    power       := entry (("**" | "^") unary)?                     right associative, binds tighter than unary minus

Operands (`entry`) are in `atoms`; what is refused although the grammar reads it, in `ambiguity`.  Operators are calls too
(`x + 1` is `Call("+", ...)`, `-x` is `Call("neg", ...)`, `[1, x]` is `Call("[", ...)`, `x[0]` is `Call("[]", ...)` with the
place as an option).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from gradcalc.errors import CalcError, Span
from gradcalc.expression.tree import COMPARISONS, MAX_CHARACTERS, Call, Name, Node, Number, fold
from gradcalc.grammar import ambiguity, foreign
from gradcalc.grammar.atoms import Atoms
from gradcalc.grammar.tokens import RAISED, Token
from gradcalc.grammar.wrapping import unwrap
from gradcalc.report import Notation


class Reading(NamedTuple):
    """A tree, notes on what could be read in another way, and what stood on the left of an equals sign."""

    tree: Node
    notes: tuple[str, ...]
    defined: str | None = None


def read(text: str, variables: Collection[str] = (), notation: Notation = Notation.AUTO) -> Reading:
    """The tree of an expression, with notes; `variables` are names that are variables whatever else they mean.

    Raises `CalcError` with a span for anything the grammar does not know or that can be read in two ways, and for what
    exceeds its limits (length, nesting, number of nodes, size of a literal), all checked before any number is built.
    """
    try:
        if len(text) > MAX_CHARACTERS:
            raise CalcError(f"the expression has {len(text)} characters; the limit is {MAX_CHARACTERS}")
        if notation == Notation.LATEX or (notation == Notation.AUTO and is_latex(text)):
            return _read_latex(text, variables)
        inner = unwrap(text)
        if inner.is_spreadsheet:
            foreign.refuse_spreadsheet(text)
        parser = _Parser(inner.text, frozenset(variables), is_spreadsheet=inner.is_spreadsheet)
        return Reading(parser.whole(), tuple(dict.fromkeys(parser.notes)), inner.name)
    except CalcError as error:
        raise error.within(text) from None


def _read_latex(text: str, variables: Collection[str]) -> Reading:
    """The tree of a formula in LaTeX, with the places of its nodes there."""
    from gradcalc.grammar.latex.reader import to_plain

    source = to_plain(text, variables)
    letters = [*variables, "lambda"] if r"\lambda" in text else variables  # a letter here, a word of Python elsewhere
    reading = read(source.text, letters, Notation.PLAIN)

    def moved(leaf: Number | Name) -> Node:
        return replace(leaf, span=source.span(leaf.span))

    tree = fold(reading.tree, moved, lambda call, args: replace(call, args=tuple(args), span=source.span(call.span)))
    return reading._replace(tree=tree)


_SCRIPT = re.compile(r"[\^_]\{")
_INDEX = re.compile(r"_\{[^{}]{0,60}\}")


def is_latex(text: str) -> bool:
    """Whether a text is LaTeX, by its backslashes and dollars, or by scripts in braces where no name has two letters."""
    if "\\" in text or ("$" in text and not text.lstrip().startswith("=")):
        return True
    return _SCRIPT.search(text) is not None and re.search("[A-Za-z]{2}", _INDEX.sub("", text)) is None


def parse(text: str, variables: Collection[str] = ()) -> Node:
    """The tree of an expression; see `read`."""
    return read(text, variables).tree


class _Parser(Atoms):
    def whole(self) -> Node:
        if self.now.kind == "end":
            raise CalcError("the expression is empty", span=Span(0, 1), hint='type one, such as "sin(x**2)"')
        tree = self.expression()
        if self.now.kind != "end":
            raise self.unexpected()
        return tree

    # -- grammar, from loose to tight

    def expression(self) -> Node:
        """A value, or one of two by a condition: `a if c else b`, `c ? a : b`."""
        left = self.disjunction()
        token = self.now
        if self.is_word("if"):
            self.take()
            condition = self.disjunction()
            if not self.is_word("else"):
                raise CalcError("if has no else", span=token.span, hint="write a if condition else b")
            self.take()
            return self.choice(token, condition, left)
        if token.kind == "?":
            self.take()
            first = self.expression()
            self.expect(":", token)
            return self.choice(token, left, first)
        return left

    def choice(self, token: Token, condition: Node, first: Node) -> Node:
        self.deeper(token)
        other = self.expression()
        self.nesting -= 1
        return self.node(Call("where", (condition, first, other), first.span.to(other.span)))

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
            operator = self.take().kind
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
            if self.now.kind in ("*", "/", "@", "%", "//"):
                power = self.power_before(touching=True)
                before, token = self.before, self.take()
                if token.kind == "%":
                    ambiguity.percent(before, token, self.now, is_spreadsheet=self.is_spreadsheet)
                operator = token.text
                touches = self.now.span.start == token.span.end
                right = self.unary()
                if operator == "/":
                    ambiguity.derivative(left, right, self.variables)
                if power is not None and touches:
                    self.note(ambiguity.divided_power(self.text, power, operator, right, self.variables))
                left = self.quotient(operator, left, right)
            elif self.starts_factor():
                left = self.juxtaposed(left, operator)
                operator = ""
            else:
                return left

    def quotient(self, operator: str, left: Node, right: Node) -> Node:
        if operator == "%":
            return self.call("remainder", (left, right))
        if operator == "//":
            if isinstance(right, Name) and len(right.name) > 2 and right.name not in self.variables:
                hint = f"leave out the comment, or write floor(x/{right.name})"
                raise CalcError("// can begin a comment", span=right.span, hint=hint)
            return self.call("floor", (self.call("/", (left, right)),))
        return self.call(operator, (left, right))

    def juxtaposed(self, left: Node, operator: str) -> Node:
        """A product without an operator; `operator` is the one before the factor on its left."""
        before, token = self.before, self.now
        assert before is not None
        # `x 2` and `2 3` are typing errors more often than products.
        if token.kind == "number":
            raise self.unexpected()
        if token.text[0] == "_" and before.span.end == token.span.start:
            hint = "write a name for an index, norm(x, p=2) for a norm, 1000 for 1_000"
            raise CalcError(f"unexpected index {token.text}", span=token.span, hint=hint)
        if token.kind == "|":
            ambiguity.bars(self.text, self.closed_bar, token)
        touches = before.span.end == token.span.start
        is_new = token.kind == "name" and token.text not in self.variables
        if touches and is_new and before.kind == "number":
            ambiguity.suffix(before, token)
        if not touches:
            for word in (before, token):
                is_called = self.text[word.span.end : word.span.end + 1] == "("
                if word.kind == "name" and word.text in foreign.WORDS and word.text not in self.variables and not is_called:
                    hint = foreign.word_hint(word.text, self.text)
                    raise CalcError(f"unexpected word {word.text}", span=word.span, hint=hint)
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
        if self.is_spreadsheet and inner is self.open_power and isinstance(inner, Call):
            ambiguity.spreadsheet_minus(token, inner)
        return inner if token.kind == "+" else self.call("neg", (inner,), token.span.to(inner.span))

    def power(self) -> Node:
        base = self.entry()
        if self.now.kind not in ("**", "^"):
            return base
        token = self.take()
        self.deeper(token)
        is_open = self.now.kind not in ("(", "{") and token.text != RAISED
        exponent = self.unary()
        self.nesting -= 1
        power = Call("**", (base, exponent), base.span.to(exponent.span))
        if self.is_spreadsheet and exponent is self.open_power:
            hint = "write (a^b)^c, as spreadsheets read it, or a^(b^c)"
            raise CalcError("powers bind from the left in a spreadsheet", span=power.span, hint=hint)
        if isinstance(exponent, Name) and exponent.name == "T" and "T" not in self.variables:
            hint = f"write {ambiguity.shown(base)}.T for a transpose, or give T a value"
            raise CalcError("^T can be read in two ways", span=power.span, hint=hint)
        self.open_power = power
        if is_open and self.before is not None:
            self.last_power = ambiguity.Power(power, self.before.span.end, token.kind == "^")
        return self.node(power)
