"""What came of each way to switch tracking off, as tables and for programs.

`plain` has a line for each way: way, requires_grad, grad_fn, is_leaf, is_inference, gradients, error.  The ways with the sum
of an array are called `sum: ...`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gradcalc.commands.at_point import page_of
from gradcalc.commands.tracking.tracking import Tracking
from gradcalc.errors import Exit
from gradcalc.output import json as machine
from gradcalc.output.numbers import significant
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page, Rows, Styled
from gradcalc.output.partials import digit_choices
from gradcalc.output.records import Format, machine_formats

if TYPE_CHECKING:
    from gradcalc.engines.autograd.grad_modes import GradModeResult


def table(tracking: Tracking, options: RenderOptions) -> str:
    """A row for each way; torch's errors in its own words, each once, below the tables."""
    page = page_of(tracking.report, options)
    errors: dict[str, int] = {}
    for title, ways in (("y.backward()", tracking.ways), ("y.sum().backward()", tracking.of_sum)):
        if ways:
            # Both tables have the same ways with the same attributes: they stand in the first.
            attributes = ("requires_grad", "grad_fn", "is_leaf") if ways is tracking.ways else ()
            _ways(title, ways, attributes, errors, page)
            page.line()
    for text, number in errors.items():
        page.sentence(f"[{number}] {text}", "yellow", hanging=4)
    page.sentence("y is the value of the expression; errors are quoted from PyTorch", "dim")
    return page.text()


def _ways(title: str, ways: Sequence[GradModeResult], attributes: Sequence[str], errors: dict[str, int], page: Page) -> None:
    def rows(digits: int | None) -> Rows:
        return [[way.way, *_attributes(way)[: len(attributes)], _outcome(way, errors, digits or 10)] for way in ways]

    page.columns_that_fit(("", *attributes, title), rows, digit_choices(page.options), optional=("requires_grad", "is_leaf"))


def _outcome(way: GradModeResult, errors: dict[str, int], digits: int) -> Styled:
    """The gradients, or the number of the error."""
    if way.error:
        return f"error [{errors.setdefault(way.error, len(errors) + 1)}]", "yellow"
    return _gradients(way, digits)


def _attributes(way: GradModeResult) -> tuple[str, str, str]:
    return str(way.requires_grad), way.grad_fn or "None", str(way.is_leaf)


def _gradients(way: GradModeResult, digits: int = 10) -> str:
    return ", ".join(f"{name}.grad = {significant(slope, digits)}" for name, slope in way.gradients.items())


def _rows(tracking: Tracking) -> Iterator[Sequence[object]]:
    for prefix, ways in (("", tracking.ways), ("sum: ", tracking.of_sum)):
        for way in ways:
            gradients = None if way.error else _gradients(way)
            yield prefix + way.way, *_attributes(way), way.is_inference, gradients, way.error


def _fields(tracking: Tracking) -> Mapping[str, object]:
    return {"ways": tracking.ways, "of_sum": tracking.of_sum, "report": tracking.report}


def _conclusion(tracking: Tracking, options: RenderOptions) -> Mapping[str, object]:
    return {**machine.conclusion(tracking.report, options), "exit_code": int(Exit.AGREE)}


FORMATS: dict[str, Format[Tracking]] = {"table": table, **machine_formats("tracking", _rows, _fields, _conclusion)}
