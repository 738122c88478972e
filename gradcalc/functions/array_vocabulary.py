"""The functions that rows of arrays are written in: what reads them implements these.

Two readers do: `EntryBuilder` writes the trees of all entries, and the Taylor engine makes a program of arrays.  An array is
opaque here, but for its shape.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Generic, Protocol, TypeVar

from gradcalc.expression.arrays import Array, Shape
from gradcalc.expression.tree import Node, integer_literal
from gradcalc.functions.shape_rules import ShapeRules


class Shaped(Protocol):
    """Something that has a shape."""

    @property
    def shape(self) -> Shape: ...


A = TypeVar("A", bound=Shaped)


class ArrayVocabulary(ShapeRules, ABC, Generic[A]):
    """The functions of arrays, for one call of a row."""

    @abstractmethod
    def number(self, value: int | str, /) -> A:
        """A literal that a row has of its own."""

    @abstractmethod
    def call(self, name: str, /, *args: A) -> A:
        """A function of numbers, entry by entry of arguments that broadcast."""

    @abstractmethod
    def take(self, x: A, positions: Array[int], /) -> A:
        """The entries at positions."""

    @abstractmethod
    def stack(self, parts: Sequence[A], /) -> A:
        """Arrays of one shape along a new first dimension."""

    @abstractmethod
    def combine(self, name: str, x: A, dims: Sequence[int], /) -> A:
        """The entries along dimensions, combined by an associative function of two numbers."""

    @abstractmethod
    def accumulate(self, name: str, x: A, dim: int, /) -> A:
        """The entries along a dimension, each combined with all before it."""

    @abstractmethod
    def product(self, a: A, b: A, /) -> A:
        """The product of matrices or vectors that fit."""

    @abstractmethod
    def determinant(self, a: A, /) -> A: ...
    @abstractmethod
    def inverse(self, a: A, /) -> A: ...

    @abstractmethod
    def classes(self, target: A, count: int, /) -> Sequence[int]:
        """The classes, of so many, that the entries of a target name.  Raises `CalcError` where they name none."""

    def class_index(self, value: Node | Fraction | float | None, count: int) -> int:
        """The class that an entry of a target means; None is an entry that is computed."""
        if isinstance(value, Node):
            whole = integer_literal(value)
        else:
            whole = None if value is None or value != value // 1 else int(value)
        if whole is None or not 0 <= whole < count:
            raise self.error(
                f"a class must be an integer from 0 to {count - 1}", hint="write the classes as a list in the expression"
            )
        return whole

    def elementwise(self, *args: A) -> A:
        """The function of the call itself, entry by entry."""
        return self.call(self.node.name, *args)

    def sum(self, x: A, dims: Sequence[int]) -> A:
        return self.combine("+", x, dims)

    def mean(self, x: A, dims: Sequence[int]) -> A:
        return self.call("/", self.sum(x, dims), self.number(prod(x.shape[dim] for dim in dims)))

    def reshape(self, x: A, shape: Shape) -> A:
        return self.take(x, Array(shape, range(prod(shape))))

    def keep(self, x: A, dims: Sequence[int]) -> A:
        """The result of a reduction, with the dimensions that it combined as single ones."""
        shape = list(x.shape)
        for dim in sorted(dims):
            shape.insert(dim, 1)
        return self.reshape(x, tuple(shape))

    def dims(self, x: A, dim: int | None) -> list[int]:
        """The dimensions that an option means: one of them, all if there is no option, none of a number."""
        if dim is None or not x.shape:
            return list(range(len(x.shape)))
        return [self.axis(x.shape, dim)]
