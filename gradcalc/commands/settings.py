"""What the options that several commands share say: how to compute, and how to write the result."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from gradcalc.commands.arguments import choice, device_of, seconds_of, verdicts_of
from gradcalc.commands.presentation import Presentation
from gradcalc.output.options import RenderOptions
from gradcalc.report import DTYPES, Notation, Verdict

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `commands/options.py`, read: `seconds` is the time limit, `fail_on` the verdicts that fail a run."""

    format: str
    seconds: float
    device: str
    dtype: str | None
    fail_on: tuple[Verdict, ...]
    notation: Notation
    presentation: Presentation
    entries: bool = False

    @property
    def quiet(self) -> bool:
        """Whether only the exit code is wanted."""
        return self.presentation.quiet

    @property
    def options(self) -> RenderOptions:
        """What the output can show, and what of it is wanted."""
        return replace(self.presentation.options, fail_on=self.fail_on, entries=self.entries)

    @classmethod
    def read(
        cls,
        formats: Collection[str],
        format: str,
        timeout: str,
        presentation: Presentation,
        *,
        device: str = "cpu",
        dtype: str | None = None,
        fail_on: Sequence[str] | None = None,
        notation: str = "auto",
        entries: bool = False,
    ) -> Settings:
        """Read the options of a command with these formats.  Raises `CalcError` for the first that is wrong."""
        choice(format, tuple(formats), "format")
        seconds, verdicts = seconds_of(timeout), verdicts_of(fail_on or [])
        dtype = dtype if dtype is None else choice(dtype, DTYPES, "dtype")
        language = Notation(choice(notation, tuple(Notation), "notation"))
        return cls(format, seconds, device_of(device), dtype, verdicts, language, presentation, entries)

    def write(self, formats: Mapping[str, Callable[[T, RenderOptions], str]], result: T) -> None:
        """Write a result in the format that was asked for; nothing if the command is quiet."""
        if not self.quiet:
            self.presentation.write(formats[self.format](result, self.options))
