"""Steps of a recorded forward program that expressions do not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from gradcalc.engines.taylor.array_steps import CallOf, Flat, Linear, Local, Step, Take, mark_undefined, scatter
from gradcalc.engines.taylor.entrywise import Entrywise
from gradcalc.engines.taylor.jets import NAN
from gradcalc.engines.taylor.reals import ball, exact


class Join(Linear):
    """Arrays of several sizes behind each other."""

    def __init__(self, operands: Sequence[int], sizes: Sequence[int]):
        super().__init__(operands, sum(sizes))
        self.sizes = sizes

    def apply(self, parts: Sequence[Flat]) -> Flat:
        return [value for part in parts for value in part]

    def transpose(self, adjoint: Flat) -> Iterator[Flat]:
        start = 0
        for size in self.sizes:
            yield adjoint[start : start + size]
            start += size

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        start = 0
        for size in self.sizes:
            yield marks[start : start + size]
            start += size


class Stop(Take):
    """The same array, as a constant: no derivative passes."""

    def __init__(self, operand: int, size: int):
        super().__init__(operand, range(size), size)

    def evaluate(self, args: Sequence[Local], order: int, call: CallOf) -> Local:
        return Local(args[0].values, singular=args[0].singular, is_undefined=args[0].is_undefined)

    def pull(self, local: Local, args: Sequence[Local], adjoint: Flat) -> Iterator[tuple[int, Flat]]:
        return iter(())

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        yield bytes(self.source)


class Scatter(Linear):
    """The sums of entries at positions of a larger array."""

    def __init__(self, operand: int, positions: Sequence[int], size: int):
        super().__init__((operand,), size)
        self.positions = positions

    def apply(self, parts: Sequence[Flat]) -> Flat:
        return scatter(parts[0], self.positions, self.size)

    def transpose(self, adjoint: Flat) -> Iterator[Flat]:
        yield [adjoint[place] for place in self.positions]

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        yield bytes(marks[place] for place in self.positions)


class Ordered(Take):
    """Entries that the machine chose by their order; an entry of the result is singular where another has its value.

    `rivals` has for every entry of the result the positions among which it was chosen.
    """

    def __init__(self, operand: int, positions: Sequence[int], rivals: Sequence[Sequence[int]], source: int):
        super().__init__(operand, positions, source)
        self._rivals = rivals

    def evaluate(self, args: Sequence[Local], order: int, call: CallOf) -> Local:
        local = super().evaluate(args, order, call)
        values = args[0].values
        tied = [
            number
            for number, (place, others) in enumerate(zip(self.positions, self._rivals, strict=True))
            if any(other != place and ball(values[other]).overlaps(ball(values[place])) for other in others)
        ]
        local.singular = sorted({*local.singular, *tied})
        return local


class Slope(Entrywise):
    """The derivative of a function of numbers by one of its arguments, entry by entry."""

    def __init__(self, function: Entrywise, spot: int):
        super().__init__(function.node, function.operands, function.sizes, function.size)
        self._function, self._spot = function, spot

    def evaluate(self, args: Sequence[Local], order: int, call: CallOf) -> Local:
        moving = [replace(arg, is_moving=arg.is_moving or spot == self._spot) for spot, arg in enumerate(args)]
        function = self._function.evaluate(moving, 2, call)
        pairs = [(min(spot, self._spot), max(spot, self._spot)) for spot in range(len(args))]
        local = Local(self._entries(function.slopes[self._spot]))
        mark_undefined(local)
        local.singular = sorted({*local.singular, *function.singular})
        local.is_unresolved = function.is_unresolved
        local.slopes = [
            self._entries(function.curvatures.get(pair)) if arg.is_moving else None
            for pair, arg in zip(pairs, args, strict=True)
        ]
        return local

    def _entries(self, factors: Any) -> Flat:
        """A derivative as numbers: it may be one number for all entries, or zero."""
        return [exact(factors or 0)] * self.size if factors is None or isinstance(factors, int) else factors


class UnknownStep(Step):
    """An operation without a meaning: nothing is known of its results, nor of how they depend on its operands."""

    def __init__(self, operands: Sequence[int], sizes: Sequence[int], size: int, operation: str):
        super().__init__(operands, size)
        self._sizes, self.operation = sizes, operation

    def evaluate(self, args: Sequence[Local], order: int, call: CallOf) -> Local:
        return Local([NAN] * self.size, singular=range(self.size), is_undefined=True)

    def push(self, local: Local, args: Sequence[Local], tangents: Sequence[Flat | None]) -> Flat:
        return [NAN] * self.size

    def pull(self, local: Local, args: Sequence[Local], adjoint: Flat) -> Iterator[tuple[int, Flat]]:
        return ((spot, [NAN] * size) for spot, size in enumerate(self._sizes) if args[spot].is_moving)

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        mark = bytes([max(marks, default=0)])
        return (mark * size for size in self._sizes)
