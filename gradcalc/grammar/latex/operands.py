r"""Operands of LaTeX besides numbers and names: brackets, `\frac`, `\sqrt`, cases and matrices."""

from __future__ import annotations

import re
from collections.abc import Collection

from gradcalc.grammar.latex import words
from gradcalc.grammar.latex.cursor import Cursor
from gradcalc.grammar.latex.tokens import Piece, Token, list_of, text_of, without_comma, wrapped

_WORDS = re.compile(r"\\[a-z*]+\s*\{([^{}]{0,40})\}")


class Operands(Cursor):
    """Reads operands; what they are made of is read by the reader, which inherits from this."""

    def until(self, ends: Collection[str], *, is_condition: bool = False) -> list[Piece]:
        raise NotImplementedError

    def script(self) -> list[Piece]:
        raise NotImplementedError

    def inner_group(self) -> list[Piece]:
        opened = self.take()
        inner = self.until(("}",))
        self.expect("}", opened)
        if not inner:
            raise self.error("an empty group", opened, "write what belongs there")
        return inner

    def scripted_once(self) -> list[Piece]:
        token = self.now
        if token.text in words.FUNCTIONS:
            raise self.error("a script has braces", token, f"write {{{token.text} x}}")
        if (name := self.name(with_index=False)) is not None:
            return [Piece(f" {name}", token.place)]
        self.deeper()
        pieces = self.operand()
        self.depth -= 1
        return pieces

    def operand(self) -> list[Piece]:
        token = self.take()
        if token.text == "{":
            self.at -= 1
            return wrapped(self.inner_group(), token.place)
        if token.text in words.BRACKETS:
            return self.bracketed(token)
        if token.text in (r"\frac", r"\dfrac", r"\tfrac", r"\cfrac"):
            return self.fraction(token)
        if token.text == r"\sqrt":
            return self.root(token)
        if token.text == r"\begin":
            return self.environment(token)
        if token.text in words.REFUSED:
            raise self.error(f"{token.text} is not supported", token, words.REFUSED[token.text])
        if token.kind == "command":
            raise self.error(f"unknown command {token.text}", token, "write the formula without it")
        raise self.error(f"unexpected {token.text}" if token.text else "unexpected end of the LaTeX", token)

    def bracketed(self, opened: Token) -> list[Piece]:
        closing, left, right = words.BRACKETS[opened.text]
        inner = self.until((closing,))
        closed = self.expect(closing, opened)
        pieces = [Piece(left if left == "(" else f" {left}", opened.place), *inner, Piece(right, closed.place)]
        if left == "norm(" and self.now.text == "_":
            self.take()
            pieces[-1:] = [Piece(", ", closed.place), *self.script(), Piece(")", closed.place)]
        return pieces

    def argument(self, command: Token) -> list[Piece]:
        """The next argument of a command: a group, one digit, or one letter or command."""
        token = self.now
        if token.text == "{":
            return self.inner_group()
        if token.kind == "number":
            self.tokens[self.at] = Token("number", token.text[1:], token.place + 1)
            if len(token.text) == 1:
                self.take()
            return [Piece(token.text[0], token.place)]
        if token.kind in ("sign", "end"):
            raise self.error(f"{command.text} has no argument", command, f"write {command.text}{{x}}")
        return self.scripted_once()

    def fraction(self, command: Token) -> list[Piece]:
        before = self.tokens[self.at - 2] if self.at > 1 else None
        above, below = self.argument(command), self.argument(command)
        numerator, denominator = text_of(above), text_of(below)
        if before is not None and before.kind == "number" and numerator.isdigit() and denominator.isdigit():
            hint = f"write {before.text} + {command.text}{{{numerator}}}{{{denominator}}}, or {before.text} \\cdot ..."
            raise self.error("a mixed number can be read in two ways", before, hint)
        slash = Piece("/", command.place)
        return wrapped([*wrapped(above, command.place), slash, *wrapped(below, command.place)], command.place)

    def root(self, command: Token) -> list[Piece]:
        degree: list[Piece] = []
        if self.now.text == "[":
            opened = self.take()
            degree = self.until(("]",))
            self.expect("]", opened)
        inner = self.argument(command)
        end = Piece(")", inner[-1].place)
        if text_of(degree) in ("", "2", "3"):
            return [Piece(" cbrt(" if text_of(degree) == "3" else " sqrt(", command.place), *inner, end]
        return [Piece(" root(", command.place), *inner, Piece(", ", command.place), *degree, end]

    # -- cases and matrices

    def environment(self, command: Token) -> list[Piece]:
        kind = self.environment_name(command)
        if kind not in ("cases", *words.MATRICES):
            raise self.error(f"unsupported environment {kind}", command, "write one formula")
        rows = self.rows(is_cases=kind == "cases")
        ended = self.expect(r"\end", command)
        if self.environment_name(ended) != kind:
            raise self.error(f"{kind} is never ended", command, rf"write \end{{{kind}}}")
        return self.cases(rows, command) if kind == "cases" else self.matrix(rows, command)

    def environment_name(self, command: Token) -> str:
        opened = self.expect("{", command)
        start = self.at
        while self.now.kind == "letter" or self.now.text == "*":
            self.take()
        name = "".join(token.text for token in self.tokens[start : self.at])
        self.expect("}", opened)
        return name

    def rows(self, *, is_cases: bool) -> list[list[list[Piece]]]:
        rows: list[list[list[Piece]]] = [[]]
        while self.now.kind != "end" and self.now.text != r"\end":
            is_condition = is_cases and bool(rows[-1])
            rows[-1].append(self.condition() if is_condition else self.until(("&", r"\\", r"\end")))
            if self.now.text == r"\\":
                self.take()
                rows.append([])
            elif self.now.text == "&":
                self.take()
            elif self.now.text != r"\end":
                raise self.error(f"unexpected {self.now.text}" if self.now.text else "unexpected end of the LaTeX", self.now)
        return rows

    def condition(self) -> list[Piece]:
        r"""The condition of a case, without `\text{for}`; empty for the last case, `\text{otherwise}`."""
        place = self.now.place
        words_before = ""
        if self.now.text in words.FONTS:
            inside = _WORDS.match(self.text, place)
            words_before = inside[1].strip(" ,") if inside else ""
            if words_before in ("for", "if", "when", "otherwise", "else", "if and only if", "for all"):
                while self.take().text != "}" and self.now.kind != "end":
                    pass
        if words_before in ("otherwise", "else"):
            return []
        return self.until(("&", r"\\", r"\end"), is_condition=True)

    def cases(self, rows: list[list[list[Piece]]], command: Token) -> list[Piece]:
        rows = [row for row in rows if row]
        if not rows or any(len(row) != 2 for row in rows):
            raise self.error("a case needs a value and a condition", command, r"write a & x > 0 \\ b & \text{otherwise}")
        if rows[-1][1] and not _is_opposite([text_of(condition) for _, condition in rows]):
            hint = r"let the last case be \text{otherwise}"
            raise self.error("the cases have no value where no condition holds", command, hint)
        last = rows.pop()[0]
        pieces = [*without_comma(last)]
        for value, condition in reversed(rows):
            comma = Piece(", ", command.place)
            head = Piece(" where(", command.place)
            pieces = [
                head,
                *without_comma(condition),
                comma,
                *without_comma(value),
                comma,
                *pieces,
                Piece(")", command.place),
            ]
        return pieces

    def matrix(self, rows: list[list[list[Piece]]], command: Token) -> list[Piece]:
        is_vector = len(rows) == 1
        lists = [list_of(row, command.place) for row in rows if row]
        if not lists:
            raise self.error("an array must have at least one entry", command)
        return lists[0] if is_vector else list_of(lists, command.place)


_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


def _is_opposite(conditions: list[str]) -> bool:
    """Whether the last of two conditions holds where the first does not: `x > 0` and `x <= 0`."""
    sides = [re.fullmatch(r"([^<>=!]+)(<=|>=|==|!=|<|>)([^<>=!]+)", condition.rstrip(", ")) for condition in conditions]
    if len(sides) != 2 or sides[0] is None or sides[1] is None:
        return False
    (left, sign, right), (other_left, other_sign, other_right) = (side.groups() for side in sides if side is not None)
    return (left.strip(), right.strip()) == (other_left.strip(), other_right.strip()) and _OPPOSITE[sign] == other_sign
