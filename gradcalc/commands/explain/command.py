"""`gradcalc explain`: one page on a verdict, a cause, or an idea."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

from gradcalc.commands.explain.pages import IDEAS, PAGES, VERDICTS, Page
from gradcalc.commands.presentation import Presentation
from gradcalc.errors import CalcError, Exit, suggest

_WIDTH = 80


def explain(
    topic: Annotated[
        str | None, typer.Argument(metavar="[TOPIC]", help="A verdict, a cause or an idea. [default: a list]")
    ] = None,
    *,
    presentation: Presentation,
) -> Exit:
    """Explain a verdict, a cause or an idea, with an example to run.

    \b
      gradcalc explain
      gradcalc explain artifact
      gradcalc explain nan-trap
      gradcalc explain chain-rule
    """
    presentation.write(presentation.options.text(_list() if topic is None else _text(_page(topic))), paged=True)
    return Exit.AGREE


def _page(topic: str) -> Page:
    name = topic.strip().lower().replace("_", "-").replace(" ", "-")
    if name in PAGES:
        return PAGES[name]
    close = suggest(name, PAGES)
    hint = f"did you mean {close}?" if close else "gradcalc explain lists the topics"
    raise CalcError(f"there is no page on {topic}", hint=hint)


def _list() -> str:
    lines = []
    for name in VERDICTS:
        page = PAGES[name]
        lines.append(f"{name}: {page.title}")
        lines += [f"    {cause}: {PAGES[cause].title}" for cause in page.causes]
    lines += ["", "ideas", *(f"    {name}: {PAGES[name].title}" for name in IDEAS)]
    return "\n".join(lines) + "\n"


def _text(page: Page) -> str:
    parts = [f"{page.name}: {page.title}", "", *textwrap.wrap(page.text, _WIDTH)]
    if page.causes:
        parts += ["", "causes"]
        parts += [f"  {cause}: {PAGES[cause].title}" for cause in page.causes]
    return "\n".join([*parts, "", "try", f"  {page.example}"]) + "\n"
