"""Reports as a document: the formulas, and at a point the numbers with their verdicts.

Comes in: reports, one for each point.  Goes out: a `Document`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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
from gradcalc.output.partials import NOT_COMPUTED
from gradcalc.report import Partial, Report, Verdict, singular_partials

_DIGITS = 10
_STYLES = {Verdict.AGREE: "good", Verdict.DISAGREE: "bad", Verdict.NOT_FINITE: "bad"}


_FORMULAS, _LONGEST = 24, 4_000
"""Formulas, and characters of one, that a document shows."""
_FEW, _MOST = 20, 500
"""Points that a document shows whatever their verdicts are, and at most."""


def report_document(reports: Iterable[Report], options: RenderOptions) -> Document | None:
    """The document of the answers to one question, at one point or at several; None without any."""
    shown: list[Report] = []
    count = 0
    for report in reports:
        count += 1
        if options.full or len(shown) < _FEW or (report.verdict is not Verdict.AGREE and len(shown) < _MOST):
            shown.append(report)
    if not shown:
        return None
    first = shown[0]
    f = function_letter(first)
    blocks = [*_formulas(first, f, options)]
    if count > 1:
        blocks += _points(shown, f, options)
        if len(shown) < count:
            blocks.append(Paragraph([f"{len(shown)} of {count} points: the first, and those that need a look"], "dim"))
    elif first.at:
        blocks += _numbers(first, f, options)
    notes = dict.fromkeys(note for report in shown for note in report.notes)
    return Document(f"Derivatives of {first.expr}", [*blocks, *(Paragraph([f"note: {note}"], "dim") for note in notes)])


def _formulas(report: Report, f: str, options: RenderOptions) -> Iterator[Block]:
    yield Display(Formula([Function(f), "=", formula_of(report.read_as)]))
    whole = {it.by for it in report.gradients}
    for it in report.gradients:
        yield Display(Formula([Derivative(f, [it.by]), "=", formula_of(it.formula or "")]))
        yield from (Display(Formula([name, "=", formula_of(part)])) for name, part in it.parts)
    pairs = [(Derivative(f, [it.entry]), it.formula) for it in report.entry_formulas if it.by not in whole]
    known = set() if options.full or options.entries else whole | {it.by for it in report.entry_formulas}
    first = report.partials if options.full else report.partials[:_FORMULAS]  # of many, most are never made
    others = [partial for partial in first if partial.by[0] not in known or len(partial.by) > 1]
    pairs += [(derivative_of(partial, f), partial.formula or "") for partial in others]
    count = len(pairs) if known else max(len(pairs), len(report.partials))
    most = count if options.full else _FORMULAS
    for left, formula in pairs[:most]:
        if not formula:
            yield Paragraph([Formula([left]), ": no closed form"])
        elif len(formula) > _LONGEST and not options.full:
            yield Paragraph([Formula([left]), f": a formula of {len(formula)} characters; --full shows it"])
        else:
            yield Display(Formula([left, "=", formula_of(formula)]))
    if count > most:
        yield Paragraph([f"and {count - most} more; --full shows all of them"], "dim")


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
    """The numbers at one point."""
    values = Formula(list(assignments(report.values)))
    texts = ", ".join(f"{name} = {it}" for name, it in report.at.items())
    yield Heading(["At ", values if report.values else texts])
    yield Table(("", "#exact", "#autograd", "verdict"), list(_rows(report, f, options)))
    yield from _reasons([report])
    yield Paragraph([f"{report.dtype} on {report.device}"], "dim")


def _points(reports: Sequence[Report], f: str, options: RenderOptions) -> Iterator[Block]:
    """The numbers at several points, in one table."""
    names = list(reports[0].at)
    rows: list[list[Words]] = []
    for report in reports:
        point: list[Words] = [[report.at[name]] for name in names]
        rows += ([*point, *row] for row in _rows(report, f, options))
    yield Table((*names, "", "#exact", "#autograd", "verdict"), rows)
    yield from _reasons(reports)
    yield Paragraph([f"{reports[0].dtype} on {reports[0].device}"], "dim")


def _rows(report: Report, f: str, options: RenderOptions) -> Iterator[list[Words]]:
    digits = options.digits or _DIGITS
    most = len(report.partials) if options.full else _MOST
    for partial in report.partials[:most]:
        left = Formula([derivative_of(partial, f)])
        # Of many points the exact derivative is not computed where a rounding bound suffices.
        is_bounded = partial.symbolic is None and partial.verdict is Verdict.AGREE
        exact = NOT_COMPUTED if is_bounded else _number(partial.symbolic, digits)
        numbers = exact, _number(partial.autograd, digits)
        yield [[left], *([it] for it in numbers), [verdict_words(partial.verdict, partial.cause)]]


def _reasons(reports: Sequence[Report]) -> Iterator[Block]:
    """Why verdicts are not `agree`, each reason once."""
    partials = [it for report in reports for it in singular_partials(report.partials) if it.verdict is not Verdict.AGREE]
    for why in list(dict.fromkeys(partial.why for partial in partials if partial.why))[:_FEW]:
        yield Paragraph([why])


def _number(value: str | float | None, digits: int) -> str:
    return "none" if value is None else significant(value, digits)
