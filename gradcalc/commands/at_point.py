"""What `trace`, `accumulate` and `tracking` share: torch runs an expression at one point, and a page shows what it did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gradcalc.calculate.answer import prefetch
from gradcalc.calculate.prepared import PreparedQuery, prepare
from gradcalc.errors import CalcError
from gradcalc.inputs.query import Question
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.page import Page
from gradcalc.report import Report


def prepare_at_point(question: Question, seconds: float, single: str | None = None) -> PreparedQuery:
    """Read a question, and let sympy begin.

    Raises `CalcError` without a point, and for an array if `single` says why the expression must be one number.
    """
    prepared = prepare(*question, seconds=seconds)
    if not prepared.point.values:
        raise CalcError("this command needs a point", hint="give --at x=3")
    if single is not None:
        prepared.require_scalar_value(single)
    prefetch(prepared)
    return prepared


@contextmanager
def torch_errors() -> Iterator[None]:
    """Turn an error of torch's into a `CalcError` with its words."""
    from gradcalc.engines.autograd.forward import REFUSALS, first_line

    try:
        yield
    except REFUSALS as error:
        raise CalcError(f"PyTorch cannot compute this: {first_line(error)}") from None


def page_of(report: Report, options: RenderOptions) -> Page:
    """A page that begins with the expression, the point, the environment and the notes."""
    page = Page(options)
    page.formula(function_letter(report), report.read_as)
    page.sentence("at " + page.assignments(report.at))
    page.environment(report.dtype, report.device, report.versions)
    page.notes(report.notes)
    page.line()
    return page
