"""The formulas of the partials of a query: SymPy's, as many as people look at, or one for all entries of each variable.

Comes in: a query, and what sympy answered.  Goes out: the formula of a partial, or why there is none, and index formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gradcalc.calculate.entry_formulas import entry_formulas
from gradcalc.calculate.partials import Axis
from gradcalc.calculate.prepared import PreparedQuery
from gradcalc.engines.symbolic.client import SymbolicFailure
from gradcalc.engines.symbolic.messages import Derivatives, Formula
from gradcalc.expression.arrays import MIN_ENTRIES
from gradcalc.expression.tree import Node
from gradcalc.report import EntryFormula

if TYPE_CHECKING:
    from gradcalc.calculate.uniform_entries import UniformEntries


class Formulas:
    """The formulas of the partials of a query, by their numbers; `failure` says why there are none, or not all."""

    parts: Mapping[str, Node]
    """The parts that formulas have names for."""
    entry_formulas: tuple[EntryFormula, ...] = ()

    def __init__(self, failure: str = ""):
        self.failure = failure
        self.parts = {}

    def of(self, number: int) -> Formula | None:
        """The formula of a partial, None where there is none."""
        return None

    def whole(self, variable: str) -> Node | None:
        """One formula by all entries of a variable, as an expression of arrays and of the parts, if any."""
        return None

    @property
    def count(self) -> int:
        """How many partials, from the first on, have a formula."""
        return 0


def formulas(prepared: PreparedQuery) -> Formulas:
    """The formulas of a query; sympy is waited for where it was asked."""
    if prepared.uniform is not None:
        return _Uniform(prepared, prepared.uniform)
    if isinstance(prepared.request, str):
        return Formulas(prepared.request)
    try:
        result = prepared.client.result(prepared.request)
    except SymbolicFailure as failure:
        return Formulas(str(failure))
    assert isinstance(result, Derivatives)
    return _Single(prepared, result)


class _Single(Formulas):
    """Formulas that sympy derived one by one."""

    def __init__(self, prepared: PreparedQuery, derivatives: Derivatives):
        count, asked = len(prepared.partials), len(prepared.asked)
        super().__init__(f"the formulas of {asked} of {count} partial derivatives are derived" if asked < count else "")
        self.parts = derivatives.constants
        self._formulas = derivatives.formulas
        if asked == count:
            self.entry_formulas = entry_formulas(prepared.partials, derivatives.formulas)

    def of(self, number: int) -> Formula | None:
        return self._formulas[number] if number < len(self._formulas) else None

    @property
    def count(self) -> int:
        return len(self._formulas)


class _Uniform(Formulas):
    """Formulas that hold for all entries, with letters and at entries."""

    def __init__(self, prepared: PreparedQuery, uniform: Mapping[str, UniformEntries]):
        super().__init__()
        self._partials, self._uniform = prepared.partials, uniform
        self.parts = {name: tree for it in uniform.values() for name, tree in it.constants.items()}
        axes = filter(_has_index, self._partials.axes)
        self.entry_formulas = tuple(_general(axis, uniform[axis.variable]) for axis in axes)

    def of(self, number: int) -> Formula | None:
        partial = self._partials[number]
        return self._uniform[partial.by[0]].at(partial.index)

    def whole(self, variable: str) -> Node | None:
        return self._uniform[variable].whole

    @property
    def count(self) -> int:
        return len(self._partials)


def _has_index(axis: Axis) -> bool:
    return bool(axis.shape) and len(axis.positions) >= MIN_ENTRIES


def _general(axis: Axis, uniform: UniformEntries) -> EntryFormula:
    formula = uniform.general
    return EntryFormula(axis.variable, uniform.entry, len(axis.positions), formula.text, formula.latex)
