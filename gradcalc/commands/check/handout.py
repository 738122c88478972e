"""Claims that were checked as a handout: for each the expression, the claim, the verdict and the mistake.

Comes in: claims and derivations that were checked, and errors.  Goes out: a `Document`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gradcalc.calculate.claims.results import Check, CheckResult, ClaimOutcome, LineCheck, Solution
from gradcalc.commands.check.render import SIGNS, counterexample, grounds
from gradcalc.commands.check.render_file import RowCheck, counts, remark
from gradcalc.errors import CalcError
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
    formula_of,
)
from gradcalc.output.html import html
from gradcalc.output.markdown import markdown
from gradcalc.output.options import RenderOptions
from gradcalc.output.records import Format
from gradcalc.output.tex import tex

_STYLES = {ClaimOutcome.RIGHT: "good", ClaimOutcome.WRONG: "bad", ClaimOutcome.GIVEN: "dim"}


@dataclass(frozen=True, slots=True)
class ClaimSheet:
    """Claims that were checked, and what is shown of them: the true derivatives, and what the verdicts rest on.

    `standalone` is a whole file in LaTeX.
    """

    checks: Sequence[RowCheck]
    title: str | None = None
    solutions: bool = True
    proof: bool = True
    standalone: bool = False


def sheet_document(sheet: ClaimSheet, options: RenderOptions) -> Document:
    """The document: of several claims the table of verdicts, and then a section for each."""
    blocks: list[Block] = []
    if len(sheet.checks) > 1:
        rows: list[list[Words]] = [[[_name(it)], [_outcome(it.outcome)], [remark(it, options)]] for it in sheet.checks]
        blocks += [Table(("id", "verdict", "mistake"), rows), Paragraph([counts(sheet.checks)])]
    for check in sheet.checks:
        if len(sheet.checks) > 1:
            blocks.append(Heading([_name(check)]))
        match check.answer:
            case Check() as answer:
                blocks += _claim(answer, sheet, options)
            case Solution() as answer:
                blocks += _derivation(answer, sheet, options)
            case CalcError():
                blocks.append(Paragraph([Styled(check.row.expr, "code")]))
                blocks.append(Paragraph([Styled("✗ error", "bad"), f": {remark(check, options)}"]))
    return Document(sheet.title, blocks, standalone=sheet.standalone)


def _name(check: RowCheck) -> str:
    return f"line {check.row.line}" if check.row.id is None else str(check.row.id)


def _outcome(outcome: str) -> Styled:
    if outcome == "error":
        return Styled("✗ error", "bad")
    kind = ClaimOutcome(outcome)
    return Styled(f"{SIGNS[kind][0]} {outcome}".strip(), _STYLES.get(kind, "warning"))


def _claim(check: Check, sheet: ClaimSheet, options: RenderOptions) -> Iterator[Block]:
    left = Derivative("f", [check.by])
    yield Display(Formula([Function("f"), "=", formula_of(check.read_as)]))
    yield Paragraph(["claim: ", Formula([left, "=", formula_of(check.claim_read_as)])])
    if check.where is not None:
        yield Paragraph(["where ", Formula([formula_of(check.where)])])
    entry = check.entries[-1].entry if check.entries else ""
    yield from _verdict(check.result, sheet, options, entry=entry)
    is_missed = check.result.outcome is not ClaimOutcome.RIGHT and check.shape is None
    if sheet.solutions and is_missed and check.result.formula is not None:
        yield Paragraph(["the derivative: ", Formula([left, "=", formula_of(check.result.formula)])])


def _derivation(solution: Solution, sheet: ClaimSheet, options: RenderOptions) -> Iterator[Block]:
    yield Display(Formula([Function("f"), "=", formula_of(solution.read_as)]))
    rows: list[list[Words]] = [
        [[str(line.number)], [Styled(line.text, "code")], [_outcome(line.outcome)]] for line in solution.lines
    ]
    yield Table(("#line", "", "verdict"), rows)
    for line in solution.lines:
        if line.result is not None and line.outcome in (ClaimOutcome.WRONG, ClaimOutcome.PARTLY, ClaimOutcome.UNDECIDED):
            yield from _verdict(line.result, sheet, options, place=line)
            if sheet.solutions and line.result.formula is not None and not line.result.is_equality:
                yield Paragraph(["the derivative: ", Formula([formula_of(line.result.formula)])])
    if any(line.outcome is ClaimOutcome.FOLLOWS for line in solution.lines):
        yield Paragraph(["follows: wrong only because a line above it is"], "dim")
    if solution.outcome is ClaimOutcome.RIGHT:
        rest = f": {grounds(solution)}" if sheet.proof else ""
        yield Paragraph([_outcome("right"), rest])


def _verdict(
    result: CheckResult, sheet: ClaimSheet, options: RenderOptions, place: LineCheck | None = None, entry: str = ""
) -> Iterator[Block]:
    """The verdict, the likely mistake, and what it rests on."""
    begin = f"line {place.number}: " if place is not None else ""
    words: list[str | Styled | Formula] = [begin, _outcome(result.outcome)]
    if result.mistake is not None:
        words.append(f"; likely mistake: {result.mistake}")
    elif result.outcome is not ClaimOutcome.WRONG and sheet.proof:
        words.append(f": {result.why}")
    yield Paragraph(words)
    if sheet.proof and result.outcome is ClaimOutcome.WRONG:
        yield Paragraph([counterexample(result, options, entry) or result.why], "dim")


def _as_document(write: Callable[[Document, RenderOptions], str]) -> Format[ClaimSheet]:
    return lambda sheet, options: write(sheet_document(sheet, options), options)


FORMATS: dict[str, Format[ClaimSheet]] = {
    "latex": _as_document(tex),
    "markdown": _as_document(markdown),
    "html": _as_document(html),
}
