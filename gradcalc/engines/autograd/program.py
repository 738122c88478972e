"""A recorded program, as plain data: operations on numbers, and where the numbers lie in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NO_MEMORY = 0
"""The key of tensors without memory: nothing can be read from it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A tensor as an operation saw it: which memory it lies in, and the number there at that moment.

    Views share memory and in-place operations write to it, so the key and not the tensor is what flows through a program.
    `value` is None for a tensor without data.
    """

    key: int
    value: float | bool | None


Argument = Cell | int | float | bool | str | None | tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One aten operation: its name (`"mul.Tensor"`), what went in and what came out."""

    name: str
    args: tuple[Argument, ...]
    options: Mapping[str, Argument]
    results: tuple[Cell, ...]


@dataclass(slots=True)
class RecordedProgram:
    """All operations of a run in order; `forward` is how many of them computed the value.

    The other fields say where the tensors of interest lie: the inputs by name, the constants by text, the value, and the
    partials that depend on their variables.  `literals` are the typed numbers that torch was given as Python numbers.
    """

    operations: list[Operation] = field(default_factory=list)
    forward: int = 0
    inputs: dict[str, int] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)
    value: int | None = None
    partials: dict[tuple[str, ...], int] = field(default_factory=dict)
    literals: frozenset[float] = frozenset()

    def ancestors(self, key: int | None) -> frozenset[int]:
        """The places of the operations on which the number under a memory key may depend: a backward slice."""
        keys, places = {key}, set()
        for place in range(len(self.operations) - 1, -1, -1):
            operation = self.operations[place]
            # torch itself read the number of an operation without results.
            if operation.results and not any(cell.key in keys for cell in operation.results):
                continue
            places.add(place)
            if "_like." not in operation.name and not operation.name.startswith("new_"):  # those take a shape only
                inputs = (*operation.args, *operation.options.values())
                keys.update(cell.key for cell in inputs if isinstance(cell, Cell) and cell.key != NO_MEMORY)
        return frozenset(places)


def base_name(name: str) -> str:
    """`"mul_.Tensor"` is `mul`, `"prims.add.default"` is `add`."""
    stem = name.removeprefix("prims.").split(".")[0]
    return stem.rstrip("_") if not stem.startswith("__") else stem
