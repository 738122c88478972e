"""Scalarization: an expression of arrays as scalar expressions of their entries.

Comes in: a tree, and the shapes of its variables.  Goes out: the entries of the result, each a tree of numbers in which
the entries of a variable `x` are called `x[0]`, `x[1]`, and so on.  Entries share their parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import Any

from gradcalc.expression.arrays import Array, Entry, entry_names, flat_position
from gradcalc.expression.tree import Call, Name, Node, Number, calls_in, fold, linearize
from gradcalc.functions import TABLE
from gradcalc.functions.entry_builder import MAX_NODES, EntryBuilder, Trees
from gradcalc.functions.losses import CLASS_LOSSES
from gradcalc.functions.shapes import option_values, shape_of, shape_of_call


def scalarize(tree: Node, values: Mapping[str, Array[Node]], limit: int = MAX_NODES) -> Trees:
    """The entries of an expression.  Only the shapes of `values` are used, and the values of class indices.

    Raises `CalcError` for shapes that do not fit, and `TooLong` for entries of more than `limit` parts together.
    """
    if _is_of_numbers(tree, values, limit):
        return Array.scalar(tree)
    count = 0

    def leaf(node: Number | Name) -> Trees:
        shape = values[node.name].shape if isinstance(node, Name) and node.name in values else ()
        if not shape or isinstance(node, Number):
            return Array.scalar(node)
        return entry_names(node.name, shape).map(lambda name: Name(name, node.span))

    def call(node: Call, args: list[Trees]) -> Trees:
        nonlocal count
        row = TABLE[node.name]
        builder = EntryBuilder(node, row.options, limit - count, partial(_meaning, values))
        if row.composition is None:
            result = builder.elementwise(*args)
        else:
            shape_of_call(node, [arg.shape for arg in args])
            result = row.composition(builder, *args, **option_values(node))
        count += builder.count
        return result

    return fold(tree, leaf, call)


def _is_of_numbers(tree: Node, values: Mapping[str, Array[Node]], limit: int) -> bool:
    """Whether a tree of at most `limit` parts is its own entry."""
    if any(array.shape for array in values.values()) or len(linearize(tree).nodes) > limit:
        return False
    calls = ((TABLE[call.name], call) for call in calls_in(tree))
    return all(row.composition is None and not row.options and not call.options for row, call in calls)


def _meaning(values: Mapping[str, Array[Any]], node: Name) -> Node | Fraction | float:
    """The value of an entry; without one the name itself."""
    name = node.name
    array = values.get(name.variable if isinstance(name, Entry) else name)
    if array is None:
        return node
    position = flat_position(name.indices, array.shape) if isinstance(name, Entry) else 0
    value: Node | Fraction | float = array.entries[position]
    return value


def check_classes(tree: Node, values: Mapping[str, Array[Any]]) -> None:
    """Raise `CalcError` for a target of a loss, or an argument of `one_hot`, that names no class; nothing is written out."""
    shapes = {name: array.shape for name, array in values.items()}
    for node in calls_in(tree):
        if node.name in _OF_CLASSES:
            scores, target = (shape_of(arg, shapes) for arg in node.args[:2])
            if target != scores:
                _check_classes(node, node.args[1], scores[-1], values)
        elif node.name == "one_hot":
            _check_classes(node, node.args[0], shape_of(node, shapes)[-1], values)


def _check_classes(node: Call, target: Node, count: int, values: Mapping[str, Array[Any]]) -> None:
    builder = EntryBuilder(node, {}, MAX_NODES, partial(_meaning, values))
    builder.classes(scalarize(target, values), count)


_OF_CLASSES = frozenset(row.name for row in CLASS_LOSSES)
