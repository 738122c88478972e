"""What the caller and sympy's process tell each other: questions, formulas, and trees as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcalc.deadline import DEFAULT_SECONDS
from gradcalc.syntax import Call, Name, Node, Number, steps


@dataclass(frozen=True, slots=True)
class Question:
    """Trees as a line of text, so that they are known again at once; which to differentiate by what; and the limit."""

    trees: str
    wanted: tuple[tuple[int, tuple[str, ...]], ...]
    seconds: float = DEFAULT_SECONDS

    @classmethod
    def about(
        cls, trees: Sequence[Node], wanted: Sequence[tuple[int, tuple[str, ...]]], seconds: float = DEFAULT_SECONDS
    ) -> Question:
        """The question for derivatives of the entries of an expression."""
        return cls(json.dumps(pack(trees)), tuple(wanted), seconds)


@dataclass(frozen=True, slots=True)
class Formula:
    """A derivative: `text` and `latex` for people; `tree`, to be evaluated, has names for constants.

    `unusable` says why it cannot be evaluated, if so; then `tree` is None.
    """

    text: str
    latex: str
    tree: Node | None
    unusable: str | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    """What sympy found: one formula for each list of variables, and the constants they mention."""

    formulas: tuple[Formula, ...]
    constants: Mapping[str, Node]


_FIRST_OF_NUMBER = frozenset("0123456789.-")  # a default of the function table may be negative

Parts = Sequence[Any]
"""Trees: their different parts, arguments before calls, and at the end the places of the trees.

A text is a leaf; a list, a call and the places of its arguments.
"""


def pack(trees: Sequence[Node]) -> Parts:
    """Trees as plain data; what they share is written once."""
    found = steps(*trees)
    parts: list[Any] = [
        [node.name, *places] if isinstance(node, Call) else node.text if isinstance(node, Number) else node.name
        for node, places in zip(*found, strict=True)
    ]
    ends = {id(node): place for place, node in enumerate(found.nodes)}
    return [*parts, [ends[id(tree)] for tree in trees]]


def unpack(parts: Parts) -> list[Node]:
    """The trees of their parts."""
    nodes: list[Node] = []
    for part in parts[:-1]:
        if isinstance(part, str):
            nodes.append(Number(part) if part[0] in _FIRST_OF_NUMBER else Name(part))
        else:
            nodes.append(Call(part[0], tuple(nodes[place] for place in part[1:])))
    return [nodes[place] for place in parts[-1]]


def pack_derived(derived: Derived) -> dict[str, Any]:
    """What sympy found, as plain data."""
    formulas = [(it.text, it.latex, it.tree and pack([it.tree]), it.unusable) for it in derived.formulas]
    return {"formulas": formulas, "constants": list(derived.constants), "values": pack(list(derived.constants.values()))}


def unpack_derived(data: Mapping[str, Any]) -> Derived:
    """What sympy found, from plain data."""
    formulas = [
        Formula(text, latex, parts and unpack(parts)[0], unusable) for text, latex, parts, unusable in data["formulas"]
    ]
    return Derived(tuple(formulas), dict(zip(data["constants"], unpack(data["values"]), strict=True)))
