"""A query at a point, ready to be answered: its partials, and what sympy is asked; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gradcalc.calculate.partials import PartialSpec, partial_specs
from gradcalc.engines.symbolic.client import CLIENT, SymbolicClient, SymbolicFailure
from gradcalc.engines.symbolic.indexed import at_entries, indexed
from gradcalc.engines.symbolic.messages import Derivatives, IndexedDerivatives, IndexedForm, IndexedRequest, PartialsRequest
from gradcalc.errors import CalcError, MissingValues
from gradcalc.expression.arrays import Array, Shape
from gradcalc.expression.directional import contract_with_cotangent, fresh_name, restrict_to_line
from gradcalc.expression.latex import latex
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Node, Number, calls_in, names_in
from gradcalc.functions import TABLE
from gradcalc.functions.scalarize import scalarize
from gradcalc.inputs.query import Query, Wrt, read_question
from gradcalc.inputs.values import Point, Value
from gradcalc.proof.claims.breakpoints import equalities
from gradcalc.report import MAX_ORDER, Problem
from gradcalc.runtime.deadline import DEFAULT_SECONDS

_MENTIONED = 3
"""Equalities that a note on formulas names."""


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """A query at a point that is in order.

    `tree` is the expression that is differentiated: that of the query, or along a direction, or contracted with a cotangent.
    `entries` are its entries, trees of numbers in which an entry of a variable has a name of its own.
    """

    query: Query
    point: Point
    tree: Node
    entries: Array[Node]
    partials: Sequence[PartialSpec]
    request: PartialsRequest | IndexedRequest
    """What sympy is asked."""
    form: IndexedForm | None
    """The expression with an index, where one formula can hold for all entries."""
    read_as: str
    """The expression as text, without anything that could be read in two ways."""
    latex: str
    notes: tuple[str, ...]
    """What could be meant otherwise by the text."""
    formula_notes: tuple[str, ...]
    """What holds of every formula of the derivative."""
    client: SymbolicClient

    @property
    def seconds(self) -> float:
        """What sympy may take, and the proof."""
        return self.request.seconds

    @property
    def has_point(self) -> bool:
        """Whether numbers are asked for, too."""
        return bool(self.point.values) or not names_in(self.tree)

    def require_scalar_value(self, why: str) -> None:
        """Raise `CalcError` with a reason if the expression has more than one entry."""
        shape = self.entries.shape
        if shape:
            hint = f'take one, such as "sum({self.query.text})" or an entry'
            raise CalcError(f"{why}, and this has the shape {shape}", hint=hint)

    def at(self, point: Point) -> PreparedQuery:
        """The same query at another point.  Raises `CalcError` if it is not in order there."""
        is_product = bool(self.query.direction) or self.query.cotangent is not None
        # Of elementwise functions only the shapes count.
        if not is_product and _shapes(point) == _shapes(self.point) and not is_of_arrays(self.tree):
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
        shape, own = scalarize(tree, point.entries).shape, query.cotangent.entries.shape
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
    values = point.entries
    try:
        entries = scalarize(tree, values)
    except CalcError as error:
        raise error.within(query.text) from None
    partials = partial_specs(wrt or [Wrt(name) for name in names], query.order, values, entries)
    request: PartialsRequest | IndexedRequest
    request = PartialsRequest.of(entries.entries, [(partial.place, partial.entries) for partial in partials], seconds)
    form = indexed(tree, values) if query.order == 1 and not entries.shape else None
    if form is not None:
        letters = dict.fromkeys(form.entry(partial.by[0], len(partial.index)) for partial in partials)
        request = IndexedRequest.of(form, tuple(letters), request)
    return PreparedQuery(
        query,
        point,
        tree,
        entries,
        partials,
        request,
        form,
        unparse(tree),
        latex(tree),
        notes,
        tuple(_notes_on_formulas(tree)),
        CLIENT.get(),
    )


def _notes_on_formulas(tree: Node) -> Iterator[str]:
    """What holds of every formula of the derivative of an expression."""
    conditions = equalities(tree)
    if conditions:
        places = " or ".join(" = ".join(map(unparse, node.args)) for node in conditions[:_MENTIONED])
        more = " and the like" if len(conditions) > _MENTIONED else ""
        yield f"where {places}{more} a formula may be false: it has the derivative of each case, and one point has no slope"


def derivatives(prepared: PreparedQuery) -> Derivatives | str:
    """The formulas of the partials, or why sympy gave none."""
    try:
        result = prepared.client.result(prepared.request)
    except SymbolicFailure as failure:
        return str(failure)
    if isinstance(result, IndexedDerivatives) and prepared.form is not None:
        partials = [(partial.by[0], partial.index) for partial in prepared.partials]
        return at_entries(result, prepared.form, partials, prepared.point.entries)
    assert isinstance(result, Derivatives)
    return result


def _along_line(query: Query, point: Point, tree: Node) -> tuple[Node, tuple[Wrt, ...], Point]:
    """The expression along the line, its parameter, and the point with it: where it is 0."""
    if query.wrt:
        raise CalcError("a derivative along a direction is by nothing else", hint="leave --by out")
    for name, direction in query.direction.items():
        if name not in point.values:
            raise CalcError(f"there is no value for {name}, which has a direction", hint=f"give --at {name}=...")
        shape, own = point.values[name].entries.shape, direction.entries.shape
        if shape != own:
            raise CalcError(f"the direction of {name} has the shape {own}, and {name} {shape}")
    parameter = fresh_name({*point.values, *names_in(tree)})
    start = Point({**point.values, parameter: Value.number("0", Number("0"))})
    along = restrict_to_line(tree, {name: direction.tree for name, direction in query.direction.items()}, parameter)
    return along, (Wrt(parameter),), start


def _shapes(point: Point) -> dict[str, Shape]:
    return {name: value.entries.shape for name, value in point.values.items()}


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
