"""The command line: arguments in, exit code out.

`main` runs one command.  Only results go to stdout; errors go to stderr and into the exit code.  Commands write through
`write` and `show`, raise `CalcError` for a wrong request, and return an `Exit`.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from gradcalc.cli.app import COMMANDS, application
from gradcalc.cli.version import version_text
from gradcalc.commands.console import tell, tell_error, write
from gradcalc.commands.pager import wait_for_pager
from gradcalc.commands.spinner import stop_spinner
from gradcalc.errors import CalcError, Exit
from gradcalc.output.colors import COLOR
from gradcalc.runtime import torch_import
from gradcalc.runtime.files import remove_unfinished

if TYPE_CHECKING:
    import typer


# What a shell reports for a program that a closed pipe ended: 128 + SIGPIPE.
CLOSED_PIPE = 141

_VERSION = {"version", "--version", "-V"}
_DETAILS = {"--verbose", "-v", "--json"}
"""Words that ask for the version, and for more than that."""


def run() -> NoReturn:
    """The program that is installed: run the command line of this process, and end it."""
    signal.signal(signal.SIGINT, _interrupted)
    signal.signal(signal.SIGTERM, _interrupted)
    torch_import.assume_exclusive_process()
    _end(main())


def _interrupted(number: int, _: object) -> NoReturn:
    """End at once: raised as an exception, an interrupt gets lost while torch is imported."""
    _end(128 + number)  # 130 and 143, as shells say it


def _end(code: int) -> NoReturn:
    """Leave at once, without taking torch down piece by piece; all that was written is flushed."""
    stop_spinner()
    wait_for_pager()
    remove_unfinished()
    for module, function in _ENDINGS:
        stop = getattr(sys.modules.get(module), function, None)
        if stop is not None:
            with suppress(Exception):  # whatever it is, this process ends now
                stop()
    os._exit(code)


_ENDINGS = (
    ("gradcalc.engines.symbolic.client", "stop_client"),
    ("gradcalc.commands.batch.pool", "leave_nothing"),
    ("gradcalc.commands.gradcheck.process", "stop_process"),
)
"""Modules that start processes, if they are imported, and their functions that end them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; nothing is raised."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    COLOR.set("auto")
    try:
        if sys.stdout is None:
            raise CalcError("cannot write the result: stdout is closed")
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Renderers know what can be encoded; this is for help pages and for names that a machine gives its devices.
            sys.stdout.reconfigure(errors="backslashreplace")
        code = _run(words)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except CalcError as error:
        tell_error(error)
        return Exit.WRONG_REQUEST
    except OSError as error:
        if not _arose_in_writing(error):
            return _bug(error)
        # Python shall not try again, when it ends, to write what could not be written.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if isinstance(error, BrokenPipeError):
            return CLOSED_PIPE
        tell_error(CalcError(f"cannot write the result: {error.strerror or error}"))
        return Exit.WRONG_REQUEST
    except Exception as error:
        return _bug(error)


def _run(arguments: list[str]) -> int:
    if not _VERSION.isdisjoint(arguments) and (_VERSION | _DETAILS).issuperset(
        arguments
    ):  # a shortcut: typer takes most of the time
        write(version_text(verbose=not {"--verbose", "-v"}.isdisjoint(arguments), json="--json" in arguments))
        return Exit.AGREE

    import typer

    command = typer.main.get_group(application(arguments[0] if arguments and arguments[0] in COMMANDS else None))
    _take_words_as_typed(command)
    try:
        # Not `app()`: it would answer closed pipes and usage errors in its own way.
        with command.make_context("gradcalc", list(arguments)) as context:
            return int(command.invoke(context) or 0)
    except typer.Exit as done:
        return done.exit_code
    except typer.TyperException as error:
        if arguments:
            raise _usage(error) from None
        tell(error.format_message())  # the help page
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


# --------------------------------------------------------------------------------------------------- errors


def _usage(error: typer.TyperException) -> CalcError:
    """What typer says about a command line, as one of our errors."""
    message, _, guess = error.format_message().partition(" Did you mean ")
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "gradcalc"
    close = getattr(error, "possibilities", None)
    if close:
        message, guess = message.partition(" (Possible")[0], f"{' or '.join(sorted(close))}?"
    if guess:
        hint = f"did you mean {guess}"
    elif message.startswith("No such command"):
        hint = 'gradcalc diff "x**2" differentiates an expression; gradcalc --help lists the commands'
    else:
        hint = f"{command} --help shows the usage"
    message = "".join(character if character.isprintable() else "?" for character in message.rstrip("."))
    return CalcError(f"{message[:1].lower()}{message[1:]}", hint=hint)


def _bug(error: Exception) -> int:
    if os.environ.get("GRADCALC_DEBUG"):
        import traceback

        tell(traceback.format_exc().rstrip())
    message = " ".join(str(error).split())[:300]
    hint = "report it to the maintainers of gradcalc, with the command line and gradcalc --version --verbose"
    tell_error(CalcError(f"internal error: {type(error).__name__}: {message}", hint=hint))
    return Exit.BUG


def _arose_in_writing(error: OSError) -> bool:
    """Whether it was stdout that failed: a pipe to a child process may break too, and that is a bug."""
    import typer

    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is not None and place.tb_frame.f_code in (write.__code__, main.__code__, typer.echo.__code__)
