"""The caller's side of the processes that run users' files: one per file, and another after one that had to end.

Comes in: requests.  Goes out: a result for each, in order, as soon as it is there.  A file that hangs, crashes or ends its
process costs the check that was being made; the others of its file run in a new process.
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import asdict
from itertools import groupby
from typing import IO, Any

from gradcalc.commands.gradcheck.checks import Failure, Place, Request, Result, undecided, unpack_result
from gradcalc.commands.gradcheck.user_file import is_user_file, place
from gradcalc.errors import CalcError
from gradcalc.runtime import import_path

_START = 60.0
"""Seconds that a machine under load may take to import torch."""
_GRACE = 5.0
"""Seconds beyond the limit: a proof looks at the time between its steps."""
_LAST_WORDS = 2.0
"""Seconds for the traceback of a process that has to end, and for its end."""
_MOST_CHECKS = 50
"""Checks of one process: they are an argument, whose length is limited."""
_INTERVAL = 0.2
"""Seconds between looks at whether a process is alive."""
_FRAME = re.compile(r'  File "(.*)", line ([0-9]+) in (.*)')
_MOST_PLACES = 6


def results_of(requests: Sequence[Request], seconds: float) -> Iterator[Result]:
    """The results of requests, in order; a check may take so many seconds, and so may loading a file."""
    for _, group in groupby(requests, lambda request: request.target.file):
        waiting = list(group)
        while waiting:
            for result in _results(tuple(waiting[:_MOST_CHECKS]), seconds):
                waiting.pop(0)
                yield result


def _results(requests: Sequence[Request], seconds: float) -> Iterator[Result]:
    """The results of the first requests, at least of one, by one process; the same for all if the file cannot be loaded."""
    file = requests[0].target.file
    process = _Process(requests, seconds)
    try:
        for state, limit in (("ready", _START), ("loaded", seconds)):
            message = process.message(limit)
            if message != {"state": state}:
                result = process.end(f"loading {file}", limit) if message is None else unpack_result(message)
                yield from [result] * len(requests)
                return
        for request in requests:
            message = process.message(seconds + _GRACE)
            if message is None:
                yield process.end(str(request.target), seconds)
                return
            yield unpack_result(message)
    finally:
        process.kill()


_CURRENT: ContextVar[_Process | None] = ContextVar("process", default=None)


def stop_process() -> None:
    """End the process that is running, before this one ends without its usual clean-up."""
    process = _CURRENT.get()
    if process is not None:
        process.kill()


class _Process:
    """A process that runs a user's file, in a process group of its own."""

    def __init__(self, requests: Sequence[Request], seconds: float):
        receiving, sending = os.pipe()
        checks = json.dumps([asdict(request) for request in requests])
        try:
            self._child = subprocess.Popen(
                import_path.command("gradcalc.commands.gradcheck.worker", str(sending), checks, str(seconds)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if sys.stderr is None else 2,
                pass_fds=(sending,),
                env=import_path.environment(os.environ),
                start_new_session=True,
            )
        except OSError as error:
            os.close(receiving)
            hint = "the file runs in a process of its own; allow more open files and processes (ulimit -n, ulimit -u)"
            raise CalcError(f"cannot start a process: {error.strerror or error}", hint=hint) from None
        finally:
            os.close(sending)
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._is_closed = False
        self._traceback: list[str] = []
        pipe = open(receiving, encoding="utf-8", errors="replace")  # noqa: SIM115  closed at its end
        threading.Thread(target=_pump, args=(pipe, self._lines), daemon=True).start()
        _CURRENT.set(self)

    def message(self, seconds: float) -> Any:
        """The next message; None if the process has ended, or says nothing for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            has_ended = self._child.poll() is not None
            try:
                line = self._lines.get(timeout=min(left, _INTERVAL))
            except queue.Empty:
                if has_ended:  # processes that it has started may keep its descriptor open
                    return None
                continue
            if line is None:
                self._is_closed = True
                return None
            if line.startswith("{"):
                return json.loads(line)
            self._traceback.append(line)
        return None

    def end(self, what: str, seconds: float) -> Result:
        """Why a message is missing; the process is ended if it has not ended by itself."""
        try:
            code = self._child.wait(_LAST_WORDS if self._is_closed else 0.0)
        except subprocess.TimeoutExpired:
            if self._is_closed:
                return Failure(f"{what} closed a file that it had not opened: the results of gradcalc are lost")
            with suppress(OSError):
                self._child.send_signal(signal.SIGABRT)  # it writes its traceback
            while self.message(_LAST_WORDS) is not None:
                pass
            return undecided(f"{what} took more than {seconds:g} seconds", self._places())
        if code == -signal.SIGKILL:
            return undecided(f"the process of {what} was killed: it may have run out of memory", self._places())
        if code < 0:
            return Failure(f"{what} crashed: {signal.strsignal(-code) or f'signal {-code}'}", places=self._places())
        return Failure(f"{what} ended the process with exit code {code}", places=self._places())

    def _places(self) -> tuple[Place, ...]:
        """The lines of the user's code in the traceback, the innermost one last."""
        frames = [match.groups() for line in self._traceback if (match := _FRAME.match(line))]
        places = [place(f"in {name.strip()}", path, int(line)) for path, line, name in frames if is_user_file(path)]
        return tuple(places[:_MOST_PLACES][::-1])

    def kill(self) -> None:
        """End the process, and those that it has started."""
        with suppress(OSError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        _CURRENT.set(None)


def _pump(pipe: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    try:
        with pipe:
            for line in pipe:
                lines.put(line)
    except (OSError, ValueError):
        pass
    lines.put(None)
