"""An exercise on arrays: on the page for people, in handouts, and in formats for programs.

`plain` has a line for each result and each adjoint: forward or backward, its name, its formula, its sizes, its numbers; at a
point one for each gradient of autograd, with its verdict; and one for what was checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradcalc.calculate.array_latex import arrays_in
from gradcalc.calculate.array_steps import ArrayStep, ArraySteps
from gradcalc.calculate.reporting import versions
from gradcalc.commands.steps.array_blocks import array_blocks
from gradcalc.commands.steps.array_steps import ArrayDerivation
from gradcalc.commands.steps.array_words import (
    AutogradGradient,
    autograd_gradients,
    conclusion,
    directions,
    reasons,
    shape_words,
    value_words,
)
from gradcalc.commands.steps.handout import Handout
from gradcalc.engines.taylor.reals import Real, decimal
from gradcalc.errors import Exit
from gradcalc.expression.arrays import Array
from gradcalc.expression.latex import latex
from gradcalc.expression.printer import unparse
from gradcalc.output import json as machine
from gradcalc.output.array_formulas import write_formulas, write_question
from gradcalc.output.document import Block
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page, sign
from gradcalc.output.records import machine_formats
from gradcalc.report import worst


@dataclass(frozen=True, slots=True)
class ArrayExercise:
    """The reverse pass of an expression, and what it is called in the file it is from."""

    derivation: ArrayDerivation
    name: str | None = None

    @property
    def exit(self) -> Exit:
        """The exit code."""
        return self.derivation.exit

    def write(self, handout: Handout, page: Page) -> None:
        """Write it on the page for people."""
        _write(self.derivation, handout, page)

    def blocks(self, handout: Handout, options: RenderOptions) -> Iterator[Block]:
        """What it is in a document."""
        return array_blocks(self.derivation, handout, options)

    def records(self, format: str, options: RenderOptions) -> str:
        """Its text in a format for programs."""
        return _RECORDS[format](self.derivation, options)


def _write(derivation: ArrayDerivation, handout: Handout, page: Page) -> None:
    """The lines with their shapes, and the derivatives that they lead to."""
    question, steps, report = derivation.question, derivation.steps, derivation.report
    write_question(unparse(question.tree), question.sizes, page, steps.value, question.inferred)
    if report is not None:
        page.sentence("at " + page.assignments(report.at))
    if not handout.solutions:
        page.sentence("; ".join(question.premises), "dim", indent=2, hanging=2)
        page.sentence("differentiate with respect to " + ", ".join(derivation.by))
        return
    page.notes(report.notes if report is not None else ())
    for title, lines in directions(steps):
        page.line()
        page.line(title, "dim")
        _lines(lines, page)
    page.line()
    gradients = autograd_gradients(derivation) if handout.proof else {}
    for formula in steps.formulas:
        write_formulas([formula], page, steps.value, proof=handout.proof)
        if formula.by in gradients:
            page.sentence(_autograd(gradients[formula.by], page.options), indent=2, hanging=2)
    if not handout.proof:
        return
    page.sentence(conclusion(derivation))
    if report is not None:
        for why in reasons(report):
            page.sentence(why, hanging=4)
        page.verdict(report.verdict)


def _lines(lines: Sequence[tuple[str, ArrayStep]], page: Page) -> None:
    """Lines with their shapes below each other, and the values at the point."""
    shapes = [shape_words(line.sizes) for _, line in lines]
    widths = [len(f"{left} = {line.formula}") for left, line in lines]
    column = max(
        (width for width, shape in zip(widths, shapes, strict=True) if width + 2 + len(shape) <= page.width), default=0
    )
    for (left, line), width, shape in zip(lines, widths, shapes, strict=True):
        page.formula(left, line.formula, " " * (max(column - width, 0) + 2) + shape)
        if line.numbers is not None:
            page.sentence(" ".join(value_words(line.numbers, page.options)), indent=4, hanging=2)


def _autograd(gradient: AutogradGradient, options: RenderOptions) -> str:
    """Autograd's numbers, and their verdicts."""
    verdicts = (
        f"{sign(verdict)} {verdict}{f' ({cause})' if cause else ''}{count}" for verdict, cause, count in gradient.verdicts
    )
    return "; ".join([f"autograd: {gradient.text(options)}", *verdicts])


# ---------------------------------------------------------------------------------------------------------- machines


def _rows(derivation: ArrayDerivation) -> Iterator[Sequence[object]]:
    for direction, lines in directions(derivation.steps):
        for left, line in lines:
            numbers = None if line.numbers is None else str(_decimals(line.numbers)).replace("'", "")
            yield direction, left, line.formula, ",".join(line.sizes), numbers
    for by, gradient in autograd_gradients(derivation).items():
        partials = gradient.partials
        entries = Array(gradient.shape, [it.autograd for it in partials])
        verdict = worst(it.verdict for it in partials if it.verdict is not None)
        sizes = ",".join(map(str, gradient.shape))
        yield "autograd", f"∂{derivation.steps.value}/∂{by}", "", sizes, entries.tolist(), verdict
    yield "derivative", conclusion(derivation)


def _decimals(numbers: Array[Real]) -> object:
    return numbers.map(decimal).tolist()


def _fields(derivation: ArrayDerivation) -> Mapping[str, object]:
    question, steps = derivation.question, derivation.steps
    forward, backward = ([_step(left, line, steps) for left, line in lines] for _, lines in directions(steps))
    return {
        "expr": derivation.text,
        "read_as": unparse(question.tree),
        "shapes": {name: list(sizes) for name, sizes in question.sizes.items()},
        "inferred": list(question.inferred),
        "forward": forward,
        "backward": backward,
        "confirmed": dict(steps.confirmed),
        "holds": steps.holds,
        "gradients": list(steps.formulas),
        "report": derivation.report,
    }


def _step(left: str, line: ArrayStep, steps: ArraySteps) -> Mapping[str, object]:
    return {
        "name": left,
        "formula": line.formula,
        "latex": latex(line.tree, arrays_in(line.tree, steps.sizes)),
        "shape": list(line.sizes),
        "value": None if line.numbers is None else _decimals(line.numbers),
    }


def _machine_conclusion(derivation: ArrayDerivation, options: RenderOptions) -> Mapping[str, object]:
    if derivation.report is None:
        return {"verdict": None, "exit_code": int(derivation.exit), "versions": versions()}
    return {**machine.conclusion(derivation.report, options), "exit_code": int(derivation.exit)}


_RECORDS = machine_formats("steps", _rows, _fields, _machine_conclusion)
