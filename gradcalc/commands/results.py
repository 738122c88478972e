"""Results in a format that was asked for: reports as they come, and lists of records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gradcalc.commands.console import tell_notes
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.settings import Settings
from gradcalc.errors import Exit
from gradcalc.output.formats import FORMATS
from gradcalc.report import Outcome, Report, envelope

LISTS = ("table", "plain", "json")


def show(reports: Iterable[Report], settings: Settings, *, paged: bool = False) -> Exit:
    """Write reports as they come; the exit code is that of all their verdicts, see `Outcome`."""
    outcome = Outcome(settings.fail_on)
    notes: set[str] = set()

    def watch() -> Iterator[Report]:
        for report in reports:
            if settings.format in _WITHOUT_NOTES and not settings.quiet:
                tell_notes(report.notes, notes)
            outcome.add(report.verdicts)
            yield report

    for text in FORMATS[settings.format](watch(), settings.options):
        settings.presentation.write(text, paged=paged)
    return outcome.exit


_WITHOUT_NOTES = ("plain", "csv", "latex")
"""Formats that have no place for a note."""


def show_list(records: Sequence[Mapping[str, object]], command: str, format: str, presentation: Presentation) -> None:
    """Write the records that a command lists, with the same keys, as a table, as lines with tabs, or as JSON objects."""
    from gradcalc.output.page import Page
    from gradcalc.output.records import tabbed

    options = presentation.options
    rows = [[_cell(value) for value in record.values()] for record in records]
    if format == "json":
        show_objects(records, command, presentation)
    elif format == "plain":
        presentation.write(tabbed(rows, options))
    elif rows:
        page = Page(options)
        page.columns(tuple(records[0]), rows)
        presentation.write(page.text(), paged=True)


def show_objects(records: Iterable[Mapping[str, object]], command: str, presentation: Presentation) -> None:
    """Write the records that a command lists as JSON objects."""
    from gradcalc.calculate.reporting import versions
    from gradcalc.output import json as machine

    conclusion = {"outcome": "ok", "exit_code": int(Exit.AGREE), "versions": versions()}
    for record in records:
        presentation.write(machine.line(envelope(command, conclusion, record)))


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return {None: "", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)
