"""PyTorch's own database of operators: how many gradients are proven, which are wrong, and that planted faults are found."""

from __future__ import annotations

import operator_database
import pytest
import torch

from gradcalc.testing import GradientReport, Outcome

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.__version__.startswith("2.13."), reason="the counts are those of PyTorch 2.13"),
]
SAMPLES = 2
STRIDE = 4
"""Every fourth operator is checked, in double precision every second one."""

UNKNOWN = (Outcome.UNDECIDED, Outcome.NOT_DIFFERENTIABLE, Outcome.NOT_FINITE)
EXPECTED = {"float64": 245, "float32": 124, "bfloat16": 100}
"""Operators of which all samples are proven."""


def reports(dtype: torch.dtype, fault: float | None = None, stride: int = STRIDE) -> dict[str, list[GradientReport]]:
    found = {}
    for op in operator_database.operators(dtype)[::stride]:
        try:
            found[op.formatted_name] = operator_database.checked(op, dtype, SAMPLES, fault)
        except RuntimeError:  # an operator that refuses its own samples
            continue
    return found


@pytest.mark.parametrize("name", EXPECTED)
def test_operators_are_proven_and_none_is_wrong_that_is_right(name: str) -> None:
    found = reports(getattr(torch, name), stride=2 if name == "float64" else STRIDE)
    proven = [name for name, each in found.items() if each and all(it.verdict is Outcome.PROVEN for it in each)]
    wrong = {op for op, each in found.items() if any(it.verdict is Outcome.WRONG for it in each)}
    assert wrong <= operator_database.KNOWN_FAULTS
    assert len(proven) == EXPECTED[name]


def test_gradcheck_refuses_what_is_wrong() -> None:
    count = 0
    for op in operator_database.operators(torch.float64):
        if op.formatted_name in operator_database.KNOWN_FAULTS:
            for sample in operator_database.samples(op, torch.float64):
                if sample.check().verdict is Outcome.WRONG:
                    inputs = [it.requires_grad_() for it in sample.inputs]
                    assert not torch.autograd.gradcheck(sample.function, inputs, raise_exception=False)
                    count += 1
    assert count


@pytest.mark.parametrize(
    ("name", "fault", "outcome"),
    [
        ("float64", 1e-3, Outcome.WRONG),
        ("float64", 1e-9, Outcome.WRONG),
        ("float32", 1e-3, Outcome.WRONG),
        ("float32", 1e-9, Outcome.BELOW_RESOLUTION),
        ("bfloat16", 1e-3, Outcome.WRONG),
        ("bfloat16", 1e-4, Outcome.BELOW_RESOLUTION),
    ],
)
def test_planted_faults_are_found(name: str, fault: float, outcome: Outcome) -> None:
    found = 0
    for op, each in reports(getattr(torch, name), fault).items():
        for report in each if op not in operator_database.KNOWN_FAULTS else ():
            assert report.verdict in (outcome, *UNKNOWN), f"{op}: {report}"
            assert report.function == "Planted" or report.verdict is not Outcome.WRONG, f"{op}: {report}"
            found += report.verdict is outcome
    assert found > 150
