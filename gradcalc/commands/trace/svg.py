"""The graph of an expression as SVG that needs no other program, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from gradcalc.commands.trace.layout import Point, Size, layered
from gradcalc.commands.trace.trace import Trace

_CHARACTER, _LINE, _PAD = 7.3, 17, 9
"""Pixels of a character and of a line, and inside a box."""
_STYLE = """
svg { font: 12px ui-monospace, Menlo, Consolas, monospace }
.box { fill: #f5f7fa; stroke: #6b7683 } .box-text { fill: #111 } .title { font-weight: bold }
.bad { fill: #fdecee; stroke: #c5283d }
.edge { fill: none; stroke: #808b98 } .head { fill: #808b98 } .local { fill: #2f7fd0 }
@media (prefers-color-scheme: dark) { .box { fill: #22272e } .box-text { fill: #e6e9ee } .bad { fill: #48212a } }
"""
"""The colours of edges and their numbers are legible on white and on black: no page needs a background."""


def svg(trace: Trace, boxes: dict[int, list[str]], arrows: Sequence[tuple[int, int, str]]) -> str:
    """A drawing from left to right: a column for all that can be computed at once."""
    sizes = {place: _size(lines) for place, lines in boxes.items()}
    layout = layered(sizes, list(dict.fromkeys((start, end) for start, end, _ in arrows)))
    width, height = (f"{number:g}" for number in layout.size)
    head = _tag("path", d="M0,0 L8,4 L0,8 z", **{"class": "head"})
    marker = _tag("marker", head, id="head", markerWidth="9", markerHeight="9", refX="8", refY="4", orient="auto")
    labels: dict[tuple[int, int], list[str]] = {}
    for start, end, label in arrows:
        labels.setdefault((start, end), []).append(label)
    parts = [
        _tag("title", escape(trace.report.read_as)),
        _tag("style", _STYLE),
        _tag("defs", marker),
        *(_arrow(layout.ways[ends], ", ".join(filter(None, texts))) for ends, texts in labels.items()),
        *(_box(layout.corners[place], sizes[place], lines) for place, lines in boxes.items()),
    ]
    body = "\n".join(["", *parts, ""])
    view = f"0 0 {width} {height}"
    return _tag("svg", body, xmlns="http://www.w3.org/2000/svg", width=width, height=height, viewBox=view) + "\n"


def _size(lines: Sequence[str]) -> Size:
    return max(map(len, lines)) * _CHARACTER + 2 * _PAD, len(lines) * _LINE + _PAD


def _tag(name: str, inside: str = "", **attributes: str | float) -> str:
    """An element; underscores in the names of attributes are hyphens."""
    text = "".join(
        f' {key.replace("_", "-")}="{value:g}"' if isinstance(value, float) else f' {key.replace("_", "-")}="{value}"'
        for key, value in attributes.items()
    )
    return f"<{name}{text}>{inside}</{name}>" if inside else f"<{name}{text}/>"


def _box(corner: Point, size: Size, lines: Sequence[str]) -> str:
    (left, top), (width, height) = corner, size
    numbers = [word.strip("[],") for line in lines for word in line.split()]
    kind = "box bad" if {"nan", "inf", "-inf"} & set(numbers) else "box"
    parts = [_tag("rect", x=left, y=top, width=width, height=height, rx="6", **{"class": kind})]
    for number, line in enumerate(lines, 1):
        style = "box-text title" if number == 1 else "box-text"
        parts.append(_tag("text", escape(line), x=left + _PAD, y=top + _LINE * number - 3, **{"class": style}))
    return "\n".join(parts)


def _arrow(points: Sequence[Point], label: str) -> str:
    """A smooth line through the points, level at each, with the local derivative above its end."""
    way = f"M{points[0][0]:g},{points[0][1]:g}"
    for (x1, y1), (x2, y2) in pairwise(points):
        bend = (x2 - x1) / 2
        way += f" L{x2:g},{y2:g}" if y1 == y2 else f" C{x1 + bend:g},{y1:g} {x2 - bend:g},{y2:g} {x2:g},{y2:g}"
    line = _tag("path", d=way, marker_end="url(#head)", **{"class": "edge"})
    if not label:
        return line
    x, y = points[-1]
    return line + "\n" + _tag("text", escape(label), x=x - 12, y=y - 4, text_anchor="end", **{"class": "local"})
