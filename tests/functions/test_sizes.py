"""`one_hot`, and sizes that are computed: shapes, entries and verdicts beside torch's own calls; what is refused."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from gradcalc.calculate.answer import answer
from gradcalc.engines.autograd import forward
from gradcalc.engines.taylor.array_at import ArrayAt
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array, Shape
from gradcalc.expression.tree import Number, whole_number
from gradcalc.functions.resolve import understand
from gradcalc.functions.scalarize import scalarize
from gradcalc.functions.shapes import shape_of
from gradcalc.inputs.values import read_value
from gradcalc.report import Problem, Verdict

SHAPES: list[Shape] = [(), (1,), (4,), (2, 3)]


def classes_of(shape: Shape, count: int) -> torch.Tensor:
    return torch.randint(0, count, shape, generator=torch.Generator().manual_seed(count))


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("shape", SHAPES)
def test_one_hot_is_that_of_torch(shape: Shape, count: int) -> None:
    classes = classes_of(shape, count)
    known = torch.nn.functional.one_hot(classes, count)
    tree = understand(f"one_hot(y, {count})")
    values = {"y": read_value("y", str(classes.tolist())).entries}
    assert shape_of(tree, {"y": shape}) == tuple(known.shape)
    entries = scalarize(tree, values)
    assert entries.shape == tuple(known.shape)
    ones = known.reshape(-1).tolist()
    assert list(entries.entries) == [Number(str(one)) for one in ones]
    assert [None if number is None else float(number) for number in ArrayAt(tree, values).value()] == ones
    by_torch = forward.build(tree, {"y": classes.double()}, forward.constants_of(tree, torch.float64, "cpu"))
    assert by_torch.dtype == torch.float64
    assert torch.equal(by_torch, known.double())


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("expr", ["sum(x*one_hot(y, 3))", "sum((x - one_hot(y, 3))**2)", "cross_entropy(x, one_hot(y, 3))", "sum(x[0]*one_hot(y[1], 3))"])  # fmt: skip
def test_gradients_are_proven(expr: str, dtype: str) -> None:
    """By the classes they are 0."""
    report = answer(Problem(expr, {"x": "[[1, 0.5, -2], [3, 0.25, 0.75]]", "y": "[2, 0]"}, dtype=dtype))
    assert report.verdict is Verdict.AGREE
    assert [partial.reference for partial in report.partials if partial.by == ("y",)] == ["0", "0"]


def test_the_loss_of_classes_is_that_of_their_one_hot_rows() -> None:
    at = {"x": "[[1, 0.5, -2], [3, 0.25, 0.75]]", "y": "[2, 0]"}
    gradients = [
        [float(partial.reference or "nan") for partial in answer(Problem(f"cross_entropy(x, {target})", at)).partials]
        for target in ("y", "one_hot(y, 3)")
    ]
    assert gradients[0] == pytest.approx(gradients[1])


WRONG = [
    ("one_hot(y, 2)", "[0, 2]", "a class must be an integer from 0 to 1"),
    ("one_hot(y, 2)", "[0, -1]", "a class must be an integer from 0 to 1"),
    ("one_hot(y, 2)", "[0, 0.5]", "a class must be an integer from 0 to 1"),
    ("one_hot(y + 0, 2)", "[0, 1]", "a class must be an integer from 0 to 1"),
    ("one_hot(y, 0)", "[0, 1]", "one_hot takes sizes: whole numbers from 1 to 10000"),
    ("one_hot(y, y[0])", "[1, 1]", "one_hot takes sizes: whole numbers from 1 to 10000"),
    ("y + sum(ones(2000, 2000))", "1", "ones of shape (2000, 2000) has more than 1,000,000 entries"),
    ("y + sum(eye(2000))", "1", "eye of shape (2000, 2000) has more than 1,000,000 entries"),
    ("sum(one_hot(y, 10000))", str([1] * 200), "one_hot of shape (200, 10000) has more than 1,000,000 entries"),
]


@pytest.mark.parametrize(("expr", "value", "message"), WRONG, ids=[f"{expr} {value[:9]}" for expr, value, _ in WRONG])
def test_what_is_refused(expr: str, value: str, message: str) -> None:
    with pytest.raises(CalcError) as caught:
        answer(Problem(expr, {"y": value}, by=("y",)))
    assert caught.value.message == message


def test_whole_numbers_are_computed_as_python_does() -> None:
    chance = random.Random(0)
    for _ in range(300):
        text = str(chance.randrange(1, 9))
        for _ in range(chance.randrange(5)):
            text = f"({text}) {chance.choice('+-*')} {chance.choice(('', '-'))}{chance.randrange(9)}"
        assert whole_number(understand(text)) == eval(text)


@pytest.mark.parametrize("text", ["1/2", "4/2", "2**2", "x", "3 - x", "1.5 + 1.5", "sqrt(4)", "*".join(["1000"] * 6)])
def test_other_trees_are_no_whole_numbers(text: str) -> None:
    assert whole_number(understand(text)) is None


@pytest.mark.parametrize(("text", "shape"), [("ones(4 - 1)", (3,)), ("ones(2*2, 5 - 2*2)", (4, 1)), ("eye(1 + 1)", (2, 2)), ("one_hot([0, 1], 3 - 1)", (2, 2))])  # fmt: skip
def test_sizes_may_be_computed(text: str, shape: Shape) -> None:
    tree, none = understand(text), dict[str, Array[Any]]()
    assert shape_of(tree, {}) == scalarize(tree, none).shape == ArrayAt(tree, none).shape == shape
    by_torch = forward.build(tree, {}, forward.constants_of(tree, torch.float64, "cpu"))
    assert tuple(by_torch.shape) == shape
    report = answer(Problem(f"x*sum(({text})**2) + x", {"x": "3"}))
    assert report.verdict is Verdict.AGREE
    assert report.partials[0].reference == str(1 + int(by_torch.sum()))
