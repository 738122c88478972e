"""Which instructions of a program depend on which variables."""

from __future__ import annotations

from collections.abc import Collection

from gradcalc.expression.tree import Name, Program


class Dependencies:
    """The users of every instruction, and the instructions that read a variable."""

    def __init__(self, program: Program):
        self._users: dict[int, list[int]] = {}
        self._reads: dict[str, list[int]] = {}
        for place, (node, operands) in enumerate(zip(*program, strict=True)):
            if isinstance(node, Name):
                self._reads.setdefault(node.name, []).append(place)
            for operand in operands:
                self._users.setdefault(operand, []).append(place)

    def dependents(self, names: Collection[str]) -> list[int]:
        """The positions of the instructions that depend on some variables, in order."""
        waiting = [place for name in names for place in self._reads.get(name, ())]
        dependents = set(waiting)
        while waiting:
            users = [place for place in self._users.get(waiting.pop(), ()) if place not in dependents]
            dependents.update(users)
            waiting += users
        return sorted(dependents)
