"""The shape of an expression is that of its entries, and shapes that do not fit are refused without writing entries."""

from __future__ import annotations

import random
from math import prod

import pytest
from support.array_expressions import of_arrays, rows_of_arrays

from gradcalc.errors import CalcError, Span
from gradcalc.expression.arrays import Array, Shape
from gradcalc.expression.tree import Call, Name, Node, Number
from gradcalc.functions import TABLE, Function
from gradcalc.functions.resolve import understand
from gradcalc.functions.scalarize import scalarize
from gradcalc.functions.shapes import shape_of
from gradcalc.inputs.values import read_value

SHAPES: list[Shape] = [(), (1,), (2,), (3,), (1, 1), (2, 2), (2, 3), (3, 2), (1, 3), (3, 1), (2, 1, 2), (2, 2, 2)]


def option(chance: random.Random, row: Function, key: str) -> str:
    if key == "at":
        return ",".join(
            chance.choice(("0", "-1", "1", "2", ":", "1:", "::2", "2:")) for _ in range(chance.choice((1, 1, 2, 3)))
        )
    if row.options[key]:
        return chance.choice((*row.options[key], *(["1", "3"] if key == "p" else [])))
    return str(chance.randrange(-3, 3) if key == "dim" else chance.randrange(4))


def random_call(chance: random.Random, row: Function) -> tuple[Call, dict[str, Array[Node]]]:
    """A call of a row, of arguments of shapes that seldom fit."""
    count = len([parameter for parameter in row.parameters if not parameter.setting and not parameter.optional])
    count += chance.randrange(3) if row.variadic else 0
    pool = chance.sample(SHAPES, chance.choice((1, 2, 3)))
    shapes = [chance.choice(pool) for _ in range(count)]
    settings = [Number("1") for parameter in row.parameters if parameter.setting]
    args: list[Node] = [Name(f"x{place}") for place in range(count)]
    options = tuple((key, option(chance, row, key)) for key in row.options if key == "at" or chance.random() < 0.5)
    zero: Node = Number("0")
    values = {f"x{place}": Array(shape, [zero] * prod(shape)) for place, shape in enumerate(shapes)}
    return Call(row.name, (*args, *settings), Span(0, 1), options), values


def outcome(tree: Node, values: dict[str, Array[Node]]) -> tuple[Shape | str, ...]:
    """The shape by its rule and by the entries, or the errors."""
    results: list[Shape | str] = []
    for compute in (
        lambda: shape_of(tree, {name: value.shape for name, value in values.items()}),
        lambda: scalarize(tree, values).shape,
    ):
        try:
            results.append(compute())
        except CalcError as error:
            results.append(error.message)
    return tuple(results)


@pytest.mark.parametrize("row", rows_of_arrays(), ids=lambda row: row.name)
def test_calls_of_all_rows(row: Function) -> None:
    chance = random.Random(row.name)
    results = set()
    for _ in range(150):
        tree, values = random_call(chance, row)
        shape, written_out = outcome(tree, values)
        assert shape == written_out, (tree, values)
        results.add(type(shape))
    assert tuple in results


@pytest.mark.parametrize("seed", range(30))
def test_random_expressions(seed: int) -> None:
    case = of_arrays(random.Random(seed))
    values = {name: read_value(name, text).entries for name, text in case.at.items()}
    shape, written_out = outcome(understand(case.expr, values), values)
    assert shape == written_out


def test_every_function_of_arrays_has_a_rule_for_its_shape() -> None:
    assert all((row.shape is None) == (row.composition is None) for row in TABLE.values())


REFUSED = [
    ("x + y", {"x": (2,), "y": (3,)}, "shape mismatch: (2,) and (3,)"),
    ("sum(x, dim=1)", {"x": (2,)}, "an array of shape (2,) has no dimension 1"),
    ("var(x, correction=2)", {"x": (2,)}, "2 entries have no variance with the correction 2"),
    ("var(x, dim=0)", {"x": (1, 4)}, "1 entries have no variance with the correction 1"),
    ("norm(x, 3)", {"x": (2,)}, "the order of a norm must be 1, 2 or inf"),
    ("layer_norm(x)", {"x": ()}, "layer_norm needs a vector"),
    ("x[1]", {"x": ()}, "a number has no entries"),
    ("x[0, 0]", {"x": (2,)}, "an array of shape (2,) has 1 places"),
    ("x[2]", {"x": (2,)}, "index 2 is out of range for length 2"),
    ("x[2:]", {"x": (2,)}, "the slice has no entries"),
    ("x[::-1]", {"x": (2,)}, "the step of a slice must be 1 or more"),
    ("[x, y]", {"x": (2,), "y": ()}, "the entries of a list must have one shape, not (2,) and ()"),
    ("max(x, y, dim=0)", {"x": (2,), "y": (2,)}, "max along a dimension takes one array"),
    ("x@y", {"x": (2,), "y": ()}, "@ needs vectors or matrices, not (2,) and ()"),
    ("x@y", {"x": (2, 3), "y": (2,)}, "shape mismatch: (2, 3) @ (2,): 3 columns, 2 rows"),
    ("dot(x, y)", {"x": (2,), "y": (3,)}, "dot takes two vectors of the same length, not (2,) and (3,)"),
    ("outer(x, y)", {"x": (2, 2), "y": (3,)}, "outer takes two vectors, not (2, 2) and (3,)"),
    ("transpose(x)", {"x": (2, 1, 2)}, "transpose takes a matrix, not (2, 1, 2)"),
    ("trace(x)", {"x": (2, 3)}, "a square matrix is needed, not (2, 3)"),
    ("solve(x, y)", {"x": (2, 2), "y": (3,)}, "shape mismatch: (2, 2) @ (3,): 2 columns, 3 rows"),
    ("bce(x, y)", {"x": (2,), "y": ()}, "binary_cross_entropy takes arrays of one shape, not (2,) and ()"),
    ("cross_entropy(x, y)", {"x": (2, 3), "y": (3,)}, "targets of shape (3,) do not match scores of shape (2,)"),
    ("cross_entropy(x, y)", {"x": (), "y": ()}, "cross_entropy takes scores of shape (classes) or (rows, classes), not ()"),
    ("nll_loss(x, y)", {"x": (2,), "y": (2,)}, "nll_loss takes shapes (classes) or (rows, classes) and one class per row, not (2,) and (2,)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expr", "shapes", "message"), REFUSED, ids=[f"{row[0]} {list(row[1].values())}" for row in REFUSED]
)
def test_shapes_that_do_not_fit_are_refused(expr: str, shapes: dict[str, Shape], message: str) -> None:
    with pytest.raises(CalcError) as caught:
        shape_of(understand(expr, shapes), shapes)
    assert caught.value.message == message


def test_a_shape_is_known_without_the_entries() -> None:
    shapes = {"X": (100_000, 1_000), "W": (1_000, 1_000)}
    assert shape_of(understand("softmax(tanh(X@W)@W, dim=1)[:, 3]", shapes), shapes) == (100_000,)
    assert shape_of(understand("logdet(W)", shapes), shapes) == ()
