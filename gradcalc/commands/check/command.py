"""`gradcalc check`: hand-derived derivatives against the true ones: a claim, a derivation in lines, or a file of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from gradcalc.commands.console import tell_notes
from gradcalc.commands.options import Assume, NoProof, NoSolutions, Standalone, Timeout, Title
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import expression_from_stdin, is_piped
from gradcalc.commands.results import LISTS
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit, worst_exit

if TYPE_CHECKING:
    from gradcalc.calculate.claims.results import Check, Solution
    from gradcalc.commands.check.render_file import RowCheck
    from gradcalc.commands.claim_questions import ClaimQuestion

DOCUMENTS = ("latex", "markdown", "html")
FORMATS = (*LISTS, *DOCUMENTS)
FILE_FORMATS = (*FORMATS, "github", "junit")

_LONGEST = 1_000_000
"""Bytes of a derivation."""

Expr = Annotated[str | None, typer.Argument(metavar="EXPR", help="The expression, quoted; - reads it from stdin.")]
Claim = Annotated[
    str | None, typer.Argument(metavar="CLAIM", help="Its hand-derived derivative, quoted: 2*x, or df/dx = 2*x.")
]
By = Annotated[str | None, typer.Option("--by", "--wrt", metavar="NAME", help="The variable. [default: the only one]")]
At = Annotated[
    list[str] | None, typer.Option(metavar="POINT", help="Where to look first: x=3, x=1/2, x=1,y=2. May be repeated.")
]
Where = Annotated[
    str | None, typer.Option(metavar="CONDITION", help='The condition under which the claim is meant: "x > 0".')
]
Shape = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=SIZES",
        help="Shape of an array, in place of a point: A=m,n or x=n. The claim is checked for all sizes. May be repeated.",
    ),
]
Line = Annotated[
    list[str] | None,
    typer.Option(metavar="TEXT", help='A line of a derivation: "p = sigmoid(z)", "dL/dp = p - y". May be repeated.'),
]
Lines = Annotated[str | None, typer.Option(metavar="FILE", help="A derivation in lines; # begins a comment, - is stdin.")]
File = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Claims, one per row: CSV, TSV or JSON lines with id, expr, claim or lines, by, at, where, shape, assume.",
    ),
]
Format = Annotated[
    str, typer.Option(metavar="NAME", help="table, plain, json, latex, markdown, html; for a file github or junit too.")
]


def check(
    expr: Expr = None,
    claim: Claim = None,
    by: By = None,
    at: At = None,
    where: Where = None,
    shape: Shape = None,
    assume: Assume = None,
    line: Line = None,
    lines: Lines = None,
    file: File = None,
    title: Title = None,
    no_solutions: NoSolutions = False,
    no_proof: NoProof = False,
    standalone: Standalone = False,
    timeout: Timeout = "10",
    format: Format = "table",
    *,
    presentation: Presentation,
) -> Exit:
    """Check a hand-derived derivative.

    \b
      gradcalc check "sin(x**2)" "2*x*cos(x**2)"
      gradcalc check "w*x + b" "dL/dw = x"
      gradcalc check "abs(x)" "1" --where "x > 0"
      gradcalc check "sum((X@w - y)**2)" "2*X.T@(X@w - y)" --by w
        --at "X=[[1,2],[3,4]]" --at "w=[1,2]" --at "y=[1,0]"
      gradcalc check "sum((A@x - b)**2)" "2*A.T@(A@x - b)" --by x
        --shape A=m,n --shape x=n --shape b=m
      gradcalc check "sin(x^2)" --line "u = x^2" --line "f' = cos(u)*u'"
      gradcalc check "log(1 + exp(-y*(w*x + b)))" --by w --lines homework.txt
      gradcalc check --file claims.csv

    The verdict comes first. For a wrong claim, the likely mistake and one point follow; --verbose shows more points. The
    claim is compared with the derivative in exact arithmetic: at the given points, at random ones, between and at the
    breakpoints of expression and claim; and by SymPy as a formula. A claim that is right, but has no value at points where
    the derivative exists, is right in part. What rests on points alone says so. Exit code: 0 right, 1 wrong, 3 partly,
    4 undecided; of a file, that of the worst row, and 2 if a row cannot be read.

    Derivatives may be written as dL/dw, f'(x), u' or d/dx sin(x). Arrays need a point, which gives them their shapes; the
    shape of the claim is compared first, then every entry is proven for all values. A name that only the claim has, such
    as n, has its value at the point. With --shape there is no point: sizes are letters or numbers, and the claim is compared
    as a formula for all sizes, and with the derivative at random points of random shapes, where a different entry proves it
    wrong. A claim that only numbers confirm is undecided.

    --format latex, markdown and html make a handout of a claim, a derivation or a file: --no-solutions leaves out the true
    derivatives, --no-proof what the verdicts rest on.

    In a derivation each line is checked in turn. "dL/dw = ..." claims a derivative, "= ..." claims to be equal to the line
    above, "u = ..." defines an intermediate variable, "w = 3" sets the point. The first incorrect line is flagged; later
    lines that are wrong only because of it are marked "follows". With --by, one line must be that derivative.

    \b
    --format plain, for a claim: one line per point, with tabs between
      point, derivative, claim, same or different
    and a last line: right, partly, wrong or undecided; the kind of mistake; the reason; sympy, if SymPy finds it right; what
    the outcome rests on: formula, sampling, counterexample or shape.
    For a derivation: one line per line, with tabs between
      number, name, what it says, given or right or partly or wrong or follows or undecided, the kind of mistake, the reason,
      what that rests on
    and a last line: right, partly, wrong or undecided; the number of the first line to blame.
    For a file: one line per row, with tabs between
      line number, id, outcome or error, the kind of mistake, the mistake or the error
    --format github prints annotations for GitHub Actions, --format junit a test report.
    """
    settings = Settings.read(FORMATS if file is None else FILE_FORMATS, format, timeout, presentation)
    if standalone and format != "latex":
        raise CalcError("--standalone is for LaTeX", hint="write --format latex --standalone")
    sheet = _Sheet(title, not no_solutions, not no_proof, standalone)
    if file is not None:
        if expr is not None or claim is not None or line or lines or by or at or where or shape or assume:
            raise CalcError("--file has its own expressions and claims", hint="gradcalc check --file claims.csv")
        return _check_file(file, settings, sheet)
    if expr is None and (line or lines) and lines != "-" and is_piped():
        expr = "-"
    if expr is None:
        raise CalcError("missing EXPR", hint="gradcalc check EXPR CLAIM, or gradcalc check --file claims.csv")
    if expr == lines == "-":
        raise CalcError("stdin cannot be both the expression and the derivation")
    expr = expression_from_stdin() if expr == "-" else expr

    from gradcalc.commands.row_files import read_text

    texts = [*(read_text(lines, _LONGEST).splitlines() if lines else []), *(line or [])]

    from gradcalc.commands.claim_questions import read_question

    question = read_question(
        expr, claim, texts, by=by, at=at or [], where=where, shapes=shape or [], assumptions=assume or [], files=True
    )
    return _check_question(question, settings, sheet)


class _Sheet(NamedTuple):
    """What a handout shows."""

    title: str | None
    solutions: bool
    proof: bool
    standalone: bool


def _check_question(question: ClaimQuestion, settings: Settings, sheet: _Sheet) -> Exit:
    """Check one claim, or one derivation."""
    if not settings.quiet:
        variables = [*(name for point in question.at for name in point.values), *([question.by] if question.by else [])]
        _tell_notes([question.expr, *([question.claim] if question.claim else [])], variables)

    from gradcalc.calculate.claims.results import Check
    from gradcalc.commands.check import render
    from gradcalc.commands.check.render_file import RowCheck
    from gradcalc.commands.claim_questions import answer, exit_of

    result = answer(question, settings.seconds)
    if settings.format in DOCUMENTS:
        from gradcalc.commands.check.claim_files import ClaimRow

        _write_sheet([RowCheck(ClaimRow(0, None, question.expr), result, result.versions, "")], settings, sheet)
    elif isinstance(result, Check):
        settings.write(render.FORMATS, result)
    else:
        settings.write(render.SOLUTION_FORMATS, result)
    return exit_of(result)


def _check_file(path: str, settings: Settings, sheet: _Sheet) -> Exit:
    """Check the claims in a file, a row after the other; the exit code is that of the worst."""
    from gradcalc.calculate.reporting import versions
    from gradcalc.commands.check import render_file
    from gradcalc.commands.check.claim_files import claims_of
    from gradcalc.commands.claim_questions import answer, exit_of
    from gradcalc.commands.row_files import read_text

    checks: list[render_file.RowCheck] = []
    exits = {Exit.AGREE}
    for row in claims_of(read_text(path), path):
        result: Check | Solution | CalcError
        try:
            result = row.error or answer(row.read(), settings.seconds)
        except CalcError as error:
            result = error
        except Exception as error:  # whatever one row does, the next ones are checked
            result = CalcError(f"internal error: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
            exits.add(Exit.BUG)
        exits.add(Exit.WRONG_REQUEST if isinstance(result, CalcError) else exit_of(result))
        checks.append(render_file.RowCheck(row, result, versions(), path))
        if settings.format not in DOCUMENTS:
            settings.write(render_file.ROW_FORMATS, checks[-1])
    if not checks:
        raise CalcError(f"{path} has no claims", hint="write one claim per row below the names of the columns")
    if settings.format in DOCUMENTS:
        _write_sheet(checks, settings, sheet)
    else:
        settings.write(render_file.FORMATS, checks)
    return worst_exit(exits)


def _write_sheet(checks: Sequence[RowCheck], settings: Settings, sheet: _Sheet) -> None:
    from gradcalc.commands.check import handout

    settings.write(handout.FORMATS, handout.ClaimSheet(checks, *sheet))


def _tell_notes(texts: Sequence[str], variables: Sequence[str]) -> None:
    """Say how else the texts could be read, where they can be read at all."""
    from gradcalc.functions.resolve import interpret

    notes: set[str] = set()
    for text in texts:
        try:
            tell_notes(interpret(text, variables).notes, notes)
        except CalcError:
            pass  # a claim may be a condition; the check reports any other error
