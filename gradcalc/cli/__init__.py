"""The command line: arguments in, exit code out.

`main` runs one command.  Results go to stdout and nothing else does; whatever goes wrong is told on stderr and in the exit
code.  Commands write through `write` and `show`, raise `CalcError` for a request that is wrong, and return an `Exit`.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from gradcalc import __version__
from gradcalc.cli.words import choice
from gradcalc.errors import CalcError, Exit, picture
from gradcalc.report import SCHEMA, Outcome, Report, Verdict
from gradcalc.runtime import torch_import

if TYPE_CHECKING:
    import typer

__all__ = ["LISTS", "Exit", "application", "main", "run", "show", "show_list", "tell", "write"]

# What a shell reports for a program that a closed pipe ended: 128 + SIGPIPE.
CLOSED_PIPE = 141

_VERSION = f"gradcalc {__version__}\n"

SUMMARY = "Derivatives by sympy and by torch autograd, side by side, with a proven verdict."

_HELP = f"""
{SUMMARY}

\b
  gradcalc diff "sin(x**2)"                     the formula
  gradcalc diff "sin(x**2)" --at 3              formula and numbers, checked
  gradcalc diff "x*exp(-y)" --at x=1/3 --at y=2 --by y
  gradcalc diff "abs(x)" --at x=-1:1:5          a row a point
  gradcalc trace "sin(x**2)" --at 3             every factor of the chain rule
  gradcalc batch < questions.jsonl > answers.jsonl
"""

EXIT_CODES = (
    ("0", "agree: the formulas are proven equal, and so is the number"),
    ("1", "disagree or not-finite: proven unequal, or nan or inf for a finite derivative"),
    ("2", "the request is wrong"),
    ("3", "inaccurate, artifact, different-function, not-differentiable or undefined: a difference that is explained"),
    ("4", "undecided: no proof within the limits"),
    ("70", "a bug in gradcalc"),
    ("130", "interrupted"),
    ("141", "the pipe that was written to was closed"),
    ("143", "terminated"),
)

_EPILOG = """
\b
Verdicts, and the exit codes that tell scripts about them:
  0   agree               the formulas are proven equal, and so is the number
  1   disagree            proven unequal
      not-finite          nan or inf, and the derivative is finite
  3   inaccurate          the formulas are equal, the number lost its digits
      artifact            there is a derivative, and autograd computes another
      different-function  torch defines the function differently
      not-differentiable  a kink, a jump or a vertical tangent
      undefined           no real value here
  4   undecided           no proof within the limits
\b
  2 a wrong request   70 a bug in gradcalc   130 interrupted   141 closed pipe
  143 terminated
\b
GRADCALC_DEVICE, _DTYPE, _FORMAT, _TIMEOUT and _JOBS are defaults of options;
NO_COLOR=1 turns colours off; GRADCALC_DEBUG=1 shows the traceback of a bug.
"""


def application() -> typer.Typer:
    """The program with all its commands."""
    import typer

    from gradcalc.cli import batch, bce, check, completion, devices, diff, explain, functions, lessons, plot, steps

    app = typer.Typer(
        help=_HELP,
        epilog=_EPILOG,
        add_completion=False,
        rich_markup_mode=None,  # rich would be imported for every help page, and takes [x] for markup
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def options(version: bool = typer.Option(False, "--version", help="Show the version and exit.", is_eager=True)) -> None:
        if version:
            write(_VERSION)
            raise typer.Exit

    app.command("diff", cls=diff.ExpressionCommand)(diff.diff)
    app.command("steps", cls=diff.ExpressionCommand)(steps.steps)
    app.command("check", cls=diff.ExpressionCommand)(check.check)
    app.command("bce")(bce.bce)
    app.command("trace", cls=diff.ExpressionCommand)(lessons.trace)
    app.command("accumulate", cls=diff.ExpressionCommand)(lessons.accumulate)
    app.command("tracking", cls=diff.ExpressionCommand)(lessons.tracking)
    app.command("plot", cls=diff.ExpressionCommand)(plot.plot)
    app.command("batch")(batch.batch)
    app.command("functions")(functions.functions)
    app.command("devices")(devices.devices)
    app.command("explain")(explain.explain)
    app.command("completion")(completion.completion)
    return app


def run() -> NoReturn:
    """The program that is installed: run the command line of this process, and end it."""
    signal.signal(signal.SIGINT, _interrupted)
    signal.signal(signal.SIGTERM, _interrupted)
    torch_import.own_the_process()
    _end(main())


def _interrupted(number: int, _: object) -> NoReturn:
    """End at once: raised as an exception, an interrupt gets lost while torch is imported."""
    _end(128 + number)  # 130 and 143, as shells say it


def _end(code: int) -> NoReturn:
    """Leave at once, without taking torch down piece by piece; all that was written is flushed."""
    process = sys.modules.get("gradcalc.engines.symbolic.client")
    if process is not None and hasattr(process, "shared"):
        process.shared.stop()
    answering = sys.modules.get("gradcalc.cli.answering")
    if answering is not None and hasattr(answering, "leave_nothing"):
        try:
            answering.leave_nothing()
        except Exception:  # whatever it is, this process ends now
            pass
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; nothing is raised."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _prepare_stdout()
        code = _run(given)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except CalcError as error:
        tell(picture(error))
        return Exit.WRONG_REQUEST
    except OSError as error:
        if not _arose_in_writing(error):
            return _bug(error)
        _abandon_stdout()
        if isinstance(error, BrokenPipeError):
            return CLOSED_PIPE
        tell(f"error: cannot write the answer: {error.strerror or error}")
        return Exit.WRONG_REQUEST
    except Exception as error:
        return _bug(error)


def _run(arguments: list[str]) -> int:
    if arguments == ["--version"]:  # a shortcut: typer takes most of the time
        write(_VERSION)
        return Exit.AGREE

    import typer

    command = typer.main.get_group(application())
    _take_words_as_typed(command)
    try:
        # Not `app()`: it would answer closed pipes and usage errors in its own way.
        with command.make_context("gradcalc", arguments) as context:
            return int(command.invoke(context) or 0)
    except typer.Exit as done:
        return done.exit_code
    except typer.TyperException as error:
        tell(_usage(error))
        return Exit.WRONG_REQUEST


class _AsTyped:
    """In place of typer's conversion of values."""

    @staticmethod
    def coerce(value: object, **_: object) -> object:
        return value


def _take_words_as_typed(program: typer.core.TyperGroup) -> None:
    """Spare typer its check that a word is a word: for that it imports pydantic, which takes longer than all the rest.

    `_runtime_param` is private.  Should it go away, commands take 0.1 s longer, and a test tells.
    """
    import typer

    for command in (program, *program.commands.values()):
        for parameter in command.get_params(typer.Context(command, **program.context_settings)):
            descriptor = getattr(parameter, "type_descriptor", None)
            if descriptor is not None and descriptor.annotation in (str, list[str], bool):
                parameter._runtime_param = _AsTyped()  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------------------------- for the commands


def write(text: str) -> None:
    """Write a result to stdout, now."""
    sys.stdout.write(text)
    sys.stdout.flush()


def show(
    reports: Iterable[Report],
    format: str,
    *,
    full: bool = False,
    quiet: bool = False,
    fail_on: Collection[Verdict] = (),
) -> Exit:
    """Write reports in a format as they come; the exit code is that of all their verdicts, see `Outcome`."""
    from gradcalc.render import FORMATS, options_for

    outcome = Outcome(fail_on)
    told: set[str] = set()

    def noted() -> Iterator[Report]:
        for report in reports:
            if format in _WITHOUT_NOTES and not quiet:
                tell_notes(report.notes, told)
            outcome.add(report.verdicts)
            yield report

    for text in FORMATS[choice(format, tuple(FORMATS), "format")](noted(), replace(options_for(sys.stdout), full=full)):
        if not quiet:
            write(text)
    return outcome.exit


_WITHOUT_NOTES = ("plain", "csv", "latex")
"""Formats that have no place for a note."""


def tell_notes(notes: Iterable[str], told: set[str]) -> None:
    """Say on stderr, each once, how else a text could be read."""
    for note in notes:
        if note not in told:
            told.add(note)
            tell(f"note: {note}")


LISTS = ("table", "plain", "json")


def show_list(records: Sequence[Mapping[str, object]], format: str) -> None:
    """Write records with the same keys as a table, as lines with tabs, or as JSON objects."""
    from gradcalc.render import options_for

    if format == "json":
        from gradcalc.render import json as machine

        for record in records:
            write(machine.line({"schema": SCHEMA, **record}))
        return
    options = options_for(sys.stdout)
    rows = [[_cell(value) for value in record.values()] for record in records]
    if format == "plain":
        for row in rows:
            write(options.text("\t".join(row)) + "\n")
    elif rows:
        from gradcalc.render.table import columns

        write(columns(tuple(records[0]), rows, options))


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return {None: "", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)


# --------------------------------------------------------------------------------------------------- what goes wrong


def _usage(error: typer.TyperException) -> str:
    """What typer says about a command line, as one of our errors."""
    message, _, guess = error.format_message().partition(" Did you mean ")
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "gradcalc"
    close = getattr(error, "possibilities", None)
    if message.startswith("Usage:"):  # no arguments: the help page is the message
        return message
    if close:
        message, guess = message.partition(" (Possible")[0], f"{' or '.join(sorted(close))}?"
    if guess:
        hint = f"did you mean {guess}"
    elif message.startswith("No such command"):
        hint = 'gradcalc diff "x**2" differentiates an expression; gradcalc --help lists the commands'
    else:
        hint = f"{command} --help shows the usage"
    message = "".join(character if character.isprintable() else "?" for character in message.rstrip("."))
    return f"error: {message[:1].lower()}{message[1:]}\nhint: {hint}"


def _bug(error: Exception) -> int:
    if os.environ.get("GRADCALC_DEBUG"):
        import traceback

        tell(traceback.format_exc().rstrip())
    message = " ".join(str(error).split())[:300]
    tell(f"gradcalc has a bug: {type(error).__name__}: {message}; please report it with the command line")
    return Exit.BUG


def tell(text: str) -> None:
    """Say something on stderr; when nobody can be told, there is nobody to tell that to."""
    if sys.stderr is None:  # `print` would take stdout
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass


def _prepare_stdout() -> None:
    if sys.stdout is None:
        raise CalcError("cannot write the answer: stdout is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Renderers know what can be encoded; this is for help pages and for names that a machine gives its devices.
        sys.stdout.reconfigure(errors="backslashreplace")


def _arose_in_writing(error: OSError) -> bool:
    """Whether it was stdout that failed: a pipe to a child process may break too, and that is a bug."""
    import typer

    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is not None and place.tb_frame.f_code in (write.__code__, main.__code__, typer.echo.__code__)


def _abandon_stdout() -> None:
    """Let Python not try again, when it ends, to write what could not be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
