"""A query at a point, ready to be answered: its partials, and what sympy is asked; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

from gradcalc.calculate.partials import PartialGrid, partial_grid
from gradcalc.engines.symbolic.client import CLIENT, SymbolicClient
from gradcalc.engines.symbolic.messages import PartialsRequest
from gradcalc.errors import CalcError, MissingValues
from gradcalc.expression.arrays import Array, Shape
from gradcalc.expression.directional import contract_with_cotangent, fresh_name, restrict_to_line
from gradcalc.expression.latex import latex
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Node, Number, calls_in, linearize, names_in
from gradcalc.functions import TABLE
from gradcalc.functions.entry_builder import MAX_NODES, TooLong
from gradcalc.functions.scalarize import check_classes, scalarize
from gradcalc.functions.shapes import shape_of
from gradcalc.inputs.query import Query, Wrt, read_question
from gradcalc.inputs.values import Point, Value
from gradcalc.proof.claims.breakpoints import equalities
from gradcalc.report import MAX_ORDER, Problem
from gradcalc.runtime.deadline import DEFAULT_SECONDS

if TYPE_CHECKING:
    from gradcalc.calculate.uniform_entries import UniformEntries

_MENTIONED = 3
"""Equalities that a note on formulas names."""


MAX_FORMULAS = 100
"""Partials of which each has a formula of its own."""
FIRST_FORMULAS = 12
"""The formulas that are derived of more partials: as many as a table shows."""
MAX_FORMULA_NODES = 4_000
"""Parts of the entries of arrays up to which sympy is asked for their derivatives."""
_MAX_WRITTEN_NODES = 20_000
"""Parts of all entries of an expression up to which some are looked for that are short enough."""


class Entries:
    """The entries of an expression as trees of numbers, written out when they are needed."""

    def __init__(self, tree: Node, values: Mapping[str, Array[Node]]):
        self.tree, self._values = tree, values
        self._entries: Array[Node] | None = None

    def get(self, limit: int = MAX_NODES) -> Array[Node]:
        """All entries.  Raises `TooLong` where they have more parts together than `limit`."""
        if self._entries is None:
            if sum(prod(self._values[name].shape) for name in names_in(self.tree) if name in self._values) > limit:
                raise TooLong("the arrays have too many entries to be written out")
            self._entries = scalarize(self.tree, self._values, limit)
        return self._entries


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """A query at a point that is in order.

    `tree` is the expression that is differentiated: that of the query, or along a direction, or contracted with a cotangent.
    """

    query: Query
    point: Point
    tree: Node
    shape: Shape
    partials: PartialGrid
    asked: range
    """The numbers of the partials whose formulas sympy is asked for."""
    request: PartialsRequest | str
    """What sympy is asked, or why it is not."""
    uniform: Mapping[str, UniformEntries] | None
    """The formulas that hold for all entries of the variables, where there are some: then sympy is not asked."""
    read_as: str
    """The expression as text, without anything that could be read in two ways."""
    latex: str
    notes: tuple[str, ...]
    """What could be meant otherwise by the text."""
    formula_notes: tuple[str, ...]
    """What holds of every formula of the derivative."""
    client: SymbolicClient
    seconds: float
    """What sympy may take, and the proof."""
    written: Entries
    """The entries of the expression, written out when they are needed."""

    @property
    def has_point(self) -> bool:
        """Whether numbers are asked for, too."""
        return bool(self.point.values) or not names_in(self.tree)

    @property
    def is_short(self) -> bool:
        """Whether the partials are few, or single numbers, so that all of them are looked at one by one."""
        return _is_short(self.partials)

    @property
    def entries(self) -> Array[Node]:
        """The entries of the expression, trees of numbers in which an entry of a variable has a name of its own.

        Raises `TooLong`.
        """
        return self.written.get()

    def require_scalar_value(self, why: str) -> None:
        """Raise `CalcError` with a reason if the expression has more than one entry."""
        if self.shape:
            hint = f'take one, such as "sum({self.query.text})" or an entry'
            raise CalcError(f"{why}, and this has the shape {self.shape}", hint=hint)

    def at(self, point: Point) -> PreparedQuery:
        """The same query at another point.  Raises `CalcError` if it is not in order there."""
        is_product = bool(self.query.direction) or self.query.cotangent is not None
        # Of elementwise functions only the shapes count.
        if not is_product and point.shapes == self.point.shapes and not is_of_arrays(self.tree):
            return replace(self, point=point)
        return prepare(self.query, point, seconds=self.seconds)


def prepare_problem(problem: Problem, *, seconds: float = DEFAULT_SECONDS) -> PreparedQuery:
    """Read a problem and prepare it.  Raises `CalcError` for one that cannot be answered."""
    return prepare(*read_question(problem), seconds=seconds)


def prepare(query: Query, point: Point, *, seconds: float = DEFAULT_SECONDS) -> PreparedQuery:
    """Prepare a query at a point.  Raises `CalcError` for one that cannot be answered."""
    notes = query.notes_at(point.values)
    tree, wrt = query.expression, query.wrt
    if query.cotangent is not None:
        shape, own = shape_of(tree, point.shapes), query.cotangent.shape
        if shape != own:
            raise CalcError(f"the cotangent has the shape {own}, and the expression {shape}")
        tree = contract_with_cotangent(tree, query.cotangent.tree)
    if query.direction:
        tree, wrt, point = _along_line(query, point, tree)
    names = names_in(tree)
    _check(query, wrt, names, point)
    missing = [name for name in names if name not in point.values]
    if point.values and missing:
        raise MissingValues(missing)
    if missing and is_of_arrays(tree):
        raise CalcError(
            f"the shape of {missing[0]} is not known", hint=f'give it a value, such as --at "{missing[0]}=[1,2,3]"'
        )
    entries = Entries(tree, point.entries)
    try:
        shape = shape_of(tree, point.shapes)
        check_classes(tree, point.entries)
    except CalcError as error:
        raise error.within(query.text) from None
    partials = partial_grid(wrt or [Wrt(name) for name in names], query.order, point.shapes, shape)
    asked = range(len(partials) if query.every_formula or _is_short(partials) else FIRST_FORMULAS)
    uniform = _uniform(tree, point.shapes, partials) if query.order == 1 and not shape else None
    return PreparedQuery(
        query,
        point,
        tree,
        shape,
        partials,
        asked,
        _ONE_FOR_ALL if uniform else _request(entries, partials, asked, seconds, every=query.every_formula),
        uniform,
        unparse(tree),
        latex(tree),
        notes,
        tuple(_notes_on_formulas(tree)),
        CLIENT.get(),
        seconds,
        entries,
    )


def _uniform(tree: Node, shapes: Mapping[str, Shape], partials: PartialGrid) -> Mapping[str, UniformEntries] | None:
    if not any(shapes.values()):
        return None
    from gradcalc.calculate.uniform_entries import uniform_entries

    return uniform_entries(tree, shapes, [axis.variable for axis in partials.axes])


def _is_short(partials: PartialGrid) -> bool:
    return len(partials) <= MAX_FORMULAS or not partials.has_arrays


_ONE_FOR_ALL = "one formula holds for all entries"


def _request(entries: Entries, partials: PartialGrid, asked: range, seconds: float, *, every: bool) -> PartialsRequest | str:
    """What sympy is asked about some partials; the reason, where their formulas would be too long to read."""
    specs = [partials[number] for number in asked]
    try:
        trees = entries.get(MAX_NODES if every else _MAX_WRITTEN_NODES).entries
        places = list(dict.fromkeys(partial.place for partial in specs))
        own = [trees[place] for place in places]
        if not every and partials.has_arrays and len(linearize(*own).nodes) > MAX_FORMULA_NODES:
            raise TooLong("their derivatives would be longer")
        pairs = [(places.index(partial.place), partial.entries) for partial in specs]
        return PartialsRequest.of(own, pairs, seconds)
    except TooLong:
        return "the formula is too long to be written out entry by entry"


def _notes_on_formulas(tree: Node) -> Iterator[str]:
    """What holds of every formula of the derivative of an expression."""
    conditions = equalities(tree)
    if conditions:
        places = " or ".join(" = ".join(map(unparse, node.args)) for node in conditions[:_MENTIONED])
        more = " and the like" if len(conditions) > _MENTIONED else ""
        yield f"where {places}{more} a formula may be false: it has the derivative of each case, and one point has no slope"


def _along_line(query: Query, point: Point, tree: Node) -> tuple[Node, tuple[Wrt, ...], Point]:
    """The expression along the line, its parameter, and the point with it: where it is 0."""
    if query.wrt:
        raise CalcError("a derivative along a direction is by nothing else", hint="leave --by out")
    for name, direction in query.direction.items():
        if name not in point.values:
            raise CalcError(f"there is no value for {name}, which has a direction", hint=f"give --at {name}=...")
        shape, own = point.values[name].shape, direction.shape
        if shape != own:
            raise CalcError(f"the direction of {name} has the shape {own}, and {name} {shape}")
    parameter = fresh_name({*point.values, *names_in(tree)})
    start = Point({**point.values, parameter: Value.number("0", Number("0"))})
    along = restrict_to_line(tree, {name: direction.tree for name, direction in query.direction.items()}, parameter)
    return along, (Wrt(parameter),), start


def _check(query: Query, wrt: Sequence[Wrt], names: Sequence[str], point: Point) -> None:
    if not 1 <= query.order <= MAX_ORDER:
        raise CalcError(f"the order must be an integer from 1 to {MAX_ORDER}, not {query.order}")
    for name in (it.variable for it in wrt):
        if name not in names and name not in point.values and name not in query.variables:
            choices = ", ".join(names) or "no variables"
            raise CalcError(f"{name} does not occur in the expression", hint=f"it has {choices}")


def is_of_arrays(tree: Node) -> bool:
    """Whether an expression has functions whose meaning depends on a shape."""
    return any(call.name != "[" for call in _calls_of_arrays(tree))


def has_arrays(tree: Node) -> bool:
    """Whether an expression has lists, or functions whose meaning depends on a shape."""
    return next(_calls_of_arrays(tree), None) is not None


def _calls_of_arrays(tree: Node) -> Iterator[Call]:
    return (call for call in calls_in(tree) if not TABLE[call.name].elementwise)


def require_no_arrays(tree: Node, why: str) -> None:
    """Raise `CalcError` for an expression of arrays where only numbers can be dealt with."""
    call = next(_calls_of_arrays(tree), None)
    if call is not None:
        raise CalcError(f"{why}, and {unparse(call)} is of arrays", hint="write it entry by entry, x1*y1 + x2*y2")
