"""Questions about arrays without values: the texts of an expression, of `--shape`, of `--assume` and of `--by`."""

from __future__ import annotations

from collections.abc import Sequence

from gradcalc.calculate.array_formulas import ArrayQuestion
from gradcalc.commands.arguments import names_of
from gradcalc.errors import CalcError
from gradcalc.functions.resolve import interpret
from gradcalc.inputs.shapes import ASSUMPTIONS, check_shapes, read_assumptions, read_shapes
from gradcalc.report import Notation


def read_array_question(text: str, shapes: Sequence[str], assumptions: Sequence[str], notation: Notation) -> ArrayQuestion:
    """The question.  Raises `CalcError` for shapes that do not fit."""
    sizes = read_shapes(shapes)
    letters = {size for each in sizes.values() for size in each if not size.isdecimal()}
    tree = interpret(text, {*sizes, *letters}, notation=notation).tree
    try:
        check_shapes(tree, sizes)
    except CalcError as error:
        raise error.within(text) from None
    return ArrayQuestion(tree, sizes, read_assumptions(assumptions, ASSUMPTIONS))


def variables_of(question: ArrayQuestion, by: Sequence[str]) -> list[str]:
    """The variables to differentiate by: all but sizes, if none is named.  Raises `CalcError` for what is none."""
    names = names_of(by)
    for name in names:
        if name not in question.variables:
            is_entry = "[" in name
            choice = f"choose from {', '.join(question.variables)}"
            hint = "an entry is part of the formula by its array" if is_entry else choice
            raise CalcError(f"{name} is not a variable of the expression", hint=hint)
    return list(names) or question.variables
