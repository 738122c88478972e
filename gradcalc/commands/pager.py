"""Long text on a terminal goes through a pager, as git does it: `GRADCALC_PAGER`, `PAGER`, or `less -FRX`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

from gradcalc.commands.console import write
from gradcalc.commands.spinner import stop_spinner

if TYPE_CHECKING:
    import subprocess

    from gradcalc.output.options import RenderOptions


class Pager:
    """Takes text as it comes; starts the pager once the text is longer than the terminal, and else writes it at the end."""

    def __init__(self, options: RenderOptions, command: Sequence[str] | None):
        self._height = (options.height or 24) if command else 0
        self._command = command or ()
        self._parts: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def write(self, text: str) -> None:
        """Take a part of the text.  Raises `BrokenPipeError` if the pager has ended."""
        self._parts.append(text)
        if sum(part.count("\n") for part in self._parts) < self._height:
            return
        if self._process is None and self._command:
            import subprocess

            stop_spinner()
            environment = {"LESS": "FRX", **os.environ}
            with suppress(OSError):  # a file that is not a program
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, text=True, encoding="utf-8", env=environment
                )
                _CURRENT.set(self)
        self._height = 0
        self._flush()

    def _flush(self) -> None:
        text = "".join(self._parts)
        self._parts.clear()
        write(text, self._process.stdin if self._process else None)

    def close(self) -> None:
        """Write what is left, and wait until the reader leaves the pager."""
        if self._parts:
            self._flush()
        if self._process is not None:
            with suppress(OSError):
                self._process.communicate()
            _CURRENT.set(None)

    def wait(self) -> None:
        """Wait until the reader leaves the pager; after a signal locks may be held, so that nothing is written."""
        if self._process is None or self._process.stdin is None:
            return
        with suppress(OSError, ValueError):
            os.close(self._process.stdin.fileno())
        with suppress(OSError):
            os.waitpid(self._process.pid, 0)


_CURRENT: ContextVar[Pager | None] = ContextVar("pager", default=None)


def wait_for_pager() -> None:
    """Wait for the pager that is running, if any, before the process ends: it holds the terminal."""
    pager = _CURRENT.get()
    if pager is not None:
        pager.wait()


def pager_command(environment: Mapping[str, str] = os.environ) -> list[str] | None:
    """The pager of the user; None where there is none, or where it is `cat`."""
    import shlex
    import shutil

    words = environment.get("GRADCALC_PAGER", environment.get("PAGER", "less -FRX"))
    try:
        command = shlex.split(words)
    except ValueError:
        return None
    if not command or command == ["cat"] or environment.get("TERM") == "dumb" or shutil.which(command[0]) is None:
        return None
    return command
