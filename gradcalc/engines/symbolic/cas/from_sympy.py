"""What sympy answers, in gradcalc's terms: as text, as LaTeX, and as a tree."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from gradcalc.engines.symbolic.cas.vocabulary import PRINTED, Comparison, power_of_zero
from gradcalc.expression.tree import Call, Name, Node, Number
from gradcalc.functions.resolve import apply_function

PI, E = Call("pi", ()), Call("e", ())


def parts(expression: sympy.Expr, leaves: Container[sympy.Basic] = ()) -> Iterator[Any]:
    """The different parts of an expression, arguments first, without recursion; what is `leaves` is left out."""
    visits: set[sympy.Basic] = set()
    waiting = [expression]
    while waiting:
        missing = [arg for arg in waiting[-1].args if arg not in visits and arg not in leaves]
        if missing:
            waiting += missing
            continue
        part = waiting.pop()
        if part not in visits and part not in leaves:
            visits.add(part)
            yield part


_SORTED_TERMS = 300
"""Sums of more terms are shown as they come: sorting them takes sympy longer than everything else."""


class Order:
    """The order of the terms of sums, the same in text and in LaTeX: to find it takes longer than to print."""

    def __init__(self) -> None:
        self._known: dict[sympy.Expr, Sequence[sympy.Expr]] = {}

    def terms(self, sum_: sympy.Expr) -> Sequence[sympy.Expr]:
        """The terms of a sum as people write them."""
        if sum_ not in self._known:
            self._known[sum_] = sum_.as_ordered_terms() if len(sum_.args) <= _SORTED_TERMS else sum_.args
        return self._known[sum_]


class _Remembering:
    """A printer that writes what stands in many formulas once; a symbol has one name in all of them."""

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self._written: dict[sympy.Basic, str] = {}

    def _print(self, expr: Any, **how: Any) -> Any:
        if how or not isinstance(expr, sympy.Basic) or not expr.args:
            return super()._print(expr, **how)  # type: ignore[misc]
        if expr not in self._written:
            self._written[expr] = super()._print(expr)  # type: ignore[misc]
        return self._written[expr]


class Printer(_Remembering, StrPrinter):
    """SymPy's own text, in gradcalc's language."""

    def __init__(self, names: Mapping[str, str], order: Order):
        super().__init__()
        self.names = names
        self._terms = order

    def _as_ordered_terms(self, expr: sympy.Expr, order: Any = None) -> list[sympy.Expr]:
        return list(self._terms.terms(expr))

    def _print_Symbol(self, expr: sympy.Symbol) -> str:
        return self.names.get(expr.name, expr.name)

    def _print_Function(self, expr: sympy.Function) -> str:
        name = expr.func.__name__
        if name == "polygamma" and expr.args[0] == 0:
            return f"digamma({self._print(expr.args[1])})"
        return f"{PRINTED.get(name, name)}({', '.join(self._print(arg) for arg in expr.args)})"

    _print_Abs = _print_Function

    def _print_power_of_zero(self, expr: sympy.Function) -> str:
        return f"(0**({self._print(expr.args[0])}))"

    def _print_Exp1(self, expr: sympy.Expr) -> str:
        return "e"

    def _print_Comparison(self, expr: sympy.Function) -> str:
        operator, *parts = expr.args
        inner = [self._print(part) for part in parts]
        if str(operator) in ("and", "or"):
            return f"({inner[0]}) {operator} ({inner[1]})"
        return f"{inner[0]} {operator} {inner[1]}" if len(inner) == 2 else f"{operator} ({inner[0]})"


class Latex(_Remembering, LatexPrinter):
    """SymPy's own LaTeX, with names for its symbols."""

    def __init__(self, names: Mapping[sympy.Symbol, str], order: Order):
        super().__init__({"symbol_names": names})
        self._terms = order

    def _as_ordered_terms(self, expr: sympy.Expr, order: Any = None) -> list[sympy.Expr]:
        return list(self._terms.terms(expr))


# -------------------------------------------------------------------------------------------------- sympy to tree


class Trees:
    """Formulas as trees; what they share is one node."""

    def __init__(self) -> None:
        self._known: dict[sympy.Basic, Node] = {}

    def of(self, expression: sympy.Expr) -> Node:
        """The tree of a formula.  Raises `CalcError` for what the function table does not have."""
        for part in parts(expression, self._known):
            self._known[part] = _node(part, [self._known[arg] for arg in part.args])
        return self._known[expression]


_ATOMS = {sympy.pi: PI, sympy.E: E}


def _node(part: Any, args: list[Node]) -> Node:
    if part.is_Symbol:
        return Name(part.name)
    if part.is_Rational:
        whole = _integer(part.p)
        return whole if part.q == 1 else Call("/", (whole, _integer(part.q)))
    if part.is_Add:
        return reduce(lambda left, right: Call("+", (left, right)), args)
    if part.is_Mul:
        if part.args[0] is sympy.S.NegativeOne:
            return Call("neg", (reduce(lambda left, right: Call("*", (left, right)), args[1:]),))
        return reduce(lambda left, right: Call("*", (left, right)), args)
    if part.is_Pow:
        return _power(part.exp, *args)
    if isinstance(part, Comparison):
        return Call(part.args[0].name, tuple(args[1:]))
    if part in _ATOMS:
        return _ATOMS[part]
    if isinstance(part, power_of_zero):
        return Call("**", (Number("0"), *args))
    name = part.func.__name__
    if name == "polygamma" and part.args[0] == 0:
        return apply_function("digamma", args[1:])
    return apply_function(PRINTED.get(name, name), args)


def _integer(value: int) -> Node:
    number = Number(str(abs(value)))
    return Call("neg", (number,)) if value < 0 else number


def _power(exponent: sympy.Expr, base: Node, power: Node) -> Node:
    """Roots and reciprocals by their names: what they do at 0 is known best."""
    if exponent == -1:
        return Call("/", (Number("1"), base))
    if abs(exponent) == sympy.S.Half:
        root = Call("sqrt", (base,))
        return root if exponent > 0 else Call("/", (Number("1"), root))
    return Call("**", (base, power))
