"""What commands write: results to stdout, notes and errors to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import IO

from gradcalc.commands.spinner import stop_spinner
from gradcalc.errors import CalcError, picture
from gradcalc.output.colors import has_color


def write(text: str, stream: IO[str] | None = None) -> None:
    """Write a result to stdout, or to another stream, now."""
    stop_spinner()
    stream = stream or sys.stdout
    stream.write(text)
    stream.flush()


def tell_notes(notes: Iterable[str], before: set[str]) -> None:
    """Write notes to stderr, but for those that were written before."""
    for note in notes:
        if note not in before:
            before.add(note)
            tell(f"note: {note}")


def tell_error(error: CalcError) -> None:
    """Write an error to stderr."""
    tell(picture(error, color=sys.stderr is not None and has_color(sys.stderr)))


def tell(text: str) -> None:
    """Write a line to stderr; ignore a closed one."""
    stop_spinner()
    if sys.stderr is None:  # `print` would take stdout
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass
