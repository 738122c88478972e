"""One entry of a function of numbers: its value, and its derivatives by the arguments that move.

They come from the table's meanings: from power series of Arb where the function is analytic beyond doubt, from jets
elsewhere.  No formula of a derivative is used.

The chain rule of several arguments needs functions that are jointly differentiable.  A meaning is composed of functions that
are analytic wherever they leave no note: it is jointly differentiable where it leaves none while all arguments may move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from flint import arb, arb_series

from gradcalc.engines.taylor.analytic_series import AnalyticSeries, NotAnalytic
from gradcalc.engines.taylor.jets import NAN, Condition, Jet, is_nan
from gradcalc.engines.taylor.reals import NotReal, Real, Unresolved, exact
from gradcalc.expression.tree import Call
from gradcalc.functions import TABLE

ZERO = exact(0)
_JOINT = frozenset(["+", "-", "*", "/", "where", "max", "min", "maximum", "minimum"])
"""Functions of which slopes by each argument make the differential: choices are one of their arguments where they leave no
note."""
_TRANSCENDENTAL = frozenset(
    ["exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "sin", "cos", "tan", "atan", "sinh", "cosh",
     "tanh", "sigmoid", "logsigmoid", "softplus", "silu", "mish", "gelu", "gelu_tanh", "erf", "erfc", "ndtr", "log_ndtr"]
)  # fmt: skip
"""Functions that make balls of rationals; of others, what is rational stays exact."""


class EntryExpansion(NamedTuple):
    """The value of an entry, its slopes by the arguments that move, and the second derivatives by pairs of them."""

    value: Any
    derivatives: Sequence[Real]
    is_singular: bool = False
    is_unresolved: bool = False
    """Whether more precision may tell more."""


class FunctionExpansion:
    """A function of numbers, of which some arguments move; `literal` tells the arguments in which no variable occurs."""

    def __init__(
        self,
        node: Call,
        moving: Sequence[int],
        literal: Sequence[bool],
        order: int,
        call: Callable[[Call, list[Any]], Jet | Condition],
    ):
        self.node, self.moving, self.order, self._call = node, moving, order, call
        self.pairs = [(i, j) for i in moving for j in moving if i <= j] if order > 1 else []
        self._row = TABLE[node.name]
        self._is_transcendental = node.name in _TRANSCENDENTAL
        self._constants = [Jet.literal if is_literal else Jet.constant for is_literal in literal]
        self._vocabulary = AnalyticSeries(order + 1)

    def expand(self, parts: Sequence[Any]) -> EntryExpansion:
        """The expansion at real numbers and conditions."""
        try:
            return self._by_series(parts)
        except (NotAnalytic, ZeroDivisionError):
            pass
        jets = [
            part if isinstance(part, Condition) else make(part) for make, part in zip(self._constants, parts, strict=True)
        ]
        try:
            return self._by_jets(jets)
        except (Unresolved, NotReal) as why:
            value = Condition(False, frozenset(), True, False, known=False) if self._row.condition else NAN
            numbers = [NAN] * (len(self.moving) + len(self.pairs))
            return EntryExpansion(value, numbers, is_singular=True, is_unresolved=isinstance(why, Unresolved))

    # -- by power series

    def _by_series(self, parts: Sequence[Any]) -> EntryExpansion:
        constants = [self._constant(spot, part) for spot, part in enumerate(parts)]
        along = [self._series(constants, parts, (spot,)) for spot in self.moving]
        value = (along[0] if along else self._series(constants, parts, ()))[0]
        numbers = [_known(series[1]) for series in along]
        if self.pairs:
            pure = {spot: 2 * series[2] for spot, series in zip(self.moving, along, strict=True)}
            for pair in self.pairs:
                i, j = pair
                number = pure[i] if i == j else (2 * self._series(constants, parts, pair)[2] - pure[i] - pure[j]) / 2
                numbers.append(_known(number))
        if not value.is_finite():
            raise NotAnalytic
        return EntryExpansion(value, numbers)

    def _constant(self, spot: int, part: Any) -> Any:
        """An argument as a series; only where nothing that is exact becomes a ball."""
        if isinstance(part, Condition):
            if part.known:
                return part.holds
        elif part.is_finite() if isinstance(part, arb) else part.q == 1 or (spot == 0 and self._is_transcendental):
            return self._vocabulary.constant(part)
        raise NotAnalytic

    def _series(self, constants: Sequence[Any], parts: Sequence[Any], spots: Sequence[int]) -> arb_series:
        args = list(constants)
        for spot in spots:
            args[spot] = self._vocabulary.variable(parts[spot])
        result = self._row.meaning(self._vocabulary, *args)
        if not isinstance(result, arb_series):
            raise NotAnalytic
        return result

    # -- by jets

    def _by_jets(self, parts: list[Any]) -> EntryExpansion:
        """Raises `Unresolved` and `NotReal`."""
        along = {spot: self._along(parts, {spot: 1}) for spot in self.moving}
        is_singular = any(result.notes for result in along.values())
        only = along[self.moving[0]] if len(parts) == len(self.moving) == 1 else None
        # Of several arguments, the value may be exact where none moves.
        still = only if isinstance(only, Jet) and not is_singular else self._call(self.node, parts)
        is_singular = is_singular or bool(still.notes) or not (is_singular or self._is_joint(parts))
        value: Any = still
        if isinstance(still, Jet):
            value = NAN if still.notes and not self.moving else still.value
            is_singular = is_singular or is_nan(value)
        numbers = [_coefficient(result, 1) for result in along.values()]
        return EntryExpansion(value, [*numbers, *self._second_derivatives(parts, along)], is_singular)

    def _along(self, parts: list[Any], speeds: Mapping[int, int]) -> Jet | Condition:
        moved = list(parts)
        for spot, speed in speeds.items():
            moved[spot] = Jet.variable(parts[spot].value, speed, self.order)
        return self._call(self.node, moved)

    def _is_joint(self, parts: list[Any]) -> bool:
        if len(self.moving) < 2 or self.node.name in _JOINT or self._row.condition:
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


def _known(number: arb) -> Real:
    """A derivative; an exact zero is one of the rationals, through which nothing arrives."""
    if number.is_nan():
        raise NotAnalytic
    return ZERO if number.is_zero() else number


def _coefficient(result: Jet | Condition, power: int) -> Real:
    """The coefficient of a jet; a condition has no slope."""
    return result[power] if isinstance(result, Jet) else ZERO
