"""The command line, in this process with a made-up `answer`, and as people run it where processes matter."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gradcalc import __version__
from gradcalc.calculate.prepared import PreparedQuery
from gradcalc.cli.main import main
from gradcalc.errors import Exit
from gradcalc.functions import TABLE
from gradcalc.report import Partial, Problem, Report, Value, Verdict

VERDICT_OF = {
    "abs(x)": Verdict.NOT_DIFFERENTIABLE,
    "x - x": Verdict.DISAGREE,
    "x/x": Verdict.UNDECIDED,
    "log(x)": Verdict.UNDEFINED,
}


class Ran(NamedTuple):
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, object]]:
        """The JSON lines of stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


def _problem(prepared: PreparedQuery) -> Problem:
    """The texts that a question was read from."""
    query = prepared.query
    by = tuple(it.entry or it.variable for it in query.wrt)
    cotangent = None if query.cotangent is None else query.cotangent.text
    direction = {name: value.text for name, value in query.direction.items()}
    at = prepared.point.texts
    return Problem(query.text, at, by, query.order, query.device, query.dtype, query.variables, direction, cotangent)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Problem]:
    """The problems that reach `calculate.answer`, which is made up: some expressions have a verdict of their own."""
    problems: list[Problem] = []

    def answer(asked: Problem | PreparedQuery, *, seconds: float = 10) -> Report:
        problem = asked if isinstance(asked, Problem) else _problem(asked)
        problems.append(problem)
        if problem.expr == "sin(x)*0":
            raise RuntimeError("a\nbug")
        at = bool(problem.at)
        verdict = VERDICT_OF.get(problem.expr, Verdict.AGREE) if at else None
        if problem.at.get("x") == "13":
            verdict = Verdict.INACCURATE
        partials = tuple(Partial((name,), "formula", "latex", verdict=verdict) for name in problem.by or ("x",))
        point = dict.fromkeys(problem.at, 1.0)
        value = Value("1", 1.0) if at else None
        return Report(
            problem.expr, problem.expr, problem.order, problem.at, point, "float64", "cpu", value, partials, verdict, {}
        )

    for module in ("gradcalc.commands.batch.json_lines", "gradcalc.calculate.answer"):  # imported before it is patched
        monkeypatch.setattr(f"{module}.answer", answer)
    monkeypatch.setattr("gradcalc.calculate.answer.prefetch", lambda prepared: None)
    return problems


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run a command line in this process."""

    def command(*arguments: str, stdin: bytes | str = b"") -> Ran:
        given = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        code = main(arguments)
        return Ran(code, *capsys.readouterr())

    return command


# ------------------------------------------------------------------------------------------------- how people type it


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["x**2"], Problem("x**2")),
        (["x**2", "--at", "3"], Problem("x**2", {"x": "3"})),
        (["x**2", "--at", "-3"], Problem("x**2", {"x": "-3"})),
        (["x**2", "--at=-3"], Problem("x**2", {"x": "-3"})),
        (["--at", "3", "x**2"], Problem("x**2", {"x": "3"})),
        (["x**2", "--at", "x=1/3"], Problem("x**2", {"x": "1/3"})),
        (["x**2", "--at=x=1/3"], Problem("x**2", {"x": "1/3"})),
        (["x*y", "--at", "0, -1"], Problem("x*y", {"x": "0", "y": "-1"})),
        (["x*y", "--at", "y=2,x=1"], Problem("x*y", {"x": "1", "y": "2"})),
        (["x*y", "--at", "y=2", "--at", "x=max(1, 2)"], Problem("x*y", {"x": "max(1, 2)", "y": "2"})),
        (["-x**2"], Problem("-x**2")),
        (["-x**2", "--at", "3"], Problem("-x**2", {"x": "3"})),
        (["--at", "3", "-x**2"], Problem("-x**2", {"x": "3"})),
        (["--order", "2", "--", "-x**2"], Problem("-x**2", order=2)),
        (["-h*x"], Problem("-h*x")),
        (["-sinh(x)"], Problem("-sinh(x)")),
        (["-2"], Problem("-2")),
        (["--x**2"], Problem("--x**2")),
        (["--", "--x"], Problem("--x")),
        (["- x"], Problem("- x")),
        ([" -q"], Problem(" -q")),
        (["--", "-q"], Problem("-q")),
        (["-q*x", "--at", "q=1,x=-2"], Problem("-q*x", {"q": "1", "x": "-2"})),
        (["x*y", "--by", "x"], Problem("x*y", by=("x",))),
        (["x*y", "--by", "x", "--by", "y"], Problem("x*y", by=("x", "y"))),
        (["x*y", "--by", "y, x,y"], Problem("x*y", by=("y", "x"))),
        (["e*x", "--by", "e"], Problem("e*x", by=("e",))),
        (["e*x", "--at", "e=1", "--at", "2"], Problem("e*x", {"e": "1", "x": "2"})),
        (
            ["x", "--order", "8", "--dtype", "float32", "--device", "cuda:1"],
            Problem("x", order=8, dtype="float32", device="cuda:1"),
        ),
        (["x", "--device", "auto"], Problem("x", device="auto")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_diff_understands(arguments: list[str], problem: Problem, asked: list[Problem], run: Callable[..., Ran]) -> None:
    assert run("diff", *arguments).code == 0
    assert asked == [problem]


def test_diff_reads_an_expression_from_stdin(asked: list[Problem], run: Callable[..., Ran]) -> None:
    assert run("diff", "-", "--at", "2", stdin="x**2 +\n  x\n").code == 0
    assert asked == [Problem("x**2 +\n  x", {"x": "2"})]


def test_diff_sweeps(asked: list[Problem], run: Callable[..., Ran]) -> None:
    ran = run("diff", "x*y", "--at", "x=0:1:3,y=2", "--format", "plain")
    assert [problem.at for problem in asked] == [{"x": x, "y": "2"} for x in ("0", "0.5", "1")]
    assert [line.split("\t")[0] for line in ran.out.splitlines()] == ["x=0,y=2", "x=0.5,y=2", "x=1,y=2"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["x", "--at", "1"], Exit.AGREE),
        (["x"], Exit.AGREE),
        (["abs(x)"], Exit.AGREE),
        (["abs(x)", "--at", "0"], Exit.EXPLAINED),
        (["log(x)", "--at", "0"], Exit.EXPLAINED),
        (["x - x", "--at", "0"], Exit.DISAGREE),
        (["x/x", "--at", "0"], Exit.UNDECIDED),
        (["x", "--at", "x=12:14:3"], Exit.EXPLAINED),
        (["x/x", "--at", "x=12:14:3"], Exit.UNDECIDED),
        (["sin(x)*0", "--at", "1"], Exit.BUG),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("format", ["table", "plain", "json", "latex"])
def test_exit_codes(arguments: list[str], code: Exit, format: str, asked: list[Problem], run: Callable[..., Ran]) -> None:
    assert run("diff", *arguments, "--format", format).code == code


# ------------------------------------------------------------------------------------------------- what is told, where

NO_OPTION = "error: no such option --ordr\nhint: did you mean --order?\n"
FORMAT_HINT = "choose from table, plain, json, csv, latex, html, python, torch, jax"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["diff", "x", "--ordr", "2"], NO_OPTION),
        (["diff", "--ordr=2", "x"], NO_OPTION),
        (["diff", "-x**2", "--at", "3", "--ordr", "2"], NO_OPTION),
        (["diff", "x", "-order", "2"], "error: no such option -order\nhint: did you mean --order?\n"),
        (["diff", "x", "--at"], "error: --at needs a value\nhint: gradcalc diff --help shows the usage\n"),
        (["diff"], 'error: missing EXPR: stdin is empty\nhint: give an expression, such as "sin(x**2)"\n'),
        (["diff", "x", "-n", "2"], 'error: no such option -n\nhint: write -- -n or " -n" for an expression\n'),
        (
            ["diff", "x", "**", "2"],
            'error: unexpected argument **\nhint: an expression is one argument: quote it, "x ** 2"\n',
        ),
        (["diff", "sinn(x)"], "error: unknown function sinn\n  sinn(x)\n  ^^^^\nhint: did you mean sin?\n"),
        (["diff", "x+"], "error: unexpected end of expression after '+'\n  x+\n    ^\nhint: an operand is missing here\n"),
        (["diff", "x", "--order", "-1"], "error: the order must be an integer from 1 to 8, not -1\n"),
        (["diff", "x", "--order", "0"], "error: the order must be an integer from 1 to 8, not 0\n"),
        (["diff", "x", "--order", "9"], "error: the order must be an integer from 1 to 8, not 9\n"),
        (["diff", "x", "--order", "two"], "error: the order must be an integer from 1 to 8, not two\n"),
        (["diff", "x", "--order", "1.0"], "error: the order must be an integer from 1 to 8, not 1.0\n"),
        (["diff", "x", "--order", "٣"], "error: the order must be an integer from 1 to 8, not ٣\n"),
        (["diff", "x", "--order", ""], "error: the order must be an integer from 1 to 8, not \n"),
        (["diff", "x", "--format", "jsno"], f"error: unknown format jsno\nhint: did you mean json? {FORMAT_HINT}\n"),
        (["diff", "x", "--format", "xml"], f"error: unknown format xml\nhint: {FORMAT_HINT}\n"),
        (
            ["diff", "x", "--dtype", "f32"],
            "error: unknown dtype f32\nhint: did you mean float32? choose from float64, float32, float16, bfloat16\n",
        ),
        (
            ["diff", "x", "--device", "gpu"],
            "error: unknown device gpu\nhint: choose from cpu, cuda, xpu, mps, auto; gradcalc devices lists those of this machine\n",
        ),
        (
            ["diff", "x", "--device", "cuda:x"],
            "error: unknown device cuda:x\nhint: choose from cpu, cuda, xpu, mps, auto; gradcalc devices lists those of this machine\n",
        ),
        (["diff", "x", "--by", "2x"], "error: '2x' is not a valid variable name\nhint: write --by x\n"),
        (["diff", "x", "--by", ""], "error: '' is not a valid variable name\nhint: write --by x\n"),
        (
            ["diff", "x*y", "--at", "1"],
            "error: 1 unnamed value, but 2 variables (x, y)\nhint: write --at x=... --at y=...\n",
        ),
        (["diff", "x", "--at", "x=sin(1"], "error: missing )\n  sin(1\n     ^\nhint: this ( is never closed\n"),
        (["diff", "-", "--at", "1"], 'error: missing EXPR: stdin is empty\nhint: give an expression, such as "sin(x**2)"\n'),
        (["dif", "x"], "error: no such command 'dif'\nhint: did you mean 'diff'?\n"),
        (
            ["x**2"],
            "error: no such command 'x**2'\nhint: gradcalc diff \"x**2\" differentiates an expression; gradcalc --help lists the commands\n",
        ),
        (["--verson"], "error: no such option: --verson\nhint: did you mean --version?\n"),
        (["batch", "/no/such/file"], "error: cannot read /no/such/file: No such file or directory\n"),
        (["batch", "/"], "error: cannot read /: a folder\nhint: give a file, or - for stdin where it is read\n"),
        (["functions", "--format", "latex"], "error: unknown format latex\nhint: choose from table, plain, json\n"),
        (
            ["devices", "--format", "tabel"],
            "error: unknown format tabel\nhint: did you mean table? choose from table, plain, json\n",
        ),
        (
            ["functions", "a", "b"],
            "error: got unexpected extra argument(s) (b)\nhint: gradcalc functions --help shows the usage\n",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_request_is_told_on_stderr(
    arguments: list[str], told: str, asked: list[Problem], run: Callable[..., Ran]
) -> None:
    assert run(*arguments) == Ran(Exit.WRONG_REQUEST, "", told)
    assert not asked


def test_an_expression_that_is_no_text(run: Callable[..., Ran]) -> None:
    assert run("diff", "-", stdin=b"x\xff") == Ran(2, "", "error: the expression on stdin is not UTF-8 text\n")
    ran = run("diff", "-", stdin=b"x" * 1_000_000)
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err) < 300


def test_a_bug_is_not_a_verdict(asked: list[Problem], run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    told = (
        "error: internal error: RuntimeError: a bug\n"
        "hint: report it to the maintainers of gradcalc, with the command line and gradcalc --version --verbose\n"
    )
    assert run("diff", "sin(x)*0", "--at", "1") == Ran(Exit.BUG, "", told)
    monkeypatch.setenv("GRADCALC_DEBUG", "1")
    ran = run("diff", "sin(x)*0", "--at", "1")
    assert ran.code == Exit.BUG
    assert ran.err.startswith("Traceback ")
    assert ran.err.endswith(told)


@pytest.mark.parametrize(
    "error", [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left"), MemoryError(), RecursionError("deep")]
)
def test_a_failure_inside_is_not_one_of_stdout(
    error: Exception, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(problem: Problem | PreparedQuery, *, seconds: float = 10) -> Report:
        raise error

    for module in ("gradcalc.commands.batch.json_lines", "gradcalc.calculate.answer"):  # imported before it is patched
        monkeypatch.setattr(f"{module}.answer", answer)
    ran = run("diff", "x", "--at", "1")
    assert (ran.code, ran.out) == (Exit.BUG, "")
    assert ran.err.startswith(f"error: internal error: {type(error).__name__}: ")


def test_interrupted(run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(problem: Problem | PreparedQuery, *, seconds: float = 10) -> Report:
        raise KeyboardInterrupt

    for module in ("gradcalc.commands.batch.json_lines", "gradcalc.calculate.answer"):  # imported before it is patched
        monkeypatch.setattr(f"{module}.answer", answer)
    assert run("diff", "x") == Ran(Exit.INTERRUPTED, "", "")
    assert run("batch", stdin='{"expr": "x"}\n').code == Exit.INTERRUPTED


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["-h"], ["diff", "--help"], ["diff", "-h"], ["batch", "-h"], ["functions", "-h"], ["devices", "-h"]],
    ids=" ".join,
)
def test_help(arguments: list[str], run: Callable[..., Ran]) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Usage: gradcalc")
    # An example on a line of its own may be longer than the page.
    assert all(len(line) <= 92 for line in ran.out.splitlines())
    assert "..." not in "".join(ran.out.partition("Commands:")[2].partition("\n\n")[0])


def test_help_names_every_verdict_and_exit_code(run: Callable[..., Ran]) -> None:
    page = run("--help").out
    assert all(verdict in page for verdict in Verdict)
    assert all(f" {code.value} " in page for code in Exit)


def test_no_arguments_show_the_help(run: Callable[..., Ran]) -> None:
    ran = run()
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: gradcalc")


@pytest.mark.parametrize("arguments", [["--version"], ["--version", "diff", "x"]], ids=" ".join)
def test_version(arguments: list[str], run: Callable[..., Ran]) -> None:
    assert run(*arguments) == Ran(0, f"gradcalc {__version__}\n", "")


# ------------------------------------------------------------------------------------------------------------- batch


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"expr": "x"}', Problem("x")),
        ('{"expr": "x", "at": {}}', Problem("x")),
        ('{"expr": "x", "at": null, "by": null, "order": null, "dtype": null, "device": null}', Problem("x")),
        ('{"expr": "x", "at": {"x": 0.1}}', Problem("x", {"x": "0.1"})),
        ('{"expr": "x", "at": {"x": 1.10e-3}}', Problem("x", {"x": "1.10e-3"})),
        ('{"expr": "x", "at": {"x": 12345678901234567890.5}}', Problem("x", {"x": "12345678901234567890.5"})),
        ('{"expr": "x", "at": {"x": -3}}', Problem("x", {"x": "-3"})),
        ('{"expr": "x", "at": {"x": "1/3"}}', Problem("x", {"x": "1/3"})),
        ('{"expr": "e*x", "by": "x", "variables": ["e"]}', Problem("e*x", by=("x",), variables=("e",))),
        ('{"expr": "x*y", "by": ["y", "x"], "order": 2}', Problem("x*y", by=("y", "x"), order=2)),
        (
            '{"expr": "x", "at": {"x": [1, 2]}, "cotangent": [3, 0.10]}',
            Problem("x", {"x": "[1, 2]"}, cotangent="[3, 0.10]"),
        ),
        ('{"expr": "x", "at": 0.10}', Problem("x", {"x": "0.10"})),
        ('{"expr": "x*y", "at": "x=1,y=2"}', Problem("x*y", {"x": "1", "y": "2"})),
        ('{"expr": "x*y", "at": "1,2"}', Problem("x*y", {"x": "1", "y": "2"})),
        ('{"expr": "x", "dtype": "float32", "device": "cuda:0"}', Problem("x", dtype="float32", device="cuda:0")),
        ('\ufeff{"expr": "x"}', Problem("x")),
        ('  {"expr": "x"}  \r', Problem("x")),
    ],
)
def test_batch_understands(line: str, problem: Problem, asked: list[Problem], run: Callable[..., Ran]) -> None:
    ran = run("batch", stdin=line + "\n")
    assert (ran.code, ran.err) == (0, "")
    assert asked == [problem]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "the line is not valid JSON: Expecting property name enclosed in double quotes at character 2"),
        ("x**2", "the line is not valid JSON: Expecting value at character 1"),
        ("[1]", "the line is not a JSON object"),
        ("3", "the line is not a JSON object"),
        ("null", "the line is not a JSON object"),
        ('"x"', "the line is not a JSON object"),
        ("[" * 100_000, "the line is nested too deeply"),
        (b"\xff\xfe", "the line is not UTF-8 text: byte 1"),
        ("\0", "the line is not valid JSON: Expecting value at character 1"),
        ('{"expr": "x\0"}', "the line is not valid JSON: Invalid control character at character 12"),
        ('{"expr": "x\\u0000"}', "unexpected character U+0000"),
        ('{"expr": "x\\ud800"}', "unexpected character U+D800"),
        ('{"expr": "' + "x" * 1_000_001 + '"}', "a line has at most 1000000 bytes"),
        ("{}", "missing key expr"),
        ('{"expr": 3}', "expr must be a string"),
        ('{"expr": ["x"]}', "expr must be a string"),
        ('{"expr": "x+"}', "unexpected end of expression after '+'"),
        ('{"expr": "x", "exprs": 1}', "unknown key exprs"),
        ('{"expr": "x", "expr": "y"}', "expr is given twice"),
        ('{"expr": "x", "at": {"x": 1, "x": 2}}', "x is given twice"),
        ('{"expr": "x", "at": [1]}', "at must be an object"),
        ('{"expr": "x", "at": "y=3"}', "y does not occur in the expression"),
        ('{"expr": "x*y", "at": 3}', "1 unnamed value, but 2 variables (x, y)"),
        ('{"expr": "x", "at": "x=0:1:3"}', "unexpected :"),
        ('{"expr": "x", "at": {"x": [{}]}}', "the value of x must be a number, a string or a list, not an object"),
        ('{"expr": "x", "at": {"x": [1, [2]]}}', "the entries of a list must have one shape, not () and (1,)"),
        ('{"expr": "x", "at": {"x": true}}', "the value of x must be a number, a string or a list, not true"),
        ('{"expr": "x", "at": {"x": null}}', "the value of x must be a number, a string or a list, not null"),
        ('{"expr": "x", "at": {"x": "nan"}}', "nan is not supported: values must be finite"),
        ('{"expr": "x", "at": {"x": NaN}}', "the line is not valid JSON: NaN is not a number"),
        ('{"expr": "x", "at": {"x": Infinity}}', "the line is not valid JSON: Infinity is not a number"),
        ('{"expr": "x*y", "at": {"x": 1}}', "missing value for y"),
        ('{"expr": "x", "at": {"2": 1}}', "'2' is not a valid variable name"),
        ('{"expr": "x", "at": {"": 1}}', "'' is not a valid variable name"),
        ('{"expr": "x", "by": 3}', "by must be a name or a list of names"),
        ('{"expr": "x", "by": [3]}', "by must be a name or a list of names"),
        ('{"expr": "x", "by": {"x": 1}}', "by must be a name or a list of names"),
        ('{"expr": "x", "variables": [null]}', "variables must be a name or a list of names"),
        ('{"expr": "x", "order": true}', "the order must be an integer from 1 to 8, not true"),
        ('{"expr": "x", "order": "2"}', 'the order must be an integer from 1 to 8, not "2"'),
        ('{"expr": "x", "order": 2.0}', "the order must be an integer from 1 to 8, not 2.0"),
        ('{"expr": "x", "order": 9}', "the order must be an integer from 1 to 8, not 9"),
        ('{"expr": "x", "dtype": 32}', "dtype must be a string"),
        ('{"expr": "x", "dtype": "double"}', "unknown dtype double"),
        ('{"expr": "x", "device": "gpu"}', "unknown device gpu"),
        ('{"expr": "x", "id": [1]}', "id must be a string or an integer"),
        ('{"expr": "x", "id": true}', "id must be a string or an integer"),
        ('{"expr": "x", "id": 1.5}', "id must be a string or an integer"),
        ('{"expr": "x", "id": ' + "1" * 5_000 + "}", "id must be a string or an integer"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_batch_refuses_a_line_and_goes_on(
    line: str | bytes, message: str, asked: list[Problem], run: Callable[..., Ran]
) -> None:
    given = line if isinstance(line, bytes) else line.encode()
    ran = run("batch", stdin=given + b'\n{"expr": "y", "id": 2}\n')
    assert (ran.code, ran.err) == (Exit.WRONG_REQUEST, "")
    refused, answered = ran.lines
    assert {key: refused[key] for key in ("command", "outcome", "exit_code", "line")} == {
        "command": "batch", "outcome": "error", "exit_code": 2, "line": 1,
    }  # fmt: skip
    assert refused["error"]["message"] == message  # type: ignore[index]
    assert (answered["command"], answered["exit_code"], answered["line"]) == ("diff", 0, 2)
    assert (answered["id"], [problem.expr for problem in asked]) == (2, ["y"])


def test_batch_points_into_the_expression(run: Callable[..., Ran]) -> None:
    (line,) = run("batch", stdin='{"id": "a", "expr": "2*sinn(x)"}').lines
    error = {"message": "unknown function sinn", "span": [2, 6], "hint": "did you mean sin?", "source": "2*sinn(x)"}
    assert (line["id"], line["line"], line["error"]) == ("a", 1, error)


@pytest.mark.parametrize(
    ("given", "answered"), [("7", 7), ('"7"', "7"), ("-0", 0), ('"\\u00e9\\ud800"', "é\ud800"), ("null", None)]
)
def test_batch_repeats_the_id(given: str, answered: object, asked: list[Problem], run: Callable[..., Ran]) -> None:
    ran = run("batch", stdin=f'{{"id": {given}, "expr": "x"}}\n{{"id": {given}, "expr": "x+"}}')
    assert ran.out.isascii()
    assert [line["id"] for line in ran.lines] == [answered, answered]


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], Exit.AGREE),
        (["", "   ", "\t\r"], Exit.AGREE),
        (["x", "x"], Exit.AGREE),
        (["x", "abs(x)"], Exit.EXPLAINED),
        (["abs(x)", "x/x", "x"], Exit.UNDECIDED),
        (["x - x", "x/x"], Exit.DISAGREE),
        (["x - x", "x+"], Exit.WRONG_REQUEST),
        (["x - x", "x+", "sin(x)*0", "x"], Exit.BUG),
    ],
    ids=lambda value: " | ".join(value) if isinstance(value, list) else "",
)
def test_batch_exit_codes(lines: list[str], code: Exit, asked: list[Problem], run: Callable[..., Ran]) -> None:
    questions = "\n".join(json.dumps({"expr": line, "at": {"x": 1}}) if line.strip() else line for line in lines)
    ran = run("batch", stdin=questions)
    assert (ran.code, len(ran.lines)) == (code, sum(bool(line.strip()) for line in lines))


def test_batch_survives_a_bug(asked: list[Problem], run: Callable[..., Ran]) -> None:
    ran = run("batch", stdin='{"expr": "sin(x)*0", "id": 1}\n{"expr": "x", "id": 2}\n')
    assert [line["id"] for line in ran.lines] == [1, 2]
    assert ran.lines[0]["error"] == {
        "message": "internal error: RuntimeError: a bug",
        "span": None,
        "hint": None,
        "source": None,
    }


def test_batch_answers_are_those_of_diff(asked: list[Problem], run: Callable[..., Ran]) -> None:
    (batch,) = run("batch", stdin='{"expr": "x**2", "at": {"x": 3}, "id": 5}').lines
    (diff,) = run("diff", "x**2", "--at", "3", "--format", "json").lines
    assert (batch.pop("id"), batch.pop("line")) == (5, 1)
    assert batch == diff


def test_batch_skips_comments_and_counts_lines(asked: list[Problem], run: Callable[..., Ran]) -> None:
    ran = run("batch", stdin='# a comment\n\n  # another\n{"expr": "x"}\n#\n{"expr": "y"}\n')
    assert [line["line"] for line in ran.lines] == [4, 6]


def test_batch_exit_codes_are_those_of_fail_on(asked: list[Problem], run: Callable[..., Ran]) -> None:
    ran = run("batch", "--fail-on", "inaccurate", stdin='{"expr": "x", "at": 13}\n{"expr": "x", "at": 1}\n')
    assert ([line["exit_code"] for line in ran.lines], ran.code) == ([1, 0], 1)


def test_batch_reads_a_file(tmp_path: Path, asked: list[Problem], run: Callable[..., Ran]) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(b'{"expr": "x"}\n\n{"expr": "y"}')
    assert [line["expr"] for line in run("batch", str(file)).lines] == ["x", "y"]


# --------------------------------------------------------------------------------------------- functions and devices


def test_functions_lists_the_table(run: Callable[..., Ran]) -> None:
    lines = run("functions", "--format", "json").lines
    assert [line["name"] for line in lines] == list(TABLE)
    assert {tuple(line) for line in lines} == {
        (
            "schema",
            "command",
            "outcome",
            "exit_code",
            "group",
            "name",
            "usage",
            "aliases",
            "summary",
            "singular",
            "torch",
            "versions",
        )
    }
    plain = run("functions", "--format", "plain").out.splitlines()
    assert [line.split("\t")[1] for line in plain] == list(TABLE)
    table = run("functions").out
    assert all(str(line["usage"]) in table and str(line["summary"]) in table for line in lines)


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("leaky", ["leaky_relu"]),
        ("LEAKY", ["leaky_relu"]),
        ("arcsin", ["asin", "asinh"]),
        ("cosine", ["cos", "acos"]),
        ("constants", ["pi", "e", "tau"]),
    ],
)
def test_functions_finds_a_word(word: str, names: list[str], run: Callable[..., Ran]) -> None:
    found = [line["name"] for line in run("functions", word, "--format", "json").lines]
    assert set(names) <= set(found)
    assert len(found) < len(TABLE) / 4


@pytest.mark.parametrize("format", ["table", "plain", "json"])
def test_functions_finds_nothing(format: str, run: Callable[..., Ran]) -> None:
    told = "error: no function matches 'tannh'\nhint: did you mean tanh?\n"
    assert run("functions", "tannh", "--format", format) == Ran(1, "", told)


@pytest.mark.parametrize(
    ("name", "usage", "torch"),
    [
        ("+", "x + y", True),
        ("neg", "-x", True),
        ("**", "x**y", True),
        ("<", "x < y", None),
        ("and", "p and q", None),
        ("not", "not p", None),
        ("pi", "pi", True),
        ("sin", "sin(x)", True),
        ("zeta", "zeta(x)", False),
        ("besselj0", "besselj0(x)", False),
        ("besseli0", "besseli0(x)", True),
        ("leaky_relu", "leaky_relu(x, negative_slope=0.01)", True),
    ],
)
def test_functions_says_how_to_write_it(name: str, usage: str, torch: bool | None, run: Callable[..., Ran]) -> None:
    (line,) = [line for line in run("functions", "--format", "json").lines if line["name"] == name]
    assert (line["usage"], line["torch"]) == (usage, torch)


def test_devices(run: Callable[..., Ran]) -> None:
    first = run("devices", "--format", "json").lines[0]
    assert first["name"] == "cpu"
    assert "float64" in first["dtypes"]  # type: ignore[operator]
    assert run("devices", "--format", "plain").out.startswith("cpu\t")
    assert "cpu" in run("devices").out


# ----------------------------------------------------------------------------------------------------- real processes

GRADCALC = [sys.executable, "-m", "gradcalc"]
HEAVY = ("flint", "mpmath", "numpy", "pydantic", "rich", "sympy", "torch")


def ran(*arguments: str, environment: dict[str, str] | None = None, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [*GRADCALC, *arguments],
        env={**os.environ, **(environment or {})},
        check=False,
        capture_output=not options,
        timeout=60,
        **options,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["diff", "--help"],
        ["dif"],
        ["diff", "x", "--ordr", "2"],
        ["diff", "x +"],
        ["diff", "sinn(x)", "--at", "3"],
        ["diff", "x*y", "--at", "x=1"],
        ["diff", "x", "--at", "x=2*("],
        ["diff", "x", "--format", "tabel"],
        ["diff", "x", "--dtype", "f32", "--at", "3"],
        ["functions", "sin", "--format", "plain"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_imported_for(arguments: list[str]) -> None:
    program = f"import sys; from gradcalc.cli.main import main; main({arguments}); print('loaded', *({HEAVY} & sys.modules.keys()))"
    program = program.replace(repr(HEAVY), repr(set(HEAVY)))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "loaded"


@pytest.mark.parametrize("arguments", [["--help"], ["diff", "-h"], ["functions"], ["--version"]], ids=" ".join)
def test_a_closed_pipe_ends_quietly(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = ran(*arguments, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_pipe_closed_in_the_middle_of_a_batch() -> None:
    process = subprocess.Popen([*GRADCALC, "batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin and process.stdout and process.stderr  # noqa: PT018
    process.stdin.write(b'{"expr": "x+"}\n')
    process.stdin.flush()
    assert b'"error"' in process.stdout.readline()  # line by line: the input has not ended
    process.stdout.close()
    try:
        for _ in range(10_000):
            process.stdin.write(b'{"expr": "x+"}\n')
            process.stdin.flush()
    except BrokenPipeError:
        pass
    assert (process.wait(60), process.stderr.read()) == (141, b"")
    process.stderr.close()
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a Linux device")
@pytest.mark.parametrize("arguments", [["--help"], ["functions"], ["--version"]], ids=" ".join)
def test_a_full_disk_is_told(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = ran(*arguments, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (2, b"error: cannot write the result: No space left on device\n")


def test_a_closed_stdout_is_told() -> None:
    shell = f"{sys.executable} -m gradcalc functions >&-"
    done = subprocess.run(shell, shell=True, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (2, b"error: cannot write the result: stdout is closed\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"TERM": "dumb"}, {"PYTHONIOENCODING": "latin-1"}],
    ids=str,
)
def test_ascii_where_the_output_is(environment: dict[str, str]) -> None:
    for arguments in (["functions", "kink"], ["diff", "x/(x-x)*π"]):
        done = ran(*arguments, environment=environment)
        assert done.stdout.isascii()
        assert b"Traceback" not in done.stderr
    assert (
        "─" in ran("functions", "kink", environment={"PYTHONIOENCODING": "utf-8", "LC_ALL": "", "TERM": ""}).stdout.decode()
    )


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_has_no_traceback() -> None:
    process = subprocess.Popen([*GRADCALC, "batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin and process.stdout  # noqa: PT018
    process.stdin.write(b'{"expr": "x+"}\n')
    process.stdin.flush()
    process.stdout.readline()  # it is up and waits for the next line
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (Exit.INTERRUPTED, b"")


def test_the_whole_way() -> None:
    done = ran("diff", "sin(x**2)", "--at", "3", environment={"PYTHONIOENCODING": "utf-8", "LC_ALL": "", "TERM": ""})
    assert (done.returncode, done.stderr) == (0, b"")
    page = done.stdout.decode()
    assert "∂f/∂x = 2*x*cos(x**2) ≈ -5.466781571\n" in page
    assert "\n✓ agree: " in page


def test_a_lost_stderr_changes_no_exit_code(run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError("nobody listens")

    monkeypatch.setattr(sys, "stderr", Closed())
    assert run("diff", "x +").code == 2


FAIL_ON = [
    (["sin(x)", "--at", "1", "--fail-on", "disagree"], 0),
    (["abs(x)", "--at", "0", "--fail-on", "disagree,not-finite"], 0),
    (["abs(x)", "--at", "0", "--fail-on", "not-differentiable"], 1),
    (["sqrt(x**4)", "--at", "0", "--fail-on", "not-finite"], 1),
    (["sqrt(x**4)", "--at", "0", "--fail-on", "inaccurate", "--fail-on", "agree"], 0),
    (["abs(x) + sqrt(y**4)", "--at", "x=0,y=0", "--fail-on", "not-differentiable"], 1),  # not the worst that occurs
    (["abs(x)", "--at", "x=-1:1:3", "--fail-on", "not-differentiable"], 1),
    (["abs(x)", "--at", "x=-1:1:4", "--fail-on", "not-differentiable", "--format", "csv"], 0),
    (["sin(x)", "--fail-on", "agree"], 0),
]


@pytest.mark.parametrize(("args", "code"), FAIL_ON, ids=[" ".join(args) for args, _ in FAIL_ON])
def test_fail_on(args: list[str], code: int) -> None:
    assert main(["diff", *args]) == code


@pytest.mark.parametrize(("words", "code"), [("not-differentiable", 1), ("disagree", 0), ("agree", 1)])
def test_fail_on_in_a_batch(tmp_path: Path, words: str, code: int) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"expr": "abs(x) + y", "at": {"x": 0, "y": 1}}\n')
    assert main(["batch", str(file), "--fail-on", words]) == code


def test_fail_on_knows_its_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "x", "--at", "1", "--fail-on", "disagre"]) == 2
    assert "unknown verdict disagre" in capsys.readouterr().err
    assert main(["bce", "--x", "200", "--y", "0", "--dtype", "float32", "--fail-on", "different-function"]) in (0, 1)
