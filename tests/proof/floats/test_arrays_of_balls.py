"""Operations on arrays: the same as their rows say entry by entry, in the replay, in local errors and in slices."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from flint import ctx

from gradcalc.engines.autograd import backward
from gradcalc.engines.autograd.program import RecordedProgram
from gradcalc.engines.autograd.recorder import Recorder
from gradcalc.engines.autograd.run import Run
from gradcalc.expression.arrays import Array
from gradcalc.functions.resolve import understand
from gradcalc.proof.evidence import ReplayedTrace
from gradcalc.proof.floats import local_error
from gradcalc.proof.floats.formats import FORMATS
from gradcalc.proof.floats.memory import Unknown
from gradcalc.proof.floats.replay import replay

SHAPES = {"A": (5, 4), "B": (4, 6), "x": (4,), "y": (5,), "p": (20,), "S": (5, 5), "c": ()}
EXPRESSIONS = [
    ("sum(sin(A)*exp(-A) + A/(1 + A**2))", "A"),
    ("sum((A@B)**2)", "A B"),
    ("sum(tanh(A@x + y)**2)", "A x y"),
    ("mean(log(1 + exp(-(A@x))))", "A x"),
    ("sum(relu(A)*A) + max(A)", "A"),
    ("sum(where(A > 0.1, A**2, -A))", "A"),
    ("softmax(p)[3]", "p"),
    ("sum(log_softmax(A, dim=1)**2)", "A"),
    ("logsumexp(p)", "p"),
    ("std(p)", "p"),
    ("sum(layer_norm(A)**3)", "A"),
    ("norm(A@x)", "A x"),
    ("sum([x, x**2, A.T@y]**2)", "A x y"),
    ("sum(A.T @ y)", "A y"),
    ("sum(p*p) + trace(S@S)", "p S"),
    ("sum(cumsum(p)**2)", "p"),
    ("sum(A[0]) + A[1,2]*A[3,1]", "A"),
    ("sum(S.T*S) + c*sum(S)", "S c"),
    ("mse_loss(A@x, y)", "A x y"),
    ("huber_loss(A@x, y) + smooth_l1_loss(p, 2*p)", "A x y p"),
    ("sum(sigmoid(A)*silu(A)*gelu(A)*softplus(A))", "A"),
    ("sum(clamp(A, -0.5, 0.5)) + sum(abs(A)) + sum(sqrt(abs(p)))", "A p"),
    ("logdet(S@S.T)", "S"),
    ("sum([p, p**2]*2) + mean(A)", "p A"),
]  # fmt: skip
CASES = [
    (text, names, dtype)
    for text, names in EXPRESSIONS
    for dtype in ("float64", "float32", "bfloat16", "float16")
    if "logdet" not in text or dtype in ("float64", "float32")
]
IDS = [f"{text} in {dtype}" for text, _, dtype in CASES]


def run_of(text: str, names: str, dtype: str, seed: int = 0, **more: Any) -> Run:
    numbers = np.random.default_rng(seed)
    values = {name: Array(SHAPES[name], numbers.normal(size=math.prod(SHAPES[name]))) for name in names.split()}
    tree = understand(text, values)
    (run,) = backward.runs(tree, values, {(): tuple(values)}, 1, dtype=dtype, device="cpu", record=True, **more)
    assert run.program is not None, run.failure
    return run


@pytest.mark.parametrize(("text", "names", "dtype"), CASES, ids=IDS)
def test_arrays_are_replayed_as_their_entries(text: str, names: str, dtype: str) -> None:
    program = run_of(text, names, dtype).program
    assert program is not None
    for mathematical in (False, True):
        with ctx.workprec(256):
            arrays = replay(program, mathematical=mathematical)
            entries = replay(program, mathematical=mathematical, observe=lambda *_: None)
        assert (arrays.flip, arrays.uncertain_integer) == (entries.flip, entries.uncertain_integer)
        for key in (program.value, *program.partials.values()):
            assert key is not None
            one, other = arrays.ball(key), entries.ball(key)
            assert not isinstance(one, Unknown), one.operation
            assert not isinstance(other, Unknown)
            assert one.overlaps(other)
            assert abs(one.rel_accuracy_bits() - other.rel_accuracy_bits()) < 20 or one.rel_accuracy_bits() > 200


@pytest.mark.parametrize(("text", "names", "dtype"), CASES, ids=IDS)
def test_errors_of_arrays_are_those_of_their_entries(text: str, names: str, dtype: str) -> None:
    program = run_of(text, names, dtype).program
    assert program is not None
    found = local_error.notable_errors(program, FORMATS[dtype], "cpu")
    every = local_error.local_errors(program, FORMATS[dtype], "cpu")
    assert list(found.notable) == [it for it in every if it.in_bound is False or it.underflow or it.overflow or it.flip]
    assert not any(it.in_bound is False for it in every)
    worst = max((it.ulps for it in every if math.isfinite(it.ulps)), default=None)
    assert (found.worst and found.worst.ulps) == (worst and pytest.approx(worst, rel=1e-3))


@pytest.mark.parametrize(("text", "names"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_a_slice_has_the_operations_that_a_search_by_entries_finds(text: str, names: str) -> None:
    program = run_of(text, names, "float64").program
    assert program is not None
    keys = [program.value, *list(program.partials.values())[:3]]
    for key in keys:
        needs, places = {key}, set()
        for place in range(len(program.operations) - 1, -1, -1):
            operation = program.operations[place]
            if any(cell.key in needs for cell in operation.results):
                places.add(place)
                if "_like." not in operation.name and not operation.name.startswith("new_"):
                    needs.update(cell.key for cell in operation.args if hasattr(cell, "key"))
        found = program.ancestors(key)
        assert places <= set(found)
        assert list(found) == sorted(found)
        assert all(place in found for place in places)
        assert len(set(found) - places) <= len(program.operations) // 4


def test_booleans_that_are_moved_belong_to_a_slice() -> None:
    recorder = Recorder()
    with recorder.on():
        x = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
        mask = (x == 0).scatter_(0, torch.tensor([1]), 1)
        result = torch.where(mask, x, x.exp())
    program = RecordedProgram(recorder.recording)
    found = program.ancestors(result.data_ptr())
    names = {program.operations[place].name for place in found}
    assert {"eq.Scalar", "full.scatter_.value", "where.self", "exp.default"} <= names


@contextmanager
def wrong_by(place: int, entry: float | None, factor: float) -> Iterator[list[str]]:
    """One entry of the result of one operation is off by a factor, or all; the list has its name, if it could be."""
    record, done, calls = Recorder.record, [], [0]

    def faulty(self: Recorder, function: Any, args: Any, options: Any) -> Any:
        calls[0] += 1
        if calls[0] - 1 != place:
            return record(self, function, args, options)

        class Off:
            _schema = function._schema

            def __call__(self, *inner: Any, **more: Any) -> Any:
                result = function(*inner, **more)
                first = result[0] if isinstance(result, (tuple, list)) else result
                if first.is_floating_point() and first.numel() and not first._is_zerotensor() and 0 not in first.stride():
                    numbers = torch.arange(first.numel()).reshape(first.shape)
                    here = numbers >= 0 if entry is None else numbers == int(entry * first.numel())
                    if entry is None or 1e-30 < abs(first[here].item()) < 1e30:
                        first.masked_scatter_(here, first[here] * factor)
                        done.append(str(function))
                return result

            def __str__(self) -> str:
                return str(function)

        return record(self, Off(), args, options)

    Recorder.record = faulty  # type: ignore[method-assign]
    try:
        yield done
    finally:
        Recorder.record = record  # type: ignore[method-assign]


def _unchanged(_: object, tensor: torch.Tensor) -> torch.Tensor:
    """A hook that changes nothing: torch runs once then, and is watched."""
    return tensor


FAULTY = ["sum((A@B)**2)", "sum(tanh(A@x + y)**2)", "sum(sin(A)*exp(-A) + A/(1 + A**2))", "mean(log(1 + exp(-(A@x))))", "sum(log_softmax(A, dim=1)**2)"]  # fmt: skip


@pytest.mark.parametrize(("dtype", "factor"), [("float64", 1 + 1e-12), ("float32", 1 + 1e-5)])
@pytest.mark.parametrize("text", FAULTY)
def test_one_wrong_entry_is_found(text: str, dtype: str, factor: float) -> None:
    """By its kernel's bound; a sum of many terms may be off by more, and a view writes through to what is judged already."""
    names = next(names for each, names in EXPRESSIONS if each == text)
    clean = run_of(text, names, dtype)
    assert clean.program is not None
    chance = random.Random(text)
    for place in range(len(clean.program.tensor_operations)):
        op = clean.program.tensor_operations[place]
        if op.is_view or op.base in ("sum", "mean", "_log_softmax_backward_data", "detach", "ones_like"):
            continue
        with wrong_by(place, chance.random(), factor) as done:
            run = run_of(text, names, dtype, hook=_unchanged)
        if done:
            trace = ReplayedTrace(run, FORMATS[dtype], "cpu")
            assert trace.has_kernel_fault, (place, op.name)


@pytest.mark.parametrize("ulps", [1, 4, 64, 1024])
@pytest.mark.parametrize("text", [*FAULTY, "sum(sigmoid(A)*silu(A)*gelu(A)*softplus(A))"])
def test_wrong_arrays_are_judged_as_their_entries(text: str, ulps: int) -> None:
    """About at the bounds, where some entries are within them and others are not."""
    names = next(names for each, names in EXPRESSIONS if each == text)
    clean = run_of(text, names, "float64")
    assert clean.program is not None
    beyond = 0
    for place, op in enumerate(clean.program.tensor_operations):
        if op.is_view:
            continue
        with wrong_by(place, None, 1 + ulps * 2.0**-52):
            program = run_of(text, names, "float64", hook=_unchanged).program
        assert program is not None
        found = local_error.notable_errors(program, FORMATS["float64"], "cpu").notable
        every = local_error.local_errors(program, FORMATS["float64"], "cpu")
        assert list(found) == [it for it in every if it.in_bound is False or it.underflow or it.overflow or it.flip]
        beyond += len(found)
    assert beyond > (5 if ulps > 1 else 0)


def test_a_gradient_says_what_it_is_where_it_lies_and_whether_it_is_current() -> None:
    run = run_of("sum((A@B)**2)", "A B", "float64")
    trace = ReplayedTrace(run, FORMATS["float64"], "cpu")
    gradient, view = run.gradient((), "A"), run.gradient_view((), "A")
    assert gradient is not None
    assert view is not None
    assert view.floats.tolist() == gradient.tolist()
    assert trace.is_current(view)
    balls = trace.enclosures(view)
    assert all(
        ball is not None and abs(ball - number) < 1e-12 for ball, number in zip(balls, gradient.tolist(), strict=True)
    )
    assert [run.partials[f"A[{i},{j}]",] for i in range(5) for j in range(4)] == gradient.tolist()
    value = run.value_view()
    assert value is not None
    assert value[0].floats[value[1]] == run.value
    assert run.gradient((), "C") is None
    assert run.gradient_view((), "C") is None
    changed = type(view)(view.storage, view.offset, view.shape, view.strides, view.item_size, view.dtype, view.floats + 1)
    assert not trace.is_current(changed)


def test_a_value_that_does_not_depend_on_a_variable_has_a_gradient_of_zeros() -> None:
    run = run_of("sum(A)*1", "A x", "float32")
    gradient = run.gradient((), "x")
    assert gradient is not None
    assert gradient.tolist() == [0.0] * 4
    assert run.gradient_view((), "x") is None


VIEWS: list[tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = [
    ("views of views", lambda x: x.view(4, 6)[1:3].t()[2:] * 2),
    ("written through a view", lambda x: _written(x)),
    ("expanded", lambda x: x[:3].expand(8, 3) * x.view(8, 3)),
    ("transposed in place", lambda x: (x.clone().view(4, 6).t_() * 2).sum(0)),
    ("joined and turned", lambda x: torch.cat([x[:5], x.flip(0), torch.stack([x, x]).view(-1)])),
    ("triangles and steps", lambda x: torch.triu(x[:16].view(4, 4)) + torch.roll(x[:16], 3).view(4, 4)),
    ("chosen", lambda x: x[torch.tensor([3, 1, 1, 23])].repeat(3) + torch.gather(x, 0, torch.arange(12))),
    ("a view of a part that was written before", lambda x: _twice(x)),
]  # fmt: skip


def _written(x: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y.view(4, 6)[::2].mul_(3)
    y[5:9].copy_(x[:4])
    return y + x


def _twice(x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros_like(x)
    y[:12].add_(x[12:])
    y[6:18].mul_(x[:12] + 1)
    return y


@pytest.mark.parametrize(("name", "compute"), VIEWS, ids=[name for name, _ in VIEWS])
def test_views_and_writes_into_them(name: str, compute: Callable[[torch.Tensor], torch.Tensor]) -> None:
    recorder = Recorder()
    x = torch.arange(24, dtype=torch.float64) / 8  # every number of the run is exact
    with recorder.on():
        result = compute(x)
    program = RecordedProgram(recorder.recording, {"x": recorder.view(x)})
    view = recorder.view(result)
    with ctx.workprec(256):
        for observe in (None, lambda *_: None):
            balls = replay(program, observe=observe).balls(view)
            assert [float(ball) for ball in balls if not isinstance(ball, Unknown)] == result.reshape(-1).tolist()
