"""How and where a command shows its result: the options that every command has.

A command whose function has a parameter `presentation` is registered through `presented`, which gives it these options in
place of that parameter.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Annotated, Any, TextIO

import typer

from gradcalc.commands import console
from gradcalc.commands.arguments import choice, count_of
from gradcalc.commands.pager import Pager, pager_command
from gradcalc.commands.spinner import Spinner
from gradcalc.errors import CalcError, Exit
from gradcalc.output.colors import COLOR, COLORS
from gradcalc.output.options import RenderOptions, options_for
from gradcalc.runtime.files import replaced_file

MAX_DIGITS = 100
COLOR_HELP = "auto, always or never. [default: auto]"
NO_COLOR_HELP = "The same as --color never."

Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Full = Annotated[bool, typer.Option("--full", help="Show all entries (long arrays are truncated by default).")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show versions, and details that are left out by default.")]
Digits = Annotated[str | None, typer.Option(metavar="N", help="Significant digits of the numbers in tables.")]
File = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write the result to FILE; its ending chooses the format."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing; only set the exit code.")]
Color = Annotated[str | None, typer.Option(metavar="WHEN", help=COLOR_HELP)]
NoColor = Annotated[bool, typer.Option("--no-color", help=NO_COLOR_HELP)]
NoPager = Annotated[bool, typer.Option("--no-pager", help="Do not show long output in a pager.")]


PRESENTATION = (
    "--format", "--json", "--full", "--digits", "--output", "--verbose", "--quiet", "--color", "--no-color", "--no-pager",
)  # fmt: skip
"""Options about what is shown, which help pages list apart from the others."""


@dataclass(slots=True)
class Presentation:
    """How a result is shown, and the stream it is written to.

    `pager` is whether text that is longer than the terminal may go through a pager.
    """

    quiet: bool = False
    verbose: bool = False
    full: bool = False
    digits: int | None = None
    height: int | None = None
    """Lines of a drawing; None is the terminal's height."""
    pager: bool = True
    stream: TextIO | None = None
    """The file to write to; None is stdout."""
    _pager: Pager | None = None

    @property
    def options(self) -> RenderOptions:
        """What the output can show."""
        options = options_for(self.stream or sys.stdout)
        if self.stream is not None:  # a file keeps its text for later, whatever this terminal shows
            options = replace(options, color=COLOR.get() == "always")
        height = self.height or options.height
        return replace(options, full=self.full, verbose=self.verbose, digits=self.digits, height=height)

    def write(self, text: str, *, paged: bool = False) -> None:
        """Write a part of the result, now; nothing if the command is quiet.  `paged`: through a pager if it is long."""
        if self.quiet:
            return
        if self.stream is not None:
            self.stream.write(text)
        elif paged and self.pager and sys.stdout.isatty():
            self._pager = self._pager or Pager(self.options, pager_command())
            self._pager.write(text)
        else:
            console.write(text)

    @contextmanager
    def open(self, path: str | None) -> Iterator[None]:
        """Write to the file of this name, or to stdout, until the end of the block; errors leave a file as it was."""
        try:
            with nullcontext() if path is None else replaced_file(path) as self.stream:
                yield
        finally:
            if self._pager is not None:
                self._pager.close()
        if path is not None:
            console.tell(f"wrote {path}")


_FORMATS = {
    ".json": "json", ".csv": "csv", ".tex": "latex", ".md": "markdown", ".html": "html", ".svg": "svg", ".dot": "dot",
}  # fmt: skip
"""Formats by the ending of the file that a result is written to, where none is asked for."""

Command = Callable[..., Exit]


def presented(command: Command, *, numbers: bool = False) -> Command:
    """The function of a command with the options of presentation in place of its parameter `presentation`.

    `numbers` says that its result has numbers and arrays, and takes time.  An `output` of its own stays.
    """
    signature = inspect.signature(command, eval_str=True)
    parameters = [parameter for parameter in signature.parameters.values() if parameter.name != "presentation"]
    own = {parameter.name for parameter in parameters}
    options: dict[str, tuple[Any, Any]] = {
        **({"json": (Json, False)} if "format" in own else {}),
        **({"full": (Full, False), "digits": (Digits, None)} if numbers else {}),
        **({"output": (File, None)} if "output" not in own else {}),
        "verbose": (Verbose, False),
        "quiet": (Quiet, False),
        "color": (Color, None),
        "no_color": (NoColor, False),
        "no_pager": (NoPager, False),
    }

    def run(**arguments: Any) -> Exit:
        values = {name: arguments.pop(name, default) for name, (_, default) in options.items()}
        presentation, path = _presentation(values), values.get("output")
        if values.get("json"):
            arguments["format"] = "json"
        elif path is not None and arguments.get("format") == "table":
            arguments["format"] = _FORMATS.get(PurePath(path).suffix.lower(), "table")
        with presentation.open(path), Spinner() if numbers and not presentation.quiet else nullcontext():
            return command(**arguments, presentation=presentation)

    keyword = inspect.Parameter.KEYWORD_ONLY
    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
    signature = signature.replace(
        parameters=[
            *(parameter.replace(kind=keyword) for parameter in parameters),
            *(inspect.Parameter(name, keyword, default=it, annotation=kind) for name, (kind, it) in options.items()),
        ]
    )
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in signature.parameters.values()}
    return run


def _presentation(values: Mapping[str, Any]) -> Presentation:
    """The values of the options, read.  Raises `CalcError` for the first that is wrong."""
    set_color(values["color"], off=values["no_color"])
    if values["quiet"] and values.get("output"):
        raise CalcError("--quiet and --output exclude each other", hint="leave one of them out")
    digits = values.get("digits")
    return Presentation(
        quiet=values["quiet"],
        verbose=values["verbose"],
        full=values.get("full", False),
        digits=None if digits is None else count_of(digits, "the number of digits", MAX_DIGITS),
        pager=not values["no_pager"],
    )


def set_color(word: str | None, *, off: bool = False) -> None:
    """Take `--color` and `--no-color` for this run; None is the default.  Raises `CalcError` for another word."""
    if off:
        COLOR.set("never")
    elif word is not None:
        COLOR.set(choice(word, COLORS, "color"))
