"""`gradcalc diff`: the derivative of one expression, at no point, at one, or at the points of a grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from gradcalc.commands.arguments import count_of
from gradcalc.commands.options import Device, Dtype, Expression, FailOn, From, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import request, with_product
from gradcalc.commands.results import show
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit
from gradcalc.inputs.limits import ALL_PROVEN, PART, PROOFS
from gradcalc.output.formats import FORMATS
from gradcalc.report import Report

At = Annotated[
    list[str] | None,
    typer.Option(
        metavar="POINT",
        help="Where: x=3, x=1/2, x=pi/2, x=1,y=2; 3 or '0, -1' in order of appearance; x=0:1:11 for 11 points from "
        "0 to 1. May be repeated. Without it there are formulas only.",
    ),
]
By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        "--wrt",
        metavar="NAME",
        help="The variable to differentiate by: x, or x,y, or x[0]. May be repeated. [default: all]",
    ),
]
Order = Annotated[str, typer.Option(metavar="N", help="The order of the derivative, 1 to 8.")]
Points = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Many points: CSV with the names of the variables in its first line, or JSON lines; - is stdin.",
    ),
]
Proofs = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help=f"Of every {PART} points, prove N and hold the others against a rounding bound. "
        f"[default: all, of at most {ALL_PROVEN}; else {PROOFS}]",
    ),
]
Format = Annotated[
    str, typer.Option(metavar="NAME", help="table, plain, json, csv, latex or html.", envvar="GRADCALC_FORMAT")
]
Direction = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help='The derivative along a line: "x=[1,0,0]", a Jacobian-vector product.'),
]
Cotangent = Annotated[
    str | None,
    typer.Option(metavar="VALUE", help='The gradient weighted by "[1,2]": a vector-Jacobian product.'),
]


def diff(
    expr: Expression,
    at: At = None,
    by: By = None,
    order: Order = "1",
    device: Device = "cpu",
    dtype: Dtype = None,
    points: Points = None,
    proofs: Proofs = None,
    timeout: Timeout = "10",
    notation: From = "auto",
    format: Format = "table",
    direction: Direction = None,
    cotangent: Cotangent = None,
    fail_on: FailOn = None,
    *,
    presentation: Presentation,
) -> Exit:
    """Differentiate an expression, and check it at a point.

    \b
      gradcalc diff "sin(x**2)"
      gradcalc diff "sin(x**2)" --at 3
      gradcalc diff "-x**2*y" --at x=1/3 --at y=0.1 --by x --dtype float32
      gradcalc diff "relu(x)" --at x=-1:1:5 --format plain
      gradcalc diff "mean(x**2)" --at "x=[1,2,3]"
      gradcalc diff "sum((X@w - y)**2)" --at X=@x.csv --at "w=[1,2]" --at y=@y.csv --by w
      gradcalc diff "x*exp(-y)" --points points.csv --format csv > slopes.csv

    The exit code is 0 if every number agrees, 1 if one is proven wrong or is nan or inf, 3 if there is a difference that
    is explained, 4 if nothing could be proven, 2 if the request is wrong. With several points it is that of the worst.
    With --fail-on it is 1 if one of the verdicts that are named occurs, and else 0.

    \b
    --format plain is a line a partial derivative, with tabs between
      point, by, formula, value, symbolic, autograd, ulps, digits, verdict, cause
    --format json is an object a line, a line a point.
    --format csv has a header and a row a point.
    """
    settings = Settings.read(
        FORMATS, format, timeout, presentation, device=device, dtype=dtype, fail_on=fail_on, notation=notation
    )
    seconds = settings.seconds
    sample = PROOFS if proofs is None else count_of(proofs, "the number of proofs", PART)
    if format == "csv" and not (at or points):
        raise CalcError("csv is a table of points, and none are given", hint="give --at x=0:1:11, or --points FILE")
    query, where = request(expr, at or [], settings, by=by or [], order=order, file=points)
    if direction or cotangent is not None:
        query = with_product(query, direction or [], cotangent)
        if not (at or points):
            raise CalcError("a product with the Jacobian is taken at a point", hint="give --at")
    if (proofs is None or not (at or points)) and isinstance(where, Sequence) and len(where) <= ALL_PROVEN:
        from gradcalc.calculate.answer import answer, prefetch
        from gradcalc.calculate.prepared import prepare
        from gradcalc.output.formats import load

        def answers() -> Iterator[Report]:
            prepared = None
            for point in where:
                prepared = prepared.at(point) if prepared else prepare(query, point, seconds=seconds)
                prefetch(prepared)
                load(format)  # while sympy is at work
                yield answer(prepared)

        return show(answers(), settings, paged=len(where) > 1)

    from gradcalc.commands.diff.many_points import show_many

    return show_many(query, where, sample, settings)
