"""A check of a derivation: as a table, as lines with tabs, and for machines.

`plain` is a line a point: the point, the derivative, the claim, same or different; and a last line with the outcome, the
cause and the sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict

from gradcalc.checking import Check
from gradcalc.render import RenderOptions
from gradcalc.render import json as machine
from gradcalc.report import SCHEMA

_SIGNS = {"right": ("✓", "green"), "wrong": ("✗", "red"), "undecided": ("?", "magenta")}


def table(found: Check, options: RenderOptions) -> str:
    """For people who read; the outcome is the last line."""
    from rich.text import Text

    from gradcalc.render.page import Page

    page = Page(options)
    page.formula("f", found.read_as)
    page.formula(f"∂f/∂{found.by}, by hand", found.claim_read_as)
    finding = found.finding
    if finding.formula is not None:
        page.formula(f"∂f/∂{found.by}, by sympy", finding.formula)
    page.line()
    rows = []
    for point in finding.points:
        mark, color = _SIGNS["right" if point.same else "wrong"]
        claimed = "no value" if point.claimed is None else point.claimed
        rows.append([Text(_point(point.at)), Text(point.derivative), Text(claimed), Text(mark, color)])
    if rows:
        page.columns(("at", "derivative", "by hand", ""), rows)
        page.line()
    sign, color = _SIGNS[finding.outcome]
    cause = f" ({finding.cause})" if finding.cause else ""
    page.sentence(f"{finding.outcome} {sign}{cause}: {finding.why}", color, hanging=2)
    return page.written()


def _point(at: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in at.items())


def plain(found: Check, options: RenderOptions) -> str:
    """Tab-separated lines: one a point, and the outcome."""
    finding = found.finding
    lines = [
        (_point(point.at), point.derivative, point.claimed or "", "same" if point.same else "different")
        for point in finding.points
    ]
    lines.append((finding.outcome, finding.cause or "", finding.why, "sympy" if finding.by_sympy else ""))
    return "".join(options.text("\t".join(line)) + "\n" for line in lines)


def json(found: Check, options: RenderOptions) -> str:
    """One object."""
    told = asdict(found)
    return machine.line({"schema": SCHEMA, "command": "check", **told.pop("finding"), **told})


FORMATS: dict[str, Callable[[Check, RenderOptions], str]] = {"table": table, "plain": plain, "json": json}
