r"""LaTeX, put into the plain language: `\frac{x^2}{2}` is `((x^(2))/(2))`, which the grammar reads.

Comes in: formulas as papers, notebooks and sympy have them, with `$` or without.  Goes out: the plain text, and for each of
its characters the place in the LaTeX it stands for.  What a reader of the paper has to know from its context (what `f(x)`
is, whether `\sigma(x)` is a product) is refused or left to the grammar, which refuses it with both readings.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from gradcalc.errors import CalcError
from gradcalc.expression.characters import plain
from gradcalc.grammar.latex import words
from gradcalc.grammar.latex.operands import Operands
from gradcalc.grammar.latex.tokens import Piece, PlainText, Token, is_parenthesized, text_of


def to_plain(text: str, variables: Collection[str] = ()) -> PlainText:
    """The plain text of a formula in LaTeX; `variables` are names that have values.

    Raises `CalcError` for commands that are not known and for what is not an expression: sums, integrals, limits, relations.
    """
    try:
        pieces = _Reader(plain(text), variables).whole()
    except CalcError as error:
        raise error.within(text) from None
    characters = [(character, piece.place) for piece in pieces for character in piece.text]
    return PlainText("".join(character for character, _ in characters), [*(place for _, place in characters), len(text)])


_OPTION = re.compile(r"\\[a-z]+\{(\w{1,60}=[\w.-]{1,60})\}")
_RAISED_CALL = re.compile(r"\^\s*(?:\{[^{}]{0,40}\}|[^{}\\])\s*(?:\\left\s*)?\(")
_FUNCTIONS = "ln|lg|log|exp|sin|cos|tan|cot|sqrt|sinh|cosh|tanh|max|min|arctan|arcsin|arccos"
_SPELLED = re.compile(rf"(?<![A-Za-z\\])(?:{_FUNCTIONS})(?![A-Za-z])")
_POWER_OF_TEN = re.compile(r"\s*\\(?:cdot|times)\s*10\s*\^\s*(?:\{\s*(-?[0-9]{1,9})\s*\}|([0-9])(?![0-9]))")


class _Reader(Operands):
    ends_bold = False
    """Whether the last operand was a bold name."""
    number_end = -1
    """Where the last number ended."""
    is_divisor = False
    """Whether the present operand stands behind a slash."""
    follows_variable = False
    """Whether a variable without scripts was just read."""
    follows_group = False
    """Whether a group without scripts was just read."""

    def whole(self) -> list[Piece]:
        pieces = self.until(())
        if self.now.kind != "end":
            raise self.error(f"unexpected {self.now.text}", self.now)
        return pieces

    def until(self, ends: Collection[str], *, is_condition: bool = False) -> list[Piece]:
        """What stands before one of `ends`, which is left."""
        self.deeper()
        self.follows_group = self.follows_variable = self.ends_bold = False
        pieces: list[Piece] = []
        while self.now.kind != "end" and self.now.text not in ends and self.now.text not in _CLOSING:
            token, is_second, is_factor = self.now, self.follows_group, self.follows_variable
            self.refuse_product(pieces)
            self.follows_group = self.follows_variable = False
            following = self.item(is_condition=is_condition)
            if is_second and self.follows_group:  # `{A} {x}`, as the program writes a product of matrices
                pieces.append(Piece(" @ ", token.place))
            elif is_factor and text_of(following).startswith("("):
                if self.is_divisor:
                    hint = r"write \frac{a}{b} for a quotient"
                    raise self.error("a factor behind a quotient can be read in two ways", token, hint)
                pieces.append(Piece("*", token.place))
            pieces += following
        self.follows_group = self.follows_variable = False
        self.depth -= 1
        return pieces

    def refuse_product(self, pieces: list[Piece]) -> None:
        """Raise `CalcError` for a product of vectors or matrices in print, which may be of several kinds."""
        is_bold = self.now.text in words.BOLD
        is_product = (is_bold and self.ends_bold) or (bool(pieces) and pieces[-1].text == ".T")
        if is_product and (self.now.kind in ("letter", "number") or self.now.text in ("(", r"\left(", "{") or is_bold):
            hint = "write A @ x for a product of matrices or an inner product, x*y for one entry by entry"
            raise self.error("a product of vectors can be read in two ways", self.now, hint)
        if self.now.text not in words.PRODUCTS:
            self.ends_bold = is_bold

    def item(self, *, is_condition: bool) -> list[Piece]:
        """A sign, or an operand with its scripts."""
        token = self.now
        if token.text in (r"\text", r"\mathrm") and (option := _OPTION.match(self.text, token.place)):
            while self.take().text != "}":
                pass
            return [Piece(option[1], token.place)]
        if token.text in words.SIGNS:
            self.take()
            return [Piece(words.SIGNS[token.text], token.place)]
        if token.text == "=":
            self.take()
            return [Piece("==" if is_condition else "=", token.place)]
        if token.kind == "sign" and token.text in "+-*/<>,!|;:.":
            self.take()
            return [Piece(token.text, token.place)]
        if token.kind == "sign" and token.text in "'′":
            raise self.error(
                "a derivative is not supported here", token, "write the function alone: gradcalc finds its derivative"
            )
        return self.scripted()

    def scripted(self) -> list[Piece]:
        """An operand with what stands below and above it."""
        token = self.now
        if token.kind == "number":
            return self.number()
        if token.text in words.FUNCTIONS:
            return self.function(self.take(), words.FUNCTIONS[token.text])
        if token.kind == "letter" and (spelled := _SPELLED.match(self.text, token.place)):
            raise self.error(f"{spelled[0]} is a product of letters here", token, rf"write \{spelled[0]} for the function")
        is_divisor = self.at > 0 and self.tokens[self.at - 1].text == "/"
        if (name := self.name()) is not None:
            if token.text.startswith(r"\operatorname") and name not in self.variables and self.now.text in ("{", "^"):
                return self.function(token, name)
            self.is_divisor = is_divisor
            pieces, after, is_variable = self.named(name, token), self.at, self.follows_variable
            pieces = self.with_script(pieces, name)
            self.follows_variable = is_variable and self.at == after
            return pieces
        operand, after = self.operand(), self.at
        pieces = self.with_script(operand, None)
        self.follows_group = token.text == "{" and self.at == after
        return pieces

    def number(self) -> list[Piece]:
        """Digits; with `\\cdot 10^{-3}` behind them, one number."""
        token = self.take()
        digits = token.text.replace("{,}", "")
        self.number_end = token.place + len(token.text)
        power = _POWER_OF_TEN.match(self.text, token.place + len(token.text))
        if power is not None:
            end = power.end()
            while self.now.kind != "end" and self.now.place < end:
                self.take()
            digits += f"e{power[1] or power[2]}"
        return self.with_script([Piece(f" {digits}", token.place)], None)

    def named(self, name: str, token: Token) -> list[Piece]:
        """A name: a variable, or a function that its parenthesis follows."""
        is_called = self.now.text in ("(", r"\left(")
        is_raised = self.now.text == "^" and _RAISED_CALL.match(self.text, self.now.place) is not None
        has_index = "_" in name and token.text not in words.FONTS
        is_variable = has_index or name in self.variables or name in words.CONSTANTS
        self.follows_variable = is_variable or not is_called
        if (is_called or is_raised) and not is_variable and token.text not in words.CALLED:
            function = words.DOUBTFUL.get(token.text)
            is_alone = re.search(rf"{re.escape(token.text)}(?![A-Za-z])(?!\s*(?:\\left\s*)?\()", self.text) is not None
            if function is None and token.text in words.GREEK and is_alone:
                self.follows_variable = True
            elif function is not None or token.text in words.GREEK:
                meant = f"{function}(...) for the function, " if function else ""
                hint = f"write {meant}{token.text} \\cdot (...) for a product"
                raise self.error(f"{token.text}(...) can be read in two ways", token, hint)
        own = words.CALLED.get(token.text, name) if is_called and not is_variable else name
        return [Piece(f"{self.blank(token)}{own}", token.place)]

    def blank(self, token: Token) -> str:
        """What stands before a name: nothing where it touches a number, whose factor it may be: `1/2x`."""
        return "" if token.place == self.number_end else " "

    def with_script(self, base: list[Piece], name: str | None) -> list[Piece]:
        pieces = base
        while self.now.text in ("_", "^"):
            token = self.take()
            if token.text == "_":
                if name is not None:
                    raise self.error("an index stands before the power", token, f"write {name}_{{1}}^{{2}}")
                pieces = [*pieces, Piece("[", token.place), *self.script(), Piece("]", token.place)]
                continue
            if self.now.text in (r"\top", r"\intercal") or (
                self.now.text == "{" and self.ahead().text in (r"\top", r"\intercal")
            ):
                self.at += 3 if self.now.text == "{" else 1
                pieces = [*pieces, Piece(".T", token.place)]
                continue
            if self.now.text == "T" and "T" not in self.variables:
                raise self.error("^T can be read in two ways", token, r"write ^{\top} for a transpose, ^{(T)} for a power")
            exponent = self.script()
            if name == "e" and "e" not in self.variables and len(pieces) == 1 and base[0].text.strip() == "e":
                pieces = [Piece(" exp(", base[0].place), *exponent, Piece(")", token.place)]
            else:
                pieces = [*pieces, Piece("^(", token.place), *exponent, Piece(")", token.place)]
        return pieces

    def script(self) -> list[Piece]:
        """What stands in a script: a group, or one sign of TeX."""
        token = self.now
        if token.text == "{":
            return self.inner_group()
        if token.kind == "number":
            if len(token.text) > 1:
                hint = f"write {{{token.text}}} for all its digits"
                raise self.error("a script of several digits has braces", token, hint)
            return [Piece(self.take().text, token.place)]
        if token.kind in ("sign", "end"):
            raise self.error("a script has braces", token, "write x^{-1}, e^{-x}")
        return self.scripted_once()

    # -- functions

    def function(self, token: Token, name: str) -> list[Piece]:
        r"""`\sin`, with a power, and with its argument in brackets; bare arguments are the grammar's."""
        name = words.WRITTEN_BY_SYMPY.get(name, name)
        power: list[Piece] = []
        while self.now.text in ("^", "_"):
            script = self.take()
            inner = self.script()
            text = text_of(inner)
            if script.text == "^":
                power = inner
            elif name == "log" and re.fullmatch("[A-Za-z0-9]{1,9}", text):
                name = {"2": "log2", "10": "log10", "e": "log"}.get(text, f"log_{text}")
            else:
                hint = "write the function without a subscript; extrema and limits are not supported"
                raise self.error(f"{token.text}_ is not supported", script, hint)
        text = text_of(power).replace(" ", "")
        if text != "-1" and self.now.text in ("{", "(", r"\left(", r"\{", r"\left\{"):
            applied = [Piece(f" {name}", token.place), *self.arguments(token)]
            if power:
                applied = [Piece("(", token.place), *applied, Piece(")^(", token.place), *power, Piece(")", token.place)]
            return self.with_script(applied, None)
        if name.startswith("log_"):
            hint = rf"write \log_{{{name[4:]}}}(x), with parentheses"
            raise self.error(f"the end of the argument of {token.text} is ambiguous", token, hint)
        exponent = f"^{text}" if text.isdigit() else f"^({text})" if text else ""
        return [Piece(f" {name}{exponent} ", token.place)]

    def arguments(self, function: Token) -> list[Piece]:
        if self.now.text != "{":
            return self.operand()
        place = self.now.place
        inner = self.inner_group()
        if is_parenthesized(inner):
            return inner
        if self.now.text == "^":
            hint = f"write {function.text}(...), with parentheses where the argument ends"
            raise self.error(f"the end of the argument of {function.text} is ambiguous", function, hint)
        return [Piece("(", place), *inner, Piece(")", place)]


_BRACKETS = {closing for closing, _, _ in words.BRACKETS.values()}
_CLOSING = frozenset({"}", "&", r"\\", r"\end"} | _BRACKETS - {r"\|", r"\Vert"})
