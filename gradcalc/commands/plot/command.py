"""`gradcalc plot`: an expression and its derivative along an interval."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated

import typer

from gradcalc.commands.arguments import count_of
from gradcalc.commands.console import tell
from gradcalc.commands.options import Device, Dtype, Expression, FailOn, Format, From, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import read_expression
from gradcalc.commands.results import LISTS
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit
from gradcalc.report import Outcome

MAX_HEIGHT = 200
IMAGES = (".png", ".svg", ".pdf")


def plot(
    expr: Expression,
    at: Annotated[
        list[str],
        typer.Option(metavar="RANGE", help="Plot range, x=-3:3, and fixed values, a=2. May be repeated."),
    ],
    points: Annotated[
        str, typer.Option(metavar="N", help="Number of points at which autograd is evaluated, 2 to 1000.")
    ] = "21",
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
    height: Annotated[
        str | None, typer.Option(metavar="LINES", help="Height of the drawing. [default: the terminal]")
    ] = None,
    fail_on: FailOn = None,
    *,
    presentation: Presentation,
) -> Exit:
    """Draw an expression and its derivative.

    \b
      gradcalc plot "sin(x)*exp(-x/3)" --at x=0:10
      gradcalc plot "relu(x) + abs(x - 1)" --at x=-2:2
      gradcalc plot "a*sqrt(x)" --at x=-1:4 --at a=2 --output curve.svg

    The expression is drawn above its derivative. The line joins 321 points at which it is exact; the dots are autograd's
    numbers, each marked by its verdict, nan and infinities at the place of the exact number. Kinks, jumps, poles and
    boundaries of the domain are marked, as are intervals without a value; undersampled curves are flagged. --timeout limits
    the whole plot: it shows what was computed until then, and says what was not. Images need matplotlib:
    pip install matplotlib.

    The exit code is that of the worst verdict. It is 0 once an image is written, unless --fail-on names one of its verdicts.

    \b
    --format plain has lines with tabs between
      point, x, value, derivative, autograd, verdict
      mark, x, kind, slope on the left, slope on the right
      gap, from, to
      unseen, from, to: where marks were not searched for
      undersampled: if the curve changes faster than it is sampled
      missing, what the time limit left out
    """
    if height is not None:
        presentation.height = count_of(height, "the height", MAX_HEIGHT, least=8)
    settings = Settings.read(
        LISTS, format, timeout, presentation, device=device, dtype=dtype, fail_on=fail_on, notation=notation
    )
    from gradcalc.commands.plot.ranges import MAX_POINTS, read_range

    count = count_of(points, "the number of points", MAX_POINTS, least=2)
    if output is not None and PurePath(output).suffix.lower() not in IMAGES:
        ending = PurePath(output).suffix or PurePath(output).name
        raise CalcError(f"unsupported image format '{ending}'", hint="use .png, .svg or .pdf")
    curve = read_range(*read_expression(expr, at, settings))
    from gradcalc.commands.plot.curve import plot
    from gradcalc.commands.plot.render import FORMATS

    result = plot(*curve, points=count, seconds=settings.seconds)
    outcome = Outcome(settings.fail_on)
    if output is None:
        settings.write(FORMATS, result)
        outcome.add(result.verdicts)
        return outcome.exit
    from gradcalc.commands.plot.image import image

    image(result, output)
    tell(f"wrote {output}")
    if settings.fail_on:
        outcome.add(result.verdicts)
    return outcome.exit
