"""Text to tokens, and the parser's place among them.

A newline multiplies nothing: inside of brackets and after an operator it is space, elsewhere an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gradcalc.errors import CalcError, Span
from gradcalc.expression.tree import COMPARISONS
from gradcalc.grammar.foreign import stray

BINARY = ("+", "-", "*", "/", "@", "**", "^", "and", "or", "not", "=", *COMPARISONS)


class Token(NamedTuple):
    """A word of the language with its place; `kind` is "number", "name", "word", "end", or the operator itself."""

    kind: str
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
_OPENED_LATER = (*BINARY, ",")
"""What a line may end with: something must follow."""


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a text, each read when it is asked for.  Raises `CalcError` for what is none."""
    position = depth = 0
    broken = False
    before = ""
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise stray(text, position)
        kind = match.lastgroup
        word = match.group()
        span = Span(position, position := match.end())
        if kind == "space":
            broken = broken or (depth <= 0 and ("\n" in word or "\r" in word))
            continue
        if kind == "operator" or word in ("and", "or", "not"):
            kind = word
        if broken and before and before not in _OPENED_LATER:
            raise CalcError(
                "a second line begins where the expression could end",
                span=span,
                hint="a newline does not multiply: write one expression, in one line or in parentheses; "
                "gradcalc batch takes many, one per line",
            )
        depth += (word in ("(", "[")) - (word in (")", "]"))
        broken, before = False, str(kind)
        yield Token(before, word, span)
    yield Token("end", "", Span(len(text), len(text) + 1))
