"""An exercise rule by rule: on the page for people, in handouts, and in formats for programs.

`plain` has a line for each step: the variable, the depth, the part, its rule, the law in letters, what the letters are, the
derivative, and at a point its number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradcalc.commands.steps.handout import Handout
from gradcalc.commands.steps.rule_blocks import rule_blocks
from gradcalc.commands.steps.steps import Derivation, Stepwise
from gradcalc.commands.steps.words import law_text, letters_of, proof, rule_name, step_lines
from gradcalc.errors import Exit
from gradcalc.expression.printer import unparse
from gradcalc.functions.derivation import Step
from gradcalc.output import json as machine
from gradcalc.output.document import Block
from gradcalc.output.numbers import cut, exact
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.page import Page
from gradcalc.output.records import machine_formats
from gradcalc.report import Partial

_DIGITS = 12
_LONGEST = 2_000
"""Characters of a formula that are shown to people."""


@dataclass(frozen=True, slots=True)
class RuleExercise:
    """The derivations of an expression rule by rule, and what it is called in the file it is from."""

    stepwise: Stepwise
    name: str | None = None

    @property
    def exit(self) -> Exit:
        """The exit code."""
        return self.stepwise.exit

    def write(self, handout: Handout, page: Page) -> None:
        """Write it on the page for people."""
        _exercise(self.stepwise, handout, page)

    def blocks(self, handout: Handout, options: RenderOptions) -> Iterator[Block]:
        """What it is in a document."""
        return rule_blocks(self.stepwise, handout, options)

    def records(self, format: str, options: RenderOptions) -> str:
        """Its text in a format for programs."""
        return _RECORDS[format](self.stepwise, options)


def _exercise(stepwise: Stepwise, handout: Handout, page: Page) -> None:
    """The parts below what they are parts of, and behind them what comes of them."""
    report = stepwise.report
    f = function_letter(report)
    page.formula(f, _shown(report.read_as, page))
    if report.at:
        page.sentence("at " + page.assignments(report.at))
    if not handout.solutions:
        page.sentence("differentiate with respect to " + ", ".join(it.by for it in stepwise.derivations))
        return
    page.notes(report.notes)
    for derivation, partial in zip(stepwise.derivations, report.partials, strict=True):
        page.line()
        _steps(f, derivation, page)
        if handout.proof:
            page.line()
            for sentence in _conclusion(f, derivation, partial, page):
                page.sentence(sentence, hanging=4)
    if handout.proof:
        page.verdict(report.verdict)


def _steps(f: str, derivation: Derivation, page: Page) -> None:
    left = f"∂{f}/∂{derivation.by}"
    for is_result, step, value in step_lines(derivation):
        # However deep, half of the page is left for the formula.
        indent = min(2 * step.depth, page.width // 2)
        part = f"∂/∂{derivation.by} [{_shown(unparse(step.part), page)}]" if step.depth else left
        if step.is_known:
            page.sentence(f"{part} {_result(step, value, page)}, as above", indent=indent, hanging=4)
        elif is_result:
            result = _result(step, value, page)
            page.sentence(
                result if step.depth else f"{left} {result}", "" if step.depth else "bold", indent=indent, hanging=4
            )
        else:
            page.sentence(part, indent=indent, hanging=4)
            page.sentence(_explanation(step, page), "dim", indent=indent + 2, hanging=2)


def _result(step: Step, value: str | None, page: Page) -> str:
    derivative = unparse(step.derivative)
    result = f"= {_shown(derivative, page)}"
    if value is not None and value != derivative:
        short = exact(value, page.options.digits or _DIGITS)
        result += f" {'=' if short == value else '≈'} {short}"
    return result


def _explanation(step: Step, page: Page) -> str:
    letters = "".join(f", {letter} = {_shown(unparse(arg), page)}" for letter, arg in letters_of(step).items())
    return f"{rule_name(step)}: {_shown(law_text(step.rule), page)}{letters}"


_POWER = re.compile(r"\*\*(\d+)(?![\w.]|\*\*)")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _shown(formula: str, page: Page) -> str:
    """A formula as it is shown: on a terminal with `·` and `²`, which are read back, too; cut where it is long."""
    if page.options.width is not None and not page.options.ascii:
        formula = _POWER.sub(lambda match: match[1].translate(_SUPERSCRIPTS), formula)
        formula = re.sub(r"(?<!\*)\*(?!\*)", "·", formula)
    return cut(formula, _LONGEST, tail=f"... ({len(formula)} characters)")


def _conclusion(f: str, derivation: Derivation, partial: Partial, page: Page) -> Iterator[str]:
    """What stands behind the steps, from sympy's formula to the proof."""
    if partial.formula is not None:
        yield f"by SymPy: ∂{f}/∂{derivation.by} = {_shown(partial.formula, page)}"
    if partial.symbolic is not None:
        yield f"exact: {exact(partial.symbolic, page.options.digits)}"
    if partial.autograd is not None:
        yield f"autograd: {partial.autograd!r}"
    if partial.why is not None and partial.cause is not None:
        yield f"{partial.verdict} ({partial.cause}): {partial.why}"
    yield proof(derivation)


# ---------------------------------------------------------------------------------------------------------- machines


def _rows(stepwise: Stepwise) -> Iterator[Sequence[object]]:
    for derivation in stepwise.derivations:
        for step, value in derivation.numbered:
            letters = ", ".join(f"{letter} = {unparse(arg)}" for letter, arg in step.bindings.items())
            cells = derivation.by, step.depth, unparse(step.part), rule_name(step), law_text(step.rule), letters
            yield *cells, unparse(step.derivative), value


def _fields(stepwise: Stepwise) -> Mapping[str, object]:
    return {"derivations": list(map(_derivation, stepwise.derivations)), "report": stepwise.report}


def _machine_conclusion(stepwise: Stepwise, options: RenderOptions) -> Mapping[str, object]:
    return {**machine.conclusion(stepwise.report, options), "exit_code": int(stepwise.exit)}


def _derivation(derivation: Derivation) -> Mapping[str, object]:
    steps = [
        {
            "depth": step.depth,
            "part": unparse(step.part),
            "rule": step.rule.name,
            "chain": step.is_chain,
            "law": law_text(step.rule),
            "letters": {letter: unparse(arg) for letter, arg in step.bindings.items()},
            "derivative": unparse(step.derivative),
            "value": value,
            "known": step.is_known,
        }
        for step, value in derivation.numbered
    ]
    counts = {"equal": derivation.equal, "beside": derivation.beside, "wrong": derivation.wrong}
    return {"by": derivation.by, "steps": steps, "at_point": derivation.at_point, **counts}


_RECORDS = machine_formats("steps", _rows, _fields, _machine_conclusion)
