"""Opening files that users name: nothing hangs, and reading is limited."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import BinaryIO, TextIO

from gradcalc.errors import CalcError, unreadable


def open_data(path: str) -> BinaryIO:
    """A file to read bytes from: a regular file, a pipe or a terminal.

    Raises `CalcError` for what cannot be opened, for folders, and for devices, which may never end.  A pipe without a
    writer is empty.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode) or (stat.S_ISCHR(mode) and os.isatty(descriptor)):
        os.set_blocking(descriptor, True)
    elif not stat.S_ISREG(mode) and not (stat.S_ISCHR(mode) and os.path.realpath(path) == os.devnull):
        os.close(descriptor)
        kind = "a folder" if stat.S_ISDIR(mode) else "a device"
        raise CalcError(f"cannot read {path}: {kind}", hint="give a file, or - for stdin where it is read")
    return io.BufferedReader(io.FileIO(descriptor, "rb"))


@contextmanager
def open_input(path: str, content: str) -> Iterator[BinaryIO]:
    """A file to read `content` from; `-` is stdin.  Raises `CalcError` for what cannot be opened."""
    if path != "-":
        with open_data(path) as stream:
            yield stream
    elif sys.stdin is None:
        raise CalcError(f"cannot read {content}: stdin is closed")
    else:
        yield sys.stdin.buffer


def read_whole(path: str, limit: int) -> bytes:
    """The bytes of a file.  Raises `CalcError` for one that cannot be read, or has more than `limit` bytes."""
    with open_data(path) as stream:
        try:
            content = stream.read(limit + 1)
        except (OSError, OverflowError) as error:
            raise unreadable(path, error if isinstance(error, OSError) else ValueError(str(error))) from None
    if len(content or b"") > limit:
        raise CalcError(f"{path} has more than {limit} bytes")
    return content or b""


def read_input(path: str, limit: int) -> bytes:
    """The bytes of a file, or of stdin (`-`); see `read_whole`."""
    if path != "-":
        return read_whole(path, limit)
    with open_input(path, "stdin") as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise CalcError(f"stdin has more than {limit} bytes")
    return content


def lines_of(stream: BinaryIO, limit: int, name: str) -> Iterator[bytes]:
    """The lines of a stream.  Raises `CalcError` for one of more than `limit` bytes, and where reading fails."""
    number = 0
    while True:
        try:
            line = stream.readline(limit + 1)
        except OSError as error:
            raise unreadable(name, error) from None
        if not line:
            return
        number += 1
        if len(line) > limit:
            raise CalcError(f"line {number} of {name} has more than {limit} bytes", hint="one point per line")
        yield line


@contextmanager
def replaced_file(path: str) -> Iterator[TextIO]:
    """A text file to write to in place of the file of this name, which is replaced at the end, and kept after an error.

    What is not a regular file, such as `/dev/null` or a named pipe, is written to directly.  Raises `CalcError` for what
    cannot be written.
    """
    target = os.path.realpath(path)
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "w", encoding="utf-8", newline="") as stream:
                yield stream
            return
        temporary = f"{target}.{os.getpid()}.tmp"
        UNFINISHED.set(temporary)
        try:
            with open(temporary, "x", encoding="utf-8", newline="") as stream:
                yield stream
            if os.path.exists(target):
                os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
            os.replace(temporary, target)
        finally:
            remove_unfinished()
    except OSError as error:
        raise CalcError(f"cannot write {path}: {error.strerror or error}") from None


UNFINISHED: ContextVar[str | None] = ContextVar("unfinished file", default=None)
"""The file that `replaced_file` is writing."""


def remove_unfinished() -> None:
    """Remove the file that is being written, if any: the process ends without its usual clean-up, or writing failed."""
    path = UNFINISHED.get()
    if path is not None:
        with suppress(OSError):
            os.unlink(path)
        UNFINISHED.set(None)
