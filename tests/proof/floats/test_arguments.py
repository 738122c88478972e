"""Arguments of aten operations that a row does not understand make the operation unknown, and the unknown spreads."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  its usual name
from flint import arb, ctx

from gradcalc.engines.autograd.operation import TensorView
from gradcalc.engines.autograd.program import RecordedProgram
from gradcalc.engines.autograd.recorder import Recorder
from gradcalc.proof.floats.aten_arguments import ONLY, UNDERSTOOD
from gradcalc.proof.floats.aten_elementwise import MEANINGS
from gradcalc.proof.floats.memory import Unknown
from gradcalc.proof.floats.replay import Replay, replay

X = torch.tensor([0.3, 0.6, 0.9], dtype=torch.float64)
ROWS = torch.tensor([[0.3, -0.6, 0.9], [1.2, 0.1, -0.7]], dtype=torch.float64)
ONES = torch.ones(3, dtype=torch.float64)
CLASSES = torch.tensor([0, 2])


def replayed(
    compute: Callable[..., torch.Tensor], *inputs: torch.Tensor
) -> tuple[Sequence[arb | Unknown], TensorView, Replay]:
    """What a computation leaves in its result, exactly, with the result as recorded."""
    recorder = Recorder()
    with recorder.on():
        result = compute(*inputs)
    views = {str(place): recorder.view(tensor) for place, tensor in enumerate(inputs)}
    with ctx.workprec(256):
        run = replay(RecordedProgram(recorder.recording, views))
        view = recorder.view(result)
        return run.balls(view), view, run


NOT_UNDERSTOOD: list[tuple[str, Callable[[torch.Tensor], torch.Tensor], torch.Tensor]] = [
    ("logit.default with eps", lambda x: torch.logit(x, eps=0.5), X),
    ("round.decimals with decimals", lambda x: torch.round(x, decimals=1), X),
    ("binary_cross_entropy.default with weight", lambda x: F.binary_cross_entropy(x, ONES, weight=2 * ONES, reduction="none"), X),
    ("binary_cross_entropy_with_logits.default with weight", lambda x: F.binary_cross_entropy_with_logits(x, ONES, weight=2 * ONES), X),
    ("binary_cross_entropy_with_logits.default with pos_weight", lambda x: F.binary_cross_entropy_with_logits(x, ONES, pos_weight=2 * ONES), X),
    ("nll_loss_forward.default with weight", lambda x: F.nll_loss(x, CLASSES, weight=2 * ONES), ROWS),
    ("nll_loss_forward with an index that is ignored", lambda x: F.nll_loss(x, CLASSES, ignore_index=2), ROWS),
    ("linalg_vector_norm of the order 3.0", lambda x: torch.linalg.vector_norm(x, 3.0), X),
    ("native_layer_norm.default with weight", lambda x: F.layer_norm(x, (3,), weight=2 * ONES), ROWS),
    ("sum.default with dtype", lambda x: torch.sum(x, dtype=torch.float32), X),
    ("index_put with accumulation", lambda x: torch.zeros_like(x).index_put((torch.tensor([1, 1, 0]),), x, accumulate=True), X),
    ("scatter with arithmetic", lambda x: torch.scatter(x, 0, torch.tensor([1]), 5.0, reduce="multiply"), X),
    ("cumsum.default with dtype", lambda x: torch.cumsum(x, 0, dtype=torch.float32), X),
    ("scatter_add.default", lambda x: torch.zeros_like(x).scatter_add(0, torch.tensor([1, 1, 0]), x), X),
]  # fmt: skip


@pytest.mark.parametrize(("name", "compute", "x"), NOT_UNDERSTOOD, ids=[case[0] for case in NOT_UNDERSTOOD])
def test_an_argument_that_a_row_does_not_understand_makes_the_operation_unknown(
    name: str, compute: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor
) -> None:
    balls, _, _ = replayed(compute, x)
    blamed = [ball.operation for ball in balls if isinstance(ball, Unknown)]
    assert blamed
    assert set(blamed) == {name}


def test_what_reads_the_unknown_is_unknown_and_the_rest_is_not() -> None:
    def compute(x: torch.Tensor) -> torch.Tensor:
        unknown = torch.logit(x[:1], eps=0.5)
        both = torch.cat([unknown, x])
        return torch.cat([both * 2, both.sum()[None], torch.where(both > 1, both, both * 0)])

    for x in (X, torch.linspace(0.1, 0.9, 30, dtype=torch.float64)):
        balls, _, _ = replayed(compute, x)
        both = [True, *([False] * len(x))]
        assert [isinstance(ball, Unknown) for ball in balls] == [*both, True, *both]


def test_a_number_that_torch_read_makes_everything_unknown() -> None:
    def compute(x: torch.Tensor) -> torch.Tensor:
        return x * torch.logit(x[0], eps=0.5).item()

    balls, _, _ = replayed(compute, X)
    assert all(isinstance(ball, Unknown) for ball in balls)


def test_a_number_that_was_written_unseen_is_unknown() -> None:
    def compute(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        y.numpy()[1] = 7
        return y + x

    balls, _, _ = replayed(compute, X)
    assert all(isinstance(ball, Unknown) and ball.operation == "a write that was not recorded" for ball in balls)


def test_the_rows_of_arguments_are_those_of_meanings() -> None:
    assert set(UNDERSTOOD) <= set(MEANINGS)
    for base, name in ONLY:
        overloads = getattr(torch.ops.aten, base)
        schemas = [getattr(overloads, overload)._schema for overload in overloads.overloads()]
        assert any(argument.name == name for schema in schemas for argument in schema.arguments)
    for base, names in UNDERSTOOD.items():
        schemas: list[Any] = []
        for packet in (getattr(torch.ops.aten, each, None) for each in (base, base + "_")):
            schemas += [getattr(packet, overload)._schema for overload in packet.overloads()] if packet else []
        known = {argument.name for schema in schemas for argument in schema.arguments}
        assert names <= known | {"is_result", "self", "keepdim", "dim"}, base


@pytest.mark.parametrize("value", [0.0, 1.0, 2.0, 3.0, math.nan, math.inf])
def test_a_number_to_fill_with_is_no_place(value: float) -> None:
    balls, view, _ = replayed(lambda x: F.pad(x, (1, 2), value=value), X)
    numbers = view.floats.tolist()
    for ball, number in zip(balls, numbers, strict=True):
        assert isinstance(ball, arb)
        assert ball == number if math.isfinite(number) else ball.is_nan()
    assert numbers[1:4] == X.tolist()


EMPTY: list[tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = [
    ("sum", torch.sum), ("prod", torch.prod), ("mean", torch.mean), ("norm", torch.linalg.vector_norm), ("exp", torch.exp),
    ("product", lambda x: x @ x), ("matrix", lambda x: x[:, None] @ x[None, :]), ("cat", lambda x: torch.cat([x, x])),
    ("outer", lambda x: torch.ones(2, 0, dtype=torch.float64) @ torch.ones(0, 3, dtype=torch.float64)),
    ("cumsum", lambda x: torch.cumsum(x, 0)), ("softmax", lambda x: torch.softmax(x, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "compute"), EMPTY, ids=[case[0] for case in EMPTY])
def test_empty_tensors(name: str, compute: Callable[[torch.Tensor], torch.Tensor]) -> None:
    balls, view, _ = replayed(compute, torch.zeros(0, dtype=torch.float64))
    for ball, number in zip(balls, view.floats.tolist(), strict=True):
        assert isinstance(ball, arb)
        assert ball == number or (ball.is_nan() and math.isnan(number))
