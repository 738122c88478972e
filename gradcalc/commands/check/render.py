"""A claim that was checked, and a derivation in lines: as a table, as lines with tabs, and for machines.

`plain` of a claim is a line a point: the point, the derivative, the claim, same or different; and a last line with the
outcome, the cause, the sentence, sympy, and what the outcome rests on.  Of a derivation it is a line a line: its number, its
name, what it says, the outcome, the cause, the sentence and what it rests on; and a last line with the outcome of the whole
and the number of the line to blame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from gradcalc.commands.check.claim import Check
from gradcalc.commands.check.solution import Line, Solution
from gradcalc.output import json as machine
from gradcalc.output.options import RenderOptions
from gradcalc.report import SCHEMA

if TYPE_CHECKING:
    from gradcalc.output.page import Page

_SIGNS = {
    "right": ("✓", "green"), "partly": ("!", "yellow"), "wrong": ("✗", "red"), "undecided": ("?", "magenta"),
    "follows": ("!", "yellow"), "given": ("", ""),
}  # fmt: skip


_SHOWN = 5
"""Points that people are shown."""


def table(found: Check, options: RenderOptions) -> str:
    """For people who read; the outcome is the last line."""
    from rich.text import Text

    from gradcalc.output.page import Page, number

    page = Page(options)
    page.formula("f", found.read_as)
    page.formula(f"∂f/∂{found.by}, by hand", found.claim_read_as)
    finding = found.finding
    if finding.formula is not None:
        page.formula(f"∂f/∂{found.by}, by sympy", finding.formula)
    if found.where is not None:
        page.formula("where", found.where)
    page.line()
    # Those that refute the claim first, and those with decimals.
    shown = sorted(finding.points, key=lambda point: (point.same, any("/" in text for text in point.at.values())))[:_SHOWN]

    def rows(digits: int | None) -> list[list[Text]]:
        return [
            [
                Text(_point(point.at)),
                Text(number(point.derivative, digits)),
                Text("no value" if point.claimed is None else number(point.claimed, digits)),
                Text(*_SIGNS["right" if point.same else "wrong"]),
            ]
            for point in shown
        ]

    if shown:
        head = ("at", "derivative", "by hand", "")
        digits = next((it for it in (None, 12, 9) if page.holds(head, rows(it))), 6)
        page.columns(head, rows(digits))
        if len(shown) < len(finding.points):
            page.sentence(f"and {len(finding.points) - len(shown)} more; --format plain has all of them", "dim")
        page.line()
    _conclude("", finding.outcome, finding.cause, finding.why, page)
    return page.written()


def _conclude(what: str, outcome: str, cause: str | None, why: str, page: Page) -> None:
    sign, color = _SIGNS[outcome]
    named = f" ({cause})" if cause else ""
    page.sentence(f"{what}{outcome} {sign}{named}: {why}", color, hanging=2)


def _point(at: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in at.items())


def plain(found: Check, options: RenderOptions) -> str:
    """Tab-separated lines: one a point, and the outcome."""
    finding = found.finding
    lines: list[tuple[str, ...]] = [
        (_point(point.at), point.derivative, point.claimed or "", "same" if point.same else "different")
        for point in finding.points
    ]
    lines.append(
        (
            finding.outcome,
            finding.cause or "",
            finding.why,
            "sympy" if finding.by_sympy else "",
            finding.evidence or "",
        )
    )
    return "".join(options.text("\t".join(line)) + "\n" for line in lines)


def json(found: Check, options: RenderOptions) -> str:
    """One object."""
    told = asdict(found)
    return machine.line({"schema": SCHEMA, "command": "check", **told.pop("finding"), **told})


# ------------------------------------------------------------------------------------------------ several lines


def solution_table(found: Solution, options: RenderOptions) -> str:
    """For people who read: every line with its outcome, and what is wrong with the first that is."""
    from rich.text import Text

    from gradcalc.output.page import Page

    page = Page(options)
    page.formula("f", found.read_as)
    page.line()
    rows = []
    for line in found.lines:
        sign, color = _SIGNS[line.outcome]
        rows.append(
            [Text(str(line.number)), Text(f"{line.name} = {line.says}"), Text(f"{line.outcome} {sign}".strip(), color)]
        )
    page.columns(("line", "", ""), rows)
    page.line()
    for line in found.lines:
        if line.finding is not None and line.outcome in ("wrong", "partly", "undecided"):
            _conclude(f"line {line.number} is ", line.outcome, line.finding.cause, line.finding.why, page)
    if any(line.outcome == "follows" for line in found.lines):
        page.sentence("follows: wrong only because a line above it is", "dim")
    if found.outcome == "right":
        claims = sum(line.finding is not None for line in found.lines)
        sampled = [str(line.number) for line in found.lines if line.finding and line.finding.evidence == "sampling"]
        rest = f"; sampled, not proven: line{'s' if len(sampled) != 1 else ''} {', '.join(sampled)}" if sampled else ""
        page.sentence(f"right ✓: {claims} derivative{'s' if claims != 1 else ''}, in exact arithmetic{rest}", "green")
    return page.written()


def solution_plain(found: Solution, options: RenderOptions) -> str:
    """Tab-separated lines: one a line, and the outcome."""
    lines: list[tuple[str, ...]] = [
        (str(line.number), line.name, line.says, line.outcome, *_reason(line)) for line in found.lines
    ]
    lines.append((found.outcome, "" if found.first is None else str(found.first)))
    return "".join(options.text("\t".join(line)) + "\n" for line in lines)


def _reason(line: Line) -> tuple[str, str, str]:
    finding = line.finding
    return ("", "", "") if finding is None else (finding.cause or "", finding.why, finding.evidence or "")


def solution_json(found: Solution, options: RenderOptions) -> str:
    """One object; a line of it has what a single claim has, too."""
    told = asdict(found)
    lines = [{**(line.pop("finding") or _NOTHING_FOUND), **line} for line in told.pop("lines")]
    return machine.line({"schema": SCHEMA, "command": "check", **told, "lines": lines})


_NOTHING_FOUND: dict[str, object] = {
    "formula": None, "points": [], "by_sympy": False, "cause": None, "why": None,
    "evidence": None, "digits": None, "condition": None,
}  # fmt: skip
"""What is known of a line that claims nothing."""


FORMATS: dict[str, Callable[[Check, RenderOptions], str]] = {"table": table, "plain": plain, "json": json}
SOLUTIONS: dict[str, Callable[[Solution, RenderOptions], str]] = {
    "table": solution_table, "plain": solution_plain, "json": solution_json,
}  # fmt: skip
