"""Gradients of expressions with indices, from the result to a variable: an adjoint has the indices of its node.

The rules: a variable's entry by its entries is a delta; sums, products and powers; functions of numbers by the table of
rules; and those of `inv`, `det`, `logdet`, of `softmax` and its kin, and of products and extremes.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from gradcalc.engines.indexed.algebra import LINES, Algebra
from gradcalc.engines.indexed.constants import up_to
from gradcalc.engines.indexed.nodes import ONE, ZERO, Index, Indexed, Kind, Unprintable
from gradcalc.engines.indexed.number_functions import slope


def gradient(algebra: Algebra, entry: Indexed, name: str, at: Sequence[Index], fixed: Sequence[Index] = ()) -> Indexed:
    """The derivative of an entry, at the `fixed` indices, by the entry `name[at]`.  Raises `Unprintable` without a rule."""
    return _Pass(algebra, name, at, fixed).run(entry)


class _Pass:
    """One pass from a result to a variable."""

    def __init__(self, algebra: Algebra, name: str, at: Sequence[Index], fixed: Sequence[Index]):
        self.algebra, self.name, self.at, self.fixed = algebra, name, at, frozenset(fixed)
        self.terms: list[Indexed] = []
        self.waiting: dict[Indexed, list[Indexed]] = {}

    def run(self, entry: Indexed) -> Indexed:
        """The derivative: the deepest node goes first, as no adjoint of it is still to come."""
        self._arrive(entry, ONE)
        while self.waiting:
            node = max(self.waiting, key=lambda each: each.depth)
            adjoint = self.algebra.add(self.waiting.pop(node))
            if adjoint != ZERO:
                self._step(node, adjoint)
        return self.algebra.add(self.terms)

    def _arrive(self, node: Indexed, adjoint: Indexed) -> None:
        if adjoint != ZERO and self.name in node.names:
            self.waiting.setdefault(node, []).append(adjoint)

    def _pass_on(
        self,
        node: Indexed,
        part: Indexed,
        factors: Sequence[Indexed],
        more: Sequence[Index] = (),
        factor: Fraction | int = 1,
    ) -> None:
        """The product of factors goes to a part of a node, summed over what the part does not have."""
        here = frozenset[Index]().union(*(each.free for each in factors)) | node.free | frozenset(more)
        self._arrive(part, self.algebra.multiply(factor, factors, sorted(here - part.free - self.fixed)))

    def _step(self, node: Indexed, adjoint: Indexed) -> None:
        """The adjoint of a node goes to what it is made of."""
        algebra = self.algebra
        if node.kind is Kind.VARIABLE:
            deltas = [algebra.delta(i, k) for i, k in zip(node.indices, self.at, strict=True)]
            over = (node.free | adjoint.free) - self.fixed - frozenset(self.at)
            self.terms.append(algebra.multiply(1, [adjoint, *deltas], sorted(over)))
        elif node.kind is Kind.SUM:
            for part in node.parts:
                self._pass_on(node, part, [adjoint])
        elif node.kind is Kind.PRODUCT:
            parts, bound = algebra.opened(node)
            for place, part in enumerate(parts):
                self._pass_on(node, part, [adjoint, *parts[:place], *parts[place + 1 :]], bound, node.coefficient)
        elif node.kind is Kind.POWER:
            lower = algebra.power(node.parts[0], node.coefficient - 1)
            self._pass_on(node, node.parts[0], [adjoint, lower], (), node.coefficient)
        elif node.kind is Kind.FUNCTION:
            for place, part in enumerate(node.parts):
                if self.name in part.names:
                    self._pass_on(node, part, [adjoint, slope(algebra, node, place)])
        else:
            self._step_block(node, adjoint)

    def _step_block(self, node: Indexed, adjoint: Indexed) -> None:
        """The same for a function of a whole array."""
        algebra = self.algebra
        new = algebra.fresh_like(node.bound)
        body = algebra.rename(node.parts[0], dict(zip(node.bound, new, strict=True)))

        def inverse(i: Index, j: Index) -> Indexed:
            return algebra.block("inv", node.parts[0], node.bound, [i, j])

        if node.name == "inv":
            i, j = node.indices
            self._pass_on(node, body, [adjoint, inverse(i, new[0]), inverse(new[1], j)], new, -1)
        elif node.name in ("det", "logdet"):
            own = [node] if node.name == "det" else []
            self._pass_on(node, body, [adjoint, *own, inverse(new[1], new[0])], new)
        elif node.name == "logsumexp":
            self._pass_on(node, body, [adjoint, algebra.block("softmax", body, new, new)], new)
        elif node.name in ("amax", "amin"):
            is_extreme = algebra.function("==", [body, node])
            self._pass_on(node, body, [adjoint, algebra.function("where", [is_extreme, ONE, ZERO])], new)
        elif node.name == "prod":
            self._pass_on(node, body, [adjoint, node, algebra.power(body, -1)], new)
        elif node.name in LINES:
            self._arrive(body, self._of_line(node, adjoint, body, new[0]))
        else:
            raise Unprintable(f"no rule for {node.name}")

    def _of_line(self, node: Indexed, adjoint: Indexed, body: Indexed, k: Index) -> Indexed:
        """The adjoint of the argument of a function of a line."""
        algebra, (j,) = self.algebra, node.indices
        is_kept = j in self.fixed or j in body.free  # an entry, or the diagonal
        if node.name == "cumprod":
            return algebra.multiply(1, [adjoint, node, up_to(k, j), algebra.power(body, -1)], [] if is_kept else [j])
        share = algebra.block("softmax", body, [k], [k])
        there = algebra.multiply(1, [adjoint, algebra.delta(j, k)]) if is_kept else algebra.rename(adjoint, {j: k})
        over = [] if is_kept else [j]
        if node.name == "log_softmax":
            return algebra.subtract(there, algebra.multiply(1, [share, algebra.multiply(1, [adjoint], over)]))
        if is_kept:
            return algebra.subtract(algebra.multiply(1, [there, node]), algebra.multiply(1, [adjoint, node, share]))
        return algebra.multiply(1, [share, algebra.subtract(there, algebra.multiply(1, [adjoint, node], over))])
