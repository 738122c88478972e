"""The JSON format: one object a line, ASCII, valid whatever the numbers are.

The keys are those of DESIGN.md, "Machine formats": they keep their order, and are only ever added.  `nan`, `inf` and
`-inf` are strings, because JSON has no such numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

from gradcalc.output.options import RenderOptions
from gradcalc.report import SCHEMA, Partial, Report


def render(reports: Iterable[Report], options: RenderOptions) -> Iterator[str]:
    """One line a report, as the reports come."""
    for report in reports:
        yield line(as_object(report))


def line(value: Mapping[str, object]) -> str:
    """A JSON object as a line of text."""
    return json.dumps(_valid(value), allow_nan=False) + "\n"


def as_object(report: Report) -> dict[str, object]:
    """The JSON object of a report."""
    return {
        "schema": SCHEMA,
        "expr": report.expr,
        "read_as": report.read_as,
        "order": report.order,
        "at": report.at,
        "point": report.point,
        "dtype": report.dtype,
        "device": report.device,
        "value": report.value and {"symbolic": report.value.symbolic, "autograd": report.value.autograd},
        "partials": partials(report.partials),
        "verdict": report.verdict,
        "versions": report.versions,
        "latex": report.latex,
        "notes": report.notes,
        "general": [asdict(formula) for formula in report.entry_formulas],
        "normwise_digits": report.normwise_digits,
    }


def partials(found: Iterable[Partial]) -> list[dict[str, object]]:
    """The JSON objects of partials."""
    return [_partial(partial) for partial in found]


def _partial(partial: Partial) -> dict[str, object]:
    return {
        "by": partial.by,
        "index": partial.index,
        "formula": partial.formula,
        "latex": partial.latex,
        "symbolic": partial.symbolic,
        "reference": partial.reference,
        "autograd": partial.autograd,
        "left": partial.left,
        "right": partial.right,
        "verdict": partial.verdict,
        "cause": partial.cause,
        "side": partial.side,
        "digits": partial.digits,
        "ulps": partial.ulps,
        "why": partial.why,
        "proof": partial.proof,
    }


def _valid(value: object) -> object:
    """The same value in what JSON has: what it does not know is its text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(key): _valid(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_valid(entry) for entry in value]
        case _:
            return str(value)
