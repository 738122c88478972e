"""`gradcalc trace`: the graph of an expression, with its chain rule."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcalc.commands.options import At, Device, Dtype, Expression, From, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import one_point, request
from gradcalc.commands.settings import Settings
from gradcalc.errors import Exit

GRAPHS = ("table", "plain", "json", "dot", "mermaid", "svg", "html")


def trace(
    expr: Expression,
    at: At = None,
    device: Device = "cpu",
    dtype: Dtype = None,
    timeout: Timeout = "10",
    notation: From = "auto",
    format: Annotated[str, typer.Option(metavar="NAME", help="table, plain, json, dot, mermaid, svg or html.")] = "table",
    *,
    presentation: Presentation,
) -> Exit:
    """Show the graph of an expression with its chain rule.

    \b
      gradcalc trace "sin(x**2)" --at 3
      gradcalc trace "x*sin(x*y)" --at x=2,y=3
      gradcalc trace "sum((A@x - 1)**2)" --at "A=[[1,2],[3,4]]" --at "x=[1,2]"
      gradcalc trace "sin(x**2)" --at 3 --format svg > graph.svg

    One line per operation: PyTorch's name of its backward step, its value, the local derivative, and the adjoint, which is
    the derivative of the result with respect to it: the product along the path, summed over all paths. The first operation
    that produces a value that is not finite is named. The exit code is that of the verdict, as for gradcalc diff.

    \b
    --format plain prints one line per operation, separated by tabs:
      number, expression, grad_fn, value, adjoint, and for each argument its number and the local derivative
    """
    settings = Settings.read(GRAPHS, format, timeout, presentation, device=device, dtype=dtype, notation=notation)
    question = one_point(*request(expr, at or [], settings))
    from gradcalc.commands.trace.render import FORMATS
    from gradcalc.commands.trace.trace import trace

    result = trace(question, seconds=settings.seconds)
    settings.write(FORMATS, result)
    return result.report.exit
