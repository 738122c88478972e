"""The step that takes a function of numbers entry by entry.

Sums, products, quotients and powers with a whole exponent are computed on whole arrays, any other function by entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import add, sub
from typing import Any, NamedTuple

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.array_steps import ONE, REACHED, ZERO, CallOf, Flat, Local, Step, bounded_all, total
from gradcalc.engines.taylor.entry_expansion import FunctionExpansion
from gradcalc.engines.taylor.jets import Condition, is_nan
from gradcalc.engines.taylor.reals import integer
from gradcalc.expression.tree import Call
from gradcalc.runtime import deadline

_MAX_POWER = 64
"""The largest exponent of a power that is multiplied out."""
_CHOICES = frozenset(["max", "min", "maximum", "minimum"])
"""Functions that are one of their arguments."""
_ENTRIES = 64
"""Entries after which the clock is looked at."""

Factors = Flat | int
"""Numbers by entry, or 1 or -1 for all."""


class Entrywise(Step):
    """A function of numbers; operands have as many entries as the result, or one."""

    def __init__(self, node: Call, operands: Sequence[int], sizes: Sequence[int], size: int):
        super().__init__(operands, size)
        self.node, self.sizes = node, sizes

    def evaluate(self, args: Sequence[Local], order: int, call: CallOf) -> Local:
        columns = [self._column(arg.values) for arg in args]
        moving, is_undefined = [], False
        for spot, arg in enumerate(args):
            is_undefined = is_undefined or arg.is_undefined
            if arg.is_moving and not any(isinstance(value, Condition) for value in arg.values[:1]):
                moving.append(spot)
        formula = None if is_undefined else FORMULAS.get(self.node.name)
        if formula is not None:
            expansion = formula(columns, moving, order)
            if expansion is not None:
                return Local(expansion.values, slopes=expansion.slopes, curvatures=expansion.curvatures)
        return self._by_entries(args, columns, moving, order, call)

    def _by_entries(
        self, args: Sequence[Local], columns: Sequence[Sequence[Any]], moving: Sequence[int], order: int, call: CallOf
    ) -> Local:
        function = FunctionExpansion(self.node, moving, [arg.is_literal for arg in args], order, call)
        values, singular, derivatives = [], [], []
        is_unresolved = False
        for place, parts in enumerate(zip(*columns, strict=True)):
            if place % _ENTRIES == 0:
                deadline.check()
            entry = function.expand(parts)
            values.append(entry.value)
            derivatives.append(entry.derivatives)
            if entry.is_singular:
                singular.append(place)
                is_unresolved = is_unresolved or entry.is_unresolved
        is_undefined = any(not isinstance(values[place], Condition) and is_nan(values[place]) for place in singular)
        by_kind = list(zip(*derivatives, strict=True))
        slopes: list[Factors | None] = [None] * len(args)
        for spot, slope in zip(moving, by_kind, strict=False):
            slopes[spot] = slope
        curvatures = dict(zip(function.pairs, by_kind[len(moving) :], strict=True))
        return Local(
            values,
            is_undefined=is_undefined,
            is_unresolved=is_unresolved,
            singular=singular,
            slopes=slopes,
            curvatures=curvatures,
        )

    def _column(self, values: Sequence[Any]) -> Sequence[Any]:
        return values if len(values) == self.size else list(values) * self.size

    def push(self, local: Local, args: Sequence[Local], tangents: Sequence[Flat | None]) -> Flat:
        shares = [
            _scaled(self._column(tangent), slope)
            for tangent, slope in zip(tangents, local.slopes, strict=True)
            if tangent is not None and slope is not None
        ]
        return _added(shares) if shares else [ZERO] * self.size

    def pull(self, local: Local, args: Sequence[Local], adjoint: Flat) -> Iterator[tuple[int, Flat]]:
        for spot, slope in enumerate(local.slopes):
            if slope is not None:
                yield spot, self._share(spot, _scaled(adjoint, slope))

    def bend(
        self, local: Local, args: Sequence[Local], adjoint: Flat, tangents: Sequence[Flat | None]
    ) -> Iterator[tuple[int, Flat]]:
        for spot, slope in enumerate(local.slopes):
            changes = [
                _scaled(self._column(tangent), local.curvatures[pair])
                for other, tangent in enumerate(tangents)
                if tangent is not None and (pair := (min(spot, other), max(spot, other))) in local.curvatures
            ]
            if slope is not None and changes:
                yield spot, self._share(spot, _scaled(adjoint, _added(changes)))

    def _share(self, spot: int, share: Flat) -> Flat:
        return share if self.sizes[spot] == self.size else [total(share)]

    def spread(self, local: Local, marks: bytes) -> Iterator[bytes]:
        for spot, size in enumerate(self.sizes):
            own = self._reached(local, spot, marks)
            yield own if size == self.size else bytes([max(own, default=0)])

    def _reached(self, local: Local, spot: int, marks: bytes) -> bytes:
        """The marks for an argument: what a certain choice leaves has no part in what becomes of the choice."""
        slopes = local.slopes[spot]
        if self.node.name not in _CHOICES or slopes is None or isinstance(slopes, int):
            return marks
        undecided = set(local.singular)
        pairs = enumerate(zip(marks, slopes, strict=True))
        return bytes(mark if slope or place in undecided else min(mark, REACHED) for place, (mark, slope) in pairs)


def _scaled(values: Flat, factors: Factors) -> Flat:
    """Products entry by entry; an exact zero stays zero."""
    if isinstance(factors, int):
        return values if factors == 1 else [-value for value in values]
    return bounded_all([value * factor if value and factor else ZERO for value, factor in zip(values, factors, strict=True)])


def _added(shares: Sequence[Flat]) -> Flat:
    result = shares[0]
    for share in shares[1:]:
        result = bounded_all(list(map(add, result, share)))
    return result


# ------------------------------------------------------------------------------------------------------ formulas on arrays


class Expansion(NamedTuple):
    """The values of a function, its slopes by argument, and its second derivatives by pairs of arguments."""

    values: Flat
    slopes: Sequence[Factors | None]
    curvatures: Mapping[tuple[int, int], Factors]


def _signs(signs: Sequence[int], moving: Sequence[int]) -> list[Factors | None]:
    return [sign if spot in moving else None for spot, sign in enumerate(signs)]


def _sum(columns: Sequence[Flat], moving: Sequence[int], order: int) -> Expansion:
    return Expansion(bounded_all(list(map(add, *columns))), _signs((1, 1), moving), {})


def _difference(columns: Sequence[Flat], moving: Sequence[int], order: int) -> Expansion:
    return Expansion(bounded_all(list(map(sub, *columns))), _signs((1, -1), moving), {})


def _negative(columns: Sequence[Flat], moving: Sequence[int], order: int) -> Expansion:
    return Expansion([-value for value in columns[0]], _signs((-1,), moving), {})


def _product(columns: Sequence[Flat], moving: Sequence[int], order: int) -> Expansion:
    a, b = columns
    values = bounded_all([left * right for left, right in zip(a, b, strict=True)])
    mixed: Mapping[tuple[int, int], Factors] = {(0, 1): 1} if order > 1 and len(moving) > 1 else {}
    return Expansion(values, [b if 0 in moving else None, a if 1 in moving else None], mixed)


def _quotient(columns: Sequence[Flat], moving: Sequence[int], order: int) -> Expansion | None:
    a, b = columns
    if not all(divisor != 0 for divisor in b):
        return None
    values = bounded_all([left / right for left, right in zip(a, b, strict=True)])
    inverses = [1 / divisor for divisor in b] if moving else []
    falling = [-value * inverse for value, inverse in zip(values, inverses, strict=True)] if 1 in moving else None
    curvatures: dict[tuple[int, int], Factors] = {}
    if order > 1 and falling is not None:
        curvatures[1, 1] = bounded_all([-2 * slope * inverse for slope, inverse in zip(falling, inverses, strict=True)])
        if 0 in moving:
            curvatures[0, 1] = bounded_all([-inverse * inverse for inverse in inverses])
    return Expansion(values, [inverses if 0 in moving else None, falling and bounded_all(falling)], curvatures)


def _power(columns: Sequence[Flat], moving: Sequence[int], order: int) -> Expansion | None:
    base, exponents = columns
    exponent = integer(exponents[0])
    if exponent is None or not 1 <= exponent <= _MAX_POWER or 1 in moving or any(e is not exponents[0] for e in exponents):
        return None
    one = ONE
    lower = [reals.power(value, exponent - 1, one) for value in base]
    values = bounded_all([value * factor for value, factor in zip(base, lower, strict=True)])
    if not moving:
        return Expansion(values, [None, None], {})
    slopes = bounded_all([exponent * factor for factor in lower])
    curvatures: dict[tuple[int, int], Factors] = {}
    if order > 1:
        second = exponent * (exponent - 1)
        curvatures[0, 0] = [second * reals.power(value, exponent - 2, one) if second else ZERO for value in base]
    return Expansion(values, [slopes, None], curvatures)


Formula = Callable[[Sequence[Flat], Sequence[int], int], Expansion | None]
FORMULAS: Mapping[str, Formula] = {
    "+": _sum,
    "-": _difference,
    "neg": _negative,
    "*": _product,
    "/": _quotient,
    "**": _power,
}
"""What computes a function on whole arrays.  It stands for the meaning of the row: a test compares them."""
