"""The graph of an expression: as a tree for people, as lines and an object for programs, and as a drawing.

`plain` has a line for each vertex: number, expression, torch's name, value, adjoint, and for each argument its number and
the local derivative.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gradcalc.commands.at_point import page_of
from gradcalc.commands.trace import graph_formats
from gradcalc.commands.trace.page import trace_document
from gradcalc.commands.trace.trace import Trace, share
from gradcalc.output import json as machine
from gradcalc.output.html import html
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.page import Page, Rows
from gradcalc.output.partials import digit_choices
from gradcalc.output.records import Format, machine_formats

if TYPE_CHECKING:
    from gradcalc.engines.autograd.graph import Vertex

_PATHS = 8
"""Paths to a variable whose shares are shown as a sum."""


def table(trace: Trace, options: RenderOptions) -> str:
    """The gradient and its verdict, then the graph as a tree, the result first."""
    page = page_of(trace.report, options)
    _sums(trace, page)
    page.verdict(trace.report.verdict)
    for event in trace.events:
        page.sentence(f"note: {event}", "yellow", hanging=2)
    page.line()
    uses = list(_tree(trace.vertices, options))

    def rows(digits: int | None, length: int) -> Rows:
        return [
            [
                use.branch + graph_formats.title(use.vertex, length) + _AGAIN * use.is_again,
                use.vertex.grad_fn or "",
                *(_cell(number, digits or 10) for number in (use.vertex.value, use.local, use.adjoint)),
            ]
            for use in uses
        ]

    head = ("", "torch", "value", "local", "adjoint")
    tables = (rows(digits, length) for length in _TITLES for digits in digit_choices(options) if (digits or 10) <= 10)
    table = next((table for table in tables if page.fits(head, table)), None)
    if table is not None:
        page.columns(head, table)
    else:  # a tree that wraps is none
        for use in uses:
            _lines(use, page)
    page.sentence("local: ∂parent/∂this; adjoint: the contribution of this use to the derivative of the result", "dim")
    return page.text()


_AGAIN = " (see above)"
_TITLES = (40, 28, 20)
"""Lengths to which the expressions in the tree are cut: the first that fits."""


@dataclass(frozen=True, slots=True)
class _Use:
    """A use of a vertex: how it is drawn, the local derivative, and what it adds to the adjoint.

    A number that is not shown is None; `...` is one that is not known.  `is_again`: what it is made of stands above.
    """

    branch: str
    vertex: Vertex
    local: Any
    adjoint: Any
    is_again: bool


def _lines(use: _Use, page: Page) -> None:
    """A use in lines of their own, for a page that is too narrow for a table."""
    end = f"{_AGAIN * use.is_again} = {_cell(use.vertex.value, 5)}"
    room = min(max(page.width - len(use.branch) - len(end), 8), _TITLES[0])
    page.line(f"{use.branch}{graph_formats.title(use.vertex, room)}{end}")
    numbers = [f"{word} {_cell(it, 5)}" for word, it in (("local", use.local), ("adjoint", use.adjoint)) if it is not None]
    details = ", ".join(filter(None, [use.vertex.grad_fn, *numbers]))
    page.sentence(details, "dim", indent=len(use.branch) + 2, hanging=2)


def _cell(value: Any, digits: int) -> str:
    if value is ...:
        return "..."
    return "" if value is None else graph_formats.number(value, digits)


def _tree(vertices: Sequence[Vertex], options: RenderOptions) -> Iterator[_Use]:
    """Every use of every vertex, from the result down; what a vertex is made of stands below its first use."""
    tee, last, bar = ("|- ", "`- ", "|  ") if options.ascii else ("├─ ", "└─ ", "│  ")
    uses = Counter(edge.vertex for vertex in vertices for edge in vertex.edges)
    expanded: set[int] = set()
    waiting: list[tuple[int, str, str, Any, Any]] = [(len(vertices) - 1, "", "", None, 1)]
    while waiting:
        place, prefix, below, local, adjoint = waiting.pop()
        vertex = vertices[place]
        # A constant is left out: the line above shows it.
        edges = [edge for edge in vertex.edges if vertices[edge.vertex].adjoint is not None or vertices[edge.vertex].edges]
        yield _Use(prefix, vertex, local, adjoint, is_again=bool(edges) and place in expanded)
        if place in expanded:
            continue
        expanded.add(place)
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
        several = (
            f"{' + '.join(_cell(it, 10) for it in shares)} = " if 1 < len(shares) <= _PATHS and None not in shares else ""
        )
        page.sentence(f"∂{f}/∂{vertex.name} = {several}{_cell(vertex.adjoint, 10)}", "bold", hanging=4)


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
    "html": lambda trace, options: html(trace_document(trace, options), options),
}
