"""A sign on a terminal that a computation is running."""

from __future__ import annotations

import os
import sys
import threading
from contextvars import ContextVar
from types import TracebackType

_DELAY, _INTERVAL = 1.0, 0.1
_PATIENCE = 1.0
"""Seconds for its end: a terminal that was stopped takes no text."""
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_FRAMES = "|/-\\"
_CLEAR = "\r\x1b[K"


class Spinner:
    """While its block runs, from one second on, stderr shows that something happens, if it is a terminal.

    It ends when anything else is written.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Spinner:
        if sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._thread = threading.Thread(target=self._spin, daemon=True)
            self._thread.start()
            _CURRENT.set(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, and clear its line."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
            self._thread = None
            _CURRENT.set(None)

    def _spin(self) -> None:
        if self._stop.wait(_DELAY):
            return
        can_encode = (sys.stderr.encoding or "").lower().startswith("utf")
        frames = _FRAMES if can_encode else _ASCII_FRAMES
        place = 0
        try:
            while True:
                sys.stderr.write(f"\r{frames[place % len(frames)]} computing")
                sys.stderr.flush()
                place += 1
                if self._stop.wait(_INTERVAL):
                    break
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
        except (OSError, ValueError):  # the terminal is closed
            pass


_CURRENT: ContextVar[Spinner | None] = ContextVar("spinner", default=None)


def stop_spinner() -> None:
    """End the spinner that is running, if any, before something else is written."""
    spinner = _CURRENT.get()
    if spinner is not None:
        spinner.stop()
