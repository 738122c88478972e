"""How far a long run is: a bar on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn


@contextmanager
def bar(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar while inside; call the value with every part of `total` that is done."""
    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("", total=total)
        yield lambda size: progress.advance(task, size)
