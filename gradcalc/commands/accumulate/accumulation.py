"""`.grad` after each of several backward passes, with and without clearing it in between.

Comes in: a `Question`.  Goes out: an `Accumulation`: what torch did, beside the proven answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcalc.calculate.answer import answer
from gradcalc.commands.at_point import prepare_at_point, torch_errors
from gradcalc.inputs.query import Question
from gradcalc.report import Report
from gradcalc.runtime.deadline import DEFAULT_SECONDS

MAX_PASSES = 1_000


@dataclass(frozen=True, slots=True)
class Accumulation:
    """`.grad` after each pass, by how it is cleared before the next one: a list of passes, of variables, of numbers."""

    report: Report
    passes: int
    gradients: Mapping[str, Sequence[Mapping[str, Any]]]


def accumulate(
    question: Question, *, passes: int = 3, clear: bool = False, seconds: float = DEFAULT_SECONDS
) -> Accumulation:
    """`.grad` after each of some passes, without and with clearing (`clear`: with it only).

    Raises `CalcError` for what has no point, or no single value, or no gradient in torch.
    """
    prepared = prepare_at_point(question, seconds, "backward() starts from one number")
    from gradcalc.engines.autograd.grad_modes import ZEROING, accumulate_grads

    report = answer(prepared)
    settings = {"dtype": str(report.dtype), "device": str(report.device)}
    with torch_errors():
        gradients = {
            zeroing: accumulate_grads(prepared.tree, report.point, passes, zeroing, **settings)
            for zeroing in (ZEROING[1:] if clear else ZEROING)
        }
    return Accumulation(report, passes, gradients)
