"""Questions about arrays without values: the texts of an expression, of `--shape`, of `--assume` and of `--by`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradcalc.calculate.array_formulas import ArrayQuestion
from gradcalc.calculate.array_products import Factors
from gradcalc.commands.arguments import names_of
from gradcalc.errors import CalcError
from gradcalc.expression.sizes import Size, letters_in
from gradcalc.expression.tree import Node
from gradcalc.functions.resolve import interpret, understand
from gradcalc.inputs.shape_inference import infer_shapes
from gradcalc.inputs.shapes import ASSUMPTIONS, check_shapes, read_assumptions, read_shapes
from gradcalc.report import Notation


def read_array_question(text: str, shapes: Sequence[str], assumptions: Sequence[str], notation: Notation) -> ArrayQuestion:
    """The question of texts.  Raises `CalcError` for shapes that do not fit."""
    sizes = read_shapes(shapes)
    tree = interpret(text, {*sizes, *letters_in(sizes.values())}, notation=notation).tree
    return array_question(text, tree, sizes, read_assumptions(assumptions, ASSUMPTIONS))


def array_question(
    text: str,
    tree: Node,
    sizes: Mapping[str, Sequence[Size]],
    assumptions: Mapping[str, frozenset[str]] | None = None,
) -> ArrayQuestion:
    """The question of an expression, which `text` is, with the shapes that it demands besides those that are given.

    Raises `CalcError` for shapes that do not fit.
    """
    inferred = infer_shapes(tree, sizes)
    try:
        check_shapes(tree, {**sizes, **inferred})
    except CalcError as error:
        raise error.within(text) from None
    return ArrayQuestion(tree, {**sizes, **inferred}, assumptions or {}, tuple(inferred))


def inferred_question(text: str, tree: Node) -> ArrayQuestion | None:
    """The question of arrays whose shapes follow from an expression; None for one of numbers, or where none fit."""
    try:
        question = array_question(text, tree, {})
    except CalcError:
        return None
    return question if question.inferred else None


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


def read_factors(question: ArrayQuestion, directions: Sequence[str], cotangent: str | None) -> Factors:
    """Directions of variables, `x=v`, and a cotangent, as expressions.  Raises `CalcError`."""
    read = {}
    for text in directions:
        name, equals, value = text.partition("=")
        if not equals:
            raise CalcError(f"the direction {text} has no variable", hint="write --direction x=v")
        read[name.strip()] = understand(value, question.names)
    return Factors(read, None if cotangent is None else understand(cotangent, question.names))
