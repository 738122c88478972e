"""What the caller and sympy's process tell each other: questions, formulas, and trees as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcalc.deadline import DEFAULT_SECONDS
from gradcalc.syntax import Call, Name, Node, Number


@dataclass(frozen=True, slots=True)
class Question:
    """A tree as a line of text, so that it is known again at once; what to differentiate by; and the limit."""

    tree: str
    bys: tuple[tuple[str, ...], ...]
    seconds: float = DEFAULT_SECONDS

    @classmethod
    def about(cls, tree: Node, bys: Sequence[Sequence[str]], seconds: float = DEFAULT_SECONDS) -> Question:
        """The question for the derivatives of a tree."""
        return cls(json.dumps(pack(tree)), tuple(map(tuple, bys)), seconds)


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
"""A tree: its different parts, arguments before calls.  A text is a leaf; a list, a call and the places of its arguments."""


def pack(tree: Node) -> Parts:
    """A tree as plain data; what it shares is written once."""
    parts: list[Any] = []
    places: dict[int, int] = {}
    waiting = [tree]
    while waiting:
        node = waiting[-1]
        if id(node) in places:
            waiting.pop()
            continue
        if isinstance(node, Call):
            missing = [arg for arg in node.args if id(arg) not in places]
            if missing:
                waiting += missing
                continue
            parts.append([node.name, *(places[id(arg)] for arg in node.args)])
        else:
            parts.append(node.text if isinstance(node, Number) else node.name)
        places[id(node)] = len(parts) - 1
        waiting.pop()
    return parts


def unpack(parts: Parts) -> Node:
    """The tree of its parts."""
    nodes: list[Node] = []
    for part in parts:
        if isinstance(part, str):
            nodes.append(Number(part) if part[0] in _FIRST_OF_NUMBER else Name(part))
        else:
            nodes.append(Call(part[0], tuple(nodes[place] for place in part[1:])))
    return nodes[-1]


def pack_derived(derived: Derived) -> dict[str, Any]:
    """What sympy found, as plain data."""
    formulas = [(it.text, it.latex, it.tree and pack(it.tree), it.unusable) for it in derived.formulas]
    return {"formulas": formulas, "constants": {name: pack(node) for name, node in derived.constants.items()}}


def unpack_derived(data: Mapping[str, Any]) -> Derived:
    """What sympy found, from plain data."""
    formulas = [(text, latex, parts and unpack(parts), unusable) for text, latex, parts, unusable in data["formulas"]]
    constants = {name: unpack(parts) for name, parts in data["constants"].items()}
    return Derived(tuple(Formula(*formula) for formula in formulas), constants)
