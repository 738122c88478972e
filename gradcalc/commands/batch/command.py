"""`gradcalc batch`: lines of requests in, lines of answers out, in order, until the input ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, BinaryIO

import typer

from gradcalc.commands.arguments import count_of, seconds_of, verdicts_of
from gradcalc.commands.console import tell
from gradcalc.commands.options import FailOn, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.errors import CalcError, Exit, unreadable
from gradcalc.report import Outcome
from gradcalc.runtime.files import open_input

MAX_JOBS = 256
_ENDLESS = 100_000_000
"""Bytes that are skipped of a line that is too long."""


def batch(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The questions; - is stdin.")] = "-",
    jobs: Annotated[
        str, typer.Option(metavar="N", help="Answer in N pairs of processes, torch and sympy.", envvar="GRADCALC_JOBS")
    ] = "1",
    timeout: Timeout = "10",
    fail_on: FailOn = None,
    *,
    presentation: Presentation,
) -> Exit:
    """Answer a question a line with a JSON object a line.

    \b
      {"expr": "sin(x**2)", "at": {"x": 3}}
      {"id": 7, "expr": "x*y", "at": {"x": "1/3", "y": 0.1}, "by": ["x"],
       "order": 1, "dtype": "float32", "device": "cpu", "variables": ["y"]}
      (in one line)

    Only expr is needed; without at there are formulas only. Arrays are nested lists; direction ({"x": [1, 0]}) and
    cotangent ([1, 2]) ask for products with the Jacobian. Answers come in the order of the questions, each as soon as
    it is there, and have the id of their question. A line that is wrong is answered with an error, and the run goes on:

    \b
      {"schema": ..., "id": ..., "error": {"message": ..., "span": [start, end], "hint": ...}}

    The exit code is 70 if gradcalc failed on some line, else 2 if some line was wrong, else that of the worst verdict
    as for gradcalc diff, --fail-on included. With a file, and a terminal to show it on, there is a progress bar.
    """
    workers, seconds = count_of(jobs, "the number of jobs", MAX_JOBS), seconds_of(timeout)
    verdicts = verdicts_of(fail_on or [])
    outcome = Outcome(verdicts)
    failures: set[Exit] = set()

    from gradcalc.commands.batch import pool

    with open_input(file, "questions") as stream, _progress(file) as advance:
        if file == "-" and stream.isatty():
            tell("reading questions from the terminal, a JSON object a line")
        lines = _lines(stream, advance)
        for answer in pool.serial(lines, seconds) if workers == 1 else pool.in_pool(lines, workers, seconds):
            if answer.failed is not None:
                failures.add(answer.failed)
            outcome.add(answer.verdicts)
            presentation.write(answer.text(verdicts))
    return max(failures, default=outcome.exit)


@contextmanager
def _progress(file: str) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how much of a file is read; what is yielded is called with the numbers of bytes."""
    if file == "-" or sys.stderr is None or not sys.stderr.isatty() or not os.path.isfile(file):
        yield lambda size: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("", total=os.path.getsize(file))
        yield lambda size: progress.advance(task, size)


def _lines(stream: BinaryIO, advance: Callable[[int], None]) -> Iterator[tuple[int, bytes]]:
    """The lines that are neither empty nor comments; of a line that is too long, one byte more than `MAX_LINE`."""
    from gradcalc.commands.batch.json_lines import MAX_LINE

    number = 0
    while line := _read(stream, MAX_LINE + 1):
        advance(len(line))
        if not number:
            line = line.removeprefix(b"\xef\xbb\xbf")
        number += 1
        if line.strip() and not line.lstrip().startswith(b"#"):
            yield number, line
        excess = 0
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = _read(stream, MAX_LINE + 1)
            advance(len(line))
            excess += len(line)
            if not line:
                return
            if excess > _ENDLESS:
                raise CalcError(f"a line does not end within {_ENDLESS} bytes", hint="one question per line")


def _read(stream: BinaryIO, limit: int) -> bytes:
    try:
        return stream.readline(limit)
    except OSError as error:
        raise unreadable("the questions", error) from None
