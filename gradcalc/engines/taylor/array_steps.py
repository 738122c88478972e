"""The steps of a program of arrays: what each computes, and how derivatives pass through it.

The numbers of an array are a flat list, the last index fastest; a number is a list of one.  A step is linear (`Take`,
`Stack`, `Sum`), or it is linearised where its arguments are: `evaluate` gives a `Local`, with its values and what the passes
need.  `push` takes tangents forward, `pull` takes adjoints back, and `bend` is what the change of the slopes along tangents
adds to the adjoints (second derivatives).  An exact zero that arrives is never multiplied: 0 times infinity is 0 there.

A place of the result is singular where the step is not smooth or has no value; `spread` passes marks of places back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import add, mul
from typing import Any

from flint import arb, arb_mat, fmpq

from gradcalc.engines.taylor.jets import Condition, Jet
from gradcalc.engines.taylor.reals import Real, bounded
from gradcalc.expression.tree import Call
from gradcalc.runtime import deadline

ZERO, ONE = fmpq(0), fmpq(1)
_TERMS = 64
"""Terms that are added before a sum of rationals is looked at: it may have grown too long."""
_ENTRIES = 16
"""Rows, columns and terms from which on a product is left to `arb_mat`: it converts all numbers."""

_MULTIPLICATIONS = 10_000_000
"""Products of numbers in one call of `arb_mat`, which takes a third of a second for them."""

Flat = Sequence[Real]
CallOf = Callable[[Call, list[Any]], Jet | Condition]
"""What evaluates a function of numbers in jets."""


@dataclass(slots=True)
class Local:
    """A step at a point: its values, and the singular places among them."""

    values: Sequence[Any]
    is_moving: bool = False
    """Whether it depends on a variable that derivatives are taken by."""
    is_literal: bool = False
    """Whether it depends on no variable at all."""
    is_undefined: bool = False
    """Whether some of its values are no numbers."""
    is_unresolved: bool = False
    """Whether more precision may tell more about the singular places."""
    singular: Sequence[int] = ()
    slopes: Sequence[Any] = ()
    """What `pull` multiplies by, by operand."""
    curvatures: Mapping[tuple[int, int], Any] = field(default_factory=dict)
    """What `bend` multiplies by, by pairs of operands."""


REACHED, SINGULAR = 1, 2
"""Marks of a place: the entry of the value depends on it, or does so through a singular place."""


class Step(ABC):
    """A step: the positions of its operands in the program, and how many numbers it has."""

    def __init__(self, operands: Sequence[int], size: int):
        self.operands, self.size = operands, size

    @abstractmethod
    def evaluate(self, args: Sequence[Local], order: int, call: CallOf) -> Local:
        """The values, and what passes up to derivatives of an order need of it."""

    @abstractmethod
    def push(self, local: Local, args: Sequence[Local], tangents: Sequence[Flat | None]) -> Flat:
        """The tangent of the result; None is zero."""

    @abstractmethod
    def pull(self, local: Local, args: Sequence[Local], adjoint: Flat) -> Iterator[tuple[int, Flat]]:
        """What the operands that move get of the adjoint of the result, by their numbers."""

    def bend(
        self, local: Local, args: Sequence[Local], adjoint: Flat, tangents: Sequence[Flat | None]
    ) -> Iterator[tuple[int, Flat]]:
        """The derivative of `pull` along tangents of the operands, for the same adjoint: nothing of a linear step."""
        return iter(())

    @abstractmethod
    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        """The marks of the operands' places, each the largest of those that it reaches."""


class Linear(Step):
    """A step that adds or moves numbers."""

    @abstractmethod
    def apply(self, parts: Sequence[Flat]) -> Flat:
        """The result for numbers of the operands."""

    @abstractmethod
    def transpose(self, adjoint: Flat) -> Iterator[Flat]:
        """The adjoints of the operands."""

    def evaluate(self, args: Sequence[Local], order: int, call: CallOf) -> Local:
        local = Local(self.apply([arg.values for arg in args]))
        if any(arg.is_undefined for arg in args):
            mark_undefined(local)
        return local

    def push(self, local: Local, args: Sequence[Local], tangents: Sequence[Flat | None]) -> Flat:
        zeros = [ZERO] if len(args) == 1 else [ZERO] * max(len(arg.values) for arg in args)
        return self.apply(
            [zeros[: len(arg.values)] if part is None else part for part, arg in zip(tangents, args, strict=True)]
        )

    def pull(self, local: Local, args: Sequence[Local], adjoint: Flat) -> Iterator[tuple[int, Flat]]:
        return ((spot, part) for spot, part in enumerate(self.transpose(adjoint)) if args[spot].is_moving)


def mark_undefined(local: Local) -> None:
    """Note the values that are no numbers."""
    local.singular = [place for place, value in enumerate(local.values) if isinstance(value, arb) and value.is_nan()]
    local.is_undefined = bool(local.singular)


class Take(Linear):
    """The entries of one array at positions."""

    def __init__(self, operand: int, positions: Sequence[int], source: int):
        super().__init__((operand,), len(positions))
        self.positions, self.source = positions, source

    def apply(self, parts: Sequence[Flat]) -> Flat:
        (part,) = parts
        return [part[place] for place in self.positions]

    def transpose(self, adjoint: Flat) -> Iterator[Flat]:
        yield scatter(adjoint, self.positions, self.source)

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        yield scatter_marks(marks, self.positions, self.source)


class Stack(Linear):
    """Arrays behind each other."""

    def __init__(self, operands: Sequence[int], each: int):
        super().__init__(operands, each * len(operands))
        self.each = each

    def apply(self, parts: Sequence[Flat]) -> Flat:
        return [value for part in parts for value in part]

    def transpose(self, adjoint: Flat) -> Iterator[Flat]:
        return (adjoint[start : start + self.each] for start in range(0, self.size, self.each))

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        return (marks[start : start + self.each] for start in range(0, self.size, self.each))


class Sum(Linear):
    """The sums of the rows of a matrix."""

    def __init__(self, operand: int, rows: int, terms: int):
        super().__init__((operand,), rows)
        self.terms = terms

    def apply(self, parts: Sequence[Flat]) -> Flat:
        return [total(row) for row in rows_of(parts[0], self.size)]

    def transpose(self, adjoint: Flat) -> Iterator[Flat]:
        yield [value for value in adjoint for _ in range(self.terms)]

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        yield b"".join(marks[row : row + 1] * self.terms for row in range(self.size))


class Product(Step):
    """The product of a matrix of `rows` by `terms` with one of `terms` by `columns`."""

    def __init__(self, operands: Sequence[int], rows: int, terms: int, columns: int):
        super().__init__(operands, rows * columns)
        self.rows, self.terms, self.columns = rows, terms, columns

    def evaluate(self, args: Sequence[Local], order: int, call: CallOf) -> Local:
        a, b = args
        is_undefined = a.is_undefined or b.is_undefined
        local = Local(self._values(a.values, b.values, is_undefined=is_undefined))
        if is_undefined:
            mark_undefined(local)
        return local

    def _values(self, a: Flat, b: Flat, *, is_undefined: bool = False) -> Flat:
        left, right = rows_of(a, self.rows), columns_of(b, self.columns)
        return [value for row in products(left, right, is_undefined=is_undefined) for value in row]

    def push(self, local: Local, args: Sequence[Local], tangents: Sequence[Flat | None]) -> Flat:
        a, b = tangents
        shares = [self._values(a, args[1].values)] if a is not None else []
        shares += [self._values(args[0].values, b)] if b is not None else []
        return shares[0] if len(shares) == 1 else list(map(add, *shares))

    def pull(self, local: Local, args: Sequence[Local], adjoint: Flat) -> Iterator[tuple[int, Flat]]:
        is_undefined = args[0].is_undefined or args[1].is_undefined
        moving = [arg.values if arg.is_moving else None for arg in args]
        return self._shares(adjoint, moving, [arg.values for arg in args], is_undefined=is_undefined)

    def bend(
        self, local: Local, args: Sequence[Local], adjoint: Flat, tangents: Sequence[Flat | None]
    ) -> Iterator[tuple[int, Flat]]:
        # The other factor's tangent stands where its values stand in `pull`.
        moving = [tangents[1] and args[0].is_moving, tangents[0] and args[1].is_moving]
        return self._shares(adjoint, moving, tangents)

    def _shares(
        self, adjoint: Flat, wanted: Sequence[Any], factors: Sequence[Flat | None], *, is_undefined: bool = False
    ) -> Iterator[tuple[int, Flat]]:
        a, b = factors
        if wanted[0] and b is not None:  # G B^T
            rows = sparse_products(rows_of(adjoint, self.rows), rows_of(b, self.terms), is_undefined=is_undefined)
            yield 0, [value for row in rows for value in row]
        if wanted[1] and a is not None:  # A^T G = (G^T A)^T
            rows = sparse_products(columns_of(adjoint, self.columns), columns_of(a, self.terms), is_undefined=is_undefined)
            yield 1, [value for column in zip(*rows, strict=True) for value in column]

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        rows = [max(row) for row in rows_of(marks, self.rows)]
        yield b"".join(bytes([mark]) * self.terms for mark in rows)
        yield bytes(max(column) for column in columns_of(marks, self.columns)) * self.terms


def bounded_all(values: Sequence[Any]) -> Flat:
    """Numbers of which rationals that have grown too long are balls."""
    return [value if type(value) is arb else bounded(value) for value in values]


def added(before: Flat | None, share: Flat) -> Flat:
    """Numbers with more added to them; an exact zero adds nothing."""
    if before is None:
        return share
    return [bounded(left + right) if left and right else left or right for left, right in zip(before, share, strict=True)]


def total(values: Flat) -> Real:
    """The sum of numbers."""
    result: Real = ZERO
    for start in range(0, len(values), _TERMS):
        result = bounded(sum(values[start : start + _TERMS], result))
    return result


def rows_of(matrix: Sequence[Any], count: int) -> list[Any]:
    """The rows of a matrix."""
    length = len(matrix) // count if count else 0
    return [matrix[row * length : (row + 1) * length] for row in range(count)]


def columns_of(matrix: Sequence[Any], count: int) -> list[Any]:
    """The columns of a matrix."""
    return [matrix[start::count] for start in range(count)]


def products(left: Sequence[Flat], right: Sequence[Flat], *, is_undefined: bool = False) -> list[Flat]:
    """The products of some rows with others: left @ right.T."""
    deadline.check()
    if min(len(left), len(right), len(left[0])) >= _ENTRIES and not is_undefined:
        return _products_of_balls(left, right)
    if len(left[0]) == 1:
        return [[bounded(row[0] * column[0]) for column in right] for row in left]
    result: list[Flat] = []
    for row in left:
        deadline.check()
        result.append([total(list(map(mul, row, column))) for column in right])
    return result


def _products_of_balls(left: Sequence[Flat], right: Sequence[Flat]) -> list[Flat]:
    """The same by `arb_mat`, some rows at a time: the clock is looked at between them."""
    factor = arb_mat(right).transpose()
    count = max(_ENTRIES, _MULTIPLICATIONS // (len(right) * len(right[0])))
    result: list[Flat] = []
    for start in range(0, len(left), count):
        deadline.check()
        rows = left[start : start + count]
        result += rows_of((arb_mat(rows) * factor).entries(), len(rows))
    return result


def sparse_products(left: Sequence[Flat], right: Sequence[Flat], *, is_undefined: bool = False) -> list[Flat]:
    """The products of rows of adjoints with others, in which exact zeros take no part."""
    if all(map(all, left)):
        return products(left, right, is_undefined=is_undefined)
    result: list[Flat] = []
    for row in left:
        places = [place for place, value in enumerate(row) if value]
        if not places:
            result.append([ZERO] * len(right))
        else:
            parts = [[other[place] for place in places] for other in right]
            result += products([[row[place] for place in places]], parts, is_undefined=is_undefined)
    return result


def scatter(values: Flat, positions: Sequence[int], size: int) -> Flat:
    """The sums of the values at each position."""
    result: list[Any] = [ZERO] * size
    for place, value in zip(positions, values, strict=True):
        if value:
            before = result[place]
            result[place] = bounded(before + value) if before else value
    return result


def scatter_marks(marks: bytes, positions: Sequence[int], size: int) -> bytes:
    """The largest mark at each position."""
    result = bytearray(size)
    for place, mark in zip(positions, marks, strict=True):
        if mark > result[place]:
            result[place] = mark
    return bytes(result)
