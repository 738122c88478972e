"""Values, gradients and Hessians of expressions of arrays are those of the written-out entries along their rays."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from math import prod

import numpy
import pytest
from functions.test_shapes import random_call
from support.array_expressions import of_arrays, rows_of_arrays

from gradcalc.engines.taylor import array_steps, reals
from gradcalc.engines.taylor.array_at import ArrayAt
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import OutOfPrecision, Real, agree, is_accurate
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array, Shape, entry_names, named_entries
from gradcalc.expression.tree import Node, linearize
from gradcalc.functions import Function
from gradcalc.functions.resolve import understand
from gradcalc.functions.scalarize import scalarize
from gradcalc.inputs.values import read_value, value_tree
from gradcalc.proof.smoothness.differentiability import Regularity, examine, value_of
from gradcalc.runtime import deadline

Values = Mapping[str, Array[Fraction]]
SMALL = 40
"""Entries of the variables times entries of the value of a random call."""


def regularity(entry: ExpressionAt, by: list[str]) -> Regularity | None:
    try:
        return examine(entry, by)
    except OutOfPrecision:
        return None


def require_same(number: Real | None, alone: Regularity | None, what: object) -> bool:
    """A number is that of the ray; where there is none, the ray decides.  Whether there is one."""
    if number is None:
        return False
    assert is_accurate(number), what
    assert alone is not None, what
    assert alone.derivative is not None, what
    assert agree(number, alone.derivative), what
    return True


def compare(tree: Node, values: Values, chance: random.Random) -> tuple[int, int]:
    """Compare all gradients, and a row of a Hessian; the numbers of both that are known."""
    try:
        entries = scalarize(tree, values)  # type: ignore[arg-type]
    except CalcError:
        return 0, 0
    if prod(entries.shape) * sum(len(array.entries) for array in values.values()) > SMALL:
        return 0, 0
    array_at = ArrayAt(tree, values)
    assert array_at.shape == entries.shape
    scalars = {name: value for variable, array in values.items() for name, value in named_entries(variable, array)}
    first = second = 0
    for place, entry in enumerate(entries.entries):
        if len(linearize(entry).nodes) > 150:
            continue
        alone = ExpressionAt(entry, scalars)
        value = array_at.value()[place]
        if value is not None:
            expected = value_of(alone)
            assert expected is not None
            assert agree(value, expected)
        variable = chance.choice(list(values))
        position = chance.randrange(len(values[variable].entries))
        along = entry_names(variable, values[variable].shape).entries[position]
        gradient = array_at.gradient(place, list(values))
        row = array_at.hessian_rows(place, variable, position, list(values))
        for other, array in values.items():
            for spot, name in enumerate(entry_names(other, array.shape).entries):
                what = place, name, along
                first += require_same(gradient[other][spot], regularity(alone, [name]), what)
                if row[other][spot] is not None:
                    second += require_same(row[other][spot], regularity(alone, [along, name]), what)
    return first, second


POINTS = {
    "ordinary points": [Fraction(numerator, 100) for numerator in range(-297, 300, 7)],
    "probabilities": [Fraction(numerator, 101) for numerator in range(3, 98)],
    "small numbers": [Fraction(numerator, 2) for numerator in (0, 0, 2, -2, 4, 1)],
}


@pytest.mark.parametrize("row", rows_of_arrays(), ids=lambda row: row.name)
def test_calls_of_all_rows(row: Function) -> None:
    """Small numbers are full of ties, kinks, poles and edges."""
    chance = random.Random(row.name)
    first = second = 0
    has_classes = row.name in ("nll_loss", "cross_entropy")
    for points in POINTS.values():
        for _ in range(60 if has_classes else 12):
            tree, shapes = random_call(chance, row)
            values = {
                name: Array(array.shape, chance.choices(points, k=prod(array.shape))) for name, array in shapes.items()
            }
            if has_classes:
                values["x1"] = values["x1"].map(lambda _: Fraction(chance.randrange(2)))
            counts = compare(tree, values, chance)
            first, second = first + counts[0], second + counts[1]
    assert first
    assert second


@pytest.mark.parametrize("seed", range(25))
def test_random_expressions(seed: int) -> None:
    case = of_arrays(random.Random(seed))
    values = {name: read_value(name, text).entries for name, text in case.at.items()}
    compare(understand(case.expr, values), values, random.Random(seed))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------- singular places


def array(*numbers: float | str | Fraction, shape: Shape | None = None) -> Array[Fraction]:
    return Array((len(numbers),) if shape is None else shape, [Fraction(number) for number in numbers])


def at(expr: str, **values: Array[Fraction]) -> ArrayAt:
    return ArrayAt(understand(expr, values), values)


def exactly(numbers: object) -> list[Fraction | None]:
    """Exact numbers as fractions."""
    assert isinstance(numbers, list)
    return [None if number is None else reals.to_fraction(number) for number in numbers]


MASKS: list[tuple[str, dict[str, Array[Fraction]], int, list[Fraction | int | None]]] = [
    ("relu(x)", {"x": array(0, 1, -1)}, 0, [None, 0, 0]),
    ("relu(x)", {"x": array(0, 1, -1)}, 1, [0, 1, 0]),
    ("sum(relu(x))", {"x": array(0, 1, -1)}, 0, [None, 1, 0]),
    ("max(x)", {"x": array(3, 3, 1)}, 0, [None, None, 0]),
    ("max(x)", {"x": array(3, 3, 1, 0)}, 0, [None, None, 0, 0]),
    ("min(x)", {"x": array(2, 2, 3, 4)}, 0, [None, None, 0, 0]),
    ("max(abs(x))", {"x": array(3, -3, 0, 1)}, 0, [None, None, None, 0]),
    ("abs(maximum(x, y))", {"x": array(-1), "y": array(0)}, 0, [0]),
    ("prod(x)", {"x": array(0, 5, 7)}, 0, [35, 0, 0]),
    ("sum(where(x > 0, sqrt(x), 0))", {"x": array(4, -1, 0)}, 0, [Fraction(1, 4), None, None]),
    ("sum(A@abs(x))", {"x": array(0, 2), "A": array(1, 2, 3, 4, shape=(2, 2))}, 0, [None, 6]),
    ("(A@abs(x))[0]", {"x": array(0, 2), "A": array(0, 2, 3, 4, shape=(2, 2))}, 0, [None, 2]),
    ("norm(x)", {"x": array(0, 0, 0)}, 0, [None, None, None]),
    ("sum(x/[0, 1])", {"x": array(1, 1)}, 0, [None, None]),
    ("(x/[0, 1])[1]", {"x": array(1, 1)}, 0, [0, 1]),
]


@pytest.mark.parametrize(("expr", "values", "place", "slopes"), MASKS, ids=[f"{row[0]} {row[2]}" for row in MASKS])
def test_what_reaches_a_singular_place_is_left_to_its_ray_and_nothing_else(
    expr: str, values: dict[str, Array[Fraction]], place: int, slopes: list[Fraction | int | None]
) -> None:
    gradient = at(expr, **values).gradient(place, ["x"])["x"]
    assert exactly(gradient) == slopes


def test_a_kink_at_the_exact_zero_of_a_product_is_found() -> None:
    w, x = array("0.1", "0.2", "-0.3"), array(1, 1, 1)
    assert exactly(at("relu(w@x)", w=w, x=x).gradient(0, ["x"])["x"]) == [None, None, None]
    binary = [numpy.array([0.5, -0.25, 0.25] * 700), numpy.array([0.5, 0.5, -0.5] * 700)]
    values = {name: Array((2100,), numbers) for name, numbers in zip("wx", binary, strict=True)}
    array_at = ArrayAt(understand("relu(w@x)", values), values)
    assert array_at.value() == [0]
    assert set(array_at.gradient(0, ["x"])["x"]) == {None}


def test_nothing_times_infinity_is_nothing() -> None:
    """The branch that is not taken has no finite slope, and no adjoint arrives there."""
    values = {"x": array(0, 0), "y": array(2, 3)}
    gradient = at("sum(where(y > 0, y**2, 1/x))", **values).gradient(0, ["y"])
    assert exactly(gradient["y"]) == [4, 6]
    matrix = at("(A@[1/0*x[0], y[0]])[0]*0 + y[0]", A=array(1, 1, 1, 1, shape=(2, 2)), **values)
    assert matrix.value() == [None]


def test_a_partial_at_a_kink_has_no_second_derivatives() -> None:
    rows = at("abs(x[0])*x[1]**2", x=array(0, 2))
    assert exactly(rows.hessian_rows(0, "x", 0, ["x"])["x"]) == [None, None]
    assert exactly(rows.hessian_rows(0, "x", 1, ["x"])["x"]) == [None, 0]


# ------------------------------------------------------------------------------------------------------------- precision


def test_precision_grows_until_a_number_is_known() -> None:
    close = array("1", "1." + "0" * 50 + "1")
    (slope,) = at("exp(y*x[0]) - exp(y*x[1])", x=close, y=array(1, shape=())).gradient(0, ["y"])["y"]
    assert slope is not None
    assert is_accurate(slope)
    assert slope < 0


@pytest.mark.parametrize("expr", ["sin(y)**2 + cos(y)**2", "log(exp(y)) - y", "sum(softmax([y, 2*y]))"])
def test_what_may_be_zero_is_not_known(expr: str) -> None:
    """Its ray may prove it."""
    array_at = at(expr, y=array("0.3", shape=()))
    assert exactly(array_at.gradient(0, ["y"])["y"]) == [None]


def test_variables_of_which_the_value_is_not_known_well_leave_the_others_alone() -> None:
    gradient = at("[sin(y)**2 + cos(y)**2 - 1, y**2]", y=array(3, shape=()))
    assert gradient.value()[0] is None
    assert exactly(gradient.gradient(0, ["y"])["y"]) == [None]
    assert exactly(gradient.gradient(1, ["y"])["y"]) == [6]


# ------------------------------------------------------------------------------------------------------ values and sizes


def test_values_as_they_are_typed() -> None:
    trees: Array[Node] = Array((3,), [value_tree("x", text) for text in ("-1/3", "sqrt(2)", "2")])
    gradient = ArrayAt(understand("sum(x**2)", {"x": trees}), {"x": trees}).gradient(0, ["x"])["x"]
    assert gradient[1] is not None
    assert is_accurate(gradient[1])
    assert exactly([gradient[0], gradient[2]]) == [Fraction(-2, 3), 4]


def test_constants_of_a_machine_replace_literals_but_no_numbers_of_a_row() -> None:
    values = {"x": array(1, 2, 4)}
    tree = understand("mean(3*x)", values)
    assert exactly(ArrayAt(tree, values, {"3": Fraction(5)}).gradient(0, ["x"])["x"]) == [Fraction(5, 3)] * 3


def test_a_number_is_an_array_of_one_entry() -> None:
    number = at("y", y=array(5, shape=()))
    assert (number.shape, list(number.value())) == ((), [5])
    assert exactly(number.gradient(0, ["y"])["y"]) == [1]
    assert exactly(at("x[1]", x=array(5, 6)).gradient(0, ["x"])["x"]) == [0, 1]
    assert exactly(at("A.T", A=array(1, 2, 3, 4, shape=(2, 2))).gradient(1, ["A"])["A"]) == [0, 0, 1, 0]


def test_variables_that_do_not_occur_have_zero_derivatives() -> None:
    assert exactly(at("sum(x)", x=array(5, 6), y=array(1, 2)).gradient(0, ["y"])["y"]) == [0, 0]


def test_matrices_beyond_what_is_written_out() -> None:
    """The gradient of log(det(A)) is the transposed inverse."""
    size = 20
    chance = random.Random(1)
    entries = [chance.gauss(0, 1) + 8 * (place % (size + 1) == 0) for place in range(size * size)]
    values = {"A": Array((size, size), numpy.array(entries))}
    gradient = ArrayAt(understand("logdet(A)", values), values).gradient(0, ["A"])["A"]
    inverse = ArrayAt(understand("inv(A).T", values), values).value()
    for slope, entry in zip(gradient, inverse, strict=True):
        assert slope is not None
        assert entry is not None
        assert agree(slope, entry)


def test_matrices_that_are_not_regular_are_left_to_their_rays() -> None:
    singular = array(1, 2, 2, 4, shape=(2, 2))
    assert at("det(A)", A=singular).value() == [0]
    assert set(at("det(A)", A=singular).gradient(0, ["A"])["A"]) == {None}
    assert at("inv(A)", A=singular).value() == [None] * 4


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_classes_come_from_values_of_any_kind(reduction: str) -> None:
    """Typed, as fractions, or as binary numbers."""
    scores = array(*range(8), shape=(2, 4))
    kinds = [array(3, 1).entries, [value_tree("y", "3"), value_tree("y", "1")], numpy.array([3.0, 1.0])]
    gradients = []
    for entries in kinds:
        values = {"x": scores, "y": Array((2,), entries)}  # type: ignore[arg-type]
        tree = understand(f"sum(nll_loss(x, y[:], reduction={reduction}))", values)
        gradients.append(exactly(ArrayAt(tree, values).gradient(0, ["x"])["x"]))
    assert gradients[0] == gradients[1] == gradients[2]
    assert gradients[0].count(0) == 6


@pytest.mark.parametrize("wrong", [4, -1, Fraction(1, 2)])
def test_what_names_no_class_is_refused(wrong: Fraction | int) -> None:
    with pytest.raises(CalcError, match="a class must be an integer from 0 to 3"):
        at("nll_loss(x, y)", x=array(1, 2, 3, 4), y=array(wrong, shape=()))


def test_large_products_are_those_of_rationals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of balls and of rationals are the same, forward and back."""
    chance = random.Random(2)
    shapes: dict[str, Shape] = {"A": (17, 18), "B": (18, 19)}  # products of balls, in parts
    monkeypatch.setattr(array_steps, "_MULTIPLICATIONS", 1)
    numbers = {name: [Fraction(chance.randrange(-99, 99), 7) for _ in range(prod(shape))] for name, shape in shapes.items()}
    values = {name: Array(shape, numbers[name]) for name, shape in shapes.items()}
    array_at = at("A@B", **values)
    place = 5 * 19 + 3
    row, column = numbers["A"][5 * 18 : 6 * 18], numbers["B"][3::19]
    value = array_at.value()[place]
    assert value is not None
    assert agree(value, reals.exact(sum(left * right for left, right in zip(row, column, strict=True))))
    gradient = array_at.gradient(place, ["A", "B"])
    assert exactly(gradient["A"])[5 * 18 : 6 * 18] == column
    assert exactly(gradient["B"])[3::19] == row
    assert sum(map(bool, gradient["A"])) == 18


@pytest.mark.parametrize("expr", ["logdet(A)", "inv(A)", "A@A", "softmax(A)"])
def test_the_time_limit_holds(expr: str) -> None:
    values = {"A": Array((40, 40), numpy.random.default_rng(0).normal(size=1600))}
    with deadline.limit(0), pytest.raises(deadline.OutOfTime):
        ArrayAt(understand(expr, values), values).gradient(0, ["A"])


def test_what_cannot_be_interrupted_is_not_begun_without_time() -> None:
    """Elimination of a large matrix is one call."""
    size = 2_000
    values = {"A": Array((size, size), numpy.zeros(size * size))}
    with deadline.limit(60), pytest.raises(deadline.OutOfTime):
        ArrayAt(understand("det(A)", values), values).value()
