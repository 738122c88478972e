"""A derivative of sympy's as a `Formula`, or as the reason why it is of no use."""

from __future__ import annotations

import sympy

from gradcalc.errors import CalcError
from gradcalc.witness.formula import Formula
from gradcalc.witness.symbolic.answers import Latex, Order, Printer, parts, tree
from gradcalc.witness.symbolic.terms import Builder

MAX_FORMULA_CHARACTERS = 200_000

_UNUSABLE = (
    (sympy.Derivative, "sympy left a derivative unevaluated"),
    (sympy.Subs, "sympy left a derivative unevaluated"),
    (sympy.DiracDelta, "sympy answered with a delta distribution"),
)
_MEANINGLESS = (
    (sympy.I, "sympy's derivative has complex parts"),
    (sympy.re, "sympy's derivative has complex parts"),
    (sympy.im, "sympy's derivative has complex parts"),
    (sympy.arg, "sympy's derivative has complex parts"),
    (sympy.zoo, "sympy's derivative is infinite"),
    (sympy.oo, "sympy's derivative is infinite"),
    (sympy.nan, "sympy's derivative is not a number"),
)


def formula_of(derivative: sympy.Expr, builder: Builder) -> Formula:
    """A derivative as a formula: for people, and to be evaluated."""
    reason = next((why for part, why in _MEANINGLESS if derivative.has(part)), None)
    if reason is not None:
        return Formula("", "", None, reason)
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
