"""Values: the text of a number or an array to exact constants."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gradcalc.errors import CalcError, Span
from gradcalc.expression.arrays import Array, Shape
from gradcalc.expression.tree import Call, Name, Node, Number, names_in
from gradcalc.functions.resolve import understand
from gradcalc.functions.scalarize import scalarize
from gradcalc.inputs.array_text import ArrayText


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a variable: its text, its entries, and the constant expression that was read from the text, if it was."""

    text: str
    entries: Array[Node]
    expression: Node | None = None

    @classmethod
    def number(cls, text: str, tree: Node) -> Value:
        """A number, which has one entry."""
        return cls(text, Array.scalar(tree), tree)

    @property
    def shape(self) -> Shape:
        """The shape, () of a number."""
        return self.entries.shape

    @property
    def tree(self) -> Node:
        """The value as a constant expression: a list of an array that was not typed."""
        return self.expression or _list(self.entries)


def _list(entries: Array[Node]) -> Node:
    """A list expression with these entries."""
    rows = list(entries.entries)
    for length in reversed(entries.shape):
        rows = [Call("[", tuple(rows[start : start + length])) for start in range(0, len(rows), length)]
    return rows[0]


@dataclass(frozen=True, slots=True)
class Point:
    """The values of variables, by their names; empty where formulas are asked for and no numbers."""

    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def texts(self) -> dict[str, str]:
        """The values as they were typed."""
        return {name: value.text for name, value in self.values.items()}

    @property
    def trees(self) -> dict[str, Node]:
        """The values as constant expressions; of an array that was not typed a word."""
        return {name: Name("array") if value.expression is None else value.tree for name, value in self.values.items()}

    def numbers(self) -> dict[str, Node]:
        """The values as constant expressions.  Raises `CalcError` if one is an array."""
        for name, value in self.values.items():
            _refuse_array(name, value.text)
        return self.trees

    @property
    def entries(self) -> dict[str, Array[Node]]:
        """The entries of the values, as constant expressions."""
        return {name: value.entries for name, value in self.values.items()}

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shapes of the values."""
        return {name: value.shape for name, value in self.values.items()}


def read_point(texts: Mapping[str, str]) -> Point:
    """The point that the text of each variable's value gives.  Raises `CalcError` for any other text."""
    return Point({name: read_value(name, text) for name, text in texts.items()})


_NUMBER = r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?"
_NOT_A_LIST = re.compile(rf"\( *{_NUMBER} *(?:, *{_NUMBER} *)+\)|\[ *{_NUMBER}(?: +{_NUMBER})+ *\]")
"""Lists as Python's tuples and as NumPy prints them."""
_SHORT = 200
_PLAIN = re.compile(r"-?((?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,30})?)")


def read_value(name: str, text: str) -> Value:
    """The number or the array that a variable is given.  Raises `CalcError` if it is neither."""
    if isinstance(text, ArrayText):
        return Value(text, text.entries)
    if len(text) <= _SHORT and _NOT_A_LIST.fullmatch(text.strip()):
        entries = ",".join(text.strip(" ()[]").replace(",", " ").split())
        raise CalcError(f"{text.strip()} is not a list", hint=f'write "{name}=[{entries}]"')
    if "[" not in text:
        return Value.number(text, value_tree(name, text))
    tree = _constant(name, text)
    try:
        return Value(text, scalarize(tree, {}), tree)
    except CalcError as error:
        raise error.within(text) from None


def value_tree(name: str, text: str) -> Node:
    """The constant expression of a number that a variable is given.  Raises `CalcError` if it is none."""
    if not text.strip():
        raise CalcError(f"missing value for {name}", hint=f"write {name}=3")
    if text.strip().lstrip("+-").lower() in ("nan", "inf", "infinity"):
        raise CalcError(
            f"{text.strip()} is not supported: values must be finite",
            hint="give a finite number",
            source=text,
            span=Span(0, len(text)),
        )
    _refuse_array(name, text)
    return _constant(name, text)


def _refuse_array(name: str, text: str) -> None:
    if "[" in text:
        raise CalcError(f"{name} must be a number, not an array", source=text, span=Span(0, len(text)))


def _plain_decimal(text: str) -> Node | None:
    """The tree of a plain decimal, as the grammar reads it; None for any other text.  Most values are one."""
    match = _PLAIN.fullmatch(text)
    if match is None:
        return None
    number = Number(match[1], Span(match.start(1), len(text)))
    return Call("neg", (number,), Span(0, len(text))) if match.start(1) else number


def _constant(name: str, text: str) -> Node:
    tree = _plain_decimal(text)
    if tree is not None:
        return tree
    tree = understand(text)
    unknown = names_in(tree)
    if unknown:
        raise CalcError(
            f"the value of {name} must be a number, but {unknown[0]} is a variable",
            source=text,
            span=Span(0, len(text)),
            hint="use numbers, pi, e and functions of them",
        )
    return tree


_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?(400|[0-3]?[0-9]{1,2}))?")


def nearest_double(text: str) -> float | None:
    """The double nearest to a decimal that `value_tree` reads too; None for anything else, and what doubles do not hold."""
    if len(text) > 60 or not _DECIMAL.fullmatch(text):
        return None
    number = float(text)
    is_underflow = number == 0 and any(digit in "123456789" for digit in text.lower().partition("e")[0])
    return number if math.isfinite(number) and not is_underflow else None


def unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object: of two values for one key JSON takes the last; here one of them must be a mistake."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise CalcError(f"{next(name for name in names if names.count(name) > 1)} is given twice")
    return values


def json_value(name: str, value: object, depth: int = 0) -> str:
    """The text of a value in a batch line: a JSON number (already as its decimal text) or a string."""
    if depth > 16:
        raise CalcError(f"the value of {name} is nested too deeply")
    if isinstance(value, list):
        for part in value:
            if isinstance(part, str) and nearest_double(part) is None:
                if "," in part:
                    raise CalcError(f"an entry of {name} must be one value, not {part[:40]}")
                value_tree(name, part)
        return f"[{', '.join(json_value(name, part, depth + 1) for part in value)}]"
    if isinstance(value, bool) or value is None or isinstance(value, dict):
        kinds = {dict: "an object", bool: str(value).lower(), type(None): "null"}
        raise CalcError(f"the value of {name} must be a number, a string or a list, not {kinds[type(value)]}")
    return str(value)
