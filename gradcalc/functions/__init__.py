"""The table of functions: one row a function, and the look-up by name or alias.

Adding a function is adding a row; the parser, help, `gradcalc functions` and the tests read the table.
"""

from __future__ import annotations

from dataclasses import replace

from gradcalc.functions import activations, arrays, elementary, losses, matrices, special
from gradcalc.functions.row import Function, Parameter

__all__ = ["CONSTANTS", "TABLE", "Function", "Parameter", "find", "similar"]

_GROUPS: dict[str, tuple[Function, ...]] = {
    "operators": elementary.OPERATORS,
    "conditions": elementary.CONDITIONS,
    "constants": elementary.CONSTANTS,
    "powers and logarithms": elementary.POWERS,
    "trigonometry": elementary.TRIGONOMETRY,
    "hyperbolic functions": elementary.HYPERBOLICS,
    "piecewise": elementary.PIECEWISE,
    "special functions": special.ROWS,
    "activations": activations.ACTIVATIONS,
    "losses": (*losses.LOSSES, *losses.CLASS_LOSSES),
    "arrays": arrays.OF_ONE,
    "vectors and matrices": matrices.MATRICES,
}

TABLE: dict[str, Function] = {row.name: replace(row, group=group) for group, rows in _GROUPS.items() for row in rows}
CONSTANTS: dict[str, str] = {name: row.name for row in elementary.CONSTANTS for name in (row.name, *row.aliases)}
_BY_ALIAS: dict[str, str] = {alias: row.name for row in TABLE.values() for alias in row.aliases}


def find(name: str) -> Function | None:
    """The row of a name or alias, or None."""
    return TABLE.get(name) or TABLE.get(_BY_ALIAS.get(name, ""))


def similar(name: str) -> str | None:
    """The function a misspelt name means, or None; None for a name that may be another function."""
    names = [other for other in (*TABLE, *_BY_ALIAS) if other.isidentifier() and other not in CONSTANTS]
    small = name.lower()
    same = next((other for other in names if other.lower() == small), None)
    return same or next((other for other in names if _is_misspelt(small, other.lower())), None)


def _is_misspelt(word: str, name: str) -> bool:
    """Whether one typing error makes a word of a name: a letter doubled, left out, or put before the one it follows.

    A wrong letter counts in long words only, and a letter too many never: `cov` is not cos, and `expm` is not exp.
    """
    if min(len(word), len(name)) < 3 or word[0] != name[0]:
        return False
    start = next((place for place, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), min(len(word), len(name)))
    rest, other = word[start:], name[start:]
    if len(word) == len(name) + 1:
        return rest[1:] == other and rest[0] == word[start - 1]
    if len(word) == len(name) - 1:
        return rest == other[1:] and not other[0].isdigit()
    is_swapped = rest[:2] == other[1::-1] and rest[2:] == other[2:]
    return len(word) == len(name) and (is_swapped or (len(word) > 4 and rest[1:] == other[1:]))
