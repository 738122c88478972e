"""Derivations rule by rule as a part of a handout.

Comes in: the derivations of an expression.  Goes out: blocks of a document.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradcalc.commands.steps.handout import Handout
from gradcalc.commands.steps.steps import Derivation, Stepwise
from gradcalc.commands.steps.words import letters_of, proof, rule_name, step_lines
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Name
from gradcalc.functions.derivation import Step
from gradcalc.output import document
from gradcalc.output.document import (
    Block,
    Derivative,
    Display,
    Formula,
    Function,
    Line,
    Paragraph,
    Prime,
    Term,
    Words,
    assignments,
    formula_of,
    names_formula,
)
from gradcalc.output.numbers import exact
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.report_document import verdict_words
from gradcalc.report import Partial

_DIGITS = 6


def rule_blocks(stepwise: Stepwise, handout: Handout, options: RenderOptions) -> Iterator[Block]:
    """The exercise, and its solution."""
    report = stepwise.report
    f = function_letter(report)
    point: Words = [" at ", Formula(list(assignments(stepwise.point)))] if stepwise.point else []
    function = Formula([Function(f), "=", formula_of(report.read_as)])
    if not handout.solutions:
        variables = names_formula([it.by for it in stepwise.derivations])
        yield Paragraph(["Differentiate ", function, " with respect to ", variables, *point, "."])
        return
    yield Paragraph([function, *([","] if point else []), *point])
    for derivation, partial in zip(stepwise.derivations, report.partials, strict=True):
        yield document.Derivation(list(_lines(derivation, options)))
        step, number = next(derivation.numbered)
        yield Display(Formula([Derivative(f, [derivation.by]), "=", step.derivative, *_value(step, number, options)]))
        if handout.proof:
            yield from _proof(f, derivation, partial, options)
    if handout.proof:
        yield from (Paragraph([f"note: {note}"]) for note in report.notes)
        if report.verdict is not None:
            yield Paragraph(["verdict: ", verdict_words(report.verdict)])


def _lines(derivation: Derivation, options: RenderOptions) -> Iterator[Line]:
    """A line for what is differentiated, with its rule, and one for what comes of it, behind the lines of its parts."""
    for is_result, step, number in step_lines(derivation):
        left = Derivative(step.part, [derivation.by])
        result: list[Term] = ["=", step.derivative, *_value(step, number, options)]
        if step.is_known:
            yield Line(step.depth, Formula([left, *result]), ["as above"])
        elif not is_result:
            yield Line(step.depth, Formula([left]), _rule(step))
        elif step.depth:  # that of the whole stands below all lines
            yield Line(step.depth + 1, Formula(result))


def _value(step: Step, number: str | None, options: RenderOptions) -> list[Term]:
    """The value of a derivative at the point, if it says more than the derivative."""
    if number is None or number == unparse(step.derivative):
        return []
    short = exact(number, options.digits or _DIGITS)
    return ["=" if short == number else "≈", document.Number(short)]


def _rule(step: Step) -> Words:
    """The rule in words, with its law and its letters."""
    rule = step.rule
    left: Term = rule.pattern if rule.name == "definition" else Prime(rule.pattern)
    words: list[str | document.Styled | Formula] = [f"{rule_name(step)}: ", Formula([left, "=", rule.derivative])]
    for letter, arg in letters_of(step).items():
        words += [", ", Formula([Name(letter), "=", arg])]
    return words


def _proof(f: str, derivation: Derivation, partial: Partial, options: RenderOptions) -> Iterator[Block]:
    """What the engines say of a derivation: sympy's formula, the numbers, and whether the steps are right."""
    if partial.formula:
        yield Paragraph(["SymPy: ", Formula([Derivative(f, [derivation.by]), "=", formula_of(partial.formula)])])
    digits = options.digits or _DIGITS
    numbers: list[str | document.Styled | Formula] = []
    for name, value in (("exact value", partial.symbolic), ("autograd", partial.autograd)):
        if value is not None:
            numbers += ["; " if numbers else "", f"{name}: ", Formula([document.Number(exact(value, digits))])]
    if numbers:
        yield Paragraph(numbers)
    if partial.why is not None and partial.cause is not None:
        yield Paragraph([verdict_words(partial.verdict, partial.cause), f": {partial.why}"])
    yield Paragraph([proof(derivation)], "dim")
