"""The place of the reader among the words of a formula, and the names that stand there."""

from __future__ import annotations

import re
from collections.abc import Collection

from gradcalc.errors import CalcError, Span
from gradcalc.expression.tree import MAX_NESTING
from gradcalc.grammar.latex import words
from gradcalc.grammar.latex.tokens import Token, tokens


class Cursor:
    """Takes words and reads names; `variables` are names that have values."""

    def __init__(self, text: str, variables: Collection[str]):
        self.text = text
        self.variables = frozenset(variables)
        self.tokens = tokens(text)
        self.at = 0
        self.depth = 0

    # -- the place among the tokens

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += token.kind != "end"
        return token

    def ahead(self) -> Token:
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)]

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self.error("the LaTeX is nested too deeply", self.now)

    def error(self, message: str, token: Token, hint: str | None = None) -> CalcError:
        return CalcError(message, span=Span(token.place, token.place + max(len(token.text), 1)), hint=hint)

    def expect(self, text: str, opened: Token) -> Token:
        if self.now.text != text:
            raise self.error(f"{opened.text} is never closed", opened, f"write {text} where it ends")
        return self.take()

    # -- names

    def name(self, *, with_index: bool = True) -> str | None:
        """The name that begins here, with its index; None if none does."""
        token = self.now
        if token.kind == "letter":
            self.take()
            base = token.text
            if base == "d" and "d" not in self.variables and self.now.kind == "letter" and with_index:
                base += self.take().text  # dx: the grammar says that it is a differential
        elif token.text in words.GREEK:
            self.take()
            base = words.GREEK[token.text]
            if token.text.startswith(r"\var") and f"\\{base}" in self.text:  # \phi and \varphi are two letters
                base = f"var{base}"
            if token.text == r"\Gamma" and r"\gamma" in self.text:
                base = "Gamma"
            base = self.first_with_value(base, words.LETTERS.get(token.text, base))
        elif token.text in words.ACCENTS or token.text in words.FONTS:
            base = self.dressed()
            if base == "d" and "d" not in self.variables and self.now.kind == "letter":
                base += self.take().text
        else:
            return None
        if not with_index or self.now.text != "_":
            return base
        self.take()
        index = self.index()
        return self.first_with_value(f"{base}_{index}", f"{base}{index}")

    def first_with_value(self, *names: str) -> str:
        """The first name that has a value, or the first of all."""
        return next((name for name in names if name in self.variables), names[0])

    def dressed(self) -> str:
        r"""The name in `\mathbf{x}` or `\text{loss}`, and that of `\hat{y}`."""
        command = self.take()
        if self.now.text == "{":
            opened = self.take()
            start = self.at
            while (
                self.now.kind in ("letter", "number") or self.now.text in (r"\_", "-", "_") or self.now.text in words.GREEK
            ):
                self.take()
            parts = self.tokens[start : self.at]
            self.expect("}", opened)
        else:
            parts = [self.take()]
        word = "".join(words.GREEK.get(part.text, part.text.replace("\\_", "_").replace("-", "_")) for part in parts)
        if not re.fullmatch(r"[^\W\d]\w*", word):
            raise self.error(f"{command.text} has no name in it", command, "write a letter or a word in it")
        accent = words.ACCENTS.get(command.text)
        return self.first_with_value(f"{word}_{accent}", f"{word}{accent}") if accent else word

    def index(self) -> str:
        """The text of a subscript, which is part of a name."""
        opened = self.take()
        if opened.text != "{":
            if opened.kind == "number" and len(opened.text) > 1:
                raise self.error("a script of several digits has braces", opened, f"write {{{opened.text}}}")
            parts = [opened]
        else:
            start, depth = self.at, 1
            while depth and self.now.kind != "end":
                depth += (self.now.text == "{") - (self.now.text == "}")
                self.take()
            parts = self.tokens[start : self.at - 1]
        marks = [part for part in parts if part.text not in words.FONTS and part.text not in ("{", "}")]
        word = "".join(words.GREEK.get(part.text, part.text.replace("\\", "").replace(",", "_")) for part in marks)
        if not re.fullmatch("[A-Za-z0-9_]+", word):
            raise self.error("an index is letters and digits", opened, "write one name for the index, such as x_{n1}")
        return word
