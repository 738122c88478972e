"""Markdown with formulas between dollar signs.

Comes in: a document.  Goes out: text.
"""

from __future__ import annotations

import re

from gradcalc.errors import one_line
from gradcalc.output.document import (
    Block,
    Derivation,
    Display,
    Document,
    Drawing,
    Formula,
    Heading,
    Paragraph,
    Styled,
    Table,
    Words,
)
from gradcalc.output.options import RenderOptions
from gradcalc.output.tex import formula_latex

_SPECIAL = re.compile(r"[\\`*_<>\[\]$|#~&]")
_LIST = re.compile(r"^(\s*)([-+]|\d+[.)])(?=\s)")


def markdown(document: Document, options: RenderOptions) -> str:
    """The text of a document."""
    blocks = [f"# {_escape(document.title)}"] if document.title else []
    return options.text("\n\n".join([*blocks, *map(_block, document.blocks)]) + "\n")


def _block(block: Block) -> str:
    match block:
        case Heading(words):
            return f"## {_words(words)}"
        case Paragraph(words):
            return _LIST.sub(r"\1\\\2", _words(words))
        case Display(formula):
            return f"${formula_latex(formula)}$"
        case Derivation(lines):
            return "\n".join(
                f"{'  ' * line.depth}- ${formula_latex(line.formula)}$" + (f", {_words(line.words)}" if line.words else "")
                for line in lines
            )
        case Table():
            return _table(block)
        case Drawing(_, caption):
            return _escape(caption)


def _table(table: Table) -> str:
    rule = " | ".join("---:" if title.startswith("#") else "---" for title in table.head)
    head = " | ".join(_escape(title.removeprefix("#")) or " " for title in table.head)
    rows = (" | ".join(_words(cell) for cell in row) for row in table.rows)
    return "\n".join(f"| {line} |" for line in (head, rule, *rows))


def _words(words: Words) -> str:
    return "".join(map(_word, words))


def _word(word: str | Styled | Formula) -> str:
    match word:
        case Formula():
            return f"${formula_latex(word)}$"
        case Styled(text, "code") if not {"`", "|"} & set(text):  # within a table a bar ends the cell, even in code
            return f"`{one_line(text)}`"
        case Styled(text, style):
            return f"**{_escape(text)}**" if text and style in ("good", "bad", "warning", "strong") else _escape(text)
    return _escape(word)


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", one_line(text))
