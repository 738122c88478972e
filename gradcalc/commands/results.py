"""Results in a format that was asked for: reports as they come, and lists of records."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gradcalc.commands.arguments import choice
from gradcalc.commands.console import tell_notes, write
from gradcalc.errors import Exit
from gradcalc.output.formats import FORMATS
from gradcalc.output.options import options_for
from gradcalc.report import SCHEMA, Outcome, Report, Verdict

LISTS = ("table", "plain", "json")


def show(
    reports: Iterable[Report],
    format: str,
    *,
    full: bool = False,
    quiet: bool = False,
    fail_on: Collection[Verdict] = (),
) -> Exit:
    """Write reports in a format as they come; the exit code is that of all their verdicts, see `Outcome`."""
    outcome = Outcome(fail_on)
    notes: set[str] = set()

    def watch() -> Iterator[Report]:
        for report in reports:
            if format in _WITHOUT_NOTES and not quiet:
                tell_notes(report.notes, notes)
            outcome.add(report.verdicts)
            yield report

    for text in FORMATS[choice(format, tuple(FORMATS), "format")](watch(), replace(options_for(sys.stdout), full=full)):
        if not quiet:
            write(text)
    return outcome.exit


_WITHOUT_NOTES = ("plain", "csv", "latex")
"""Formats that have no place for a note."""


def show_list(records: Sequence[Mapping[str, object]], format: str) -> None:
    """Write records with the same keys as a table, as lines with tabs, or as JSON objects."""
    from gradcalc.output import json as machine
    from gradcalc.output.page import Page
    from gradcalc.output.records import tabbed

    options = options_for(sys.stdout)
    rows = [[_cell(value) for value in record.values()] for record in records]
    if format == "json":
        write("".join(machine.line({"schema": SCHEMA, **record}) for record in records))
    elif format == "plain":
        write(tabbed(rows, options))
    elif rows:
        page = Page(options)
        page.columns(tuple(records[0]), rows)
        write(page.text())


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return {None: "", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)
