"""The backward pass: torch runs an expression and differentiates it.

Comes in: a tree, values for its variables, what to differentiate with respect to, a dtype and a device.  Goes out: the
numbers torch returned, the binary numbers in its tensors, and the program of its operations if it is recorded.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from fractions import Fraction

from gradcalc.expression.arrays import Array, entry_names, named_entries
from gradcalc.expression.tree import Node
from gradcalc.runtime import deadline, torch_import

with torch_import.fast_import():
    import torch

    from gradcalc.engines.autograd.forward import (
        REFUSALS,
        Constants,
        Hook,
        build,
        constants_of,
        first_line,
        inputs_of,
        is_nonzero,
        python_literals,
    )
    from gradcalc.engines.autograd.program import NO_MEMORY, RecordedProgram
    from gradcalc.engines.autograd.recorder import AVAILABLE, Recorder

By = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of torch.

    `inputs` and `constants` are exact: the binary numbers in its tensors, by the names of variables and the texts of
    literals.  `value` and `partials` are the numbers it returned; `failure` says why there are none.
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

    @property
    def is_at_a_point(self) -> bool:
        """Whether torch received a number for every variable."""
        return "overflow" not in self.unrepresentable.values()


def run(
    tree: Node,
    values: Mapping[str, float | Array[float]],
    wrts: Sequence[By],
    *,
    dtype: str,
    device: str,
    record: bool = False,
    hook: Hook | None = None,
) -> Run:
    """Evaluate a tree of numbers at a point and differentiate it by each sequence of variables.

    `record` asks for the program.  Never raises for what torch cannot do: that is a `failure`.
    """
    cells = {name: value if isinstance(value, Array) else Array.scalar(value) for name, value in values.items()}
    return runs(tree, cells, wrts, 1, dtype=dtype, device=device, record=record, hook=hook)[0]


def runs(
    tree: Node,
    values: Mapping[str, Array[float]],
    wrts: Sequence[By],
    count: int,
    *,
    dtype: str,
    device: str,
    record: bool = False,
    hook: Hook | None = None,
) -> list[Run]:
    """The same for a tree of arrays: one answer for each of the `count` entries of its value, from one run.

    `wrts` have the names of entries.  A partial of an entry of the value is from a backward pass of that entry.
    """
    torch_type = getattr(torch, dtype)
    names = {name: entry_names(name, value.shape).entries for name, value in values.items()}
    places = {entry: (name, place) for name, entries in names.items() for place, entry in enumerate(entries)}
    variables = {places[entry][0] for wrt in wrts for entry in wrt}
    inputs = inputs_of({name: value.tolist() for name, value in values.items()}, torch_type, device, variables)
    constants = constants_of(tree, torch_type, device)
    point = _point(names, values, inputs, constants)

    def answers(recorder: Recorder | None = None) -> _Answers:
        with recorder.on() if recorder else nullcontext(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's advice is for those who train
            result = build(tree, inputs, constants, hook)
            if recorder:
                recorder.program.forward = len(recorder.program.operations)
            partials = [_partials((result, place), inputs, places, wrts) for place in range(count)]
            return _Answers(result, partials, recorder)

    recorder = Recorder() if record and AVAILABLE else None
    recording = plain = None
    try:
        # Under a dispatch mode torch may choose other backward formulas (prod does), so the numbers come from a run that is
        # not recorded.  A hook sees one run.  The recorded run comes first: it takes longer, and can be stopped.
        try:
            recording = answers(recorder) if recorder else None
        except REFUSALS:
            if hook is not None:
                raise
        plain = answers() if hook is None or recorder is None else None
    except REFUSALS as error:
        return [replace(point, failure=first_line(error))] * count
    except deadline.OutOfTime:
        return [replace(point, failure="PyTorch exceeded its share of the time limit")] * count
    numbers = plain or recording
    assert numbers is not None
    plain_runs = [replace(point, value=numbers.value(place), partials=numbers.numbers(place)) for place in range(count)]
    if recording is None or recorder is None:
        return plain_runs
    recorder.locate(
        {name: (names[name], tensor) for name, tensor in inputs.items()},
        constants.tensors,
        python_literals(tree, constants.numbers),
    )
    return [
        replace(run, program=recording.program(place)) if recording.is_same(place, run) else run
        for place, run in enumerate(plain_runs)
    ]


def _point(
    names: Mapping[str, Sequence[str]],
    values: Mapping[str, Array[float]],
    inputs: Mapping[str, torch.Tensor],
    constants: Constants,
) -> Run:
    """What torch received: the binary numbers in its tensors, and those that the dtype loses."""
    floats = {entry: number for name, tensor in inputs.items() for entry, number in _numbers(names[name], tensor)}
    typed = {entry: number for name, cells in values.items() for entry, number in named_entries(name, cells)}
    losses = {name: "overflow" for name, value in floats.items() if not math.isfinite(value)}
    losses.update({name: "underflow" for name, value in floats.items() if value == 0 != typed[name]})
    numbers = constants.numbers
    lost_literals = {text: "overflow" for text, value in numbers.items() if not math.isfinite(value)}
    lost_literals.update({text: "underflow" for text, value in numbers.items() if value == 0 and is_nonzero(text)})
    return Run(_exact(floats), _exact(numbers), unrepresentable=losses, lost_literals=lost_literals)


def _exact(numbers: Mapping[str, float]) -> dict[str, Fraction]:
    return {name: Fraction(value) for name, value in numbers.items() if math.isfinite(value)}


def _same(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and math.isnan(one) and math.isnan(other))


def _numbers(names: Sequence[str], tensor: torch.Tensor) -> Iterator[tuple[str, float]]:
    return zip(names, tensor.detach().reshape(-1).tolist(), strict=True)


Entry = tuple[torch.Tensor, int]
"""A number in a tensor: the tensor, and its place in it."""


class _Answers:
    """The tensors torch returned, each read once; and the memory keys of their numbers, if the run was recorded."""

    def __init__(
        self, result: torch.Tensor, partials: Sequence[Mapping[By, Entry | None]], recorder: Recorder | None = None
    ):
        self.result, self.partials, self.recorder = result, partials, recorder
        self._numbers: dict[int, list[float]] = {}
        self._keys: dict[int, list[int]] = {}

    def value(self, place: int) -> float:
        """An entry of the value."""
        return self._number(self.result, place)

    def numbers(self, place: int) -> dict[By, float]:
        """Its partials."""
        return {wrt: 0.0 if entry is None else self._number(*entry) for wrt, entry in self.partials[place].items()}

    def is_same(self, place: int, run: Run) -> bool:
        """Whether another run returned the same numbers for an entry."""
        return _same(run.value, self.value(place)) and all(map(_same, run.partials.values(), self.numbers(place).values()))

    def program(self, place: int) -> RecordedProgram:
        """The program of an entry."""
        assert self.recorder is not None
        # A gradient that torch knows to be zero is never written down.
        keys = {wrt: self._key(*entry) for wrt, entry in self.partials[place].items() if entry is not None}
        partials = {wrt: key for wrt, key in keys.items() if key != NO_MEMORY}
        return replace(self.recorder.program, value=self._key(self.result, place), partials=partials)

    def _number(self, tensor: torch.Tensor, place: int) -> float:
        if id(tensor) not in self._numbers:
            zero = tensor._is_zerotensor()  # which has no memory
            self._numbers[id(tensor)] = [0.0] * tensor.numel() if zero else tensor.detach().reshape(-1).tolist()
        return self._numbers[id(tensor)][place]

    def _key(self, tensor: torch.Tensor, place: int) -> int:
        assert self.recorder is not None
        if id(tensor) not in self._keys:
            self._keys[id(tensor)] = self.recorder.keys(tensor)
        return self._keys[id(tensor)][place]


def _partials(
    result: Entry, inputs: Mapping[str, torch.Tensor], places: Mapping[str, tuple[str, int]], wrts: Sequence[By]
) -> dict[By, Entry | None]:
    """The partial derivatives of a number; orders above one differentiate the gradient again.

    None stands for a result that does not depend on a variable: its derivative is 0.
    """
    order = max((len(wrt) for wrt in wrts), default=0)
    partials: dict[By, Entry | None] = {(): result}
    for length in range(1, order + 1):
        for prefix in dict.fromkeys(wrt[: length - 1] for wrt in wrts if len(wrt) >= length):
            entries = dict.fromkeys(wrt[length - 1] for wrt in wrts if wrt[: length - 1] == prefix)
            names = list(dict.fromkeys(places[entry][0] for entry in entries))
            above = partials[prefix]
            gradients = {} if above is None else gradient(above, {name: inputs[name] for name in names}, length < order)
            for entry in entries:
                name, place = places[entry]
                tensor = gradients.get(name)
                partials[(*prefix, entry)] = None if tensor is None else (tensor, place)
    return {wrt: partials[wrt] for wrt in wrts}


def gradient(of: Entry, inputs: Mapping[str, torch.Tensor], create_graph: bool = False) -> dict[str, torch.Tensor | None]:
    """The gradient of a number in a tensor by each input; with `create_graph` it can be differentiated itself."""
    tensor, place = of
    if not tensor.requires_grad:
        return dict.fromkeys(inputs)
    deadline.check()
    # A slice and not a unit vector as grad_outputs, for which torch would import sympy.
    number = tensor.reshape(-1)[place] if tensor.dim() else tensor
    tensors = list(inputs.values())
    gradients = torch.autograd.grad(number, tensors, allow_unused=True, create_graph=create_graph, retain_graph=True)
    return dict(zip(inputs, gradients, strict=True))
