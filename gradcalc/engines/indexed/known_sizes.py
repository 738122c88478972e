"""Formulas for sizes that are known: derived for letters, as `mean(x)` is no `sum(x)/3`, and then written with numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from itertools import count

from gradcalc.engines.indexed.formulas import Formula, name, negative, number
from gradcalc.engines.indexed.spelling import scaled
from gradcalc.expression.arrays import Shape
from gradcalc.expression.sizes import Size
from gradcalc.expression.tree import Node, calls_in

_OF_SIZES = frozenset({"[", "[]", "eye", "ones", "one_hot"})
"""Functions whose results have sizes that are numbers."""


def letters_for(
    tree: Node, shapes: Mapping[str, Shape], taken: Collection[str]
) -> tuple[dict[str, tuple[Size, ...]], dict[str, int]]:
    """Shapes with letters for their sizes, equal ones for equal sizes, and which number each is.

    Sizes stay numbers, where the expression has others.
    """
    sizes = {size for shape in shapes.values() for size in shape if size != 1}
    if any(call.name in _OF_SIZES for call in calls_in(tree)):
        sizes = set()
    prefix = next(prefix for length in count(1) if not any(it.startswith(prefix := "n" * length) for it in taken))
    letters = {size: f"{prefix}{size}" for size in sizes}
    named = {variable: tuple(letters.get(size, str(size)) for size in shape) for variable, shape in shapes.items()}
    return named, {letter: size for size, letter in letters.items()}


def with_numbers(formula: Formula, numbers: Mapping[str, int]) -> Formula:
    """A formula with numbers for the letters of sizes."""
    if not numbers:
        return formula
    if formula.op == "name":
        if formula.text in numbers:
            return number(numbers[formula.text])
        return name(re.sub(r"\w+", lambda word: str(numbers.get(word[0], word[0])), formula.text), formula.rank)
    parts = [with_numbers(part, numbers) for part in formula.parts]
    if formula.op == "+":
        return _sum(parts, formula.rank)
    if formula.op == "*":
        return _quotient(parts, [])
    if formula.op == "/":
        return _quotient(_factors(parts[0]), _factors(parts[1]))
    if formula.op == "neg":
        return negative(parts[0])
    if formula.op == "**" and (power := _power(parts)) is not None:
        return number(power)
    return Formula(formula.op, parts, formula.rank, options=formula.options) if parts else formula


def _factors(formula: Formula) -> Sequence[Formula]:
    return formula.parts if formula.op == "*" else (formula,)


def _value(formula: Formula) -> Fraction | None:
    """The number that a formula is; None for another one."""
    if formula.op == "neg":
        inner = _value(formula.parts[0])
        return None if inner is None else -inner
    return Fraction(formula.text) if formula.is_number else None


def _sum(parts: Sequence[Formula], rank: int) -> Formula:
    """A sum whose numbers are added."""
    values = [_value(part) for part in parts]
    if sum(value is not None for value in values) < 2:
        return Formula("+", parts, rank)
    total = number(sum((value for value in values if value is not None), Fraction(0)))
    rest = [part for part, value in zip(parts, values, strict=True) if value is None]
    return Formula("+", [*rest, total], rank) if rest else total


def _quotient(above: Sequence[Formula], below: Sequence[Formula]) -> Formula:
    """A product over another whose numbers are multiplied."""
    factor = Fraction(1)
    tops, bottoms = list[Formula](), list[Formula]()
    for parts, rest, sign in ((above, tops, 1), (below, bottoms, -1)):
        for part in parts:
            value = _value(part)
            if value is None or (value == 0 and sign < 0):
                rest.append(part)
            else:
                factor *= value**sign
    return scaled(factor, tops, bottoms)


def _power(parts: Sequence[Formula]) -> Fraction | None:
    base, exponent = map(_value, parts)
    if base is None or exponent is None or exponent.denominator != 1 or (base == 0 and exponent < 0):
        return None
    return Fraction(base**exponent)
