"""What stands around an expression where it was copied from: `y = `, `lambda x: `, comments, a full stop.

Comes in: a text as it was typed.  Goes out: the expression in it, with blanks in place of the rest: places in it are those
in the text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gradcalc.errors import CalcError, Span
from gradcalc.expression.characters import GREEK, SUBSCRIPTS, plain

# With bounded repeats: a text may be long and hostile.
_NAME = rf"[A-Za-z_{GREEK}π][A-Za-z0-9_{GREEK}]{{0,60}}[{SUBSCRIPTS}]{{0,9}}"
_DEFINITION = re.compile(rf"\s{{0,9}}({_NAME})\s{{0,9}}(\([^()=<>!]{{0,200}}\))?\s{{0,9}}:?=(?![=>])")
_CODE = re.compile(
    r"\s{0,9}(?:lambda\s[\w\s,]{0,60}:|def\s\w{1,60}\([^()]{0,200}\)\s?(?:->\s?\w{1,60}\s?)?:\s{0,9}return\b|return\b"
    r"|(?:\w{1,60}|\([\w ,]{1,60}\))\s?(?:↦|[-=]>(?!\s{0,9}[-+]?[0-9.]+(?:\s{0,9}\Z|\s{1,9}[A-Za-z]))))"
)
_COMMENT = re.compile(r"#[^\n]*")
_END = re.compile(r"(?:[\s;,]|(?<![0-9])\.(?=[\s;]*\Z))+\Z")


class Unwrapped(NamedTuple):
    """An expression in a text as long as the one it was found in, and what it was called there."""

    text: str
    name: str | None = None
    is_spreadsheet: bool = False


def unwrap(typed: str) -> Unwrapped:
    """The expression of a text.  Raises `CalcError` for comments alone, and for HTML."""
    text = plain(typed)
    if "#" in text:
        text = _COMMENT.sub(_blanks, text)
        if not text.strip():
            raise CalcError("the expression is empty: all of it is a comment", span=Span(0, 1), hint="leave out the #")
    if "<s" in text and (tag := re.search(r"<su[pb]> ?(\w{1,60}) ?</su[pb]>", text)):
        base = re.search(r"\w*$", text[max(0, tag.start() - 60) : tag.start()])
        assert base is not None
        raise CalcError("HTML is not supported", span=Span(*tag.span()), hint=f"write {base[0]}**{tag[1]}")
    if end := _END.search(text[-80:]):
        text = text[: len(text) - 80 + end.start()] + _blanks(end) if len(text) > 80 else text[: end.start()] + _blanks(end)
    if text.lstrip()[:1] == "=" and text.lstrip()[:2] != "==":
        if "," not in text:  # where the decimal point is a comma, arguments are separated by semicolons
            text = text.replace(";", ",")
        return Unwrapped(text.replace("=", " ", 1), is_spreadsheet=True)
    name = None
    if "=" in text and (found := _DEFINITION.match(text)):
        name = found[1] if found[2] is None else found[0].rstrip("=: ").strip()
        text = _blanks(found) + text[found.end() :]
    if code := _CODE.match(text):
        text = _blanks(code) + text[code.end() :]
    return Unwrapped(text, name)


def _blanks(match: re.Match[str]) -> str:
    return " " * len(match[0])
