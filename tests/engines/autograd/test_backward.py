"""The autograd witness: what torch received, what it returned, why it returned nothing; devices and dtypes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import pytest
import torch

from gradcalc.engines.autograd import backward, devices
from gradcalc.engines.autograd.backward import Run
from gradcalc.engines.autograd.devices import Device, available_devices, choose
from gradcalc.engines.autograd.recorder import Recorder
from gradcalc.errors import CalcError, picture
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Node
from gradcalc.functions.resolve import understand
from gradcalc.report import DTYPES


def run(expr: str, at: dict[str, float], by: Sequence[str] = ("x",), dtype: str = "float64", **more: object) -> Run:
    """One partial for each word of `by`: `"x"`, `"xy"`, `"xx"`."""
    return backward.run(understand(expr, at), at, [tuple(word) for word in by], dtype=dtype, device="cpu", **more)  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------------- what torch really received

RECEIVED = [
    # 0.1 and 1/3 in every format; the denominators are powers of two
    ("float64", "0.1", 0.1, "3602879701896397/36028797018963968"),
    ("float32", "0.1", 0.1, "13421773/134217728"),
    ("float16", "0.1", 0.1, "819/8192"),
    ("bfloat16", "0.1", 0.1, "205/2048"),
    ("float64", "6.7", 6.7, "7543529375845581/1125899906842624"),
    ("float32", "6.7", 6.7, "7025459/1048576"),
    ("float16", "6.7", 6.7, "1715/256"),
    ("bfloat16", "6.7", 6.7, "107/16"),
    ("float32", "1e-45", 1e-45, f"1/{2**149}"),
    ("float16", "0.25", 0.25, "1/4"),
    ("float32", "16777217", 16777217.0, "16777216"),
    ("bfloat16", "257", 257.0, "256"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("dtype", "text", "value", "expected"), RECEIVED, ids=[f"{text} in {dtype}" for dtype, text, *_ in RECEIVED]
)
def test_inputs_and_constants_are_read_back_from_the_tensors(dtype: str, text: str, value: float, expected: str) -> None:
    found = run(f"x + {text}", {"x": value}, dtype=dtype)
    assert found.inputs == {"x": Fraction(expected)}
    assert found.constants == {text: Fraction(expected)}
    assert found.unrepresentable == {}


@pytest.mark.parametrize("dtype", DTYPES)
def test_constants_by_name(dtype: str) -> None:
    held = run("x*pi + e - tau", {"x": 1.0}, dtype=dtype).constants
    kind = getattr(torch, dtype)
    expected = {"pi": math.pi, "e": math.e, "tau": math.tau}
    assert held == {name: Fraction(torch.tensor(value, dtype=kind).item()) for name, value in expected.items()}


LOST = [
    ("x", {"x": math.inf}, "float64", ("x",)),
    ("x*1e39", {"x": 1.0}, "float32", ("1e39",)),
    ("x*1e39", {"x": 1.0}, "float64", ()),
    ("x*1e400", {"x": 1.0}, "float64", ("1e400",)),
    ("x + y", {"x": 70000.0, "y": 1e39}, "float16", ("x", "y")),
    ("x + y", {"x": 70000.0, "y": 1e39}, "bfloat16", ("y",)),
    ("x", {"x": 1e-400}, "float64", ()),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "at", "dtype", "expected"), LOST)
def test_what_does_not_fit_is_named(expr: str, at: dict[str, float], dtype: str, expected: tuple[str, ...]) -> None:
    found = run(expr, at, dtype=dtype)
    assert (*found.unrepresentable, *found.lost_literals) == expected
    assert not set(found.inputs) & set(expected)


PYTHON_NUMBERS = [
    # A literal that torch takes as a Python number is the number that the dtype holds.
    ("leaky_relu(x, 0.1)", -1.0, "float16", "819/8192"),
    ("leaky_relu(x, -0.1)", -1.0, "bfloat16", "-205/2048"),
    ("leaky_relu(x)", -1.0, "float32", "10737418/1073741824"),
    ("clamp(x, 0.1, 0.9)*x", 0.0, "float16", "819/8192"),
    ("x**0.5", 4.0, "float32", "1/4"),
    ("x**2.0", -3.0, "float64", "-6"),
    ("x**-1", -2.0, "float64", "-1/4"),
    ("polygamma(1, x)*0 + x", 1.0, "float64", "1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expr", "x", "dtype", "expected"), PYTHON_NUMBERS, ids=[f"{expr} in {dtype}" for expr, _, dtype, _ in PYTHON_NUMBERS]
)
def test_literals_that_are_python_numbers_are_rounded_too(expr: str, x: float, dtype: str, expected: str) -> None:
    assert Fraction(run(expr, {"x": x}, dtype=dtype).partials["x",]) == Fraction(expected)


# --------------------------------------------------------------------------------------------------- values and partials

RETURNED = [
    ("x**2", {"x": 3.0}, 9.0, {"x": 6.0}),
    ("x*y - y/x", {"x": 2.0, "y": 8.0}, 12.0, {"x": 10.0, "y": 1.5}),
    ("sin(x**2)", {"x": 3.0}, 0.41211848524175657, {"x": -5.466781571308061}),
    ("3*2", {"x": 1.0}, 6.0, {"x": 0.0}),
    ("y", {"x": 1.0, "y": 2.0}, 2.0, {"x": 0.0, "y": 1.0}),
    ("floor(x)*y", {"x": 1.5, "y": 2.0}, 1.0 * 2, {"x": 0.0, "y": 1.0}),
    ("where(x > y, x, y)", {"x": 1.5, "y": 2.0}, 2.0, {"x": 0.0, "y": 1.0}),
    ("where(x < 1 or not y <= 2, x*y, y)", {"x": 1.5, "y": 3.0}, 4.5, {"x": 3.0, "y": 1.5}),
    ("where(x == 1.5 and y != 0, x**2, y)", {"x": 1.5, "y": 3.0}, 2.25, {"x": 3.0, "y": 0.0}),
    ("max(x, y, 1)", {"x": 1.5, "y": 3.0}, 3.0, {"x": 0.0, "y": 1.0}),
    ("e*e", {"e": 3.0}, 9.0, {"e": 6.0}),
    ("abs(x)", {"x": 0.0}, 0.0, {"x": 0.0}),
    ("relu(x)", {"x": 0.0}, 0.0, {"x": 0.0}),
    ("maximum(x, y)", {"x": 1.0, "y": 1.0}, 1.0, {"x": 0.5, "y": 0.5}),
    ("sqrt(x)", {"x": 0.0}, 0.0, {"x": math.inf}),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "at", "value", "partials"), RETURNED, ids=[f"{expr} at {at}" for expr, at, *_ in RETURNED])
def test_values_and_gradients(expr: str, at: dict[str, float], value: float, partials: dict[str, float]) -> None:
    found = (
        run(expr, at, by=list(partials))
        if "e" not in at
        else backward.run(understand(expr, at), at, [("e",)], dtype="float64", device="cpu")
    )
    assert found.failure is None
    assert found.value == value
    assert found.partials == {(name,): slope for name, slope in partials.items()}


def test_each_spelling_calls_the_torch_function_of_its_own_name() -> None:
    """Their conventions at a tie differ, and people must see the one of what they typed."""
    slopes = {name: run(expr, {"x": 0.0}).partials["x",] for name, expr in (("maximum", "maximum(x, 0)"), ("relu", "relu(x)"), ("where", "where(x >= 0, x, 0)"))}  # fmt: skip
    assert slopes == {"maximum": 0.5, "relu": 0.0, "where": 1.0}


HIGHER = [
    ("x**2*y**3", {"x": 2.0, "y": 3.0}, {"xx": 54.0, "xy": 108.0, "yx": 108.0, "yy": 72.0}),
    ("x*y", {"x": 2.0, "y": 3.0}, {"xx": 0.0, "xy": 1.0, "yx": 1.0, "yy": 0.0}),
    ("x + y", {"x": 2.0, "y": 3.0}, {"xx": 0.0, "xy": 0.0, "yx": 0.0, "yy": 0.0}),
    ("7", {"x": 2.0}, {"xx": 0.0}),
    ("x**3", {"x": 2.0}, {"xxx": 6.0}),
    ("x**3*y", {"x": 2.0, "y": 5.0}, {"xxy": 12.0, "xyx": 12.0, "yxx": 12.0, "xxx": 30.0, "yyy": 0.0}),
    ("exp(2*x)", {"x": 0.0}, {"xxxx": 16.0}),
    ("relu(x)*y", {"x": 1.0, "y": 5.0}, {"xx": 0.0, "xy": 1.0}),
    ("x**5", {"x": 1.0}, {"xxxxxxxx": 0.0}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expr", "at", "partials"), HIGHER, ids=[f"{expr} {' '.join(partials)}" for expr, _, partials in HIGHER]
)
def test_hessians_and_higher_orders(expr: str, at: dict[str, float], partials: dict[str, float]) -> None:
    found = run(expr, at, by=list(partials))
    assert found.partials == {tuple(by): slope for by, slope in partials.items()}


def test_what_is_not_asked_for_is_no_part_of_the_graph() -> None:
    seen: list[bool] = []

    def hook(node: Node, tensor: torch.Tensor) -> torch.Tensor:
        seen.append(tensor.requires_grad)
        return tensor

    run("y*2", {"x": 1.0, "y": 2.0}, by=["x"], hook=hook)
    run("x*2", {"x": 1.0, "y": 2.0}, by=["x"], hook=hook)
    assert seen == [False, True]


def test_a_hook_sees_every_call_and_may_replace_it() -> None:
    names: list[str] = []

    def hook(node: Node, tensor: torch.Tensor) -> torch.Tensor:
        names.append(unparse(node))
        return tensor * 10 if unparse(node) == "sin(x)" else tensor

    found = run("sin(x)*2 + 1", {"x": 0.0}, hook=hook)
    assert names == ["sin(x)", "sin(x)*2", "sin(x)*2 + 1"]
    assert found.partials["x",] == 20.0


def test_a_program_is_recorded_when_asked_for() -> None:
    assert run("sin(x)", {"x": 1.0}).program is None
    program = run("sin(x)*y", {"x": 1.0, "y": 2.0}, by=["x", "y"], record=True).program
    assert program is not None
    names = [operation.name.partition(".")[0] for operation in program.operations]
    assert names[: program.forward] == ["sin", "mul"]
    assert "cos" in names[program.forward :]
    assert set(program.partials) == {("x",), ("y",)}
    assert set(program.inputs) == {"x", "y"}


def test_a_sum_of_five_thousand_terms() -> None:
    expr = " + ".join(f"{place}*x" for place in range(5_000))
    assert run(expr, {"x": 1.0}).partials["x",] == sum(range(5_000))


# ----------------------------------------------------------------------------------------------------------- failures

FAILURES = [
    ("erfi(x)", "x", "PyTorch has no derivative of erfi"),
    ("1 + zeta(x)", "x", "PyTorch has no derivative of zeta"),
    ("besselj(0, x)", "x", "PyTorch has no derivative of besselj"),
    ("heaviside(x)", "x", "PyTorch has no derivative of heaviside"),
    ("besseli(2, x)", "x", "PyTorch has besseli(n, x) for n = 0 and n = 1 only"),
    ("hardsigmoid(x)", "xx", "derivative for aten::hardsigmoid_backward is not implemented"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "by", "expected"), FAILURES, ids=[f"{expr} by {by}" for expr, by, _ in FAILURES])
def test_failures_are_named(expr: str, by: str, expected: str) -> None:
    found = run(expr, {"x": 1.5}, by=[by])
    assert found.failure == expected
    assert found.value is None
    assert found.partials == {}
    assert found.inputs == {"x": Fraction(3, 2)}


@pytest.mark.parametrize("expr", ["1/x", "log(x)", "sqrt(x - 1)", "x**-0.5", "x**x", "atan2(x, x)", "gamma(x)", "x/x"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_singular_points_are_numbers_of_torch_not_failures(expr: str, dtype: str) -> None:
    found = run(expr, {"x": 0.0}, dtype=dtype)
    assert found.failure is None
    assert isinstance(found.partials["x",], float)


# ------------------------------------------------------------------------------------------------------------ devices


def test_the_processor_is_always_there() -> None:
    first = available_devices()[0]
    assert first == Device("cpu", "the processor", ("float64", "float32", "float16", "bfloat16"))
    names = [device.name for device in available_devices()]
    assert names == sorted(set(names), key=names.index)


CPU = Device("cpu", "the processor", DTYPES)
CUDA = (CPU, Device("cuda:0", "NVIDIA H100", DTYPES), Device("cuda:1", "NVIDIA H100", DTYPES))
APPLE = (CPU, Device("mps", "Apple GPU", ("float32", "float16", "bfloat16")))

CHOICES = [
    ((CPU,), "cpu", None, "cpu", "float64", ()),
    ((CPU,), "cpu", "bfloat16", "cpu", "bfloat16", ()),
    ((CPU,), "auto", None, "cpu", "float64", ()),
    (CUDA, "cpu", "float32", "cpu", "float32", ()),
    (CUDA, "auto", None, "cuda:0", "float64", ()),
    (CUDA, "cuda", None, "cuda:0", "float64", ()),
    (CUDA, "cuda:1", "float16", "cuda:1", "float16", ()),
    (APPLE, "mps", None, "mps", "float32", ("mps has no float64: float32 was used",)),
    (APPLE, "auto", "float32", "mps", "float32", ()),
]  # fmt: skip


@pytest.mark.parametrize(("present", "device", "dtype", "name", "chosen", "notes"), CHOICES)
def test_choices(
    monkeypatch: pytest.MonkeyPatch, present: tuple[Device, ...], device: str, dtype: str | None, name: str, chosen: str, notes: tuple[str, ...],
) -> None:  # fmt: skip
    monkeypatch.setattr(devices, "available_devices", lambda: present)
    found, found_dtype, found_notes = choose(device, dtype)
    assert (found.name, found_dtype, found_notes) == (name, chosen, notes)


REFUSALS = [
    ((CPU,), "cuda", None, "error: no device cuda on this machine\nhint: this machine has cpu"),
    ((CPU,), "mps", None, "error: no device mps on this machine\nhint: this machine has cpu"),
    ((CPU,), "cdua", None, "error: unknown device cdua\nhint: this machine has cpu; did you mean cuda?"),
    ((CPU,), "", None, "error: unknown device \nhint: this machine has cpu"),
    (CUDA, "cuda:2", None, "error: no device cuda:2 on this machine\nhint: this machine has cpu, cuda:0, cuda:1"),
    (CUDA, "tpu", None, "error: unknown device tpu\nhint: this machine has cpu, cuda:0, cuda:1; did you mean xpu?"),
    (APPLE, "mps", "float64", "error: mps has no float64\nhint: it has float32, float16, bfloat16"),
    ((CPU,), "cpu", "float63", "error: unknown dtype float63\nhint: did you mean float64?"),
    ((CPU,), "cpu", "double", "error: unknown dtype double\nhint: choose from float64, float32, float16, bfloat16"),
    ((CPU,), "cpu", "int32", "error: unknown dtype int32\nhint: choose from float64, float32, float16, bfloat16"),
    ((CPU,), "cuda", "float63", "error: unknown dtype float63\nhint: did you mean float64?"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("present", "device", "dtype", "expected"), REFUSALS, ids=[f"{device} {dtype}" for _, device, dtype, _ in REFUSALS]
)
def test_pictures_of_refusals(
    monkeypatch: pytest.MonkeyPatch, present: tuple[Device, ...], device: str, dtype: str | None, expected: str
) -> None:
    monkeypatch.setattr(devices, "available_devices", lambda: present)
    with pytest.raises(CalcError) as caught:
        choose(device, dtype)
    assert picture(caught.value) == expected


@pytest.mark.parametrize("device", [device.name for device in available_devices()])
def test_every_device_here_differentiates(device: str) -> None:
    for dtype in next(found for found in available_devices() if found.name == device).dtypes:
        found = backward.run(understand("x**2*y"), {"x": 3.0, "y": 0.5}, [("x",), ("y",)], dtype=dtype, device=device)
        assert found.partials == {("x",): 3.0, ("y",): 9.0}


def test_a_zero_without_memory_is_multiplied() -> None:
    """torch's mul.Scalar reads memory that such a zero does not have, when a mode is on."""
    with Recorder().on():
        zero = torch._efficientzerotensor((), dtype=torch.float64)
        assert torch.ops.aten.mul.Scalar(zero, 2.0).item() == 0
