"""The graph of an expression as a document: the gradient, the drawing, and a table of all operations.

Comes in: a `Trace`.  Goes out: a `Document`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradcalc.commands.trace.graph_formats import svg, title
from gradcalc.commands.trace.trace import Trace
from gradcalc.output.document import (
    Block,
    Derivative,
    Display,
    Document,
    Drawing,
    Formula,
    Function,
    Number,
    Paragraph,
    Styled,
    Table,
    Words,
    assignments,
    formula_of,
)
from gradcalc.output.numbers import significant
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.report_document import verdict_words

_DIGITS = 6


def trace_document(trace: Trace, options: RenderOptions) -> Document:
    """The document of a trace."""
    return Document(f"Chain rule of {trace.report.expr}", list(_blocks(trace, options)))


def _blocks(trace: Trace, options: RenderOptions) -> Iterator[Block]:
    report, digits = trace.report, options.digits or _DIGITS
    f = function_letter(report)
    yield Display(Formula([Function(f), "=", formula_of(report.read_as)]))
    yield Paragraph(["at ", Formula(list(assignments(report.values)))])
    for vertex in trace.vertices:
        if not vertex.edges and vertex.name in report.at and isinstance(vertex.adjoint, float):
            yield Display(Formula([Derivative(f, [vertex.name]), "=", Number(significant(vertex.adjoint, digits))]))
    yield Paragraph(["verdict: ", verdict_words(report.verdict)])
    yield from (Paragraph([f"note: {event}"], "warning") for event in trace.events)
    yield Drawing(svg(trace, options), "every box has its value and its adjoint, every arrow the local derivative")
    rows: list[list[Words]] = []
    for vertex in trace.vertices:
        numbers = ["" if it is None else significant(it, digits) for it in (vertex.value, vertex.adjoint)]
        locals_ = ", ".join("" if edge.local is None else significant(edge.local, digits) for edge in vertex.edges)
        rows.append([[Styled(title(vertex), "code")], [vertex.grad_fn or ""], [numbers[0]], [locals_], [numbers[1]]])
    yield Table(("", "PyTorch", "#value", "local derivatives", "#adjoint"), rows[::-1])
    yield Paragraph(["local: ∂this/∂argument, for each argument; adjoint: ∂" + f + "/∂this"], "dim")
    yield from (Paragraph([f"note: {note}"], "dim") for note in report.notes)
