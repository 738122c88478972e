"""Messages between the client and the process that runs sympy: two kinds of request, their results, trees as data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gradcalc.expression.arrays import Entry
from gradcalc.expression.tree import Call, Name, Node, Number, Program, keep_program, linearize
from gradcalc.runtime.deadline import DEFAULT_SECONDS


@dataclass(frozen=True, slots=True)
class PartialsRequest:
    """The partials of some trees: for each the place of its tree, and the names it is with respect to.

    `trees` is a line of text, so that equal requests are known again at once.
    """

    trees: str
    partials: tuple[tuple[int, tuple[str, ...]], ...]
    seconds: float = DEFAULT_SECONDS

    @classmethod
    def of(
        cls, trees: Sequence[Node], partials: Sequence[tuple[int, tuple[str, ...]]], seconds: float = DEFAULT_SECONDS
    ) -> PartialsRequest:
        """The request for partials of the entries of an expression."""
        return cls(json.dumps(pack(trees)), tuple(partials), seconds)


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Whether the derivative of the first tree with respect to a name is the second."""

    trees: str
    wrt: str
    seconds: float = DEFAULT_SECONDS

    @classmethod
    def of(cls, tree: Node, claimed: Node, wrt: str, seconds: float = DEFAULT_SECONDS) -> ClaimRequest:
        """The request to compare a derivative with a claim."""
        return cls(json.dumps(pack([tree, claimed])), wrt, seconds)


SymbolicRequest = PartialsRequest | ClaimRequest
_KINDS: dict[str, type[PartialsRequest] | type[ClaimRequest]] = {
    kind.__name__: kind for kind in (PartialsRequest, ClaimRequest)
}


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

    @property
    def texts(self) -> tuple[str | None, str | None]:
        """Text and LaTeX for a report, None for an empty one."""
        return self.text or None, self.latex or None


@dataclass(frozen=True, slots=True)
class Derivatives:
    """The formulas of the partials of a request, in its order, and the constants that they mention."""

    formulas: tuple[Formula, ...]
    constants: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """Whether sympy finds a claim true."""

    is_same: bool


SymbolicResult = Derivatives | ClaimResult


_FIRST_OF_NUMBER = frozenset("0123456789.-")  # a default of the function table may be negative

Parts = Sequence[Any]
"""Trees: their different parts, arguments before calls, and at the end the places of the trees.

A text is a leaf; a list, a call and the places of its arguments.
"""


def pack(trees: Sequence[Node]) -> Parts:
    """Trees as plain data; what they share is written once."""
    program = linearize(*trees)
    parts: list[Any] = [
        [node.name, *places] if isinstance(node, Call) else node.text if isinstance(node, Number) else node.name
        for node, places in zip(*program, strict=True)
    ]
    ends = {id(node): place for place, node in enumerate(program.nodes)}
    return [*parts, [ends[id(tree)] for tree in trees]]


def unpack(parts: Parts) -> list[Node]:
    """The trees of their parts.  Raises `ValueError` for anything else."""
    nodes: list[Node] = []
    operands: list[Sequence[int]] = []

    def at(place: object) -> Node:
        if type(place) is not int or not 0 <= place < len(nodes):
            raise ValueError("a part that is not there")
        return nodes[place]

    for part in parts[:-1]:
        if isinstance(part, str):
            nodes.append(Number(part) if part[0] in _FIRST_OF_NUMBER else Name(Entry.from_text(part)))
            operands.append(())
        else:
            name, *places = part
            if not isinstance(name, str):
                raise ValueError("a call without a name")
            nodes.append(Call(name, tuple([at(place) for place in places])))
            operands.append(places)
    trees = list(map(at, parts[-1]))
    if len(trees) == 1 and trees[0] is nodes[-1]:
        keep_program(Program(nodes, operands))
    return trees


def pack_request(request: SymbolicRequest) -> dict[str, Any]:
    """A request as plain data."""
    return {"kind": type(request).__name__, **asdict(request)}


def unpack_request(data: Mapping[str, Any]) -> SymbolicRequest:
    """The request of plain data, which the client has made."""
    values = {key: value for key, value in data.items() if key not in ("kind", "number")}
    return _KINDS[data["kind"]](**values)


def pack_result(result: SymbolicResult) -> dict[str, Any]:
    """A result as plain data."""
    if isinstance(result, ClaimResult):
        return {"same": result.is_same}
    formulas = [_pack_formula(formula) for formula in result.formulas]
    return {"formulas": formulas, "constants": _pack_named(result.constants)}


def unpack_result(data: Mapping[str, Any], request: SymbolicRequest) -> SymbolicResult:
    """The result in plain data from another process.  Raises `ValueError` if it is not a result of the request."""
    values = {key: value for key, value in data.items() if key != "number"}
    try:  # a key too many or too few is a `TypeError`
        if isinstance(request, ClaimRequest):
            return _claim_result(**values)
        return _derivatives(request, **values)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"no result: {error}") from None


def _claim_result(same: object) -> ClaimResult:
    if not isinstance(same, bool):
        raise ValueError("a claim is true or not")
    return ClaimResult(same)


def _derivatives(request: PartialsRequest, formulas: Any, constants: Any) -> Derivatives:
    derivatives = Derivatives(tuple(_unpack_formula(*parts) for parts in formulas), _unpack_named(*constants))
    if len(derivatives.formulas) != len(request.partials):
        raise ValueError("a result of another request")
    return derivatives


def _pack_formula(formula: Formula) -> tuple[Any, ...]:
    return formula.text, formula.latex, formula.tree and pack([formula.tree]), formula.unusable


def _unpack_formula(text: str, latex: str, parts: Parts | None, unusable: str | None) -> Formula:
    if not (isinstance(text, str) and isinstance(latex, str) and isinstance(unusable, str | None)):
        raise ValueError("a formula is text")
    return Formula(text, latex, unpack(parts)[0] if parts else None, unusable)


def _pack_named(trees: Mapping[str, Node]) -> tuple[list[str], Parts]:
    return list(trees), pack(list(trees.values()))


def _unpack_named(names: Sequence[str], parts: Parts) -> dict[str, Node]:
    return dict(zip(names, unpack(parts), strict=True))
