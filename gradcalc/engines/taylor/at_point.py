"""An expression at a point, in exact arithmetic: values, Taylor coefficients along rays, enclosures of formulas.

Comes in: a tree, the exact values of its variables, and what a machine made of its constants.  Goes out: jets and balls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import factorial

from flint import fmpq

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.jets import Jet
from gradcalc.engines.taylor.reals import OutOfPrecision, Real, exact
from gradcalc.expression.dependencies import Dependencies
from gradcalc.expression.tree import Name, Node, linearize, names_in

Direction = Mapping[str, int]


_MANY = 8
"""Variables from which on re-evaluating only what depends on those that move pays."""


class ExpressionAt:
    """An expression at a point.

    `values` are the variables' values as constant trees (what was typed) or as fractions (what torch received);
    `constants` replaces literals and constants, by their text, by the numbers a machine holds for them.
    """

    def __init__(self, tree: Node, values: Mapping[str, Node | Fraction], constants: Mapping[str, Fraction] | None = None):
        self.tree = tree
        self.program = linearize(tree)
        self.names = list(dict.fromkeys(node.name for node in self.program.nodes if isinstance(node, Name)))
        self._values = {name: values[name] for name in self.names}
        self.constants = constants or {}
        self.literal = evaluate.literals(self.constants)
        self._exact: dict[str, fmpq] = {}
        self._dependencies: Dependencies | None = None
        self._moving: dict[frozenset[str], list[int]] = {}
        self._baselines: dict[tuple[int, int], list[evaluate.Value]] = {}
        self._known: dict[int, list[evaluate.Value | None]] = {}
        self._parts: dict[tuple[int, int], tuple[Node, Real]] = {}

    def given_value(self, name: str) -> Node | Fraction:
        """The value of a variable: as it was typed, or as the machine has it."""
        return self._values[name]

    def point(self) -> dict[str, Real]:
        """The values of the variables, at the present precision."""
        if len(self._exact) == len(self._values):
            return dict(self._exact)
        point: dict[str, Real] = {}
        for name, value in self._values.items():
            if name not in self._exact:
                number = exact(value) if isinstance(value, Fraction) else evaluate.evaluate(value, {}).value
                if not isinstance(number, fmpq):
                    point[name] = number
                    continue
                self._exact[name] = number
            point[name] = self._exact[name]
        return point

    def value(self) -> Jet:
        """The expression at the point, as a constant jet."""
        return evaluate.evaluate(self.program, self.point(), constants=self.literal)

    def known_values(self) -> list[evaluate.Value | None]:
        """The values of all instructions of the program, None for those that the present precision leaves open."""
        bits = reals.working_bits()
        if bits not in self._known:
            self._known[bits] = evaluate.evaluate_known(self.program, self.point(), self.literal)
        return self._known[bits]

    def taylor_along(self, direction: Direction, order: int) -> Jet:
        """The expression along a ray that leaves the point in a direction."""
        starts = self.point()
        values: dict[str, Real | Jet] = dict(starts)
        for name, speed in direction.items():
            if name in starts:
                values[name] = Jet.variable(starts[name], speed, order)
        if len(self.names) < _MANY:
            return evaluate.evaluate(self.program, values, order=order, constants=self.literal)
        names = frozenset(direction)
        if names not in self._moving:
            self._dependencies = self._dependencies or Dependencies(self.program)
            self._moving[names] = self._dependencies.dependents(names)
        if (reals.working_bits(), order) not in self._baselines:
            self._baselines[reals.working_bits(), order] = evaluate.evaluate_all(self.program, starts, order, self.literal)
        baseline = self._baselines[reals.working_bits(), order]
        return evaluate.evaluate_some(self.program, values, order, self.literal, self._moving[names], baseline)

    def formula_value(self, formula: Node, opaque: Mapping[str, Node]) -> Real:
        """The value at the point of a formula in the same variables, and in parts that it has names for.

        Raises `OutOfPrecision` where the formula has no value, or meets a place where it is not smooth.
        """
        values = dict(self.point())
        for name in names_in(formula):
            if name in opaque:
                values[name] = self._named(opaque[name])
        jet = evaluate.evaluate(formula, values)
        if not jet.has_value:
            raise OutOfPrecision
        return jet.value

    def _named(self, part: Node) -> Real:
        """The value of a part that formulas have a name for; many formulas have it."""
        key = (reals.working_bits(), id(part))
        if key not in self._parts:
            self._parts[key] = part, evaluate.evaluate(part, self.point(), constants=self.literal).value
        return self._parts[key][1]


def polarize(wrt: Sequence[str]) -> list[tuple[int, Direction]]:
    """Signs and directions such that the partial by `wrt` is the sum of sign * c_n(direction), n = len(wrt).

    The polarisation identity: D^n f(v1, ..., vn) is the sum over non-empty sets S of the vectors of
    (-1)**(n - |S|) * c_n(sum of S), where c_n(v) = D^n f(v, ..., v)/n! is the n-th Taylor coefficient along v.
    """
    order = len(wrt)
    if len(set(wrt)) == 1:
        return [(factorial(order), {wrt[0]: 1})]
    weights: dict[tuple[tuple[str, int], ...], int] = {}
    for size in range(1, order + 1):
        for subset in combinations(wrt, size):
            direction: dict[str, int] = {}
            for name in subset:
                direction[name] = direction.get(name, 0) + 1
            key = tuple(sorted(direction.items()))
            weights[key] = weights.get(key, 0) + (-1) ** (order - size)
    return [(weight, dict(key)) for key, weight in weights.items() if weight]


def is_finite(value: Real) -> bool:
    """Whether an enclosure is bounded."""
    return isinstance(value, fmpq) or bool(value.is_finite())
