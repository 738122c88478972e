"""An expression of arrays with an index: what is computed entry by entry, and what all entries make together.

Comes in: a tree, and the shapes of its variables.  Goes out: the tree of the result, in which each reduction is a number
with a name, `mean(x**2)`; and of each reduction its entry, `x[i]**2`, and its weight, the derivative by that entry, `1/n`.
So one derivation, with an index, holds for every entry; and back: the formula at an entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod

from gradcalc.engines.symbolic.messages import Formula, IndexedDerivatives, IndexedForm, Reduction
from gradcalc.expression.arrays import INDEX_LETTERS, MIN_ENTRIES, Entry, Shape
from gradcalc.expression.latex import latex
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, Number, fold, names_in, substitute_names
from gradcalc.functions import TABLE
from gradcalc.functions.resolve import understand

# The derivative of a reduction r of n entries by one of them, e; m is their mean, c the correction of a variance.
_WEIGHTS = {
    "sum": "1",
    "mean": "1/n",
    "logsumexp": "exp(e - r)",
    "norm": "e/r",
    "var": "2*(e - m)/(n - c)",
    "std": "(e - m)/((n - c)*r)",
}
# Functions of a line that give as many entries, in terms of an entry and of reductions of the line.
_LINES = {
    "softmax": ("exp(e - r)", {"r": "logsumexp(x)"}),
    "log_softmax": ("e - r", {"r": "logsumexp(x)"}),
    "layer_norm": ("(e - m)/sqrt(v + eps)", {"m": "mean(x)", "v": "var(x, correction=0)"}),
}


class _NoIndex(Exception):
    """A part whose entries are not all made in one way."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the expression: its entry, its shape, and itself."""

    entry: Node
    shape: Shape
    whole: Node


def indexed(tree: Node, shapes: Mapping[str, Shape]) -> IndexedForm | None:
    """An expression whose value is a number, with an index; None where its entries are not all made in one way."""
    large = {name for name, shape in shapes.items() if prod(shape) >= MIN_ENTRIES}
    # Of numbers alone the tree, which may be long, is not even walked.
    names = names_in(tree) if large else []
    if large.isdisjoint(names):
        return None
    shapes = {name: shapes[name] for name in names if name in shapes}
    # Not the letters of `i`, nor of `a_i`, whose index they would look like.
    letters = [letter for letter in INDEX_LETTERS if not any(name.endswith(letter) for name in names)]
    reader = _Reader(shapes, letters)
    try:
        result = fold(tree, reader.leaf, reader.call)
    except _NoIndex:
        return None
    if result.shape or not reader.reductions:
        return None
    return IndexedForm(result.entry, tuple(reader.reductions.values()), reader.reduction_trees, tuple(letters))


class _Reader:
    def __init__(self, shapes: Mapping[str, Shape], letters: Sequence[str]):
        self.shapes, self.letters = shapes, letters
        self.reductions: dict[str, Reduction] = {}
        self.reduction_trees: dict[str, Node] = {}

    def leaf(self, node: Number | Name) -> _Part:
        shape = self.shapes.get(node.name, ()) if isinstance(node, Name) else ()
        if not shape or isinstance(node, Number):
            return _Part(node, (), node)
        if len(shape) > len(self.letters):
            raise _NoIndex
        return _Part(Name(Entry(node.name, self.letters[: len(shape)])), shape, node)

    def call(self, node: Call, parts: list[_Part]) -> _Part:
        whole = Call(node.name, tuple(part.whole for part in parts), node.span, node.options)
        how = dict(node.options)
        if node.name in ("dot", "@") and all(len(part.shape) == 1 for part in parts):
            product = self.each("*", parts, Call("*", tuple(part.whole for part in parts)))
            return self.reduction("sum", product, Call("dot", tuple(part.whole for part in parts)))
        if "keepdim" in how or ("dim" in how and len(parts[0].shape) != 1):
            raise _NoIndex
        if node.name in _WEIGHTS and how.get("p", "2") == "2":
            return self.reduction(node.name, parts[0], whole, how.get("correction", "1"))
        if node.name in _LINES and len(parts[0].shape) == 1:
            return self.line(parts, whole)
        is_of_one = node.name in ("max", "min") and len(parts) == 1
        if TABLE[node.name].elementwise and not is_of_one:
            result = self.each(node.name, parts, whole)
            kind = how.get("reduction", "mean") if "reduction" in TABLE[node.name].options else "none"
            return result if kind == "none" else self.reduction(kind, result, whole)
        raise _NoIndex

    def each(self, name: str, parts: Sequence[_Part], whole: Node) -> _Part:
        """A function of numbers, entry by entry: of numbers, and of arrays of one shape."""
        shapes = {part.shape for part in parts if part.shape}
        if len(shapes) > 1:
            raise _NoIndex
        return _Part(Call(name, tuple(part.entry for part in parts)), shapes.pop() if shapes else (), whole)

    def reduction(self, kind: str, part: _Part, whole: Node, correction: str = "1") -> _Part:
        """What all entries make together, as a number with a name."""
        if not part.shape:
            if kind not in ("sum", "mean"):
                raise _NoIndex
            return _Part(part.entry, (), whole)
        if kind not in _WEIGHTS:
            raise _NoIndex
        name = Name(unparse(whole))
        if name.name not in self.reductions:
            count = prod(part.shape)
            parts_of_template = {"e": part.entry, "r": name, "n": Number(str(count)), "c": Number(correction)}
            if kind in ("var", "std"):
                parts_of_template["m"] = self.reduction("mean", part, Call("mean", (part.whole,))).entry
            weight = _instance(_WEIGHTS[kind], parts_of_template)
            self.reductions[name.name] = Reduction(name.name, latex(whole), part.entry, weight, count)
            self.reduction_trees[name.name] = whole
        return _Part(name, (), whole)

    def line(self, parts: Sequence[_Part], whole: Call) -> _Part:
        """A function of a line, by the entry and by what it needs of all entries."""
        text, needs = _LINES[whole.name]
        first, *rest = parts
        meanings = {"e": first.entry}
        if rest:
            meanings["eps"] = rest[0].entry
        for letter, reduction in needs.items():
            tree = _instance(reduction, {"x": first.whole})
            assert isinstance(tree, Call)
            meanings[letter] = self.reduction(tree.name, first, tree, dict(tree.options).get("correction", "1")).entry
        return _Part(_instance(text, meanings), first.shape, whole)


@cache
def _template(text: str) -> Node:
    return understand(text, "ermncvx")


def _instance(text: str, values: Mapping[str, Node]) -> Node:
    """The tree of a text, with trees in the place of its names."""
    return substitute_names(_template(text), lambda name: values.get(name))


class IndexedFormulas:
    """The formulas of partials, a variable and an index each, from those with letters.

    `parts` are the reductions and other parts that the formulas have names for, as expressions of arrays.
    """

    def __init__(self, indexed: IndexedDerivatives, form: IndexedForm):
        self._indexed, self._form = indexed, form
        self.parts = {name: _whole(tree) for name, tree in indexed.constants.items()} | dict(form.reduction_trees)
        for name, summand in indexed.sums.items():
            self.parts[name] = Call("sum", (_whole(summand, self.parts),))

    def general(self, variable: str, dimensions: int) -> tuple[str, Formula]:
        """The entry of a variable with letters for its index, and the formula by it."""
        entry = self._form.entry(variable, dimensions)
        return entry, self._indexed.formulas[entry]

    def at(self, variable: str, index: Shape) -> Formula:
        """The formula by an entry."""
        _, formula = self.general(variable, len(index))
        return _at(formula, index, self._form.letters)

    def whole(self, variable: str, dimensions: int) -> Node | None:
        """The formula by all entries of a variable, as an expression of arrays and of the parts."""
        tree = self.general(variable, dimensions)[1].tree
        return None if tree is None else _whole(tree)


def _whole(tree: Node, parts: Mapping[str, Node] | None = None) -> Node:
    """A tree of entries with letters as one of whole arrays, with parts in the place of their names."""

    def array(name: str) -> Node | None:
        return (parts or {}).get(name) or (Name(name.variable) if isinstance(name, Entry) else None)

    return substitute_names(tree, array)


def _at(formula: Formula, index: Shape, letters: Sequence[str]) -> Formula:
    """A formula with numbers for the letters of its index."""
    if not index:
        return formula
    general = tuple(letters[: len(index)])
    letter, number = ",".join(general), ",".join(map(str, index))

    def entry(name: str) -> Node | None:
        return Name(Entry(name.variable, index)) if isinstance(name, Entry) and name.indices == general else None

    return Formula(
        formula.text.replace(f"[{letter}]", f"[{number}]"),
        formula.latex.replace(f"_{{{letter}}}", f"_{{{number}}}"),
        None if formula.tree is None else substitute_names(formula.tree, entry),
        formula.unusable,
    )
