"""The graph of an expression as autograd recorded it, with its local derivatives and adjoints.

Comes in: a `Question`.  Goes out: a `Trace`, beside the proven answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gradcalc.calculate.answer import answer
from gradcalc.commands.at_point import prepare_at_point, torch_errors
from gradcalc.errors import CalcError
from gradcalc.expression.tree import linearize
from gradcalc.inputs.query import Question
from gradcalc.output.numbers import cut
from gradcalc.report import Report
from gradcalc.runtime.deadline import DEFAULT_SECONDS

if TYPE_CHECKING:
    from gradcalc.engines.autograd.graph import Edge, Vertex

MAX_VERTICES = 1_000


@dataclass(frozen=True, slots=True)
class Trace:
    """The graph of an expression: its vertices in the order of evaluation, and a sentence about each event."""

    report: Report
    vertices: tuple[Vertex, ...]
    events: tuple[str, ...]


def trace(question: Question, *, seconds: float = DEFAULT_SECONDS) -> Trace:
    """The graph of an expression at a point.  Raises `CalcError` for what has no point, or no single value."""
    prepared = prepare_at_point(question, seconds, "a trace follows the gradient of one number")
    if len(linearize(prepared.tree).nodes) > MAX_VERTICES:
        raise CalcError(f"the expression has more than {MAX_VERTICES} parts: too large to display")
    from gradcalc.engines.autograd.graph import graph

    report = answer(prepared)
    with torch_errors():
        vertices = graph(prepared.tree, report.point, dtype=str(report.dtype), device=str(report.device))
    return Trace(report, vertices, tuple(_events(vertices)))


def _events(vertices: Sequence[Vertex]) -> Iterator[str]:
    """The operations that made the first numbers that are not finite, forward and backward."""
    for vertex in vertices:
        if not _is_finite(vertex.value):
            inputs = [f"{vertices[edge.vertex].text} = {_number(vertices[edge.vertex].value)}" for edge in vertex.edges]
            of = f", of {', '.join(inputs)}" if inputs else ""
            yield f"forward, the first number that is not finite is made by {vertex.text} = {_number(vertex.value)}{of}"
            break
    for user in reversed(vertices):
        for edge in user.edges:
            adjoint, term = vertices[edge.vertex].adjoint, share(user, edge)
            if adjoint is None or not _is_finite(user.adjoint):
                continue
            if term is not None and not _is_finite(term):
                yield (
                    f"backward, the first is made by {user.grad_fn or user.name} of {user.text}: the local derivative "
                    f"{_number(edge.local)} times the adjoint {_number(user.adjoint)} is {_number(term)}"
                )
                return
            if term is None and not _is_finite(adjoint):
                yield (
                    f"backward, the first is made by {user.grad_fn or user.name} of {user.text}: "
                    f"the adjoint of {vertices[edge.vertex].text} is {_number(adjoint)}"
                )
                return


def share(user: Vertex, edge: Edge) -> Any:
    """What one use adds to the adjoint of an argument: the local derivative times the adjoint of what uses it.

    None where that is not a product of entries, or a factor is unknown.
    """
    return None if user.adjoint is None or edge.local is None else _product(user.adjoint, edge.local)


def _product(one: Any, other: Any) -> Any:
    if isinstance(one, list) and isinstance(other, list):
        return list(map(_product, one, other))
    if isinstance(other, list):
        return [_product(one, part) for part in other]
    return one * other


def _is_finite(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return value is None or isinstance(value, bool) or math.isfinite(value)


def _number(value: Any) -> str:
    return cut(str(value), 60, 56, " ...") if isinstance(value, list) else f"{value:.10g}"
