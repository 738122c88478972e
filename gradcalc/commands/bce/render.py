"""The work of one neuron in every format.

Comes in: a `NeuronReport`.  Goes out: text.  `plain` has one tab-separated line a line of the work: section, name, formula,
computed, exact, verdict.  `json` is one object; `latex` an aligned block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from gradcalc.commands.bce.neuron import Line, NeuronReport, short
from gradcalc.expression.decimals import decimal
from gradcalc.expression.latex import latex as latex_of
from gradcalc.output import json as machine
from gradcalc.output.numbers import fit
from gradcalc.output.options import RenderOptions
from gradcalc.report import SCHEMA, Partial, Verdict

if TYPE_CHECKING:
    from gradcalc.output.page import Page

_TOLD = 8
"""Gradients of data of which is told why they are not right; the table has the verdicts of all."""
_SECTIONS = (("forward", "forward"), ("factors", "factors of the chain rule, by hand"), ("products", "their products"))


def table(report: NeuronReport, options: RenderOptions) -> str:
    """For people who read; the verdict is the last line."""
    from rich.text import Text

    from gradcalc.output.page import Page, color, last_line, number, ran_on, typed, verdict_of

    page = Page(options)
    z = report.forward[0].formula
    page.line(f"z = {z},  p = sigmoid(z),  q = clamp(p, eps, 1 - eps)")
    page.line(f"loss = {report.forward[-1].formula}" + (f",  n = {report.samples}" if report.samples is not None else ""))
    at = ", ".join(f"{name} = {typed(value, page)}" for name, value in {**report.at, "eps": report.eps}.items())
    page.sentence(f"at {at}")
    ran_on(report.dtype, report.device, report.versions, page)
    for section, title in _SECTIONS:
        page.line()
        page.line(title)
        lines: Sequence[Line] = getattr(report, section)
        has_lists = any(_is_list(line.computed) for line in lines)
        if has_lists:  # a formula stands once, above its numbers
            for line in lines:
                page.formula(line.name, line.formula)
        columns = [line for line in lines if _is_by_sample(line, report) and line.formula != "x"]
        if columns:
            _samples(columns, page)
        rows = [
            (f"{line.name}{place}", "" if has_lists else f"= {line.formula}", fit(computed), number(exact, 12))
            for line in lines
            if not (has_lists and line.formula in ("x", "1")) and not _is_by_sample(line, report)
            for place, computed, exact in _entries(line)
        ]
        if columns and rows:
            page.line()
        if rows:
            page.columns(("", "", report.dtype, "exact"), [[Text(cell) for cell in row] for row in rows])
    for title, partials in (
        ("gradients by autograd", report.gradients),
        (f"gradients of {report.logits.expr.replace(z, 'z')}, the stable spelling", report.logits.partials),
    ):
        page.line()
        page.line(title)
        page.columns(("", "autograd", "exact", "verdict"), [[Text(cell) for cell in _row(partial)] for partial in partials])
    page.line()
    formulas = dict(zip("wb", report.by_hand, strict=True))
    if report.samples is None:  # sympy's are as short
        formulas = {partial.entries[0]: partial.formula or "no formula" for partial in report.gradients}
    for name, formula in formulas.items():
        page.formula(f"dL/d{name}", formula)
    told = [partial for partial in report.gradients if report.samples is None or partial.verdict is not Verdict.AGREE]
    for partial in told if options.full else told[:_TOLD]:
        why = f"{_name(partial)}: {verdict_of(partial)}: {partial.why}"
        page.sentence(why, color(partial.verdict or report.verdict), hanging=2)
    for event in report.events:
        page.sentence(f"note: {event}", indent=0, hanging=2)
    page.line()
    last_line(report.verdict, "", page)
    return page.written()


def _samples(lines: Sequence[Line], page: Page) -> None:
    """A row a sample, a column a line of the work."""
    from rich.text import Text

    from gradcalc.output.page import ENTRIES

    numbers = list(zip(*(line.computed for line in lines), strict=True))
    shown = numbers if page.options.full else numbers[:ENTRIES]
    rows = [[Text(f"[{place}]"), *(Text(fit(value)) for value in row)] for place, row in enumerate(shown)]
    page.columns(("", *(line.name for line in lines)), rows)
    if len(shown) < len(numbers):
        page.sentence(f"and {len(numbers) - len(shown)} more samples; --full shows every one", "dim")


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_by_sample(line: Line, report: NeuronReport) -> bool:
    """Whether a line has a number, or a row of inputs, for each of several samples."""
    return report.samples is not None and _is_list(line.computed) and line.name != "dL/dw"


def _entries(line: Line) -> Iterator[tuple[str, float, str | None]]:
    """The numbers of a line with their places; that of a number is empty."""
    if not _is_list(line.computed):
        yield "", line.computed, line.exact
        return
    for place, (computed, exact) in enumerate(zip(line.computed, line.exact, strict=True)):
        for inner, number, value in _entries(Line(line.name, line.formula, computed, exact)):
            yield f"[{place}]{inner}".replace("][", ","), number, value


def _name(partial: Partial) -> str:
    return f"dL/d{partial.entries[0]}"


def _row(partial: Partial) -> tuple[str, str, str, str]:
    number = "none" if partial.autograd is None else fit(partial.autograd)
    exact = "none" if partial.symbolic is None else short(partial.symbolic, 12)
    return _name(partial), number, exact, str(partial.verdict)


def plain(report: NeuronReport, options: RenderOptions) -> str:
    """Tab-separated lines: section, name, formula, computed, exact, verdict."""
    lines = [
        (
            "forward" if section == "forward" else "hand",
            f"{line.name}{place}",
            line.formula,
            repr(computed),
            exact or "",
            "",
        )
        for section, _ in _SECTIONS
        for line in getattr(report, section)
        for place, computed, exact in _entries(line)
    ]
    for section, partials in (("autograd", report.gradients), ("logits", report.logits.partials)):
        lines += [
            (
                section,
                _name(partial),
                partial.formula or "",
                "" if partial.autograd is None else repr(partial.autograd),
                partial.symbolic or "",
                str(partial.verdict),
            )
            for partial in partials
        ]
    return "".join(options.text("\t".join(line)) + "\n" for line in lines)


def json(report: NeuronReport, options: RenderOptions) -> str:
    """One object: the lines of the work, the judged gradients as in a report of `diff`, and that of the stable loss."""
    partials = machine.partials(report.gradients)
    return machine.line(
        {
            "schema": SCHEMA,
            "command": "bce",
            "at": report.at,
            "eps": report.eps,
            "samples": report.samples,
            "reduction": report.reduction,
            "point": report.point,
            "dtype": report.dtype,
            "device": report.device,
            **{section: [asdict(line) for line in getattr(report, section)] for section, _ in _SECTIONS},
            "partials": partials,
            "logits": machine.as_object(report.logits),
            "events": report.events,
            "verdict": report.verdict,
            "versions": report.versions,
        }
    )


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


_BREAK = r" \\ "


def _values(report: NeuronReport, name: str) -> str:
    """The gradient by a variable: a number or a column."""
    mine = [partial for partial in report.gradients if partial.by == (name,)]
    values = [r"\text{unknown}" if partial.symbolic is None else latex_of(decimal(partial.symbolic)) for partial in mine]
    return rf"\begin{{pmatrix}} {_BREAK.join(values)} \end{{pmatrix}}" if mine[0].index else values[0]


FORMATS: dict[str, Callable[[NeuronReport, RenderOptions], str]] = {
    "table": table, "plain": plain, "json": json, "latex": latex,
}  # fmt: skip
