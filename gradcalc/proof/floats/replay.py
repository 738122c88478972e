"""A recorded program, replayed in exact arithmetic.

Comes in: a `RecordedProgram`, with the exact binary numbers torch received.  Goes out: enclosures of what the program would
return without rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from flint import arb

from gradcalc.engines.autograd.operation import NO_MEMORY, Cell, Operation, TensorOperation, TensorView, base_name
from gradcalc.engines.autograd.program import RecordedProgram
from gradcalc.engines.autograd.scalarize_trace import DATA_MOVEMENT, is_another_view, scalar_operations
from gradcalc.proof.floats import aten_reductions  # noqa: F401  its rows belong to the table
from gradcalc.proof.floats.arithmetic import Exact, Value
from gradcalc.proof.floats.array_operations import exact_results
from gradcalc.proof.floats.aten_arguments import not_understood
from gradcalc.proof.floats.aten_elementwise import (
    COMPARISONS,
    CREATIONS,
    EMPTY,
    LOGIC,
    MEANINGS,
    WITHOUT_RESULT,
    UnknownOperation,
    arguments,
    is_known,
    is_structural,
)
from gradcalc.proof.floats.entrywise import Entries, has_entries
from gradcalc.proof.floats.memory import (
    Balls,
    Memory,
    Operand,
    Unknown,
    Unwritten,
    arguments_with,
    array_of,
    balls_of,
    recorded,
)
from gradcalc.runtime import deadline

BITS = 256

MIN_ENTRIES = 16
"""Numbers in an operation from which on it is computed on arrays, where that is possible: below it takes longer."""


class Flip(NamedTuple):
    """A comparison that floats decided otherwise than exact numbers: its place in the program, and its name."""

    place: int
    name: str


@dataclass(frozen=True, slots=True)
class Replay:
    """A program in exact arithmetic: its memory at the end, and the first comparison that is decided otherwise.

    `uncertain_integer` is the first integer part that balls do not tell at this precision.  `unknown` is to blame where
    torch itself read a number that is not known: then nothing is known of any.
    """

    memory: Memory
    flip: Flip | None
    uncertain_integer: Flip | None = None
    unknown: Unknown | None = None

    def ball(self, key: int) -> arb | Unknown:
        """The enclosure at an address."""
        return self.unknown or self.memory.at(key)[0]

    def float(self, key: int) -> float | bool | None:
        """The number that the machine wrote last at an address."""
        return self.memory.at(key)[1]

    def balls(self, view: TensorView) -> Sequence[arb | Unknown]:
        """The enclosures of the entries of a tensor."""
        return [self.unknown] * view.size if self.unknown else self.memory.contents(view).tolist()


Cells = Callable[[Cell], Value]
Observer = Callable[[Operation, Sequence[Value], Exact, Cells], None]


Meaning = Callable[[TensorOperation, Sequence[Operand]], Sequence[Sequence[arb]] | None]
"""What operations without a row mean: the exact results of one, None where that is not known, either."""
Before = Mapping[int, Sequence[Callable[[Memory], None]]]
"""What is done with the memory before an operation: by its place."""


def replay(
    program: RecordedProgram,
    *,
    mathematical: bool = False,
    observe: Observer | None = None,
    exact: Mapping[int, Sequence[Value]] | None = None,
    before: Before | None = None,
    beyond: Meaning | None = None,
    escape: tuple[int, str] | None = None,
) -> Replay:
    """Run a program in balls from its exact inputs, with the branches that the floats took, at the present precision.

    `mathematical` replaces torch's documented variants of functions by the functions themselves.  `observe` is called with
    every operation on numbers and its results, those in `before` with the memory at their places.  `exact` has results of
    operations on numbers that are known already, at the same precision: those for their float inputs, by their place.

    `beyond` is asked about operations that the rows do not understand; with it, the literals mean themselves.  From the
    operation `escape` on, floats that nothing has written are unknown: they may be numbers that had left torch.
    """
    run = _Replaying(program, mathematical, observe, beyond)
    run.exact = exact or {}
    for view in (*program.inputs.values(), *program.constants.values()):
        run.memory.write_recorded(view)
    for place, operation in enumerate(program.tensor_operations):
        deadline.check()
        if escape is not None and place == escape[0]:
            run.memory.stranger = Unknown(escape[1])
        run.look(before, place)
        run.step(place, operation)
    run.look(before, len(program.tensor_operations))
    return Replay(run.memory, run.flip, run.uncertain_integer, run.unknown)


class _Replaying:
    """A replay on its way through the program."""

    def __init__(
        self, program: RecordedProgram, mathematical: bool, observe: Observer | None, beyond: Meaning | None = None
    ):
        self.program, self.observe, self._beyond = program, observe, beyond
        self.field = Exact(program.literals, mathematical=mathematical, is_typed_exactly=beyond is not None)
        self.memory = Memory(computes_booleans=mathematical)
        self.flip: Flip | None = None
        self.uncertain_integer: Flip | None = None
        self.unknown: Unknown | None = None
        self.exact: Mapping[int, Sequence[Value]] = {}

    def step(self, place: int, op: TensorOperation) -> None:
        """Run one operation and keep its results."""
        if is_another_view(op):
            return
        is_masked = op.base in _OF_MASKS and self._beyond is not None and _has_infinity(op)
        if is_masked or (not is_known(op.base) and op.base not in DATA_MOVEMENT):
            self._run_beyond(op, Unknown(op.name))
        elif (argument := not_understood(op)) is not None:
            self._run_beyond(op, Unknown(f"{op.name} with {argument}"))
        elif op.is_cast_to_integers:
            self._cast(op)
        elif self.observe is None and (op.base in CREATIONS or op.base in EMPTY):
            for view in op.results:
                if self._beyond is None:
                    self.memory.write_recorded(view)
                else:
                    self.memory.write(view, self._created(op, view), view.floats, has_unknown=op.base in EMPTY)
        elif op.is_scalar:
            self._run_scalar(place, op)
        else:
            self._run_arrays(place, op, self._operands(op))

    def _operands(self, op: TensorOperation) -> list[Operand]:
        targets = op.overwritten
        return [recorded(view) if view in targets else self.memory.read(view) for view in op.operands]

    def look(self, before: Before | None, place: int) -> None:
        """Do what is to be done before an operation."""
        for each in () if before is None else before.get(place, ()):
            each(self.memory)

    def _run_beyond(self, op: TensorOperation, blame: Unknown) -> None:
        """Run an operation without a row by what its caller knows of it."""
        operands = [self.memory.read(view) for view in op.operands] if self._beyond is not None else []
        results = None
        if self._beyond is not None:
            results = self._beyond(op, operands)
        if results is None:
            self._forget(op, blame)
            return
        for view, balls in zip_longest(op.results, results):
            if view is None:
                break
            if view.floats.dtype.kind in "bi":
                self.memory.write(view, balls_of(view.floats), view.floats)
            elif balls is None or len(balls) != view.size:
                self.memory.write(view, array_of([blame] * view.size), view.floats, has_unknown=True)
            else:
                self.memory.write(view, array_of(balls), view.floats)

    def _created(self, op: TensorOperation, view: TensorView) -> Balls:
        """The entries of a new tensor; for a caller who knows the literals, one that is filled with a literal has it so."""
        if op.base in EMPTY and view.is_float:
            return array_of([Unwritten(f"memory of {op.base} that nothing was written to")] * view.size)
        number = next((op.argument(name) for name in ("fill_value", "value", "s") if name in op.signature.names), None)
        if self._beyond is not None and isinstance(number, float) and number in self.program.literals and view.is_float:
            return array_of([arb(number)] * view.size)
        return balls_of(view.floats)

    def _cast(self, op: TensorOperation) -> None:
        """Integers and truth values of floats: those of the record, as for comparisons."""
        operand = self.memory.read(op.operands[-1])
        if operand.has_unknown:
            self._forget(op, next(ball for ball in operand.balls.tolist() if isinstance(ball, Unknown)))
            return
        for view in op.results:
            self.memory.write(view, balls_of(view.floats), view.floats)

    def _run_scalar(self, place: int, op: TensorOperation) -> None:
        """Run an operation on numbers; where its arguments are exactly the floats, the result may be known."""
        numbers = [self.memory.number(view) for view in op.operands]
        known = self.exact.get(place)
        if known is not None and all(ball == number for ball, number in numbers):
            for view, result in zip(op.results, known, strict=False):
                self.memory.put(view, result.ball, view.number)
            return
        field, pairs = self.field, zip(op.operands, numbers, strict=True)
        self._run_numbers(place, op, {view.only_cell.key: Value(ball, field, number) for view, (ball, number) in pairs})

    def _run_arrays(self, place: int, op: TensorOperation, operands: Sequence[Operand]) -> None:
        has_unknown = any(operand.has_unknown for operand in operands)
        if self.observe is None and not has_unknown and is_large(op):
            results = exact_results(op, self.field, arguments_with(op.inputs, operands))
            if results is not None:
                for view, balls in zip(op.results, results, strict=True):
                    self.memory.write(view, balls, view.floats)
                return
            if has_entries(op):
                self._run_entries(place, op, operands)
                return
        blame = next((it.balls[0] for it in operands if it.is_all_unknown), None) if has_unknown else None
        if blame is not None and op.base not in DATA_MOVEMENT:
            self._forget(op, blame)
            return
        field = self.field
        values = {
            key: Value(ball, field, number)
            for view, operand in zip(op.operands, operands, strict=True)
            for key, ball, number in zip(view.keys, operand.balls.tolist(), operand.floats.tolist(), strict=True)
        }
        self._run_numbers(place, op, values)

    def _run_entries(self, place: int, op: TensorOperation, operands: Sequence[Operand]) -> None:
        """Run an elementwise operation at every entry."""
        field = self.field
        entries: list[Sequence[Value]] = []
        for values in Entries(op, field, arguments_with(op.inputs, operands)):
            if field.flip or field.uncertain_integer:
                self._note_branch(place, len(entries), op.name)
            entries.append(values)
        for number, view in enumerate(op.results):
            column = [values[number] for values in entries]
            is_computed = field.mathematical and view.dtype == "bool"
            floats = np.array([value.float for value in column], dtype=bool) if is_computed else view.floats
            self.memory.write(view, array_of([value.ball for value in column]), floats)

    def _forget(self, op: TensorOperation, blame: Unknown) -> None:
        """Mark everything that an operation wrote: its results, or what it may have written to instead."""
        views = op.results or (op.operands if op.signature.is_mutable else ())
        for view in views:
            self.memory.write(view, array_of([blame] * view.size), view.floats, has_unknown=True)
        if not views:
            self.unknown = self.unknown or blame

    def _run_numbers(self, place: int, op: TensorOperation, values: Mapping[int, Value]) -> None:
        """Run the operations on numbers that an operation stands for, all of them on what was there before."""
        field = self.field
        has_unknown = any(isinstance(value.ball, Unknown) for value in values.values())

        def cell(reading: Cell) -> Value:
            if reading.key == NO_MEMORY:
                return field.value(math.nan if reading.value is None else reading.value)
            return values[reading.key]

        written: dict[int, Value] = {}
        for number, operation in enumerate(scalar_operations(op)):
            blame = _blame(operation, cell) if has_unknown else None
            results: Sequence[Value] = ()
            if blame is None:
                try:
                    results = execute(operation, field, cell)
                except UnknownOperation as unknown:
                    blame = Unknown(str(unknown))
                    if self._beyond is not None:
                        self._run_beyond(op, blame)
                        return
            if blame is not None:
                results = [unknown_value(blame, field)] * len(operation.results)
                if not results:
                    self._forget(op, blame)
            if field.flip or field.uncertain_integer:
                self._note_branch(place, number, operation.name)
            if self.observe is not None:
                self.observe(operation, results, field, cell)
            written.update({cell.key: value for cell, value in zip(operation.results, results, strict=False)})
        for view in op.results:
            self._write(op, view, written)

    def _note_branch(self, place: int, number: int, name: str) -> None:
        field = self.field
        flip = Flip(self.program.record.starts[place] + number, base_name(name))
        self.flip = self.flip or (flip if field.flip else None)
        self.uncertain_integer = self.uncertain_integer or (flip if field.uncertain_integer else None)
        field.flip = field.uncertain_integer = False

    def _not_computed(self, op: TensorOperation, view: TensorView) -> list[Value]:
        """Numbers of which the row of an operation says nothing: integers and booleans are taken from the record."""
        if view.floats.dtype.kind in "bi":
            return list(map(self.field.value, view.floats.tolist()))
        return [unknown_value(Unknown(op.name), self.field)] * view.size

    def _write(self, op: TensorOperation, view: TensorView, written: Mapping[int, Value]) -> None:
        """Put results where they lie; numbers without a meaning are those of the record."""
        is_computed = self.field.mathematical and view.dtype == "bool"
        if not view.shape:
            value = written.get(view.only_cell.key)
            if value is not None:
                self.memory.put(view, value.ball, value.float if is_computed else view.number)
            return
        own = () if all(key in written for key in view.keys) else self._not_computed(op, view)
        values = [written[key] if key in written else own[place] for place, key in enumerate(view.keys)]
        balls = [value.ball for value in values]
        floats = np.array([value.float for value in values], dtype=bool) if is_computed else view.floats
        has_unknown = any(isinstance(ball, Unknown) for ball in balls)
        self.memory.write(view, array_of(balls), floats, has_unknown=has_unknown)


_OF_MASKS = frozenset({"exp", "logsumexp", "_softmax", "_safe_softmax", "_log_softmax", "_log_softmax_backward_data"})
"""Operations that infinities are given on purpose."""


def _has_infinity(op: TensorOperation) -> bool:
    return any(view.is_float and np.isneginf(view.floats).any() for view in op.operands)


def unknown_value(blame: Unknown, field: Exact) -> Value:
    """A mark on its way through the program: it is written, and never computed with."""
    return Value(blame, field)  # type: ignore[arg-type]


def is_large(op: TensorOperation) -> bool:
    """Whether an operation has so many entries that it is computed on arrays, where that is possible."""
    return not op.is_scalar and sum(view.size for view in (*op.operands, *op.results)) >= MIN_ENTRIES


def _blame(operation: Operation, cell: Cells) -> Unknown | None:
    """What is not known of the arguments of an operation, if it reads their numbers."""
    base = base_name(operation.name)
    if base in CREATIONS or base in EMPTY:
        return None
    arguments = (*operation.args, *operation.options.values())
    balls = (cell(arg).ball for arg in arguments if isinstance(arg, Cell))
    return next((ball for ball in balls if isinstance(ball, Unknown)), None)


def execute(operation: Operation, field: Exact, cell: Any) -> Sequence[Value]:
    """The exact results of one operation."""
    deadline.check()
    base = base_name(operation.name)
    if is_structural(base) or not operation.results:
        return _structural_results(operation, base, field, cell)
    meaning = MEANINGS.get(base)
    if meaning is None:
        raise UnknownOperation(operation.name)
    if operation.name.startswith("pow.Scalar"):
        base_number, exponent = operation.args
        return [field.power(field.scalar(base_number), cell(exponent))]  # type: ignore[arg-type]
    args, options = arguments(field, operation.args, operation.options, cell, base)
    if "count" in operation.options:  # the backward pass of a mean
        args[0] = field.rounded_again(args[0] / operation.options["count"])
    result = meaning(field, *args, **options)
    return result if isinstance(result, tuple) else (result,)


def _structural_results(operation: Operation, base: str, field: Exact, cell: Any) -> Sequence[Value]:
    """The results of an operation without a formula: of a comparison, a copy, a creation."""
    if base in WITHOUT_RESULT or not operation.results:
        return ()
    if base in LOGIC or base in CREATIONS or base in EMPTY:
        return _recorded(operation, field)
    if base in COMPARISONS:
        left, right = (
            cell(arg) if isinstance(arg, Cell) else field.limit(arg)  # type: ignore[arg-type]
            for arg in operation.args[:2]
        )
        answer = field.compare(left, right, base)
        return [field.value(answer)] if field.mathematical else _recorded(operation, field)
    source = operation.args[1] if base == "copy" else operation.args[0]
    return [cell(source)]


def _recorded(operation: Operation, field: Exact) -> Sequence[Value]:
    """The results of an operation as the record has them."""
    return [field.value(math.nan if result.value is None else result.value) for result in operation.results]
