"""The fields of claims that were checked, for JSON.

Comes in: a claim or a derivation that was checked.  Goes out: the fields by their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from gradcalc.calculate.claims.results import Check, Solution
from gradcalc.report import exit_code


def claim_conclusion(answer: Check | Solution) -> Mapping[str, object]:
    """The outcome of a claim or a derivation, its exit code, and the versions that it depends on."""
    outcome = answer.result.outcome if isinstance(answer, Check) else answer.outcome
    return {"outcome": outcome, "exit_code": int(exit_code(outcome.verdict)), "versions": answer.versions}


def reason(answer: Check | Solution) -> str:
    """Why a claim or the first line to blame has its outcome; empty for a derivation that is right."""
    if isinstance(answer, Check):
        return answer.result.why
    line = next((it for it in answer.lines if it.number == answer.first and it.outcome is answer.outcome), None)
    return f"line {line.number}: {line.result.why}" if line and line.result else ""


def check_fields(check: Check) -> Mapping[str, object]:
    """The fields of a single claim; of an array, those of its entries too."""
    values = asdict(check)
    entries = [{**entry.pop("result"), **entry} for entry in values.pop("entries")]
    return {**values.pop("result"), **values, "entries": entries}


def solution_fields(solution: Solution) -> Mapping[str, object]:
    """The fields of a derivation, for JSON; a line of it has the fields of a single claim, too."""
    values = asdict(solution)
    lines = [{**(line.pop("result") or _NO_RESULT), **line} for line in values.pop("lines")]
    return {**values, "lines": lines}


_NO_RESULT: dict[str, object] = {
    "formula": None, "points": [], "by_sympy": False, "cause": None, "why": None, "evidence": None, "digits": None,
    "condition": None, "mistake": None, "counterexample": None, "remarks": [], "is_equality": False,
}  # fmt: skip
"""The result of a line that claims nothing."""


def answer_fields(answer: Check | Solution) -> Mapping[str, object]:
    """The fields of a claim or of a derivation."""
    return check_fields(answer) if isinstance(answer, Check) else solution_fields(answer)
