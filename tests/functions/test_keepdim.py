"""`keepdim` of reductions: values, shapes and gradients of random arrays beside torch's own calls; what is refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from math import prod

import pytest
import torch

from gradcalc.calculate.uniform_entries import uniform_entries
from gradcalc.engines.autograd import forward
from gradcalc.engines.taylor.array_at import ArrayAt
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import Real, refine
from gradcalc.errors import CalcError, picture
from gradcalc.expression.arrays import Array, Shape, entry_names
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Node, Number
from gradcalc.functions import TABLE
from gradcalc.functions.resolve import understand
from gradcalc.functions.scalarize import scalarize
from gradcalc.functions.shapes import shape_of

Known = Callable[[torch.Tensor, tuple[int, ...], bool], torch.Tensor]


def known_norm(order: float) -> Known:
    return lambda x, dims, keep: torch.linalg.vector_norm(x, order, dims, keep)


def known_product(x: torch.Tensor, dims: tuple[int, ...], keep: bool) -> torch.Tensor:
    """torch multiplies along one dimension at a time."""
    for dim in sorted((dim % x.dim() for dim in dims), reverse=True):
        x = x.prod(dim, keepdim=keep)
    return x


REDUCTIONS: dict[str, Known] = {
    "sum({})": lambda x, dims, keep: torch.sum(x, dims, keepdim=keep),
    "mean({})": lambda x, dims, keep: torch.mean(x, dims, keepdim=keep),
    "prod({})": known_product,
    "amax({})": lambda x, dims, keep: torch.amax(x, dims, keep),
    "amin({})": lambda x, dims, keep: torch.amin(x, dims, keep),
    "max({})": lambda x, dims, keep: torch.amax(x, dims, keep),
    "min({})": lambda x, dims, keep: torch.amin(x, dims, keep),
    "var({})": lambda x, dims, keep: torch.var(x, dims, keepdim=keep),
    "std({}, correction=0)": lambda x, dims, keep: torch.std(x, dims, correction=0, keepdim=keep),
    "norm({})": known_norm(2),
    "norm({}, p=1)": known_norm(1),
    "norm({}, p=inf)": known_norm(float("inf")),
    "logsumexp({})": lambda x, dims, keep: torch.logsumexp(x, dims, keep),
}
DIMS = (None, 0, 1, -1)


def value_at(tree: Node, point: dict[str, Fraction]) -> Real:
    return refine(lambda: ExpressionAt(tree, point).value().value)


def spelled(reduction: str, dim: int | None, *, keepdim: bool) -> str:
    options = [*([] if dim is None else [f"dim={dim}"]), f"keepdim={keepdim}"]
    return f"{reduction.format('x')[:-1]}, {', '.join(options)})"


def test_every_reduction_is_looked_at() -> None:
    rows = {row.name for row in TABLE.values() if "keepdim" in row.options}
    assert rows == {reduction.partition("(")[0] for reduction in REDUCTIONS}
    along_dim = {row.name for row in TABLE.values() if "dim" in row.options}
    assert along_dim - rows == {"cumsum", "cumprod", "softmax", "log_softmax"}


@pytest.mark.parametrize("keepdim", [True, False])
@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_values_and_gradients_are_those_of_torch(reduction: str, dim: int | None, keepdim: bool) -> None:
    """Of a square matrix, which a row and a column are added to in different ways."""
    chance = random.Random(f"{reduction} {dim}")
    for size in (2, 3):
        numbers = [chance.choice((-1, 1)) * part / 64 for part in chance.sample(range(20, 200), size * size)]
        weights = torch.tensor([chance.randrange(-9, 9) for _ in numbers]).reshape(size, size)
        tree = understand(f"sum({weights.tolist()}*(x + {spelled(reduction, dim, keepdim=keepdim)})**2)")

        x = torch.tensor(numbers, dtype=torch.float64).reshape(size, size).requires_grad_()
        dims = (0, 1) if dim is None else (dim,)
        known = (weights * (x + REDUCTIONS[reduction](x, dims, keepdim)) ** 2).sum()
        known.backward()
        assert x.grad is not None

        exact = {"x": Array((size, size), [Fraction(number) for number in numbers])}
        array_at = ArrayAt(tree, exact, variables=["x"])
        (value,), gradient = array_at.value(), array_at.gradient(0, ["x"])["x"]
        assert float(value or "nan") == pytest.approx(known.item(), rel=1e-12, abs=1e-12)
        found = [float("nan") if partial is None else float(partial) for partial in gradient]
        assert found == pytest.approx(x.grad.reshape(-1).tolist(), rel=1e-12, abs=1e-12)

        own = x.detach().clone().requires_grad_()
        by_torch = forward.build(tree, {"x": own}, forward.constants_of(tree, torch.float64, "cpu"))
        by_torch.backward()
        assert by_torch.item() == pytest.approx(known.item(), rel=1e-12)
        assert own.grad is not None
        assert own.grad.reshape(-1).tolist() == pytest.approx(x.grad.reshape(-1).tolist(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("dim", [*DIMS, -2])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_shapes_and_entries_are_those_of_torch(reduction: str, dim: int | None) -> None:
    chance = random.Random(f"{reduction} {dim}")
    shapes: list[Shape] = [(2, 3), (3, 2, 2), (2, 2)]
    for shape in shapes:
        numbers = [part / 64 for part in chance.sample(range(20, 200), prod(shape))]
        dims = tuple(range(len(shape))) if dim is None else (dim,)
        known = REDUCTIONS[reduction](torch.tensor(numbers, dtype=torch.float64).reshape(shape), dims, True)
        tree = understand(spelled(reduction, dim, keepdim=True))
        assert shape_of(tree, {"x": shape}) == tuple(known.shape)
        ones: list[Node] = [Number("1")] * len(numbers)
        found = scalarize(tree, {"x": Array(shape, ones)})
        assert found.shape == tuple(known.shape)
        point = dict(zip(entry_names("x", shape).entries, map(Fraction, numbers), strict=True))
        values = [float(value_at(entry, point)) for entry in found.entries]
        assert values == pytest.approx(known.reshape(-1).tolist(), rel=1e-12)


SPELLINGS = [
    ("sum(x, keepdim=True)", "sum(x, keepdim=True)"),
    ("sum(x, keepdims=True)", "sum(x, keepdim=True)"),
    ("sum(x, 1, True)", "sum(x, dim=1, keepdim=True)"),
    ("x.sum(dim=1, keepdim=True)", "sum(x, dim=1, keepdim=True)"),
    ("max(x, dim=0, keepdim=True).values", "max(x, dim=0, keepdim=True)"),
    ("norm(x, 2, 0, True)", "norm(x, p=2, dim=0, keepdim=True)"),
    ("var(x, 0, correction=0, keepdims=True)", "var(x, dim=0, correction=0, keepdim=True)"),
    ("sum(x, keepdim=False)", "sum(x)"),
    ("sum(x, 1, False)", "sum(x, dim=1)"),
]


@pytest.mark.parametrize(("text", "expected"), SPELLINGS, ids=[text for text, _ in SPELLINGS])
def test_spellings(text: str, expected: str) -> None:
    tree = understand(text)
    assert unparse(tree) == expected
    assert understand(expected) == tree


USAGE = "\nhint: usage: sum(x, dim, keepdim=False)"
WRONG = [
    ("sum(x, keepdim=1)", f"error: keepdim of sum is False or True\n  sum(x, keepdim=1)\n                 ^{USAGE}"),
    ("sum(x, keepdim=y)", f"error: keepdim of sum is False or True\n  sum(x, keepdim=y)\n                 ^{USAGE}"),
    ("sum(x, True)", f"error: dim of sum is a whole number\n  sum(x, True)\n         ^^^^{USAGE}"),
    (
        "sum(x, keepdim=True, keepdims=True)",
        f"error: keepdim is given twice\n  sum(x, keepdim=True, keepdims=True)\n                       ^^^^^^^^^^^^^{USAGE}",
    ),
    (
        "softmax(x, keepdim=True)",
        "error: softmax has no argument keepdim\n  softmax(x, keepdim=True)\n             ^^^^^^^\nhint: usage: softmax(x, dim)",
    ),
    (
        "x + True",
        "error: True is not a number\n  x + True\n      ^^^^\nhint: write 1; a value, --at True=..., makes it a variable",
    ),
]


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=[text for text, _ in WRONG])
def test_pictures_of_what_is_refused(text: str, expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        understand(text)
    assert picture(caught.value) == expected


MISFITS: list[tuple[str, Shape, str]] = [
    ("max(x, x, keepdim=True)", (2,), "max with keepdim takes one array"),
    ("max(x, x, keepdim=True)", (), "max with keepdim takes one array"),
    ("sum(x, dim=1, keepdim=True)", (2,), "an array of shape (2,) has no dimension 1"),
    ("sum(x, dim=0, keepdim=True)", (), "an array of shape () has no dimension 0"),
]


@pytest.mark.parametrize(("text", "shape", "message"), MISFITS)
def test_shapes_that_do_not_fit(text: str, shape: Shape, message: str) -> None:
    with pytest.raises(CalcError) as caught:
        shape_of(understand(text), {"x": shape})
    assert caught.value.message == message


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_number_has_no_dimensions_to_keep(reduction: str) -> None:
    if not reduction.startswith("var"):
        assert shape_of(understand(spelled(reduction, None, keepdim=True)), {"x": ()}) == ()


@pytest.mark.parametrize("expr", ["sum(x)**2", "sum(sum(x, keepdim=True)**2)"])
def test_the_formula_of_an_entry_is_the_same_where_the_dimension_is_kept(expr: str) -> None:
    formulas = uniform_entries(understand(expr), {"x": (5,)}, ["x"])
    assert formulas is not None
    assert formulas["x"].general.text == "2*sum(x)"
