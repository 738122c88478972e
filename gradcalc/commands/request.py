"""The request of a command line: its arguments read into a question and its points."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gradcalc.commands.arguments import names_of, order_of
from gradcalc.errors import CalcError
from gradcalc.report import Problem
from gradcalc.runtime.files import open_input

if TYPE_CHECKING:
    from gradcalc.commands.settings import Settings
    from gradcalc.inputs.query import Query, Question
    from gradcalc.inputs.values import Point


def request(
    expr: str, at: Sequence[str], settings: Settings, *, by: Sequence[str] = (), order: str = "1", file: str | None = None
) -> tuple[Query, Sequence[Point] | Iterable[Mapping[str, str]]]:
    """The question without its point, and its points; from a long file they are the texts of the values.

    A wrong request is refused before sympy and torch are loaded.
    """
    from gradcalc.expression.tree import names_in
    from gradcalc.inputs.points import assign, sweep
    from gradcalc.inputs.values import Point

    if expr == file == "-":
        raise CalcError("stdin cannot be both the expression and the points")
    query, named, nameless = read_expression(expr, at, settings, by=by, order=order)
    names = names_in(query.expression)
    if file is not None:
        from gradcalc.inputs.point_files import points_of

        return query, points_of(file, names, assign([name for name in names if name in named], named, nameless))
    return query, sweep(assign(names, named, nameless, query.text)) if at else [Point()]


def read_expression(
    expr: str, at: Sequence[str], settings: Settings, *, by: Sequence[str] = (), order: str = "1"
) -> tuple[Query, dict[str, str], list[str]]:
    """The query of an expression, and the texts of its values: by name, and those without a name."""
    from gradcalc.inputs.array_files import value_or_file
    from gradcalc.inputs.points import read_at
    from gradcalc.inputs.query import read_query

    text = expression_from_stdin() if expr == "-" else expr
    wrt = names_of(by)
    named, nameless = read_at(at)
    named = {name: value_or_file(value, f"{name}=") for name, value in named.items()}
    query = read_query(Problem(text, by=wrt, notation=settings.notation), named)
    return replace(query, order=order_of(order), device=settings.device, dtype=settings.dtype), named, nameless


def one_point(query: Query, points: Sequence[Point] | Iterable[Mapping[str, str]]) -> Question:
    """A query at its only point.  Raises `CalcError` if there are several."""
    from gradcalc.inputs.query import Question

    assert isinstance(points, Sequence)  # they are not from a file
    if len(points) > 1:
        raise CalcError(f"this command takes one point; {len(points)} given", hint="give one, such as --at x=3")
    return Question(query, points[0])


def with_product(query: Query, directions: Sequence[str], cotangent: str | None) -> Query:
    """The query for a product with the Jacobian: along a direction, contracted with a cotangent, or both."""
    from gradcalc.inputs.points import read_at
    from gradcalc.inputs.values import read_value

    named, nameless = read_at(directions)
    if nameless:
        raise CalcError(f"the direction {nameless[0]} has no variable", hint='write --direction "x=[1,0]"')
    return replace(
        query,
        direction={name: read_value(f"the direction of {name}", text) for name, text in named.items()},
        cotangent=None if cotangent is None else read_value("the cotangent", cotangent),
    )


def is_piped() -> bool:
    """Whether something is piped to stdin."""
    return sys.stdin is not None and not sys.stdin.isatty()


def expression_from_stdin() -> str:
    """The expression on stdin, which may have several lines.  Raises `CalcError` where there is none to read."""
    from gradcalc.expression.tree import MAX_CHARACTERS

    try:
        with open_input("-", "the expression") as stream:
            text = stream.read(4 * MAX_CHARACTERS + 1).decode().strip()
    except UnicodeDecodeError:
        raise CalcError("the expression on stdin is not UTF-8 text") from None
    if not text:
        raise CalcError("missing EXPR: stdin is empty", hint='give an expression, such as "sin(x**2)"')
    return text
