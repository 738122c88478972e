"""What people watch when they learn autograd: the graph, the gradient that accumulates, tracking switched off.

Comes in: a `Problem` at a point.  Goes out: what torch did, as plain data, beside the proven answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gradcalc.calculate.answer import answer, prefetch
from gradcalc.calculate.prepared import Prepared, prepare
from gradcalc.errors import CalcError
from gradcalc.expression.tree import linearize
from gradcalc.inputs.query import Question
from gradcalc.report import Report
from gradcalc.runtime.deadline import DEFAULT_SECONDS

if TYPE_CHECKING:
    from gradcalc.engines.autograd.grad_modes import Tracked
    from gradcalc.engines.autograd.graph import Edge, Vertex

MAX_PASSES = 1_000
MAX_VERTICES = 1_000


@dataclass(frozen=True, slots=True)
class Trace:
    """The graph of an expression: its vertices in the order of evaluation, and what is notable about them."""

    report: Report
    vertices: tuple[Vertex, ...]
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accumulation:
    """`.grad` after each pass, by how it is cleared before the next one: a list of passes, of variables, of numbers."""

    report: Report
    passes: int
    gradients: Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Tracking:
    """What `backward()` does on the result with tracking on, and off in four ways; and, of an array, on its sum."""

    report: Report
    ways: Sequence[Tracked]
    of_sum: Sequence[Tracked]


def trace(question: Question, *, seconds: float = DEFAULT_SECONDS) -> Trace:
    """The graph of an expression at a point.  Raises `CalcError` for what has no point, or no single value."""
    prepared = _at_point(question, seconds)
    prepared.needs_a_number("a trace follows the gradient of one number")
    if len(linearize(prepared.tree).nodes) > MAX_VERTICES:
        raise CalcError(f"the expression has more than {MAX_VERTICES} parts: nobody could follow its trace")
    from gradcalc.engines.autograd.graph import graph

    report = answer(prepared)
    with _refusals_told():
        vertices = graph(prepared.tree, report.point, dtype=str(report.dtype), device=str(report.device))
    return Trace(report, vertices, tuple(_events(vertices)))


def accumulate(
    question: Question, *, passes: int = 3, clear: bool = False, seconds: float = DEFAULT_SECONDS
) -> Accumulation:
    """`.grad` after each of some passes, without and with clearing (`clear`: with it only).

    Raises `CalcError` for what has no point, or no single value, or no gradient in torch.
    """
    prepared = _at_point(question, seconds)
    prepared.needs_a_number("backward() starts from one number")
    from gradcalc.engines.autograd.grad_modes import CLEARINGS, accumulated

    report = answer(prepared)
    how = {"dtype": str(report.dtype), "device": str(report.device)}
    with _refusals_told():
        found = {
            clearing: accumulated(prepared.tree, report.point, passes, clearing, **how)
            for clearing in (CLEARINGS[1:] if clear else CLEARINGS)
        }
    return Accumulation(report, passes, found)


def tracking(question: Question, *, seconds: float = DEFAULT_SECONDS) -> Tracking:
    """The ways to switch tracking off, each run.  Raises `CalcError` for what has no point, or that torch does not run."""
    prepared = _at_point(question, seconds)
    from gradcalc.engines.autograd.grad_modes import tracked

    report = answer(prepared)
    dtype, device = str(report.dtype), str(report.device)
    with _refusals_told():
        ways = tracked(prepared.tree, report.point, dtype=dtype, device=device)
        of_sum = (
            tracked(prepared.tree, report.point, of_sum=True, dtype=dtype, device=device) if prepared.entries.shape else ()
        )
    return Tracking(report, ways, of_sum)


def _at_point(question: Question, seconds: float) -> Prepared:
    prepared = prepare(*question, seconds=seconds)
    if not prepared.point.values:
        raise CalcError("this is done at a point, and none is given", hint="give --at x=3")
    prefetch(prepared)
    return prepared


@contextmanager
def _refusals_told() -> Iterator[None]:
    """What torch refuses becomes a `CalcError` with torch's words."""
    from gradcalc.engines.autograd.backward import REFUSALS, first_line

    try:
        yield
    except REFUSALS as error:
        raise CalcError(f"torch does not run this: {first_line(error)}") from None


def _events(vertices: Sequence[Vertex]) -> Iterator[str]:
    """The operations that made the first numbers that are not finite, forward and backward."""
    for vertex in vertices:
        if not _is_finite(vertex.value):
            inputs = _inputs(vertex, vertices)
            yield f"forward, the first number that is not finite is made by {vertex.text} = {_shown(vertex.value)}{inputs}"
            break
    for user in reversed(vertices):
        for edge in user.edges:
            added = share(user, edge)
            moves = vertices[edge.vertex].adjoint is not None
            if moves and added is not None and _is_finite(user.adjoint) and not _is_finite(added):
                yield (
                    f"backward, the first is made by {user.grad_fn or user.name} of {user.text}: the local derivative "
                    f"{_shown(edge.local)} times the adjoint {_shown(user.adjoint)} is {_shown(added)}"
                )
                return
            reached = vertices[edge.vertex].adjoint
            if moves and added is None and _is_finite(user.adjoint) and not _is_finite(reached):
                yield (
                    f"backward, the first is made by {user.grad_fn or user.name} of {user.text}: "
                    f"the adjoint of {vertices[edge.vertex].text} is {_shown(reached)}"
                )
                return


def share(user: Vertex, edge: Edge) -> Any:
    """What one use adds to the adjoint of an argument: the local derivative times the adjoint of what uses it.

    None where that is no product of entries, or nothing is known.
    """
    return None if user.adjoint is None or edge.local is None else _product(user.adjoint, edge.local)


def _product(one: Any, other: Any) -> Any:
    if isinstance(one, list) and isinstance(other, list):
        return list(map(_product, one, other))
    if isinstance(other, list):
        return [_product(one, part) for part in other]
    return one * other


def _inputs(vertex: Vertex, vertices: Sequence[Vertex]) -> str:
    told = [f"{vertices[edge.vertex].text} = {_shown(vertices[edge.vertex].value)}" for edge in vertex.edges]
    return f", of {', '.join(told)}" if told else ""


def _is_finite(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return value is None or isinstance(value, bool) or math.isfinite(value)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        text = str(value)
        return text if len(text) <= 60 else f"{text[:56]} ..."
    return f"{value:.10g}"
