"""What the caller and sympy's process tell each other: questions, formulas, and trees as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradcalc.expression.tree import Call, Name, Node, Number, steps
from gradcalc.runtime.deadline import DEFAULT_SECONDS


@dataclass(frozen=True, slots=True)
class Reduction:
    """What all entries make together: its name, as text and as LaTeX, and its entry and its derivative by that entry.

    `entry` and `weight` are trees with an index, `x[i]`; other reductions stand in them by their names.
    """

    name: str
    latex: str
    entry: Node
    weight: Node
    count: int


@dataclass(frozen=True, slots=True)
class Indexed:
    """An expression of arrays with an index: the tree of its value, in reductions, each of which stands after its own parts.

    `wholes` are the reductions as expressions of arrays; `letters` those of the index.
    """

    result: Node
    reductions: tuple[Reduction, ...]
    wholes: Mapping[str, Node]
    letters: tuple[str, ...]

    def entry(self, name: str, dimensions: int) -> str:
        """What the entry of a variable is called: `x[i]`."""
        return f"{name}[{','.join(self.letters[:dimensions])}]" if dimensions else name


@dataclass(frozen=True, slots=True)
class Question:
    """Trees as a line of text, so that they are known again at once; which to differentiate by what; and the limit.

    `indexed` is the same with an index, and `by` the variables to differentiate it by; empty where there is no such thing.
    With `is_claim` the question is whether the derivative of the first tree is the second.
    """

    trees: str
    wanted: tuple[tuple[int, tuple[str, ...]], ...]
    seconds: float = DEFAULT_SECONDS
    indexed: str = ""
    by: tuple[str, ...] = ()
    is_claim: bool = False

    @classmethod
    def about(
        cls,
        trees: Sequence[Node],
        wanted: Sequence[tuple[int, tuple[str, ...]]],
        seconds: float = DEFAULT_SECONDS,
        indexed: Indexed | None = None,
        by: Sequence[str] = (),
        is_claim: bool = False,
    ) -> Question:
        """The question for derivatives of the entries of an expression."""
        return cls(
            json.dumps(pack(trees)), tuple(wanted), seconds, pack_indexed(indexed) if indexed else "", tuple(by), is_claim
        )


@dataclass(frozen=True, slots=True)
class Formula:
    """A derivative: `text` and `latex` for people; `tree`, to be evaluated, has names for constants.

    `unusable` says why it cannot be evaluated, if so; then `tree` is None, and the texts are empty where sympy's answer has
    no meaning in our language.
    """

    text: str
    latex: str
    tree: Node | None
    unusable: str | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    """What sympy found: one formula for each list of variables, and the constants they mention.

    With an index instead, one formula for each variable, and the summands of the sums that they mention.  Of a claim,
    whether sympy finds it true.
    """

    formulas: tuple[Formula, ...]
    constants: Mapping[str, Node]
    general: Mapping[str, Formula] = field(default_factory=dict)
    sums: Mapping[str, Node] = field(default_factory=dict)
    is_same: bool = False


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
    """The trees of their parts.  Raises `ValueError` for what is no tree."""
    nodes: list[Node] = []

    def at(place: object) -> Node:
        if type(place) is not int or not 0 <= place < len(nodes):
            raise ValueError("a part that is not there")
        return nodes[place]

    for part in parts[:-1]:
        if isinstance(part, str):
            nodes.append(Number(part) if part[0] in _FIRST_OF_NUMBER else Name(part))
        else:
            name, *places = part
            if not isinstance(name, str):
                raise ValueError("a call without a name")
            nodes.append(Call(name, tuple(map(at, places))))
    return list(map(at, parts[-1]))


def pack_indexed(indexed: Indexed) -> str:
    """An expression with an index, as a line of text."""
    reductions = indexed.reductions
    trees = pack([indexed.result, *(it.entry for it in reductions), *(it.weight for it in reductions)])
    return json.dumps([[(it.name, it.latex, it.count) for it in reductions], trees])


def unpack_indexed(text: str) -> tuple[Node, list[Reduction]]:
    """The tree of the value, and the reductions, from a line of text."""
    told, parts = json.loads(text)
    result, *trees = unpack(parts)
    pairs = zip(trees[: len(told)], trees[len(told) :], strict=True)
    return result, [Reduction(name, latex, *pair, count) for (name, latex, count), pair in zip(told, pairs, strict=True)]


def pack_derived(derived: Derived) -> dict[str, Any]:
    """What sympy found, as plain data."""
    return {
        "formulas": [_packed(formula) for formula in derived.formulas],
        "constants": _named(derived.constants),
        "general": {name: _packed(formula) for name, formula in derived.general.items()},
        "sums": _named(derived.sums),
        "same": derived.is_same,
    }


def read_derived(data: Mapping[str, Any], question: Question) -> Derived:
    """What sympy found, from plain data.  Raises `ValueError` for what is no answer to the question."""
    try:
        derived = Derived(
            tuple(_unpacked(*parts) for parts in data["formulas"]),
            _unnamed(*data["constants"]),
            {name: _unpacked(*parts) for name, parts in data["general"].items()},
            _unnamed(*data["sums"]),
            data["same"],
        )
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"no answer: {error}") from None
    wanted = 0 if question.is_claim or derived.general else len(question.wanted)
    if len(derived.formulas) != wanted or (derived.general and set(derived.general) != set(question.by)):
        raise ValueError("an answer to another question")
    if type(derived.is_same) is not bool or (derived.is_same and not question.is_claim):
        raise ValueError("a statement that was not asked for")
    return derived


def _packed(formula: Formula) -> tuple[Any, ...]:
    return formula.text, formula.latex, formula.tree and pack([formula.tree]), formula.unusable


def _unpacked(text: str, latex: str, parts: Parts | None, unusable: str | None) -> Formula:
    if not (isinstance(text, str) and isinstance(latex, str) and isinstance(unusable, str | None)):
        raise ValueError("a formula is text")
    return Formula(text, latex, unpack(parts)[0] if parts else None, unusable)


def _named(trees: Mapping[str, Node]) -> tuple[list[str], Parts]:
    return list(trees), pack(list(trees.values()))


def _unnamed(names: Sequence[str], parts: Parts) -> dict[str, Node]:
    return dict(zip(names, unpack(parts), strict=True))
