"""Inverses of products of square matrices, as products of inverses: inv(A@B) is inv(B)@inv(A)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from gradcalc.engines.indexed.nodes import Index, Indexed, Kind, size_of

if TYPE_CHECKING:
    from gradcalc.engines.indexed.algebra import Algebra


class Link(NamedTuple):
    """A matrix of a chain, with its row and its column index."""

    matrix: Indexed
    row: Index
    column: Index


class Chain(NamedTuple):
    """A product of square matrices times numbers."""

    coefficient: Fraction
    numbers: Sequence[Indexed]
    links: Sequence[Link]


def chain_of(algebra: Algebra, inverse: Indexed) -> Chain | None:
    """What an inverse inverts, where that is a product of two square matrices or more; else None."""
    body = inverse.parts[0]
    if body.kind is not Kind.PRODUCT or not body.bound:
        return None
    first, last = inverse.bound
    factors, bound = algebra.opened(body)
    inner = {first, last, *bound}
    if len({size_of(each) for each in inner}) > 1:
        return None
    numbers = [each for each in factors if each.free.isdisjoint(inner)]
    matrices = [each for each in factors if not each.free.isdisjoint(inner)]
    links, row = list[Link](), first
    while matrices:
        ends = [each for each in matrices if row in each.free]
        columns = (ends[0].free & inner) - {row} if len(ends) == 1 else set()
        if len(columns) != 1:
            return None
        (column,) = columns
        links.append(Link(ends[0], row, column))
        matrices.remove(ends[0])
        row = column
    return Chain(body.coefficient, numbers, links) if row == last and len(links) > 1 else None


def opened_inverse(algebra: Algebra, chain: Chain, shown: Sequence[Index]) -> Indexed:
    """The inverse of a chain at two indices: the product of the inverses in the other order."""
    between = [algebra.fresh(size_of(shown[0])) for _ in chain.links[1:]]
    places = [shown[0], *between, shown[1]]
    inverses = [inverse_of(algebra, link, places[place : place + 2]) for place, link in enumerate(reversed(chain.links))]
    numbers = [algebra.power(each, -1) for each in chain.numbers]
    return algebra.multiply(1 / chain.coefficient, [*numbers, *inverses], between)


def inverse_of(algebra: Algebra, link: Link, shown: Sequence[Index]) -> Indexed:
    """The inverse of a matrix of a chain at two indices."""
    return algebra.block("inv", link.matrix, [link.row, link.column], shown)
