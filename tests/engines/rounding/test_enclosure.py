"""The rounding bound: it holds the truth and torch's number, at one point and at many, and says so where it knows nothing."""

from __future__ import annotations

import math

import pytest
import torch
from support.sampling import sample

from gradcalc.engines.autograd import backward
from gradcalc.engines.rounding import enclosure
from gradcalc.engines.rounding.intervals import Interval
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import ball, refine
from gradcalc.expression.tree import Node
from gradcalc.functions import TABLE, Function
from gradcalc.functions.resolve import understand
from gradcalc.proof.floats.formats import FORMATS


def enclose(
    text: str | Node,
    values: dict[str, float | torch.Tensor],
    constants: dict[str, float],
    names: list[str],
    dtype: str = "float64",
) -> tuple[Interval, dict[str, Interval]]:
    tree = understand(text, []) if isinstance(text, str) else text
    form = FORMATS[dtype]
    return enclosure.enclose(tree, values, constants, names, precision=form.precision, lowest=form.lowest)


UNBOUNDED = {
    "erfi", "erfinv", "gamma", "lgamma", "digamma", "polygamma", "factorial", "beta", "zeta", "heaviside",
    *(name for name in TABLE if name.startswith("bessel")),
}  # fmt: skip
"""Functions whose kernels have no bound of their vendor's, or that torch does not have."""

ROWS = [row for row in TABLE.values() if row.sample and row.definition is None and not (row.condition or row.boolean_args)]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_truth_and_the_number_of_torch_are_inside(row: Function, dtype: str) -> None:
    for place in (0.13, 0.47, 0.91):
        tree, at = sample(row, place)
        names = list(at)
        run = backward.run(tree, at, [(name,) for name in names], dtype=dtype, device="cpu")
        received = {name: float(value) for name, value in run.inputs.items()}
        held = {text: float(value) for text, value in run.constants.items()}
        value, slopes = enclose(tree, received, held, names, dtype)
        for name in names:
            low, high = slopes[name].low.item(), slopes[name].high.item()
            if row.name in UNBOUNDED:
                assert math.isnan(low)
                continue
            site = ExpressionAt(tree, run.inputs, run.constants)
            truth = ball(refine(lambda site=site, name=name: site.taylor_along({name: 1}, 1)[1]))
            assert low <= float(truth) <= high
            assert high - low <= (1e-3 if dtype == "float32" else 1e-11) * (1 + abs(low))
            if run.failure is None and (row.name, dtype) != ("hardsigmoid", "float64"):  # a fault of torch's own
                assert low <= run.partials[name,] <= high
                assert run.value is not None
                assert value.low.item() <= run.value <= value.high.item()


def test_many_points_are_judged_at_once() -> None:
    x = torch.linspace(-3, 3, 101, dtype=torch.float64)
    _, slopes = enclose("sin(x**2)*y", {"x": x, "y": 2.0}, {"2": 2.0}, ["x", "y"])
    exact = 2 * 2 * x * torch.cos(x**2)
    assert bool(((slopes["x"].low <= exact) & (exact <= slopes["x"].high)).all())
    assert not bool((exact + 1e-11 <= slopes["x"].high).any())
    assert slopes["y"].low.shape == (101,)


OPEN = [
    "sign(x)",
    "floor(x)",
    "where(x > 0, x, 1)",
    "where(x == 0, 1, 2)",
    "1/x",
    "log(x)",
    "sqrt(x)",
    "atan2(x, -1)",
    "lgamma(x)",
]


@pytest.mark.parametrize("text", OPEN)
def test_nothing_is_known_on_a_seam_or_at_a_pole(text: str) -> None:
    constants = {"0": 0.0, "1": 1.0, "2": 2.0}
    _, slopes = enclose(text, {"x": 0.0}, constants, ["x"])
    width = slopes["x"].high - slopes["x"].low
    assert not bool(width < 1)


@pytest.mark.parametrize(("text", "low", "high"), [("abs(x)", -1, 1), ("max(x, 2*x)", 1, 2), ("min(x, 2*x)", 1, 2)])
def test_at_a_kink_all_slopes_between_the_two_are_inside(text: str, low: float, high: float) -> None:
    _, slopes = enclose(text, {"x": 0.0}, {"2": 2.0}, ["x"])
    assert slopes["x"].low.item() == pytest.approx(low)
    assert slopes["x"].high.item() == pytest.approx(high)
