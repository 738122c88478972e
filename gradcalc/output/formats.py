"""The formats of a report, picked by name.

Comes in: reports, one a point, and what the output can show.  Goes out: pieces of text as they are ready, each with its
line break.  Adding a format is adding a module with a function `render`, and its name to `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import chain, islice

from gradcalc.output.options import RenderOptions
from gradcalc.report import Report

Renderer = Callable[[Iterable[Report], RenderOptions], Iterator[str]]


def load(name: str) -> Renderer:
    """The renderer of a format, with everything it needs imported."""
    renderer: Renderer = import_module(f"gradcalc.output.{name}").render
    return renderer


def _lazily(name: str) -> Renderer:
    def render(reports: Iterable[Report], options: RenderOptions) -> Iterator[str]:
        # The table needs rich, which no other format does, nor a request that is wrong: that shows in the first report.
        rest = iter(reports)
        first = list(islice(rest, 1))
        return load(name)(chain(first, rest), options)

    return render


FORMATS: dict[str, Renderer] = {name: _lazily(name) for name in ("table", "plain", "json", "csv", "latex", "html")}
FORMULA_FORMATS = ("table", "plain", "json", "latex", "python", "torch", "jax")
"""The formats of formulas without values."""
