"""A recorded forward program as a program of arrays, whose exact derivatives are known.

Comes in: operations on tensors, with views, writes into views and reused memory.  Goes out: steps of the Taylor engine, in
which memory is gone: every tensor that is read is an array that some step computed, or numbers that were there before.

What is unknown is unknown in every direction: an operation without a row depends on all that it read, in no known way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import zip_longest
from math import prod
from typing import Any

import numpy as np

from gradcalc.engines.autograd.operation import NO_MEMORY, Numbers, TensorOperation, TensorView, same_floats
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.array_program import ArrayProgram, Leaf, ProgramBuilder, Reference
from gradcalc.engines.taylor.array_spectral import Eigen, Exponential
from gradcalc.engines.taylor.array_steps import Flat, Step, Take
from gradcalc.engines.taylor.entrywise import Entrywise
from gradcalc.engines.taylor.reals import exact
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array
from gradcalc.expression.tree import Call, Name
from gradcalc.proof.floats.arithmetic import Exact
from gradcalc.proof.floats.memory import balls_of
from gradcalc.proof.gradients.decisions import Decisions
from gradcalc.proof.gradients.forward_steps import Join, Ordered, Scatter, Slope, Stop, UnknownStep
from gradcalc.proof.gradients.rebuilt import ORDINARY, Rebuilt

FROM_OUTSIDE = "a tensor of numbers from outside of torch"


class NotKnown(Exception):
    """A row does not know an operation in the form in which it ran; the message says what it does not know."""


class _Block:
    """A storage: the array that it holds, and the numbers that the machine wrote last."""

    def __init__(self, array: Reference, floats: Numbers):
        self.array, self.floats = array, floats


Row = Callable[["ForwardProgram", TensorOperation], Any]


class ForwardProgram(ProgramBuilder):
    """Writes the steps of operations, one after the other.

    With `cut`, what left the graph counts as constant: the views in `constants`, and Python numbers that were entries.  What
    is written to these, or by the operations in `hidden`, has the derivative of what was there before: the graph goes on so.
    From the operation `escape` on, tensors that no operation made may be numbers that had left torch: they are unknown.
    """

    def __init__(
        self,
        constants: frozenset[int] = frozenset(),
        hidden: frozenset[int] = frozenset(),
        *,
        cut: bool = False,
        escape: int | None = None,
    ):
        self.steps: list[Step | Leaf] = []
        super().__init__(Call("", ()), self.steps, {})
        self.field: Exact | None = None
        """What numbers mean that torch computed in double precision; without it, they mean themselves."""
        self.point: dict[str, Flat] = {}
        self.variables: dict[str, int] = {}
        self.infinities: dict[str, frozenset[int]] = {}
        """The places of infinite constants, by the names of their arrays."""
        self.unknown: dict[str, int] = {}
        """Operations without a meaning, with the place of the first."""
        self.origins: list[int] = []
        """For every step the operation that it belongs to."""
        self.foreign: list[int] = []
        """Operations that read what no recorded operation had written."""
        self.items: dict[float, Reference] = {}
        """Numbers that left the graph, with what they were."""
        self.computed_outside: list[int] = []
        """Operations with a Python number that may have been computed from one of these."""
        self._linked: set[float] = set()
        """Those that were put in the place of a Python number."""
        self._new: set[int] = set()
        """The storages of tensors that were made of Python's numbers."""
        self.decomposed: set[str] = set()
        """Operations that were written as what PyTorch decomposes them to."""
        self.decisions = Decisions()
        self.is_documented = False
        """Whether what torch documents to get no gradient counts as constant."""
        self.documented = ""
        """The first operation with something of that kind."""
        self.rebuilt = Rebuilt()
        self._constants, self._hidden = constants, hidden
        self._is_cut, self._escape = cut, escape
        self._blocks: dict[int, _Block] = {}
        self._left_out: dict[int, str] = {}
        """Storages of results that no row says anything of, with their operations."""
        self._known: dict[int, Reference] = {}
        self.place = -1

    def inner(self) -> ForwardProgram:
        """A program that writes more steps of the same operation, with memory of its own."""
        inner = ForwardProgram(cut=self._is_cut)
        inner.steps = inner._steps = self.steps
        inner.origins, inner.point, inner.variables = self.origins, self.point, self.variables
        inner.infinities = self.infinities
        inner.items, inner.computed_outside, inner.field = self.items, self.computed_outside, self.field
        return inner

    # ------------------------------------------------------------------------------------------------------ numbers

    def variable(self, name: str, floats: Numbers, shape: tuple[int, ...]) -> Reference:
        """An array of exact numbers of the machine's, by a name."""
        self.note_infinities(name, floats)
        return self.leaf(name, balls_of(floats).tolist(), shape)

    def note_infinities(self, name: str, floats: Numbers) -> None:
        """Note which of the numbers of an array are infinite: exactly they are none."""
        infinite = np.isinf(floats).nonzero()[0]
        if len(infinite):
            self.infinities[name] = frozenset(infinite.tolist())

    def leaf(self, name: str, values: Flat, shape: tuple[int, ...]) -> Reference:
        """An array of exact numbers, by a name."""
        self.point[name], self.variables[name] = values, len(self.steps)
        return self._add(Leaf(Name(name)), shape)

    def numbers(self, floats: Numbers, shape: tuple[int, ...]) -> Reference:
        """An array of constants."""
        return self.variable(f"constant {len(self.steps)}", np.asarray(floats, dtype=np.float64).reshape(-1), shape)

    def exact(self, values: Sequence[Fraction], shape: tuple[int, ...]) -> Reference:
        """An array of exact rationals."""
        return self.leaf(f"constant {len(self.steps)}", list(map(exact, values)), shape)

    def constant(self, name: str) -> Reference:
        """A constant of gradcalc's language: pi, e."""
        return self._add(Leaf(Call(name, ())), ())

    def scalar(self, value: float) -> Reference:
        """A Python number of the user's: it means itself, or the entry of a tensor that it was; or one of torch's."""
        item = self.items.get(float(value))
        if item is not None:
            self._linked.add(float(value))
            return self.numbers(np.array([float(value)]), ()) if self._is_cut else item
        if self.items and float(value) not in ORDINARY:
            self.computed_outside.append(self.place)
        if self.field is not None and math.isfinite(value) and not float(value).is_integer():
            with reals.precision(_BITS):
                return self.leaf(f"constant {len(self.steps)}", [self.field.scalar(value).ball], ())
        return self.numbers(np.array([float(value)]), ())

    # ------------------------------------------------------------------------------------------------------- memory

    def read(self, view: TensorView) -> Reference:
        """What a tensor holds, as a constant if it is one."""
        array = self._held(view)
        return self.stop(array) if id(view) in self._constants else array

    def _held(self, view: TensorView) -> Reference:
        block = self._blocks.get(view.storage)
        if block is None and view.storage in self._left_out:
            return self._unknown_array([], view.shape, self._left_out[view.storage])
        if block is None or view.storage == NO_MEMORY:
            return self._recorded(view)
        if view.end > len(block.floats) or not same_floats(block.floats[view.positions], view.floats).all():
            self.foreign.append(self.place)
            return self._unknown_array([block.array], view.shape, "a write that was not recorded")
        return self.take(block.array, Array(view.shape, _positions(view)))

    def holds(self, view: TensorView) -> bool:
        """Whether a tensor lies where the program has written."""
        return view.storage in self._blocks

    def stop(self, x: Reference) -> Reference:
        """An array as a constant."""
        return self._add(Stop(x.place, x.size), x.shape)

    def _recorded(self, view: TensorView) -> Reference:
        """Numbers that were there before, or that count as constants."""
        known = self._known.get(id(view))
        if known is None and self._escape is not None and not 0 <= self.place < self._escape and view.is_float:
            everything = [block.array for block in self._blocks.values()]
            return self._unknown_array(everything, view.shape, FROM_OUTSIDE)
        if known is None and self.items and view.is_float and view.storage in self._new:
            if view.size == 1 and float(view.floats[0]) in self.items:
                return Reference(self.scalar(float(view.floats[0])).place, view.shape)
            if not set(view.floats.tolist()) <= ORDINARY:
                self.computed_outside.append(self.place)
        if known is None:
            known = self._known[id(view)] = self.numbers(view.floats, view.shape)
            if view.is_float:
                self.rebuilt.note_reading(view, self.place, is_of_numbers=view.storage in self._new)
        return known

    def write(self, view: TensorView, array: Reference) -> None:
        """Put an array where a tensor lies."""
        if view.storage == NO_MEMORY or not view.size:
            return
        array = self.broadcast_to(array, view.shape)
        block = self._blocks.get(view.storage)
        if block is None and view.is_contiguous and view.offset == 0:
            self._blocks[view.storage] = _Block(Reference(array.place, (view.size,)), view.floats.copy())
            return
        if block is None and view.size == view.end and len(np.unique(view.positions)) == view.size:
            order = np.argsort(view.positions)
            self._blocks[view.storage] = _Block(self.gather(array, np.arange(view.size)[order]), view.floats[order])
            return
        if block is None:
            block = self._blocks[view.storage] = self._empty(view.end)
        elif view.end > len(block.floats):
            more = view.end - len(block.floats)
            rest = self._empty(more)
            block.array = self.join([block.array, rest.array])
            block.floats = np.concatenate([block.floats, rest.floats])
        size = len(block.floats)
        places = np.arange(size)
        places[view.positions] = size + np.arange(view.size)
        block.array = self.take(self.join([block.array, array]), Array((size,), places.tolist()))
        block.floats = block.floats.copy()
        block.floats[view.positions] = view.floats

    def _empty(self, size: int) -> _Block:
        floats = np.full(size, np.nan)
        return _Block(self.numbers(floats, (size,)), floats)

    # ------------------------------------------------------------------------------------- more vocabulary of arrays

    def join(self, parts: Sequence[Reference]) -> Reference:
        """Arrays behind each other, flat."""
        sizes = [part.size for part in parts]
        return self._add(Join([part.place for part in parts], sizes), (sum(sizes),))

    def broadcast_to(self, x: Reference, shape: tuple[int, ...]) -> Reference:
        """An array repeated to a shape; one with as many entries is reshaped."""
        if x.shape == shape:
            return x
        if x.size == prod(shape):
            return Reference(x.place, shape)
        return self.take(x, Array(x.shape, range(x.size)).broadcast(shape))

    def gather(self, x: Reference, positions: Any) -> Reference:
        """The entries at positions, an array of numpy's."""
        places = np.asarray(positions)
        return self.take(x, Array(tuple(places.shape), places.reshape(-1).tolist()))

    def scatter(self, x: Reference, positions: Any, shape: tuple[int, ...]) -> Reference:
        """The sums of entries at the positions of an array of a shape."""
        places = np.asarray(positions).reshape(-1).tolist()
        return self._add(Scatter(x.place, places, prod(shape)), shape)

    def ordered(self, x: Reference, positions: Any, rivals: Sequence[Sequence[int]]) -> Reference:
        """Entries that were chosen by their order among rivals, for each of which the positions are given."""
        places = np.asarray(positions)
        step = Ordered(x.place, places.reshape(-1).tolist(), rivals, x.size)
        return self._add(step, tuple(places.shape))

    def eigen(self, x: Reference, signs: Sequence[float]) -> Reference:
        """The eigenvalues and eigenvectors of a symmetric matrix, flat; `signs` are numbers near the vectors."""
        step = Eigen(x.place, x.shape[0], signs)
        return self._add(step, (step.size,))

    def exponential(self, x: Reference) -> Reference:
        """The exponential of a square matrix."""
        return self._add(Exponential(x.place, x.shape[0]), x.shape)

    def slope(self, function: Entrywise, spot: int) -> Reference:
        """The derivative of a function of numbers by an argument, flat."""
        return self._add(Slope(function, spot), (function.size,))

    def choose(self, mask: Any, a: Reference, b: Reference) -> Reference:
        """Entries of one array where a recorded mask holds, of another elsewhere."""
        shape = self.broadcast(tuple(np.shape(mask)), a.shape, b.shape)
        a, b = self.broadcast_to(a, shape), self.broadcast_to(b, shape)
        here = np.broadcast_to(np.asarray(mask, dtype=bool), shape).reshape(-1)
        places = np.where(here, np.arange(len(here)), len(here) + np.arange(len(here)))
        return self.gather(self.join([a, b]), places.reshape(shape))

    def _unknown_array(self, parts: Sequence[Reference], shape: tuple[int, ...], operation: str) -> Reference:
        self.unknown.setdefault(operation, self.place)
        step = UnknownStep([part.place for part in parts], [part.size for part in parts], prod(shape), operation)
        return self._add(step, shape)

    def _add(self, step: Step | Leaf, shape: tuple[int, ...]) -> Reference:
        self.origins.append(self.place)
        return super()._add(step, shape)

    # --------------------------------------------------------------------------------------------------- operations

    def run(self, place: int, op: TensorOperation, write: Row) -> None:
        """Write the steps of an operation, and keep its results."""
        self.place = place
        if op.base == "lift_fresh":
            self._new.update(view.storage for view in op.operands)
        if op.base == "_local_scalar_dense" and op.operands and op.operands[0].is_float:
            number = float(op.operands[0].floats[0])
            if op.operands[0].storage in self._blocks and number not in ORDINARY:
                self.items[number] = Reference(self.read(op.operands[0]).place, ())
        self.decisions.follow(self, op)
        if op.is_view and self.holds(op.results[0]):
            for view in op.results:
                if view.is_float and not view.shape:
                    self.rebuilt.note_result(view, place)
        if op.is_view or not any(view.is_float for view in op.results):
            return
        before = len(self.steps)
        try:
            results = write(self, op)
        except (NotKnown, CalcError, ValueError, IndexError, TypeError) as error:
            self.discard(before)
            what = str(error) if isinstance(error, NotKnown) else f"{op.name} ({error})"
            self._forget(op, what)
            return
        if not self._linked.issuperset(value for _, value in op.arguments if type(value) is float and value in self.items):
            self.computed_outside.append(place)  # the row does not look at a number that had left
        arrays = as_tuple(results)
        for view, array in zip_longest(op.results, arrays[: len(op.results)]):
            if array is None and view.is_float and view.size:
                self._left_out[view.storage] = f"another result of {op.name}"
            elif array is not None and view.is_float:
                self.write(view, self._behind_the_graph(op, view, array))
                self.rebuilt.note_result(view, place)

    def _behind_the_graph(self, op: TensorOperation, view: TensorView, array: Reference) -> Reference:
        """What an operation wrote, with the derivative of what was there before if the graph does not see it."""
        target = op.inputs[0] if op.is_in_place and op.inputs else None
        if not isinstance(target, TensorView) or (self.place not in self._hidden and id(view) not in self._constants):
            return array
        before = self._held(target)
        return self.call("+", self.stop(array), self.call("-", before, self.stop(before)))

    def discard(self, start: int) -> None:
        """Take back all steps from one on: those of a row that did not finish."""
        del self.steps[start:], self.origins[start:]
        for name in [name for name, place in self.variables.items() if place >= start]:
            del self.variables[name]
        self._known = {key: known for key, known in self._known.items() if known.place < start}

    def _forget(self, op: TensorOperation, what: str) -> None:
        parts = [self.read(view) for view in op.operands if view.is_float]
        for view in op.results:
            if view.is_float:
                self.write(view, self._unknown_array(parts, view.shape, what))

    def identity(self, x: Reference) -> Reference:
        """The same array as a step of its own, at which derivatives can be asked for."""
        return self._add(Take(x.place, range(x.size), x.size), x.shape)

    def contracted(
        self, outputs: Sequence[TensorView], cotangents: Sequence[TensorView], linear: Sequence[tuple[Reference, Flat]] = ()
    ) -> ArrayProgram:
        """The program of the sum of outputs times cotangents, and of some arrays times exact weights."""
        self.place = -1
        pairs = [(self.read(output), balls_of(it.floats).tolist()) for output, it in zip(outputs, cotangents, strict=True)]
        return self.weighted([*pairs, *linear])

    def weighted(self, pairs: Sequence[tuple[Reference, Flat]]) -> ArrayProgram:
        """The program of the sum of arrays times exact weights."""
        self.place = -1
        terms = []
        for array, weights in pairs:
            product = self.call("*", array, self.leaf(f"weights {len(self.steps)}", weights, array.shape))
            terms.append(self.sum(product, list(range(len(product.shape)))) if product.shape else product)
        total = self.combine("+", self.join(terms), [0])
        if total.place != len(self.steps) - 1:
            total = self.call("*", total, self.scalar(1.0))
        return ArrayProgram(self.steps, dict(self.variables), total.shape)


def as_tuple(results: Any) -> tuple[Reference | None, ...]:
    """What a row returns: one array, or several."""
    return (results,) if results is None or isinstance(results, Reference) else results


_BITS = 2 * reals.START_BITS
"""The precision of constants that are no floats."""


def _positions(view: TensorView) -> Any:
    if view.is_contiguous:
        return range(view.offset, view.offset + view.size)
    return view.positions.tolist()
