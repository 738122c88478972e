"""A gradient check of code in a user's file, and its result, as plain data: both cross the border of a process.

Comes in and goes out: dataclasses, and the JSON lines that they are in between.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gradcalc.errors import CalcError, Exit
from gradcalc.testing import GradientReport, Outcome, Part

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """An object in a Python file; `name` may have dots."""

    file: str
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


@dataclass(frozen=True, slots=True)
class Request:
    """A check of `target` at random inputs of `shapes`, or at those that `inputs` gives.

    Without a dtype, inputs and modules are taken as they are.
    """

    target: Target
    inputs: Target | None = None
    shapes: tuple[Shape, ...] = ()
    dtype: str | None = None
    device: str = "cpu"
    seed: int = 0
    order: int = 1
    by_design: tuple[str, ...] = ()
    references: tuple[tuple[str, Target], ...] = ()
    """Functions by their names, and plain torch functions that compute the same."""


DEFINITION = "definition"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the user's code; `role` says what it is to the result."""

    role: str
    file: str
    line: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that was made; `shapes` are those of the inputs, None of one that is not a tensor.

    `places` are the lines that the report is about, the most telling one first.
    """

    report: GradientReport
    dtype: str | None = None
    device: str | None = None
    shapes: tuple[Shape | None, ...] = ()
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A check that could not be made; `places` are the lines of the user's code that ran last, the innermost one last."""

    message: str
    hint: str | None = None
    places: tuple[Place, ...] = ()
    exit: Exit = Exit.WRONG_REQUEST

    @property
    def error(self) -> CalcError:
        """The same as an error."""
        return CalcError(self.message, hint=self.hint)


Result = Finding | Failure


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """A request with its result, and the versions that it depends on."""

    request: Request
    result: Result
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """The outcome in one word, or `error`."""
        return str(self.result.report.verdict) if isinstance(self.result, Finding) else "error"

    @property
    def exit(self) -> Exit:
        """The exit code of this check alone."""
        return EXITS[self.result.report.verdict] if isinstance(self.result, Finding) else self.result.exit


EXITS = {
    Outcome.PROVEN: Exit.AGREE,
    Outcome.BY_DESIGN: Exit.AGREE,
    Outcome.BELOW_RESOLUTION: Exit.AGREE,
    Outcome.MEASURED: Exit.AGREE,
    Outcome.NOT_DIFFERENTIABLE: Exit.EXPLAINED,
    Outcome.UNDECIDED: Exit.UNDECIDED,
    Outcome.STOPPED: Exit.DISAGREE,
    Outcome.NOT_FINITE: Exit.DISAGREE,
    Outcome.WRONG: Exit.DISAGREE,
}
"""The exit codes of outcomes; a word that other commands have has their exit code."""


def undecided(why: str, places: Sequence[Place] = ()) -> Finding:
    """The result where a limit of time or memory was reached."""
    return Finding(GradientReport(Outcome.UNDECIDED, (), why=why), places=tuple(places))


# -------------------------------------------------------------------------------------------------- between processes


def pack(value: Request | Result) -> str:
    """A request or a result as one line of JSON."""
    return json.dumps(asdict(value))


def unpack_request(data: Mapping[str, Any]) -> Request:
    """The request that `pack` wrote."""
    inputs = data["inputs"]
    return Request(
        **{
            **data,
            "target": Target(**data["target"]),
            "inputs": None if inputs is None else Target(**inputs),
            "shapes": tuple(map(tuple, data["shapes"])),
            "by_design": tuple(data["by_design"]),
            "references": tuple((name, Target(**target)) for name, target in data["references"]),
        }
    )


def unpack_result(data: Mapping[str, Any]) -> Result:
    """The result that `pack` wrote.  Raises `KeyError`, `TypeError` or `ValueError` for what it did not write."""
    places = tuple(Place(**it) for it in data["places"])
    if "message" in data:
        return Failure(**{**data, "places": places, "exit": Exit(data["exit"])})
    shapes = tuple(None if shape is None else tuple(shape) for shape in data["shapes"])
    return Finding(**{**data, "report": _report(data["report"]), "shapes": shapes, "places": places})


def _report(data: Mapping[str, Any]) -> GradientReport:
    parts = tuple(Part(**{**part, "outcome": Outcome(part["outcome"])}) for part in data["parts"])
    verdict, notes, at_fault = Outcome(data["verdict"]), tuple(data["notes"]), tuple(data["at_fault"])
    return GradientReport(**{**data, "verdict": verdict, "parts": parts, "notes": notes, "at_fault": at_fault})
