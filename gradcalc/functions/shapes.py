"""The shape of an expression of arrays, in time proportional to its tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradcalc.expression.arrays import Shape
from gradcalc.expression.tree import Call, Name, Node, Number, calls_in, fold
from gradcalc.functions import TABLE
from gradcalc.functions.shape_rules import ShapeRules


def shape_of(tree: Node, shapes: Mapping[str, Shape]) -> Shape:
    """The shape of a tree; a name without a shape is a number.  Raises `CalcError` for shapes that do not fit."""

    def leaf(node: Number | Name) -> Shape:
        return shapes.get(node.name, ()) if isinstance(node, Name) else ()

    if not any(shapes.values()) and not has_shapes(tree):
        return ()  # functions of numbers
    return fold(tree, leaf, shape_of_call)


def has_shapes(tree: Node) -> bool:
    """Whether a tree has functions of arrays."""
    return any(TABLE[call.name].shape is not None for call in calls_in(tree))


def shape_of_call(node: Call, shapes: Sequence[Shape]) -> Shape:
    """The shape of a call of arguments of some shapes.  Raises `CalcError`."""
    rules, rule = ShapeRules(node), TABLE[node.name].shape
    return rules.broadcast(*shapes) if rule is None else rule(rules, *shapes, **option_values(node))


def option_values(node: Call) -> dict[str, int | str]:
    """The options of a call: whole numbers, words, and what is true or false."""
    return {key: word if key == "at" else _option_value(word) for key, word in node.options}


def _option_value(word: str) -> int | str:
    if word in ("True", "False"):
        return word == "True"
    return int(word) if word.lstrip("-").isdigit() else word
