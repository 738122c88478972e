"""Reports of one question at several points, as one table for people.

Of many points those are shown that do not agree, and a few others; `--full` shows all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gradcalc.output import partials as words
from gradcalc.output.numbers import exact, input_text, significant
from gradcalc.output.options import function_letter
from gradcalc.output.page import Page, Rows, Styled
from gradcalc.report import Partial, Report, Verdict, worst

_POINTS = 32
"""Points that are all shown."""
_NOT_AGREEING = 20
_OTHERS = 8
"""Of more points: how many of those that do not agree, and of the others, are shown."""
_SHORT = 14

Pair = tuple[Report, Partial]


def write_points(reports: Sequence[Report], page: Page) -> None:
    """The formulas, the verdict with its counts, the table, and the reasons."""
    first = reports[0]
    f = function_letter(first)
    moving = [name for name in first.at if any(report.at.get(name) != first.at[name] for report in reports)]
    page.formula(f, first.read_as, most=3)
    fixed = {name: input_text(text, full=page.options.full) for name, text in first.at.items() if name not in moving}
    if fixed:
        page.sentence("at " + words.assignments(fixed), hanging=4)
    for partial in first.partials:
        words.formula(partial, f, page, most=3 if len(first.partials) == 1 else 1, style="bold", with_number=False)
    verdicts = [report.verdict for report in reports if report.verdict is not None]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(verdicts).most_common())
    page.verdict(worst(verdicts), f" ({len(reports)} points: {counts})")
    page.line()
    selection = reports if page.options.full else _selection(reports)
    _table(selection, moving, f, page)
    if len(selection) < len(reports):
        text = f"{len(selection)} of {len(reports)} points are shown: {_WHICH}; --full shows all"
        page.sentence(text, "dim")
    page.environment(first.dtype, first.device, first.versions)
    letter = f if len(first.partials) > 1 else ""
    words.reasons([(_place(*pair, moving, letter), pair[1]) for pair in _pairs(reports)], page)
    page.notes(dict.fromkeys(note for report in reports for note in report.notes))
    page.note_cuts()


_WHICH = "those that do not agree, and others"


def _pairs(reports: Sequence[Report]) -> list[Pair]:
    return [(report, partial) for report in reports for partial in report.partials]


def _selection(reports: Sequence[Report]) -> Sequence[Report]:
    """All of a few reports; of many the first that do not agree, and others evenly spread, in their order."""
    if len(reports) <= _POINTS:
        return reports
    agreeing = [place for place, report in enumerate(reports) if report.verdict is Verdict.AGREE]
    others = sorted(set(range(len(reports))) - set(agreeing))[:_NOT_AGREEING]
    count = min(_OTHERS, len(agreeing))
    spread = {agreeing[round(number * (len(agreeing) - 1) / max(count - 1, 1))] for number in range(count)}
    return [reports[place] for place in sorted(spread | set(others))]


def _table(reports: Sequence[Report], moving: Sequence[str], f: str, page: Page) -> None:
    several = len(reports[0].partials) > 1
    head = (*moving, f, "", "symbolic", "autograd", "ulps", "verdict")

    def rows(digits: int | None) -> Rows:
        return [_row(report, partial, moving, f if several else "", digits) for report, partial in _pairs(reports)]

    digits = page.columns_that_fit(head, rows, words.digit_choices(page.options), optional=("ulps", f))
    words.rounding_note(digits, page)
    if any(words.symbolic_text(partial, 5) == words.NOT_COMPUTED for _, partial in _pairs(reports)):
        text = f"{words.NOT_COMPUTED}: not computed; autograd is checked against a rigorous error bound instead"
        page.sentence(text, "dim")


def _row(report: Report, partial: Partial, moving: Sequence[str], f: str, digits: int | None) -> list[Styled]:
    # The point stands once, beside its first partial.
    is_first = partial is report.partials[0]
    value = report.value.autograd if report.value else None
    return [
        *(_coordinate(report, name) if is_first else "" for name in moving),
        exact(value, digits) if is_first else "",
        words.derivative_name(partial, f) if f else "",
        words.symbolic_text(partial, digits),
        words.autograd_text(partial, digits),
        words.ulps_text(partial.ulps),
        words.verdict_cell(partial),
    ]


def _place(report: Report, partial: Partial, moving: Sequence[str], f: str) -> str:
    """The name of a row: `x = 3`, or `∂f/∂x at x = 3` where a point has several."""
    point = words.assignments({name: _coordinate(report, name) for name in moving})
    return f"{words.derivative_name(partial, f)} at {point}" if f else point


def _coordinate(report: Report, name: str) -> str:
    """A coordinate as it was typed, or its number where that is a long expression."""
    text = report.at.get(name, "")
    return text if len(text) <= _SHORT or name not in report.point else significant(report.point[name])
