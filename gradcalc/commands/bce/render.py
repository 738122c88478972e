"""The work of one neuron in every format.

Comes in: a `NeuronReport`.  Goes out: text.  `plain` has one tab-separated line a line of the work: section, name, formula,
computed, exact, verdict.  `json` is one object; `latex` an aligned block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gradcalc.commands.bce.neuron import NeuronReport, WorkLine
from gradcalc.expression.decimals import decimal
from gradcalc.expression.latex import latex as latex_of
from gradcalc.output.latex import pmatrix
from gradcalc.output.numbers import ENTRIES, exact, significant
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page, Rows, Styled, color, sign, verdict_text
from gradcalc.output.partials import digit_choices, float_cell, verdict_cell
from gradcalc.output.records import Format, machine_formats
from gradcalc.report import Outcome, Partial, Verdict

_REASONS = 8
"""Gradients of data whose reasons are shown; the table has the verdicts of all."""


def table(report: NeuronReport, options: RenderOptions) -> str:
    """The page for people: loss, gradients and verdict first, then the chain rule, line by line."""
    page = Page(options)
    _answer(report, page)
    z = report.forward[0].formula
    page.line()
    page.sentence(f"z = {z}, p = sigmoid(z), q = clamp(p, eps, 1 - eps)", hanging=4)
    page.sentence(f"loss = {_loss(report)}" + (f", n = {report.samples}" if report.samples is not None else ""), hanging=4)
    page.sentence("at " + page.assignments({**report.at, "eps": report.eps}), hanging=4)
    page.line()
    lines = [*report.forward, *report.factors, *report.products]
    rows = [] if any(_is_list(line.computed) for line in lines) else _chain(report, lines)
    head = ("", "", report.dtype, "exact")
    if rows and page.fits(head, rows):
        page.columns(head, rows)
    else:  # a formula stands once, above its numbers
        _chain_in_parts(report, lines, page)
    if options.verbose or report.verdict is not Verdict.AGREE:
        page.line()
        page.sentence(f"with {report.logits.expr.replace(z, 'z')}, which is numerically stable", hanging=2)
        _gradients(report.logits.partials, page)
    page.environment(report.dtype, report.device, report.versions)
    return page.text()


def _answer(report: NeuronReport, page: Page) -> None:
    """The loss, the gradients and the verdict in a line; below it the reasons, and what happened."""
    loss = report.forward[-1].computed
    value = "" if _is_list(loss) else f"loss = {significant(loss)}"
    gradients = [
        f"dL/d{name} = {significant(numbers[0] if len(numbers) == 1 else numbers)}"
        for name in "wb"
        if (numbers := [partial.autograd for partial in report.gradients if partial.by == (name,)])
    ]
    parts = [part for part in (value, *gradients) if part]
    conclusion = f"{sign(report.verdict)} {report.verdict}"
    if sum(len(part) + 3 for part in parts) + len(conclusion) <= page.width:
        page.row(("   ".join(parts) + "   ", "bold"), (conclusion, f"bold {color(report.verdict)}"))
    else:
        for part in parts:
            page.sentence(part, "bold", hanging=4)
        page.verdict(report.verdict)
    notable = [it for it in report.gradients if page.options.verbose or it.verdict is not Verdict.AGREE]
    for partial in notable if page.options.full else notable[:_REASONS]:
        why = f"{_name(partial)}: {verdict_text(partial)}: {partial.why}"
        page.sentence(why, color(partial.verdict or report.verdict), hanging=2)
    if len(notable) > _REASONS and not page.options.full:
        page.sentence(f"and {len(notable) - _REASONS} more; --full shows all", "dim")
    for event in report.events:
        page.sentence(f"note: {event}", hanging=2)


def _loss(report: NeuronReport) -> str:
    return report.forward[-1].formula


def _chain(report: NeuronReport, lines: Sequence[WorkLine]) -> list[list[Styled]]:
    """One sample: a row for each value and each factor, ending with the gradients by hand and by autograd."""
    rows: list[list[Styled]] = [
        [line.name, f"= {_short_formula(line)}", significant(line.computed), exact(line.exact, _EXACT)] for line in lines
    ]
    return rows + [
        [_name(it), "by autograd", _autograd(it, 10), significant(it.symbolic, _EXACT)] for it in report.gradients
    ]


_EXACT = 12
"""Digits of exact values."""


def _short_formula(line: WorkLine) -> str:
    """The formula of a line by the letters of the lines above it."""
    return {"p": "sigmoid(z)", "q": "clamp(p, eps, 1 - eps)"}.get(line.name, line.formula)


def _chain_in_parts(report: NeuronReport, lines: Sequence[WorkLine], page: Page) -> None:
    """The formulas, a row for each sample, then what has no samples, and the gradients."""
    for line in lines:
        page.formula(line.name, _short_formula(line))
    page.line()
    columns = [line for line in lines if _is_by_sample(line, report) and line.formula != "x"]
    if columns:
        _samples(columns, page)
        page.line()

    def rows(digits: int | None) -> Rows:
        return [
            [f"{line.name}{place}", significant(computed, digits or 10), exact(value, (digits or 10) + 2)]
            for line in lines
            if line.formula not in ("x", "1") and not _is_by_sample(line, report)
            for place, computed, value in _entries(line)
        ]

    if rows(None):
        page.columns_that_fit(("", report.dtype, "exact"), rows, digit_choices(page.options), optional=("exact",))
        page.line()
    for name, formula in zip("wb", report.by_hand, strict=True):
        page.formula(f"dL/d{name}", formula)
    _gradients(report.gradients, page)


def _gradients(partials: Sequence[Partial], page: Page) -> None:
    def rows(digits: int | None) -> Rows:
        count = digits or 10
        return [[_name(it), _autograd(it, count), significant(it.symbolic, count + 2), verdict_cell(it)] for it in partials]

    page.columns_that_fit(("", "autograd", "exact", "verdict"), rows, digit_choices(page.options), optional=("exact",))


def _autograd(partial: Partial, digits: int) -> Styled:
    return float_cell(significant(partial.autograd, digits))


def _samples(lines: Sequence[WorkLine], page: Page) -> None:
    """A row for each sample, a column for each line of the work."""
    numbers = list(zip(*(line.computed for line in lines), strict=True))
    selection = numbers if page.options.full else numbers[:ENTRIES]

    def rows(digits: int | None) -> Rows:
        return [[f"[{place}]", *(significant(it, digits or 10) for it in row)] for place, row in enumerate(selection)]

    page.columns_that_fit(("", *(line.name for line in lines)), rows, digit_choices(page.options))
    if len(selection) < len(numbers):
        page.sentence(f"{len(selection)} of {len(numbers)} samples are shown; --full shows all", "dim")


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_by_sample(line: WorkLine, report: NeuronReport) -> bool:
    """Whether a line has a number, or a row of inputs, for each of several samples."""
    return report.samples is not None and _is_list(line.computed) and line.name != "dL/dw"


def _entries(line: WorkLine) -> Iterator[tuple[str, float, str | None]]:
    """The numbers of a line with their places; that of a number is empty."""
    if not _is_list(line.computed):
        yield "", line.computed, line.exact
        return
    for place, pair in enumerate(zip(line.computed, line.exact, strict=True)):
        for inner, computed, value in _entries(WorkLine(line.name, line.formula, *pair)):
            yield f"[{place}]{inner}".replace("][", ","), computed, value


def _name(partial: Partial) -> str:
    return f"dL/d{partial.entries[0]}"


def _rows(report: NeuronReport) -> Iterator[Sequence[object]]:
    for section, lines in (("forward", report.forward), ("hand", (*report.factors, *report.products))):
        for line in lines:
            for place, computed, value in _entries(line):
                yield section, f"{line.name}{place}", line.formula, computed, value, None
    for section, partials in (("autograd", report.gradients), ("logits", report.logits.partials)):
        for it in partials:
            yield section, _name(it), it.formula, it.autograd, it.symbolic, it.verdict


_FIELDS = (
    "at", "eps", "samples", "reduction", "point", "dtype", "device", "forward", "factors", "products", "partials", "logits",
    "events",
)  # fmt: skip


def _fields(report: NeuronReport) -> Mapping[str, object]:
    """The lines of the work, the gradients as in a report of `diff`, and the report of the stable loss."""
    return {name: report.gradients if name == "partials" else getattr(report, name) for name in _FIELDS}


def _conclusion(report: NeuronReport, options: RenderOptions) -> Mapping[str, object]:
    outcome = Outcome(options.fail_on)
    outcome.add(report.verdicts)
    return {"verdict": report.verdict, "exit_code": int(outcome.exit), "versions": report.versions}


def latex(report: NeuronReport, options: RenderOptions) -> str:
    """The derivation as an aligned block."""
    by_w, by_b = (_values(report, name) for name in "wb")
    several, has_weights = report.samples is not None, report.forward[0].formula.startswith("x@w")
    share = r"\frac{1}{n} " if several and report.reduction == "mean" else ""
    z = ("X w + b" if several else r"x^{\top} w + b") if has_weights else "w x + b"
    losses = r"-\left(y \log p + (1 - y) \log(1 - p)\right)"
    if several:
        losses = rf"{share}\sum_i -\left(y_i \log p_i + (1 - y_i) \log(1 - p_i)\right)"
        gradient = rf"{share}X^{{\top}} (p - y)" if has_weights else rf"{share}\sum_i (p_i - y_i) x_i"
        shift = rf"{share}\sum_i (p_i - y_i)"
    else:
        gradient, shift = "(p - y) x", "p - y"
    rows = [
        rf"z &= {z}, \quad p = \sigma(z)",
        rf"L &= {losses}",
        rf"\frac{{\partial L}}{{\partial p}} &= {share}\frac{{p - y}}{{p (1 - p)}}, \quad "
        r"\frac{\partial p}{\partial z} = p (1 - p)",
        rf"\frac{{\partial z}}{{\partial w}} &= {'X' if several and has_weights else 'x'}, \quad "
        r"\frac{\partial z}{\partial b} = 1",
        rf"\frac{{\partial L}}{{\partial w}} &= {gradient} = {by_w}",
        rf"\frac{{\partial L}}{{\partial b}} &= {shift} = {by_b}",
    ]
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}\n"


def _values(report: NeuronReport, name: str) -> str:
    """The gradient by a variable: a number or a column."""
    mine = [partial for partial in report.gradients if partial.by == (name,)]
    values = [r"\text{unknown}" if partial.symbolic is None else latex_of(decimal(partial.symbolic)) for partial in mine]
    return pmatrix(values) if mine[0].index else values[0]


FORMATS: dict[str, Format[NeuronReport]] = {
    "table": table,
    **machine_formats("bce", _rows, _fields, _conclusion),
    "latex": latex,
}
