"""The symbolic engine: derivatives as formulas, by SymPy.  The only package that imports sympy.

Comes in: a tree and the variables to differentiate by.  Goes out: formulas as text, as LaTeX, and as trees.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from gradcalc.engines.symbolic.cas.derivatives import Graph
from gradcalc.engines.symbolic.cas.formulas import Formulas
from gradcalc.engines.symbolic.cas.to_sympy import Builder
from gradcalc.engines.symbolic.messages import Derivatives
from gradcalc.expression.tree import Node, names_in


def derive(trees: Sequence[Node], requests: Sequence[tuple[int, Sequence[str]]]) -> Derivatives:
    """The derivatives of trees: of each that is wanted, by a sequence of variables.

    A derivative that sympy leaves unevaluated, or in complex parts, comes back as unusable.
    """
    builder = Builder(list(dict.fromkeys(name for tree in trees for name in names_in(tree))))
    graphs: dict[tuple[int, tuple[str, ...]], Graph] = {}
    formulas, results = Formulas(builder), []
    for place, wrt in requests:
        if (place, ()) not in graphs:
            expression = builder.build(trees[place])
            builder.is_lost = builder.is_lost or expression.has(sympy.nan, sympy.zoo)
            graphs[place, ()] = Graph(expression)
        for length in range(1, len(wrt) + 1):
            prefix = tuple(wrt[:length])
            if (place, prefix) not in graphs:
                above, symbol = graphs[place, prefix[:-1]], builder.symbols.get(prefix[-1])
                graphs[place, prefix] = Graph(sympy.S.Zero if symbol is None else above.partial(symbol))
        results.append(formulas.of(graphs[place, tuple(wrt)].expression))
    return Derivatives(tuple(results), builder.opaque)


def is_derivative(tree: Node, claim: Node, wrt: str) -> bool:
    """Whether sympy finds a claim equal to the derivative of a tree by a variable; False if it does not see it."""
    builder = Builder(list(dict.fromkeys([*names_in(tree), *names_in(claim), wrt])))
    difference = Graph(builder.build(tree)).partial(builder.symbols[wrt]) - builder.build(claim)
    difference = difference.xreplace(builder.shown.numbers)  # e, pi, log(2) and the like, exactly
    return any(change(difference) == 0 for change in (lambda it: it, sympy.expand, sympy.simplify))
