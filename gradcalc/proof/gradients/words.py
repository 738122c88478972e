"""The words of the gradient check, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What is known about the gradients of a function, best first."""

    PROVEN = "proven"
    BY_DESIGN = "by-design"
    BELOW_RESOLUTION = "below-resolution"
    MEASURED = "measured"
    NOT_DIFFERENTIABLE = "not-differentiable"
    UNDECIDED = "undecided"
    STOPPED = "stopped"
    NOT_FINITE = "not-finite"
    WRONG = "wrong"


FAILING = frozenset({Outcome.STOPPED, Outcome.NOT_FINITE, Outcome.WRONG, Outcome.UNDECIDED, Outcome.NOT_DIFFERENTIABLE})
"""Outcomes that make an assertion fail: what is not proven is not right."""
_SEVERITY = {outcome: place for place, outcome in enumerate(Outcome)}


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of a whole from those of its parts."""
    return max(outcomes, key=_SEVERITY.__getitem__, default=Outcome.PROVEN)


@dataclass(frozen=True, slots=True)
class Part:
    """The gradient by one input: the outcome and the reason; `signature` says how a wrong one is wrong.

    `error` is the largest difference from the derivative, relative to its largest entry.
    """

    name: str
    outcome: Outcome
    why: str = ""
    signature: str | None = None
    entries: int = 0
    error: float | None = None


@dataclass(frozen=True, slots=True)
class GradientReport:
    """What is known about the gradients of a function: the outcome of the whole, and a part for each input.

    `function` is the custom Function at fault, `line` the place in the user's files, `signature` how its gradient is wrong.
    """

    verdict: Outcome
    parts: tuple[Part, ...]
    function: str | None = None
    signature: str | None = None
    line: str | None = None
    why: str = ""
    notes: tuple[str, ...] = ()
    operations: int = 0
    at_fault: tuple[str, ...] = ()
    """All custom Functions whose own backward pass is wrong."""
    ulps: float | None = None
    """How far the floats of opaque backward passes are from the derivative, in ulps of the largest entry."""

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        """The report in words: the verdict first, then a line for each input."""
        where = f" (applied at {self.line})" if self.line and self.function else f" at {self.line}" if self.line else ""
        head = f"{self.verdict}: {self.function}{where}" if self.function else f"{self.verdict}{where}"
        lines = [head + (f": {self.why}" if self.why else "")]
        for part in self.parts:
            detail = part.why or (f"all {part.entries} entries" if part.outcome is Outcome.PROVEN else "")
            lines.append(f"  {part.name}: {part.outcome}" + (f", {detail}" if detail else ""))
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def undecided(names: Sequence[str], why: str, operations: int = 0) -> GradientReport:
    """The report where nothing is known, for the same reason by every input."""
    parts = tuple(Part(name, Outcome.UNDECIDED, why) for name in names)
    return GradientReport(Outcome.UNDECIDED, parts, why=why, operations=operations)
