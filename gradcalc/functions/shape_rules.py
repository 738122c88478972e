"""Rules for the shapes of results: a row's column `shape` is a function of the shapes of the arguments.

A rule is given the call (`ShapeRules`), for errors with their place, and the options by keyword.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from gradcalc.errors import CalcError, Span
from gradcalc.expression.arrays import Shape, broadcast_shape
from gradcalc.expression.tree import Call

Option = int | str
Rule = Callable[..., Shape]


class ShapeRules:
    """One call: what the shapes of its arguments must fulfil."""

    def __init__(self, node: Call):
        self.node, self.span = node, node.span

    def broadcast(self, *shapes: Shape) -> Shape:
        """The shape of arguments that are taken entry by entry.  Raises `CalcError` where they do not broadcast."""
        shape = broadcast_shape(shapes)
        if shape is None:
            raise self.error(f"shape mismatch: {' and '.join(self.text(shape) for shape in shapes if shape)}")
        return shape

    def axis(self, shape: Shape, dim: int) -> int:
        """A dimension, counted from the front."""
        if not -len(shape) <= dim < len(shape):
            raise self.error(f"an array of shape {self.text(shape)} has no dimension {dim}")
        return dim % len(shape)

    @staticmethod
    def text(shape: Shape) -> str:
        """A shape as Python writes it."""
        return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"

    def error(self, message: str, hint: str | None = None) -> CalcError:
        """An error about the whole call."""
        first = min((part.span.start for part in (self.node, *self.node.args)), default=self.span.start)
        return CalcError(message, span=Span(first, self.span.end), hint=hint)


def reduced(m: ShapeRules, x: Shape, dim: int | None = None, **_: Option) -> Shape:
    """A reduction of all entries, or along one dimension."""
    axis = None if dim is None else m.axis(x, dim)
    if not prod(x):
        raise m.error("an empty list cannot be combined")
    return () if axis is None else (*x[:axis], *x[axis + 1 :])


def unchanged(m: ShapeRules, x: Shape, dim: int = -1) -> Shape:
    """A function along a dimension; a number is an array of one entry."""
    if x:
        m.axis(x, dim)
    return x
