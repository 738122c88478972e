"""What `backward()` does with gradient tracking on, and off in four ways.

Comes in: a `Question`.  Goes out: a `Tracking`: what torch did, beside the proven answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradcalc.calculate.answer import answer
from gradcalc.commands.at_point import prepare_at_point, torch_errors
from gradcalc.inputs.query import Question
from gradcalc.report import Report
from gradcalc.runtime.deadline import DEFAULT_SECONDS

if TYPE_CHECKING:
    from gradcalc.engines.autograd.grad_modes import GradModeResult


@dataclass(frozen=True, slots=True)
class Tracking:
    """What `backward()` does on the result with tracking on, and off in four ways; and, of an array, on its sum."""

    report: Report
    ways: Sequence[GradModeResult]
    of_sum: Sequence[GradModeResult]


def tracking(question: Question, *, seconds: float = DEFAULT_SECONDS) -> Tracking:
    """The ways to switch tracking off, each run.  Raises `CalcError` for what has no point, or that torch does not run."""
    prepared = prepare_at_point(question, seconds)
    from gradcalc.engines.autograd.grad_modes import grad_mode_results

    report = answer(prepared)
    tree, point, dtype, device = prepared.tree, report.point, str(report.dtype), str(report.device)
    with torch_errors():
        ways = grad_mode_results(tree, point, dtype=dtype, device=device)
        of_sum = grad_mode_results(tree, point, of_sum=True, dtype=dtype, device=device) if prepared.shape else ()
    return Tracking(report, ways, of_sum)
