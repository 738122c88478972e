"""Modules and idioms of torch.nn: right ones are proven, and none that is right is called wrong."""

from __future__ import annotations

import pytest
import torch

from gradcalc.testing import Outcome, gradients
from tests.support.torch_modules import idioms, inputs_of, made

IDIOMS = {name: (make, shapes) for name, make, shapes in idioms()}
OTHERS = {
    "CTCLoss": {Outcome.UNDECIDED},
    "Embedding, padded": {Outcome.BY_DESIGN},
    "RReLU": {Outcome.UNDECIDED, Outcome.BELOW_RESOLUTION, Outcome.PROVEN},
    "spectral_norm": {Outcome.STOPPED, Outcome.BELOW_RESOLUTION},
}
"""Outcomes of those that are not proven: unknown, documented, of random slopes, and with vectors that are kept constant."""


@pytest.mark.parametrize("name", IDIOMS)
def test_what_models_are_made_of_is_proven(name: str) -> None:
    make, shapes = IDIOMS[name]
    report = gradients(made(make, torch.float32), inputs_of(shapes, torch.float32))
    assert report.verdict in OTHERS.get(name, {Outcome.PROVEN}), str(report)


def test_most_are_proven() -> None:
    assert len(IDIOMS) - len(OTHERS) >= 120
