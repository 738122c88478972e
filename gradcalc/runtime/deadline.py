"""The time that a question may take in this process.

Exact arithmetic may need more and more precision without end; the loops that ask for it look here.  What C libraries do in
one call is bounded elsewhere: by limits on what is passed to them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

DEFAULT_SECONDS = 10.0

_ends = math.inf


class OutOfTime(Exception):
    """The time for the question is over."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Give what happens inside so many seconds; an earlier end outside stays one."""
    global _ends
    before = _ends
    _ends = min(before, time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends = before


def left() -> float:
    """The seconds that are left, none if the time is over; infinite without a limit."""
    return max(_ends - time.monotonic(), 0.0)


def check() -> None:
    """Raise `OutOfTime` if the time is over."""
    if time.monotonic() > _ends:
        raise OutOfTime
