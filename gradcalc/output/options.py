"""What the output can show: width, colour, characters."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from gradcalc.output.colors import has_color

if TYPE_CHECKING:
    from gradcalc.report import Report, Verdict


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What the output can show, and how much of it is wanted.

    `width` and `height` are those of the terminal, None where there is none and nothing has to be wrapped; `ascii` forbids
    all other characters.
    """

    width: int | None = None
    color: bool = False
    ascii: bool = False
    full: bool = False
    """Show arrays with all their entries, and formulas and tables whole."""
    entries: bool = False
    """Show the formulas of entries beside those of arrays."""
    verbose: bool = False
    """Show versions, and everything else that tables leave out by default."""
    digits: int | None = None
    """Significant digits of the numbers in tables; None leaves the choice to the renderer."""
    height: int | None = None
    fail_on: tuple[Verdict, ...] = ()
    """Verdicts that make the exit code 1; machine formats repeat the exit code."""

    def text(self, text: str) -> str:
        """The same text, in characters that the output can show."""
        if not self.ascii or text.isascii():
            return text
        return text.translate(_SPELLED_OUT).encode("ascii", "backslashreplace").decode("ascii")


_GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega"
_SPELLED_OUT = str.maketrans(
    {
        "∂": "d", "✓": "ok", "✗": "x", "−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "±": "+-", "≤": "<=", "≥": ">=",  # noqa: RUF001
        "≠": "!=", "≈": "~", "→": "->", "…": "...", "∞": "inf", "π": "pi", "’": "'", "“": '"', "”": '"',  # noqa: RUF001
        **dict(zip("αβγδεζηθικλμνξρστυφχψω", _GREEK.split(), strict=True)),
        **dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True)),
        **{power: f"^{place}" for place, power in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    }
)  # fmt: skip


# The stream must be able to encode the characters of results.
_NEEDED = "∂²✓✗─"


def options_for(stream: TextIO, environment: Mapping[str, str] = os.environ) -> RenderOptions:
    """What a stream can show: a size only on a terminal, colour as `has_color` says, ASCII where it can encode nothing else.

    Python writes UTF-8 under `LC_ALL=C` all the same; here it means ASCII.
    """
    size = shutil.get_terminal_size() if stream.isatty() else None
    dumb = environment.get("TERM") == "dumb"
    return RenderOptions(
        width=size.columns if size else None,
        height=size.lines if size else None,
        color=has_color(stream, environment),
        ascii=dumb or environment.get("LC_ALL") in ("C", "POSIX") or not _can_encode(stream),
    )


def _can_encode(stream: TextIO) -> bool:
    try:
        _NEEDED.encode(stream.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def function_letter(report: Report) -> str:
    """What to call the function of a report: `f`, unless that is one of its variables."""
    names = set(re.findall(r"\w+", report.read_as))
    return next((letter for letter in "fghFGH" if letter not in names), "f")
