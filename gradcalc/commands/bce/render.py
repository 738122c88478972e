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
from gradcalc.output.page import Page, color, verdict_text
from gradcalc.output.records import Format, machine_formats
from gradcalc.report import Outcome, Partial, Verdict

_REASONS = 8
"""Gradients of data whose reasons are shown; the table has the verdicts of all."""
_SECTIONS = (("forward", "forward"), ("factors", "factors of the chain rule, by hand"), ("products", "their products"))


def table(report: NeuronReport, options: RenderOptions) -> str:
    """The page for people; the verdict is the last line."""
    page = Page(options)
    z = report.forward[0].formula
    page.line(f"z = {z},  p = sigmoid(z),  q = clamp(p, eps, 1 - eps)")
    page.line(f"loss = {report.forward[-1].formula}" + (f",  n = {report.samples}" if report.samples is not None else ""))
    page.sentence("at " + page.assignments({**report.at, "eps": report.eps}))
    page.environment(report.dtype, report.device, report.versions)
    for section, title in _SECTIONS:
        page.line()
        page.line(title)
        lines: Sequence[WorkLine] = getattr(report, section)
        has_lists = any(_is_list(line.computed) for line in lines)
        if has_lists:  # a formula stands once, above its numbers
            for line in lines:
                page.formula(line.name, line.formula)
        columns = [line for line in lines if _is_by_sample(line, report) and line.formula != "x"]
        if columns:
            _samples(columns, page)
        rows = [
            (f"{line.name}{place}", "" if has_lists else f"= {line.formula}", significant(computed), exact(value, 12))
            for line in lines
            if not (has_lists and line.formula in ("x", "1")) and not _is_by_sample(line, report)
            for place, computed, value in _entries(line)
        ]
        if columns and rows:
            page.line()
        if rows:
            page.columns(("", "", report.dtype, "exact"), rows)
    for title, partials in (
        ("gradients by autograd", report.gradients),
        (f"gradients of {report.logits.expr.replace(z, 'z')}, the stable spelling", report.logits.partials),
    ):
        page.line()
        page.line(title)
        page.columns(("", "autograd", "exact", "verdict"), list(map(_row, partials)))
    page.line()
    formulas = dict(zip("wb", report.by_hand, strict=True))
    if report.samples is None:  # sympy's are as short
        formulas = {partial.entries[0]: partial.formula or "no formula" for partial in report.gradients}
    for name, formula in formulas.items():
        page.formula(f"dL/d{name}", formula)
    notable = [it for it in report.gradients if report.samples is None or it.verdict is not Verdict.AGREE]
    for partial in notable if options.full else notable[:_REASONS]:
        why = f"{_name(partial)}: {verdict_text(partial)}: {partial.why}"
        page.sentence(why, color(partial.verdict or report.verdict), hanging=2)
    for event in report.events:
        page.sentence(f"note: {event}", indent=0, hanging=2)
    page.verdict(report.verdict)
    return page.text()


def _samples(lines: Sequence[WorkLine], page: Page) -> None:
    """A row for each sample, a column for each line of the work."""
    numbers = list(zip(*(line.computed for line in lines), strict=True))
    selection = numbers if page.options.full else numbers[:ENTRIES]
    rows = [[f"[{place}]", *map(significant, row)] for place, row in enumerate(selection)]
    page.columns(("", *(line.name for line in lines)), rows)
    if len(selection) < len(numbers):
        page.sentence(f"and {len(numbers) - len(selection)} more samples; --full shows every one", "dim")


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


def _row(partial: Partial) -> tuple[str, str, str, str]:
    return _name(partial), significant(partial.autograd), significant(partial.symbolic, 12), str(partial.verdict)


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
