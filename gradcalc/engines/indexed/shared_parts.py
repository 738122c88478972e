"""Names for parts that stand in a formula several times: `X.T@(p - y)` where `p = sigmoid(X@w)`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from gradcalc.engines.indexed.formulas import Formula, name

_LETTERS = "pqrstuvzhkabcdef"
_LEAST = 9
"""The shortest part that gets a name."""
_GAIN = 6
"""The characters that a name must save."""
_MOST = 5


class NamedFormula(NamedTuple):
    """A formula, and the parts that it has names for, in the order in which they are computed."""

    formula: Formula
    parts: tuple[tuple[str, Formula], ...]


def with_names(formula: Formula, taken: Collection[str]) -> NamedFormula:
    """The formula with names for its repeated parts, the largest gain first; names in `taken` are not used."""
    parts: list[tuple[str, Formula]] = []
    for letter in [each for each in _LETTERS if each not in taken][:_MOST]:
        counts = _counts([formula, *(part for _, part in parts)])
        gains = {part: (count - 1) * (len(part.text) - 1) - 5 for part, count in counts.items() if count > 1}
        best = max(gains, key=lambda part: gains[part], default=None)
        if best is None or gains[best] < _GAIN:
            break
        mark = name(letter, best.rank)
        formula = _replaced(formula, best, mark)
        parts = [*((known, _replaced(part, best, mark)) for known, part in parts), (letter, best)]
    return NamedFormula(formula, tuple(_ordered(parts)))


def _ordered(parts: list[tuple[str, Formula]]) -> list[tuple[str, Formula]]:
    """Parts in an order in which each is computed after those that stand in it."""
    order: dict[str, Formula] = {}
    while len(order) < len(parts):
        missing = {letter for letter, _ in parts if letter not in order}
        order.update((letter, part) for letter, part in parts if letter in missing and missing.isdisjoint(_names(part)))
    return list(order.items())


def _names(formula: Formula) -> set[str]:
    if formula.op == "name":
        return {formula.text}
    return set().union(*map(_names, formula.parts))


def _counts(formulas: list[Formula]) -> Counter[Formula]:
    counts: Counter[Formula] = Counter()
    waiting = formulas
    while waiting:
        formula = waiting.pop()
        waiting += formula.parts
        if len(formula.text) >= _LEAST and not formula.is_leaf:
            counts[formula] += 1
    return counts


def _replaced(formula: Formula, old: Formula, new: Formula) -> Formula:
    if formula == old:
        return new
    if formula.is_leaf:
        return formula
    parts = [_replaced(part, old, new) for part in formula.parts]
    return Formula(formula.op, parts, formula.rank, options=formula.options)
