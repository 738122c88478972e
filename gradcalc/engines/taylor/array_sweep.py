"""One evaluation of a program of arrays at the present precision, and the passes over it.

The passes run at the same precision.  What arrives nowhere is no adjoint: an exact zero is never multiplied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from flint import fmpq

from gradcalc.engines.taylor import evaluate
from gradcalc.engines.taylor.array_program import ArrayProgram, Leaf
from gradcalc.engines.taylor.array_steps import ONE, REACHED, SINGULAR, ZERO, Flat, Local, Step, added, mark_undefined
from gradcalc.engines.taylor.jets import Jet
from gradcalc.expression.tree import Call, Name
from gradcalc.runtime import deadline


class Sweep:
    """A program at a point.  Derivatives up to an order are taken by the variables in `moving`."""

    def __init__(
        self,
        program: ArrayProgram,
        point: Mapping[str, Flat],
        literal: evaluate.Constants,
        moving: frozenset[str],
        order: int,
    ):
        self._program, self._moving = program, moving
        self._locals: list[Local] = []
        self._passes: dict[int, Sequence[Flat | None]] = {}
        leaf, call = evaluate.readers({}, order, literal)
        for step in program.steps:
            deadline.check()
            if isinstance(step, Leaf):
                self._locals.append(self._leaf(step, point, leaf, call))
                continue
            args = [self._locals[place] for place in step.operands]
            local = step.evaluate(args, order, call)
            local.is_moving, local.is_literal = False, True
            for arg in args:
                local.is_moving = local.is_moving or arg.is_moving
                local.is_literal = local.is_literal and arg.is_literal
            self._locals.append(local)
        self.values: Flat = self._locals[-1].values
        """The entries of the value."""
        self.is_resolved = not any(local.is_unresolved for local in self._locals)
        """Whether more precision tells no more about singular places."""
        self._is_smooth = not any(local.singular for local in self._locals)

    def _leaf(self, step: Leaf, point: Mapping[str, Flat], leaf: evaluate.ReadLeaf, call: evaluate.ReadCall) -> Local:
        node = step.content
        if isinstance(node, fmpq):
            return Local([node], is_literal=True)
        if isinstance(node, Name):
            local = Local(point[node.name], is_moving=node.name in self._moving)
            mark_undefined(local)
            local.is_unresolved = local.is_undefined
            return local
        jet = call(node, []) if isinstance(node, Call) else leaf(node)
        assert isinstance(jet, Jet)
        return Local([jet.value], is_literal=True)

    def adjoints(self, place: int) -> Mapping[str, Flat]:
        """The derivatives of an entry of the value by the variables; those that nothing arrives at are left out."""
        return self._of_variables(self._pass_back(place, keep=False))

    def local(self, step: int) -> Local:
        """What a step computed, with its marks."""
        return self._locals[step]

    def singular_steps(self) -> list[int]:
        """The steps that are not smooth somewhere, in order."""
        return [place for place, local in enumerate(self._locals) if local.singular]

    def adjoints_at(self, steps: Sequence[int]) -> Sequence[Flat | None]:
        """The derivatives of the value, a number, by what some steps computed; None where nothing arrives."""
        adjoints = self._pass_back(0, keep=True)
        return [adjoints[place] for place in steps]

    def adjoints_along(self, place: int, name: str, position: int) -> Mapping[str, Flat]:
        """How these derivatives change along an entry of a variable."""
        if place not in self._passes:
            self._passes = {place: self._pass_back(place, keep=True)}
        first, tangents = self._passes[place], self._tangents(name, position)
        second: list[Flat | None] = [None] * len(first)
        for index, step in self._steps_back:
            args = [self._locals[operand] for operand in step.operands]
            local, adjoint = self._locals[index], first[index]
            along = [tangents[operand] for operand in step.operands]
            if adjoint is not None and any(tangent is not None for tangent in along):
                for spot, share in step.bend(local, args, adjoint, along):
                    second[step.operands[spot]] = added(second[step.operands[spot]], share)
            change = second[index]
            if change is not None and any(change):
                for spot, share in step.pull(local, args, change):
                    second[step.operands[spot]] = added(second[step.operands[spot]], share)
        return self._of_variables(second)

    def singular_entries(self, place: int) -> Mapping[str, bytes]:
        """The entries of variables that reach an entry of the value through a singular place, marked."""
        if self._is_smooth:
            return {}
        marks: list[bytes | None] = [None] * len(self._locals)
        marks[-1] = bytes(REACHED if other == place else 0 for other in range(len(self.values)))
        for index, step in self._steps_back:
            here = marks[index]
            if here is None or not any(here):
                continue
            reached = bytearray(here)
            for spot in self._locals[index].singular:
                reached[spot] = SINGULAR if reached[spot] else 0
            for operand, part in zip(step.operands, step.spread(self._locals[index], bytes(reached)), strict=True):
                before = marks[operand]
                marks[operand] = part if before is None else bytes(map(max, before, part))
        return {
            name: bytes(mark == SINGULAR for mark in found)
            for name, index in self._program.variables.items()
            if (found := marks[index]) is not None
        }

    @cached_property
    def _steps_back(self) -> list[tuple[int, Step]]:
        """The steps that depend on a variable, the last one first."""
        steps = self._program.steps
        places = range(len(steps) - 1, -1, -1)
        return [
            (place, step) for place in places if not isinstance(step := steps[place], Leaf) and self._locals[place].is_moving
        ]

    def _pass_back(self, place: int, *, keep: bool) -> list[Flat | None]:
        """The adjoints of the steps: those of the variables, of the others if they are kept."""
        adjoints: list[Flat | None] = [None] * len(self._locals)
        seed: list[fmpq] = [ZERO] * len(self.values)
        seed[place] = ONE
        adjoints[-1] = seed
        for index, step in self._steps_back:
            adjoint = adjoints[index]
            if adjoint is None or not any(adjoint):
                continue
            deadline.check()
            if not keep:
                adjoints[index] = None
            args = [self._locals[operand] for operand in step.operands]
            for spot, share in step.pull(self._locals[index], args, adjoint):
                operand = step.operands[spot]
                adjoints[operand] = added(adjoints[operand], share)
        return adjoints

    def _tangents(self, name: str, position: int) -> list[Flat | None]:
        """How the values of the steps change along an entry of a variable; None where they do not."""
        tangents: list[Flat | None] = []
        for index, step in enumerate(self._program.steps):
            if isinstance(step, Leaf):
                is_it = index == self._program.variables.get(name)
                size = len(self._locals[index].values)
                tangents.append([ONE if place == position else ZERO for place in range(size)] if is_it else None)
                continue
            along = [tangents[operand] for operand in step.operands]
            args = [self._locals[operand] for operand in step.operands]
            is_still = all(tangent is None for tangent in along)
            tangents.append(None if is_still else step.push(self._locals[index], args, along))
        return tangents

    def _of_variables(self, adjoints: Sequence[Flat | None]) -> Mapping[str, Flat]:
        variables = self._program.variables.items()
        return {name: adjoint for name, place in variables if (adjoint := adjoints[place]) is not None}
