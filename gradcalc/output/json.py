"""The JSON format: one object a line, ASCII, valid whatever the numbers are.

Keys keep their order, and are only ever added.  `nan`, `inf` and `-inf` are strings, because JSON has no such numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass

from gradcalc.errors import CalcError
from gradcalc.output.options import RenderOptions
from gradcalc.report import SCHEMA, Outcome, Partial, Report


def render(reports: Iterable[Report], options: RenderOptions) -> Iterator[str]:
    """One line for each report, as the reports come."""
    for report in reports:
        yield line(envelope("diff", conclusion(report, options), as_object(report)))


def envelope(command: str, conclusion: Mapping[str, object], fields: Mapping[str, object]) -> dict[str, object]:
    """The object of a result: what all have in common first, its own fields, and the versions last; see `schema.json`."""
    first = {name: value for name, value in conclusion.items() if name != "versions"}
    own = {name: value for name, value in fields.items() if name != "versions"}
    return {"schema": SCHEMA, "command": command, **first, **own, "versions": conclusion["versions"]}


def conclusion(report: Report, options: RenderOptions) -> dict[str, object]:
    """The verdict of a report, its exit code, and the versions that it depends on."""
    outcome = Outcome(options.fail_on)
    outcome.add(report.verdicts)
    return {"verdict": report.verdict, "exit_code": int(outcome.exit), "versions": report.versions}


def line(value: Mapping[str, object]) -> str:
    """A JSON object as a line of text."""
    return json.dumps(_valid(value), allow_nan=False) + "\n"


def as_object(report: Report) -> dict[str, object]:
    """The JSON object of a report."""
    fields = {name: getattr(report, name) for name in _REPORT_KEYS}
    last = {"general": report.entry_formulas, "normwise_digits": report.normwise_digits}
    return {"schema": SCHEMA, **fields, **last}


def error_fields(error: CalcError) -> dict[str, object]:
    """What is said of an error: its message, where in the source it is, and what to do instead."""
    return {
        "message": error.message,
        "span": (error.span.start, error.span.end) if error.span else None,
        "hint": error.hint,
        "source": error.source if error.span else None,
    }


_REPORT_KEYS = (
    "expr", "read_as", "order", "at", "point", "dtype", "device", "value", "partials", "verdict", "versions", "latex",
    "notes",
)  # fmt: skip
_PARTIAL_KEYS = (
    "by", "index", "formula", "latex", "symbolic", "reference", "autograd", "left", "right", "verdict", "cause", "side",
    "digits", "ulps", "why", "proof",
)  # fmt: skip


def _valid(value: object) -> object:
    """The same value in what JSON has: of a record its fields, of what JSON does not know the text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Report():
            return _valid(as_object(value))
        case Partial():
            return {name: _valid(getattr(value, name)) for name in _PARTIAL_KEYS}
        case Mapping():
            return {str(key): _valid(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_valid(entry) for entry in value]
        case _ if is_dataclass(value):
            return {field.name: _valid(getattr(value, field.name)) for field in fields(value)}
    return str(value)
