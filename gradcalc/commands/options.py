"""Options that several commands have, each with the environment variable that gives its default."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcalc.report import DTYPES, Notation

Expression = Annotated[str, typer.Argument(metavar="EXPR", help="The expression, quoted; - reads it from stdin.")]
At = Annotated[
    list[str] | None,
    typer.Option(metavar="POINT", help="Point at which to evaluate: x=3, x=1/2, x=1,y=2, x=[1,2,3]. May be repeated."),
]
Format = Annotated[str, typer.Option(metavar="NAME", help="table, plain or json.")]
Device = Annotated[
    str, typer.Option(metavar="NAME", help="Device for PyTorch (see gradcalc devices).", envvar="GRADCALC_DEVICE")
]
Dtype = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Floating-point type for PyTorch: {', '.join(DTYPES)}. [default: float64]",
        envvar="GRADCALC_DTYPE",
    ),
]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LIST", help="Exit with 1 for these verdicts and 0 for all others: disagree,not-finite. May be repeated."
    ),
]
From = Annotated[str, typer.Option("--from", metavar="NOTATION", help=f"Notation of the expression: {', '.join(Notation)}.")]
Timeout = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="Time limit per query, for SymPy and for the proof separately: 10, 500ms, 2s, 1m.",
        envvar="GRADCALC_TIMEOUT",
    ),
]
Title = Annotated[str | None, typer.Option(metavar="TEXT", help="The title of a handout.")]
NoSolutions = Annotated[bool, typer.Option("--no-solutions", help="Show the exercises without their solutions.")]
NoProof = Annotated[bool, typer.Option("--no-proof", help="Leave out what the engines say of the steps.")]
Standalone = Annotated[bool, typer.Option("--standalone", help="LaTeX that compiles by itself.")]
Assume = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KIND=NAME", help="With --shape, what may be assumed: symmetric=S, positive=s, stochastic=y, invertible=A."
    ),
]
