"""Operations on batches of matrices, as compositions: products, inverses, triangles, triangular factors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from gradcalc.engines.autograd.operation import Numbers
from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram
from gradcalc.proof.gradients.reduction_rows import batched
from gradcalc.proof.gradients.scatter_rows import places_of


class Matrices:
    """Operations on arrays of matrices: of shape (count, rows, columns)."""

    def __init__(self, program: ForwardProgram):
        self.program = program

    def batch(self, x: Reference, lead: Sequence[int] = ()) -> Reference:
        """An array as matrices, repeated along leading dimensions if they are given."""
        shape = (*lead, *x.shape[-2:]) if lead else x.shape
        x = self.program.broadcast_to(x, shape)
        return Reference(x.place, (math.prod(shape[:-2]), *shape[-2:]))

    def part(self, x: Reference, rows: slice, columns: slice) -> Reference:
        return self.program.gather(x, places_of(x.shape)[:, rows, columns])

    def turned(self, x: Reference) -> Reference:
        return self.program.gather(x, places_of(x.shape).transpose(0, 2, 1))

    def product(self, *factors: Reference) -> Reference:
        result = factors[0]
        for factor in factors[1:]:
            result = batched(self.program, result, factor)
        return result

    def each(self, x: Reference, function: Callable[[Reference, int], Reference]) -> Reference:
        """A function of every matrix, the results behind each other."""
        parts = [function(self.program.gather(x, places), number) for number, places in enumerate(places_of(x.shape))]
        return Reference(self.program.join(parts).place, (len(parts), *parts[0].shape))

    def inverse(self, x: Reference) -> Reference:
        return self.each(x, lambda matrix, _: self.program.inverse(matrix))

    def triangle(self, x: Reference, *, upper: bool, unit: bool = False) -> Reference:
        """One triangle of matrices, with ones on the diagonal if `unit`."""
        keep = (np.triu if upper else np.tril)(np.ones(x.shape[1:]), (1 if upper else -1) if unit else 0)
        x = self.program.choose(np.broadcast_to(keep > 0, x.shape), x, self.program.scalar(0.0))
        if not unit:
            return x
        return self.program.choose(np.broadcast_to(np.eye(x.shape[1], x.shape[2]) > 0, x.shape), self.program.scalar(1.0), x)

    def identity(self, count: int, rows: int, columns: int) -> Reference:
        one = np.eye(rows, columns)
        return self.program.numbers(np.broadcast_to(one, (count, rows, columns)).copy(), (count, rows, columns))

    def scaled(self, x: Reference, by: Reference) -> Reference:
        """Columns times numbers: one for every column of every matrix."""
        return self.program.call("*", x, Reference(by.place, (x.shape[0], 1, x.shape[2])))

    def assembled(self, x: Sequence[Reference], places: Sequence[Numbers], shape: tuple[int, ...]) -> Reference:
        """An array with some arrays at places, and zeros elsewhere."""
        joined = self.program.join([self.program.scalar(0.0), *x])
        taken = np.zeros(math.prod(shape), dtype=int)
        start = 1
        for part, at in zip(x, places, strict=True):
            taken[at.reshape(-1)] = start + np.arange(part.size)
            start += part.size
        return self.program.gather(joined, taken.reshape(shape))

    def cholesky(self, x: Reference) -> Reference:
        """The lower factors of symmetric matrices."""
        p, columns, places = self.program, [], []
        all_places, rest = places_of(x.shape), x
        for place in range(x.shape[1]):
            root = p.call("sqrt", self.part(rest, slice(0, 1), slice(0, 1)))
            column = p.call("/", self.part(rest, slice(None), slice(0, 1)), root)
            columns.append(column)
            places.append(all_places[:, place:, place : place + 1])
            if rest.shape[1] > 1:
                below = self.part(column, slice(1, None), slice(None))
                inner = self.part(rest, slice(1, None), slice(1, None))
                rest = p.call("-", inner, p.call("*", below, self.turned(below)))
        return self.assembled(columns, places, x.shape)

    def factors(self, x: Reference, floats: Numbers, *, has_pivots: bool) -> Reference:
        """The triangular factors of matrices whose rows are in order already, in one array, as LAPACK has them.

        With pivots, every pivot is the largest of its column: where another is as large, the factors jump.
        """
        p, parts, places = self.program, [], []
        all_places, rest = places_of(x.shape), x
        for place in range(min(x.shape[1:])):
            first = self.part(rest, slice(None), slice(0, 1))
            pivot = self.part(rest, slice(0, 1), slice(0, 1))
            if has_pivots and first.shape[1] > 1:
                lines = places_of(first.shape).reshape(x.shape[0], -1)
                largest = p.call("sqrt", p.ordered(p.call("*", first, first), lines[:, :1], lines.tolist()))
                signs = np.sign(floats[:, place, place])
                pivot = Reference(p.call("*", largest, p.numbers(signs, (x.shape[0], 1))).place, pivot.shape)
            upper = self.part(rest, slice(0, 1), slice(None))
            parts.append(upper)
            places.append(all_places[:, place : place + 1, place:])
            if rest.shape[1] == 1:
                break
            column = p.call("/", self.part(first, slice(1, None), slice(None)), pivot)
            parts.append(column)
            places.append(all_places[:, place + 1 :, place : place + 1])
            if rest.shape[2] > 1:
                inner = self.part(rest, slice(1, None), slice(1, None))
                rest = p.call("-", inner, p.call("*", column, self.part(upper, slice(None), slice(1, None))))
        return self.assembled(parts, places, x.shape)


def matrices_of(floats: Numbers) -> Numbers:
    """Numbers as matrices behind each other."""
    return floats.reshape(-1, *floats.shape[-2:])
