"""The functions of the table in sympy's expressions: real functions of our own where sympy's are complex, or too clever.

Comes in: sympy expressions.  Goes out: sympy expressions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from gradcalc.expression.tree import Call, Node, Number
from gradcalc.functions.vocabulary import Vocabulary

PRINTED = {"round_": "round", "abs_": "abs", "max_": "max", "min_": "min", "Abs": "abs", "loggamma": "lgamma"}
"""What sympy's and our functions are called in gradcalc's language, where that is another name."""


class Real(sympy.Function):
    """A real function of our own, typeset by its name."""

    is_extended_real = True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        name = PRINTED.get(self.func.__name__, self.func.__name__)
        power = "" if exp is None else f"^{{{exp}}}"
        arguments = ", ".join(printer._print(arg) for arg in self.args)
        return rf"\operatorname{{{name}}}{power}{{\left({arguments} \right)}}"


class _PiecewiseConstant(Real):
    """A function whose derivative is 0 wherever it has one; sympy must not try to be clever about it."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)


class sign(_PiecewiseConstant):
    pass


class heaviside(_PiecewiseConstant):
    pass


class floor(_PiecewiseConstant):
    pass


class ceil(_PiecewiseConstant):
    pass


class trunc(_PiecewiseConstant):
    pass


class round_(_PiecewiseConstant):
    pass


class abs_(Real):
    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sign(self.args[0])

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = rf"\left|{{{printer._print(self.args[0])}}}\right|"
        return body if exp is None else f"{body}^{{{exp}}}"


class max_(Real):
    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        difference = self.args[0] - self.args[1]
        return heaviside(difference if argindex == 1 else -difference)


class min_(Real):
    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        difference = self.args[1] - self.args[0]
        return heaviside(difference if argindex == 1 else -difference)


class sigmoid(Real):
    is_positive = True

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self * (1 - self)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"\sigma{power}{{\left({printer._print(self.args[0])} \right)}}"


class softplus(Real):
    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sigmoid(self.args[0])


class cbrt(Real):
    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return 1 / (3 * self**2)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = rf"\sqrt[3]{{{printer._print(self.args[0])}}}"
        return body if exp is None else f"{{{body}}}^{{{exp}}}"


class power_of_zero(_PiecewiseConstant):
    """0**x: 0 for positive x, and there the derivative is 0 too."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = f"0^{{{printer._print(self.args[0])}}}"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


class sinc(Real):
    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        # No value at 0: a branch for it would need one of its own at every order.
        x = self.args[0]
        return (sympy.cos(x) - self) / x


class lgamma(Real):
    """log(abs(gamma(x))); sympy's loggamma is complex on the negative axis."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.digamma(self.args[0])


class Comparison(sympy.Function):
    """A condition as an opaque thing: sympy's own relations decide and rewrite, without bound."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        operator, *parts = self.args
        inner = [printer._print(part) for part in parts]
        words = {
            "<=": r"\leq",
            ">=": r"\geq",
            "==": "=",
            "!=": r"\neq",
            "and": r"\wedge",
            "or": r"\vee",
            "not": r"\neg",
        }
        word = words.get(str(operator), str(operator))
        return f" {word} ".join(inner) if len(inner) == 2 else f"{word} {inner[0]}"


class where(Real):
    @classmethod
    def eval(cls, condition: sympy.Expr, a: sympy.Expr, b: sympy.Expr) -> sympy.Expr | None:
        return a if a == b else None

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        condition, a, b = (printer._print(part) for part in self.args)
        body = rf"\begin{{cases}} {a} & \text{{for}}\: {condition} \\ {b} & \text{{otherwise}} \end{{cases}}"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


def _relation(operator: str) -> Any:
    return lambda *args: Comparison(sympy.Symbol(operator), *(sympy.sympify(arg) for arg in args))


def _fold_of_two(of_two: type[Real]) -> Any:
    """A function of two as one of several; of equal arguments it takes one."""

    def best_of(*args: sympy.Expr) -> sympy.Expr:
        best = args[0]
        for other in args[1:]:
            best = best if best == other else of_two(best, other)
        return best

    return best_of


class SympyVocabulary(Vocabulary[Any, Any]):
    """The functions of the table, in sympy's expressions."""

    def __init__(self, to_symbol: Callable[[Node], sympy.Expr] | None = None):
        self._to_symbol = to_symbol

    def _undefined(self, call: Call, otherwise: Callable[[], sympy.Expr]) -> sympy.Expr:
        """A constant without a real value, opaque as if it had been typed: sympy's zoo and I are not of our language."""
        return otherwise() if self._to_symbol is None else self._to_symbol(call)

    abs, sign, sigmoid, cbrt, sinc, lgamma = abs_, sign, sigmoid, cbrt, sinc, lgamma
    floor, ceil, trunc, round, where = floor, ceil, trunc, round_, where
    sqrt, exp = staticmethod(sympy.sqrt), sympy.exp
    sin, cos, tan, cot, sec, csc = sympy.sin, sympy.cos, sympy.tan, sympy.cot, sympy.sec, sympy.csc
    asin, acos, atan, atan2 = sympy.asin, sympy.acos, sympy.atan, sympy.atan2
    sinh, cosh, tanh, coth, sech, csch = sympy.sinh, sympy.cosh, sympy.tanh, sympy.coth, sympy.sech, sympy.csch
    asinh, acosh, atanh = sympy.asinh, sympy.acosh, sympy.atanh
    erf, erfc, erfi, erfinv = sympy.erf, sympy.erfc, sympy.erfi, sympy.erfinv
    gamma, digamma, polygamma, zeta = sympy.gamma, sympy.digamma, sympy.polygamma, sympy.zeta
    besselj, bessely, besseli, besselk = sympy.besselj, sympy.bessely, sympy.besseli, sympy.besselk

    def number(self, value: int | str) -> sympy.Expr:
        """A number of a function's own; a decimal is opaque, as if it had been typed."""
        if isinstance(value, int) or self._to_symbol is None:
            return sympy.Rational(value)
        return self._to_symbol(Number(value))

    @staticmethod
    def pi() -> sympy.Expr:
        return sympy.pi

    @staticmethod
    def e() -> sympy.Expr:
        return sympy.E

    def divide(self, a: Any, b: Any) -> sympy.Expr:
        if b == 0:
            return a * self._undefined(Call("/", (Number("1"), Number("0"))), lambda: sympy.zoo)
        return sympy.sympify(a) / b

    @staticmethod
    def power(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        return power_of_zero(b) if a == 0 and not b.is_number else a**b

    def log(self, a: Any) -> sympy.Expr:
        number = sympy.sympify(a)
        if number.is_Rational and number <= 0:
            size = Number(str(-number.p)) if number.q == 1 else Call("/", (Number(str(-number.p)), Number(str(number.q))))
            argument = Number("0") if number == 0 else Call("neg", (size,))
            return self._undefined(Call("log", (argument,)), lambda: sympy.log(number))
        return sympy.log(number)

    @staticmethod
    def log1p(a: sympy.Expr) -> sympy.Expr:
        return sympy.log(1 + a)

    @staticmethod
    def logaddexp(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        if b == 0:
            return softplus(a)
        return sympy.log(sympy.exp(a) + sympy.exp(b))

    def xlogy(self, a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        return a if a == 0 else a * self.log(b)

    @staticmethod
    def heaviside(a: sympy.Expr, at_zero: sympy.Expr) -> sympy.Expr:
        zero = sympy.Integer(0)
        return where(
            Comparison(sympy.Symbol(">"), a, zero),
            sympy.Integer(1),
            where(Comparison(sympy.Symbol("<"), a, zero), zero, at_zero),
        )

    max, min = (staticmethod(_fold_of_two(of_two)) for of_two in (max_, min_))
    lt, le, gt, ge = (staticmethod(_relation(operator)) for operator in ("<", "<=", ">", ">="))
    eq, ne = (staticmethod(_relation(operator)) for operator in ("==", "!="))
    both, either, opposite = (staticmethod(_relation(operator)) for operator in ("and", "or", "not"))
