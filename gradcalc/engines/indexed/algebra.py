"""How nodes are made, so that equal expressions are the same: sums, powers, functions, and functions of whole arrays.

Products have rules of their own in `products`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import count

from gradcalc.engines.indexed import inverses, products
from gradcalc.engines.indexed.nodes import ONE, ZERO, Index, Indexed, Kind, Unprintable, index, number, size_of, split
from gradcalc.expression.sizes import letter_of, number_of
from gradcalc.runtime import deadline

_MOST_EXPANDED = 4
"""The largest power of a sum that is multiplied out."""
LINES = ("softmax", "log_softmax", "cumprod")
"""Functions of a line of an array that have the shape of it."""
_SYMMETRIC = ("amax", "amin", "prod")
"""Functions of all entries, in whichever order."""


class Algebra:
    """Makes nodes.  `symmetric` names matrices that are symmetric, `stochastic` arrays whose last axis sums to 1.

    One that `expands` multiplies out products and whole powers of sums: what is compared, not what is read.
    """

    def __init__(self, symmetric: Collection[str] = (), stochastic: Collection[str] = (), *, expands: bool = False):
        self.symmetric, self.stochastic, self.expands = frozenset(symmetric), frozenset(stochastic), expands
        self._numbers = count()

    def variant(self, symmetric: Collection[str], *, expands: bool = False) -> Algebra:
        """Another algebra of the same expressions: its fresh indices are fresh in both."""
        other = Algebra(symmetric, self.stochastic, expands=expands)
        other._numbers = self._numbers
        return other

    # ------------------------------------------------------------------------------------------------------- indices

    def fresh(self, size: str) -> Index:
        """A free index that stands nowhere yet."""
        return index(f"i{next(self._numbers)}", size)

    def fresh_like(self, indices: Iterable[Index]) -> list[Index]:
        """Free indices of the same sizes."""
        return [self.fresh(size_of(each)) for each in indices]

    def rename(self, node: Indexed, names: Mapping[Index, Index]) -> Indexed:
        """The same with other free indices; bound ones are never caught, as free and bound names differ."""
        names = {old: new for old, new in names.items() if old in node.free and old != new}
        if not names:
            return node
        indices = [names.get(each, each) for each in node.indices]
        return self.rebuilt(node, [self.rename(part, names) for part in node.parts], indices)

    def rebuilt(self, node: Indexed, parts: Sequence[Indexed], indices: Sequence[Index]) -> Indexed:
        """A node of the same kind of other parts, with the indices that it shows."""
        if node.kind is Kind.VARIABLE:
            return self.variable(node.name, indices)
        if node.kind is Kind.DELTA:
            return self.delta(*indices)
        if node.kind is Kind.PRODUCT:
            back = dict(zip(node.bound, self.fresh_like(node.bound), strict=True))
            return self.multiply(node.coefficient, [self.rename(part, back) for part in parts], back.values())
        if node.kind is Kind.SUM:
            return self.add(parts)
        if node.kind is Kind.POWER:
            return self.power(parts[0], node.coefficient)
        if node.kind is Kind.FUNCTION:
            return self.function(node.name, parts)
        return self.block(node.name, parts[0], node.bound, indices)

    def renewed(self, node: Indexed) -> Indexed:
        """A node made anew, by what this algebra knows."""
        return self.rebuilt(node, [self.renewed(part) for part in node.parts], node.indices)

    def at_zero(self, node: Indexed, name: str) -> Indexed:
        """A node where a variable is 0."""
        if name not in node.names:
            return node
        if node.kind is Kind.VARIABLE:
            return ZERO
        return self.rebuilt(node, [self.at_zero(part, name) for part in node.parts], node.indices)

    def opened(self, node: Indexed) -> tuple[list[Indexed], list[Index]]:
        """The factors of a product, with its bound indices made free."""
        new = self.fresh_like(node.bound)
        back = dict(zip(node.bound, new, strict=True))
        return [self.rename(part, back) for part in node.parts], new

    # --------------------------------------------------------------------------------------------------------- nodes

    def variable(self, name: str, indices: Iterable[Index] = ()) -> Indexed:
        """An entry of a variable; a size is a variable, too."""
        if not indices and name.isdecimal():
            return number(int(name))
        return Indexed(Kind.VARIABLE, name, indices=indices, is_symmetric=name in self.symmetric)

    def count(self, at: Index) -> Indexed:
        """The size of an index."""
        letter = letter_of(size_of(at))
        if letter is None:
            return number(int(size_of(at)))
        return self.subtract(self.variable(letter), number(-number_of(size_of(at), {letter: 0})))

    def delta(self, i: Index, j: Index) -> Indexed:
        """1 where two indices are equal, else 0."""
        return ONE if i == j else Indexed(Kind.DELTA, indices=(i, j), is_symmetric=True)

    def add(self, terms: Iterable[Indexed]) -> Indexed:
        """A sum, in which equal terms are counted."""
        counts: dict[Indexed, Fraction] = {}
        waiting = list(terms)[::-1]
        while waiting:
            factor, rest = split(waiting.pop())
            if rest.kind is Kind.SUM:
                waiting += [self.multiply(factor, [part]) for part in rest.parts][::-1]
            else:
                counts[rest] = counts.get(rest, Fraction(0)) + factor
        parts = [self.multiply(factor, [rest]) for rest, factor in counts.items() if factor]
        if len(parts) < 2:
            return parts[0] if parts else ZERO
        return Indexed(Kind.SUM, parts=sorted(parts, key=lambda part: part.key))

    def subtract(self, a: Indexed, b: Indexed) -> Indexed:
        """A difference."""
        return self.add([a, self.multiply(-1, [b])])

    def power(self, base: Indexed, exponent: Fraction | int) -> Indexed:
        """A power with a rational exponent."""
        exponent = Fraction(exponent)
        if exponent == 0:
            return ONE
        if exponent == 1:
            return base
        is_whole = exponent.denominator == 1
        if base.kind is Kind.POWER and (base.coefficient.denominator > 1 or is_whole):
            return self.power(base.parts[0], base.coefficient * exponent)
        if base.kind is Kind.PRODUCT and not base.bound and is_whole and (base.coefficient or exponent > 0):
            return self.multiply(Fraction(base.coefficient**exponent), [self.power(part, exponent) for part in base.parts])
        if base.kind is Kind.PRODUCT and base.bound and is_whole and base.coefficient != 1:
            factor, rest = split(base)
            return self.multiply(Fraction(factor**exponent), [self.power(rest, exponent)])
        if self.expands and base.kind is Kind.SUM and is_whole and 1 < exponent <= _MOST_EXPANDED:
            return self.add(self.multiply(1, [part, self.power(base, exponent - 1)]) for part in base.parts)
        if base.is_function("exp") and exponent == -1:
            return self.function("exp", [self.multiply(-1, base.parts)])
        return Indexed(Kind.POWER, parts=[base], coefficient=exponent)

    def function(self, name: str, arguments: Iterable[Indexed]) -> Indexed:
        """A function of numbers."""
        return Indexed(Kind.FUNCTION, name, arguments)

    def block(self, name: str, body: Indexed, bound: Sequence[Index], shown: Sequence[Index]) -> Indexed:
        """A function of a whole array: `body` with the bound indices is its argument, `shown` are those of the result."""
        names = [index(f"{body.height + 1}.{place}", size_of(each)) for place, each in enumerate(bound)]
        body = self.rename(body, dict(zip(bound, names, strict=True)))
        if body.is_block("inv") and set(body.indices) == set(names):
            turned = tuple(body.indices) != tuple(names)
            if name == "inv":
                return self.rename(body.parts[0], dict(zip(body.bound, shown[::-1] if turned else shown, strict=True)))
            if name == "logdet":
                return self.multiply(-1, [self.block("logdet", body.parts[0], body.bound, [])])
            if name == "det":
                return self.power(self.block("det", body.parts[0], body.bound, []), -1)
        if name == "inv":
            mirrored = self.rename(body, dict(zip(names, names[::-1], strict=True)))
            if mirrored == body:
                return Indexed(Kind.BLOCK, name, [body], shown, names, is_symmetric=True)
            if mirrored.key < body.key:  # inv(A.T) is inv(A).T
                body, shown = mirrored, shown[::-1]
        if body.free.isdisjoint(names):
            return self._of_constant(name, body, names)
        if name in _SYMMETRIC and len(names) > 1:
            turned_names = [index(f"{body.height + 1}.{place}", size_of(each)) for place, each in enumerate(names[::-1])]
            turned_body = self.rename(body, dict(zip(names[::-1], turned_names, strict=True)))
            body, names = min((body, names), (turned_body, turned_names), key=lambda pair: pair[0].key)
        block = Indexed(Kind.BLOCK, name, [body], shown, names)
        chain = inverses.chain_of(self, block) if self.expands and name == "inv" else None
        return block if chain is None else inverses.opened_inverse(self, chain, shown)

    def _of_constant(self, name: str, body: Indexed, names: Sequence[Index]) -> Indexed:
        """A function of what is the same everywhere.  Raises `Unprintable` where that has no formula."""
        if name in ("amax", "amin"):
            return body
        if len(names) == 1 and name in ("softmax", "log_softmax", "logsumexp"):
            count = self.count(names[0])
            if name == "softmax":
                return self.power(count, -1)
            logarithm = self.function("log", [count])
            return self.multiply(-1, [logarithm]) if name == "log_softmax" else self.add([body, logarithm])
        raise Unprintable(f"{name} of what is the same everywhere")

    def multiply(self, factor: Fraction | int, factors: Iterable[Indexed], bound: Iterable[Index] = ()) -> Indexed:
        """A number times the sum over `bound` of a product."""
        deadline.check()
        return products.multiply(self, Fraction(factor), list(factors), list(bound))
