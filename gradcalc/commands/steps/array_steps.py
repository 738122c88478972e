"""The reverse pass of an expression of arrays, without values or at a point, where all engines answer beside it.

Comes in: the texts of an expression and of shapes, or a query at its point.  Goes out: an `ArrayDerivation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradcalc.calculate.answer import answer
from gradcalc.calculate.array_formulas import ArrayQuestion
from gradcalc.calculate.array_steps import ArraySteps, array_steps
from gradcalc.calculate.prepared import prepare
from gradcalc.commands.array_questions import inferred_question, read_array_question, variables_of
from gradcalc.commands.settings import Settings
from gradcalc.engines.indexed.nodes import Unprintable
from gradcalc.errors import CalcError, Exit
from gradcalc.expression.arrays import Array
from gradcalc.expression.sizes import letters_in
from gradcalc.expression.tree import Node, names_in
from gradcalc.functions.resolve import interpret
from gradcalc.inputs.query import Query, Question
from gradcalc.inputs.shapes import MOST_DIMENSIONS, read_shapes
from gradcalc.inputs.values import Point
from gradcalc.report import Notation, Report
from gradcalc.runtime import deadline


@dataclass(frozen=True, slots=True)
class ArrayDerivation:
    """The expression as it was typed, the question, the variables, and the lines; at a point the answer of all engines."""

    text: str
    question: ArrayQuestion
    by: Sequence[str]
    steps: ArraySteps
    point: Point
    report: Report | None = None

    @property
    def exit(self) -> Exit:
        """The exit code: at a point that of the report; 4 where that is 0 and the lines are not known to be right."""
        code = Exit.AGREE if self.report is None else self.report.exit
        return code if code is not Exit.AGREE or self.steps.is_confirmed else Exit.UNDECIDED


def shapes_in(text: str, shapes: Sequence[str], notation: Notation) -> list[str]:
    """The shapes of the variables that an expression has."""
    sizes = read_shapes(shapes)
    names = names_in(interpret(text, {*sizes, *letters_in(sizes.values())}, notation=notation).tree)
    return [shape for shape in shapes if shape.partition("=")[0].strip() in names]


def array_derivation(
    text: str, shapes: Sequence[str], by: Sequence[str], assumptions: Sequence[str], settings: Settings
) -> ArrayDerivation:
    """The reverse pass for shapes.  Raises `CalcError` where there is none."""
    question = read_array_question(text, shapes, assumptions, settings.notation)
    names = variables_of(question, by)
    return ArrayDerivation(text, question, names, _steps(question, names, settings.seconds), Point())


def inferred_derivation(query: Query, point: Point, seconds: float) -> ArrayDerivation | None:
    """The reverse pass where the shapes follow from the expression; None for one of numbers, and for entries."""
    question = inferred_question(query.text, query.expression)
    if question is None or any(wrt.entry for wrt in query.wrt):
        return None
    names = variables_of(question, [wrt.variable for wrt in query.wrt])
    return ArrayDerivation(query.text, question, names, _steps(question, names, seconds), point)


def array_derivation_at(query: Query, point: Point, seconds: float) -> ArrayDerivation | None:
    """The reverse pass at a point; None where it has no arrays, for entries, and where there is no reverse pass."""
    arrays = point.entries
    shapes = {name: arrays[name].shape for name in names_in(query.expression) if name in arrays}
    is_whole = not any(wrt.entry for wrt in query.wrt)
    if (
        not is_whole
        or not any(shapes.values())
        or any(len(shape) > MOST_DIMENSIONS or 0 in shape for shape in shapes.values())
    ):
        return None
    question = ArrayQuestion(query.expression, {name: tuple(map(str, shape)) for name, shape in shapes.items()})
    if not set(question.variables) <= shapes.keys():
        return None
    try:
        names = variables_of(question, [wrt.variable for wrt in query.wrt])
        steps = _steps(question, names, seconds, arrays)
    except CalcError:
        return None
    report = answer(prepare(*Question(query, point), seconds=seconds), seconds=seconds)
    return ArrayDerivation(query.text, question, names, steps, point, report)


def _steps(
    question: ArrayQuestion, by: Sequence[str], seconds: float, values: Mapping[str, Array[Node]] | None = None
) -> ArraySteps:
    try:
        return array_steps(question, by, seconds, values)
    except Unprintable as error:
        raise CalcError(f"there is no reverse pass on arrays: {error}") from None
    except deadline.OutOfTime:
        raise CalcError(f"no reverse pass within {seconds:g} seconds", hint="--timeout gives more") from None
