"""The page that tables are written on: lines, wrapped sentences, columns and verdicts, in what the output can show.

Comes in: words and numbers, and `RenderOptions`.  Goes out: text.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from rich.box import SIMPLE_HEAD, Box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gradcalc.output.options import RenderOptions
from gradcalc.report import Partial, Report, Verdict

_UNLIMITED = 1_000_000
_NONE = "none"

_ASCII_HEAD = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
GAP = 2
"""Spaces between columns."""

GLUE = "\0"
"""Holds `x = 3` together where a sentence wraps."""

_SIGNS = {Verdict.AGREE: "✓", Verdict.DISAGREE: "✗", Verdict.NOT_FINITE: "✗", Verdict.UNDECIDED: "?"}
_COLORS = {
    Verdict.AGREE: "green",
    Verdict.DISAGREE: "red",
    Verdict.NOT_FINITE: "red",
    Verdict.UNDECIDED: "magenta",
}
_EXPLAINED_SIGN, _EXPLAINED_COLOR = "!", "yellow"


class Page:
    """Lines and tables, in the characters and colours that the output can show."""

    def __init__(self, options: RenderOptions):
        self.options = options
        self.width = options.width or _UNLIMITED
        self.console = Console(
            file=io.StringIO(),
            width=self.width,
            height=25,  # or rich replaces the width where TERM is dumb
            force_terminal=options.color,
            color_system="standard" if options.color else None,
            no_color=not options.color,
            markup=False,
            highlight=False,
            emoji=False,
            legacy_windows=False,
        )

    def line(self, text: str = "", style: str = "") -> None:
        """One line as it stands."""
        self.console.print(Text(self.options.text(text), style), no_wrap=True, overflow="ignore", crop=False)

    def drawn(self, label: str, drawing: Text) -> None:
        """A row of a drawing behind its label, as it stands."""
        self.console.print(Text(label) + drawing, no_wrap=True, overflow="ignore", crop=False)

    def formula(self, left: str, right: str) -> None:
        """`left = right`, wrapped between the parts of the formula."""
        for line in _wrapped(self.options.text(f"{left} = {right}"), self.width):
            self.line(line)

    def sentence(self, text: str, style: str = "", indent: int = 0, hanging: int = 0) -> None:
        """Words, wrapped between words; lines after the first are indented by `hanging` more."""
        wrapped = textwrap.wrap(
            self.options.text(text),
            max(self.width, 20),
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hanging),
            break_on_hyphens=False,
        )
        for line in wrapped:
            self.line(line.replace(GLUE, " "), style)

    def holds(self, head: Sequence[str], rows: Iterable[Sequence[Text]]) -> bool:
        """Whether the page is wide enough for a table."""
        return sum(max(map(len, column)) for column in zip(head, *rows, strict=True)) + GAP * len(head) <= self.width

    def columns(self, head: Sequence[str], rows: Iterable[Sequence[Text]]) -> None:
        """A table; a column of which every cell is empty is left out."""
        cells = list(rows)
        used = [place for place in range(len(head)) if any(row[place].plain for row in cells)]
        box = _ASCII_HEAD if self.options.ascii else SIMPLE_HEAD
        # The box puts a space between columns: with the padding, that is the gap.
        table = Table(box=box, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim")
        for place in used:
            table.add_column(Text(self.options.text(head[place])), overflow="fold")
        for row in cells:
            table.add_row(*(Text(self.options.text(row[place].plain), row[place].style) for place in used))
        self.console.print(table, crop=False)

    def written(self) -> str:
        """Everything so far."""
        file = self.console.file
        assert isinstance(file, io.StringIO)
        return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).strip("\n") + "\n"


def _wrapped(formula: str, width: int) -> Iterator[str]:
    """A formula in lines, broken after a space, or in long words after `(`, `,` or `*`; later lines are indented."""
    pieces: list[str] = []
    for word in re.split(r"(?<= )", formula):
        pieces += [word] if len(word) < width - 4 else re.split(r"(?<=[,(])|(?<=[^*]\*)(?!\*)", word)
    line = ""
    for piece in pieces:
        if len(line) + len(piece.rstrip()) > width and line.strip():
            yield line.rstrip()
            line = "    "
        line += piece
        while len(line.rstrip()) > width > 8:  # a number or a name that is longer than the line
            yield line[:width]
            line = "    " + line[width:]
    yield line.rstrip()


def sign(verdict: Verdict) -> str:
    """One character for a verdict."""
    return _SIGNS.get(verdict, _EXPLAINED_SIGN)


def color(verdict: Verdict) -> str:
    """The colour of a verdict."""
    return _COLORS.get(verdict, _EXPLAINED_COLOR)


def number(value: float | str | None, digits: int | None = None) -> str:
    """A number as it was found, or rounded to some digits."""
    text = _NONE if value is None else str(value)
    if digits is None:
        return text
    try:
        decimal = Decimal(text)
    except InvalidOperation:
        return text
    too_long = len(decimal.as_tuple().digits) > digits or len(text) > digits + 6  # sign, point, exponent
    return f"{decimal:.{digits}g}" if decimal.is_finite() and too_long else text


_LONG = 100
ENTRIES = 6
"""Entries of an array that are shown along a dimension."""


def typed(text: str, page: Page) -> str:
    """A value as it was typed; a long array is cut."""
    if len(text) <= _LONG or page.options.full or not text.startswith("["):
        return text
    return f"{text[: _LONG - 20].rpartition(',')[0]}, ... {text.count(',') + 1} entries]"


def brief(value: Any, page: Page) -> str:
    """A value, or an array: cut with a count where it is long."""
    if not isinstance(value, list):
        return str(value)
    entries = [brief(part, page) for part in (value if page.options.full else value[:ENTRIES])]
    more = len(value) - len(entries)
    return f"[{', '.join([*entries, *([f'... {more} more'] if more else [])])}]"


def ran_on(dtype: str | None, device: str | None, versions: Mapping[str, str], page: Page) -> None:
    """The line that says in which dtype, on which device and by which libraries the numbers were computed."""
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    page.sentence(f"{dtype} on {device}" + (f" ({told})" if told else ""), "dim")


def verdict_of(partial: Partial) -> str:
    """The verdict of a partial with its sign and cause."""
    if partial.verdict is None:
        return ""
    causes = dict.fromkeys(word for word in (partial.cause, partial.side) if word)
    return f"{sign(partial.verdict)} {partial.verdict}" + (f" ({', '.join(causes)})" if causes else "")


def last_line(verdict: Verdict, summary: str, page: Page) -> None:
    """The line that a table ends with."""
    page.sentence(f"verdict: {verdict} {sign(verdict)}{summary}", color(verdict))


def notes(report: Report, page: Page) -> None:
    """What must be known about the answer: how the text was read where it has another reading, what a device cannot do."""
    for note in report.notes:
        page.line()
        page.sentence(f"note: {note}")
