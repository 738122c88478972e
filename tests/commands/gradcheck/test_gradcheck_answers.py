"""What the process that runs a user's file answers: outcomes, lines, and what an exception means.  In this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from gradcalc.commands.gradcheck.checks import (
    EXITS,
    Failure,
    Finding,
    GradientCheck,
    Request,
    Result,
    Target,
    pack,
    unpack_request,
    unpack_result,
)
from gradcalc.commands.gradcheck.user_file import import_file
from gradcalc.commands.gradcheck.worker import answer
from gradcalc.errors import Exit
from gradcalc.testing import Outcome

EXAMPLES = str(Path(__file__).parents[3] / "examples" / "backward_passes.py")
CODE = """
import torch
from torch import nn
from helper import scale


class Net(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.linear = nn.Linear(4, width)

    def forward(self, x):
        return torch.tanh(self.linear(x)) * scale


class Sized(nn.Module):
    def __init__(self, width):
        super().__init__()


net = Net()


def make_net():
    return Net(2)


def times(x, y=3.0):
    return x * y


def dtypes(x):
    assert x.dtype == torch.bfloat16, x.dtype
    return x * 2


def raises(x):
    return inner(x)


def inner(x):
    raise ValueError("a bad\\nvalue")


def leaves(x):
    raise SystemExit(3)


def no_memory(x):
    raise MemoryError


def pair():
    return [torch.ones(2, dtype=torch.float64), 2.0]


def nothing():
    return None


def no_tensor(x):
    return None


tensor = torch.ones(3)
number = 5
if __name__ == "__main__":
    raise SystemExit("it ran as a program")
"""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[str]:
    """A file with a module beside it; the import path and the modules are as before afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    (tmp_path / "code_of_a_user.py").write_text(CODE)
    (tmp_path / "helper.py").write_text("scale = 2.0\n")
    yield str(tmp_path / "code_of_a_user.py")
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def result_of(file: str, name: str, *shapes: tuple[int, ...], **options: Any) -> Result:
    """The result as it arrives: through the text that crosses the border of the process."""
    request = Request(Target(file, name), shapes=shapes, **options)
    request = unpack_request(json.loads(pack(request)))
    return unpack_result(json.loads(pack(answer(request, import_file(file), 60.0))))


def report_of(result: Result) -> Any:
    assert isinstance(result, Finding), result
    return result.report


OUTCOMES = [
    ("Swish", Outcome.WRONG, [("backward pass", "def backward(ctx, grad):")]),
    ("Square", Outcome.PROVEN, [("definition", "class Square(Function):")]),
    ("AlmostSquare", Outcome.BELOW_RESOLUTION, [("definition", "class AlmostSquare(Square):")]),
    ("quantized", Outcome.BY_DESIGN, [("definition", "def quantized(x):")]),
    ("detached", Outcome.STOPPED, [("operation", "return x * x.detach()")]),
    ("hinge", Outcome.NOT_DIFFERENTIABLE, [("operation", "return torch.relu(x - x)")]),
    ("divided", Outcome.NOT_FINITE, [("operation", "return (x - x) / (x - x)")]),
    ("Sine", Outcome.MEASURED, [("definition", "class Sine(Function):")]),
    ("through_numpy", Outcome.UNDECIDED, [("operation", "return x * torch.from_numpy(x.detach().numpy() * 2)")]),
]


@pytest.mark.parametrize(("name", "outcome", "places"), OUTCOMES, ids=[case[0] for case in OUTCOMES])
def test_outcomes_and_their_lines(name: str, outcome: Outcome, places: list[tuple[str, str]]) -> None:
    result = result_of(EXAMPLES, name, (3,), by_design=("Round",), references=(("Sine", Target(EXAMPLES, "sine")),))
    assert report_of(result).verdict is outcome
    assert [(place.role, place.text) for place in result.places if place.file == EXAMPLES] == places
    assert isinstance(result, Finding)
    assert (result.dtype, result.device, result.shapes) == ("float32", "cpu", ((3,),))


def test_every_outcome_has_an_exit_code_and_only_what_passes_an_assertion_has_0() -> None:
    from gradcalc.proof.gradients.words import FAILING

    assert set(EXITS) == set(Outcome)
    assert {outcome for outcome, code in EXITS.items() if code is not Exit.AGREE} == FAILING


def test_a_function_at_fault_inside_of_another_has_two_lines(file: str) -> None:
    with Path(file).open("a") as code:
        code.write(
            "\n\nclass Half(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x * 2\n\n"
        )
        code.write("    @staticmethod\n    def backward(ctx, grad):\n        return grad\n\n\n")
        code.write("def uses(x):\n    y = Half.apply(x)\n    return y.sum()\n")
    result = result_of(file, "uses", (3,))
    assert report_of(result).function == "Half"
    assert [(it.role, it.text) for it in result.places] == [
        ("backward pass", "def backward(ctx, grad):"),
        ("applied", "y = Half.apply(x)"),
    ]


@pytest.mark.parametrize("name", ["Net", "net", "make_net"])
@pytest.mark.parametrize("dtype", [None, "float64", "bfloat16"])
def test_modules_in_any_form_and_dtype(name: str, dtype: str | None, file: str) -> None:
    result = result_of(file, name, (2, 4), dtype=dtype)
    assert report_of(result).verdict is Outcome.PROVEN
    assert [part.name for part in report_of(result).parts] == ["input 0", "linear.weight", "linear.bias"]
    assert isinstance(result, Finding)
    assert result.dtype == (dtype or "float32")


def test_a_module_of_the_file_keeps_its_dtype(file: str) -> None:
    result_of(file, "net", (2, 4), dtype="bfloat16")
    assert next(import_file(file).net.parameters()).dtype is torch.float32


def test_inputs_of_the_user(file: str) -> None:
    result = result_of(file, "times", inputs=Target(file, "pair"))
    assert isinstance(result, Finding)
    assert (result.report.verdict, result.dtype, result.shapes) == (Outcome.PROVEN, "float64", ((2,), None))
    result = result_of(file, "dtypes", inputs=Target(file, "tensor"), dtype="bfloat16")
    assert report_of(result).verdict is Outcome.PROVEN


def test_the_seed_chooses_inputs_and_parameters(file: str) -> None:
    torch.manual_seed(1)
    first = [result_of(EXAMPLES, "Swish", (3,), seed=seed) for seed in (0, 0, 1)]
    assert first[0] == first[1]
    assert report_of(first[0]).signature != report_of(first[2]).signature


def test_a_misspelt_function_is_noted() -> None:
    target = Target(EXAMPLES, "sine")
    report = report_of(result_of(EXAMPLES, "quantized", (3,), by_design=("Rond", "Swish"), references=(("Sinus", target),)))
    assert report.verdict is Outcome.WRONG
    assert report.notes == ("Rond: there is no Function of this name", "Sinus: there is no Function of this name")


def test_the_second_order() -> None:
    report = report_of(result_of(EXAMPLES, "Square", (3,), order=2))
    assert report.verdict is Outcome.PROVEN
    assert report.operations > report_of(result_of(EXAMPLES, "Square", (3,))).operations


FAILURES = [
    ("Nett", "{} has no Nett", "did you mean Net?", []),
    ("number", "{}:number cannot be called: it is of type int", None, []),
    ("Sized", "the module class {}:Sized needs arguments: width", "name a function without parameters that returns the module", []),
    (
        "raises",
        "{}:raises cannot be run: ValueError: a bad value",
        "it was called with inputs of these shapes: (2, 4)",
        ["return inner(x)", 'raise ValueError("a bad\\nvalue")'],
    ),
    ("zzz", "{} has no zzz", "it has torch, nn, scale, Net, Sized, net, make_net, times, ...", []),
    ("leaves", "{}:leaves cannot be run: it called sys.exit(3)", None, ["raise SystemExit(3)"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "message", "hint", "lines"), FAILURES, ids=[case[0] for case in FAILURES])
def test_failures(name: str, message: str, hint: str | None, lines: list[str], file: str) -> None:
    result = result_of(file, name, (2, 4))
    assert isinstance(result, Failure)
    assert (result.message, result.hint) == (message.format(file), hint)
    assert [place.text for place in result.places] == lines
    assert result.exit is Exit.WRONG_REQUEST


def test_inputs_that_do_not_fit(file: str) -> None:
    result = result_of(file, "Net", (5, 5))
    assert isinstance(result, Failure)
    assert "RuntimeError: mat1 and mat2 shapes cannot be multiplied (5x5 and 4x3)" in result.message
    assert [place.text for place in result.places] == ["return torch.tanh(self.linear(x)) * scale"]
    result = result_of(file, "times", inputs=Target(file, "nothing"))
    assert isinstance(result, Failure)
    assert result.hint == "it must return a tensor or a list of arguments"


@pytest.mark.parametrize("name", ["no_memory", "no_tensor"])
def test_limits_and_what_is_no_number_are_undecided(name: str, file: str) -> None:
    assert report_of(result_of(file, name, (3,))).verdict is Outcome.UNDECIDED


def test_no_time_is_undecided() -> None:
    result = answer(Request(Target(EXAMPLES, "Square"), shapes=((3,),)), import_file(EXAMPLES), 0.0)
    assert report_of(result).verdict is Outcome.UNDECIDED


def test_a_bug_in_a_proof_is_not_blamed_on_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradcalc.proof.gradients.check.derivative_of", Mock(side_effect=OverflowError("no")))
    result = result_of(EXAMPLES, "Square", (3,))
    assert isinstance(result, Failure)
    assert (result.exit, result.message) == (Exit.BUG, "internal error: OverflowError: no")
    assert GradientCheck(Request(Target("ops.py", "f")), result).exit is Exit.BUG


def test_a_file_of_a_package_has_its_relative_imports(tmp_path: Path, file: str) -> None:
    package = tmp_path / "a_package_of_a_user"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "half.py").write_text("half = 0.5\n")
    (package / "ops.py").write_text("from .half import half\n\n\ndef f(x):\n    return x * half\n")
    assert report_of(result_of(str(package / "ops.py"), "f", (3,))).verdict is Outcome.PROVEN


def test_a_file_named_as_a_module_of_python_replaces_nothing(tmp_path: Path, file: str) -> None:
    (tmp_path / "json.py").write_text("def f(x):\n    return x * 2\n")
    before = sys.modules["json"]
    assert report_of(result_of(str(tmp_path / "json.py"), "f", (3,))).verdict is Outcome.PROVEN
    assert sys.modules["json"] is before
