"""Text to tokens, and the parser's place among them.

A newline multiplies nothing: inside of brackets and after an operator it is space, elsewhere an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gradcalc.errors import CalcError, Span
from gradcalc.expression import characters
from gradcalc.expression.tree import COMPARISONS
from gradcalc.grammar.foreign import stray

BINARY = ("+", "-", "*", "/", "@", "%", "//", "**", "^", "and", "or", "not", "=", "?", *COMPARISONS)
RAISED = "superscript"
"""The text of the operator `^` that a superscript stands for."""
OPENING = {"(": ")", "[": "]", "{": "}", **{left: right for left, (right, _) in characters.BRACKETS.items()}}
_CLOSING = frozenset(OPENING.values())


class Token(NamedTuple):
    """A word of the language with its place; `kind` is "number", "name", "word", "end", or the operator itself."""

    kind: str
    text: str
    span: Span


# No `\w`: digits and letters of other alphabets must be errors, never names or numbers.
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<fraction>[½¼¾])"
    r"|(?P<number>(?:(?:[0-9]{1,3}(?:_[0-9]{3})+|[0-9]+)\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    rf"|(?P<name>π|[A-Za-z_{characters.GREEK}][A-Za-z0-9_{characters.GREEK}]*[{characters.SUBSCRIPTS}]*)"
    r"|(?P<word>\"[a-z_]{1,20}\"|'[a-z_]{1,20}')"
    rf"|(?P<raised>[{characters.SUPERSCRIPTS}]+)"
    r"|(?P<operator>\*\*|//|<=|>=|==|!=|[-+*/^@%(),<>=.:?!|\[\]{}≤≥⩽⩾≠∧∨¬√∛⌊⌋⌈⌉])"
)
_LOGARITHM = re.compile("log([₀-₉]{1,9})")
_SUBSCRIPT_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
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
            kind = characters.OPERATORS.get(word, word)
        if broken and before and before not in _OPENED_LATER:
            raise CalcError(
                "an expression must not continue on a second line",
                span=span,
                hint="a newline does not multiply: write one expression, in one line or in parentheses; "
                "gradcalc batch takes many, one per line",
            )
        depth += (word in OPENING) - (word in _CLOSING)
        broken, before = False, str(kind)
        if kind == "raised":
            yield from _exponent(word, span)
        elif kind == "fraction":
            yield Token("number", characters.FRACTIONS[word], span)
        elif kind == "name" and (base := _LOGARITHM.fullmatch(word)):
            yield Token("name", _base(base[1]), span)
        else:
            yield Token(before, word.replace("_", "") if kind == "number" else word, span)
    yield Token("end", "", Span(len(text), len(text) + 1))


def _base(subscript: str) -> str:
    """The logarithm of `log₂`, `log₁₀` and others."""
    digits = subscript.translate(_SUBSCRIPT_DIGITS)
    return f"log{digits}" if digits in ("2", "10") else f"log_{digits}"


def _exponent(raised: str, span: Span) -> Iterator[Token]:
    """The tokens of a superscript: those of a power with its exponent, in parentheses if that is more than digits."""
    yield Token("^", RAISED, span)
    inner = characters.lowered(raised)
    if re.search("[a-z][0-9]", inner):
        raise CalcError(f"the superscript {raised} can be read in two ways", span=span, hint="write ** and parentheses")
    if inner.isdigit():
        yield Token("number", inner, span)
        return
    yield Token("(", "(", span)
    for token in tokens(inner):
        if token.kind != "end":
            yield token._replace(span=Span(span.start + token.span.start, span.start + token.span.end))
    yield Token(")", ")", span)
