"""One formula for all entries of an array, `∂f/∂x[i] = 2*x[i]/n`, from the derivative with indices.

Comes in: an expression whose value is a number, and the shapes of its variables.  Goes out: for each variable its derivative
as a formula of arrays, which gives the values of all entries, and as the formula of an entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import prod
from typing import NamedTuple

from gradcalc.engines.indexed.gradients import Question, derivative
from gradcalc.engines.indexed.index_form import index_form, is_uniform, tree_of
from gradcalc.engines.indexed.known_sizes import letters_for, with_numbers
from gradcalc.engines.indexed.nodes import Unprintable
from gradcalc.engines.symbolic.messages import Formula
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import MIN_ENTRIES, Entry, Shape
from gradcalc.expression.latex import latex
from gradcalc.expression.tree import Call, Name, Node, Number, fold, names_in
from gradcalc.functions.resolve import understand
from gradcalc.inputs.shapes import MOST_DIMENSIONS
from gradcalc.runtime import deadline

_EXACT, _LARGEST = (1, 2, 4, 8, 16), 256
"""Fractions of these denominators, and no larger numerators, are exact in every dtype; bfloat16 has 8 bits."""
_SECONDS = 1.0
"""What the formulas of all variables may take."""


@dataclass(frozen=True, slots=True)
class UniformEntries:
    """The derivative by a variable: the formula of an entry, and `whole`, an expression of arrays and of `constants`.

    The constants have names where a dtype may round them, so that `whole` has the value of the expression that is stored.
    """

    variable: str
    letters: tuple[str, ...]
    general: Formula
    whole: Node
    constants: Mapping[str, Node]

    @property
    def entry(self) -> str:
        """The entry of the variable with letters for its index: `x[i]`; a number is itself."""
        return Entry(self.variable, self.letters) if self.letters else self.variable

    def at(self, index: Shape) -> Formula:
        """The formula at an entry; its tree is that with letters."""
        numbers = dict(zip(self.letters, map(str, index), strict=True))

        def placed(match: re.Match[str]) -> str:
            return match[1] + ",".join(numbers.get(letter, letter) for letter in match[2].split(",")) + match[3]

        text, typeset = (_INDEX.sub(placed, it) for it in (self.general.text, self.general.latex))
        return Formula(text, typeset, self.general.tree)


_INDEX = re.compile(r"(\[|_\{)([a-z](?:,[a-z])*)(\]|\})")
"""Letters for indices, in text and in LaTeX."""


def uniform_entries(tree: Node, shapes: Mapping[str, Shape], wrt: Sequence[str]) -> dict[str, UniformEntries] | None:
    """The derivatives by variables; None where the entries of one are not all made in one way, or there is no formula.

    Small arrays have none: their entries are as easy to read.
    """
    # Of numbers alone the tree, which may be long, is not even walked.
    own = {name: shapes[name] for name in (names_in(tree) if any(shapes.values()) else ()) if name in shapes}
    if not any(prod(shape) >= MIN_ENTRIES for shape in own.values()) or not set(wrt) <= own.keys():
        return None
    if any(len(shape) > MOST_DIMENSIONS or 0 in shape for shape in own.values()):
        return None
    sizes, numbers = letters_for(tree, own, names_in(tree))
    named, constants = _with_named_constants(tree)
    source = _Source(Question(tree, sizes), Question(named, sizes), constants, numbers)
    try:
        with deadline.limit(_SECONDS):
            every = [_of(source, name) for name in wrt]
    except (Unprintable, CalcError, deadline.OutOfTime):
        return None
    return {it.variable: it for it in every if it is not None} if None not in every else None


class _Source(NamedTuple):
    """An expression as it is, and with names for its constants; sizes are letters, which are these `numbers`."""

    question: Question
    named: Question
    constants: Mapping[str, Node]
    numbers: Mapping[str, int]


def _of(source: _Source, by: str) -> UniformEntries | None:
    question, named = source.question, source.named
    known = derivative(question, by)
    if not is_uniform(known):
        return None
    formula = with_numbers((known if named == question else derivative(named, by)).formula(), source.numbers)
    form = index_form(known, {*names_in(question.tree)})
    entry = with_numbers(form.formula, source.numbers)
    tree = tree_of(entry, form)
    whole = understand(formula.text, {*names_in(named.tree)})
    return UniformEntries(by, form.letters, Formula(entry.text, latex(tree), tree), whole, source.constants)


def _with_named_constants(tree: Node) -> tuple[Node, dict[str, Node]]:
    """An expression with names for the constants that not every dtype stores exactly, and what they are."""
    taken, names = {*names_in(tree)}, dict[Node, Name]()
    free = (name for number in count() if (name := f"c{number}") not in taken)

    def named(node: Node) -> Node:
        if node not in names:
            names[node] = Name(next(free))
        return names[node]

    def leaf(node: Number | Name) -> Node:
        is_exact = isinstance(node, Name) or (node.value.denominator in _EXACT and abs(node.value.numerator) <= _LARGEST)
        return node if is_exact else named(node)

    def call(node: Call, args: list[Node]) -> Node:
        return named(node) if not args else Call(node.name, tuple(args), node.span, node.options)

    changed = fold(tree, leaf, call)
    return changed, {name.name: node for node, name in names.items()}
