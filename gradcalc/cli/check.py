"""`gradcalc check`: a derivative that was found by hand, against the true one."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gradcalc.cli import LISTS, Exit, write
from gradcalc.cli.options import Quiet, Timeout
from gradcalc.cli.words import choice, names_of, seconds_of
from gradcalc.errors import CalcError

_EXITS = {"right": Exit.AGREE, "wrong": Exit.DISAGREE, "undecided": Exit.UNDECIDED}


def check(
    expr: Annotated[str, typer.Argument(metavar="EXPR", help="The expression, quoted.")],
    claim: Annotated[str, typer.Argument(metavar="CLAIM", help="Its derivative, as it was found by hand; quoted.")],
    by: Annotated[str | None, typer.Option(metavar="NAME", help="The variable. [default: the only one]")] = None,
    at: Annotated[
        list[str] | None, typer.Option(metavar="POINT", help="Where to look first: x=3, x=1/2, x=1,y=2. May be repeated.")
    ] = None,
    timeout: Timeout = "10",
    format: Annotated[str, typer.Option(metavar="NAME", help="table, plain or json.")] = "table",
    quiet: Quiet = False,
) -> Exit:
    """Check a derivative that was found by hand.

    \b
      gradcalc check "sin(x**2)" "2*x*cos(x**2)"
      gradcalc check "sin(x**2)" "cos(x**2)"
      gradcalc check "w*x + b" "x" --by w

    The claim is compared with the derivative in exact arithmetic, at the point and at others where the derivative exists,
    and by sympy as a formula. One point where they differ proves it wrong; it is shown, with the mistake that leads to just
    these numbers, if it is one that people make. Exit code: 0 right, 1 wrong, 4 undecided.

    \b
    --format plain is a line a point, with tabs between
      point, derivative, claim, same or different
    and a last line: right, wrong or undecided; the kind of mistake; the reason; sympy, if sympy finds it right.
    """
    choice(format, LISTS, "format")
    seconds = seconds_of(timeout)
    names = names_of([by]) if by else ()
    if len(names) > 1 or any("[" in name for name in names):
        raise CalcError("a claim is about the derivative by one variable", hint="write --by x")

    from gradcalc import checking
    from gradcalc.functions.resolve import understand
    from gradcalc.points import assign, read_at, sweep
    from gradcalc.syntax import names_in

    points = []
    if at:
        named, nameless = read_at(at)
        listed = names_in(understand(expr, [*named, *names]))
        points = list(sweep(assign(listed, named, nameless)))
    found = checking.check(expr, claim, by=names[0] if names else None, at=points, seconds=seconds)
    if not quiet:
        from gradcalc.render import options_for
        from gradcalc.render.checking import FORMATS

        write(FORMATS[format](found, options_for(sys.stdout)))
    return _EXITS[found.finding.outcome]
