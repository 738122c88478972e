"""Canonical names of bound indices: by where they stand in the factors of a product.

Indices are told apart by the factors that they stand in, again and again, as the colours of a graph are refined.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from hashlib import blake2b
from typing import TYPE_CHECKING

from gradcalc.engines.indexed.nodes import Index, Indexed, Kind, index, size_of

if TYPE_CHECKING:
    from gradcalc.engines.indexed.algebra import Algebra

_ROUNDS = 3
_PAIR = re.compile(r"\{([^,{}]+),([^,{}]+)\}")


def named(algebra: Algebra, factor: Fraction, factors: Sequence[Indexed], bound: Sequence[Index]) -> Indexed:
    """A product whose bound indices have canonical names and whose factors are in order."""
    if bound:
        height = max((each.height for each in factors), default=0) + 1
        order = _order(factors, bound)
        names = {each: index(f"{height}.{place}", size_of(each)) for place, each in enumerate(order)}
        factors, bound = [algebra.rename(each, names) for each in factors], list(names.values())
    return Indexed(Kind.PRODUCT, parts=sorted(factors, key=lambda each: each.key), bound=bound, coefficient=factor)


def _order(factors: Sequence[Indexed], bound: Sequence[Index]) -> list[Index]:
    """The bound indices in an order that does not depend on their names."""
    shades = {each: f"~{size_of(each)}" for each in bound}
    order: list[Index] = []
    while len(order) < len(bound):
        for _ in range(_ROUNDS):
            shades = {each: shade if each in order else _shade(factors, each, shades) for each, shade in shades.items()}
        first = min((each for each in bound if each not in order), key=lambda each: shades[each])
        shades[first] = f"#{len(order)}:{size_of(first)}"
        order.append(first)
    return order


def _shade(factors: Sequence[Indexed], own: Index, shades: dict[Index, str]) -> str:
    """What distinguishes an index: the factors that it stands in, with the shades of the others."""
    texts = sorted(_shaded(each.key, own, shades) for each in factors if own in each.free)
    return f"~{blake2b('|'.join(texts).encode(), digest_size=8).hexdigest()}:{size_of(own)}"


def _shaded(text: str, own: Index, shades: dict[Index, str]) -> str:
    for each, shade in shades.items():
        text = text.replace(each, ("@" if each == own else "") + shade)
    return _PAIR.sub(lambda match: "{" + ",".join(sorted(match.groups())) + "}", text)
