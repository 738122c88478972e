"""The graph, the accumulation and the tracking of an expression, as tables and for machines.

`plain` has tab-separated lines.  Of a trace: number, expression, torch's name, value, adjoint, and for each argument its
number and the local derivative.  Of an accumulation: variable, how it is cleared, and the gradient after each pass.  Of
tracking: way, requires_grad, grad_fn, is_leaf, is_inference, gradients, error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gradcalc.commands.demos.demos import Accumulation, Trace, Tracking, share
from gradcalc.output import json as machine
from gradcalc.output.numbers import FEW, fit
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.report import SCHEMA, Report

if TYPE_CHECKING:
    from gradcalc.engines.autograd.grad_modes import Tracked
    from gradcalc.engines.autograd.graph import Vertex
    from gradcalc.output.page import Page


_PATHS = 8
"""Paths to a variable whose shares are shown as a sum."""
_LONGEST = 40
"""Characters of an expression that a line, or a box, shows."""


def cut(text: str) -> str:
    """The beginning of an expression that is too long for a line."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


# ------------------------------------------------------------------------------------------------------------- trace


def trace_table(found: Trace, options: RenderOptions) -> str:
    """The graph as a tree, the result first; a variable stands wherever it is used."""
    from rich.text import Text

    page = _begun(found.report, options)
    uses = list(_tree(found.vertices, options))

    def rows(digits: int) -> list[list[Text]]:
        cells = [
            (f"{drawn}{cut(vertex.text)}", vertex.grad_fn or "", *(_cell(it, digits) for it in (vertex.value, *numbers)))
            for drawn, vertex, *numbers in uses
        ]
        return [[Text(cell) for cell in row] for row in cells]

    head = ("", "torch", "value", "local", "adjoint")
    digits = next((it for it in (10, 7, 5) if page.holds(head, rows(it))), None)
    if digits is not None:
        page.columns(head, rows(digits))
    else:  # a tree that wraps is none
        for drawn, vertex, local, adjoint in uses:
            page.line(f"{drawn}{cut(vertex.text)} = {_cell(vertex.value, 5)}")
            told = [
                vertex.grad_fn or "",
                *(f"{word} {_cell(it, 5)}" for word, it in (("local", local), ("adjoint", adjoint)) if it is not None),
            ]
            page.sentence(", ".join(filter(None, told)), "dim", indent=len(drawn) + 2, hanging=2)
    page.line()
    page.sentence(
        "local: the derivative of the line that uses it; adjoint: what that use adds, local times the adjoint there", "dim"
    )
    page.line()
    _sums(found, page)
    for event in found.events:
        page.line()
        page.sentence(f"note: {event}", "yellow", hanging=2)
    return _ended(found.report, page)


def _cell(value: Any, digits: int) -> str:
    return "" if value is None else "..." if value is ... else fit(value, digits)


def _tree(vertices: Sequence[Vertex], options: RenderOptions) -> Iterator[tuple[str, Vertex, Any, Any]]:
    """Every use of every vertex: how it is drawn, itself, the local derivative, and what it adds to the adjoint.

    Of the numbers None is nothing to tell, and `...` what is there and not known.
    """
    tee, last, bar = ("|- ", "`- ", "|  ") if options.ascii else ("├─ ", "└─ ", "│  ")
    uses = Counter(edge.vertex for vertex in vertices for edge in vertex.edges)
    waiting: list[tuple[int, str, str, Any, Any]] = [(len(vertices) - 1, "", "", None, 1)]
    while waiting:
        place, drawn, below, local, adjoint = waiting.pop()
        vertex = vertices[place]
        yield drawn, vertex, local, adjoint
        # A constant is left out: the line above shows it.
        edges = [edge for edge in vertex.edges if vertices[edge.vertex].adjoint is not None or vertices[edge.vertex].edges]
        for edge in reversed(edges):
            is_last = edge is edges[-1]
            whole = vertices[edge.vertex].adjoint
            added = whole if uses[edge.vertex] == 1 else share(vertex, edge)
            known = whole is not None and vertex.adjoint is not None
            ends = (last, "   ") if is_last else (tee, bar)
            told = None if not known else ... if added is None else added
            waiting.append((edge.vertex, below + ends[0], below + ends[1], edge.local, told))


def _sums(found: Trace, page: Page) -> None:
    """The gradient, with the paths that make it."""
    f = function_letter(found.report)
    for place, vertex in enumerate(found.vertices):
        if vertex.edges or vertex.name not in found.report.at or vertex.adjoint is None:
            continue
        shares = [share(user, edge) for user in found.vertices for edge in user.edges if edge.vertex == place]
        several = f"{' + '.join(map(fit, shares))} = " if 1 < len(shares) <= _PATHS and None not in shares else ""
        page.sentence(f"∂{f}/∂{vertex.name} = {several}{fit(vertex.adjoint)}", hanging=4)


def trace_plain(found: Trace, options: RenderOptions) -> str:
    """A line a vertex, in the order of evaluation."""
    lines = []
    for place, vertex in enumerate(found.vertices):
        edges = [cell for edge in vertex.edges for cell in (str(edge.vertex), _exactly(edge.local))]
        cells = [str(place), vertex.text, vertex.grad_fn or "", _exactly(vertex.value), _exactly(vertex.adjoint), *edges]
        lines.append(options.text("\t".join(cells)) + "\n")
    return "".join(lines)


def trace_json(found: Trace, options: RenderOptions) -> str:
    """One object: the vertices, and the proven answer."""
    nodes = [{"number": place, **asdict(vertex)} for place, vertex in enumerate(found.vertices)]
    return _object("trace", found.report, {"vertices": nodes, "events": found.events})


# -------------------------------------------------------------------------------------------------- accumulation


def accumulation_table(found: Accumulation, options: RenderOptions) -> str:
    """A table a variable: a row a pass, a column a way to clear."""
    from rich.text import Text

    page = _begun(found.report, options)
    f = function_letter(found.report)
    for name in _moving(found.report):
        page.line(f"{name}.grad after each backward(); ∂{f}/∂{name} = {_true(found.report, name)}")
        rows = [
            [Text(f"pass {number + 1}"), *(Text(fit(passes[number][name])) for passes in found.gradients.values())]
            for number in range(found.passes)
        ]
        page.columns(("", *found.gradients), rows)
        page.line()
    page.sentence(WHY)
    return _ended(found.report, page)


WHY = (
    "backward() adds to .grad instead of replacing it, so that a gradient can be gathered over several batches: whoever "
    "wants that of one pass clears it before, with grad.zero_(), or with zero_grad(), which sets it to None."
)


def accumulation_plain(found: Accumulation, options: RenderOptions) -> str:
    """A line a variable and a way to clear: the gradients after each pass."""
    lines = [
        "\t".join([name, how, *(_exactly(gradients[name]) for gradients in passes)])
        for name in _moving(found.report)
        for how, passes in found.gradients.items()
    ]
    return "".join(options.text(line) + "\n" for line in lines)


def accumulation_json(found: Accumulation, options: RenderOptions) -> str:
    """One object: the gradients by the way they are cleared, and the proven answer."""
    return _object("accumulate", found.report, {"passes": found.passes, "gradients": found.gradients, "why": WHY})


def _moving(report: Report) -> list[str]:
    return list(dict.fromkeys(partial.by[0] for partial in report.partials))


def _true(report: Report, name: str) -> str:
    found = [partial.symbolic or "undefined" for partial in report.partials if partial.by == (name,)]
    shown = [text if len(text) < 14 else f"{float(text):.10g}" for text in found[:FEW]]
    more = [f"... {len(found) - len(shown)} more"] if len(shown) < len(found) else []
    return shown[0] if len(found) == 1 else f"[{', '.join([*shown, *more])}]"


# ------------------------------------------------------------------------------------------------------ tracking


def tracking_table(found: Tracking, options: RenderOptions) -> str:
    """A row a way; torch's errors in its own words."""
    from rich.text import Text

    page = _begun(found.report, options)
    for title, ways in (("y.backward()", found.ways), ("y.sum().backward()", found.of_sum)):
        if ways:
            rows = [[Text(cell) for cell in (*_said(way), _outcome(way))] for way in ways]
            page.columns(("", "y.requires_grad", "y.grad_fn", "y.is_leaf", title), rows)
            page.line()
    page.sentence("y is the value of the expression; the errors are torch's own words", "dim")
    return page.written()


def _said(way: Tracked) -> tuple[str, str, str, str]:
    return way.way, str(way.requires_grad), way.grad_fn or "None", str(way.is_leaf)


def _outcome(way: Tracked) -> str:
    return way.error or ", ".join(f"{name}.grad = {fit(slope)}" for name, slope in way.gradients.items())


def tracking_plain(found: Tracking, options: RenderOptions) -> str:
    """A line a way; those of the sum of an array are called `sum: ...`."""
    lines = [
        "\t".join(
            [prefix + way.way, *_said(way)[1:], str(way.is_inference), "" if way.error else _outcome(way), way.error or ""]
        )
        for prefix, ways in (("", found.ways), ("sum: ", found.of_sum))
        for way in ways
    ]
    return "".join(options.text(line) + "\n" for line in lines)


def tracking_json(found: Tracking, options: RenderOptions) -> str:
    """One object: what came of each way."""
    ways = {"ways": [asdict(way) for way in found.ways], "of_sum": [asdict(way) for way in found.of_sum]}
    return _object("tracking", found.report, ways)


# ----------------------------------------------------------------------------------------------------------- shared


def _begun(report: Report, options: RenderOptions) -> Page:
    from gradcalc.output.page import Page, notes, ran_on, typed

    page = Page(options)
    page.formula(function_letter(report), report.read_as)
    page.sentence("at " + ", ".join(f"{name} = {typed(value, page)}" for name, value in report.at.items()))
    ran_on(report.dtype, report.device, report.versions, page)
    notes(report, page)
    page.line()
    return page


def _ended(report: Report, page: Page) -> str:
    from gradcalc.output.page import last_line

    page.line()
    if report.verdict is not None:
        last_line(report.verdict, "", page)
    return page.written()


def _object(command: str, report: Report, told: Mapping[str, object]) -> str:
    return machine.line({"schema": SCHEMA, "command": command, **told, "report": machine.as_object(report)})


def _exactly(value: Any) -> str:
    return "" if value is None else repr(value)
