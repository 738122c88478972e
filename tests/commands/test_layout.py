"""The layout of a graph: boxes are apart, edges run from left to right and cross no box."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from gradcalc.commands.trace.layout import layered

Edges = list[tuple[int, int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[int, tuple[float, float]], Edges]:
    """Boxes of any size, and edges from smaller to larger numbers."""
    count = draw(st.integers(2, 9))
    sizes = {box: (draw(st.integers(20, 300)) * 1.0, draw(st.integers(20, 90)) * 1.0) for box in range(count)}
    edges = draw(st.lists(st.sampled_from(list(combinations(range(count), 2))), min_size=1, max_size=14, unique=True))
    return sizes, edges


@given(graphs())
def test_no_edge_crosses_a_box(graph: tuple[dict[int, tuple[float, float]], Edges]) -> None:
    sizes, edges = graph
    layout = layered(sizes, edges)
    boxes = {box: (*layout.corners[box], *sizes[box]) for box in sizes}
    for (left, top, width, height), (other_left, other_top, other_width, other_height) in combinations(boxes.values(), 2):
        assert (
            left + width <= other_left
            or other_left + other_width <= left
            or top + height <= other_top
            or other_top + other_height <= top
        )
    for (start, end), way in layout.ways.items():
        assert way[0][0] == boxes[start][0] + boxes[start][2]
        assert way[-1][0] == boxes[end][0]
        for (x1, y1), (x2, y2) in pairwise(way):
            assert x1 < x2
            for left, top, width, height in boxes.values():
                # A curve that is level at both ends stays between their heights.
                between = top < max(y1, y2) and min(y1, y2) < top + height
                assert not (between and x1 < left + width and left < x2), (start, end)


def test_a_box_stands_behind_its_inputs_and_the_whole_holds_all() -> None:
    sizes = {0: (50.0, 30.0), 1: (80.0, 40.0), 2: (60.0, 20.0)}
    layout = layered(sizes, [(0, 1), (1, 2), (0, 2)])
    lefts = [layout.corners[box][0] for box in sizes]
    assert lefts == sorted(lefts)
    assert all(
        x + sizes[box][0] <= layout.size[0] and y + sizes[box][1] <= layout.size[1] for box, (x, y) in layout.corners.items()
    )
    assert len(layout.ways[0, 2]) == 4
    assert len(layout.ways[1, 2]) == 2
