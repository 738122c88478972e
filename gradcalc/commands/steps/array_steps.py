"""`gradcalc steps` of arrays: the reverse pass line by line, without values or at a point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradcalc.calculate.array_formulas import ArrayQuestion, array_formulas
from gradcalc.calculate.array_steps import ArrayStep, ArraySteps, array_steps
from gradcalc.calculate.reporting import versions
from gradcalc.commands.array_questions import read_array_question, variables_of
from gradcalc.commands.settings import Settings
from gradcalc.engines.indexed.nodes import Unprintable
from gradcalc.engines.taylor.reals import Real, decimal
from gradcalc.errors import CalcError, Exit
from gradcalc.expression.arrays import Array, shape_text
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Node, names_in
from gradcalc.inputs.query import Query
from gradcalc.inputs.shapes import MOST_DIMENSIONS
from gradcalc.inputs.values import Point
from gradcalc.output.array_formulas import write_formulas, write_question
from gradcalc.output.numbers import exact, input_text
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page
from gradcalc.output.records import Format, machine_formats
from gradcalc.proof.array_formulas import Evidence
from gradcalc.report import ArrayFormula
from gradcalc.runtime import deadline

FORMATS_OF_ARRAYS = ("table", "plain", "json")
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class ArrayDerivation:
    """The expression as it was typed, the question, the lines, and the derivatives as formulas."""

    text: str
    question: ArrayQuestion
    steps: ArraySteps
    formulas: Sequence[ArrayFormula]

    @property
    def exit(self) -> Exit:
        """0 if the lines are confirmed to lead to all derivatives."""
        is_known = all(self.steps.confirmed.values()) and self.steps.holds is not False
        return Exit.AGREE if is_known else Exit.UNDECIDED


def show_array_steps(
    text: str, shapes: Sequence[str], by: Sequence[str], assumptions: Sequence[str], settings: Settings
) -> Exit:
    """Write the reverse pass for shapes.  Raises `CalcError` where there is none."""
    if not shapes:
        raise CalcError("--assume is for arrays without values", hint="give their shapes: --shape A=m,n")
    question = read_array_question(text, shapes, assumptions, settings.notation)
    derivation = _derivation(text, question, variables_of(question, by), settings.seconds)
    settings.write(FORMATS, derivation)
    return derivation.exit


def show_array_steps_at(query: Query, point: Point, settings: Settings) -> Exit | None:
    """Write the reverse pass at a point; None where it has no arrays, for entries, and where there is no reverse pass."""
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
        derivation = _derivation(
            query.text, question, variables_of(question, [wrt.variable for wrt in query.wrt]), settings.seconds, arrays
        )
    except CalcError:
        return None
    settings.write(FORMATS, derivation)
    return derivation.exit


def _derivation(
    text: str, question: ArrayQuestion, by: Sequence[str], seconds: float, values: Mapping[str, Array[Node]] | None = None
) -> ArrayDerivation:
    try:
        steps = array_steps(question, by, seconds, values)
    except Unprintable as error:
        raise CalcError(f"there is no reverse pass on arrays: {error}") from None
    except deadline.OutOfTime:
        raise CalcError(f"no reverse pass within {seconds:g} seconds", hint="--timeout gives more") from None
    return ArrayDerivation(text, question, steps, list(array_formulas(question, by, 1, seconds)))


# ------------------------------------------------------------------------------------------------------------- formats


def _table(derivation: ArrayDerivation, options: RenderOptions) -> str:
    """The lines with their shapes, and the derivatives that they lead to."""
    page, question, steps = Page(options), derivation.question, derivation.steps
    write_question(unparse(question.tree), question.sizes, page)
    for title, lines in (("forward", _forward(steps)), ("backward", _backward(steps))):
        page.line()
        page.line(title, "dim")
        width = max(len(left) + len(line.formula) for left, line in lines)
        for left, line in lines:
            gap = " " * (width - len(left) - len(line.formula) + 2)
            page.formula(left, line.formula, gap + (shape_text(line.sizes) if line.sizes else "number"))
            if line.numbers is not None:
                page.sentence(f"= {_numbers(line.numbers, options)}", indent=4, hanging=2)
    page.line()
    write_formulas(derivation.formulas, page)
    page.sentence(_conclusion(steps, has_letters=bool(question.letters)))
    return page.text()


def _forward(steps: ArraySteps) -> list[tuple[str, ArrayStep]]:
    return [(line.name, line) for line in steps.forward]


def _backward(steps: ArraySteps) -> list[tuple[str, ArrayStep]]:
    return [(f"∂f/∂{line.name}", line) for line in steps.backward]


def _numbers(numbers: Array[Real], options: RenderOptions) -> str:
    """The entries of an array, cut to a few digits."""
    digits = options.digits or _DIGITS
    texts = numbers.map(lambda number: exact(decimal(number), digits))
    return input_text(str(texts.tolist()).replace("'", ""), full=options.full)


def _conclusion(steps: ArraySteps, *, has_letters: bool) -> str:
    """Whether the lines lead to the derivatives."""
    kinds = set(steps.confirmed.values())
    if None in kinds:
        names = ", ".join(name for name, evidence in steps.confirmed.items() if evidence is None)
        return f"not confirmed: that the lines lead to the derivative by {names}"
    if kinds == {Evidence.ALL_SIZES}:
        where = "for all sizes" if has_letters else "for all values"
    else:
        where = "at random points of random shapes"
    elsewhere = "; not at the point itself, where no derivative is known" if steps.holds is False else ""
    return f"checked: the lines lead to the derivative, {where}{elsewhere}"


def _rows(derivation: ArrayDerivation) -> Iterator[Sequence[object]]:
    for direction, lines in (("forward", _forward(derivation.steps)), ("backward", _backward(derivation.steps))):
        for left, line in lines:
            numbers = None if line.numbers is None else str(_decimals(line.numbers)).replace("'", "")
            yield direction, left, line.formula, ",".join(line.sizes), numbers
    yield "derivative", _conclusion(derivation.steps, has_letters=bool(derivation.question.letters))


def _decimals(numbers: Array[Real]) -> object:
    return numbers.map(decimal).tolist()


def _fields(derivation: ArrayDerivation) -> Mapping[str, object]:
    steps = derivation.steps

    def line(left: str, step: ArrayStep) -> Mapping[str, object]:
        value = None if step.numbers is None else _decimals(step.numbers)
        return {"name": left, "formula": step.formula, "shape": list(step.sizes), "value": value}

    return {
        "expr": derivation.text,
        "read_as": unparse(derivation.question.tree),
        "shapes": {name: list(sizes) for name, sizes in derivation.question.sizes.items()},
        "forward": [line(*pair) for pair in _forward(steps)],
        "backward": [line(*pair) for pair in _backward(steps)],
        "confirmed": dict(steps.confirmed),
        "holds": steps.holds,
        "gradients": list(derivation.formulas),
    }


def _machine_conclusion(derivation: ArrayDerivation, options: RenderOptions) -> Mapping[str, object]:
    return {"verdict": None, "exit_code": int(derivation.exit), "versions": versions()}


FORMATS: dict[str, Format[ArrayDerivation]] = {
    "table": _table,
    **machine_formats("steps", _rows, _fields, _machine_conclusion),
}
