"""The work of one neuron in every format.

Comes in: a `NeuronReport`.  Goes out: text.  `plain` has one tab-separated line a line of the work: section, name, formula,
computed, exact, verdict.  `json` is one object; `latex` an aligned block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from gradcalc.neuron import Line, NeuronReport
from gradcalc.render import RenderOptions
from gradcalc.render import json as machine
from gradcalc.report import SCHEMA, Partial

_SECTIONS = (("forward", "forward"), ("factors", "factors of the chain rule, by hand"), ("products", "their products"))


def table(report: NeuronReport, options: RenderOptions) -> str:
    """For people who read; the verdict is the last line."""
    from rich.text import Text

    from gradcalc.render.page import Page, color, last_line, number, verdict_of

    page = Page(options)
    page.line("z = w*x + b,  p = sigmoid(z),  q = clamp(p, eps, 1 - eps)")
    page.line("loss = -(y*log(q) + (1 - y)*log(1 - q))")
    at = ", ".join(f"{name} = {value}" for name, value in {**report.at, "eps": report.eps}.items())
    page.sentence(f"at {at}")
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    page.sentence(f"{report.dtype} on {report.device} ({versions})", "dim")
    for section, title in _SECTIONS:
        lines: tuple[Line, ...] = getattr(report, section)
        page.line()
        page.line(title)
        page.columns(
            ("", "", report.dtype, "exact"),
            [
                [Text(line.name), Text(f"= {line.formula}"), Text(_fit(line.computed)), Text(number(line.exact, 12))]
                for line in lines
            ],
        )
    for title, partials in (
        ("gradients by autograd", report.gradients),
        ("gradients of binary_cross_entropy_with_logits(z, y), the stable spelling", report.logits.partials),
    ):
        page.line()
        page.line(title)
        rows = [_row(partial) for partial in partials]
        page.columns(("", "autograd", "exact", "verdict"), [[Text(cell) for cell in row] for row in rows])
    page.line()
    for partial in report.gradients:
        page.formula(f"dL/d{partial.by[0]}", partial.formula or "no formula")
    for partial in report.gradients:
        page.sentence(
            f"dL/d{partial.by[0]}: {verdict_of(partial)}: {partial.why}", color(partial.verdict or report.verdict), 0, 2
        )
    for event in report.events:
        page.sentence(f"note: {event}", indent=0, hanging=2)
    page.line()
    last_line(report.verdict, "", page)
    return page.written()


def _fit(value: float) -> str:
    return f"{value:.10g}"


def _row(partial: Partial) -> tuple[str, str, str, str]:
    number = "none" if partial.autograd is None else _fit(partial.autograd)
    exact = "none" if partial.symbolic is None else f"{float(partial.symbolic):.12g}"
    return f"dL/d{partial.by[0]}", number, exact, str(partial.verdict)


def plain(report: NeuronReport, options: RenderOptions) -> str:
    """Tab-separated lines: section, name, formula, computed, exact, verdict."""
    lines = [
        ("forward" if section == "forward" else "hand", line.name, line.formula, repr(line.computed), line.exact or "", "")
        for section, _ in _SECTIONS
        for line in getattr(report, section)
    ]
    for section, partials in (("autograd", report.gradients), ("logits", report.logits.partials)):
        lines += [
            (
                section,
                f"dL/d{partial.by[0]}",
                partial.formula or "",
                repr(partial.autograd),
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
    rows = [
        r"z &= w x + b, \quad p = \sigma(z)",
        r"L &= -\left(y \log p + (1 - y) \log(1 - p)\right)",
        r"\frac{\partial L}{\partial p} &= \frac{p - y}{p (1 - p)}, \quad \frac{\partial p}{\partial z} = p (1 - p)",
        r"\frac{\partial z}{\partial w} &= x, \quad \frac{\partial z}{\partial b} = 1",
        rf"\frac{{\partial L}}{{\partial w}} &= (p - y) x = {_latex(report.gradients[0])}",
        rf"\frac{{\partial L}}{{\partial b}} &= p - y = {_latex(report.gradients[1])}",
    ]
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}\n"


def _latex(partial: Partial) -> str:
    return r"\text{unknown}" if partial.symbolic is None else partial.symbolic


FORMATS: dict[str, Callable[[NeuronReport, RenderOptions], str]] = {
    "table": table, "plain": plain, "json": json, "latex": latex,
}  # fmt: skip
