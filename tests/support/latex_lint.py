"""What TeX would refuse: comes in LaTeX, goes out what is wrong with it.  No TeX is needed, and not all of it is known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
_CLOSES = {"{": "}", r"\left": r"\right", "$": "$", r"\begin": r"\end", r"\(": r"\)", r"\[": r"\]"}


@dataclass(slots=True)
class _Group:
    """An open group: what it stands in, and what the last atom in it has."""

    opened: str
    is_text: bool
    has_atom: bool = False
    indices: str = ""

    def take(self, token: str) -> None:
        """An atom, or a piece of text."""
        self.has_atom, self.indices = True, ""


def faults_of(text: str, *, is_text: bool = False) -> list[str]:
    """Braces, `\\left`, environments and dollar signs that do not pair; indices without, or beside, another; bare `_` in text."""
    open_groups = [_Group("", is_text)]
    tokens = iter(re.findall(_TOKEN, text))
    faults = []
    after = ""  # the sign of an index or a power, before what it takes
    for token in tokens:
        group = open_groups[-1]
        if token.isspace():
            continue
        if token in ("$", r"\(", r"\[") and (token != "$" or group.opened != "$"):
            if not group.is_text:
                faults.append(f"{token} in mathematics")
            open_groups.append(_Group(token, False))
        elif token in ("{", r"\left", r"\begin"):
            if not after and token != r"\begin":
                group.take(token)
            after = ""
            if token == r"\left":
                next(tokens)
            open_groups.append(_Group(token, group.is_text))
            if token == r"\begin":
                name = _name(tokens)
                open_groups[-1] = _Group(f"begin {name}", group.is_text and name != "align*")
        elif token == r"\end":
            if group.opened != f"begin {_name(tokens)}":
                faults.append(r"\end without \begin")
            open_groups.pop()
            open_groups[-1].take(token)
        elif token in ("}", r"\right", "$", r"\)", r"\]"):
            if _CLOSES.get(group.opened) != token:
                return [*faults, f"{token} without its beginning"]
            if token == r"\right":
                next(tokens)
            open_groups.pop()
        elif group.is_text:
            is_cell = token == "&" and any(it.opened == "begin tabular" for it in open_groups)
            if token in ("_", "^", "&", "%", "#", "~") and not is_cell:
                faults.append(f"{token} in text")
        elif token in ("_", "^"):
            if not group.has_atom or token in group.indices:
                faults.append(f"{token} without an atom, or twice")
            group.indices += token
            after = token
        elif token == "'":
            if not group.has_atom or "^" in group.indices:
                faults.append("a prime without an atom, or after a power")
        elif token == r"\text":
            group.take(token)
            if next(tokens) != "{":
                faults.append(r"\text without braces")
            open_groups.append(_Group("{", True))
        elif after:
            after = ""
        elif token in ("&", r"\\"):
            group.has_atom, group.indices = False, ""
        else:
            group.take(token)
    return faults + [f"{group.opened} without its end" for group in open_groups[1:]]


def _name(tokens: Iterator[str]) -> str:
    """The name in braces behind `\\begin` or `\\end`."""
    found = ""
    for token in tokens:
        found += token
        if token == "}":
            break
    return found[1:-1]
