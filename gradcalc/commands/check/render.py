"""A claim that was checked, and a derivation in lines: a page for people, and formats for programs.

`plain` of a claim has a line for each point: the point, the derivative, the claim, same or different; and a last line with
the outcome, the cause, the sentence, sympy, and the evidence.  Of a derivation it has a line for each of its lines: number,
name, text, outcome, cause, sentence and evidence; and a last line with the outcome of the whole and the number of the first
line to blame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from gradcalc.calculate.claims.results import Check, CheckResult, ClaimEvidence, ClaimOutcome, LineCheck, Solution
from gradcalc.output.claims import check_fields, claim_conclusion, solution_fields
from gradcalc.output.numbers import cut, exact, input_text, significant
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page, Rows, Styled
from gradcalc.output.records import Format, machine_formats

SIGNS = {
    ClaimOutcome.RIGHT: ("✓", "green"),
    ClaimOutcome.PARTLY: ("!", "yellow"),
    ClaimOutcome.WRONG: ("✗", "red"),
    ClaimOutcome.UNDECIDED: ("?", "magenta"),
    ClaimOutcome.FOLLOWS: ("!", "yellow"),
    ClaimOutcome.GIVEN: ("", ""),
}
_SHOWN = 12
"""Points that people are shown."""
_DIGITS = 6
"""Digits of a counterexample."""
_LONGEST = 400
"""Characters of a formula that people are shown."""


def table(check: Check, options: RenderOptions) -> str:
    """The page for people: the verdict first; of a claim that is not right also the mistake, a point, and the formulas."""
    page = Page(options)
    result = check.result
    _conclude(result, page, entry=check.entries[-1].entry if check.entries else "")
    if result.outcome is not ClaimOutcome.RIGHT or options.verbose:
        page.line()
        for left, right in _formulas(check):
            page.formula(left, right if options.full else cut(right, _LONGEST))
        if result.formula is not None and check.shape is None and _EQUALITY.search(check.read_as):
            page.sentence("note: SymPy's formula has the derivative of each case, and may be false where == holds", "dim")
    if options.verbose:
        _points(result, page)
    return page.text()


_EQUALITY = re.compile("[=!]=")


def _conclude(result: CheckResult, page: Page, subject: str = "", entry: str = "") -> None:
    """The verdict in a line; for a wrong claim the likely mistake, and below it one point."""
    sign, color = SIGNS[result.outcome]
    point = counterexample(result, page.options, entry)
    if result.outcome is not ClaimOutcome.WRONG:
        page.sentence(f"{sign} {subject}{result.outcome}: {result.why}", color, hanging=2)
    elif result.mistake is not None:
        page.sentence(f"{sign} {subject}wrong; likely mistake: {result.mistake}", color, hanging=2)
        page.sentence(point or result.why.partition("; likely: ")[0], indent=2, hanging=2)
    else:
        page.sentence(f"{sign} {subject}wrong: {point or result.why}", color, hanging=2)
    if result.outcome is ClaimOutcome.WRONG:
        for remark in result.remarks:
            page.sentence(remark, indent=2, hanging=2)


def counterexample(result: CheckResult, options: RenderOptions, entry: str = "") -> str | None:
    """The point where a claim is not the derivative (or not an entry of it), with both values; None if there is none."""
    point = result.counterexample
    if point is None:
        return None
    digits = options.digits or _DIGITS
    derivative, claim = (significant(it, digits) if it is not None else None for it in (point.derivative, point.claimed))
    if derivative == claim:
        derivative, claim = point.derivative, point.claimed
    truth, says = ("line above", "this line") if result.is_equality else (entry or "derivative", "claim")
    truth += " =" if entry else ""
    values = f"{truth} {derivative}, {says} {'without a value' if claim is None else claim}"
    at = ", ".join(f"{name} = {exact(input_text(value, full=options.full), digits)}" for name, value in point.at.items())
    return f"at {at}: {values}" if at else values


def _formulas(check: Check) -> Iterator[tuple[str, str]]:
    """How expression and claim were read, and the formula of the derivative."""
    yield "f", check.read_as
    left = f"∂f/∂{check.by}"
    yield f"{left}, claimed", check.claim_read_as
    if check.result.formula is not None and check.shape is None:
        yield f"{left}, by SymPy", check.result.formula
    if check.array_formula is not None:
        yield left, check.array_formula
    if check.where is not None:
        yield "where", check.where


def _points(result: CheckResult, page: Page) -> None:
    """The points at which claim and derivative were compared: those that refute it first, and those with decimals."""
    points = sorted(result.points, key=lambda point: (point.same, any("/" in text for text in point.at.values())))
    selection = points if page.options.full else points[:_SHOWN]
    digits = page.options.digits

    def rows(count: int | None) -> Rows:
        return [
            [
                _point(point.at),
                exact(point.derivative, count),
                "no value" if point.claimed is None else exact(point.claimed, count),
                SIGNS[ClaimOutcome.RIGHT if point.same else ClaimOutcome.WRONG],
            ]
            for point in selection
        ]

    if selection:
        page.line()
        page.columns_that_fit(("at", "derivative", "claim", ""), rows, (digits,) if digits else (None, 12, 9, 6))
        if len(selection) < len(points):
            page.sentence(f"and {len(points) - len(selection)} more; --full shows all of them", "dim")


def _point(at: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in at.items())


def _rows(check: Check) -> Iterator[Sequence[object]]:
    result = check.result
    for point in result.points:
        yield _point(point.at), point.derivative, point.claimed, "same" if point.same else "different"
    yield result.outcome, result.cause, result.why, "sympy" if result.by_sympy else None, result.evidence


# ------------------------------------------------------------------------------------------------ several lines


def solution_table(solution: Solution, options: RenderOptions) -> str:
    """The page for people: the verdict first; unless all is right, every line with its outcome, and the mistakes."""
    page = Page(options)
    bad = [line for line in solution.lines if _is_to_blame(line)]
    for line in bad:
        assert line.result is not None
        _conclude(line.result, page, f"line {line.number} is ")
    if not bad:
        page.sentence(f"✓ right: {grounds(solution)}", "green", hanging=2)
    if bad or options.verbose:
        page.line()
        page.formula("f", solution.read_as)
        page.line()
        rows: list[list[Styled]] = []
        for line in solution.lines:
            sign, color = SIGNS[line.outcome]
            rows.append([str(line.number), line.text, (f"{sign} {line.outcome}".strip(), color)])
        page.columns(("line", "", ""), rows)
    if any(line.outcome is ClaimOutcome.FOLLOWS for line in solution.lines):
        page.sentence("follows: wrong only because a line above it is", "dim")
    for line in solution.lines if options.verbose else ():
        if line.result is not None:
            page.line()
            page.line(f"line {line.number}: {line.text}")
            _points(line.result, page)
    return page.text()


def _is_to_blame(line: LineCheck) -> bool:
    return line.outcome in (ClaimOutcome.WRONG, ClaimOutcome.PARTLY, ClaimOutcome.UNDECIDED)


def grounds(solution: Solution) -> str:
    """What a derivation that is right rests on."""
    claims = [(line.number, line.result) for line in solution.lines if line.result is not None]
    samples = [str(number) for number, result in claims if result.evidence is ClaimEvidence.SAMPLING]
    count = f"{len(claims)} derivative{'s' if len(claims) != 1 else ''}"
    if any(result.is_equality for _, result in claims):
        count = f"{len(claims)} statements"
    rest = f"; {taken_as_true(solution)}" if solution.unclaimed else ""
    if not samples:
        return f"{count}, proven as formulas{rest}"
    lines = f"line{'s' if len(samples) != 1 else ''} {', '.join(dict.fromkeys(samples))}"
    return f"{count}, in exact arithmetic; sampled, not proven: {lines}{rest}"


def taken_as_true(solution: Solution) -> str:
    """The derivatives that a derivation uses without a line that says what they are; empty if there are none."""
    return f"no line claims {', '.join(solution.unclaimed)}: taken as true" if solution.unclaimed else ""


def _solution_rows(solution: Solution) -> Iterator[Sequence[object]]:
    for line in solution.lines:
        result = line.result
        reason = (None, None, None) if result is None else (result.cause, result.why, result.evidence)
        yield line.number, line.name, line.says, line.outcome, *reason
    yield solution.outcome, solution.first


def _conclusion(answer: Check | Solution, options: RenderOptions) -> Mapping[str, object]:
    return claim_conclusion(answer)


FORMATS: dict[str, Format[Check]] = {"table": table, **machine_formats("check", _rows, check_fields, _conclusion)}
SOLUTION_FORMATS: dict[str, Format[Solution]] = {
    "table": solution_table,
    **machine_formats("check", _solution_rows, solution_fields, _conclusion),
}
