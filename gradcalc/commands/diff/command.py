"""`gradcalc diff`: the derivative of one expression, at no point, at one, or at the points of a grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from gradcalc.commands.arguments import choice, count_of, order_of
from gradcalc.commands.options import Assume, Device, Dtype, Expression, FailOn, From, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import request, with_product
from gradcalc.commands.results import show
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit
from gradcalc.inputs.limits import ALL_PROVEN, PART, PROOFS
from gradcalc.output.formats import FORMATS, FORMULA_FORMATS
from gradcalc.report import Report

if TYPE_CHECKING:
    from gradcalc.inputs.query import Query
    from gradcalc.inputs.values import Point

At = Annotated[
    list[str] | None,
    typer.Option(
        metavar="POINT",
        help="Point at which to evaluate: x=3, x=1/2, x=pi/2, x=1,y=2; 3 or '0, -1' in order of appearance; x=0:1:11 for "
        "11 points from 0 to 1. May be repeated. If omitted, only formulas are shown.",
    ),
]
By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        "--wrt",
        metavar="NAME",
        help="Variable to differentiate with respect to: x, or x,y, or x[0]. May be repeated. [default: all]",
    ),
]
Order = Annotated[str, typer.Option(metavar="N", help="Order of the derivative, 1 to 8.")]
Points = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="File of points: CSV with the variables' names in the first line, or JSON Lines; - is stdin.",
    ),
]
Proofs = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help=f"Prove N of every {PART:,} points; check the rest against an error bound. "
        f"[default: all of up to {ALL_PROVEN:,} points, else {PROOFS}]",
    ),
]
Format = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="table, plain, json, csv, latex or html; with --shape also python, torch or jax.",
        envvar="GRADCALC_FORMAT",
    ),
]
Direction = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE", help='Direction of a Jacobian-vector product: "x=[1,0,0]"; without values a name, x=v.'
    ),
]
Entries = Annotated[
    bool,
    typer.Option("--entries", help="Derive a formula for every entry of large arrays; without values one, with letters."),
]
Shape = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=SIZES",
        help="Shape of an array, without values: A=m,n or x=n or v=3; equal letters are equal sizes. May be repeated; what "
        "follows from the expression may be left out. Shows the derivatives as formulas of vectors and matrices, proven for "
        "all sizes.",
    ),
]
Cotangent = Annotated[
    str | None,
    typer.Option(metavar="VALUE", help='Weights of a vector-Jacobian product: "[1,2]"; without values a name.'),
]


class Asked(NamedTuple):
    """What is asked of an expression of arrays: variables, directions and a cotangent are as they were typed."""

    by: Sequence[str]
    order: int
    directions: Sequence[str]
    cotangent: str | None
    entries: bool


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
    entries: Entries = False,
    shape: Shape = None,
    assume: Assume = None,
    fail_on: FailOn = None,
    *,
    presentation: Presentation,
) -> Exit:
    """Differentiate an expression and verify the derivative at a point.

    \b
      gradcalc diff "sin(x**2)"
      gradcalc diff "sin(x**2)" --at 3
      gradcalc diff "-x**2*y" --at x=1/3 --at y=0.1 --by x --dtype float32
      gradcalc diff "relu(x)" --at x=-1:1:5 --format plain
      gradcalc diff "mean(x**2)" --at "x=[1,2,3]"
      gradcalc diff "sum((X@w - y)**2)" --at X=@x.csv --at "w=[1,2]" --at y=@y.csv --by w
      gradcalc diff "x*exp(-y)" --points points.csv --format csv > slopes.csv
      gradcalc diff "sum((A@x - b)**2)" --shape A=m,n --shape x=n --shape b=m

    The exit code is 0 if every value agrees, 1 if one is proven wrong or is NaN or infinite, 3 if a difference has a known
    cause, 4 if there is no proof, 2 for a usage error. For several points it is that of the worst. With --fail-on it is 1
    if one of the named verdicts occurs, else 0.

    \b
    --format plain prints one line per partial derivative, separated by tabs:
      point, by, formula, value, symbolic, autograd, ulps, digits, verdict, cause
    --format json prints one object per point, each on its own line.
    --format csv prints a header and one row per point.
    """
    settings = Settings.read(
        FORMATS if at or points else list(dict.fromkeys((*FORMATS, *FORMULA_FORMATS))), format, timeout, presentation,
        device=device, dtype=dtype, fail_on=fail_on, notation=notation, entries=entries,
    )  # fmt: skip
    asked = Asked(by or [], order_of(order), direction or [], cotangent, entries)
    if shape or assume:
        if at or points or not shape:
            raise CalcError("--shape is for formulas without values", hint="give either --shape or a point")
        return _formulas(expr, shape, assume or [], asked, settings)
    sample = None if proofs is None else count_of(proofs, "the number of proofs", PART)
    if format == "csv" and not (at or points):
        raise CalcError("--format csv needs points", hint="give --at x=0:1:11, or --points FILE")
    query, where = request(expr, at or [], settings, by=by or [], order=order, file=points)
    if not (at or points):
        if (formulas := _inferred_formulas(query, asked, settings)) is not None:
            return formulas
        choice(format, tuple(FORMATS), "format")
    query = replace(query, every_formula=entries or presentation.full)
    if direction or cotangent is not None:
        query = with_product(query, direction or [], cotangent)
        if not (at or points):
            raise CalcError("a product with the Jacobian needs a point", hint="give --at")
    if (sample is None or not (at or points)) and isinstance(where, Sequence) and len(where) <= ALL_PROVEN:
        return _all_proven(query, where, settings)
    from gradcalc.commands.diff.many_points import show_many

    return show_many(query, where, PROOFS if sample is None else sample, settings)


def _all_proven(query: Query, where: Sequence[Point], settings: Settings) -> Exit:
    """The derivatives at few points, every one of them proven."""
    from gradcalc.calculate.answer import answer, prefetch
    from gradcalc.calculate.prepared import prepare
    from gradcalc.commands.cost import tell_cost
    from gradcalc.output.formats import load

    def answers() -> Iterator[Report]:
        prepared = None
        for point in where:
            prepared = prepared.at(point) if prepared else prepare(query, point, seconds=settings.seconds)
            tell_cost(prepared, quiet=settings.quiet)
            prefetch(prepared)
            load(settings.format)  # while sympy is at work
            yield answer(prepared)

    return show(answers(), settings, paged=len(where) > 1)


def _formulas(expr: str, shapes: Sequence[str], assumptions: Sequence[str], asked: Asked, settings: Settings) -> Exit:
    """Formulas of arrays without values."""
    choice(settings.format, FORMULA_FORMATS, "format")
    from gradcalc.commands.array_questions import read_array_question
    from gradcalc.commands.diff.array_formulas import show_formulas

    return show_formulas(expr, read_array_question(expr, shapes, assumptions, settings.notation), asked, settings)


def _inferred_formulas(query: Query, asked: Asked, settings: Settings) -> Exit | None:
    """Formulas of arrays whose shapes follow from the expression; None for one of numbers, or where none fit."""
    from gradcalc.functions.shapes import has_shapes

    if not has_shapes(query.expression):
        return None
    from gradcalc.commands.array_questions import inferred_question
    from gradcalc.commands.diff.array_formulas import show_formulas

    question = inferred_question(query.text, query.expression)
    if question is None:
        return None
    choice(settings.format, FORMULA_FORMATS, "format")
    return show_formulas(query.text, question, asked, settings)
