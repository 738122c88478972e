"""All first partial derivatives at once: slopes of every instruction by jets of order 1, and one pass back (reverse mode).

Comes in: an expression at a point, and names of variables.  Goes out: the value, and the derivatives by those variables
that meet no place where the expression is not smooth; the others are left to Taylor series along their own rays.  The cost
grows with the instructions, not with instructions times variables.

The chain rule of several arguments needs functions that are jointly differentiable.  Sums, products, quotients and powers
of positive numbers are; choices (`where`, `max`) are one of their arguments wherever they leave no note.  An instruction of
another kind, of which several arguments move, is left to the rays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from flint import arb, fmpq

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.jets import Jet, is_nan
from gradcalc.engines.taylor.reals import NotReal, Real, Unresolved, bounded
from gradcalc.expression.dependencies import Dependencies
from gradcalc.expression.tree import Call, Name
from gradcalc.functions import TABLE
from gradcalc.runtime import deadline

_MOST_BITS = 2 * reals.START_BITS
"""Precision from which on a derivative that is not known is left to its ray: it may be zero."""
_ZERO, _ONE = fmpq(0), fmpq(1)
_JOINT = frozenset(["+", "-", "*", "/", "where", "max", "min", "maximum", "minimum"])

Slopes = list[tuple[int, Real]]
"""The arguments of an instruction that move, by their positions, and the derivatives by them."""


@dataclass(frozen=True, slots=True)
class Gradient:
    """The value, and derivatives by the names of the variables."""

    value: Real
    slopes: Mapping[str, Real]


def gradient(expression_at: ExpressionAt, names: Sequence[str]) -> Gradient | None:
    """The first partials that reverse mode proves to `reals.PROVEN_BITS` bits, with the value; None where there are none.

    A number that would count as zero without proof proves nothing.
    """
    bits = reals.START_BITS
    slopes: dict[str, Real] = {}
    value: Real | None = None
    remaining = list(names)
    while remaining and bits <= _MOST_BITS:
        deadline.check()
        with reals.precision(bits), reals.unproven_zeros() as zeros, suppress(Unresolved):
            try:
                sweep = _Sweep(expression_at, remaining).gradient()
            except NotReal:
                sweep = None
            if sweep is None or zeros.count:  # more precision does not help
                break
            if reals.is_accurate(sweep.value):
                value = sweep.value
                slopes.update({name: slope for name, slope in sweep.slopes.items() if reals.is_accurate(slope)})
            remaining = [name for name in remaining if name in sweep.slopes and name not in slopes]
        bits *= 2
    return None if value is None else Gradient(value, slopes)


class _Sweep:
    """One evaluation at the present precision, and one pass back."""

    def __init__(self, expression_at: ExpressionAt, names: Sequence[str]):
        self.at, self.names = expression_at, frozenset(names)
        program = expression_at.program
        self.program = program
        self.moving = set(Dependencies(program).dependents(names))
        self.values: list[evaluate.Value] = []
        self.slopes: dict[int, Slopes] = {}
        self.singular: list[int] = []
        """Instructions that left a note, or of whose arguments too many move."""

    def gradient(self) -> Gradient | None:
        """The value, and the derivatives by the names that reach no singular instruction; None without a value."""
        leaf, call = evaluate.readers(self.at.point(), 1, self.at.literal)
        for place, (node, operands) in enumerate(zip(*self.program, strict=True)):
            if not isinstance(node, Call):
                self.values.append(leaf(node))
            elif place not in self.moving:
                self.values.append(call(node, [self.values[arg] for arg in operands]))
            else:
                self.values.append(self._instruction(place, node, operands, call))
        last = self.values[-1]
        if not isinstance(last, Jet) or last.notes or is_nan(last.value):
            return None
        return Gradient(last.value, self._backward())

    def _instruction(
        self, place: int, node: Call, operands: Sequence[int], call: Callable[[Call, list[evaluate.Value]], evaluate.Value]
    ) -> evaluate.Value:
        """The value of an instruction; its slopes are kept."""
        args = [self.values[arg] for arg in operands]
        places = [spot for spot, arg in enumerate(operands) if arg in self.moving and isinstance(args[spot], Jet)]
        is_singular = len(places) > 1 and not _is_joint(node, args)
        slopes_here: Slopes = []
        for spot in places:
            moved = list(args)
            moved[spot] = Jet.variable(cast("Jet", args[spot]).value, 1, 1)
            result = call(node, moved)
            is_singular = is_singular or bool(result.notes)
            if isinstance(result, Jet):
                slopes_here.append((operands[spot], result[1]))
        still = call(node, args)
        if still.notes or (isinstance(still, Jet) and is_nan(still.value)):
            is_singular = True
        if is_singular:
            self.singular.append(place)
        self.slopes[place] = slopes_here
        return Jet.constant(still.value) if isinstance(still, Jet) else still

    def _backward(self) -> dict[str, Real]:
        adjoints: list[Real | None] = [None] * len(self.program.nodes)
        adjoints[-1] = _ONE
        for place in range(len(adjoints) - 1, -1, -1):
            above = adjoints[place]
            if above is None or _is_exact_zero(above):
                continue
            for arg, slope in self.slopes.get(place, ()):
                if not _is_exact_zero(slope):  # nothing arrives, even where what follows is infinite
                    before = adjoints[arg]
                    adjoints[arg] = bounded(above * slope if before is None else before + above * slope)
        excluded = self._variables_below(self.singular)
        slopes: dict[str, Real] = {}
        for node, adjoint in zip(self.program.nodes, adjoints, strict=True):
            if isinstance(node, Name) and node.name in self.names and node.name not in excluded:
                slopes[node.name] = slopes.get(node.name, _ZERO) + (_ZERO if adjoint is None else adjoint)
        return slopes

    def _variables_below(self, places: Sequence[int]) -> set[str]:
        """The variables that some instructions depend on."""
        below, waiting = set(places), list(places)
        while waiting:
            args = [arg for arg in self.program.operands[waiting.pop()] if arg not in below]
            below.update(args)
            waiting += args
        return {node.name for place in below if isinstance(node := self.program.nodes[place], Name)}


def _is_joint(node: Call, args: Sequence[evaluate.Value]) -> bool:
    """Whether slopes by each argument make the differential: conditions do not move, unless they leave a note."""
    if node.name in _JOINT or TABLE[node.name].condition:
        return True
    return node.name == "**" and isinstance(args[0], Jet) and bool(args[0].value > 0)


def _is_exact_zero(value: Real) -> bool:
    return not isinstance(value, arb) and value == 0
