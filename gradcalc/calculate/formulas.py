"""SymPy's formulas of the partials of a query: as many as people look at, or one for all entries of a variable.

Comes in: what sympy answered.  Goes out: the formula of a partial, or why there is none, and index formulas.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradcalc.calculate.entry_formulas import entry_formulas
from gradcalc.calculate.partials import Axis
from gradcalc.calculate.prepared import PreparedQuery
from gradcalc.engines.symbolic.client import SymbolicFailure
from gradcalc.engines.symbolic.indexed import IndexedFormulas
from gradcalc.engines.symbolic.messages import Derivatives, Formula, IndexedDerivatives
from gradcalc.expression.arrays import MIN_ENTRIES
from gradcalc.expression.tree import Node
from gradcalc.report import EntryFormula


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
    """What sympy answers about a query; it is waited for."""
    if isinstance(prepared.request, str):
        return Formulas(prepared.request)
    try:
        result = prepared.client.result(prepared.request)
    except SymbolicFailure as failure:
        return Formulas(str(failure))
    if isinstance(result, IndexedDerivatives) and prepared.form is not None:
        return _Indexed(prepared, IndexedFormulas(result, prepared.form))
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


class _Indexed(Formulas):
    """Formulas with an index, and at entries."""

    def __init__(self, prepared: PreparedQuery, indexed: IndexedFormulas):
        super().__init__()
        self._partials, self._indexed = prepared.partials, indexed
        self.parts = indexed.parts
        self.entry_formulas = tuple(_general(axis, indexed) for axis in prepared.partials.axes if _has_index(axis))

    def of(self, number: int) -> Formula | None:
        partial = self._partials[number]
        return self._indexed.at(partial.by[0], partial.index)

    def whole(self, variable: str) -> Node | None:
        dimensions = next(len(axis.shape) for axis in self._partials.axes if axis.variable == variable)
        return self._indexed.whole(variable, dimensions)

    @property
    def count(self) -> int:
        return len(self._partials)


def _has_index(axis: Axis) -> bool:
    return bool(axis.shape) and len(axis.positions) >= MIN_ENTRIES


def _general(axis: Axis, indexed: IndexedFormulas) -> EntryFormula:
    entry, formula = indexed.general(axis.variable, len(axis.shape))
    return EntryFormula(axis.variable, entry, len(axis.positions), formula.text, formula.latex)
