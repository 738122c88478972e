"""The JSON format: one object a line, ASCII, valid whatever the numbers are.

Keys keep their order, and are only ever added.  `nan`, `inf` and `-inf` are strings, because JSON has no such numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from gradcalc.errors import CalcError
from gradcalc.output.options import RenderOptions
from gradcalc.report import LazyPartials, Outcome, Report, envelope, json_value


def render(reports: Iterable[Report], options: RenderOptions) -> Iterator[str]:
    """One line for each report, as the reports come."""
    for report in reports:
        yield from _parts(envelope("diff", conclusion(report, options), report.fields()))


def _parts(value: Mapping[str, object]) -> Iterator[str]:
    """The line of an object in parts: a million partials are written as they are made."""
    partials = value["partials"]
    if not isinstance(partials, LazyPartials):
        yield line(value)
        return
    # Inside of a string the quotes would be escaped.
    head, tail = line({**value, "partials": []}).split(_EMPTY, 1)
    yield head + _EMPTY[:-1]
    for number, partial in enumerate(partials):
        yield (", " if number else "") + json.dumps(json_value(partial), allow_nan=False)
    yield "]" + tail


_EMPTY = '"partials": []'


def conclusion(report: Report, options: RenderOptions) -> dict[str, object]:
    """The verdict of a report, its exit code, and the versions that it depends on."""
    outcome = Outcome(options.fail_on)
    outcome.add(report.verdicts)
    return {"verdict": report.verdict, "exit_code": int(outcome.exit), "versions": report.versions}


def line(value: Mapping[str, object]) -> str:
    """A JSON object as a line of text."""
    return json.dumps(json_value(value), allow_nan=False) + "\n"


def error_fields(error: CalcError) -> dict[str, object]:
    """The fields of an error: its message, where in the source it is, and what to do instead."""
    return {
        "message": error.message,
        "span": (error.span.start, error.span.end) if error.span else None,
        "hint": error.hint,
        "source": error.source if error.span else None,
    }
