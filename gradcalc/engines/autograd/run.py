"""What one run of torch returned, entry by entry of its value; the arrays behind it are read when they are needed.

Comes in: the tensors torch received and returned.  Goes out: a `Run` for each entry of the value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import zip_longest
from typing import Any

import torch

from gradcalc.engines.autograd.operation import NO_MEMORY, Numbers, TensorView, same_floats
from gradcalc.engines.autograd.program import By, RecordedProgram
from gradcalc.engines.autograd.recorder import Recorder, numbers_of
from gradcalc.expression.arrays import Entry, Shape, entry_names

Gradients = Mapping[By, Sequence[str]]
"""What is differentiated: for every sequence of entries, after whose partials it is, the variables of the gradient."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of torch.

    `inputs` and `constants` are exact: the binary numbers in its tensors, by the names of entries and the texts of literals.
    `value` and `partials` are the numbers it returned; `failure` says why there are none.
    """

    inputs: Mapping[str, Fraction] = field(default_factory=dict)
    constants: Mapping[str, Fraction] = field(default_factory=dict)
    value: float | None = None
    partials: Mapping[By, float] = field(default_factory=dict)
    failure: str | None = None
    unrepresentable: Mapping[str, str] = field(default_factory=dict)
    """Variables that do not fit the dtype: "overflow" (torch received an infinity) or "underflow" (it received 0)."""
    lost_literals: Mapping[str, str] = field(default_factory=dict)
    """Literals and constants that do not fit the dtype, likewise."""
    program: RecordedProgram | None = None
    """Every operation that ran, if it was recorded."""
    input_arrays: Mapping[str, Numbers] = field(default_factory=dict)
    """The numbers in the tensors of the variables, row by row."""
    answers: Answers | None = None
    recording: Answers | None = None
    place: int = 0

    @property
    def is_at_a_point(self) -> bool:
        """Whether torch received a number for every variable."""
        return "overflow" not in self.unrepresentable.values()

    def gradient(self, prefix: By, variable: str) -> Numbers | None:
        """The gradient by a variable of what the partials of a prefix left of the value, row by row; None if there is none.

        Where it does not depend on the variable it is zeros.
        """
        if self.answers is None or variable not in self.answers.gradients.get(prefix, ()):
            return None
        return self.answers.gradient(self.place, prefix, variable)

    def gradient_view(self, prefix: By, variable: str) -> TensorView | None:
        """Where this gradient lies in the recorded program; None for a zero that was never written, and without a record."""
        if self.recording is None or variable not in self.recording.gradients.get(prefix, ()):
            return None
        return self.recording.gradient_view(self.place, prefix, variable)

    def value_view(self) -> tuple[TensorView, int] | None:
        """The tensor of the value in the recorded program, and the place of this entry in it."""
        return None if self.recording is None else (self.recording.value_view, self.place)


class Answers:
    """The tensors torch returned, each read once: the value, and gradients by entry of the value, prefix and variable.

    None stands for a gradient that does not depend on the variable.
    """

    def __init__(
        self,
        value: torch.Tensor,
        tensors: Sequence[Mapping[tuple[By, str], torch.Tensor | None]],
        gradients: Gradients,
        shapes: Mapping[str, Shape],
        recorder: Recorder | None,
    ):
        self.value_tensor, self.recorder = value.detach(), recorder
        self.tensors = [{key: None if it is None else it.detach() for key, it in each.items()} for each in tensors]
        self.gradients, self.shapes = gradients, shapes
        self._numbers: dict[int, Numbers] = {}
        self._views: dict[int, TensorView] = {}

    @cached_property
    def value(self) -> Numbers:
        """The entries of the value."""
        return _numbers(self.value_tensor)

    @cached_property
    def value_view(self) -> TensorView:
        """The value in the recorded program."""
        return self._view(self.value_tensor)

    def gradient(self, place: int, prefix: By, variable: str) -> Numbers:
        """The gradient of an entry of the value, after the partials of a prefix."""
        tensor = self.tensors[place][prefix, variable]
        if tensor is None:
            return torch.zeros(math.prod(self.shapes[variable]), dtype=torch.float64).numpy()
        if id(tensor) not in self._numbers:
            self._numbers[id(tensor)] = _numbers(tensor)
        return self._numbers[id(tensor)]

    def gradient_view(self, place: int, prefix: By, variable: str) -> TensorView | None:
        """Where it lies in the recorded program; None for a zero that torch never wrote down."""
        tensor = self.tensors[place][prefix, variable]
        view = None if tensor is None else self._view(tensor)
        return None if view is None or view.storage == NO_MEMORY else view

    def _view(self, tensor: torch.Tensor) -> TensorView:
        assert self.recorder is not None
        if id(tensor) not in self._views:
            self._views[id(tensor)] = self.recorder.view(tensor)
        return self._views[id(tensor)]

    def is_same(self, place: int, other: Answers) -> bool:
        """Whether another run returned the same numbers for an entry."""
        pairs = [(self.value[place : place + 1], other.value[place : place + 1])]
        for prefix, variable in self.tensors[place]:
            pairs.append((self.gradient(place, prefix, variable), other.gradient(place, prefix, variable)))
        return all(left.tobytes() == right.tobytes() or bool(same_floats(left, right).all()) for left, right in pairs)


def _numbers(tensor: torch.Tensor) -> Numbers:
    zero = tensor._is_zerotensor()  # which has no memory
    return numbers_of(torch.zeros(tensor.shape, dtype=torch.float64) if zero else tensor)


def locate(entry: str, shapes: Mapping[str, Shape]) -> tuple[str, int]:
    """The variable of an entry, and its place there, row by row.  Raises `KeyError` if there is none."""
    if entry in shapes:  # a number
        return entry, 0
    variable = entry.variable if isinstance(entry, Entry) else entry.partition("[")[0]
    indices = entry.indices if isinstance(entry, Entry) else _indices(entry)
    place = 0
    for index, length in zip_longest(indices, shapes[variable], fillvalue=-1):
        if not isinstance(index, int) or not 0 <= index < length:
            raise KeyError(entry)
        place = place * length + index
    return variable, place


def _indices(entry: str) -> tuple[int, ...]:
    text = entry.partition("[")[2].rstrip("]")
    return tuple(int(index) for index in text.split(",")) if text else ()


class _OfEntries(Mapping[Any, Any]):
    """A mapping by the names of entries, over arrays: an item is made when it is read."""

    def __init__(self, shapes: Mapping[str, Shape]):
        self.shapes = shapes


class ExactInputs(_OfEntries):
    """The inputs as rationals, by the names of their entries; without those that are no numbers."""

    def __init__(self, arrays: Mapping[str, Numbers], shapes: Mapping[str, Shape]):
        super().__init__(shapes)
        self.arrays = arrays
        self._known: dict[str, Fraction] = {}

    def __getitem__(self, entry: str) -> Fraction:
        if entry not in self._known:
            variable, place = locate(entry, self.shapes)
            number = float(self.arrays[variable][place])
            if not math.isfinite(number):
                raise KeyError(entry)
            self._known[entry] = Fraction(number)
        return self._known[entry]

    def __iter__(self) -> Iterator[str]:
        for variable, shape in self.shapes.items():
            numbers = self.arrays[variable].tolist()
            names = entry_names(variable, shape).entries
            yield from (name for name, number in zip(names, numbers, strict=True) if math.isfinite(number))

    def __len__(self) -> int:
        return sum(map(math.isfinite, (number for array in self.arrays.values() for number in array.tolist())))


class _ByPartial(_OfEntries):
    """A mapping by partials: after each prefix, the entries of the variables of its gradient."""

    def __init__(self, answers: Answers, place: int):
        super().__init__(answers.shapes)
        self.answers, self.place = answers, place

    def __iter__(self) -> Iterator[By]:
        for prefix, variables in self.answers.gradients.items():
            for variable in variables:
                for entry in entry_names(variable, self.shapes[variable]).entries:
                    yield (*prefix, entry)

    def __len__(self) -> int:
        sizes = {variable: math.prod(shape) for variable, shape in self.shapes.items()}
        return sum(sizes[variable] for variables in self.answers.gradients.values() for variable in variables)

    def _find(self, by: By) -> tuple[By, str, int]:
        if not isinstance(by, tuple) or not by:
            raise KeyError(by)
        prefix = by[:-1]
        variable, place = locate(by[-1], self.shapes)
        if variable not in self.answers.gradients[prefix]:
            raise KeyError(by)
        return prefix, variable, place


class Partials(_ByPartial):
    """The partials of an entry of the value."""

    def __getitem__(self, by: By) -> float:
        prefix, variable, place = self._find(by)
        return float(self.answers.gradient(self.place, prefix, variable)[place])


class PartialKeys(_ByPartial):
    """The addresses of the partials in the recorded program: of those that were written down."""

    def __getitem__(self, by: By) -> int:
        prefix, variable, place = self._find(by)
        view = self.answers.gradient_view(self.place, prefix, variable)
        if view is None:
            raise KeyError(by)
        return view.address(place)

    def __iter__(self) -> Iterator[By]:
        for by in super().__iter__():
            prefix, variable, _ = self._find(by)
            if self.answers.gradient_view(self.place, prefix, variable) is not None:
                yield by

    def __len__(self) -> int:
        return sum(1 for _ in self)
