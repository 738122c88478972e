"""A partial derivative in words and numbers, as tables for people show it.

Comes in: partials and reports.  Goes out: names, numbers as text, sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any

from gradcalc.inputs.array_text import ArrayText, Numbers
from gradcalc.output.numbers import ENTRIES, array, exact, short
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import GLUE, Page, Styled, color, sign, verdict_text
from gradcalc.report import Partial, Report, Verdict

DIGITS = (None, 17, 15, 13, 11, 9, 7, 5)
"""Digits of numbers in a table: the first that fit on the page; None is all."""
NOT_COMPUTED = "\N{EN DASH}"
MANY_REASONS = 8
"""Reasons for verdicts that a table shows."""

_WITHOUT_DERIVATIVE = (None, Verdict.NOT_DIFFERENTIABLE, Verdict.UNDEFINED)


def digit_choices(options: RenderOptions) -> tuple[int | None, ...]:
    """The counts of digits that a table tries, most first: all, or those of `--digits` and fewer."""
    most = options.digits
    return DIGITS if most is None else (most, *(count for count in DIGITS if count is not None and count < most))


def derivative_name(partial: Partial, f: str) -> str:
    """The name of a partial derivative: `∂f/∂x`, `∂²f/∂y∂x` (first by x, then by y), `∂³f/∂x³`."""
    of = f"[{','.join(map(str, partial.of))}]" if partial.of else ""
    # What is differentiated by first stands last, next to f.
    names = reversed(partial.entries or partial.by)
    below = "".join(f"∂{name}" + power(sum(1 for _ in run)) for name, run in groupby(names))
    return f"∂{power(len(partial.by))}{f}{of}/{below}"


def power(order: int) -> str:
    """The superscript of an order above 1."""
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(order)) if order > 1 else ""


def answer(partial: Partial, options: RenderOptions) -> str:
    """What follows a formula: `= 6`, `≈ -5.466781571`, or that there is no derivative; nothing without a point."""
    if partial.verdict is None:
        return ""
    if partial.symbolic is not None:
        return short(partial.symbolic, options.digits or 10)
    slopes = _slopes(partial)
    if partial.verdict is Verdict.NOT_DIFFERENTIABLE:
        return "has no value here" + (f" ({slopes})" if slopes else "")
    return "is undefined here" if partial.verdict is Verdict.UNDEFINED else "is not known here"


def _slopes(partial: Partial) -> str:
    sides = (("left", partial.left), ("right", partial.right))
    return ", ".join(f"{side} slope {value}" for side, value in sides if value is not None)


def reason(partial: Partial) -> str:
    """The verdict of a partial and what led to it."""
    return ": ".join(filter(None, [verdict_text(partial), _slopes(partial), partial.why]))


def symbolic_text(partial: Partial, digits: int | None) -> str:
    """The symbolic derivative: a number, `none` where none exists, `NOT_COMPUTED`."""
    is_missing = partial.symbolic is None and partial.verdict not in _WITHOUT_DERIVATIVE
    return NOT_COMPUTED if is_missing else exact(partial.symbolic, digits)


def autograd_text(partial: Partial, digits: int | None) -> Styled:
    """The number that autograd returned; nan and infinities are marked."""
    return float_cell(exact(partial.autograd, digits))


def float_cell(text: str) -> Styled:
    """A number of autograd's as a cell: nan and infinities are red."""
    return (text, "bold red") if text in ("nan", "inf", "-inf") else text


def ulps_text(value: float | None) -> str:
    """A count of ulps to three digits."""
    return "" if value is None else f"{value:.3g}"


def digits_text(partial: Partial) -> str:
    """How many significant digits are correct."""
    if partial.digits is None:
        return ""
    if partial.ulps == 0 and _is_equal(partial.reference, partial.autograd):
        return "exact"
    is_rounded = partial.verdict is Verdict.AGREE and partial.digits == 0  # as a number too small for the dtype rounds to 0
    return "rounded" if is_rounded else f"{partial.digits:.1f}"


def _is_equal(text: str | None, number: float | None) -> bool:
    return text is not None and number is not None and Decimal(text) == Decimal(number)


def verdict_cell(partial: Partial) -> Styled:
    """A verdict as a cell of a table."""
    return "" if partial.verdict is None else (f"{sign(partial.verdict)} {partial.verdict}", color(partial.verdict))


def has_rounded_reference(partial: Partial) -> bool:
    """Whether the derivative at the values as stored differs from that at the values as typed."""
    if partial.reference is None or partial.symbolic is None:
        return False
    return Decimal(partial.reference) != Decimal(partial.symbolic)


def formula(
    partial: Partial, f: str, page: Page, *, most: int | None = None, style: str = "", with_number: bool = True
) -> None:
    """The formula of a partial, with its number unless that stands elsewhere, in at most `most` lines."""
    name, number = derivative_name(partial, f), answer(partial, page.options) if with_number else ""
    if partial.formula is None or "Derivative(" in partial.formula:
        missing = ": no formula" if partial.formula is None else ": no closed form"
        page.sentence(f"{name} {number}" if number else name + missing, style)
    else:
        joint = " " if number.startswith(("=", "≈")) else ", "
        tail = f"{joint}{number}" if number and number != f"= {partial.formula}" else ""
        page.formula(name, partial.formula, tail, most=most, style=style)


def assignments(values: Mapping[str, str]) -> str:
    """`x = 1, y = 2`, each held together where a line wraps."""
    return ", ".join(f"{name}{GLUE}={GLUE}{value}" for name, value in values.items())


def stored_values(report: Report, page: Page) -> str:
    """The values that the dtype stores as another number than the one that was typed."""
    other = {name: value for name, value in report.point.items() if not _same(report.at.get(name), value)}
    return assignments({name: _stored_value(value, full=page.options.full) for name, value in other.items()})


def _stored_value(value: Any, *, full: bool) -> str:
    """A number or a short array; of a long one only that its entries are rounded."""
    count = sum(1 for _ in _flat(value))
    return array(value, full=full) if full or count <= ENTRIES else f"{count} rounded entries"


def _same(typed: str | None, number: Any) -> bool:
    if isinstance(typed, ArrayText):
        return bool(list(_flat(number)) == Numbers(typed.numbers).floats().tolist())
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


def reasons(partials: Iterable[tuple[str, Partial]], page: Page) -> None:
    """Why verdicts other than a proven `agree` are what they are, each reason once, below the names of its partials."""
    groups: dict[str, tuple[Verdict, list[str]]] = {}
    for name, partial in partials:
        is_plain = partial.verdict is Verdict.AGREE and partial.proof.get("evidence") in _NEEDS_NO_REASON
        if partial.verdict is not None and not is_plain:
            groups.setdefault(reason(partial), (partial.verdict, []))[1].append(name)
    for text, (verdict, names) in list(groups.items())[:MANY_REASONS]:
        page.line()
        page.sentence(", ".join(names) if len(names) <= 9 else f"{', '.join(names[:8])} and {len(names) - 8} more")
        page.sentence(text, color(verdict), indent=2)
    if len(groups) > MANY_REASONS:
        page.line()
        page.sentence(f"and {len(groups) - MANY_REASONS} more reasons; --json has all of them", "dim")


_NEEDS_NO_REASON = (None, "proven", "bound")
"""Evidence for `agree` that tables do not explain row by row; a note tells of bounds."""


def rounding_note(digits: int | None, page: Page) -> None:
    """That the numbers of a table were rounded to fit."""
    if digits is not None and digits != page.options.digits:
        page.sentence(f"rounded to {digits} digits to fit; --format plain and --json have all of them", "dim")
