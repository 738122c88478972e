"""Derivatives with an index: one formula for all entries of an array.

The chain rule, backwards: the adjoint of a reduction r is the derivative of the result by it.  An entry e of r has the
adjoint of r times its weight dr/de; and a reduction that stands in the entries of another has the sum of that over them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import sympy

from gradcalc.engines.symbolic.cas.derivatives import Graph
from gradcalc.engines.symbolic.cas.formulas import Formulas
from gradcalc.engines.symbolic.cas.to_sympy import Builder
from gradcalc.engines.symbolic.messages import IndexedDerivatives, Reduction
from gradcalc.expression.arrays import Entry
from gradcalc.expression.tree import Node, names_in


def gradients(result: Node, reductions: Sequence[Reduction], wrt: Sequence[str]) -> IndexedDerivatives:
    """The derivatives of a result by variables: arrays at an entry with an index, `x[i]`, and numbers.

    Raises `CalcError` for a formula that the function table has no words for.
    """
    trees = [result, *(it.entry for it in reductions), *(it.local_partial for it in reductions)]
    names = dict.fromkeys(
        [*map(Entry.from_text, wrt), *(it.name for it in reductions), *(name for tree in trees for name in names_in(tree))]
    )
    builder = Builder(list(names), {it.name: it.latex for it in reductions})
    formulas = Formulas(builder)
    sums = _Sums(builder, formulas)
    whole = Graph(builder.build(result))
    entries = {it.name: Graph(builder.build(it.entry)) for it in reductions}
    weights = {it.name: builder.build(it.local_partial) for it in reductions}
    adjoints: dict[str, sympy.Expr] = {}

    def slope(name: str) -> sympy.Expr:
        """The derivative of the result by a name that stands in it, and in entries whose reductions have adjoints."""
        symbol = builder.symbols[name]
        total = whole.partial(symbol)
        for it in reductions:
            inner = entries[it.name].partial(symbol)
            if inner != 0 and it.name in adjoints:
                share = weights[it.name] * inner
                total += adjoints[it.name] * (share if isinstance(name, Entry) else sums.over(share, it.count))
        return total

    for it in reversed(reductions):
        adjoints[it.name] = slope(it.name)
    general = {name: formulas.of(slope(name)) for name in wrt}
    return IndexedDerivatives(general, builder.opaque, sums.known)


class _Sums:
    """Sums over all entries that have no name yet."""

    def __init__(self, builder: Builder, formulas: Formulas):
        self.builder, self.formulas = builder, formulas
        self.known: dict[str, Node] = {}

    def over(self, expression: sympy.Expr, count: int) -> sympy.Expr:
        """The sum of an expression over all entries; what has no index stands before it."""
        indexed = [symbol for name, symbol in self.builder.symbols.items() if isinstance(name, Entry)]
        factor, rest = expression.as_independent(*indexed, as_Add=False)
        if rest == 1:
            return count * factor
        text, typeset = self.formulas.written(rest, readable=False)
        name = f"sum({_without_index(text, '[', ']')})"
        self.known[name] = self.formulas.tree(rest)
        latex = _without_index(typeset, "_{", "}")
        self.builder.name(name, rf"\operatorname{{sum}}\left({latex}\right)")
        return factor * self.builder.symbols[name]


def _without_index(text: str, opening: str, closing: str) -> str:
    """An expression of entries as one of arrays."""
    return re.sub(rf"{re.escape(opening)}[i-s](?:,[i-s])*{re.escape(closing)}", "", text)
