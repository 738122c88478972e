"""What a row of the function table is.

A row says everything the program knows about one function: how it is called, what it means, which torch function
computes it, where it is not smooth, and where tests may sample it.  Rows import no engine: they are given one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any, TypedDict, Unpack, overload

from gradcalc.functions.shape_rules import Rule
from gradcalc.functions.vocabulary import NAMES, Vocabulary

Builder = Callable[..., Any]
AnyVocabulary = Vocabulary[Any, Any]
Tensor = Any
"""torch's tensors, by a name that does not import torch."""


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
    `scalar_args` are the positions where a literal argument stays a Python number for torch.
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
    boolean_args: frozenset[int] = frozenset()
    scalar_args: frozenset[int] = frozenset()
    composition: Builder | None = None
    """A function of arrays: `composition(m, *arrays, **options)` writes it in the vocabulary of arrays, for arguments of
    shapes that fit.  None for a function of numbers, which is taken entry by entry."""
    shape: Rule | None = None
    """Of a function of arrays, the shape of the result: `shape(m, *shapes, **options)`.  It raises `CalcError` for shapes
    that do not fit."""
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What a function of arrays can be told besides, by keyword: the words there are, none for a whole number."""
    elementwise: bool = True
    """Whether it is a function of numbers (too): arrays alone are never given to its `meaning`."""
    different_backward_algorithm: bool = False
    """Whether torch's backward pass divides or decomposes where the entries' trees do not: then no bound on the rounding of
    these trees holds for it."""
    definition: str | None = None
    torch_deviation: str = ""
    """What torch documents where its function is another one than `meaning`, as a sentence."""
    group: str = ""

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The arguments, read from the signature: `"x, y; slope=0.01"` has one setting, `"x, base?"` one optional."""
        parameters = []
        tensors, _, settings = self.signature.partition(";")
        for part, setting in ((tensors, False), (settings, True)):
            for word in filter(None, (piece.strip() for piece in part.split(","))):
                if word != "...":
                    name, _, default = word.partition("=")
                    parameters.append(Parameter(name.rstrip("?"), default or None, setting, name.endswith("?")))
        return tuple(parameters)

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
        return self.scalar_args | settings


class Columns(TypedDict, total=False):
    """The columns of a row that have defaults."""

    torch: Builder | str | None
    aliases: tuple[str, ...]
    singular: str
    sample: tuple[tuple[float, float], ...]
    condition: bool
    boolean_args: frozenset[int]
    scalar_args: frozenset[int]
    composition: Builder | None
    shape: Rule | None
    options: Mapping[str, tuple[str, ...]]
    elementwise: bool
    different_backward_algorithm: bool
    definition: str | None
    torch_deviation: str


# mypy infers the types of a lambda's parameters from a callable with as many: one overload for each number of arguments.
@overload
def row(name: str, signature: str, summary: str, *, meaning: str | None = None, **columns: Unpack[Columns]) -> Function: ...
@overload
def row(
    name: str, signature: str, summary: str, *, meaning: Callable[[AnyVocabulary], Any], **columns: Unpack[Columns]
) -> Function: ...
@overload
def row(
    name: str, signature: str, summary: str, *, meaning: Callable[[AnyVocabulary, Any], Any], **columns: Unpack[Columns]
) -> Function: ...
@overload
def row(
    name: str, signature: str, summary: str, *, meaning: Callable[[AnyVocabulary, Any, Any], Any], **columns: Unpack[Columns]
) -> Function: ...
@overload
def row(
    name: str,
    signature: str,
    summary: str,
    *,
    meaning: Callable[[AnyVocabulary, Any, Any, Any], Any],
    **columns: Unpack[Columns],
) -> Function: ...
@overload
def row(
    name: str,
    signature: str,
    summary: str,
    *,
    meaning: Callable[[AnyVocabulary, Any, Any, Any, Any], Any],
    **columns: Unpack[Columns],
) -> Function: ...
def row(
    name: str,
    signature: str,
    summary: str,
    *,
    meaning: Builder | str | None = None,
    torch: Builder | str | None = "",
    **columns: Any,
) -> Function:
    """A row; `meaning` and `torch` may name the function of the vocabulary and of torch, and default to the row's own name.

    A row that has a definition, or is of arrays only, has no meaning.  Raises `TypeError` for a name that the vocabulary
    does not have.
    """
    if not callable(meaning):
        meaning = _vocabulary_call(
            meaning or name, is_called=columns.get("elementwise", True) and "definition" not in columns
        )
    return Function(
        name, signature, summary, meaning, _torch_call(torch or name) if isinstance(torch, str) else torch, **columns
    )


def _vocabulary_call(name: str, *, is_called: bool) -> Builder:
    if is_called and name not in NAMES:
        raise TypeError(f"the vocabulary has no function {name}")
    function = attrgetter(name)
    return lambda vocabulary, *args: function(vocabulary)(*args)


def _torch_call(path: str) -> Builder:
    """A builder that calls torch's function at a dotted path: `"nn.functional.relu"`."""
    function = attrgetter(path)
    return lambda torch, *args, **options: function(torch)(*args, **options)


def array_row(
    name: str,
    signature: str,
    summary: str,
    shape: Rule,
    composition: Builder,
    torch: Builder | str | None = "",
    **columns: Any,
) -> Function:
    """A row of a function of arrays only."""
    columns = {"sample": (), **columns, "shape": shape, "composition": composition, "elementwise": False}
    return row(name, signature, summary, torch=torch, **columns)
