"""The page that tables are written on: lines, wrapped sentences, columns and verdicts, in what the output can show.

Comes in: words and numbers, and `RenderOptions`.  Goes out: text.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradcalc.errors import one_line
from gradcalc.output.numbers import aligned, input_text
from gradcalc.output.options import RenderOptions
from gradcalc.report import Partial, Verdict

_UNLIMITED = 1_000_000
GAP = 2
"""Spaces between columns."""

_LONGEST_FORMULA = 1_000
"""Characters of a formula, even where nothing is wrapped."""

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

Styled = str | tuple[str, str]
"""Text, alone or with a style of rich's, such as `dim` or `red`."""
Rows = Sequence[Sequence[Styled]]


class Page:
    """Lines, sentences and tables; rich lays them out, and is imported, when the text is asked for."""

    def __init__(self, options: RenderOptions):
        self.options = options
        self.width = options.width or _UNLIMITED
        self._blocks: list[tuple[Styled, ...] | _Table] = []
        self._has_cut = False

    @property
    def height(self) -> int:
        """The count of lines so far, of tables their rows and heads."""
        return sum(len(block.rows) + 2 if isinstance(block, _Table) else 1 for block in self._blocks)

    def append(self, page: Page) -> None:
        """Everything of another page below this one."""
        self._blocks += page._blocks

    def row(self, *parts: Styled) -> None:
        """One line, which is never wrapped."""
        self._blocks.append(parts)

    def line(self, text: str = "", style: str = "") -> None:
        """One line of one style, which is never wrapped."""
        self.row((text, style))

    def formula(self, left: str, right: str, tail: str = "", *, most: int | None = None, style: str = "") -> None:
        """`left = right` and a tail, wrapped between the parts of the formula; more than `most` lines are cut."""
        text = self.options.text
        lines = list(_wrap(text(f"{left} = {right}{tail}"), self.width))
        if most is not None and not self.options.full and (len(lines) > most or len(right) > _LONGEST_FORMULA):
            self._has_cut = True
            tail = f" ...{tail}"
            room = min(most * (self.width - 4) - len(left) - len(tail) - 4, _LONGEST_FORMULA)
            start = right[: max(room, 10)]
            lines = list(_wrap(text(f"{left} = {start.rpartition(' ')[0] or start}{tail}"), self.width))
        for line in lines:
            self.line(line, style)

    def note_cuts(self) -> None:
        """How to see the formulas that were cut, if some were."""
        if self._has_cut:
            self.sentence("long formulas are cut; --full shows them whole", "dim")

    def sentence(self, text: str, style: str = "", indent: int = 0, hanging: int = 0) -> None:
        """Words, wrapped between words; lines after the first are indented by `hanging` more."""
        lines = textwrap.wrap(
            self.options.text(text),
            max(self.width, 20),
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hanging),
            break_on_hyphens=False,
        )
        for line in lines:
            self.line(line.replace(GLUE, " "), style)

    def fits(self, head: Sequence[str], rows: Rows) -> bool:
        """Whether the page is wide enough for a table."""
        return _table(head, rows).width <= self.width

    def columns(self, head: Sequence[str], rows: Rows) -> None:
        """A table, with its numbers aligned at the point; a column of which every cell is empty is left out."""
        self._blocks.append(_table(head, rows))

    def last_head_has(self, title: str) -> bool:
        """Whether the table written last has a column of this title."""
        last = next((block for block in reversed(self._blocks) if isinstance(block, _Table)), None)
        return last is not None and title in last.head

    def columns_that_fit(
        self,
        head: Sequence[str],
        rows: Callable[[int | None], Rows],
        digits: Sequence[int | None],
        optional: Collection[str] = (),
    ) -> int | None:
        """A table whose numbers have the first of these counts of digits that fits; returns the count.

        Where the fewest digits are too wide, the columns in `optional` are left out; where that is too wide still, each row
        becomes a block of lines.
        """
        every = range(len(head))
        for places in (every, [place for place in every if head[place] not in optional]):
            for count in digits:
                table = _table([head[place] for place in places], [[row[place] for place in places] for row in rows(count)])
                if table.width <= self.width:
                    self._blocks.append(table)
                    return count
        return self._rows_as_blocks(head, rows, digits)

    def _rows_as_blocks(
        self, head: Sequence[str], rows: Callable[[int | None], Rows], digits: Sequence[int | None]
    ) -> int | None:
        """Each row as lines of `title  cell`, with the first of these counts of digits that fits."""
        label = max(map(len, head)) + GAP

        def is_narrow(count: int | None) -> bool:
            return all(label + len(_text(cell)) <= self.width for row in rows(count) for cell in row)

        count = next((count for count in digits if is_narrow(count)), digits[-1])
        for row in rows(count):
            for title, cell in zip(head, row, strict=True):
                if label + len(_text(cell)) > self.width:
                    self.sentence(f"{title:<{label}}{_text(cell)}", hanging=label)
                elif _text(cell):
                    self.row((f"{title:<{label}}", "dim"), cell)
            self.line()
        return count

    def assignments(self, values: Mapping[str, str], joint: str = " = ") -> str:
        """`x = 1, y = 2`; long arrays are cut."""
        return ", ".join(f"{name}{joint}{input_text(text, full=self.options.full)}" for name, text in values.items())

    def environment(self, dtype: str | None, device: str | None, versions: Mapping[str, str]) -> None:
        """In which dtype, on which device and, with `--verbose`, by which libraries the numbers were computed."""
        libraries = ", ".join(f"{name} {version}" for name, version in versions.items()) if self.options.verbose else ""
        self.sentence(f"{dtype} on {device}" + (f" ({libraries})" if libraries else ""), "dim")

    def notes(self, notes: Iterable[str]) -> None:
        """What must be known about the answer: another reading of the text, what a device cannot do."""
        for note in notes:
            self.line()
            self.sentence(f"note: {note}")

    def verdict(self, verdict: Verdict | None, summary: str = "") -> None:
        """The line with the verdict of the whole; none without a verdict."""
        if verdict is not None:
            self.sentence(f"{sign(verdict)} {verdict}{summary}", f"bold {color(verdict)}")

    def text(self) -> str:
        """Everything so far."""
        from rich.box import SIMPLE_HEAD, Box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        options = self.options
        file = io.StringIO()
        console = Console(
            file=file,
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

        def styled(part: Styled) -> Text:
            text = one_line(options.text(_text(part)))
            return Text(text) if isinstance(part, str) else Text(text, part[1])

        ascii_head = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
        for block in self._blocks:
            if not isinstance(block, _Table):
                console.print(Text().join(map(styled, block)), no_wrap=True, overflow="ignore", crop=False)
                continue
            # The box puts a space between columns: with the padding, that is the gap.
            box = ascii_head if options.ascii else SIMPLE_HEAD
            table = Table(
                box=box, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim", border_style="dim"
            )
            for title in block.head:
                table.add_column(styled(title), overflow="fold")
            for row in block.rows:
                table.add_row(*map(styled, row))
            console.print(table, crop=False)
        return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).strip("\n") + "\n"


@dataclass(frozen=True, slots=True)
class _Table:
    head: Sequence[str]
    rows: Rows

    @property
    def width(self) -> int:
        """The characters of a line, the gaps included."""
        columns = zip(self.head, *([_text(cell) for cell in row] for row in self.rows), strict=True)
        return sum(max(map(len, column)) + GAP for column in columns)


def _table(head: Sequence[str], rows: Rows) -> _Table:
    """A table without its empty columns, with its numbers aligned."""
    used = [place for place in range(len(head)) if any(_text(row[place]) for row in rows)]
    columns = [[row[place] for row in rows] for place in used]
    cells = [_aligned(column) for column in columns]
    return _Table([head[place] for place in used], list(zip(*cells, strict=True)))


def _aligned(column: Sequence[Styled]) -> list[Styled]:
    texts = aligned([_text(cell) for cell in column])
    return [text if isinstance(cell, str) else (text, cell[1]) for text, cell in zip(texts, column, strict=True)]


def _text(cell: Styled) -> str:
    return cell if isinstance(cell, str) else cell[0]


def _wrap(formula: str, width: int) -> Iterator[str]:
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


def verdict_text(partial: Partial) -> str:
    """The verdict of a partial with its sign and cause."""
    if partial.verdict is None:
        return ""
    causes = dict.fromkeys(word for word in (partial.cause, partial.side) if word)
    return f"{sign(partial.verdict)} {partial.verdict}" + (f" ({', '.join(causes)})" if causes else "")
