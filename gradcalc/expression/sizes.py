"""Sizes of dimensions as text: a letter, a number, or a letter less a number, `n - 1`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from gradcalc.expression.tree import Call, Name, Node, Number

Size = str
_SIZE = re.compile(r"([A-Za-z]\w*)(?: *- *([1-9][0-9]{0,5}))?|[1-9][0-9]{0,5}")


def read_size(text: str) -> Size | None:
    """A size as it is written here; None for a text that is none."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    letter, less = match.groups()
    return smaller(letter, int(less)) if less else match[0]


def letter_of(size: Size) -> str | None:
    """The letter in a size; None for a number."""
    return None if size.isdecimal() else size.partition(" ")[0]


def letters_in(shapes: Iterable[Sequence[Size]]) -> tuple[str, ...]:
    """The letters in some shapes, in order of appearance."""
    letters = (letter_of(size) for sizes in shapes for size in sizes)
    return tuple(dict.fromkeys(letter for letter in letters if letter is not None))


def smaller(size: Size, by: int) -> Size:
    """A size less a number."""
    if size.isdecimal():
        return str(int(size) - by)
    letter, _, less = size.partition(" - ")
    total = int(less or 0) + by
    return f"{letter} - {total}" if total else letter


def number_of(size: Size, numbers: Mapping[str, int]) -> int:
    """A size as a number, where letters stand for numbers."""
    if size.isdecimal():
        return int(size)
    letter, _, less = size.partition(" - ")
    return numbers[letter] - int(less or 0)


def size_tree(size: Size) -> Node:
    """A size as an expression."""
    letter, _, less = size.partition(" - ")
    leaf: Node = Number(size) if size.isdecimal() else Name(letter)
    return Call("-", (leaf, Number(less))) if less else leaf


def size_of_tree(tree: Node) -> Size | None:
    """The size that an expression is; None for one that is none."""
    if isinstance(tree, Name):
        return tree.name
    if isinstance(tree, Number):
        return str(tree.value) if tree.value.denominator == 1 and tree.value > 0 else None
    inner = size_of_tree(tree.args[0]) if tree.name == "-" else None
    less = tree.args[1] if inner else None
    if inner is None or not isinstance(less, Number) or less.value.denominator != 1:
        return None
    return smaller(inner, int(less.value))
