"""Values: the text of a number or an array to exact constants."""

from __future__ import annotations

import math
import re

from gradcalc.errors import CalcError, Span
from gradcalc.expression.arrays import Array
from gradcalc.expression.tree import Node, names_in
from gradcalc.functions.resolve import understand
from gradcalc.functions.scalarize import scalarize


def value_tree(name: str, text: str) -> Node:
    """The constant expression that a variable is given.  Raises `CalcError` if it is none."""
    if not text.strip():
        raise CalcError(f"{name} is given no value", hint=f"write {name}=3")
    if text.strip().lstrip("+-").lower() in ("nan", "inf", "infinity"):
        raise CalcError(
            f"{text.strip()} is not a point: derivatives are taken at real numbers",
            hint="give a finite number",
            source=text,
            span=Span(0, len(text)),
        )
    if "[" in text:
        raise CalcError(f"{name} is given an array where a number belongs", source=text, span=Span(0, len(text)))
    return _constant(name, text)


def value_cells(name: str, text: str) -> Array[Node]:
    """The number or the array that a variable is given, as constant expressions.  Raises `CalcError` if it is neither."""
    if "[" not in text:
        return Array.scalar(value_tree(name, text))
    try:
        return scalarize(_constant(name, text), {})
    except CalcError as error:
        raise error.within(text) from None


def _constant(name: str, text: str) -> Node:
    tree = understand(text)
    unknown = names_in(tree)
    if unknown:
        raise CalcError(
            f"the value of {name} must be a number, but {unknown[0]} is a variable",
            source=text,
            span=Span(0, len(text)),
            hint="numbers, pi, e and functions of them",
        )
    return tree


_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?(400|[0-3]?[0-9]{1,2}))?")


def nearest_double(text: str) -> float | None:
    """The double nearest to a decimal that `value_tree` reads too; None for anything else, and what doubles do not hold."""
    if len(text) > 60 or not _DECIMAL.fullmatch(text):
        return None
    number = float(text)
    vanished = number == 0 and any(digit in "123456789" for digit in text.lower().partition("e")[0])
    return number if math.isfinite(number) and not vanished else None


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
