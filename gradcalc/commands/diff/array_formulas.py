"""`gradcalc diff --shape`: derivatives of expressions of arrays as formulas, without values and without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from gradcalc.calculate.array_formulas import ArrayQuestion
from gradcalc.calculate.array_latex import arrays_in
from gradcalc.calculate.array_products import product_formulas, with_factors
from gradcalc.calculate.reporting import versions
from gradcalc.commands.array_questions import read_factors, variables_of
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit
from gradcalc.expression.latex import latex
from gradcalc.expression.printer import unparse
from gradcalc.functions.resolve import understand
from gradcalc.output import array_formulas as output
from gradcalc.output import json as machine
from gradcalc.output.array_code import LIBRARIES, Gradient, function_code
from gradcalc.report import ArrayFormula, envelope

if TYPE_CHECKING:
    from gradcalc.commands.diff.command import Asked

MAX_ORDER = 2


def show_formulas(text: str, question: ArrayQuestion, asked: Asked, settings: Settings) -> Exit:
    """Write the formulas of the derivatives by arrays.  Raises `CalcError` for what does not fit the expression."""
    order = asked.order
    if order > MAX_ORDER:
        raise CalcError(f"formulas of arrays are derived once or twice, not {order} times")
    if asked.directions and asked.by and order == 1:
        raise CalcError("a derivative along a direction is by nothing else", hint="leave --by out")
    by, factors = variables_of(question, asked.by), read_factors(question, asked.directions, asked.cotangent)
    question = with_factors(question, factors)
    formulas = list(product_formulas(question, factors, by, order, settings.seconds, entries=asked.entries))
    if not settings.quiet:
        settings.presentation.write(_text(text, question, formulas, order, settings), paged=True)
    return _exit(formulas)


def _exit(formulas: Sequence[ArrayFormula]) -> Exit:
    """0 if each derivative has a formula, of arrays or of an entry."""
    return Exit.AGREE if all(it.formula is not None or it.entry is not None for it in formulas) else Exit.UNDECIDED


def _code(question: ArrayQuestion, formulas: Sequence[ArrayFormula], format: str) -> str:
    """The formulas as a function.  Raises `CalcError` where one is missing."""
    names = question.names
    gradients = []
    for it in formulas:
        if it.formula is None:
            raise CalcError(f"there is no code for the derivative by {it.by}: {it.why}")
        if it.product is not None:
            raise CalcError(f"there is no code for products, here with {it.product[1]}", hint="the formula: --format plain")
        known = names | {name for name, _ in it.parts}
        parts = [(name, understand(part, known)) for name, part in it.parts]
        gradients.append(Gradient(it.by, parts, understand(it.formula, known)))
    shapes = {name: question.sizes.get(name, ()) for name in question.variables}
    return function_code(LIBRARIES[format], unparse(question.tree), question.tree, shapes, gradients)


def _text(text: str, question: ArrayQuestion, formulas: Sequence[ArrayFormula], order: int, settings: Settings) -> str:
    source = unparse(question.tree)
    if settings.format == "table":
        return output.table(source, question.sizes, question.inferred, formulas, order, settings.options)
    if settings.format == "plain":
        return output.plain(formulas, settings.options)
    if settings.format == "latex":
        return output.latex(formulas, order)
    if settings.format in LIBRARIES:
        return _code(question, formulas, settings.format)
    exit_code = _exit(formulas)
    fields = {
        "expr": text,
        "read_as": source,
        "order": order,
        "shapes": dict(question.sizes),
        "inferred": list(question.inferred),
        "gradients": [asdict(it) for it in formulas],
        "latex": latex(question.tree, arrays_in(question.tree, question.sizes)),
    }
    conclusion = {"verdict": None, "exit_code": int(exit_code), "versions": versions()}
    return machine.line(envelope("diff", conclusion, fields))
