"""Reports as a document: the formulas, and at a point the numbers with their verdicts.

Comes in: reports, one for each point.  Goes out: a `Document`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradcalc.output.document import (
    Block,
    Derivative,
    Display,
    Document,
    Formula,
    Function,
    Heading,
    Paragraph,
    Styled,
    Table,
    Words,
    assignments,
    formula_of,
)
from gradcalc.output.numbers import significant
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.page import sign
from gradcalc.report import Partial, Report, Verdict

_DIGITS = 10
_STYLES = {Verdict.AGREE: "good", Verdict.DISAGREE: "bad", Verdict.NOT_FINITE: "bad"}


def report_document(reports: Sequence[Report], options: RenderOptions) -> Document:
    """The document of the answers to one question."""
    blocks: list[Block] = []
    for place, report in enumerate(reports):
        f = function_letter(report)
        if not place or report.read_as != reports[0].read_as:
            blocks += _formulas(report, f)
        if report.at:
            blocks += _numbers(report, f, options)
        blocks += (Paragraph([f"note: {note}"], "dim") for note in report.notes)
    return Document(f"Derivatives of {reports[0].expr}" if reports else "Derivatives", blocks)


def _formulas(report: Report, f: str) -> Iterator[Block]:
    yield Display(Formula([Function(f), "=", formula_of(report.read_as)]))
    if report.entry_formulas:
        for general in report.entry_formulas:
            yield Display(Formula([Derivative(f, [general.entry]), "=", formula_of(general.formula)]))
    for partial in report.partials if not report.entry_formulas else ():
        left = derivative_of(partial, f)
        if partial.formula:
            yield Display(Formula([left, "=", formula_of(partial.formula)]))
        else:
            yield Paragraph([Formula([left]), ": no closed form"])


def derivative_of(partial: Partial, f: str) -> Derivative:
    """The left side of a partial's formula."""
    return Derivative(f, partial.entries or partial.by, partial.of)


def verdict_words(verdict: Verdict | None, cause: str | None = None) -> Styled:
    """A verdict with its sign and cause."""
    if verdict is None:
        return Styled("", "")
    text = f"{sign(verdict)} {verdict}" + (f" ({cause})" if cause else "")
    return Styled(text, _STYLES.get(verdict, "warning"))


def _numbers(report: Report, f: str, options: RenderOptions) -> Iterator[Block]:
    digits = options.digits or _DIGITS
    values = Formula(list(assignments(report.values)))
    texts = ", ".join(f"{name} = {it}" for name, it in report.at.items())
    yield Heading(["At ", values if report.values else texts])
    rows: list[list[Words]] = []
    for partial in report.partials:
        numbers = [_number(partial.symbolic, digits), _number(partial.autograd, digits)]
        left = Formula([derivative_of(partial, f)])
        rows.append([[left], *([it] for it in numbers), [verdict_words(partial.verdict, partial.cause)]])
    yield Table(("", "#exact", "#autograd", "verdict"), rows)
    for why in dict.fromkeys(it.why for it in report.partials if it.verdict is not Verdict.AGREE and it.why):
        yield Paragraph([why])
    yield Paragraph([f"{report.dtype} on {report.device}"], "dim")


def _number(value: str | float | None, digits: int) -> str:
    return "none" if value is None else significant(value, digits)
