"""A layered layout of a graph from left to right, in which no edge crosses a box.

Comes in: the sizes of boxes and the edges between them.  Goes out: the corners of the boxes, and of each edge the way it
takes.  A box stands in the column after those of its inputs; an edge that passes columns has a place of its own in each,
as boxes have (the layers and dummy vertices of Sugiyama, Tagawa and Toda, 1981).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ACROSS, _DOWN, _LANE, _EDGE = 96.0, 22.0, 4.0, 9.0
"""Pixels between columns and between boxes, the height of the place of an edge, and the margin."""

Point = tuple[float, float]
Size = tuple[float, float]
Slot = int | tuple[int, int, int]
"""What has a place in a column: a box, or an edge (its number and ends are start, end and column)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`corners` are the left and top of the boxes; a way has its points from left to right; `size` is that of the whole."""

    corners: Mapping[int, Point]
    ways: Mapping[tuple[int, int], Sequence[Point]]
    size: Size


def layered(sizes: Mapping[int, Size], edges: Sequence[tuple[int, int]]) -> Layout:
    """The layout of boxes, numbered so that every edge goes from a smaller to a larger number."""
    depth: dict[int, int] = {}
    for box in sizes:
        depth[box] = 1 + max((depth[start] for start, end in edges if end == box), default=-1)
    columns, ranks = _columns(sizes, edges, depth)
    widths = [max(sizes[slot][0] for slot in column if isinstance(slot, int)) for column in columns]
    heights = [sum(_height(slot, sizes) + _DOWN for slot in column) - _DOWN for column in columns]
    tallest = max(heights)
    places: dict[Slot, Point] = {}
    left = _EDGE
    for column, width, height in zip(columns, widths, heights, strict=True):
        top = _EDGE + (tallest - height) / 2
        for slot in column:
            places[slot] = left, top
            top += _height(slot, sizes) + _DOWN
        left += width + _ACROSS
    corners = {box: places[box] for box in sizes}
    ways = {edge: _way(edge, edges, depth, places, sizes, widths, ranks) for edge in edges}
    return Layout(corners, ways, (left - _ACROSS + _EDGE, tallest + 2 * _EDGE))


def _height(slot: Slot, sizes: Mapping[int, Size]) -> float:
    return sizes[slot][1] if isinstance(slot, int) else _LANE


def _columns(
    sizes: Mapping[int, Size], edges: Sequence[tuple[int, int]], depth: Mapping[int, int]
) -> tuple[list[list[Slot]], dict[Slot, float]]:
    """The columns from left to right, each in the order of what stands before it; and the rank of every slot."""
    columns: list[list[Slot]] = [[] for _ in range(max(depth.values()) + 1)]
    before: dict[Slot, list[Slot]] = {}
    for box in sizes:
        columns[depth[box]].append(box)
    for start, end in edges:
        slot: Slot = start
        for column in range(depth[start] + 1, depth[end]):
            lane = start, end, column
            columns[column].append(lane)
            before[lane] = [slot]
            slot = lane
        before.setdefault(end, []).append(slot)
    ranks: dict[Slot, float] = {}
    for members in columns:
        for place, own in enumerate(members):
            inputs = before.get(own, [])
            ranks[own] = sum(ranks[it] for it in inputs) / len(inputs) if inputs else float(place)
        members.sort(key=ranks.__getitem__)
        ranks.update({own: place - (len(members) - 1) / 2 for place, own in enumerate(members)})
    return columns, ranks


def _way(
    edge: tuple[int, int],
    edges: Sequence[tuple[int, int]],
    depth: Mapping[int, int],
    places: Mapping[Slot, Point],
    sizes: Mapping[int, Size],
    widths: Sequence[float],
    ranks: Mapping[Slot, float],
) -> list[Point]:
    """From the right side of a box, across its places in the columns between, to the left side of another."""
    start, end = edge
    left, top = places[start]
    middle = top + sizes[start][1] / 2
    points = [(left + sizes[start][0], middle)]
    if sizes[start][0] < widths[depth[start]]:  # level to the end of the column, beside wider boxes
        points.append((left + widths[depth[start]], middle))
    for column in range(depth[start] + 1, depth[end]):
        left, top = places[start, end, column]
        points += [(left, top + _LANE / 2), (left + widths[column], top + _LANE / 2)]

    def rank(other: tuple[int, int]) -> float:
        column = depth[end] - 1
        return ranks[other[0] if depth[other[0]] == column else (*other, column)]

    # Edges arrive in the order in which they come, so that they do not cross before the box.
    arrivals = sorted((other for other in edges if other[1] == end), key=rank)
    share = (arrivals.index(edge) + 1) / (len(arrivals) + 1)
    return [*points, (places[end][0], places[end][1] + sizes[end][1] * share)]
