"""`gradcalc explain`: one page on a verdict, a cause or a concept."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Annotated

import typer

from gradcalc.commands.arguments import choice
from gradcalc.commands.explain.pages import PAGES, VERDICTS, Page, kind_of
from gradcalc.commands.explain.search import advice, search
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
        text = _text(pages[0], presentation.options)
    else:
        text = _overview() if topic is None else _listing(topic, pages)
    presentation.write(presentation.options.text(text), paged=True)
    return Exit.AGREE


def _pages(topic: str) -> list[Page]:
    """The page of this name, else the pages with these words, the best first.  Raises `CalcError` if there are none."""
    pages = search(topic)
    if pages:
        return pages
    raise CalcError(f"no page called '{topic}', and none contains it", hint=advice(topic))


def _listing(topic: str, pages: Sequence[Page]) -> str:
    width = max(len(page.name) for page in pages)
    rows = [f"  {page.name.ljust(width)}  {page.title}" for page in pages]
    return (
        "\n".join([f"pages on {topic}, the best match first; gradcalc explain {pages[0].name} shows one", "", *rows]) + "\n"
    )


def _overview() -> str:
    lines = ["verdicts and their causes"]
    for name in VERDICTS:
        page = PAGES[name]
        lines.append(f"  {name}: {page.title}")
        lines += [f"      {cause}: {PAGES[cause].title}" for cause in page.causes]
    concepts = [page for page in PAGES.values() if kind_of(page) == "concept"]
    return "\n".join([*lines, "", "concepts", *(f"  {page.name}: {page.title}" for page in concepts)]) + "\n"


def _text(page: Page, options: RenderOptions) -> str:
    title = f"\x1b[1m{page.name}\x1b[0m" if options.color else page.name
    parts = [f"{title}: {page.title}", "", *textwrap.wrap(page.text, min(options.width or _WIDTH, _WIDTH))]
    if page.causes:
        parts += ["", "causes"]
        parts += [f"  {cause}: {PAGES[cause].title}" for cause in page.causes]
    return "\n".join([*parts, "", "try", f"  {page.example}"]) + "\n"


def _markdown(page: Page) -> str:
    parts = [f"## {page.name}", f"*{page.title}*", page.text]
    if page.causes:
        parts.append("\n".join(f"- `{cause}`: {PAGES[cause].title}" for cause in page.causes))
    return "\n\n".join([*parts, f"```console\n$ {page.example}\n```"]) + "\n"
