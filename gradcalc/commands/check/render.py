"""A claim that was checked, and a derivation in lines: a page for people, and formats for programs.

`plain` of a claim has a line for each point: the point, the derivative, the claim, same or different; and a last line with
the outcome, the cause, the sentence, sympy, and the evidence.  Of a derivation it has a line for each of its lines: number,
name, text, outcome, cause, sentence and evidence; and a last line with the outcome of the whole and the number of the first
line to blame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from gradcalc.commands.check.claim import Check
from gradcalc.commands.check.claim_check import ClaimEvidence, ClaimOutcome
from gradcalc.commands.check.solution import Solution
from gradcalc.errors import Exit
from gradcalc.output.numbers import exact
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page, Rows, Styled
from gradcalc.output.records import Format, machine_formats

_SIGNS = {
    ClaimOutcome.RIGHT: ("✓", "green"),
    ClaimOutcome.PARTLY: ("!", "yellow"),
    ClaimOutcome.WRONG: ("✗", "red"),
    ClaimOutcome.UNDECIDED: ("?", "magenta"),
    ClaimOutcome.FOLLOWS: ("!", "yellow"),
    ClaimOutcome.GIVEN: ("", ""),
}
_SHOWN = 5
"""Points that people are shown."""


def table(check: Check, options: RenderOptions) -> str:
    """The page for people; the outcome is the last line."""
    page = Page(options)
    page.formula("f", check.read_as)
    page.formula(f"∂f/∂{check.by}, by hand", check.claim_read_as)
    result = check.result
    if result.formula is not None:
        page.formula(f"∂f/∂{check.by}, by sympy", result.formula)
    if check.where is not None:
        page.formula("where", check.where)
    page.line()
    # Those that refute the claim first, and those with decimals.
    selection = sorted(result.points, key=lambda point: (point.same, any("/" in text for text in point.at.values())))[
        :_SHOWN
    ]

    def rows(digits: int | None) -> Rows:
        return [
            [
                _point(point.at),
                exact(point.derivative, digits),
                "no value" if point.claimed is None else exact(point.claimed, digits),
                _SIGNS[ClaimOutcome.RIGHT if point.same else ClaimOutcome.WRONG],
            ]
            for point in selection
        ]

    if selection:
        page.columns_that_fit(("at", "derivative", "by hand", ""), rows, (None, 12, 9, 6))
        if len(selection) < len(result.points):
            page.sentence(f"and {len(result.points) - len(selection)} more; --format plain has all of them", "dim")
        page.line()
    _conclude("", result.outcome, result.cause, result.why, page)
    return page.text()


def _conclude(subject: str, outcome: ClaimOutcome, cause: str | None, why: str, page: Page) -> None:
    sign, color = _SIGNS[outcome]
    mistake = f" ({cause})" if cause else ""
    page.sentence(f"{subject}{outcome} {sign}{mistake}: {why}", color, hanging=2)


def _point(at: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in at.items())


def _rows(check: Check) -> Iterator[Sequence[object]]:
    result = check.result
    for point in result.points:
        yield _point(point.at), point.derivative, point.claimed, "same" if point.same else "different"
    yield result.outcome, result.cause, result.why, "sympy" if result.by_sympy else None, result.evidence


def _fields(check: Check) -> Mapping[str, object]:
    fields = asdict(check)
    return {**fields.pop("result"), **fields}


# ------------------------------------------------------------------------------------------------ several lines


def solution_table(solution: Solution, options: RenderOptions) -> str:
    """The page for people: every line with its outcome, and the reasons for those that are not right."""
    page = Page(options)
    page.formula("f", solution.read_as)
    page.line()
    rows: list[list[Styled]] = []
    for line in solution.lines:
        sign, color = _SIGNS[line.outcome]
        rows.append([str(line.number), f"{line.name} = {line.says}", (f"{line.outcome} {sign}".strip(), color)])
    page.columns(("line", "", ""), rows)
    page.line()
    for line in solution.lines:
        if line.result is not None and line.outcome in (ClaimOutcome.WRONG, ClaimOutcome.PARTLY, ClaimOutcome.UNDECIDED):
            _conclude(f"line {line.number} is ", line.outcome, line.result.cause, line.result.why, page)
    if any(line.outcome is ClaimOutcome.FOLLOWS for line in solution.lines):
        page.sentence("follows: wrong only because a line above it is", "dim")
    if solution.outcome is ClaimOutcome.RIGHT:
        claims = [(line.number, line.result) for line in solution.lines if line.result is not None]
        samples = [str(number) for number, result in claims if result.evidence is ClaimEvidence.SAMPLING]
        rest = f"; sampled, not proven: line{'s' if len(samples) != 1 else ''} {', '.join(samples)}" if samples else ""
        page.sentence(
            f"right ✓: {len(claims)} derivative{'s' if len(claims) != 1 else ''}, in exact arithmetic{rest}", "green"
        )
    return page.text()


def _solution_rows(solution: Solution) -> Iterator[Sequence[object]]:
    for line in solution.lines:
        result = line.result
        reason = (None, None, None) if result is None else (result.cause, result.why, result.evidence)
        yield line.number, line.name, line.says, line.outcome, *reason
    yield solution.outcome, solution.first


def _solution_fields(solution: Solution) -> Mapping[str, object]:
    """A line of it has the fields of a single claim, too."""
    fields = asdict(solution)
    lines = [{**(line.pop("result") or _NO_RESULT), **line} for line in fields.pop("lines")]
    return {**fields, "lines": lines}


_NO_RESULT: dict[str, object] = {
    "formula": None, "points": [], "by_sympy": False, "cause": None, "why": None,
    "evidence": None, "digits": None, "condition": None,
}  # fmt: skip
"""The result of a line that claims nothing."""


def _conclusion(check: Check, options: RenderOptions) -> Mapping[str, object]:
    return _concluded(check.result.outcome, check.versions)


def _solution_conclusion(solution: Solution, options: RenderOptions) -> Mapping[str, object]:
    return _concluded(solution.outcome, solution.versions)


def _concluded(outcome: ClaimOutcome, versions: Mapping[str, str]) -> Mapping[str, object]:
    return {"outcome": outcome, "exit_code": int(EXITS.get(outcome, Exit.UNDECIDED)), "versions": versions}


EXITS = {ClaimOutcome.RIGHT: Exit.AGREE, ClaimOutcome.WRONG: Exit.DISAGREE, ClaimOutcome.PARTLY: Exit.EXPLAINED}

FORMATS: dict[str, Format[Check]] = {"table": table, **machine_formats("check", _rows, _fields, _conclusion)}
SOLUTION_FORMATS: dict[str, Format[Solution]] = {
    "table": solution_table,
    **machine_formats("check", _solution_rows, _solution_fields, _solution_conclusion),
}
