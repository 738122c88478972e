"""`gradcalc steps`: the derivation of an expression, rule by rule, and handouts of several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from gradcalc.commands.options import Assume, Device, Dtype, From, NoProof, NoSolutions, Standalone, Timeout, Title
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import expression_from_stdin, is_piped, one_point, request
from gradcalc.commands.results import LISTS
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit

if TYPE_CHECKING:
    from gradcalc.commands.steps.exercise_files import ExerciseRow
    from gradcalc.commands.steps.handout import Exercise
    from gradcalc.inputs.query import Question

FORMATS = (*LISTS, "latex", "markdown", "html")

Expressions = Annotated[
    list[str] | None,
    typer.Argument(metavar="EXPR...", help="The expression, quoted, or several; - reads one from stdin."),
]
By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        "--wrt",
        metavar="NAME",
        help="The variable to differentiate with respect to: x, or x,y, or x[0]. May be repeated. [default: all]",
    ),
]
At = Annotated[
    list[str] | None,
    typer.Option(metavar="POINT", help="Point at which every line has its value: x=3, x=1/2, x=1,y=2. May be repeated."),
]
Shape = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=SIZES",
        help="Shape of an array, without values: A=m,n or x=n. Shows the reverse pass on arrays. May be repeated.",
    ),
]
File = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Exercises: one expression per line, or a table: id, expr, by, at."),
]
Format = Annotated[str, typer.Option(metavar="NAME", help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")]


def steps(
    expr: Expressions = None,
    by: By = None,
    at: At = None,
    shape: Shape = None,
    assume: Assume = None,
    file: File = None,
    title: Title = None,
    no_solutions: NoSolutions = False,
    no_proof: NoProof = False,
    standalone: Standalone = False,
    device: Device = "cpu",
    dtype: Dtype = None,
    timeout: Timeout = "10",
    notation: From = "auto",
    format: Format = "table",
    *,
    presentation: Presentation,
) -> Exit:
    """Show a derivative step by step, rule by rule.

    \b
      gradcalc steps "sin(x**2)"
      gradcalc steps "x*exp(-x**2/2)" --at 1
      gradcalc steps "(sigmoid(w*x + b) - y)**2" --by w --at w=2,x=3,b=1,y=0
      gradcalc steps "x**x" "x*sin(x)" --title "Products" --format html -o handout.html
      gradcalc steps "sum((A@x - b)**2)" --shape A=m,n --shape x=n --shape b=m --by x
      gradcalc steps --file exercises.txt --no-solutions --format latex --standalone

    Each sub-expression is followed by the rule applied, the derivatives it needs, and the result; nothing is simplified, so
    every line visibly follows from the lines above. The result is compared with the derivative in exact arithmetic, and
    stands beside SymPy's formula and autograd's value. At a point where there is no derivative, or a rule does not hold, the
    lines have no values. The exit code is that of the verdict at
    the point, as for gradcalc diff, of several expressions the worst; 1 if the steps do not lead to the derivative.

    With --shape the reverse pass on arrays is shown line by line, with the shapes: intermediate results forward, then the
    adjoint of each backward. What the lines lead to is compared with the derivative, for all sizes. Of several expressions,
    each has the shapes of its own variables; those without are differentiated rule by rule. At a point with arrays the lines
    have values, and autograd's gradients stand beside; entries, --by "w[0]", are differentiated rule by rule.

    Several expressions make a handout: --no-solutions is the sheet of exercises, --no-proof leaves out what the engines say,
    --digits sets the digits of values. --format latex needs amsmath, --standalone makes it compile by itself; --format html
    is one page without scripts that needs no network.

    \b
    --format plain is one line per step, with tabs between
      variable, depth, part, rule, law, what its letters are, derivative, value
    Of arrays: forward, backward or autograd, name, formula, sizes, value, verdict of autograd.
    """
    settings = Settings.read(FORMATS, format, timeout, presentation, device=device, dtype=dtype, notation=notation)
    if not expr and file is None and is_piped():
        expr = ["-"]
    if bool(expr) == (file is not None):
        what = "--file has its own expressions" if expr else "missing EXPR"
        raise CalcError(what, hint="gradcalc steps EXPR, or gradcalc steps --file exercises.txt")
    if no_solutions and format in ("plain", "json"):
        raise CalcError("--no-solutions is for handouts", hint="choose from table, markdown, latex, html")
    if standalone and format != "latex":
        raise CalcError("--standalone is for LaTeX", hint="write --format latex --standalone")
    if assume and not shape:
        raise CalcError("--assume is for arrays without values", hint="give their shapes: --shape A=m,n")
    if shape and at:
        raise CalcError("--shape is for expressions without values", hint="give either --shape or a point")
    from gradcalc.commands.row_files import read_text
    from gradcalc.commands.steps.exercise_files import ExerciseRow, exercises_of
    from gradcalc.commands.steps.handout import FORMATS as RENDERERS
    from gradcalc.commands.steps.handout import Handout

    rows = (
        [ExerciseRow(0, None, _text(each)) for each in expr or []]
        if file is None
        else list(exercises_of(read_text(file), file))
    )
    own_shapes = _shapes_of(rows, shape or [], settings, is_single=file is None and len(rows) == 1)
    exercises = [
        _exercise(row, shapes, row.by or by or [], row.at or at or [], assume or [], settings)
        for row, shapes in zip(rows, own_shapes, strict=True)
    ]
    handout = Handout(exercises, title, solutions=not no_solutions, proof=not no_proof, standalone=standalone)
    settings.write(RENDERERS, handout)
    return _worst(exercise.exit for exercise in exercises)


def _text(expr: str) -> str:
    return expression_from_stdin() if expr == "-" else expr


@contextmanager
def _line_of(row: ExerciseRow) -> Iterator[None]:
    """Errors have the number of a row's line."""
    try:
        yield
    except CalcError as error:
        error.message = f"line {row.line}: {error.message}" if row.line else error.message
        raise


def _shapes_of(
    rows: Sequence[ExerciseRow], shapes: Sequence[str], settings: Settings, *, is_single: bool
) -> Sequence[Sequence[str]]:
    """The shapes for each exercise: a single one has all of them, others those of its variables."""
    if is_single or not shapes:
        return [shapes] * len(rows)
    from gradcalc.commands.steps.array_steps import shapes_in

    own = []
    for row in rows:
        with _line_of(row):
            own.append(shapes_in(row.expr, shapes, settings.notation))
    for text in shapes:
        if not any(text in texts for texts in own):
            raise CalcError(f"{text.partition('=')[0].strip()} has a shape, and is in no expression")
    return own


def _exercise(
    row: ExerciseRow,
    shapes: Sequence[str],
    by: Sequence[str],
    at: Sequence[str],
    assumptions: Sequence[str],
    settings: Settings,
) -> Exercise:
    """The derivations of a row: on arrays where it has shapes and no point, or a point with arrays."""
    with _line_of(row):
        if not shapes or at:
            return _exercise_at(row.name, one_point(*request(row.expr, at, settings, by=by)), settings)
        from gradcalc.commands.steps.array_render import ArrayExercise
        from gradcalc.commands.steps.array_steps import array_derivation

        return ArrayExercise(array_derivation(row.expr, shapes, by, assumptions, settings), row.name)


def _exercise_at(name: str | None, question: Question, settings: Settings) -> Exercise:
    """The derivations of an expression, at its point if it has one: on arrays where there are some."""
    from gradcalc.commands.steps.render import RuleExercise
    from gradcalc.commands.steps.steps import stepwise
    from gradcalc.functions.shapes import has_shapes

    if any(question.point.shapes.values()) or (not question.point.values and has_shapes(question.query.expression)):
        from gradcalc.commands.steps.array_render import ArrayExercise
        from gradcalc.commands.steps.array_steps import array_derivation_at, inferred_derivation

        derive = array_derivation_at if question.point.values else inferred_derivation
        if (derivation := derive(*question, settings.seconds)) is not None:
            return ArrayExercise(derivation, name)
    return RuleExercise(stepwise(question, seconds=settings.seconds), name)


def _worst(exits: Iterable[Exit]) -> Exit:
    """The exit code of several: wrong before undecided before explained."""
    codes = set(exits)
    order = (Exit.DISAGREE, Exit.UNDECIDED, Exit.EXPLAINED)
    return next((code for code in order if code in codes), Exit.AGREE)
