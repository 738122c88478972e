"""The caller's side of the symbolic process: ask early, collect later, kill what takes too long.

The child's answers come through a descriptor of their own: whatever is printed on its standard output, by sympy or by a
module that does not belong there, is no answer.  An answer that is not made as one is a failure.

Comes in: questions, an expression and what to differentiate by.  Goes out: for each a `Derived`, or a
`SymbolicFailure` with the reason.  Plain data both ways, so the caller never imports sympy.
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
from dataclasses import asdict
from typing import IO, Any, NamedTuple

from gradcalc.engines.symbolic.messages import Derived, Question, read_derived
from gradcalc.errors import CalcError
from gradcalc.runtime import import_path

_PATIENCE_WITH_START = 30.0
"""Seconds that a machine under load may take to import sympy, beyond the time for the question."""
_REMEMBERED = 1_024
"""Answers that are kept: a question is derived once for many points."""


class SymbolicFailure(Exception):
    """sympy gave no answer; the message says why."""


class _Asked(NamedTuple):
    number: int
    time: float


class SymbolicProcess:
    """A process that runs sympy; it is started by the first question and replaced when it had to be killed.

    It answers one question after the other; those that wait are asked again of its replacement.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None
        self._answers: IO[str] | None = None
        self._lines: queue.SimpleQueue[tuple[float, str | None]] = queue.SimpleQueue()
        self._warm = False
        self._waiting: OrderedDict[Question, _Asked] = OrderedDict()
        self._free = 0.0
        """When it began to have time for the oldest question."""
        self._ready = 0.0
        """When it was there."""
        self._number = 0
        self._known: OrderedDict[Question, Derived | str] = OrderedDict()

    def ask(self, question: Question) -> None:
        """Send a question, unless the answer is known or on its way."""
        if question in self._known:
            self._known.move_to_end(question)
        elif question not in self._waiting:
            self._start()
            self._send(question)

    def collect(self, question: Question) -> Derived:
        """The answer to a question.  Raises `SymbolicFailure`, also when it takes too long."""
        self.ask(question)
        while question not in self._known:
            self._receive()
        answer = self._known[question]
        if isinstance(answer, str):
            raise SymbolicFailure(answer)
        return answer

    def _send(self, question: Question) -> None:
        self._number += 1
        self._waiting[question] = _Asked(self._number, time.monotonic())
        line = {"number": self._number, **asdict(question)}
        assert self._child is not None
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(line) + "\n")
            self._child.stdin.flush()
        except OSError:
            pass  # it has ended: its last line says so

    def _receive(self) -> None:
        """Wait for the next answer, or for the reason why the oldest question has none."""
        oldest, asked = next(iter(self._waiting.items()))
        begins = max(self._free, asked.time)
        ends = begins + oldest.seconds + (0.0 if self._warm else _PATIENCE_WITH_START)
        if begins == self._ready:  # its start took of the time, but not more than half
            ends = max(asked.time + oldest.seconds, begins + oldest.seconds / 2)
        try:
            self._free, line = self._lines.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            self._replace(oldest, f"sympy took more than {oldest.seconds:g} seconds")
            return
        if line is None:
            self._replace(oldest, "sympy's process ended: it ran out of time or memory")
            return
        try:
            answer = _answer(line)
            if answer["number"] == 0:
                self._warm, self._ready = True, self._free
            elif answer["number"] == asked.number:
                self._settle(oldest, answer.get("failure") or read_derived(answer, oldest))
        except (ValueError, RecursionError):
            self._replace(oldest, "sympy's process gave an answer that cannot be read")

    def _settle(self, question: Question, answer: Derived | str) -> None:
        del self._waiting[question]
        self._known[question] = answer
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _replace(self, question: Question, reason: str) -> None:
        """Kill the process that cannot answer a question, and ask the others of a new one."""
        others = [other for other in self._waiting if other != question]
        self._end()
        self._settle(question, reason)
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
                    env=_quiet(import_path.environment(os.environ)),
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
            hint = "sympy runs in a process of its own; allow more open files and processes (ulimit -n, ulimit -u)"
            raise CalcError(f"cannot start a process for sympy: {error.strerror or error}", hint=hint) from None
        self._answers = open(receiving, encoding="utf-8", errors="replace")  # noqa: SIM115  closed with the process
        self._lines = queue.SimpleQueue()
        self._warm, self._free = False, 0.0
        threading.Thread(target=_pump, args=(self._answers, self._lines), daemon=True).start()

    def stop(self) -> None:
        """End the process at once; what was asked is forgotten."""
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


def _quiet(environ: dict[str, str]) -> dict[str, str]:
    """An environment without the switches that make sympy and Python print."""
    return {name: value for name, value in environ.items() if not name.startswith("SYMPY_") and name != "PYTHONIOENCODING"}


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


shared = SymbolicProcess()
"""The process of this program; it ends with it."""
atexit.register(shared.stop)
