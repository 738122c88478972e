"""`gradcalc steps`: the derivation of an expression, rule by rule, and handouts of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gradcalc.commands.options import Assume, Device, Dtype, From, NoProof, NoSolutions, Standalone, Timeout, Title
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import is_piped, one_point, request
from gradcalc.commands.results import LISTS
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit

if TYPE_CHECKING:
    from gradcalc.commands.steps.exercise_files import ExerciseRow
    from gradcalc.commands.steps.handout import Exercise

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
    adjoint of each backward. What the lines lead to is compared with the derivative, for all sizes. At a point they have
    values; entries, --by "w[0]", are differentiated rule by rule.

    Several expressions make a handout: --no-solutions is the sheet of exercises, --no-proof leaves out what the engines say,
    --digits sets the digits of values. --format latex needs amsmath, --standalone makes it compile by itself; --format html
    is one page without scripts that needs no network.

    \b
    --format plain is one line per step, with tabs between
      variable, depth, part, rule, law, what its letters are, derivative, value
    With --shape: forward or backward, name, formula, sizes.
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
    if shape or assume:
        return _arrays(expr or [], by or [], at or [], shape or [], assume or [], settings)
    if expr and len(expr) == 1 and at and (shown := _arrays_at(expr[0], by or [], at, settings)) is not None:
        return shown
    from gradcalc.commands.row_files import read_text
    from gradcalc.commands.steps.exercise_files import ExerciseRow, exercises_of
    from gradcalc.commands.steps.handout import Handout
    from gradcalc.commands.steps.render import FORMATS as RENDERERS

    rows = [ExerciseRow(0, None, text) for text in expr or []] if file is None else list(exercises_of(read_text(file), file))
    exercises = [_exercise(row, by or [], at or [], settings) for row in rows]
    handout = Handout(exercises, title, solutions=not no_solutions, proof=not no_proof, standalone=standalone)
    settings.write(RENDERERS, handout)
    return _worst(exercise.stepwise.exit for exercise in exercises)


def _arrays(
    exprs: Sequence[str],
    by: Sequence[str],
    at: Sequence[str],
    shapes: Sequence[str],
    assumptions: Sequence[str],
    settings: Settings,
) -> Exit:
    """The reverse pass on arrays without values."""
    from gradcalc.commands.steps.array_steps import FORMATS_OF_ARRAYS, show_array_steps

    if at or len(exprs) != 1:
        raise CalcError("--shape is for one expression without values", hint="give either --shape or a point")
    if settings.format not in FORMATS_OF_ARRAYS:
        raise CalcError(
            f"the format {settings.format} is not for arrays", hint=f"choose from {', '.join(FORMATS_OF_ARRAYS)}"
        )
    return show_array_steps(exprs[0], shapes, by, assumptions, settings)


def _arrays_at(expr: str, by: Sequence[str], at: Sequence[str], settings: Settings) -> Exit | None:
    """The reverse pass on arrays at a point; None where there are no arrays, or no lines for them."""
    from gradcalc.commands.steps.array_steps import FORMATS_OF_ARRAYS, show_array_steps_at

    has_arrays = any(sign in text for text in at for sign in "[@")
    if expr == "-" or not has_arrays or settings.format not in FORMATS_OF_ARRAYS:
        return None
    return show_array_steps_at(*one_point(*request(expr, at, settings, by=by)), settings)


def _exercise(row: ExerciseRow, by: Sequence[str], at: Sequence[str], settings: Settings) -> Exercise:
    """The derivations of a row; errors have the number of its line."""
    from gradcalc.commands.steps.handout import Exercise
    from gradcalc.commands.steps.steps import stepwise

    try:
        question = one_point(*request(row.expr, row.at or at, settings, by=row.by or by))
        return Exercise(stepwise(question, seconds=settings.seconds), row.name)
    except CalcError as error:
        error.message = f"line {row.line}: {error.message}" if row.line else error.message
        raise


def _worst(exits: Iterable[Exit]) -> Exit:
    """The exit code of several: wrong before undecided before explained."""
    codes = set(exits)
    order = (Exit.DISAGREE, Exit.UNDECIDED, Exit.EXPLAINED)
    return next((code for code in order if code in codes), Exit.AGREE)
