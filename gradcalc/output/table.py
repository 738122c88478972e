"""The table format, for people: the answer and its verdict first, the numbers behind it below.

One report is laid out in full; reports of several points share one table, see `points_table`.  In a terminal, formulas and
sentences wrap at its width, and numbers in columns are rounded until the table fits; anywhere else nothing is wrapped,
rounded or cut, but long lists are shortened unless `--full` asks for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

# With the format, which is loaded while sympy is at work; a page would import them when it is written.
import rich.console
import rich.table  # noqa: F401

from gradcalc.output import partials as words
from gradcalc.output.numbers import ENTRIES, array, exact, input_text
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.page import Page, Rows, color, verdict_text
from gradcalc.output.points_table import write_points
from gradcalc.report import Partial, Report, Verdict, singular_partials, verdict_counts


def render(reports: Iterable[Report], options: RenderOptions) -> Iterator[str]:
    """The whole page, when all reports are there."""
    all_reports = list(reports)
    if all_reports:
        page = Page(options)
        if len(all_reports) == 1:
            _one(all_reports[0], page)
        else:
            write_points(all_reports, page)
        yield page.text()


_PARTIALS = 24
"""Partials that are all shown; of more, the first half of so many."""
_LINES = 3
"""Lines of a formula that stands alone."""


def _one(report: Report, page: Page) -> None:
    f = function_letter(report)
    page.formula(f, report.read_as, most=_LINES)
    _circumstances(report, page)
    _formulas(report, f, page)
    if report.verdict is not None:
        _conclude(report, page)
        page.line()
        if len(report.partials) == 1:
            _numbers_of_one(report, report.partials[0], f, page)
        elif report.partials:
            _numbers_of_many(report, f, page)
        else:
            _array_value(report, f, page)
        singular = singular_partials(report.partials) if len(report.partials) > 1 else []
        words.reasons([(words.derivative_name(it, f), it) for it in singular], page)
    page.notes(report.notes)
    page.note_cuts()


def _circumstances(report: Report, page: Page) -> None:
    """The point, what the dtype stores of it, and where torch computes."""
    if report.verdict is None:
        return
    texts = {name: input_text(text, full=page.options.full) for name, text in report.at.items()}
    if texts:
        page.sentence("at " + words.assignments(texts), hanging=4)
    if values := words.stored_values(report, page):
        page.sentence(f"stored in {report.dtype} as {values}", "dim", hanging=4)


def _formulas(report: Report, f: str, page: Page) -> None:
    """The formulas with their numbers: the answer."""
    partials = report.partials
    if len(partials) == 1:
        words.formula(partials[0], f, page, most=_LINES, style="bold")
        return
    whole = {gradient.by for gradient in report.gradients}
    for gradient in report.gradients:
        page.formula(f"∂{f}/∂{gradient.by}", gradient.formula or "", most=_LINES, style="bold")
        for name, part in gradient.parts:
            page.formula(f"  where {name}", part, most=_LINES)
        if gradient.assumptions:
            page.sentence("; ".join(gradient.assumptions), "dim", indent=2, hanging=2)
    general = [formula for formula in report.entry_formulas if formula.by not in whole]
    for one in general:
        page.formula(f"∂{f}/∂{one.entry}", one.formula, most=_LINES, style="bold")
        page.line(f"for all {one.count} entries of {one.by}", "dim")
    known = set() if page.options.full or page.options.entries else whole | {one.by for one in general}
    for partial in _selection(report, page):
        if partial.by[0] not in known or len(partial.by) > 1:
            words.formula(partial, f, page, most=1, style="bold")


def _selection(report: Report, page: Page) -> Sequence[Partial]:
    partials = report.partials
    return partials if page.options.full or len(partials) <= _PARTIALS else partials[: _PARTIALS // 2]


def _conclude(report: Report, page: Page) -> None:
    """The verdict with its reason; of several partials with their counts."""
    partials, verdict = report.partials, report.verdict
    if len(partials) == 1 and verdict is not None:
        # The slopes stand above already.
        text = ": ".join(filter(None, [verdict_text(partials[0]), partials[0].why]))
        page.sentence(text, f"bold {color(verdict)}" if len(text) < _SHORT_REASON else color(verdict))
        return
    counts = verdict_counts(partials)
    words_and_counts = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    summary = f"({len(partials)} partial derivatives{': ' + words_and_counts if len(counts) > 1 else ''})"
    page.verdict(verdict, f" {summary}" if partials else "")


_SHORT_REASON = 100


# ---------------------------------------------------------------------------------------------------------- numbers


def _environment(report: Report, page: Page) -> None:
    page.environment(report.dtype, report.device, report.versions)


def _numbers_of_one(report: Report, partial: Partial, f: str, page: Page) -> None:
    """A table with a column for the value and one for the derivative."""
    value = report.value if report.value is not None and not isinstance(report.value.autograd, list) else None
    has_reference = words.has_rounded_reference(partial)

    def rows(digits: int | None) -> Rows:
        return [
            row
            for row in (
                ("symbolic", "" if value is None else exact(value.symbolic, digits), words.symbolic_text(partial, digits)),
                ("reference", "", exact(partial.reference, digits) if has_reference else ""),
                (
                    "autograd",
                    "" if value is None else words.float_cell(exact(value.autograd, digits)),
                    words.autograd_text(partial, digits),
                ),
                ("error", "", _error(partial)),
                ("left slope", "", exact(partial.left, digits) if partial.left is not None else ""),
                ("right slope", "", exact(partial.right, digits) if partial.right is not None else ""),
            )
            if any(row[1:])
        ]

    head = ("", f"value of {f}", words.derivative_name(partial, f))
    digits = page.columns_that_fit(head, rows, words.digit_choices(page.options), optional=(f"value of {f}",))
    words.rounding_note(digits, page)
    if value is None:
        _array_value(report, f, page)
    if has_reference:
        page.sentence(
            f"reference: the derivative at the values as stored in {report.dtype}; the error is measured from it", "dim"
        )
    _environment(report, page)


def _error(partial: Partial) -> str:
    return "" if partial.ulps is None else f"{words.ulps_text(partial.ulps)} ulps"


def _array_value(report: Report, f: str, page: Page) -> None:
    if report.value is not None:
        for name, value in (("symbolic", report.value.symbolic), ("autograd", report.value.autograd)):
            text = array(value, full=page.options.full) if isinstance(value, list) else exact(value)
            page.sentence(f"{f} {name}: {text}", hanging=4)


def _numbers_of_many(report: Report, f: str, page: Page) -> None:
    """A table with a row for each partial, and one for the value above them."""
    partials, selection, value = report.partials, _selection(report, page), report.value
    if len(partials) <= MAX_MATRIX or page.options.full:
        for by in dict.fromkeys(partial.by for partial in partials):
            _matrix([partial for partial in partials if partial.by == by], f, page)
    scalar = value if value is not None and not isinstance(value.autograd, list) else None

    def rows(digits: int | None) -> Rows:
        first = (
            []
            if scalar is None
            else [[f, exact(scalar.symbolic, digits), words.float_cell(exact(scalar.autograd, digits)), "", "", ""]]
        )
        return first + [
            [
                words.derivative_name(partial, f),
                words.symbolic_text(partial, digits),
                words.autograd_text(partial, digits),
                words.ulps_text(partial.ulps),
                words.digits_text(partial),
                words.verdict_cell(partial),
            ]
            for partial in selection
        ]

    head = ("", "symbolic", "autograd", "ulps", "digits", "verdict")
    digits = page.columns_that_fit(head, rows, words.digit_choices(page.options), optional=("ulps", "digits"))
    words.rounding_note(digits, page)
    if len(selection) < len(partials):
        page.sentence(f"{len(selection)} of {len(partials)} partial derivatives are shown; --full shows all", "dim")
    if scalar is None:
        _array_value(report, f, page)
    if page.last_head_has("ulps") and any(map(words.has_rounded_reference, selection)):
        page.sentence(f"ulps and digits: measured from the derivative at the values as stored in {report.dtype}", "dim")
    if report.normwise_digits is not None and verdict_counts(partials)[Verdict.INACCURATE]:
        page.sentence(f"the gradient as a whole has {report.normwise_digits:.1f} correct digits (by norms)", "dim")
    _environment(report, page)


_MATRIX_DIGITS = 6
MAX_MATRIX = 4_096
"""Partials that are looked at for a matrix, of which a corner is shown."""


def _matrix(partials: Sequence[Partial], f: str, page: Page) -> None:
    """Partials that have two indices, a gradient by a matrix, a Jacobian, a Hessian, as a matrix; large ones are cut."""
    if any(len(partial.index) != 2 for partial in partials):
        return
    entries = {partial.index: partial.symbolic for partial in partials}
    height, width = (1 + max(index[place] for index in entries) for place in (0, 1))
    if min(height, width) < 2 or len(entries) != height * width:
        return
    most = max(height, width) if page.options.full else ENTRIES

    def cells(digits: int, columns: int) -> list[list[str]]:
        return [[exact(entries[row, column], digits) for column in range(columns)] for row in range(min(height, most))]

    lines = _that_fits(cells, min(width, most), page.width)
    below = "".join(f"∂{name}" for name in reversed(partials[0].by))
    is_cut = height > most or width > len(lines[0])
    page.line(f"∂{words.power(len(partials[0].by))}{f}/{below}" + (f", {height} by {width}, cut" if is_cut else ""))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        page.line("  " + "  ".join(text.rjust(wide) for text, wide in zip(line, widths, strict=True)))
    page.line()


def _that_fits(cells: Callable[[int, int], list[list[str]]], columns: int, width: int) -> list[list[str]]:
    """The cells of a matrix with fewer digits, then with fewer columns, until they fit."""
    for count in range(columns, 0, -1):
        for digits in (_MATRIX_DIGITS, 4, 3):
            lines = cells(digits, count)
            if sum(2 + max(map(len, column)) for column in zip(*lines, strict=True)) <= width:
                return lines
    return lines
