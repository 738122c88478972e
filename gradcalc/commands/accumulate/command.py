"""`gradcalc accumulate`: `.grad` over several backward passes."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcalc.commands.arguments import count_of
from gradcalc.commands.options import At, Device, Dtype, Expression, Format, From, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import one_point, request
from gradcalc.commands.results import LISTS
from gradcalc.commands.settings import Settings
from gradcalc.errors import Exit


def accumulate(
    expr: Expression,
    at: At = None,
    passes: Annotated[str, typer.Option(metavar="N", help="Number of forward and backward passes.")] = "3",
    zero: Annotated[bool, typer.Option("--zero", help="Show only the variants that clear gradients.")] = False,
    device: Device = "cpu",
    dtype: Dtype = None,
    timeout: Timeout = "10",
    notation: From = "auto",
    format: Format = "table",
    *,
    presentation: Presentation,
) -> Exit:
    """Show how .grad accumulates across backward() calls.

    \b
      gradcalc accumulate "w*x + b" --at w=2,x=3,b=1
      gradcalc accumulate "mean((x@w - 1)**2)" --at "x=[[1,2],[3,4]]" --at "w=[1,1]" --passes 5

    One row per pass: .grad after backward(), without clearing and with grad.zero_() or zero_grad() before each pass,
    beside the proven derivative.

    \b
    --format plain prints one line per variable and way to clear, separated by tabs:
      variable, how it is cleared, .grad after each pass
    """
    settings = Settings.read(LISTS, format, timeout, presentation, device=device, dtype=dtype, notation=notation)
    from gradcalc.commands.accumulate.accumulation import MAX_PASSES, accumulate
    from gradcalc.commands.accumulate.render import FORMATS

    count = count_of(passes, "the number of passes", MAX_PASSES)
    question = one_point(*request(expr, at or [], settings))
    result = accumulate(question, passes=count, clear=zero, seconds=settings.seconds)
    settings.write(FORMATS, result)
    return result.report.exit
