"""The step that takes a function of numbers entry by entry: values, slopes and second derivatives from the table's meanings.

Sums, products, quotients and powers with a whole exponent are computed on whole arrays.  Of any other function, each entry
is a jet along each argument: no formula of a derivative is used.

The chain rule of several arguments needs functions that are jointly differentiable.  A meaning is composed of functions that
are analytic wherever they leave no note: it is jointly differentiable where it leaves none while all arguments may move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import add, sub
from typing import Any, NamedTuple

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.array_steps import ONE, ZERO, CallOf, Flat, Local, Step, bounded_all, total
from gradcalc.engines.taylor.jets import NAN, Condition, Jet, is_nan
from gradcalc.engines.taylor.reals import NotReal, Real, Unresolved, integer
from gradcalc.expression.tree import Call
from gradcalc.functions import TABLE

_MAX_POWER = 64
"""The largest exponent of a power that is multiplied out."""
_JOINT = frozenset(["+", "-", "*", "/", "where", "max", "min", "maximum", "minimum"])
"""Functions of which slopes by each argument make the differential: choices are one of their arguments where they leave no
note."""

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
            if arg.is_moving and not isinstance(arg.values[0], Condition):
                moving.append(spot)
        formula = None if is_undefined else _FORMULAS.get(self.node.name)
        if formula is not None:
            expansion = formula(columns, moving, order)
            if expansion is not None:
                return Local(expansion.values, slopes=expansion.slopes, curvatures=expansion.curvatures)
        return self._by_jets(args, columns, moving, order, call)

    def _by_jets(
        self, args: Sequence[Local], columns: Sequence[Sequence[Any]], moving: Sequence[int], order: int, call: CallOf
    ) -> Local:
        entry = _EntryByJets(self.node, moving, order, call)
        makers = [
            None if isinstance(arg.values[0], Condition) else Jet.literal if arg.is_literal else Jet.constant for arg in args
        ]
        local = Local([])
        values, singular, derivatives = [], [], []
        for place, parts in enumerate(zip(*columns, strict=True)):
            jets = [part if make is None else make(part) for make, part in zip(makers, parts, strict=True)]
            try:
                value, is_singular, numbers = entry.expansion(jets)
            except (Unresolved, NotReal) as why:
                value, is_singular, numbers = entry.unknown()
                local.is_unresolved = local.is_unresolved or isinstance(why, Unresolved)
            if is_singular:
                singular.append(place)
                local.is_undefined = local.is_undefined or (not isinstance(value, Condition) and is_nan(value))
            values.append(value)
            derivatives.append(numbers)
        local.values, local.singular = values, singular
        by_kind = list(zip(*derivatives, strict=True))
        slopes: list[Factors | None] = [None] * len(args)
        for spot, slope in zip(moving, by_kind, strict=False):
            slopes[spot] = slope
        local.slopes, local.curvatures = slopes, dict(zip(entry.pairs, by_kind[len(moving) :], strict=True))
        return local

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

    def spread(self, marks: bytes) -> Iterator[bytes]:
        return (marks if size == self.size else bytes([max(marks)]) for size in self.sizes)


class _EntryByJets:
    """One entry of a function of numbers, with its derivatives by the arguments that move."""

    def __init__(self, node: Call, moving: Sequence[int], order: int, call: CallOf):
        self.node, self.moving, self.order, self.call = node, moving, order, call
        self.pairs = [(i, j) for i in moving for j in moving if i <= j] if order > 1 else []

    def unknown(self) -> tuple[Any, bool, list[Real]]:
        """An entry of which nothing is known."""
        value = Condition(False, frozenset(), True, False, known=False) if TABLE[self.node.name].condition else NAN
        return value, True, [NAN] * (len(self.moving) + len(self.pairs))

    def expansion(self, parts: list[Any]) -> tuple[Any, bool, list[Real]]:
        """The value, whether it is singular, the slopes, and the second derivatives by pairs.

        Raises `Unresolved` and `NotReal`.
        """
        along = {spot: self._along(parts, {spot: 1}) for spot in self.moving}
        is_singular = any(result.notes for result in along.values())
        only = along[self.moving[0]] if len(parts) == len(self.moving) == 1 else None
        # Of several arguments, the value may be exact where none moves.
        still = only if isinstance(only, Jet) and not is_singular else self.call(self.node, parts)
        is_singular = is_singular or bool(still.notes) or not (is_singular or self._is_joint(parts))
        value: Any = still
        if isinstance(still, Jet):
            value = NAN if still.notes and not self.moving else still.value
            is_singular = is_singular or is_nan(value)
        numbers = [_coefficient(result, 1) for result in along.values()]
        return value, is_singular, [*numbers, *self._second_derivatives(parts, along)]

    def _along(self, parts: list[Any], speeds: Mapping[int, int]) -> Jet | Condition:
        moved = list(parts)
        for spot, speed in speeds.items():
            moved[spot] = Jet.variable(parts[spot].value, speed, self.order)
        return self.call(self.node, moved)

    def _is_joint(self, parts: list[Any]) -> bool:
        if len(self.moving) < 2 or self.node.name in _JOINT or TABLE[self.node.name].condition:
            return True
        result = self._along(parts, dict.fromkeys(self.moving, 0))
        return not result.notes and isinstance(result, Jet) and result.has_expansion

    def _second_derivatives(self, parts: list[Any], along: Mapping[int, Jet | Condition]) -> Iterator[Real]:
        pure = {spot: 2 * _coefficient(result, 2) for spot, result in along.items()} if self.pairs else {}
        for i, j in self.pairs:
            if i == j:
                yield pure[i]
            else:  # by polarisation
                both = self._along(parts, {i: 1, j: 1})
                yield (2 * _coefficient(both, 2) - pure[i] - pure[j]) / 2


def _coefficient(result: Jet | Condition, power: int) -> Real:
    """The coefficient of a jet; a condition has no slope."""
    return result[power] if isinstance(result, Jet) else ZERO


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


class _Expansion(NamedTuple):
    """The values of a function, its slopes by argument, and its second derivatives by pairs of arguments."""

    values: Flat
    slopes: Sequence[Factors | None]
    curvatures: Mapping[tuple[int, int], Factors]


def _signs(signs: Sequence[int], moving: Sequence[int]) -> list[Factors | None]:
    return [sign if spot in moving else None for spot, sign in enumerate(signs)]


def _sum(columns: Sequence[Flat], moving: Sequence[int], order: int) -> _Expansion:
    return _Expansion(bounded_all(list(map(add, *columns))), _signs((1, 1), moving), {})


def _difference(columns: Sequence[Flat], moving: Sequence[int], order: int) -> _Expansion:
    return _Expansion(bounded_all(list(map(sub, *columns))), _signs((1, -1), moving), {})


def _negative(columns: Sequence[Flat], moving: Sequence[int], order: int) -> _Expansion:
    return _Expansion([-value for value in columns[0]], _signs((-1,), moving), {})


def _product(columns: Sequence[Flat], moving: Sequence[int], order: int) -> _Expansion:
    a, b = columns
    values = bounded_all([left * right for left, right in zip(a, b, strict=True)])
    mixed: Mapping[tuple[int, int], Factors] = {(0, 1): 1} if order > 1 and len(moving) > 1 else {}
    return _Expansion(values, [b if 0 in moving else None, a if 1 in moving else None], mixed)


def _quotient(columns: Sequence[Flat], moving: Sequence[int], order: int) -> _Expansion | None:
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
    return _Expansion(values, [inverses if 0 in moving else None, falling and bounded_all(falling)], curvatures)


def _power(columns: Sequence[Flat], moving: Sequence[int], order: int) -> _Expansion | None:
    base, exponents = columns
    exponent = integer(exponents[0])
    if exponent is None or not 1 <= exponent <= _MAX_POWER or 1 in moving or any(e is not exponents[0] for e in exponents):
        return None
    one = ONE
    lower = [reals.power(value, exponent - 1, one) for value in base]
    values = bounded_all([value * factor for value, factor in zip(base, lower, strict=True)])
    if not moving:
        return _Expansion(values, [None, None], {})
    slopes = bounded_all([exponent * factor for factor in lower])
    curvatures: dict[tuple[int, int], Factors] = {}
    if order > 1:
        second = exponent * (exponent - 1)
        curvatures[0, 0] = [second * reals.power(value, exponent - 2, one) if second else ZERO for value in base]
    return _Expansion(values, [slopes, None], curvatures)


_Formula = Callable[[Sequence[Flat], Sequence[int], int], _Expansion | None]
_FORMULAS: Mapping[str, _Formula] = {
    "+": _sum,
    "-": _difference,
    "neg": _negative,
    "*": _product,
    "/": _quotient,
    "**": _power,
}
