"""The help pages: usage, description, arguments and options, wrapped to the terminal, with headings in bold there.

Comes in: a command as data.  Goes out: text.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from typer.core import TyperGroup

from gradcalc.cli.command_tree import Command, Option, commands, options_of
from gradcalc.commands.presentation import PRESENTATION
from gradcalc.output.options import RenderOptions

_WIDTH = 80
"""Where the output is not a terminal."""
_NARROW, _LEFT, _GAP = 60, 26, 2
"""Pages narrower than the first have the texts of options below their names; the widest column of names; what follows it."""

Entry = tuple[str, str]
"""A name and its text."""


def command_page(command: Command, options: RenderOptions) -> str:
    """The page of a command."""
    page = _Page(options)
    words = " ".join(argument.word for argument in command.arguments)
    page.lines([f"{page.heading('Usage:')} gradcalc {command.name} {words}".rstrip() + " [OPTIONS]", ""])
    page.description(command.help)
    page.section("Arguments", [(it.word, it.help) for it in command.arguments])
    own = [option for option in command.options if option.names[0] not in PRESENTATION]
    page.section("Options", [_entry(option) for option in own])
    page.section("Output", [*(_entry(it) for it in command.options if it not in own), ("-h, --help", "Show this page.")])
    return page.text()


def program_page(group: TyperGroup, options: RenderOptions) -> str:
    """The page of the program."""
    page = _Page(options)
    page.lines([f"{page.heading('Usage:')} gradcalc COMMAND [ARGUMENTS] [OPTIONS]", ""])
    page.description(group.help or "")
    page.section("Commands", [(command.name, command.summary + ".") for command in commands(group)])
    page.section("Options", [*map(_entry, options_of(group)), ("-h, --help", "Show this page.")])
    page.description(group.epilog or "")
    return page.text()


def _entry(option: Option) -> Entry:
    details = [f"default: {option.default}"] if option.default is not None else []
    details += [f"env: {option.variable}"] if option.variable else []
    shorts = sorted(option.names, key=lambda name: name.startswith("--"))
    names = ", ".join(shorts) + (f" {option.takes}" if option.takes else "")
    return names, option.help + (f" [{'; '.join(details)}]" if details else "")


class _Page:
    """Lines of a page."""

    def __init__(self, options: RenderOptions):
        self._lines: list[str] = []
        self._color = options.color
        self._width = min(options.width or _WIDTH, 100)

    def heading(self, text: str) -> str:
        """Text in bold, where there are colours."""
        return f"\x1b[1m{text}\x1b[0m" if self._color else text

    def lines(self, lines: Iterable[str]) -> None:
        """Lines as they are."""
        self._lines += lines

    def description(self, text: str) -> None:
        r"""Paragraphs; one that begins with `\b` keeps its lines, of which those that end with a colon are headings."""
        for paragraph in text.strip("\n").split("\n\n"):
            if paragraph.lstrip().startswith("\b"):
                self.lines(line for row in paragraph.split("\n")[1:] for line in self._fitted(row))
            else:
                self.lines(self._wrapped(" ".join(paragraph.split()), "", ""))
            self.lines([""])

    def _fitted(self, line: str) -> Iterator[str]:
        indent = line[: len(line) - len(line.lstrip())]
        if len(line) <= self._width:
            yield self.heading(line) if line.endswith(":") and line[:1].isalpha() else line
        else:
            yield from self._wrapped(line.strip(), indent, indent + "    ")

    def _wrapped(self, text: str, first: str, rest: str) -> list[str]:
        return textwrap.wrap(
            text, self._width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, break_long_words=False
        )

    def section(self, title: str, entries: Sequence[Entry]) -> None:
        """A heading, and names with their texts beside or below them."""
        if not entries:
            return
        self.lines([self.heading(title)])
        left = max(len(name) for name, _ in entries if len(name) <= _LEFT) + 2 + _GAP
        for name, text in entries:
            if self._width < _NARROW or len(name) > _LEFT:
                indent = " " * (6 if self._width < _NARROW else left)
                self.lines(["  " + name, *self._wrapped(text, indent, indent)])
            else:
                self.lines(self._wrapped(text, f"  {name}".ljust(left), " " * left))
        self.lines([""])

    def text(self) -> str:
        """The page."""
        return "\n".join(self._lines).rstrip("\n")
