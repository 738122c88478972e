"""`gradcalc plot`: an expression and its derivative along an interval."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from gradcalc.commands.arguments import count_of
from gradcalc.commands.options import Device, Dtype, Expression, Format, From, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import read_expression
from gradcalc.commands.results import LISTS
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit
from gradcalc.report import exit_code

MAX_POINTS = 1_000
IMAGES = (".png", ".svg", ".pdf")

if TYPE_CHECKING:
    from gradcalc.inputs.query import Question


def plot(
    expr: Expression,
    at: Annotated[
        list[str],
        typer.Option(metavar="RANGE", help="From where to where: x=-3:3; and what others are: a=2. May be repeated."),
    ],
    points: Annotated[str, typer.Option(metavar="N", help="How often autograd is asked, 2 to 1000.")] = "21",
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write an image (.png, .svg, .pdf) instead of drawing in the terminal.",
        ),
    ] = None,
    device: Device = "cpu",
    dtype: Dtype = None,
    timeout: Timeout = "10",
    notation: From = "auto",
    format: Format = "table",
    *,
    presentation: Presentation,
) -> Exit:
    """Draw an expression and its derivative.

    \b
      gradcalc plot "sin(x)*exp(-x/3)" --at x=0:10
      gradcalc plot "relu(x) + abs(x - 1)" --at x=-2:2
      gradcalc plot "a*sqrt(x)" --at x=-1:4 --at a=2 --output curve.svg

    Above is the expression, below its derivative: the line joins 321 places where it is exact; the dots are autograd's
    numbers, each with its verdict. Kinks, jumps, poles and ends of the domain are found and marked, and so are stretches
    without a value; and where the curve moves faster than it is drawn, that is said. --timeout is for all of it: what was
    found until then is drawn, and what was not is said. Images are drawn by matplotlib:
    pip install 'gradcalc[plot]'. The exit code is that of the worst verdict.

    \b
    --format plain has lines with tabs between
      point, x, value, derivative, autograd, verdict
      mark, x, kind, slope on the left, slope on the right
      gap, from, to
      unseen, from, to: where there was too much to look at
      undersampled: if the curve moves faster than it is drawn
      missing, what there was no time for
    """
    settings = Settings.read(LISTS, format, timeout, presentation, device=device, dtype=dtype, notation=notation)
    count = count_of(points, "the number of points", MAX_POINTS, least=2)
    if output is not None and PurePath(output).suffix.lower() not in IMAGES:
        raise CalcError(f"{output} does not say which kind of image", hint=f"its name ends in {', '.join(IMAGES)}")
    question, name, start, stop = _request(expr, at, settings)
    from gradcalc.commands.plot.curve import plot
    from gradcalc.commands.plot.render import FORMATS, image

    result = plot(question, name, start, stop, points=count, seconds=settings.seconds)
    if output is None:
        settings.write(FORMATS, result)
    else:
        image(result, output)
    return exit_code(result.verdict)


def _request(expr: str, at: list[str], settings: Settings) -> tuple[Question, str, str, str]:
    """The question without the variable on the axis, that variable, and the ends of its interval."""
    from gradcalc.expression.tree import names_in
    from gradcalc.inputs.points import assign
    from gradcalc.inputs.query import Question
    from gradcalc.inputs.values import read_point

    query, named, nameless = read_expression(expr, at, settings)
    values = assign(names_in(query.expression), named, nameless, query.text)
    ranges = [name for name, value in values.items() if ":" in value and "[" not in value]
    if len(ranges) != 1:
        what = "no variable has a range" if not ranges else f"{' and '.join(ranges)} have ranges, and one variable moves"
        raise CalcError(what, hint="write --at x=-3:3")
    (name,) = ranges
    start, colon, stop = values.pop(name).partition(":")
    if not colon or ":" in stop:
        raise CalcError(f"a range is from where to where, such as {name}=-3:3", hint="--points says how many")
    return Question(query, read_point(values)), name, start.strip(), stop.strip()
