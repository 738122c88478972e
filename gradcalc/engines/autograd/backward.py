"""The autograd witness: torch runs the expression and its backward pass.

Comes in: a tree, values for its variables, what to differentiate by, a dtype and a device.  Goes out: the numbers torch
returned, and the binary numbers it really received, read back from its tensors.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple

from gradcalc.expression.arrays import Array, entry_names, named_entries
from gradcalc.expression.tree import Call, Name, Node, Number, calls_in, fold
from gradcalc.functions import TABLE
from gradcalc.functions.scalarize import option_values
from gradcalc.runtime import deadline, torch_import

with torch_import.fast_import():
    import torch

    from gradcalc.engines.autograd.program import NO_MEMORY, Program
    from gradcalc.engines.autograd.recorder import AVAILABLE, Recorder

By = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """What torch did with a question.

    `inputs` and `constants` are exact: the binary numbers in its tensors, by the names of variables and the texts of
    literals.  `value` and `partials` are what it returned.  `failure` says why there is none of them.
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
    program: Program | None = None
    """Every operation that ran, if it was recorded."""

    @property
    def is_at_a_point(self) -> bool:
        """Whether torch received a number for every variable."""
        return "overflow" not in self.unrepresentable.values()


Hook = Callable[[Node, torch.Tensor], torch.Tensor]
"""Sees every call's tensor as it is built, and may put another in its place."""


class Unavailable(Exception):
    """torch cannot differentiate this; the message says why."""


REFUSALS = (Unavailable, RuntimeError, NotImplementedError, ValueError, IndexError)
"""What is raised for an expression that torch cannot differentiate; the last four by torch, for arguments it refuses."""


def run(
    tree: Node,
    values: Mapping[str, float | Array[float]],
    bys: Sequence[By],
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
    return runs(tree, cells, bys, 1, dtype=dtype, device=device, record=record, hook=hook)[0]


def runs(
    tree: Node,
    values: Mapping[str, Array[float]],
    bys: Sequence[By],
    count: int,
    *,
    dtype: str,
    device: str,
    record: bool = False,
    hook: Hook | None = None,
) -> list[Run]:
    """The same for a tree of arrays: one answer for each of the `count` entries of its value, from one run.

    `bys` have the names of entries.  A partial of an entry of the value is from a backward pass of that entry.
    """
    torch_type = getattr(torch, dtype)
    names = {name: entry_names(name, value.shape).entries for name, value in values.items()}
    places = {entry: (name, place) for name, entries in names.items() for place, entry in enumerate(entries)}
    moving = {places[entry][0] for by in bys for entry in by}
    inputs = inputs_of({name: cells.tolist() for name, cells in values.items()}, torch_type, device, moving)
    constants = constants_of(tree, torch_type, device)
    held = constants.held
    received = {entry: number for name, tensor in inputs.items() for entry, number in _numbers(names[name], tensor)}
    asked = {entry: number for name, cells in values.items() for entry, number in named_entries(name, cells)}
    lost = {name: "overflow" for name, value in received.items() if not math.isfinite(value)}
    lost.update({name: "underflow" for name, value in received.items() if value == 0 != asked[name]})
    lost_literals = {text: "overflow" for text, value in held.items() if not math.isfinite(value)}
    lost_literals.update({text: "underflow" for text, value in held.items() if value == 0 and _is_nonzero(text)})
    exact = {name: Fraction(value) for name, value in received.items() if math.isfinite(value)}
    literals = {text: Fraction(value) for text, value in held.items() if math.isfinite(value)}
    asked_of = Run(exact, literals, unrepresentable=lost, lost_literals=lost_literals)

    def computed(recorder: Recorder | None) -> tuple[torch.Tensor, list[dict[By, Entry | None]]]:
        with recorder.on() if recorder else nullcontext(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's advice is for those who train
            result = build(tree, inputs, constants, hook)
            if recorder:
                recorder.program.forward = len(recorder.program.operations)
            return result, [_partials((result, place), inputs, places, bys) for place in range(count)]

    recorder = Recorder() if record and AVAILABLE else None
    watched = plain = None
    try:
        # Being watched, torch takes another way here and there (the backward pass of prod, for one): what it returns is what
        # it returns to everybody.  A hook sees one run.  Watched it can be stopped, and it takes longer: that comes first.
        try:
            watched = _Answers(*computed(recorder), recorder) if recorder else None
        except REFUSALS:
            if hook is not None:
                raise
        plain = _Answers(*computed(None)) if hook is None or recorder is None else None
    except REFUSALS as error:
        return [replace(asked_of, failure=first_line(error))] * count
    except deadline.OutOfTime:
        return [replace(asked_of, failure="torch took more than its share of the time")] * count
    answers = plain or watched
    assert answers is not None
    found = [replace(asked_of, value=answers.value(place), partials=answers.numbers(place)) for place in range(count)]
    if watched is None or recorder is None:
        return found
    program = recorder.program
    program.constants = {text: recorder.places(tensor)[0] for text, tensor in constants.tensors.items()}
    program.inputs = {
        entry: key for name in inputs for entry, key in zip(names[name], recorder.places(inputs[name]), strict=True)
    }
    program.literals = _literals(tree, held)
    return [
        replace(run, program=watched.program(place)) if watched.is_same(place, run) else run
        for place, run in enumerate(found)
    ]


def _same(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and math.isnan(one) and math.isnan(other))


def _numbers(names: Sequence[str], tensor: torch.Tensor) -> Iterator[tuple[str, float]]:
    return zip(names, tensor.detach().reshape(-1).tolist(), strict=True)


Entry = tuple[torch.Tensor, int]
"""A number in a tensor: the tensor, and its place in it."""


class _Answers:
    """What torch returned, each tensor read once; and where its numbers lie, if it was recorded."""

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
        return {by: 0.0 if entry is None else self._number(*entry) for by, entry in self.partials[place].items()}

    def is_same(self, place: int, run: Run) -> bool:
        """Whether another run returned the same numbers for an entry."""
        return _same(run.value, self.value(place)) and all(map(_same, run.partials.values(), self.numbers(place).values()))

    def program(self, place: int) -> Program:
        """The program of an entry."""
        assert self.recorder is not None
        # A gradient that torch knows to be zero is never written down.
        keys = {by: self._key(*entry) for by, entry in self.partials[place].items() if entry is not None}
        written = {by: key for by, key in keys.items() if key != NO_MEMORY}
        return replace(self.recorder.program, value=self._key(self.result, place), partials=written)

    def _number(self, tensor: torch.Tensor, place: int) -> float:
        if id(tensor) not in self._numbers:
            zero = tensor._is_zerotensor()  # which has no memory
            self._numbers[id(tensor)] = [0.0] * tensor.numel() if zero else tensor.detach().reshape(-1).tolist()
        return self._numbers[id(tensor)][place]

    def _key(self, tensor: torch.Tensor, place: int) -> int:
        assert self.recorder is not None
        if id(tensor) not in self._keys:
            self._keys[id(tensor)] = self.recorder.places(tensor)
        return self._keys[id(tensor)][place]


def _is_nonzero(text: str) -> bool:
    return any(digit in "123456789" for digit in text.lower().partition("e")[0])


def first_line(error: Exception) -> str:
    """What torch says, without what it says to those who develop it."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def inputs_of(
    values: Mapping[str, Any], dtype: torch.dtype, device: str, moving: Collection[str]
) -> dict[str, torch.Tensor]:
    """A tensor for every variable, from its number or nested lists; those that move are tracked."""
    return {
        name: torch.tensor(value, dtype=dtype, device=device, requires_grad=name in moving) for name, value in values.items()
    }


class Constants(NamedTuple):
    """A tensor for every literal and constant of an expression, by its text.

    `held` are the numbers in them, for the functions that take some of theirs as Python numbers.
    """

    tensors: Mapping[str, torch.Tensor]
    held: Mapping[str, float]


def constants_of(tree: Node, dtype: torch.dtype, device: str) -> Constants:
    """The literals and constants of an expression as torch holds them."""
    found: dict[str, torch.Tensor] = {}

    def keep(text: str, value: Callable[[], float]) -> None:
        if text not in found:
            try:
                number = value()
            except OverflowError:
                number = math.inf
            found[text] = torch.tensor(number, dtype=dtype, device=device)

    def leaf(node: Number | Name) -> None:
        if isinstance(node, Number):
            keep(node.text, lambda: float(node.value))

    def call(node: Call, _: list[None]) -> None:
        builder = TABLE[node.name].torch
        if not node.args and builder is not None:
            keep(node.name, lambda: builder(torch))

    fold(tree, leaf, call)
    return Constants(found, {text: tensor.item() for text, tensor in found.items()})


def build(tree: Node, inputs: Mapping[str, torch.Tensor], constants: Constants, hook: Hook | None = None) -> torch.Tensor:
    """The tensor of an expression: every call is the torch function of its own name.

    Raises `Unavailable` for functions that torch cannot differentiate.
    """

    def leaf(node: Number | Name) -> torch.Tensor:
        return inputs[node.name] if isinstance(node, Name) else constants.tensors[node.text]

    def call(node: Call, args: list[torch.Tensor]) -> torch.Tensor:
        result = called(node, args, constants)
        return hook(node, result) if hook and node.args else result

    return fold(tree, leaf, call)


def called(node: Call, args: Sequence[torch.Tensor], constants: Constants) -> torch.Tensor:
    """The tensor of one call, from those of its arguments.  Raises `Unavailable` as `build` does."""
    row = TABLE[node.name]
    if row.torch is None:
        raise Unavailable(f"torch has no derivative of {node.name}")
    if not node.args:
        return constants.tensors[node.name]
    given: list[Any] = list(args)
    for place, number in _python_numbers(node, constants.held).items():
        given[place] = number
    result: torch.Tensor = row.torch(torch, *given, **option_values(node))
    return result


def _python_numbers(node: Call, held: Mapping[str, float]) -> dict[int, int | float]:
    """The literal arguments of a call that torch is given as Python numbers, by position."""
    found = {}
    for place in TABLE[node.name].python_numbers:
        number = _python_number(node.args[place], held)
        # `x ** 2` keeps its 2, as people write it; other exponents are tensors, because torch would form
        # `exponent - 1` in double precision, unseen by anyone.
        if number is not None and (node.name != "**" or isinstance(number, int)):
            found[place] = number
    return found


def _literals(tree: Node, held: Mapping[str, float]) -> frozenset[float]:
    calls = calls_in(tree)
    return frozenset(float(number) for call in calls for number in _python_numbers(call, held).values())


def _python_number(node: Node, held: Mapping[str, float]) -> int | float | None:
    """The number of a literal as the dtype holds it; None for what is no literal."""
    if isinstance(node, Call) and node.name == "neg":
        inner = _python_number(node.args[0], held)
        return None if inner is None else -inner
    if not isinstance(node, Number):
        return None
    number = held[node.text]
    if node.value.denominator == 1:
        return int(number) if number == node.value else None
    return number


def _partials(
    result: Entry, inputs: Mapping[str, torch.Tensor], places: Mapping[str, tuple[str, int]], bys: Sequence[By]
) -> dict[By, Entry | None]:
    """The partial derivatives of a number; orders above one differentiate the gradient again.

    None stands for a result that does not depend on a variable: its derivative is 0.
    """
    order = max((len(by) for by in bys), default=0)
    known: dict[By, Entry | None] = {(): result}
    for length in range(1, order + 1):
        for prefix in dict.fromkeys(by[: length - 1] for by in bys if len(by) >= length):
            entries = dict.fromkeys(by[length - 1] for by in bys if by[: length - 1] == prefix)
            names = list(dict.fromkeys(places[entry][0] for entry in entries))
            above = known[prefix]
            gradients = {} if above is None else gradient(above, {name: inputs[name] for name in names}, length < order)
            for entry in entries:
                name, place = places[entry]
                found = gradients.get(name)
                known[(*prefix, entry)] = None if found is None else (found, place)
    return {by: known[by] for by in bys}


def gradient(of: Entry, inputs: Mapping[str, torch.Tensor], again: bool = False) -> dict[str, torch.Tensor | None]:
    """The gradient of a number in a tensor by each input; `again` if it will be differentiated itself."""
    tensor, place = of
    if not tensor.requires_grad:
        return dict.fromkeys(inputs)
    deadline.check()
    # The entry is taken, as people take it: told the unit vector instead, torch would import sympy.
    number = tensor.reshape(-1)[place] if tensor.dim() else tensor
    found = torch.autograd.grad(number, list(inputs.values()), allow_unused=True, create_graph=again, retain_graph=True)
    return dict(zip(inputs, found, strict=True))
