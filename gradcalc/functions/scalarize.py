"""Scalarization: an expression of arrays as scalar expressions of their entries.

Comes in: a tree, and the shapes of its variables.  Goes out: the entries of the result, each a tree of numbers in which
the entries of a variable `x` are called `x[0]`, `x[1]`, and so on.  Entries share their parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from gradcalc.expression.arrays import Array, Entry, entry_names, flat_position
from gradcalc.expression.tree import Call, Name, Node, Number, fold
from gradcalc.functions import TABLE
from gradcalc.functions.entry_builder import MAX_NODES, EntryBuilder, Trees
from gradcalc.functions.shapes import option_values, shape_of_call


def scalarize(tree: Node, values: Mapping[str, Array[Node]]) -> Trees:
    """The entries of an expression.  Only the shapes of `values` are used, and the values of class indices.

    Raises `CalcError` for shapes that do not fit, and for what becomes too large.
    """
    count = 0

    def leaf(node: Number | Name) -> Trees:
        shape = values[node.name].shape if isinstance(node, Name) and node.name in values else ()
        if not shape or isinstance(node, Number):
            return Array.scalar(node)
        return entry_names(node.name, shape).map(lambda name: Name(name, node.span))

    def meaning(node: Name) -> Node | Fraction | float:
        name = node.name
        array = values.get(name.variable if isinstance(name, Entry) else name)
        if array is None:
            return node
        return array.entries[flat_position(name.indices, array.shape) if isinstance(name, Entry) else 0]

    def call(node: Call, args: list[Trees]) -> Trees:
        nonlocal count
        row = TABLE[node.name]
        builder = EntryBuilder(node, row.options, MAX_NODES - count, meaning)
        if row.composition is None:
            result = builder.elementwise(*args)
        else:
            shape_of_call(node, [arg.shape for arg in args])
            result = row.composition(builder, *args, **option_values(node))
        count += builder.count
        return result

    return fold(tree, leaf, call)
