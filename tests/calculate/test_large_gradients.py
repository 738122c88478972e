"""Gradients of more entries than people look at: judged as arrays, with the same verdicts as one by one."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy
import pytest

import gradcalc
from gradcalc.calculate import partial_list
from gradcalc.calculate.judging import PointJudge
from gradcalc.errors import CalcError
from gradcalc.report import LazyPartials, Report, Verdict, verdict_counts
from gradcalc.runtime import deadline

MATRIX = numpy.random.default_rng(7).normal(size=(12, 12))
VECTOR = numpy.random.default_rng(8).normal(size=12)


def answer(expr: str, **options: Any) -> Report:
    at = {name: value for name, value in {"W": MATRIX, "x": VECTOR}.items() if re.search(rf"\b{name}\b", expr)}
    return gradcalc.differentiate(expr, at=at, **options)


@pytest.mark.parametrize(
    ("expr", "options"),
    [
        ("sum(tanh(W@x)**2)", {"by": "W"}),
        ("cross_entropy(W, [0,1,2,3,4,5,6,7,8,9,10,11])", {"dtype": "float32"}),
        ("sum(relu(W - W[0,0]))", {}),
        ("std(W)", {"dtype": "bfloat16"}),
        ("W@x", {"by": "x"}),
        ("logsumexp(x)", {"order": 2}),
        ("logdet(W@W.T)", {}),
    ],
)
def test_a_verdict_is_the_same_for_many_as_for_one(
    expr: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = answer(expr, **options)
    assert isinstance(together.partials, LazyPartials)
    assert len(together.partials) > 100
    monkeypatch.setattr(PointJudge, "agreeing", lambda self, line: [False] * len(line.axis.positions))
    single = answer(expr, **options)
    assert list(together.partials) == list(single.partials)
    assert verdict_counts(together.partials) == Counter(partial.verdict for partial in single.partials)
    assert together.normwise_digits == single.normwise_digits


def test_agreement_beside_a_formula_that_was_not_looked_at_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    def confirms(self: PointJudge, number: int, symbolic: object) -> bool:
        if number == 5:
            raise deadline.OutOfTime
        return True

    monkeypatch.setattr(PointJudge, "confirms", confirms)
    report = answer("sum(W**2)")
    assert verdict_counts(report.partials) == {Verdict.AGREE: 5, Verdict.UNDECIDED: 139}
    assert [partial.verdict for partial in report.partials] == [Verdict.AGREE] * 5 + [Verdict.UNDECIDED] * 139
    assert report.partials[5].cause == "time"


def test_a_wrong_index_formula_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = PointJudge._formula_values

    def values(self: PointJudge, *arguments: Any) -> Any:
        wrong = dict(honest(self, *arguments))
        wrong[3, 4] = wrong[0, 0]
        return wrong

    monkeypatch.setattr(PointJudge, "_formula_values", values)
    report = answer("sum(W**2)")
    assert verdict_counts(report.partials) == {Verdict.AGREE: 143, Verdict.DISAGREE: 1}
    assert (report.partials[40].side, report.partials[40].index) == ("symbolic", (3, 4))


def test_records_beyond_the_first_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [partial.verdict for partial in answer("sum(log(1 + exp(9*W)) - 9*W)", dtype="bfloat16").partials]
    assert expected.count(Verdict.INACCURATE) > 3
    monkeypatch.setattr(partial_list, "MAX_KEPT", 2)
    report = answer("sum(log(1 + exp(9*W)) - 9*W)", dtype="bfloat16")
    assert [partial.verdict for partial in report.partials] == expected
    assert verdict_counts(report.partials) == Counter(expected)


def test_formulas_are_derived_for_what_is_shown_or_for_all() -> None:
    report = answer("W@x", by="x")
    assert [partial.formula is not None for partial in report.partials] == [True] * 12 + [False] * 132
    assert report.partials[12].proof["symbolic"] == "the formulas of 12 of 144 partial derivatives are derived"
    report = answer("W@x", by="x", entries=True)
    assert [partial.formula for partial in report.partials][:2] == ["W[0,0]", "W[0,1]"]
    assert all(partial.formula for partial in report.partials)


def test_matrices_are_not_written_out() -> None:
    size = 40
    matrix = numpy.eye(size) + numpy.random.default_rng(3).normal(size=(size, size)) / size
    report = gradcalc.differentiate("logdet(A)", at={"A": matrix})
    assert (report.verdict, len(report.partials)) == (Verdict.AGREE, size**2)
    inverse = numpy.linalg.inv(matrix).T
    numbers = numpy.array([partial.autograd for partial in report.partials]).reshape(size, size)
    assert numpy.allclose(numbers, inverse)


def test_what_does_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradcalc.calculate.cost.free_memory", lambda: 10_000_000)
    matrix = numpy.zeros((200, 200))
    with pytest.raises(CalcError, match=r"^40,000 partial derivatives take about 0\.1 GB of memory; 0\.0 GB are free$"):
        gradcalc.differentiate("sum(W)", at={"W": matrix})
    assert gradcalc.differentiate("sum(W)", at={"W": matrix[:12, :12]}).verdict is Verdict.AGREE
