"""The fields of claims that were checked, for JSON.

Comes in: a claim or a derivation that was checked, or an error.  Goes out: the fields by their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from gradcalc.calculate.claims.results import Check, Solution
from gradcalc.errors import CalcError
from gradcalc.output import json as machine


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


def answer_fields(answer: Check | Solution | CalcError) -> Mapping[str, object]:
    """The fields of an answer as in the JSON of a single one; an error has those of an error in a batch."""
    match answer:
        case Check():
            return check_fields(answer)
        case Solution():
            return solution_fields(answer)
    return {"error": machine.error_fields(answer)}
