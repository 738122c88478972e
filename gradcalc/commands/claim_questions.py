"""A claim or a derivation to be checked, from the words of a command line, a row of a file or a line of a batch.

Comes in: texts.  Goes out: a `ClaimQuestion`, and its answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradcalc.calculate.claims.claim import Shapes, check
from gradcalc.calculate.claims.notation import NAME, is_derivation
from gradcalc.calculate.claims.results import Check, ClaimOutcome, Solution
from gradcalc.calculate.claims.solution import solution
from gradcalc.commands.arguments import names_of
from gradcalc.errors import CalcError, Exit
from gradcalc.expression.tree import names_in
from gradcalc.functions.resolve import understand
from gradcalc.inputs.array_files import value_or_file
from gradcalc.inputs.points import assign, read_at, sweep
from gradcalc.inputs.shapes import ASSUMPTIONS, read_assumptions, read_shapes
from gradcalc.inputs.values import Point, json_value
from gradcalc.report import exit_code

Fields = Mapping[str, object]
"""What a row of a file or a line of a batch says, by the names of its columns or keys."""
_HINT = 'gradcalc check EXPR CLAIM, or gradcalc check EXPR --line "dL_dx = ..."'


@dataclass(frozen=True, slots=True)
class ClaimQuestion:
    """An expression with a claim about its derivative, or with the lines of a derivation."""

    expr: str
    claim: str | None
    lines: tuple[str, ...]
    by: str | None
    at: Sequence[Point]
    where: str | None
    shapes: Shapes | None = None


def read_question(
    expr: str,
    claim: str | None,
    lines: Sequence[str],
    *,
    by: str | None = None,
    at: Sequence[str] | Mapping[str, str] = (),
    where: str | None = None,
    shapes: Sequence[str] = (),
    assumptions: Sequence[str] = (),
    files: bool = False,
) -> ClaimQuestion:
    """The question that texts ask; points are those of `--at`, or the texts of values by name.

    `files` says that a value may be `@data.csv`: on a command line, but not in a row, which somebody else may have written.

    Raises `CalcError` for what cannot be read, and unless there is either a claim or a derivation.
    """
    names = names_of([by]) if by else ()
    if len(names) > 1 or any("[" in name for name in names):
        raise CalcError("a claim is about the derivative with respect to one variable", hint="write --by x")
    if (claim is None) != bool(lines):
        raise CalcError(
            "a claim and a derivation are two questions" if lines else "missing CLAIM, --line or --lines", hint=_HINT
        )
    if claim is not None and is_derivation(claim):
        lines, claim = [claim], None
    if shapes or assumptions:
        return _without_values(expr, claim, names, shapes, assumptions, is_elsewhere=bool(at or where))
    named, nameless = (dict(at), []) if isinstance(at, Mapping) else read_at(at)
    if files:
        named = {name: value_or_file(value, f"{name}=") for name, value in named.items()}
    points: Sequence[Point] = []
    if named or nameless:
        variables = names_in(understand(expr, [*named, *names]))
        # A derivation and a claim may have variables that the expression does not show.
        words = set(re.findall(NAME, claim)) if claim is not None else set(named)
        variables += [name for name in named if name not in variables and (name in words or name in names)]
        points = sweep(assign(variables, named, nameless, expr))
    return ClaimQuestion(expr, claim, tuple(lines), names[0] if names else None, points, where)


def _without_values(
    expr: str, claim: str | None, by: Sequence[str], shapes: Sequence[str], assumptions: Sequence[str], *, is_elsewhere: bool
) -> ClaimQuestion:
    """A question about arrays without values.  Raises `CalcError` for a point beside them, and for a derivation."""
    if is_elsewhere or not shapes:
        raise CalcError("--shape is for claims without values", hint="give either --shape or a point")
    if claim is None:
        raise CalcError("a derivation in lines needs a point, which gives arrays their shapes", hint="give --at")
    own = Shapes(read_shapes(shapes), read_assumptions(assumptions, ASSUMPTIONS))
    return ClaimQuestion(expr, claim, (), by[0] if by else None, [], None, own)


def question_of(fields: Fields) -> ClaimQuestion:
    """The question that the fields of a row or of a line of a batch ask.  Raises `CalcError` for what cannot be read."""
    expr = _text(fields, "expr")
    if expr is None:
        raise CalcError("missing key expr", hint="a row has an expression and a claim: sin(x),cos(x)")
    lines = fields.get("lines")
    if isinstance(lines, list) and all(isinstance(line, str) for line in lines):
        texts = list(lines)
    else:
        texts = re.split(r"[;\n]", _text(fields, "lines") or "")
    texts = texts if any(map(str.strip, texts)) else []
    at = fields.get("at")
    point: Sequence[str] | Mapping[str, str] = ()
    if isinstance(at, Mapping):
        point = {str(name): json_value(str(name), value) for name, value in at.items()}
    elif isinstance(at, list | bool):
        raise CalcError("at must be an object, a string or a number", hint='write "at": {"x": 3}')
    elif at is not None and str(at).strip():
        point = [str(at)]
    by, where = _text(fields, "by"), _text(fields, "where")
    shapes, assumptions = (re.split(r"[;\s]+", _text(fields, key) or "") for key in ("shape", "assume"))
    return read_question(
        expr, _text(fields, "claim"), texts, by=by, at=point, where=where, shapes=list(filter(None, shapes)),
        assumptions=list(filter(None, assumptions)),
    )  # fmt: skip


def _text(fields: Fields, key: str) -> str | None:
    value = fields.get(key)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise CalcError(f"{key} must be a string")
    return value.strip()


def answer(question: ClaimQuestion, seconds: float) -> Check | Solution:
    """Check the claim or the derivation.  Raises `CalcError` for what cannot be read."""
    ask = question
    if ask.claim is None:
        return solution(ask.expr, ask.lines, by=ask.by, at=ask.at, where=ask.where, seconds=seconds)
    return check(ask.expr, ask.claim, by=ask.by, at=ask.at, where=ask.where, shapes=ask.shapes, seconds=seconds)


def outcome_of(answer: Check | Solution) -> ClaimOutcome:
    """The outcome of the whole."""
    return answer.result.outcome if isinstance(answer, Check) else answer.outcome


def exit_of(answer: Check | Solution) -> Exit:
    """The exit code that tells a script about an answer."""
    return exit_code(outcome_of(answer).verdict)
