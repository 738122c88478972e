"""`gradcalc explain`: one page on a verdict, a cause or a concept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gradcalc.commands.arguments import choice
from gradcalc.commands.explain.pages import PAGES, Page
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.results import show_objects
from gradcalc.errors import CalcError, Exit

if TYPE_CHECKING:
    from gradcalc.commands.explain.pages import Page

FORMATS = ("text", "json", "markdown")


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
    from gradcalc.commands.explain import render

    pages = list(PAGES.values()) if topic is None else _pages(topic)
    options = presentation.options
    if format == "json":
        show_objects(map(render.record, pages), "explain", presentation)
        return Exit.AGREE
    if format == "markdown":
        text = "\n".join(map(render.markdown, pages))
    elif len(pages) == 1:
        text = render.page_text(pages[0], options)
    else:
        text = render.overview(options) if topic is None else render.listing(topic, pages, options)
    presentation.write(options.text(text), paged=True)
    return Exit.AGREE


def _pages(topic: str) -> list[Page]:
    """The page of this name, else the pages with these words, the best first.  Raises `CalcError` if there are none."""

    from gradcalc.commands.explain.search import advice, search

    pages = search(topic)
    if pages:
        return pages
    raise CalcError(f"no page called '{topic}', and none contains it", hint=advice(topic))
