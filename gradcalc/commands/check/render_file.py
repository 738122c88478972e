"""Claims in a file, checked: a table of verdicts and mistakes for people, and a line per row for programs.

`plain` has the line number, the id, the outcome (or `error`), the kind of the mistake, and the mistake or error in words.
`json` has an object per row: that of a single claim or derivation, with the id and the line of the row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from gradcalc.calculate.claims.results import Check, ClaimEvidence, ClaimOutcome, Solution
from gradcalc.commands.check import render
from gradcalc.commands.check.claim_files import ClaimRow
from gradcalc.errors import CalcError, Exit
from gradcalc.output import json as machine
from gradcalc.output.annotations import Record, github, junit
from gradcalc.output.claims import answer_fields, claim_conclusion
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page, Styled
from gradcalc.output.records import Format, tabbed
from gradcalc.report import envelope


@dataclass(frozen=True, slots=True)
class RowCheck:
    """A row of a file, with its answer or the error in it."""

    row: ClaimRow
    answer: Check | Solution | CalcError
    versions: Mapping[str, str]
    file: str

    @property
    def outcome(self) -> str:
        """The outcome, or `error`."""
        match self.answer:
            case Check():
                return self.answer.result.outcome
            case Solution():
                return self.answer.outcome
        return "error"


def table(checks: Sequence[RowCheck], options: RenderOptions) -> str:
    """The page for people: a row for each claim, and the counts."""
    page = Page(options)
    rows: list[list[Styled]] = []
    for it in checks:
        sign, color = render.SIGNS[ClaimOutcome(it.outcome)] if it.outcome != "error" else ("✗", "red")
        name = str(it.row.line) if it.row.id is None else str(it.row.id)
        rows.append([name, (f"{sign} {it.outcome}", color), remark(it, options)])
    page.columns(("id", "verdict", "mistake"), rows)
    page.line()
    page.sentence(counts(checks))
    return page.text()


def remark(check: RowCheck, options: RenderOptions) -> str:
    """What is said beside the verdict: the mistake, a counterexample, or the error; nothing of what is proven."""
    match check.answer:
        case CalcError() as error:
            hint = f"; {error.hint}" if error.hint else ""
            return f"line {check.row.line}: {error.message}{hint}"
        case Check(result=result):
            results = [("", result)]
        case Solution() as solution:
            lines = [line for line in solution.lines if line.number == solution.first and line.outcome is solution.outcome]
            results = [(f"line {line.number}: ", line.result) for line in lines[:1] if line.result is not None]
            if solution.outcome is ClaimOutcome.RIGHT:
                is_sampled = any(it.result and it.result.evidence is ClaimEvidence.SAMPLING for it in solution.lines)
                return "; ".join(filter(None, ["sampled, not proven" if is_sampled else "", render.taken_as_true(solution)]))
    for place, result in results:
        if result.outcome is ClaimOutcome.WRONG:
            return place + (result.mistake or render.counterexample(result, options) or result.why)
        if result.outcome is ClaimOutcome.RIGHT:
            return "sampled, not proven" if result.evidence is ClaimEvidence.SAMPLING else ""
        if result.outcome is ClaimOutcome.PARTLY:
            return f"{place}right where {result.condition or 'the claim has a value'}"
        return place + result.why
    return ""


def counts(checks: Sequence[RowCheck]) -> str:
    """How many claims there are, and how many of each outcome."""
    numbers = Counter(it.outcome for it in checks)
    words = [f"{numbers[outcome]} {outcome}" for outcome in ClaimOutcome if numbers[outcome]]
    words += [f"{numbers['error']} error{'s' if numbers['error'] > 1 else ''}"] if numbers["error"] else []
    return f"{len(checks)} claim{'s' if len(checks) != 1 else ''}: {', '.join(words)}"


def plain(check: RowCheck, options: RenderOptions) -> str:
    """A line with tabs between its cells."""
    cause = check.answer.result.cause if isinstance(check.answer, Check) else None
    if isinstance(check.answer, Solution):
        cause = next(
            (line.result.cause for line in check.answer.lines if line.number == check.answer.first and line.result), None
        )
    return tabbed([(check.row.line, check.row.id, check.outcome, cause, remark(check, options))], options)


def json(check: RowCheck, options: RenderOptions) -> str:
    """A JSON object with the fields of the answer, or the error."""
    place = {"id": check.row.id, "line": check.row.line}
    if isinstance(check.answer, CalcError):
        failure = {**place, "outcome": "error", "exit_code": int(Exit.WRONG_REQUEST), "versions": check.versions}
        return machine.line(envelope("check", failure, {"error": machine.error_fields(check.answer)}))
    conclusion = {**place, **claim_conclusion(check.answer)}
    return machine.line(envelope("check", conclusion, answer_fields(check.answer)))


def record(check: RowCheck, options: RenderOptions) -> Record:
    """The row as a record of continuous integration."""
    row = check.row
    code = Exit.WRONG_REQUEST if isinstance(check.answer, CalcError) else claim_conclusion(check.answer)["exit_code"]
    name = f"line {row.line}" if row.id is None else str(row.id)
    file = "stdin" if check.file == "-" else check.file
    return Record(name, file, row.line, check.outcome, remark(check, options), cast(int, code))


def _github(check: RowCheck, options: RenderOptions) -> str:
    return github(record(check, options))


def _junit(checks: Sequence[RowCheck], options: RenderOptions) -> str:
    return junit([record(check, options) for check in checks], "gradcalc check")


def _nothing(check: object, options: RenderOptions) -> str:
    return ""


ROW_FORMATS: dict[str, Format[RowCheck]] = {
    "table": _nothing, "plain": plain, "json": json, "github": _github, "junit": _nothing,
}  # fmt: skip
"""What is written of a row as soon as it is checked."""
FORMATS: dict[str, Format[Sequence[RowCheck]]] = {
    "table": table, "plain": _nothing, "json": _nothing, "github": _nothing, "junit": _junit,
}  # fmt: skip
"""What is written of all rows at the end."""
