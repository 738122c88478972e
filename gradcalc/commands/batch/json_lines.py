"""A line of a batch: a request as a JSON object in, its answer as a JSON object out.

Numbers are the decimals they are written as: `0.1` is 1/10.  No line raises an error: an error is its answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from gradcalc.calculate.answer import answer
from gradcalc.calculate.prepared import PreparedQuery, prepare_problem
from gradcalc.calculate.reporting import undecided_report, versions
from gradcalc.commands.arguments import choice, device_of, names_of, order_of
from gradcalc.commands.claim_questions import ClaimQuestion, outcome_of, question_of
from gradcalc.commands.claim_questions import answer as check_claim
from gradcalc.errors import CalcError, Exit, MissingValues
from gradcalc.expression.characters import is_name, plain
from gradcalc.expression.tree import names_in
from gradcalc.inputs.points import assign, read_at
from gradcalc.inputs.query import read_query
from gradcalc.inputs.values import json_value, unique_keys
from gradcalc.output import json as machine
from gradcalc.output.annotations import Record
from gradcalc.output.claims import answer_fields, claim_conclusion, reason
from gradcalc.report import DTYPES, Notation, Outcome, Problem, Report, Verdict, envelope, singular_partials
from gradcalc.runtime.deadline import DEFAULT_SECONDS

KEYS = ("id", "expr", "from", "at", "by", "order", "dtype", "device", "variables", "direction", "cotangent")
CLAIM_KEYS = ("id", "expr", "claim", "lines", "by", "at", "where", "shape", "assume")
"""Keys of a line that asks what `gradcalc check` answers."""
MAX_LINE = 1_000_000
_NOTABLE = 3
"""Partials whose reasons a record has."""


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A parsed line and its number: the question, prepared, or the error in it."""

    line: int
    question: Mapping[str, object] = field(default_factory=dict)
    prepared: PreparedQuery | None = None
    claim: ClaimQuestion | None = None
    seconds: float = DEFAULT_SECONDS
    fail_on: tuple[Verdict, ...] = ()
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a line: as JSON and for continuous integration, with its verdicts or the exit code of a failure."""

    text: str
    record: Record
    verdicts: tuple[Verdict | None, ...] = ()
    failed: Exit | None = None


class _Number(str):
    """A JSON number, as the text it was written as."""


def parse(line: bytes, seconds: float, number: int = 1, fail_on: tuple[Verdict, ...] = ()) -> BatchRequest:
    """Parse the line of this number; nothing heavy is loaded."""
    request = BatchRequest(number, {}, seconds=seconds, fail_on=fail_on)
    try:
        request = replace(request, question=_read(line))
        if "claim" in request.question or "lines" in request.question:
            return replace(request, claim=_claim(request.question))
        return replace(request, prepared=_prepare(request.question, seconds))
    except Exception as error:  # whatever one line does, the next ones are answered
        return replace(request, error=error)


def answer_request(request: BatchRequest) -> Answer:
    """Answer a parsed line."""
    try:
        if request.error is not None:
            raise request.error
        if request.claim is not None:
            return _claim_line(request, request.claim)
        assert request.prepared is not None
        return _report(request, answer(request.prepared))
    except CalcError as error:
        return _error(request, error, Exit.WRONG_REQUEST)
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        internal = CalcError(f"internal error: {type(error).__name__}: {text}")
        return _error(request, internal, Exit.BUG)


def timed_out(request: BatchRequest, why: str) -> Answer:
    """The answer to a line whose computation was ended before its result."""
    if request.prepared is None:
        return answer_request(request)
    return _report(request, undecided_report(request.prepared, why))


def _report(request: BatchRequest, report: Report) -> Answer:
    """The object that `gradcalc diff` writes, with `id` and `line`."""
    verdict = str(report.verdict) if report.verdict else "ok"
    partials = chain(singular_partials(report.partials), report.partials)
    notable = list(islice((partial for partial in partials if partial.verdict == report.verdict), _NOTABLE))
    message = "; ".join(f"d/d{','.join(partial.entries or partial.by)}: {partial.why}" for partial in notable)
    conclusion = {"verdict": report.verdict, "versions": report.versions}
    return _answer(request, "diff", conclusion, report.fields(), (verdict, message), report.verdicts)


def _answer(
    request: BatchRequest,
    command: str,
    conclusion: Mapping[str, object],
    fields: Mapping[str, object],
    words: tuple[str, str],
    verdicts: tuple[Verdict | None, ...] = (),
    failed: Exit | None = None,
) -> Answer:
    """An answer with the id and the line of its query; `words` are its verdict and the reason."""
    outcome = Outcome(request.fail_on)
    outcome.add(verdicts)
    code = int(outcome.exit if failed is None else failed)
    try:
        name = _id(request.question)
    except CalcError:  # the answer says so
        name = None
    text = machine.line(envelope(command, {"id": name, "line": request.line, **conclusion, "exit_code": code}, fields))
    record = Record(f"line {request.line}" if name is None else str(name), "stdin", request.line, *words, code)
    return Answer(text, record, verdicts, failed)


def _claim(question: Mapping[str, object]) -> ClaimQuestion:
    """The claim that a line asks about.  Raises `CalcError` for keys and values that mean nothing."""
    for key in question:
        choice(key, CLAIM_KEYS, "key")
    _id(question)
    return question_of(question)


def _claim_line(request: BatchRequest, claim: ClaimQuestion) -> Answer:
    """The object that `gradcalc check` writes, with `id` and `line`."""
    checked = check_claim(claim, request.seconds)
    fields, outcome = answer_fields(checked), outcome_of(checked)
    words = str(outcome), reason(checked)
    return _answer(request, "check", claim_conclusion(checked), fields, words, (outcome.verdict,))


def _prepare(question: Mapping[str, object], seconds: float) -> PreparedQuery:
    try:
        return prepare_problem(_problem(question), seconds=seconds)
    except MissingValues as error:
        raise CalcError(error.message, hint=f'write "at": {{"{error.names[0]}": 3}}') from None


def _read(line: bytes) -> dict[str, object]:
    """The query of a line.  Raises `CalcError` for a line that is not a JSON object."""
    if len(line) > MAX_LINE:
        raise CalcError(f"a line has at most {MAX_LINE} bytes")
    try:
        question = json.loads(
            line.decode().rstrip(),
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=unique_keys,
        )
    except UnicodeDecodeError as error:
        raise CalcError(f"the line is not UTF-8 text: byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise CalcError(
            f"the line is not valid JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
        ) from None
    except RecursionError:
        raise CalcError("the line is nested too deeply") from None
    if not isinstance(question, dict):
        raise CalcError("the line is not a JSON object", hint='write {"expr": "x**2"}')
    return question


def _refuse_constant(word: str) -> object:
    raise CalcError(f"the line is not valid JSON: {word} is not a number")


def _error(request: BatchRequest, error: CalcError, exit: Exit) -> Answer:
    words = "error", error.message + (f" ({error.hint})" if error.hint else "")
    conclusion = {"outcome": "error", "versions": versions()}
    return _answer(request, "batch", conclusion, {"error": machine.error_fields(error)}, words, failed=exit)


def _problem(question: Mapping[str, object]) -> Problem:
    """The problem that a question poses.  Raises `CalcError` for keys and values that mean nothing."""
    for key in question:
        choice(key, (*KEYS, "claim", "lines", "where"), "key")
    _id(question)
    expr = question.get("expr")
    if expr is None:
        raise CalcError("missing key expr", hint='write {"expr": "x**2"}')
    if not isinstance(expr, str) or isinstance(expr, _Number):
        raise CalcError("expr must be a string")
    notation = Notation(choice(_word(question, "from") or "auto", tuple(Notation), "notation"))
    by, variables = _names(question, "by"), _names(question, "variables")
    at = _at(question, Problem(expr, notation=notation, by=by, variables=variables))
    direction = _values(question, "direction")
    cotangent = question.get("cotangent")
    if (direction or cotangent is not None) and not at:
        raise CalcError("a product with the Jacobian needs a point", hint='write "at": {"x": [1, 2]}')
    dtype, device = _word(question, "dtype"), _word(question, "device")
    return Problem(
        expr,
        at,
        notation=notation,
        by=by,
        order=_order(question),
        device=device_of(device) if device is not None else "cpu",
        dtype=choice(dtype, DTYPES, "dtype") if dtype is not None else None,
        variables=variables,
        direction=direction,
        cotangent=None if cotangent is None else json_value("the cotangent", cotangent),
    )


def _at(question: Mapping[str, object], problem: Problem) -> dict[str, str]:
    """The point: an object, or a text or a number as `--at` takes them."""
    at = question.get("at")
    if not isinstance(at, str):
        return _values(question, "at")
    named, nameless = read_at([at])
    if not nameless:
        return named
    return assign(names_in(read_query(problem, named).expression), named, nameless, problem.expr)


def _values(question: Mapping[str, object], key: str) -> dict[str, str]:
    """The values of variables, as text."""
    values = question.get(key) or {}
    if not isinstance(values, dict):
        raise CalcError(f"{key} must be an object", hint=f'write "{key}": {{"x": 3}}')
    return {_name(name): json_value(name, value) for name, value in values.items()}


def _id(question: Mapping[str, object]) -> str | int | None:
    value = question.get("id")
    if value is None or (isinstance(value, str) and not isinstance(value, _Number)):
        return value
    try:
        return int(str(value)) if isinstance(value, _Number) else _no_id()
    except ValueError:  # a fraction, or more digits than Python reads
        return _no_id()


def _no_id() -> int:
    raise CalcError("id must be a string or an integer")


def _order(question: Mapping[str, object]) -> int:
    order = question.get("order")
    if order is None:
        return 1
    return order_of(order if isinstance(order, _Number) else json.dumps(order))


def _word(question: Mapping[str, object], key: str) -> str | None:
    word = question.get(key)
    if word is not None and (not isinstance(word, str) or isinstance(word, _Number)):
        raise CalcError(f"{key} must be a string")
    return word


def _names(question: Mapping[str, object], key: str) -> tuple[str, ...]:
    names = question.get(key)
    if names is None:
        return ()
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, list) or any(not isinstance(name, str) or isinstance(name, _Number) for name in names):
        raise CalcError(f"{key} must be a name or a list of names", hint=f'write "{key}": ["x"]')
    return names_of(names)


def _name(name: str) -> str:
    if not is_name(plain(name)):
        raise CalcError(f"'{name}' is not a valid variable name")
    return plain(name)
