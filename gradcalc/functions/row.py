"""What a row of the function table is.

A row says everything the program knows about one function: how it is called, what it means, which torch function
computes it, where it is not smooth, and where tests may sample it.  Rows import no engine: they are given one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any

Builder = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a function; `default` is the text of a number, or None if the argument must be given."""

    name: str
    default: str | None = None
    setting: bool = False
    """A plain number that torch takes as a Python number, not as a tensor."""
    optional: bool = False
    """May be left out; the function then is another one (`log(x)` and `log(x, base)`)."""


@dataclass(frozen=True)
class Function:
    """A row of the table.

    `meaning(m, *args)` defines the function in the vocabulary that the symbolic and the Taylor engine share: both are
    passed as `m`.  `torch(t, *args)` calls the torch function of the same name; None where torch cannot differentiate it.
    `literal_numbers` are the positions where a literal argument stays a Python number for torch.
    """

    name: str
    signature: str
    summary: str
    meaning: Builder
    torch: Builder | None
    aliases: tuple[str, ...] = ()
    singular: str = ""
    sample: tuple[tuple[float, float], ...] = ((-2.0, 2.0),)
    condition: bool = False
    takes_conditions: frozenset[int] = frozenset()
    literal_numbers: frozenset[int] = frozenset()
    entries: Builder | None = None
    """A function of arrays: `entries(m, *cells, **options)` gives the entries of the result as trees of those of the
    arguments.  None for a function of numbers, which is taken entry by entry."""
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What a function of arrays can be told besides, by keyword: the words there are, none for a whole number."""
    by_entry: bool = True
    """Whether it is a function of numbers (too): arrays alone are never given to its `meaning`."""
    has_detour: bool = False
    """Whether torch's backward pass divides or decomposes where the entries' trees do not: then no bound on the rounding of
    these trees holds for it."""
    definition: str | None = None
    documented: str = ""
    """What torch documents where its function is another one than `meaning`, as a sentence."""
    group: str = ""

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The arguments, read from the signature: `"x, y; slope=0.01"` has one setting, `"x, base?"` one optional."""
        found = []
        tensors, _, settings = self.signature.partition(";")
        for part, setting in ((tensors, False), (settings, True)):
            for word in filter(None, (piece.strip() for piece in part.split(","))):
                if word != "...":
                    name, _, default = word.partition("=")
                    found.append(Parameter(name.rstrip("?"), default or None, setting, name.endswith("?")))
        return tuple(found)

    @property
    def variadic(self) -> bool:
        """Whether any number of further arguments may follow."""
        return self.signature.endswith("...")

    @property
    def usage(self) -> str:
        """The call as people write it: `leaky_relu(x, negative_slope=0.01)`."""
        if not self.signature:
            return self.name
        words = [f"{key}={words[0]}" if words else key for key, words in self.options.items()]
        return f"{self.name}({', '.join([self.signature.replace(';', ',').replace('?', ''), *words])})"

    @cached_property
    def python_numbers(self) -> frozenset[int]:
        """Positions where torch gets a Python number if the argument is a literal."""
        settings = {position for position, parameter in enumerate(self.parameters) if parameter.setting}
        return self.literal_numbers | settings


def engine_call(path: str) -> Builder:
    """A builder that calls the engine's function at a dotted path: `"nn.functional.relu"` of torch, `"sin"` of any."""
    find = attrgetter(path)
    return lambda engine, *args, **options: find(engine)(*args, **options)


def row(
    name: str,
    signature: str,
    summary: str,
    *,
    meaning: Builder | str | None = None,
    torch: Builder | str | None = "",
    **rest: Any,
) -> Function:
    """A row; `meaning` and `torch` may name the engine's function, and default to the row's own name."""
    if meaning is None:
        meaning = name
    if torch == "":
        torch = name
    return Function(
        name,
        signature,
        summary,
        engine_call(meaning) if isinstance(meaning, str) else meaning,
        engine_call(torch) if isinstance(torch, str) else torch,
        **rest,
    )
