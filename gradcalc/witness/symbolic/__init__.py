"""The symbolic witness: derivatives as formulas, by sympy.  The only package that imports sympy.

Comes in: a tree and the variables to differentiate by.  Goes out: formulas as text, as LaTeX, and as trees.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from gradcalc.errors import CalcError
from gradcalc.syntax import Node, names_in
from gradcalc.witness.formula import Derived, Formula
from gradcalc.witness.symbolic.answers import Latex, Order, Printer, parts, tree
from gradcalc.witness.symbolic.derivatives import Graph
from gradcalc.witness.symbolic.terms import Builder

MAX_FORMULA_CHARACTERS = 200_000


def derive(trees: Sequence[Node], wanted: Sequence[tuple[int, Sequence[str]]]) -> Derived:
    """The derivatives of trees: of each that is wanted, by a sequence of variables.

    A derivative that sympy leaves unevaluated, or in complex parts, comes back as unusable.
    """
    builder = Builder(list(dict.fromkeys(name for tree in trees for name in names_in(tree))))
    known: dict[tuple[int, tuple[str, ...]], Graph] = {}
    formulas = []
    for place, by in wanted:
        if (place, ()) not in known:
            expression = builder.build(trees[place])
            builder.is_lost = builder.is_lost or expression.has(sympy.nan, sympy.zoo)
            known[place, ()] = Graph(expression)
        for length in range(1, len(by) + 1):
            prefix = tuple(by[:length])
            if (place, prefix) not in known:
                above, symbol = known[place, prefix[:-1]], builder.symbols.get(prefix[-1])
                known[place, prefix] = Graph(sympy.S.Zero if symbol is None else above.partial(symbol))
        formulas.append(_formula(known[place, tuple(by)].expression, builder))
    return Derived(tuple(formulas), builder.opaque)


_UNUSABLE = (
    (sympy.Derivative, "sympy left a derivative unevaluated"),
    (sympy.Subs, "sympy left a derivative unevaluated"),
    (sympy.DiracDelta, "sympy answered with a delta distribution"),
    (sympy.I, "sympy's derivative has complex parts"),
    (sympy.re, "sympy's derivative has complex parts"),
    (sympy.im, "sympy's derivative has complex parts"),
    (sympy.arg, "sympy's derivative has complex parts"),
    (sympy.zoo, "sympy's derivative is infinite"),
    (sympy.oo, "sympy's derivative is infinite"),
    (sympy.nan, "sympy's derivative is not a number"),
)


def _formula(derivative: sympy.Expr, builder: Builder) -> Formula:
    size = _size(derivative)
    if size > MAX_FORMULA_CHARACTERS:  # a part takes a character at least
        return Formula(f"(a formula of {size} parts)", "", None, "sympy's formula is too long")
    shown = derivative.xreplace(builder.displayed()) if builder.opaque else derivative
    order = Order()
    text = Printer(builder.shown_names(), order).doprint(shown)
    latex = Latex(builder.shown_latex(), order).doprint(shown) if len(text) < MAX_FORMULA_CHARACTERS else ""
    if builder.is_lost:
        return Formula(text, latex, None, "sympy's value of the expression is not a number")
    if derivative.has(*(part for part, _ in _UNUSABLE)):
        return Formula(text, latex, None, next(reason for part, reason in _UNUSABLE if derivative.has(part)))
    if len(text) > MAX_FORMULA_CHARACTERS:
        return Formula(f"(a formula of {len(text)} characters)", "", None, "sympy's formula is too long")
    try:
        return Formula(text, latex, tree(derivative))
    except CalcError as error:
        return Formula(text, latex, None, f"sympy answered with more than gradcalc knows: {error.message}")


def _size(expression: sympy.Expr) -> int:
    """The number of parts of an expression, each as often as it is written."""
    sizes: dict[sympy.Basic, int] = {}
    for part in parts(expression):
        sizes[part] = 1 + sum(sizes[arg] for arg in part.args)
    return sizes[expression]
