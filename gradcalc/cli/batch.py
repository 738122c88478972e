"""`gradcalc batch`: a question a line in, an answer a line out, in order, until the input ends.

A line is a JSON object; its keys are `KEYS`.  Numbers in it are taken as the decimals they are written as: `0.1` is 1/10.
"""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, BinaryIO

import typer

from gradcalc.cli import Exit, choice, write
from gradcalc.cli.diff import device_of, names_of, order_of
from gradcalc.errors import CalcError
from gradcalc.report import DTYPES, SCHEMA, Problem, Verdict, exit_code, worst

KEYS = ("id", "expr", "at", "by", "order", "dtype", "device", "variables")
MAX_LINE = 1_000_000


class _Number(str):
    """A JSON number, as the text it was written as."""


def batch(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The questions; - is stdin.")] = "-",
) -> Exit:
    """Answer a question a line with a JSON object a line.

    \b
      {"expr": "sin(x**2)", "at": {"x": 3}}
      {"id": 7, "expr": "x*y", "at": {"x": "1/3", "y": 0.1}, "by": ["x"],
       "order": 1, "dtype": "float32", "device": "cpu", "variables": ["y"]}
      (in one line)

    Only expr is needed; without at there are formulas only. Answers come in the order of the questions, each as soon as
    it is there, and have the id of their question. A line that is wrong is answered with an error, and the run goes on:

    \b
      {"schema": ..., "id": ..., "error": {"message": ..., "span": [start, end], "hint": ...}}

    The exit code is 70 if gradcalc failed on some line, else 2 if some line was wrong, else that of the worst verdict
    as for gradcalc diff.
    """
    verdicts: list[Verdict] = []
    wrong = failed = False
    with _opened(file) as stream:
        for number, line in enumerate(_lines(stream)):
            if number == 0:
                line = line.removeprefix(codecs.BOM_UTF8)
            if not line.strip():
                continue
            question: dict[str, object] = {}
            try:
                question.update(_read(line))
                answer, verdict = _answered(question)
                if verdict is not None:
                    verdicts.append(verdict)
            except CalcError as error:
                wrong = True
                answer = _refused(question, error)
            except Exception as error:  # whatever one line does, the next ones are answered
                failed = True
                text = " ".join(str(error).split())[:300]
                answer = _refused(question, CalcError(f"internal error: {type(error).__name__}: {text}"))
            write(answer)
    if failed:
        return Exit.BUG
    return Exit.WRONG_REQUEST if wrong else exit_code(worst(verdicts))


# ------------------------------------------------------------------------------------------------------------- lines


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        if sys.stdin is None:
            raise CalcError("cannot read questions: stdin is closed")
        if sys.stdin.isatty():
            print("reading questions from the terminal, a JSON object a line", file=sys.stderr)
        yield sys.stdin.buffer
        return
    try:
        stream = open(file, "rb")  # noqa: SIM115  closed below
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CalcError(f"cannot read {file}: {reason}") from None
    with stream:
        yield stream


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream; of a line that is too long, only so much that it is seen to be."""
    while line := stream.readline(MAX_LINE + 1):
        yield line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE + 1)
            if not line:
                return


def _read(line: bytes) -> dict[str, object]:
    """The question of a line.  Raises `CalcError` for what is no JSON object."""
    if len(line) > MAX_LINE:
        raise CalcError(f"a line has at most {MAX_LINE} bytes")
    try:
        question = json.loads(
            line.decode().rstrip(),
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        raise CalcError(f"the line is not UTF-8 text: byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise CalcError(f"the line is not JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}") from None
    except RecursionError:
        raise CalcError("the line is nested too deeply") from None
    if not isinstance(question, dict):
        raise CalcError("the line is no JSON object", hint='write {"expr": "x**2"}')
    return question


def _refuse_constant(word: str) -> object:
    raise CalcError(f"the line is not JSON: {word} is no number")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Of two values for one key, JSON takes the last; here one of them must be a mistake."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise CalcError(f"{next(name for name in names if names.count(name) > 1)} is given twice")
    return values


# ----------------------------------------------------------------------------------------------- questions and answers


def _answered(question: Mapping[str, object]) -> tuple[str, Verdict | None]:
    problem = _problem(question)
    # What is wrong with a line is told before sympy and torch are loaded.
    from gradcalc.functions.resolve import understand
    from gradcalc.points import value_tree
    from gradcalc.syntax import names_in

    tree = understand(problem.expr, {*problem.at, *problem.by, *problem.variables})
    for name, text in problem.at.items():
        value_tree(name, text)
    missing = [name for name in names_in(tree) if name not in problem.at]
    if problem.at and missing:
        raise CalcError(f"no value for {', '.join(missing)}", hint=f'write "at": {{"{missing[0]}": 3}}')

    from gradcalc import calculate
    from gradcalc.render import json as machine

    report = calculate.answer(problem)
    answer = machine.as_object(report)
    return machine.line({"schema": answer.pop("schema"), "id": _id(question), **answer}), report.verdict


def _refused(question: Mapping[str, object], error: CalcError) -> str:
    from gradcalc.render import json as machine

    try:
        name = _id(question)
    except CalcError:
        name = None
    told = {
        "message": error.message,
        "span": (error.span.start, error.span.end) if error.span else None,
        "hint": error.hint,
        "source": error.source if error.span else None,
    }
    return machine.line({"schema": SCHEMA, "id": name, "error": told})


def _problem(question: Mapping[str, object]) -> Problem:
    """The problem that a question poses.  Raises `CalcError` for keys and values that mean nothing."""
    from gradcalc.points import json_value

    for key in question:
        choice(key, KEYS, "key")
    _id(question)
    expr = question.get("expr")
    if expr is None:
        raise CalcError("expr is missing", hint='write {"expr": "x**2"}')
    if not isinstance(expr, str) or isinstance(expr, _Number):
        raise CalcError("expr must be a string")
    at = question.get("at") or {}
    if not isinstance(at, dict):
        raise CalcError("at must be an object", hint='write "at": {"x": 3}')
    dtype, device = _word(question, "dtype"), _word(question, "device")
    return Problem(
        expr,
        {_name(name): json_value(name, value) for name, value in at.items()},
        by=_names(question, "by"),
        order=_order(question),
        device=device_of(device) if device is not None else "cpu",
        dtype=choice(dtype, DTYPES, "dtype") if dtype is not None else None,
        variables=_names(question, "variables"),
    )


def _id(question: Mapping[str, object]) -> str | int | None:
    value = question.get("id")
    if value is None or (isinstance(value, str) and not isinstance(value, _Number)):
        return value
    try:
        return int(str(value)) if isinstance(value, _Number) else _no_id()
    except ValueError:  # a fraction, or more digits than Python reads
        return _no_id()


def _no_id() -> int:
    raise CalcError("id must be a string or a whole number")


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
    if not (name.isascii() and name.isidentifier()):
        raise CalcError(f"{name or 'nothing'} is not the name of a variable")
    return name
