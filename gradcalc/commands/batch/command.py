"""`gradcalc batch`: lines of requests in, lines of answers out, in order, until the input ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, BinaryIO

import typer

from gradcalc.commands.arguments import choice, count_of, seconds_of, verdicts_of
from gradcalc.commands.console import tell
from gradcalc.commands.options import FailOn, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.errors import CalcError, Exit, unreadable
from gradcalc.report import Outcome
from gradcalc.runtime.files import open_input

MAX_JOBS = 256
_ENDLESS = 100_000_000
"""Bytes that are skipped of a line that is too long."""


FORMATS = ("json", "github", "junit")
_LONG_FILE = 100_000_000
"""Bytes of a file whose queries are not counted for the progress bar."""


def batch(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The queries; - is stdin.")] = "-",
    jobs: Annotated[
        str,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            help="Use N pairs of worker processes, one of each pair for SymPy; auto: one pair per processor.",
            envvar="GRADCALC_JOBS",
        ),
    ] = "1",
    timeout: Timeout = "10",
    format: Annotated[str, typer.Option(metavar="NAME", help="json, github or junit.")] = "json",
    fail_on: FailOn = None,
    *,
    presentation: Presentation,
) -> Exit:
    """Process JSON Lines: one query in, one result out.

    \b
      {"expr": "sin(x**2)", "at": {"x": 3}}
      {"id": 7, "expr": "x*y", "at": "x=1/3,y=0.1", "by": ["x"], "order": 1, "dtype": "float32"}

    Only expr is required; without at the result has formulas only. Further keys are from, device, variables, direction
    ({"x": [1, 0]}) and cotangent ([1, 2]). With claim or lines, and where, a line is answered as by gradcalc check. A line
    has one point; its arrays are nested lists. Empty lines and lines that begin with # are skipped.
    Results come in the order of the queries, each as soon as it is ready, with the id and the line of its query. A line
    that cannot be answered gives an error, and the run continues:

    \b
      {"schema": ..., "id": ..., "line": ..., "error": {"message": ..., "span": [start, end], "hint": ...}}

    --format github prints annotations for GitHub Actions (::error file=...,line=...::), --format junit a test report.

    The exit code is 70 after an internal error, else 2 if some line could not be answered, else that of the worst verdict
    as for gradcalc diff, --fail-on included.
    """
    choice(format, FORMATS, "format")
    workers, seconds = jobs_of(jobs), seconds_of(timeout)
    verdicts = verdicts_of(fail_on or [])
    outcome = Outcome(verdicts)
    failures: set[Exit] = set()

    from gradcalc.commands.batch import pool
    from gradcalc.output.annotations import Record, github, junit

    def in_file(record: Record) -> Record:
        return record if file == "-" else replace(record, file=file)

    records = []
    with open_input(file, "queries") as stream, _progress(file) as advance:
        if file == "-" and stream.isatty():
            tell("reading queries from the terminal, one JSON object per line")
        lines = _lines(stream)
        answers = pool.serial(lines, seconds, verdicts) if workers == 1 else pool.in_pool(lines, workers, seconds, verdicts)
        for answer in answers:
            if answer.failed is not None:
                failures.add(answer.failed)
            outcome.add(answer.verdicts)
            if format == "json":
                presentation.write(answer.text)
            elif format == "github":
                presentation.write(github(in_file(answer.record)))
            else:
                records.append(in_file(answer.record))
            advance()
    if format == "junit":
        presentation.write(junit(records, "gradcalc batch"))
    return max(failures, default=outcome.exit)


def jobs_of(text: str) -> int:
    """The number of pairs of processes: `auto` is that of the processors.  Raises `CalcError` for another text."""
    if text == "auto":
        return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, MAX_JOBS)
    return count_of(text, "the number of jobs", MAX_JOBS)


@contextmanager
def _progress(file: str) -> Iterator[Callable[[], None]]:
    """Show on a terminal how many queries of a file are answered; what is yielded is called after each."""
    if file == "-" or sys.stderr is None or not sys.stderr.isatty() or not os.path.isfile(file):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    total = None
    if os.path.getsize(file) <= _LONG_FILE:
        with open_input(file, "queries") as stream:
            total = sum(1 for _ in _lines(stream))
    columns = (TextColumn("answering"), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines that are neither empty nor comments; of a line that is too long, one byte more than `MAX_LINE`."""
    from gradcalc.commands.batch.json_lines import MAX_LINE

    number = 0
    while line := _read(stream, MAX_LINE + 1):
        if not number:
            line = line.removeprefix(b"\xef\xbb\xbf")
        number += 1
        if line.strip() and not line.lstrip().startswith(b"#"):
            yield number, line
        excess = 0
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = _read(stream, MAX_LINE + 1)
            excess += len(line)
            if not line:
                return
            if excess > _ENDLESS:
                raise CalcError(f"a line has more than {_ENDLESS} bytes", hint="write one query per line")


def _read(stream: BinaryIO, limit: int) -> bytes:
    try:
        return stream.readline(limit)
    except OSError as error:
        raise unreadable("the queries", error) from None
