"""`gradcalc check`: a derivative that was found by hand, against the true one; in one line or in several."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gradcalc.calculate.claims.results import ClaimOutcome
from gradcalc.commands.arguments import names_of
from gradcalc.commands.console import tell_notes
from gradcalc.commands.options import Format, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import expression_from_stdin
from gradcalc.commands.results import LISTS
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit, unreadable
from gradcalc.runtime.files import read_whole

if TYPE_CHECKING:
    from gradcalc.calculate.claims.results import Check, Solution

_MAX_BYTES = 1_000_000
"""The size of a file with a derivation."""


def check(
    expr: Annotated[
        str | None, typer.Argument(metavar="EXPR", help="The expression, quoted; - reads it from stdin.")
    ] = None,
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
    file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Claims in a table (CSV, TSV) or JSON lines: id, expr, claim or lines, by, at, where."),
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
    if file is not None:
        if expr is not None or claim is not None or line or lines or by or at or where:
            raise CalcError("--file has its own expressions and claims", hint="gradcalc check --file claims.csv")
        return _check_file(file, settings)
    if expr is None:
        raise CalcError("missing EXPR", hint="gradcalc check EXPR CLAIM, or gradcalc check --file claims.csv")
    if expr == lines == "-":
        raise CalcError("stdin is either the expression or the derivation")
    expr = expression_from_stdin() if expr == "-" else expr
    texts = [*(_lines(lines) if lines else []), *(line or [])]

    from gradcalc.commands.claim_questions import read_question

    question = read_question(expr, claim, texts, by=by, at=at or [], where=where)
    if not settings.quiet:
        variables = [*(name for point in question.at for name in point.values), *([question.by] if question.by else [])]
        _tell_notes([expr, *([question.claim] if question.claim else [])], variables)

    from gradcalc.calculate.claims.results import Check
    from gradcalc.commands.check import render
    from gradcalc.commands.claim_questions import answer, exit_of, outcome_of

    result = answer(question, settings.seconds)
    if isinstance(result, Check):
        settings.write(render.FORMATS, result)
    else:
        settings.write(render.SOLUTION_FORMATS, result)
    return exit_of(outcome_of(result))


def _check_file(path: str, settings: Settings) -> Exit:
    """Check the claims in a file, a row after the other; the exit code is that of the worst."""
    from gradcalc.commands.check import render_file
    from gradcalc.commands.check.claim_files import rows_of
    from gradcalc.commands.claim_questions import answer, exit_of, outcome_of

    checks: list[render_file.RowCheck] = []
    exits = {Exit.AGREE}
    for row in rows_of(_content(path), path):
        result: Check | Solution | CalcError
        try:
            result = row.error or answer(row.read(), settings.seconds)
        except CalcError as error:
            result = error
        exits.add(Exit.WRONG_REQUEST if isinstance(result, CalcError) else exit_of(outcome_of(result)))
        checks.append(render_file.RowCheck(row, result))
        settings.write(render_file.ROW_FORMATS, checks[-1])
    settings.write(render_file.FORMATS, checks)
    return next(code for code in _WORST_FIRST if code in exits)


_WORST_FIRST = (Exit.WRONG_REQUEST, Exit.DISAGREE, Exit.UNDECIDED, Exit.EXPLAINED, Exit.AGREE)


def _tell_notes(texts: Sequence[str], variables: Sequence[str]) -> None:
    """Say how else the texts could be read, where they can be read at all."""
    from gradcalc.functions.resolve import interpret

    notes: set[str] = set()
    for text in texts:
        try:
            tell_notes(interpret(text, variables).notes, notes)
        except CalcError:
            pass  # a claim may be a condition; the check reports any other error


def _lines(path: str) -> list[str]:
    """The lines of a file, or of stdin."""
    try:
        return _content(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise CalcError(f"cannot read {path}: it is not UTF-8 text") from None


def _content(path: str) -> bytes:
    """The bytes of a file, or of stdin."""
    if path != "-":
        return read_whole(path, _MAX_BYTES)
    content = sys.stdin.buffer.read(_MAX_BYTES + 1) if sys.stdin else b""
    if len(content) > _MAX_BYTES:
        raise CalcError(f"stdin has more than {_MAX_BYTES} bytes")
    return content
