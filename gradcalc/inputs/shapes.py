"""Shapes without values: what `--shape A=m,n` and `--assume symmetric=S` say, and whether shapes fit an expression."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Shape
from gradcalc.expression.sizes import Size, letters_in, number_of, read_size, smaller
from gradcalc.expression.tree import Node, Number, names_in, substitute_names
from gradcalc.functions.shapes import shape_of

MOST_DIMENSIONS = 2
"""Of an array in a formula of vectors and matrices."""
ASSUMPTIONS = ("symmetric", "positive", "stochastic", "invertible")
"""What may be assumed of a variable."""
_MOST_DIMENSIONS = 4
"""Of an array."""
_FIRST, _APART = 999, 20
"""Letters stand for numbers from the first one on downwards: one that is a little smaller is the letter less the difference.
"""


def read_shapes(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The sizes of variables: `["A=m,n", "x=n", "c="]`.  Raises `CalcError` for a text that is no shape."""
    shapes: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, equals, sizes = text.partition("=")
        by = "x" if re.fullmatch(r"[0-9]+( *x *[0-9]+)+", sizes.strip()) else ","  # 4x8
        words = [word.strip() for word in sizes.strip("() ").split(by)]
        words = [word for word in words if word and word != "scalar"]
        if not equals or not name.strip().isidentifier():
            raise CalcError(f"'{text}' is not a shape", hint="write --shape A=m,n or --shape x=n, with letters or numbers")
        read = [read_size(word) for word in words]
        if None in read:
            wrong = words[read.index(None)]
            raise CalcError(f"'{wrong}' is not a size", hint="a size is a letter or a whole number: --shape A=m,n")
        if len(words) > _MOST_DIMENSIONS:
            raise CalcError(f"{name.strip()} has {len(words)} dimensions, and an array has at most {_MOST_DIMENSIONS}")
        shapes[name.strip()] = tuple(size for size in read if size is not None)
    letters = set(letters_in(shapes.values()))
    for name in letters & shapes.keys():
        raise CalcError(f"{name} is a size and a variable", hint=f"use another letter for the size {name}")
    return shapes


def read_assumptions(texts: Sequence[str], kinds: Collection[str]) -> dict[str, frozenset[str]]:
    """What is assumed of names: `["symmetric=S,T", "positive=s"]`.  Raises `CalcError` for a text of another kind."""
    assumptions: dict[str, frozenset[str]] = {}
    for text in texts:
        kind = ""
        for word in filter(None, map(str.strip, text.split(","))):
            left, equals, right = word.rpartition("=")
            kind = left.strip() if equals else kind
            if kind not in kinds:
                raise CalcError(
                    f"'{text}' is not an assumption", hint=f"write --assume {next(iter(kinds))}=A; kinds: {', '.join(kinds)}"
                )
            assumptions[kind] = assumptions.get(kind, frozenset()) | {right.strip()}
    return assumptions


def check_shapes(tree: Node, shapes: Mapping[str, Sequence[str]]) -> None:
    """Raise `CalcError`, with the letters in its message, where shapes do not fit an expression or each other."""
    for name in shapes.keys() - set(names_in(tree)):
        raise CalcError(f"{name} has a shape, and is not in the expression")
    sizes_of(tree, shapes)


def sizes_of(tree: Node, shapes: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The sizes of an expression's value, as letters or numbers.  Raises `CalcError` for shapes that do not fit."""
    tree, known, numbers = with_numbers(tree, shapes)
    try:
        shape = shape_of(tree, known)
    except CalcError as error:
        message = re.sub(r"[0-9]+", lambda digits: named_size(int(digits[0]), numbers), error.message)
        raise CalcError(message, span=error.span, hint=error.hint) from None
    return tuple(named_size(size, numbers) for size in shape)


def with_numbers(tree: Node, shapes: Mapping[str, Sequence[Size]]) -> tuple[Node, dict[str, Shape], dict[str, int]]:
    """An expression and shapes with numbers for the letters, and which number is which letter."""
    typed = {int(size) for sizes in shapes.values() for size in sizes if size.isdecimal()}
    free = (number for number in range(_FIRST, 0, -_APART) if typed.isdisjoint(range(number - _APART, number + 1)))
    numbers = dict(zip(letters_in(shapes.values()), free, strict=False))
    known = {name: tuple(number_of(size, numbers) for size in sizes) for name, sizes in shapes.items()}
    trees = {letter: Number(str(number)) for letter, number in numbers.items()}
    return substitute_names(tree, trees.get), known, numbers


def named_size(number: int, numbers: Mapping[str, int]) -> Size:
    """A number with the letter that it is, or is a little less than."""
    for letter, size in numbers.items():
        if 0 <= size - number < _APART:
            return smaller(letter, size - number)
    return str(number)
