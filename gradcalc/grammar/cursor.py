"""The place of a parser in its text: the present token, the limits, and what to say where something else stands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradcalc.errors import CalcError, Span
from gradcalc.expression import characters
from gradcalc.expression.tree import MAX_NESTING, MAX_NODES, Call, Node
from gradcalc.grammar import ambiguity
from gradcalc.grammar.tokens import BINARY, Token, tokens

_MOST_NOTES = 5
_STARTS_FACTOR = ("number", "name", "(", "{", *characters.BRACKETS, *characters.ROOTS)
_LETTERS = ("t", "e", "E", "σ", "Γ", "ψ", "ζ", "β", "φ", "Φ")
"""Letters that are names of functions, too."""
_PAIRS = {
    ("-", ">"): "leave out the arrow and what stands before it",
    ("<", ">"): "write != for what is not equal",
    ("**", "*"): "write ** for a power",
}


class Cursor:
    """Takes tokens, makes nodes and counts them; `notes` are what could be read in another way."""

    def __init__(self, text: str, variables: frozenset[str], *, is_spreadsheet: bool = False):
        self.text = text
        self.is_spreadsheet = is_spreadsheet
        self.variables = variables
        self.notes: list[str] = []
        self.tokens: Iterator[Token] = tokens(text)
        self.before: Token | None = None
        self.now = next(self.tokens)
        self.nesting = 0
        self.nodes = 0
        self.open_power: Node | None = None
        """The power that was read last, unless it stands in parentheses."""
        self.last_power: ambiguity.Power | None = None
        self._factors: dict[str, bool] = {}
        self.bars = [False]
        """Whether a bar is open, for each pair of brackets around the present place."""

    def take(self) -> Token:
        """The present token; the next one is read only now, so that what is refused early costs little."""
        self.before, self.now = self.now, next(self.tokens)
        return self.before

    def expect(self, kind: str, opened: Token) -> Token:
        if self.now.kind == kind:
            return self.take()
        if self.now.kind == "end":
            raise CalcError(f"missing {kind}", span=opened.span, hint=f"this {opened.text} is never closed")
        raise self.unexpected()

    def unexpected(self) -> CalcError:
        token, before = self.now, self.before
        if token.kind == "end":
            what = f" after '{before.text}'" if before else ""
            return CalcError(f"unexpected end of expression{what}", span=token.span, hint="an operand is missing here")
        if token.kind in (")", "}"):
            if before is not None and before.kind in (",", "(", "{", *BINARY):
                return CalcError(
                    f"something is missing between {before.text} and {token.kind}", span=before.span.to(token.span)
                )
            return CalcError(f"unexpected {token.kind}", span=token.span, hint=f"no {'({'[token.kind == '}']} is open here")
        if token.kind in ("number", "name", "(") and before is not None and before.kind in ("number", "name", ")"):
            return CalcError(
                f"missing operator between {before.text} and {token.text}",
                span=before.span.to(token.span),
                hint=_missing_operator(self.text, before, token),
            )
        if token.kind == "=":
            if self.text[token.span.end : token.span.end + 1] == ">":
                span = Span(token.span.start, token.span.end + 1)
                return CalcError("unexpected =>", span=span, hint="write >= to compare")
            return CalcError(
                "unexpected =", span=token.span, hint="write == to compare; of an equation, one side minus the other"
            )
        if token.kind == "," and before is not None and re.match(r"[0-9]+,[0-9]", self.text[before.span.start :]):
            return CalcError("unexpected ,", span=token.span, hint="write . for a decimal point, and digits without commas")
        pair = (before.text if before is not None else "", token.text)
        if token.kind in ("*", "/", "^") and self.text[: token.span.start].endswith("."):
            hint = f"write {token.text} without the dot: arrays are combined entry by entry"
            return CalcError(f"unexpected .{token.text}", span=token.span, hint=hint)
        return CalcError(f"unexpected {token.text}", span=token.span, hint=_PAIRS.get(pair))

    def node(self, node: Node) -> Node:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise CalcError(f"the expression has more than {MAX_NODES} parts", span=node.span)
        return node

    def call(self, name: str, args: tuple[Node, ...], span: Span | None = None) -> Node:
        return self.node(Call(name, args, span or args[0].span.to(args[-1].span)))

    def starts_factor(self) -> bool:
        """Whether the present token, behind an operand, begins another that multiplies it."""
        token = self.now
        if token.kind == "|":
            return not self.bars[-1]
        return token.kind in _STARTS_FACTOR and not self.is_word("if") and not self.is_word("else")

    def is_word(self, word: str) -> bool:
        """Whether the present token is a word of the language and no variable."""
        return self.now.kind == "name" and self.now.text == word and word not in self.variables

    def is_factor(self, name: Token) -> bool:
        """Whether a name before a parenthesis is a variable, `x(x + 1)`: one letter that stands alone elsewhere."""
        if len(name.text) != 1 or name.text in _LETTERS:
            return False
        if name.text not in self._factors:
            alone = re.compile(rf"(?<![A-Za-z0-9_.]){name.text}(?![A-Za-z0-9_]|\s{{0,9}}(?:[({{\[]|=(?!=)))")
            self._factors[name.text] = name.text in self.variables or alone.search(self.text) is not None
        return self._factors[name.text]

    def deeper(self, token: Token) -> None:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise CalcError(f"the expression is nested more than {MAX_NESTING} levels deep", span=token.span)

    def open_bracket(self, *, is_bar: bool = False) -> Token:
        opened = self.take()
        self.deeper(opened)
        self.bars.append(is_bar)
        return opened

    def close_bracket(self, kind: str, opened: Token) -> Token:
        closed = self.expect(kind, opened)
        self.bars.pop()
        self.nesting -= 1
        return closed

    def power_before(self, *, touching: bool) -> ambiguity.Power | None:
        """The power without parentheses that ends right before the present token."""
        power, before = self.last_power, self.before
        if power is None or before is None or before.span.end != power.end:
            return None
        return power if not touching or self.now.span.start == power.end else None

    def note(self, note: ambiguity.Note | None) -> None:
        """Say something about the reading; there may be thousands of places, and few notes."""
        if note is not None and len(self.notes) < _MOST_NOTES:
            self.notes.append(note())


def _missing_operator(text: str, before: Token, token: Token) -> str:
    if before.kind == token.kind == "number":
        if quotient := re.match(r"[0-9]+/[0-9]+", text[token.span.start :]):
            return f"write {before.text} + {quotient[0]} for a mixed number, {before.text}*{quotient[0]} for a product"
        return "write * to multiply"
    if token.kind == "number":
        return f"write *{token.text} to multiply, **{token.text} for a power"
    return "write * to multiply"
