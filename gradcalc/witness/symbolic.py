"""The symbolic witness: derivatives as formulas, by sympy.  The only module that imports sympy.

Comes in: a tree and the variables to differentiate by.  Goes out: formulas as text, as LaTeX, and as trees.

sympy never sees text, and never a number it could spend a day on: every constant part that is not a small rational goes in
as an opaque symbol, and its value is supplied where the formula is evaluated.  So `9**9**9*x` costs nothing, and the same
formula serves for the exact constants and for the ones that torch rounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property, reduce
from typing import Any

import sympy
from sympy.core.function import ArgumentIndexError
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from gradcalc.errors import CalcError
from gradcalc.functions import TABLE
from gradcalc.functions.resolve import applied
from gradcalc.syntax import Call, Name, Node, Number, fold, follow, names_in, steps, unparse
from gradcalc.typeset import name_latex
from gradcalc.witness.formula import Derived, Formula

MAX_FORMULA_CHARACTERS = 200_000
_DISPLAYED = 10**9
"""Constants whose numerator and denominator are below this are shown as rationals in a formula."""


def derive(trees: Sequence[Node], wanted: Sequence[tuple[int, Sequence[str]]]) -> Derived:
    """The derivatives of trees: of each that is wanted, by a sequence of variables.

    A derivative that sympy leaves unevaluated, or in complex parts, comes back as unusable.
    """
    builder = _Builder(list(dict.fromkeys(name for tree in trees for name in names_in(tree))))
    known: dict[tuple[int, tuple[str, ...]], _Graph] = {}
    formulas = []
    for place, by in wanted:
        if (place, ()) not in known:
            expression = builder.build(trees[place])
            builder.is_lost = builder.is_lost or expression.has(sympy.nan, sympy.zoo)
            known[place, ()] = _Graph(expression)
        for length in range(1, len(by) + 1):
            prefix = tuple(by[:length])
            if (place, prefix) not in known:
                above, symbol = known[place, prefix[:-1]], builder.symbols.get(prefix[-1])
                known[place, prefix] = _Graph(sympy.S.Zero if symbol is None else above.partial(symbol))
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


def _formula(derivative: sympy.Expr, builder: _Builder) -> Formula:
    size = _size(derivative)
    if size > MAX_FORMULA_CHARACTERS:  # a part takes a character at least
        return Formula(f"(a formula of {size} parts)", "", None, "sympy's formula is too long")
    shown = derivative.xreplace(builder.displayed()) if builder.opaque else derivative
    order = _Order()
    text = _Printer(builder.shown_names(), order).doprint(shown)
    latex = _Latex(builder.shown_latex(), order).doprint(shown) if len(text) < MAX_FORMULA_CHARACTERS else ""
    if builder.is_lost:
        return Formula(text, latex, None, "sympy's value of the expression is not a number")
    if derivative.has(*(part for part, _ in _UNUSABLE)):
        return Formula(text, latex, None, next(reason for part, reason in _UNUSABLE if derivative.has(part)))
    if len(text) > MAX_FORMULA_CHARACTERS:
        return Formula(f"(a formula of {len(text)} characters)", "", None, "sympy's formula is too long")
    try:
        return Formula(text, latex, _tree(derivative))
    except CalcError as error:
        return Formula(text, latex, None, f"sympy answered with more than gradcalc knows: {error.message}")


def _size(expression: sympy.Expr) -> int:
    """The number of parts of an expression, each as often as it is written."""
    sizes: dict[sympy.Basic, int] = {}
    for part in _parts(expression):
        sizes[part] = 1 + sum(sizes[arg] for arg in part.args)
    return sizes[expression]


class _Graph:
    """An expression as its different parts, and who uses them: a partial looks only at what depends on its variable."""

    def __init__(self, expression: sympy.Expr):
        self.expression = expression

    @cached_property
    def parts(self) -> list[Any]:
        return list(_parts(self.expression))

    @cached_property
    def users(self) -> Mapping[sympy.Basic, Sequence[int]]:
        found: dict[sympy.Basic, list[int]] = {}
        for place, part in enumerate(self.parts):
            for arg in part.args:
                found.setdefault(arg, []).append(place)
        return found

    def partial(self, symbol: sympy.Symbol) -> sympy.Expr:
        """What `sympy.diff` gives, by sympy's rules for each function, in a sixth of the time.

        `diff` asks of the derivative of every part whether it is zero, which takes sympy longer than everything else, and
        derives a part again wherever it occurs.
        """
        if self.expression.has(sympy.Derivative, sympy.Subs):  # there is no rule already
            return self.expression.diff(symbol)
        known: dict[sympy.Basic, sympy.Expr] = {symbol: sympy.S.One}
        for place in self._above(symbol):
            known[self.parts[place]] = _slope(self.parts[place], known)
        return known.get(self.expression, sympy.S.Zero)

    def _above(self, symbol: sympy.Symbol) -> list[int]:
        """The places of the parts that depend on a variable, in order."""
        found: set[int] = set()
        waiting: list[sympy.Basic] = [symbol]
        while waiting:
            for place in self.users.get(waiting.pop(), ()):
                if place not in found:
                    found.add(place)
                    waiting.append(self.parts[place])
        return sorted(found)


def _slope(part: Any, known: Mapping[sympy.Basic, sympy.Expr]) -> sympy.Expr:
    """The derivative of a part by those of its arguments that are not 0."""
    zero, args = sympy.S.Zero, part.args
    moving = [(place, known[arg]) for place, arg in enumerate(args) if known.get(arg, zero) is not zero]
    if not moving or isinstance(part, _Comparison):
        return zero
    if isinstance(part, where):
        return where(args[0], *(known.get(arg, zero) for arg in args[1:]))
    if part.is_Add:
        return sympy.Add(*(slope for _, slope in moving))
    if part.is_Mul:
        return sympy.Add(*[sympy.Mul(*args[:place], slope, *args[place + 1 :]) for place, slope in moving])
    if part.is_Pow:
        base, exponent = args
        inner = known.get(base, zero) * exponent / base
        return part * (known[exponent] * sympy.log(base) + inner if moving[-1][0] == 1 else inner)
    return sympy.Add(*[_by_argument(part, place + 1) * slope for place, slope in moving])


def _by_argument(part: sympy.Function, number: int) -> sympy.Expr:
    try:
        return part.fdiff(number)
    except ArgumentIndexError:
        return sympy.Function.fdiff(part, number)  # no rule: it stays a derivative


def _parts(expression: sympy.Expr) -> Iterator[Any]:
    """The different parts of an expression, arguments first, without recursion."""
    known: set[sympy.Basic] = set()
    waiting = [expression]
    while waiting:
        missing = [arg for arg in waiting[-1].args if arg not in known]
        if missing:
            waiting += missing
            continue
        part = waiting.pop()
        if part not in known:
            known.add(part)
            yield part


# ------------------------------------------------------------------------------------------------- tree to sympy


class _Builder:
    """A tree as a sympy expression; also the vocabulary of the function table, in sympy's terms."""

    def __init__(self, names: Sequence[str]):
        self.vocabulary = _Vocabulary(self)
        self.symbols = {name: sympy.Symbol(name, real=True) for name in names}
        self.opaque: dict[str, Node] = {}
        self.is_lost = False
        """Whether sympy made something of an expression that is no number: its derivative looks like 0."""
        self._opaque_symbols: dict[Node, sympy.Symbol] = {}
        self._prefix = "c"
        while any(name.startswith(self._prefix) and name[len(self._prefix) :].isdigit() for name in names):
            self._prefix += "_"

    def build(self, tree: Node) -> sympy.Expr:
        return self.placed(follow(steps(tree), self._leaf, self._call)[-1])

    def _leaf(self, node: Number | Name) -> Any:
        return self.symbols[node.name] if isinstance(node, Name) else _Constant(node)

    def _call(self, node: Call, args: list[Any]) -> Any:
        row = TABLE[node.name]
        if all(isinstance(arg, _Constant) for arg in args) and not row.condition:
            return _Constant(node)
        if node.name in ("+", "-"):
            right = self.placed(args[1])
            terms = list(args[0].terms) if isinstance(args[0], _Sum) else [self.placed(args[0])]
            terms.append(right if node.name == "+" else -right)
            return _Sum(terms)
        return row.meaning(self.vocabulary, *map(self.placed, args))

    def placed(self, value: Any) -> Any:
        """A constant part as a rational, if it is a small one that every machine holds exactly; else as a symbol."""
        if isinstance(value, _Sum):
            return sympy.Add(*value.terms)
        if not isinstance(value, _Constant):
            return value
        rational = exact_rational(value.node)
        if rational is not None:
            return sympy.Rational(rational.numerator, rational.denominator)
        if value.node not in self._opaque_symbols:
            name = f"{self._prefix}{len(self.opaque)}"
            self.opaque[name] = value.node
            self._opaque_symbols[value.node] = sympy.Symbol(name, real=True)
        return self._opaque_symbols[value.node]

    def displayed(self) -> dict[sympy.Symbol, sympy.Expr]:
        """The opaque constants that people would rather read as numbers."""
        shown = {symbol: _readable(node) for node, symbol in self._opaque_symbols.items()}
        return {symbol: value for symbol, value in shown.items() if value is not None}

    def shown_names(self) -> dict[str, str]:
        return {
            name: unparse(node) if isinstance(node, Number) or not _is_operator(node) else f"({unparse(node)})"
            for name, node in self.opaque.items()
        }

    def shown_latex(self) -> dict[sympy.Symbol, str]:
        names = self.shown_names()
        latex = {symbol: name_latex(name) for name, symbol in self.symbols.items() if name.endswith("]")}
        for node, symbol in self._opaque_symbols.items():
            text = names[symbol.name]
            latex[symbol] = r"\pi" if node == _PI else "e" if node == _E else _latex_constant(text)
        return latex


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
        value: sympy.Expr = TABLE[node.name].meaning(_Vocabulary(), *parts)
        return value
    return None


_PI, _E = Call("pi", ()), Call("e", ())


def _is_operator(node: Node) -> bool:
    return (isinstance(node, Call) and not node.name.isidentifier()) or (isinstance(node, Call) and node.name == "neg")


def _latex_constant(text: str) -> str:
    if all(character.isdigit() or character == "." for character in text):
        return text
    return r"\text{" + text.replace("_", r"\_").replace("*", r"$\cdot$") + "}"


def exact_rational(node: Node) -> Fraction | None:
    """The value of a constant part made of small dyadic literals and + - * /; None otherwise.

    Such literals are exact in every dtype (bfloat16 has 8 bits), so the value is the same for all witnesses.
    """
    return _rational(node, literal=lambda value: abs(value.numerator) <= 256 and value.denominator in (1, 2, 4, 8, 16))


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
        return None

    return fold(node, leaf, call)


class _Real(sympy.Function):
    """A real function of our own, typeset by its name."""

    is_extended_real = True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        name = _PRINTED.get(self.func.__name__, self.func.__name__)
        power = "" if exp is None else f"^{{{exp}}}"
        arguments = ", ".join(printer._print(arg) for arg in self.args)
        return rf"\operatorname{{{name}}}{power}{{\left({arguments} \right)}}"


class _PiecewiseConstant(_Real):
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


class abs_(_Real):
    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sign(self.args[0])

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = rf"\left|{{{printer._print(self.args[0])}}}\right|"
        return body if exp is None else f"{body}^{{{exp}}}"


class max_(_Real):
    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        difference = self.args[0] - self.args[1]
        return heaviside(difference if argindex == 1 else -difference)


class min_(_Real):
    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        difference = self.args[1] - self.args[0]
        return heaviside(difference if argindex == 1 else -difference)


class sigmoid(_Real):
    is_positive = True

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self * (1 - self)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"\sigma{power}{{\left({printer._print(self.args[0])} \right)}}"


class softplus(_Real):
    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sigmoid(self.args[0])


class cbrt(_Real):
    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return 1 / (3 * self**2)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = rf"\sqrt[3]{{{printer._print(self.args[0])}}}"
        return body if exp is None else f"{{{body}}}^{{{exp}}}"


class sinc(_Real):
    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        # No value at 0: a branch for it would need one of its own at every order.
        x = self.args[0]
        return (sympy.cos(x) - self) / x


class lgamma(_Real):
    """log(abs(gamma(x))); sympy's loggamma is complex on the negative axis."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.digamma(self.args[0])


class _Comparison(sympy.Function):
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


class where(_Real):
    @classmethod
    def eval(cls, condition: sympy.Expr, a: sympy.Expr, b: sympy.Expr) -> sympy.Expr | None:
        return a if a == b else None

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        condition, a, b = (printer._print(part) for part in self.args)
        body = rf"\begin{{cases}} {a} & \text{{for}}\: {condition} \\ {b} & \text{{otherwise}} \end{{cases}}"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


def _relation(operator: str) -> Any:
    return lambda *args: _Comparison(sympy.Symbol(operator), *(sympy.sympify(arg) for arg in args))


class _Vocabulary:
    """The vocabulary of the function table in sympy's terms; what is not here is sympy's function of that name."""

    def __init__(self, builder: _Builder | None = None):
        self._builder = builder

    def __getattr__(self, name: str) -> Any:
        return getattr(sympy, name)

    abs, sign, sigmoid, cbrt, sinc, lgamma = abs_, sign, sigmoid, cbrt, sinc, lgamma
    floor, ceil, trunc, round, where = floor, ceil, trunc, round_, where

    def number(self, value: int | str) -> sympy.Expr:
        """A number of a function's own; a decimal is opaque, as if it had been typed."""
        if isinstance(value, int) or self._builder is None:
            return sympy.Rational(value)
        return self._builder.placed(_Constant(Number(value)))

    @staticmethod
    def pi() -> sympy.Expr:
        return sympy.pi

    @staticmethod
    def e() -> sympy.Expr:
        return sympy.E

    @staticmethod
    def divide(a: Any, b: Any) -> sympy.Expr:
        return sympy.sympify(a) / b

    @staticmethod
    def power(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        return a**b

    @staticmethod
    def hypot(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        return sympy.sqrt(a**2 + b**2)

    @staticmethod
    def log1p(a: sympy.Expr) -> sympy.Expr:
        return sympy.log(1 + a)

    @staticmethod
    def expm1(a: sympy.Expr) -> sympy.Expr:
        return sympy.exp(a) - 1

    @staticmethod
    def logaddexp(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        if b == 0:
            return softplus(a)
        return sympy.log(sympy.exp(a) + sympy.exp(b))

    @staticmethod
    def xlogy(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        return a if a == 0 else a * sympy.log(b)

    @staticmethod
    def max(*args: sympy.Expr) -> sympy.Expr:
        best = args[0]
        for other in args[1:]:
            best = best if best == other else max_(best, other)
        return best

    @staticmethod
    def min(*args: sympy.Expr) -> sympy.Expr:
        best = args[0]
        for other in args[1:]:
            best = best if best == other else min_(best, other)
        return best

    @staticmethod
    def heaviside(a: sympy.Expr, at_zero: sympy.Expr) -> sympy.Expr:
        zero = sympy.Integer(0)
        return where(
            _Comparison(sympy.Symbol(">"), a, zero),
            sympy.Integer(1),
            where(_Comparison(sympy.Symbol("<"), a, zero), zero, at_zero),
        )

    lt, le, gt, ge = (staticmethod(_relation(operator)) for operator in ("<", "<=", ">", ">="))
    eq, ne = (staticmethod(_relation(operator)) for operator in ("==", "!="))
    both, either, opposite = (staticmethod(_relation(operator)) for operator in ("and", "or", "not"))


# -------------------------------------------------------------------------------------------------- sympy to text

_PRINTED = {"round_": "round", "abs_": "abs", "max_": "max", "min_": "min", "Abs": "abs", "loggamma": "lgamma"}


_SORTED_TERMS = 300
"""Sums of more terms are shown as they come: sorting them takes sympy longer than everything else."""


class _Order:
    """The order of the terms of sums, the same in text and in LaTeX: to find it takes longer than to print."""

    def __init__(self) -> None:
        self._known: dict[sympy.Expr, Sequence[sympy.Expr]] = {}

    def terms(self, sum_: sympy.Expr) -> Sequence[sympy.Expr]:
        """The terms of a sum as people write them."""
        if sum_ not in self._known:
            self._known[sum_] = sum_.as_ordered_terms() if len(sum_.args) <= _SORTED_TERMS else sum_.args
        return self._known[sum_]


class _Printer(StrPrinter):
    """sympy's own text, in gradcalc's language."""

    def __init__(self, names: Mapping[str, str], order: _Order):
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
        return f"{_PRINTED.get(name, name)}({', '.join(self._print(arg) for arg in expr.args)})"

    _print_Abs = _print_Function

    def _print_Exp1(self, expr: sympy.Expr) -> str:
        return "e"

    def _print__Comparison(self, expr: sympy.Function) -> str:
        operator, *parts = expr.args
        inner = [self._print(part) for part in parts]
        if str(operator) in ("and", "or"):
            return f"({inner[0]}) {operator} ({inner[1]})"
        return f"{inner[0]} {operator} {inner[1]}" if len(inner) == 2 else f"{operator} ({inner[0]})"


class _Latex(LatexPrinter):
    def __init__(self, names: Mapping[sympy.Symbol, str], order: _Order):
        super().__init__({"symbol_names": dict(names)})
        self._terms = order

    def _as_ordered_terms(self, expr: sympy.Expr, order: Any = None) -> list[sympy.Expr]:
        return list(self._terms.terms(expr))


# -------------------------------------------------------------------------------------------------- sympy to tree


def _tree(expression: sympy.Expr) -> Node:
    """A formula as a tree; equal parts are one node.  Raises `CalcError` for what the function table does not have."""
    known: dict[sympy.Basic, Node] = {}
    for part in _parts(expression):
        known[part] = _node(part, [known[arg] for arg in part.args])
    return known[expression]


_ATOMS = {sympy.pi: _PI, sympy.E: _E}


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
    if isinstance(part, _Comparison):
        return Call(part.args[0].name, tuple(args[1:]))
    if part in _ATOMS:
        return _ATOMS[part]
    name = part.func.__name__
    if name == "polygamma" and part.args[0] == 0:
        return applied("digamma", args[1:])
    return applied(_PRINTED.get(name, name), args)


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
