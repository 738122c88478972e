"""The time limit of a request in this process.

Exact arithmetic may need more and more precision without end, so its loops check the limit.  Single calls of C libraries are
bounded by limits on their arguments.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DEFAULT_SECONDS = 10.0

_end: ContextVar[float] = ContextVar("end", default=math.inf)


class OutOfTime(Exception):
    """The time limit of the request has passed."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Limit the time of what runs inside; an earlier end of an outer limit stays."""
    token = _end.set(min(_end.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _end.reset(token)


def left() -> float:
    """The seconds that are left: 0 when the time is over, infinite without a limit."""
    return max(_end.get() - time.monotonic(), 0.0)


def require(seconds: float) -> None:
    """Raise `OutOfTime` if so many seconds are not left: before a call that cannot be interrupted."""
    if left() < seconds:
        raise OutOfTime


def check() -> None:
    """Raise `OutOfTime` if the time is over."""
    if time.monotonic() > _end.get():
        raise OutOfTime
