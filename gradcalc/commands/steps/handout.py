"""Handouts: exercises one below the other, with or without their solutions and what the engines say of them.

Comes in: exercises, which are derivations of numbers rule by rule or reverse passes on arrays.  Goes out: text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from gradcalc.errors import Exit
from gradcalc.output.document import Block, Document, Heading
from gradcalc.output.html import html
from gradcalc.output.markdown import markdown
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page
from gradcalc.output.records import Format
from gradcalc.output.tex import tex


class Exercise(Protocol):
    """An expression with its derivatives step by step, in every format."""

    @property
    def name(self) -> str | None:
        """What it is called in the file it is from."""

    @property
    def exit(self) -> Exit:
        """The exit code."""

    def write(self, handout: Handout, page: Page) -> None:
        """Write it on the page for people."""

    def blocks(self, handout: Handout, options: RenderOptions) -> Iterator[Block]:
        """What it is in a document."""

    def records(self, format: str, options: RenderOptions) -> str:
        """Its text in a format for programs."""


@dataclass(frozen=True, slots=True)
class Handout:
    """Exercises, and what of them is shown: the solutions, and what the engines say of them.

    `standalone` is a whole file in LaTeX.
    """

    exercises: Sequence[Exercise]
    title: str | None = None
    solutions: bool = True
    proof: bool = True
    standalone: bool = False

    @property
    def titled(self) -> Iterator[tuple[str | None, Exercise]]:
        """The exercises with their titles; a single one has none."""
        for number, exercise in enumerate(self.exercises, 1):
            yield (exercise.name or f"Exercise {number}") if len(self.exercises) > 1 else None, exercise


def _table(handout: Handout, options: RenderOptions) -> str:
    """The page for people: an exercise below the other."""
    pages = [f"{handout.title}\n"] if handout.title else []
    for title, exercise in handout.titled:
        page = Page(options)
        if title is not None:
            page.line(title, "bold")
        exercise.write(handout, page)
        pages.append(page.text())
    return options.text("\n".join(pages))


def _records(format: str) -> Format[Handout]:
    return lambda handout, options: "".join(exercise.records(format, options) for exercise in handout.exercises)


def _as_document(write: Callable[[Document, RenderOptions], str]) -> Format[Handout]:
    def text(handout: Handout, options: RenderOptions) -> str:
        blocks: list[Block] = []
        for title, exercise in handout.titled:
            blocks += [Heading([title])] if title is not None else []
            blocks += exercise.blocks(handout, options)
        return write(Document(handout.title, blocks, standalone=handout.standalone), options)

    return text


FORMATS: dict[str, Format[Handout]] = {
    "table": _table,
    "plain": _records("plain"),
    "json": _records("json"),
    "latex": _as_document(tex),
    "markdown": _as_document(markdown),
    "html": _as_document(html),
}
