"""Large gradients are judged as arrays: with the verdicts of single partials, without false alarms, and no fault escapes."""

from __future__ import annotations

import random
from itertools import islice
from typing import Any

import large_arrays
import model_faults
import models
import pytest
import torch
from support import faulty
from support.large_expressions import DTYPES, LargeCase, large_cases
from support.whole_faults import Answer, answered, at_calls, at_input, beside_the_record, entry_of, scale

from gradcalc import differentiate
from gradcalc.calculate import partial_list
from gradcalc.calculate.judging import PointJudge
from gradcalc.calculate.partials import Line
from gradcalc.proof import float_report
from gradcalc.report import Verdict
from gradcalc.runtime import deadline

SOFTMAX = model_faults.CASES[0]


# ------------------------------------------------------------------------------------------------- bulk beside single


def _columns(case: LargeCase) -> list[tuple[Any, ...]]:
    report = large_arrays.ask(case)
    return [(it.verdict, it.cause, it.digits, it.symbolic, it.reference, it.autograd) for it in report.partials]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(8))
def test_verdicts_in_bulk_are_those_of_single_partials(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (case,) = islice(large_cases(3, number), 1)
    bulk = answered(lambda: large_arrays.ask(case))
    own = _columns(case)

    def none(_: PointJudge, line: Line) -> list[bool]:
        return [False] * len(line.axis.positions)

    monkeypatch.setattr(PointJudge, "agreeing", none)
    assert _columns(case) == own
    assert [str(verdict) for verdict, *_ in own] == bulk.verdicts


@pytest.fixture(scope="module")
def found() -> large_arrays.Found:
    return large_arrays.run(islice(large_cases(10), 6), 10, 4, 60)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["apart", "alarms", "crashes", "wrong"])
def test_random_expressions_of_arrays_have_no(found: large_arrays.Found, what: str) -> None:
    assert getattr(found, what) == []


@pytest.mark.slow
def test_faults_of_random_expressions_of_arrays_are_found(found: large_arrays.Found) -> None:
    assert found.faults.escapes == []
    assert found.faults.alarms == []
    assert sum(found.faults.reached.values()) > 5
    assert found.bulk > 1_000
    assert found.oracle > 5


ROWS = (
    "sum",
    "prod",
    "max",
    "var",
    "norm",
    "logsumexp",
    "softmax",
    "layer_norm",
    "@",
    "logdet",
    "cross_entropy",
    "where",
    "[]",
)


@pytest.mark.slow
def test_rows_of_the_table_at_random_shapes_are_never_accused() -> None:
    found = large_arrays.rows(1, 5, ROWS)
    assert (found.alarms, found.crashes) == ([], [])
    assert found.cases == len(DTYPES) * (len(ROWS) - 1)  # `where` is no row of its own
    assert all("unknown-operation" not in why for _, _, why in found.unknown)


# ------------------------------------------------------------------------------------------------------------- faults


def _ask(case: models.Case, dtype: str, within: Any = None) -> Answer:
    return answered(lambda: models.answer(case, dtype), within)


@pytest.mark.parametrize(("dtype", "eps"), [("float32", 1e-6), ("float64", 1e-12)])
def test_one_entry_of_a_gradient_that_is_off_is_the_only_one_accused(dtype: str, eps: float) -> None:
    change = entry_of(scale(1 + eps), 123)
    answer = _ask(SOFTMAX, dtype, at_input("W", change))
    assert [number for number, verdict in enumerate(answer.verdicts) if verdict != "agree"] == [123]
    assert answer.verdicts[123] == "disagree"
    assert set(_ask(SOFTMAX, dtype).verdicts) == {"agree"}


@pytest.fixture(scope="module")
def tally() -> model_faults.Tally:
    return model_faults.run(model_faults.CASES[:1] + model_faults.CASES[6:10], 1, 0)


@pytest.mark.slow
def test_faults_of_models_are_found(tally: model_faults.Tally) -> None:
    assert tally.escapes == []
    assert tally.alarms == []
    assert tally.found == tally.reached
    assert sum(tally.reached.values()) > 100


KINDS = (
    "one entry times 1 + eps", "a pair of entries swapped", "a row lost", "1/n missing", "a stale buffer",
    "one entry written beside the record", "a result of a kernel that is not recorded, off", "transposed",
    "one entry times 1 + eps, inside", "written beside the record, inside", "forward, written beside the record",
    "another function inside", "the value off, the derivative right", "a wrong rule of an array function",
    "a kernel of the forward pass off by 1 + eps", "a kernel of the backward pass off by 1 + eps",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_reached_a_model(tally: model_faults.Tally, kind: str) -> None:
    assert all(tally.reached[kind, dtype] for dtype in ("float32", "float64"))


X = {"x": [(k % 17) / 8 + 0.25 for k in range(120)]}


@pytest.mark.parametrize(("expr", "place"), [("sum(x**2)", 1), ("sum(x**2)", 0)], ids=["the value", "a part of the value"])
def test_a_value_that_was_written_beside_the_record_is_no_agreement(expr: str, place: int) -> None:
    change = beside_the_record(lambda tensor: tensor.mul_(1 + 1e-9))
    answer = answered(lambda: differentiate(expr, at=X, dtype="float64"), at_calls(lambda: faulty.at_call(place, change)))
    assert set(answer.verdicts) == {"undecided"}
    assert {partial.cause for partial in answer.report.partials} == {"unknown-operation"}


def test_a_value_of_a_number_that_was_written_beside_the_record_is_no_agreement() -> None:
    change = beside_the_record(lambda tensor: tensor.mul_(1 + 1e-9))
    within = at_calls(lambda: faulty.at_call(0, change))
    answer = answered(lambda: differentiate("sin(x)", at=2, dtype="float64"), within)
    assert answer.verdicts == ["undecided"]
    assert answer.report.partials[0].why == "the value was overwritten by an operation that was not recorded"


def test_a_result_that_no_record_shows_is_no_agreement_even_if_it_is_right() -> None:
    def change(g: torch.Tensor) -> torch.Tensor:
        with faulty._disable_current_modes():
            return g * 1

    answer = answered(lambda: differentiate("sum(x)", at=X, dtype="float64"), at_input("x", change))
    assert answer.numbers == [1.0] * 120
    assert set(answer.verdicts) == {"undecided"}


def test_a_wrong_second_derivative_is_named_beside_memory_that_starts_empty() -> None:
    case = next(case for case in model_faults.CASES if case.name.startswith("Hessian of logsumexp"))
    change = entry_of(lambda flat, at: flat[at].zero_(), 2)
    verdicts = _ask(case, "float64", at_input("x", change)).verdicts
    assert "disagree" in verdicts
    assert "undecided" not in verdicts


# ---------------------------------------------------------------------------------------------------- lost digits


CANCELLING = {"x": [(600 + k) * 1e-6 for k in range(110)]}


def test_the_search_for_a_reason_never_costs_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: object) -> None:
        raise deadline.OutOfTime

    monkeypatch.setattr(float_report, "dominant_error", endless)
    report = differentiate("sum(x - sin(x))", at=CANCELLING, dtype="float32")
    assert {partial.verdict for partial in report.partials} == {Verdict.INACCURATE}
    assert "of 110 inaccurate entries, 0 were searched for the operation and a stable formulation" in report.notes


def test_the_search_for_reasons_has_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial_list, "_EXPLANATION_SECONDS", 0.0)
    report = differentiate("sum(x - sin(x))", at=CANCELLING, dtype="float32")
    assert {partial.verdict for partial in report.partials} == {Verdict.INACCURATE}
    assert {partial.cause for partial in report.partials} == {None}


def test_reasons_are_found_where_there_is_time() -> None:
    report = differentiate("sum(x - sin(x))", at=CANCELLING, dtype="float32")
    assert report.partials[0].cause == "cancellation"


def test_what_came_from_moved_conditions_is_judged() -> None:
    chance = random.Random(2)
    x = [[round(chance.uniform(-1, 1), 1) for _ in range(4)] for _ in range(4)]
    report = differentiate("std(prod(cumprod(x), dim=-1), correction=0)", at={"x": x}, order=2, dtype="float16")
    assert len(report.partials) == 256
    assert Verdict.DISAGREE not in {partial.verdict for partial in report.partials}
