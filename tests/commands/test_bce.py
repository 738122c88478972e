"""One neuron with binary cross-entropy: the figures of the textbook example, and what breaks it."""

from __future__ import annotations

import math

import pytest
import torch

from gradcalc.commands.bce.neuron import NeuronReport, WorkLine, neuron
from gradcalc.errors import CalcError, picture
from gradcalc.report import Verdict


def lines(report: NeuronReport) -> dict[str, WorkLine]:
    return {line.name: line for line in (*report.forward, *report.factors, *report.products)}


def gradients(report: NeuronReport) -> dict[str, float | None]:
    return {partial.by[0]: partial.autograd for partial in report.gradients}


# ------------------------------------------------------------------------------------------------ where all is well


@pytest.mark.parametrize("eps", ["1e-7", "1e-8"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_textbook_example(eps: str, dtype: str) -> None:
    report = neuron(x="6.7", y="0", eps=eps, dtype=dtype)
    found = lines(report)
    assert (report.verdict, report.dtype, report.device, report.eps) == (Verdict.AGREE, dtype, "cpu", eps)
    assert round(found["loss"].computed, 4) == 6.7012
    assert round(found["dL/dw"].computed, 4) == 6.6918
    assert round(found["dL/db"].computed, 4) == 0.9988
    assert {name: round(number or 0, 4) for name, number in gradients(report).items()} == {"w": 6.6918, "b": 0.9988}
    assert {partial.by[0]: round(partial.autograd or 0, 4) for partial in report.logits.partials} == {
        "w": 6.6918,
        "b": 0.9988,
    }
    does_nothing = ("eps = 1e-8 has no effect at the upper end: 1 - 1e-8 rounds to 1 in float32",)
    assert report.events == (does_nothing if (eps, dtype) == ("1e-8", "float32") else ())


def test_every_line_of_the_work() -> None:
    report = neuron(x="6.7", y="0")
    assert [(line.name, line.formula, line.exact) for line in (*report.forward, *report.factors, *report.products)] == [
        ("z", "w*x + b", "6.7"),
        ("p", "sigmoid(w*x + b)", "0.99877060137872257956"),
        ("q", "clamp(p, 1e-7, 1 - 1e-7)", "0.99877060137872257956"),
        ("loss", "-(y*log(q) + (1 - y)*log(1 - q))", "6.7012301549517136993"),
        ("dL/dp", "(p - y)/(p*(1 - p))", "813.40582516754311347"),
        ("dp/dz", "p*(1 - p)", "0.0012278872003074216183"),
        ("dz/dw", "x", "6.7"),
        ("dz/db", "1", "1"),
        ("dL/dw", "dL/dp * dp/dz * dz/dw", "6.6917630292374412830"),
        ("dL/db", "dL/dp * dp/dz * dz/db", "0.99877060137872257956"),
    ]
    for line in lines(report).values():
        assert line.exact is not None
        assert line.computed == pytest.approx(float(line.exact), rel=1e-12)


@pytest.mark.parametrize(
    ("x", "y", "w", "b"),
    [("1", "1", "0.5", "-0.25"), ("-3", "0", "1/3", "pi"), ("2", "0.5", "-1", "0"), ("0", "1", "1", "0")],
)
def test_the_chain_rule_by_hand_is_the_gradient(x: str, y: str, w: str, b: str) -> None:
    report = neuron(x=x, y=y, w=w, b=b)
    found = lines(report)
    assert (report.at, report.verdict) == ({"x": x, "y": y, "w": w, "b": b}, Verdict.AGREE)
    for partial in report.gradients:
        line = found[f"dL/d{partial.by[0]}"]
        assert partial.symbolic == line.exact
        assert partial.autograd == pytest.approx(line.computed, rel=1e-12, abs=1e-15)
    assert [partial.symbolic for partial in report.logits.partials] == [partial.symbolic for partial in report.gradients]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype: str) -> None:
    report = neuron(x="3", y="0.5", dtype=dtype)
    assert report.verdict is Verdict.AGREE
    assert report.events == (f"eps = 1e-7 has no effect at the upper end: 1 - 1e-7 rounds to 1 in {dtype}",)


# --------------------------------------------------------------------------------------------------- where it breaks

ROUNDED = "p rounds to 1 in float32"
DIVIDES = "the formula by hand divides by zero: the denominator p*(1 - p) of dL/dp is 0"

# x, y, eps, dtype; verdict and cause; autograd's dL/dw and dL/db, the true ones; what happened
BROKEN = [
    ("20", "0", "1e-7", "float32", "different-function", "clamp", (0.0, 0.0), ("19.999999958776927636", "0.99999999793884638181"), (
        ROUNDED,
        "the clamp moved p from 1.0 to 0.9999998807907104, where its gradient is 0",
        DIVIDES,
        "autograd returns 0.0 for dL/dw; the correct value is 19.99999996",
        "autograd returns 0.0 for dL/db; the correct value is 0.9999999979",
    )),
    ("20", "0", "1e-8", "float32", "not-finite", "saturation", (math.nan, math.nan), ("19.999999958776927636", "0.99999999793884638181"), (
        "eps = 1e-8 has no effect at the upper end: 1 - 1e-8 rounds to 1 in float32",
        ROUNDED,
        "log(1 - q) is the logarithm of 0",
        DIVIDES,
        "autograd returns nan for dL/dw; the correct value is 19.99999996",
        "autograd returns nan for dL/db; the correct value is 0.9999999979",
    )),
    ("20", "0", "1e-7", "float64", "different-function", "clamp", (0.0, 0.0), ("19.999999958776927636", "0.99999999793884638181"), (
        "the clamp moved p from 0.9999999979388463 to 0.9999999, where its gradient is 0",
        "autograd returns 0.0 for dL/dw; the correct value is 19.99999996",
        "autograd returns 0.0 for dL/db; the correct value is 0.9999999979",
    )),
    ("-20", "1", "1e-8", "float32", "different-function", "clamp", (0.0, 0.0), ("19.999999958776927636", "-0.99999999793884638181"), (
        "eps = 1e-8 has no effect at the upper end: 1 - 1e-8 rounds to 1 in float32",
        "the clamp moved p from 2.06115369216775e-09 to 9.99999993922529e-09, where its gradient is 0",
        "autograd returns -0.0 for dL/dw; the correct value is 19.99999996",
        "autograd returns 0.0 for dL/db; the correct value is -0.9999999979",
    )),
]  # fmt: skip


@pytest.mark.parametrize(
    ("x", "y", "eps", "dtype", "verdict", "cause", "numbers", "truths", "events"), BROKEN,
    ids=[f"x={x} eps={eps} {dtype}" for x, _, eps, dtype, *_ in BROKEN],
)  # fmt: skip
def test_what_breaks_is_told(
    x: str, y: str, eps: str, dtype: str, verdict: str, cause: str, numbers: tuple[float, float], truths: tuple[str, str], events: tuple[str, ...],
) -> None:  # fmt: skip
    report = neuron(x=x, y=y, eps=eps, dtype=dtype)
    assert report.verdict == verdict
    assert report.events == events
    for partial, number, truth in zip(report.gradients, numbers, truths, strict=True):
        assert (partial.verdict, partial.cause, partial.symbolic) == (verdict, cause, truth)
        assert partial.autograd is not None
        assert partial.autograd == number or (math.isnan(number) and math.isnan(partial.autograd))
        assert partial.formula is not None
    # the logits beside it are right all the same
    assert report.logits.verdict is Verdict.AGREE
    assert [round(partial.autograd or 0, 6) for partial in report.logits.partials] == [
        round(float(truth), 6) for truth in truths
    ]


def test_the_lines_of_a_saturated_neuron_show_what_the_dtype_computes() -> None:
    found = lines(neuron(x="20", y="0", eps="1e-8", dtype="float32"))
    assert {name: line.computed for name, line in found.items() if name in ("p", "q", "loss", "dL/dp", "dp/dz")} == {
        "p": 1.0, "q": 1.0, "loss": math.inf, "dL/dp": math.inf, "dp/dz": 0.0,
    }  # fmt: skip
    assert math.isnan(found["dL/dw"].computed)
    assert found["loss"].exact == "20.000000002061153620"
    assert found["dL/dw"].exact == "19.999999958776927636"


# ----------------------------------------------------------------------------------------------------------- of data

DATA: list[dict[str, str]] = [
    {"x": "[[1, 2], [3, 4], [0.5, -1]]", "y": "[0, 1, 1]", "w": "[0.5, -0.25]", "b": "1/3"},
    {"x": "[1, -2, 0.5, pi]", "y": "[0, 1, 0.5, 1]", "w": "-0.7", "b": "0.1"},
    {"x": "[[2]]", "y": "[1]", "w": "[3]"},
    {"x": "[0.5, -1.5]", "y": "1", "w": "[2, 1]"},
]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("data", DATA, ids=lambda data: data["x"])
def test_data_in_matrix_form_against_torch(data: dict[str, str], reduction: str) -> None:
    report = neuron(**data, reduction=reduction)
    x, y, w, b = (torch.tensor(report.point[name], dtype=torch.float64, requires_grad=name in "wb") for name in "xywb")
    z = x @ w + b if w.dim() else w * x + b
    loss = torch.nn.functional.binary_cross_entropy(torch.sigmoid(z), y, reduction=reduction)
    by_w, by_b = torch.autograd.grad(loss, (w, b))
    found = lines(report)
    assert report.verdict is Verdict.AGREE
    assert found["z"].computed == z.tolist()
    assert found["loss"].computed == pytest.approx(loss.item(), rel=1e-14)
    assert found["dL/dw"].computed == pytest.approx(by_w.tolist(), rel=1e-12)
    assert found["dL/db"].computed == pytest.approx(by_b.item(), rel=1e-12)
    # by hand in matrix form, the formula and the stable spelling: one number, to the last of 20 digits
    by_hand = [*([found["dL/dw"].exact] if not w.dim() else found["dL/dw"].exact), found["dL/db"].exact]
    assert by_hand == [partial.symbolic for partial in report.gradients]
    assert by_hand == [partial.symbolic for partial in report.logits.partials]
    assert [partial.autograd for partial in report.gradients] == pytest.approx([float(text) for text in by_hand], rel=1e-12)


def test_every_weight_is_1_where_none_is_given() -> None:
    report = neuron(x="[[1, 2, 3], [4, 5, 6]]", y="[0, 1]")
    assert report.at["w"] == "[1, 1, 1]"
    assert report.by_hand == ("x.T@(p - y)/n", "sum(p - y)/n")
    assert neuron(x="[1, 2]", y="[0, 1]", reduction="sum").by_hand == ("sum((p - y)*x)", "sum(p - y)")


def test_a_sample_that_the_clamp_cuts_is_named() -> None:
    report = neuron(x="[1, 200, -3]", y="[0, 0, 1]", dtype="float32", reduction="sum")
    assert {(partial.verdict, partial.cause) for partial in report.gradients} == {(Verdict.DIFFERENT_FUNCTION, "clamp")}
    assert [partial.symbolic for partial in report.gradients] == [partial.symbolic for partial in report.logits.partials]
    assert report.logits.verdict is Verdict.AGREE
    assert "p[1] rounds to 1 in float32" in report.events
    assert not any("p[0]" in event or "p[2]" in event for event in report.events)


def test_a_weight_that_the_cut_sample_does_not_move_agrees() -> None:
    report = neuron(x="[[0, 40], [1, 0.5]]", y="[0, 1]")
    assert [(partial.entries, partial.verdict) for partial in report.gradients] == [
        (("w[0]",), Verdict.AGREE),
        (("w[1]",), Verdict.DIFFERENT_FUNCTION),
        (("b",), Verdict.DIFFERENT_FUNCTION),
    ]


def test_of_many_samples_the_first_are_told() -> None:
    report = neuron(x=f"[{', '.join(['200'] * 7)}]", y=f"[{', '.join('0' * 7)}]")
    assert "4 more samples are affected in the same way" in report.events


# ----------------------------------------------------------------------------------------------------- wrong requests

_ROWS = '\nhint: samples are rows: --x "[[1,2],[3,4],[5,6]]" --y "[0,1,1]" --w "[0.5,1]"'

_EPS = "error: eps must be at least 0 and below 1/2, not {}\nhint: the usual value is 1e-7"
WRONG = [
    ({"x": ""}, "error: missing value for x\nhint: write x=3"),
    ({"y": "q"}, "error: the value of y must be a number, but q is a variable\n  q\n  ^\nhint: use numbers, pi, e and functions of them"),
    ({"w": "nan"}, "error: nan is not supported: values must be finite\n  nan\n  ^^^\nhint: give a finite number"),
    ({"b": "sqrt(-1)"}, "error: the value of b is not a real number: sqrt(-1)"),
    ({"eps": "0.5"}, _EPS.format("0.5")),
    ({"eps": "-1e-7"}, _EPS.format("-1e-7")),
    ({"eps": "pi"}, _EPS.format("pi")),
    ({"eps": "1e-7x"}, "error: the value of eps must be a number, but x is a variable\n  1e-7x\n  ^^^^^\nhint: use numbers, pi, e and functions of them"),
    ({"dtype": "half"}, "error: unknown dtype half\nhint: choose from float64, float32, float16, bfloat16"),
    ({"eps": "1/0"}, _EPS.format("1/0")),
    ({"y": "[0, 1]"}, "error: y has the shape (2,), where one number belongs"),
    ({"x": "[1, 2]"}, "error: y has the shape (), where a label for each of 2 samples belongs"),
    ({"x": "[1, 2]", "w": "[1, 2, 3]"}, f"error: x has the shape (2,) and w the shape (3,): a sample has as many inputs as there are weights{_ROWS}"),
    ({"x": "[[[1]]]"}, f"error: x has the shape (1, 1, 1) and w the shape (1,): a sample has as many inputs as there are weights{_ROWS}"),
    ({"x": "[[1, 2]]", "y": "[1]", "b": "[1]"}, "error: b has the shape (1,), where one number belongs"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "expected"), WRONG)
def test_pictures_of_wrong_requests(wrong: dict[str, str], expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        neuron(**{"x": "1", "y": "0", **wrong})  # type: ignore[arg-type]
    assert picture(caught.value) == expected
