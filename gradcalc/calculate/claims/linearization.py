"""The derivative of an expression from the derivatives of its steps, one of which may be replaced by a mistaken one.

Comes in: the steps of an expression, those that depend on a variable, and a point.  Goes out: numbers, in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from flint import arb

from gradcalc.engines.taylor import evaluate
from gradcalc.engines.taylor.at_point import is_finite
from gradcalc.engines.taylor.jets import Jet
from gradcalc.engines.taylor.reals import Real
from gradcalc.expression.tree import Call, Name, Node, Number, Program, linearize
from gradcalc.functions.resolve import understand
from gradcalc.runtime import deadline


class Unknown(Exception):
    """A value or a derivative at a step is not known, or not finite."""


class Linearization:
    """The value of each step at a point, its partial by each argument, its tangent (forward) and its adjoint (backward)."""

    def __init__(self, program: Program, dependents: Sequence[int], point: Mapping[str, Real]):
        self.program, self.dependents, self.point = program, set(dependents), point
        values = evaluate.evaluate_all(program, point, 0, evaluate.no_constants)
        self.values: list[Real | None] = [it.value if isinstance(it, Jet) else None for it in values]
        self.partials = {place: self._partials(place) for place in dependents if isinstance(program.nodes[place], Call)}
        self.tangents: dict[int, Real] = {}
        for place in sorted(dependents):
            is_variable = isinstance(program.nodes[place], Name)
            self.tangents[place] = arb(1) if is_variable else StepAt(self, place).derivative()
        self.adjoints: dict[int, Real] = {len(program.nodes) - 1: arb(1)}
        for place in sorted(dependents, reverse=True):
            adjoint = self.adjoints.get(place)
            for arg, partial in zip(program.operands[place], self.partials.get(place, ()), strict=True):
                if partial is not None and adjoint is not None:
                    self.adjoints[arg] = self.adjoints.get(arg, arb(0)) + adjoint * partial

    def _partials(self, place: int) -> list[Real | None]:
        node, args = self.program.nodes[place], self.program.operands[place]
        assert isinstance(node, Call)
        values: dict[str, Real] = dict(self.point)
        parts: list[Node] = []
        for number, arg in enumerate(args):
            value = self.values[arg]
            if value is None or isinstance(node.args[number], Number):  # a condition, or a literal that must stay one
                parts.append(node.args[number])
            else:
                parts.append(Name(f"%{number}"))
                values[f"%{number}"] = value
        step = linearize(Call(node.name, tuple(parts), node.span, node.options))
        partials: list[Real | None] = []
        for number, arg in enumerate(args):
            name = f"%{number}"
            if arg not in self.dependents or name not in values:
                partials.append(None)
                continue
            point: dict[str, Real | Jet] = {**values, name: Jet.variable(values[name], 1, 1)}
            partials.append(evaluate.evaluate(step, point, order=1)[1])
        return partials

    def with_tangent(self, place: int, tangent: Tangent) -> Real | None:
        """The derivative of the last step if the tangent of the step at a place is another; None if it is not known."""
        deadline.check()
        if place not in self.adjoints:
            return None
        try:
            difference = tangent(StepAt(self, place)) - self.tangents[place]
        except Unknown:
            return None
        # All that follows is linear in the tangent.
        return self.tangents[len(self.program.nodes) - 1] + self.adjoints[place] * difference


@dataclass(frozen=True, slots=True)
class StepAt:
    """A step of a linearization, with its arguments by number.  What is not known raises `Unknown`."""

    linearization: Linearization
    place: int

    def value(self, number: int | None = None) -> Real:
        """The value of an argument, or of the step itself."""
        return _require(self.linearization.values[self.place if number is None else self._arg(number)])

    def tangent(self, number: int) -> Real:
        """The derivative of an argument by the variable."""
        return self.linearization.tangents[self._arg(number)]

    def partial(self, number: int) -> Real:
        """The derivative of the step by one of its arguments."""
        return _require(self.linearization.partials[self.place][number])

    def derivative(self, without: int | None = None) -> Real:
        """The derivative of the step by the variable: the chain rule; the term of one argument may be left out."""
        total: Real = arb(0)
        for number, partial in enumerate(self.linearization.partials[self.place]):
            if partial is not None and number != without:
                total = total + partial * self.tangent(number)
        return total

    def formula(self, text: str) -> Real:
        """The value of a formula in u, the first argument."""
        return _finite(evaluate.evaluate(_tree(text), {"u": self.value(0)}), 0)

    def partial_at(self, number: int, name: str) -> Real:
        """The derivative of the step by one of its arguments, at a variable's value in place of that argument's."""
        node, point = self.linearization.program.nodes[self.place], self.linearization.point
        assert isinstance(node, Call)
        args = [Name("%") if position == number else arg for position, arg in enumerate(node.args)]
        step = Call(node.name, tuple(args), node.span, node.options)
        return _finite(evaluate.evaluate(step, {**point, "%": Jet.variable(_require(point.get(name)), 1, 1)}, order=1), 1)

    def _arg(self, number: int) -> int:
        return self.linearization.program.operands[self.place][number]


def _require(value: Real | None) -> Real:
    if value is None:
        raise Unknown
    return value


def _finite(jet: Jet, order: int) -> Real:
    if jet.notes or not is_finite(jet[order]):
        raise Unknown
    return jet[order]


@cache
def _tree(text: str) -> Node:
    return understand(text, ["u"])


Tangent = Callable[[StepAt], Real]
"""The derivative of a step, right or mistaken."""
