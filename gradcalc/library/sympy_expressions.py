"""SymPy expressions as text of gradcalc's language, read through their tree.

Comes in: an expression of the caller's SymPy.  Goes out: text, and the names of its symbols.  SymPy is not imported here:
the expression brings its classes along.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from typing import Any

from gradcalc.errors import CalcError
from gradcalc.expression.characters import is_name
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, Number
from gradcalc.functions.resolve import apply_function

_CONSTANTS = {"Pi": Call("pi", ()), "Exp1": Call("e", ())}
_NAMES = {
    "Abs": "abs", "Min": "min", "Max": "max", "ceiling": "ceil", "loggamma": "lgamma", "Heaviside": "heaviside",
    "Mod": "remainder",
}  # fmt: skip
"""SymPy's functions that have another name here."""
_RELATIONS = {
    "StrictLessThan": "<", "LessThan": "<=", "StrictGreaterThan": ">", "GreaterThan": ">=", "Equality": "==",
    "Unequality": "!=",
}  # fmt: skip

_JOINTS = {"Add": "+", "Mul": "*", "And": "and", "Or": "or"}
_OF_PIECEWISE = ("ExprCondPair", "BooleanTrue", "BooleanFalse")
"""Parts that are read with the Piecewise they belong to."""
_UNEVALUATED = ("Derivative", "Integral", "Sum", "Product", "Limit", "Subs")


def is_sympy(value: object) -> bool:
    """Whether a value is an object of SymPy's."""
    return any(kind.__module__.partition(".")[0] == "sympy" for kind in type(value).__mro__)


def text_of(expression: Any) -> tuple[str, tuple[str, ...]]:
    """The text of an expression, and its symbols in alphabetic order.  Raises `CalcError` for what the language lacks."""
    if not hasattr(expression, "args") or not hasattr(expression, "func"):
        raise CalcError(f"a SymPy {type(expression).__name__} is not an expression")
    for part in _parts(expression):
        if part.func.__name__ in _UNEVALUATED:
            raise CalcError(f"a SymPy {part.func.__name__} is not read", hint="evaluate it first: .doit()")
    return unparse(_tree(expression)), tuple(sorted(str(symbol.name) for symbol in expression.free_symbols))


def _tree(expression: Any) -> Node:
    nodes: dict[Any, Node] = {}
    for part in _parts(expression):
        nodes[part] = _node(part, [nodes[arg] for arg in part.args])
    return nodes[expression]


def _parts(expression: Any) -> Iterator[Any]:
    """The different parts of an expression, arguments first, without recursion."""
    visits: set[Any] = set()
    waiting = [expression]
    while waiting:
        part = waiting[-1]
        missing = [arg for arg in part.args if arg not in visits]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        if part not in visits:
            visits.add(part)
            yield part


def _node(part: Any, args: list[Node]) -> Node:
    kind = part.func.__name__
    if getattr(part, "is_Symbol", False):
        if not is_name(part.name):
            raise CalcError(f"the symbol {part.name!r} is not the name of a variable")
        return Name(part.name)
    if getattr(part, "is_Rational", False):
        return _ratio(Fraction(int(part.p), int(part.q)))
    if getattr(part, "is_Float", False):
        return _float(part)
    if kind in _CONSTANTS:
        return _CONSTANTS[kind]
    if kind == "Mul" and part.args[0] == -1:
        return Call("neg", (_joined("*", args[1:]),))
    if kind in _JOINTS:
        return _joined(_JOINTS[kind], args)
    if kind == "Pow":
        return _power(part.exp, *args)
    if kind in _RELATIONS:
        return Call(_RELATIONS[kind], tuple(args))
    if kind == "Piecewise":
        return _piecewise(part)
    if kind in _OF_PIECEWISE:
        return Number("0")
    return _function(kind, args)


def _joined(operator: str, args: list[Node]) -> Node:
    def pair(left: Node, right: Node) -> Node:
        if operator == "+" and isinstance(right, Call) and right.name == "neg":
            return Call("-", (left, *right.args))
        return Call(operator, (left, right))

    return reduce(pair, args)


def _function(kind: str, args: list[Node]) -> Node:
    try:
        if not args:
            raise CalcError(kind)
        return apply_function(_NAMES.get(kind, kind), args)
    except CalcError as error:
        raise CalcError(f"SymPy's {kind} has no counterpart in gradcalc's language", hint=error.hint) from None


def _ratio(value: Fraction) -> Node:
    number: Node = Number(str(abs(value.numerator)))
    if value.denominator != 1:
        number = Call("/", (number, Number(str(value.denominator))))
    return Call("neg", (number,)) if value < 0 else number


def _float(part: Any) -> Node:
    """A float as its shortest decimal text, as Python's floats are read."""
    number = float(part)
    if number != number or number in (float("inf"), float("-inf")):
        raise CalcError(f"{part} is not supported: values must be finite")
    literal = Number(repr(abs(number)))
    return Call("neg", (literal,)) if number < 0 else literal


def _power(exponent: Any, base: Node, power: Node) -> Node:
    if exponent == -1:
        return Call("/", (Number("1"), base))
    if exponent == Fraction(1, 2):
        return Call("sqrt", (base,))
    return Call("**", (base, power))


def _piecewise(part: Any) -> Node:
    """Cases as nested `where`.  Raises `CalcError` without a case for everything else."""
    *cases, (last, condition) = part.args
    if condition != True:  # noqa: E712  SymPy's own truth
        raise CalcError("a Piecewise needs a last case with the condition True")
    result = _tree(last)
    for value, condition in reversed(cases):
        result = Call("where", (_tree(condition), _tree(value), result))
    return result
