"""`gradcalc diff`: the derivative of one expression, at no point, at one, or at the points of a grid."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Annotated

import typer
from typer.core import TyperCommand

from gradcalc.cli import Exit, show
from gradcalc.cli.options import Device, Dtype, FailOn, Quiet, Timeout
from gradcalc.cli.words import choice, count_of, device_of, names_of, order_of, seconds_of, verdicts_of
from gradcalc.errors import CalcError
from gradcalc.expression.tree import MAX_CHARACTERS
from gradcalc.inputs.points import ALL_PROVEN, PART, PROOFS
from gradcalc.report import DTYPES, Problem, Report

_OPTION = re.compile(r"--[A-Za-z][A-Za-z-]*(=|$)")


class ExpressionCommand(TyperCommand):
    """A command whose arguments are expressions, which may start with a minus.

    The command has no short options but `-h`, so whatever else starts with one minus is an expression; it is moved
    behind the `--` that ends the options.  What looks like a long option and is none is a mistake, never an expression.
    """

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Read the arguments.  Raises `CalcError` for an expression too many, and options unknown or without value."""
        known = [parameter for parameter in self.params if parameter.param_type_name == "option"]
        names = [*(name for option in known for name in option.opts), *ctx.help_option_names]
        with_value = [name for option in known if not getattr(option, "is_flag", False) for name in option.opts]
        options: list[str] = []
        expressions: list[str] = []
        rest = iter(args)
        for arg in rest:
            if arg == "--":
                expressions += rest
            elif arg in with_value:
                value = next(rest, None)
                if value is None:
                    raise CalcError(f"{arg} needs a value", hint=f"{ctx.command_path} --help shows the usage")
                options += [arg, value]
            elif arg in names or arg.partition("=")[0] in with_value:
                options.append(arg)
            elif _OPTION.match(arg):
                raise _unknown_option(arg.partition("=")[0], names)
            else:
                expressions.append(arg)
        wanted = len(self.params) - len(known)
        if len(expressions) > wanted:
            raise _one_too_many(expressions, wanted, names)
        return super().parse_args(ctx, [*options, "--", *expressions])


def _unknown_option(name: str, options: Sequence[str]) -> CalcError:
    if name in options:
        return CalcError(f"{name} takes no value")
    close = get_close_matches(name, options, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(options)}"
    return CalcError(f"no such option {name}", hint=hint)


def _one_too_many(expressions: Sequence[str], wanted: int, options: Sequence[str]) -> CalcError:
    for text in expressions:
        close = get_close_matches(f"-{text.partition('=')[0]}", options, n=1) if text.startswith("-") else []
        if close:
            return CalcError(f"unexpected argument {text}", hint=f"did you mean {close[0]}?")
    return CalcError(f"unexpected argument {expressions[wanted]}", hint='an expression is one argument: quote it, "x ** 2"')


def diff(
    expr: Annotated[str, typer.Argument(metavar="EXPR", help="The expression, quoted; - reads it from stdin.")],
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POINT",
            help="Where: x=3, x=1/2, x=pi/2, x=1,y=2; 3 or '0, -1' in order of appearance; x=0:1:11 for 11 points from "
            "0 to 1. May be repeated. Without it there are formulas only.",
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="The variable to differentiate by: x, or x,y, or x[0]. May be repeated. [default: all]",
        ),
    ] = None,
    order: Annotated[str, typer.Option(metavar="N", help="The order of the derivative, 1 to 8.")] = "1",
    device: Device = "cpu",
    dtype: Dtype = None,
    points: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Many points: CSV with the names of the variables in its first line, or JSON lines; - is stdin.",
        ),
    ] = None,
    proofs: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help=f"Of every {PART} points, prove N and hold the others against a rounding bound. "
            f"[default: all, of at most {ALL_PROVEN}; else {PROOFS}]",
        ),
    ] = None,
    timeout: Timeout = "10",
    format: Annotated[
        str, typer.Option(metavar="NAME", help="table, plain, json, csv or latex.", envvar="GRADCALC_FORMAT")
    ] = "table",
    direction: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help='The derivative along a line: "x=[1,0,0]", a Jacobian-vector product.'),
    ] = None,
    cotangent: Annotated[
        str | None,
        typer.Option(metavar="VALUE", help='The gradient weighted by "[1,2]": a vector-Jacobian product.'),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Show every entry of an array; else long ones are cut.")] = False,
    fail_on: FailOn = None,
    quiet: Quiet = False,
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
    from gradcalc.render import FORMATS

    choice(format, tuple(FORMATS), "format")
    seconds, failing = seconds_of(timeout), verdicts_of(fail_on or [])
    sample = PROOFS if proofs is None else count_of(proofs, "the number of proofs", PART)
    if format == "csv" and not (at or points):
        raise CalcError("csv is a table of points, and none are given", hint="give --at x=0:1:11, or --points FILE")
    problem, where = request(expr, at or [], by or [], order, device, dtype, points)
    if direction or cotangent is not None:
        problem = replace(problem, direction=_directions(direction or []), cotangent=cotangent)
        if not (at or points):
            raise CalcError("a product with the Jacobian is taken at a point", hint="give --at")
    if (proofs is None or not (at or points)) and isinstance(where, Sequence) and len(where) <= ALL_PROVEN:
        from gradcalc import calculate
        from gradcalc.render import load

        def answers() -> Iterator[Report]:
            for point in where:
                prepared = calculate.prepare(replace(problem, at=point), seconds=seconds)
                calculate.foresee(prepared)
                load(format)  # while sympy is at work
                yield calculate.answer(prepared)

        return show(answers(), format, full=full, quiet=quiet, fail_on=failing)

    from gradcalc.cli import crowd

    return crowd.show_many(problem, where, sample, seconds, format, quiet=quiet, fail_on=failing)


def request(
    expr: str, at: Sequence[str], by: Sequence[str], order: str, device: str, dtype: str | None, file: str | None
) -> tuple[Problem, Iterable[Mapping[str, str]]]:
    """The question without its point, and its points: a sequence where their number is known.

    A request that is wrong is told before sympy and torch are loaded.
    """
    from gradcalc.expression.tree import names_in
    from gradcalc.functions.resolve import understand
    from gradcalc.inputs.array_files import value_or_file
    from gradcalc.inputs.points import assign, read_at, sweep

    if expr == file == "-":
        raise CalcError("stdin is either the expression or the points")
    text = expression_from_stdin() if expr == "-" else expr
    wanted = names_of(by)
    named, nameless = read_at(at)
    named = {name: value_or_file(value) for name, value in named.items()}
    tree = understand(text, {*named, *(name.partition("[")[0].strip() for name in wanted)})
    problem = Problem(
        text,
        by=wanted,
        order=order_of(order),
        device=device_of(device),
        dtype=dtype if dtype is None else choice(dtype, DTYPES, "dtype"),
    )
    names = names_in(tree)
    if file is not None:
        from gradcalc.cli import crowd

        return problem, crowd.points_of(file, names, assign([name for name in names if name in named], named, nameless))
    return problem, sweep(assign(names, named, nameless, text)) if at else [{}]


def one_point(problem: Problem, points: Iterable[Mapping[str, str]]) -> Problem:
    """A question at its only point.  Raises `CalcError` if there are several."""
    found = list(points)
    if len(found) > 1:
        raise CalcError(f"this is done at one point, and {len(found)} are given", hint="give one, such as --at x=3")
    return replace(problem, at=found[0])


def _directions(texts: Sequence[str]) -> dict[str, str]:
    from gradcalc.inputs.points import read_at

    named, nameless = read_at(texts)
    if nameless:
        raise CalcError(f"{nameless[0]} is the direction of nothing", hint='write --direction "x=[1,0]"')
    return named


def expression_from_stdin() -> str:
    """The expression on stdin, which may have several lines.  Raises `CalcError` where there is none to read."""
    if sys.stdin is None:
        raise CalcError("cannot read the expression: stdin is closed")
    try:
        return sys.stdin.buffer.read(4 * MAX_CHARACTERS + 1).decode().strip()
    except UnicodeDecodeError:
        raise CalcError("the expression on stdin is not UTF-8 text") from None
