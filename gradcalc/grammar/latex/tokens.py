"""LaTeX to words, and the pieces of plain text that are made of them."""

from __future__ import annotations

import re
from typing import NamedTuple

from gradcalc.errors import Span

_TOKEN = re.compile(
    r"(?P<space>\s+|~|\\[,;:!> ]|\\(?:quad|qquad|displaystyle|textstyle|limits|nolimits|mathstrut|,)(?![A-Za-z]))"
    r"|(?P<command>\\(?:[A-Za-z]+\*?|[\\{}|%&_#$\[\]()]))"
    r"|(?P<number>[0-9]+(?:\{,\}[0-9]{3})*(?:\.[0-9]*)?|\.[0-9]+)"
    r"|(?P<letter>[A-Za-zͰ-Ͽ])"
    r"|(?P<sign>.)",
    re.DOTALL,
)
_FENCES = [("$$", "$$"), ("$", "$"), (r"\[", r"\]"), (r"\(", r"\)")]


class Token(NamedTuple):
    """A word of LaTeX with its place."""

    kind: str
    text: str
    place: int


class Piece(NamedTuple):
    """A part of the plain text, and the place in the LaTeX it stands for."""

    text: str
    place: int


class PlainText(NamedTuple):
    """A plain text, and for each character, and its end, the place it has in the LaTeX."""

    text: str
    places: list[int]

    def span(self, span: Span) -> Span:
        """The place in the LaTeX of a place in the plain text."""
        last = len(self.places) - 1
        start = self.places[min(span.start, last)]
        return Span(start, max(start + 1, self.places[min(span.end, last)]))


def tokens(text: str) -> list[Token]:
    r"""The words of a formula without its fences, without blanks, `\left` and `\right` with their brackets."""
    start, end = _inside(text)
    words: list[Token] = []
    for match in _TOKEN.finditer(text, start, end):
        kind = str(match.lastgroup)
        if kind == "space" or re.match(r"\\(?:big|Big|bigg|Bigg)[lrm]?$", match[0]):
            continue
        if words and words[-1].text in (r"\left", r"\right"):
            words[-1] = Token("command", words[-1].text + match[0], words[-1].place)
        else:
            words.append(Token(kind, match[0], match.start()))
    while words and words[-1].text in (".", ",", ";"):
        words.pop()
    return [*words, Token("end", "", end)]


def _inside(text: str) -> tuple[int, int]:
    """Where a formula begins and ends between its dollars or brackets."""
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    while end > start and text[end - 1] in ".,;" and text[:end].count("$") and text[end - 2 : end - 1] in ("$", "]", ")"):
        end -= 1
    for left, right in _FENCES:
        if text.startswith(left, start) and text.endswith(right, start + len(left), end):
            return start + len(left), end - len(right)
    return start, end


def list_of(parts: list[list[Piece]], place: int) -> list[Piece]:
    pieces = [Piece("[", place)]
    for number, part in enumerate(parts):
        pieces += [*([Piece(", ", place)] if number else []), *part]
    return [*pieces, Piece("]", place)]


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces).strip()


def without_comma(pieces: list[Piece]) -> list[Piece]:
    return pieces[:-1] if pieces and pieces[-1].text == "," else pieces


def wrapped(pieces: list[Piece], place: int) -> list[Piece]:
    """Pieces in parentheses, unless they are one operand."""
    if is_parenthesized(pieces) or re.fullmatch(r"[^\W\d]\w*|-?\d+(?:\.\d+)?|:", text_of(pieces)):
        return pieces
    return [Piece("(", place), *pieces, Piece(")", pieces[-1].place)]


def is_parenthesized(pieces: list[Piece]) -> bool:
    """Whether the first parenthesis is closed at the end only."""
    depth = 0
    for number, piece in enumerate(pieces):
        if not number and piece.text != "(":
            return False
        depth += piece.text.count("(") - piece.text.count(")")
        if not depth and number < len(pieces) - 1:
            return False
    return bool(pieces)
