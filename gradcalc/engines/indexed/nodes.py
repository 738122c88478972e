"""Expressions with indices: an entry of an array as sums over indices of products of entries.

`A@x` at the entry i is the sum over j of A[i, j]*x[j].  Transposes, outer products, broadcasting, traces and reductions are
no operations here but places of indices.  Equal expressions have equal keys: bound indices are named by height and place.

Source: S. Laue, M. Mitterreiter, J. Giesen, "Computing Higher Order Derivatives of Matrix and Tensor Expressions", 2018.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

Index = str
"""An index with its size, `<i3:n>`: the name of a free one is a number, that of a bound one its height and its place."""


class Unprintable(Exception):
    """There is no formula of vectors and matrices; the message says for what."""


class Kind(Enum):
    """What a node is."""

    VARIABLE = "variable"
    DELTA = "delta"
    PRODUCT = "product"
    SUM = "sum"
    POWER = "power"
    FUNCTION = "function"
    BLOCK = "block"


def index(name: str, size: str) -> Index:
    """An index of a name that runs over a size."""
    return f"<{name}:{size}>"


def size_of(at: Index) -> str:
    """The size of an index: a letter, or a number."""
    return at[at.index(":") + 1 : -1]


class Indexed:
    """A node: what it is, its parts, the indices that it binds and those that it shows; equal by `key`.

    `coefficient` is the factor of a product, the exponent of a power.
    """

    __slots__ = ("bound", "coefficient", "depth", "free", "height", "indices", "key", "kind", "name", "names", "parts")
    kind: Kind
    name: str
    parts: tuple[Indexed, ...]
    indices: tuple[Index, ...]
    bound: tuple[Index, ...]
    coefficient: Fraction
    free: frozenset[Index]
    height: int
    """How many sums stand in each other."""
    depth: int
    names: frozenset[str]
    """The variables that stand in it."""
    key: str

    def __init__(
        self,
        kind: Kind,
        name: str = "",
        parts: Iterable[Indexed] = (),
        indices: Iterable[Index] = (),
        bound: Iterable[Index] = (),
        coefficient: Fraction = Fraction(1),
        *,
        is_symmetric: bool = False,
    ):
        self.kind, self.name, self.coefficient = kind, name, coefficient
        self.parts, self.bound = tuple(parts), tuple(bound)
        self.indices = tuple(sorted(indices) if is_symmetric else indices)
        inner = frozenset[Index]().union(*(part.free for part in self.parts)) - frozenset(self.bound)
        self.free = inner | frozenset(self.indices)
        self.height = max((part.height for part in self.parts), default=0) + bool(self.bound)
        self.depth = max((part.depth for part in self.parts), default=0) + 1
        own = frozenset((name,)) if kind is Kind.VARIABLE else frozenset[str]()
        self.names = own.union(*(part.names for part in self.parts))
        opening, closing = "{}" if is_symmetric else "[]"
        shown = f"{opening}{','.join(self.indices)}{closing}" if self.indices else ""
        inside = " ".join(part.key for part in self.parts)
        factor = "" if coefficient == 1 else str(coefficient)
        self.key = f"{kind.value}.{name}{factor}({inside};{','.join(self.bound)}){shown}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Indexed) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return self.key

    @property
    def is_number(self) -> bool:
        """Whether it is a number, which is a product of nothing."""
        return self.kind is Kind.PRODUCT and not self.parts

    def is_function(self, name: str) -> bool:
        """Whether it is a function of numbers of a name."""
        return self.kind is Kind.FUNCTION and self.name == name

    def is_block(self, *names: str) -> bool:
        """Whether it is a function of a whole array of one of some names."""
        return self.kind is Kind.BLOCK and self.name in names


class IndexedArray(NamedTuple):
    """An array by an entry: its axes in order, and the entry there."""

    axes: tuple[Index, ...]
    entry: Indexed


def number(value: Fraction | int) -> Indexed:
    """A number."""
    return Indexed(Kind.PRODUCT, coefficient=Fraction(value))


ONE, ZERO = number(1), number(0)


def split(node: Indexed) -> tuple[Fraction, Indexed]:
    """The factor in front of a term, and the rest."""
    if node.kind is Kind.PRODUCT and node.coefficient != 1:
        if len(node.parts) == 1 and not node.bound:
            return node.coefficient, node.parts[0]
        return node.coefficient, Indexed(Kind.PRODUCT, parts=node.parts, bound=node.bound)
    return Fraction(1), node
