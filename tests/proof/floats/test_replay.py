"""The recorded program: what is recorded, what every aten operation means, and that nothing is missing."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch
from flint import ctx
from support.sampling import sample

from gradcalc.engines.autograd import backward, recorder
from gradcalc.engines.autograd.operation import Cell, Signature, TensorOperation, TensorView, base_name
from gradcalc.engines.autograd.program import Record, RecordedProgram
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import agree, ball
from gradcalc.expression.tree import Node
from gradcalc.functions import TABLE, Function
from gradcalc.proof.evidence import ReplayedTrace
from gradcalc.proof.floats import aten_elementwise, local_error, replay
from gradcalc.proof.floats.arithmetic import Exact
from gradcalc.proof.floats.formats import FORMATS
from gradcalc.proof.floats.memory import Unknown
from gradcalc.proof.smoothness.differentiability import examine

DIFFERENTIABLE = [
    row
    for row in TABLE.values()
    if row.torch and row.signature and not row.condition and row.definition is None and row.elementwise
]
PLACES = (0.25, 0.6, 0.95)


def recorded(tree: Node, values: dict[str, float], order: int, dtype: str) -> backward.Run:
    bys = [(name,) * order for name in values]
    return backward.run(tree, values, bys, dtype=dtype, device="cpu", record=True)


@pytest.mark.slow
@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=lambda row: row.name)
def test_every_operation_that_the_table_can_produce_has_a_meaning(row: Function) -> None:
    unknown = set()
    for place in PLACES:
        tree, values = sample(row, place)
        for dtype in FORMATS:
            for order in (1, 2):
                program = recorded(tree, values, order, dtype).program
                if program is not None:
                    unknown |= {op.name for op in program.operations if not aten_elementwise.is_known(base_name(op.name))}
    assert not unknown


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=lambda row: row.name)
def test_the_program_of_every_row_computes_the_derivative_and_keeps_its_bounds(row: Function, dtype: str) -> None:
    for place in PLACES:
        tree, values = sample(row, place)
        for order in (1, 2):
            run = recorded(tree, values, order, dtype)
            if run.program is None:
                assert order == 2, run.failure  # a second derivative that torch does not have
                continue
            traced = ReplayedTrace(run, FORMATS[dtype], "cpu")
            site = ExpressionAt(tree, run.inputs, run.constants)
            for by, key in run.program.partials.items():
                truth = examine(site, by).derivative
                if truth is None:
                    continue
                program, _ = traced.enclosure(key, truth, mathematical=bool(row.torch_deviation))
                assert program is not None, by
                assert agree(program, truth), (by, program, ball(truth).str(20))
            # torch's backward of hardsigmoid multiplies by a float32 sixth in every dtype.
            if row.name != "hardsigmoid":
                assert [local for local in traced.locals if local.in_bound is False] == []


def number(address: int, value: float | bool) -> TensorView:
    """A tensor without dimensions in a memory of its own."""
    return TensorView(address, 0, (), (), 1, "bool" if isinstance(value, bool) else "float64", value)


def program_of(*operations: tuple[str, tuple[TensorView | float, ...], TensorView]) -> RecordedProgram:
    """A program of operations on numbers: their names, arguments and results."""
    record, signature = Record(), Signature(("self", "other"), {}, is_mutable=False)
    for name, args, result in operations:
        record.tensor_operations.append(TensorOperation(name, abs, signature, args, {}, (result,)))
    first = operations[0][1][0]
    assert isinstance(first, TensorView)
    return RecordedProgram(record, {"x": first})


def test_an_unknown_operation_is_never_passed_over() -> None:
    program = program_of(("fancy_new.default", (number(1, 2.0),), number(2, 4.0)))
    ball = replay.replay(program).ball(2)
    assert isinstance(ball, Unknown)
    assert ball.operation == "fancy_new.default"


def test_in_place_operations_write_to_the_memory_they_share() -> None:
    program = program_of(
        ("mul.Tensor", (number(1, 3.0), 2), number(2, 6.0)),
        ("sub_.Tensor", (number(2, 6.0), number(1, 3.0)), number(2, 3.0)),
        ("detach.default", (number(2, 3.0),), number(2, 3.0)),
    )
    with ctx.workprec(100):
        found = replay.replay(program)
    assert found.ball(2) == 3


def test_a_comparison_that_exact_arithmetic_decides_otherwise_is_told() -> None:
    # In float32, 1 + 1e-9 is 1.
    program = program_of(
        ("add.Tensor", (number(1, 1e-9), 1), number(2, 1.0)),
        ("gt.Scalar", (number(2, 1.0), 1), number(3, False)),
    )
    with ctx.workprec(100):
        assert replay.replay(program).flip == (1, "gt")


def test_doubles_that_stand_for_constants_mean_them() -> None:
    with ctx.workprec(200):
        field = Exact()
        assert field.scalar(0.6931471805599453).ball.overlaps((field.value(2.0).ball).log())
        assert field.scalar(0.5).ball.is_exact()
        assert not field.scalar(0.1).ball.is_exact()
        assert Exact([0.1]).scalar(0.1).ball.is_exact()
        both = Exact([0.6931471805599453]).scalar(0.6931471805599453).ball
        assert both.overlaps(field.value(2.0).ball.log())
        assert both.contains(field.value(0.6931471805599453).ball)


@pytest.mark.parametrize(
    ("sine", "within"), [(0.9092974268256817, True), (0.9092974268256818, True), (0.909297426825690, False)]
)
def test_a_kernel_is_judged_by_its_own_bound(sine: float, within: bool) -> None:
    program = program_of(("sin.default", (number(1, 2.0),), number(2, sine)))
    (local,) = local_error.local_errors(program, FORMATS["float64"], "cpu")
    assert local.in_bound is within


def test_a_kernel_without_a_vendors_bound_is_not_judged() -> None:
    program = program_of(("digamma.default", (number(1, 2.0),), number(2, 0.5)))
    (local,) = local_error.local_errors(program, FORMATS["float64"], "cpu")
    assert local.in_bound is None
    assert local.ulps > 1e10


# ------------------------------------------------------------------------------------- what is relied on of torch


def test_torch_has_the_dispatch_mode_that_recording_relies_on() -> None:
    assert recorder.AVAILABLE
    recording = recorder.Recorder()
    x = torch.tensor(3.0, requires_grad=True)
    with recording.on():
        y = torch.sin(x * x)
        (gradient,) = torch.autograd.grad(y, [x])
    operations = recording.recording.operations
    names = [operation.name for operation in operations]
    assert names[:2] == ["mul.Tensor", "sin.default"]
    assert "cos.default" in names  # backward passes are seen too
    first = operations[0]
    assert [cell.value for cell in first.args if isinstance(cell, Cell)] == [3.0, 3.0]
    assert first.results[0].value == 9.0
    assert operations[1].args[0] == first.results[0]
    assert operations[-1].results[0] == recording.view(gradient).cells[0]


UNRECORDED = [
    ("sin(x**2)", "3", "agree", "bound"),
    ("(1-cos(x))/x**2", "1e-7", "inaccurate", "bound"),
    ("hardsigmoid(x)", "0.5", "disagree", "bound"),  # torch's own fault: too far off for rounding
    ("softplus(x)", "25", "different-function", "bound"),
    ("relu(x) - relu(-x)", "0", "artifact", "bound"),
    ("where(x > 2, 1/(x - x)*x, x)", "1", "not-finite", "bound"),
    ("where(x == 0, 1, sin(x)/x)", "0", "not-finite", "number only"),
    ("exp(x)/exp(x + 1)*x", "800", "not-finite", "number only"),
    ("lgamma(x)", "2.5", "agree", "number only"),
    ("abs(x)", "0", "not-differentiable", "proven"),
]


@pytest.mark.parametrize(("expr", "at", "verdict", "evidence"), UNRECORDED, ids=[case[0] for case in UNRECORDED])
def test_without_the_dispatch_mode_a_rounding_bound_judges(
    monkeypatch: pytest.MonkeyPatch, expr: str, at: str, verdict: str, evidence: str
) -> None:
    from gradcalc import differentiate

    monkeypatch.setattr(backward, "AVAILABLE", False)
    partial = differentiate(expr, at={"x": at}).partials[0]
    assert (partial.verdict, partial.proof["evidence"]) == (verdict, evidence), partial.why
    assert "replay" not in partial.proof


class SlightlyWrong(torch.autograd.Function):
    """The sine, with a backward rule that is off by one in a million."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        return grad * torch.cos(ctx.saved_tensors[0]) * (1 + 1e-6)


def test_without_the_dispatch_mode_a_wrong_backward_rule_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradcalc import differentiate

    monkeypatch.setattr(backward, "AVAILABLE", False)
    monkeypatch.setitem(TABLE, "sin", replace(TABLE["sin"], torch=lambda t, x: SlightlyWrong.apply(x)))
    partial = differentiate("sin(x**2)", at={"x": "3"}).partials[0]
    assert (partial.verdict, partial.cause, partial.side) == ("disagree", "bound", "autograd")


def test_recording_makes_no_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recorded(*sample(TABLE["gelu"], 0.5), 2, "float32")
