"""The graph of an expression as a drawing: for Graphviz, for Mermaid, and as SVG that needs no other program.

Comes in: a `Trace`.  Goes out: text.  Constants are not drawn; what uses them shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from gradcalc.commands.trace.trace import Trace
from gradcalc.output.numbers import cut, significant
from gradcalc.output.options import RenderOptions
from gradcalc.output.records import Format

if TYPE_CHECKING:
    from gradcalc.engines.autograd.graph import Vertex


def title(vertex: Vertex, length: int = 40) -> str:
    """The expression of a vertex; the beginning of one that is too long for a line or a box."""
    return cut(vertex.text, length, length - 3)


def _boxes(trace: Trace) -> dict[int, list[str]]:
    """The lines of every box: the expression, torch's name, the value, the adjoint."""
    boxes = {}
    for place, vertex in enumerate(trace.vertices):
        if not vertex.edges and vertex.adjoint is None and len(trace.vertices) > 1:
            continue
        lines = [title(vertex), *([vertex.grad_fn] if vertex.grad_fn else []), f"value {significant(vertex.value)}"]
        boxes[place] = [*lines, f"adjoint {significant(vertex.adjoint)}"] if vertex.adjoint is not None else lines
    return boxes


def _arrows(vertices: Sequence[Vertex], boxes: dict[int, list[str]]) -> Iterator[tuple[int, int, str]]:
    """From every argument to what uses it, with the local derivative."""
    for place, vertex in enumerate(vertices):
        for edge in vertex.edges:
            if edge.vertex in boxes:
                yield edge.vertex, place, "" if edge.local is None else significant(edge.local, 6)


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


# ---------------------------------------------------------------------------------------------------------------- svg

_CHARACTER, _LINE, _PAD = 7.3, 17, 9
_ACROSS, _DOWN = 96, 26
"""Pixels of a character and a line, and between boxes."""
_INK = "#555"
_Corner = tuple[float, float, float, float]
"""Left, top, width and height of a box."""


def svg(trace: Trace, options: RenderOptions) -> str:
    """A drawing from left to right: a column for all that can be computed at once."""
    boxes = _boxes(trace)
    columns = _columns(trace.vertices, boxes)
    widths = [max(max(map(len, boxes[place])) for place in column) * _CHARACTER + 2 * _PAD for column in columns]
    heights = [sum(_height(boxes[place]) + _DOWN for place in column) - _DOWN for column in columns]
    tallest = max(heights)
    corners: dict[int, _Corner] = {}
    left = float(_PAD)
    for column, width, height in zip(columns, widths, heights, strict=True):
        top = _PAD + (tallest - height) / 2
        for place in column:
            corners[place] = left, top, width, _height(boxes[place])
            top += _height(boxes[place]) + _DOWN
        left += width + _ACROSS
    depth = {place: number for number, column in enumerate(columns) for place in column}
    parts, floor = [], tallest + _PAD
    for start, end, label in _arrows(trace.vertices, boxes):
        if depth[end] > depth[start] + 1:  # below all boxes that stand between
            floor += _DOWN
            parts.append(_detour(corners[start], corners[end], floor, label))
        else:
            parts.append(_arrow(corners[start], corners[end], label))
    parts += [_box(corners[place], lines) for place, lines in boxes.items()]
    across, down = f"{left - _ACROSS + _PAD:g}", f"{floor + _PAD:g}"
    head = _tag("path", d="M0,0 L8,4 L0,8 z", fill=_INK)
    marker = _tag("marker", head, id="head", markerWidth="9", markerHeight="9", refX="8", refY="4", orient="auto")
    parts = [
        _tag("title", escape(trace.report.read_as)),
        _tag("defs", marker),
        _tag("rect", width=across, height=down, fill="#fff"),
        *parts,
    ]
    drawing = _tag(
        "svg", "\n".join(["", *parts, ""]), xmlns="http://www.w3.org/2000/svg", width=across, height=down,
        viewBox=f"0 0 {across} {down}", font_family="ui-monospace, Menlo, Consolas, monospace", font_size="12",
    )  # fmt: skip
    return f"{drawing}\n"


def _tag(name: str, inside: str = "", **attributes: str | float) -> str:
    """An element; underscores in the names of attributes are hyphens."""
    text = "".join(
        f' {key.replace("_", "-")}="{value:g}"' if isinstance(value, float) else f' {key.replace("_", "-")}="{value}"'
        for key, value in attributes.items()
    )
    return f"<{name}{text}>{inside}</{name}>" if inside else f"<{name}{text}/>"


def _columns(vertices: Sequence[Vertex], boxes: dict[int, list[str]]) -> list[list[int]]:
    """The boxes by how long the way to them is; in a column, in the order of what they are computed from."""
    depth: dict[int, int] = {}
    rank: dict[int, float] = {}
    for place in boxes:
        inputs = [edge.vertex for edge in vertices[place].edges if edge.vertex in boxes]
        depth[place] = 1 + max((depth[it] for it in inputs), default=-1)
        rank[place] = sum(rank[it] for it in inputs) / len(inputs) if inputs else float(place)
    columns: list[list[int]] = [[] for _ in range(max(depth.values()) + 1)]
    for place in sorted(boxes, key=rank.__getitem__):
        columns[depth[place]].append(place)
    return columns


def _height(lines: Sequence[str]) -> float:
    return len(lines) * _LINE + _PAD


def _box(corner: _Corner, lines: Sequence[str]) -> str:
    left, top, width, height = corner
    numbers = [word.strip("[],") for line in lines for word in line.split()]
    border, fill = ("#b00020", "#fdecee") if {"nan", "inf", "-inf"} & set(numbers) else (_INK, "#f5f7fa")
    parts = [_tag("rect", x=left, y=top, width=width, height=height, rx="6", fill=fill, stroke=border)]
    for number, line in enumerate(lines, 1):
        weight = "bold" if number == 1 else "normal"
        parts.append(_tag("text", escape(line), x=left + _PAD, y=top + _LINE * number - 3, fill="#111", font_weight=weight))
    return "\n".join(parts)


def _arrow(start: _Corner, end: _Corner, label: str) -> str:
    x1, y1 = start[0] + start[2], start[1] + start[3] / 2
    x2, y2 = end[0], end[1] + end[3] / 2
    way = f"M{x1:g},{y1:g} C{x1 + 40:g},{y1:g} {x2 - 40:g},{y2:g} {x2 - 1:g},{y2:g}"
    return _with_label(way, (x1 + x2) / 2, (y1 + y2) / 2, label)


def _detour(start: _Corner, end: _Corner, floor: float, label: str) -> str:
    x1, y1 = start[0] + start[2] - 2 * _PAD, start[1] + start[3]
    x2, y2 = end[0] + 2 * _PAD, end[1] + end[3]
    way = f"M{x1:g},{y1:g} C{x1:g},{floor:g} {x1:g},{floor:g} {x1 + 40:g},{floor:g} L{x2 - 40:g},{floor:g} "
    return _with_label(way + f"C{x2:g},{floor:g} {x2:g},{floor:g} {x2:g},{y2 + 1:g}", (x1 + x2) / 2, floor, label)


def _with_label(way: str, x: float, y: float, label: str) -> str:
    """An arrow with the local derivative on it, readable over lines."""
    line = _tag("path", d=way, fill="none", stroke=_INK, marker_end="url(#head)")
    if not label:
        return line
    at = {"x": f"{x:g}", "y": f"{y - 4:g}", "text_anchor": "middle"}
    under = _tag("text", escape(label), **at, stroke="#fff", stroke_width="4")
    return "\n".join([line, under, _tag("text", escape(label), **at, fill="#0b57a4")])


FORMATS: dict[str, Format[Trace]] = {"dot": dot, "mermaid": mermaid, "svg": svg}
