"""A derivative of sympy's as a `Formula`, or as the reason why it is of no use."""

from __future__ import annotations

import sympy

from gradcalc.engines.symbolic.cas.from_sympy import Latex, Order, Printer, Trees, parts
from gradcalc.engines.symbolic.cas.to_sympy import Builder
from gradcalc.engines.symbolic.messages import Formula
from gradcalc.errors import CalcError

MAX_FORMULA_CHARACTERS = 200_000

_UNUSABLE = (
    (sympy.Derivative, "SymPy left a derivative unevaluated (no closed form)"),
    (sympy.Subs, "SymPy left a derivative unevaluated (no closed form)"),
    (sympy.DiracDelta, "SymPy answered with a delta distribution"),
)
_MEANINGLESS = (
    (sympy.I, "SymPy's derivative has complex parts"),
    (sympy.re, "SymPy's derivative has complex parts"),
    (sympy.im, "SymPy's derivative has complex parts"),
    (sympy.arg, "SymPy's derivative has complex parts"),
    (sympy.zoo, "SymPy's derivative is infinite"),
    (sympy.oo, "SymPy's derivative is infinite"),
    (sympy.nan, "SymPy's derivative is not a number"),
)


class Formulas:
    """Derivatives as formulas, for people and to be evaluated; what many of them share is looked at and written once."""

    def __init__(self, builder: Builder):
        self._builder = builder
        self._trees = Trees()
        self._sizes: dict[sympy.Basic, int] = {}
        self._flaws: dict[sympy.Basic, frozenset[str]] = {}
        order = Order()
        self._printer, self._latex = Printer(builder.shown.names, order), Latex(builder.shown.latex, order)

    def of(self, derivative: sympy.Expr) -> Formula:
        """A derivative as a formula, or as the reason why it is of no use."""
        builder = self._builder
        self._look(derivative)
        flaws = self._flaws[derivative]
        reason = next((why for _, why in _MEANINGLESS if why in flaws), None)
        if reason is not None:
            return Formula("", "", None, reason)
        size = self._sizes[derivative]
        if size > MAX_FORMULA_CHARACTERS:  # a part takes a character at least
            return Formula(f"(a formula of {size} parts)", "", None, "SymPy's formula is too long")
        text, latex = self._written(derivative)
        if builder.is_lost:
            return Formula(text, latex, None, "SymPy's value of the expression is not a number")
        if flaws:
            return Formula(text, latex, None, next(why for _, why in _UNUSABLE if why in flaws))
        if len(text) > MAX_FORMULA_CHARACTERS:
            return Formula(f"(a formula of {len(text)} characters)", "", None, "SymPy's formula is too long")
        try:
            return Formula(text, latex, self._trees.of(derivative))
        except CalcError as error:
            return Formula(text, latex, None, f"SymPy answered with more than gradcalc knows: {error.message}")

    def _written(self, expression: sympy.Expr) -> tuple[str, str]:
        """The text of an expression with its constants as numbers, and its LaTeX where that is not too long."""
        numbers = self._builder.shown.numbers
        typeset = expression.xreplace(numbers) if numbers else expression
        text = self._printer.doprint(typeset)
        return text, self._latex.doprint(typeset) if len(text) < MAX_FORMULA_CHARACTERS else ""

    def _look(self, expression: sympy.Expr) -> None:
        """The number of parts of every part, each as often as it is written, and what is wrong with it."""
        for part in parts(expression, self._sizes):
            self._sizes[part] = 1 + sum(self._sizes[arg] for arg in part.args)
            own = [
                why
                for kind, why in (*_MEANINGLESS, *_UNUSABLE)
                if part == kind or (isinstance(kind, type) and isinstance(part, kind))
            ]
            self._flaws[part] = frozenset(own).union(*(self._flaws[arg] for arg in part.args))
