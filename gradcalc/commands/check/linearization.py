"""The derivative of an expression from the derivatives of its steps, one of which somebody may take for another.

Comes in: the steps of an expression, those that depend on a variable, and a point.  Goes out: numbers, in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from flint import arb

from gradcalc.engines.taylor import evaluate
from gradcalc.engines.taylor.at_point import is_finite
from gradcalc.engines.taylor.jets import Jet
from gradcalc.engines.taylor.reals import Real
from gradcalc.expression.tree import Call, Name, Node, Number, Program, linearize
from gradcalc.functions.resolve import understand
from gradcalc.runtime import deadline


class Work:
    """The derivation at a point: the value of each step, and its derivative by each of its arguments."""

    def __init__(self, program: Program, moved: Sequence[int], point: Mapping[str, Real]):
        self.program, self.moved, self.point = program, set(moved), point
        found = evaluate.evaluate_all(program, point, 0, evaluate.no_constants)
        self.values: list[Real | None] = [it.value if isinstance(it, Jet) else None for it in found]
        self.local = {place: self._slopes(place) for place in moved if isinstance(program.nodes[place], Call)}
        self.tangents = self._followed()
        self.adjoints = self._weighed()

    def _slopes(self, place: int) -> list[Real | None]:
        node, args = self.program.nodes[place], self.program.operands[place]
        assert isinstance(node, Call)
        known: dict[str, Real] = dict(self.point)
        parts: list[Node] = []
        for number, arg in enumerate(args):
            value = self.values[arg]
            if value is None or isinstance(node.args[number], Number):  # a condition, or a literal that must stay one
                parts.append(node.args[number])
            else:
                parts.append(Name(f"%{number}"))
                known[f"%{number}"] = value
        alone = linearize(Call(node.name, tuple(parts), node.span, node.options))
        slopes: list[Real | None] = []
        for number, arg in enumerate(args):
            name = f"%{number}"
            if arg not in self.moved or name not in known:
                slopes.append(None)
                continue
            moving: dict[str, Real | Jet] = {**known, name: Jet.variable(known[name], 1, 1)}
            slopes.append(evaluate.evaluate(alone, moving, order=1)[1])
        return slopes

    def _followed(self) -> dict[int, Real]:
        """Forward: the derivative of every step that depends on the variable."""
        tangents: dict[int, Real] = {}
        for here in sorted(self.moved):
            tangents[here] = arb(1) if isinstance(self.program.nodes[here], Name) else self.sum_of(here, tangents)
        return tangents

    def _weighed(self) -> dict[int, Real]:
        """Backward: the derivative of the last step by every step."""
        adjoints: dict[int, Real] = {len(self.program.nodes) - 1: arb(1)}
        for here in sorted(self.moved, reverse=True):
            weight = adjoints.get(here)
            for number, arg in enumerate(self.program.operands[here] if weight is not None else ()):
                slope = self.local[here][number]
                if slope is not None and weight is not None:
                    adjoints[arg] = adjoints.get(arg, arb(0)) + weight * slope
        return adjoints

    def derived(self, place: int, change: Change) -> Real | None:
        """The derivative of the last step, if somebody else says what that of the step at a place is."""
        deadline.check()
        said = change(self, place, self.tangents)
        if said is None or place not in self.adjoints:
            return None
        # All that follows is linear in what is said.
        return self.tangents[len(self.program.nodes) - 1] + self.adjoints[place] * (said - self.tangents[place])

    def sum_of(self, place: int, tangents: Mapping[int, Real], without: int = -1) -> Real:
        """The chain rule at a step; the share of one argument may be left out."""
        total: Real = arb(0)
        for number, arg in enumerate(self.program.operands[place]):
            slope = self.local[place][number]
            if slope is not None and number != without:
                total = total + slope * tangents[arg]
        return total

    def by_another(self, place: int, text: str) -> Real | None:
        """What an expression in u is, for the argument of a function."""
        u = self.values[self.program.operands[place][0]]
        if u is None:
            return None
        found = evaluate.evaluate(_template(text), {"u": u})
        return None if found.notes or not is_finite(found.value) else found.value

    def at_another(self, place: int, number: int, name: str) -> Real | None:
        """The derivative of a step by one of its arguments, taken at a variable instead of at that argument."""
        node = self.program.nodes[place]
        value = self.point.get(name)
        if value is None or not isinstance(node, Call):
            return None
        parts = [Name("%") if position == number else arg for position, arg in enumerate(node.args)]
        alone = Call(node.name, tuple(parts), node.span, node.options)
        found = evaluate.evaluate(alone, {**self.point, "%": Jet.variable(value, 1, 1)}, order=1)
        return None if found.notes or not is_finite(found[1]) else found[1]


@cache
def _template(text: str) -> Node:
    return understand(text, ["u"])


Change = Callable[[Work, int, Mapping[int, Real]], Real | None]
"""What somebody says the derivative of a step is, from the derivatives of the steps before it."""
