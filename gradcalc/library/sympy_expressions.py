"""SymPy expressions as text of gradcalc's language, read through their tree.

Comes in: an expression of the caller's SymPy.  Goes out: text, and the names of its symbols.  SymPy is not imported here:
the expression brings its classes along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

from gradcalc.errors import CalcError
from gradcalc.expression.characters import is_name
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import MAX_CHARACTERS, MAX_NUMBER_CHARACTERS, Call, Name, Node, Number, fold
from gradcalc.functions.resolve import apply_function

_CONSTANTS = {
    "Pi": ("pi", Call("acos", (Call("neg", (Number("1"),)),))),
    "Exp1": ("e", Call("exp", (Number("1"),))),
}
"""The names of constants, and what they are written as where a symbol has that name."""
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
    return any(str(kind.__module__).partition(".")[0] == "sympy" for kind in type(value).__mro__)


def text_of(expression: Any) -> tuple[str, tuple[str, ...]]:
    """The text of an expression, and its symbols in alphabetic order.  Raises `CalcError` for what the language lacks."""
    if isinstance(expression, type) or not hasattr(expression, "args") or not hasattr(expression, "func"):
        raise CalcError(f"a SymPy {type(expression).__name__} is not an expression")
    if expression.func.__name__ in _OF_PIECEWISE:
        raise CalcError(f"a SymPy {expression.func.__name__} is not an expression")
    parts = list(_parts(expression))
    for part in parts:
        if part.func.__name__ in _UNEVALUATED:
            raise CalcError(f"a SymPy {part.func.__name__} is not read", hint="evaluate it first: .doit()")
    # Not `free_symbols`, which takes as long as the expression is when it is written out.
    symbols = tuple(sorted({str(part.name) for part in parts if getattr(part, "is_Symbol", False)}))
    tree = _tree(expression, symbols)
    # Parts that are used several times are written several times.
    size = fold(tree, lambda _: 1, lambda _, sizes: 1 + sum(sizes))
    if size > MAX_CHARACTERS:
        raise CalcError(f"the expression is too long: written out it has more than {MAX_CHARACTERS} characters")
    return unparse(tree), symbols


def _tree(expression: Any, symbols: Sequence[str]) -> Node:
    nodes: dict[Any, Node] = {}
    for part in _parts(expression):
        kind = part.func.__name__
        if kind in _CONSTANTS:
            name, otherwise = _CONSTANTS[kind]
            nodes[part] = otherwise if name in symbols else Call(name, ())
        elif kind == "Piecewise":
            nodes[part] = _piecewise([(nodes[value], nodes[condition], condition) for value, condition in part.args])
        elif kind in _OF_PIECEWISE:
            nodes[part] = Number("0")  # unused
        else:
            nodes[part] = _node(part, kind, [nodes[arg] for arg in part.args])
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


def _node(part: Any, kind: str, args: list[Node]) -> Node:
    if getattr(part, "is_Symbol", False):
        if not is_name(part.name):
            raise CalcError(f"the symbol {part.name!r} is not the name of a variable")
        return Name(part.name)
    if getattr(part, "is_Rational", False):
        return _ratio(Fraction(int(part.p), int(part.q)))
    if getattr(part, "is_Float", False):
        return _float(part)
    if kind == "Mul" and part.args[0] == -1:
        return Call("neg", (_joined("*", args[1:]),))
    if kind in _JOINTS:
        return _joined(_JOINTS[kind], args)
    if kind == "Pow":
        return _power(part.exp, *args)
    if kind in _RELATIONS:
        return Call(_RELATIONS[kind], tuple(args))
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
    if max(abs(value.numerator), value.denominator) >= 10**MAX_NUMBER_CHARACTERS:
        raise CalcError(f"a number has at most {MAX_NUMBER_CHARACTERS} digits")
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


def _piecewise(cases: Sequence[tuple[Node, Node, Any]]) -> Node:
    """Cases, each with its condition, also SymPy's, as nested `where`.  Raises `CalcError` without one for all else."""
    *others, (result, _, condition) = cases
    if condition != True:  # noqa: E712  SymPy's own truth
        raise CalcError("a Piecewise needs a last case with the condition True")
    for value, condition, _ in reversed(others):
        result = Call("where", (condition, value, result))
    return result
