"""`gradcalc trace`, `accumulate` and `tracking`: what autograd does, to be watched."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradcalc.commands.arguments import choice, count_of, seconds_of
from gradcalc.commands.console import LISTS, write
from gradcalc.commands.options import Device, Dtype, Quiet, Timeout
from gradcalc.commands.request import one_point, request
from gradcalc.errors import Exit
from gradcalc.report import Report

if TYPE_CHECKING:
    from gradcalc.inputs.query import Question

Expression = Annotated[str, typer.Argument(metavar="EXPR", help="The expression, quoted; - reads it from stdin.")]
At = Annotated[
    list[str] | None, typer.Option(metavar="POINT", help="Where: x=3, x=1/2, x=1,y=2, x=[1,2,3]. May be repeated.")
]
Format = Annotated[str, typer.Option(metavar="NAME", help="table, plain or json.")]
GRAPHS = (*LISTS, "dot", "mermaid", "svg")


def trace(
    expr: Expression,
    at: At = None,
    device: Device = "cpu",
    dtype: Dtype = None,
    timeout: Timeout = "10",
    format: Annotated[str, typer.Option(metavar="NAME", help="table, plain, json, dot, mermaid or svg.")] = "table",
    quiet: Quiet = False,
) -> Exit:
    """Show the graph of an expression with its chain rule.

    \b
      gradcalc trace "sin(x**2)" --at 3
      gradcalc trace "x*sin(x*y)" --at x=2,y=3
      gradcalc trace "sum((A@x - 1)**2)" --at "A=[[1,2],[3,4]]" --at "x=[1,2]"
      gradcalc trace "sin(x**2)" --at 3 --format svg > graph.svg

    A line an operation: torch's name of its backward step, its value, the local derivative, and the adjoint, which is the
    derivative of the result by it: the product along the path, summed over all paths. The first number that is not finite
    is named, with the operation that made it. The exit code is that of the verdict on the gradient, as for gradcalc diff.

    \b
    --format plain is a line an operation, with tabs between
      number, expression, grad_fn, value, adjoint, and of each argument its number and the local derivative
    """
    choice(format, GRAPHS, "format")
    from gradcalc.commands.demos import demos

    found = demos.trace(_problem(expr, at, device, dtype), seconds=seconds_of(timeout))
    from gradcalc.commands.demos import graph_formats
    from gradcalc.commands.demos import render as render

    tables = {"table": render.trace_table, "plain": render.trace_plain, "json": render.trace_json}
    return _told({**tables, **graph_formats.FORMATS}, format, found, quiet)


def accumulate(
    expr: Expression,
    at: At = None,
    passes: Annotated[str, typer.Option(metavar="N", help="How many passes, forward and backward.")] = "3",
    zero: Annotated[bool, typer.Option("--zero", help="Only with clearing between the passes.")] = False,
    device: Device = "cpu",
    dtype: Dtype = None,
    timeout: Timeout = "10",
    format: Format = "table",
    quiet: Quiet = False,
) -> Exit:
    """Show how .grad grows when nobody clears it.

    \b
      gradcalc accumulate "w*x + b" --at w=2,x=3,b=1
      gradcalc accumulate "mean((x@w - 1)**2)" --at "x=[[1,2],[3,4]]" --at "w=[1,1]" --passes 5

    A row a pass: .grad after backward(), without clearing and with grad.zero_() or zero_grad() before each pass, beside
    the proven derivative.

    \b
    --format plain is a line a variable and way to clear, with tabs between
      variable, how it is cleared, .grad after each pass
    """
    choice(format, LISTS, "format")
    from gradcalc.commands.demos import demos

    count = count_of(passes, "the number of passes", demos.MAX_PASSES)
    problem = _problem(expr, at, device, dtype)
    found = demos.accumulate(problem, passes=count, clear=zero, seconds=seconds_of(timeout))
    from gradcalc.commands.demos import render as render

    tables = {"table": render.accumulation_table, "plain": render.accumulation_plain, "json": render.accumulation_json}
    return _told(tables, format, found, quiet)


def tracking(
    expr: Expression,
    at: At = None,
    device: Device = "cpu",
    dtype: Dtype = None,
    timeout: Timeout = "10",
    format: Format = "table",
    quiet: Quiet = False,
) -> Exit:
    """Show what backward() does with tracking on and off.

    \b
      gradcalc tracking "x*2" --at "x=[1,2,3]"
      gradcalc tracking "x**2" --at 3

    The ways are requires_grad_(False), detach(), no_grad() and inference_mode(), each of them run: requires_grad, grad_fn
    and is_leaf of the result, and the gradients, or torch's own error. The exit code is 0.

    \b
    --format plain is a line a way, with tabs between
      way, requires_grad, grad_fn, is_leaf, is_inference, gradients, error
    """
    choice(format, LISTS, "format")
    from gradcalc.commands.demos import demos

    found = demos.tracking(_problem(expr, at, device, dtype), seconds=seconds_of(timeout))
    from gradcalc.commands.demos import render as render

    tables = {"table": render.tracking_table, "plain": render.tracking_plain, "json": render.tracking_json}
    _told(tables, format, found, quiet)
    return Exit.AGREE


def _problem(expr: str, at: list[str] | None, device: str, dtype: str | None) -> Question:
    """The question of a command that looks at one point."""
    return one_point(*request(expr, at or [], [], "1", device, dtype, None))


def _told(formats: Mapping[str, Any], format: str, found: Any, quiet: bool) -> Exit:
    from gradcalc.output.options import options_for

    report: Report = found.report
    if not quiet:
        write(formats[format](found, options_for(sys.stdout)))
    return report.exit
