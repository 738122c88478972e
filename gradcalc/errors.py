"""Errors in a request: one exception, the place in the source it points at, its picture, and exit codes.

Comes in: a message, a span of the source, a hint.  Goes out: `CalcError`, and the text people see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line; scripts rely on them."""

    AGREE = 0
    DISAGREE = 1
    WRONG_REQUEST = 2
    EXPLAINED = 3
    UNDECIDED = 4
    BUG = 70
    INTERRUPTED = 130


def worst_exit(exits: Iterable[Exit]) -> Exit:
    """The exit code of several results: that of the worst."""
    order = (Exit.BUG, Exit.WRONG_REQUEST, Exit.DISAGREE, Exit.UNDECIDED, Exit.EXPLAINED, Exit.AGREE)
    return min(exits, key=order.index, default=Exit.AGREE)


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range `[start, end)` of characters of a source text."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The range from the start of this span to the end of another."""
        return Span(self.start, other.end)


class CalcError(ValueError):
    """A request that cannot be answered as it stands: the only exception users see.

    `message` is one line without a full stop, `hint` says what to do instead, `span` is where in `source`
    (the expression or option value the message is about) it went wrong.
    """

    def __init__(self, message: str, *, span: Span | None = None, source: str | None = None, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.span = span
        self.source = source
        self.hint = hint

    def within(self, source: str) -> CalcError:
        """The same error, knowing the text its span points into."""
        if self.source is None:
            self.source = source
        return self


def unreadable(path: str, error: OSError | ValueError) -> CalcError:
    """The error about a file that cannot be opened or read."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return CalcError(f"cannot read {path}: {reason}")


# An error in the middle of a long line shows its neighbourhood only: a picture wraps on no terminal.
_WINDOW = 72


def one_line(text: str) -> str:
    """A text of a user without what ends a line or changes the terminal: names in files may be anything."""
    return text if text.isprintable() else "".join(it if it.isprintable() else " " for it in text)


def picture(error: CalcError, *, color: bool = False) -> str:
    """An error as people see it: message, source with carets, hint; in colours of a terminal if it has them."""

    def label(word: str, style: str) -> str:
        return f"\x1b[{style}m{word}:\x1b[0m" if color else f"{word}:"

    lines = [f"{label('error', '1;31')} {one_line(error.message)}"]
    if error.source is not None and error.span is not None:
        lines += ["  " + line for line in _carets(error.source, error.span)]
    if error.hint:
        lines.append(f"{label('hint', '36')} {one_line(error.hint)}")
    return "\n".join(lines)


def _carets(source: str, span: Span) -> list[str]:
    source = "".join(character if character.isprintable() else "?" for character in source)
    start = min(span.start, len(source))
    end = min(max(span.end, start + 1), max(len(source), start + 1))
    if len(source) > _WINDOW:
        first = max(0, min(start - _WINDOW // 3, len(source) - _WINDOW))
        head, tail = "..." if first else "", "..." if first + _WINDOW < len(source) else ""
        shift = len(head) - first
        source = head + source[first : first + _WINDOW] + tail
        start, end = start + shift, min(end + shift, len(source))
    return [source, " " * start + "^" * max(1, end - start)]


def suggest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that a misspelt word probably means, if one is near."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(choices), n=1)), None)


class MissingValues(CalcError):
    """Some variables have a value and others, `names`, have none."""

    def __init__(self, names: Sequence[str]):
        super().__init__(
            f"missing value for {', '.join(names)}", hint="add " + " ".join(f"--at {name}=..." for name in names)
        )
        self.names = names
