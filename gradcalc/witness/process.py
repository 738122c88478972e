"""The caller's side of the symbolic process: ask early, collect later, kill what takes too long.

Comes in: the text of an expression and what to differentiate by.  Goes out: a `Derived`, or a `SymbolicFailure` with the
reason.  Plain data both ways, so the caller never imports sympy.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_SECONDS = 10.0
_PATIENCE_WITH_START = 30.0
"""Seconds that a machine under load may take to import sympy, beyond the time for the question."""


class SymbolicFailure(Exception):
    """sympy gave no answer; the message says why."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A derivative: `text` and `latex` for people; `opaque`, to be evaluated, has names for constants.

    `unusable` says why it cannot be evaluated, if so.
    """

    text: str
    latex: str
    opaque: str | None
    unusable: str | None


@dataclass(frozen=True, slots=True)
class Derived:
    """One formula for each list of variables, and the constants they mention, as text."""

    formulas: tuple[Formula, ...]
    constants: dict[str, str]


class SymbolicProcess:
    """A process that runs sympy; it is started by the first question and replaced when it had to be killed."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._warm = False
        self._seconds = DEFAULT_SECONDS
        self._question = 0

    def start(self) -> None:
        """Start the process, so that sympy loads while the caller does something else."""
        if self._child is not None:
            if self._child.poll() is None:
                return
            self.stop()  # it ended by itself; its pipes are still open
        package = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
        self._child = subprocess.Popen(
            [sys.executable, "-m", "gradcalc.witness.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            text=True,
            encoding="utf-8",
            # An interrupt at the keyboard is the caller's to handle: it ends the process by closing its input.
            start_new_session=True,
        )
        self._lines = queue.SimpleQueue()
        self._warm = False
        threading.Thread(target=_pump, args=(self._child.stdout, self._lines), daemon=True).start()

    def ask(
        self, expr: str, variables: Sequence[str], bys: Sequence[Sequence[str]], seconds: float = DEFAULT_SECONDS
    ) -> None:
        """Send a question; the answer to one that was sent before is given up."""
        self.start()
        self._seconds = seconds
        self._question += 1
        question = {
            "number": self._question,
            "expr": expr,
            "variables": list(variables),
            "bys": [list(by) for by in bys],
            "seconds": seconds,
        }
        assert self._child is not None
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(question) + "\n")
            self._child.stdin.flush()
        except OSError:
            self.stop()

    def collect(self) -> Derived:
        """The answer to the last question.  Raises `SymbolicFailure`, also when it takes too long."""
        patience = self._seconds if self._warm else self._seconds + _PATIENCE_WITH_START
        answer: dict[str, Any] = {}
        while answer.get("number") != self._question:
            try:
                line = self._lines.get(timeout=patience)
            except queue.Empty:
                self.stop()
                raise SymbolicFailure(f"sympy took more than {self._seconds:g} seconds") from None
            if line is None:
                self.stop()
                raise SymbolicFailure("sympy's process ended: it ran out of time or memory")
            answer = json.loads(line)
        self._warm = True
        if "failure" in answer:
            raise SymbolicFailure(answer["failure"])
        return Derived(tuple(Formula(**formula) for formula in answer["formulas"]), answer["constants"])

    def stop(self) -> None:
        """End the process at once."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except OSError:
                        pass
            self._child = None
            self._lines = queue.SimpleQueue()
            self._lines.put(None)


def _pump(pipe: Any, lines: queue.SimpleQueue[str | None]) -> None:
    try:
        for line in pipe:
            lines.put(line)
    except (OSError, ValueError):
        pass
    lines.put(None)


shared = SymbolicProcess()
"""The process of this program; it ends with it."""
atexit.register(shared.stop)
