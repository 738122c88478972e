"""The true derivatives at a point: of whole arrays at once, and entry by entry where the expression is not smooth.

Comes in: an expression, and exact values of its variables.  Goes out: what it is like at the point, for every partial.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from gradcalc.calculate.partials import By
from gradcalc.calculate.prepared import Entries
from gradcalc.engines.taylor.array_at import ArrayAt
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.jets import NAN
from gradcalc.engines.taylor.reals import OutOfPrecision, Real
from gradcalc.expression.arrays import Array, Entry, Shape, flat_position
from gradcalc.expression.tree import Call, Node, Number, names_in
from gradcalc.functions.entry_builder import TooLong
from gradcalc.inputs.array_text import Numbers
from gradcalc.proof.smoothness.differentiability import Regularity, examined, value_of
from gradcalc.proof.smoothness.kinds import Kind

Slopes = Mapping[str, Sequence[Real | None]]
"""Derivatives by the entries of variables, in order; None where the expression is to be looked at entry by entry."""
_KEPT = 200_000
"""Derivatives that are kept; of more, those that were asked for last."""


def exact_values(values: Mapping[str, Array[Node]]) -> dict[str, Array[Any]]:
    """The values of variables as exact arithmetic takes them: fractions, constant expressions, or an array of doubles."""
    return {name: Array(cells.shape, _exact_entries(cells.entries)) for name, cells in values.items()}


def _exact_entries(entries: Sequence[Node]) -> Any:
    if isinstance(entries, Numbers) and entries.binary is not None:
        return entries.binary
    return [plain_value(entry) for entry in entries]


def plain_value(tree: Node) -> Fraction | Node:
    """The value of a decimal, with a sign or without; else the tree."""
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Call) and tree.name == "neg" and isinstance(tree.args[0], Number):
        return -tree.args[0].value
    return tree


def entry_at(name: str, arrays: Mapping[str, Array[Any]]) -> tuple[str, int]:
    """The variable of an entry, and its position in it."""
    if not isinstance(name, Entry):
        return name, 0
    return name.variable, flat_position(name.indices, arrays[name.variable].shape)


class EntryValues(Mapping[str, Any]):
    """The values of variables by the names of their entries."""

    def __init__(self, arrays: Mapping[str, Array[Any]]):
        self._arrays = arrays

    def __getitem__(self, name: str) -> Any:
        variable, position = entry_at(name, self._arrays)
        return _exact(self._arrays[variable].entries[position])

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError

    def __len__(self) -> int:
        return sum(len(array.entries) for array in self._arrays.values())


def _exact(value: Any) -> Node | Fraction:
    return value if isinstance(value, (Node, Fraction)) else Fraction(float(value))


class ExactValues:
    """An expression at exact values of its variables; `constants` are the numbers that a machine has for constants."""

    def __init__(
        self,
        entries: Entries,
        arrays: Mapping[str, Array[Any]],
        constants: Mapping[str, Fraction] | None = None,
        variables: Collection[str] = (),
    ):
        self._trees, self._arrays, self._constants = entries, arrays, constants
        self._whole = ArrayAt(entries.tree, arrays, constants, variables)
        self._values: Sequence[Real | None] | None = None
        self._of_formulas: dict[Node, Array[Real | None]] = {}
        self._entries: dict[int, ExpressionAt] = {}

    @property
    def shape(self) -> Shape:
        """The shape of the value."""
        return self._whole.shape

    def entry(self, place: int) -> ExpressionAt:
        """An entry of the expression, written out.  Raises `TooLong`."""
        if place not in self._entries:
            tree = self._trees.get().entries[place]
            self._entries[place] = ExpressionAt(tree, EntryValues(self._arrays), self._constants)
        return self._entries[place]

    def smooth_value(self, place: int) -> Real | None:
        """The value of an entry where nothing singular is met."""
        if self._values is None:
            self._values = self._whole.value()
        return self._values[place]

    def values_of_formula(self, formula: Node, parts: Mapping[str, Node]) -> Array[Real | None]:
        """The values of another expression of the same variables, and of parts of this one that it has names for.

        None where it has no value, or is not smooth.
        """
        if formula not in self._of_formulas:
            self._of_formulas[formula] = self._values_of_formula(formula, parts)
        return self._of_formulas[formula]

    def _values_of_formula(self, formula: Node, parts: Mapping[str, Node]) -> Array[Real | None]:
        arrays = dict(self._arrays)
        for name in names_in(formula):
            if name in parts and name not in arrays:
                part = ArrayAt(parts[name], self._arrays, self._constants)
                arrays[name] = Array(part.shape, [NAN if value is None else value for value in part.value()])
        whole = ArrayAt(formula, arrays)
        return Array(whole.shape, whole.value())

    def value(self, place: int) -> Real | None:
        """The value of an entry; None where it has none, or none that could be proven."""
        value = self.smooth_value(place)
        return self.written_value(place) if value is None else value

    def written_value(self, place: int) -> Real | None:
        """The same, from the entry written out."""
        try:
            return value_of(self.entry(place))
        except (OutOfPrecision, TooLong):
            return None


class Reference(ExactValues):
    """The derivatives of an expression with respect to all entries of some variables."""

    def __init__(
        self,
        entries: Entries,
        arrays: Mapping[str, Array[Any]],
        variables: Collection[str],
        constants: Mapping[str, Fraction] | None = None,
    ):
        super().__init__(entries, arrays, constants, variables)
        self._variables = variables
        self._slopes: dict[tuple[int, By], Slopes] = {}
        self._size = 0
        self._single: dict[tuple[int, By], Regularity | None] = {}

    def slopes(self, place: int, prefix: By) -> Slopes:
        """The partials of an entry after those of `prefix`, by all entries of the variables of the query."""
        key = (place, prefix)
        if key not in self._slopes:
            if self._size > _KEPT:
                self._slopes.clear()
                self._size = 0
            self._slopes[key] = self._computed(place, prefix)
            self._size += sum(map(len, self._slopes[key].values()))
        return self._slopes[key]

    def _computed(self, place: int, prefix: By) -> Slopes:
        if not prefix:
            return self._whole.gradient(place, self._variables)
        if len(prefix) > 1:
            return {}
        return self._whole.hessian_rows(place, *entry_at(prefix[0], self._arrays), self._variables)

    def slope(self, place: int, by: By) -> Real | None:
        """A partial where nothing singular is met; else None."""
        variable, position = entry_at(by[-1], self._arrays)
        slopes = self.slopes(place, by[:-1]).get(variable)
        return None if slopes is None else slopes[position]

    def regularity(self, place: int, by: By) -> Regularity | None:
        """What the expression is like with respect to a partial; None where no enclosure is found."""
        slope, value = self.slope(place, by), self.smooth_value(place)
        if slope is not None and value is not None:
            return Regularity(Kind.SMOOTH, slope, value=value)
        key = (place, by)
        if key not in self._single:
            try:
                self._single[key] = examined(self.entry(place), by)
            except TooLong:
                why = "it is too long to be written out entry by entry"
                self._single[key] = Regularity(Kind.UNKNOWN, why=why)
        return self._single[key]
