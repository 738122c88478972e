"""The result of a command as an object: its fields, its table as text, JSON, and a form for notebooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from html import escape
from typing import Any, Generic, TypeVar

from gradcalc.commands.arguments import choice
from gradcalc.output.options import RenderOptions

T = TypeVar("T")


class Result(Generic[T]):
    """A result with the formats of its command.

    `value` is the plain data; its fields are attributes of the result, too.  `str()` is the table, `to_dict()` and
    `to_json()` are what `--json` prints.
    """

    def __init__(self, value: T, formats: Mapping[str, Callable[[T, RenderOptions], str]]):
        self.value = value
        self._formats = formats

    def __getattr__(self, name: str) -> Any:
        if name in ("value", "_formats"):  # while it is copied or unpickled
            raise AttributeError(name)
        return getattr(self.value, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(field.name for field in fields(self.value))})  # type: ignore[arg-type]

    def to_text(self, format: str = "table") -> str:
        """The result in a format of its command, such as `latex` or `html`.  Raises `CalcError` for another name."""
        return self._formats[choice(str(format), tuple(self._formats), "format")](self.value, RenderOptions())

    def to_json(self) -> str:
        """The object that `--json` prints, as one line of text."""
        return self.to_text("json").rstrip("\n")

    def to_dict(self) -> dict[str, Any]:
        """The same object; nan and infinities are text."""
        return json.loads(self.to_json())  # type: ignore[no-any-return]

    def __str__(self) -> str:
        return self.to_text().rstrip("\n")

    def __repr__(self) -> str:
        first, *_ = str(self).splitlines() or [""]
        return f"<{type(self.value).__name__} {first}>"

    def _repr_html_(self) -> str:
        """The table, for a notebook."""
        return f"<pre>{escape(str(self))}</pre>"
