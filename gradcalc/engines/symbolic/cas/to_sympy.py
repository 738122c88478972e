"""A tree as a sympy expression.

sympy never sees text, and never a number it could spend a day on: every constant part that is not a small rational goes in
as an opaque symbol, and its value is supplied where the formula is evaluated.  So `9**9**9*x` costs nothing, and the same
formula serves for the exact constants and for the ones that torch rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

import sympy

from gradcalc.engines.symbolic.cas.vocabulary import SympyVocabulary
from gradcalc.expression.latex import latex, name_latex
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, Number, fold, linearize
from gradcalc.functions import TABLE

_DISPLAYED = 10**9
"""Constants whose numerator and denominator are below this are shown as rationals in a formula."""


class Builder:
    """A tree as a sympy expression; also the vocabulary of the function table, in sympy's terms."""

    def __init__(self, names: Sequence[str]):
        self.vocabulary = SympyVocabulary(lambda number: self.to_sympy(_Constant(number)))
        self.symbols = {name: sympy.Symbol(name, real=True) for name in names}
        self.opaque: dict[str, Node] = {}
        self.is_lost = False
        """Whether sympy made something of an expression that is not a number: its derivative looks like 0."""
        self._opaque_symbols: dict[Node, sympy.Symbol] = {}
        self._written = Shown()
        self._prefix = "c"
        while any(name.startswith(self._prefix) and name[len(self._prefix) :].isdigit() for name in names):
            self._prefix += "_"

    def build(self, tree: Node) -> sympy.Expr:
        return self.to_sympy(linearize(tree).evaluate(self._leaf, self._call)[-1])

    def _leaf(self, node: Number | Name) -> Any:
        return self.symbols[node.name] if isinstance(node, Name) else _Constant(node)

    def _call(self, node: Call, args: list[Any]) -> Any:
        row = TABLE[node.name]
        if all(isinstance(arg, _Constant) for arg in args) and not row.condition:
            return _Constant(node)
        if node.name in ("+", "-"):
            right = self.to_sympy(args[1])
            terms = list(args[0].terms) if isinstance(args[0], _Sum) else [self.to_sympy(args[0])]
            terms.append(right if node.name == "+" else -right)
            return _Sum(terms)
        return row.meaning(self.vocabulary, *map(self.to_sympy, args))

    def to_sympy(self, value: Any) -> Any:
        """A constant part as a rational, if it is a small one that every machine holds exactly; else as a symbol."""
        if isinstance(value, _Sum):
            return sympy.Add(*value.terms)
        if not isinstance(value, _Constant):
            return value
        # Such literals are exact in every dtype (bfloat16 has 8 bits), so the value is the same for all engines.
        rational = _rational(
            value.node, lambda number: abs(number.numerator) <= 256 and number.denominator in (1, 2, 4, 8, 16)
        )
        if rational is not None:
            return sympy.Rational(rational.numerator, rational.denominator)
        if value.node not in self._opaque_symbols:
            name = f"{self._prefix}{len(self.opaque)}"
            self.opaque[name] = value.node
            self._opaque_symbols[value.node] = sympy.Symbol(name, real=True)
        return self._opaque_symbols[value.node]

    @property
    def shown(self) -> Shown:
        """How constants and symbols are shown; each is written once, however many formulas it stands in."""
        shown = self._written
        for name, symbol in islice(self.symbols.items(), shown.symbols, None):
            shown.latex[symbol] = name_latex(name)
        shown.symbols = len(self.symbols)
        for name, (node, symbol) in islice(
            zip(self.opaque, self._opaque_symbols.items(), strict=True), len(shown.names), None
        ):
            shown.add(name, node, symbol)
        return shown


class Shown:
    """How constants and symbols are shown: as numbers, as text, as LaTeX; `symbols` says how many of these are done."""

    def __init__(self) -> None:
        self.numbers: dict[sympy.Symbol, sympy.Expr] = {}
        self.names: dict[str, str] = {}
        self.latex: dict[sympy.Symbol, str] = {}
        self.symbols = 0

    def add(self, name: str, node: Node, symbol: sympy.Symbol) -> None:
        """Write an opaque constant."""
        number = _readable(node)
        if number is not None:
            self.numbers[symbol] = number
        text, typeset = unparse(node), latex(node)
        is_operator = isinstance(node, Call) and (not node.name.isidentifier() or node.name == "neg")
        self.names[name] = f"({text})" if is_operator else text
        self.latex[symbol] = rf"\left({typeset}\right)" if is_operator else typeset


class _Constant:
    """A part of the tree without variables, not yet given to sympy."""

    def __init__(self, node: Node):
        self.node = node


class _Sum:
    """A chain of additions, given to sympy in one piece: term by term it would cost the square of its length."""

    def __init__(self, terms: list[Any]):
        self.terms = terms


def _readable(node: Node) -> sympy.Expr | None:
    """A constant as sympy would show it, where that is a short rational or a simple multiple of pi, e or a root."""

    def small(value: Fraction | None) -> sympy.Expr | None:
        if value is None or abs(value.numerator) >= _DISPLAYED or value.denominator >= _DISPLAYED:
            return None
        return sympy.Rational(value.numerator, value.denominator)

    rational = small(_rational(node))
    if rational is not None or not isinstance(node, Call):
        return rational
    if not node.args:
        return {"pi": sympy.pi, "e": sympy.E, "tau": 2 * sympy.pi}[node.name]
    if node.name in ("sqrt", "log") and len(node.args) == 1:
        inner = small(_rational(node.args[0]))
        return getattr(sympy, node.name)(inner) if inner is not None and inner > 0 else None
    if node.name in ("+", "-", "*", "/", "neg"):
        parts = [_readable(arg) for arg in node.args]
        if any(part is None for part in parts) or (node.name == "/" and parts[1] == 0):
            return None
        value: sympy.Expr = TABLE[node.name].meaning(SympyVocabulary(), *parts)
        return value
    return None


_LARGEST_POWER = 64


def _rational(node: Node, literal: Any = lambda value: True) -> Fraction | None:
    def leaf(part: Number | Name) -> Fraction | None:
        if isinstance(part, Number):
            if len(part.text) > 25 or "e" in part.text.lower():
                return None
            return part.value if literal(part.value) else None
        return None

    def call(part: Call, args: list[Fraction | None]) -> Fraction | None:
        if any(arg is None or abs(arg.numerator) > 2**64 or arg.denominator > 2**64 for arg in args):
            return None
        values = [arg for arg in args if arg is not None]
        if part.name == "neg":
            return -values[0]
        if part.name == "+":
            return values[0] + values[1]
        if part.name == "-":
            return values[0] - values[1]
        if part.name == "*":
            return values[0] * values[1]
        if part.name == "/" and values[1]:
            return values[0] / values[1]
        if part.name == "**" and values[1].denominator == 1 and 0 < values[1] <= _LARGEST_POWER:
            return values[0] ** int(values[1])
        return None

    return fold(node, leaf, call)
