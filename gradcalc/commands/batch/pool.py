"""Answer many lines in order: in this process, or in a pool of workers, each with a symbolic process of its own.

Comes in: lines with their numbers, as they arrive.  Goes out: an `Answer` for each, as soon as it is there and
those before it are.
"""

from __future__ import annotations

import os
import queue
import re
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor
from concurrent.futures import TimeoutError as TookTooLong
from multiprocessing import get_context
from typing import TYPE_CHECKING

from gradcalc.calculate.answer import prefetch
from gradcalc.commands.batch import json_lines
from gradcalc.commands.batch.json_lines import Answer, BatchRequest
from gradcalc.errors import CalcError
from gradcalc.report import Verdict
from gradcalc.runtime.parent_watch import exit_with_parent

if TYPE_CHECKING:
    from pebble import ProcessFuture

Line = tuple[int, bytes]
"""The number of a line, from 1, and its bytes."""

_AHEAD = 8
"""Lines that are parsed, and given to sympy, while the oldest is being answered."""
_WAITING = 64
"""Reorder window of a worker, in lines: a slow line must not stop the others."""
_REMEMBERED = 1_024
"""Expressions whose worker is remembered: it has derived them already."""
_START = 60.0
"""Seconds that a worker may take to import torch and sympy on a machine under load."""


def serial(source: Iterable[Line], seconds: float, fail_on: tuple[Verdict, ...] = ()) -> Iterator[Answer]:
    """Answer in this process; while a proof is made here, sympy works on the lines that follow in its own."""
    arrivals: queue.Queue[Line | Exception | None] = queue.Queue(4 * _AHEAD)
    # Read in a thread: a line that is there is answered even if the next one never comes.
    threading.Thread(target=_read_into, args=(arrivals, source), daemon=True).start()
    window: deque[BatchRequest] = deque()
    more = True
    while more or window:
        while more and len(window) < _AHEAD:
            try:
                raw = arrivals.get(block=not window)
            except queue.Empty:
                break
            if raw is None:
                more = False
            elif isinstance(raw, Exception):
                yield from map(json_lines.answer_request, window)
                raise raw
            else:
                line = json_lines.parse(raw[1], seconds, raw[0], fail_on)
                if line.prepared is not None:
                    prefetch(line.prepared)
                window.append(line)
        if window:
            yield json_lines.answer_request(window.popleft())


def _read_into(arrivals: queue.Queue[Line | Exception | None], source: Iterable[Line]) -> None:
    try:
        for line in source:
            arrivals.put(line)
        arrivals.put(None)
    except Exception as error:
        arrivals.put(error)


def in_pool(source: Iterable[Line], workers: int, seconds: float, fail_on: tuple[Verdict, ...] = ()) -> Iterator[Answer]:
    """Answer in a pool; each of its workers has a symbolic process of its own.

    A worker that takes too long, or dies, is replaced, and its line is answered with `undecided`.
    """
    from pebble import ProcessExpired

    submissions: queue.Queue[tuple[Line, ProcessFuture[Answer]] | Exception | None] = queue.Queue()
    room = threading.Semaphore(_WAITING * workers)
    try:
        pool = _Workers(workers)
    except OSError as error:
        raise _no_workers(error.strerror or str(error)) from None

    def ask() -> None:
        try:
            for line in source:
                room.acquire()
                submissions.put((line, pool.submit(line, seconds, fail_on)))
            submissions.put(None)
        except Exception as error:
            submissions.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        while (next_one := submissions.get()) is not None:
            if isinstance(next_one, BrokenExecutor | OSError):
                raise _no_workers(str(next_one) or "they cannot be started")
            if isinstance(next_one, Exception):
                raise next_one
            line, future = next_one
            try:
                yield future.result()
            except TookTooLong:
                why = f"no answer within {_START + 2 * seconds:g} seconds"
                yield json_lines.timed_out(json_lines.parse(line[1], seconds, line[0], fail_on), why)
            except BrokenExecutor:
                raise _no_workers("they cannot be started") from None
            except ProcessExpired:
                why = "the process that computed it ended: it ran out of memory"
                yield json_lines.timed_out(json_lines.parse(line[1], seconds, line[0], fail_on), why)
            room.release()
    finally:
        pool.stop()


def _no_workers(reason: str) -> CalcError:
    hint = "--jobs 1 needs none; workers need semaphores in /dev/shm, and more open files and processes (ulimit -n, -u)"
    return CalcError(f"cannot start worker processes: {reason}", hint=hint)


def leave_nothing() -> None:
    """End all workers and remove their semaphores, before this process ends without its usual clean-up."""
    from multiprocessing import active_children, synchronize, util

    for child in active_children():
        child.kill()
    registry: dict[object, util.Finalize] = util._finalizer_registry  # type: ignore[attr-defined]
    for finalizer in list(registry.values()):
        if getattr(finalizer, "_callback", None) is synchronize.SemLock._cleanup:  # type: ignore[attr-defined]
            finalizer()


_EXPRESSION = re.compile(rb'"expr"\s*:\s*("(?:[^"\\]|\\.)*")')


class _Workers:
    """Workers, one a pool: a line goes to the one that has derived its expression before, or is least busy."""

    def __init__(self, count: int):
        from pebble import ProcessPool

        self._pools = [
            ProcessPool(max_workers=1, initializer=_begin, initargs=(os.getpid(),), context=get_context("spawn"))
            for _ in range(count)
        ]
        self._busy = [0] * count
        self._lock = threading.Lock()
        self._workers_by_expression: OrderedDict[bytes, int] = OrderedDict()

    def submit(self, line: Line, seconds: float, fail_on: tuple[Verdict, ...]) -> ProcessFuture[Answer]:
        """Give a line to a worker."""
        match = _EXPRESSION.search(line[1])
        expression = match[1] if match else b""
        with self._lock:
            worker = min(range(len(self._pools)), key=self._busy.__getitem__)
            previous = self._workers_by_expression.pop(expression, worker)
            # What is known is derived already; but one expression must not wait for one worker.
            if self._busy[previous] <= self._busy[worker] + _AHEAD // 2:
                worker = previous
            self._workers_by_expression[expression] = worker
            if len(self._workers_by_expression) > _REMEMBERED:
                self._workers_by_expression.popitem(last=False)
            self._busy[worker] += 1
        future = self._pools[worker].schedule(_answer, args=(line, seconds, fail_on), timeout=_START + 2 * seconds)
        future.add_done_callback(lambda _: self._finish(worker))
        return future

    def _finish(self, worker: int) -> None:
        with self._lock:
            self._busy[worker] -= 1

    def stop(self) -> None:
        """End all workers, whatever they are doing."""
        for pool in self._pools:
            pool.stop()  # type: ignore[no-untyped-call]
        for pool in self._pools:
            pool.join()


def _begin(parent: int) -> None:
    """Make a worker of a new process."""
    from gradcalc.engines.symbolic.client import CLIENT
    from gradcalc.runtime import torch_import

    torch_import.assume_exclusive_process()
    exit_with_parent(parent, CLIENT.get().stop)


def _answer(line: Line, seconds: float, fail_on: tuple[Verdict, ...]) -> Answer:
    return json_lines.answer_request(json_lines.parse(line[1], seconds, line[0], fail_on))
