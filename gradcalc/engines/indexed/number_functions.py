"""Functions of numbers of entries: those that are sums, products and powers, and what others are short for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache

from gradcalc.engines.indexed.algebra import Algebra
from gradcalc.engines.indexed.nodes import ONE, ZERO, Indexed, Kind, Unprintable, number
from gradcalc.expression.tree import Call, Name, Node, Number
from gradcalc.functions.rules import CASES, DEFINITIONS, FUNCTIONS
from gradcalc.grammar import parse


def of_numbers(algebra: Algebra, name: str, args: Sequence[Indexed]) -> Indexed:
    """A function of numbers of entries."""
    rule = _OF_NUMBERS.get(name)
    result = None if rule is None else rule(algebra, list(args))
    if result is None and (name, len(args)) in _definitions():
        letters, tree = _definitions()[name, len(args)]
        result = _read(algebra, tree, dict(zip(letters, args, strict=True)))
    return algebra.function(name, args) if result is None else result


def slope(algebra: Algebra, node: Indexed, place: int) -> Indexed:
    """The derivative of a function of numbers by one argument, from the table of rules."""
    if node.name == "heaviside":
        return ZERO
    if node.name == "**":
        return _slope_of_power(algebra, node, place)
    if node.name == "where":
        rest = [ONE if each == place else ZERO for each in (1, 2)]
        return ZERO if place == 0 else algebra.function("where", [node.parts[0], *rest])
    rule = _rules().get((node.name, len(node.parts)))
    if rule is None:
        raise Unprintable(f"no rule for {node.name}")
    values = dict(zip(rule[0], node.parts, strict=True))
    changes = {f"d{name}": number(int(each == place)) for each, name in enumerate(rule[0])}
    return _read(algebra, rule[1], values | changes)


def _slope_of_power(algebra: Algebra, node: Indexed, place: int) -> Indexed:
    base, exponent = node.parts
    if place == 1:
        return algebra.multiply(1, [node, of_numbers(algebra, "log", [base])])
    return algebra.multiply(1, [exponent, of_numbers(algebra, "**", [base, algebra.subtract(exponent, ONE)])])


def _read(algebra: Algebra, node: Node, values: Mapping[str, Indexed]) -> Indexed:
    """A rule with values for its letters; a name that is none of them is a constant, such as pi."""
    if isinstance(node, Number):
        return number(node.value)
    if isinstance(node, Name):
        return values.get(node.name) or algebra.function(node.name, [])
    return of_numbers(algebra, node.name, [_read(algebra, arg, values) for arg in node.args])


_Rules = Mapping[tuple[str, int], tuple[Sequence[str], Node]]
"""By the name of a function and the number of its arguments: letters for these, and an expression."""


def _rules_of(table: Mapping[str, str]) -> _Rules:
    rules = {}
    for head, text in table.items():
        call = parse(head)
        if isinstance(call, Call):
            letters = [arg.name for arg in call.args if isinstance(arg, Name)]
            rules[call.name, len(call.args)] = letters, parse(text)
    return rules


@cache
def _rules() -> _Rules:
    return _rules_of({**CASES, **FUNCTIONS})


@cache
def _definitions() -> _Rules:
    return _rules_of(DEFINITIONS)


def _quotient(algebra: Algebra, a: Indexed, b: Indexed) -> Indexed:
    return algebra.multiply(1, [a, algebra.power(b, -1)])


def _raised(algebra: Algebra, args: Sequence[Indexed]) -> Indexed | None:
    return algebra.power(args[0], args[1].coefficient) if args[1].is_number else None


def _logarithm(algebra: Algebra, args: Sequence[Indexed]) -> Indexed | None:
    (x,) = args if len(args) == 1 else (ZERO,)
    is_odd = x.coefficient.numerator % 2 == 1  # log(det(X)**2) is not 2*log(det(X)) where that is negative
    if x.kind is Kind.POWER and x.parts[0].kind is Kind.BLOCK and is_odd:
        return algebra.multiply(x.coefficient, [of_numbers(algebra, "log", x.parts)])
    if x.is_block("det"):
        return algebra.block("logdet", x.parts[0], x.bound, [])
    if x.is_block("softmax"):
        return algebra.block("log_softmax", x.parts[0], x.bound, x.indices)
    return None


def _chosen(algebra: Algebra, args: Sequence[Indexed]) -> Indexed | None:
    condition, *rest = args
    if rest == [ONE, ZERO] and condition.is_function(">") and condition.parts[1] == ZERO:
        return algebra.function("heaviside", condition.parts[:1])
    return None


def _nested(name: str) -> Callable[[Algebra, list[Indexed]], Indexed | None]:
    """max and min of more than two."""

    def call(algebra: Algebra, args: list[Indexed]) -> Indexed | None:
        if len(args) < 3:
            return None
        return algebra.function(name, [args[0], of_numbers(algebra, name, args[1:])])

    return call


_HALF = number(Fraction(1, 2))
"""What `heaviside` is at 0, if nothing is said."""
_OF_NUMBERS: Mapping[str, Callable[[Algebra, list[Indexed]], Indexed | None]] = {
    "+": lambda algebra, args: algebra.add(args),
    "-": lambda algebra, args: algebra.subtract(*args),
    "neg": lambda algebra, args: algebra.multiply(-1, args),
    "*": lambda algebra, args: algebra.multiply(1, args),
    "/": lambda algebra, args: _quotient(algebra, *args),
    "**": _raised,
    "square": lambda algebra, args: algebra.power(args[0], 2),
    "sqrt": lambda algebra, args: algebra.power(args[0], Fraction(1, 2)),
    "rsqrt": lambda algebra, args: algebra.power(args[0], Fraction(-1, 2)),
    "reciprocal": lambda algebra, args: algebra.power(args[0], -1),
    "log": _logarithm,
    "max": _nested("max"),
    "min": _nested("min"),
    "where": _chosen,
    "heaviside": lambda algebra, args: algebra.function("heaviside", args[:1] if args[1:] in ([], [_HALF]) else args),
}
LOSSES: Mapping[str, Callable[..., Indexed]] = {
    "gaussian_nll_loss": lambda algebra, x, y, v: algebra.multiply(
        Fraction(1, 2),
        [algebra.add([of_numbers(algebra, "log", [v]), _quotient(algebra, algebra.power(algebra.subtract(x, y), 2), v)])],
    ),
    "mse_loss": lambda algebra, x, y: algebra.power(algebra.subtract(x, y), 2),
    "l1_loss": lambda algebra, x, y: algebra.function("abs", [algebra.subtract(x, y)]),
    "poisson_nll_loss": lambda algebra, x, y: algebra.subtract(algebra.function("exp", [x]), algebra.multiply(1, [x, y])),
    "hinge_loss": lambda algebra, x, y: algebra.function("relu", [algebra.subtract(ONE, algebra.multiply(1, [x, y]))]),
    "soft_margin_loss": lambda algebra, x, y: algebra.function("softplus", [algebra.multiply(-1, [x, y]), ONE, number(20)]),
}
"""Losses as what they are short for."""
