"""The functions that rows of the table are written in: what an engine implements to evaluate every row.

An engine computes with numbers of its own kind N (jets, intervals, sympy's expressions, trees) and conditions of its own
kind C.  Functions that most engines compose from others have that composition as their default; an engine whose accuracy,
notes or formulas want another one overrides it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, Self, TypeVar


class Arithmetic(Protocol):
    """Numbers of one kind, which also calculate with integers."""

    def __neg__(self) -> Self: ...
    def __add__(self, other: Any, /) -> Self: ...
    def __radd__(self, other: Any, /) -> Self: ...
    def __sub__(self, other: Any, /) -> Self: ...
    def __rsub__(self, other: Any, /) -> Self: ...
    def __mul__(self, other: Any, /) -> Self: ...
    def __rmul__(self, other: Any, /) -> Self: ...


N = TypeVar("N", bound=Arithmetic)
C = TypeVar("C")


class Vocabulary(ABC, Generic[N, C]):
    """The functions of one engine, besides + - * of its numbers."""

    # -- numbers

    @abstractmethod
    def number(self, value: int | str, /) -> N:
        """A literal that a row has of its own."""

    @abstractmethod
    def pi(self) -> N: ...
    @abstractmethod
    def e(self) -> N: ...

    # -- division, powers and roots

    @abstractmethod
    def divide(self, a: N | int, b: N | int, /) -> N: ...
    @abstractmethod
    def power(self, a: N, b: N, /) -> N: ...
    @abstractmethod
    def sqrt(self, a: N, /) -> N: ...
    @abstractmethod
    def cbrt(self, a: N, /) -> N: ...

    def hypot(self, a: N, b: N, /) -> N:
        return self.sqrt(a * a + b * b)

    # -- exponentials and logarithms

    @abstractmethod
    def exp(self, a: N, /) -> N: ...
    @abstractmethod
    def log(self, a: N, /) -> N: ...

    def expm1(self, a: N, /) -> N:
        return self.exp(a) - 1

    def log1p(self, a: N, /) -> N:
        return self.log(1 + a)

    def sigmoid(self, a: N, /) -> N:
        return self.divide(1, 1 + self.exp(-a))

    @abstractmethod
    def logaddexp(self, a: N, b: N, /) -> N: ...
    @abstractmethod
    def xlogy(self, a: N, b: N, /) -> N: ...

    # -- trigonometry

    @abstractmethod
    def sin(self, a: N, /) -> N: ...
    @abstractmethod
    def cos(self, a: N, /) -> N: ...

    def tan(self, a: N, /) -> N:
        return self.divide(self.sin(a), self.cos(a))

    def cot(self, a: N, /) -> N:
        return self.divide(self.cos(a), self.sin(a))

    def sec(self, a: N, /) -> N:
        return self.divide(1, self.cos(a))

    def csc(self, a: N, /) -> N:
        return self.divide(1, self.sin(a))

    @abstractmethod
    def asin(self, a: N, /) -> N: ...
    @abstractmethod
    def acos(self, a: N, /) -> N: ...
    @abstractmethod
    def atan(self, a: N, /) -> N: ...
    @abstractmethod
    def atan2(self, y: N, x: N, /) -> N: ...
    @abstractmethod
    def sinc(self, a: N, /) -> N: ...

    # -- hyperbolic functions

    @abstractmethod
    def sinh(self, a: N, /) -> N: ...
    @abstractmethod
    def cosh(self, a: N, /) -> N: ...
    @abstractmethod
    def tanh(self, a: N, /) -> N: ...

    def coth(self, a: N, /) -> N:
        return self.divide(1, self.tanh(a))

    def sech(self, a: N, /) -> N:
        return self.divide(1, self.cosh(a))

    def csch(self, a: N, /) -> N:
        return self.divide(1, self.sinh(a))

    @abstractmethod
    def asinh(self, a: N, /) -> N: ...
    @abstractmethod
    def acosh(self, a: N, /) -> N: ...
    @abstractmethod
    def atanh(self, a: N, /) -> N: ...

    # -- piecewise

    @abstractmethod
    def abs(self, a: N, /) -> N: ...
    @abstractmethod
    def sign(self, a: N, /) -> N: ...
    @abstractmethod
    def heaviside(self, a: N, at_zero: N, /) -> N: ...
    @abstractmethod
    def max(self, *args: N) -> N: ...

    def min(self, *args: N) -> N:
        return -self.max(*(-arg for arg in args))

    @abstractmethod
    def where(self, condition: C, a: N, b: N, /) -> N: ...

    # -- conditions

    @abstractmethod
    def lt(self, a: N | int, b: N | int, /) -> C: ...
    @abstractmethod
    def le(self, a: N | int, b: N | int, /) -> C: ...

    def gt(self, a: N | int, b: N | int, /) -> C:
        return self.lt(b, a)

    def ge(self, a: N | int, b: N | int, /) -> C:
        return self.le(b, a)

    @abstractmethod
    def ne(self, a: N | int, b: N | int, /) -> C: ...

    def eq(self, a: N | int, b: N | int, /) -> C:
        return self.opposite(self.ne(a, b))

    @abstractmethod
    def both(self, p: C, q: C, /) -> C: ...
    @abstractmethod
    def either(self, p: C, q: C, /) -> C: ...
    @abstractmethod
    def opposite(self, p: C, /) -> C: ...

    # -- rounding

    @abstractmethod
    def floor(self, a: N, /) -> N: ...

    def ceil(self, a: N, /) -> N:
        return -self.floor(-a)

    @abstractmethod
    def trunc(self, a: N, /) -> N: ...
    @abstractmethod
    def round(self, a: N, /) -> N:
        """The nearest integer, halves to even."""

    # -- special functions

    @abstractmethod
    def erf(self, a: N, /) -> N: ...

    def erfc(self, a: N, /) -> N:
        return 1 - self.erf(a)

    @abstractmethod
    def erfi(self, a: N, /) -> N: ...
    @abstractmethod
    def erfinv(self, a: N, /) -> N: ...
    @abstractmethod
    def gamma(self, a: N, /) -> N: ...
    @abstractmethod
    def lgamma(self, a: N, /) -> N: ...

    def digamma(self, a: N, /) -> N:
        return self.polygamma(self.number(0), a)

    @abstractmethod
    def polygamma(self, n: N, a: N, /) -> N: ...
    @abstractmethod
    def zeta(self, a: N, /) -> N: ...
    @abstractmethod
    def besselj(self, n: N, a: N, /) -> N: ...
    @abstractmethod
    def bessely(self, n: N, a: N, /) -> N: ...
    @abstractmethod
    def besseli(self, n: N, a: N, /) -> N: ...
    @abstractmethod
    def besselk(self, n: N, a: N, /) -> N: ...


NAMES = frozenset(name for name in vars(Vocabulary) if not name.startswith("_"))
