"""The graph of an expression as a drawing: for Graphviz, for Mermaid, and as SVG that needs no other program.

Comes in: a `Trace`.  Goes out: text.  Constants are not drawn; what uses them shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from gradcalc.commands.trace import svg as drawing
from gradcalc.commands.trace.trace import Trace
from gradcalc.output.numbers import cut, significant
from gradcalc.output.options import RenderOptions
from gradcalc.output.records import Format

if TYPE_CHECKING:
    from gradcalc.engines.autograd.graph import Vertex


def title(vertex: Vertex, length: int = 40) -> str:
    """The expression of a vertex; the beginning of one that is too long for a line or a box."""
    return cut(vertex.text, length, length - 3)


def number(value: Any, digits: int = 10) -> str:
    """A number of the graph; zero without its sign, which would need an explanation."""
    return significant(0.0 if value == 0 else value, digits)


def _boxes(trace: Trace) -> dict[int, list[str]]:
    """The lines of every box: the expression, torch's name, the value, the adjoint."""
    boxes = {}
    for place, vertex in enumerate(trace.vertices):
        if not vertex.edges and vertex.adjoint is None and len(trace.vertices) > 1:
            continue
        lines = [title(vertex), *([vertex.grad_fn] if vertex.grad_fn else []), f"value {number(vertex.value)}"]
        boxes[place] = [*lines, f"adjoint {number(vertex.adjoint)}"] if vertex.adjoint is not None else lines
    return boxes


def _arrows(vertices: Sequence[Vertex], boxes: dict[int, list[str]]) -> Iterator[tuple[int, int, str]]:
    """From every argument to what uses it, with the local derivative."""
    for place, vertex in enumerate(vertices):
        for edge in vertex.edges:
            if edge.vertex in boxes:
                yield edge.vertex, place, "" if edge.local is None else number(edge.local, 6)


def dot(trace: Trace, options: RenderOptions) -> str:
    """For Graphviz: `dot -Tpng`."""
    boxes = _boxes(trace)
    lines = ["digraph gradcalc {", "  rankdir=LR;", '  node [shape=box, fontname="monospace"];']
    lines += [f"  v{place} [label={_quote(chr(10).join(box))}];" for place, box in boxes.items()]
    lines += [
        f"  v{start} -> v{end}" + (f" [label={_quote(label)}];" if label else ";")
        for start, end, label in _arrows(trace.vertices, boxes)
    ]
    return "\n".join([*lines, "}", ""])


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def mermaid(trace: Trace, options: RenderOptions) -> str:
    """For Mermaid, which many pages draw: a block of code named `mermaid`."""
    boxes = _boxes(trace)
    lines = ["flowchart LR"]
    lines += [f'  v{place}["{"<br/>".join(map(_plain, box))}"]' for place, box in boxes.items()]
    lines += [
        f"  v{start} -->" + (f'|"{_plain(label)}"|' if label else "") + f" v{end}"
        for start, end, label in _arrows(trace.vertices, boxes)
    ]
    return "\n".join([*lines, ""])


def _plain(text: str) -> str:
    return escape(text).replace("*", "#42;")


def svg(trace: Trace, options: RenderOptions) -> str:
    """A drawing that needs no other program."""
    boxes = _boxes(trace)
    return drawing.svg(trace, boxes, list(_arrows(trace.vertices, boxes)))


FORMATS: dict[str, Format[Trace]] = {"dot": dot, "mermaid": mermaid, "svg": svg}
