"""Pages of `gradcalc explain` as text, Markdown and records."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from gradcalc.commands.explain.pages import PAGES, VERDICTS, Page, kind_of
from gradcalc.commands.explain.search import see_also
from gradcalc.output.options import RenderOptions

_WIDTH = 80


def record(page: Page) -> dict[str, object]:
    """A page for programs."""
    return {
        "name": page.name, "kind": kind_of(page), "title": page.title, "text": page.text, "causes": page.causes,
        "example": page.example,
    }  # fmt: skip


def listing(topic: str, pages: Sequence[Page], options: RenderOptions) -> str:
    """The pages that a search found."""
    width = max(len(page.name) for page in pages) + 4
    first = f"pages on {topic}, the best match first; gradcalc explain {pages[0].name} shows one"
    rows = [_fitted(f"  {page.name}".ljust(width) + page.title, options, width) for page in pages]
    return "\n".join([_fitted(first, options), "", *rows]) + "\n"


def overview(options: RenderOptions) -> str:
    """All pages, a line each."""
    lines = [_bold("verdicts and their causes", options)]
    for name in VERDICTS:
        lines.append(_item(PAGES[name], options, 2))
        lines += [_item(PAGES[cause], options, 6) for cause in PAGES[name].causes]
    outcomes = [_item(page, options, 2) for page in PAGES.values() if kind_of(page) == "outcome"]
    lines += ["", _bold("further outcomes of gradcheck", options), *outcomes]
    concepts = [_item(page, options, 2) for page in PAGES.values() if kind_of(page) == "concept"]
    return "\n".join([*lines, "", _bold("concepts", options), *concepts]) + "\n"


def page_text(page: Page, options: RenderOptions) -> str:
    """A page for people."""
    text = textwrap.fill(page.text, min(options.width or _WIDTH, _WIDTH), break_on_hyphens=False)
    parts = [_bold(page.name, options) + f": {page.title}", "", text]
    if page.causes:
        parts += ["", "causes", *(_item(PAGES[cause], options, 2) for cause in page.causes)]
    also = see_also(page)
    parts += ["", f"see also: {', '.join(also)}"] if also else []
    return "\n".join([*parts, "", "try", f"  {page.example}"]) + "\n"


def _item(page: Page, options: RenderOptions, indent: int) -> str:
    return _fitted(f"{' ' * indent}{page.name}: {page.title}", options, indent + 4)


def _fitted(text: str, options: RenderOptions, indent: int = 0) -> str:
    """A line, wrapped on a terminal."""
    if options.width is None:
        return text
    return textwrap.fill(text, max(options.width, 20), subsequent_indent=" " * indent, break_on_hyphens=False)


def _bold(text: str, options: RenderOptions) -> str:
    return f"\x1b[1m{text}\x1b[0m" if options.color else text


def markdown(page: Page) -> str:
    """A page as a section of Markdown."""
    parts = [f"## {page.name}", f"*{page.title}*", page.text]
    if page.causes:
        parts.append("\n".join(f"- `{cause}`: {PAGES[cause].title}" for cause in page.causes))
    return "\n\n".join([*parts, f"```console\n$ {page.example}\n```"]) + "\n"
