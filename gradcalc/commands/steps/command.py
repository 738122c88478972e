"""`gradcalc steps`: the derivation of an expression, rule by rule."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcalc.commands.options import Device, Dtype, Expression, From, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import one_point, request
from gradcalc.commands.results import LISTS
from gradcalc.commands.settings import Settings
from gradcalc.errors import Exit


def steps(
    expr: Expression,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            "--wrt",
            metavar="NAME",
            help="The variable to derive by: x, or x,y, or x[0]. May be repeated. [default: all]",
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(metavar="POINT", help="Where every line has its number, too: x=3, x=1/2, x=1,y=2. May be repeated."),
    ] = None,
    device: Device = "cpu",
    dtype: Dtype = None,
    timeout: Timeout = "10",
    notation: From = "auto",
    format: Annotated[str, typer.Option(metavar="NAME", help="table, plain, json, latex or markdown.")] = "table",
    *,
    presentation: Presentation,
) -> Exit:
    """Derive an expression by hand, rule by rule.

    \b
      gradcalc steps "sin(x**2)"
      gradcalc steps "x*exp(-x**2/2)" --at 1
      gradcalc steps "(sigmoid(w*x + b) - y)**2" --by w --at w=2,x=3,b=1,y=0
      gradcalc steps "x**x" --format markdown > handout.md

    Below each part are the rule that holds for it, the parts it needs, and what comes of it; nothing is rearranged, so that
    the last line is seen to be made of those above. It is compared with the derivative in exact arithmetic, and stands
    beside sympy's formula and autograd's number. At a point where there is no derivative, or a rule does not hold, the lines
    have no numbers. Of a loss over data, each entry is a variable: --by "w[0]". The exit code
    is that of the verdict at the point, as for gradcalc diff; 1 if the steps do not lead to the derivative.

    \b
    --format plain is a line a step, with tabs between
      variable, depth, part, rule, law, what its letters are, derivative, number
    --format latex is an align* block a derivation, for amsmath, with the proof below it; --format markdown has formulas
    between dollar signs.
    """
    settings = Settings.read(
        (*LISTS, "latex", "markdown"), format, timeout, presentation, device=device, dtype=dtype, notation=notation
    )
    question = one_point(*request(expr, at or [], settings, by=by or []))
    from gradcalc.commands.steps.render import FORMATS
    from gradcalc.commands.steps.steps import stepwise

    result = stepwise(question, seconds=settings.seconds)
    settings.write(FORMATS, result)
    return result.exit
