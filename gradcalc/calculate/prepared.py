"""A question read, its values taken, its partials listed: all that is done before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradcalc.calculate.partials import Wanted, _wanted
from gradcalc.engines.symbolic.indexed import indexed
from gradcalc.engines.symbolic.messages import Indexed, Question
from gradcalc.errors import CalcError, MissingValues
from gradcalc.expression.arrays import Array
from gradcalc.expression.directional import contract_with_cotangent, fresh_name, restrict_to_line
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Node, names_in, steps
from gradcalc.functions import TABLE
from gradcalc.functions.names import absent
from gradcalc.functions.resolve import understand, understood
from gradcalc.functions.scalarize import scalarize
from gradcalc.inputs.values import value_cells
from gradcalc.report import MAX_ORDER, Problem
from gradcalc.runtime.deadline import DEFAULT_SECONDS

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question that was read and found in order: its tree, its values, its partials, and what sympy is asked.

    `entries` are those of the expression, trees of numbers in which an entry of a variable has a name of its own.
    """

    problem: Problem
    tree: Node
    values: Mapping[str, Array[Node]]
    entries: Array[Node]
    wanted: Sequence[Wanted]
    question: Question
    indexed: Indexed | None = None
    """The same with an index, where one formula can hold for all entries."""
    notes: tuple[str, ...] = ()
    """What could be meant otherwise by the text."""

    @property
    def has_point(self) -> bool:
        """Whether numbers are asked for, too."""
        return bool(self.values) or not names_in(self.tree)

    def needs_a_number(self, why: str) -> None:
        """Raise `CalcError` with a reason if the expression has more than one entry."""
        shape = self.entries.shape
        if shape:
            hint = f'take one, such as "sum({self.problem.expr})" or an entry'
            raise CalcError(f"{why}, and this has the shape {shape}", hint=hint)


def prepare(problem: Problem, *, seconds: float = DEFAULT_SECONDS) -> Prepared:
    """Read a question; nothing heavy is loaded.  Raises `CalcError` for one that cannot be answered."""
    listed = (*problem.at, *(_entry(name)[0] for name in problem.by), *problem.variables)
    tree, notes = understood(problem.expr, listed)
    for name in problem.at:
        if name not in names_in(tree) and name not in listed[len(problem.at) :]:
            raise absent(name, names_in(tree), problem.at, problem.expr)
    if problem.direction or problem.cotangent is not None:
        problem, tree = _along(problem, tree)
    chosen = [_entry(name) for name in problem.by]
    names = names_in(tree)
    _check(problem, [name for name, _ in chosen], names)
    values = {name: value_cells(name, text) for name, text in problem.at.items()}
    missing = [name for name in names if name not in values]
    if values and missing:
        raise MissingValues(missing)
    if missing and _is_of_arrays(tree):
        raise CalcError(
            f"the shape of {missing[0]} is not known", hint=f'give it a value, such as --at "{missing[0]}=[1,2,3]"'
        )
    try:
        entries = scalarize(tree, values)
    except CalcError as error:
        raise error.within(problem.expr) from None
    wanted = _wanted(problem, chosen or [(name, None) for name in names], values, entries)
    places = [(partial.place, partial.entries) for partial in wanted]
    found = indexed(tree, values) if problem.order == 1 and not entries.shape else None
    variables = (
        {} if found is None else {partial.by[0]: found.entry(partial.by[0], len(partial.index)) for partial in wanted}
    )
    question = Question.about(entries.entries, places, seconds, found, tuple(variables.values()))
    return Prepared(problem, tree, values, entries, wanted, question, found, notes)


def _along(problem: Problem, tree: Node) -> tuple[Problem, Node]:
    """The question whose answer is the product with the Jacobian that was asked for."""
    values = {name: value_cells(name, text) for name, text in problem.at.items()}
    if problem.cotangent is not None:
        shape, own = scalarize(tree, values).shape, value_cells("the cotangent", problem.cotangent).shape
        if shape != own:
            raise CalcError(f"the cotangent has the shape {own}, and the expression {shape}")
        tree = contract_with_cotangent(tree, understand(problem.cotangent))
    if not problem.direction:
        return problem, tree
    if problem.by:
        raise CalcError("a derivative along a direction is by nothing else", hint="leave --by out")
    for name, text in problem.direction.items():
        if name not in values:
            raise CalcError(f"there is no value for {name}, which has a direction", hint=f"give --at {name}=...")
        shape, own = values[name].shape, value_cells(f"the direction of {name}", text).shape
        if shape != own:
            raise CalcError(f"the direction of {name} has the shape {own}, and {name} {shape}")
    parameter = fresh_name({*problem.at, *names_in(tree)})
    directions = {name: understand(text) for name, text in problem.direction.items()}
    along = replace(problem, at={**problem.at, parameter: "0"}, by=(parameter,))
    return along, restrict_to_line(tree, directions, parameter)


def _is_of_arrays(tree: Node) -> bool:
    """Whether an expression has functions whose meaning depends on a shape."""
    return any(call.name != "[" for call in _calls_of_arrays(tree))


def _calls_of_arrays(tree: Node) -> Iterator[Call]:
    return (node for node in steps(tree).nodes if isinstance(node, Call) and not TABLE[node.name].elementwise)


def needs_numbers(tree: Node, why: str) -> None:
    """Raise `CalcError` for an expression of arrays where only numbers can be dealt with."""
    call = next(_calls_of_arrays(tree), None)
    if call is not None:
        raise CalcError(f"{why}, and {unparse(call)} is of arrays", hint="write it entry by entry, x1*y1 + x2*y2")


def _entry(name: str) -> tuple[str, str | None]:
    """The variable that `--by` names, and the entry if it names one: `x`, or `x[0]`."""
    variable, bracket, _ = name.partition("[")
    return variable.strip(), "".join(name.split()) if bracket else None


def _check(problem: Problem, chosen: Sequence[str], names: Sequence[str]) -> None:
    if not 1 <= problem.order <= MAX_ORDER:
        raise CalcError(f"the order is a whole number from 1 to {MAX_ORDER}, not {problem.order}")
    for name in chosen:
        if name not in names and name not in problem.at and name not in problem.variables:
            listed = ", ".join(names) or "no variables"
            raise CalcError(f"{name} does not occur in the expression", hint=f"it has {listed}")
