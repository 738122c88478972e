"""The caller's side of the process that runs sympy: submit early, take the result later, kill what takes too long.

The child's results come through a descriptor of their own: whatever is printed on its standard output, by SymPy or by a
module that does not belong there, is no result.  A result that is not made as one is a failure.

Comes in: requests.  Goes out: for each a result, or a `SymbolicFailure` with the reason.  Plain data both ways, so the
caller never imports sympy.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import threading
import time
from collections import OrderedDict
from contextvars import ContextVar
from typing import IO, Any, NamedTuple

from gradcalc.engines.symbolic.messages import SymbolicRequest, SymbolicResult, pack_request, unpack_result
from gradcalc.errors import CalcError
from gradcalc.runtime import import_path

_PATIENCE_WITH_START = 30.0
"""Seconds that a machine under load may take to import sympy, beyond the time for the request."""
_REMEMBERED = 1_024
"""Answers that are kept: a request is derived once for many points."""


class SymbolicFailure(Exception):
    """sympy gave no answer; the message says why."""


class _Submission(NamedTuple):
    number: int
    time: float


class SymbolicClient:
    """A process that runs sympy; it is started by the first request and replaced when it had to be killed.

    It answers one request after the other; those that wait are submitted again of its replacement.  Threads share it one
    after the other: what one of them waits for, no other receives.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._child: subprocess.Popen[str] | None = None
        self._answers: IO[str] | None = None
        self._lines: queue.SimpleQueue[tuple[float, str | None]] = queue.SimpleQueue()
        self._warm = False
        self._waiting: OrderedDict[SymbolicRequest, _Submission] = OrderedDict()
        self._budget_start = 0.0
        """Start of the time budget of the oldest request."""
        self._ready_at = 0.0
        """When the worker reported ready."""
        self._number = 0
        self._results: OrderedDict[SymbolicRequest, SymbolicResult | str] = OrderedDict()

    def submit(self, request: SymbolicRequest) -> None:
        """Send a request, unless the answer is known or on its way."""
        with self._lock:
            if request in self._results:
                self._results.move_to_end(request)
            elif request not in self._waiting:
                self._start()
                self._send(request)

    def result(self, request: SymbolicRequest) -> SymbolicResult:
        """The answer to a request.  Raises `SymbolicFailure`, also when it takes too long."""
        with self._lock:
            self.submit(request)
            while request not in self._results:
                self._receive()
            answer = self._results[request]
        if isinstance(answer, str):
            raise SymbolicFailure(answer)
        return answer

    def _send(self, request: SymbolicRequest) -> None:
        self._number += 1
        self._waiting[request] = _Submission(self._number, time.monotonic())
        line = {"number": self._number, **pack_request(request)}
        assert self._child is not None
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(line) + "\n")
            self._child.stdin.flush()
        except OSError:
            pass  # it has ended: its last line says so

    def _receive(self) -> None:
        """Wait for the next answer, or for the reason why the oldest request has none."""
        oldest, submission = next(iter(self._waiting.items()))
        begins = max(self._budget_start, submission.time)
        ends = begins + oldest.seconds + (0.0 if self._warm else _PATIENCE_WITH_START)
        if begins == self._ready_at:  # its start is charged to the first request, up to half of its budget
            ends = max(submission.time + oldest.seconds, begins + oldest.seconds / 2)
        try:
            self._budget_start, line = self._lines.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            self._replace(oldest, f"SymPy took more than {oldest.seconds:g} seconds")
            return
        if line is None:
            self._replace(oldest, "SymPy's process ended: it ran out of time or memory")
            return
        try:
            answer = _answer(line)
            if answer["number"] == 0:
                self._warm, self._ready_at = True, self._budget_start
            elif answer["number"] == submission.number:
                self._set_result(oldest, answer.get("failure") or unpack_result(answer, oldest))
        except (ValueError, RecursionError):
            self._replace(oldest, "SymPy's process gave an answer that cannot be read")

    def _set_result(self, request: SymbolicRequest, answer: SymbolicResult | str) -> None:
        del self._waiting[request]
        self._results[request] = answer
        while len(self._results) > _REMEMBERED:
            self._results.popitem(last=False)

    def _replace(self, request: SymbolicRequest, reason: str) -> None:
        """Kill the process that cannot answer a request, and ask the others of a new one."""
        others = [other for other in self._waiting if other != request]
        self._end()
        self._set_result(request, reason)
        self._waiting.clear()
        if others:
            self._start()
            for other in others:
                self._send(other)

    def _start(self) -> None:
        """Start the process, so that sympy loads while the caller does something else."""
        if self._child is not None:
            if self._waiting or self._child.poll() is None:
                return
            self._end()  # it ended by itself, with nothing to do; its pipes are still open
        try:
            receiving, sending = os.pipe()
            try:
                self._child = subprocess.Popen(
                    import_path.command("gradcalc.engines.symbolic.worker", str(sending)),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(sending,),
                    env={  # without the switches that make sympy and Python print
                        name: value
                        for name, value in import_path.environment(os.environ).items()
                        if not name.startswith("SYMPY_") and name != "PYTHONIOENCODING"
                    },
                    text=True,
                    encoding="utf-8",
                    # An interrupt at the keyboard is the caller's to handle: it ends the process by closing its input.
                    start_new_session=True,
                )
            except OSError:
                os.close(receiving)
                raise
            finally:
                os.close(sending)
        except OSError as error:
            hint = "SymPy runs in a process of its own; allow more open files and processes (ulimit -n, ulimit -u)"
            raise CalcError(f"cannot start a process for SymPy: {error.strerror or error}", hint=hint) from None
        self._answers = open(receiving, encoding="utf-8", errors="replace")  # noqa: SIM115  closed with the process
        self._lines = queue.SimpleQueue()
        self._warm, self._budget_start = False, 0.0
        threading.Thread(target=_pump, args=(self._answers, self._lines), daemon=True).start()

    def stop(self) -> None:
        """End the process at once, even while a thread waits for it; what was submitted is forgotten."""
        self._waiting.clear()
        self._end()

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._answers):
                if pipe is not None:
                    try:
                        pipe.close()
                    except OSError:
                        pass
            self._child = self._answers = None


def _answer(line: str) -> dict[str, Any]:
    """A line of the child as an object with a number.  Raises `ValueError` for what is none."""
    answer = json.loads(line)
    if not isinstance(answer, dict) or type(answer.get("number")) is not int:
        raise ValueError("no answer")
    if not isinstance(answer.get("failure", ""), str):
        raise ValueError("no reason")
    return answer


def _pump(pipe: Any, lines: queue.SimpleQueue[tuple[float, str | None]]) -> None:
    """Take what comes with the time when it came: the caller may look only later."""
    try:
        for line in pipe:
            lines.put((time.monotonic(), line))
    except (OSError, ValueError):
        pass
    lines.put((time.monotonic(), None))


CLIENT = ContextVar("CLIENT", default=SymbolicClient())  # noqa: B039  one process for all contexts, unless one is set
"""The client that questions are prepared with; its process starts with the first request and ends with the program."""
atexit.register(CLIENT.get().stop)


def stop_client() -> None:
    """End the process of the client in use."""
    CLIENT.get().stop()
