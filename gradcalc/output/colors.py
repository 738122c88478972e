"""Whether a stream gets colours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TextIO

COLORS = ("auto", "always", "never")
COLOR: ContextVar[str] = ContextVar("color", default="auto")
"""The value of `--color` for this run, one of `COLORS`."""


def has_color(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether to write colours to a stream.

    `--color` decides, then `NO_COLOR`, then `FORCE_COLOR` or `CLICOLOR_FORCE`, each if it is not empty; else there is
    colour on a terminal that is not `TERM=dumb`.
    """
    if COLOR.get() != "auto":
        return COLOR.get() == "always"
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "") not in ("", "0", "false") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return stream.isatty() and environment.get("TERM") != "dumb"
