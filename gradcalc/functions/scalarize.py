"""Scalarization: an expression of arrays as scalar expressions of their entries.

Comes in: a tree, and the shapes of its variables.  Goes out: the entries of the result, each a tree of numbers in which
the entries of a variable `x` are called `x[0]`, `x[1]`, and so on.  Entries share their parts.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradcalc.expression.arrays import Array, entry_names, named_entries
from gradcalc.expression.tree import Call, Name, Node, Number, fold
from gradcalc.functions import TABLE
from gradcalc.functions.entry_builder import MAX_NODES, EntryBuilder, Trees


def scalarize(tree: Node, values: Mapping[str, Array[Node]]) -> Trees:
    """The entries of an expression.  Only the shapes of `values` are used, and the values of class indices.

    Raises `CalcError` for shapes that do not fit, and for what becomes too large.
    """
    count = 0
    meanings = {name: value for array, entries in values.items() for name, value in named_entries(array, entries)}

    def leaf(node: Number | Name) -> Trees:
        shape = values[node.name].shape if isinstance(node, Name) and node.name in values else ()
        if not shape or isinstance(node, Number):
            return Array.scalar(node)
        return entry_names(node.name, shape).map(lambda name: Name(name, node.span))

    def call(node: Call, args: list[Trees]) -> Trees:
        nonlocal count
        row = TABLE[node.name]
        builder = EntryBuilder(node, row.options, MAX_NODES - count, meanings)
        if row.scalarized is None:
            result = builder.elementwise(*args)
        else:
            result = row.scalarized(builder, *args, **option_values(node))
        count += builder.count
        return result

    return fold(tree, leaf, call)


def option_values(node: Call) -> dict[str, int | str]:
    """The options of a call: whole numbers and words."""
    return {key: word if key == "at" or not word.lstrip("-").isdigit() else int(word) for key, word in node.options}
