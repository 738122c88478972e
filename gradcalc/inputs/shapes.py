"""Shapes without values: what `--shape A=m,n` and `--assume symmetric=S` say, and whether shapes fit an expression."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import count

from gradcalc.errors import CalcError
from gradcalc.expression.tree import Node, Number, names_in, substitute_names
from gradcalc.functions.shapes import shape_of

MOST_DIMENSIONS = 2
"""Of an array in a formula of vectors and matrices."""
ASSUMPTIONS = ("symmetric", "positive", "stochastic", "invertible")
"""What may be assumed of a variable."""
_SIZE = re.compile(r"[A-Za-z]\w*|[1-9][0-9]{0,5}")
_FIRST_SIZE = 9_001
"""Letters stand for numbers from here on, which no typed size is and `ones` still takes."""


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
        wrong = next((word for word in words if not _SIZE.fullmatch(word)), None)
        if wrong is not None:
            raise CalcError(f"'{wrong}' is not a size", hint="a size is a letter or a whole number: --shape A=m,n")
        if len(words) > MOST_DIMENSIONS:
            raise CalcError(f"{name.strip()} has {len(words)} dimensions, and formulas are of vectors and matrices")
        shapes[name.strip()] = tuple(words)
    letters = {size for sizes in shapes.values() for size in sizes if not size.isdecimal()}
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
    every = dict.fromkeys(size for sizes in shapes.values() for size in sizes)
    free = (number for number in count(_FIRST_SIZE) if str(number) not in every)
    numbers = dict(zip((size for size in every if not size.isdecimal()), free, strict=False))
    letters = {str(number): letter for letter, number in numbers.items()}
    known = {name: tuple(numbers.get(size) or int(size) for size in sizes) for name, sizes in shapes.items()}
    trees = {letter: Number(str(number)) for letter, number in numbers.items()}
    try:
        shape = shape_of(substitute_names(tree, trees.get), known)
    except CalcError as error:
        message = error.message
        for number, letter in letters.items():
            message = message.replace(number, letter)
        raise CalcError(message, span=error.span, hint=error.hint) from None
    return tuple(letters.get(str(size), str(size)) for size in shape)
