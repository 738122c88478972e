"""The grid of partials: in what order they come, which entries are chosen, and that none is made before it is asked for."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest

from gradcalc.calculate.partials import MAX_PARTIALS, MAX_SINGLE_PARTIALS, PartialSpec, partial_grid
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import entry_names, indices
from gradcalc.inputs.query import Wrt

SHAPES = {"a": (), "x": (3,), "A": (2, 3)}


def every(names: tuple[str, ...], order: int, shape: tuple[int, ...]) -> list[PartialSpec]:
    """The same list, written out."""
    specs = []
    for by in product(names, repeat=order):
        for place, of in enumerate(indices(shape)):
            pairs = [list(zip(entry_names(name, SHAPES[name]).entries, indices(SHAPES[name]), strict=True)) for name in by]
            for combination in product(*pairs):
                index = sum((at for _, at in combination), of)
                specs.append(PartialSpec(place, tuple(entry for entry, _ in combination), by, index, of))
    return specs


@pytest.mark.parametrize("names", [("a",), ("x",), ("A", "a"), ("x", "A")], ids="-".join)
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("shape", [(), (2,), (2, 2)], ids=str)
def test_the_order_is_by_variables_then_of_the_value_then_of_the_variables(
    names: tuple[str, ...], order: int, shape: tuple[int, ...]
) -> None:
    grid = partial_grid([Wrt(name) for name in names], order, SHAPES, shape)
    expected = every(names, order, shape)
    assert list(grid) == expected
    assert grid[1:4] == expected[1:4]
    assert len(grid) == len(expected)
    with pytest.raises(IndexError):
        grid[len(grid)]
    lines = [
        (number, line.place, (*line.prefix, line.axis.entry(position)))
        for line in grid.lines()
        for number, position in enumerate(line.axis.positions, line.start)
    ]
    assert lines == [(number, spec.place, spec.entries) for number, spec in enumerate(expected)]


def test_entries_are_chosen_and_counted_once() -> None:
    grid = partial_grid([Wrt("x", "x[-1]", (-1,)), Wrt("x", "x[2]", (2,)), Wrt("x", "x[0]", (0,))], 1, SHAPES, ())
    assert [spec.entries for spec in grid] == [("x[2]",), ("x[0]",)]
    assert grid.gradients() == {(): ("x",)}


def test_gradients_are_by_whole_variables_after_single_entries() -> None:
    grid = partial_grid([Wrt("x", "x[1]", (1,)), Wrt("a")], 2, SHAPES, ())
    assert grid.gradients() == {("x[1]",): ("x", "a"), ("a",): ("x", "a")}


@pytest.mark.parametrize("entry", ["x[3]", "x[-4]", "x[0,0]"])
def test_an_entry_that_is_not_there(entry: str) -> None:
    index = tuple(map(int, entry[2:-1].split(",")))
    with pytest.raises(CalcError, match=r"^x has no entry ") as caught:
        partial_grid([Wrt("x", entry, index)], 1, SHAPES, ())
    assert caught.value.hint == "its entries are x[0] to x[2]"


def test_a_million_partials_take_no_time_to_describe() -> None:
    grid = partial_grid([Wrt("W")], 1, {"W": (1_000, 1_000)}, ())
    assert len(grid) == MAX_PARTIALS
    assert grid[999_999] == PartialSpec(0, ("W[999,999]",), ("W",), (999, 999), ())


@pytest.mark.parametrize(
    ("shapes", "order", "shape", "limit"),
    [
        ({"W": (1_001, 1_000)}, 1, (), MAX_PARTIALS),
        ({"W": (1_001,)}, 2, (), MAX_PARTIALS),
        ({"W": (101,)}, 1, (100, 100), MAX_PARTIALS),
        ({"W": (17,)}, 3, (), MAX_SINGLE_PARTIALS),
    ],
)
def test_limits(shapes: dict[str, tuple[int, ...]], order: int, shape: tuple[int, ...], limit: int) -> None:
    with pytest.raises(CalcError) as caught:
        partial_grid([Wrt("W")], order, shapes, shape)
    total = prod(shapes["W"])
    count = prod(shape) * total**order
    assert caught.value.message == (
        f"{prod(shape)} x {total} entries to the order {order} are {count} partials; the limit is {limit}"
    )
