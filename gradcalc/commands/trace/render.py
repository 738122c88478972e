"""The graph of an expression: as a tree for people, as lines and an object for programs, and as a drawing.

`plain` has a line for each vertex: number, expression, torch's name, value, adjoint, and for each argument its number and
the local derivative.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gradcalc.commands.at_point import page_of
from gradcalc.commands.trace import graph_formats
from gradcalc.commands.trace.trace import Trace, share
from gradcalc.output import json as machine
from gradcalc.output.numbers import significant
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.page import Page, Rows
from gradcalc.output.records import Format, machine_formats

if TYPE_CHECKING:
    from gradcalc.engines.autograd.graph import Vertex

_PATHS = 8
"""Paths to a variable whose shares are shown as a sum."""


def table(trace: Trace, options: RenderOptions) -> str:
    """The graph as a tree, the result first; a variable stands wherever it is used."""
    page = page_of(trace.report, options)
    uses = list(_tree(trace.vertices, options))

    def rows(digits: int) -> Rows:
        return [
            [branch + graph_formats.title(it), it.grad_fn or "", *(_cell(number, digits) for number in (it.value, *numbers))]
            for branch, it, *numbers in uses
        ]

    head = ("", "torch", "value", "local", "adjoint")
    digits = next((it for it in (10, 7, 5) if page.fits(head, rows(it))), None)
    if digits is not None:
        page.columns(head, rows(digits))
    else:  # a tree that wraps is none
        for branch, vertex, local, adjoint in uses:
            page.line(f"{branch}{graph_formats.title(vertex)} = {_cell(vertex.value, 5)}")
            numbers = [f"{word} {_cell(it, 5)}" for word, it in (("local", local), ("adjoint", adjoint)) if it is not None]
            details = ", ".join(filter(None, [vertex.grad_fn, *numbers]))
            page.sentence(details, "dim", indent=len(branch) + 2, hanging=2)
    page.line()
    page.sentence(
        "local: the derivative of the line that uses it; adjoint: what that use adds, local times the adjoint there", "dim"
    )
    page.line()
    _sums(trace, page)
    for event in trace.events:
        page.line()
        page.sentence(f"note: {event}", "yellow", hanging=2)
    page.verdict(trace.report.verdict)
    return page.text()


def _cell(value: Any, digits: int) -> str:
    return "" if value is None else "..." if value is ... else significant(value, digits)


def _tree(vertices: Sequence[Vertex], options: RenderOptions) -> Iterator[tuple[str, Vertex, Any, Any]]:
    """Every use of every vertex: how it is drawn, itself, the local derivative, and what it adds to the adjoint.

    A number that is not shown is None; `...` is one that is not known.
    """
    tee, last, bar = ("|- ", "`- ", "|  ") if options.ascii else ("├─ ", "└─ ", "│  ")
    uses = Counter(edge.vertex for vertex in vertices for edge in vertex.edges)
    waiting: list[tuple[int, str, str, Any, Any]] = [(len(vertices) - 1, "", "", None, 1)]
    while waiting:
        place, prefix, below, local, adjoint = waiting.pop()
        vertex = vertices[place]
        yield prefix, vertex, local, adjoint
        # A constant is left out: the line above shows it.
        edges = [edge for edge in vertex.edges if vertices[edge.vertex].adjoint is not None or vertices[edge.vertex].edges]
        for edge in reversed(edges):
            is_last = edge is edges[-1]
            whole = vertices[edge.vertex].adjoint
            added = whole if uses[edge.vertex] == 1 else share(vertex, edge)
            if whole is None or vertex.adjoint is None:
                added = None
            elif added is None:
                added = ...
            ends = (last, "   ") if is_last else (tee, bar)
            waiting.append((edge.vertex, below + ends[0], below + ends[1], edge.local, added))


def _sums(trace: Trace, page: Page) -> None:
    """The gradient, with the paths that make it."""
    f = function_letter(trace.report)
    for place, vertex in enumerate(trace.vertices):
        if vertex.edges or vertex.name not in trace.report.at or vertex.adjoint is None:
            continue
        shares = [share(user, edge) for user in trace.vertices for edge in user.edges if edge.vertex == place]
        several = f"{' + '.join(map(significant, shares))} = " if 1 < len(shares) <= _PATHS and None not in shares else ""
        page.sentence(f"∂{f}/∂{vertex.name} = {several}{significant(vertex.adjoint)}", hanging=4)


def _rows(trace: Trace) -> Iterator[Sequence[object]]:
    for number, vertex in enumerate(trace.vertices):
        edges = [cell for edge in vertex.edges for cell in (edge.vertex, edge.local)]
        yield number, vertex.text, vertex.grad_fn, vertex.value, vertex.adjoint, *edges


def _fields(trace: Trace) -> Mapping[str, object]:
    vertices = [{"number": number, **asdict(vertex)} for number, vertex in enumerate(trace.vertices)]
    return {"vertices": vertices, "events": trace.events, "report": trace.report}


def _conclusion(trace: Trace, options: RenderOptions) -> Mapping[str, object]:
    return machine.conclusion(trace.report, options)


FORMATS: dict[str, Format[Trace]] = {
    "table": table,
    **machine_formats("trace", _rows, _fields, _conclusion),
    **graph_formats.FORMATS,
}
