"""The table format, for people.  The verdict is the last line.

One report is laid out in full.  Reports of several points share one table, with a row for each point and partial.  In a
terminal, formulas and sentences wrap at its width, and numbers in columns are rounded until the table fits; anywhere else
nothing is wrapped, rounded or cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any

# With the format, which is loaded while sympy is at work; a page would import them when it is written.
import rich.console
import rich.table  # noqa: F401

from gradcalc.output.numbers import ENTRIES, array, exact, input_text, significant
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.page import GLUE, Page, Rows, Styled, color, sign, verdict_text
from gradcalc.report import Partial, Report, Verdict, worst


def render(reports: Iterable[Report], options: RenderOptions) -> Iterator[str]:
    """The whole page, when all reports are there."""
    all_reports = list(reports)
    if all_reports:
        page = Page(options)
        if len(all_reports) == 1:
            _one(all_reports[0], page)
        else:
            _many(all_reports, page)
        yield page.text()


# ------------------------------------------------------------------------------------------------------------- words


def _derivative(partial: Partial, f: str) -> str:
    """The name of a partial derivative: `∂f/∂x`, `∂²f/∂y∂x` (first by x, then by y), `∂³f/∂x³`."""
    of = f"[{','.join(map(str, partial.of))}]" if partial.of else ""
    # What is differentiated by first stands last, next to f.
    names = reversed(partial.entries or partial.by)
    below = "".join(f"∂{name}" + _power(sum(1 for _ in run)) for name, run in groupby(names))
    return f"∂{_power(len(partial.by))}{f}{of}/{below}"


def _power(order: int) -> str:
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(order)) if order > 1 else ""


def _ulps(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _why(partial: Partial) -> str:
    """The verdict of a partial and what led to it."""
    slopes = [
        f"{side} slope {value}" for side, value in (("left", partial.left), ("right", partial.right)) if value is not None
    ]
    return ": ".join(filter(None, [verdict_text(partial), ", ".join(slopes), partial.why]))


def _rounded_coordinates(report: Report, page: Page) -> str:
    """The coordinates that torch got as another number than the one that was typed."""
    other = {name: value for name, value in report.point.items() if not _same(report.at.get(name), value)}
    return _assignments({name: array(value, full=page.options.full) for name, value in other.items()})


def _assignments(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}{GLUE}={GLUE}{value}" for name, value in values.items())


def _same(typed: str | None, number: Any) -> bool:
    if isinstance(number, list):
        parts = [part.strip() for part in (typed or "").replace("[", "").replace("]", "").split(",")]
        numbers = list(_flat(number))
        return len(parts) == len(numbers) and all(map(_same, parts, numbers))
    try:
        return typed is not None and Decimal(typed) == Decimal(repr(number))
    except InvalidOperation:  # an expression, such as pi/2: its number is worth showing
        return False


def _flat(value: Any) -> Iterator[float]:
    if isinstance(value, list):
        for part in value:
            yield from _flat(part)
    else:
        yield value


_PARTIALS = 24
"""Partials that are all shown; of more, the first half of so many."""


# ------------------------------------------------------------------------------------------------------- one report


def _one(report: Report, page: Page) -> None:
    f = function_letter(report)
    page.formula(f, report.read_as)
    if report.verdict is None:
        for partial in report.partials:
            _formula(partial, f, page)
        page.notes(report.notes)
        return
    _circumstances(report, report.at, page)
    if report.value is not None:
        page.line()
        page.line(f"value of {f}")
        values = [("symbolic", report.value.symbolic), ("autograd", report.value.autograd)]
        _pairs(
            [(name, array(it, full=page.options.full) if isinstance(it, list) else exact(it)) for name, it in values], page
        )
    if report.partials:
        page.line()
    if len(report.partials) == 1:
        _single(report.partials[0], f, page)
    elif report.partials:
        _overview(report, f, page)
    page.notes(report.notes)
    page.verdict(report.verdict)


def _formula(partial: Partial, f: str, page: Page) -> None:
    if partial.formula is None:
        page.line(f"{_derivative(partial, f)}: no formula")
    else:
        page.formula(_derivative(partial, f), partial.formula)


def _circumstances(report: Report, at: Iterable[str], page: Page) -> None:
    names = [name for name in at if name in report.at]
    if names:
        page.sentence("at " + _assignments({name: input_text(report.at[name], full=page.options.full) for name in names}))
        if len(names) == len(report.at) and (coordinates := _rounded_coordinates(report, page)):
            page.sentence(f"torch received {coordinates}", "dim")
    page.environment(report.dtype, report.device, report.versions)


def _single(partial: Partial, f: str, page: Page) -> None:
    _formula(partial, f, page)
    rows = [("symbolic", _symbolic(partial, None))]
    if partial.reference is not None and partial.reference != partial.symbolic:
        rows.append(("reference", f"{partial.reference}  (at what torch received)"))
    rows.append(("autograd", exact(partial.autograd)))
    measures = [
        f"{text} {unit}" for text, unit in ((_ulps(partial.ulps), "ulps"), (_digits(partial.digits), "digits right")) if text
    ]
    if measures:
        rows.append(("difference", ", ".join(measures)))
    rows += [
        (f"{side} slope", value) for side, value in (("left", partial.left), ("right", partial.right)) if value is not None
    ]
    _pairs(rows, page)
    if partial.verdict is not None:
        page.line()
        # The slopes stand above already.
        page.sentence(": ".join(filter(None, [verdict_text(partial), partial.why])), color(partial.verdict))


_WITHOUT = (None, Verdict.NOT_DIFFERENTIABLE, Verdict.UNDEFINED)


def _symbolic(partial: Partial, digits: int | None) -> str:
    """The derivative by mathematics: a number, none where there is none, or that it is not known."""
    is_unknown = partial.symbolic is None and partial.verdict not in _WITHOUT
    return "not known" if is_unknown else exact(partial.symbolic, digits)


def _pairs(rows: Sequence[tuple[str, str]], page: Page) -> None:
    for label, text in rows:
        # Positive numbers leave room for a sign: digits stand below digits.
        page.sentence(f"{label:<12}{'' if text.startswith('-') else ' '}{text}", indent=2, hanging=13)


def _overview(report: Report, f: str, page: Page) -> None:
    partials = report.partials
    selection = partials if page.options.full or len(partials) <= _PARTIALS else partials[: _PARTIALS // 2]
    general = {formula.by: formula for formula in report.entry_formulas}
    for one in general.values():
        page.formula(f"∂{f}/∂{one.entry}", one.formula)
        page.line(f"for all {one.count} entries of {one.by}", "dim")
    for partial in selection:
        if partial.by[0] not in general or len(partial.by) > 1:
            _formula(partial, f, page)
    page.line()
    for name in dict.fromkeys(partial.by for partial in partials):
        _matrix([partial for partial in partials if partial.by == name], f, page)

    def rows(digits: int | None) -> Rows:
        return [
            [_derivative(partial, f), *_numbers(partial, digits), _digits(partial.digits), _verdict(partial)]
            for partial in selection
        ]

    head = ("", "symbolic", "autograd", "ulps", "digits", "verdict")
    _tell_digits(page.columns_that_fit(head, rows, _DIGITS), page)
    if len(selection) < len(partials):
        counts = Counter(str(partial.verdict) for partial in partials)
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        more = f"and {len(partials) - len(selection)} more; of all {len(partials)}: {verdicts}; --full shows every one"
        page.sentence(more, "dim")
    if any(partial.reference not in (None, partial.symbolic) for partial in report.partials):
        page.sentence("ulps and digits are counted at the numbers that torch received", "dim")
    if report.normwise_digits is not None and any(partial.verdict is Verdict.INACCURATE for partial in partials):
        page.sentence(f"the gradient as a whole is right to {report.normwise_digits:.1f} digits (by norms)", "dim")
    _whys([(_derivative(partial, f), partial) for partial in report.partials], page)


def _matrix(partials: Sequence[Partial], f: str, page: Page) -> None:
    """Partials that have two indices, a gradient by a matrix, a Jacobian, a Hessian, as a matrix; large ones are cut."""
    if any(len(partial.index) != 2 for partial in partials):
        return
    entries = {partial.index: partial.symbolic for partial in partials}
    height, width = (1 + max(index[place] for index in entries) for place in (0, 1))
    if min(height, width) < 2 or len(entries) != height * width:
        return
    most = max(height, width) if page.options.full else ENTRIES
    cells = [
        [exact(entries[row, column], _MATRIX_DIGITS) for column in range(min(width, most))]
        for row in range(min(height, most))
    ]
    below = "".join(f"∂{name}" for name in reversed(partials[0].by))
    cut = f", {height} by {width}, cut" if max(height, width) > most else ""
    page.line(f"∂{_power(len(partials[0].by))}{f}/{below}{cut}")
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        page.line("  " + "  ".join(text.rjust(wide) for text, wide in zip(line, widths, strict=True)))
    page.line()


_MATRIX_DIGITS = 6


def _numbers(partial: Partial, digits: int | None) -> list[str]:
    return [_symbolic(partial, digits), exact(partial.autograd, digits), _ulps(partial.ulps)]


def _verdict(partial: Partial) -> Styled:
    if partial.verdict is None:
        return ""
    return f"{sign(partial.verdict)} {partial.verdict}", color(partial.verdict)


_DIGITS = (None, 17, 15, 13, 11, 9, 7)
"""Digits of numbers in a table: the first that fit on the page."""


def _tell_digits(digits: int | None, page: Page) -> None:
    if digits is not None:
        page.sentence(f"rounded to {digits} digits to fit; --format plain and --format json have all of them", "dim")


_MANY_WHYS = 8


def _whys(partials: Sequence[tuple[str, Partial]], page: Page) -> None:
    """Why verdicts other than `agree` are what they are, each reason once."""
    reasons: dict[str, tuple[Verdict, list[str]]] = {}
    for name, partial in partials:
        if partial.verdict not in (None, Verdict.AGREE):
            reasons.setdefault(_why(partial), (partial.verdict, []))[1].append(name)
    for reason, (verdict, names) in list(reasons.items())[:_MANY_WHYS]:
        page.line()
        page.sentence(", ".join(names) if len(names) <= 9 else f"{', '.join(names[:8])} and {len(names) - 8} more")
        page.sentence(reason, color(verdict), indent=2)
    if len(reasons) > _MANY_WHYS:
        page.line()
        page.sentence(f"and {len(reasons) - _MANY_WHYS} more reasons; --format json has all of them", "dim")


# ----------------------------------------------------------------------------------------------------- many reports


def _many(reports: Sequence[Report], page: Page) -> None:
    """Reports of one question at several points."""
    first = reports[0]
    f = function_letter(first)
    moving = [name for name in first.at if any(report.at.get(name) != first.at[name] for report in reports)]
    page.formula(f, first.read_as)
    for partial in first.partials:
        _formula(partial, f, page)
    _circumstances(first, [name for name in first.at if name not in moving], page)
    page.line()

    pairs = [(report, partial) for report in reports for partial in report.partials]
    several = len(first.partials) > 1
    head = (*moving, f, "", "symbolic", "autograd", "ulps", "verdict")

    def rows(digits: int | None) -> Rows:
        return [
            [
                # The point stands once, beside its first partial.
                *(_coordinate(report, name) if partial is report.partials[0] else "" for name in moving),
                exact(_value(report), digits) if partial is report.partials[0] else "",
                _derivative(partial, f) if several else "",
                *_numbers(partial, digits),
                _verdict(partial),
            ]
            for report, partial in pairs
        ]

    _tell_digits(page.columns_that_fit(head, rows, _DIGITS), page)
    _whys([(_place(report, partial, moving, f if several else ""), partial) for report, partial in pairs], page)
    page.notes(dict.fromkeys(note for report in reports for note in report.notes))
    verdicts = [report.verdict for report in reports if report.verdict is not None]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(verdicts).most_common())
    page.verdict(worst(verdicts), f"  ({len(reports)} points: {counts})")


def _value(report: Report) -> float | None:
    return report.value.autograd if report.value else None


def _place(report: Report, partial: Partial, moving: Sequence[str], f: str) -> str:
    """The name of a row: `x = 3`, or `∂f/∂x at x = 3` where a point has several."""
    point = _assignments({name: _coordinate(report, name) for name in moving})
    return f"{_derivative(partial, f)} at {point}" if f else point


_SHORT = 14


def _coordinate(report: Report, name: str) -> str:
    """A coordinate as it was typed, or its number where that is a long expression."""
    text = report.at.get(name, "")
    return text if len(text) <= _SHORT or name not in report.point else significant(report.point[name])
