"""Derivatives of sympy expressions, by SymPy's rules for each function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import sympy
from sympy.core.function import ArgumentIndexError

from gradcalc.engines.symbolic.cas.from_sympy import parts
from gradcalc.engines.symbolic.cas.vocabulary import Comparison, where


class Graph:
    """An expression as its different parts, and who uses them: a partial looks only at what depends on its variable."""

    def __init__(self, expression: sympy.Expr):
        self.expression = expression

    @cached_property
    def parts(self) -> list[Any]:
        return list(parts(self.expression))

    @cached_property
    def users(self) -> Mapping[sympy.Basic, Sequence[int]]:
        table: dict[sympy.Basic, list[int]] = {}
        for place, part in enumerate(self.parts):
            for arg in part.args:
                table.setdefault(arg, []).append(place)
        return table

    def partial(self, symbol: sympy.Symbol) -> sympy.Expr:
        """What `sympy.diff` gives, by SymPy's rules for each function, in a sixth of the time.

        `diff` asks of the derivative of every part whether it is zero, which takes sympy longer than everything else, and
        derives a part again wherever it occurs.
        """
        if self.expression.has(sympy.Derivative, sympy.Subs):  # what sympy has no rule for
            return self.expression.diff(symbol)
        slopes: dict[sympy.Basic, sympy.Expr] = {symbol: sympy.S.One}
        for place in self._above(symbol):
            slopes[self.parts[place]] = _slope(self.parts[place], slopes)
        return slopes.get(self.expression, sympy.S.Zero)

    def _above(self, symbol: sympy.Symbol) -> list[int]:
        """The places of the parts that depend on a variable, in order."""
        ancestors: set[int] = set()
        waiting: list[sympy.Basic] = [symbol]
        while waiting:
            for place in self.users.get(waiting.pop(), ()):
                if place not in ancestors:
                    ancestors.add(place)
                    waiting.append(self.parts[place])
        return sorted(ancestors)


def _slope(part: Any, slopes: Mapping[sympy.Basic, sympy.Expr]) -> sympy.Expr:
    """The derivative of a part by those of its arguments that are not 0."""
    zero, args = sympy.S.Zero, part.args
    moving = [(place, slopes[arg]) for place, arg in enumerate(args) if slopes.get(arg, zero) is not zero]
    if not moving or isinstance(part, Comparison):
        return zero
    if isinstance(part, where):
        return where(args[0], *(slopes.get(arg, zero) for arg in args[1:]))
    if part.is_Add:
        return sympy.Add(*(slope for _, slope in moving))
    if part.is_Mul:
        return sympy.Add(*[sympy.Mul(*args[:place], slope, *args[place + 1 :]) for place, slope in moving])
    if part.is_Pow:
        base, exponent = args
        inner = slopes.get(base, zero) * exponent / base
        return part * (slopes[exponent] * sympy.log(base) + inner if moving[-1][0] == 1 else inner)
    return sympy.Add(*[_by_argument(part, place + 1) * slope for place, slope in moving])


def _by_argument(part: sympy.Function, number: int) -> sympy.Expr:
    try:
        return part.fdiff(number)
    except ArgumentIndexError:
        return sympy.Function.fdiff(part, number)  # no rule: it stays a derivative
