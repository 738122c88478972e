"""`gradcalc check`: a derivative that was found by hand, against the true one; in one line or in several."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gradcalc.commands.arguments import names_of
from gradcalc.commands.console import tell_notes
from gradcalc.commands.options import Expression, Format, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import expression_from_stdin
from gradcalc.commands.results import LISTS
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit, unreadable
from gradcalc.runtime.files import read_whole

if TYPE_CHECKING:
    from gradcalc.inputs.values import Point

_MAX_BYTES = 1_000_000
"""The size of a file with a derivation."""


def check(
    expr: Expression,
    claim: Annotated[
        str | None, typer.Argument(metavar="CLAIM", help="Its derivative, as it was found by hand; quoted.")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", "--wrt", metavar="NAME", help="The variable. [default: the only one]")
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option(metavar="POINT", help="Where to look first: x=3, x=1/2, x=1,y=2. May be repeated.")
    ] = None,
    where: Annotated[
        str | None, typer.Option(metavar="CONDITION", help='Where the claim is meant, "x > 0"; elsewhere it is not checked.')
    ] = None,
    line: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help='A line of a derivation: "p = sigmoid(z)", "dL_dp = p - y". May be repeated.'),
    ] = None,
    lines: Annotated[
        str | None, typer.Option(metavar="FILE", help="A derivation in lines; # begins a comment, - is stdin.")
    ] = None,
    timeout: Timeout = "10",
    format: Format = "table",
    *,
    presentation: Presentation,
) -> Exit:
    """Check a derivative that was found by hand.

    \b
      gradcalc check "sin(x**2)" "2*x*cos(x**2)"
      gradcalc check "sin(x**2)" "cos(x**2)"
      gradcalc check "w*x + b" "x" --by w
      gradcalc check "abs(x)" "1" --where "x > 0"
      gradcalc check "(w*x - y)**2" --line "r = w*x - y" --line "dL_dr = 2*r" --line "dL_dw = dL_dr*x"
      gradcalc check "log(1 + exp(-y*(w*x + b)))" --by w --lines homework.txt

    The claim is compared with the derivative in exact arithmetic: at the point, at random points, between the breakpoints of
    expression and claim, and at them; and by sympy as a formula. One point where they differ proves it wrong; it is shown,
    with the mistake that leads to just these numbers, if it is one that people make. A claim that is right, but has no value
    at points where the derivative exists, is right in part. What rests on points alone says so. Exit code: 0 right, 1 wrong,
    3 partly, 4 undecided.

    Of a derivation in lines each is checked in turn. dA_dB = ... claims the derivative of A by B, every other line gives a
    part a name; A is a part, or under any other name the expression, B a variable or a part. A name for a number, w = 3, is
    the point where claims are compared. The first wrong line is pointed at; lines below it are not blamed for it. With --by
    there must be a line with the derivative by that variable.

    \b
    --format plain is a line a point, with tabs between
      point, derivative, claim, same or different
    and a last line: right, partly, wrong or undecided; the kind of mistake; the reason; sympy, if sympy finds it right; what
    the outcome rests on: formula, sampling or counterexample.
    Of a derivation it is a line a line, with tabs between
      number, name, what it says, given or right or partly or wrong or follows or undecided, the kind of mistake, the reason,
      what that rests on
    and a last line: right, partly, wrong or undecided; the number of the first line to blame.
    """
    settings = Settings.read(LISTS, format, timeout, presentation)
    names = names_of([by]) if by else ()
    if len(names) > 1 or any("[" in name for name in names):
        raise CalcError("a claim is about the derivative by one variable", hint="write --by x")
    variable = names[0] if names else None
    if expr == lines == "-":
        raise CalcError("stdin is either the expression or the derivation")
    expr = expression_from_stdin() if expr == "-" else expr
    texts = [*(_lines(lines) if lines else []), *(line or [])]
    if (claim is None) != bool(texts):
        what = "a claim and a derivation in lines are two questions" if texts else "there is nothing to check"
        raise CalcError(what, hint='gradcalc check EXPR CLAIM, or gradcalc check EXPR --line "dL_dx = ..."')
    points = _points(expr, at or [], names, is_open=bool(texts))
    if not settings.quiet:
        _tell_notes([expr, *([claim] if claim else [])], [*(name for point in points for name in point.values), *names])

    from gradcalc.commands.check import render
    from gradcalc.commands.check.claim import check
    from gradcalc.commands.check.claim_check import ClaimOutcome
    from gradcalc.commands.check.solution import solution

    if claim is None:
        result = solution(expr, texts, by=variable, at=points, where=where, seconds=settings.seconds)
        settings.write(render.SOLUTION_FORMATS, result)
        outcome = result.outcome
    else:
        answer = check(expr, claim, by=variable, at=points, where=where, seconds=settings.seconds)
        settings.write(render.FORMATS, answer)
        outcome = answer.result.outcome
    exits = {ClaimOutcome.RIGHT: Exit.AGREE, ClaimOutcome.WRONG: Exit.DISAGREE, ClaimOutcome.PARTLY: Exit.EXPLAINED}
    return exits.get(outcome, Exit.UNDECIDED)


def _tell_notes(texts: Sequence[str], variables: Sequence[str]) -> None:
    """Say how else the texts could be read, where they can be read at all."""
    from gradcalc.functions.resolve import interpret

    notes: set[str] = set()
    for text in texts:
        try:
            tell_notes(interpret(text, variables).notes, notes)
        except CalcError:
            pass  # a claim may be a condition; the check reports any other error


def _points(expr: str, at: Sequence[str], names: Sequence[str], *, is_open: bool) -> Sequence[Point]:
    """The points that are given; an open expression may have variables that only its derivation shows."""
    if not at:
        return []
    from gradcalc.expression.tree import names_in
    from gradcalc.functions.resolve import understand
    from gradcalc.inputs.points import assign, read_at, sweep

    named, nameless = read_at(at)
    variables = names_in(understand(expr, [*named, *names]))
    variables += [name for name in named if is_open and name not in variables]
    return sweep(assign(variables, named, nameless, expr))


def _lines(path: str) -> list[str]:
    """The lines of a file, or of stdin."""
    try:
        if path == "-":
            content = sys.stdin.buffer.read(_MAX_BYTES + 1) if sys.stdin else b""
        else:
            content = read_whole(path, _MAX_BYTES)
        if len(content) > _MAX_BYTES:
            raise CalcError(f"{path} has more than {_MAX_BYTES} bytes: no derivation is so long")
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise CalcError(f"cannot read {path}: it is not UTF-8 text") from None
    except OSError as error:
        raise unreadable(path, error) from None
