"""The table of functions: one row a function, and the look-up by name or alias.

Adding a function is adding a row; the parser, help, `gradcalc functions` and the tests read the table.
"""

from __future__ import annotations

from dataclasses import replace

from gradcalc.errors import suggest
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
CONSTANTS: dict[str, str] = {spelling: row.name for row in elementary.CONSTANTS for spelling in (row.name, *row.aliases)}
_BY_ALIAS: dict[str, str] = {alias: row.name for row in TABLE.values() for alias in row.aliases}


def find(name: str) -> Function | None:
    """The row of a name or alias, or None."""
    return TABLE.get(name) or TABLE.get(_BY_ALIAS.get(name, ""))


def similar(name: str) -> str | None:
    """The function a misspelt name probably means, or None."""
    names = [spelling for spelling in (*TABLE, *_BY_ALIAS) if spelling.isidentifier()]
    return next((spelling for spelling in names if spelling.lower() == name.lower()), None) or suggest(name, names)
