"""`gradcalc explain`: one page on a verdict, a cause or a concept."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Annotated

import typer

from gradcalc.commands.arguments import choice
from gradcalc.commands.explain.pages import PAGES, VERDICTS, Page, kind_of
from gradcalc.commands.explain.search import advice, search, see_also
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.results import show_objects
from gradcalc.errors import CalcError, Exit
from gradcalc.output.options import RenderOptions

FORMATS = ("text", "json", "markdown")
_WIDTH = 80


def explain(
    topic: Annotated[
        str | None, typer.Argument(metavar="[TOPIC]", help="A verdict, a cause, a concept or any word. [default: a list]")
    ] = None,
    format: Annotated[str, typer.Option(metavar="NAME", help="text, json or markdown.")] = "text",
    *,
    presentation: Presentation,
) -> Exit:
    """Explain a verdict, cause or concept.

    \b
      gradcalc explain
      gradcalc explain artifact
      gradcalc explain nan
      gradcalc explain "chain rule"

    A word that is not a topic is searched for in all pages.
    """
    choice(format, FORMATS, "format")
    pages = list(PAGES.values()) if topic is None else _pages(topic)
    options = presentation.options
    if format == "json":
        records = [
            {
                "name": page.name, "kind": kind_of(page), "title": page.title, "text": page.text, "causes": page.causes,
                "example": page.example,
            }
            for page in pages
        ]  # fmt: skip
        show_objects(records, "explain", presentation)
        return Exit.AGREE
    if format == "markdown":
        text = "\n".join(map(_markdown, pages))
    elif len(pages) == 1:
        text = _text(pages[0], options)
    else:
        text = _overview(options) if topic is None else _listing(topic, pages, options)
    presentation.write(options.text(text), paged=True)
    return Exit.AGREE


def _pages(topic: str) -> list[Page]:
    """The page of this name, else the pages with these words, the best first.  Raises `CalcError` if there are none."""
    pages = search(topic)
    if pages:
        return pages
    raise CalcError(f"no page called '{topic}', and none contains it", hint=advice(topic))


def _listing(topic: str, pages: Sequence[Page], options: RenderOptions) -> str:
    width = max(len(page.name) for page in pages) + 4
    first = f"pages on {topic}, the best match first; gradcalc explain {pages[0].name} shows one"
    rows = [_fitted(f"  {page.name}".ljust(width) + page.title, options, width) for page in pages]
    return "\n".join([_fitted(first, options), "", *rows]) + "\n"


def _overview(options: RenderOptions) -> str:
    lines = [_bold("verdicts and their causes", options)]
    for name in VERDICTS:
        lines.append(_item(PAGES[name], options, 2))
        lines += [_item(PAGES[cause], options, 6) for cause in PAGES[name].causes]
    concepts = [_item(page, options, 2) for page in PAGES.values() if kind_of(page) == "concept"]
    return "\n".join([*lines, "", _bold("concepts", options), *concepts]) + "\n"


def _text(page: Page, options: RenderOptions) -> str:
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


def _markdown(page: Page) -> str:
    parts = [f"## {page.name}", f"*{page.title}*", page.text]
    if page.causes:
        parts.append("\n".join(f"- `{cause}`: {PAGES[cause].title}" for cause in page.causes))
    return "\n\n".join([*parts, f"```console\n$ {page.example}\n```"]) + "\n"
