"""Wrong rows of our own tables show: a smaller run of benchmarks/mutations.py."""

from __future__ import annotations

import mutations
import pytest

from gradcalc.engines.taylor.entrywise import FORMULAS

FUNCTIONS = (
    "-", "/", "**", "neg", "exp", "log", "sqrt", "log1p", "expm1", "sin", "tan", "asin", "atan2", "tanh", "asinh", "erf", "hypot",
    "maximum", "clamp", "where", "remainder", "logaddexp", "xlogy", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus",
    "logsigmoid", "sigmoid", "hardswish", "hardtanh", "huber_loss", "smooth_l1_loss", "mse_loss", "binary_cross_entropy", "lgamma",
)  # fmt: skip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cases() -> dict[str, list[mutations.Asked]]:
    return mutations.battery(names=FUNCTIONS, asked=(("float64", 1),))


def test_every_function_has_cases_that_agree(cases: dict[str, list[mutations.Asked]]) -> None:
    assert [name for name in FUNCTIONS if not cases.get(name)] == []


def test_wrong_meanings_of_operations_show(cases: dict[str, list[mutations.Asked]]) -> None:
    outcome = mutations.semantic_mutants(cases)
    assert outcome.survived == []
    assert len({mutant.name for mutant in outcome.caught}) > 60
    assert len(outcome.caught) > 300


def test_wrong_rows_of_the_function_table_show(cases: dict[str, list[mutations.Asked]]) -> None:
    outcome = mutations.table_mutants(cases, FUNCTIONS)
    assert outcome.survived == []
    for column, names in (("meaning", FUNCTIONS), ("torch", FUNCTIONS), ("formula", FORMULAS)):
        assert {mutant.name for mutant in outcome.caught if mutant.table == column} == set(names).intersection(FUNCTIONS)
    assert len(outcome.caught) > 400


def test_definitions_constants_and_defaults_are_what_mpmath_and_torch_have() -> None:
    assert mutations.definitions_hold() == []


def test_wrong_definitions_constants_and_defaults_show() -> None:
    outcome = mutations.shared_mutants()
    assert outcome.survived == []
    assert len(outcome.caught) > 40


def test_mutants_are_put_back(cases: dict[str, list[mutations.Asked]]) -> None:
    mutations.semantic_mutants(cases, ("mul", "sin"))
    mutations.table_mutants(cases, ("sin",))
    assert all(not mutations._shows(asked) for asked in cases["sin"])
