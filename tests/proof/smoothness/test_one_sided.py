"""Random partials at breakpoints against an oracle that shares no code with the engines, and the cases of a file."""

from __future__ import annotations

import json
import os
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import mpmath
import pytest
from breakpoints import Answer, agrees, cases, examined, oracle, verdicts
from flint import arb, ctx

from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import ball
from gradcalc.functions.resolve import understand
from gradcalc.inputs.values import value_tree
from gradcalc.proof.smoothness.differentiability import Side, examine
from gradcalc.proof.smoothness.kinds import Kind

FIRST_AND_SECOND = list(islice(cases(20), 60))
THIRD = list(islice(cases(30, order=3), 10))


CASES = FIRST_AND_SECOND + THIRD


@cache
def answer_to(place: int) -> Any:
    return oracle(CASES[place])


@cache
def verdict_on(place: int) -> Any:
    return examined(CASES[place])


def name_of(case: Any) -> str:
    return f"{case.expr} at {dict(case.at)} by {','.join(case.by)}"


@pytest.mark.slow
@pytest.mark.parametrize("place", range(len(CASES)), ids=map(name_of, CASES))
def test_nothing_false_is_said(place: int) -> None:
    said = verdict_on(place)
    answer = answer_to(place)
    assert said[0] == "unknown" or answer is None or agrees(answer, said)


@pytest.mark.slow
def test_little_is_undecided() -> None:
    unknown = sum(verdict_on(place)[0] == "unknown" for place in range(len(FIRST_AND_SECOND)))
    assert unknown <= len(FIRST_AND_SECOND) * 0.02


@pytest.mark.slow
def test_the_oracle_answers_mostly() -> None:
    answers = [answer_to(place) for place in range(len(FIRST_AND_SECOND))]
    assert sum(answer is not None for answer in answers) > 50


@pytest.mark.parametrize("case", list(islice(cases(40), 8)), ids=name_of)
def test_verdicts_in_four_dtypes(case: Any) -> None:
    answer = oracle(case)
    assert answer is None or not verdicts(case, answer)


def test_the_oracle_can_disagree() -> None:
    case = FIRST_AND_SECOND[0]
    kind, *rest = examined(case)
    assert not agrees(Answer("kink" if kind == "smooth" else "smooth", mpmath.mpf(1), mpmath.mpf(2)), (kind, *rest))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------ cases of a file

_FOLDER = os.environ.get("GRADCALC_CORPORA")
_FILE = Path(_FOLDER).parent / "cases" / "seams.jsonl" if _FOLDER else None
ROWS = [json.loads(line) for line in _FILE.read_text().splitlines()] if _FILE and _FILE.exists() else []

_WITHOUT_VALUE = ("pole", "undefined")


def is_same(side: Side, text: str | None) -> bool:
    if text is None or side is None or isinstance(side, float):
        return text is None or (isinstance(side, float) and side == float(text))
    with ctx.workprec(256):
        expected = arb(text)
        return bool(abs(ball(side) - expected) < abs(expected) * arb("1e-20") + arb("1e-40"))


@pytest.mark.corpora
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['expr']} by {row['by']}")
def test_rows(row: dict[str, Any]) -> None:
    site = ExpressionAt(
        understand(row["expr"], list(row["at"])), {name: value_tree(name, text) for name, text in row["at"].items()}
    )
    found = examine(site, row["by"])
    kind = {Kind.SMOOTH: "smooth", Kind.DOMAIN: "undefined"}.get(found.kind, str(found.kind))
    if found.kind is Kind.REMOVABLE:
        assert row["kind"] in _WITHOUT_VALUE
        return
    assert kind == row["kind"]
    left, right = (found.derivative, found.derivative) if found.kind is Kind.SMOOTH else (found.left, found.right)
    assert is_same(left, row["left"])
    assert is_same(right, row["right"])
