"""The steps of an expression as a program: which of them depend on which variables, and its evaluation in any domain."""

from __future__ import annotations

from collections.abc import Callable, Collection

from gradcalc.expression.tree import Call, Name, Number, Steps, T


def follow(found: Steps, leaf: Callable[[Number | Name], T], call: Callable[[Call, list[T]], T]) -> list[T]:
    """Evaluate step by step, as `fold` does with a tree: the values of all steps."""
    values: list[T] = []
    for node, places in zip(*found, strict=True):
        values.append(call(node, [values[place] for place in places]) if isinstance(node, Call) else leaf(node))
    return values


class Reach:
    """What of some steps depends on which variables."""

    def __init__(self, found: Steps):
        self._users: dict[int, list[int]] = {}
        self._leaves: dict[str, list[int]] = {}
        for place, (node, places) in enumerate(zip(*found, strict=True)):
            if isinstance(node, Name):
                self._leaves.setdefault(node.name, []).append(place)
            for arg in places:
                self._users.setdefault(arg, []).append(place)

    def of(self, names: Collection[str]) -> list[int]:
        """The places of the steps that depend on some variables, in order."""
        waiting = [place for name in names for place in self._leaves.get(name, ())]
        moved = set(waiting)
        while waiting:
            above = [place for place in self._users.get(waiting.pop(), ()) if place not in moved]
            moved.update(above)
            waiting += above
        return sorted(moved)
