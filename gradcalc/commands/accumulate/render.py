"""`.grad` after each pass, as tables and for programs.

`plain` has a line for each variable and way to clear: variable, how it is cleared, and the gradient after each pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from gradcalc.commands.accumulate.accumulation import Accumulation
from gradcalc.commands.at_point import page_of
from gradcalc.output import json as machine
from gradcalc.output.numbers import FEW, listing, significant
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.page import Rows
from gradcalc.output.partials import digit_choices
from gradcalc.output.records import Format, machine_formats
from gradcalc.report import Report

WHY = (
    "backward() adds to .grad instead of replacing it, so that gradients can be accumulated over several batches. To get "
    "the gradient of one pass, clear it first: grad.zero_(), or zero_grad(), which sets it to None."
)


def table(accumulation: Accumulation, options: RenderOptions) -> str:
    """A table for each variable, with a row for each pass and a column for each way to clear."""
    report = accumulation.report
    page = page_of(report, options)
    f = function_letter(report)
    for name in _variables(report):
        page.line(f"{name}.grad after each backward(); ∂{f}/∂{name} = {_derivative(report, name)}")
        rows = _passes(accumulation, name)
        page.columns_that_fit(("", *accumulation.gradients), rows, digit_choices(options))
        page.line()
    page.sentence(WHY)
    page.verdict(report.verdict)
    return page.text()


def _passes(accumulation: Accumulation, name: str) -> Callable[[int | None], Rows]:
    """The rows of a variable's table, with so many digits."""

    def rows(digits: int | None) -> Rows:
        columns = accumulation.gradients.values()
        return [
            [f"pass {number + 1}", *(significant(passes[number][name], digits or 10) for passes in columns)]
            for number in range(accumulation.passes)
        ]

    return rows


def _variables(report: Report) -> list[str]:
    return list(dict.fromkeys(partial.by[0] for partial in report.partials))


def _derivative(report: Report, name: str) -> str:
    """The proven derivative by a variable; of an array that by its first entries."""

    def short(text: str) -> str:
        return text if len(text) < 14 else f"{float(text):.10g}"

    entries = [partial.symbolic or "undefined" for partial in report.partials if partial.by == (name,)]
    return short(entries[0]) if len(entries) == 1 else listing(entries, short, FEW)


def _rows(accumulation: Accumulation) -> Iterator[Sequence[object]]:
    for name in _variables(accumulation.report):
        for clearing, passes in accumulation.gradients.items():
            yield name, clearing, *(gradients[name] for gradients in passes)


def _fields(accumulation: Accumulation) -> Mapping[str, object]:
    gradients = accumulation.gradients
    return {"passes": accumulation.passes, "gradients": gradients, "why": WHY, "report": accumulation.report}


def _conclusion(accumulation: Accumulation, options: RenderOptions) -> Mapping[str, object]:
    return machine.conclusion(accumulation.report, options)


FORMATS: dict[str, Format[Accumulation]] = {"table": table, **machine_formats("accumulate", _rows, _fields, _conclusion)}
