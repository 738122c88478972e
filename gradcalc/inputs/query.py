"""A question read: the expression as a tree, what to differentiate it with respect to, and how; all of it but the point.

Comes in: a `Problem`, which is text.  Goes out: a `Query`.  Nothing behind it parses the expression again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gradcalc.expression.tree import Node, names_in
from gradcalc.functions.names import absent
from gradcalc.functions.resolve import interpret
from gradcalc.grammar.ambiguity import names as notes_on_names
from gradcalc.inputs.values import Point, Value, read_point, read_value
from gradcalc.report import Problem


@dataclass(frozen=True, slots=True)
class Wrt:
    """With respect to what to differentiate: a variable, or one of its entries, by its text and its index.

    The index counts from the back where it is negative, and is None for a text that is not an entry.
    """

    variable: str
    entry: str | None = None
    index: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of an expression, at any point.

    `text` is the expression as it was typed; `variables` are further names that are variables whatever else they mean.
    """

    text: str
    expression: Node
    notes: tuple[str, ...] = ()
    wrt: tuple[Wrt, ...] = ()
    order: int = 1
    device: str = "cpu"
    dtype: str | None = None
    variables: tuple[str, ...] = ()
    direction: Mapping[str, Value] = field(default_factory=dict)
    cotangent: Value | None = None
    every_formula: bool = False
    """Whether a formula is wanted for every entry of arrays, however many there are."""

    def notes_at(self, names: Collection[str]) -> tuple[str, ...]:
        """What could be meant otherwise by the text, where the variables `names` have values."""
        return (*self.notes, *notes_on_names(names_in(self.expression), _variable_names(names, self.wrt, self.variables)))


def read_query(problem: Problem, names: Collection[str] = ()) -> Query:
    """Read the texts of a problem but for its point; `names` are the variables that have values.

    Raises `CalcError` for what cannot be read.
    """
    wrt = tuple(map(_wrt, problem.by))
    tree, notes = interpret(
        problem.expr,
        _variable_names((*problem.at, *names), wrt, problem.variables),
        names_are_clear=True,
        notation=problem.notation,
    )
    return Query(
        problem.expr,
        tree,
        notes,
        wrt,
        problem.order,
        problem.device,
        problem.dtype,
        problem.variables,
        {name: read_value(f"the direction of {name}", text) for name, text in problem.direction.items()},
        None if problem.cotangent is None else read_value("the cotangent", problem.cotangent),
        problem.entries,
    )


class Question(NamedTuple):
    """A query at one point."""

    query: Query
    point: Point


def read_question(problem: Problem) -> Question:
    """Read all texts of a problem.  Raises `CalcError` for what cannot be read, and for a value of an absent variable."""
    query = read_query(problem)
    names, variables = names_in(query.expression), _variable_names((), query.wrt, query.variables)
    for name in problem.at:
        if name not in names and name not in variables:
            raise absent(name, names, problem.at, query.text)
    return Question(query, read_point(problem.at))


def _variable_names(names: Collection[str], wrt: Collection[Wrt], variables: Collection[str]) -> frozenset[str]:
    return frozenset((*names, *(it.variable for it in wrt), *variables))


def _wrt(text: str) -> Wrt:
    """A variable, or one of its entries: `x`, or `x[0]`."""
    variable, bracket, _ = text.partition("[")
    if not bracket:
        return Wrt(variable.strip())
    entry = "".join(text.split())
    places = entry.rstrip("]").partition("[")[2].split(",")
    is_index = all(re.fullmatch("-?[0-9]+", place) for place in places)
    return Wrt(variable.strip(), entry, tuple(map(int, places)) if is_index else None)
