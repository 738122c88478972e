"""A recorded program: its operations in order, and where the numbers of interest lie in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from gradcalc.engines.autograd.operation import Operation, TensorOperation, TensorView
from gradcalc.engines.autograd.scalarize_trace import count, scalar_operations
from gradcalc.engines.autograd.slices import Slice, ancestors

By = tuple[str, ...]


class Record:
    """All operations of a run in order: on tensors, and on single numbers where these are needed.

    `forward` is how many operations on tensors computed the value.
    """

    def __init__(self) -> None:
        self.tensor_operations: list[TensorOperation] = []
        self.forward = 0

    @cached_property
    def operations(self) -> list[Operation]:
        """The operations on single numbers."""
        return [operation for op in self.tensor_operations for operation in scalar_operations(op)]

    @cached_property
    def starts(self) -> list[int]:
        """For every operation on tensors the place of its first operation on numbers; at the end how many there are."""
        return [0, *accumulate(map(count, self.tensor_operations))]

    @property
    def size(self) -> int:
        """How many operations on single numbers there are."""
        return sum(map(count, self.tensor_operations))


@dataclass(slots=True)
class RecordedProgram:
    """The operations of a run, and where the tensors of interest lie, for one entry of the value.

    These are the inputs by variable, the constants by text, the value by its address, and the addresses of the partials that
    depend on their variables.  `literals` are the typed numbers that torch was given as Python numbers.
    """

    record: Record
    inputs: Mapping[str, TensorView] = field(default_factory=dict)
    constants: Mapping[str, TensorView] = field(default_factory=dict)
    value: int | None = None
    partials: Mapping[By, int] = field(default_factory=dict)
    literals: frozenset[float] = frozenset()

    @property
    def tensor_operations(self) -> list[TensorOperation]:
        """The operations on tensors, as torch ran them."""
        return self.record.tensor_operations

    @property
    def operations(self) -> list[Operation]:
        """The same as operations on single numbers."""
        return self.record.operations

    @property
    def size(self) -> int:
        """How many operations on single numbers there are."""
        return self.record.starts[-1]

    @property
    def forward(self) -> int:
        """How many operations on single numbers computed the value."""
        return self.record.starts[self.record.forward]

    def ancestors(self, key: int | None) -> Slice:
        """The places of the operations on which the number at an address may depend."""
        return ancestors(self.tensor_operations, self.record.starts, key)
