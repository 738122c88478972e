r"""The LaTeX format: an `align*` block a report, to paste into a document that uses amsmath.  ASCII only.

The formulas are those of the reports.  At a point, each is followed by its value by mathematics, rounded to 17 digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any

from gradcalc.expression.latex import latex, name_latex
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.report import Partial, Report

_DIGITS = 17

# A report rounds no number to fewer digits: one that has fewer is exact.
_DIGITS_OF_ROUNDED = 20


def render(reports: Iterable[Report], options: RenderOptions) -> Iterator[str]:
    """One block a report, as the reports come."""
    for report in reports:
        yield options.text("\\begin{align*}\n" + " \\\\\n".join(_lines(report, full=options.full)) + "\n\\end{align*}\n")


MAX_LINES, FIRST_LINES = 100, 12
"""Partials that all have a line, and the first ones of more."""


def _lines(report: Report, *, full: bool) -> Iterator[str]:
    f = function_letter(report)
    yield _equation(f, report.latex)
    if report.value is not None:
        yield _value(f, report, report.value.symbolic)
    shown = report.partials if full or len(report.partials) <= MAX_LINES else report.partials[:FIRST_LINES]
    for partial in shown:
        derivative = _derivative(partial, f)
        yield _equation(derivative, partial.latex)
        if partial.verdict is not None:
            yield _value(derivative, report, partial.symbolic)
    if len(shown) < len(report.partials):
        yield rf"  \vdots & \text{{{len(report.partials) - len(shown)} more}}"


def _equation(left: str, right: str | None) -> str:
    return f"  {left} &= {right or _NO_FORMULA}"


_NO_FORMULA = r"\text{no formula}"


def _value(left: str, report: Report, value: Any) -> str:
    point = ", ".join(f"{name_latex(name)} = {latex(tree)}" for name, tree in report.values.items())
    place = rf"\left. {left} \right|_{{{point}}}" if point else left
    if value is None:
        return rf"  {place} &= \text{{undefined}}"
    if isinstance(value, list):
        return f"  {place} &\\approx {_matrix(value)}"
    return f"  {place} &{relation(value)}"


def _matrix(value: list[Any]) -> str:
    rows = value if isinstance(value[0], list) else [value]
    lines = (" & ".join(relation(entry).partition(" ")[2] if entry else "?" for entry in row) for row in rows)
    return pmatrix(lines)


def pmatrix(rows: Iterable[str]) -> str:
    """A matrix of rows that are typeset."""
    return r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"


def relation(text: str) -> str:
    """A number behind its relation sign, rounded to 17 digits: `= 6`, or `\\approx 3.14...`."""
    number = Decimal(text)
    digits = len(number.as_tuple().digits)
    rounded = f"{number:.{_DIGITS}g}" if digits > _DIGITS else text
    mantissa, _, exponent = rounded.lower().replace("infinity", "inf").replace("inf", r"\infty").partition("e")
    sign = "=" if digits < _DIGITS_OF_ROUNDED else r"\approx"
    return f"{sign} {mantissa}" + (rf" \times 10^{{{int(exponent)}}}" if exponent else "")


def _derivative(partial: Partial, f: str) -> str:
    order = len(partial.by)
    f += "_{" + ",".join(map(str, partial.of)) + "}" if partial.of else ""
    runs = [(name_latex(name), sum(1 for _ in run)) for name, run in groupby(reversed(partial.entries or partial.by))]
    below = " ".join(rf"\partial {name}{_power(times)}" for name, times in runs)
    return rf"\frac{{\partial{_power(order)} {f}}}{{{below}}}"


def _power(order: int) -> str:
    return f"^{{{order}}}" if order > 1 else ""
